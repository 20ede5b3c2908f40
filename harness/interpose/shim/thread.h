/* Threads of the shim: nobody waits for them, they end with the process at the latest. */
#ifndef HX_INTERPOSE_SHIM_THREAD_H
#define HX_INTERPOSE_SHIM_THREAD_H

#include <pthread.h>

static inline int thread_start(void *(*serve)(void *), void *ctx)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r = -pthread_attr_init(&attr);

	if (r < 0)
		return r;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = -pthread_create(&thread, &attr, serve, ctx);
	pthread_attr_destroy(&attr);
	return r;
}

#endif
