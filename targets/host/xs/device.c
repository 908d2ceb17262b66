/*
 * Life of the device: reset, watchdog, clock, console, and the channel on which the tools that started it listen.
 *
 * A reset replaces the process by a new one (execv): nothing survives but flash, as on a chip.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "boot.h"

hostDevice gxDevice = { .boot = 1, .watchdogSeconds = 5, .events = -1, .control = -1, .console = -1 };
char **gxArguments; /* of main, for execv */

static const char *const resetNames[] = { "power-on", "restart", "panic", "watchdog", "brown-out" };

static hostReset gxPending;
static int gxHasPending;
static volatile uint64_t gxFed;

const char *hostResetName(hostReset reason)
{
	return resetNames[reason];
}

/*
	reset
*/

/* What the next boot needs to know, set before anything can go wrong: setenv is not safe in a signal handler. */
static char gxResetEnvironment[64] = "FLEETLING_RESET=";

static char *appendNumber(char *to, uint64_t value)
{
	char digits[24];
	int count = 0;

	do {
		digits[count++] = '0' + value % 10;
		value /= 10;
	} while (value);
	while (count)
		*to++ = digits[--count];
	*to = 0;
	return to;
}

void hostResetNow(hostReset reason)
{
	extern char **environ;
	static const struct itimerval never;
	static char *next[512];
	int count = 0, i;
	char *to = gxResetEnvironment + strlen("FLEETLING_RESET=");
	int fd;

	/* The timer lives on over execve, its handler does not. */
	setitimer(ITIMER_REAL, &never, NULL);
	to = appendNumber(to, reason);
	*to++ = ':';
	to = appendNumber(to, gxDevice.boot + 1);
	*to++ = ':';
	appendNumber(to, hostBootOperations());
	for (i = 0; environ[i] && (count < 508); i++)
		if (strncmp(environ[i], "FLEETLING_RESET=", 16))
			next[count++] = environ[i];
	next[count++] = gxResetEnvironment;
	next[count] = NULL;
	for (fd = 3; fd < 256; fd++)
		if ((fd != gxDevice.events) && (fd != gxDevice.control) && (fd != gxDevice.console))
			close(fd);
	execve("/proc/self/exe", gxArguments, next);
	_exit(127);
}

void hostResetSoon(hostReset reason)
{
	gxPending = reason;
	gxHasPending = 1;
}

int hostResetPending(hostReset *reason)
{
	*reason = gxPending;
	return gxHasPending;
}

/*
	clock
*/

int64_t hostClockGet(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + gxDevice.clockOffset;
}

void hostClockSet(int64_t microseconds)
{
	gxDevice.clockOffset += microseconds - hostClockGet();
}

int hostGetTimeOfDay(struct timeval *value)
{
	int64_t now = hostClockGet();

	value->tv_sec = now / 1000000;
	value->tv_usec = now % 1000000;
	return 0;
}

/*
 * mbedTLS compares certificate dates with time(): this definition takes the place of the C library's, so that it sees
 * the device's clock.
 */
time_t time(time_t *value)
{
	time_t now = (time_t)(hostClockGet() / 1000000);

	if (value)
		*value = now;
	return now;
}

/*
	console and events
*/

static void writeAll(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t written = write(fd, bytes, size);

		if (written < 0) {
			if ((EINTR == errno) || (EAGAIN == errno))
				continue;
			return; /* nobody listens any more */
		}
		bytes += written;
		size -= written;
	}
}

void hostConsole(const char *text, size_t size)
{
	writeAll(STDOUT_FILENO, text, size);
}

void hostConsolePrint(const char *format, ...)
{
	char text[1024];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length > 0)
		hostConsole(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

/* Escapes text for a string of JSON; what does not fit is left out. */
void hostJSONText(char *to, size_t size, const char *from)
{
	size_t used = 0;

	for (; *from && (used + 8 < size); from++) {
		unsigned char c = *from;

		if (('"' == c) || ('\\' == c))
			to[used++] = '\\', to[used++] = c;
		else if (c < 32)
			used += snprintf(to + used, size - used, "\\u%4.4x", c);
		else
			to[used++] = c;
	}
	to[used] = 0;
}

void hostEvent(const char *format, ...)
{
	char text[2048];
	va_list arguments;
	int length;

	if (gxDevice.events < 0)
		return;
	text[0] = '{';
	va_start(arguments, format);
	length = vsnprintf(text + 1, sizeof(text) - 3, format, arguments);
	va_end(arguments);
	if ((length < 0) || ((size_t)length >= sizeof(text) - 3))
		return;
	memcpy(text + 1 + length, "}\n", 2);
	writeAll(gxDevice.events, text, length + 3);
}

/*
	watchdog: as the task watchdog of the chip, it resets when the main loop does not come round in time
*/

static void watchdogTick(int number)
{
	static const char text[] = "\nE task_wdt: the main loop did not come round in time; resetting\n";

	(void)number;
	if (hostMicroseconds() - gxFed < (uint64_t)gxDevice.watchdogSeconds * 1000000)
		return;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(127);
	if (gxDevice.events >= 0) {
		static const char event[] = "{\"event\":\"reset\",\"reason\":\"watchdog\"}\n";
		if (write(gxDevice.events, event, sizeof(event) - 1) < 0)
			_exit(127);
	}
	hostResetNow(hostWatchdog);
}

void hostWatchdogFeed(void)
{
	gxFed = hostMicroseconds();
}

void hostWatchdogStart(void)
{
	struct sigaction action;
	struct itimerval interval = { { 0, 250000 }, { 0, 250000 } };
	sigset_t signals;

	/* A reset from within the handler keeps the signal blocked over execve. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
	if (0 == gxDevice.watchdogSeconds)
		return;
	hostWatchdogFeed();
	memset(&action, 0, sizeof(action));
	action.sa_handler = watchdogTick;
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &interval, NULL);
}
