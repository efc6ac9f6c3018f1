/*
 * pem.c - PEM text, from options and files.
 */
#include "pem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "sock.h"

#define PEM_MAX (4U << 20)	/* bytes of a file: a bundle has a quarter */

/* Keys do not stay in memory that is free again. */
void
sk_pem_free(struct sk_pem *pem)
{
	sk_wipe(pem->p, pem->n);
	free(pem->p);
	memset(pem, 0, sizeof(*pem));
}

/* A FIFO that nobody writes to is empty: to open it must not wait for one. */
static FILE *
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	FILE *f = NULL;

	if (fd != -1 && fcntl(fd, F_SETFL, 0) != -1)
		f = fdopen(fd, "r");
	if (f == NULL)
		sk_fd_close(fd);
	return f;
}

/* A failure of the system that is one of the configuration. */
static int
fail_sys(struct sk_err *err, int sys, const char *option, const char *verb,
    const char *path)
{
	struct sk_err failed = { 0 };

	(void)sk_fail_sys(&failed, sys, "%s: cannot %s '%s'", option, verb,
	    path);
	failed.code = SK_TLS;
	return sk_err_move(err, &failed);
}

/* Fills the block from the file, without stdio's buffer, which stays behind. */
static int
read_file(struct sk_pem *pem, const char *option, const char *path,
    struct sk_err *err)
{
	FILE *f = open_file(path);

	if (f == NULL)
		return fail_sys(err, errno, option, "open", path);
	(void)setvbuf(f, NULL, _IONBF, 0);
	if ((pem->p = malloc(PEM_MAX)) == NULL) {
		(void)fclose(f);
		return sk_fail(err, SK_MEMORY, "%s: out of memory", option);
	}
	errno = 0;
	pem->n = fread(pem->p, 1, PEM_MAX, f);
	if (ferror(f)) {
		(void)fail_sys(err, errno, option, "read", path);
		sk_pem_free(pem);
	} else if (pem->n == PEM_MAX) {
		(void)sk_fail(err, SK_TLS, "%s: '%s' is too large", option,
		    path);
		sk_pem_free(pem);
	}
	(void)fclose(f);
	return err->code == SK_NONE ? 0 : SK_FAIL;
}

static int
copy_text(struct sk_pem *pem, const char *option, struct sk_span s,
    struct sk_err *err)
{
	if (s.n >= PEM_MAX)
		return sk_fail(err, SK_TLS, "%s: the text is too large",
		    option);
	if ((pem->p = malloc(s.n)) == NULL)
		return sk_fail(err, SK_MEMORY, "%s: out of memory", option);
	memcpy(pem->p, s.p, s.n);
	pem->n = s.n;
	return 0;
}

int
sk_pem_load(struct sk_pem *pem, const char *option, struct sk_span s,
    const char *label, struct sk_err *err)
{
	char path[4096];

	memset(pem, 0, sizeof(*pem));
	if (memmem(s.p, s.n, "-----BEGIN", 10) != NULL) {
		if (copy_text(pem, option, s, err) != 0)
			return SK_FAIL;
	} else {
		if (s.n >= sizeof(path) || memchr(s.p, '\0', s.n) != NULL)
			return sk_fail(err, SK_TLS, "%s: no path and no PEM",
			    option);
		memcpy(path, s.p, s.n);
		path[s.n] = '\0';
		if (read_file(pem, option, path, err) != 0)
			return SK_FAIL;
	}
	if (label == NULL ||
	    memmem(pem->p, pem->n, label, strlen(label)) != NULL)
		return 0;
	sk_pem_free(pem);
	return sk_fail(err, SK_TLS, "%s: there is no '%s' in it", option,
	    label);
}

/*
 * Base64 (RFC 4648, section 4)
 */

static int
digit_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c != '\0' ? strchr(digits, c) : NULL;

	return p != NULL ? (int)(p - digits) : -1;
}

/* out has room for three quarters of n. The count of bytes, or -1. */
static ssize_t
base64(char *out, const char *p, size_t n)
{
	unsigned long bits = 0;
	size_t i, digits = 0, pad = 0, done = 0;
	int value;

	for (i = 0; i < n; i++) {
		if (p[i] == '\n' || p[i] == '\r' || p[i] == ' ' ||
		    p[i] == '\t')
			continue;
		if (p[i] == '=') {
			pad++;
			continue;
		}
		if (pad > 0 || (value = digit_value(p[i])) < 0)
			return -1;
		bits = (bits << 6 | (unsigned)value) & 0xffffff;
		if (++digits % 4 > 0) {
			if (digits % 4 > 1)
				out[done++] = (char)(bits >>
				    (digits % 4 == 2 ? 4 : 2));
			continue;
		}
		out[done++] = (char)bits;
	}
	return pad > 2 || (digits + pad) % 4 != 0 ? -1 : (ssize_t)done;
}

int
sk_pem_decode(struct sk_span *text, const char *label, struct sk_pem *out)
{
	char first[64], last[64];
	const char *body, *end;
	size_t left;
	ssize_t n;

	(void)snprintf(first, sizeof(first), "-----BEGIN %s-----", label);
	(void)snprintf(last, sizeof(last), "-----END %s-----", label);
	body = memmem(text->p, text->n, first, strlen(first));
	if (body == NULL)
		return -1;
	body += strlen(first);
	left = text->n - (size_t)(body - text->p);
	if ((end = memmem(body, left, last, strlen(last))) == NULL)
		return -1;
	if ((out->p = malloc((size_t)(end - body) + 1)) == NULL)
		return -2;
	n = base64(out->p, body, (size_t)(end - body));
	out->n = n > 0 ? (size_t)n : 0;
	if (n <= 0) {
		sk_pem_free(out);
		return -1;
	}
	text->n -= (size_t)(end - text->p) + strlen(last);
	text->p = end + strlen(last);
	return 0;
}
