/*
 * clock.h - the monotonic clock, and the one place that sleeps.
 */
#ifndef SK_CLOCK_H
#define SK_CLOCK_H

#include <poll.h>

#include "io.h"

/* Seconds since some moment in the past; never runs backwards. */
double sk_now(void);

/* Seconds since 1970 by the clock on the wall, which can be set. */
double sk_wall(void);

/*
 * poll(2) for at most that many seconds; a negative number waits for ever.
 * Interrupted by a signal, it returns early with 0, so that the host's
 * handlers get their turn. The number of ready descriptors, or SK_FAIL.
 */
int sk_poll(struct pollfd *, nfds_t, double seconds, struct sk_err *);

#endif
