/*
 * addr.c - socket addresses, to and from text.
 */
#include "addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static int
of_path(struct sk_addr *a, const struct sk_span *path, struct sk_err *err)
{
	struct sockaddr_un *un = (struct sockaddr_un *)(void *)&a->ss;
	size_t most = sizeof(un->sun_path) - 1;

#ifdef __linux__
	if (path->p[0] == '@')
		most++;
#endif
	if (path->n > most)
		return sk_fail(err, SK_URL, "the path has %zu bytes, and a "
		    "socket's name at most %zu", path->n, most);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path->p, path->n);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    path->n + 1);
#ifdef __linux__
	if (path->p[0] == '@') {	/* an abstract name: unix(7) */
		un->sun_path[0] = '\0';
		a->len--;
	}
#endif
	return 1;
}

/* The number of an interface, by its name or by that number itself. */
static int
of_zone(unsigned *scope, const struct sk_span *zone, struct sk_err *err)
{
	char name[IF_NAMESIZE], there[IF_NAMESIZE];
	unsigned number = 0;
	size_t i;

	memcpy(name, zone->p, zone->n);
	name[zone->n] = '\0';
	if ((*scope = if_nametoindex(name)) != 0)
		return 0;
	for (i = 0; i < zone->n && name[i] >= '0' && name[i] <= '9'; i++)
		number = number * 10 + (unsigned)(name[i] - '0');
	if (i == zone->n && i < 9 && if_indextoname(number, there) != NULL) {
		*scope = number;
		return 0;
	}
	return sk_fail(err, SK_UNREACHABLE, "there is no interface '%s'",
	    name);
}

int
sk_addr_of_url(struct sk_addr *a, const struct sk_url *u, struct sk_err *err)
{
	struct sockaddr_in *in = (struct sockaddr_in *)(void *)&a->ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&a->ss;
	char host[64];
	unsigned scope;

	memset(a, 0, sizeof(*a));
	if (u->path.n > 0)
		return of_path(a, &u->path, err);
	if (u->kind == SK_HOST_NAME)
		return 0;
	memcpy(host, u->host.p, u->host.n);
	host[u->host.n] = '\0';
	if (u->kind == SK_HOST_IPV4) {
		in->sin_family = AF_INET;
		in->sin_port = htons((in_port_t)u->port);
		(void)inet_pton(AF_INET, host, &in->sin_addr);
		a->len = sizeof(*in);
		return 1;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((in_port_t)u->port);
	(void)inet_pton(AF_INET6, host, &in6->sin6_addr);
	a->len = sizeof(*in6);
	if (u->zone.n > 0) {
		if (of_zone(&scope, &u->zone, err) != 0)
			return SK_FAIL;
		in6->sin6_scope_id = scope;
	}
	return 1;
}

static size_t
unix_text(const struct sk_addr *a, const char *scheme, char *buf)
{
	const struct sockaddr_un *un = (const void *)&a->ss;
	size_t i, n = a->len - offsetof(struct sockaddr_un, sun_path);
	const char *path = un->sun_path, *mark = "";

	if (a->len <= offsetof(struct sockaddr_un, sun_path))
		return 0;
	if (path[0] == '\0') {
		mark = "@";
		path++;
		n--;
	} else if ((n = strnlen(path, n)) == sizeof(un->sun_path))
		return 0;		/* no URL has so long a path */
	for (i = 0; i < n; i++) {
		if ((unsigned char)path[i] < ' ' || path[i] == 127)
			return 0;	/* a name that no URL can spell */
	}
	return n == 0 ? 0 : (size_t)snprintf(buf, SK_URL_MAX, "%s://%s%.*s",
	    scheme, mark, (int)n, path);
}

size_t
sk_addr_text(const struct sk_addr *a, const char *scheme,
    char buf[SK_URL_MAX])
{
	const struct sockaddr_in *in = (const void *)&a->ss;
	const struct sockaddr_in6 *in6 = (const void *)&a->ss;
	char host[64], zone[IF_NAMESIZE];

	if (a->len == 0)
		return 0;
	switch (a->ss.ss_family) {
	case AF_UNIX:
		return unix_text(a, scheme, buf);
	case AF_INET:
		(void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		return (size_t)snprintf(buf, SK_URL_MAX, "%s://%s:%u", scheme,
		    host, (unsigned)ntohs(in->sin_port));
	case AF_INET6:
		(void)sk_url_ipv6(in6->sin6_addr.s6_addr, host);
		zone[0] = '\0';
		if (in6->sin6_scope_id != 0)
			(void)if_indextoname(in6->sin6_scope_id, zone);
		return (size_t)snprintf(buf, SK_URL_MAX, "%s://[%s%s%s]:%u",
		    scheme, host, zone[0] != '\0' ? "%" : "", zone,
		    (unsigned)ntohs(in6->sin6_port));
	default:
		return 0;
	}
}

size_t
sk_addr_ip_text(struct sk_span raw, char buf[SK_IP_TEXT])
{
	if (raw.n == 16)
		return sk_url_ipv6((const unsigned char *)raw.p, buf);
	if (raw.n != 4 ||
	    inet_ntop(AF_INET, raw.p, buf, SK_IP_TEXT) == NULL)
		return 0;
	return strlen(buf);
}
