/*
 * scratch.c - a file that nobody else sees.
 */
#include "scratch.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "sock.h"

#ifdef MFD_CLOEXEC
int
sk_scratch_new(char path[SK_SCRATCH_PATH], struct sk_err *err)
{
	int fd = memfd_create("urlsock", MFD_CLOEXEC);

	if (fd == -1 || fchmod(fd, S_IRUSR | S_IWUSR) == -1) {
		(void)sk_fail_sys(err, errno, "file in memory");
		sk_fd_close(fd);
		return -1;
	}
	(void)snprintf(path, SK_SCRATCH_PATH, "/proc/self/fd/%d", fd);
	return fd;
}

void
sk_scratch_free(int fd, const char path[SK_SCRATCH_PATH])
{
	(void)path;
	sk_fd_close(fd);
}
#else
int
sk_scratch_new(char path[SK_SCRATCH_PATH], struct sk_err *err)
{
	int fd;

	(void)snprintf(path, SK_SCRATCH_PATH, "/tmp/urlsock.XXXXXXXXXX");
	if ((fd = mkstemp(path)) == -1) {
		(void)sk_fail_sys(err, errno, "temporary file");
		return -1;
	}
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

void
sk_scratch_free(int fd, const char path[SK_SCRATCH_PATH])
{
	if (fd != -1)
		(void)unlink(path);
	sk_fd_close(fd);
}
#endif

int
sk_scratch_write(int fd, const void *p, size_t n, struct sk_err *err)
{
	const char *at = p;
	ssize_t r;

	while (n > 0) {
		r = write(fd, at, n);
		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0)
			return sk_fail_sys(err, r == 0 ? EIO : errno,
			    "write to a temporary file");
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

void
sk_wipe(void *p, size_t n)
{
	volatile char *at = p;

	while (n-- > 0)
		*at++ = 0;
}
