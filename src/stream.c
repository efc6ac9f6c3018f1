/*
 * stream.c - a stack of layers with a buffer at each end.
 *
 * From the bottom up: reading and writing, items, the life of a stream, and
 * the rule of starttls.
 */
#include "stream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "greeting.h"

int
sk_stream_usable(const struct sk_stream *s, struct sk_err *err)
{
	if (s->top != NULL)
		return 0;
	if (s->dead.code != SK_NONE)
		return sk_err_copy(err, &s->dead);
	return sk_fail(err, SK_CLOSED, "the stream is closed");
}

/* What every step begins with: 0 once all layers are open. */
static int
ready(struct sk_stream *s, struct sk_err *err)
{
	return s->opened ? 0 : sk_stream_open(s, err);
}

/*
 * Writing
 */

int
sk_stream_flush(struct sk_stream *s, struct sk_err *err)
{
	size_t n, record;
	ssize_t w;
	int r;

	if ((r = sk_stream_usable(s, err)) != 0 || (r = ready(s, err)) != 0)
		return r;
	record = s->top->ops->record;
	while ((n = sk_buf_len(&s->out)) > 0) {
		if (s->offered > 0)
			n = s->offered;
		else if (record > 0 && n > record)
			n = record;
		w = s->top->ops->write(s->top, sk_buf_data(&s->out), n, err);
		if (w <= 0) {
			if (record > 0 && w != SK_FAIL)
				s->offered = n;
			return (int)w;
		}
		s->offered = 0;
		s->bytes_out += (uint64_t)w;
		sk_buf_drop(&s->out, (size_t)w, s->shelf);
	}
	return 0;
}

/*
 * Hands bytes to the top layer straight from the caller's memory. A record
 * that got WANT has to be offered again unchanged, and the caller may not
 * come back with it: so it moves to the buffer, and counts as taken.
 */
static int
write_through(struct sk_stream *s, const char *p, size_t n, size_t *taken,
    struct sk_err *err)
{
	size_t record = s->top->ops->record;
	ssize_t w;

	*taken = 0;
	w = s->top->ops->write(s->top, p, n, err);
	if (w > 0) {
		*taken = (size_t)w;
		s->bytes_out += (uint64_t)w;
		return 0;
	}
	if (w == SK_FAIL || record == 0)
		return (int)w;
	if (n > record)
		n = record;
	if (sk_buf_add(&s->out, p, n, s->shelf) == -1)
		return sk_fail(err, SK_MEMORY, "write: out of memory");
	s->offered = n;
	*taken = n;
	return (int)w;
}

/*
 * Takes all of one value: into the buffer as long as it gathers less than
 * keep bytes, past it where it is empty and there is nothing to gather.
 */
static int
write_value(struct sk_stream *s, const char *p, size_t n, size_t keep,
    int gather, struct sk_err *err)
{
	size_t have, take;
	int r;

	while (n > 0) {
		if (s->turns++ >= SK_TURNS)
			return SK_WANT_WRITE;
		have = sk_buf_len(&s->out);
		if (have == 0 && (n >= keep || !gather)) {
			r = write_through(s, p, n, &take, err);
		} else if (have >= keep || s->offered > 0) {
			take = 0;
			r = sk_stream_flush(s, err);
		} else {
			take = keep - have < n ? keep - have : n;
			r = 0;
			if (sk_buf_add(&s->out, p, take, s->shelf) == -1)
				return sk_fail(err, SK_MEMORY,
				    "write: out of memory");
		}
		s->written += take;
		p += take;
		n -= take;
		if (r != 0)
			return r;
	}
	return 0;
}

static int
has_newline(const struct sk_span *values, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (memchr(values[i].p, '\n', values[i].n) != NULL)
			return 1;
	}
	return 0;
}

int
sk_stream_write(struct sk_stream *s, const struct sk_span *values, size_t n,
    struct sk_err *err)
{
	size_t keep = s->buffering == SK_BUFFER_NO ? SK_RECORD : s->outsize;
	size_t i, skip = s->written;
	int r, gather;

