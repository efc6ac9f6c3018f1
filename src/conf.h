/*
 * conf.h - TLS settings: a plain struct in, an immutable, counted object out.
 *
 * Everything is read, checked and loaded when the object is made: files,
 * keys and their certificates, lists, limits. What the linked libtls cannot
 * do is an error then, never ignored later.
 */
#ifndef SK_CONF_H
#define SK_CONF_H

#include "io.h"
#include "keypair.h"
#include "session.h"
#include "url.h"

struct tls;

enum sk_client_auth {
	SK_CLIENT_NONE,
	SK_CLIENT_OPTIONAL,
	SK_CLIENT_REQUIRE
};

/*
 * Text with "-----BEGIN" in it is PEM; anything else is a path, of ca also of
 * a hashed directory. n 0: unset.
 */
struct sk_conf_spec {
	struct sk_span ca;		/* unset: the system's trust store */
	struct sk_span crl;
	struct sk_span clientca;
	const struct sk_keypair *pairs;	/* the first is the default */
	size_t npairs;
	const char *alpn;		/* names, separated by commas, or NULL */
	const char *const *pins;	/* "SHA256:<hex>", colons, any case */
	size_t npins;
	const struct sk_span *tickets;	/* keys of 48 bytes, the current first */
	size_t ntickets;
	struct sk_session *session;	/* clients: held; NULL: none */
	const char *servername;		/* clients; NULL: the caller's */
	const char *ciphers;		/* NULL: AEAD with forward secrecy */
	const char *curves;
	unsigned protocols;		/* SK_TLS_*; 0: the default, 1.2 and 1.3 */
	long depth;			/* intermediates in a chain; -1: libtls's */
	long lifetime;			/* of tickets, in seconds; -1: none */
	enum sk_client_auth client;
	int ocsp_require;
	int san_require;		/* no name but a subjectAltName counts */
	int noverifycert;
	int noverifyname;
	int noverifytime;
	int at_once;		/* for a client that connects now, and finds
				 * by itself what libtls cannot load */
};

struct sk_conf;

/* NULL with the error recorded; its text begins with the option's name. */
struct sk_conf *sk_conf_new(const struct sk_conf_spec *, struct sk_err *);
struct sk_conf *sk_conf_hold(struct sk_conf *);
void sk_conf_drop(struct sk_conf *);		/* takes NULL */

/*
 * A client's context, configured, for one connection to a server of that
 * name (NULL: unknown); the caller frees it. NULL with the error recorded.
 */
struct tls *sk_conf_client(struct sk_conf *, const char *servername,
    struct sk_err *);

/*
 * The server's context, shared by all connections that are accepted with
 * it: whoever uses it holds the conf for as long. NULL with the error
 * recorded: a server needs a certificate.
 */
struct tls *sk_conf_server(struct sk_conf *, struct sk_err *);

/*
 * Why the server's context refused the last client's certificate, or NULL:
 * libtls leaves the reason there, not with the connection.
 */
const char *sk_conf_refusal(struct sk_conf *);

/* Forgets it, once it is told: it is no reason for the next client. */
void sk_conf_forget_refusal(struct sk_conf *);

/* The server's name for every connection, or NULL. */
const char *sk_conf_servername(const struct sk_conf *);

/* Is the peer's name to be verified, so that a servername is needed? */
int sk_conf_wants_name(const struct sk_conf *);

/* Does only a subjectAltName count, not a common name? */
int sk_conf_wants_san(const struct sk_conf *);

/* Are there pins, and is this hash ("SHA256:<hex>") one of them? */
int sk_conf_has_pins(const struct sk_conf *);
int sk_conf_pinned(const struct sk_conf *, const char *hash);

/* What is offered by ALPN, names separated by commas, or NULL. */
const char *sk_conf_alpn(const struct sk_conf *);

/* SK_TLS_* that the linked libtls can still speak, as a mask. */
unsigned sk_conf_protocols(void);

#endif
