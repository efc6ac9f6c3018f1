/*
 * dgram.c - one message out, one message in.
 */
#include "dgram.h"

#include <sys/uio.h>

#include <errno.h>
#include <string.h>

#include "sock.h"

int
sk_dgram_connect(const struct sk_addr *a, const struct sk_fd_options *o,
    struct sk_err *err)
{
	int fd = sk_sock_new(a->ss.ss_family, SOCK_DGRAM, err);

	if (fd == -1)
		return SK_FAIL;
	if (sk_sock_prepare(fd, SOCK_DGRAM, a, o, err) != 0) {
		sk_fd_close(fd);
		return SK_FAIL;
	}
	if (connect(fd, (const struct sockaddr *)&a->ss, a->len) == -1) {
		(void)sk_fail_sys(err, errno, "connect");
		sk_fd_close(fd);
		return SK_FAIL;
	}
	return fd;
}

int
sk_dgram_bind(const struct sk_addr *a, const struct sk_fd_options *o,
    struct sk_err *err)
{
	return sk_sock_bound(a, SOCK_DGRAM, o, err);
}

int
sk_dgram_send(int fd, const void *p, size_t n, const struct sk_addr *to,
    struct sk_err *err)
{
	const struct sockaddr *sa = NULL;
	socklen_t length = 0;
	ssize_t r;

	if (to != NULL) {
		sa = (const struct sockaddr *)&to->ss;
		length = to->len;
	}
	do
		r = sendto(fd, p, n, MSG_NOSIGNAL, sa, length);
	while (r == -1 && errno == EINTR);
	if (r >= 0)
		return 0;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return SK_WANT_WRITE;
	return sk_fail_sys(err, errno, "send");
}

ssize_t
sk_dgram_receive(int fd, void *p, size_t n, struct sk_addr *from,
    int *truncated, struct sk_err *err)
{
	struct iovec iov;
	struct msghdr m;
	ssize_t r;

	memset(&m, 0, sizeof(m));
	iov.iov_base = p;
	iov.iov_len = n;
	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	if (from != NULL) {
		memset(from, 0, sizeof(*from));
		m.msg_name = &from->ss;
		m.msg_namelen = sizeof(from->ss);
	}
	do
		r = recvmsg(fd, &m, 0);
	while (r == -1 && errno == EINTR);
	if (r == -1) {
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return SK_WANT_READ;
		return sk_fail_sys(err, errno, "receive");
	}
	if (from != NULL)
		from->len = m.msg_namelen;
	*truncated = (m.msg_flags & MSG_TRUNC) != 0;
	return r;
}
