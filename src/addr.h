/*
 * addr.h - socket addresses, to and from text.
 */
#ifndef SK_ADDR_H
#define SK_ADDR_H

#include <sys/socket.h>

#include "io.h"
#include "url.h"

struct sk_addr {
	socklen_t len;
	struct sockaddr_storage ss;
};

/*
 * The address that a URL names without any resolver: a numeric host, or a
 * path (on Linux one that begins with '@' is an abstract name).
 * 1 and *a filled; 0 where the host is a name; SK_FAIL with code unreachable
 * for a zone that is not there, url for a path too long for sun_path.
 */
int sk_addr_of_url(struct sk_addr *a, const struct sk_url *u, struct sk_err *);

/*
 * The canonical URL of an address under a scheme's name ("tcp", "unix"...),
 * NUL-terminated, in buf. Returns its length; 0 for an address without a
 * name (an unbound Unix socket).
 */
size_t sk_addr_text(const struct sk_addr *a, const char *scheme,
    char buf[SK_URL_MAX]);

/* The 4 or 16 raw bytes of an IP address as text; its length, or 0. */
#define SK_IP_TEXT 40
size_t sk_addr_ip_text(struct sk_span raw, char buf[SK_IP_TEXT]);

#endif
