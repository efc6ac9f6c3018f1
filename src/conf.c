/*
 * conf.c - TLS settings: a plain struct in, an immutable, counted object out.
 */
#include "conf.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <tls.h>

#include "trust.h"

#define PEM_MAX (4U << 20)	/* bytes of a file: a bundle has a quarter */

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

struct sk_conf {
	unsigned refs;
	struct tls_config *client;
	struct tls_config *server;	/* NULL: there is no certificate */
	struct tls *context;		/* the server's */
	char (*pins)[72];		/* "SHA256:" and 64 digits */
	size_t npins;
	int wants_name;
};

struct pem {
	char *p;
	size_t n;
};

unsigned
sk_conf_protocols(void)
{
	return SK_TLS_1_2 | SK_TLS_1_3 | OLD_PROTOCOLS;
}

/*
 * Files
 */

/* Keys do not stay in memory that is free again. */
static void
pem_free(struct pem *pem)
{
	volatile char *p = pem->p;
	size_t i;

	for (i = 0; i < pem->n; i++)
		p[i] = 0;
	free(pem->p);
	memset(pem, 0, sizeof(*pem));
}

static int
read_file(struct pem *pem, const char *name, const char *path,
    struct sk_err *err)
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return sk_fail(err, SK_TLS, "%s: cannot open '%s'%s", name,
		    path, errno == EACCES ? ": permission denied" :
		    errno == ENOENT ? ": no such file" : "");
	if ((pem->p = malloc(PEM_MAX)) == NULL) {
		(void)fclose(f);
		return sk_fail(err, SK_MEMORY, "%s: out of memory", name);
	}
	pem->n = fread(pem->p, 1, PEM_MAX, f);
	(void)fclose(f);
	if (pem->n < PEM_MAX)
		return 0;
	pem_free(pem);
	return sk_fail(err, SK_TLS, "%s: '%s' is too large", name, path);
}

/* PEM text, from the option itself or the file it names. */
static int
load(struct pem *pem, const char *name, struct sk_span s, const char *kind,
    struct sk_err *err)
{
	char path[4096];

	memset(pem, 0, sizeof(*pem));
	if (memmem(s.p, s.n, "-----BEGIN", 10) != NULL) {
		if ((pem->p = malloc(s.n)) == NULL)
			return sk_fail(err, SK_MEMORY, "%s: out of memory",
			    name);
		memcpy(pem->p, s.p, s.n);
		pem->n = s.n;
	} else {
		if (s.n >= sizeof(path) || memchr(s.p, '\0', s.n) != NULL)
			return sk_fail(err, SK_TLS, "%s: no path and no PEM",
			    name);
		memcpy(path, s.p, s.n);
		path[s.n] = '\0';
		if (read_file(pem, name, path, err) != 0)
			return SK_FAIL;
	}
	if (memmem(pem->p, pem->n, kind, strlen(kind)) != NULL)
		return 0;
	pem_free(pem);
	return sk_fail(err, SK_TLS, "%s: there is no '%s' in it", name, kind);
}

/*
 * Settings
 */

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

static int
set_ca(struct tls_config *c, const char *name, struct sk_span s,
    struct sk_err *err)
{
	char path[SK_TRUST_PATH];
	struct stat st;
	struct pem pem;
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
	if (load(&pem, name, s, "-----BEGIN CERTIFICATE-----", err) != 0)
		return SK_FAIL;
	r = tls_config_set_ca_mem(c, (const uint8_t *)pem.p, pem.n);
	pem_free(&pem);
	return r == 0 ? 0 : refused(c, name, err);
}

