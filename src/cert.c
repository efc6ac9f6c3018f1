/*
 * cert.c - names, serial number and signature hash of a certificate.
 */
#include "cert.h"

#include <stdio.h>
#include <string.h>

#include "url.h"

enum {
	VERSION = 0xa0,			/* [0] of TBSCertificate */
	EXTENSIONS = 0xa3,		/* [3] */
	PSS_HASH = 0xa0			/* [0] of RSASSA-PSS-params */
};

static const unsigned char common_name[] = { 0x55, 0x04, 0x03 };
static const unsigned char alt_name[] = { 0x55, 0x1d, 0x11 };

#define PKCS1(n) { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, (n) }

static const unsigned char rsa_md5[] = PKCS1(4);
static const unsigned char rsa_sha1[] = PKCS1(5);
static const unsigned char rsa_pss[] = PKCS1(10);
static const unsigned char rsa_sha256[] = PKCS1(11);
static const unsigned char ecdsa_sha1[] =
    { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01 };
static const unsigned char ecdsa_sha256[] =
    { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
static const unsigned char sha256[] =
    { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 };
static const unsigned char sha1[] = { 0x2b, 0x0e, 0x03, 0x02, 0x1a };

static const struct {
	const unsigned char *oid;
	size_t n;
	enum sk_cert_hash hash;
} algorithms[] = {
	{ rsa_md5, sizeof(rsa_md5), SK_HASH_MD5 },
	{ rsa_sha1, sizeof(rsa_sha1), SK_HASH_SHA1 },
	{ rsa_sha256, sizeof(rsa_sha256), SK_HASH_SHA256 },
	{ ecdsa_sha1, sizeof(ecdsa_sha1), SK_HASH_SHA1 },
	{ ecdsa_sha256, sizeof(ecdsa_sha256), SK_HASH_SHA256 },
	{ sha1, sizeof(sha1), SK_HASH_SHA1 },
	{ sha256, sizeof(sha256), SK_HASH_SHA256 },
};

static enum sk_cert_hash
hash_of(const struct sk_der *oid)
{
	size_t i;

	for (i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (sk_der_is(oid, algorithms[i].oid, algorithms[i].n))
			return algorithms[i].hash;
	}
	return SK_HASH_OTHER;
}

/* RSASSA-PSS names its hash in parameters; SHA-1 where it names none (RFC
 * 4055, section 3.1). */
static enum sk_cert_hash
pss_hash(struct sk_der parameters)
{
	struct sk_der list, algorithm, oid;

	if (sk_der_take(&parameters, SK_DER_SEQUENCE, &list) != 0)
		return SK_HASH_OTHER;
	if (sk_der_take(&list, PSS_HASH, &algorithm) != 0)
		return SK_HASH_SHA1;
	if (sk_der_take(&algorithm, SK_DER_SEQUENCE, &list) != 0 ||
	    sk_der_take(&list, SK_DER_OID, &oid) != 0)
		return SK_HASH_OTHER;
	return hash_of(&oid);
}

/* AlgorithmIdentifier, its contents. */
static enum sk_cert_hash
signature_hash(struct sk_der algorithm)
{
	struct sk_der oid;

	if (sk_der_take(&algorithm, SK_DER_OID, &oid) != 0)
		return SK_HASH_OTHER;
	if (sk_der_is(&oid, rsa_pss, sizeof(rsa_pss)))
		return pss_hash(algorithm);
	return hash_of(&oid);
}

/* Name: the last common name in it, which is the most specific. */
static void
find_common_name(struct sk_der name, struct sk_der *out)
{
	struct sk_der set, attribute, oid, value;
	unsigned tag;

	while (sk_der_take(&name, SK_DER_SET, &set) == 0) {
		while (sk_der_take(&set, SK_DER_SEQUENCE, &attribute) == 0) {
			if (sk_der_take(&attribute, SK_DER_OID, &oid) == 0 &&
			    sk_der_is(&oid, common_name,
			    sizeof(common_name)) &&
			    sk_der_next(&attribute, &tag, &value) == 0)
				*out = value;
		}
	}
}

/* Extensions: the names of subjectAltName. */
static int
find_alt_names(struct sk_der list, struct sk_der *out)
{
	struct sk_der extension, oid, value;
	unsigned tag;

	while (list.n > 0) {
		if (sk_der_take(&list, SK_DER_SEQUENCE, &extension) != 0 ||
		    sk_der_take(&extension, SK_DER_OID, &oid) != 0)
			return -1;
		if (!sk_der_is(&oid, alt_name, sizeof(alt_name)))
			continue;
		do {			/* there may be a BOOLEAN before it */
			if (sk_der_next(&extension, &tag, &value) != 0)
				return -1;
		} while (tag != SK_DER_OCTET_STRING);
		return sk_der_take(&value, SK_DER_SEQUENCE, out);
	}
	return 0;
}

int
sk_cert_parse(struct sk_cert *c, const void *p, size_t n)
{
	struct sk_der in, outer, tbs, value, algorithm, list;
	unsigned tag;

	memset(c, 0, sizeof(*c));
	in.p = p;
	in.n = n;
	if (sk_der_take(&in, SK_DER_SEQUENCE, &outer) != 0 || in.n > 0 ||
	    sk_der_take(&outer, SK_DER_SEQUENCE, &tbs) != 0 ||
	    sk_der_take(&outer, SK_DER_SEQUENCE, &algorithm) != 0)
		return -1;
	c->hash = signature_hash(algorithm);
	(void)sk_der_take(&tbs, VERSION, &value);
	if (sk_der_take(&tbs, SK_DER_INTEGER, &c->serial) != 0 ||
	    sk_der_take(&tbs, SK_DER_SEQUENCE, &value) != 0 || /* signature */
	    sk_der_take(&tbs, SK_DER_SEQUENCE, &value) != 0 || /* issuer */
	    sk_der_take(&tbs, SK_DER_SEQUENCE, &value) != 0 || /* validity */
	    sk_der_take(&tbs, SK_DER_SEQUENCE, &value) != 0)
		return -1;
	find_common_name(value, &c->commonname);
	while (sk_der_next(&tbs, &tag, &value) == 0) {
		if (tag == EXTENSIONS)
			return sk_der_take(&value, SK_DER_SEQUENCE, &list) ==
			    0 ? find_alt_names(list, &c->names) : -1;
	}
	return 0;
}

int
sk_cert_name(struct sk_der *names, enum sk_name_kind *kind,
    struct sk_der *value)
{
	unsigned tag;

	while (sk_der_next(names, &tag, value) == 0) {
		switch (tag) {
		case 0x80 | SK_NAME_EMAIL:
		case 0x80 | SK_NAME_DNS:
		case 0x80 | SK_NAME_URI:
		case 0x80 | SK_NAME_IP:
			*kind = (enum sk_name_kind)(tag & 0x1f);
			return 0;
		default:
			break;
		}
	}
	return -1;
}

static void
escape(const struct sk_der *value, char buf[SK_CERT_TEXT])
{
	size_t i, at = 0;

	for (i = 0; i < value->n && at + 5 < SK_CERT_TEXT; i++) {
		if (value->p[i] >= ' ' && value->p[i] <= '~')
			buf[at++] = (char)value->p[i];
		else
			at += (size_t)snprintf(buf + at, 5, "\\x%02x",
			    value->p[i]);
	}
	buf[at] = '\0';
}

const char *
sk_cert_text(enum sk_name_kind kind, const struct sk_der *value,
    char buf[SK_CERT_TEXT])
{
	const unsigned char *p = value->p;

	if (kind == SK_NAME_IP && value->n == 4)
		(void)snprintf(buf, SK_CERT_TEXT, "%u.%u.%u.%u", p[0], p[1],
		    p[2], p[3]);
	else if (kind == SK_NAME_IP && value->n == 16)
		(void)sk_url_ipv6(p, buf);
	else
		escape(value, buf);
	return buf;
}
