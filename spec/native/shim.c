/*
 * shim.c - system calls that fail by a plan. Preloaded (LD_PRELOAD), it takes
 * the plan from SHIM: faults separated by commas, each
 *
 *	call=fault/n	every n-th call (from the first on)
 *	call=fault@n	the n-th call only
 *
 * call is recv, send, connect, accept4, poll or socket; fault the name of an
 * errno, or "short": one byte moves. At the end the number of faults is
 * written to the standard error: "shim: 3 faults".
 */
#include <sys/socket.h>

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHORT (-1)
#define PLANS 8

struct plan {
	char call[16];
	int fault;
	int every;		/* or once, at the n-th */
	unsigned n;
	unsigned calls;
};

static const struct {
	const char *name;
	int fault;
} names[] = {
	{ "short", SHORT }, { "EINTR", EINTR }, { "EAGAIN", EAGAIN },
	{ "ENOMEM", ENOMEM }, { "EMFILE", EMFILE }, { "ENETDOWN", ENETDOWN },
	{ "EHOSTUNREACH", EHOSTUNREACH }, { "EPROTO", EPROTO },
	{ "ECONNABORTED", ECONNABORTED },
};

static struct plan plans[PLANS];
static size_t nplans;
static unsigned faults;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* One fault of the plan; a plan that makes no sense ends the program. */
static void
add(const char *text)
{
	struct plan *p = &plans[nplans];
	char fault[16], mode;
	size_t i;

	if (nplans == PLANS || sscanf(text, "%15[a-z0-9]=%15[a-zA-Z]%c%u",
	    p->call, fault, &mode, &p->n) != 4 || p->n == 0)
		abort();
	p->every = mode == '/';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, fault) == 0)
			p->fault = names[i].fault;
	}
	if (p->fault == 0)
		abort();
	nplans++;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *text = getenv("SHIM");

	while (text != NULL && *text != '\0') {
		add(text);
		text = strchr(text, ',');
		if (text != NULL)
			text++;
	}
}

__attribute__((destructor)) static void
end(void)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "shim: %u faults\n", faults);

	if (nplans > 0 && write(STDERR_FILENO, text, (size_t)n) != n)
		abort();
}

/* What is to befall this call: 0, an errno or SHORT. */
static int
fate(const char *call)
{
	struct plan *p;
	int fault = 0;

	(void)pthread_mutex_lock(&lock);
	for (p = plans; p < plans + nplans; p++) {
		if (strcmp(p->call, call) != 0)
			continue;
		p->calls++;
		if (p->every ? p->calls % p->n == 1 % p->n : p->calls == p->n)
			fault = p->fault;
	}
	if (fault != 0)
		faults++;
	(void)pthread_mutex_unlock(&lock);
	return fault;
}

/* The real one: f is set to the next function by that name. */
static void
real(void *f, const char *name)
{
	void *next = dlsym(RTLD_NEXT, name);

	if (next == NULL)
		abort();
	memcpy(f, &next, sizeof(next));
}

static int
fail(int sys)
{
	errno = sys;
	return -1;
}

#define EXPORT __attribute__((visibility("default")))

EXPORT ssize_t
recv(int fd, void *p, size_t n, int flags)
{
	ssize_t (*f)(int, void *, size_t, int);
	int fault = fate("recv");

	real(&f, "recv");
	if (fault > 0)
		return fail(fault);
	return f(fd, p, fault == SHORT && n > 1 ? 1 : n, flags);
}

EXPORT ssize_t
send(int fd, const void *p, size_t n, int flags)
{
	ssize_t (*f)(int, const void *, size_t, int);
	int fault = fate("send");

	real(&f, "send");
	if (fault > 0)
		return fail(fault);
	return f(fd, p, fault == SHORT && n > 1 ? 1 : n, flags);
}

/* A connect that a signal interrupts goes on (POSIX, connect()). */
EXPORT int
connect(int fd, const struct sockaddr *to, socklen_t n)
{
	int (*f)(int, const struct sockaddr *, socklen_t);
	int fault = fate("connect"), r;

	real(&f, "connect");
	if (fault > 0 && fault != EINTR)
		return fail(fault);
	r = f(fd, to, n);
	if (fault == EINTR && (r == 0 || errno == EINPROGRESS))
		return fail(EINTR);
	return r;
}

EXPORT int
accept4(int fd, struct sockaddr *from, socklen_t *n, int flags)
{
	int (*f)(int, struct sockaddr *, socklen_t *, int);
	int fault = fate("accept4");

	real(&f, "accept4");
	return fault > 0 ? fail(fault) : f(fd, from, n, flags);
}

EXPORT int
poll(struct pollfd *p, nfds_t n, int ms)
{
	int (*f)(struct pollfd *, nfds_t, int);
	int fault = fate("poll");

	real(&f, "poll");
	return fault > 0 ? fail(fault) : f(p, n, ms);
}

EXPORT int
socket(int family, int type, int protocol)
{
	int (*f)(int, int, int);
	int fault = fate("socket");

	real(&f, "socket");
	return fault > 0 ? fail(fault) : f(family, type, protocol);
}
