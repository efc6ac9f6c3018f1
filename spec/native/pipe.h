/*
 * pipe.h - a pipe in memory with a layer at each end: whole talks without a
 * kernel. It moves 1 to 7 bytes at a time, or says "not yet" although it
 * could, as a seed has it: the same seed is the same talk.
 *
 *	struct pipe *p = pipe_new(seed);
 *	sk_stream_start(&a, pipe_end(p, 0));
 *	sk_stream_start(&b, pipe_end(p, 1));
 */
#ifndef SK_PIPE_H
#define SK_PIPE_H

#include "io.h"

#define PIPE_ROOM 4096		/* bytes on their way in one direction */

struct pipe;

struct pipe *pipe_new(unsigned seed);

/* Number 0 or 1. It belongs to the pipe; whoever has it says free() once. */
struct sk_layer *pipe_end(struct pipe *, int number);

/* Moves up to so many bytes at a time, and never says "not yet" idly. */
void pipe_be_kind(struct pipe *, size_t most);

/*
 * What can befall it.
 * finish  the end by that number has said all: the other reads what is on its
 *         way, then 0. An end that is shut or let go does this by itself.
 * reset   both ends fail with code reset, and what is on its way is lost.
 * cut     both ends finish after n more bytes, which the writer does not
 *         learn: it may go on for ever.
 */
void pipe_finish(struct pipe *, int number);
void pipe_reset(struct pipe *);
void pipe_cut(struct pipe *, size_t n);

/* Have both ends been let go, once each? */
int pipe_is_free(const struct pipe *);

/* Bytes that an end has written so far. */
size_t pipe_written(const struct pipe *, int number);

void pipe_free(struct pipe *);

#endif
