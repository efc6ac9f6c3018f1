/*
 * url.c - transport URLs: spans into the input, no allocation, no I/O.
 */
#include "url.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 253	/* RFC 1035, section 2.3.4, without the dot */
#define LABEL_MAX 63
#define ZONE_MAX 15		/* IF_NAMESIZE without its NUL */
#ifdef __linux__
#define PATH_MAX_BYTES 107	/* sun_path without its NUL */
#else
#define PATH_MAX_BYTES 103
#endif
#define SHOWN 60		/* bytes of the input in a message */

static const char refusal_v2[] = "ssl 2 is broken and must not be used "
    "(RFC 6176): use tls://";
static const char refusal_v3[] = "ssl 3 is broken and must not be used "
    "(RFC 7568): use tls://";

const struct sk_scheme sk_schemes[] = {
	{ "ssl", SK_TCP, 1, 0, NULL },
	{ "sslv2", SK_TCP, 1, 0, refusal_v2 },
	{ "sslv3", SK_TCP, 1, 0, refusal_v3 },
	{ "tcp", SK_TCP, 0, 0, NULL },
	{ "tls", SK_TCP, 1, 0, NULL },
	{ "tlsv1.0", SK_TCP, 1, SK_TLS_1_0, NULL },
	{ "tlsv1.1", SK_TCP, 1, SK_TLS_1_1, NULL },
	{ "tlsv1.2", SK_TCP, 1, SK_TLS_1_2, NULL },
	{ "tlsv1.3", SK_TCP, 1, SK_TLS_1_3, NULL },
	{ "udg", SK_UDG, 0, 0, NULL },
	{ "udp", SK_UDP, 0, 0, NULL },
	{ "unix", SK_UNIX, 0, 0, NULL },
	{ NULL, SK_TCP, 0, 0, NULL }
};

/*
 * Characters, whatever the locale
 */

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
is_word(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
	    c == '-' || c == '_';
}

static int
same(const char *name, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && name[i] != '\0'; i++) {
		if (name[i] != lower(p[i]))
			return 0;
	}
	return i == n && name[i] == '\0';
}

/* The input as it can be shown: no control bytes, and not too much of it. */
static const char *
shown(char out[SHOWN + 4], const char *p, size_t n)
{
	size_t i, most = n < SHOWN ? n : SHOWN;

	for (i = 0; i < most; i++)
		out[i] = p[i] < ' ' || p[i] > '~' ? '?' : p[i];
	memcpy(out + i, n > SHOWN ? "..." : "", n > SHOWN ? 4 : 1);
	return out;
}

/*
 * Hosts
 */

/*
 * A label that ends a name is no number, or resolvers take the name for an
 * address: 1, 017, 0x7f (inet_aton(3)).
 */
static int
is_number(const char *p, size_t n)
{
	size_t i = 0;

	if (n > 1 && p[0] == '0' && lower(p[1]) == 'x') {
		for (i = 2; i < n && hex_value(p[i]) >= 0; i++)
			;
		return i == n;
	}
	while (i < n && is_digit(p[i]))
		i++;
	return i == n;
}

static int
is_name(const char *p, size_t n)
{
	size_t i, start = 0;

	if (n > 1 && p[n - 1] == '.')
		n--;
	if (n == 0 || n > NAME_MAX_BYTES)
		return 0;
	for (i = 0; i <= n; i++) {
		if (i < n && p[i] != '.') {
			if (!is_word(p[i]))
				return 0;
			continue;
		}
		if (i == start || i - start > LABEL_MAX)
			return 0;
		if (i == n)
			return !is_number(p + start, n - start);
		start = i + 1;
	}
	return 0;
}

/* Four decimals without leading zeros; out may be NULL. */
static int
is_ipv4(const char *p, size_t n, unsigned char *out)
{
	size_t i = 0, digits;
	unsigned value;
	int part;

	for (part = 0; part < 4; part++) {
		value = 0;
		for (digits = 0; i < n && is_digit(p[i]) && digits < 4;
		    i++, digits++)
			value = value * 10 + (unsigned)(p[i] - '0');
		if (digits == 0 || digits > 3 || value > 255 ||
		    (digits > 1 && p[i - digits] == '0'))
			return 0;
		if (out != NULL)
			out[part] = (unsigned char)value;
		if (part < 3 && (i == n || p[i++] != '.'))
			return 0;
	}
	return i == n;
}

#define NO_GAP ((size_t)-1)

