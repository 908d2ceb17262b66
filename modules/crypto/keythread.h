/*
	What key generation needs from the platform: a thread, and locks between that thread and the machine's.
	keythread-host.c and keythread-esp32.c each provide it.
*/

#ifndef __KEYTHREAD_H__
#define __KEYTHREAD_H__

typedef enum {
	keyLockInit,		// initialisation of the library
	keyLockJobs,		// hand-over of a finished generation; held for moments only
	keyLockStore,		// creation and destruction of keys, where the library does not guard them itself
	keyLockDoomed,		// list of keys that wait to be destroyed; held for moments only
	keyLockCount
} KeyLock;

/* Runs run(argument) once on a thread of its own. Returns 0, or another number when no thread can be had. */
int keyThreadStart(void (*run)(void *argument), void *argument);

/* Lets the calling thread rest. */
void keyThreadSleep(int milliseconds);

void keyThreadLock(KeyLock lock);
/* Returns 0 when the lock was free and is now held. */
int keyThreadTryLock(KeyLock lock);
void keyThreadUnlock(KeyLock lock);

#endif /* __KEYTHREAD_H__ */
