/*
 * resolve.c - names to addresses, on a thread of its own.
 */
#include "resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errand.h"

#define ADDRESSES_MAX 64
#define NAME_MAX_TEXT 1025	/* what NI_MAXHOST and NI_MAXSERV are */
#define SERVICE_MAX_TEXT 32

struct sk_resolve {
	struct sk_errand errand;
	int family, socktype;
	int status, sys;	/* of getaddrinfo(3) */
	int wants_names;
	struct sk_addr *list;
	int count;
	char name[NAME_MAX_TEXT], service[SERVICE_MAX_TEXT];
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

static struct sk_resolve *
lookup_of(struct sk_errand *e)
{
	return (struct sk_resolve *)(void *)e;
}

static void
release(struct sk_errand *e)
{
	free(lookup_of(e)->list);
	free(e);
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
name(struct sk_resolve *r)
{
	int flags = r->socktype == SOCK_DGRAM ? NI_DGRAM : 0;

	if (r->count > 0)
		r->status = getnameinfo(
		    (const struct sockaddr *)&r->list[0].ss, r->list[0].len,
		    r->name, sizeof(r->name), r->service,
		    sizeof(r->service), flags);
}

static void
look_up(struct sk_errand *e)
{
	struct sk_resolve *r = lookup_of(e);
	struct addrinfo hints, *answer = NULL;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = r->family;
	hints.ai_socktype = r->socktype;
	errno = 0;
	r->status = getaddrinfo(r->host, r->port, &hints, &answer);
	r->sys = errno;
	if (r->status == 0)
		keep(r, answer);
	if (r->status == 0 && r->wants_names)
		name(r);
	if (answer != NULL)
		freeaddrinfo(answer);
}

static struct sk_resolve *
start(const char *host, unsigned port, int family, int socktype, int names,
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
	r->wants_names = names;
	if ((sys = sk_errand_start(&r->errand, look_up, release)) != 0) {
		(void)sk_fail_sys(err, sys, "resolve %s", host);
		free(r);
		return NULL;
	}
	return r;
}

struct sk_resolve *
sk_resolve_start(const char *host, unsigned port, int family, int socktype,
    struct sk_err *err)
{
	return start(host, port, family, socktype, 0, err);
}

struct sk_resolve *
sk_resolve_start_names(const char *host, unsigned port, int family,
    int socktype, struct sk_err *err)
{
	return start(host, port, family, socktype, 1, err);
}

void
sk_resolve_names(const struct sk_resolve *r, const char **host,
    const char **service)
{
	*host = r->name;
	*service = r->service;
}

int
sk_resolve_fd(const struct sk_resolve *r)
{
	return sk_errand_fd(&r->errand);
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
	int n;

	if (!sk_errand_is_done(&r->errand))
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
	if (r != NULL)
		sk_errand_leave(&r->errand);
}