static int
set_trust(struct tls_config *c, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	struct sk_trust trust;
	struct sk_span path;

	if (s->noverifycert)
		return 0;
	if (s->ca.n > 0)
		return set_ca(c, "ca", s->ca, err);
	if (s->cert.n > 0 && s->client == SK_CLIENT_NONE) {
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
	return set_ca(c, "ca", path, err);
}

static int
set_pair(struct tls_config *c, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	struct pem cert = { 0 }, key = { 0 };
	int r;

	if (s->cert.n == 0)
		return 0;
	r = load(&cert, "cert", s->cert, "-----BEGIN CERTIFICATE-----", err);
	if (r == 0)
		r = load(&key, "key", s->key.n > 0 ? s->key : s->cert,
		    "PRIVATE KEY-----", err);
	if (r == 0 && memmem(key.p, key.n, "ENCRYPTED", 9) != NULL)
		r = sk_fail(err, SK_TLS, "key: it is encrypted");
	if (r == 0 && tls_config_set_keypair_mem(c, (const uint8_t *)cert.p,
	    cert.n, (const uint8_t *)key.p, key.n) != 0)
		r = refused(c, "cert", err);
	pem_free(&cert);
	pem_free(&key);
	return r;
}

static int
make_client(struct sk_conf *conf, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	struct tls_config *c = conf->client;

	if (set_common(c, s, err) != 0 || set_trust(c, s, err) != 0 ||
	    set_pair(c, s, err) != 0)
		return SK_FAIL;
	if (s->ocsp_require)
		tls_config_ocsp_require_stapling(c);
	if (s->noverifycert)
		tls_config_insecure_noverifycert(c);
	if (s->noverifyname)
		tls_config_insecure_noverifyname(c);
	if (s->noverifytime)
		tls_config_insecure_noverifytime(c);
	return 0;
}

/* Only tls_configure() finds out whether a key belongs to its certificate. */
static int
make_server(struct sk_conf *conf, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	struct tls_config *c = conf->server;

	if (set_common(c, s, err) != 0 || set_pair(c, s, err) != 0)
		return SK_FAIL;
	if (s->client != SK_CLIENT_NONE) {
		if (s->clientca.n == 0)
			return sk_fail(err, SK_TLS, "client: clientca has to "
			    "say who signs the clients' certificates");
		if (set_ca(c, "clientca", s->clientca, err) != 0)
			return SK_FAIL;
		if (s->client == SK_CLIENT_REQUIRE)
			tls_config_verify_client(c);
		else
			tls_config_verify_client_optional(c);
	}
	if ((conf->context = tls_server()) == NULL)
		return sk_fail(err, SK_MEMORY, "out of memory");
	if (tls_configure(conf->context, c) != 0)
		return sk_fail(err, SK_TLS, "key: it cannot be read, or does "
		    "not belong to the certificate");
	return 0;
}

static int
set_pin(char pin[72], const char *text, struct sk_err *err)
{
	size_t n = 7;

	if (strncasecmp(text, "SHA256:", 7) != 0)
		return sk_fail(err, SK_TLS, "pin: SHA256:<hex> expected");
	memcpy(pin, "SHA256:", 7);
	for (text += 7; *text != '\0'; text++) {
		if (*text == ':')
			continue;
		if (strchr("0123456789abcdefABCDEF", *text) == NULL || n == 71)
			return sk_fail(err, SK_TLS,
			    "pin: 64 hexadecimal digits expected");
		pin[n++] = (char)(*text | (*text >= 'A' ? 0x20 : 0));
	}
	if (n != 71)
		return sk_fail(err, SK_TLS,
		    "pin: 64 hexadecimal digits expected");
	pin[n] = '\0';
	return 0;
}

static int
set_pins(struct sk_conf *conf, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	size_t i;

	if (s->npins == 0)
		return 0;
	if ((conf->pins = calloc(s->npins, sizeof(*conf->pins))) == NULL)
		return sk_fail(err, SK_MEMORY, "out of memory");
	conf->npins = s->npins;
	for (i = 0; i < s->npins; i++) {
		if (set_pin(conf->pins[i], s->pins[i], err) != 0)
			return SK_FAIL;
	}
	return 0;
}

/*
 * The object
 */

struct sk_conf *
sk_conf_new(const struct sk_conf_spec *s, struct sk_err *err)
{
	struct sk_conf *conf;

	if (s->key.n > 0 && s->cert.n == 0) {
		(void)sk_fail(err, SK_TLS, "key: there is no cert to it");
		return NULL;
	}
	if (s->client == SK_CLIENT_NONE && s->clientca.n > 0) {
		(void)sk_fail(err, SK_TLS, "clientca: it has no effect "
		    "without client = \"require\" or \"optional\"");
		return NULL;
	}
	if (tls_init() != 0 ||
	    (conf = calloc(1, sizeof(*conf))) == NULL) {
		(void)sk_fail(err, SK_MEMORY, "out of memory");
		return NULL;
	}
	conf->refs = 1;
	conf->wants_name = !s->noverifyname;
	conf->client = tls_config_new();
	if (s->cert.n > 0)
		conf->server = tls_config_new();
	if (conf->client == NULL || (s->cert.n > 0 && conf->server == NULL))
		(void)sk_fail(err, SK_MEMORY, "out of memory");
	else if (make_client(conf, s, err) == 0 &&
	    (s->cert.n == 0 || make_server(conf, s, err) == 0) &&
	    set_pins(conf, s, err) == 0)
		return conf;
	sk_conf_drop(conf);
	return NULL;
}

struct sk_conf *
sk_conf_hold(struct sk_conf *conf)
{
	conf->refs++;
	return conf;
}

void
sk_conf_drop(struct sk_conf *conf)
{
	if (conf == NULL || --conf->refs > 0)
		return;
	tls_free(conf->context);
	tls_config_free(conf->server);
	tls_config_free(conf->client);
	free(conf->pins);
	free(conf);
}

struct tls *
sk_conf_client(struct sk_conf *conf, struct sk_err *err)
{
	struct tls *tls = tls_client();

	if (tls == NULL) {
		(void)sk_fail(err, SK_MEMORY, "out of memory");
		return NULL;
	}
	if (tls_configure(tls, conf->client) == 0)
		return tls;
	(void)sk_fail(err, SK_TLS, "tls: %s", tls_error(tls));
	tls_free(tls);
	return NULL;
}

struct tls *
sk_conf_server(struct sk_conf *conf, struct sk_err *err)
{
	if (conf->context == NULL)
		(void)sk_fail(err, SK_TLS,
		    "cert: a server needs a certificate and its key");
	return conf->context;
}

const char *
sk_conf_refusal(struct sk_conf *conf)
{
	const char *text = tls_error(conf->context);

	if (text == NULL || strstr(text, "certificate") == NULL)
		return NULL;
	return text;
}

/* A call that a server's context refuses replaces the text. */
void
sk_conf_forget_refusal(struct sk_conf *conf)
{
	(void)tls_handshake(conf->context);
}

int
sk_conf_wants_name(const struct sk_conf *conf)
{
	return conf->wants_name;
}

int
sk_conf_has_pins(const struct sk_conf *conf)
{
	return conf->npins > 0;
}

int
sk_conf_pinned(const struct sk_conf *conf, const char *hash)
{
	size_t i;

	for (i = 0; i < conf->npins; i++) {
		if (strcasecmp(conf->pins[i], hash) == 0)
			return 1;
	}
	return 0;
}
