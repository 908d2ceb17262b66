/*
 * Reset, memory and clock of the host target; also Moddable's "time" module.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdlib.h>

#include "esp_err.h"
#include "host.h"
#include "nvs_flash.h"

/* sysexits.h: something in the configuration is wrong. */
#define kConfigurationExit 78

void xs_system_get_resetReason(xsMachine *the)
{
	xsmcSetString(xsResult, (char *)hostResetName(gxDevice.reset));
}

void xs_system_get_mac(xsMachine *the)
{
	xsmcSetString(xsResult, (char *)gxDevice.mac);
}

void xs_system_get_engine(xsMachine *the)
{
	xsmcSetString(xsResult, (char *)hostEngineVersion());
}

void xs_system_forget(xsMachine *the)
{
	esp_err_t error = nvs_flash_erase();

	if (error)
		xsUnknownError("the key-value storage cannot be erased: %s", esp_err_to_name(error));
}

void xs_system_restart(xsMachine *the)
{
	(void)the;
	hostResetSoon(hostRestart);
}

void xs_system_halt(xsMachine *the)
{
	char json[1024];

	hostJSONText(json, sizeof(json), xsmcToString(xsArg(0)));
	hostEvent("\"event\":\"halt\",\"reason\":\"%s\"", json);
	exit(kConfigurationExit);
}

void xs_system_ticks(xsMachine *the)
{
	xsmcSetNumber(xsResult, (xsNumberValue)hostTicks());
}

static void setFigure(xsMachine *the, xsIdentifier id, size_t value)
{
	xsmcSetInteger(xsVar(0), (xsIntegerValue)value);
	xsmcSet(xsArg(0), id, xsVar(0));
}

void xs_system_memory(xsMachine *the)
{
	hostMemory memory;

	xsmcVars(1);
	hostMemoryGet((struct sxMachine *)the, &memory);
	setFigure(the, xsID_slotsUsed, memory.slotsUsed);
	setFigure(the, xsID_slotsPeak, memory.slotsPeak);
	setFigure(the, xsID_chunksUsed, memory.chunksUsed);
	setFigure(the, xsID_chunksPeak, memory.chunksPeak);
	setFigure(the, xsID_stackPeak, memory.stackPeak);
	setFigure(the, xsID_limit, memory.limit);
	setFigure(the, xsID_longestBlock, hostLongestBlock());
	xsResult = xsArg(0);
}

void xs_system_now(xsMachine *the)
{
	xsmcSetNumber(xsResult, (xsNumberValue)(hostClockGet() / 1000));
}

void xs_system_set(xsMachine *the)
{
	hostClockSet((int64_t)(xsmcToNumber(xsArg(0)) * 1000.0));
}

void xs_time_set(xsMachine *the)
{
	hostClockSet((int64_t)(xsmcToNumber(xsArg(0)) * 1000000.0));
}

void xs_time_ticks(xsMachine *the)
{
	xsmcSetNumber(xsResult, (xsNumberValue)hostTicks());
}

void xs_time_microseconds(xsMachine *the)
{
	xsmcSetNumber(xsResult, (xsNumberValue)hostMicroseconds());
}

void xs_time_delta(xsMachine *the)
{
	xsNumberValue end = (xsmcArgc > 1) ? xsmcToNumber(xsArg(1)) : (xsNumberValue)hostTicks();

	xsmcSetNumber(xsResult, end - xsmcToNumber(xsArg(0)));
}
