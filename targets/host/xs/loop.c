/*
 * The event loop of the device: promise jobs first, then messages from other threads, timers and sockets.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "xsAll.h"
#include "xs.h"
#include "xsHost.h"
#include "host.h"
#include "boot.h"

typedef struct message message;
struct message {
	message *next;
	modMessageDeliver callback;
	void *refcon;
	uint16_t length;
	uint8_t bytes[];
};

static hostWatch *gxWatches;
static hostTimer *gxTimers; /* sorted by due time */
static message *gxMessages;
static pthread_mutex_t gxMessagesLock = PTHREAD_MUTEX_INITIALIZER;
static int gxWake = -1;
static uint64_t gxStart;
static uint32_t gxLongestBlock;

/*
	time
*/

uint64_t hostMicroseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t hostTicks(void)
{
	if (0 == gxStart)
		gxStart = hostMicroseconds();
	return (hostMicroseconds() - gxStart) / 1000;
}

uint32_t hostLongestBlock(void)
{
	return gxLongestBlock;
}

/*
	timers
*/

void hostTimerStop(hostTimer *timer)
{
	hostTimer **link = &gxTimers;

	if (!timer->active)
		return;
	timer->active = 0;
	while (*link && (*link != timer))
		link = &(*link)->next;
	if (*link)
		*link = timer->next;
}

void hostTimerStart(hostTimer *timer, uint64_t due)
{
	hostTimer **link = &gxTimers;

	hostTimerStop(timer);
	timer->due = due;
	timer->active = 1;
	while (*link && ((*link)->due <= due))
		link = &(*link)->next;
	timer->next = *link;
	*link = timer;
}

static void runTimers(void)
{
	uint64_t now = hostTicks();

	while (gxTimers && (gxTimers->due <= now)) {
		hostTimer *timer = gxTimers;

		gxTimers = timer->next;
		timer->active = 0;
		(*timer->callback)(timer);
	}
}

/*
	sockets
*/

void hostWatchAdd(hostWatch *watch)
{
	watch->next = gxWatches;
	gxWatches = watch;
}

void hostWatchRemove(hostWatch *watch)
{
	hostWatch **link = &gxWatches;

	while (*link && (*link != watch))
		link = &(*link)->next;
	if (*link)
		*link = watch->next;
}

static hostWatch *findWatch(int fd)
{
	hostWatch *watch = gxWatches;

	while (watch && (watch->fd != fd))
		watch = watch->next;
	return watch;
}

/* Returns when the waiting ended: what follows is the machine's time. */
static uint64_t pollWatches(int timeout)
{
	static struct pollfd *polls;
	static int capacity;
	int count = 0, i, ready;
	hostWatch *watch;
	uint64_t woken;

	for (watch = gxWatches; watch; watch = watch->next)
		count++;
	if (count + 1 > capacity) {
		capacity = count + 16;
		polls = c_realloc(polls, capacity * sizeof(struct pollfd));
	}
	polls[0] = (struct pollfd){ gxWake, POLLIN, 0 };
	for (count = 1, watch = gxWatches; watch; watch = watch->next)
		if (watch->events)
			polls[count++] = (struct pollfd){ watch->fd, watch->events, 0 };
	ready = poll(polls, count, timeout);
	woken = hostMicroseconds();
	if (ready <= 0)
		return woken;
	if (polls[0].revents) {
		uint64_t value;
		if (read(gxWake, &value, sizeof(value)) < 0)
			value = 0;
	}
	for (i = 1; i < count; i++) {
		/* A callback may have closed any of the others: look each up again. */
		if (polls[i].revents && (watch = findWatch(polls[i].fd)))
			(*watch->callback)(watch, polls[i].revents);
	}
	return woken;
}

/*
	messages from other threads
*/

int modMessagePostToMachine(xsMachine *the, uint8_t *bytes, uint16_t length, modMessageDeliver callback, void *refcon)
{
	message *item = c_malloc(sizeof(message) + length), **link;
	uint64_t one = 1;

	(void)the;
	if (NULL == item)
		return -1;
	item->next = NULL;
	item->callback = callback;
	item->refcon = refcon;
	item->length = length;
	if (length)
		c_memcpy(item->bytes, bytes, length);
	pthread_mutex_lock(&gxMessagesLock);
	for (link = &gxMessages; *link; link = &(*link)->next)
		;
	*link = item;
	pthread_mutex_unlock(&gxMessagesLock);
	/* The message is queued whatever becomes of this: a full counter wakes the loop as well. */
	if (write(gxWake, &one, sizeof(one)) < 0)
		errno = 0;
	return 0;
}

static void deliverMessages(txMachine *the)
{
	for (;;) {
		message *item;

		pthread_mutex_lock(&gxMessagesLock);
		item = gxMessages;
		if (item)
			gxMessages = item->next;
		pthread_mutex_unlock(&gxMessagesLock);
		if (NULL == item)
			break;
		(*item->callback)(the, item->refcon, item->length ? item->bytes : NULL, item->length);
		c_free(item);
	}
}

/*
	loop
*/

static void runPromises(txMachine *the)
{
	hostMachine *machine = the->host;

	while (machine->promiseJobs) {
		machine->promiseJobs = 0;
		fxRunPromiseJobs(the);
	}
	fxEndJob(the);
	fxCheckUnhandledRejections(the, 1);
}

/* For the tools that started the device: once a second while its figures change, and before it ends. */
static void reportMemory(txMachine *the, int now)
{
	static uint64_t reported;
	static size_t before;
	hostMemory memory;
	size_t sum;

	if ((gxDevice.events < 0) || !gxDevice.flashPath || (!now && (hostTicks() < reported + 1000)))
		return;
	reported = hostTicks();
	hostMemoryGet(the, &memory);
	sum = memory.slotsPeak + memory.chunksPeak + memory.stackPeak + gxLongestBlock + (size_t)hostBootOperations();
	if (sum == before)
		return;
	before = sum;
	hostEvent("\"event\":\"memory\",\"slots\":%u,\"chunks\":%u,\"stack\":%u,\"used\":%u,\"limit\":%u,\"longestBlock\":%u,\"operations\":%llu", (unsigned)memory.slotsPeak,
		(unsigned)memory.chunksPeak, (unsigned)memory.stackPeak, (unsigned)hostBlockPeak(the), (unsigned)memory.limit, (unsigned)gxLongestBlock, (unsigned long long)hostBootOperations());
}

void hostLoopRun(txMachine *the)
{
	hostReset reason;
	uint64_t started = hostMicroseconds();

	gxWake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (;;) {
		int timeout = -1;
		uint32_t busy;

		runPromises(the);
		reportMemory(the, 0);
		if (hostResetPending(&reason)) {
			reportMemory(the, 1);
			hostEvent("\"event\":\"reset\",\"reason\":\"%s\"", hostResetName(reason));
			hostResetNow(reason);
		}
		if (gxTimers) {
			uint64_t now = hostTicks();
			timeout = (gxTimers->due > now) ? (int)((gxTimers->due - now) > 1000 ? 1000 : gxTimers->due - now) : 0;
		}
		else
			timeout = 1000; /* the watchdog wants to be fed while nothing happens */
		busy = (uint32_t)((hostMicroseconds() - started) / 1000);
		if (busy > gxLongestBlock)
			gxLongestBlock = busy;
		hostWatchdogFeed();
		started = pollWatches(timeout);
		deliverMessages(the);
		runTimers();
	}
}
