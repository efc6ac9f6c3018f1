/*
 * stream_test.c - items and writes over a pipe in memory, in the clear and
 * under TLS, with every "not yet" that a seed can think of.
 */
#include <stdlib.h>

#include "talk.h"

#define BIG 40000		/* more than two records */

static char big[BIG];

/*
 * Items
 */

enum kind { CHOPPED, LINE, EXACT, SOME, UNTIL, PEEK, ALL };

struct wanted {
	enum kind kind;
	size_t n;
	const char *text;	/* SOME, PEEK: what it begins */
	const char *delimiter;
};

static const char said[] = "one\r\ntwo\n\nfour\r\r\nfive\nHEADERS: 7\r\n\r\n"
    "0123456789abcdefghij--part--" "-done\n" "the\r\nrest";

static const struct wanted script[] = {
	{ CHOPPED, 0, "one", NULL },
	{ LINE, 0, "two\n", NULL },
	{ CHOPPED, 0, "", NULL },
	{ PEEK, 3, "four\r\r\n", NULL },
	{ CHOPPED, 0, "four\r", NULL },
	{ UNTIL, 0, "five", "\n" },
	{ UNTIL, 0, "HEADERS: 7", "\r\n\r\n" },
	{ EXACT, 0, "", NULL },
	{ EXACT, 10, "0123456789", NULL },
	{ SOME, 3, "abcdefghij", NULL },
	{ PEEK, 50, "--part---done\nthe\r\nrest", NULL },
	{ UNTIL, 0, "", "--" },
	{ UNTIL, 0, "part", "--" },
	{ LINE, 0, "-done\n", NULL },
	{ ALL, 0, "the\r\nrest", NULL },
	{ ALL, 0, "", NULL },
};

#define ITEMS (sizeof(script) / sizeof(script[0]))

struct reader {
	size_t at;		/* in the script */
	size_t got;		/* of a text that comes in pieces */
	int wrong;
};

/* One item of the stream, as the script has it. */
static int
read_item(struct sk_stream *s, const struct wanted *w, size_t got,
    struct sk_span *item, size_t *take, struct sk_err *err)
{
	switch (w->kind) {
	case CHOPPED:
	case LINE:
		return sk_item_line(s, w->kind == CHOPPED, item, take, err);
	case EXACT:
		return sk_item_exact(s, w->n, item, take, err);
	case SOME:
		*take = strlen(w->text) - got;
		return sk_item_some(s, w->n < *take ? w->n : *take, item,
		    take, err);
	case PEEK:
		return sk_item_some(s, w->n, item, take, err);
	case UNTIL:
		return sk_item_until(s, w->delimiter, strlen(w->delimiter),
		    100, item, take, err);
	case ALL:
		return sk_item_all(s, 0, item, take, err);
	}
	return SK_FAIL;
}

/* Does the item say what it should? A piece says a piece of it, not none. */
static int
is_right(const struct wanted *w, size_t got, const struct sk_span *item)
{
	size_t left = strlen(w->text) - got;

	if (w->kind == SOME || w->kind == PEEK)
		return item->n > 0 && item->n <= w->n && item->n <= left &&
		    memcmp(item->p, w->text + got, item->n) == 0;
	return item->n == left &&
	    (left == 0 || memcmp(item->p, w->text, left) == 0);
}

static int
follow(struct sk_stream *s, void *arg, struct sk_err *err)
{
	struct reader *r = arg;
	const struct wanted *w;
	struct sk_span item;
	size_t take;
	int answer;

	while (r->at < ITEMS) {
		w = &script[r->at];
		answer = read_item(s, w, r->got, &item, &take, err);
		if (answer != 0)
			return answer;
		r->wrong += !is_right(w, r->got, &item);
		if (w->kind == PEEK)
			take = 0;
		r->got += w->kind == SOME ? item.n : 0;
		sk_item_take(s, take);
		if (w->kind == SOME && r->got < strlen(w->text))
			continue;
		r->at++;
		r->got = 0;
	}
	return 0;
}

