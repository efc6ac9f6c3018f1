/*
 * keypair.h - a certificate, its private key, and the OCSP response that is
 * stapled to it (RFC 6066, section 8).
 */
#ifndef SK_KEYPAIR_H
#define SK_KEYPAIR_H

#include "io.h"
#include "url.h"

struct tls;
struct tls_config;

/* PEM text or paths; n 0: unset. */
struct sk_keypair {
	struct sk_span cert;		/* the chain, its leaf first */
	struct sk_span key;		/* unset: in the same text as cert */
	struct sk_span password;	/* of an encrypted key */
	struct sk_span staple;		/* PEM, or a file of DER */
	size_t number;			/* in the list certs, from 1, for
					 * messages; 0: it is in none */
};

/*
 * Loads a pair into a configuration: the first one, or one more. 0 or
 * SK_FAIL, with a text that begins with the option's name.
 */
int sk_keypair_set(struct tls_config *, const struct sk_keypair *, int first,
    struct sk_err *);

/*
 * Says why the server that failed to be configured with that pair did so:
 * SK_FAIL.
 */
int sk_keypair_blame(struct tls *, const struct sk_keypair *,
    struct sk_err *);

#endif
