/*
 * A bound socket that tells the program when something has come.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inlet.h"

void inletMark(xsMachine *the, void *data, xsMarkRoot markRoot)
{
	inletRecord *inlet = data;

	if (inlet && inlet->onReadable)
		(*markRoot)(the, inlet->onReadable);
}

void inletDestructor(void *data)
{
	inletRecord *inlet = data;

	if (inlet) {
		hostWatchRemove(&inlet->watch);
		close(inlet->watch.fd);
		free(inlet);
	}
}

inletRecord *inletGet(xsMachine *the, const xsHostHooks *hooks)
{
	inletRecord *inlet = xsmcGetHostDataValidate(xsThis, (void *)hooks);

	if (NULL == inlet)
		xsUnknownError("closed");
	return inlet;
}

static void inletReady(hostWatch *watch, short events)
{
	inletRecord *inlet = watch->data;

	(void)events;
	if (NULL == inlet->onReadable)
		return;
	inlet->calling = 1;
	xsBeginHost(inlet->the);
	{
		xsmcVars(2);
		xsVar(0) = xsReference(inlet->onReadable);
		xsmcSetInteger(xsVar(1), 1);
		xsCallFunction1(xsVar(0), inlet->object, xsVar(1));
	}
	xsEndHost(inlet->the);
	inlet->calling = 0;
	if (inlet->dead)
		free(inlet);
}

void inletAddress(xsMachine *the, struct sockaddr_in *address)
{
	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_ANY);
	xsmcGet(xsVar(0), xsArg(0), xsID_port);
	if (xsmcTypeOf(xsVar(0)) != xsUndefinedType)
		address->sin_port = htons(xsmcToInteger(xsVar(0)));
}

void inletOpen(xsMachine *the, const xsHostHooks *hooks, int fd)
{
	inletRecord *inlet = calloc(1, sizeof(inletRecord));

	if (NULL == inlet) {
		close(fd);
		xsUnknownError("out of memory");
	}
	inlet->the = the;
	inlet->watch.fd = fd;
	inlet->watch.events = POLLIN;
	inlet->watch.callback = inletReady;
	inlet->watch.data = inlet;
	xsmcSetHostData(xsThis, inlet);
	fxSetHostHooks(the, &xsThis, hooks);
	inlet->object = xsThis;
	xsmcGet(xsVar(0), xsArg(0), xsID_onReadable);
	if (xsmcTypeOf(xsVar(0)) == xsReferenceType)
		inlet->onReadable = fxToReference(the, &xsVar(0));
	xsRemember(inlet->object);
	hostWatchAdd(&inlet->watch);
}

void inletClose(xsMachine *the, const xsHostHooks *hooks)
{
	inletRecord *inlet;

	if (NULL == xsmcGetHostData(xsThis))
		return;
	inlet = inletGet(the, hooks);
	xsForget(inlet->object);
	xsmcSetHostData(xsThis, NULL);
	hostWatchRemove(&inlet->watch);
	close(inlet->watch.fd);
	if (inlet->calling)
		inlet->dead = 1;
	else
		free(inlet);
}

void inletGetPort(xsMachine *the, const xsHostHooks *hooks)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	if (0 == getsockname(inletGet(the, hooks)->watch.fd, (struct sockaddr *)&address, &size))
		xsmcSetInteger(xsResult, ntohs(address.sin_port));
}
