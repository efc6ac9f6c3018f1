/*
 * opt.c - socket options: one table drives get, set and the manual.
 */
#include "opt.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#ifndef IPV6_JOIN_GROUP
#define IPV6_JOIN_GROUP IPV6_ADD_MEMBERSHIP
#define IPV6_LEAVE_GROUP IPV6_DROP_MEMBERSHIP
#endif

#define NONE (-1)		/* this system has no such option */

#ifndef TCP_KEEPIDLE
#define TCP_KEEPIDLE NONE
#endif
#ifndef TCP_KEEPINTVL
#define TCP_KEEPINTVL NONE
#endif
#ifndef TCP_KEEPCNT
#define TCP_KEEPCNT NONE
#endif
#ifndef SO_REUSEPORT
#define SO_REUSEPORT NONE
#endif
#ifndef TCP_DEFER_ACCEPT
#define TCP_DEFER_ACCEPT NONE
#endif
#ifndef TCP_FASTOPEN
#define TCP_FASTOPEN NONE
#endif
#ifndef TCP_QUICKACK
#define TCP_QUICKACK NONE
#endif
#ifndef TCP_CORK
#define TCP_CORK NONE
#endif

const struct sk_opt sk_opts[] = {
	{ "broadcast", SK_OPT_FLAG, 1, "datagrams may go to broadcast "
	    "addresses", SOL_SOCKET, SO_BROADCAST, 0 },
	{ "cork", SK_OPT_FLAG, 1, "only full packets are sent (Linux)",
	    IPPROTO_TCP, TCP_CORK, 0 },
	{ "deferaccept", SK_OPT_FLAG, 1, "a connection is accepted once it "
	    "has sent something (Linux)", IPPROTO_TCP, TCP_DEFER_ACCEPT, 0 },
	{ "dontroute", SK_OPT_FLAG, 1, "no gateways", SOL_SOCKET,
	    SO_DONTROUTE, 0 },
	{ "error", SK_OPT_NUMBER, 0, "the pending error's errno, cleared",
	    SOL_SOCKET, SO_ERROR, 0 },
	{ "fastopen", SK_OPT_NUMBER, 1, "connections under way that may bring "
	    "data with their first packet", IPPROTO_TCP, TCP_FASTOPEN, 0 },
	{ "keepalive", SK_OPT_FLAG, 1, "idle connections are probed",
	    SOL_SOCKET, SO_KEEPALIVE, 0 },
	{ "keepcount", SK_OPT_NUMBER, 1, "probes before the peer is given up",
	    IPPROTO_TCP, TCP_KEEPCNT, 0 },
	{ "keepidle", SK_OPT_NUMBER, 1, "seconds before the first probe",
	    IPPROTO_TCP, TCP_KEEPIDLE, 0 },
	{ "keepinterval", SK_OPT_NUMBER, 1, "seconds between probes",
	    IPPROTO_TCP, TCP_KEEPINTVL, 0 },
	{ "linger", SK_OPT_LINGER, 1, "seconds that a close keeps the kernel "
	    "sending (whole ones), or false", SOL_SOCKET, SO_LINGER, 0 },
	{ "multicastloop", SK_OPT_FLAG, 1, "own multicast datagrams are "
	    "received too", IPPROTO_IP, IP_MULTICAST_LOOP,
	    IPV6_MULTICAST_LOOP },
	{ "multicastttl", SK_OPT_NUMBER, 1, "hops of multicast datagrams",
	    IPPROTO_IP, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS },
	{ "nodelay", SK_OPT_FLAG, 1, "small packets are sent at once",
	    IPPROTO_TCP, TCP_NODELAY, 0 },
	{ "quickack", SK_OPT_FLAG, 1, "no delayed acknowledgements (Linux)",
	    IPPROTO_TCP, TCP_QUICKACK, 0 },
	{ "recvbuffer", SK_OPT_NUMBER, 1, "bytes of the receive buffer (Linux "
	    "reports twice what was set)", SOL_SOCKET, SO_RCVBUF, 0 },
	{ "reuseaddr", SK_OPT_FLAG, 1, "a port in TIME_WAIT can be bound",
	    SOL_SOCKET, SO_REUSEADDR, 0 },
	{ "reuseport", SK_OPT_FLAG, 1, "several sockets share a port",
	    SOL_SOCKET, SO_REUSEPORT, 0 },
	{ "sendbuffer", SK_OPT_NUMBER, 1, "bytes of the send buffer (Linux "
	    "reports twice what was set)", SOL_SOCKET, SO_SNDBUF, 0 },
	{ "tos", SK_OPT_NUMBER, 1, "type of service, or traffic class",
	    IPPROTO_IP, IP_TOS, IPV6_TCLASS },
	{ "ttl", SK_OPT_NUMBER, 1, "hops of packets", IPPROTO_IP, IP_TTL,
	    IPV6_UNICAST_HOPS },
	{ "v6only", SK_OPT_FLAG, 1, "no IPv4 on this IPv6 socket",
	    IPPROTO_IPV6, IPV6_V6ONLY, 0 },
	{ NULL, SK_OPT_FLAG, 0, NULL, 0, 0, 0 }
};

