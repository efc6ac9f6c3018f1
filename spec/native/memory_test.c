/*
 * memory_test.c - the n-th allocation of the C part fails, for every n. It
 * is told, or makes no difference; nothing stays behind, and nobody gets
 * through who would not otherwise.
 */
#include "fault.h"

#include "cert.h"
#include "fd.h"
#include "peer.h"
#include "talk.h"

#define LIMIT 2000		/* more allocations than any run here has */

/* What is tried with the n-th allocation missing: 0, or the code of why not. */
typedef enum sk_code attempt(void);

/*
 * Runs it for every n, until it needs fewer than n; each answer is success,
 * memory, or what it is expected to be.
 */
static void
sweep(attempt *f, void (*fail)(int), enum sk_code expected)
{
	enum sk_code code;
	int n, before, hit = 1;

	for (n = 1; hit && n < LIMIT; n++) {
		before = fault_live;
		fail(n);
		code = f();
		hit = fault_hit;
		fault_off();
		if (code != SK_MEMORY && code != expected)
			fprintf(stderr, "allocation %d: code %s\n", n,
			    sk_code_name(code));
		check(code == SK_MEMORY || code == expected);
		check(hit || code == expected);
		check(fault_live == before);
	}
	check(!hit && n > 3);
}

/*
 * Talks
 */

/* A step of both sides, while there is no failure. */
static void
both(struct talk *t, talk_step *f, void *farg, talk_step *g, void *garg)
{
	int turns = 0;

	if (t->r[0] == SK_FAIL || t->r[1] == SK_FAIL)
		return;
	talk_begin(t, f, g);
	while (!talk_turn(t, f, farg, g, garg) && turns++ < TALK_TURNS) {
		/* The other one learns of it, as over a network. */
		if (t->r[0] == SK_FAIL && t->s[0].top != NULL)
			sk_stream_close(&t->s[0]);
		if (t->r[1] == SK_FAIL && t->s[1].top != NULL)
			sk_stream_close(&t->s[1]);
	}
	check(turns < TALK_TURNS);
}

/* Why the talk failed, on which side ever; memory tells it all. */
static enum sk_code
reason(const struct talk *t)
{
	enum sk_code a = t->r[0] == SK_FAIL ? t->err[0].code : SK_NONE;
	enum sk_code b = t->r[1] == SK_FAIL ? t->err[1].code : SK_NONE;

	if (a == SK_MEMORY || b == SK_MEMORY)
		return SK_MEMORY;
	return a != SK_NONE ? a : b;
}

/* A talk without failures to begin with: what the test itself allocates. */
static void
arrange(struct talk *t)
{
	int left = fault_left;

	fault_off();
	talk_open(t, 3);
	pipe_be_kind(t->pipe, 1000);
	fault_left = left;
}

static int
flush(struct sk_stream *s, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_stream_flush(s, err);
}

static int
until(struct sk_stream *s, void *arg, struct sk_err *err)
{
	struct sk_span item;
	size_t take;
	int r = sk_item_until(s, arg, strlen(arg), 100000, &item, &take, err);

	if (r == 0)
		sk_item_take(s, take);
	return r;
}

static enum sk_code
talks_in_the_clear(void)
{
	static char big[100000];
	struct sk_span text = { big, sizeof(big) }, end = talk_span("x\n");
	char line[100] = "";
	enum sk_code code;
	struct talk t;

	memset(big, 'a', sizeof(big));
	memcpy(big + sizeof(big) - 3, "--\n", 3);
	arrange(&t);
	t.s[0].buffering = SK_BUFFER_FULL;
	t.s[0].outsize = 200000;
	both(&t, talk_write, &text, NULL, NULL);
	both(&t, flush, NULL, until, "--\n");
	both(&t, talk_say, &end, talk_line, line);
	code = reason(&t);
	check(code != SK_NONE || strcmp(line, "x") == 0);
	talk_close(&t);
	return code;
}

