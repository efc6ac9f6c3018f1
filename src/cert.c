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

/* Object identifiers, encoded. */
#define OID_COMMON_NAME "\x55\x04\x03"
#define OID_ALT_NAME "\x55\x1d\x11"
#define OID_PKCS1 "\x2a\x86\x48\x86\xf7\x0d\x01\x01"
#define OID_ECDSA "\x2a\x86\x48\xce\x3d\x04"
#define OID_RSA_PSS OID_PKCS1 "\x0a"

static const struct {
	const char *oid;
	size_t n;
	enum sk_cert_hash hash;
} algorithms[] = {
	{ OID_PKCS1 "\x04", 9, SK_HASH_MD5 },
	{ OID_PKCS1 "\x05", 9, SK_HASH_SHA1 },
	{ OID_PKCS1 "\x0b", 9, SK_HASH_SHA256 },
	{ OID_ECDSA "\x01", 7, SK_HASH_SHA1 },
	{ OID_ECDSA "\x03\x02", 8, SK_HASH_SHA256 },
	{ "\x2b\x0e\x03\x02\x1a", 5, SK_HASH_SHA1 },
	{ "\x60\x86\x48\x01\x65\x03\x04\x02\x01", 9, SK_HASH_SHA256 },
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
	if (sk_der_is(&oid, OID_RSA_PSS, 9))
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
			    sk_der_is(&oid, OID_COMMON_NAME, 3) &&
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
		if (!sk_der_is(&oid, OID_ALT_NAME, 3))
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
