/*
 * file.h - the file of a bound Unix socket, to be removed at the end.
 */
#ifndef SK_FILE_H
#define SK_FILE_H

#include <sys/types.h>

#include "io.h"

struct sk_file {
	char *path;		/* NULL: there is none */
	pid_t pid;
	dev_t dev;
	ino_t ino;
};

/*
 * Notes the file that a socket by that URL has just been bound to; nothing
 * for what is not in the file system. 0 or SK_FAIL.
 */
int sk_file_note(struct sk_file *, const char *url, struct sk_err *);

/*
 * Removes it, if it is still ours: another server may have taken the place,
 * and a child that inherited the socket by fork(2) lets go of its copy only.
 */
void sk_file_remove(struct sk_file *);

/* Lets it stay: whoever has the descriptor now removes it. */
void sk_file_leave(struct sk_file *);

#endif
