/*
 * alarm.h - a descriptor that becomes readable when another is ready, or a
 * time has passed, or it is rung: for event loops that wait for descriptors
 * and know no time. On Linux only (epoll(7), timerfd_create(2)).
 */
#ifndef SK_ALARM_H
#define SK_ALARM_H

#include "io.h"

struct sk_alarm {
	int fd;			/* to be waited for, to read; -1: closed */
	int timer;
};

/*
 * watched is a descriptor or -1, for_write what it is to be ready for,
 * seconds is negative for ever. 0, or SK_FAIL with code unsupported, system.
 */
int sk_alarm_open(struct sk_alarm *, int watched, int for_write,
    double seconds, struct sk_err *);

/* Makes it readable now. */
void sk_alarm_ring(struct sk_alarm *);

void sk_alarm_close(struct sk_alarm *);

#endif
