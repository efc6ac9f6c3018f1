/*
 * proxy_fuzz.c - headers of the PROXY protocol, for libFuzzer. A header is
 * read in steps, as the layer does: what is asked for may never go past it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy.h"
#include "url.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What a header names is a URL, or nothing. */
static void
check(const char *text)
{
	struct sk_err err = { 0 };
	struct sk_url u;

	if (text[0] != '\0' && sk_url_parse(&u, text, strlen(text),
	    SK_PORT_IN_URL, &err) != 0 && strncmp(text, "u", 1) != 0)
		abort();
	sk_err_clear(&err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_proxy x;
	struct sk_err err = { 0 };
	size_t have = 0;
	ssize_t need;
	char *head;

	for (;;) {
		if ((head = malloc(have > 0 ? have : 1)) == NULL)
			abort();
		memcpy(head, data, have);
		need = sk_proxy_need(head, have, &err);
		if (need <= 0 || (size_t)need > n - have)
			break;
		free(head);
		have += (size_t)need;
	}
	if (need == 0 && sk_proxy_parse(&x, head, have, &err) == 0) {
		check(x.source);
		check(x.destination);
	}
	free(head);
	sk_err_clear(&err);
	return 0;
}
