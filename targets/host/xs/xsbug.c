/*
 * The connection to xsbug, Moddable's debugger: TCP to the host and port in XSBUG_HOST (usually 127.0.0.1:5002).
 * Without XSBUG_HOST the device runs without a debugger.
 */
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include "xsAll.h"
#include "host.h"

#ifdef mxDebug

#define kDefaultPort "5002"

static int *connectionOf(txMachine *the)
{
	return &((hostMachine *)the->host)->debugger;
}

void fxConnect(txMachine *the)
{
	const char *host = getenv("XSBUG_HOST");
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL, *item;
	char name[256], *port;
	int fd = -1;

	/* The root machine is the linker's, not the device's: there is nothing to debug in it. */
	if (!host || !*host || !the->sharedMachine)
		return;
	snprintf(name, sizeof(name), "%s", host);
	port = c_strrchr(name, ':');
	if (port)
		*port++ = 0;
	if (getaddrinfo(name, port ? port : kDefaultPort, &hints, &list))
		return;
	for (item = list; item && (fd < 0); item = item->ai_next) {
		fd = socket(item->ai_family, item->ai_socktype | SOCK_CLOEXEC, item->ai_protocol);
		if ((fd >= 0) && connect(fd, item->ai_addr, item->ai_addrlen)) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	if (fd < 0)
		hostConsolePrint("W (%u) xsbug: no debugger at %s\n", (unsigned)hostTicks(), host);
	*connectionOf(the) = fd;
}

void fxDisconnect(txMachine *the)
{
	int *connection = connectionOf(the);

	if (*connection >= 0)
		close(*connection);
	*connection = -1;
}

txBoolean fxIsConnected(txMachine *the)
{
	return *connectionOf(the) >= 0;
}

txBoolean fxIsReadable(txMachine *the)
{
	struct pollfd poller = { *connectionOf(the), POLLIN, 0 };

	return (poller.fd >= 0) && (poll(&poller, 1, 0) > 0);
}

void fxReceive(txMachine *the)
{
	ssize_t count;

	the->debugOffset = 0;
	if (*connectionOf(the) >= 0) {
		do
			count = read(*connectionOf(the), the->debugBuffer, sizeof(the->debugBuffer) - 1);
		while ((count < 0) && (EINTR == errno));
		if (count <= 0)
			fxDisconnect(the);
		else
			the->debugOffset = count;
	}
	the->debugBuffer[the->debugOffset] = 0;
}

void fxSend(txMachine *the, txBoolean more)
{
	const char *bytes = the->echoBuffer;
	ssize_t left = the->echoOffset, count;

	(void)more;
	while ((left > 0) && (*connectionOf(the) >= 0)) {
		count = write(*connectionOf(the), bytes, left);
		if (count < 0) {
			if (EINTR == errno)
				continue;
			fxDisconnect(the);
			return;
		}
		bytes += count;
		left -= count;
	}
}

#endif
