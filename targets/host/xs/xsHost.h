/*
 * The part of Moddable's xsHost.h that native modules rely on, so that the same C files compile here and with mcconfig.
 * The engine itself includes this file too, before `xsMachine` exists: hence two guards.
 */
#ifndef __FLEETLING_XSHOST__
#define __FLEETLING_XSHOST__
#include_next "xsHost.h"
#endif

#if defined(__XS__) && !defined(__FLEETLING_MESSAGES__)
#define __FLEETLING_MESSAGES__

/* Runs on the thread of the machine, between two jobs. */
typedef void (*modMessageDeliver)(void *the, void *refcon, uint8_t *message, uint16_t messageLength);

/* Queues a message for the machine from any thread; the message is copied. Returns 0 when it was queued. */
extern int modMessagePostToMachine(xsMachine *the, uint8_t *message, uint16_t messageLength, modMessageDeliver callback, void *refcon);

#endif