const struct sk_opt *
sk_opt_find(const char *name)
{
	const struct sk_opt *o;

	for (o = sk_opts; o->name != NULL; o++) {
		if (strcmp(o->name, name) == 0)
			return o;
	}
	return NULL;
}

/* The level and number of an option on this very socket. */
static int
place(int fd, const struct sk_opt *o, int *level, int *option,
    struct sk_err *err)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	if (o->option == NONE)
		return sk_fail(err, SK_UNSUPPORTED,
		    "%s: this system has no such option", o->name);
	*level = o->level;
	*option = o->option;
	if (o->level == SOL_SOCKET)
		return 0;
	memset(&ss, 0, sizeof(ss));
	(void)getsockname(fd, (struct sockaddr *)&ss, &n);
	if (ss.ss_family == AF_UNIX)
		return sk_fail(err, SK_UNSUPPORTED,
		    "%s: no such option on a unix socket", o->name);
	if (ss.ss_family == AF_INET6 && o->option6 != 0) {
		*level = IPPROTO_IPV6;
		*option = o->option6;
	}
	return 0;
}

int
sk_opt_get(int fd, const struct sk_opt *o, double *value, struct sk_err *err)
{
	struct linger linger;
	int level = 0, option = 0, number = 0;
	socklen_t n = sizeof(number);

	if (place(fd, o, &level, &option, err) != 0)
		return SK_FAIL;
	if (o->kind == SK_OPT_LINGER) {
		n = sizeof(linger);
		if (getsockopt(fd, level, option, &linger, &n) == -1)
			return sk_fail_sys(err, errno, "%s", o->name);
		*value = linger.l_onoff ? linger.l_linger : -1;
		return 0;
	}
	if (getsockopt(fd, level, option, &number, &n) == -1)
		return sk_fail_sys(err, errno, "%s", o->name);
	*value = number;
	return 0;
}

int
sk_opt_set(int fd, const struct sk_opt *o, double value, struct sk_err *err)
{
	struct linger linger;
	int level = 0, option = 0, r, number = (int)value;

	if (place(fd, o, &level, &option, err) != 0)
		return SK_FAIL;
	if (o->kind == SK_OPT_LINGER) {
		linger.l_onoff = value >= 0;
		linger.l_linger = value >= 0 ? number : 0;
		r = setsockopt(fd, level, option, &linger, sizeof(linger));
	} else
		r = setsockopt(fd, level, option, &number, sizeof(number));
	return r == 0 ? 0 : sk_fail_sys(err, errno, "%s", o->name);
}

int
sk_opt_group(int fd, int joins, const char *group, const char *interface,
    unsigned index, struct sk_err *err)
{
	struct ip_mreq v4;
	struct ipv6_mreq v6;
	int r;

	memset(&v4, 0, sizeof(v4));
	memset(&v6, 0, sizeof(v6));
	if (inet_pton(AF_INET, group, &v4.imr_multiaddr) == 1) {
		if (interface != NULL &&
		    inet_pton(AF_INET, interface, &v4.imr_interface) != 1)
			return sk_fail(err, SK_URL, "%s: no address of an "
			    "interface", interface);
		r = setsockopt(fd, IPPROTO_IP, joins ? IP_ADD_MEMBERSHIP :
		    IP_DROP_MEMBERSHIP, &v4, sizeof(v4));
	} else if (inet_pton(AF_INET6, group, &v6.ipv6mr_multiaddr) == 1) {
		v6.ipv6mr_interface = index;
		r = setsockopt(fd, IPPROTO_IPV6, joins ? IPV6_JOIN_GROUP :
		    IPV6_LEAVE_GROUP, &v6, sizeof(v6));
	} else
		return sk_fail(err, SK_URL, "%s: no address of a group",
		    group);
	return r == 0 ? 0 : sk_fail_sys(err, errno, "group %s", group);
}

int
sk_opt_via(int fd, const char *address, struct sk_err *err)
{
	struct in_addr a;

	if (inet_pton(AF_INET, address, &a) != 1)
		return sk_fail(err, SK_URL, "%s: no address of an interface",
		    address);
	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &a, sizeof(a)) == -1)
		return sk_fail_sys(err, errno, "interface %s", address);
	return 0;
}

int
sk_opt_get_via(int fd, char text[16], struct sk_err *err)
{
	struct in_addr a;
	socklen_t n = sizeof(a);

	memset(&a, 0, sizeof(a));
	if (getsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &a, &n) == -1)
		return sk_fail_sys(err, errno, "interface");
	if (inet_ntop(AF_INET, &a, text, 16) == NULL)
		return sk_fail_sys(err, errno, "interface");
	return 0;
}
