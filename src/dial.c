/*
 * dial.c - from addresses to a connected descriptor.
 *
 * On one address, or while they answer at once, all is done here. When an
 * address keeps us waiting and there are more, a thread takes over, with what
 * is under way: it begins another every STAGGER seconds, until one answers,
 * and tells of it on a pipe. So whoever waits needs no timer, and only one
 * descriptor.
 */
#include "dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "errand.h"
#include "sock.h"

#define STAGGER 0.25		/* seconds; RFC 8305, section 5 */
#define ATTEMPTS_MAX 16		/* at a time */

/* The addresses, and how far they have been tried. */
struct targets {
	struct sk_addr *list;
	size_t count, next;
	struct sk_fd_options options;
	struct sk_addr local;
	struct sk_file file;	/* bound to, of Unix sockets: these have one
				 * address, and race with nobody */
	struct sk_err last;	/* why the address before did not do */
};

struct race {
	struct sk_errand errand;
	struct targets targets;
	int first;		/* the descriptor that was under way */
	int winner;		/* -1: none */
};

struct sk_dial {
	struct targets targets;
	int fd;			/* the one under way, or -1 */
	struct race *race;
};

static void
targets_free(struct targets *t)
{
	sk_file_remove(&t->file);
	free(t->list);
	sk_err_clear(&t->last);
}

/* Notes why an address failed, in place of what was noted before. */
static void
note(struct targets *t, const struct sk_addr *to, int sys)
{
	char text[SK_URL_MAX];

	sk_err_clear(&t->last);
	if (sk_addr_text(to, "tcp", text) == 0)
		text[0] = '\0';
	if (t->count > 1)
		(void)sk_fail_sys(&t->last, sys, "connect %s (last of %zu "
		    "addresses)", text, t->count);
	else
		(void)sk_fail_sys(&t->last, sys, "connect");
}

/*
 * Has the connect under way come to an end? SO_ERROR is 0 also as long as it
 * has not; only then there is no peer. A connect to a free port of the
 * ephemeral range of this machine can meet itself: a connection with nobody
 * (TCP's simultaneous open). 0, SK_WANT_WRITE, or SK_FAIL, and the descriptor
 * is closed.
 */
static int
check(struct targets *t, const struct sk_addr *to, int fd)
{
	struct sk_addr local, peer;
	struct sk_err ignored = { 0 };
	socklen_t n = sizeof(int);
	int sys = 0;

	memset(&peer, 0, sizeof(peer));
	peer.len = sizeof(peer.ss);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &n) == -1)
		sys = errno;
	if (sys == 0 && getpeername(fd, (struct sockaddr *)&peer.ss,
	    &peer.len) == -1)
		sys = errno;
	if (sys == ENOTCONN)
		return SK_WANT_WRITE;
	if (sys == 0 && to->ss.ss_family != AF_UNIX &&
	    sk_fd_local(fd, &local, &ignored) > 0 && local.len == peer.len &&
	    memcmp(&local.ss, &peer.ss, local.len) == 0)
		sys = ECONNREFUSED;
	sk_err_clear(&ignored);
	if (sys == 0)
		return 0;
	note(t, to, sys);
	sk_fd_close(fd);
	return SK_FAIL;
}

/* A socket that is set up for the address, or -1. */
static int
prepare(struct targets *t, const struct sk_addr *to)
{
	char text[SK_URL_MAX];
	int fd = sk_sock_new(to->ss.ss_family, SOCK_STREAM, &t->last);

	if (fd == -1)
		return -1;
	if (sk_sock_prepare(fd, SOCK_STREAM, to, &t->options,
	    &t->last) == 0 && (to->ss.ss_family != AF_UNIX ||
	    t->options.bind == NULL ||
	    sk_addr_text(t->options.bind, "unix", text) == 0 ||
	    sk_file_note(&t->file, text, &t->last) == 0))
		return fd;
	sk_fd_close(fd);
	return -1;
}

/* Begins with the next address: the same answers, the descriptor in *fd. */
static int
begin(struct targets *t, int *fd)
{
	const struct sk_addr *to = &t->list[t->next++];
	int sys;

	sk_err_clear(&t->last);
	if ((*fd = prepare(t, to)) == -1)
		return SK_FAIL;
	if (connect(*fd, (const struct sockaddr *)&to->ss, to->len) == 0)
		return check(t, to, *fd);
	/* After a signal it goes on by itself (POSIX, connect()). */
	if (errno == EINPROGRESS || errno == EINTR)
		return SK_WANT_WRITE;
	/* Linux: the backlog of a Unix listener is full; nothing is under way
	 * that a poll could tell the end of. */
	sys = errno == EAGAIN ? ECONNREFUSED : errno;
	note(t, to, sys);
	sk_fd_close(*fd);
	return SK_FAIL;
}

/*
 * The race
 */

static struct race *
race_of(struct sk_errand *e)
{
	return (struct race *)(void *)e;
}

static void
release(struct sk_errand *e)
{
	struct race *r = race_of(e);

	sk_fd_close(r->winner);
	targets_free(&r->targets);
	free(r);
}

/* What the thread polls: the pipe's end first, then the attempts. */
struct field {
	struct pollfd p[ATTEMPTS_MAX + 1];
	const struct sk_addr *to[ATTEMPTS_MAX + 1];
	nfds_t n;
};

static void
enter(struct field *f, int fd, short events, const struct sk_addr *to)
{
	f->p[f->n].fd = fd;
	f->p[f->n].events = events;
	f->p[f->n].revents = 0;
	f->to[f->n++] = to;
}

