/*
	Key generation on Linux: a detached thread.
*/

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "keythread.h"

typedef struct {
	void (*run)(void *argument);
	void *argument;
} ThreadStart;

static pthread_mutex_t gLocks[keyLockCount] = {
	PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER
};

static void *enter(void *it)
{
	ThreadStart start = *(ThreadStart *)it;

	free(it);
	start.run(start.argument);
	return NULL;
}

int keyThreadStart(void (*run)(void *argument), void *argument)
{
	ThreadStart *start = malloc(sizeof(ThreadStart));
	pthread_attr_t attributes;
	pthread_t thread;
	int result;

	if (!start)
		return -1;
	start->run = run;
	start->argument = argument;

	// Detached: nobody waits for it. A machine that ends first leaves its job to the thread (see psakeyjob.c).
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	result = pthread_create(&thread, &attributes, enter, start);
	pthread_attr_destroy(&attributes);
	if (result)
		free(start);
	return result;
}

void keyThreadSleep(int milliseconds)
{
	struct timespec duration = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};

	nanosleep(&duration, NULL);
}

void keyThreadLock(KeyLock lock)
{
	pthread_mutex_lock(&gLocks[lock]);
}

int keyThreadTryLock(KeyLock lock)
{
	return pthread_mutex_trylock(&gLocks[lock]);
}

void keyThreadUnlock(KeyLock lock)
{
	pthread_mutex_unlock(&gLocks[lock]);
}
