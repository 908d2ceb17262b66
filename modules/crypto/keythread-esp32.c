/*
	Key generation on ESP32: a FreeRTOS task of its own.
*/

#include <stdlib.h>
#include <sys/lock.h>

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#include "psaplatform.h"
#include "keythread.h"

#if !PSA_KEY_STORE_IS_THREAD_SAFE
	// TLS keeps keys in the same store and cannot be kept out of it by locks of ours.
	#error "The PSA key store has to be safe for threads: set CONFIG_MBEDTLS_THREADING_C=y (the default of ESP-IDF 6)."
#endif

// Generating RSA-2048 was seen to use 1.2 KB of stack; the rest is for RSA-3072, accelerator drivers and interrupts.
#define kStackBytes (8 * 1024)

// The priority of the idle task, with which it then takes turns: generation takes up to twice as long as it would at
// priority 1, once in the life of a device, but the idle task never starves and its watchdog stays quiet with any
// configuration.
#define kPriority (tskIDLE_PRIORITY)

typedef struct {
	void (*run)(void *argument);
	void *argument;
} ThreadStart;

// Zeroed newlib locks are made by the first use, which ESP-IDF guards.
static _lock_t gLocks[keyLockCount];

static void enter(void *it)
{
	ThreadStart start = *(ThreadStart *)it;

	free(it);
	start.run(start.argument);
	vTaskDelete(NULL);
}

int keyThreadStart(void (*run)(void *argument), void *argument)
{
	ThreadStart *start = malloc(sizeof(ThreadStart));

	if (!start)
		return -1;
	start->run = run;
	start->argument = argument;
	if (pdPASS == xTaskCreate(enter, "keyGeneration", kStackBytes / sizeof(StackType_t), start, kPriority, NULL))
		return 0;
	free(start);
	return -1;
}

void keyThreadSleep(int milliseconds)
{
	vTaskDelay(pdMS_TO_TICKS(milliseconds));
}

void keyThreadLock(KeyLock lock)
{
	_lock_acquire(&gLocks[lock]);
}

int keyThreadTryLock(KeyLock lock)
{
	return _lock_try_acquire(&gLocks[lock]);
}

void keyThreadUnlock(KeyLock lock)
{
	_lock_release(&gLocks[lock]);
}