	s->turns = 0;
	if ((r = sk_stream_usable(s, err)) != 0 || (r = ready(s, err)) != 0)
		return r;
	if (s->shut_write)
		return sk_fail(err, SK_CLOSED,
		    "write: the stream is shut down for writing");
	if (s->ending)
		return sk_fail(err, SK_TLS,
		    "write: stoptls has begun to end tls");
	for (i = 0; i < n; i++) {
		if (skip >= values[i].n) {
			skip -= values[i].n;
			continue;
		}
		gather = s->buffering != SK_BUFFER_NO || i + 1 < n;
		r = write_value(s, values[i].p + skip, values[i].n - skip,
		    keep, gather, err);
		if (r != 0)
			return r;
		skip = 0;
	}
	if (s->buffering == SK_BUFFER_NO ||
	    (s->buffering == SK_BUFFER_LINE && has_newline(values, n))) {
		if ((r = sk_stream_flush(s, err)) != 0)
			return r;
	}
	s->written = 0;
	return 0;
}

size_t
sk_stream_giveup(struct sk_stream *s)
{
	size_t n = s->written;

	s->written = 0;
	return n;
}

/*
 * Reading
 */

/* Drops all that was received, and with it what a search knows of it. */
static void
drop_input(struct sk_stream *s)
{
	sk_buf_free(&s->in, s->shelf);
	s->scanned = 0;
}

/*
 * Reads once, at least a record, so that libtls never keeps back what no
 * poll(2) would tell of. 1 when bytes came; an end is kept in s->end.
 */
int
sk_stream_fill(struct sk_stream *s, struct sk_err *err)
{
	char *room;
	ssize_t n;
	int r;

	if (s->end.code != SK_NONE)
		return SK_FAIL;
	if ((r = ready(s, err)) != 0)
		return r;
	/* What an outer TLS layer holds would wake no poll(2). */
	if (s->turns++ >= SK_TURNS) {
		s->turns = 0;
		return s->sealed < 2 ? SK_WANT_READ : SK_WANT_TURN;
	}
	if (sk_buf_len(&s->out) > 0) {
		struct sk_err ignored = { 0 };	/* the next write meets it */

		r = sk_stream_flush(s, &ignored);
		sk_err_clear(&ignored);
	}
	room = sk_buf_room(&s->in, SK_RECORD, s->shelf);
	if (room == NULL)
		return sk_fail(err, SK_MEMORY, "read: out of memory");
	n = s->top->ops->read(s->top, room, sk_buf_space(&s->in), &s->end);
	if (n > 0) {
		sk_buf_added(&s->in, (size_t)n);
		s->bytes_in += (uint64_t)n;
		return 1;
	}
	sk_buf_drop(&s->in, 0, s->shelf);	/* an empty one owns nothing */
	if (n == 0)
		(void)sk_fail(&s->end, SK_EOF, "the peer ended the stream");
	if (n == 0 || n == SK_FAIL)
		return SK_FAIL;
	return r < SK_FAIL ? r : (int)n;	/* first what we have to say */
}

size_t
sk_stream_pending(const struct sk_stream *s)
{
	return sk_buf_len(&s->in);
}

int
sk_stream_ready(const struct sk_stream *s)
{
	return s->top == NULL || sk_buf_len(&s->in) > 0 ||
	    s->end.code != SK_NONE;
}

/*
 * A stream's life
 */

void
sk_stream_start(struct sk_stream *s, struct sk_layer *lowest)
{
	s->top = lowest;
	s->pid = getpid();
	s->limit = SK_ITEM_MAX;
	s->outsize = SK_RECORD;
}

int
sk_stream_open(struct sk_stream *s, struct sk_err *err)
{
	int r;

	if ((r = sk_stream_usable(s, err)) != 0)
		return r;
	r = s->top->ops->open(s->top, err);
	if (r == 0)
		s->opened = 1;
	else if (r == SK_FAIL)
		sk_stream_kill(s, err);		/* it never falls back */
	return r;
}

int
sk_stream_shut(struct sk_stream *s, struct sk_err *err)
{
	struct sk_layer *l;
	int r;

	if ((r = sk_stream_flush(s, err)) != 0)
		return r;
	for (l = s->top; l != NULL; l = l->below) {
		if ((r = l->ops->shut(l, err)) != 0)
			return r;
	}
	s->shut_write = 1;
	return 0;
}

void
sk_stream_stop_reading(struct sk_stream *s)
{
	drop_input(s);
	s->shut_read = 1;
	(void)sk_fail(&s->end, SK_EOF, "the stream is shut down for reading");
}

int
sk_stream_await_end(struct sk_stream *s, struct sk_err *err)
{
	int r;

	if ((r = sk_stream_usable(s, err)) != 0)
		return r;
	do
		drop_input(s);
	while ((r = sk_stream_fill(s, err)) > 0);
	return r == SK_FAIL && err->code == SK_NONE ? 0 : r;
}

