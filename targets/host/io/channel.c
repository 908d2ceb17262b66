/*
 * The channel between a test program and its driver: one line of JSON a message, both ways.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

static struct {
	hostWatch watch;
	xsMachine *the;
	xsSlot callback;
	char *text;
	size_t used, capacity;
} gxChannel;

void xs_channel_get_parameters(xsMachine *the)
{
	xsmcSetString(xsResult, (char *)(gxDevice.parameters ? gxDevice.parameters : "{}"));
}

void xs_channel_emit(xsMachine *the)
{
	const char *text = xsmcToString(xsArg(0));
	size_t size = strlen(text);

	if (gxDevice.events < 0)
		return;
	while (size) {
		ssize_t count = write(gxDevice.events, text, size);

		if (count < 0) {
			if ((EINTR == errno) || (EAGAIN == errno))
				continue;
			return;
		}
		text += count;
		size -= count;
	}
	if (write(gxDevice.events, "\n", 1) < 0)
		return;
}

static void deliver(char *line)
{
	xsMachine *the = gxChannel.the;

	xsBeginHost(the);
	{
		xsmcVars(1);
		xsmcSetString(xsVar(0), line);
		xsCallFunction1(gxChannel.callback, xsGlobal, xsVar(0));
	}
	xsEndHost(the);
}

static void channelReady(hostWatch *watch, short events)
{
	ssize_t count;
	char *line, *end;

	(void)events;
	if (gxChannel.used + 4096 > gxChannel.capacity) {
		gxChannel.capacity += 65536;
		gxChannel.text = realloc(gxChannel.text, gxChannel.capacity);
	}
	count = read(watch->fd, gxChannel.text + gxChannel.used, 4095);
	if (count < 0)
		return;
	if (0 == count)
		_exit(0); /* the driver is gone */
	gxChannel.used += count;
	gxChannel.text[gxChannel.used] = 0;
	for (line = gxChannel.text; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		deliver(line);
	}
	gxChannel.used -= line - gxChannel.text;
	memmove(gxChannel.text, line, gxChannel.used);
}

void xs_channel_listen(xsMachine *the)
{
	if (gxDevice.control < 0)
		return;
	if (gxChannel.the)
		xsUnknownError("already listening");
	gxChannel.the = the;
	gxChannel.callback = xsArg(0);
	xsRemember(gxChannel.callback);
	gxChannel.watch.fd = gxDevice.control;
	gxChannel.watch.events = POLLIN;
	gxChannel.watch.callback = channelReady;
	fcntl(gxDevice.control, F_SETFL, fcntl(gxDevice.control, F_GETFL) | O_NONBLOCK);
	hostWatchAdd(&gxChannel.watch);
}

void xs_channel_exit(xsMachine *the)
{
	exit(xsmcToInteger(xsArg(0)));
}

void xs_channel_collect(xsMachine *the)
{
	xsCollectGarbage();
}

void xs_channel_nativeHeap(xsMachine *the)
{
	struct mallinfo2 info = mallinfo2();

	xsmcSetNumber(xsResult, (xsNumberValue)(info.uordblks + info.hblkhd));
}
