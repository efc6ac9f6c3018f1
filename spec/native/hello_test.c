/*
 * hello_test.c - a ClientHello as clients send it, cut short at every
 * byte, and with every byte changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "guard.h"
#include "hello.h"

/* What a hello with server name and two protocols looks like. */
static const char sample[] =
    "\x16\x03\x01\x00\x5e\x01\x00\x00\x5a\x03\x03"
    "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\x00"
    "\x00\x04\x13\x01\xc0\x2f\x01\x00\x00\x2d"
    "\x00\x00\x00\x0e\x00\x0c\x00\x00\x09LocalHost"
    "\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1"
    "\x00\x2b\x00\x05\x04\x03\x04\x03\x03";
#define SAMPLE (sizeof(sample) - 1)

static int
parse(const char *p, size_t n, struct sk_hello *h)
{
	struct sk_err err = { 0 };
	int r = sk_hello_parse(h, p, n, &err);

	check((r == 0) == (err.code == SK_NONE));
	sk_err_clear(&err);
	return r;
}

static ssize_t
need(const char *p, size_t n)
{
	struct sk_err err = { 0 };
	struct sk_hello_mark mark = { 0 };
	ssize_t r = sk_hello_need(&mark, p, n, &err);

	check((r >= 0) == (err.code == SK_NONE));
	sk_err_clear(&err);
	return r;
}

static void
reads(void)
{
	struct sk_hello h;
	size_t n;

	for (n = 0; n < SAMPLE; n++)
		check(need(guard(sample, n), n) ==
		    (ssize_t)((n < 5 ? 5 : SAMPLE) - n));
	check(need(guard(sample, SAMPLE), SAMPLE) == 0);
	check(parse(guard(sample, SAMPLE), SAMPLE, &h) == 0);
	check(strcmp(h.servername, "localhost") == 0);
	check(h.nalpn == 12);
	check(sk_hello_speaks(&h, "h2"));
	check(sk_hello_speaks(&h, "x,http/1.1,y"));
	check(!sk_hello_speaks(&h, "h,2,http/1.0,http/1.1x"));
	check(!sk_hello_speaks(&h, ""));
	sk_hello_free(&h);
}

/* Sender and receiver agree on the end, whatever the bytes are. */
static void
survives(void)
{
	struct sk_hello h;
	size_t i, n;
	int flip, good = 0;
	char *p;

	for (n = 0; n < SAMPLE; n++)
		check(parse(guard(sample, n), n, &h) != 0);
	for (i = 0; i < SAMPLE; i++) {
		for (flip = 1; flip < 256; flip++) {
			p = guard(sample, SAMPLE);
			p[i] = (char)(p[i] ^ flip);
			if (need(p, SAMPLE) == 0 && parse(p, SAMPLE, &h) == 0) {
				good++;
				sk_hello_free(&h);
			}
		}
	}
	check(good > 0);
}

/* A message that never ends is bounded. */
static void
is_bounded(void)
{
	size_t n = 0, record = 5 + 16384;
	char *p = calloc(8, record);
	int i;

	for (i = 0; i < 8; i++, n += record)
		memcpy(p + n, "\x16\x03\x01\x40\x00", 5);
	memcpy(p + 5, "\x01\xff\xff\xff", 4);
	check(need(p, record) == SK_FAIL);
	memcpy(p + 5, "\x01\x00\xff\x00", 4);
	check(need(p, record) == 5);
	check(need(p, 4 * record) == 0);
	free(p);
}

/* In records of one byte it takes no longer than its bytes do. */
static void
is_heard_at_once(void)
{
	static const char first[] = "\x01\x00\xf0\x00";
	size_t i, n = 0, want = 0xf000 + 4;
	struct sk_hello_mark mark = { 0 };
	struct sk_err err = { 0 };
	clock_t start = clock();
	char *p = calloc(want, 6);
	ssize_t r = 1;

	for (i = 0; i < want; i++) {
		memcpy(p + 6 * i, "\x16\x03\x01\x00\x01", 5);
		p[6 * i + 5] = i < 4 ? first[i] : 'x';
	}
	while (r > 0 && n < 6 * want) {
		r = sk_hello_need(&mark, p, n, &err);
		n += r > 0 ? (size_t)r : 0;
	}
	check(n == 6 * want);
	check(sk_hello_need(&mark, p, n, &err) == 0);
	check(clock() - start < CLOCKS_PER_SEC);
	free(p);
}

int
main(void)
{
	guard_open();
	run(reads);
	run(survives);
	run(is_bounded);
	run(is_heard_at_once);
	return report("hello");
}
