/*
 * talk.h - two streams over a pipe in memory, and steps that take turns.
 *
 *	struct talk t;
 *	talk_open(&t, seed);
 *	talk_run(&t, write_all, &text, read_line, &line);
 *	check(t.r[0] == 0 && t.r[1] == 0);
 *	talk_close(&t);
 */
#ifndef SK_TALK_H
#define SK_TALK_H

#include <string.h>

#include "check.h"
#include "item.h"
#include "pipe.h"
#include "stream.h"

#define TALK_TURNS 1000000	/* more of them are a standstill */

struct talk {
	struct pipe *pipe;
	struct sk_shelf *shelf;
	struct sk_stream s[2];
	int r[2];		/* what each side's step answered last */
	struct sk_err err[2];
};

/* A step of a side; NULL does nothing. */
typedef int talk_step(struct sk_stream *, void *, struct sk_err *);

static inline void
talk_open(struct talk *t, unsigned seed)
{
	int i;

	memset(t, 0, sizeof(*t));
	t->pipe = pipe_new(seed);
	t->shelf = sk_shelf_new();
	for (i = 0; i < 2; i++) {
		t->s[i].shelf = t->shelf;
		sk_stream_start(&t->s[i], pipe_end(t->pipe, i));
	}
}

/* One turn of each side that is not done: are both? */
static inline int
talk_turn(struct talk *t, talk_step *f, void *farg, talk_step *g, void *garg)
{
	talk_step *const steps[2] = { f, g };
	void *const args[2] = { farg, garg };
	int i;

	for (i = 0; i < 2; i++) {
		if (t->r[i] < SK_FAIL)
			t->r[i] = steps[i](&t->s[i], args[i], &t->err[i]);
	}
	return t->r[0] >= SK_FAIL && t->r[1] >= SK_FAIL;
}

static inline void
talk_begin(struct talk *t, talk_step *f, talk_step *g)
{
	sk_err_clear(&t->err[0]);
	sk_err_clear(&t->err[1]);
	t->r[0] = f != NULL ? SK_WANT_READ : 0;
	t->r[1] = g != NULL ? SK_WANT_READ : 0;
}

/* Takes turns until both are done. */
static inline void
talk_run(struct talk *t, talk_step *f, void *farg, talk_step *g, void *garg)
{
	int turns = 0;

	talk_begin(t, f, g);
	while (!talk_turn(t, f, farg, g, garg) && ++turns < TALK_TURNS)
		;
	check(turns < TALK_TURNS);
}

/* Was everything let go? */
static inline void
talk_close(struct talk *t)
{
	int i;

	for (i = 0; i < 2; i++) {
		sk_stream_close(&t->s[i]);
		sk_err_clear(&t->err[i]);
		check(t->s[i].top == NULL && t->s[i].in.base == NULL &&
		    t->s[i].out.base == NULL && t->s[i].sought == NULL);
	}
	check(pipe_is_free(t->pipe));
	check(t->shelf->refs == 1);
	sk_shelf_drop(t->shelf);
	pipe_free(t->pipe);
}

/*
 * Steps
 */

static inline struct sk_span
talk_span(const char *text)
{
	struct sk_span s = { text, strlen(text) };

	return s;
}

/* Writes the span that arg points to. */
static inline int
talk_write(struct sk_stream *s, void *arg, struct sk_err *err)
{
	return sk_stream_write(s, arg, 1, err);
}

/* The same, then says that it was all. */
static inline int
talk_say(struct sk_stream *s, void *arg, struct sk_err *err)
{
	struct sk_span *span = arg;
	int r;

	if (span->n > 0 && (r = sk_stream_write(s, span, 1, err)) != 0)
		return r;
	span->n = 0;
	return sk_stream_shut(s, err);
}

static inline int
talk_shake(struct sk_stream *s, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_stream_open(s, err);
}

static inline int
talk_unseal(struct sk_stream *s, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_stream_unseal(s, err);
}

/* Reads a line, up to 99 bytes of it, into the chars at arg. */
static inline int
talk_line(struct sk_stream *s, void *arg, struct sk_err *err)
{
	struct sk_span item;
	size_t take;
	int r;

	if ((r = sk_item_line(s, 1, &item, &take, err)) == 0) {
		(void)snprintf(arg, 100, "%.*s", (int)item.n, item.p);
		sk_item_take(s, take);
	}
	return r;
}

/*
 * TLS
 */

/* Ours for a role: "ca" of clients, "cert" and "key" of servers, by name. */
static inline struct sk_conf *
talk_conf(int server, const char *name, unsigned protocols,
    struct sk_err *err)
{
	struct sk_keypair pair = { 0 };
	struct sk_conf_spec spec = { 0 };
	char cert[100], key[100];

	(void)snprintf(cert, sizeof(cert), "build/ca/%s.pem", name);
	(void)snprintf(key, sizeof(key), "build/ca/%s.key", name);
	pair.cert.p = cert;
	pair.cert.n = strlen(cert);
	pair.key.p = key;
	pair.key.n = strlen(key);
	spec.protocols = protocols;
	spec.depth = spec.lifetime = -1;
	if (server) {
		spec.pairs = &pair;
		spec.npairs = 1;
	} else
		spec.ca = pair.cert;
	return sk_conf_new(&spec, err);
}

static struct sk_conf *talk_clients[2], *talk_servers[2];

/* The configurations of a client and a server, of TLS 1.2 and of 1.3. */
static inline void
talk_load(void)
{
	static const unsigned versions[] = { SK_TLS_1_2, SK_TLS_1_3 };
	struct sk_err err = { 0 };
	int i;

	for (i = 0; i < 2; i++) {
		talk_clients[i] = talk_conf(0, "ca", versions[i], &err);
		talk_servers[i] = talk_conf(1, "server-ec", versions[i], &err);
	}
	check(err.code == SK_NONE);
}

static inline void
talk_unload(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		sk_conf_drop(talk_clients[i]);
		sk_conf_drop(talk_servers[i]);
	}
}

/* What a side begins TLS with; version 0 or 1, as above. */
static inline struct sk_seal_options
talk_role(int server, int version)
{
	struct sk_seal_options o = { 0 };

	o.conf = server ? talk_servers[version] : talk_clients[version];
	o.server = server;
	o.servername = server ? NULL : "localhost";
	o.late = 1;
	return o;
}

/* STARTTLS without any dialogue; arg is the role. */
static inline int
talk_seal(struct sk_stream *s, void *arg, struct sk_err *err)
{
	return sk_stream_seal(s, arg, err);
}

/* Both sides begin TLS, the client on side who; did both? */
static inline int
talk_encrypt(struct talk *t, int who, int version)
{
	struct sk_seal_options c = talk_role(0, version);
	struct sk_seal_options s = talk_role(1, version);

	talk_run(t, talk_seal, who == 0 ? &c : &s, talk_seal,
	    who == 0 ? &s : &c);
	if (t->r[0] == 0 && t->r[1] == 0)
		talk_run(t, talk_shake, NULL, talk_shake, NULL);
	return t->r[0] == 0 && t->r[1] == 0;
}

/* Opens a talk under so many layers of TLS of that version. */
static inline void
talk_open_under(struct talk *t, unsigned seed, int layers, int version)
{
	talk_open(t, seed);
	for (; layers > 0; layers--)
		check(talk_encrypt(t, layers % 2, version));
}

#endif
