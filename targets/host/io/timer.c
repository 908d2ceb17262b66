/*
 * Moddable's "timer" module on the host's loop.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"
#include "host.h"

#include <stdlib.h>
#include <unistd.h>

typedef struct {
	hostTimer timer;
	xsMachine *the;
	xsSlot object; /* remembered while the timer is active: it keeps the callback alive */
	xsSlot *callback;
	uint32_t interval;
	uint8_t repeats;
	uint8_t calling;
	uint8_t cleared;
} timerRecord;

static void xs_timer_mark(xsMachine *the, void *data, xsMarkRoot markRoot)
{
	timerRecord *record = data;

	if (record && record->callback)
		(*markRoot)(the, record->callback);
}

static void xs_timer_destructor(void *data)
{
	timerRecord *record = data;

	if (record) {
		hostTimerStop(&record->timer);
		free(record);
	}
}

static const xsHostHooks gxTimerHooks = { xs_timer_destructor, xs_timer_mark, NULL };

static void timerEnd(timerRecord *record)
{
	xsMachine *the = record->the;

	hostTimerStop(&record->timer);
	if (!record->cleared) {
		record->cleared = 1;
		xsForget(record->object);
		xsmcSetHostData(record->object, NULL);
	}
	if (!record->calling)
		free(record);
}

static void timerFired(hostTimer *timer)
{
	timerRecord *record = timer->data;

	record->calling = 1;
	if (record->repeats)
		hostTimerStart(timer, hostTicks() + record->interval);
	xsBeginHost(record->the);
	{
		xsmcVars(1);
		xsVar(0) = xsReference(record->callback);
		xsCallFunction1(xsVar(0), xsGlobal, record->object);
	}
	xsEndHost(record->the);
	record->calling = 0;
	if (record->cleared)
		free(record);
	else if (!record->timer.active)
		timerEnd(record);
}

static timerRecord *timerGet(xsMachine *the, xsSlot *slot)
{
	timerRecord *record = (xsmcTypeOf(*slot) == xsReferenceType) ? xsmcGetHostData(*slot) : NULL;

	if (NULL == record)
		xsUnknownError("no such timer");
	return record;
}

static uint32_t milliseconds(xsMachine *the, xsSlot *slot)
{
	xsNumberValue value = xsmcToNumber(*slot);

	if (!(value > 0))
		return 0;
	return (value > 4294967295.0) ? 4294967295U : (uint32_t)value;
}

static void timerCreate(xsMachine *the, uint32_t delay, uint32_t interval, uint8_t repeats)
{
	timerRecord *record;
	xsSlot *callback = fxToReference(the, &xsArg(0));

	record = calloc(1, sizeof(timerRecord));
	if (NULL == record)
		xsUnknownError("out of memory");
	xsResult = xsNewHostObject(NULL);
	xsmcSetHostData(xsResult, record);
	fxSetHostHooks(the, &xsResult, &gxTimerHooks);
	record->the = the;
	record->object = xsResult;
	record->callback = callback;
	record->interval = interval;
	record->repeats = repeats;
	record->timer.callback = timerFired;
	record->timer.data = record;
	xsRemember(record->object);
	hostTimerStart(&record->timer, hostTicks() + delay);
}

void xs_timer_set(xsMachine *the)
{
	int argc = xsmcArgc;
	uint32_t delay = (argc > 1) ? milliseconds(the, &xsArg(1)) : 0;

	if ((argc > 2) && (xsmcTypeOf(xsArg(2)) != xsUndefinedType))
		timerCreate(the, delay, milliseconds(the, &xsArg(2)), 1);
	else
		timerCreate(the, delay, 0, 0);
}

void xs_timer_repeat(xsMachine *the)
{
	uint32_t interval = milliseconds(the, &xsArg(1));

	timerCreate(the, interval, interval, 1);
}

void xs_timer_schedule(xsMachine *the)
{
	timerRecord *record = timerGet(the, &xsArg(0));
	int argc = xsmcArgc;

	if (argc < 2) {
		hostTimerStop(&record->timer);
		record->repeats = 1; /* stays alive, unscheduled, until scheduled again or cleared */
		return;
	}
	record->repeats = (argc > 2) && (xsmcTypeOf(xsArg(2)) != xsUndefinedType);
	record->interval = record->repeats ? milliseconds(the, &xsArg(2)) : 0;
	hostTimerStart(&record->timer, hostTicks() + milliseconds(the, &xsArg(1)));
}

void xs_timer_clear(xsMachine *the)
{
	timerRecord *record;

	if ((xsmcArgc < 1) || (xsmcTypeOf(xsArg(0)) != xsReferenceType))
		return; /* undefined and null are allowed */
	record = xsmcGetHostData(xsArg(0));
	if (record) /* NULL: it has fired or was cleared before */
		timerEnd(record);
}

void xs_timer_delay(xsMachine *the)
{
	usleep(milliseconds(the, &xsArg(0)) * 1000);
}
