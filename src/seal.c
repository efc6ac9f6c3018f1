/*
 * seal.c - TLS as a layer: libtls over whatever is below.
 */
#include "seal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>
#include <unistd.h>

#include "identity.h"
#include "opening.h"
#include "verdict.h"

/* The steps of the two vocabularies are the same numbers. */
_Static_assert(SK_WANT_READ == TLS_WANT_POLLIN, "WANT_READ");
_Static_assert(SK_WANT_WRITE == TLS_WANT_POLLOUT, "WANT_WRITE");

#define TLS_RECORD 16384	/* the most that a record holds (RFC 8446, 5.1) */

/*
 * libtls answers WANT also for a record of its own (a session ticket, a key
 * update) while the bytes of the next wait in the socket. So many of them are
 * read at once; a peer that sends nothing else gets no further hold of us.
 */
#define SPINS 4

struct seal {
	struct sk_layer layer;
	struct tls *tls;
	struct sk_conf *conf;
	struct sk_opening *opening;	/* NULL once it is over */
	struct sk_err io;	/* what happened below, from a callback */
	struct sk_err unsent;	/* why no more can be written; what has
				 * arrived can be read all the same */
	struct sk_err fatal;	/* the end of it: libtls is not asked again */
	int blocked;		/* the WANT of what is below, or 0 */
	unsigned char eof;	/* below has ended */
	unsigned char server;	/* our role */
	pid_t pid;		/* the process whose keys these are */
};

static const struct sk_layer_ops seal_ops;

static struct seal *
seal_of(const struct sk_layer *l)
{
	return (struct seal *)(void *)(uintptr_t)l;
}

/*
 * Callbacks of libtls
 */

static ssize_t
pull(struct tls *tls, void *buf, size_t n, void *arg)
{
	struct seal *z = arg;
	struct sk_layer *below = z->layer.below;
	struct sk_opening *o = z->opening;
	ssize_t r = 0;

	(void)tls;
	if (o != NULL)
		r = (ssize_t)sk_opening_early(o, buf, n);
	if (r == 0)
		r = below->ops->read(below, buf, n, &z->io);
	if (r > 0)
		return o == NULL || sk_opening_look(o, below, buf, (size_t)r,
		    &z->io) == 0 ? r : SK_FAIL;
	if (r == 0)
		z->eof = 1;
	else if (r != SK_FAIL)
		z->blocked = (int)r;
	return r == SK_WANT_TURN ? SK_WANT_READ : r;
}

static ssize_t
push(struct tls *tls, const void *buf, size_t n, void *arg)
{
	struct seal *z = arg;
	struct sk_layer *below = z->layer.below;
	struct sk_err failed = { 0 };
	ssize_t r;

	(void)tls;
	r = below->ops->write(below, buf, n, &failed);
	if (r < SK_FAIL)
		z->blocked = (int)r;
	if (r != SK_FAIL)
		return r == SK_WANT_TURN ? SK_WANT_WRITE : r;
	/*
	 * OpenSSL answers a cut with an alert, which meets nobody. The cut came
	 * first.
	 */
	if (z->eof) {
		sk_err_clear(&failed);
		return SK_FAIL;
	}
	/*
	 * A client may say all it has to say and leave. What a server sends
	 * last in a handshake, session tickets, then meets nobody; what the
	 * client has sent can be read all the same.
	 */
	if (z->opening != NULL && z->opening->server &&
	    failed.code == SK_RESET) {
		sk_err_clear(&failed);
		return (ssize_t)n;
	}
	return sk_err_move(z->opening != NULL ? &z->io : &z->unsent, &failed);
}

/*
 * Errors
 */

/*
 * The end of a seal, from the most specific cause there is: what happened
 * below, then the end of the stream, then what libtls says, which is wrong
 * about the first two ("unexpected eof" for a reset). Returns SK_FAIL.
 */