/* Looks at those that have come to an end: the winner, or -1. */
static int
sort_out(struct field *f, struct targets *t, int *lost)
{
	nfds_t i = 1;
	int r;

	*lost = 0;
	while (i < f->n) {
		r = SK_WANT_WRITE;
		if (f->p[i].revents != 0)
			r = check(t, f->to[i], f->p[i].fd);
		if (r == 0) {
			r = f->p[i].fd;
			f->p[i].fd = -1;
			return r;
		}
		if (r == SK_FAIL) {
			*lost = 1;
			f->n--;
			f->p[i] = f->p[f->n];
			f->to[i] = f->to[f->n];
		} else
			i++;
	}
	return -1;
}

/* The descriptor that connected first, or -1: none did, or nobody cares. */
static int
run(struct race *r, struct field *f)
{
	struct targets *t = &r->targets;
	struct sk_err err = { 0 };
	double due = sk_now() + STAGGER, left;
	int fd, lost, more;

	while (f->n > 1 || t->next < t->count) {
		more = t->next < t->count && f->n <= ATTEMPTS_MAX;
		left = due - sk_now();
		if (more && left <= 0) {
			switch (begin(t, &fd)) {
			case 0:
				return fd;
			case SK_WANT_WRITE:
				enter(f, fd, POLLOUT, &t->list[t->next - 1]);
				due = sk_now() + STAGGER;
				break;
			default:
				break;
			}
			continue;
		}
		if (sk_poll(f->p, f->n, more ? left : -1, &err) == SK_FAIL) {
			sk_err_clear(&t->last);
			(void)sk_err_move(&t->last, &err);
			break;
		}
		if (f->p[0].revents != 0)
			break;
		if ((fd = sort_out(f, t, &lost)) != -1)
			return fd;
		if (lost)
			due = sk_now();
	}
	return -1;
}

static void
race(struct sk_errand *e)
{
	struct race *r = race_of(e);
	struct field f;
	nfds_t i;

	memset(&f, 0, sizeof(f));
	enter(&f, e->pipe[1], 0, NULL);
	enter(&f, r->first, POLLOUT, &r->targets.list[r->targets.next - 1]);
	r->winner = run(r, &f);
	for (i = 1; i < f.n; i++)
		sk_fd_close(f.p[i].fd);
}

/* Hands all that is left to a thread: 0, or -1 and nothing has changed. */
static int
start_race(struct sk_dial *d)
{
	struct race *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	r->winner = -1;
	r->first = d->fd;
	r->targets = d->targets;
	if (r->targets.options.bind != NULL)
		r->targets.options.bind = &r->targets.local;
	if (sk_errand_start(&r->errand, race, release) != 0) {
		free(r);
		return -1;
	}
	memset(&d->targets, 0, sizeof(d->targets));
	d->fd = -1;
	d->race = r;
	return 0;
}

static int
race_step(struct race *r, int *fd, struct sk_err *err)
{
	if (!sk_errand_is_done(&r->errand))
		return SK_WANT_READ;
	*fd = r->winner;
	r->winner = -1;
	return *fd != -1 ? 0 : sk_err_copy(err, &r->targets.last);
}

/*
 * The dial
 */

/* Lets the two families take turns, each in its own order. */
static void
interleave(struct sk_addr *list, size_t count)
{
	struct sk_addr a;
	size_t i, k;

	for (i = 1; i < count; i++) {
		for (k = i; k < count && list[k].ss.ss_family ==
		    list[i - 1].ss.ss_family; k++)
			;
		if (k == i || k == count)
			continue;
		a = list[k];
		memmove(&list[i + 1], &list[i], (k - i) * sizeof(a));
		list[i] = a;
	}
}

struct sk_dial *
sk_dial_new(struct sk_addr *list, size_t count,
    const struct sk_fd_options *options, struct sk_err *err)
{
	struct sk_dial *d = calloc(1, sizeof(*d));
	struct targets *t;

	if (d == NULL) {
		free(list);
		(void)sk_fail(err, SK_MEMORY, "out of memory");
		return NULL;
	}
	d->fd = -1;
	t = &d->targets;
	t->list = list;
	t->count = count;
	t->options = *options;
	if (options->bind != NULL) {
		t->local = *options->bind;
		t->options.bind = &t->local;
	}
	if (count == 0)
		(void)sk_fail(&t->last, SK_RESOLVE, "there is no address");
	interleave(list, count);
	return d;
}

int
sk_dial_step(struct sk_dial *d, int *fd, struct sk_err *err)
{
	struct targets *t = &d->targets;
	int r = SK_FAIL;

	if (d->race != NULL)
		return race_step(d->race, fd, err);
	if (d->fd != -1)
		r = check(t, &t->list[t->next - 1], d->fd);
	while (r == SK_FAIL) {
		d->fd = -1;
		if (t->next == t->count)
			return sk_err_copy(err, &t->last);
		r = begin(t, &d->fd);
	}
	if (r == 0) {
		*fd = d->fd;
		d->fd = -1;
		return 0;
	}
	if (t->next < t->count && start_race(d) == 0)
		return SK_WANT_READ;
	return r;
}

int
sk_dial_fd(const struct sk_dial *d)
{
	return d->race != NULL ? sk_errand_fd(&d->race->errand) : d->fd;
}

void
sk_dial_take_file(struct sk_dial *d, struct sk_file *file)
{
	*file = d->targets.file;
	memset(&d->targets.file, 0, sizeof(d->targets.file));
}

void
sk_dial_free(struct sk_dial *d)
{
	if (d == NULL)
		return;
	if (d->race != NULL)
		sk_errand_leave(&d->race->errand);
	sk_fd_close(d->fd);
	targets_free(&d->targets);
	free(d);
}
