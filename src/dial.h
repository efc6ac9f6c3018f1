/*
 * dial.h - from addresses to a connected descriptor: one address after the
 * other, and where one keeps us waiting, several at a time (RFC 8305, "Happy
 * Eyeballs").
 */
#ifndef SK_DIAL_H
#define SK_DIAL_H

#include "fd.h"
#include "file.h"

struct sk_dial;

/*
 * Takes over list (malloc'd), also when it fails: NULL, for want of memory.
 * The addresses are tried in the order of the list, the two families taking
 * turns.
 */
struct sk_dial *sk_dial_new(struct sk_addr *list, size_t count,
    const struct sk_fd_options *, struct sk_err *);

/*
 * A step: 0 with a connected descriptor in *fd, which is the caller's;
 * SK_WANT_* for sk_dial_fd(); or SK_FAIL with why the last address did not
 * do.
 */
int sk_dial_step(struct sk_dial *, int *fd, struct sk_err *);

/* The descriptor to wait for, or -1. */
int sk_dial_fd(const struct sk_dial *);

/* Once connected: the file that a Unix socket was bound to, the caller's now. */
void sk_dial_take_file(struct sk_dial *, struct sk_file *);

/* Lets go of all that is under way; takes NULL. */
void sk_dial_free(struct sk_dial *);

#endif
