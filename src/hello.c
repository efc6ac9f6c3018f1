/*
 * hello.c - reads a ClientHello.
 */
#include "hello.h"

#include <stdlib.h>
#include <string.h>

enum {
	RECORD_HEADER = 5,
	RECORD_HANDSHAKE = 22,
	RECORD_MAX = 16384,
	MESSAGE_HEADER = 4,
	CLIENT_HELLO = 1,
	EXTENSION_SERVER_NAME = 0,	/* RFC 6066 */
	EXTENSION_ALPN = 16,		/* RFC 7301 */
	NAME_HOST = 0
};

/* A cursor: what is taken past the end is empty, and bad is set. */
struct cursor {
	const unsigned char *p;
	size_t n;
	int bad;
};

static struct cursor
take(struct cursor *c, size_t n)
{
	struct cursor part = { c->p, n, 0 };

	if (n > c->n) {
		c->bad = part.bad = 1;
		part.n = n = c->n = 0;
	}
	c->p += n;
	c->n -= n;
	return part;
}

static size_t
number(struct cursor *c, size_t bytes)
{
	struct cursor part = take(c, bytes);
	size_t value = 0;

	for (; part.n > 0; part.p++, part.n--)
		value = value << 8 | *part.p;
	return value;
}

/* A vector: so many bytes of length, then the contents. */
static struct cursor
vector(struct cursor *c, size_t bytes)
{
	return take(c, number(c, bytes));
}

static int
malformed(struct sk_err *err)
{
	return sk_fail(err, SK_TLS,
	    "handshake: the client's first message is malformed");
}

/*
 * The message may be spread over records; their headers are no part of it.
 */
ssize_t
sk_hello_need(struct sk_hello_mark *m, const char *bytes, size_t n,
    struct sk_err *err)
{
	const unsigned char *p;
	size_t left, body, want, i;

	for (;;) {
		p = (const unsigned char *)bytes + m->at;
		left = n - m->at;
		if (left < RECORD_HEADER)
			return (ssize_t)(RECORD_HEADER - left);
		body = (size_t)p[3] << 8 | p[4];
		if (p[0] != RECORD_HANDSHAKE || p[1] != 3 || body == 0 ||
		    body > RECORD_MAX)
			return malformed(err);
		if (left - RECORD_HEADER < body)
			return (ssize_t)(body - (left - RECORD_HEADER));
		for (i = 0; i < body && m->have + i < MESSAGE_HEADER; i++)
			m->header[m->have + i] = p[RECORD_HEADER + i];
		m->have += body;
		m->at += RECORD_HEADER + body;
		if (m->have < MESSAGE_HEADER)
			continue;
		want = ((size_t)m->header[1] << 16 |
		    (size_t)m->header[2] << 8 | m->header[3]) +
		    MESSAGE_HEADER;
		if (m->header[0] != CLIENT_HELLO || want > SK_HELLO_MAX)
			return malformed(err);
		if (m->have >= want)
			return 0;
	}
}

/* Joins what the records hold; the caller frees it. NULL: memory. */
static unsigned char *
joined(const char *bytes, size_t n, size_t *length)
{
	const unsigned char *p = (const unsigned char *)bytes;
	unsigned char *message = malloc(n);
	size_t body;

	*length = 0;
	while (message != NULL && n >= RECORD_HEADER) {
		body = (size_t)p[3] << 8 | p[4];
		if (p[0] != RECORD_HANDSHAKE || body > n - RECORD_HEADER)
			break;
		memcpy(message + *length, p + RECORD_HEADER, body);
		*length += body;
		p += RECORD_HEADER + body;
		n -= RECORD_HEADER + body;
	}
	return message;
}

static int
copy(char **to, const struct cursor *c, struct sk_err *err)
{
	if (*to != NULL)
		return malformed(err);		/* twice is once too often */
	if ((*to = malloc(c->n + 1)) == NULL)
		return sk_fail(err, SK_MEMORY, "handshake: out of memory");
	memcpy(*to, c->p, c->n);
	(*to)[c->n] = '\0';
	return 0;
}

