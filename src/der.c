/*
 * der.c - reads DER.
 */
#include "der.h"

#include <string.h>

int
sk_der_next(struct sk_der *in, unsigned *tag, struct sk_der *value)
{
	const unsigned char *p = in->p;
	size_t left = in->n, length, i, bytes;

	if (left < 2 || (p[0] & 0x1f) == 0x1f)
		return -1;
	*tag = p[0];
	length = p[1];
	p += 2;
	left -= 2;
	if (length >= 0x80) {
		bytes = length & 0x7f;
		if (bytes == 0 || bytes > 4 || bytes > left)
			return -1;
		for (length = 0, i = 0; i < bytes; i++)
			length = length << 8 | p[i];
		p += bytes;
		left -= bytes;
	}
	if (length > left)
		return -1;
	value->p = p;
	value->n = length;
	in->p = p + length;
	in->n = left - length;
	return 0;
}

int
sk_der_take(struct sk_der *in, unsigned tag, struct sk_der *value)
{
	struct sk_der rest = *in;
	unsigned found;

	if (sk_der_next(&rest, &found, value) != 0 || found != tag)
		return -1;
	*in = rest;
	return 0;
}

int
sk_der_is(const struct sk_der *d, const void *bytes, size_t n)
{
	return d->n == n && memcmp(d->p, bytes, n) == 0;
}
