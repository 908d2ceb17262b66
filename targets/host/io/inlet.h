/*
 * A bound socket that tells the program when something has come: what a listener and a UDP socket have in common.
 */
#ifndef __FLEETLING_INLET__
#define __FLEETLING_INLET__

#include <netinet/in.h>

#include "host.h"

typedef struct {
	hostWatch watch;
	xsMachine *the;
	xsSlot object;
	xsSlot *onReadable;
	uint8_t calling, dead;
} inletRecord;

/* For the hooks of the class, which also are what its host data is validated against. */
extern void inletMark(xsMachine *the, void *data, xsMarkRoot markRoot);
extern void inletDestructor(void *data);

/* Reads the option `port`; every address of this machine. */
extern void inletAddress(xsMachine *the, struct sockaddr_in *address);
/* In the constructor: keeps a socket that is bound, and calls `onReadable`. Closes it and throws when there is no memory. */
extern void inletOpen(xsMachine *the, const xsHostHooks *hooks, int fd);
/* The one of `this`; throws when it is closed. */
extern inletRecord *inletGet(xsMachine *the, const xsHostHooks *hooks);
extern void inletClose(xsMachine *the, const xsHostHooks *hooks);
extern void inletGetPort(xsMachine *the, const xsHostHooks *hooks);

#endif
