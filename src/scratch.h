/*
 * scratch.h - a file that nobody else sees, for what libtls takes only as a
 * file; and memory that is wiped.
 */
#ifndef SK_SCRATCH_H
#define SK_SCRATCH_H

#include "io.h"

#define SK_SCRATCH_PATH 64

/*
 * An empty file, mode 0600: in memory where the system has such files. The
 * descriptor, close-on-exec, and in path a name to open it by; -1 with the
 * error recorded.
 */
int sk_scratch_new(char path[SK_SCRATCH_PATH], struct sk_err *);

/* Writes n bytes; 0 or SK_FAIL. */
int sk_scratch_write(int fd, const void *, size_t n, struct sk_err *);

/* Closes it, takes -1; and removes it where it has a name. */
void sk_scratch_free(int fd, const char path[SK_SCRATCH_PATH]);

/* Overwrites memory, also where it is not used again. */
void sk_wipe(void *, size_t n);

#endif
