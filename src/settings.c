/*
 * settings.c - TLS settings: from our plain struct to libtls's.
 */
#include "settings.h"

#include <sys/stat.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>

#include "der.h"
#include "pem.h"
#include "scratch.h"
#include "trust.h"

/*
 * AEAD ciphers with forward secrecy: the list means the same to LibreSSL and
 * to LibreTLS, whose own keywords do not.
 */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"
/* OpenSSL speaks TLS 1.0 and 1.1 at security level 0 only. */
#define OLD_CIPHERS "ALL:!aNULL:!eNULL:@SECLEVEL=0"

/*
 * Some headers keep the old names with the value of TLS 1.2 or without an
 * effect: where the mask of all protocols lacks them, they are gone.
 */
#if (TLS_PROTOCOLS_ALL & TLS_PROTOCOL_TLSv1_0) && \
    TLS_PROTOCOL_TLSv1_0 != TLS_PROTOCOL_TLSv1_2
#define OLD_PROTOCOLS (SK_TLS_1_0 | SK_TLS_1_1)
#else
#define OLD_PROTOCOLS 0
#endif

unsigned
sk_conf_protocols(void)
{
	return SK_TLS_1_2 | SK_TLS_1_3 | OLD_PROTOCOLS;
}

static int
refused(struct tls_config *c, const char *name, struct sk_err *err)
{
	const char *text = tls_config_error(c);
	const char *end;

	if (text == NULL)
		text = "refused by libtls";
	/* What follows is numbers, and an errno that means nothing. */
	end = strstr(text, ": error:");
	return sk_fail(err, SK_TLS, "%s: %.*s", name,
	    (int)(end != NULL ? end - text : (ptrdiff_t)strlen(text)), text);
}

static uint32_t
protocol_mask(unsigned protocols)
{
	uint32_t mask = 0;

	if (protocols == 0)
		protocols = SK_TLS_1_2 | SK_TLS_1_3;
	if (protocols & SK_TLS_1_0)
		mask |= TLS_PROTOCOL_TLSv1_0;
	if (protocols & SK_TLS_1_1)
		mask |= TLS_PROTOCOL_TLSv1_1;
	if (protocols & SK_TLS_1_2)
		mask |= TLS_PROTOCOL_TLSv1_2;
	if (protocols & SK_TLS_1_3)
		mask |= TLS_PROTOCOL_TLSv1_3;
	return mask;
}

static int
set_common(struct tls_config *c, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	const char *ciphers = s->ciphers;
	unsigned old = SK_TLS_1_0 | SK_TLS_1_1;

	if (s->protocols & old & ~sk_conf_protocols())
		return sk_fail(err, SK_REMOVED, "protocols: the linked libtls "
		    "no longer speaks tls 1.0 and 1.1");
	if (ciphers == NULL)
		ciphers = s->protocols & old ? OLD_CIPHERS : CIPHERS;
	if (tls_config_set_protocols(c, protocol_mask(s->protocols)) != 0)
		return refused(c, "protocols", err);
	if (tls_config_set_ciphers(c, ciphers) != 0)
		return refused(c, "ciphers", err);
	if (s->curves != NULL && tls_config_set_ecdhecurves(c, s->curves) != 0)
		return refused(c, "curves", err);
	if (s->alpn != NULL && tls_config_set_alpn(c, s->alpn) != 0)
		return refused(c, "alpn", err);
	return 0;
}

/*
 * libtls looks at such text when a connection begins, and tells nothing of
 * what is wrong then. So every block is looked at here.
 */
static int
check_blocks(const struct sk_pem *pem, const char *label, const char *option,
    struct sk_err *err)
{
	struct sk_span rest = { pem->p, pem->n };
	struct sk_pem block;
	struct sk_der der, value;
	char first[64];
	size_t i;
	int r;

	(void)snprintf(first, sizeof(first), "-----BEGIN %s-----", label);
	for (i = 1; memmem(rest.p, rest.n, first, strlen(first)) != NULL; i++) {
		memset(&block, 0, sizeof(block));
		r = sk_pem_decode(&rest, label, &block);
		der.p = (const unsigned char *)block.p;
		der.n = block.n;
		if (r == 0 && (sk_der_take(&der, SK_DER_SEQUENCE,
		    &value) != 0 || der.n > 0))
			r = -1;
		sk_pem_free(&block);
		if (r == -2)
			return sk_fail(err, SK_MEMORY, "%s: out of memory",
			    option);
		if (r != 0)
			return sk_fail(err, SK_TLS, "%s: block %zu (%s) "
			    "cannot be read", option, i, label);
	}
	return 0;
}

/* A peer that says nothing, for a connection that is only begun. */
static ssize_t
hear_nothing(struct tls *tls, void *p, size_t n, void *arg)
{
	(void)tls, (void)p, (void)n, (void)arg;
	return TLS_WANT_POLLIN;
}

