/*
 * The runtime of the host target. It plays the chip: with --flash it runs the firmware that the boot model selects in that
 * flash; with --archive it runs a test program.
 */
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "boot.h"

extern char **gxArguments;

static const char usage[] =
	"usage: fleetling-host --flash FILE [options]    run the firmware in a flash\n"
	"       fleetling-host --archive FILE [options]  run a test program\n"
	"  --set KEY=VALUE        put a value into the configuration (key-value storage) before the first boot\n"
	"  --set-file KEY=FILE    the same with the contents of a file\n"
	"  --mac ADDRESS          address of the network interface\n"
	"  --clock SECONDS        wall clock at power-on, in seconds since 1970\n"
	"  --watchdog SECONDS     task watchdog, 0 switches it off (default 5)\n"
	"  --limits               with --archive: enforce the memory limits of its manifest\n"
	"  --parameters JSON      with --archive: handed to the program\n"
	"  --events FD            write machine-readable events there\n"
	"  --control FD           read messages for the program there\n"
	"  --cut N[:before|torn|after[:SEED]]   cut the power at flash operation N\n"
	"  --reset-reason NAME    of the first boot: power-on, restart, panic, watchdog or brown-out\n"
	"  --console              a pseudo-terminal for the serial console; the event \"console\" says which\n"
	"  --tethered             end with the process that started this one\n";

enum { optFlash = 1, optArchive, optSet, optSetFile, optMAC, optClock, optWatchdog, optLimits, optParameters, optEvents, optControl, optCut, optReset, optTethered, optConsole };

static const struct option options[] = {
	{ "flash", required_argument, NULL, optFlash },
	{ "archive", required_argument, NULL, optArchive },
	{ "set", required_argument, NULL, optSet },
	{ "set-file", required_argument, NULL, optSetFile },
	{ "mac", required_argument, NULL, optMAC },
	{ "clock", required_argument, NULL, optClock },
	{ "watchdog", required_argument, NULL, optWatchdog },
	{ "limits", no_argument, NULL, optLimits },
	{ "parameters", required_argument, NULL, optParameters },
	{ "events", required_argument, NULL, optEvents },
	{ "control", required_argument, NULL, optControl },
	{ "cut", required_argument, NULL, optCut },
	{ "reset-reason", required_argument, NULL, optReset },
	{ "tethered", no_argument, NULL, optTethered },
	{ "console", no_argument, NULL, optConsole },
	{ NULL, 0, NULL, 0 }
};

static void *readFile(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	char *bytes;

	if ((fd < 0) || fstat(fd, &status))
		return NULL;
	bytes = malloc(status.st_size + 1);
	if (bytes && (read(fd, bytes, status.st_size) != status.st_size)) {
		free(bytes);
		bytes = NULL;
	}
	close(fd);
	if (bytes)
		bytes[status.st_size] = 0;
	*size = status.st_size;
	return bytes;
}

static int setValue(const char *argument, int isFile)
{
	const char *equals = strchr(argument, '=');
	char key[32];
	size_t size;
	int result;

	if (!equals) {
		fprintf(stderr, "--set wants key=value, not \"%s\"\n", argument);
		return -1;
	}
	if ((size_t)(equals - argument) >= sizeof(key)) {
		fprintf(stderr, "--set: a key has at most 15 characters, not \"%.*s\"\n", (int)(equals - argument), argument);
		return -1;
	}
	memcpy(key, argument, equals - argument);
	key[equals - argument] = 0;
	if (isFile) {
		char *text = readFile(equals + 1, &size);

		if (NULL == text) {
			fprintf(stderr, "%s: cannot read %s\n", key, equals + 1);
			return -1;
		}
		result = hostBootConfigure(key, text);
		free(text);
	}
	else
		result = hostBootConfigure(key, equals + 1);
	return result;
}

