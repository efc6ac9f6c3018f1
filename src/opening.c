/*
 * opening.c - the first bytes of a handshake.
 */
#include "opening.h"

#include <stdlib.h>
#include <string.h>

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

struct sk_opening *
sk_opening_new(const char *servername, int server, int late,
    const void *early, size_t n)
{
	struct sk_opening *o;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return NULL;
	o->server = server;
	o->late = late;
	if (servername != NULL && !server &&
	    (o->servername = copy_name(servername)) == NULL)
		goto fail;
	if (n > 0) {
		if ((o->early = malloc(n)) == NULL)
			goto fail;
		memcpy(o->early, early, n);
		o->nearly = o->size = n;
	}
	return o;
fail:
	sk_opening_free(o);
	return NULL;
}

void
sk_opening_free(struct sk_opening *o)
{
	if (o == NULL)
		return;
	sk_hello_free(&o->hello);
	free(o->servername);
	free(o->early);
	free(o);
}

size_t
sk_opening_early(struct sk_opening *o, void *p, size_t n)
{
	size_t left = o->nearly - o->taken;

	if (n > left)
		n = left;
	if (n > 0)
		memcpy(p, o->early + o->taken, n);
	o->taken += n;
	return n;
}

/* No TLS: reads as much more as there is to show, and fails. */
static int
refuse(struct sk_opening *o, struct sk_layer *below, const char *p, size_t n,
    struct sk_err *err)
{
	struct sk_err ignored = { 0 };
	char text[SK_GREETING];
	ssize_t r;

	if (n > sizeof(text))
		n = sizeof(text);
	memcpy(text, p, n);
	if (n < sizeof(text)) {
		r = below->ops->read(below, text + n, sizeof(text) - n,
		    &ignored);
		if (r > 0)
			n += (size_t)r;
		sk_err_clear(&ignored);
	}
	return sk_greeting_fail(text, n, o->server, o->late, err);
}

/* Reads n bytes at most behind the early ones. */
static int
read_early(struct sk_opening *o, struct sk_layer *below, size_t n,
    struct sk_err *err)
{
	char *block;
	ssize_t r;

	if (o->nearly + n > o->size) {
		if ((block = realloc(o->early, o->nearly + n)) == NULL)
			return sk_fail(err, SK_MEMORY,
			    "handshake: out of memory");
		o->early = block;
		o->size = o->nearly + n;
	}
	r = below->ops->read(below, o->early + o->nearly, n, err);
	if (r == 0)
		return sk_fail(err, SK_TRUNCATED, "handshake: the client "
		    "cut the connection %s its first message",
		    o->nearly > 0 ? "in" : "before");
	if (r < 0)
		return (int)r;
	o->nearly += (size_t)r;
	return 0;
}

int
sk_opening_listen(struct sk_opening *o, struct sk_layer *below,
    struct sk_err *err)
{
	ssize_t need;
	int r;

	if (o->heard)
		return 0;
	for (;;) {
		if (o->nearly > 0 &&
		    !sk_greeting_is_record(o->early, o->nearly))
			return refuse(o, below, o->early, o->nearly, err);
		if ((need = sk_hello_need(&o->mark, o->early, o->nearly,
		    err)) < 0)
			return SK_FAIL;
		if (need == 0)
			break;
		if ((r = read_early(o, below, (size_t)need, err)) != 0)
			return r;
	}
	if (sk_hello_parse(&o->hello, o->early, o->nearly, err) != 0)
		return SK_FAIL;
	o->heard = 1;
	return 0;
}

int
sk_opening_look(struct sk_opening *o, struct sk_layer *below, const char *p,
    size_t n, struct sk_err *err)
{
	size_t room = SK_GREETING - o->nseen;

	if (o->server || room == 0)
		return 0;		/* a server has heard its client */
	if (n > room)
		n = room;
	memcpy(o->seen + o->nseen, p, n);
	o->nseen += n;
	if (sk_greeting_is_record(o->seen, o->nseen))
		return 0;
	return refuse(o, below, o->seen, o->nseen, err);
}
