/*
 * err.c - the error record; the only file that puts an errno into words.
 *
 * The words are our own: strerror(3) speaks the language of the host's
 * locale and is not safe with threads.
 */
#include "io.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 1024

static const struct {
	const char *name;
	const char *text;	/* where there was no memory for a better one */
} codes[SK_CODES] = {
	[SK_NONE] = { "none", "no error" },
	[SK_URL] = { "url", "bad address" },
	[SK_SCHEME] = { "scheme", "unknown scheme" },
	[SK_REMOVED] = { "removed", "protocol no longer spoken" },
	[SK_RESOLVE] = { "resolve", "name not resolved" },
	[SK_REFUSED] = { "refused", "connection refused" },
	[SK_UNREACHABLE] = { "unreachable", "not reachable" },
	[SK_DENIED] = { "denied", "permission denied" },
	[SK_INUSE] = { "inuse", "address already in use" },
	[SK_TIMEOUT] = { "timeout", "timed out" },
	[SK_EOF] = { "eof", "end of stream" },
	[SK_TRUNCATED] = { "truncated", "stream was cut off" },
	[SK_RESET] = { "reset", "connection reset by peer" },
	[SK_CLOSED] = { "closed", "socket is closed" },
	[SK_LIMIT] = { "limit", "item exceeds the limit" },
	[SK_TLS] = { "tls", "tls failed" },
	[SK_VERIFY] = { "verify", "peer not verified" },
	[SK_PLAINTEXT] = { "plaintext", "peer does not speak tls" },
	[SK_INJECTED] = { "injected", "plaintext before the handshake" },
	[SK_STARTTLS] = { "starttls", "starttls refused" },
	[SK_BUSY] = { "busy", "socket is in use by another coroutine" },
	[SK_UNSUPPORTED] = { "unsupported", "not supported" },
	[SK_MEMORY] = { "memory", "out of memory" },
	[SK_SYSTEM] = { "system", "system error" },
};

static const struct {
	int sys;
	enum sk_code code;
	const char *text;
} causes[] = {
	{ EACCES, SK_DENIED, "permission denied" },
	{ EPERM, SK_DENIED, "operation not permitted" },
	{ EROFS, SK_DENIED, "read-only file system" },
	{ EADDRINUSE, SK_INUSE, "address already in use" },
	{ EADDRNOTAVAIL, SK_UNREACHABLE, "no such local address" },
	{ EAFNOSUPPORT, SK_UNREACHABLE, "address family not available" },
	{ ECONNREFUSED, SK_REFUSED, "connection refused" },
	{ ENETUNREACH, SK_UNREACHABLE, "network is unreachable" },
	{ EHOSTUNREACH, SK_UNREACHABLE, "no route to host" },
	{ EHOSTDOWN, SK_UNREACHABLE, "host is down" },
	{ ENETDOWN, SK_UNREACHABLE, "network is down" },
	{ ENODEV, SK_UNREACHABLE, "no such device" },
	{ ENOENT, SK_UNREACHABLE, "no such file or directory" },
	{ ENOTDIR, SK_UNREACHABLE, "not a directory" },
	{ ENAMETOOLONG, SK_UNREACHABLE, "file name too long" },
	{ ELOOP, SK_UNREACHABLE, "too many symbolic links" },
	{ EPROTOTYPE, SK_UNREACHABLE, "a socket of another type" },
	{ ETIMEDOUT, SK_TIMEOUT, "connection timed out" },
	{ ECONNRESET, SK_RESET, "connection reset by peer" },
	{ ECONNABORTED, SK_RESET, "connection aborted" },
	{ ENETRESET, SK_RESET, "connection reset by network" },
	{ EPIPE, SK_RESET, "peer no longer reads" },
	{ ENOTCONN, SK_RESET, "not connected" },
	{ ESHUTDOWN, SK_RESET, "connection is shut down" },
	{ EMSGSIZE, SK_LIMIT, "message too long" },
	{ ENOMEM, SK_MEMORY, "out of memory" },
	{ ENOBUFS, SK_MEMORY, "no buffer space" },
	{ ENOPROTOOPT, SK_UNSUPPORTED, "no such option on this socket" },
	{ EOPNOTSUPP, SK_UNSUPPORTED, "not supported" },
	{ EPROTONOSUPPORT, SK_UNSUPPORTED, "protocol not supported" },
	{ ENOSYS, SK_UNSUPPORTED, "not supported by this system" },
	{ ENOTSOCK, SK_UNSUPPORTED, "not a socket" },
	{ EDESTADDRREQ, SK_SYSTEM, "there is no destination" },
	{ EISCONN, SK_SYSTEM, "connected already" },
	{ EBADF, SK_SYSTEM, "bad descriptor" },
	{ EMFILE, SK_SYSTEM, "too many open descriptors in this process" },
	{ ENFILE, SK_SYSTEM, "too many open descriptors in the system" },
	{ EAGAIN, SK_SYSTEM, "resource temporarily unavailable" },
	{ EINVAL, SK_SYSTEM, "invalid argument" },
	{ EDOM, SK_SYSTEM, "value out of range" },
	{ EISDIR, SK_SYSTEM, "is a directory" },
	{ EIO, SK_SYSTEM, "input/output error" },
	{ ENOSPC, SK_SYSTEM, "no space left" },
};

static void
record(struct sk_err *err, enum sk_code code, int sys, const char *text)
{
	err->code = code;
	err->sys = sys;
	err->text = strdup(text);
}

int
sk_fail(struct sk_err *err, enum sk_code code, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (err->code != SK_NONE)
		return SK_FAIL;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	record(err, code, 0, text);
	return SK_FAIL;
}

int
sk_fail_sys(struct sk_err *err, int sys, const char *fmt, ...)
{
	char text[TEXT_MAX];
	enum sk_code code = SK_SYSTEM;
	const char *why = NULL;
	size_t i, n;
	va_list ap;

	if (err->code != SK_NONE)
		return SK_FAIL;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		if (causes[i].sys == sys) {
			code = causes[i].code;
			why = causes[i].text;
			break;
		}
	}
	n = strlen(text);
	if (why != NULL)
		(void)snprintf(text + n, sizeof(text) - n, ": %s", why);
	else
		(void)snprintf(text + n, sizeof(text) - n,
		    ": system error %d", sys);
	record(err, code, sys, text);
	return SK_FAIL;
}

void
sk_err_clear(struct sk_err *err)
{
	free(err->text);
	memset(err, 0, sizeof(*err));
}

int
sk_err_move(struct sk_err *to, struct sk_err *from)
{
	if (to->code == SK_NONE) {
		*to = *from;
		memset(from, 0, sizeof(*from));
	} else
		sk_err_clear(from);
	return SK_FAIL;
}

int
sk_err_copy(struct sk_err *to, const struct sk_err *from)
{
	if (to->code == SK_NONE) {
		*to = *from;
		to->text = from->text != NULL ? strdup(from->text) : NULL;
	}
	return SK_FAIL;
}

const char *
sk_err_text(const struct sk_err *err)
{
	return err->text != NULL ? err->text : codes[err->code].text;
}

const char *
sk_code_name(enum sk_code code)
{
	return codes[code].name;
}
