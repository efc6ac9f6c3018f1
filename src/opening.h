/*
 * opening.h - what only a handshake needs: the bytes that go to libtls first,
 * and a look at what the peer says before libtls sees it.
 */
#ifndef SK_OPENING_H
#define SK_OPENING_H

#include "greeting.h"
#include "hello.h"
#include "io.h"

struct sk_opening {
	char *servername;	/* clients: verified, and sent as SNI */
	int server;		/* our role */
	int late;		/* TLS begins on an open connection */
	char *early;		/* bytes for libtls that were read before */
	size_t nearly, taken;
	size_t size;		/* of the block at early */
	char seen[SK_GREETING];	/* clients: the server's first bytes */
	size_t nseen;
	struct sk_hello_mark mark;	/* servers: what was heard of it */
	struct sk_hello hello;	/* servers: once heard */
	unsigned char heard;
};

/* Copies the name and the n bytes at early. NULL: memory. */
struct sk_opening *sk_opening_new(const char *servername, int server,
    int late, const void *early, size_t n);
void sk_opening_free(struct sk_opening *);	/* takes NULL */

/* Moves up to n of the early bytes to p; 0 where none are left. */
size_t sk_opening_early(struct sk_opening *, void *p, size_t n);

/*
 * A step of a server: reads the ClientHello, and not a byte behind it, from
 * below: 0 when opening->hello tells what is in it. libtls gets the bytes as
 * early ones.
 */
int sk_opening_listen(struct sk_opening *, struct sk_layer *below,
    struct sk_err *);

/*
 * Of a client: looks at n bytes that the server sent. SK_FAIL with code
 * plaintext or tls as soon as they are no TLS record; what else has come in
 * by then is shown with them.
 */
int sk_opening_look(struct sk_opening *, struct sk_layer *below,
    const char *p, size_t n, struct sk_err *);

#endif