static ssize_t
say_nothing(struct tls *tls, const void *p, size_t n, void *arg)
{
	(void)tls, (void)p, (void)n, (void)arg;
	return TLS_WANT_POLLOUT;
}

/*
 * Would a connection begin with this configuration? A block that is DER need
 * not be what its label says, and only libtls can tell.
 */
static int
begins(struct tls_config *c)
{
	struct tls *tls = tls_client();
	int r = tls != NULL && tls_configure(tls, c) == 0 &&
	    tls_connect_cbs(tls, hear_nothing, say_nothing, NULL, NULL) == 0;

	tls_free(tls);
	return r;
}

/* Is this text of ca or crl, by that setter, what libtls can work with? */
static int
check_loads(const struct sk_pem *pem, const char *option,
    int (*set)(struct tls_config *, const uint8_t *, size_t),
    struct sk_err *err)
{
	struct tls_config *c = tls_config_new();
	int r;

	if (c == NULL)
		return sk_fail(err, SK_MEMORY, "%s: out of memory", option);
	tls_config_insecure_noverifyname(c);	/* there is none */
	r = set(c, (const uint8_t *)pem->p, pem->n) == 0 &&
	    (set == tls_config_set_ca_mem ||
	    tls_config_set_ca_path(c, "/") == 0) && begins(c) ? 0 :
	    sk_fail(err, SK_TLS, "%s: it cannot be loaded", option);
	tls_config_free(c);
	return r;
}

/* The system's store is taken as it is: to load it takes long. */
static int
set_ca(struct tls_config *c, const char *name, struct sk_span s, int trial,
    struct sk_err *err)
{
	char path[SK_TRUST_PATH];
	struct stat st;
	struct sk_pem pem;
	int r;

	if (s.n < sizeof(path) && memchr(s.p, '\0', s.n) == NULL) {
		memcpy(path, s.p, s.n);
		path[s.n] = '\0';
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			if (!sk_trust_is_hashed(path))
				return sk_fail(err, SK_TLS, "%s: '%s' holds "
				    "no hashed certificates", name, path);
			return tls_config_set_ca_path(c, path) == 0 ? 0 :
			    refused(c, name, err);
		}
	}
	if (sk_pem_load(&pem, name, s, "-----BEGIN CERTIFICATE-----", err) != 0)
		return SK_FAIL;
	r = check_blocks(&pem, "CERTIFICATE", name, err);
	if (r == 0 && trial)
		r = check_loads(&pem, name, tls_config_set_ca_mem, err);
	if (r == 0 &&
	    tls_config_set_ca_mem(c, (const uint8_t *)pem.p, pem.n) != 0)
		r = refused(c, name, err);
	sk_pem_free(&pem);
	return r;
}

static int
set_trust(struct tls_config *c, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	struct sk_trust trust;
	struct sk_span path;

	if (s->ca.n > 0)
		return set_ca(c, "ca", s->ca, !s->at_once, err);
	if (s->noverifycert)
		return 0;
	if (s->npairs > 0) {
		/* Likely a server's: it may do without a trust store. */
		struct sk_err ignored = { 0 };

		if (sk_trust_find(&trust, &ignored) != 0) {
			sk_err_clear(&ignored);
			return 0;
		}
	} else if (sk_trust_find(&trust, err) != 0)
		return SK_FAIL;
	if (trust.directory)
		return tls_config_set_ca_path(c, trust.path) == 0 ? 0 :
		    refused(c, "ca", err);
	path.p = trust.path;
	path.n = strlen(trust.path);
	return set_ca(c, "ca", path, 0, err);
}

/*
 * A list of revoked certificates. libtls takes one without any, and then
 * trusts nobody.
 */
static int
set_crl(struct tls_config *c, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	struct sk_pem pem;
	int r;

	if (s->crl.n == 0)
		return 0;
	if (sk_pem_load(&pem, "crl", s->crl, "-----BEGIN X509 CRL-----",
	    err) != 0)
		return SK_FAIL;
	r = check_blocks(&pem, "X509 CRL", "crl", err);
	if (r == 0 && !s->at_once)
		r = check_loads(&pem, "crl", tls_config_set_crl_mem, err);
	if (r == 0 &&
	    tls_config_set_crl_mem(c, (const uint8_t *)pem.p, pem.n) != 0)
		r = refused(c, "crl", err);
	sk_pem_free(&pem);
	return r;
}

/*
 * LibreSSL's libtls, or LibreTLS, which is the same over OpenSSL? They have
 * one header and behave differently: only LibreSSL knows this keyword.
 */
static int
is_libressl(void)
{
	struct tls_config *c = tls_config_new();
	int r = c != NULL && tls_config_set_ciphers(c, "TLSv1.3") == 0;

	tls_config_free(c);
	return r;
}

