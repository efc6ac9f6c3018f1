/*
 * trust.h - where the system keeps the certificates that it trusts.
 */
#ifndef SK_TRUST_H
#define SK_TRUST_H

#include "io.h"

#define SK_TRUST_PATH 4096

struct sk_trust {
	char path[SK_TRUST_PATH];
	int directory;		/* hashed: read lazily, a certificate at a time */
};

/*
 * SSL_CERT_FILE or SSL_CERT_DIR where they are set (openssl-env(7)), the file
 * where both are, since libtls takes only one; else
 * the first that exists of the hashed directories and then of the bundles
 * that Debian, Alpine, Fedora, SUSE, the BSDs and macOS use. A directory is
 * preferred: a bundle is parsed anew for every connection. 0, or SK_FAIL
 * with code tls and a text that says where was looked.
 */
int sk_trust_find(struct sk_trust *, struct sk_err *);

/* Does the directory hold certificates by their hashes (c_rehash(1))? */
int sk_trust_is_hashed(const char *path);

#endif