static int
fatal(struct seal *z, const char *what, struct sk_err *err)
{
	const char *text = NULL, *server = NULL, *wanted = NULL;
	enum sk_code code;

	if (z->io.code != SK_NONE)
		(void)sk_err_move(&z->fatal, &z->io);
	else if (z->eof)
		(void)sk_fail(&z->fatal, SK_TRUNCATED, "%s: "
		    "the peer cut the connection (no close_notify)", what);
	else if (z->unsent.code != SK_NONE)
		(void)sk_err_copy(&z->fatal, &z->unsent);
	if (z->fatal.code != SK_NONE)
		return sk_err_copy(err, &z->fatal);

	if (z->tls != NULL)
		text = tls_error(z->tls);
	code = sk_verdict(text != NULL ? text : "no reason given", &text);
	if (code == SK_VERIFY && z->opening != NULL && z->opening->server &&
	    (server = sk_conf_refusal(z->conf)) != NULL)
		(void)sk_verdict(server, &server);
	if (code == SK_VERIFY && z->opening != NULL)
		wanted = z->opening->servername;	/* NULL in a server */
	if (wanted != NULL)
		(void)sk_fail(&z->fatal, code, "%s: %s (for '%s')", what,
		    text, wanted);
	else
		(void)sk_fail(&z->fatal, code, "%s: %s%s%s", what, text,
		    server != NULL ? ": " : "", server != NULL ? server : "");
	if (server != NULL)
		sk_conf_forget_refusal(z->conf);
	return sk_err_copy(err, &z->fatal);
}

/*
 * Why the seal cannot be used, if so. A child by fork(2) has a copy of the
 * keys: the first record of either would be the last that the peer accepts.
 */
static int
usable(const struct seal *z, struct sk_err *err)
{
	if (z->fatal.code != SK_NONE)
		return sk_err_copy(err, &z->fatal);
	if (z->pid != getpid())
		return sk_fail(err, SK_TLS, "the tls connection belongs to "
		    "process %ld, which forked", (long)z->pid);
	return 0;
}

/*
 * A WANT of libtls's, for our caller. What an outer seal holds would wake no
 * poll(2): so where it was not the outer one that had no more, nobody waits.
 */
static int
not_yet(const struct seal *z, int r)
{
	if (z->blocked == SK_WANT_TURN ||
	    (z->blocked == 0 && sk_seal_is(z->layer.below)))
		return SK_WANT_TURN;
	return r;
}

/*
 * Opening
 */

enum {
	ALERT_ILLEGAL_PARAMETER = 47,		/* RFC 8446, section 6.2 */
	ALERT_UNRECOGNIZED_NAME = 112,
	ALERT_NO_APPLICATION_PROTOCOL = 120
};

/*
 * Tells the client why, as far as that goes without waiting. Always SK_FAIL,
 * for good.
 */
static int
refuse(struct seal *z, int alert, struct sk_err *err)
{
	unsigned char record[] = { 21, 3, 3, 0, 2, 2, 0 };
	struct sk_layer *below = z->layer.below;
	struct sk_err ignored = { 0 };

	record[sizeof(record) - 1] = (unsigned char)alert;
	(void)below->ops->write(below, record, sizeof(record), &ignored);
	sk_err_clear(&ignored);
	return sk_err_copy(err, &z->fatal);
}

/* A server hears its client before libtls does; see hello.h. */
static int
hear(struct seal *z, struct sk_err *err)
{
	struct sk_opening *o = z->opening;
	const char *alpn;
	int r;

	r = sk_opening_listen(o, z->layer.below, &z->fatal);
	if (r == SK_FAIL && z->fatal.code == SK_TLS)
		return refuse(z, ALERT_ILLEGAL_PARAMETER, err);
	if (r == SK_FAIL)
		return sk_err_copy(err, &z->fatal);
	if (r != 0)
		return r;
	if (z->conf == NULL)
		return SK_WANT_CONF;
	/* RFC 7301, section 3.2, which OpenSSL leaves to its caller. */
	alpn = sk_conf_alpn(z->conf);
	if (alpn == NULL || o->hello.nalpn == 0 ||
	    sk_hello_speaks(&o->hello, alpn))
		return 0;
	(void)sk_fail(&z->fatal, SK_TLS,
	    "handshake: no protocol in common by alpn (we speak %s)", alpn);
	return refuse(z, ALERT_NO_APPLICATION_PROTOCOL, err);
}

