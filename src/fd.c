/*
 * fd.c - the lowest layer: a descriptor of a stream socket.
 */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "file.h"
#include "rest.h"
#include "sock.h"

/*
 * The most that one read or write moves. A test build makes it small
 * (-DSK_CHUNK=23), so that every item and every record is cut everywhere.
 */
#ifndef SK_CHUNK
#define SK_CHUNK SIZE_MAX
#endif

const struct sk_fd_options sk_fd_defaults = {
	NULL, -1, -1, -1, -1, -1, -1, -1
};

struct fd {
	struct sk_layer layer;
	int fd;			/* -1 until it is connected */
	unsigned char open;
	unsigned char parting;	/* what does not fit goes to the rest */
	unsigned char untouched;	/* accepted, and not ours to read from:
					 * a child or who is passed a copy will */
	struct sk_rest rest;
	struct sk_dial *dial;	/* NULL once connected */
	struct sk_file file;	/* bound to, as a client */
	pid_t pid;		/* a child by fork(2) only closes its copy */
};

static const struct sk_layer_ops fd_ops;

static struct fd *
fd_of(const struct sk_layer *l)
{
	return (struct fd *)(void *)(uintptr_t)l;
}

static int
fd_open(struct sk_layer *l, struct sk_err *err)
{
	struct fd *f = fd_of(l);
	int r;

	if (f->open)
		return 0;
	if ((r = sk_dial_step(f->dial, &f->fd, err)) != 0)
		return r;
	f->open = 1;
	sk_dial_take_file(f->dial, &f->file);
	sk_dial_free(f->dial);
	f->dial = NULL;
	return 0;
}

/*
 * Bytes
 */

static size_t
chunk(size_t n)
{
	return n < SK_CHUNK ? n : SK_CHUNK;
}

static ssize_t
fd_read(struct sk_layer *l, void *p, size_t n, struct sk_err *err)
{
	struct fd *f = fd_of(l);
	ssize_t r;

	f->untouched = 0;
	do
		r = recv(f->fd, p, chunk(n), 0);
	while (r == -1 && errno == EINTR);
	if (r >= 0)
		return r;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return SK_WANT_READ;
	return sk_fail_sys(err, errno, "read");
}

static ssize_t
fd_write(struct sk_layer *l, const void *p, size_t n, struct sk_err *err)
{
	struct fd *f = fd_of(l);
	ssize_t r;

	f->untouched = 0;
	if (f->rest.n > 0)
		return sk_rest_keep(&f->rest, p, n, err);
	do
		r = send(f->fd, p, chunk(n), MSG_NOSIGNAL);
	while (r == -1 && errno == EINTR);
	if (r >= 0)
		return r;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return f->parting ? sk_rest_keep(&f->rest, p, n, err) : SK_WANT_WRITE;
	return sk_fail_sys(err, errno, "write");
}

static int
fd_shut(struct sk_layer *l, struct sk_err *err)
{
	struct fd *f = fd_of(l);

	if (!f->open || f->rest.n > 0 || shutdown(f->fd, SHUT_WR) == 0 ||
	    errno == ENOTCONN)
		return 0;
	return sk_fail_sys(err, errno, "shutdown");
}

static void
fd_free(struct sk_layer *l)
{
	struct fd *f = fd_of(l);

	if (f->open && f->fd != -1 && f->pid == getpid() && !f->untouched)
		sk_rest_part(&f->rest, f->fd);
	else
		sk_fd_close(f->fd);
	sk_file_remove(&f->file);
	sk_dial_free(f->dial);
	free(f);
}

static const struct sk_layer_ops fd_ops = {
	fd_open, fd_read, fd_write, fd_shut, fd_free, 0
};

static struct fd *
fd_new(int fd, struct sk_err *err)
{
	struct fd *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		(void)sk_fail(err, SK_MEMORY, "out of memory");
		return NULL;
	}
	f->layer.ops = &fd_ops;
	f->fd = fd;
	f->open = fd != -1;
	f->pid = getpid();
	return f;
}

struct sk_layer *
sk_fd_dial(struct sk_addr *list, size_t count,
    const struct sk_fd_options *options, struct sk_err *err)
{
	struct fd *f = fd_new(-1, err);

	if (f == NULL) {
		free(list);
		return NULL;
	}
	if ((f->dial = sk_dial_new(list, count, options, err)) == NULL) {
		free(f);
		return NULL;
	}
	return &f->layer;
}

struct sk_layer *
sk_fd_adopt(int fd, struct sk_err *err)
{
	struct fd *f;

	if (sk_fd_prepare(fd, err) != 0 || (f = fd_new(fd, err)) == NULL)
		return NULL;
	return &f->layer;
}

/* The lowest layer of a stack. */
static struct fd *
lowest(const struct sk_layer *l)
{
	while (l->below != NULL)
		l = l->below;
	return l->ops == &fd_ops ? fd_of(l) : NULL;
}

int
sk_fd_of(const struct sk_layer *top)
{
	struct fd *f = lowest(top);

	if (f == NULL)
		return -1;
	return f->dial != NULL ? sk_dial_fd(f->dial) : f->fd;
}

int
sk_fd_release(struct sk_layer *top)
{
	struct fd *f = lowest(top);
	int fd = f->fd;

	sk_file_leave(&f->file);
	f->fd = -1;
	f->open = 0;
	return fd;
}

void
sk_fd_part(struct sk_layer *top)
{
	struct fd *f = lowest(top);

	if (f != NULL)
		f->parting = 1;
}

int
sk_fd_shut_read(struct sk_layer *top, struct sk_err *err)
{
	struct fd *f = lowest(top);

	if (f == NULL || shutdown(f->fd, SHUT_RD) == 0 || errno == ENOTCONN)
		return 0;
	return sk_fail_sys(err, errno, "shutdown");
}

/*
 * Is that errno the end of a connection that was gone before it was accepted?
 * It is none then, and the next one is tried (accept(2), "Error handling").
 */
static int
was_gone(int sys)
{
	static const int causes[] = { EINTR, ECONNABORTED, EPROTO, ENETDOWN,
	    ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENOPROTOOPT };
	size_t i;

	for (i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		if (causes[i] == sys)
			return 1;
	}
	return 0;
}

int
sk_fd_accept(int listener, struct sk_layer **out, struct sk_addr *peer,
    struct sk_err *err)
{
	struct fd *f;
	int fd, tries = 0;

	do {
		peer->len = sizeof(peer->ss);
		memset(&peer->ss, 0, sizeof(peer->ss));
#ifdef SOCK_NONBLOCK
		fd = accept4(listener, (struct sockaddr *)&peer->ss,
		    &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
		fd = accept(listener, (struct sockaddr *)&peer->ss,
		    &peer->len);
#endif
	} while (fd == -1 && ++tries < 100 && was_gone(errno));
	if (fd == -1) {
		if (errno == EAGAIN || errno == EWOULDBLOCK || was_gone(errno))
			return SK_WANT_READ;
		return sk_fail_sys(err, errno, "accept");
	}
#ifndef SOCK_NONBLOCK
	if (sk_fd_prepare(fd, err) != 0) {
		sk_fd_close(fd);
		return SK_FAIL;
	}
#endif
	if ((f = fd_new(fd, err)) == NULL) {
		sk_fd_close(fd);
		return SK_FAIL;
	}
	f->untouched = 1;
	*out = &f->layer;
	return 0;
}
