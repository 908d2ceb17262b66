/*
 * ECMA-419 TCP on the host's loop: what the program sees. Reads are pulled: nothing is read from the system before the program asks, so that a
 * program that does not read holds its peer back, as on a device.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

static void xs_tcp_mark(xsMachine *the, void *data, xsMarkRoot markRoot)
{
	tcpRecord *tcp = data;

	if (NULL == tcp)
		return;
	if (tcp->onReadable) (*markRoot)(the, tcp->onReadable);
	if (tcp->onWritable) (*markRoot)(the, tcp->onWritable);
	if (tcp->onError) (*markRoot)(the, tcp->onError);
	if (tcp->target) (*markRoot)(the, tcp->target);
}

void xs_tcp_destructor(void *data)
{
	tcpRecord *tcp = data;

	if (tcp) {
		tcpRelease(tcp);
		free(tcp);
	}
}

static const xsHostHooks gxTCPHooks = { xs_tcp_destructor, xs_tcp_mark, NULL };

static tcpRecord *tcpGet(xsMachine *the)
{
	tcpRecord *tcp = xsmcGetHostDataValidate(xsThis, (void *)&gxTCPHooks);

	if (NULL == tcp)
		xsUnknownError("closed");
	return tcp;
}

/*
	natives
*/

static xsSlot *getCallback(xsMachine *the, xsIdentifier id)
{
	xsmcGet(xsVar(0), xsArg(0), id);
	return (xsmcTypeOf(xsVar(0)) == xsReferenceType) ? fxToReference(the, &xsVar(0)) : NULL;
}

static void tcpConnect(xsMachine *the, tcpRecord *tcp)
{
	struct sockaddr_storage storage;
	struct sockaddr_in *four = (struct sockaddr_in *)&storage;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&storage;
	int port, one = 1;
	char *address;

	memset(&storage, 0, sizeof(storage));
	xsmcGet(xsVar(0), xsArg(0), xsID_port);
	port = xsmcToInteger(xsVar(0));
	if ((port < 1) || (port > 65535))
		xsRangeError("invalid port");
	if (!xsmcHas(xsArg(0), xsID_address))
		xsRangeError("address required");
	xsmcGet(xsVar(0), xsArg(0), xsID_address);
	address = xsmcToString(xsVar(0));
	if (1 == inet_pton(AF_INET, address, &four->sin_addr)) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
	}
	else if (1 == inet_pton(AF_INET6, address, &six->sin6_addr)) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
	}
	else
		xsRangeError("invalid address");
	tcp->watch.fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (tcp->watch.fd < 0)
		xsUnknownError("no socket");
	tcp->open = 1;
	xsmcGet(xsVar(0), xsArg(0), xsID_nodelay);
	if (xsmcTest(xsVar(0)))
		setsockopt(tcp->watch.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	tcp->connecting = 1;
	if (connect(tcp->watch.fd, (struct sockaddr *)&storage, (AF_INET == storage.ss_family) ? sizeof(*four) : sizeof(*six)) && (EINPROGRESS != errno)) {
		tcp->error = errno;
		hostTimerStart(&tcp->failure, hostTicks());
	}
}

void xs_tcp_constructor(xsMachine *the)
{
	tcpRecord *tcp;

	xsmcVars(2);
	tcp = calloc(1, sizeof(tcpRecord));
	if (NULL == tcp)
		xsUnknownError("out of memory");
	tcp->watch.fd = -1;
	tcp->watch.callback = tcpReady;
	tcp->watch.data = tcp;
	tcp->failure.callback = tcpFailed;
	tcp->failure.data = tcp;
	tcp->the = the;
	xsmcSetHostData(xsThis, tcp);
	fxSetHostHooks(the, &xsThis, &gxTCPHooks);
	tcp->object = xsThis;

	if (xsmcHas(xsArg(0), xsID_accepted))
		return; /* the listener fills it */
	tcp->onReadable = getCallback(the, xsID_onReadable);
	tcp->onWritable = getCallback(the, xsID_onWritable);
	tcp->onError = getCallback(the, xsID_onError);
	tcp->target = getCallback(the, xsID_target);
	if (xsmcHas(xsArg(0), xsID_from)) {
		tcpRecord *from;

		xsmcGet(xsVar(0), xsArg(0), xsID_from);
		from = xsmcGetHostDataValidate(xsVar(0), (void *)&gxTCPHooks);
		if ((NULL == from) || !from->open)
			xsUnknownError("closed");
		tcp->watch.fd = from->watch.fd;
		tcp->open = 1;
		from->open = 0;
		tcp->watch.events = POLLOUT;
	}
	else
		tcpConnect(the, tcp);
	tcp->remembered = 1;
	xsRemember(tcp->object);
	hostWatchAdd(&tcp->watch);
	tcpEvents(tcp);
	if (tcp->failure.active)
		tcp->watch.events = 0;
}

void xs_tcp_close(xsMachine *the)
{
	tcpRecord *tcp = xsmcGetHostData(xsThis);

	if (tcp)
		tcpClose(tcpGet(the));
}