/* ServerNameList: a single host name is all that was ever specified. */
static int
server_name(struct sk_hello *h, struct cursor c, struct sk_err *err)
{
	struct cursor list = vector(&c, 2), name;
	char *p;

	if (number(&list, 1) != NAME_HOST)
		return malformed(err);
	name = vector(&list, 2);
	if (c.bad || c.n > 0 || list.bad || list.n > 0)
		return malformed(err);
	switch (sk_url_host((const char *)name.p, name.n)) {
	case SK_HOST_NAME:
		break;
	case SK_HOST_IPV4:
	case SK_HOST_IPV6:
		return 0;
	default:
		return sk_fail(err, SK_TLS, "handshake: the client asked for "
		    "a server name that no host can have");
	}
	if (copy(&h->servername, &name, err) != 0)
		return SK_FAIL;
	for (p = h->servername; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	}
	return 0;
}

static int
alpn_list(struct sk_hello *h, struct cursor c, struct sk_err *err)
{
	struct cursor list = vector(&c, 2), rest = list;

	if (list.n == 0)
		list.bad = 1;
	while (rest.n > 0 && !rest.bad) {
		if (vector(&rest, 1).n == 0)
			rest.bad = 1;		/* an empty name */
	}
	if (c.bad || c.n > 0 || list.bad || rest.bad)
		return malformed(err);
	h->nalpn = list.n;
	return copy(&h->alpn, &list, err);
}

static int
extensions(struct sk_hello *h, struct cursor c, struct sk_err *err)
{
	struct cursor value;
	size_t type;
	int r = 0;

	while (r == 0 && c.n > 0) {
		type = number(&c, 2);
		value = vector(&c, 2);
		if (c.bad)
			return malformed(err);
		if (type == EXTENSION_SERVER_NAME)
			r = server_name(h, value, err);
		else if (type == EXTENSION_ALPN)
			r = alpn_list(h, value, err);
	}
	return r;
}

static int
message(struct sk_hello *h, struct cursor c, struct sk_err *err)
{
	struct cursor body, list;

	(void)take(&c, 1);			/* its type is known */
	body = vector(&c, 3);
	(void)take(&body, 2 + 32);		/* version, random */
	(void)vector(&body, 1);			/* session id */
	(void)vector(&body, 2);			/* cipher suites */
	(void)vector(&body, 1);			/* compression methods */
	if (c.bad || body.bad)
		return malformed(err);
	if (body.n == 0)
		return 0;			/* a client without extensions */
	list = vector(&body, 2);
	if (body.bad || body.n > 0)
		return malformed(err);
	return extensions(h, list, err);
}

int
sk_hello_parse(struct sk_hello *h, const char *p, size_t n,
    struct sk_err *err)
{
	struct cursor c = { NULL, 0, 0 };
	unsigned char *joint;
	int r;

	memset(h, 0, sizeof(*h));
	if ((joint = joined(p, n, &c.n)) == NULL)
		return sk_fail(err, SK_MEMORY, "handshake: out of memory");
	c.p = joint;
	if ((r = message(h, c, err)) != 0)
		sk_hello_free(h);
	free(joint);
	return r;
}

void
sk_hello_free(struct sk_hello *h)
{
	free(h->servername);
	free(h->alpn);
	memset(h, 0, sizeof(*h));
}

int
sk_hello_speaks(const struct sk_hello *h, const char *names)
{
	size_t i, n;

	for (; *names != '\0'; names += n + (names[n] == ',')) {
		n = strcspn(names, ",");
		for (i = 0; i < h->nalpn;
		    i += 1 + (unsigned char)h->alpn[i]) {
			if ((unsigned char)h->alpn[i] == n &&
			    memcmp(h->alpn + i + 1, names, n) == 0)
				return 1;
		}
	}
	return 0;
}
