/*
 * item.h - lines, counts and delimited pieces out of a stream's bytes.
 */
#ifndef SK_ITEM_H
#define SK_ITEM_H

#include "stream.h"

/*
 * Items. Each is a step that finds one in the buffer, reading as much as it
 * needs: 0 with *item set (it points into the buffer) and *take the number of
 * bytes to drop once the item is safe elsewhere, with sk_item_take(). An
 * item comes whole or not at all: SK_EOF at a clean end, SK_TRUNCATED where
 * the stream ends inside one, SK_LIMIT where it grows beyond the limit; no
 * byte is lost by any of them.
 *
 * line    up to LF, which is part of the item; with chop, without it and
 *         without one CR before it
 * exact   n bytes
 * some    1 to n bytes
 * all     everything up to a clean end, perhaps nothing; limit 0 is none
 * until   bytes before the delimiter, which is taken with them
 * peek    at most n bytes; nothing is to be taken
 */
int sk_item_line(struct sk_stream *, int chop, struct sk_span *item,
    size_t *take, struct sk_err *);
int sk_item_exact(struct sk_stream *, size_t n, struct sk_span *item,
    size_t *take, struct sk_err *);
int sk_item_some(struct sk_stream *, size_t n, struct sk_span *item,
    size_t *take, struct sk_err *);
int sk_item_all(struct sk_stream *, size_t limit, struct sk_span *item,
    size_t *take, struct sk_err *);
int sk_item_until(struct sk_stream *, const char *delimiter, size_t n,
    size_t limit, struct sk_span *item, size_t *take, struct sk_err *);
void sk_item_take(struct sk_stream *, size_t);

#endif