/* The two sides' options, of the defaults of a version. */
struct sides {
	struct sk_seal_options client, server;
};

static void
shake(struct talk *t, struct sides *o)
{
	both(t, talk_seal, &o->client, talk_seal, &o->server);
	both(t, talk_shake, NULL, talk_shake, NULL);
}

static enum sk_code
talk_under_tls(int version)
{
	struct sides o = { talk_role(0, version), talk_role(1, version) };
	struct sk_span text = talk_span("one\n"), more = talk_span("two\n");
	char line[100] = "";
	enum sk_code code;
	struct talk t;

	arrange(&t);
	shake(&t, &o);
	both(&t, talk_write, &text, talk_line, line);
	both(&t, talk_line, line, talk_write, &more);
	both(&t, talk_unseal, NULL, talk_unseal, NULL);
	shake(&t, &o);
	both(&t, talk_say, &text, talk_line, line);
	code = reason(&t);
	check(code != SK_NONE || strcmp(line, "one") == 0);
	talk_close(&t);
	return code;
}

static enum sk_code
talks_under_tls_1_2(void)
{
	return talk_under_tls(0);
}

static enum sk_code
talks_under_tls_1_3(void)
{
	return talk_under_tls(1);
}

/*
 * Who is to be refused
 */

static struct sk_conf *strict, *foreign;

/* Did the client of that conf and name get through, and if not, why? */
static enum sk_code
knock(struct sk_conf *conf, const char *name)
{
	struct sides o = { talk_role(0, 1), talk_role(1, 1) };
	enum sk_code code;
	struct talk t;

	o.client.conf = conf;
	o.client.servername = name;
	arrange(&t);
	shake(&t, &o);
	check(t.s[0].top == NULL || !t.s[0].opened || t.s[0].sealed == 0);
	code = t.err[0].code == SK_VERIFY ? SK_VERIFY : reason(&t);
	talk_close(&t);
	return code;
}

static enum sk_code
refuses_a_foreign_ca(void)
{
	return knock(foreign, "localhost");
}

static enum sk_code
refuses_a_name(void)
{
	return knock(talk_clients[1], "wrong.test");
}

static enum sk_code
refuses_what_is_not_pinned(void)
{
	return knock(strict, "localhost");
}

static enum sk_code
refuses_injected(void)
{
	struct sides o = { talk_role(0, 1), talk_role(1, 1) };
	struct sk_span evil = talk_span("250 ok\r\n");
	enum sk_code code;
	struct talk t;

	arrange(&t);
	both(&t, NULL, NULL, talk_write, &evil);
	both(&t, talk_seal, &o.client, NULL, NULL);
	check(t.r[0] == SK_FAIL || t.r[1] == SK_FAIL);
	code = reason(&t);
	talk_close(&t);
	return code;
}

/*
 * Configurations, and sockets
 */

static enum sk_code
configure(const struct sk_conf_spec *spec)
{
	struct sk_err err = { 0 };
	struct sk_conf *conf = sk_conf_new(spec, &err);
	enum sk_code code = err.code;

	check((conf == NULL) == (code != SK_NONE));
	sk_conf_drop(conf);
	sk_err_clear(&err);
	return code;
}

static const char *const pins[] = { "SHA256:0000000000000000000000000000000000"
    "000000000000000000000000000000" };

static struct sk_conf_spec
full(struct sk_keypair *pair)
{
	struct sk_conf_spec spec = { 0 };

	memset(pair, 0, sizeof(*pair));
	pair->cert = talk_span("build/ca/server.pem");
	pair->key = talk_span("build/ca/server.enc.key");
	pair->password = talk_span("secret");
	pair->staple = talk_span("build/ca/server.ocsp");
	spec.ca = talk_span("build/ca/ca.pem");
	spec.crl = talk_span("build/ca/crl.pem");
	spec.pairs = pair;
	spec.npairs = 1;
	spec.alpn = "h2,http/1.1";
	spec.pins = pins;
	spec.npins = 1;
	spec.depth = spec.lifetime = -1;
	return spec;
}

