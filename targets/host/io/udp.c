/*
 * ECMA-419 UDP on the host's loop.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host.h"

#define kLargestPacket 65507

typedef struct {
	hostWatch watch;
	xsMachine *the;
	xsSlot object;
	xsSlot *onReadable;
	uint8_t calling, dead;
} udpRecord;

static void xs_udp_mark(xsMachine *the, void *data, xsMarkRoot markRoot)
{
	udpRecord *udp = data;

	if (udp && udp->onReadable)
		(*markRoot)(the, udp->onReadable);
}

void xs_udp_destructor(void *data)
{
	udpRecord *udp = data;

	if (udp) {
		hostWatchRemove(&udp->watch);
		close(udp->watch.fd);
		free(udp);
	}
}

static const xsHostHooks gxUDPHooks = { xs_udp_destructor, xs_udp_mark, NULL };

static udpRecord *udpGet(xsMachine *the)
{
	udpRecord *udp = xsmcGetHostDataValidate(xsThis, (void *)&gxUDPHooks);

	if (NULL == udp)
		xsUnknownError("closed");
	return udp;
}

static void udpReady(hostWatch *watch, short events)
{
	udpRecord *udp = watch->data;

	(void)events;
	if (NULL == udp->onReadable)
		return;
	udp->calling = 1;
	xsBeginHost(udp->the);
	{
		xsmcVars(2);
		xsVar(0) = xsReference(udp->onReadable);
		xsmcSetInteger(xsVar(1), 1);
		xsCallFunction1(xsVar(0), udp->object, xsVar(1));
	}
	xsEndHost(udp->the);
	udp->calling = 0;
	if (udp->dead)
		free(udp);
}

void xs_udp_constructor(xsMachine *the)
{
	udpRecord *udp;
	struct sockaddr_in address;

	xsmcVars(1);
	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_ANY);
	xsmcGet(xsVar(0), xsArg(0), xsID_port);
	if (xsmcTypeOf(xsVar(0)) != xsUndefinedType)
		address.sin_port = htons(xsmcToInteger(xsVar(0)));
	udp = calloc(1, sizeof(udpRecord));
	if (NULL == udp)
		xsUnknownError("out of memory");
	udp->the = the;
	udp->watch.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bind(udp->watch.fd, (struct sockaddr *)&address, sizeof(address))) {
		close(udp->watch.fd);
		free(udp);
		xsUnknownError("cannot bind");
	}
	udp->watch.events = POLLIN;
	udp->watch.callback = udpReady;
	udp->watch.data = udp;
	xsmcSetHostData(xsThis, udp);
	fxSetHostHooks(the, &xsThis, &gxUDPHooks);
	udp->object = xsThis;
	xsmcGet(xsVar(0), xsArg(0), xsID_onReadable);
	if (xsmcTypeOf(xsVar(0)) == xsReferenceType)
		udp->onReadable = fxToReference(the, &xsVar(0));
	xsRemember(udp->object);
	hostWatchAdd(&udp->watch);
}

void xs_udp_close(xsMachine *the)
{
	udpRecord *udp = xsmcGetHostData(xsThis);

	if (NULL == udp)
		return;
	udp = udpGet(the);
	xsForget(udp->object);
	xsmcSetHostData(xsThis, NULL);
	hostWatchRemove(&udp->watch);
	close(udp->watch.fd);
	if (udp->calling)
		udp->dead = 1;
	else
		free(udp);
}

void xs_udp_get_port(xsMachine *the)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	if (0 == getsockname(udpGet(the)->watch.fd, (struct sockaddr *)&address, &size))
		xsmcSetInteger(xsResult, ntohs(address.sin_port));
}

void xs_udp_read(xsMachine *the)
{
	udpRecord *udp = udpGet(the);
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	static uint8_t packet[kLargestPacket];
	char text[INET_ADDRSTRLEN];
	ssize_t count = recvfrom(udp->watch.fd, packet, sizeof(packet), 0, (struct sockaddr *)&address, &size);

	if (count < 0)
		return;
	xsmcVars(1);
	xsmcSetArrayBuffer(xsResult, packet, count);
	xsmcSetString(xsVar(0), (char *)inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text)));
	xsmcSet(xsResult, xsID_address, xsVar(0));
	xsmcSetInteger(xsVar(0), ntohs(address.sin_port));
	xsmcSet(xsResult, xsID_port, xsVar(0));
}

void xs_udp_write(xsMachine *the)
{
	udpRecord *udp = udpGet(the);
	struct sockaddr_in address;
	xsUnsignedValue size;
	void *bytes;
	int port = xsmcToInteger(xsArg(1));

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	if ((port < 1) || (port > 65535))
		xsRangeError("invalid port");
	address.sin_port = htons(port);
	if (1 != inet_pton(AF_INET, xsmcToString(xsArg(0)), &address.sin_addr))
		xsRangeError("invalid address");
	xsmcGetBufferReadable(xsArg(2), &bytes, &size);
	if (sendto(udp->watch.fd, bytes, size, MSG_NOSIGNAL, (struct sockaddr *)&address, sizeof(address)) < 0)
		xsUnknownError(strerror(errno));
}
