/*
 * clock.c - the monotonic clock, and the one place that sleeps.
 */
#include "clock.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <time.h>

static double
read_clock(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double
sk_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

double
sk_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

/* Rounded up, so that no time-out is met a moment before its time. */
static int
milliseconds(double seconds)
{
	double ms = ceil(seconds * 1000);

	if (seconds < 0)
		return -1;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

int
sk_poll(struct pollfd *p, nfds_t n, double seconds, struct sk_err *err)
{
	int r = poll(p, n, milliseconds(seconds));

	if (r >= 0)
		return r;
	if (errno == EINTR)
		return 0;
	return sk_fail_sys(err, errno, "poll");
}
