/*
 * conf.c - TLS settings: a plain struct in, an immutable, counted object out.
 */
#include "conf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <tls.h>

#include "settings.h"

struct sk_conf {
	unsigned refs;
	struct tls_config *client;
	struct tls_config *server;	/* NULL: there is no certificate */
	struct tls *context;		/* the server's */
	struct sk_session *session;	/* the client's, or NULL */
	uint64_t rules;			/* what the session is bound to */
	char *alpn;
	char *servername;
	char (*pins)[72];		/* "SHA256:" and 64 digits */
	size_t npins;
	int wants_name;
	int wants_san;
};

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
 * What a verdict on a peer rests on, as a number: a session that was begun
 * under one is not resumed under another (FNV-1a; nobody attacks it).
 */
static uint64_t
add_rule(uint64_t hash, const void *p, size_t n)
{
	const unsigned char *at = p;

	for (hash ^= n; n > 0; n--)
		hash = (hash ^ *at++) * 0x100000001b3U;
	return hash;
}

static uint64_t
rules_of(const struct sk_conf_spec *s)
{
	const char flags[] = { s->ocsp_require ? '1' : '0',
		s->san_require ? '1' : '0', s->noverifycert ? '1' : '0',
		s->noverifyname ? '1' : '0', s->noverifytime ? '1' : '0' };
	uint64_t hash = 0xcbf29ce484222325U;
	size_t i;

	hash = add_rule(hash, flags, sizeof(flags));
	hash = add_rule(hash, &s->depth, sizeof(s->depth));
	hash = add_rule(hash, s->ca.p, s->ca.n);
	hash = add_rule(hash, s->crl.p, s->crl.n);
	for (i = 0; i < s->npins; i++)
		hash = add_rule(hash, s->pins[i], strlen(s->pins[i]));
	if (s->npairs > 0)
		hash = add_rule(hash, s->pairs->cert.p, s->pairs->cert.n);
	return hash;
}

/*
 * The object
 */

/* Options that would have no effect are mistakes. */
static int
check_sense(const struct sk_conf_spec *s, struct sk_err *err)
{
	if (s->client == SK_CLIENT_NONE && s->clientca.n > 0)
		return sk_fail(err, SK_TLS, "clientca: it has no effect "
		    "without client = \"require\" or \"optional\"");
	if (s->npairs == 0 && s->client != SK_CLIENT_NONE)
		return sk_fail(err, SK_TLS, "client: it is for servers, "
		    "which need a cert");
	if (s->npairs == 0 && (s->lifetime >= 0 || s->ntickets > 0))
		return sk_fail(err, SK_TLS, "lifetime: it is for servers, "
		    "which need a cert");
	if (s->servername != NULL &&
	    sk_url_host(s->servername, strlen(s->servername)) < 0)
		return sk_fail(err, SK_TLS, "servername: neither the name of "
		    "a host nor an address");
	if (s->noverifyname && s->san_require)
		return sk_fail(err, SK_TLS, "san: it has no effect with "
		    "insecure_noverifyname");
	if (s->noverifycert && (s->crl.n > 0 || s->depth >= 0))
		return sk_fail(err, SK_TLS, "%s: it has no effect with "
		    "insecure_noverifycert", s->crl.n > 0 ? "crl" : "depth");
	/* libtls asks for a response then, and does not look at it. */
	if (s->ocsp_require && (s->noverifycert || s->noverifytime))
		return sk_fail(err, SK_TLS, "ocsp: what is stapled is not "
		    "judged with insecure_noverify%s",
		    s->noverifycert ? "cert" : "time");
	return 0;
}

static int
make_server(struct sk_conf *conf, const struct sk_conf_spec *s,
    struct sk_err *err)
{
	if (sk_settings_server(conf->server, s, err) != 0)
		return SK_FAIL;
	if ((conf->context = tls_server()) == NULL)
		return sk_fail(err, SK_MEMORY, "out of memory");
	if (tls_configure(conf->context, conf->server) == 0)
		return 0;
	return sk_settings_blame(s, conf->context, err);
}

static int
fill(struct sk_conf *conf, const struct sk_conf_spec *s, struct sk_err *err)
{
	conf->wants_name = !s->noverifyname;
	conf->wants_san = s->san_require;
	conf->rules = rules_of(s);
	conf->client = tls_config_new();
	if (s->npairs > 0)
		conf->server = tls_config_new();
	if (s->alpn != NULL)
		conf->alpn = strdup(s->alpn);
	if (s->servername != NULL)
		conf->servername = strdup(s->servername);
	if (conf->client == NULL || (s->npairs > 0 && conf->server == NULL) ||
	    (s->alpn != NULL && conf->alpn == NULL) ||
	    (s->servername != NULL && conf->servername == NULL))
		return sk_fail(err, SK_MEMORY, "out of memory");
	if (s->session != NULL)
		conf->session = sk_session_hold(s->session);
	if (sk_settings_client(conf->client, s, err) != 0 ||
	    (s->npairs > 0 && make_server(conf, s, err) != 0))
		return SK_FAIL;
	return set_pins(conf, s, err);
}

struct sk_conf *
sk_conf_new(const struct sk_conf_spec *s, struct sk_err *err)
{
	struct sk_conf *conf;

	if (check_sense(s, err) != 0)
		return NULL;
	if (tls_init() != 0 || (conf = calloc(1, sizeof(*conf))) == NULL) {
		(void)sk_fail(err, SK_MEMORY, "out of memory");
		return NULL;
	}
	conf->refs = 1;
	if (fill(conf, s, err) == 0)
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
	sk_session_drop(conf->session);
	free(conf->alpn);
	free(conf->servername);
	free(conf->pins);
	free(conf);
}

struct tls *
sk_conf_client(struct sk_conf *conf, const char *servername,
    struct sk_err *err)
{
	struct tls *tls;

	if (conf->session != NULL && sk_session_claim(conf->session,
	    servername, conf->rules, err) != 0)
		return NULL;
	if ((tls = tls_client()) == NULL) {
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

const char *
sk_conf_servername(const struct sk_conf *conf)
{
	return conf->servername;
}

int
sk_conf_wants_name(const struct sk_conf *conf)
{
	return conf->wants_name;
}

int
sk_conf_wants_san(const struct sk_conf *conf)
{
	return conf->wants_san;
}

const char *
sk_conf_alpn(const struct sk_conf *conf)
{
	return conf->alpn;
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
