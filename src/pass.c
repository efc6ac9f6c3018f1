/*
 * pass.c - descriptors and credentials over Unix sockets.
 */
#include "pass.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sock.h"

#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0	/* set after, then */
#endif

union room {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* A message of one byte with room for a descriptor. */
static void
prepare(struct msghdr *m, struct iovec *iov, char *byte, union room *room)
{
	memset(m, 0, sizeof(*m));
	memset(room, 0, sizeof(*room));
	iov->iov_base = byte;
	iov->iov_len = 1;
	m->msg_iov = iov;
	m->msg_iovlen = 1;
	m->msg_control = room->bytes;
	m->msg_controllen = sizeof(room->bytes);
}

int
sk_pass_send(int fd, int passed, struct sk_err *err)
{
	struct msghdr m;
	struct iovec iov;
	struct cmsghdr *c;
	union room room;
	char byte = 0;
	ssize_t r;

	prepare(&m, &iov, &byte, &room);
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &passed, sizeof(int));
	do
		r = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (r == -1 && errno == EINTR);
	if (r >= 0)
		return 0;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return SK_WANT_WRITE;
	return sk_fail_sys(err, errno, "sendfd");
}

int
sk_pass_receive(int fd, int *passed, struct sk_err *err)
{
	struct msghdr m;
	struct iovec iov;
	struct cmsghdr *c;
	union room room;
	char byte;
	ssize_t r;

	prepare(&m, &iov, &byte, &room);
	do
		r = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (r == -1 && errno == EINTR);
	if (r == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return SK_WANT_READ;
	if (r == -1)
		return sk_fail_sys(err, errno, "receivefd");
	if (r == 0)
		return sk_fail(err, SK_EOF,
		    "receivefd: the peer ended the stream");
	for (c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(passed, CMSG_DATA(c), sizeof(int));
		(void)fcntl(*passed, F_SETFD, FD_CLOEXEC);
		return 0;
	}
	return sk_fail(err, SK_SYSTEM, "receivefd: %s",
	    m.msg_flags & MSG_CTRUNC ?
	    "the descriptor was lost: too many are open in this process" :
	    "a byte came without a descriptor");
}

int
sk_pass_peer(int fd, struct sk_cred *cred, struct sk_err *err)
{
#ifdef SO_PEERCRED
	struct ucred u;
	socklen_t n = sizeof(u);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) == -1)
		return sk_fail_sys(err, errno, "peercred");
	cred->pid = u.pid;
	cred->uid = (long)u.uid;
	cred->gid = (long)u.gid;
#else
	uid_t uid;
	gid_t gid;

	if (getpeereid(fd, &uid, &gid) == -1)
		return sk_fail_sys(err, errno, "peercred");
	cred->pid = -1;
	cred->uid = (long)uid;
	cred->gid = (long)gid;
#endif
	return 0;
}
