/*
 * starttls_test.c - TLS begins, ends, and breaks off, over a pipe in memory:
 * what was read in the clear is never taken for the peer's.
 */
#include "identity.h"
#include "talk.h"

/*
 * The rule of starttls
 */

/* Says a line, then begins TLS without waiting for an answer. */
struct eager {
	struct sk_span line;
	struct sk_seal_options role;
	int at;
};

static int
say_and_shake(struct sk_stream *s, void *arg, struct sk_err *err)
{
	struct eager *e = arg;
	int r;

	if (e->at == 0) {
		if ((r = sk_stream_write(s, &e->line, 1, err)) != 0)
			return r;
		e->at = 1;
	}
	if (e->at == 1) {
		if ((r = sk_stream_seal(s, &e->role, err)) != 0)
			return r;
		e->at = 2;
	}
	return sk_stream_open(s, err);
}

/* Hears a line, then begins TLS: with what has come behind the line. */
struct patient {
	char line[100];
	struct sk_seal_options role;
	size_t behind;
	int at;
};

static int
hear_and_shake(struct sk_stream *s, void *arg, struct sk_err *err)
{
	struct patient *p = arg;
	int r;

	if (p->at == 0) {
		if ((r = talk_line(s, p->line, err)) != 0)
			return r;
		p->at = 1;
		p->behind = sk_stream_pending(s);
	}
	if (p->at == 1) {
		if ((r = sk_stream_seal(s, &p->role, err)) != 0)
			return r;
		p->at = 2;
	}
	return sk_stream_open(s, err);
}

/* A ClientHello that comes in one piece with the line is the handshake's. */
static void
passes_a_hello_on(void)
{
	char line[100] = "";
	size_t behind = 0;
	unsigned seed;
	struct talk t;

	for (seed = 0; seed < 40; seed++) {
		struct eager c = { talk_span("STARTTLS\r\n"),
		    talk_role(0, (int)seed % 2), 0 };
		struct patient s = { "", talk_role(1, (int)seed % 2), 0, 0 };
		struct sk_span secret = talk_span("secret\n");

		talk_open_under(&t, seed, 0, 0);
		if (seed % 4 == 0)
			pipe_be_kind(t.pipe, 12 + seed * 5);
		talk_run(&t, say_and_shake, &c, hear_and_shake, &s);
		check(t.r[0] == 0 && t.r[1] == 0);
		check(strcmp(s.line, "STARTTLS") == 0);
		behind += s.behind;
		talk_run(&t, talk_write, &secret, talk_line, line);
		check(t.r[0] == 0 && strcmp(line, "secret") == 0);
		talk_close(&t);
	}
	check(behind > 0);
}

/*
 * What a man in the middle adds to the line is refused, or meets the
 * handshake: it is never read after it, by no seed.
 */
static void
refuses_injected(void)
{
	unsigned seed, injected = 0;
	struct talk t;

	for (seed = 0; seed < 200; seed++) {
		struct sk_span evil = talk_span("220 go\r\n250 ok\r\n");
		struct patient c = { "", talk_role(0, 1), 0, 0 };

		talk_open_under(&t, seed, 0, 0);
		if (seed % 2 == 0)
			pipe_be_kind(t.pipe, 1 + seed % 20);
		talk_run(&t, talk_say, &evil, hear_and_shake, &c);
		check(t.r[1] == SK_FAIL);
		check(t.err[1].code == SK_INJECTED ||
		    t.err[1].code == SK_PLAINTEXT);
		check(c.behind == 0 || t.err[1].code == SK_INJECTED);
		injected += t.err[1].code == SK_INJECTED;
		check(t.err[1].code == SK_INJECTED || t.s[1].top == NULL);
		talk_close(&t);
	}
	check(injected > 50 && injected < 200);
}

/* In the clear, under TLS, in the clear, under TLS with the roles changed. */
static void
stops_and_starts(void)
{
	static const char *const lines[] = { "one", "two", "three", "four" };
	char heard[100], text[100];
	struct sk_span said_now;
	unsigned seed;
	struct talk t;
	int i;

	for (seed = 0; seed < 12; seed++) {
		talk_open_under(&t, seed, 0, 0);
		for (i = 0; i < 4; i++) {
			if (i % 2 == 1)
				check(talk_encrypt(&t, i / 2, (int)seed % 2));
			if (i == 2)
				talk_run(&t, talk_unseal, NULL, talk_unseal,
				    NULL);
			check(t.r[0] == 0 && t.r[1] == 0);
			check(t.s[0].sealed == i % 2);
			(void)snprintf(text, sizeof(text), "%s\n", lines[i]);
			said_now = talk_span(text);
			talk_run(&t, talk_write, &said_now, talk_line, heard);
			check(strcmp(heard, lines[i]) == 0);
			said_now = talk_span(text);
			talk_run(&t, talk_line, heard, talk_write, &said_now);
			check(strcmp(heard, lines[i]) == 0);
		}
		talk_close(&t);
	}
}