/* RFC 4291, section 2.2. */
static int
is_ipv6(const char *p, size_t n, unsigned char out[16])
{
	unsigned groups[8];
	size_t i = 0, digits;
	size_t count = 0, gap = NO_GAP, k, j;
	unsigned value;
	unsigned char quad[4];

	if (n > 1 && p[0] == ':' && p[1] == ':') {
		gap = 0;
		i = 2;
	}
	while (i < n && count < 8) {
		if (count <= 6 && is_ipv4(p + i, n - i, quad)) {
			groups[count++] = quad[0] * 256U + quad[1];
			groups[count++] = quad[2] * 256U + quad[3];
			i = n;
			break;
		}
		value = 0;
		for (digits = 0; i < n && hex_value(p[i]) >= 0 && digits < 5;
		    i++, digits++)
			value = value * 16 + (unsigned)hex_value(p[i]);
		if (digits == 0 || digits > 4)
			return 0;
		groups[count++] = value;
		if (i == n)
			break;
		if (p[i++] != ':' || i == n)
			return 0;
		if (p[i] == ':') {
			if (gap != NO_GAP)
				return 0;
			gap = count;
			i++;
		}
	}
	if (i != n || (gap == NO_GAP ? count != 8 : count > 7))
		return 0;
	memset(out, 0, 16);
	for (k = 0; k < count; k++) {
		j = k >= gap ? k + 8 - count : k;
		out[2 * j] = (unsigned char)(groups[k] >> 8);
		out[2 * j + 1] = (unsigned char)groups[k];
	}
	return 1;
}

/* RFC 5952: lower case, the longest run of two or more zeros shortened. */
size_t
sk_url_ipv6(const unsigned char a[16], char buf[40])
{
	unsigned g[8];
	size_t i, k, best = 8, length = 1, n = 0;

	for (i = 0; i < 8; i++)
		g[i] = a[2 * i] * 256U + a[2 * i + 1];
	for (i = 0; i < 8; i++) {
		for (k = i; k < 8 && g[k] == 0; k++)
			;
		if (k - i > length) {
			best = i;
			length = k - i;
		}
	}
	for (i = 0; i < 8; i++) {
		if (i == best) {
			n += (size_t)snprintf(buf + n, 40 - n, "::");
			i += length - 1;
			continue;
		}
		n += (size_t)snprintf(buf + n, 40 - n, "%s%x",
		    i > 0 && i != best + length ? ":" : "", g[i]);
	}
	buf[n] = '\0';
	return n;
}

/*
 * Parts
 */

static int
bad(struct sk_err *err, const char *p, size_t n, const char *why)
{
	char text[SHOWN + 4];

	return sk_fail(err, SK_URL, "'%s': %s", shown(text, p, n), why);
}

int
sk_url_host(const char *p, size_t n)
{
	unsigned char raw[16];

	if (is_name(p, n))
		return SK_HOST_NAME;
	if (is_ipv4(p, n, NULL))
		return SK_HOST_IPV4;
	return is_ipv6(p, n, raw) ? SK_HOST_IPV6 : -1;
}

static int
parse_scheme(struct sk_url *u, const char *p, size_t n, struct sk_err *err)
{
	char text[SHOWN + 4];

	if ((u->scheme = sk_scheme_find(p, n)) == NULL)
		return sk_fail(err, SK_SCHEME, "unknown scheme '%s' (there "
		    "are tcp, tls, ssl, tlsv1.2, tlsv1.3, udp, unix, udg)",
		    shown(text, p, n));
	if (u->scheme->refusal != NULL)
		return sk_fail(err, SK_REMOVED, "%s: %s", u->scheme->name,
		    u->scheme->refusal);
	return 0;
}

static int
parse_path(struct sk_url *u, const char *p, size_t n, long port,
    struct sk_err *err)
{
	size_t i, most = PATH_MAX_BYTES;

	if (port > 0)
		return bad(err, p, n, "a path takes no port");
	if (n == 0 || (n == 1 && p[0] == '@'))
		return bad(err, p, n, "the path is empty");
#ifdef __linux__
	if (p[0] == '@')	/* an abstract name ends without a NUL */
		most++;
#endif
	if (n > most)
		return sk_fail(err, SK_URL, "the path has %zu bytes, and a "
		    "socket's name at most %zu", n, most);
	for (i = 0; i < n; i++) {
		if ((unsigned char)p[i] < ' ' || p[i] == 127)
			return bad(err, p, n, "a control byte in the path");
	}
	u->path.p = p;
	u->path.n = n;
	return 0;
}

static int
parse_port(struct sk_url *u, const char *p, size_t n, struct sk_err *err)
{
	size_t i;
	unsigned port = 0;

	if (n == 0 || n > 5)
		return bad(err, p, n, "a port has 1 to 5 digits");
	for (i = 0; i < n; i++) {
		if (!is_digit(p[i]))
			return bad(err, p, n, "a port is a number "
			    "(no service names, path or query)");
		port = port * 10 + (unsigned)(p[i] - '0');
	}
	if (port > 65535)
		return bad(err, p, n, "a port is at most 65535");
	u->port = port;
	return 0;
}

