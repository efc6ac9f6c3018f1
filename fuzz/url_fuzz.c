/*
 * url_fuzz.c - whatever parses has a canonical spelling that parses to
 * itself. Built by "make fuzz", with clang.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "url.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char text[SK_URL_MAX], again[SK_URL_MAX];
	struct sk_err err = { 0 };
	struct sk_url u;
	long port = SK_PORT_IN_URL;
	size_t length;

	if (n > 0 && data[0] < 2) {
		port = data[0] * 80L;
		data++;
		n--;
	}
	if (sk_url_parse(&u, (const char *)data, n, port, &err) == 0) {
		length = sk_url_text(&u, text);
		if (length >= sizeof(text) ||
		    sk_url_parse(&u, text, length, SK_PORT_IN_URL, &err) != 0)
			abort();
		(void)sk_url_text(&u, again);
		if (strcmp(text, again) != 0)
			abort();
	}
	sk_err_clear(&err);
	return 0;
}
