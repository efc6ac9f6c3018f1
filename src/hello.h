/*
 * hello.h - the ClientHello (RFC 8446, section 4.1.2): the first thing that
 * a TLS client says, in the clear. A server looks at it before libtls does:
 * to choose a configuration, and so that nobody sees a name that is none.
 */
#ifndef SK_HELLO_H
#define SK_HELLO_H

#include "io.h"
#include "url.h"

#define SK_HELLO_MAX 65536	/* bytes; real ones have 200 to 2,000 */

/* How much of a ClientHello is known; all zero at first. */
struct sk_hello_mark {
	size_t at;		/* behind the last complete record */
	size_t have;		/* bytes of the message in those */
	unsigned char header[4];	/* of the message */
};

/*
 * How many more bytes complete the ClientHello that begins with the n bytes
 * at p: 0 where it is complete, never more than what is left of a record, so
 * that nothing behind it is taken. SK_FAIL with code tls where it is none.
 * It is asked again with the same bytes and more behind them: the mark keeps
 * it from the beginning, or a hello in records of one byte would take time
 * that grows with the square of its length.
 */
ssize_t sk_hello_need(struct sk_hello_mark *, const char *p, size_t n,
    struct sk_err *);

struct sk_hello {
	char *servername;	/* lower case; NULL: none was given */
	char *alpn;		/* a list as on the wire: each name behind its
				 * length, in a byte; owned */
	size_t nalpn;		/* bytes of it */
};

/*
 * Parses a complete one. 0, or SK_FAIL with code tls (a malformed message, or
 * a server name that no host can have) or memory. An IP address is no server
 * name (RFC 6066, section 3) and counts as none.
 */
int sk_hello_parse(struct sk_hello *, const char *p, size_t n,
    struct sk_err *);
void sk_hello_free(struct sk_hello *);

/* Is one of the names, separated by commas, in the client's list? */
int sk_hello_speaks(const struct sk_hello *, const char *names);

#endif
