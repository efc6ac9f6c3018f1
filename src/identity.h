/*
 * identity.h - is a peer, whose handshake is complete and whose certificate
 * libtls trusts, the one that was meant?
 */
#ifndef SK_IDENTITY_H
#define SK_IDENTITY_H

#include "cert.h"
#include "conf.h"
#include "pem.h"

/*
 * Compares the peer with what the conf asks for: a name in the certificate,
 * where the peer is a server, a subjectAltName, a pin, the protocol of ALPN;
 * of a client, where server is our role, that servername (or NULL) is still
 * what it asks for. 0, or SK_FAIL with code verify (tls for ALPN and what a
 * client asks for) and a text that tells what there is instead.
 */
int sk_identity_check(struct tls *, const struct sk_conf *,
    const char *servername, int server, struct sk_err *);

/*
 * The peer's own certificate: its bytes in *der, which the caller frees, and
 * what is in it. 0; -1 where there is none that can be read; -2 for want of
 * memory.
 */
int sk_identity_leaf(struct tls *, struct sk_pem *der, struct sk_cert *);

#endif
