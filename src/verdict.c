/*
 * verdict.c - what libtls's error texts mean.
 */
#include "verdict.h"

#include <string.h>

/* The readable end of libtls's text: no numbers and names of functions. */
static const char *
reason(const char *text)
{
	const char *p;

	if (strstr(text, "error:") == NULL)
		return text;
	p = strrchr(text, ':');
	return p[1] != '\0' ? p + 1 : text;
}

static const struct {
	const char *part;	/* of libtls's text */
	enum sk_code code;
	const char *text;	/* NULL: libtls's own words */
} meanings[] = {
	{ "certificate verification failed", SK_VERIFY, NULL },
	{ "not present in server certificate", SK_VERIFY, NULL },
	{ "error verifying name", SK_VERIFY, NULL },	/* a NUL in it */
	{ "server name not specified", SK_VERIFY, NULL },
	{ "OCSP", SK_VERIFY, NULL },
	{ "ocsp", SK_VERIFY, NULL },
	{ "certificate verify failed", SK_VERIFY,
	    "the peer's certificate is not trusted" },
	{ "peer did not return a certificate", SK_VERIFY,
	    "the client showed no certificate" },
	{ "no certificate returned", SK_VERIFY,
	    "the client showed no certificate" },
	{ "alert protocol version", SK_TLS,
	    "the peer refuses the protocol versions offered" },
	{ "unsupported protocol", SK_TLS, "no protocol version in common" },
	{ "no shared cipher", SK_TLS, "no cipher in common" },
	{ "alert handshake failure", SK_TLS,
	    "the peer refuses what was offered (handshake failure)" },
	{ "alert unknown ca", SK_TLS,
	    "the peer does not trust our certificate (unknown ca)" },
	{ "alert bad certificate", SK_TLS,
	    "the peer refuses our certificate (bad certificate)" },
	{ "alert certificate expired", SK_TLS,
	    "the peer refuses our certificate (expired)" },
	{ "alert certificate unknown", SK_TLS,
	    "the peer refuses our certificate (certificate unknown)" },
	{ "alert certificate required", SK_TLS,
	    "the peer requires a certificate" },
	{ "verify memory setup failure", SK_TLS,
	    "the certificates of ca, or the lists of crl, cannot be loaded" },
	{ "wrong version number", SK_TLS,
	    "the peer sent no tls record, or one of another version" },
};

enum sk_code
sk_verdict(const char *text, const char **words)
{
	size_t i;

	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strstr(text, meanings[i].part) == NULL)
			continue;
		*words = meanings[i].text;
		if (*words == NULL)
			*words = reason(text);
		return meanings[i].code;
	}
	*words = reason(text);
	return SK_TLS;
}
