/*
 * thread.c - work that goes on behind the host's back.
 */
#include "thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

struct job {
	void (*run)(void *);
	void *arg;
};

static void *
work(void *arg)
{
	struct job job = *(struct job *)arg;

	free(arg);
	job.run(job.arg);
	return NULL;
}

void
sk_thread_keep_module(void)
{
	Dl_info info;
	const void *here = (const void *)(uintptr_t)&work;

	if (dladdr(here, &info) != 0 && info.dli_fname != NULL)
		(void)dlopen(info.dli_fname,
		    RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

int
sk_thread_start(void (*run)(void *), void *arg)
{
	struct job *job;
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int sys;

	if ((job = malloc(sizeof(*job))) == NULL)
		return ENOMEM;
	job->run = run;
	job->arg = arg;
	if ((sys = pthread_attr_init(&attr)) != 0) {
		free(job);
		return sys;
	}
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	sys = pthread_create(&thread, &attr, work, job);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	if (sys != 0)
		free(job);
	return sys;
}
