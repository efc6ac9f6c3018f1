/*
 * rest.h - what is still to be sent when a connection is let go of.
 */
#ifndef SK_REST_H
#define SK_REST_H

#include "io.h"

/* All zero bytes: nothing. */
struct sk_rest {
	int fd;
	char *p;
	size_t n, sent, size;
};

/* Keeps n bytes behind those that it has: n, or SK_FAIL. */
ssize_t sk_rest_keep(struct sk_rest *, const void *, size_t n,
    struct sk_err *);

/*
 * Lets go of a connection without waiting for it, and of what was kept. Where
 * there is something to be sent that the peer has had no room for, a thread
 * stays with the descriptor until all is on its way, the peer has ended, or
 * half a minute has passed without progress; where not all could be sent, the
 * peer sees a reset, and not an end.
 */
void sk_rest_part(struct sk_rest *, int fd);

#endif
