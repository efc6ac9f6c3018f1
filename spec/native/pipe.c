/*
 * pipe.c - a pipe in memory with a layer at each end.
 */
#include "pipe.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct end {
	struct sk_layer layer;
	struct pipe *pipe;
	int number;
	int freed;		/* times: more than once is a defect */
	int finished;		/* nothing comes from it any more */
	size_t written;
	size_t n;		/* bytes for it, in data */
	char data[PIPE_ROOM];
};

struct pipe {
	uint32_t state;
	size_t most;
	int kind;
	int reset;
	int cutting;
	size_t left;		/* until it is cut */
	struct end ends[2];
};

static struct end *
end_of(const struct sk_layer *l)
{
	return (struct end *)(void *)(uintptr_t)l;
}

static struct end *
other(const struct end *e)
{
	return &e->pipe->ends[1 - e->number];
}

/* A number below n (Marsaglia's xorshift). */
static unsigned
chance(struct pipe *p, unsigned n)
{
	p->state ^= p->state << 13;
	p->state ^= p->state >> 17;
	p->state ^= p->state << 5;
	return p->state % n;
}

/* How many of n bytes move; 0: not yet. */
static size_t
move(struct pipe *p, size_t n)
{
	size_t most = p->most;

	if (!p->kind) {
		if (chance(p, 3) == 0)
			return 0;
		most = 1 + chance(p, (unsigned)most);
	}
	return n < most ? n : most;
}

static int
end_open(struct sk_layer *l, struct sk_err *err)
{
	struct pipe *p = end_of(l)->pipe;

	if (p->reset)
		return sk_fail(err, SK_RESET, "pipe: reset");
	return p->kind || chance(p, 3) != 0 ? 0 : SK_WANT_WRITE;
}

static ssize_t
end_read(struct sk_layer *l, void *buf, size_t n, struct sk_err *err)
{
	struct end *e = end_of(l);

	if (e->pipe->reset)
		return sk_fail(err, SK_RESET, "pipe: reset");
	if (e->n == 0)
		return other(e)->finished ? 0 : SK_WANT_READ;
	if ((n = move(e->pipe, n < e->n ? n : e->n)) == 0)
		return SK_WANT_READ;
	memcpy(buf, e->data, n);
	memmove(e->data, e->data + n, e->n - n);
	e->n -= n;
	return (ssize_t)n;
}

/* The n bytes that still go through a pipe that is being cut. */
static size_t
spare(struct pipe *p, size_t n)
{
	if (!p->cutting)
		return n;
	if (n > p->left)
		n = p->left;
	if ((p->left -= n) == 0)
		p->ends[0].finished = p->ends[1].finished = 1;
	return n;
}

static ssize_t
end_write(struct sk_layer *l, const void *buf, size_t n, struct sk_err *err)
{
	struct end *e = end_of(l), *to = other(e);
	size_t through;

	if (e->pipe->reset)
		return sk_fail(err, SK_RESET, "pipe: reset");
	if (to->freed)
		return sk_fail(err, SK_RESET, "pipe: nobody reads");
	if (n > PIPE_ROOM - to->n)
		n = PIPE_ROOM - to->n;
	if (n == 0 || (n = move(e->pipe, n)) == 0)
		return SK_WANT_WRITE;
	through = spare(e->pipe, n);
	memcpy(to->data + to->n, buf, through);
	to->n += through;
	e->written += n;
	return (ssize_t)n;
}

static int
end_shut(struct sk_layer *l, struct sk_err *err)
{
	(void)err;
	end_of(l)->finished = 1;
	return 0;
}

static void
end_free(struct sk_layer *l)
{
	end_of(l)->finished = 1;
	end_of(l)->freed++;
}

static const struct sk_layer_ops end_ops = {
	end_open, end_read, end_write, end_shut, end_free, 0
};

struct pipe *
pipe_new(unsigned seed)
{
	struct pipe *p = calloc(1, sizeof(*p));
	int i;

	if (p == NULL)
		abort();
	p->state = seed * 2654435761u + 1;	/* never 0 for a small seed */
	p->most = 7;
	for (i = 0; i < 2; i++) {
		p->ends[i].layer.ops = &end_ops;
		p->ends[i].pipe = p;
		p->ends[i].number = i;
	}
	return p;
}

struct sk_layer *
pipe_end(struct pipe *p, int number)
{
	return &p->ends[number].layer;
}

void
pipe_be_kind(struct pipe *p, size_t most)
{
	p->kind = 1;
	p->most = most;
}

void
pipe_finish(struct pipe *p, int number)
{
	p->ends[number].finished = 1;
}

void
pipe_reset(struct pipe *p)
{
	p->reset = 1;
}

void
pipe_cut(struct pipe *p, size_t n)
{
	p->cutting = 1;
	p->left = n;
	(void)spare(p, 0);
}

int
pipe_is_free(const struct pipe *p)
{
	return p->ends[0].freed == 1 && p->ends[1].freed == 1;
}

size_t
pipe_written(const struct pipe *p, int number)
{
	return p->ends[number].written;
}

void
pipe_free(struct pipe *p)
{
	free(p);
}
