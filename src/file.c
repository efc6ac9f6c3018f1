/*
 * file.c - the file of a bound Unix socket.
 */
#include "file.h"

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
sk_file_note(struct sk_file *f, const char *url, struct sk_err *err)
{
	const char *path = strstr(url, "://");
	struct stat st;

	memset(f, 0, sizeof(*f));
	if (strncmp(url, "unix", 4) != 0 && strncmp(url, "udg", 3) != 0)
		return 0;
	if (path == NULL || path[3] == '@' || stat(path + 3, &st) == -1)
		return 0;
	if ((f->path = strdup(path + 3)) == NULL)
		return sk_fail(err, SK_MEMORY, "out of memory");
	f->pid = getpid();
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return 0;
}

void
sk_file_leave(struct sk_file *f)
{
	free(f->path);
	memset(f, 0, sizeof(*f));
}

void
sk_file_remove(struct sk_file *f)
{
	struct stat st;

	if (f->path != NULL && f->pid == getpid() &&
	    stat(f->path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    st.st_dev == f->dev && st.st_ino == f->ino)
		(void)unlink(f->path);
	sk_file_leave(f);
}
