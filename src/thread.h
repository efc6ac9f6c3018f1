/*
 * thread.h - work that goes on behind the host's back.
 */
#ifndef SK_THREAD_H
#define SK_THREAD_H

/*
 * Keeps the module in memory for good, whoever unloads it; lua_close(3) does.
 * A thread may still run its code then, and what libtls sets up at its first
 * use would be lost and set up again with each Lua state.
 */
void sk_thread_keep_module(void);

/*
 * Runs the function on a detached thread that takes no signals: those are for
 * the host's threads. 0, or an errno.
 */
int sk_thread_start(void (*run)(void *), void *arg);

#endif
