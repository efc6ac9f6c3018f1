/*
 * io.h - the vocabulary: what a step answers, what an error is, what a
 * layer is.
 *
 * A step tries once and never waits. It answers with a count or 0, or with
 * one of those below. After a WANT nothing is lost: the same step is
 * tried again when the descriptor is ready, or earlier, which is harmless.
 */
#ifndef SK_IO_H
#define SK_IO_H

#include <sys/types.h>

#include <stddef.h>

enum {
	SK_FAIL = -1,		/* the error record says why */
	SK_WANT_READ = -2,	/* not yet: until the descriptor is readable */
	SK_WANT_WRITE = -3,	/* not yet: until it is writable */
	SK_WANT_CONF = -4,	/* not yet: until a handshake is configured */
	SK_WANT_TURN = -5	/* not yet, but at once when others have had
				 * their turn: poll(2) would not tell */
};

/* The codes that a program can rely on; sk_code_name() spells them. */
enum sk_code {
	SK_NONE,
	SK_URL,
	SK_SCHEME,
	SK_REMOVED,
	SK_RESOLVE,
	SK_REFUSED,
	SK_UNREACHABLE,
	SK_DENIED,
	SK_INUSE,
	SK_TIMEOUT,
	SK_EOF,
	SK_TRUNCATED,
	SK_RESET,
	SK_CLOSED,
	SK_LIMIT,
	SK_TLS,
	SK_VERIFY,
	SK_PLAINTEXT,
	SK_INJECTED,
	SK_STARTTLS,
	SK_BUSY,
	SK_UNSUPPORTED,
	SK_MEMORY,
	SK_SYSTEM,
	SK_CODES
};

/*
 * An error record: all zero means no error. The text is owned by the record;
 * it is NULL where there was no memory for it.
 */
struct sk_err {
	enum sk_code code;
	int sys;		/* errno, or 0 */
	char *text;
};

/*
 * Record an error and return SK_FAIL. The first cause wins: a record that
 * already holds an error keeps it. The text is lower case and names what was
 * tried, on what, and why it failed.
 */
int sk_fail(struct sk_err *, enum sk_code, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The same for a system call: the code follows from the errno, and the text
 * becomes "<what>: <sentence for that errno>".
 */
int sk_fail_sys(struct sk_err *, int, const char *, ...)
    __attribute__((format(printf, 3, 4)));

void sk_err_clear(struct sk_err *);

/* Moves or copies an error into another record, by the same rule; SK_FAIL. */
int sk_err_move(struct sk_err *to, struct sk_err *from);
int sk_err_copy(struct sk_err *to, const struct sk_err *from);

/* The sentence; never NULL, also where memory ran out. */
const char *sk_err_text(const struct sk_err *);

const char *sk_code_name(enum sk_code);

/*
 * A layer moves bytes over what is below it. The functions are steps.
 *
 * open   0 when the layer is ready to read and write; opens what is below
 *        first. Harmless when it is open already.
 * read   1 to n bytes, or 0 at the end that the peer announced (FIN, or
 *        close_notify). An end that was not announced is SK_TRUNCATED.
 * write  1 to n bytes taken.
 * shut   0 when our end has been announced. Harmless the second time.
 * free   lets go of everything at once, without waiting. Does not free what
 *        is below.
 *
 * record is the most that one write takes at a time, where the bytes of a
 * write that answered WANT have to be offered again, unchanged, before any
 * others; 0 where there is no such rule.
 */
struct sk_layer {
	const struct sk_layer_ops *ops;
	struct sk_layer *below;		/* NULL for the lowest */
};

struct sk_layer_ops {
	int (*open)(struct sk_layer *, struct sk_err *);
	ssize_t (*read)(struct sk_layer *, void *, size_t, struct sk_err *);
	ssize_t (*write)(struct sk_layer *, const void *, size_t,
	    struct sk_err *);
	int (*shut)(struct sk_layer *, struct sk_err *);
	void (*free)(struct sk_layer *);
	size_t record;
};

#endif