static enum sk_code
makes_a_conf(void)
{
	struct sk_keypair pair;
	struct sk_conf_spec spec = full(&pair);

	return configure(&spec);
}

static enum sk_code
refuses_a_conf(void)
{
	struct sk_keypair pair;
	struct sk_conf_spec spec = full(&pair);

	pair.key = talk_span("build/ca/client.key");
	return configure(&spec);
}

static enum sk_code
makes_a_session(void)
{
	struct sk_err err = { 0 };
	struct sk_session *s = sk_session_new(&err);
	enum sk_code code;

	if (s != NULL)
		(void)sk_session_claim(s, "localhost", 1, &err);
	code = err.code;
	sk_session_drop(s);
	sk_err_clear(&err);
	return code;
}

/* A listener and a stream to it, over the loopback. */
static enum sk_code
dials(void)
{
	struct sk_err err = { 0 };
	struct sk_layer *client = NULL, *server = NULL;
	struct sk_addr local = { 0 }, peer, *list;
	enum sk_code code;
	struct sk_url u = { 0 };
	int fd, r = SK_FAIL;

	u.kind = SK_HOST_IPV4;
	u.host = talk_span("127.0.0.1");
	(void)sk_addr_of_url(&local, &u, &err);
	fd = sk_fd_listen(&local, &sk_fd_defaults, &err);
	if (fd != -1 && sk_fd_local(fd, &local, &err) == 1 &&
	    (list = malloc(sizeof(*list))) != NULL) {
		*list = local;
		client = sk_fd_dial(list, 1, &sk_fd_defaults, &err);
		while (client != NULL &&
		    (r = client->ops->open(client, &err)) < SK_FAIL)
			;
		if (r == 0)
			while ((r = sk_fd_accept(fd, &server, &peer, &err)) <
			    SK_FAIL)
				;
	} else
		(void)sk_fail(&err, SK_MEMORY, "no list");
	code = err.code;
	check((r == 0) == (code == SK_NONE));
	if (client != NULL)
		client->ops->free(client);
	if (server != NULL)
		server->ops->free(server);
	sk_fd_close(fd);
	sk_err_clear(&err);
	return code;
}

static const struct {
	attempt *f;
	enum sk_code expected;
} attempts[] = {
	{ talks_in_the_clear, SK_NONE }, { talks_under_tls_1_2, SK_NONE },
	{ talks_under_tls_1_3, SK_NONE }, { refuses_a_foreign_ca, SK_VERIFY },
	{ refuses_a_name, SK_VERIFY },
	{ refuses_what_is_not_pinned, SK_VERIFY },
	{ refuses_injected, SK_INJECTED }, { makes_a_conf, SK_NONE },
	{ refuses_a_conf, SK_TLS }, { makes_a_session, SK_NONE },
	{ dials, SK_NONE },
};

static size_t now;

static void
once(void)
{
	sweep(attempts[now].f, fault_at, attempts[now].expected);
}

static void
from_then_on(void)
{
	sweep(attempts[now].f, fault_from, attempts[now].expected);
}

int
main(void)
{
	struct sk_conf_spec spec = { 0 };
	struct sk_err err = { 0 };

	fault_off();
	talk_load();
	foreign = talk_conf(0, "other-ca", SK_TLS_1_3, &err);
	spec.ca = talk_span("build/ca/ca.pem");
	spec.pins = pins;
	spec.npins = 1;
	spec.depth = spec.lifetime = -1;
	strict = sk_conf_new(&spec, &err);
	check(err.code == SK_NONE && fault_live > 0);
	for (now = 0; now < sizeof(attempts) / sizeof(attempts[0]); now++) {
		run(once);
		run(from_then_on);
	}
	sk_conf_drop(strict);
	sk_conf_drop(foreign);
	talk_unload();
	check(fault_live == 0);
	return report("memory");
}
