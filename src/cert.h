/*
 * cert.h - the two facts of a certificate that libtls does not tell: the
 * names it is for, and the digest its signature uses. A small reader of DER,
 * pure, for hostile input.
 */
#ifndef SK_CERT_H
#define SK_CERT_H

#include "io.h"
#include "url.h"

/*
 * Decodes the first certificate of PEM text into DER. The block is malloc'd
 * and the caller's; NULL with the error recorded (code tls, or memory).
 */
unsigned char *sk_cert_der(const char *pem, size_t n, size_t *len,
    struct sk_err *);

/*
 * Walks the subjectAltName names (RFC 5280, section 4.2.1.6): calls visit
 * with the URL-ish kind "dns", "ip", "email" or "uri" and the bytes. An IP
 * address is handed over as 4 or 16 raw bytes. Stops where visit returns
 * non-zero, and returns that; 0 at the end; SK_FAIL where the DER is broken.
 */
int sk_cert_names(const unsigned char *der, size_t n,
    int (*visit)(void *, const char *kind, struct sk_span), void *,
    struct sk_err *);

/*
 * The digest of the certificate's signature algorithm, in lower case
 * ("sha256", "sha1", "md5", "sha384"...), or NULL where it has none of its
 * own (Ed25519) or is not known.
 */
const char *sk_cert_digest(const unsigned char *der, size_t n);

#endif
