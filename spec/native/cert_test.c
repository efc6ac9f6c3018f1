/*
 * cert_test.c - certificates as they are, cut short at every byte, and with
 * every byte changed: what is read is right, and never past the end.
 */
#include <stdio.h>
#include <string.h>

#include "cert.h"
#include "check.h"
#include "guard.h"
#include "pem.h"

#define DIR "build/ca/"

/* The DER of a file's first certificate; the caller frees it. */
static struct sk_pem
load(const char *path)
{
	struct sk_err err = { 0 };
	struct sk_pem text, der = { 0 };
	struct sk_span s = { path, strlen(path) };

	check(sk_pem_load(&text, "cert", s, "-----BEGIN CERTIFICATE-----",
	    &err) == 0);
	s.p = text.p;
	s.n = text.n;
	check(sk_pem_decode(&s, "CERTIFICATE", &der) == 0);
	check(sk_pem_decode(&s, "CERTIFICATE", &text) == -1);
	sk_pem_free(&text);
	sk_err_clear(&err);
	return der;
}

/* All names, joined by blanks. */
static const char *
names(struct sk_cert *c, char out[SK_CERT_TEXT])
{
	enum sk_name_kind kind;
	struct sk_der value;
	char text[SK_CERT_TEXT];
	size_t at = 0;

	out[0] = '\0';
	while (sk_cert_name(&c->names, &kind, &value) == 0)
		at += (size_t)snprintf(out + at, SK_CERT_TEXT - at, "%d:%.99s ",
		    (int)kind, sk_cert_text(kind, &value, text));
	return out;
}

static void
reads(void)
{
	char text[SK_CERT_TEXT];
	struct sk_pem der = load(DIR "server.pem");
	struct sk_cert c;

	check(sk_cert_parse(&c, guard(der.p, der.n), der.n) == 0);
	check(strcmp(names(&c, text),
	    "2:localhost 2:mail.test 7:127.0.0.1 7:::1 ") == 0);
	check(c.hash == SK_HASH_SHA256);
	check(sk_der_is(&c.commonname, "localhost", 9));
	check(c.serial.n == 2 && c.serial.p[0] == 0x10);
	sk_pem_free(&der);
	der = load(DIR "cnonly.pem");
	check(sk_cert_parse(&c, der.p, der.n) == 0 && c.names.n == 0);
	sk_pem_free(&der);
}

static void
survives(void)
{
	char text[SK_CERT_TEXT];
	struct sk_pem der = load(DIR "server.pem");
	struct sk_cert c;
	size_t i, n;
	int flip, good = 0;
	char *p;

	for (n = 0; n < der.n; n++)
		check(sk_cert_parse(&c, guard(der.p, n), n) == -1);
	for (i = 0; i < der.n; i++) {
		for (flip = 1; flip < 256; flip += 7) {
			p = guard(der.p, der.n);
			p[i] = (char)(p[i] ^ flip);
			if (sk_cert_parse(&c, p, der.n) != 0)
				continue;
			good++;
			(void)names(&c, text);
		}
	}
	check(good > 0);
	sk_pem_free(&der);
}

/* A NUL hides nothing of what stands behind it. */
static void
shows_all(void)
{
	static const unsigned char name[] = "a\0b\x7f\xff";
	struct sk_der d = { name, 5 };
	char text[SK_CERT_TEXT], big[3 * SK_CERT_TEXT];

	check(strcmp(sk_cert_text(SK_NAME_DNS, &d, text),
	    "a\\x00b\\x7f\\xff") == 0);
	d.n = 3;
	check(strcmp(sk_cert_text(SK_NAME_IP, &d, text), "a\\x00b") == 0);
	memset(big, 1, sizeof(big));
	d.p = (const unsigned char *)big;
	d.n = sizeof(big);
	check(strlen(sk_cert_text(SK_NAME_URI, &d, text)) < SK_CERT_TEXT);
}

static const struct {
	const char *text, *bytes;
	int n;			/* -1: refused */
} pem[] = {
	{ "YQ==", "a", 1 }, { "YWI=", "ab", 2 }, { "YWJj", "abc", 3 },
	{ "Y W\nJ\r\njZA==", "abcd", 4 }, { "YQ", NULL, -1 },
	{ "YQ=", NULL, -1 }, { "Y===", NULL, -1 }, { "YQ==YQ==", NULL, -1 },
	{ "Y-==", NULL, -1 }, { "", NULL, -1 }, { "A", NULL, -1 },
};

static void
decodes(void)
{
	char text[128];
	struct sk_pem out;
	struct sk_span s;
	size_t i;
	int r;

	for (i = 0; i < sizeof(pem) / sizeof(pem[0]); i++) {
		s.n = (size_t)snprintf(text, sizeof(text), "noise\n"
		    "-----BEGIN X-----\n%s\n-----END X-----", pem[i].text);
		s.p = guard(text, s.n);
		r = sk_pem_decode(&s, "X", &out);
		check(r == (pem[i].n < 0 ? -1 : 0));
		if (r != 0)
			continue;
		check(out.n == (size_t)pem[i].n &&
		    memcmp(out.p, pem[i].bytes, out.n) == 0 && s.n == 0);
		sk_pem_free(&out);
	}
	s.n = (size_t)snprintf(text, sizeof(text), "-----BEGIN X-----YQ==");
	s.p = guard(text, s.n);
	check(sk_pem_decode(&s, "X", &out) == -1);
}

int
main(void)
{
	guard_open();
	run(reads);
	run(survives);
	run(shows_all);
	run(decodes);
	return report("cert");
}
