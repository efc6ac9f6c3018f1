/*
 * sock.h - what stream and datagram sockets are made with; shared by the
 * files that know of descriptors.
 */
#ifndef SK_SOCK_H
#define SK_SOCK_H

#include "fd.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0		/* SO_NOSIGPIPE serves instead */
#endif

/* A non-blocking, close-on-exec socket that never raises SIGPIPE, or -1. */
int sk_sock_new(int family, int type, struct sk_err *);

/*
 * Sets what the options say, and binds to options->bind; type is the socket's,
 * to the peer's address, or the one to bind to. 0 or SK_FAIL.
 */
int sk_sock_prepare(int fd, int type, const struct sk_addr *to,
    const struct sk_fd_options *, struct sk_err *);

/* A new socket of that type, set up and bound to the address; or SK_FAIL. */
int sk_sock_bound(const struct sk_addr *, int type,
    const struct sk_fd_options *, struct sk_err *);

/* A close-on-exec pipe: 0, or -1 with errno set. */
int sk_sock_pipe(int fds[2]);

/* bind(2), with the mode of a Unix socket's file. 0 or SK_FAIL. */
int sk_sock_bind(int fd, const struct sk_addr *, const struct sk_fd_options *,
    struct sk_err *);

#endif
