/*
 * identity.c - is the peer the one that was meant?
 */
#include "identity.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <tls.h>

#define SHOWN 256		/* bytes of a list of names in a message */

int
sk_identity_leaf(struct tls *tls, struct sk_pem *der, struct sk_cert *cert)
{
	struct sk_span pem;
	int r;

	memset(der, 0, sizeof(*der));
	if (!tls_peer_cert_provided(tls))
		return -1;
	pem.p = (const char *)tls_peer_cert_chain_pem(tls, &pem.n);
	if (pem.p == NULL)
		return -1;
	if ((r = sk_pem_decode(&pem, "CERTIFICATE", der)) != 0)
		return r;
	if (sk_cert_parse(cert, der->p, der->n) == 0)
		return 0;
	sk_pem_free(der);
	return -1;
}

/* The names of a host that a certificate has, for a message. */
static void
list_names(const struct sk_cert *cert, char out[SHOWN])
{
	struct sk_der names = cert->names, value;
	enum sk_name_kind kind;
	char text[SK_CERT_TEXT];
	size_t at = 0, n, more = 0;

	out[0] = '\0';
	while (sk_cert_name(&names, &kind, &value) == 0) {
		if (kind != SK_NAME_DNS && kind != SK_NAME_IP)
			continue;
		n = strlen(sk_cert_text(kind, &value, text));
		if (at + n + 20 > SHOWN) {
			more++;
			continue;
		}
		at += (size_t)snprintf(out + at, SHOWN - at, "%s%s",
		    at > 0 ? ", " : "", text);
	}
	if (more > 0)
		(void)snprintf(out + at, SHOWN - at, " and %zu more", more);
	if (out[0] == '\0' && cert->commonname.n > 0)
		(void)snprintf(out, SHOWN, "%s", sk_cert_text(SK_NAME_DNS,
		    &cert->commonname, text));
}

static int
wrong_name(struct tls *tls, const char *servername, struct sk_err *err)
{
	char names[SHOWN] = "";
	struct sk_pem der;
	struct sk_cert cert;

	if (sk_identity_leaf(tls, &der, &cert) == 0)
		list_names(&cert, names);
	sk_pem_free(&der);
	return sk_fail(err, SK_VERIFY, "handshake: the server's certificate "
	    "is not for '%s' but for %s", servername,
	    names[0] != '\0' ? names : "no host at all");
}

/*
 * Without a name of a host in subjectAltName libtls takes the common name,
 * which RFC 6125, section 6.4.4 leaves for old times.
 */
static int
check_san(struct tls *tls, struct sk_err *err)
{
	struct sk_pem der;
	struct sk_cert cert;
	struct sk_der names, value;
	enum sk_name_kind kind;
	int found = 0;

	if (sk_identity_leaf(tls, &der, &cert) == 0) {
		names = cert.names;
		while (!found && sk_cert_name(&names, &kind, &value) == 0)
			found = kind == SK_NAME_DNS || kind == SK_NAME_IP;
	}
	sk_pem_free(&der);
	return found ? 0 : sk_fail(err, SK_VERIFY, "handshake: the server's "
	    "certificate has no subject alternative name, only a common name");
}

static int
check_pins(struct tls *tls, const struct sk_conf *conf, struct sk_err *err)
{
	const char *hash;

	if (!sk_conf_has_pins(conf))
		return 0;
	hash = tls_peer_cert_hash(tls);
	if (hash != NULL && sk_conf_pinned(conf, hash))
		return 0;
	return sk_fail(err, SK_VERIFY, "handshake: the peer's certificate "
	    "%s is not one of those pinned", hash != NULL ? hash : "(none)");
}

/* Is the name one of a list that is separated by commas? */
static int
is_listed(const char *list, const char *name)
{
	size_t n;

	for (; *list != '\0'; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		if (strlen(name) == n && strncmp(list, name, n) == 0)
			return 1;
	}
	return 0;
}

/* A server may choose none (RFC 7301, section 3.2), but no other. */
static int
check_alpn(struct tls *tls, const struct sk_conf *conf, struct sk_err *err)
{
	const char *selected = tls_conn_alpn_selected(tls);
	const char *offered = sk_conf_alpn(conf);

	if (selected == NULL || (offered != NULL &&
	    is_listed(offered, selected)))
		return 0;
	return sk_fail(err, SK_TLS, "handshake: the peer chose a protocol "
	    "by alpn that was not offered");
}

/*
 * A client that is asked for another key share says its first message again,
 * and only libtls hears that: the name in it has to be the one that was heard
 * and that the configuration was chosen for (RFC 8446, section 4.1.2).
 */
static int
check_asked(struct tls *tls, const char *heard, struct sk_err *err)
{
	const char *asked = tls_conn_servername(tls);

	if (asked == NULL || (heard != NULL && strcasecmp(asked, heard) == 0))
		return 0;
	return sk_fail(err, SK_TLS, "handshake: the client asked for another "
	    "server name the second time");
}

int
sk_identity_check(struct tls *tls, const struct sk_conf *conf,
    const char *servername, int server, struct sk_err *err)
{
	if (!server && sk_conf_wants_name(conf)) {
		if (servername == NULL ||
		    tls_peer_cert_contains_name(tls, servername) != 1)
			return wrong_name(tls, servername != NULL ?
			    servername : "(no name)", err);
		if (sk_conf_wants_san(conf) && check_san(tls, err) != 0)
			return SK_FAIL;
	}
	if (server && check_asked(tls, servername, err) != 0)
		return SK_FAIL;
	if (check_pins(tls, conf, err) != 0)
		return SK_FAIL;
	return check_alpn(tls, conf, err);
}