/* A reset comes back here with the reason and the number of the boot in the environment. */
static void continueAfterReset(void)
{
	const char *reset = getenv("FLEETLING_RESET");
	unsigned reason, boot;
	unsigned long long operations;

	if (reset && (3 == sscanf(reset, "%u:%u:%llu", &reason, &boot, &operations)) && (reason <= hostBrownOut)) {
		gxDevice.reset = reason;
		gxDevice.boot = boot;
		gxDevice.operations = operations;
	}
}

static int parseReset(const char *name)
{
	hostReset reset;

	for (reset = hostPowerOn; reset <= hostBrownOut; reset++)
		if (!strcmp(name, hostResetName(reset)))
			return reset;
	return -1;
}

int main(int argc, char **argv)
{
	const char *archivePath = NULL, *cut = NULL, *problem;
	int limits = 0, console = 0, option, i;
	hostArchive archive;
	const void *bytes;
	size_t size;
	struct sxMachine *the;

	gxArguments = argv;
	gxDevice.mac = "02:f1:ee:70:00:01"; /* locally administered: no real device has it */
	signal(SIGPIPE, SIG_IGN);
	while ((option = getopt_long(argc, argv, "", options, NULL)) > 0) {
		switch (option) {
			case optFlash: gxDevice.flashPath = optarg; break;
			case optArchive: archivePath = optarg; break;
			case optMAC: gxDevice.mac = optarg; break;
			case optClock: hostClockSet(atoll(optarg) * 1000000); break;
			case optWatchdog: gxDevice.watchdogSeconds = atoi(optarg); break;
			case optLimits: limits = 1; break;
			case optParameters: gxDevice.parameters = optarg; break;
			case optEvents: gxDevice.events = atoi(optarg); break;
			case optControl: gxDevice.control = atoi(optarg); break;
			case optCut: cut = optarg; break;
			case optReset: {
				int reset = parseReset(optarg);
				if (reset < 0) {
					fputs(usage, stderr);
					return 64;
				}
				gxDevice.reset = reset;
			} break;
			case optConsole: console = 1; break;
			case optTethered: prctl(PR_SET_PDEATHSIG, SIGKILL); break;
			case optSet: case optSetFile: break; /* below, once the flash is open */
			default: fputs(usage, stderr); return 64;
		}
	}
	if ((optind < argc) || (!gxDevice.flashPath == !archivePath)) {
		fputs(usage, stderr);
		return 64;
	}
	continueAfterReset();
	if (console && hostConsoleOpen())
		return 71;

	if (gxDevice.flashPath) {
		if (hostBootOpen(gxDevice.flashPath, cut))
			return 66;
		if (1 == gxDevice.boot) {
			optind = 1;
			while ((option = getopt_long(argc, argv, "", options, NULL)) > 0)
				if (((optSet == option) || (optSetFile == option)) && setValue(optarg, optSetFile == option))
					return 65;
		}
		bytes = hostBootSelect(&size);
		if (NULL == bytes)
			return 69;
		limits = 1;
	}
	else {
		bytes = readFile(archivePath, &size);
		if (NULL == bytes) {
			fprintf(stderr, "cannot read %s\n", archivePath);
			return 66;
		}
	}
	problem = hostArchiveOpen(&archive, bytes, size);
	if (problem) {
		hostConsolePrint("E (%u) boot: %s\n", (unsigned)hostTicks(), problem);
		if (gxDevice.flashPath)
			hostResetNow(hostPanic); /* an image whose code cannot run: as a chip, it panics and boots again */
		return 65;
	}
	for (i = 3; i < 256; i++) /* a program that this runtime starts must not inherit what belongs to it */
		fcntl(i, F_SETFD, FD_CLOEXEC);
	if (gxDevice.events >= 0) fcntl(gxDevice.events, F_SETFD, 0);
	if (gxDevice.control >= 0) fcntl(gxDevice.control, F_SETFD, 0);
	if (gxDevice.console >= 0) fcntl(gxDevice.console, F_SETFD, 0);

	hostWatchdogStart();
	the = hostMachineCreate(&archive, limits);
	if (NULL == the)
		return 70;
	hostMachineRun(the);
	hostLoopRun(the);
	return 0;
}
