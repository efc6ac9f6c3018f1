/*
 * fault.h - allocations of the C part that fail by number, and the count of
 * what is allocated and not freed. A test that includes it is linked with
 * -Wl,--wrap for each of the functions.
 *
 *	fault_at(3);		the third from now on fails, once
 *	fault_from(3);		it and all that follow
 *	fault_off();
 *	fault_hit		has it come to that?
 *	fault_live		blocks that are allocated
 */
#ifndef SK_FAULT_H
#define SK_FAULT_H

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_int fault_live, fault_hit;
static atomic_int fault_left;	/* until one fails; below 0: none does */
static int fault_goes_on;

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
char *__real_strdup(const char *);
void __real_free(void *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
char *__wrap_strdup(const char *);
void __wrap_free(void *);

static inline void
fault_off(void)
{
	fault_left = -1;
}

static inline void
fault_at(int n)
{
	fault_left = n;
	fault_goes_on = 0;
	fault_hit = 0;
}

static inline void
fault_from(int n)
{
	fault_at(n);
	fault_goes_on = 1;
}

/* Is it this one? */
static int
fault_strikes(void)
{
	int left = fault_left;

	if (left < 0)
		return 0;
	if (left > 1) {
		fault_left--;
		return 0;
	}
	if (!fault_goes_on)
		fault_left = -1;
	fault_hit = 1;
	return 1;
}

static void *
fault_count(void *p)
{
	if (p != NULL)
		fault_live++;
	return p;
}

void *
__wrap_malloc(size_t n)
{
	return fault_strikes() ? NULL : fault_count(__real_malloc(n));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fault_strikes() ? NULL : fault_count(__real_calloc(n, size));
}

/* A block that grows is the same block. */
void *
__wrap_realloc(void *p, size_t n)
{
	void *q;

	if (fault_strikes())
		return NULL;
	q = __real_realloc(p, n);
	return p == NULL ? fault_count(q) : q;
}

char *
__wrap_strdup(const char *s)
{
	return fault_strikes() ? NULL : fault_count(__real_strdup(s));
}

void
__wrap_free(void *p)
{
	if (p != NULL)
		fault_live--;
	__real_free(p);
}

#endif
