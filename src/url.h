/*
 * url.h - transport URLs: [scheme "://"] host [":" port], or
 * unix://path and udg://path.
 *
 * The parser is pure: no allocation, no I/O, spans into the input. It reads
 * exactly the bytes it is given, so NUL is a byte like any other (and
 * refused).
 */
#ifndef SK_URL_H
#define SK_URL_H

#include "io.h"

enum sk_transport {
	SK_TCP,			/* a stream over TCP */
	SK_UDP,			/* datagrams */
	SK_UNIX,		/* a stream in the file system */
	SK_UDG			/* datagrams in the file system */
};

/*
 * One row of the table of schemes. Where tls is set, the stream is under TLS
 * from the start; version is then 0 for the best that both sides speak, or
 * one of SK_TLS_*. A scheme with refusal set is known and never opened.
 */
enum {
	SK_TLS_1_0 = 1,
	SK_TLS_1_1 = 2,
	SK_TLS_1_2 = 4,
	SK_TLS_1_3 = 8
};

struct sk_scheme {
	const char *name;
	enum sk_transport transport;
	int tls;
	unsigned version;
	const char *refusal;
};

struct sk_span {
	const char *p;
	size_t n;
};

/* How the host is written; decides what may follow and who resolves it. */
enum sk_host_kind {
	SK_HOST_NAME,
	SK_HOST_IPV4,
	SK_HOST_IPV6
};

struct sk_url {
	const struct sk_scheme *scheme;
	enum sk_host_kind kind;		/* not for unix and udg */
	struct sk_span host;		/* without brackets and zone */
	struct sk_span zone;		/* n is 0 where there is none */
	struct sk_span path;		/* unix and udg */
	unsigned port;
};

#define SK_PORT_IN_URL (-1L)

/*
 * Parses the n bytes at p. port is the second argument of the two-argument
 * form, 0 to 65535, or SK_PORT_IN_URL where the URL has to hold the port.
 * Only with a port apart may an IPv6 address stand without brackets. For
 * unix and udg a port apart has to be 0, as fsockopen(3) callers write it.
 *
 * Returns 0 and fills *u, whose spans point into p; or SK_FAIL with code
 * url, scheme or removed. Port 0 is legal here: whoever connects refuses it.
 */
int sk_url_parse(struct sk_url *u, const char *p, size_t n, long port,
    struct sk_err *);

/*
 * Writes the canonical spelling, NUL-terminated, to buf and returns its
 * length: scheme and host in lower case, IPv6 as RFC 5952 has it, always
 * with a port. Parsing it gives the same fields, and itself again.
 */
#define SK_URL_MAX 512
size_t sk_url_text(const struct sk_url *u, char buf[SK_URL_MAX]);

/* What the bytes are, an enum sk_host_kind, or -1 for no host at all. */
int sk_url_host(const char *, size_t);

/* An IPv6 address as RFC 5952 spells it; its length. */
size_t sk_url_ipv6(const unsigned char raw[16], char buf[40]);

/* The table, ended by a row whose name is NULL; sorted by name. */
extern const struct sk_scheme sk_schemes[];

/* The row of that name (any case), or NULL. */
const struct sk_scheme *sk_scheme_find(const char *, size_t);

#endif
