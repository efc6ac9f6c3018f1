/*
 * resolve.h - names to addresses, by getaddrinfo(3) on a thread of its own,
 * so that a deadline holds and an event loop goes on. The answer is announced
 * on a descriptor that anybody can poll.
 */
#ifndef SK_RESOLVE_H
#define SK_RESOLVE_H

#include "addr.h"

struct sk_resolve;

/*
 * Starts the look-up of a name. family is AF_UNSPEC, AF_INET or AF_INET6.
 * Returns NULL with the error recorded.
 */
struct sk_resolve *sk_resolve_start(const char *host, unsigned port,
    int family, int socktype, struct sk_err *);

/*
 * The same, and then the name of the first address, and of the port as a
 * service of that type: see sk_resolve_names().
 */
struct sk_resolve *sk_resolve_start_names(const char *host, unsigned port,
    int family, int socktype, struct sk_err *);

/* Readable when the answer is there. Owned by the look-up. */
int sk_resolve_fd(const struct sk_resolve *);

/*
 * A step: the number of addresses (at least 1), whose array *list then
 * belongs to the caller (free(3)); SK_WANT_READ; or SK_FAIL with code
 * resolve.
 */
int sk_resolve_step(struct sk_resolve *, struct sk_addr **list,
    struct sk_err *);

/*
 * After a step that has found addresses: the names, which are the look-up's;
 * numbers in text where there are none, "" where they were not asked for.
 */
void sk_resolve_names(const struct sk_resolve *, const char **host,
    const char **service);

/*
 * Lets go. A look-up still under way is abandoned: its thread ends by itself
 * when the resolver answers, and keeps nothing from ending. Takes NULL.
 */
void sk_resolve_free(struct sk_resolve *);

#endif
