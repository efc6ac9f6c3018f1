/*
 * err_test.c - errors: the first cause wins, every errno has a code and
 * words, and no memory is no reason to say nothing.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "io.h"

static void
first_wins(void)
{
	struct sk_err a = { 0 }, b = { 0 };

	check(sk_fail(&a, SK_RESET, "read %d", 1) == SK_FAIL);
	check(sk_fail(&a, SK_TLS, "read 2") == SK_FAIL);
	check(sk_fail_sys(&a, ENOMEM, "read 3") == SK_FAIL);
	check(a.code == SK_RESET && strcmp(sk_err_text(&a), "read 1") == 0);
	check(sk_err_copy(&b, &a) == SK_FAIL && b.text != a.text);
	check(b.code == SK_RESET && strcmp(sk_err_text(&b), "read 1") == 0);
	sk_err_clear(&a);
	check(a.code == SK_NONE && a.text == NULL);
	(void)sk_fail(&a, SK_EOF, "the end");
	check(sk_err_move(&b, &a) == SK_FAIL && a.code == SK_NONE);
	check(b.code == SK_RESET);
	sk_err_clear(&b);
	(void)sk_fail(&a, SK_EOF, "the end");
	check(sk_err_move(&b, &a) == SK_FAIL && a.text == NULL);
	check(b.code == SK_EOF && strcmp(sk_err_text(&b), "the end") == 0);
	sk_err_clear(&b);
}

static void
system_calls(void)
{
	static const struct {
		int sys;
		enum sk_code code;
		const char *text;
	} cases[] = {
		{ ECONNREFUSED, SK_REFUSED, "x: connection refused" },
		{ EHOSTUNREACH, SK_UNREACHABLE, "x: no route to host" },
		{ EACCES, SK_DENIED, "x: permission denied" },
		{ EADDRINUSE, SK_INUSE, "x: address already in use" },
		{ ETIMEDOUT, SK_TIMEOUT, "x: connection timed out" },
		{ ECONNRESET, SK_RESET, "x: connection reset by peer" },
		{ EPIPE, SK_RESET, "x: peer no longer reads" },
		{ EMSGSIZE, SK_LIMIT, "x: message too long" },
		{ ENOMEM, SK_MEMORY, "x: out of memory" },
		{ ENOPROTOOPT, SK_UNSUPPORTED,
		    "x: no such option on this socket" },
		{ EMFILE, SK_SYSTEM,
		    "x: too many open descriptors in this process" },
		{ 9999, SK_SYSTEM, "x: system error 9999" },
	};
	struct sk_err err = { 0 };
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check(sk_fail_sys(&err, cases[i].sys, "%s", "x") == SK_FAIL);
		check(err.code == cases[i].code && err.sys == cases[i].sys);
		check(strcmp(sk_err_text(&err), cases[i].text) == 0);
		sk_err_clear(&err);
	}
}

static void
names(void)
{
	struct sk_err err = { 0 };
	const char *name, *p;
	int i, j;

	for (i = SK_NONE + 1; i < SK_CODES; i++) {
		name = sk_code_name((enum sk_code)i);
		check(*name != '\0');
		for (p = name; *p != '\0'; p++)
			check(islower((unsigned char)*p));
		for (j = SK_NONE + 1; j < i; j++)
			check(strcmp(name, sk_code_name((enum sk_code)j)));
		err.code = (enum sk_code)i;	/* as where memory ran out */
		check(*sk_err_text(&err) != '\0');
	}
}

static void
long_ones(void)
{
	static char big[5000];
	struct sk_err err = { 0 };

	memset(big, 'x', sizeof(big) - 1);
	(void)sk_fail(&err, SK_URL, "%s", big);
	check(strlen(sk_err_text(&err)) < 2000);
	sk_err_clear(&err);
	(void)sk_fail_sys(&err, EINVAL, "%s", big);
	check(strlen(sk_err_text(&err)) < 2000);
	sk_err_clear(&err);
}

int
main(void)
{
	run(first_wins);
	run(system_calls);
	run(names);
	run(long_ones);
	return report("err");
}
