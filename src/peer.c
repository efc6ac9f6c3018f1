/*
 * peer.c - what a handshake agreed on, and who the peer is.
 */
#include "peer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>

#include "identity.h"
#include "seal.h"

static void
certificate(struct tls *tls, struct sk_peer *p)
{
	p->subject = tls_peer_cert_subject(tls);
	p->issuer = tls_peer_cert_issuer(tls);
	p->hash = tls_peer_cert_hash(tls);
	p->notbefore = tls_peer_cert_notbefore(tls);
	p->notafter = tls_peer_cert_notafter(tls);
	p->ocsp_url = tls_peer_ocsp_url(tls);
	p->ocsp_status = tls_peer_ocsp_cert_status(tls);
	p->ocsp_result = tls_peer_ocsp_result(tls);
	p->ocsp_this_update = tls_peer_ocsp_this_update(tls);
	p->ocsp_next_update = tls_peer_ocsp_next_update(tls);
	p->ocsp_revocation_time = tls_peer_ocsp_revocation_time(tls);
}

int
sk_peer_facts(const struct sk_layer *l, struct sk_peer *p)
{
	struct tls *tls = sk_seal_tls(l);

	memset(p, 0, sizeof(*p));
	p->ocsp_status = -1;
	if (tls == NULL)
		return -1;
	p->version = tls_conn_version(tls);
	p->cipher = tls_conn_cipher(tls);
	p->bits = tls_conn_cipher_strength(tls);
	p->alpn = tls_conn_alpn_selected(tls);
	p->servername = tls_conn_servername(tls);
	p->resumed = tls_conn_session_resumed(tls) == 1;
	p->certificate = tls_peer_cert_provided(tls);
	if (p->certificate)
		certificate(tls, p);
	return 0;
}

const char *
sk_peer_chain(const struct sk_layer *l, size_t *n)
{
	struct tls *tls = sk_seal_tls(l);
	const uint8_t *pem;

	if (tls == NULL || !tls_peer_cert_provided(tls))
		return NULL;
	if ((pem = tls_peer_cert_chain_pem(tls, n)) == NULL)
		return NULL;
	return (const char *)pem;
}

int
sk_peer_leaf(const struct sk_layer *l, struct sk_pem *der,
    struct sk_cert *cert)
{
	struct tls *tls = sk_seal_tls(l);

	memset(der, 0, sizeof(*der));
	return tls != NULL ? sk_identity_leaf(tls, der, cert) : -1;
}

int
sk_peer_binding(const struct sk_layer *l, unsigned char out[32],
    struct sk_err *err)
{
	struct tls *tls = sk_seal_tls(l);
	const char *hash = NULL;
	struct sk_pem der;
	struct sk_cert cert;
	char digits[3] = "";
	size_t i;
	int r = tls != NULL ? sk_identity_leaf(tls, &der, &cert) : -1;

	if (r == -2)
		return sk_fail(err, SK_MEMORY, "binding: out of memory");
	if (r != 0)
		return sk_fail(err, SK_UNSUPPORTED, "binding: there is no "
		    "certificate of a server");
	sk_pem_free(&der);
	hash = tls_peer_cert_hash(tls);
	if (cert.hash == SK_HASH_OTHER || hash == NULL ||
	    strlen(hash) != 7 + 64)
		return sk_fail(err, SK_UNSUPPORTED, "binding: the certificate "
		    "is not signed with sha-256, and libtls tells no other "
		    "hash of it");
	for (i = 0; i < 32; i++) {
		memcpy(digits, hash + 7 + 2 * i, 2);
		out[i] = (unsigned char)strtoul(digits, NULL, 16);
	}
	return 0;
}
