/*
 * dgram.h - one message out, one message in. The descriptor is the caller's.
 */
#ifndef SK_DGRAM_H
#define SK_DGRAM_H

#include "fd.h"

/*
 * A datagram socket connected to the address, or bound to it. bind, in the
 * options, is the local address of a connected one. The descriptor, or
 * SK_FAIL.
 */
int sk_dgram_connect(const struct sk_addr *, const struct sk_fd_options *,
    struct sk_err *);
int sk_dgram_bind(const struct sk_addr *, const struct sk_fd_options *,
    struct sk_err *);

/*
 * Steps. to is NULL on a connected socket. A datagram goes out whole or not
 * at all: 0, SK_WANT_WRITE, SK_FAIL (code limit where it is too long for the
 * network).
 */
int sk_dgram_send(int fd, const void *, size_t, const struct sk_addr *to,
    struct sk_err *);

/*
 * The length of what was stored, at most n; *truncated tells whether the
 * datagram was longer. from may be NULL; from->len is 0 for a sender without
 * a name. SK_WANT_READ, SK_FAIL (refused: an earlier one met a closed port).
 */
ssize_t sk_dgram_receive(int fd, void *, size_t n, struct sk_addr *from,
    int *truncated, struct sk_err *);

#endif
