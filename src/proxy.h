/*
 * proxy.h - the PROXY protocol, versions 1 and 2: what a proxy says in front
 * of a connection about where it comes from
 * (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).
 */
#ifndef SK_PROXY_H
#define SK_PROXY_H

#include "io.h"

#define SK_PROXY_TEXT 128	/* a URL of an address, NUL-terminated */

struct sk_proxy {
	int version;				/* 1 or 2 */
	char source[SK_PROXY_TEXT];		/* "": not told (UNKNOWN, */
	char destination[SK_PROXY_TEXT];	/* LOCAL, AF_UNSPEC) */
};

/*
 * Of a header, as many bytes as are looked at: what is behind them in a
 * header of version 2 (TLVs) is read, and dropped. Nor is a CRC-32C among
 * them verified.
 */
#define SK_PROXY_HEAD 232

/*
 * How many more bytes may be read of the header that begins with the n bytes
 * at p (of which no more than SK_PROXY_HEAD have to be there): 0 where it is
 * complete, and never a byte of what follows. SK_FAIL with code denied where
 * it is no header.
 */
ssize_t sk_proxy_need(const char *p, size_t n, struct sk_err *);

/* Parses a complete one. 0, or SK_FAIL with code denied. */
int sk_proxy_parse(struct sk_proxy *, const char *p, size_t n,
    struct sk_err *);

/*
 * A layer over below, whose open() reads the header; then it is transparent.
 * NULL for want of memory, and below is untouched.
 */
struct sk_layer *sk_proxy_new(struct sk_layer *below, struct sk_err *);

/* Is there such a layer in the stack? */
int sk_proxy_is_in(const struct sk_layer *top);

/* What the header of a stack said, once it has been read; else NULL. */
const struct sk_proxy *sk_proxy_of(const struct sk_layer *top);

#endif
