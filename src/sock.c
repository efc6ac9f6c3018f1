/*
 * sock.c - sockets of any type: making, setting, binding, examining.
 */
#include "sock.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

void
sk_fd_close(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

int
sk_fd_prepare(int fd, struct sk_err *err)
{
	int flags;
#ifdef SO_NOSIGPIPE
	int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
#endif
	if ((flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return sk_fail_sys(err, errno, "descriptor %d", fd);
	return 0;
}

int
sk_sock_pipe(int fds[2])
{
#ifdef __APPLE__
	if (pipe(fds) == -1)
		return -1;
	(void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	return 0;
#else
	return pipe2(fds, O_CLOEXEC);
#endif
}

int
sk_sock_new(int family, int type, struct sk_err *err)
{
	int fd;

#if defined(SOCK_NONBLOCK) && !defined(SO_NOSIGPIPE)
	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
	fd = socket(family, type, 0);
#endif
	if (fd == -1) {
		(void)sk_fail_sys(err, errno, "socket");
		return -1;
	}
#if !defined(SOCK_NONBLOCK) || defined(SO_NOSIGPIPE)
	if (sk_fd_prepare(fd, err) != 0) {
		sk_fd_close(fd);
		return -1;
	}
#endif
	return fd;
}

/* Sets a flag that was asked for; -1 is: not said. */
static int
set_flag(int fd, int level, int option, int value, const char *name,
    struct sk_err *err)
{
	if (value == -1)
		return 0;
	if (option == -1)
		return sk_fail(err, SK_UNSUPPORTED,
		    "%s: this system has no such option", name);
	if (setsockopt(fd, level, option, &value, sizeof(value)) == 0)
		return 0;
	return sk_fail_sys(err, errno, "%s", name);
}

/* A wish that a socket of that family cannot honour is refused. */
static int
only_for(int fits, int value, const char *name, struct sk_err *err)
{
	if (value == -1 || fits)
		return 0;
	return sk_fail(err, SK_UNSUPPORTED,
	    "%s: no such option on this kind of socket", name);
}

int
sk_sock_prepare(int fd, int type, const struct sk_addr *to,
    const struct sk_fd_options *o, struct sk_err *err)
{
	int family = to->ss.ss_family;
#ifdef SO_REUSEPORT
	const int reuseport = SO_REUSEPORT;
#else
	const int reuseport = -1;
#endif

	if (only_for(family != AF_UNIX && type == SOCK_STREAM, o->nodelay,
	    "nodelay", err) != 0 ||
	    only_for(family != AF_UNIX && type == SOCK_STREAM, o->keepalive,
	    "keepalive", err) != 0 ||
	    only_for(family != AF_UNIX, o->reuseport, "reuseport", err) != 0 ||
	    only_for(family == AF_INET6, o->ipv6only, "ipv6only", err) != 0 ||
	    only_for(type == SOCK_DGRAM && family != AF_UNIX, o->broadcast,
	    "broadcast", err) != 0)
		return SK_FAIL;
	if (set_flag(fd, IPPROTO_TCP, TCP_NODELAY, o->nodelay, "nodelay",
	    err) != 0 ||
	    set_flag(fd, SOL_SOCKET, SO_KEEPALIVE, o->keepalive, "keepalive",
	    err) != 0 ||
	    set_flag(fd, SOL_SOCKET, reuseport, o->reuseport, "reuseport",
	    err) != 0 ||
	    set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->ipv6only, "ipv6only",
	    err) != 0 ||
	    set_flag(fd, SOL_SOCKET, SO_BROADCAST, o->broadcast, "broadcast",
	    err) != 0)
		return SK_FAIL;
	if (o->bind == NULL)
		return 0;
	if (o->bind->ss.ss_family != family)
		return sk_fail(err, SK_UNREACHABLE,
		    "bind: the local address is of another family");
	return sk_sock_bind(fd, o->bind, o, err);
}

int
sk_sock_bind(int fd, const struct sk_addr *a, const struct sk_fd_options *o,
    struct sk_err *err)
{
	const struct sockaddr_un *un = (const void *)&a->ss;
	int is_file = a->ss.ss_family == AF_UNIX && un->sun_path[0] != '\0';
	int on = 1, type = 0;
	socklen_t n = sizeof(type);

	if (o->mode != -1 && !is_file)
		return sk_fail(err, SK_UNSUPPORTED,
		    "mode: this socket has no file");
	(void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n);
	if (a->ss.ss_family != AF_UNIX && type == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
		    sizeof(on));
#ifdef __linux__
	/* The file gets the mode of the descriptor less the umask: there is
	 * no moment in which others could connect. */
	if (o->mode != -1 && fchmod(fd, (mode_t)o->mode) == -1)
		return sk_fail_sys(err, errno, "mode");
#endif
	if (bind(fd, (const struct sockaddr *)&a->ss, a->len) == -1)
		return sk_fail_sys(err, errno, "bind");
	if (o->mode != -1 && chmod(un->sun_path, (mode_t)o->mode) == -1)
		return sk_fail_sys(err, errno, "mode");
	return 0;
}

int
sk_sock_bound(const struct sk_addr *a, int type,
    const struct sk_fd_options *o, struct sk_err *err)
{
	struct sk_fd_options options = *o;
	int fd = sk_sock_new(a->ss.ss_family, type, err);

	if (fd == -1)
		return SK_FAIL;
	options.bind = NULL;
	if (sk_sock_prepare(fd, type, a, &options, err) != 0 ||
	    sk_sock_bind(fd, a, o, err) != 0) {
		sk_fd_close(fd);
		return SK_FAIL;
	}
	return fd;
}

int
sk_fd_backlog(int fd, int backlog, struct sk_err *err)
{
	return listen(fd, backlog) == 0 ? 0 : sk_fail_sys(err, errno, "listen");
}

int
sk_fd_listen(const struct sk_addr *a, const struct sk_fd_options *o,
    struct sk_err *err)
{
	int fd = sk_sock_bound(a, SOCK_STREAM, o, err);

	if (fd == SK_FAIL)
		return SK_FAIL;
	if (sk_fd_backlog(fd, o->backlog >= 0 ? o->backlog : SOMAXCONN,
	    err) != 0) {
		sk_fd_close(fd);
		return SK_FAIL;
	}
	return fd;
}

int
sk_fd_pair(int type, int fds[2], struct sk_err *err)
{
	if (socketpair(AF_UNIX, type, 0, fds) == -1)
		return sk_fail_sys(err, errno, "socketpair");
	if (sk_fd_prepare(fds[0], err) == 0 && sk_fd_prepare(fds[1], err) == 0)
		return 0;
	sk_fd_close(fds[0]);
	sk_fd_close(fds[1]);
	return SK_FAIL;
}

int
sk_fd_local(int fd, struct sk_addr *a, struct sk_err *err)
{
	a->len = sizeof(a->ss);
	memset(&a->ss, 0, sizeof(a->ss));
	if (getsockname(fd, (struct sockaddr *)&a->ss, &a->len) == -1)
		return sk_fail_sys(err, errno, "getsockname");
	return 1;
}

int
sk_fd_peer(int fd, struct sk_addr *a, struct sk_err *err)
{
	a->len = sizeof(a->ss);
	memset(&a->ss, 0, sizeof(a->ss));
	if (getpeername(fd, (struct sockaddr *)&a->ss, &a->len) == 0)
		return 1;
	if (errno == ENOTCONN || errno == EINVAL)
		return 0;
	return sk_fail_sys(err, errno, "getpeername");
}

int
sk_fd_examine(int fd, struct sk_fd_kind *k, struct sk_err *err)
{
	struct sk_addr a;
	socklen_t n = sizeof(int);

	k->type = k->listening = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &k->type, &n) == -1)
		return sk_fail_sys(err, errno, "descriptor %d", fd);
	n = sizeof(int);
	(void)getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &k->listening, &n);
	if (sk_fd_local(fd, &a, err) == SK_FAIL)
		return SK_FAIL;
	k->family = a.ss.ss_family;
	if ((k->type == SOCK_STREAM || k->type == SOCK_DGRAM) &&
	    (k->family == AF_INET || k->family == AF_INET6 ||
	    k->family == AF_UNIX))
		return 0;
	return sk_fail(err, SK_UNSUPPORTED,
	    "descriptor %d: a socket of a kind that is not spoken here", fd);
}
