/*
 * Name look-up on a thread of its own. The thread never touches the machine: it posts its answer.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "host.h"

typedef struct {
	xsMachine *the;
	xsSlot object;
	xsSlot *callback;
	uint8_t closed; /* by the program; the thread's answer then only frees the record */
	char host[256];
} queryRecord;

static void xs_resolver_mark(xsMachine *the, void *data, xsMarkRoot markRoot)
{
	queryRecord *query = data;

	if (query && query->callback)
		(*markRoot)(the, query->callback);
}

void xs_resolver_destructor(void *data)
{
	(void)data; /* remembered until the answer is there, which frees the record */
}

static const xsHostHooks gxResolverHooks = { xs_resolver_destructor, xs_resolver_mark, NULL };

static void answered(void *machine, void *refcon, uint8_t *message, uint16_t length)
{
	xsMachine *the = machine;
	queryRecord *query = refcon;

	(void)length;
	if (!query->closed) {
		xsBeginHost(the);
		{
			xsmcVars(2);
			xsVar(0) = xsReference(query->callback);
			if (message)
				xsmcSetString(xsVar(1), (char *)message);
			xsCallFunction1(xsVar(0), query->object, xsVar(1));
		}
		xsEndHost(the);
	}
	xsForget(query->object);
	xsmcSetHostData(query->object, NULL);
	free(query);
}

static void *lookUp(void *data)
{
	queryRecord *query = data;
	struct addrinfo hints, *list = NULL;
	char text[INET6_ADDRSTRLEN] = "";

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_family = AF_INET; /* as Moddable's resolver, which asks for A records */
	if ((0 == getaddrinfo(query->host, NULL, &hints, &list)) && list)
		inet_ntop(AF_INET, &((struct sockaddr_in *)list->ai_addr)->sin_addr, text, sizeof(text));
	if (list)
		freeaddrinfo(list);
	modMessagePostToMachine(query->the, text[0] ? (uint8_t *)text : NULL, text[0] ? strlen(text) + 1 : 0, answered, query);
	return NULL;
}

void xs_resolver_constructor(xsMachine *the)
{
	queryRecord *query;
	pthread_t thread;
	char *host = xsmcToString(xsArg(0));

	if (strlen(host) >= sizeof(query->host))
		xsRangeError("host name too long");
	query = calloc(1, sizeof(queryRecord));
	if (NULL == query)
		xsUnknownError("out of memory");
	strcpy(query->host, host);
	query->the = the;
	xsmcSetHostData(xsThis, query);
	fxSetHostHooks(the, &xsThis, &gxResolverHooks);
	query->object = xsThis;
	query->callback = fxToReference(the, &xsArg(1));
	xsRemember(query->object);
	if (pthread_create(&thread, NULL, lookUp, query)) {
		xsForget(query->object);
		xsmcSetHostData(xsThis, NULL);
		free(query);
		xsUnknownError("no thread");
	}
	pthread_detach(thread);
}

void xs_resolver_close(xsMachine *the)
{
	queryRecord *query = xsmcGetHostData(xsThis);

	(void)the;
	if (query)
		query->closed = 1;
}
