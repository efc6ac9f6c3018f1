/*
 * check.h - a native test: functions of checks, run in turn.
 *
 *	static void adds(void) { check(1 + 1 == 2); }
 *	int main(void) { run(adds); return report("sum"); }
 */
#ifndef SK_CHECK_H
#define SK_CHECK_H

#include <stdio.h>

static int check_passed, check_failed, check_bad;

#define check(cond) \
	do { \
		if (!(cond)) { \
			check_bad++; \
			fprintf(stderr, "%s:%d: %s: not true: %s\n", \
			    __FILE__, __LINE__, __func__, #cond); \
		} \
	} while (0)

#define run(test) \
	do { \
		check_bad = 0; \
		test(); \
		if (check_bad == 0) \
			check_passed++; \
		else \
			check_failed++; \
	} while (0)

static inline int
report(const char *what)
{
	printf("%s: %d passed, %d failed\n", what, check_passed, check_failed);
	return check_failed != 0;
}

#endif
