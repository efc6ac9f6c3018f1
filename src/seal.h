/*
 * seal.h - TLS as a layer: libtls over whatever is below, through its I/O
 * callbacks. It never learns what that is.
 */
#ifndef SK_SEAL_H
#define SK_SEAL_H

#include "conf.h"
#include "hello.h"
#include "io.h"

struct sk_seal_options {
	struct sk_conf *conf;		/* held by the layer; servers: may be
					 * NULL, then it is chosen later */
	int server;			/* our role */
	const char *servername;		/* clients: verified and sent as SNI,
					 * unless the conf has its own */
	int late;			/* TLS begins on an open connection */
};

/*
 * A layer over below; open() shakes hands. The n bytes at early were read
 * already and belong to the handshake; they are copied. NULL with the error
 * recorded, and below is untouched.
 *
 * open() answers 0 only for a handshake that is complete, with a peer that
 * passed every check of the conf. Its failures: verify, tls, plaintext (the
 * peer does not speak TLS at all), truncated, and those of what is below.
 */
struct sk_layer *sk_seal_new(struct sk_layer *below,
    const struct sk_seal_options *, const void *early, size_t n,
    struct sk_err *);

/*
 * A server without a conf: its open() answers SK_WANT_CONF once the client
 * has spoken. sk_seal_hello() then tells what it said (NULL at any other
 * time); sk_seal_configure() or sk_seal_refuse(), which sends an alert and is
 * final, go on from there.
 */
const struct sk_hello *sk_seal_hello(const struct sk_layer *);
void sk_seal_configure(struct sk_layer *, struct sk_conf *);
int sk_seal_refuse(struct sk_layer *, struct sk_err *);

/* Is this layer a seal? */
int sk_seal_is(const struct sk_layer *);

/* Is it one in the role of the server? */
int sk_seal_is_server(const struct sk_layer *);

/* The context of a seal that is open, else NULL; for peer.c. */
struct tls *sk_seal_tls(const struct sk_layer *);

#endif
