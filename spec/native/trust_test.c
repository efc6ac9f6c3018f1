/*
 * trust_test.c - the trust stores of systems that are not at hand, each under
 * a root directory of its own.
 */
#include "trust.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

static const struct layout {
	const char *system;
	const char *files;	/* paths, a space behind each */
	const char *found;	/* NULL: none */
	int directory;
} layouts[] = {
	{ "Debian", "/etc/ssl/certs/ca-certificates.crt "
	    "/etc/ssl/certs/002c0b4f.0 ", "/etc/ssl/certs", 1 },
	{ "Debian, not hashed", "/etc/ssl/certs/ca-certificates.crt "
	    "/etc/ssl/certs/README ", "/etc/ssl/certs/ca-certificates.crt",
	    0 },
	{ "Alpine", "/etc/ssl/cert.pem /etc/ssl/certs/ca-certificates.crt "
	    "/etc/ssl/certs/ca-cert-ISRG_Root_X1.pem "
	    "/etc/ssl/certs/4042bcee.0 ", "/etc/ssl/certs", 1 },
	{ "Alpine, the bundle alone", "/etc/ssl/cert.pem ",
	    "/etc/ssl/cert.pem", 0 },
	{ "Fedora", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem "
	    "/etc/pki/ca-trust/extracted/pem/directory-hash/002c0b4f.0 "
	    "/etc/pki/tls/certs/ca-bundle.crt ",
	    "/etc/pki/ca-trust/extracted/pem/directory-hash", 1 },
	{ "Fedora, before the directory",
	    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem "
	    "/etc/pki/tls/certs/ca-bundle.crt ",
	    "/etc/pki/tls/certs/ca-bundle.crt", 0 },
	{ "SUSE", "/var/lib/ca-certificates/openssl/002c0b4f.0 "
	    "/etc/ssl/ca-bundle.pem ", "/var/lib/ca-certificates/openssl", 1 },
	{ "FreeBSD", "/etc/ssl/certs/002c0b4f.0 /etc/ssl/cert.pem "
	    "/usr/local/share/certs/ca-root-nss.crt ", "/etc/ssl/certs", 1 },
	{ "FreeBSD, the port", "/usr/local/share/certs/ca-root-nss.crt ",
	    "/usr/local/share/certs/ca-root-nss.crt", 0 },
	{ "OpenBSD, macOS", "/etc/ssl/cert.pem /etc/ssl/openssl.cnf ",
	    "/etc/ssl/cert.pem", 0 },
	{ "an empty one", "", NULL, 0 },
};

/* Makes a file with something in it, and the directories above. */
static void
make_file(char *path)
{
	char *slash = path;
	FILE *f;

	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		(void)mkdir(path + 1, 0755);
		*slash = '/';
	}
	if ((f = fopen(path + 1, "w")) == NULL)
		return;
	(void)fputs("x\n", f);
	(void)fclose(f);
}

static void
make_files(const char *list)
{
	char path[200];
	size_t n;

	while ((n = strcspn(list, " ")) > 0 && n < sizeof(path)) {
		memcpy(path, list, n);
		path[n] = '\0';
		make_file(path);
		list += n + 1;
	}
}

enum { RIGHT, WRONG, NO_ROOT };

/* Looks, as a process that sees nothing else: RIGHT, WRONG or NO_ROOT. */
static int
look(const struct layout *l)
{
	struct sk_trust t;
	struct sk_err err = { 0 };
	int r;

	if (geteuid() != 0 && unshare(CLONE_NEWUSER) != 0)
		return NO_ROOT;
	if (chroot(".") != 0)
		return NO_ROOT;
	r = sk_trust_find(&t, &err);
	if (l->found == NULL)
		return r == SK_FAIL && err.code == SK_TLS ? RIGHT : WRONG;
	return r == 0 && strcmp(t.path, l->found) == 0 &&
	    t.directory == l->directory ? RIGHT : WRONG;
}

static void
finds(void)
{
	char root[] = "/tmp/urlsock-trust-XXXXXX", command[64];
	const struct layout *l;
	pid_t child;
	size_t i;
	int status;

	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		l = &layouts[i];
		memcpy(root + sizeof(root) - 7, "XXXXXX", 6);
		check(mkdtemp(root) != NULL);
		if ((child = fork()) == 0) {
			if (chdir(root) != 0)
				_exit(WRONG);
			make_files(l->files);
			_exit(look(l));
		}
		check(waitpid(child, &status, 0) == child);
		if (WIFEXITED(status) && WEXITSTATUS(status) == NO_ROOT)
			fprintf(stderr, "trust: %s: no other root is to be "
			    "had here\n", l->system);
		else if (!WIFEXITED(status) || WEXITSTATUS(status) != RIGHT) {
			fprintf(stderr, "trust: %s\n", l->system);
			check(0);
		}
		(void)snprintf(command, sizeof(command), "rm -rf %s", root);
		check(system(command) == 0);
	}
}

static void
obeys(void)
{
	struct sk_trust t;
	struct sk_err err = { 0 };

	(void)setenv("SSL_CERT_FILE", "/dev/null", 1);
	check(sk_trust_find(&t, &err) == SK_FAIL && err.code == SK_TLS);
	check(strstr(sk_err_text(&err), "SSL_CERT_FILE") != NULL);
	sk_err_clear(&err);
	(void)setenv("SSL_CERT_FILE", "/proc/self/exe", 1);
	(void)setenv("SSL_CERT_DIR", "/tmp", 1);
	check(sk_trust_find(&t, &err) == 0 && !t.directory);
	check(strcmp(t.path, "/proc/self/exe") == 0);
	(void)unsetenv("SSL_CERT_FILE");
	check(sk_trust_find(&t, &err) == 0 && t.directory);
	check(strcmp(t.path, "/tmp") == 0);
	(void)setenv("SSL_CERT_DIR", "/nonexistent", 1);
	check(sk_trust_find(&t, &err) == SK_FAIL && err.code == SK_TLS);
	check(strstr(sk_err_text(&err), "SSL_CERT_DIR") != NULL);
	sk_err_clear(&err);
	(void)unsetenv("SSL_CERT_DIR");
}

int
main(void)
{
	(void)unsetenv("SSL_CERT_FILE");
	(void)unsetenv("SSL_CERT_DIR");
	run(finds);
	run(obeys);
	return report("trust");
}
