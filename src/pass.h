/*
 * pass.h - descriptors and credentials over Unix sockets (unix(7), cmsg(3)).
 */
#ifndef SK_PASS_H
#define SK_PASS_H

#include "io.h"

/*
 * Steps. A descriptor goes along with one byte, 0, which marks its place in
 * the stream; what is received is close-on-exec, and the caller's. 0,
 * SK_WANT_*, or SK_FAIL: code eof at the end, system where a byte came
 * without a descriptor.
 */
int sk_pass_send(int fd, int passed, struct sk_err *);
int sk_pass_receive(int fd, int *passed, struct sk_err *);

struct sk_cred {
	long pid;		/* -1: the system does not tell */
	long uid;
	long gid;
};

/* Who connected: as of then. 0, or SK_FAIL with code unsupported. */
int sk_pass_peer(int fd, struct sk_cred *, struct sk_err *);

#endif
