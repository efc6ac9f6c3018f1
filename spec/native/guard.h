/*
 * guard.h - bytes that end where memory ends: whoever reads past them dies.
 *
 *	guard_open();
 *	p = guard(bytes, n);
 */
#ifndef SK_GUARD_H
#define SK_GUARD_H

#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUARD_PAGES 16

static char *guard_end;		/* the first byte that cannot be read */

static inline void
guard_open(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, (GUARD_PAGES + 1) * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED ||
	    mprotect(p + GUARD_PAGES * page, page, PROT_NONE) != 0)
		abort();
	guard_end = p + GUARD_PAGES * page;
}

static inline char *
guard(const void *bytes, size_t n)
{
	memcpy(guard_end - n, bytes, n);
	return guard_end - n;
}

#endif
