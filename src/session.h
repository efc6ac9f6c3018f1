/*
 * session.h - what a TLS client keeps of a connection to resume it later:
 * one object per peer, counted. It lives in memory.
 *
 * A resumed handshake shows no certificate: the verdict of the first one
 * holds. So a session is bound to the name and the rules that it was first
 * used with.
 */
#ifndef SK_SESSION_H
#define SK_SESSION_H

#include <stdint.h>

#include "io.h"

struct sk_session;

struct sk_session *sk_session_new(struct sk_err *);	/* NULL: recorded */
struct sk_session *sk_session_hold(struct sk_session *);
void sk_session_drop(struct sk_session *);		/* takes NULL */

/* The file that libtls keeps it in. */
int sk_session_fd(const struct sk_session *);

/*
 * May it be used for this name (NULL: none) under these rules? 0, and the
 * first call binds it; else SK_FAIL with code tls.
 */
int sk_session_claim(struct sk_session *, const char *name, uint64_t rules,
    struct sk_err *);

#endif
