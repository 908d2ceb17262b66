/*
 * ECMA-419 TCP listener on the host's loop.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inlet.h"
#include "tcp.h"

void xs_listener_destructor(void *data)
{
	inletDestructor(data);
}

static const xsHostHooks gxListenerHooks = { xs_listener_destructor, inletMark, NULL };

void xs_listener_constructor(xsMachine *the)
{
	struct sockaddr_in address;
	int fd, one = 1;

	xsmcVars(1);
	inletAddress(the, &address);
	xsmcGet(xsVar(0), xsArg(0), xsID_address);
	if ((xsmcTypeOf(xsVar(0)) != xsUndefinedType) && (1 != inet_pton(AF_INET, xsmcToString(xsVar(0)), &address.sin_addr)))
		xsRangeError("invalid address");
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16)) {
		close(fd);
		xsUnknownError("cannot listen");
	}
	inletOpen(the, &gxListenerHooks, fd);
}

void xs_listener_close(xsMachine *the)
{
	inletClose(the, &gxListenerHooks);
}

void xs_listener_get_port(xsMachine *the)
{
	inletGetPort(the, &gxListenerHooks);
}

void xs_listener_accept(xsMachine *the)
{
	inletRecord *listener = inletGet(the, &gxListenerHooks);
	tcpRecord *tcp = xsmcGetHostData(xsArg(0));
	int fd = accept4(listener->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		tcp->watch.fd = fd;
		tcp->open = 1;
	}
	xsmcSetBoolean(xsResult, fd >= 0);
}