/*
 * depth is the most certificates between the peer's and a trusted one
 * (openssl-verification-options(1)). LibreSSL counts the trusted one too.
 */
static void
set_depth(struct tls_config *c, const struct sk_conf_spec *s)
{
	if (s->depth >= 0)
		tls_config_set_verify_depth(c, (int)s->depth + is_libressl());
}

/* How the other side's certificate is verified. */
static int
set_checks(struct tls_config *c, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	if (set_crl(c, s, err) != 0)
		return SK_FAIL;
	set_depth(c, s);
	if (s->noverifytime)
		tls_config_insecure_noverifytime(c);
	return 0;
}

/*
 * The name is verified after the handshake, by tls_peer_cert_contains_name():
 * the same rules, and then the names that there are can be told. libtls
 * itself forgets the certificate when it refuses a name.
 */
int
sk_settings_client(struct tls_config *c, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	if (set_common(c, s, err) != 0 || set_trust(c, s, err) != 0 ||
	    set_checks(c, s, err) != 0 || (s->npairs > 0 &&
	    sk_keypair_set(c, s->pairs, 1, err) != 0))
		return SK_FAIL;
	if (s->ocsp_require)
		tls_config_ocsp_require_stapling(c);
	if (s->noverifycert)
		tls_config_insecure_noverifycert(c);
	tls_config_insecure_noverifyname(c);
	if (s->session == NULL)
		return 0;
	return tls_config_set_session_fd(c, sk_session_fd(s->session)) == 0 ?
	    0 : refused(c, "session", err);
}

static int
set_clients(struct tls_config *c, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	if (s->client == SK_CLIENT_NONE)
		return 0;
	if (s->clientca.n == 0)
		return sk_fail(err, SK_TLS, "client: clientca has to "
		    "say who signs the clients' certificates");
	if (set_ca(c, "clientca", s->clientca, 1, err) != 0)
		return SK_FAIL;
	if (s->client == SK_CLIENT_REQUIRE)
		tls_config_verify_client(c);
	else
		tls_config_verify_client_optional(c);
	return set_checks(c, s, err);
}

/*
 * Resumption by tickets (RFC 5077). LibreTLS sends none that could be
 * resumed. libtls takes up to four keys, the current one last.
 */
static int
set_tickets(struct tls_config *c, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	unsigned char key[48];
	size_t i;
	int r = 0;

	if (s->lifetime < 0)
		return s->ntickets == 0 ? 0 : sk_fail(err, SK_TLS,
		    "ticket_keys: lifetime has to say for how long");
	if (!is_libressl())
		return sk_fail(err, SK_UNSUPPORTED, "lifetime: the linked "
		    "libtls (libretls) sends no tickets that can be resumed");
	if (tls_config_set_session_lifetime(c, (int)s->lifetime) != 0)
		return sk_fail(err, SK_TLS, "lifetime: 0 or 4 to 86400 "
		    "seconds expected");
	if (s->ntickets > 4)
		return sk_fail(err, SK_TLS, "ticket_keys: at most four");
	for (i = s->ntickets; r == 0 && i > 0; i--) {
		if (s->tickets[i - 1].n != sizeof(key))
			return sk_fail(err, SK_TLS,
			    "ticket_keys: a key has 48 bytes");
		memcpy(key, s->tickets[i - 1].p, sizeof(key));
		r = tls_config_add_ticket_key(c, (uint32_t)(s->ntickets - i),
		    key, sizeof(key));
		sk_wipe(key, sizeof(key));
	}
	return r == 0 ? 0 : refused(c, "ticket_keys", err);
}

/*
 * Only tls_configure() finds out whether a key belongs to its certificate,
 * and does not tell of which pair: they are tried one at a time then.
 */
int
sk_settings_blame(const struct sk_conf_spec *s, struct tls *failed,
    struct sk_err *err)
{
	struct tls_config *c = NULL;
	struct tls *tls = NULL;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && s->npairs > 1 && i < s->npairs; i++) {
		c = tls_config_new();
		tls = tls_server();
		if (c != NULL && tls != NULL && sk_keypair_set(c,
		    &s->pairs[i], 1, err) == 0 && tls_configure(tls, c) != 0)
			r = sk_keypair_blame(tls, &s->pairs[i], err);
		tls_free(tls);
		tls_config_free(c);
	}
	return r != 0 ? r : sk_keypair_blame(failed, s->pairs, err);
}

int
sk_settings_server(struct tls_config *c, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	size_t i;

	if (set_common(c, s, err) != 0 || set_clients(c, s, err) != 0 ||
	    set_tickets(c, s, err) != 0)
		return SK_FAIL;
	for (i = 0; i < s->npairs; i++) {
		if (sk_keypair_set(c, &s->pairs[i], i == 0, err) != 0)
			return SK_FAIL;
	}
	return 0;
}
