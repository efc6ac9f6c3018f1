/*
 * der.h - reads DER, the encoding of certificates (X.690, chapter 10): a
 * cursor over bytes that somebody else wrote. It never copies, never
 * allocates, and never reads past the end.
 */
#ifndef SK_DER_H
#define SK_DER_H

#include <stddef.h>

enum {
	SK_DER_INTEGER = 0x02,
	SK_DER_BIT_STRING = 0x03,
	SK_DER_OCTET_STRING = 0x04,
	SK_DER_OID = 0x06,
	SK_DER_ENUMERATED = 0x0a,
	SK_DER_SEQUENCE = 0x30,
	SK_DER_SET = 0x31
};

struct sk_der {
	const unsigned char *p;
	size_t n;
};

/*
 * Takes the next element off the front: 0 with its tag and contents, -1 at
 * the end or where the bytes are no DER. Tags of one byte and lengths of up
 * to four are understood: a certificate has no others.
 */
int sk_der_next(struct sk_der *in, unsigned *tag, struct sk_der *value);

/* The same where only one tag will do; in stays where it was if not. */
int sk_der_take(struct sk_der *in, unsigned tag, struct sk_der *value);

/* Are these exactly the bytes of an object identifier? */
int sk_der_is(const struct sk_der *, const void *bytes, size_t n);

#endif