static void
read_script(unsigned seed, int layers, int version)
{
	struct sk_span text = { said, sizeof(said) - 1 };
	struct reader r = { 0 };
	struct talk t;

	talk_open_under(&t, seed, layers, version);
	talk_run(&t, talk_say, &text, follow, &r);
	check(t.r[0] == 0 && t.r[1] == 0);
	check(r.at == ITEMS && r.wrong == 0);
	check(t.s[0].bytes_out == sizeof(said) - 1);
	check(t.s[1].bytes_in == sizeof(said) - 1);
	talk_close(&t);
}

static void
items_in_the_clear(void)
{
	unsigned seed;

	for (seed = 0; seed < 300; seed++)
		read_script(seed, 0, 0);
}

static void
items_under_tls(void)
{
	unsigned seed;

	for (seed = 0; seed < 20; seed++) {
		read_script(seed, 1, 0);
		read_script(seed, 1, 1);
	}
}

static void
items_under_tls_in_tls(void)
{
	unsigned seed;

	for (seed = 0; seed < 4; seed++) {
		read_script(seed, 2, 0);
		read_script(seed, 2, 1);
	}
}

/*
 * Writing
 */

#define VALUES 6

/* Where the step is tried again after a WANT it gets the same values. */
struct writer {
	const struct sk_span *values;
	int done;
};

static int
write_values(struct sk_stream *s, void *arg, struct sk_err *err)
{
	struct writer *w = arg;
	int r;

	if (!w->done && (r = sk_stream_write(s, w->values, VALUES, err)) != 0)
		return r;
	w->done = 1;
	return sk_stream_shut(s, err);
}

struct all {
	char *bytes;
	size_t n;
};

static int
read_all(struct sk_stream *s, void *arg, struct sk_err *err)
{
	struct all *all = arg;
	struct sk_span item;
	size_t take;
	int r = sk_item_all(s, 0, &item, &take, err);

	if (r != 0)
		return r;
	if ((all->bytes = malloc(item.n + 1)) == NULL)
		abort();
	memcpy(all->bytes, item.p, all->n = item.n);
	sk_item_take(s, take);
	return 0;
}

static void
write_several(unsigned seed, int layers, enum sk_buffering mode)
{
	const struct sk_span values[VALUES] = { { "", 0 }, { "a\n", 2 },
	    { big, BIG }, { "b", 1 }, { big, 16384 }, { "", 0 } };
	struct writer w = { values, 0 };
	struct all all = { 0 };
	struct talk t;

	talk_open_under(&t, seed, layers, (int)seed % 2);
	t.s[0].buffering = (unsigned char)mode;
	t.s[0].outsize = 100;
	talk_run(&t, write_values, &w, read_all, &all);
	check(t.r[0] == 0 && t.r[1] == 0 && all.n == BIG + 16387);
	check(t.s[0].bytes_out == all.n && t.s[0].written == 0);
	if (all.n == BIG + 16387) {
		check(memcmp(all.bytes, "a\n", 2) == 0);
		check(memcmp(all.bytes + 2, big, BIG) == 0);
		check(all.bytes[2 + BIG] == 'b');
		check(memcmp(all.bytes + 3 + BIG, big, 16384) == 0);
	}
	free(all.bytes);
	talk_close(&t);
}

static void
writes(void)
{
	unsigned seed;

	for (seed = 0; seed < 6; seed++) {
		write_several(seed, 0, SK_BUFFER_NO);
		write_several(seed, 0, SK_BUFFER_LINE);
		write_several(seed, 0, SK_BUFFER_FULL);
		write_several(seed, 1, SK_BUFFER_NO);
		write_several(seed, 1, SK_BUFFER_FULL);
		write_several(seed, 2, SK_BUFFER_NO);
	}
}

/* A write that is given up tells how much is gone, and the rest can follow. */
static void
gives_up(unsigned seed, int layers)
{
	struct sk_span whole = { big, BIG }, rest;
	struct sk_err err = { 0 };
	struct all all = { 0 };
	size_t gone;
	struct talk t;
	int i;

	talk_open_under(&t, seed, layers, 1);
	for (i = 0; i < 50; i++)
		check(sk_stream_write(&t.s[0], &whole, 1, &err) < SK_FAIL);
	gone = sk_stream_giveup(&t.s[0]);
	rest.p = big + gone;
	rest.n = BIG - gone;
	check(gone > 0 && gone < BIG);
	pipe_be_kind(t.pipe, 1000);
	talk_run(&t, talk_say, &rest, read_all, &all);
	check(t.r[0] == 0 && t.r[1] == 0 && all.n == BIG);
	check(all.n == BIG && memcmp(all.bytes, big, BIG) == 0);
	free(all.bytes);
	talk_close(&t);
}

