/*
 * The pseudo-terminal that stands for the cable of the serial console. It is there as long as the device is, resets included: a
 * terminal program stays attached while the device restarts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "host.h"

/* Hands the open end on from one boot to the next, beside FLEETLING_RESET. */
#define kEnvironment "FLEETLING_CONSOLE"

static int openPair(char *path, size_t size)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), other;
	struct termios settings;

	if (fd < 0)
		return -1;
	if (grantpt(fd) || unlockpt(fd) || ptsname_r(fd, path, size) || ((other = open(path, O_RDWR | O_NOCTTY)) < 0)) {
		close(fd);
		return -1;
	}
	/* A cable changes nothing and sends nothing back. Only what was opened and closed once is known to be unattended. */
	if (!tcgetattr(other, &settings)) {
		cfmakeraw(&settings);
		tcsetattr(other, TCSANOW, &settings);
	}
	close(other);
	return fd;
}

int hostConsoleOpen(void)
{
	const char *kept = getenv(kEnvironment);
	char path[128], number[16];

	if (kept && (gxDevice.boot > 1)) {
		gxDevice.console = atoi(kept);
		return 0;
	}
	gxDevice.console = openPair(path, sizeof(path));
	if (gxDevice.console < 0) {
		fprintf(stderr, "no pseudo-terminal for the console: %s\n", strerror(errno));
		return -1;
	}
	snprintf(number, sizeof(number), "%d", gxDevice.console);
	setenv(kEnvironment, number, 1);
	hostEvent("\"event\":\"console\",\"path\":\"%s\"", path);
	return 0;
}
