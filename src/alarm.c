/*
 * alarm.c - a descriptor and a time as one descriptor.
 */
#include "alarm.h"

#include <errno.h>
#include <string.h>
#ifdef __linux__
#include <sys/epoll.h>
#include <sys/timerfd.h>
#endif

#include "sock.h"

#ifdef __linux__
#define LONGEST 2147483647.0	/* seconds: what any time_t holds */

static int
set_timer(int fd, double seconds)
{
	struct itimerspec t;

	memset(&t, 0, sizeof(t));
	if (seconds > LONGEST)
		seconds = LONGEST;
	t.it_value.tv_sec = (time_t)seconds;
	t.it_value.tv_nsec = (long)((seconds - (double)t.it_value.tv_sec) *
	    1e9);
	if (t.it_value.tv_sec == 0 && t.it_value.tv_nsec == 0)
		t.it_value.tv_nsec = 1;		/* 0 would disarm it */
	return timerfd_settime(fd, 0, &t, NULL);
}

static int
watch(int set, int fd, uint32_t events)
{
	struct epoll_event e;

	memset(&e, 0, sizeof(e));
	e.events = events;
	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
}

int
sk_alarm_open(struct sk_alarm *a, int watched, int for_write, double seconds,
    struct sk_err *err)
{
	a->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	a->fd = epoll_create1(EPOLL_CLOEXEC);
	if (a->timer != -1 && a->fd != -1 &&
	    (seconds < 0 || set_timer(a->timer, seconds) == 0) &&
	    watch(a->fd, a->timer, EPOLLIN) == 0 && (watched == -1 ||
	    watch(a->fd, watched, for_write ? EPOLLOUT : EPOLLIN) == 0))
		return 0;
	(void)sk_fail_sys(err, errno, "alarm");
	sk_alarm_close(a);
	return SK_FAIL;
}

void
sk_alarm_ring(struct sk_alarm *a)
{
	if (a->fd != -1)
		(void)set_timer(a->timer, 0);
}
#else
int
sk_alarm_open(struct sk_alarm *a, int watched, int for_write, double seconds,
    struct sk_err *err)
{
	(void)watched;
	(void)for_write;
	(void)seconds;
	a->fd = a->timer = -1;
	return sk_fail(err, SK_UNSUPPORTED, "alarm: only on linux");
}

void
sk_alarm_ring(struct sk_alarm *a)
{
	(void)a;
}
#endif

void
sk_alarm_close(struct sk_alarm *a)
{
	sk_fd_close(a->fd);
	sk_fd_close(a->timer);
	a->fd = a->timer = -1;
}
