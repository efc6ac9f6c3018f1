/*
 * seal.c - TLS as a layer: libtls over whatever is below.
 */
#include "seal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <tls.h>

#include "greeting.h"

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

/* What only the handshake needs; freed when it is over. */
struct opening {
	char *servername;
	int server;
	int late;
	char *early;		/* bytes that were read before */
	size_t nearly, taken;
	char seen[SK_GREETING];	/* the first bytes that the peer sent */
	size_t nseen;
};

struct seal {
	struct sk_layer layer;
	struct tls *tls;
	struct sk_conf *conf;
	struct opening *opening;
	struct sk_err io;	/* what happened below, from a callback */
	struct sk_err fatal;	/* the end of it: libtls is not asked again */
	unsigned char blocked;	/* it was below that said WANT */
	unsigned char eof;	/* below has ended */
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

/*
 * Keeps the first bytes of the peer, and ends the handshake as soon as they
 * are no TLS record. What else has come in by then is shown with them.
 */
static ssize_t
look(struct seal *z, const char *p, ssize_t n)
{
	struct opening *o = z->opening;
	struct sk_layer *below = z->layer.below;
	size_t room = SK_GREETING - o->nseen;
	size_t fresh = (size_t)n < room ? (size_t)n : room;
	ssize_t r;

	if (fresh == 0)
		return n;
	memcpy(o->seen + o->nseen, p, fresh);
	o->nseen += fresh;
	if (sk_greeting_is_record(o->seen, o->nseen))
		return n;
	if (o->nseen < SK_GREETING && o->taken == o->nearly) {
		struct sk_err ignored = { 0 };

		r = below->ops->read(below, o->seen + o->nseen,
		    SK_GREETING - o->nseen, &ignored);
		if (r > 0)
			o->nseen += (size_t)r;
		sk_err_clear(&ignored);
	}
	(void)sk_greeting_fail(o->seen, o->nseen, o->server, o->late, &z->io);
	return -1;
}

static ssize_t
pull(struct tls *tls, void *buf, size_t n, void *arg)
{
	struct seal *z = arg;
	struct sk_layer *below = z->layer.below;
	struct opening *o = z->opening;
	ssize_t r;

	(void)tls;
	if (o != NULL && o->taken < o->nearly) {
		if (n > o->nearly - o->taken)
			n = o->nearly - o->taken;
		memcpy(buf, o->early + o->taken, n);
		o->taken += n;
		return look(z, buf, (ssize_t)n);
	}
	r = below->ops->read(below, buf, n, &z->io);
	if (r > 0)
		return o != NULL ? look(z, buf, r) : r;
	if (r == 0)
		z->eof = 1;
	else if (r != SK_FAIL)
		z->blocked = 1;
	return r;
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
	if (r == SK_WANT_READ || r == SK_WANT_WRITE)
		z->blocked = 1;
	if (r != SK_FAIL)
		return r;
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
	return sk_err_move(&z->io, &failed);
}

/*
 * Errors
 */

/* The readable end of libtls's text: no numbers and names of functions. */
static const char *
reason(const char *text)
{
	const char *p;

	if (strstr(text, "error:") == NULL)
		return text;
	p = strrchr(text, ':');
	return p[1] != '\0' ? p + 1 : text;
}

static const struct {
	const char *part;	/* of libtls's text */
	enum sk_code code;
	const char *text;	/* NULL: libtls's own words */
} meanings[] = {
	{ "certificate verification failed", SK_VERIFY, NULL },
	{ "not present in server certificate", SK_VERIFY, NULL },
	{ "error verifying name", SK_VERIFY, NULL },	/* a NUL in it */
	{ "server name not specified", SK_VERIFY, NULL },
	{ "OCSP", SK_VERIFY, NULL },
	{ "ocsp", SK_VERIFY, NULL },
	{ "certificate verify failed", SK_VERIFY,
	    "the peer's certificate is not trusted" },
	{ "peer did not return a certificate", SK_VERIFY,
	    "the client showed no certificate" },
	{ "no certificate returned", SK_VERIFY,
	    "the client showed no certificate" },
	{ "alert protocol version", SK_TLS,
	    "the peer refuses the protocol versions offered" },
	{ "unsupported protocol", SK_TLS, "no protocol version in common" },
	{ "no shared cipher", SK_TLS, "no cipher in common" },
	{ "alert handshake failure", SK_TLS,
	    "the peer refuses what was offered (handshake failure)" },
	{ "alert unknown ca", SK_TLS,
	    "the peer does not trust our certificate (unknown ca)" },
	{ "alert bad certificate", SK_TLS,
	    "the peer refuses our certificate (bad certificate)" },
	{ "alert certificate expired", SK_TLS,
	    "the peer refuses our certificate (expired)" },
	{ "alert certificate unknown", SK_TLS,
	    "the peer refuses our certificate (certificate unknown)" },
	{ "alert certificate required", SK_TLS,
	    "the peer requires a certificate" },
	{ "wrong version number", SK_TLS,
	    "the peer sent no tls record, or one of another version" },
};

/*
 * The end of a seal, from the most specific cause there is: what happened
 * below, then the end of the stream, then what libtls says, which is wrong
 * about the first two ("unexpected eof" for a reset). Returns SK_FAIL.
 */
static int
fatal(struct seal *z, const char *what, struct sk_err *err)
{
	const char *text = NULL, *server = NULL;
	enum sk_code code = SK_TLS;
	size_t i;

	if (z->io.code != SK_NONE)
		(void)sk_err_move(&z->fatal, &z->io);
	else if (z->eof)
		(void)sk_fail(&z->fatal, SK_TRUNCATED, "%s: "
		    "the peer cut the connection (no close_notify)", what);
	if (z->fatal.code != SK_NONE)
		return sk_err_copy(err, &z->fatal);

	if (z->tls != NULL)
		text = tls_error(z->tls);
	if (text == NULL)
		text = "no reason given";
	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strstr(text, meanings[i].part) != NULL) {
			code = meanings[i].code;
			if (meanings[i].text != NULL)
				text = meanings[i].text;
			break;
		}
	}
	if (code == SK_VERIFY && z->opening != NULL && z->opening->server)
		server = sk_conf_refusal(z->conf);
	(void)sk_fail(&z->fatal, code, "%s: %s%s%s", what, reason(text),
	    server != NULL ? ": " : "", server != NULL ? reason(server) : "");
	if (server != NULL)
		sk_conf_forget_refusal(z->conf);
	return sk_err_copy(err, &z->fatal);
}

