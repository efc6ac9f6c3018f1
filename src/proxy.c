/*
 * proxy.c - the PROXY protocol: a parser, and a layer that reads with it.
 */
#include "proxy.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "greeting.h"

/* Section 2.2: the signature of version 2, which no other protocol has. */
static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

enum {
	SIGNATURE = 12,
	FIXED = 16,			/* of version 2, in front of the rest */
	LINE = 107,			/* of version 1, at most (section 2.1) */
	UNIX_PATH = 108
};

static int
is_v2(const char *p)
{
	return p[0] == '\r';
}

static size_t
length_of(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (size_t)u[14] << 8 | u[15];
}

/* What came in place of a header. Always SK_FAIL. */
static int
refuse(const char *p, size_t n, struct sk_err *err)
{
	char line[SK_GREETING + 1];

	sk_greeting_line(line, p, n);
	return sk_fail(err, SK_DENIED, "the connection does not begin with a "
	    "header of the PROXY protocol: '%s'", line);
}

static int
malformed(const char *what, struct sk_err *err)
{
	return sk_fail(err, SK_DENIED,
	    "malformed header of the PROXY protocol: %s", what);
}

ssize_t
sk_proxy_need(const char *p, size_t n, struct sk_err *err)
{
	const char *begin = n > 0 && is_v2(p) ? signature : "PROXY ";
	size_t length = begin == signature ? SIGNATURE : 6;

	if (memcmp(p, begin, n < length ? n : length) != 0)
		return refuse(p, n < SK_PROXY_HEAD ? n : SK_PROXY_HEAD, err);
	if (n < SIGNATURE)
		return (ssize_t)(SIGNATURE - n);	/* each has more */
	if (begin == signature) {
		if (n < FIXED)
			return (ssize_t)(FIXED - n);
		return (ssize_t)(FIXED + length_of(p) - n);
	}
	if (p[n - 2] == '\r' && p[n - 1] == '\n')
		return 0;
	/* One half of the end without the other: the client may wait now. */
	if (memchr(p, '\n', n) != NULL || memchr(p, '\r', n - 1) != NULL)
		return malformed("its line does not end with CRLF", err);
	if (n >= LINE)
		return malformed("its line has no end", err);
	return p[n - 1] == '\r' || n == LINE - 1 ? 1 : 2;
}

/*
 * Version 1
 */

/* The next word of the line, which ends with one space or the line's end. */
static struct sk_span
word(const char **p, const char *end)
{
	struct sk_span w = { *p, 0 };

	while (w.p + w.n < end && w.p[w.n] != ' ')
		w.n++;
	*p = w.p + w.n < end ? w.p + w.n + 1 : end;
	return w;
}

/* A port as the line has it: decimal, no leading zeros; or -1. */
static int
port_of(struct sk_span w)
{
	int port = 0;
	size_t i;

	if (w.n == 0 || w.n > 5 || (w.n > 1 && w.p[0] == '0'))
		return -1;
	for (i = 0; i < w.n; i++) {
		if (w.p[i] < '0' || w.p[i] > '9')
			return -1;
		port = port * 10 + (w.p[i] - '0');
	}
	return port <= 65535 ? port : -1;
}