/* An IPv6 address without brackets, with its zone behind '%'. */
static int
parse_ipv6(struct sk_url *u, const char *p, size_t n, struct sk_err *err)
{
	const char *percent = memchr(p, '%', n);
	size_t i, length = percent != NULL ? (size_t)(percent - p) : n;
	unsigned char raw[16];

	if (!is_ipv6(p, length, raw))
		return bad(err, p, n, "no IPv6 address");
	u->kind = SK_HOST_IPV6;
	u->host.p = p;
	u->host.n = length;
	if (percent == NULL)
		return 0;
	u->zone.p = percent + 1;
	u->zone.n = n - length - 1;
	if (u->zone.n == 0 || u->zone.n > ZONE_MAX)
		return bad(err, p, n, "a zone is 1 to 15 bytes");
	for (i = 0; i < u->zone.n; i++) {
		if (!is_word(u->zone.p[i]) && u->zone.p[i] != '.')
			return bad(err, p, n, "a strange byte in the zone");
	}
	return 0;
}

static int
parse_host(struct sk_url *u, const char *p, size_t n, struct sk_err *err)
{
	u->host.p = p;
	u->host.n = n;
	if (n == 0)
		return bad(err, p, n, "there is no host");
	if (is_ipv4(p, n, NULL))
		u->kind = SK_HOST_IPV4;
	else if (is_name(p, n))
		u->kind = SK_HOST_NAME;
	else
		return bad(err, p, n, "this is neither a DNS name nor an "
		    "address (write IPv6 as [::1]:80; no user, path or query)");
	return 0;
}

/* host or [IPv6], and the port where it is not given apart. */
static int
parse_authority(struct sk_url *u, const char *p, size_t n, long port,
    struct sk_err *err)
{
	const char *end, *colon;
	size_t length;

	if (port != SK_PORT_IN_URL)
		u->port = (unsigned)port;
	if (n > 0 && p[0] == '[') {
		if ((end = memchr(p, ']', n)) == NULL)
			return bad(err, p, n, "the bracket is not closed");
		if (parse_ipv6(u, p + 1, (size_t)(end - p) - 1, err) != 0)
			return SK_FAIL;
		end++;
	} else {
		colon = memchr(p, ':', n);
		end = colon != NULL ? colon : p + n;
		if (colon != NULL && memchr(end + 1, ':',
		    n - (size_t)(end + 1 - p)) != NULL) {
			if (port != SK_PORT_IN_URL)
				return parse_ipv6(u, p, n, err);
			return bad(err, p, n, "more than one colon "
			    "(write IPv6 as [::1]:80)");
		}
		if (parse_host(u, p, (size_t)(end - p), err) != 0)
			return SK_FAIL;
	}
	length = n - (size_t)(end - p);
	if (port != SK_PORT_IN_URL)
		return length == 0 ? 0 : bad(err, p, n,
		    "there is a port here and another given apart");
	if (length == 0)
		return bad(err, p, n, "there is no port (write host:80, or "
		    "give the port apart)");
	if (end[0] != ':')
		return bad(err, p, n, "behind a bracket stands :port");
	return parse_port(u, end + 1, length - 1, err);
}

/* Where "://" begins, or NULL. */
static const char *
find_separator(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i + 3 <= n; i++) {
		if (memcmp(p + i, "://", 3) == 0)
			return p + i;
	}
	return NULL;
}

int
sk_url_parse(struct sk_url *u, const char *p, size_t n, long port,
    struct sk_err *err)
{
	const char *mark = find_separator(p, n);

	memset(u, 0, sizeof(*u));
	if (mark == NULL)
		u->scheme = sk_scheme_find("tcp", 3);
	else {
		if (parse_scheme(u, p, (size_t)(mark - p), err) != 0)
			return SK_FAIL;
		n -= (size_t)(mark + 3 - p);
		p = mark + 3;
	}
	if (u->scheme->transport == SK_UNIX || u->scheme->transport == SK_UDG)
		return parse_path(u, p, n, port, err);
	return parse_authority(u, p, n, port, err);
}

const struct sk_scheme *
sk_scheme_find(const char *p, size_t n)
{
	const struct sk_scheme *s;

	for (s = sk_schemes; s->name != NULL; s++) {
		if (same(s->name, p, n))
			return s;
	}
	return NULL;
}

size_t
sk_url_text(const struct sk_url *u, char buf[SK_URL_MAX])
{
	unsigned char raw[16] = { 0 };
	char host[256];
	size_t i;

	if (u->path.n > 0)
		return (size_t)snprintf(buf, SK_URL_MAX, "%s://%.*s",
		    u->scheme->name, (int)u->path.n, u->path.p);
	if (u->kind == SK_HOST_IPV6) {
		(void)is_ipv6(u->host.p, u->host.n, raw);
		(void)sk_url_ipv6(raw, host);
		return (size_t)snprintf(buf, SK_URL_MAX, "%s://[%s%s%.*s]:%u",
		    u->scheme->name, host, u->zone.n > 0 ? "%" : "",
		    (int)u->zone.n, u->zone.n > 0 ? u->zone.p : "", u->port);
	}
	for (i = 0; i < u->host.n && i < sizeof(host) - 1; i++)
		host[i] = lower(u->host.p[i]);
	host[i] = '\0';
	return (size_t)snprintf(buf, SK_URL_MAX, "%s://%s:%u",
	    u->scheme->name, host, u->port);
}
