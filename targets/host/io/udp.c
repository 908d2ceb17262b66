/*
 * ECMA-419 UDP on the host's loop.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inlet.h"

#define kLargestPacket 65507

void xs_udp_destructor(void *data)
{
	inletDestructor(data);
}

static const xsHostHooks gxUDPHooks = { xs_udp_destructor, inletMark, NULL };

void xs_udp_constructor(xsMachine *the)
{
	struct sockaddr_in address;
	int fd;

	xsmcVars(1);
	inletAddress(the, &address);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		xsUnknownError("cannot bind");
	}
	inletOpen(the, &gxUDPHooks, fd);
}

void xs_udp_close(xsMachine *the)
{
	inletClose(the, &gxUDPHooks);
}

void xs_udp_get_port(xsMachine *the)
{
	inletGetPort(the, &gxUDPHooks);
}

void xs_udp_read(xsMachine *the)
{
	inletRecord *udp = inletGet(the, &gxUDPHooks);
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
	inletRecord *udp = inletGet(the, &gxUDPHooks);
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
