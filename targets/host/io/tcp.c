/*
 * ECMA-419 TCP on the host's loop. Reads are pulled: nothing is read from the system before the program asks, so that a
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
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

static void tcpEvents(tcpRecord *tcp);

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

static void tcpRelease(tcpRecord *tcp)
{
	if (tcp->open) {
		hostWatchRemove(&tcp->watch);
		close(tcp->watch.fd);
		tcp->open = 0;
	}
	hostTimerStop(&tcp->failure);
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

static void tcpClose(tcpRecord *tcp)
{
	xsMachine *the = tcp->the;

	tcpRelease(tcp);
	if (tcp->remembered) {
		tcp->remembered = 0;
		xsForget(tcp->object);
	}
	if (!tcp->dead) {
		tcp->dead = 1;
		xsmcSetHostData(tcp->object, NULL);
	}
	if (!tcp->calling)
		free(tcp);
}

/*
	callbacks
*/

/* Calls back; returns 0 when the program closed the socket meanwhile (`tcp` is gone then). */
static int tcpCall(tcpRecord *tcp, xsSlot *function, int isNumber, uint32_t number, const char *error)
{
	if (function) {
		tcp->calling++;
		xsBeginHost(tcp->the);
		{
			xsmcVars(2);
			xsVar(0) = xsReference(function);
			if (isNumber) {
				xsmcSetInteger(xsVar(1), number);
				xsCallFunction1(xsVar(0), tcp->object, xsVar(1));
			}
			else {
				xsVar(1) = xsString((char *)error);
				xsVar(1) = xsNew1(xsGlobal, xsID_Error, xsVar(1));
				xsCallFunction1(xsVar(0), tcp->object, xsVar(1));
			}
		}
		xsEndHost(tcp->the);
		tcp->calling--;
	}
	if (tcp->dead) {
		if (!tcp->calling)
			free(tcp);
		return 0;
	}
	return 1;
}

static void tcpFail(tcpRecord *tcp, int error)
{
	xsSlot *onError = tcp->onError;

	/* One report, and no other callback after it. */
	tcp->onError = tcp->onReadable = tcp->onWritable = NULL;
	tcp->error = error;
	hostWatchRemove(&tcp->watch);
	if (tcp->open) {
		close(tcp->watch.fd);
		tcp->open = 0;
	}
	if (!tcpCall(tcp, onError, 0, 0, error ? strerror(error) : "closed by peer"))
		return;
	if (tcp->remembered) { /* nothing more will be called back: a program that forgets to close leaks nothing */
		xsMachine *the = tcp->the;

		tcp->remembered = 0;
		xsForget(tcp->object);
	}
}

static void tcpFailed(hostTimer *timer)
{
	tcpRecord *tcp = timer->data;

	tcpFail(tcp, tcp->error);
}

static int tcpReadable(tcpRecord *tcp)
{
	int available = 0;

	if (tcp->unread)
		return 1;
	if (ioctl(tcp->watch.fd, FIONREAD, &available) || (available <= 0)) {
		uint8_t byte;
		ssize_t count = recv(tcp->watch.fd, &byte, 1, MSG_PEEK);

		if ((count < 0) && ((EAGAIN == errno) || (EINTR == errno)))
			return 1;
		if (count <= 0) {
			tcpFail(tcp, count ? errno : 0);
			return 0;
		}
		available = count;
	}
	tcp->unread = available;
	tcpEvents(tcp);
	return tcpCall(tcp, tcp->onReadable, 1, available, NULL);
}

static int tcpFlush(tcpRecord *tcp)
{
	while (tcp->pending) {
		ssize_t count = send(tcp->watch.fd, tcp->buffer + tcp->pendingStart, tcp->pending, MSG_NOSIGNAL);

		if (count < 0) {
			if (EINTR == errno)
				continue;
			return (EAGAIN == errno) ? 0 : errno;
		}
		tcp->pendingStart += count;
		tcp->pending -= count;
	}
	tcp->pendingStart = 0;
	return 0;
}

static void tcpReady(hostWatch *watch, short events)
{
	tcpRecord *tcp = watch->data;

	if (tcp->connecting && (events & (POLLOUT | POLLERR | POLLHUP))) {
		int error = 0;
		socklen_t size = sizeof(error);

		if (getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &error, &size))
			error = errno;
		if (error) {
			tcpFail(tcp, error);
			return;
		}
		tcp->connecting = 0;
	}
	if ((events & POLLOUT) && (watch->events & POLLOUT)) {
		int error = tcpFlush(tcp);

		if (error) {
			tcpFail(tcp, error);
			return;
		}
		watch->events &= ~POLLOUT;
		tcpEvents(tcp);
		if (!tcp->pending && !tcpCall(tcp, tcp->onWritable, 1, kTCPWriteBuffer, NULL))
			return;
	}
	if (tcp->open && (events & (POLLIN | POLLERR | POLLHUP)))
		tcpReadable(tcp);
}

/* Nothing is asked of the system that the program has not dealt with yet. */
static void tcpEvents(tcpRecord *tcp)
{
	short events = tcp->watch.events & POLLOUT;

	if (tcp->connecting || tcp->pending)
		events |= POLLOUT;
	if (!tcp->connecting && !tcp->unread)
		events |= POLLIN;
	tcp->watch.events = events;
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
