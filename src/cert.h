/*
 * cert.h - what libtls does not tell of a certificate: the names in it, its
 * serial number, and the hash that its signature is made with (RFC 5280,
 * section 4.1).
 *
 * Nothing here decides whether a peer is trusted: that is libtls's part,
 * which has verified the certificate before.
 */
#ifndef SK_CERT_H
#define SK_CERT_H

#include "der.h"

enum sk_cert_hash {
	SK_HASH_OTHER,		/* none, or one that is not named here */
	SK_HASH_MD5,
	SK_HASH_SHA1,
	SK_HASH_SHA256
};

/* Spans point into the certificate. */
struct sk_cert {
	struct sk_der serial;		/* big-endian */
	struct sk_der names;		/* subjectAltName: GeneralName ...; n 0 */
	struct sk_der commonname;	/* the last of the subject; n 0: none */
	enum sk_cert_hash hash;
};

enum sk_name_kind {
	SK_NAME_EMAIL = 1,		/* the tags of GeneralName */
	SK_NAME_DNS = 2,
	SK_NAME_URI = 6,
	SK_NAME_IP = 7
};

/* 0, or -1 where the n bytes at p are no certificate. */
int sk_cert_parse(struct sk_cert *, const void *p, size_t n);

/*
 * Takes the next name that has one of the kinds above off the front of
 * *names, a copy of sk_cert's: 0, or -1 at the end.
 */
int sk_cert_name(struct sk_der *names, enum sk_name_kind *,
    struct sk_der *value);

/*
 * A name as text, cut to what buf holds: control bytes are shown as \xHH, so
 * that a NUL hides nothing; an address as in a URL, without brackets.
 */
#define SK_CERT_TEXT 1024
const char *sk_cert_text(enum sk_name_kind, const struct sk_der *,
    char buf[SK_CERT_TEXT]);

#endif
