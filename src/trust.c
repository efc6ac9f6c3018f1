/*
 * trust.c - where the system keeps the certificates that it trusts.
 */
#include "trust.h"

#include <sys/stat.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const directories[] = {
	"/etc/ssl/certs",		/* Debian, Alpine, SUSE, FreeBSD */
	"/etc/pki/ca-trust/extracted/pem/directory-hash",	/* Fedora */
	"/etc/pki/tls/certs",
	"/var/lib/ca-certificates/openssl",			/* SUSE */
};

static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",	/* Debian, Alpine */
	"/etc/pki/tls/certs/ca-bundle.crt",	/* Fedora */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/ca-bundle.pem",		/* SUSE */
	"/etc/ssl/cert.pem",			/* OpenBSD, macOS, Alpine */
	"/usr/local/share/certs/ca-root-nss.crt",	/* FreeBSD */
	"/usr/local/etc/ssl/cert.pem",
};

/* A name as c_rehash(1) makes it: eight hexadecimal digits, a point, a digit. */
static int
is_hashed(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
	    name[9] >= '0' && name[9] <= '9';
}

int
sk_trust_is_hashed(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);
	int found = 0;

	if (dir == NULL)
		return 0;
	while (!found && (entry = readdir(dir)) != NULL)
		found = is_hashed(entry->d_name);
	(void)closedir(dir);
	return found;
}

static int
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static int
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int
take(struct sk_trust *t, const char *path, int directory)
{
	t->directory = directory;
	(void)snprintf(t->path, sizeof(t->path), "%s", path);
	return 0;
}

/*
 * The variables of openssl-env(7), which libressl's libtls does not obey. The
 * directory may be a list with colons. 0, SK_FAIL, or 1 where they say nothing.
 */
static int
from_environment(struct sk_trust *t, const char *file, const char *directory,
    struct sk_err *err)
{
	if (file != NULL && *file != '\0') {
		if (is_file(file))
			return take(t, file, 0);
		return sk_fail(err, SK_TLS, "ca: SSL_CERT_FILE is '%s', "
		    "which cannot be read", file);
	}
	if (directory == NULL || *directory == '\0')
		return 1;
	if (strchr(directory, ':') != NULL || is_directory(directory))
		return take(t, directory, 1);
	return sk_fail(err, SK_TLS, "ca: SSL_CERT_DIR is '%s', which is no "
	    "directory", directory);
}

int
sk_trust_find(struct sk_trust *t, struct sk_err *err)
{
	size_t i;
	int r = from_environment(t, getenv("SSL_CERT_FILE"),
	    getenv("SSL_CERT_DIR"), err);

	if (r <= 0)
		return r;
	for (i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		if (sk_trust_is_hashed(directories[i]))
			return take(t, directories[i], 1);
	}
	for (i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++) {
		if (is_file(bundles[i]))
			return take(t, bundles[i], 0);
	}
	return sk_fail(err, SK_TLS, "ca: no trust store in /etc/ssl, /etc/pki "
	    "or /usr/local: install ca-certificates, or set SSL_CERT_FILE or "
	    "the option ca");
}
