/*
 * greeting_test.c - what a peer says where TLS is expected, up to the last
 * byte that was read and no further.
 */
#include <string.h>

#include "check.h"
#include "greeting.h"
#include "guard.h"

static int
is_hello(const char *p, size_t n)
{
	return sk_greeting_is_hello(guard(p, n), n);
}

static void
hellos(void)
{
	static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc";
	static const struct {
		const char *p;
		size_t n;
	} others[] = {
		{ "\x17\x03\x01\x02\x00\x01", 6 },	/* data */
		{ "\x16\x02\x01\x02\x00\x01", 6 },	/* SSL 2 and worse */
		{ "\x16\x03\x05\x02\x00\x01", 6 },	/* no such version */
		{ "\x16\x03\x01\x00\x03\x01", 6 },	/* too short */
		{ "\x16\x03\x01\x40\x01\x01", 6 },	/* too long */
		{ "\x16\x03\x01\x02\x00\x0b", 6 },	/* a certificate */
		{ "250 ok", 6 },
	};
	size_t i, n;

	for (n = 1; n < sizeof(hello); n++)
		check(is_hello(hello, n));
	check(!is_hello("", 0));
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		check(!is_hello(others[i].p, others[i].n));
	check(is_hello("\x16\x03\x03\x00\x7a\x02", 6));	/* ServerHello */
}

static void
records(void)
{
	check(sk_greeting_is_record(guard("\x15", 1), 1));
	check(sk_greeting_is_record(guard("\x18\x03", 2), 2));
	check(!sk_greeting_is_record(guard("\x15\x04", 2), 2));
	check(!sk_greeting_is_record(guard("\x13\x03", 2), 2));
	check(!sk_greeting_is_record(guard("\x19\x03", 2), 2));
	check(!sk_greeting_is_record(guard("2", 1), 1));
}

/* Does the message for these bytes have that code and say that? */
static int
says(const char *p, size_t n, int server, int late, enum sk_code code,
    const char *what)
{
	struct sk_err err = { 0 };
	int right = sk_greeting_fail(guard(p, n), n, server, late, &err) ==
	    SK_FAIL && err.code == code &&
	    strstr(sk_err_text(&err), what) != NULL;

	if (!right)
		fprintf(stderr, "%s\n", sk_err_text(&err));
	sk_err_clear(&err);
	return right;
}

static void
words(void)
{
	char long_line[SK_GREETING * 2], line[SK_GREETING + 1];

	check(says("GET / HTTP/1.0\r\n", 16, 1, 0, SK_PLAINTEXT,
	    "the client sent an http request: 'GET / HTTP/1.0'"));
	check(says("HTTP/1.1 400", 12, 0, 0, SK_PLAINTEXT,
	    "the server sent an http answer"));
	check(says("220 mail.test ESMTP\r\n", 21, 0, 0, SK_PLAINTEXT,
	    "takes tcp:// and then starttls()"));
	check(says("454 no\r\n", 8, 0, 1, SK_PLAINTEXT,
	    "did it accept starttls?"));
	check(says("S", 1, 0, 0, SK_PLAINTEXT, "'S'"));
	check(says("\x30\x0c\x02\x01", 4, 0, 0, SK_TLS, "0x30"));
	check(says("\xff\xfd\x2e", 3, 1, 0, SK_TLS, "the client does not"));
	check(says("\0", 1, 0, 0, SK_TLS, "0x00"));
	memset(long_line, 'x', sizeof(long_line));
	sk_greeting_line(line, guard(long_line, sizeof(long_line)),
	    sizeof(long_line));
	check(strlen(line) == SK_GREETING);
	sk_greeting_line(line, guard("a\0\x1b[1m\xff\rb", 9), 9);
	check(strcmp(line, "a..[1m.") == 0);
}

int
main(void)
{
	guard_open();
	run(hellos);
	run(records);
	run(words);
	return report("greeting");
}
