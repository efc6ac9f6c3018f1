/*
 * greeting.h - the first bytes that a peer sends where TLS is expected.
 */
#ifndef SK_GREETING_H
#define SK_GREETING_H

#include "io.h"

#define SK_GREETING 80		/* bytes of them that are kept to be shown */

/* Do they begin a TLS record (RFC 8446, section 5.1)? n is at least 1. */
int sk_greeting_is_record(const char *, size_t n);

/* Could they be the beginning of a ClientHello or ServerHello record? */
int sk_greeting_is_hello(const char *, size_t n);

/*
 * Says what they are instead, in words that help: the two commonest mistakes
 * are TLS on a port that begins in the clear, and a request for STARTTLS that
 * the server did not accept. server is our role; late where TLS begins on an
 * open connection. SK_FAIL, code plaintext or tls.
 */
int sk_greeting_fail(const char *, size_t n, int server, int late,
    struct sk_err *);

/* The first line of them, a point for what cannot be shown. */
void sk_greeting_line(char out[SK_GREETING + 1], const char *, size_t n);

#endif
