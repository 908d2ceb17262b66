/*
	Generation of a key away from the machine's thread.

	A job has one owner at a time. While it runs that is its thread; once the message with its result has been posted it is the
	machine. The object is remembered meanwhile, so that its destructor can run only because the machine ends. The destructor then
	leaves the object's record to the job and either finds the job running and abandons it, and the thread throws job and key away
	when it is done and posts nothing; or it finds the message posted and, since a machine that ends delivers no more messages, throws
	both away itself. The lock keeps the destructor from running between the thread's look at `abandoned` and its post, so that
	nothing is ever posted to a machine that is gone.
*/

#include <stdlib.h>

#include "psakeyjob.h"
#include "keythread.h"
#include "xsHost.h"

// How long to wait before posting again when the machine's queue of messages is full: it needs time to run, and a key that took
// seconds can be late by this much.
#define kRetryMilliseconds (100)

struct PSAKeyJob {
	xsMachine *the;
	xsSlot object;
	xsSlot callback;
	PSAKey *key;
	psa_key_id_t id;
	PSAKind kind;
	uint16_t bits;
	psa_status_t status;
	uint8_t posted;
	uint8_t abandoned;
};

static void discard(PSAKeyJob *job)
{
	job->key->id = job->id;
	psaKeyStoreRelease(job->key);
	free(job);
}

static void deliver(void *machine, void *refcon, uint8_t *message, uint16_t messageLength)
{
	xsMachine *the = machine;
	PSAKeyJob *job = refcon;

	(void)message;
	(void)messageLength;

	// The thread may not have left the lock in which it posted this message.
	keyThreadLock(keyLockJobs);
	keyThreadUnlock(keyLockJobs);

	job->key->job = NULL;
	if (PSA_SUCCESS == job->status) {
		job->key->id = job->id;
		job->key->kind = job->kind;
		job->key->bits = job->bits;
	}

	xsBeginHost(the);
		xsmcVars(3);
		xsVar(0) = xsAccess(job->object);
		xsVar(1) = xsAccess(job->callback);
		xsmcSetInteger(xsVar(2), job->status);
		xsForget(job->object);
		xsForget(job->callback);
		free(job);
		// Whatever escaped from here would end the machine.
		xsTry {
			xsCallFunction1(xsVar(1), xsVar(0), xsVar(2));
		}
		xsCatch {
		}
	xsEndHost(the);
}

static void run(void *argument)
{
	PSAKeyJob *job = argument;
	psa_key_attributes_t attributes = psa_key_attributes_init();

	psaKeyAttributes(&attributes, job->kind);
	psa_set_key_bits(&attributes, job->bits);
	job->status = psaKeyStoreGenerate(&attributes, &job->id);

	for (;;) {
		int abandoned;

		keyThreadLock(keyLockJobs);
		abandoned = job->abandoned;
		if (!abandoned) {
			job->posted = 1;
			if (modMessagePostToMachine(job->the, NULL, 0, deliver, job))
				job->posted = 0;
			else
				job = NULL;		// it is the machine's now
		}
		keyThreadUnlock(keyLockJobs);

		if (!job)
			return;
		if (abandoned) {
			discard(job);
			return;
		}
		keyThreadSleep(kRetryMilliseconds);
	}
}

psa_status_t psaKeyJobStart(xsMachine *the, PSAKey *key, xsSlot *slot, xsSlot *callback, PSAKind kind, uint16_t bits)
{
	PSAKeyJob *job = calloc(1, sizeof(PSAKeyJob));

	if (!job)
		return PSA_ERROR_INSUFFICIENT_MEMORY;

	job->the = the;
	job->key = key;
	job->kind = kind;
	job->bits = bits;
	job->object = *slot;
	job->callback = *callback;
	xsRemember(job->object);
	xsRemember(job->callback);
	key->job = job;

	if (keyThreadStart(run, job)) {
		key->job = NULL;
		xsForget(job->object);
		xsForget(job->callback);
		free(job);
		return PSA_ERROR_INSUFFICIENT_MEMORY;
	}
	return PSA_SUCCESS;
}

void psaKeyJobAbandon(PSAKeyJob *job)
{
	int posted;

	keyThreadLock(keyLockJobs);
	posted = job->posted;
	job->abandoned = 1;
	keyThreadUnlock(keyLockJobs);
	if (posted)
		discard(job);
}
