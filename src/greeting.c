/*
 * greeting.c - the first bytes that a peer sends where TLS is expected.
 */
#include "greeting.h"

#include <string.h>

enum {
	RECORD_HANDSHAKE = 22,
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2
};

int
sk_greeting_is_record(const char *p, size_t n)
{
	return p[0] >= 20 && p[0] <= 24 && (n < 2 || p[1] == 3);
}

int
sk_greeting_is_hello(const char *bytes, size_t n)
{
	const unsigned char *p = (const unsigned char *)bytes;
	size_t length;

	if (n < 1 || p[0] != RECORD_HANDSHAKE || (n > 1 && p[1] != 3) ||
	    (n > 2 && p[2] > 4))
		return 0;
	length = n > 4 ? (size_t)p[3] << 8 | p[4] : 4;
	if (length < 4 || length > 16384)
		return 0;
	return n < 6 || p[5] == CLIENT_HELLO || p[5] == SERVER_HELLO;
}

/* Other protocols may begin with a byte that is a letter too: BER, MySQL. */
#define WORD 4

static int
is_text(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && i < WORD; i++) {
		if ((p[i] < ' ' || p[i] > '~') && p[i] != '\t' &&
		    p[i] != '\r' && p[i] != '\n')
			return 0;
	}
	return 1;
}

static int
is_http(const char *p, size_t n)
{
	static const char *const words[] = { "GET ", "POST ", "HEAD ", "PUT ",
	    "DELETE ", "OPTIONS ", "CONNECT ", "PATCH ", "PRI ", "HTTP/" };
	size_t i, length;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		length = strlen(words[i]);
		if (n >= length && memcmp(p, words[i], length) == 0)
			return 1;
	}
	return 0;
}

void
sk_greeting_line(char out[SK_GREETING + 1], const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && i < SK_GREETING; i++) {
		if (p[i] == '\r' || p[i] == '\n')
			break;
		out[i] = (p[i] < ' ' || p[i] > '~') ? '.' : p[i];
	}
	out[i] = '\0';
}

int
sk_greeting_fail(const char *p, size_t n, int server, int late,
    struct sk_err *err)
{
	char line[SK_GREETING + 1];
	const char *who = server ? "client" : "server";
	const char *what = "plain text", *hint = "";

	if (!is_text(p, n))
		return sk_fail(err, SK_TLS, "handshake: the %s does not speak "
		    "tls: its first byte is 0x%02x", who, (unsigned char)p[0]);
	if (is_http(p, n))
		what = server ? "an http request" : "an http answer";
	if (!server)
		hint = late ? " (did it accept starttls?)" :
		    " (a port that begins in the clear takes tcp:// and then "
		    "starttls())";
	sk_greeting_line(line, p, n);
	return sk_fail(err, SK_PLAINTEXT, "handshake: the %s sent %s: '%s'%s",
	    who, what, line, hint);
}