static int
text_v1(char out[SK_PROXY_TEXT], struct sk_span host, struct sk_span port,
    int kind, struct sk_err *err)
{
	char text[SK_URL_MAX];
	struct sk_url u;
	int number = port_of(port);

	if (number < 0)
		return malformed("its port is none", err);
	if (sk_url_host(host.p, host.n) != kind ||
	    memchr(host.p, '%', host.n) != NULL)
		return malformed("its address is none", err);
	if (sk_url_parse(&u, host.p, host.n, number, err) != 0)
		return SK_FAIL;
	if (sk_url_text(&u, text) >= SK_PROXY_TEXT)
		return malformed("its address is none", err);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int
is(struct sk_span w, const char *text)
{
	return w.n == strlen(text) && memcmp(w.p, text, w.n) == 0;
}

static int
parse_v1(struct sk_proxy *x, const char *p, size_t n, struct sk_err *err)
{
	const char *end = p + n - 2;
	struct sk_span family, source, destination, from, to;
	int kind;

	p += 6;
	family = word(&p, end);
	if (is(family, "UNKNOWN"))
		return 0;	/* what follows is to be ignored */
	if (!is(family, "TCP4") && !is(family, "TCP6"))
		return malformed("its protocol is neither TCP4, TCP6 nor "
		    "UNKNOWN", err);
	kind = is(family, "TCP4") ? SK_HOST_IPV4 : SK_HOST_IPV6;
	source = word(&p, end);
	destination = word(&p, end);
	from = word(&p, end);
	to = word(&p, end);
	if (to.p + to.n != end)
		return malformed("its line goes on", err);
	if (text_v1(x->source, source, from, kind, err) != 0)
		return SK_FAIL;
	return text_v1(x->destination, destination, to, kind, err);
}

/*
 * Version 2
 */

static void
text_ip(char out[SK_PROXY_TEXT], const char *scheme, const char *p, size_t n,
    const char *port)
{
	struct sk_span raw = { p, n };
	const unsigned char *u = (const unsigned char *)port;
	char host[SK_IP_TEXT];

	(void)sk_addr_ip_text(raw, host);
	(void)snprintf(out, SK_PROXY_TEXT, "%s://%s%s%s:%u", scheme,
	    n == 16 ? "[" : "", host, n == 16 ? "]" : "",
	    (unsigned)u[0] << 8 | u[1]);
}

/* A path, or an abstract name behind a NUL; nothing where there is none. */
static void
text_unix(char out[SK_PROXY_TEXT], const char *scheme, const char *p)
{
	const char *mark = p[0] == '\0' ? "@" : "";
	size_t i, n;

	if (p[0] == '\0')
		p++;
	n = strnlen(p, UNIX_PATH - (*mark != '\0'));
	for (i = 0; i < n; i++) {
		if ((unsigned char)p[i] < ' ' || p[i] == 127)
			return;	/* a name that no URL can spell */
	}
	if (n > 0)
		(void)snprintf(out, SK_PROXY_TEXT, "%s://%s%.*s", scheme,
		    mark, (int)n, p);
}

static int
parse_v2(struct sk_proxy *x, const char *p, struct sk_err *err)
{
	unsigned char command = (unsigned char)p[12];
	unsigned char family = (unsigned char)p[13];
	const char *scheme = (family & 15) == 1 ? "tcp" : "udp";
	size_t n, length = length_of(p);

	if (command == 0x20)
		return 0;	/* LOCAL: of the proxy itself */
	if (command != 0x21)
		return malformed("its version or command is unknown", err);
	if (family == 0)
		return 0;
	n = family >> 4 == 1 ? 4 : family >> 4 == 2 ? 16 : UNIX_PATH;
	if (family >> 4 < 1 || family >> 4 > 3 ||
	    (family & 15) < 1 || (family & 15) > 2)
		return malformed("its family or protocol is unknown", err);
	if (length < 2 * n + (n == UNIX_PATH ? 0 : 4))
		return malformed("its addresses are cut short", err);
	p += FIXED;
	if (n == UNIX_PATH) {
		scheme = (family & 15) == 1 ? "unix" : "udg";
		text_unix(x->source, scheme, p);
		text_unix(x->destination, scheme, p + n);
		return 0;
	}
	text_ip(x->source, scheme, p, n, p + 2 * n);
	text_ip(x->destination, scheme, p + n, n, p + 2 * n + 2);
	return 0;
}

int
sk_proxy_parse(struct sk_proxy *x, const char *p, size_t n,
    struct sk_err *err)
{
	memset(x, 0, sizeof(*x));
	x->version = is_v2(p) ? 2 : 1;
	return is_v2(p) ? parse_v2(x, p, err) : parse_v1(x, p, n, err);
}

/*
 * The layer
 */

struct reader {
	struct sk_layer layer;
	struct sk_proxy proxy;		/* version 0: not read yet */
	size_t n;			/* bytes read of the header */
	char head[SK_PROXY_HEAD];
};

static struct reader *
reader_of(const struct sk_layer *l)
{
	return (struct reader *)(void *)(uintptr_t)l;
}

/* Reads what may be read: into the head, or to be dropped. */
static ssize_t
take(struct reader *r, size_t need, struct sk_err *err)
{
	struct sk_layer *below = r->layer.below;
	char waste[512], *to = waste;
	size_t room = sizeof(waste);

	if (r->n < sizeof(r->head)) {
		to = r->head + r->n;
		room = sizeof(r->head) - r->n;
	}
	return below->ops->read(below, to, need < room ? need : room, err);
}

static int
reader_open(struct sk_layer *l, struct sk_err *err)
{
	struct reader *r = reader_of(l);
	ssize_t need, n;
	int result;

	if (r->proxy.version != 0)
		return 0;
	if ((result = l->below->ops->open(l->below, err)) != 0)
		return result;
	while ((need = sk_proxy_need(r->head, r->n, err)) > 0) {
		n = take(r, (size_t)need, err);
		if (n == 0)
			return sk_fail(err, SK_TRUNCATED, "the peer cut the "
			    "connection %s the header of the PROXY protocol",
			    r->n > 0 ? "in" : "before");
		if (n < 0)
			return (int)n;
		r->n += (size_t)n;
	}
	return need < 0 ? SK_FAIL :
	    sk_proxy_parse(&r->proxy, r->head, r->n, err);
}

static ssize_t
reader_read(struct sk_layer *l, void *p, size_t n, struct sk_err *err)
{
	return l->below->ops->read(l->below, p, n, err);
}

static ssize_t
reader_write(struct sk_layer *l, const void *p, size_t n, struct sk_err *err)
{
	return l->below->ops->write(l->below, p, n, err);
}

static int
reader_shut(struct sk_layer *l, struct sk_err *err)
{
	(void)l;
	(void)err;
	return 0;
}

static void
reader_free(struct sk_layer *l)
{
	free(reader_of(l));
}

static const struct sk_layer_ops reader_ops = {
	reader_open, reader_read, reader_write, reader_shut, reader_free, 0
};

struct sk_layer *
sk_proxy_new(struct sk_layer *below, struct sk_err *err)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		(void)sk_fail(err, SK_MEMORY, "out of memory");
		return NULL;
	}
	r->layer.ops = &reader_ops;
	r->layer.below = below;
	return &r->layer;
}

static const struct reader *
find(const struct sk_layer *l)
{
	while (l != NULL && l->ops != &reader_ops)
		l = l->below;
	return l != NULL ? reader_of(l) : NULL;
}

int
sk_proxy_is_in(const struct sk_layer *top)
{
	return find(top) != NULL;
}

const struct sk_proxy *
sk_proxy_of(const struct sk_layer *top)
{
	const struct reader *r = find(top);

	return r != NULL && r->proxy.version != 0 ? &r->proxy : NULL;
}
