/*
 * buf.c - a growing byte queue, and the shelf its blocks come from.
 */
#include "buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct sk_shelf *
sk_shelf_new(void)
{
	struct sk_shelf *shelf;

	if ((shelf = calloc(1, sizeof(*shelf))) != NULL)
		shelf->refs = 1;
	return shelf;
}

struct sk_shelf *
sk_shelf_hold(struct sk_shelf *shelf)
{
	shelf->refs++;
	return shelf;
}

void
sk_shelf_drop(struct sk_shelf *shelf)
{
	if (shelf == NULL || --shelf->refs > 0)
		return;
	free(shelf->block);
	free(shelf);
}

/* A block of at least n bytes; *size tells how many it has. */
static char *
take_block(struct sk_shelf *shelf, size_t n, size_t *size)
{
	char *block;

	*size = n > SK_BLOCK ? n : SK_BLOCK;
	if (n > SK_BLOCK || shelf->block == NULL)
		return malloc(*size);
	block = shelf->block;
	shelf->block = NULL;
	return block;
}

static void
give_block(struct sk_shelf *shelf, char *block, size_t size)
{
	if (size == SK_BLOCK && shelf->block == NULL)
		shelf->block = block;
	else
		free(block);
}

size_t
sk_buf_space(const struct sk_buf *b)
{
	return b->size - b->tail;
}

/* Makes the block larger, at least doubling it: n bytes are wanted in all. */
static int
grow(struct sk_buf *b, size_t n)
{
	size_t size = b->size;
	char *base;

	if (size <= SIZE_MAX / 2)
		size *= 2;
	if (size < n)
		size = n;
	if ((base = realloc(b->base, size)) == NULL)
		return -1;
	b->base = base;
	b->size = size;
	return 0;
}

char *
sk_buf_room(struct sk_buf *b, size_t n, struct sk_shelf *shelf)
{
	size_t len = sk_buf_len(b);

	if (b->base == NULL) {
		b->base = take_block(shelf, n, &b->size);
		if (b->base == NULL) {
			b->size = 0;
			return NULL;
		}
	} else if (b->size - b->tail < n) {
		if (n > SIZE_MAX - len)
			return NULL;
		if (b->head > 0) {
			memmove(b->base, b->base + b->head, len);
			b->head = 0;
			b->tail = len;
		}
		if (b->size < len + n && grow(b, len + n) == -1)
			return NULL;
	}
	return b->base + b->tail;
}

void
sk_buf_added(struct sk_buf *b, size_t n)
{
	b->tail += n;
}

void
sk_buf_free(struct sk_buf *b, struct sk_shelf *shelf)
{
	if (b->base != NULL)
		give_block(shelf, b->base, b->size);
	memset(b, 0, sizeof(*b));
}

void
sk_buf_drop(struct sk_buf *b, size_t n, struct sk_shelf *shelf)
{
	b->head += n;
	if (b->head == b->tail)
		sk_buf_free(b, shelf);
}

int
sk_buf_add(struct sk_buf *b, const void *p, size_t n, struct sk_shelf *shelf)
{
	char *room;

	if (n == 0)
		return 0;
	if ((room = sk_buf_room(b, n, shelf)) == NULL)
		return -1;
	memcpy(room, p, n);
	b->tail += n;
	return 0;
}
