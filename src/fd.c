/*
 * fd.c - the lowest layer: a descriptor of a stream socket.
 */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "clock.h"
#include "dial.h"
#include "sock.h"
#include "thread.h"

#define DRAIN_MAX 262144
#define LINGER 30		/* seconds */

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

/* What is still to be sent when a connection is let go of. */
struct rest {
	int fd;
	char *p;
	size_t n, sent, size;
};

struct fd {
	struct sk_layer layer;
	int fd;			/* -1 until it is connected */
	unsigned char open;
	unsigned char parting;	/* what does not fit goes to the rest */
	struct rest rest;
	struct sk_dial *dial;	/* NULL once connected */
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
keep(struct rest *r, const void *p, size_t n, struct sk_err *err)
{
	size_t size = r->n + n > 2 * r->size ? r->n + n : 2 * r->size;
	char *block;

	if (n > r->size - r->n) {
		if ((block = realloc(r->p, size)) == NULL)
			return sk_fail(err, SK_MEMORY, "write: out of memory");
		r->p = block;
		r->size = size;
	}
	memcpy(r->p + r->n, p, n);
	r->n += n;
	return (ssize_t)n;
}

static ssize_t
fd_write(struct sk_layer *l, const void *p, size_t n, struct sk_err *err)
{
	struct fd *f = fd_of(l);
	ssize_t r;

	if (f->rest.n > 0)
		return keep(&f->rest, p, n, err);
	do
		r = send(f->fd, p, chunk(n), MSG_NOSIGNAL);
	while (r == -1 && errno == EINTR);
	if (r >= 0)
		return r;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return f->parting ? keep(&f->rest, p, n, err) : SK_WANT_WRITE;
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

/*
 * Reads and drops what has arrived, so that the close that follows ends in a
 * FIN: unread bytes are answered with a reset, which destroys what was sent
 * and not yet read by the peer (RFC 2525, section 2.17).
 */
static void
drain(int fd)
{
	char waste[16384];
	size_t total = 0;
	ssize_t r = 1;

	while (r > 0 && total < DRAIN_MAX) {
		r = recv(fd, waste, sizeof(waste), 0);
		if (r > 0)
			total += (size_t)r;
	}
}

/* Are there bytes that the peer has had no room for yet? */
static int
is_sending(int fd)
{
#ifdef SIOCOUTQNSD
	int n = 0;

	return ioctl(fd, SIOCOUTQNSD, &n) == 0 && n > 0;
#else
	(void)fd;
	return 0;
#endif
}

static int
is_transient(int sys)
{
	return sys == EAGAIN || sys == EWOULDBLOCK || sys == EINTR;
}

/* Sends what there is room for: whether the connection is of further use. */
static int
send_rest(struct rest *r)
{
	ssize_t n = send(r->fd, r->p + r->sent, r->n - r->sent, MSG_NOSIGNAL);

	if (n == -1)
		return is_transient(errno);
	r->sent += (size_t)n;
	if (r->sent == r->n)
		(void)shutdown(r->fd, SHUT_WR);
	return 1;
}

/* Drops what has arrived: the same. A peer that has ended may still read. */
static int
drop(const struct rest *r, short *events)
{
	char waste[4096];
	ssize_t n = recv(r->fd, waste, sizeof(waste), 0);

	if (n == -1)
		return is_transient(errno);
	if (n == 0)
		*events = POLLOUT;
	return n > 0 || r->sent < r->n;
}

/* A peer that does not get all of it must not take it for all. */
static void
close_rest(struct rest *r)
{
	struct linger now = { 1, 0 };

	if (r->sent < r->n)
		(void)setsockopt(r->fd, SOL_SOCKET, SO_LINGER, &now,
		    sizeof(now));
	sk_fd_close(r->fd);
	free(r->p);
}

/*
 * Sends the rest, and reads and drops until all is on its way, the peer has
 * ended, or LINGER seconds have passed without a byte of progress; then
 * closes. What arrives at a closed socket (a TLS 1.3 server's session tickets
 * do, late) is answered with a reset, which destroys what is still to be sent.
 */
static void
linger(void *arg)
{
	struct rest *r = arg;
	struct pollfd p = { 0 };
	struct sk_err ignored = { 0 };
	double end = sk_now() + LINGER;
	size_t before;
	int alive = 1;

	p.fd = r->fd;
	p.events = POLLIN | POLLOUT;
	while (alive && (r->sent < r->n || is_sending(p.fd)) &&
	    sk_now() < end) {
		if (r->sent == r->n)
			p.events = POLLIN;
		if (sk_poll(&p, 1, 0.05, &ignored) <= 0)
			continue;
		before = r->sent;
		if (p.revents & ~POLLOUT)
			alive = drop(r, &p.events);
		if (alive && r->sent < r->n)
			alive = send_rest(r);
		if (r->sent > before)
			end = sk_now() + LINGER;
	}
	sk_err_clear(&ignored);
	close_rest(r);
	free(r);
}

/* Leaves a descriptor and its rest to a thread: 0, or -1 where there is none. */
static int
leave(const struct rest *rest)
{
	struct rest *r = malloc(sizeof(*r));

	if (r == NULL)
		return -1;
	*r = *rest;
	if (sk_thread_start(linger, r) == 0)
		return 0;
	free(r);
	return -1;
}

/*
 * Lets go of a connection without waiting for it. Where a peer reads slowly,
 * a thread stays with the descriptor.
 */
static void
part(struct fd *f)
{
	struct sk_addr local;
	struct sk_err ignored = { 0 };
	int fd = f->fd, tcp = sk_fd_local(fd, &local, &ignored) > 0 &&
	    local.ss.ss_family != AF_UNIX;

	sk_err_clear(&ignored);
	drain(fd);
	f->rest.fd = fd;
	if ((f->rest.n > 0 || (tcp && is_sending(fd) &&
	    shutdown(fd, SHUT_WR) == 0 && is_sending(fd))) &&
	    leave(&f->rest) == 0)
		return;
	close_rest(&f->rest);
}

static void
fd_free(struct sk_layer *l)
{
	struct fd *f = fd_of(l);

	if (f->open && f->fd != -1 && f->pid == getpid())
		part(f);
	else
		sk_fd_close(f->fd);
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
 * Accepting. A connection that was gone before it was accepted is none
 * (accept(2), "Error handling"): the next one is tried.
 */
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
	} while (fd == -1 && ++tries < 100 && (errno == EINTR ||
	    errno == ECONNABORTED || errno == EPROTO));
	if (fd == -1) {
		if (errno == EAGAIN || errno == EWOULDBLOCK ||
		    errno == ECONNABORTED || errno == EINTR)
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
	*out = &f->layer;
	return 0;
}