void xs_tcp_read(xsMachine *the)
{
	tcpRecord *tcp = tcpGet(the);
	xsUnsignedValue wanted = tcp->unread;
	ssize_t count;
	void *bytes;

	if (0 == tcp->unread)
		return;
	if (tcp->numbers)
		wanted = 1;
	if (xsmcArgc > 0) {
		xsType type = xsmcTypeOf(xsArg(0));

		if (xsReferenceType == type) {
			xsmcGetBufferWritable(xsArg(0), &bytes, &wanted);
			if (wanted > tcp->unread)
				wanted = tcp->unread;
			goto receive;
		}
		if (xsUndefinedType != type) {
			int limit = xsmcToInteger(xsArg(0));

			if (limit <= 0)
				xsRangeError("invalid count");
			if ((xsUnsignedValue)limit < wanted)
				wanted = limit;
		}
	}
	bytes = tcp->numbers ? &count : xsmcSetArrayBuffer(xsResult, NULL, wanted);
receive:
	if (tcp->numbers) {
		uint8_t byte;

		count = recv(tcp->watch.fd, &byte, 1, 0);
		xsmcSetInteger(xsResult, byte);
	}
	else {
		count = recv(tcp->watch.fd, bytes, wanted, 0);
		if ((xsmcArgc > 0) && (xsmcTypeOf(xsArg(0)) == xsReferenceType))
			xsmcSetInteger(xsResult, count > 0 ? count : 0);
	}
	if (count > 0)
		tcp->unread -= count;
	else
		tcp->unread = 0; /* reset after it was announced: the loop reports it */
	tcpEvents(tcp);
}

void xs_tcp_write(xsMachine *the)
{
	tcpRecord *tcp = tcpGet(the);
	xsUnsignedValue size;
	uint8_t byte, *bytes;

	if (tcp->connecting || !tcp->open)
		xsUnknownError("not connected");
	if (tcp->numbers) {
		byte = xsmcToInteger(xsArg(0));
		bytes = &byte;
		size = 1;
	}
	else
		xsmcGetBufferReadable(xsArg(0), (void **)&bytes, &size);
	if (size > kTCPWriteBuffer - tcp->pending)
		xsUnknownError("would block");
	if (!tcp->pending) {
		ssize_t count;

		do
			count = send(tcp->watch.fd, bytes, size, MSG_NOSIGNAL);
		while ((count < 0) && (EINTR == errno));
		if (count > 0) {
			bytes += count;
			size -= count;
		}
	}
	if (size) {
		if (tcp->pendingStart + tcp->pending + size > kTCPWriteBuffer) {
			memmove(tcp->buffer, tcp->buffer + tcp->pendingStart, tcp->pending);
			tcp->pendingStart = 0;
		}
		memcpy(tcp->buffer + tcp->pendingStart + tcp->pending, bytes, size);
		tcp->pending += size;
	}
	tcp->watch.events |= POLLOUT; /* onWritable follows */
	xsmcSetInteger(xsResult, kTCPWriteBuffer - tcp->pending);
}

static int tcpPeer(tcpRecord *tcp, char *text, size_t size, int *port)
{
	struct sockaddr_storage storage;
	socklen_t length = sizeof(storage);

	if (!tcp->open || getpeername(tcp->watch.fd, (struct sockaddr *)&storage, &length))
		return 0;
	if (AF_INET == storage.ss_family) {
		*port = ntohs(((struct sockaddr_in *)&storage)->sin_port);
		return NULL != inet_ntop(AF_INET, &((struct sockaddr_in *)&storage)->sin_addr, text, size);
	}
	*port = ntohs(((struct sockaddr_in6 *)&storage)->sin6_port);
	return NULL != inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&storage)->sin6_addr, text, size);
}

void xs_tcp_get_remoteAddress(xsMachine *the)
{
	char text[INET6_ADDRSTRLEN];
	int port;

	if (tcpPeer(tcpGet(the), text, sizeof(text), &port))
		xsmcSetString(xsResult, text);
}

void xs_tcp_get_remotePort(xsMachine *the)
{
	char text[INET6_ADDRSTRLEN];
	int port;

	if (tcpPeer(tcpGet(the), text, sizeof(text), &port))
		xsmcSetInteger(xsResult, port);
}

void xs_tcp_get_format(xsMachine *the)
{
	xsmcSetString(xsResult, tcpGet(the)->numbers ? "number" : "buffer");
}

void xs_tcp_set_format(xsMachine *the)
{
	tcpRecord *tcp = tcpGet(the);
	char *format = xsmcToString(xsArg(0));

	if (!strcmp(format, "number"))
		tcp->numbers = 1;
	else if (!strcmp(format, "buffer"))
		tcp->numbers = 0;
	else
		xsRangeError("invalid format");
}

void xs_tcp_get_target(xsMachine *the)
{
	tcpRecord *tcp = tcpGet(the);

	if (tcp->target)
		xsResult = xsReference(tcp->target);
}
