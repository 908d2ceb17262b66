/*
 * One TCP connection of the host target; shared with the listener, which makes accepted ones.
 */
#ifndef __FLEETLING_TCP__
#define __FLEETLING_TCP__

#include "host.h"

/* What a device offers (lwIP: TCP_SND_BUF as Moddable sets it): a program that needs more would fail there. */
#define kTCPWriteBuffer 8192

typedef struct {
	hostWatch watch;
	hostTimer failure; /* reports what went wrong in the constructor, once it has returned */
	xsMachine *the;
	xsSlot object;
	xsSlot *onReadable, *onWritable, *onError, *target;
	uint32_t unread; /* announced and not yet read */
	uint32_t pending; /* written and not yet taken by the system */
	uint32_t pendingStart;
	int error; /* errno to report */
	uint8_t connecting, open, remembered, numbers, calling, dead;
	uint8_t buffer[kTCPWriteBuffer];
} tcpRecord;

extern void xs_tcp_destructor(void *data);

/* Asks the system for what the program has not been told yet, and for nothing else. */
extern void tcpEvents(tcpRecord *tcp);
/* Callbacks of the loop: the socket is ready; something failed in the constructor. */
extern void tcpReady(hostWatch *watch, short events);
extern void tcpFailed(hostTimer *timer);
/* Lets go of the system's part. */
extern void tcpRelease(tcpRecord *tcp);
/* Ends the connection for the program; `tcp` is gone afterwards, or as soon as the callback that runs returns. */
extern void tcpClose(tcpRecord *tcp);

#endif
