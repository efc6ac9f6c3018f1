/*
 * pem.h - PEM text (RFC 7468), as an option gives it or a file holds it, and
 * the bytes inside.
 */
#ifndef SK_PEM_H
#define SK_PEM_H

#include "io.h"
#include "url.h"

/* All zero owns nothing. What was in it is wiped when it is freed. */
struct sk_pem {
	char *p;
	size_t n;
};

void sk_pem_free(struct sk_pem *);

/*
 * Loads what an option says: PEM text where it holds "-----BEGIN", else the
 * file of that path. label is what has to be in it, as in
 * "-----BEGIN CERTIFICATE-----", or NULL where anything will do. 0, or
 * SK_FAIL with a text that begins with the option's name.
 */
int sk_pem_load(struct sk_pem *, const char *option, struct sk_span,
    const char *label, struct sk_err *);

/*
 * Decodes the first block with that label ("CERTIFICATE"), from *text on,
 * which is moved behind it. 0; -1 where there is none, or none that can be
 * decoded; -2 for want of memory.
 */
int sk_pem_decode(struct sk_span *text, const char *label, struct sk_pem *);

#endif
