/*
 * The serial port of the console on the host: the device's end of a pseudo-terminal (xs/console.c opens it).
 *
 * It behaves as a UART with a buffer for sending: what is written while nobody has the other end open is lost.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

/* As on the ESP32 target: a screen of text. */
#define kSendBytes (2048)
/* Nothing tells that somebody has opened the other end; a person does not notice this. */
#define kLookEvery (20)

typedef struct {
	xsMachine *the;
	xsSlot object;
	xsSlot onReadable;
	hostWatch watch;
	hostTimer timer;
	uint8_t waiting[kSendBytes];
	size_t count;
	uint8_t calling;
	uint8_t closed;
} PtyRecord, *Pty;

static uint8_t gOpen;

void xs_ptyport_destructor(void *it);

/* Somebody has the other end open. */
static int attached(void)
{
	struct pollfd look = { gxDevice.console, POLLIN, 0 };

	return (poll(&look, 1, 0) >= 0) && !(look.revents & POLLHUP);
}

static void lookLater(Pty pty)
{
	pty->watch.events = 0;
	pty->count = 0;
	if (!pty->timer.active)
		hostTimerStart(&pty->timer, hostTicks() + kLookEvery);
}

static void flush(Pty pty)
{
	ssize_t sent;

	if (!pty->watch.events && !attached()) {
		lookLater(pty);
		return;
	}
	sent = pty->count ? write(gxDevice.console, pty->waiting, pty->count) : 0;
	if (sent > 0) {
		pty->count -= sent;
		memmove(pty->waiting, pty->waiting + sent, pty->count);
	}
	else if ((sent < 0) && (EAGAIN != errno) && (EINTR != errno)) {
		lookLater(pty);
		return;
	}
	pty->watch.events = POLLIN | (pty->count ? POLLOUT : 0);
}

static void lookAgain(hostTimer *timer)
{
	flush(timer->data);
}

static void ready(hostWatch *watch, short events)
{
	Pty pty = watch->data;
	xsMachine *the = pty->the;

	if (events & POLLIN) {
		pty->calling = 1;
		xsBeginHost(the);
		{
			xsmcVars(2);
			xsVar(0) = xsAccess(pty->object);
			xsVar(1) = xsAccess(pty->onReadable);
			xsCallFunction0(xsVar(1), xsVar(0));
		}
		xsEndHost(the);
		pty->calling = 0;
		if (pty->closed) {
			free(pty);
			return;
		}
	}
	if (events & POLLHUP)
		lookLater(pty);
	else if (events & POLLOUT)
		flush(pty);
}

static void shut(Pty pty)
{
	hostTimerStop(&pty->timer);
	hostWatchRemove(&pty->watch);
	gOpen = 0;
	pty->closed = 1;
	if (!pty->calling)
		free(pty);
}

void xs_ptyport_destructor(void *it)
{
	if (it)
		shut(it);
}

void xs_ptyport(xsMachine *the)
{
	Pty pty;

	if (gxDevice.console < 0)
		xsUnknownError("this device has no console: start it with --console");
	if (gOpen)
		xsUnknownError("the serial port is open already");
	xsmcVars(1);
	xsmcGet(xsVar(0), xsArg(0), xsID_onReadable);
	pty = calloc(1, sizeof(PtyRecord));
	if (!pty)
		xsUnknownError("no memory for the serial port");
	gOpen = 1;
	pty->the = the;
	pty->object = xsThis;
	pty->onReadable = xsVar(0);
	xsmcSetHostData(xsThis, pty);
	xsRemember(pty->object);
	xsRemember(pty->onReadable);
	pty->timer.callback = lookAgain;
	pty->timer.data = pty;
	pty->watch.fd = gxDevice.console;
	pty->watch.callback = ready;
	pty->watch.data = pty;
	hostWatchAdd(&pty->watch);
	flush(pty);
}

void xs_ptyport_close(xsMachine *the)
{
	Pty pty = xsmcGetHostData(xsThis);

	if (!pty)
		return;
	pty = xsmcGetHostDataValidate(xsThis, xs_ptyport_destructor);
	xsForget(pty->object);
	xsForget(pty->onReadable);
	xsmcSetHostData(xsThis, NULL);
	shut(pty);
}

void xs_ptyport_read(xsMachine *the)
{
	ssize_t count;
	void *data;
	xsUnsignedValue size;

	xsmcGetHostDataValidate(xsThis, xs_ptyport_destructor);
	xsmcGetBufferWritable(xsArg(0), &data, &size);
	count = size ? read(gxDevice.console, data, size) : 0;
	xsmcSetInteger(xsResult, (count > 0) ? (xsIntegerValue)count : 0);
}

void xs_ptyport_write(xsMachine *the)
{
	Pty pty = xsmcGetHostDataValidate(xsThis, xs_ptyport_destructor);
	void *data;
	xsUnsignedValue size;

	xsmcGetBufferReadable(xsArg(0), &data, &size);
	if (size > kSendBytes - pty->count)
		size = kSendBytes - pty->count;
	memcpy(pty->waiting + pty->count, data, size);
	pty->count += size;
	flush(pty);
	xsmcSetInteger(xsResult, (xsIntegerValue)size);
}

void xs_ptyport_get_room(xsMachine *the)
{
	Pty pty = xsmcGetHostDataValidate(xsThis, xs_ptyport_destructor);

	xsmcSetInteger(xsResult, (xsIntegerValue)(kSendBytes - pty->count));
}

void xs_ptyport_get_available(xsMachine *the)
{
	xsmcSetBoolean(xsResult, gxDevice.console >= 0);
}
