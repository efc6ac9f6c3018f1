/*
 * opt.h - socket options: one table of names drives get, set and the manual.
 */
#ifndef SK_OPT_H
#define SK_OPT_H

#include "io.h"

enum sk_opt_kind {
	SK_OPT_FLAG,		/* true or false */
	SK_OPT_NUMBER,		/* a whole number */
	SK_OPT_SECONDS,		/* seconds, with a fraction */
	SK_OPT_LINGER		/* seconds, or false for off */
};

struct sk_opt {
	const char *name;
	enum sk_opt_kind kind;
	int settable;
	const char *what;	/* a line for the manual */
	int level, option;	/* as in setsockopt(2) */
	int option6;		/* the IPv6 twin at IPPROTO_IPV6, or 0 */
};

/* Ended by a row whose name is NULL. */
extern const struct sk_opt sk_opts[];
const struct sk_opt *sk_opt_find(const char *name);

/*
 * The value as a number: flags are 0 and 1, linger is -1 for off.
 * 0 or SK_FAIL (code unsupported where this socket has no such option).
 */
int sk_opt_get(int fd, const struct sk_opt *, double *, struct sk_err *);
int sk_opt_set(int fd, const struct sk_opt *, double, struct sk_err *);

/*
 * Joins or leaves a multicast group, an address without brackets. interface
 * is an address where the group is one of IPv4, NULL for the system's choice;
 * else index is a number of if_nametoindex(3), 0 for the system's choice.
 */
int sk_opt_group(int fd, int joins, const char *group, const char *interface,
    unsigned index, struct sk_err *);

/* The interface of multicast datagrams of IPv4 that are sent, by its address. */
int sk_opt_via(int fd, const char *address, struct sk_err *);
int sk_opt_get_via(int fd, char text[16], struct sk_err *);

#endif