static void
writes_in_parts(void)
{
	unsigned seed;

	for (seed = 0; seed < 5; seed++) {
		gives_up(seed, 0);
		gives_up(seed, 1);
		gives_up(seed, 2);
	}
}

/*
 * Limits and ends
 */

static void
limits(void)
{
	struct sk_span text = talk_span("12345678901234567890\nnext\n");
	char line[100] = "";
	unsigned seed;
	struct talk t;

	for (seed = 0; seed < 50; seed++) {
		talk_open_under(&t, seed, 0, 0);
		text = talk_span("12345678901234567890\nnext\n");
		t.s[1].limit = 19;
		talk_run(&t, talk_say, &text, talk_line, line);
		check(t.r[0] == 0 && t.err[1].code == SK_LIMIT);
		t.s[1].limit = 20;
		talk_run(&t, NULL, NULL, talk_line, line);
		check(t.r[1] == 0 && strcmp(line, "12345678901234567890") == 0);
		talk_run(&t, NULL, NULL, talk_line, line);
		check(t.r[1] == 0 && strcmp(line, "next") == 0);
		talk_run(&t, NULL, NULL, talk_line, line);
		check(t.err[1].code == SK_EOF);
		talk_close(&t);
	}
}

enum end { SHUT, FINISHED, RESET };

/* What a line meets that has no end; what came can still be read. */
static void
ends(unsigned seed, int layers, enum end how)
{
	struct sk_span text = talk_span("half a line");
	struct all all = { 0 };
	enum sk_code codes[] = { SK_TRUNCATED, SK_TRUNCATED, SK_RESET };
	char line[100], some[100];
	struct talk t;
	size_t take;
	struct sk_span item;

	talk_open_under(&t, seed, layers, (int)seed % 2);
	talk_run(&t, talk_write, &text, NULL, NULL);
	check(t.r[0] == 0);
	while (sk_stream_pending(&t.s[1]) < text.n)
		(void)sk_item_exact(&t.s[1], text.n, &item, &take, &t.err[1]);
	text.n = 0;
	if (how == SHUT)
		talk_run(&t, talk_say, &text, NULL, NULL);
	else if (how == FINISHED)
		pipe_finish(t.pipe, 0);
	else
		pipe_reset(t.pipe);
	talk_run(&t, NULL, NULL, talk_line, line);
	check(t.r[1] == SK_FAIL && t.err[1].code == codes[how]);
	talk_run(&t, NULL, NULL, read_all, &all);
	if (how == SHUT || (how == FINISHED && layers == 0)) {
		check(t.r[1] == 0 && all.n == strlen("half a line"));
	} else
		check(t.r[1] == SK_FAIL && t.err[1].code == codes[how]);
	sk_err_clear(&t.err[1]);
	(void)snprintf(some, sizeof(some), "half a line");
	if (all.n == 0) {
		check(sk_item_some(&t.s[1], 99, &item, &take, &t.err[1]) == 0);
		check(item.n == 11 && memcmp(item.p, some, 11) == 0);
	}
	free(all.bytes);
	talk_close(&t);
}

static void
ends_differ(void)
{
	unsigned seed;
	int layers, how;

	for (seed = 0; seed < 8; seed++) {
		for (layers = 0; layers <= 2; layers++) {
			for (how = SHUT; how <= RESET; how++)
				ends(seed, layers, (enum end)how);
		}
	}
}

int
main(void)
{
	size_t i;

	for (i = 0; i < BIG; i++)
		big[i] = (char)('a' + i % 23);
	talk_load();
	run(items_in_the_clear);
	run(items_under_tls);
	run(items_under_tls_in_tls);
	run(writes);
	run(writes_in_parts);
	run(limits);
	run(ends_differ);
	talk_unload();
	return report("stream");
}
