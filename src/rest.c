/*
 * rest.c - what is still to be sent when a connection is let go of.
 */
#include "rest.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "clock.h"
#include "sock.h"
#include "thread.h"

#define DRAIN_MAX 262144
#define LINGER 30		/* seconds */

ssize_t
sk_rest_keep(struct sk_rest *r, const void *p, size_t n, struct sk_err *err)
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
send_on(struct sk_rest *r)
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
drop(const struct sk_rest *r, short *events)
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
finish(struct sk_rest *r)
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
	struct sk_rest *r = arg;
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
			alive = send_on(r);
		if (r->sent > before)
			end = sk_now() + LINGER;
	}
	sk_err_clear(&ignored);
	finish(r);
	free(r);
}

/* Leaves a descriptor and its rest to a thread: 0, or -1 where there is none. */
static int
leave(const struct sk_rest *rest)
{
	struct sk_rest *r = malloc(sizeof(*r));

	if (r == NULL)
		return -1;
	*r = *rest;
	if (sk_thread_start(linger, r) == 0)
		return 0;
	free(r);
	return -1;
}

void
sk_rest_part(struct sk_rest *r, int fd)
{
	struct sk_addr local;
	struct sk_err ignored = { 0 };
	int tcp = sk_fd_local(fd, &local, &ignored) > 0 &&
	    local.ss.ss_family != AF_UNIX;

	sk_err_clear(&ignored);
	drain(fd);
	r->fd = fd;
	if ((r->n > 0 || (tcp && is_sending(fd) &&
	    shutdown(fd, SHUT_WR) == 0 && is_sending(fd))) && leave(r) == 0)
		return;
	finish(r);
}
