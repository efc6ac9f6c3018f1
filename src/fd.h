/*
 * fd.h - the lowest layer: a descriptor of a stream socket, always
 * non-blocking, close-on-exec, and never a cause of SIGPIPE; and the listener
 * that streams come from.
 */
#ifndef SK_FD_H
#define SK_FD_H

#include "addr.h"

/* What is to be set on a socket before it is connected or bound. */
struct sk_fd_options {
	const struct sk_addr *bind;	/* a local address, or NULL */
	int nodelay;			/* -1: not said; 0, 1 */
	int keepalive;			/* likewise */
	int reuseport;
	int ipv6only;
	int broadcast;
	int backlog;			/* -1: SOMAXCONN */
	long mode;			/* of a Unix socket's file; -1: umask */
};

extern const struct sk_fd_options sk_fd_defaults;

/*
 * A layer that dials the addresses in turn until one answers; its open() does
 * the work. Takes over list (malloc'd), also when it fails. Where all fail,
 * the error is that of the last address, and the text counts them.
 * NULL with the error recorded, for want of memory.
 */
struct sk_layer *sk_fd_dial(struct sk_addr *list, size_t count,
    const struct sk_fd_options *, struct sk_err *);

/*
 * A layer around a connected stream socket. The descriptor becomes
 * non-blocking and close-on-exec; the layer owns it, unless NULL is returned.
 */
struct sk_layer *sk_fd_adopt(int fd, struct sk_err *);

/* The descriptor at the bottom of a stack, or -1. */
int sk_fd_of(const struct sk_layer *top);

/* Takes the descriptor out of the bottom of a stack, closed afterwards. */
int sk_fd_release(struct sk_layer *top);

/*
 * The owner is about to let go: a write now takes everything, and what the
 * kernel has no room for is sent by a thread once the layer is freed.
 */
void sk_fd_part(struct sk_layer *top);

/* shutdown(2) for reading, of the descriptor at the bottom. */
int sk_fd_shut_read(struct sk_layer *top, struct sk_err *);

/*
 * Listeners. They are plain descriptors, owned by the caller.
 *
 * sk_fd_listen   a listening socket on the address, or SK_FAIL.
 * sk_fd_accept   the next connection's layer in *out and its address in
 *                *peer, and 0; SK_WANT_READ; SK_FAIL.
 * sk_fd_pair     two connected sockets of type SOCK_STREAM or SOCK_DGRAM.
 * sk_fd_close    closes, takes -1.
 */
int sk_fd_listen(const struct sk_addr *, const struct sk_fd_options *,
    struct sk_err *);

/* How many connections may wait to be accepted, from now on. 0 or SK_FAIL. */
int sk_fd_backlog(int fd, int backlog, struct sk_err *);
int sk_fd_accept(int fd, struct sk_layer **out, struct sk_addr *peer,
    struct sk_err *);
int sk_fd_pair(int type, int fds[2], struct sk_err *);
void sk_fd_close(int fd);

/* Local or peer's address of a socket: 1, 0 for none, SK_FAIL. */
int sk_fd_local(int fd, struct sk_addr *, struct sk_err *);
int sk_fd_peer(int fd, struct sk_addr *, struct sk_err *);

/*
 * What an inherited descriptor is: its socket type, its family, and whether
 * it listens. SK_FAIL with code unsupported for what is no socket, or of a
 * family or type that this library does not speak.
 */
struct sk_fd_kind {
	int type;		/* SOCK_STREAM or SOCK_DGRAM */
	int family;		/* AF_INET, AF_INET6 or AF_UNIX */
	int listening;
};
int sk_fd_examine(int fd, struct sk_fd_kind *, struct sk_err *);

/* O_NONBLOCK and FD_CLOEXEC on; 0 or SK_FAIL. */
int sk_fd_prepare(int fd, struct sk_err *);

#endif
