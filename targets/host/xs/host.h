/*
 * The host target's own runtime, from the inside: what its C files share.
 */
#ifndef __FLEETLING_HOST__
#define __FLEETLING_HOST__

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

struct sxMachine;

/* ---- the module archive: what a firmware image carries (archive.c; written by targets/host/tools/archive.ts) ---- */

typedef struct {
	const char *name; /* module specifier */
	const char *source;
	uint32_t sourceSize;
	const char *map; /* source map as JSON, or empty */
	uint32_t mapSize;
	uint8_t preload;
} hostModule;

typedef struct {
	uint32_t staticSize;
	uint32_t chunkInitial, chunkIncremental;
	uint32_t heapInitial, heapIncremental;
	uint32_t stack;
	uint32_t keysInitial, keysIncremental;
	uint32_t nameModulo, symbolModulo;
	uint32_t parserBuffer, parserTable;
} hostCreation;

typedef struct {
	hostCreation creation;
	const char *main;
	uint32_t count;
	hostModule *modules;
} hostArchive;

/* Reads an archive in place; returns NULL, or what is wrong with it. */
extern const char *hostArchiveOpen(hostArchive *archive, const void *bytes, size_t size);

/* ---- memory (memory.c) ---- */

typedef struct {
	uint8_t *start, *end;
	uint8_t *chunksEnd; /* chunks grow up from start */
	uint8_t *slotsStart; /* slots grow down from end */
	uint8_t *stackStart, *stackEnd;
	size_t limit; /* 0: no limit, everything from malloc */
} hostBlock;

extern void hostBlockCreate(hostBlock *block, size_t size);
/* Bytes of the machine's stack that were ever used. */
extern size_t hostStackPeak(struct sxMachine *the);

typedef struct {
	size_t slotsUsed, slotsPeak, chunksUsed, chunksPeak, stackPeak, limit;
	uint32_t collections;
} hostMemory;

extern size_t hostBlockPeak(struct sxMachine *the);
extern void hostMemoryGet(struct sxMachine *the, hostMemory *memory);

/* ---- machine (machine.c, loader.c) ---- */

typedef struct {
	hostBlock block;
	hostArchive *archive;
	int promiseJobs;
	int debugger; /* socket of xsbug, or -1 */
} hostMachine;

extern const char *hostEngineVersion(void);
extern struct sxMachine *hostMachineCreate(hostArchive *archive, int enforceLimits);
extern void hostMachineRun(struct sxMachine *the); /* imports the main module */
extern void hostLoaderPrepare(struct sxMachine *root, hostArchive *archive);
extern void hostInternNames(struct sxMachine *root);

/* ---- loop (loop.c) ---- */

typedef struct hostWatch hostWatch;
struct hostWatch {
	hostWatch *next;
	int fd;
	short events;
	void (*callback)(hostWatch *watch, short events);
	void *data;
};

extern void hostWatchAdd(hostWatch *watch);
extern void hostWatchRemove(hostWatch *watch);

typedef struct hostTimer hostTimer;
struct hostTimer {
	hostTimer *next;
	uint64_t due; /* milliseconds of hostTicks() */
	void (*callback)(hostTimer *timer);
	void *data;
	uint8_t active;
};

extern void hostTimerStart(hostTimer *timer, uint64_t due);
extern void hostTimerStop(hostTimer *timer);

extern uint64_t hostTicks(void); /* milliseconds since the runtime started, monotonic */
extern uint64_t hostMicroseconds(void);
extern void hostLoopRun(struct sxMachine *the);
extern uint32_t hostLongestBlock(void); /* milliseconds */

/* ---- life of the device (device.c) ---- */

/* What ended the previous boot. The order is that of `resetNames` in device.c. */
typedef enum { hostPowerOn, hostRestart, hostPanic, hostWatchdog, hostBrownOut } hostReset;

typedef struct {
	const char *flashPath;
	const char *mac;
	const char *parameters; /* JSON for test programs */
	uint32_t boot; /* 1 for the first one of this process */
	uint64_t operations; /* of the flash, in earlier boots of this process */
	uint32_t watchdogSeconds; /* 0: off */
	hostReset reset;
	int64_t clockOffset; /* microseconds between the device's wall clock and the real one */
	int events; /* file descriptor for machine-readable events, or -1 */
	int control; /* file descriptor of messages to a test program, or -1 */
	int console; /* file descriptor of the serial console, or -1 */
} hostDevice;

extern hostDevice gxDevice;

/* Ends this boot and starts the next one at once, as a chip does. Async-signal-safe. */
extern void hostResetNow(hostReset reason) __attribute__((noreturn));
/* Ends this boot when the current job is done. */
extern void hostResetSoon(hostReset reason);
extern int hostResetPending(hostReset *reason);
extern const char *hostResetName(hostReset reason);
extern void hostClockSet(int64_t microseconds);
extern int64_t hostClockGet(void); /* microseconds since 1970 */
extern int hostGetTimeOfDay(struct timeval *time);

/* Writes one event as a line of JSON; `format` gives the members without braces. */
extern void hostEvent(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern void hostJSONText(char *to, size_t size, const char *from);
/* Writes text to the serial console (standard output) without buffering. */
extern void hostConsole(const char *text, size_t size);
extern void hostConsolePrint(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Opens the serial console, or takes over that of the boot before (console.c). */
extern int hostConsoleOpen(void);

extern void hostWatchdogStart(void);
extern void hostWatchdogFeed(void);

#endif