static int
begin_server(struct seal *z, struct sk_err *err)
{
	struct tls *server;
	const char *words;
	int r;

	if ((r = hear(z, err)) != 0)
		return r;
	if ((server = sk_conf_server(z->conf, err)) == NULL)
		return SK_FAIL;
	if (tls_accept_cbs(server, &z->tls, pull, push, z) == 0)
		return 0;
	(void)sk_verdict(tls_error(server), &words);
	return sk_fail(err, SK_TLS, "accept: %s", words);
}

static int
begin(struct seal *z, struct sk_err *err)
{
	struct sk_opening *o = z->opening;

	if (o->server)
		return begin_server(z, err);
	if (o->servername == NULL && sk_conf_wants_name(z->conf))
		return sk_fail(err, SK_VERIFY, "handshake: "
		    "there is no name to verify the server by: "
		    "give the option servername");
	z->tls = sk_conf_client(z->conf, o->servername, err);
	if (z->tls == NULL)
		return SK_FAIL;
	if (tls_connect_cbs(z->tls, pull, push, z, o->servername) == -1)
		return fatal(z, "handshake", err);
	return 0;
}

/*
 * tls_handshake() also answers 0 when the peer sends a close_notify alert in
 * the clear before the handshake is over; with TLS 1.2 the certificate then
 * looks right, and no signature was checked. Only a second call tells: a
 * handshake that is complete refuses to be repeated.
 */
static int
is_complete(struct seal *z)
{
	const char *text;

	if (tls_handshake(z->tls) != -1)
		return 0;
	text = tls_error(z->tls);
	return text != NULL && strcmp(text, "handshake already completed") == 0;
}

static int
seal_open(struct sk_layer *l, struct sk_err *err)
{
	struct seal *z = seal_of(l);
	struct sk_opening *o = z->opening;
	int r, i;

	if (usable(z, err) != 0)
		return SK_FAIL;
	if (o == NULL)
		return 0;
	if ((r = l->below->ops->open(l->below, err)) != 0)
		return r;
	if (z->tls == NULL && (r = begin(z, err)) != 0)
		return r == SK_FAIL ? sk_err_copy(&z->fatal, err) : r;
	for (r = SK_WANT_READ, i = 0; r < SK_FAIL && i < SPINS; i++) {
		z->blocked = 0;
		r = tls_handshake(z->tls);
		if (z->blocked)
			break;
	}
	if (r < SK_FAIL)
		return not_yet(z, r);
	if (r == SK_FAIL || z->io.code != SK_NONE)
		return fatal(z, "handshake", err);
	if (!is_complete(z))
		(void)sk_fail(&z->fatal, SK_TLS,
		    "handshake: the peer ended it before it was complete");
	else
		(void)sk_identity_check(z->tls, z->conf, o->server ?
		    o->hello.servername : o->servername, o->server, &z->fatal);
	if (z->fatal.code != SK_NONE)
		return sk_err_copy(err, &z->fatal);
	sk_opening_free(o);
	z->opening = NULL;
	return 0;
}

/*
 * Bytes
 */

static ssize_t
seal_read(struct sk_layer *l, void *p, size_t n, struct sk_err *err)
{
	struct seal *z = seal_of(l);
	ssize_t r = SK_WANT_READ;
	int i;

	if (usable(z, err) != 0)
		return SK_FAIL;
	if (n > TLS_RECORD)
		n = TLS_RECORD;		/* libtls refuses more than INT_MAX */
	for (i = 0; r < SK_FAIL && i < SPINS; i++) {
		z->blocked = 0;
		r = tls_read(z->tls, p, n);
		if (z->blocked)
			break;
	}
	if (r > 0)
		return r;
	if (r < SK_FAIL)
		return not_yet(z, (int)r);
	if (r == 0 && !z->eof && z->io.code == SK_NONE)
		return 0;		/* close_notify */
	return fatal(z, "read", err);
}

