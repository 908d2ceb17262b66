/*
 * ECMA-419 TCP listener on the host's loop.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

typedef struct {
	hostWatch watch;
	xsMachine *the;
	xsSlot object;
	xsSlot *onReadable;
	uint8_t calling, dead;
} listenerRecord;

static void xs_listener_mark(xsMachine *the, void *data, xsMarkRoot markRoot)
{
	listenerRecord *listener = data;

	if (listener && listener->onReadable)
		(*markRoot)(the, listener->onReadable);
}

void xs_listener_destructor(void *data)
{
	listenerRecord *listener = data;

	if (listener) {
		hostWatchRemove(&listener->watch);
		close(listener->watch.fd);
		free(listener);
	}
}

static const xsHostHooks gxListenerHooks = { xs_listener_destructor, xs_listener_mark, NULL };

static listenerRecord *listenerGet(xsMachine *the)
{
	listenerRecord *listener = xsmcGetHostDataValidate(xsThis, (void *)&gxListenerHooks);

	if (NULL == listener)
		xsUnknownError("closed");
	return listener;
}

static void listenerReady(hostWatch *watch, short events)
{
	listenerRecord *listener = watch->data;

	(void)events;
	if (NULL == listener->onReadable)
		return;
	listener->calling = 1;
	xsBeginHost(listener->the);
	{
		xsmcVars(2);
		xsVar(0) = xsReference(listener->onReadable);
		xsmcSetInteger(xsVar(1), 1);
		xsCallFunction1(xsVar(0), listener->object, xsVar(1));
	}
	xsEndHost(listener->the);
	listener->calling = 0;
	if (listener->dead)
		free(listener);
}

void xs_listener_constructor(xsMachine *the)
{
	listenerRecord *listener;
	struct sockaddr_in address;
	int one = 1;

	xsmcVars(1);
	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_ANY);
	xsmcGet(xsVar(0), xsArg(0), xsID_port);
	if (xsmcTypeOf(xsVar(0)) != xsUndefinedType)
		address.sin_port = htons(xsmcToInteger(xsVar(0)));
	xsmcGet(xsVar(0), xsArg(0), xsID_address);
	if ((xsmcTypeOf(xsVar(0)) != xsUndefinedType) && (1 != inet_pton(AF_INET, xsmcToString(xsVar(0)), &address.sin_addr)))
		xsRangeError("invalid address");
	listener = calloc(1, sizeof(listenerRecord));
	if (NULL == listener)
		xsUnknownError("out of memory");
	listener->the = the;
	listener->watch.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listener->watch.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener->watch.fd, (struct sockaddr *)&address, sizeof(address)) || listen(listener->watch.fd, 16)) {
		close(listener->watch.fd);
		free(listener);
		xsUnknownError("cannot listen");
	}
	listener->watch.events = POLLIN;
	listener->watch.callback = listenerReady;
	listener->watch.data = listener;
	xsmcSetHostData(xsThis, listener);
	fxSetHostHooks(the, &xsThis, &gxListenerHooks);
	listener->object = xsThis;
	xsmcGet(xsVar(0), xsArg(0), xsID_onReadable);
	if (xsmcTypeOf(xsVar(0)) == xsReferenceType)
		listener->onReadable = fxToReference(the, &xsVar(0));
	xsRemember(listener->object);
	hostWatchAdd(&listener->watch);
}

void xs_listener_close(xsMachine *the)
{
	listenerRecord *listener = xsmcGetHostData(xsThis);

	if (NULL == listener)
		return;
	listener = listenerGet(the);
	xsForget(listener->object);
	xsmcSetHostData(xsThis, NULL);
	hostWatchRemove(&listener->watch);
	close(listener->watch.fd);
	if (listener->calling)
		listener->dead = 1;
	else
		free(listener);
}

void xs_listener_get_port(xsMachine *the)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	if (0 == getsockname(listenerGet(the)->watch.fd, (struct sockaddr *)&address, &size))
		xsmcSetInteger(xsResult, ntohs(address.sin_port));
}

void xs_listener_accept(xsMachine *the)
{
	listenerRecord *listener = listenerGet(the);
	tcpRecord *tcp = xsmcGetHostData(xsArg(0));
	int fd = accept4(listener->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		tcp->watch.fd = fd;
		tcp->open = 1;
	}
	xsmcSetBoolean(xsResult, fd >= 0);
}
