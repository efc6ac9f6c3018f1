/*
 * thread.h - work that goes on behind the host's back.
 */
#ifndef SK_THREAD_H
#define SK_THREAD_H

/*
 * Runs the function on a detached thread that takes no signals: those are for
 * the host's threads. 0, or an errno. The module stays in memory for good
 * from then on: it may be unloaded (lua_close(3) does it) while the thread
 * still runs its code.
 */
int sk_thread_start(void (*run)(void *), void *arg);

#endif
