/*
 * parse_fuzz.c - what strangers write and we read, for libFuzzer: a
 * ClientHello, a certificate, PEM. The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>

#include "cert.h"
#include "hello.h"
#include "pem.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
hello(const char *p, size_t n)
{
	struct sk_err err = { 0 };
	struct sk_hello_mark mark = { 0 };
	struct sk_hello h;

	if (sk_hello_need(&mark, p, n, &err) == 0 &&
	    sk_hello_parse(&h, p, n, &err) == 0) {
		(void)sk_hello_speaks(&h, "h2,http/1.1");
		sk_hello_free(&h);
	}
	sk_err_clear(&err);
}

static void
certificate(const char *p, size_t n)
{
	char text[SK_CERT_TEXT];
	enum sk_name_kind kind;
	struct sk_der value;
	struct sk_cert c;

	if (sk_cert_parse(&c, p, n) != 0)
		return;
	while (sk_cert_name(&c.names, &kind, &value) == 0)
		(void)sk_cert_text(kind, &value, text);
}

static void
pem(const char *p, size_t n)
{
	struct sk_span text = { p, n };
	struct sk_pem out;

	while (sk_pem_decode(&text, "CERTIFICATE", &out) == 0)
		sk_pem_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const readers[])(const char *, size_t) = {
		hello, certificate, pem
	};

	if (n > 0)
		readers[data[0] % 3]((const char *)data + 1, n - 1);
	return 0;
}
