/*
 * errand.h - work on a thread of its own, that announces its end on a
 * descriptor which anybody can poll.
 *
 * It is shared by two, its owner and its thread, and whoever lets go last
 * frees it: so an abandoned one leaks nothing, however long it takes. Embed it
 * as the first member of a struct with what the work needs.
 */
#ifndef SK_ERRAND_H
#define SK_ERRAND_H

#include <pthread.h>

struct sk_errand {
	pthread_mutex_t lock;
	int holders;
	int done;
	int pipe[2];		/* the thread closes the second at the end */
	void (*run)(struct sk_errand *);
	void (*free)(struct sk_errand *);
};

/*
 * Starts run on a thread; free is called once both have let go. 0, or an
 * errno, and then nothing has begun, and free is not called.
 */
int sk_errand_start(struct sk_errand *, void (*run)(struct sk_errand *),
    void (*free)(struct sk_errand *));

/* The owner's: readable when the work is done. */
int sk_errand_fd(const struct sk_errand *);
int sk_errand_is_done(struct sk_errand *);

/*
 * The owner lets go. Work that is under way may notice: the thread's end of
 * the pipe, pipe[1], then polls as broken.
 */
void sk_errand_leave(struct sk_errand *);

#endif