static ssize_t
seal_write(struct sk_layer *l, const void *p, size_t n, struct sk_err *err)
{
	struct seal *z = seal_of(l);
	ssize_t r = SK_WANT_WRITE;
	int i;

	if (usable(z, err) != 0)
		return SK_FAIL;
	if (z->unsent.code != SK_NONE)
		return sk_err_copy(err, &z->unsent);
	if (n > TLS_RECORD)
		n = TLS_RECORD;
	for (i = 0; r < SK_FAIL && i < SPINS; i++) {
		z->blocked = 0;
		r = tls_write(z->tls, p, n);
		if (z->blocked)
			break;
	}
	/* A 0 for bytes that were offered is a failure in disguise. */
	if (r > 0)
		return r;
	if (r < SK_FAIL)
		return not_yet(z, (int)r);
	if (z->unsent.code != SK_NONE)
		return sk_err_copy(err, &z->unsent);
	return fatal(z, "write", err);
}

/*
 * Sends close_notify. LibreSSL then answers WANT_READ: it would wait for the
 * peer's, although ours is out.
 */
static int
seal_shut(struct sk_layer *l, struct sk_err *err)
{
	struct seal *z = seal_of(l);
	int r;

	if (usable(z, err) != 0)
		return SK_FAIL;
	if (z->opening != NULL)
		return 0;
	if (z->unsent.code != SK_NONE)
		return sk_err_copy(err, &z->unsent);
	z->blocked = 0;
	r = tls_close(z->tls);
	if (r == 0 || r == SK_WANT_READ)
		return 0;
	if (z->unsent.code != SK_NONE)
		return sk_err_copy(err, &z->unsent);
	return r == SK_WANT_WRITE ? not_yet(z, r) : fatal(z, "close", err);
}

static void
seal_free(struct sk_layer *l)
{
	struct seal *z = seal_of(l);

	tls_free(z->tls);
	sk_opening_free(z->opening);
	sk_conf_drop(z->conf);
	sk_err_clear(&z->io);
	sk_err_clear(&z->unsent);
	sk_err_clear(&z->fatal);
	free(z);
}

static const struct sk_layer_ops seal_ops = {
	seal_open, seal_read, seal_write, seal_shut, seal_free, TLS_RECORD
};

int
sk_seal_is(const struct sk_layer *l)
{
	return l != NULL && l->ops == &seal_ops;
}

int
sk_seal_is_server(const struct sk_layer *l)
{
	return sk_seal_is(l) && seal_of(l)->server;
}

struct tls *
sk_seal_tls(const struct sk_layer *l)
{
	struct seal *z = seal_of(l);

	return sk_seal_is(l) && z->opening == NULL ? z->tls : NULL;
}

const struct sk_hello *
sk_seal_hello(const struct sk_layer *l)
{
	struct seal *z = seal_of(l);

	if (!sk_seal_is(l) || z->opening == NULL || !z->opening->heard ||
	    z->conf != NULL)
		return NULL;
	return &z->opening->hello;
}

void
sk_seal_configure(struct sk_layer *l, struct sk_conf *conf)
{
	seal_of(l)->conf = sk_conf_hold(conf);
}

int
sk_seal_refuse(struct sk_layer *l, struct sk_err *err)
{
	struct seal *z = seal_of(l);

	(void)sk_err_copy(&z->fatal, err);
	return refuse(z, ALERT_UNRECOGNIZED_NAME, err);
}

struct sk_layer *
sk_seal_new(struct sk_layer *below, const struct sk_seal_options *opts,
    const void *early, size_t n, struct sk_err *err)
{
	const char *name = NULL;
	struct seal *z;

	if (opts->conf != NULL)
		name = sk_conf_servername(opts->conf);
	if (name == NULL)
		name = opts->servername;
	if ((z = calloc(1, sizeof(*z))) == NULL ||
	    (z->opening = sk_opening_new(name, opts->server,
	    opts->late, early, n)) == NULL) {
		free(z);
		(void)sk_fail(err, SK_MEMORY, "handshake: out of memory");
		return NULL;
	}
	z->layer.ops = &seal_ops;
	z->layer.below = below;
	z->server = opts->server != 0;
	z->pid = getpid();
	if (opts->conf != NULL)
		z->conf = sk_conf_hold(opts->conf);
	return &z->layer;
}