/* What was sent before close_notify is read after it; the rest is clear. */
static void
keeps_what_came(void)
{
	struct sk_span before, after;
	char line[100];
	unsigned seed;
	struct talk t;

	for (seed = 0; seed < 12; seed++) {
		talk_open_under(&t, seed, 1, (int)seed % 2);
		before = talk_span("under tls\n");
		talk_run(&t, talk_write, &before, NULL, NULL);
		talk_run(&t, talk_unseal, NULL, talk_unseal, NULL);
		check(t.r[0] == 0 && t.r[1] == 0);
		after = talk_span("in the clear\n");
		talk_run(&t, talk_write, &after, talk_line, line);
		check(strcmp(line, "under tls") == 0);
		talk_run(&t, NULL, NULL, talk_line, line);
		check(strcmp(line, "in the clear") == 0);
		talk_close(&t);
	}
}

/*
 * Handshakes that are broken off
 */

static int
is_broken(const struct sk_err *err)
{
	return err->code == SK_TRUNCATED || err->code == SK_RESET;
}

enum breach { CLIENT_LEAVES, SERVER_LEAVES, BREACH_RESET, BREACHES };

/*
 * Breaks a handshake off after so many turns; is it over by then? The side
 * that is left is told, and nothing stays behind.
 */
static int
break_off(int turns, int version, enum breach how)
{
	struct sk_seal_options c = talk_role(0, version), s = talk_role(1, version);
	int over = 0;
	struct talk t;

	talk_open(&t, 7);
	check(sk_stream_push(&t.s[0], &c, &t.err[0]) == 0);
	check(sk_stream_push(&t.s[1], &s, &t.err[1]) == 0);
	talk_begin(&t, talk_shake, talk_shake);
	while (turns-- > 0 && !over)
		over = talk_turn(&t, talk_shake, NULL, talk_shake, NULL);
	if (how == BREACH_RESET)
		pipe_reset(t.pipe);
	else
		sk_stream_close(&t.s[how]);
	if (!over && how == BREACH_RESET) {
		while (!talk_turn(&t, talk_shake, NULL, talk_shake, NULL))
			;
		check(t.r[0] == 0 || t.err[0].code == SK_RESET);
		check(t.r[1] == 0 || t.err[1].code == SK_RESET);
	} else if (!over) {
		t.r[how] = 0;
		while (!talk_turn(&t, talk_shake, NULL, talk_shake, NULL))
			;
		check(t.r[1 - how] == 0 || is_broken(&t.err[1 - how]));
	}
	talk_close(&t);
	return over;
}

static void
breaks_off(void)
{
	int turns, version, how;

	for (version = 0; version < 2; version++) {
		for (how = 0; how < BREACHES; how++) {
			turns = 0;
			while (!break_off(turns, version, (enum breach)how))
				turns += 11;
			check(turns > 200);
		}
	}
}

/* Every byte of a talk can be the last: no data, and no clean end. */
static void
is_cut(void)
{
	struct sk_seal_options c, s;
	struct sk_span text;
	char line[100];
	size_t at;
	struct talk t;
	int good = 0;

	for (at = 0; at < 4000; at += 13) {
		c = talk_role(0, (int)at % 2);
		s = talk_role(1, (int)at % 2);
		talk_open(&t, (unsigned)at);
		pipe_cut(t.pipe, at);
		check(sk_stream_push(&t.s[0], &c, &t.err[0]) == 0);
		check(sk_stream_push(&t.s[1], &s, &t.err[1]) == 0);
		text = talk_span("a line\n");
		line[0] = '\0';
		talk_run(&t, talk_say, &text, talk_line, line);
		check(t.r[1] == 0 ? strcmp(line, "a line") == 0 :
		    is_broken(&t.err[1]));
		check(t.r[0] == 0 || is_broken(&t.err[0]));
		good += t.r[1] == 0;
		talk_close(&t);
	}
	check(good > 0);
}

/*
 * A client may say hello twice, and libtls tells the name of the second one:
 * the server takes none but the one that was heard at first.
 */
static void
is_asked_once(void)
{
	static const char *const heard[] = { "localhost", "mail.test", NULL };
	struct sk_err err = { 0 };
	struct talk t;
	size_t i;
	int version, r;

	for (version = 0; version < 2; version++) {
		talk_open_under(&t, 1, 0, 0);
		check(talk_encrypt(&t, 0, version));
		for (i = 0; i < 3; i++) {
			r = sk_identity_check(sk_seal_tls(t.s[1].top),
			    talk_servers[version], heard[i], 1, &err);
			check((r == 0) == (i == 0));
			check(err.code == (i == 0 ? SK_NONE : SK_TLS));
			sk_err_clear(&err);
		}
		talk_close(&t);
	}
}

int
main(void)
{
	talk_load();
	run(passes_a_hello_on);
	run(refuses_injected);
	run(stops_and_starts);
	run(keeps_what_came);
	run(breaks_off);
	run(is_cut);
	run(is_asked_once);
	talk_unload();
	return report("starttls");
}
