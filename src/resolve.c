/*
 * resolve.c - names to addresses, on a thread of its own.
 *
 * The look-up is shared by two, its owner and its thread, and whoever lets go
 * last frees it: so an abandoned one leaks nothing, however long the resolver
 * takes.
 */
#include "resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sock.h"
#include "thread.h"

#define ADDRESSES_MAX 64

struct sk_resolve {
	pthread_mutex_t lock;
	int holders;
	int done;
	int fds[2];		/* the thread closes the second at the end */
	int family, socktype;
	int status, sys;	/* of getaddrinfo(3) */
	struct sk_addr *list;
	int count;
	char port[8];
	char host[];
};

static const struct {
	int status;
	const char *text;
} reasons[] = {
	{ EAI_NONAME, "name or service not known" },
	{ EAI_AGAIN, "temporary failure of the name service" },
	{ EAI_FAIL, "failure of the name service" },
	{ EAI_FAMILY, "no address of that family" },
#ifdef EAI_NODATA
	{ EAI_NODATA, "the name has no address" },
#endif
#ifdef EAI_ADDRFAMILY
	{ EAI_ADDRFAMILY, "the name has no address of that family" },
#endif
};

static void
let_go(struct sk_resolve *r)
{
	int last;

	(void)pthread_mutex_lock(&r->lock);
	last = --r->holders == 0;
	(void)pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	(void)pthread_mutex_destroy(&r->lock);
	free(r->list);
	free(r);
}

static int
is_known(const struct sk_resolve *r, const struct addrinfo *ai)
{
	int i;

	for (i = 0; i < r->count; i++) {
		if (r->list[i].len == ai->ai_addrlen &&
		    memcmp(&r->list[i].ss, ai->ai_addr, ai->ai_addrlen) == 0)
			return 1;
	}
	return 0;
}

static void
keep(struct sk_resolve *r, const struct addrinfo *ai)
{
	r->list = calloc(ADDRESSES_MAX, sizeof(*r->list));
	if (r->list == NULL) {
		r->status = EAI_MEMORY;
		return;
	}
	for (; ai != NULL && r->count < ADDRESSES_MAX; ai = ai->ai_next) {
		if (ai->ai_addrlen > sizeof(r->list[0].ss) || is_known(r, ai))
			continue;
		memcpy(&r->list[r->count].ss, ai->ai_addr, ai->ai_addrlen);
		r->list[r->count++].len = ai->ai_addrlen;
	}
}

static void
look_up(void *arg)
{
	struct sk_resolve *r = arg;
	struct addrinfo hints, *answer = NULL;
	int fd, status, sys;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = r->family;
	hints.ai_socktype = r->socktype;
	errno = 0;
	status = getaddrinfo(r->host, r->port, &hints, &answer);
	sys = errno;
	(void)pthread_mutex_lock(&r->lock);
	r->status = status;
	r->sys = sys;
	if (status == 0)
		keep(r, answer);
	r->done = 1;
	fd = r->fds[1];
	(void)pthread_mutex_unlock(&r->lock);
	if (answer != NULL)
		freeaddrinfo(answer);
	sk_fd_close(fd);	/* the other end becomes readable */
	let_go(r);
}

struct sk_resolve *
sk_resolve_start(const char *host, unsigned port, int family, int socktype,
    struct sk_err *err)
{
	size_t n = strlen(host) + 1;
	struct sk_resolve *r;
	int sys;

	if ((r = calloc(1, sizeof(*r) + n)) == NULL) {
		(void)sk_fail(err, SK_MEMORY, "resolve %s: out of memory",
		    host);
		return NULL;
	}
	memcpy(r->host, host, n);
	(void)snprintf(r->port, sizeof(r->port), "%u", port);
	r->family = family;
	r->socktype = socktype;
	if (sk_sock_pipe(r->fds) == -1) {
		(void)sk_fail_sys(err, errno, "resolve %s", host);
		free(r);
		return NULL;
	}
	(void)pthread_mutex_init(&r->lock, NULL);
	r->holders = 2;
	if ((sys = sk_thread_start(look_up, r)) != 0) {
		r->holders = 1;
		(void)sk_fail_sys(err, sys, "resolve %s: thread", host);
		sk_fd_close(r->fds[0]);
		sk_fd_close(r->fds[1]);
		let_go(r);
		return NULL;
	}
	return r;
}

int
sk_resolve_fd(const struct sk_resolve *r)
{
	return r->fds[0];
}

static int
failed(const struct sk_resolve *r, struct sk_err *err)
{
	size_t i;

	if (r->status == EAI_MEMORY)
		return sk_fail(err, SK_MEMORY, "resolve %s: out of memory",
		    r->host);
	if (r->status == EAI_SYSTEM)
		return sk_fail_sys(err, r->sys, "resolve %s", r->host);
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == r->status)
			return sk_fail(err, SK_RESOLVE, "resolve %s: %s",
			    r->host, reasons[i].text);
	}
	return sk_fail(err, SK_RESOLVE, "resolve %s: error %d", r->host,
	    r->status);
}

int
sk_resolve_step(struct sk_resolve *r, struct sk_addr **list,
    struct sk_err *err)
{
	int done, n;

	(void)pthread_mutex_lock(&r->lock);
	done = r->done;
	(void)pthread_mutex_unlock(&r->lock);
	if (!done)
		return SK_WANT_READ;
	if (r->status != 0)
		return failed(r, err);
	n = r->count;
	*list = r->list;
	r->list = NULL;
	r->count = 0;
	if (n == 0)
		return sk_fail(err, SK_RESOLVE, "resolve %s: no address",
		    r->host);
	return n;
}

void
sk_resolve_free(struct sk_resolve *r)
{
	if (r == NULL)
		return;
	sk_fd_close(r->fds[0]);
	let_go(r);
}
