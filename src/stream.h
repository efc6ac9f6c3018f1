/*
 * stream.h - a stack of layers with a buffer at each end: items out of
 * bytes, and the rule of starttls. It never sees a descriptor.
 *
 * A stream begins as all zero bytes with a shelf: closed, owning nothing.
 * Any function may be called on it then.
 */
#ifndef SK_STREAM_H
#define SK_STREAM_H

#include <stdint.h>

#include "buf.h"
#include "io.h"
#include "seal.h"

enum sk_buffering {
	SK_BUFFER_NO,
	SK_BUFFER_LINE,
	SK_BUFFER_FULL
};

/*
 * The most reads or writes in a step. A peer that sends without end has no
 * hold on the deadline then, nor on the host's other coroutines: the step says
 * "not yet", and the wait that follows ends at once.
 */
#define SK_TURNS 64

#define SK_RECORD 16384			/* the most that a TLS record holds */
#define SK_ITEM_MAX 1048576		/* default for what an item may gather */

struct sk_stream {
	struct sk_layer *top;		/* NULL: closed */
	struct sk_shelf *shelf;
	struct sk_buf in;
	struct sk_buf out;
	struct sk_err end;		/* why no more can be read, once known */
	struct sk_err dead;		/* why every call fails, once it does */
	uint64_t bytes_in;
	uint64_t bytes_out;
	size_t limit;			/* of a line, or up to a delimiter */
	size_t scanned;			/* of in: what is sought is not here */
	char *sought;			/* a delimiter; NULL: a line's end */
	size_t soughtlen;
	size_t outsize;			/* of a buffered write */
	size_t written;			/* by the write that is under way */
	size_t offered;			/* of out: a record that got WANT */
	pid_t pid;			/* of the process that it belongs to */
	unsigned char buffering;	/* enum sk_buffering */
	unsigned char opened;		/* open() has answered 0 */
	unsigned char sealed;		/* number of seals on the stack */
	unsigned char way;		/* of these, on the way to the peer: to
					 * a proxy, and not the caller's */
	unsigned char shut_read;
	unsigned char shut_write;
	unsigned char ending;		/* stoptls is under way */
	unsigned char turns;		/* that the step has taken by now */
};

/* Gives a stream its lowest layer, which it then owns. */
void sk_stream_start(struct sk_stream *, struct sk_layer *);

/*
 * Lays TLS over the stream; sk_stream_open() then shakes hands.
 *
 * It begins on a clean line only. Bytes that were read before the handshake
 * came from nobody in particular, and a caller would take them for the
 * authenticated peer's (RFC 3207, section 4.2; CVE-2011-0411): unless they
 * begin a handshake themselves, the answer is SK_INJECTED. What was written
 * goes out first, in the clear (SK_WANT_*).
 */
int sk_stream_seal(struct sk_stream *, const struct sk_seal_options *,
    struct sk_err *);

/*
 * The same for a stream that has not been opened: there is nothing to look
 * at yet, as for tls:// URLs and accepted connections.
 */
int sk_stream_push(struct sk_stream *, const struct sk_seal_options *,
    struct sk_err *);

/* A step: opens all layers, from the lowest up. */
int sk_stream_open(struct sk_stream *, struct sk_err *);

/*
 * A step: ends the topmost TLS in both directions and goes on with what is
 * below. What the peer sent before its close_notify stays readable.
 */
int sk_stream_unseal(struct sk_stream *, struct sk_err *);

/*
 * A step: reads once, at least a whole record, into the buffer: 1 when bytes
 * came. SK_FAIL with the record untouched when no more can be read; s->end
 * says why. Buffered output goes out first.
 */
int sk_stream_fill(struct sk_stream *, struct sk_err *);

/* 0 where the stream can be used; else SK_FAIL and why it cannot. */
int sk_stream_usable(const struct sk_stream *, struct sk_err *);

/*
 * Writing: a step that takes all the bytes of the n values, or is tried
 * again with the same ones; s->written tells how many bytes of them have
 * been taken so far, and is reset when the write is done or given up
 * (sk_stream_giveup()). 0, WANT or SK_FAIL.
 */
int sk_stream_write(struct sk_stream *, const struct sk_span *values,
    size_t n, struct sk_err *);
size_t sk_stream_giveup(struct sk_stream *);
int sk_stream_flush(struct sk_stream *, struct sk_err *);

/* A step: flushes and announces our end to the peer. Reading goes on. */
int sk_stream_shut(struct sk_stream *, struct sk_err *);

/* Drops what is buffered; from now on reads meet the end. */
void sk_stream_stop_reading(struct sk_stream *);

/* A step: waits for the peer's end, dropping what still arrives. */
int sk_stream_await_end(struct sk_stream *, struct sk_err *);

/*
 * Says goodbye as far as that goes without waiting, and lets go of
 * everything. The stream is as it began.
 */
void sk_stream_close(struct sk_stream *);

/* Closes for good: every later call answers with this error, copied. */
void sk_stream_kill(struct sk_stream *, const struct sk_err *);

/* Bytes that can be read without the network. */
size_t sk_stream_pending(const struct sk_stream *);

/* Would a read answer at once, with bytes or with an end? */
int sk_stream_ready(const struct sk_stream *);

#endif
