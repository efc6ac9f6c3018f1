/*
 * item.c - items out of bytes. Where a search for an end stopped is
 * remembered, so that a step that is tried again costs nothing.
 */
#include "item.h"

#include <stdlib.h>
#include <string.h>

/* For an item that needs more bytes: 0, or why there are none. */
static int
more(struct sk_stream *s, struct sk_err *err)
{
	size_t n;
	int r;

	if ((r = sk_stream_fill(s, err)) > 0)
		return 0;
	if (r != SK_FAIL || err->code != SK_NONE)
		return r;
	n = sk_buf_len(&s->in);
	if (n > 0 && s->end.code == SK_EOF)
		return sk_fail(err, SK_TRUNCATED,
		    "the stream ended within an item, after %zu bytes of it",
		    n);
	return sk_err_copy(err, &s->end);
}

static int
too_long(size_t limit, struct sk_err *err)
{
	return sk_fail(err, SK_LIMIT, "more than %zu bytes without an end",
	    limit);
}

static int
found(struct sk_stream *s, size_t n, size_t with, struct sk_span *item,
    size_t *take)
{
	item->p = sk_buf_data(&s->in);
	item->n = n;
	*take = with;
	return 0;
}

static void
forget_search(struct sk_stream *s)
{
	free(s->sought);
	s->sought = NULL;
	s->soughtlen = 0;
	s->scanned = 0;
}

int
sk_item_line(struct sk_stream *s, int chop, struct sk_span *item,
    size_t *take, struct sk_err *err)
{
	const char *data, *end;
	size_t len, n;
	int r;

	s->turns = 0;
	if ((r = sk_stream_usable(s, err)) != 0)
		return r;
	if (s->sought != NULL)
		forget_search(s);
	for (;;) {
		len = sk_buf_len(&s->in);
		if (len > s->scanned) {
			data = sk_buf_data(&s->in);
			end = memchr(data + s->scanned, '\n',
			    len - s->scanned);
			if (end != NULL)
				break;
			s->scanned = len;
		}
		/* A last CR may belong to the end. */
		if (len > s->limit && (len - s->limit > 1 ||
		    sk_buf_data(&s->in)[len - 1] != '\r'))
			return too_long(s->limit, err);
		if ((r = more(s, err)) != 0)
			return r;
	}
	len = (size_t)(end - data);
	n = len > 0 && end[-1] == '\r' ? len - 1 : len;
	if (n > s->limit)
		return too_long(s->limit, err);
	return found(s, chop ? n : len + 1, len + 1, item, take);
}

int
sk_item_exact(struct sk_stream *s, size_t n, struct sk_span *item,
    size_t *take, struct sk_err *err)
{
	int r;

	s->turns = 0;
	if ((r = sk_stream_usable(s, err)) != 0)
		return r;
	if (n == 0 && sk_buf_len(&s->in) == 0 && s->end.code != SK_NONE)
		return sk_err_copy(err, &s->end);
	while (sk_buf_len(&s->in) < n) {
		if ((r = more(s, err)) != 0)
			return r;
	}
	return found(s, n, n, item, take);
}

int
sk_item_some(struct sk_stream *s, size_t n, struct sk_span *item,
    size_t *take, struct sk_err *err)
{
	size_t len;
	int r;

	s->turns = 0;
	if ((r = sk_stream_usable(s, err)) != 0)
		return r;
	if (sk_buf_len(&s->in) == 0 && (r = more(s, err)) != 0)
		return r;
	len = sk_buf_len(&s->in);
	if (len > n)
		len = n;
	return found(s, len, len, item, take);
}

int
sk_item_all(struct sk_stream *s, size_t limit, struct sk_span *item,
    size_t *take, struct sk_err *err)
{
	size_t len;
	int r;

	s->turns = 0;
	if ((r = sk_stream_usable(s, err)) != 0)
		return r;
	do {
		len = sk_buf_len(&s->in);
		if (limit > 0 && len > limit)
			return too_long(limit, err);
	} while ((r = sk_stream_fill(s, err)) > 0);
	if (r != SK_FAIL || err->code != SK_NONE)
		return r;
	if (s->end.code != SK_EOF)
		return sk_err_copy(err, &s->end);
	return found(s, len, len, item, take);
}

/* Where a search goes on: from the start for another delimiter. */
static int
seek(struct sk_stream *s, const char *delimiter, size_t n, struct sk_err *err)
{
	if (s->sought != NULL && s->soughtlen == n &&
	    memcmp(s->sought, delimiter, n) == 0)
		return 0;
	forget_search(s);
	if ((s->sought = malloc(n)) == NULL)
		return sk_fail(err, SK_MEMORY, "read: out of memory");
	memcpy(s->sought, delimiter, n);
	s->soughtlen = n;
	return 0;
}

/*
 * Can the delimiter begin within the limit? It may be there in part, at any
 * place that the search has left.
 */
static int
may_have_begun(const struct sk_stream *s, const char *delimiter, size_t limit)
{
	const char *data = sk_buf_data(&s->in);
	size_t at, len = sk_buf_len(&s->in);

	for (at = s->scanned; at <= limit; at++) {
		if (memcmp(data + at, delimiter, len - at) == 0)
			return 1;
	}
	return 0;
}

int
sk_item_until(struct sk_stream *s, const char *delimiter, size_t n,
    size_t limit, struct sk_span *item, size_t *take, struct sk_err *err)
{
	const char *data, *at;
	size_t len;
	int r;

	s->turns = 0;
	if ((r = sk_stream_usable(s, err)) != 0 ||
	    (r = seek(s, delimiter, n, err)) != 0)
		return r;
	for (;;) {
		len = sk_buf_len(&s->in);
		if (len >= n && len - s->scanned >= n) {
			data = sk_buf_data(&s->in);
			at = memmem(data + s->scanned, len - s->scanned,
			    delimiter, n);
			if (at != NULL)
				break;
			s->scanned = len - n + 1;
		}
		if (len > limit && !may_have_begun(s, delimiter, limit))
			return too_long(limit, err);
		if ((r = more(s, err)) != 0)
			return r;
	}
	len = (size_t)(at - data);
	if (len > limit)
		return too_long(limit, err);
	return found(s, len, len + n, item, take);
}

void
sk_item_take(struct sk_stream *s, size_t n)
{
	if (n == 0)
		return;
	sk_buf_drop(&s->in, n, s->shelf);
	s->scanned = 0;
}
