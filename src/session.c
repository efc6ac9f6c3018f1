/*
 * session.c - a client's session, to be resumed.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "scratch.h"

struct sk_session {
	unsigned refs;
	int fd;
	char path[SK_SCRATCH_PATH];
	char *name;		/* NULL until it is claimed */
	uint64_t rules;
};

struct sk_session *
sk_session_new(struct sk_err *err)
{
	struct sk_session *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		(void)sk_fail(err, SK_MEMORY, "session: out of memory");
		return NULL;
	}
	s->refs = 1;
	if ((s->fd = sk_scratch_new(s->path, err)) == -1) {
		free(s);
		return NULL;
	}
	return s;
}

struct sk_session *
sk_session_hold(struct sk_session *s)
{
	s->refs++;
	return s;
}

void
sk_session_drop(struct sk_session *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	sk_scratch_free(s->fd, s->path);
	free(s->name);
	free(s);
}

int
sk_session_fd(const struct sk_session *s)
{
	return s->fd;
}

int
sk_session_claim(struct sk_session *s, const char *name, uint64_t rules,
    struct sk_err *err)
{
	if (name == NULL)
		name = "";
	if (s->name == NULL) {
		if ((s->name = strdup(name)) == NULL)
			return sk_fail(err, SK_MEMORY,
			    "session: out of memory");
		s->rules = rules;
	}
	if (strcmp(s->name, name) != 0)
		return sk_fail(err, SK_TLS, "session: it belongs to '%s', not "
		    "to '%s': each peer takes its own", s->name, name);
	if (s->rules != rules)
		return sk_fail(err, SK_TLS, "session: it was begun under "
		    "other options of trust");
	return 0;
}
