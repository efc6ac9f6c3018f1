/*
 * alone.c - preloaded with a sanitizer's library: programs that a test starts
 * go without both.
 */
#include <stdlib.h>

__attribute__((constructor)) static void
leave_alone(void)
{
	(void)unsetenv("LD_PRELOAD");
}