/* Frees the layers, from the top down, and both buffers. */
static void
dismantle(struct sk_stream *s)
{
	struct sk_layer *l;

	while ((l = s->top) != NULL) {
		s->top = l->below;
		l->ops->free(l);
	}
	drop_input(s);
	sk_buf_free(&s->out, s->shelf);
	free(s->sought);
	s->sought = NULL;
	sk_err_clear(&s->end);
	s->opened = s->sealed = s->way = s->ending = 0;
	s->shut_read = s->shut_write = 0;
	s->offered = 0;		/* written is for the write that is under way */
}

void
sk_stream_close(struct sk_stream *s)
{
	struct sk_err ignored = { 0 };

	/*
	 * A child that got a copy by fork(2) says nothing on it. In the clear
	 * the end is the kernel's to announce, when the last copy is closed:
	 * a child, or who was passed one, may go on with it.
	 */
	if (s->top != NULL && s->opened && s->pid == getpid())
		(void)(s->sealed > 0 ? sk_stream_shut : sk_stream_flush)(s,
		    &ignored);
	dismantle(s);
	sk_err_clear(&ignored);
	sk_err_clear(&s->dead);
}

void
sk_stream_kill(struct sk_stream *s, const struct sk_err *err)
{
	dismantle(s);
	(void)sk_err_copy(&s->dead, err);
}

/*
 * TLS begins, and ends
 */

int
sk_stream_push(struct sk_stream *s, const struct sk_seal_options *opts,
    struct sk_err *err)
{
	struct sk_layer *seal;
	int r;

	if ((r = sk_stream_usable(s, err)) != 0)
		return r;
	seal = sk_seal_new(s->top, opts, sk_buf_data(&s->in),
	    sk_buf_len(&s->in), err);
	if (seal == NULL)
		return SK_FAIL;
	s->bytes_in -= sk_buf_len(&s->in);	/* they are the handshake's */
	drop_input(s);
	s->top = seal;
	s->sealed++;
	s->opened = 0;
	return 0;
}

/* Refuses what was received and does not begin a handshake. */
static int
refuse_plaintext(const struct sk_stream *s, struct sk_err *err)
{
	const char *data = sk_buf_data(&s->in);
	size_t n = sk_buf_len(&s->in);
	char line[SK_GREETING + 1];

	if (n == 0 || sk_greeting_is_hello(data, n))
		return 0;
	sk_greeting_line(line, data, n);
	return sk_fail(err, SK_INJECTED, "starttls: "
	    "%zu bytes of plaintext came before the handshake: '%s'",
	    n, line);
}

int
sk_stream_seal(struct sk_stream *s, const struct sk_seal_options *opts,
    struct sk_err *err)
{
	int r;

	if ((r = sk_stream_flush(s, err)) != 0)
		return r;
	/*
	 * A look at what has arrived by now and was not read: it was sent
	 * before the peer could see our handshake.
	 */
	if (sk_buf_len(&s->in) == 0 && sk_stream_fill(s, err) == SK_FAIL) {
		if (err->code == SK_NONE)
			(void)sk_err_copy(err, &s->end);
		return SK_FAIL;
	}
	if (refuse_plaintext(s, err) != 0)
		return SK_FAIL;
	return sk_stream_push(s, opts, err);
}

int
sk_stream_unseal(struct sk_stream *s, struct sk_err *err)
{
	struct sk_layer *seal;
	int r;

	if ((r = sk_stream_usable(s, err)) != 0)
		return r;
	if (s->sealed == s->way)
		return sk_fail(err, SK_TLS,
		    "stoptls: the stream is not under tls");
	/* What the peer still says under TLS would be read as plain text. */
	if (s->shut_read)
		return sk_fail(err, SK_CLOSED,
		    "stoptls: the stream is shut down for reading");
	if (!s->ending) {
		if ((r = sk_stream_flush(s, err)) != 0 ||
		    (r = s->top->ops->shut(s->top, err)) != 0)
			return r;
		s->ending = 1;
	}
	while ((r = sk_stream_fill(s, err)) > 0) {
		if (sk_buf_len(&s->in) > s->limit)
			return sk_fail(err, SK_LIMIT, "stoptls: more than %zu "
			    "bytes came before the peer's close_notify",
			    s->limit);
	}
	if (r != SK_FAIL || err->code != SK_NONE)
		return r;
	if (s->end.code != SK_EOF)
		return sk_err_copy(err, &s->end);
	seal = s->top;
	s->top = seal->below;
	seal->ops->free(seal);
	sk_err_clear(&s->end);
	s->sealed--;
	s->ending = 0;
	return 0;
}
