/*
 * buf.h - a growing byte queue: in at the end, out at the front.
 *
 * All zero is an empty queue that owns no memory, and a queue that runs empty
 * goes back to that: an idle connection costs nothing. The block goes to a
 * shelf, which hands it to the next queue that needs one, still warm in the
 * processor's cache.
 */
#ifndef SK_BUF_H
#define SK_BUF_H

#include <stddef.h>

#define SK_BLOCK 65536		/* bytes in a block of the shelf */

/*
 * The shelf: one spare block. It is shared by the streams of a Lua state and
 * lives as long as the last of them: refs counts the holders.
 */
struct sk_shelf {
	char *block;
	unsigned refs;
};

struct sk_shelf *sk_shelf_new(void);		/* one reference; NULL: memory */
struct sk_shelf *sk_shelf_hold(struct sk_shelf *);
void sk_shelf_drop(struct sk_shelf *);		/* takes NULL */

struct sk_buf {
	char *base;
	size_t head;		/* the first byte that is in the queue */
	size_t tail;		/* the first that is not */
	size_t size;		/* of the block at base */
};

static inline size_t
sk_buf_len(const struct sk_buf *b)
{
	return b->tail - b->head;
}

static inline char *
sk_buf_data(const struct sk_buf *b)
{
	return b->base + b->head;
}

/*
 * Room for n more bytes behind the tail; the place, or NULL for want of
 * memory. What is in the queue stays, also then. sk_buf_added() says how many
 * of them were filled.
 */
char *sk_buf_room(struct sk_buf *, size_t n, struct sk_shelf *);
void sk_buf_added(struct sk_buf *, size_t n);

/* All the room there is behind the tail. */
size_t sk_buf_space(const struct sk_buf *);

/* Drops n bytes from the front. */
void sk_buf_drop(struct sk_buf *, size_t n, struct sk_shelf *);

/* Copies n bytes in; 0, or -1 for want of memory. */
int sk_buf_add(struct sk_buf *, const void *, size_t n, struct sk_shelf *);

/* Empties the queue. */
void sk_buf_free(struct sk_buf *, struct sk_shelf *);

#endif
