/*
 * What happens on a TCP connection of the host: connecting, readiness, sending what the system did not take at once, failing.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

void tcpRelease(tcpRecord *tcp)
{
	if (tcp->open) {
		hostWatchRemove(&tcp->watch);
		close(tcp->watch.fd);
		tcp->open = 0;
	}
	hostTimerStop(&tcp->failure);
}

void tcpClose(tcpRecord *tcp)
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

void tcpFailed(hostTimer *timer)
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

void tcpReady(hostWatch *watch, short events)
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
void tcpEvents(tcpRecord *tcp)
{
	short events = tcp->watch.events & POLLOUT;

	if (tcp->connecting || tcp->pending)
		events |= POLLOUT;
	if (!tcp->connecting && !tcp->unread)
		events |= POLLIN;
	tcp->watch.events = events;
}
