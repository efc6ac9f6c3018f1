/*
 * url_test.c - the parser reads exactly the bytes it is given: each input
 * ends where memory ends.
 */
#include <string.h>

#include "check.h"
#include "guard.h"
#include "url.h"

static int
parse(struct sk_url *u, const char *text, size_t n, long port)
{
	struct sk_err err = { 0 };
	int r;

	r = sk_url_parse(u, guard(text, n), n, port, &err);
	check((r == 0) == (err.code == SK_NONE));
	check(r == 0 || (err.text != NULL && err.text[0] != '\0'));
	sk_err_clear(&err);
	return r;
}

static const char *const good[] = {
	"tcp://a:1", "a:1", "TLS://A.b.:443", "tls://[::1%lo]:65535",
	"udp://1.2.3.4:0", "unix://x", "udg://@y", "tcp://[1:2:3:4:5:6:7:8]:1",
	"tcp://[::ffff:1.2.3.4]:1", "tlsv1.3://a_b-c.d:5",
};

static const char *const bad[] = {
	"", ":", "://", "a", "a:", "a:x", "a:999999", "tcp://[", "tcp://[]:1",
	"tcp://[::1", "tcp://[::1]", "tcp://[::1]:", "tcp://[1:2]:1", "x://a:1",
	"unix://", "udg://@", "tcp://1.2.3:1", "tcp://a..b:1", "sslv3://",
	"tcp://[::1%]:1", "tcp://a b:1", "a:1:2", "tcp://[1::2::3]:1",
};

/* Every prefix of every case, at the edge of memory. */
static void
prefixes(void)
{
	struct sk_url u;
	size_t i, n;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		for (n = 0; n <= strlen(good[i]); n++) {
			(void)parse(&u, good[i], n, SK_PORT_IN_URL);
			(void)parse(&u, good[i], n, 80);
		}
		check(parse(&u, good[i], strlen(good[i]),
		    SK_PORT_IN_URL) == 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(parse(&u, bad[i], strlen(bad[i]), SK_PORT_IN_URL) != 0);
}

/* The canonical spelling parses to itself. */
static void
canonical(void)
{
	char text[SK_URL_MAX], again[SK_URL_MAX];
	struct sk_url u;
	size_t i, n;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		check(parse(&u, good[i], strlen(good[i]),
		    SK_PORT_IN_URL) == 0);
		n = sk_url_text(&u, text);
		check(n == strlen(text));
		check(parse(&u, text, n, SK_PORT_IN_URL) == 0);
		(void)sk_url_text(&u, again);
		check(strcmp(text, again) == 0);
	}
}

int
main(void)
{
	guard_open();
	run(prefixes);
	run(canonical);
	return report("url");
}
