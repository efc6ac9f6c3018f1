/*
 * errand.c - work on a thread of its own.
 */
#include "errand.h"

#include <errno.h>

#include "sock.h"
#include "thread.h"

static void
let_go(struct sk_errand *e)
{
	int last;

	(void)pthread_mutex_lock(&e->lock);
	last = --e->holders == 0;
	(void)pthread_mutex_unlock(&e->lock);
	if (!last)
		return;
	(void)pthread_mutex_destroy(&e->lock);
	e->free(e);
}

/* What the thread wrote is seen by whoever sees done, by way of the lock. */
static void
work(void *arg)
{
	struct sk_errand *e = arg;

	e->run(e);
	(void)pthread_mutex_lock(&e->lock);
	e->done = 1;
	(void)pthread_mutex_unlock(&e->lock);
	sk_fd_close(e->pipe[1]);	/* the other end becomes readable */
	let_go(e);
}

int
sk_errand_start(struct sk_errand *e, void (*run)(struct sk_errand *),
    void (*release)(struct sk_errand *))
{
	int sys;

	if (sk_sock_pipe(e->pipe) == -1)
		return errno;
	(void)pthread_mutex_init(&e->lock, NULL);
	e->holders = 2;
	e->done = 0;
	e->run = run;
	e->free = release;
	if ((sys = sk_thread_start(work, e)) == 0)
		return 0;
	(void)pthread_mutex_destroy(&e->lock);
	sk_fd_close(e->pipe[0]);
	sk_fd_close(e->pipe[1]);
	return sys;
}

int
sk_errand_fd(const struct sk_errand *e)
{
	return e->pipe[0];
}

int
sk_errand_is_done(struct sk_errand *e)
{
	int done;

	(void)pthread_mutex_lock(&e->lock);
	done = e->done;
	(void)pthread_mutex_unlock(&e->lock);
	return done;
}

void
sk_errand_leave(struct sk_errand *e)
{
	sk_fd_close(e->pipe[0]);
	let_go(e);
}
