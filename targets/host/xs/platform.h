/*
 * What the XS engine needs to know about the host target. The engine includes this file through XSPLATFORM.
 */
#ifndef __FLEETLING_HOST_PLATFORM__
#define __FLEETLING_HOST_PLATFORM__

#undef mxLinux
#define mxLinux 1

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define mxUseGCCAtomics 1
#define mxUsePOSIXThreads 1

/* The rest (memory, modules, debugger, promise jobs, abort) is this target's own. */
#define mxUseDefaultBuildKeys 1
#define mxUseDefaultParseScript 1
#define mxUseDefaultSharedChunks 1

/* On 32 bits property keys have 16 bits, as on ESP32; on 64 bits the engine is tested with 32. */
#if __SIZEOF_POINTER__ == 8
	#define mx32bitID 1
#endif

/* The clock that `Date` reads is the device's, which a test can set. */
typedef struct timeval c_timeval;
#define c_gettimeofday(TIME, ZONE) hostGetTimeOfDay(TIME)
extern int hostGetTimeOfDay(struct timeval *time);

/* The engine writes its own reports to the console only when it is debugged. */
#define mxNoConsole 1

/*
 * `machine` is what this target adds to a machine: the block it allocates from, its module table, its debugger
 * connection (see host.h).
 */
#define mxMachinePlatform \
	void *host; \
	void *waiterCondition; \
	void *waiterData; \
	void *waiterLink;

#endif
