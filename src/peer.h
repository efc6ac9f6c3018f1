/*
 * peer.h - what a handshake agreed on, and who the peer is.
 */
#ifndef SK_PEER_H
#define SK_PEER_H

#include <time.h>

#include "cert.h"
#include "io.h"
#include "pem.h"

/* Strings belong to the seal and live as long as it; NULL where unknown. */
struct sk_peer {
	const char *version;		/* "TLSv1.3" */
	const char *cipher;
	int bits;
	const char *alpn;
	const char *servername;
	int resumed;
	int certificate;		/* did the peer show one? */
	const char *subject;
	const char *issuer;
	const char *hash;		/* "SHA256:<hex>" of the certificate */
	time_t notbefore;
	time_t notafter;
	const char *ocsp_url;
	int ocsp_status;		/* -1: no response was stapled */
	const char *ocsp_result;
	time_t ocsp_this_update;
	time_t ocsp_next_update;
	time_t ocsp_revocation_time;
};

/* 0, or -1 where the layer is no open seal. */
int sk_peer_facts(const struct sk_layer *, struct sk_peer *);

/* The certificates that the peer sent, PEM, or NULL; *n its length. */
const char *sk_peer_chain(const struct sk_layer *, size_t *n);

/*
 * The peer's own certificate: its bytes in *der, which the caller frees, and
 * what is in it. 0; -1 where there is none; -2 for want of memory.
 */
int sk_peer_leaf(const struct sk_layer *, struct sk_pem *der,
    struct sk_cert *);

/*
 * The channel binding tls-server-end-point (RFC 5929, section 4), for a
 * client: the hash of the server's certificate by the hash of its signature,
 * SHA-256 in place of MD5 and SHA-1. libtls tells the SHA-256 only: 0, or
 * SK_FAIL with code unsupported.
 */
int sk_peer_binding(const struct sk_layer *, unsigned char out[32],
    struct sk_err *);

#endif