/*
 * Opening
 */

static int
begin(struct seal *z, struct sk_err *err)
{
	struct opening *o = z->opening;
	struct tls *server;
	int r;

	if (o->server) {
		if ((server = sk_conf_server(z->conf, err)) == NULL)
			return SK_FAIL;
		r = tls_accept_cbs(server, &z->tls, pull, push, z);
		if (r == -1)
			return sk_fail(err, SK_TLS, "accept: %s",
			    reason(tls_error(server)));
		return 0;
	}
	if (o->servername == NULL && sk_conf_wants_name(z->conf))
		return sk_fail(err, SK_VERIFY, "handshake: "
		    "there is no name to verify the server by: "
		    "give the option servername");
	if ((z->tls = sk_conf_client(z->conf, err)) == NULL)
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
check_pins(struct seal *z, struct sk_err *err)
{
	const char *hash;

	if (!sk_conf_has_pins(z->conf))
		return 0;
	hash = tls_peer_cert_hash(z->tls);
	if (hash != NULL && sk_conf_pinned(z->conf, hash))
		return 0;
	return sk_fail(err, SK_VERIFY, "handshake: the peer's certificate "
	    "%s is not one of those pinned", hash != NULL ? hash : "(none)");
}

static void
opening_free(struct opening *o)
{
	if (o == NULL)
		return;
	free(o->servername);
	free(o->early);
	free(o);
}

static int
seal_open(struct sk_layer *l, struct sk_err *err)
{
	struct seal *z = seal_of(l);
	int r, i;

	if (z->fatal.code != SK_NONE)
		return sk_err_copy(err, &z->fatal);
	if (z->opening == NULL)
		return 0;
	if ((r = l->below->ops->open(l->below, err)) != 0)
		return r;
	if (z->tls == NULL && begin(z, err) != 0)
		return sk_err_copy(&z->fatal, err);
	for (r = SK_WANT_READ, i = 0; r < SK_FAIL && i < SPINS; i++) {
		z->blocked = 0;
		r = tls_handshake(z->tls);
		if (z->blocked)
			break;
	}
	if (r < SK_FAIL)
		return r;
	if (r == SK_FAIL || z->io.code != SK_NONE)
		return fatal(z, "handshake", err);
	if (!is_complete(z))
		return sk_err_copy(err, (sk_fail(&z->fatal, SK_TLS,
		    "handshake: the peer ended it before it was complete"),
		    &z->fatal));
	if (check_pins(z, &z->fatal) != 0)
		return sk_err_copy(err, &z->fatal);
	opening_free(z->opening);
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

	if (z->fatal.code != SK_NONE)
		return sk_err_copy(err, &z->fatal);
	for (i = 0; r < SK_FAIL && i < SPINS; i++) {
		z->blocked = 0;
		r = tls_read(z->tls, p, n);
		if (z->blocked)
			break;
	}
	if (r > 0 || r < SK_FAIL)
		return r;
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

	if (z->fatal.code != SK_NONE)
		return sk_err_copy(err, &z->fatal);
	if (n > TLS_RECORD)
		n = TLS_RECORD;
	for (i = 0; r < SK_FAIL && i < SPINS; i++) {
		z->blocked = 0;
		r = tls_write(z->tls, p, n);
		if (z->blocked)
			break;
	}
	/* A 0 for bytes that were offered is a failure in disguise. */
	if (r > 0 || r < SK_FAIL)
		return r;
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

	if (z->fatal.code != SK_NONE)
		return sk_err_copy(err, &z->fatal);
	if (z->opening != NULL)
		return 0;
	r = tls_close(z->tls);
	if (r == 0 || r == SK_WANT_READ)
		return 0;
	return r == SK_WANT_WRITE ? r : fatal(z, "close", err);
}

static void
seal_free(struct sk_layer *l)
{
	struct seal *z = seal_of(l);

	tls_free(z->tls);
	opening_free(z->opening);
	sk_conf_drop(z->conf);
	sk_err_clear(&z->io);
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

struct tls *
sk_seal_tls(const struct sk_layer *l)
{
	struct seal *z = seal_of(l);

	return sk_seal_is(l) && z->opening == NULL ? z->tls : NULL;
}

/*
 * A name goes out as SNI and is compared without its final dot (RFC 6066,
 * section 3).
 */
static char *
copy_name(const char *name)
{
	size_t n = strlen(name);
	char *copy;

	if (n > 1 && name[n - 1] == '.')
		n--;
	if ((copy = malloc(n + 1)) != NULL) {
		memcpy(copy, name, n);
		copy[n] = '\0';
	}
	return copy;
}

static struct opening *
opening_new(const struct sk_seal_options *opts, const void *early, size_t n)
{
	struct opening *o;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return NULL;
	o->server = opts->server;
	o->late = opts->late;
	if (opts->servername != NULL && !opts->server &&
	    (o->servername = copy_name(opts->servername)) == NULL)
		goto fail;
	if (n > 0) {
		if ((o->early = malloc(n)) == NULL)
			goto fail;
		memcpy(o->early, early, n);
		o->nearly = n;
	}
	return o;
fail:
	opening_free(o);
	return NULL;
}

struct sk_layer *
sk_seal_new(struct sk_layer *below, const struct sk_seal_options *opts,
    const void *early, size_t n, struct sk_err *err)
{
	struct seal *z;

	if ((z = calloc(1, sizeof(*z))) == NULL ||
	    (z->opening = opening_new(opts, early, n)) == NULL) {
		free(z);
		(void)sk_fail(err, SK_MEMORY, "handshake: out of memory");
		return NULL;
	}
	z->layer.ops = &seal_ops;
	z->layer.below = below;
	z->conf = sk_conf_hold(opts->conf);
	return &z->layer;
}
