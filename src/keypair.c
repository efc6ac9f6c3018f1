/*
 * keypair.c - certificates and their keys.
 */
#include "keypair.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>
#include <unistd.h>

#include "der.h"
#include "pem.h"
#include "scratch.h"

#define PASSWORD_MAX 1024	/* libcrypto's own limit (PEM_BUFSIZE) */
#define OPTION_MAX 48

struct loaded {
	struct sk_pem cert, key, staple;
};

/* "key", or "certs[2].key". */
static const char *
option_name(char out[OPTION_MAX], size_t number, const char *what)
{
	if (number == 0)
		(void)snprintf(out, OPTION_MAX, "%s", what);
	else
		(void)snprintf(out, OPTION_MAX, "certs[%zu].%s", number, what);
	return out;
}

static int
is_encrypted(const struct sk_pem *key)
{
	return memmem(key->p, key->n, "BEGIN ENCRYPTED", 15) != NULL ||
	    memmem(key->p, key->n, "Proc-Type: 4,ENCRYPTED", 22) != NULL;
}

/*
 * libtls decrypts a key only while it loads the file, so the text, which is
 * still encrypted, goes into one that nobody else sees.
 */
static int
decrypt(struct sk_pem *key, struct sk_span password, const char *option,
    struct sk_err *err)
{
	char path[SK_SCRATCH_PATH], text[PASSWORD_MAX];
	uint8_t *plain;
	size_t n;
	int fd, r = SK_FAIL;

	if (password.n == 0)
		return sk_fail(err, SK_TLS, "%s: it is encrypted: give its "
		    "password", option);
	if (password.n >= sizeof(text) ||
	    memchr(password.p, '\0', password.n) != NULL)
		return sk_fail(err, SK_TLS,
		    "password: too long, or with a NUL byte");
	if ((fd = sk_scratch_new(path, err)) == -1)
		return SK_FAIL;
	memcpy(text, password.p, password.n);
	text[password.n] = '\0';
	if (sk_scratch_write(fd, key->p, key->n, err) == 0) {
		plain = tls_load_file(path, &n, text);
		sk_pem_free(key);
		if (plain == NULL)
			(void)sk_fail(err, SK_TLS, "password: it does not "
			    "open the %s", option);
		else if ((key->p = malloc(n)) == NULL)
			(void)sk_fail(err, SK_MEMORY, "%s: out of memory",
			    option);
		else {
			memcpy(key->p, plain, n);
			key->n = n;
			r = 0;
		}
		if (plain != NULL)
			tls_unload_file(plain, n);
	}
	sk_wipe(text, sizeof(text));
	sk_scratch_free(fd, path);
	return r;
}

static int
load_key(struct sk_pem *key, const struct sk_keypair *pair,
    struct sk_err *err)
{
	char name[OPTION_MAX];
	int alone = pair->key.n > 0;

	(void)option_name(name, pair->number, alone ? "key" : "cert");
	if (sk_pem_load(key, name, alone ? pair->key : pair->cert,
	    "PRIVATE KEY-----", err) != 0)
		return SK_FAIL;
	(void)option_name(name, pair->number, "key");
	if (is_encrypted(key))
		return decrypt(key, pair->password, name, err);
	if (pair->password.n > 0)
		return sk_fail(err, SK_TLS,
		    "password: the %s is not encrypted", name);
	return 0;
}

/*
 * An OCSP response, DER: a good one begins with the status "successful"
 * (RFC 6960, section 4.2.1). A client refuses a server that staples another.
 */
static int
load_staple(struct sk_pem *out, struct sk_span s, const char *option,
    struct sk_err *err)
{
	struct sk_der in, response, status;
	struct sk_pem text;
	struct sk_span rest;
	int r;

	if (sk_pem_load(&text, option, s, NULL, err) != 0)
		return SK_FAIL;
	rest.p = text.p;
	rest.n = text.n;
	r = sk_pem_decode(&rest, "OCSP RESPONSE", out);
	if (r == -1)
		*out = text;		/* the bytes themselves, then */
	else
		sk_pem_free(&text);
	if (r == -2)
		return sk_fail(err, SK_MEMORY, "%s: out of memory", option);
	in.p = (const unsigned char *)out->p;
	in.n = out->n;
	if (sk_der_take(&in, SK_DER_SEQUENCE, &response) == 0 && in.n == 0 &&
	    sk_der_take(&response, SK_DER_ENUMERATED, &status) == 0 &&
	    status.n == 1 && status.p[0] == 0)
		return 0;
	return sk_fail(err, SK_TLS, "%s: it is no successful ocsp response",
	    option);
}

static int
load(struct loaded *l, const struct sk_keypair *pair, struct sk_err *err)
{
	char name[OPTION_MAX];

	(void)option_name(name, pair->number, "cert");
	if (sk_pem_load(&l->cert, name, pair->cert,
	    "-----BEGIN CERTIFICATE-----", err) != 0 ||
	    load_key(&l->key, pair, err) != 0)
		return SK_FAIL;
	(void)option_name(name, pair->number, "staple");
	return pair->staple.n == 0 ? 0 :
	    load_staple(&l->staple, pair->staple, name, err);
}

int
sk_keypair_set(struct tls_config *c, const struct sk_keypair *pair,
    int first, struct sk_err *err)
{
	int (*set)(struct tls_config *, const uint8_t *, size_t,
	    const uint8_t *, size_t, const uint8_t *, size_t) = first ?
	    tls_config_set_keypair_ocsp_mem : tls_config_add_keypair_ocsp_mem;
	char name[OPTION_MAX];
	struct loaded l;
	int r;

	memset(&l, 0, sizeof(l));
	r = load(&l, pair, err);
	if (r == 0 && set(c, (const uint8_t *)l.cert.p, l.cert.n,
	    (const uint8_t *)l.key.p, l.key.n, (const uint8_t *)l.staple.p,
	    l.staple.n) != 0)
		r = sk_fail(err, SK_TLS, "%s: it cannot be loaded",
		    option_name(name, pair->number, "cert"));
	sk_pem_free(&l.cert);
	sk_pem_free(&l.key);
	sk_pem_free(&l.staple);
	return r;
}

int
sk_keypair_blame(struct tls *server, const struct sk_keypair *pair,
    struct sk_err *err)
{
	const char *text = tls_error(server);
	char name[OPTION_MAX];

	if (text != NULL && strstr(text, "load certificate") != NULL)
		return sk_fail(err, SK_TLS, "%s: the tls library refuses it: "
		    "it or its chain cannot be read, or has a key or a "
		    "digest that is too weak",
		    option_name(name, pair->number, "cert"));
	return sk_fail(err, SK_TLS, "%s: it cannot be read, or does not "
	    "belong to the certificate", option_name(name, pair->number, "key"));
}
