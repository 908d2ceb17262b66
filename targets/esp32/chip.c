/*
	What there is of the chip and of ESP-IDF that the SDK has no module for.
*/

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "sdkconfig.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "esp_heap_caps.h"
#include "esp_mac.h"
#include "esp_partition.h"
#include "esp_system.h"
#include "esp_timer.h"
// mcconfig has no include path to this component, but one to the folder of all.
#include "nvs_flash/include/nvs_flash.h"

#include "machinefigures.h"

#define kMicroseconds (1000000)

void xs_chip_destructor(void *it)
{
	(void)it;
}

/*
	The names are those of src/common/device.ts. ESP_RST_SW is also what an exception leaves that no JavaScript caught in a release
	build: the engine ends with esp_restart.
*/
void xs_chip_resetReason(xsMachine *the)
{
	static const struct {
		esp_reset_reason_t reason;
		char *name;
	} reasons[] = {
		{ESP_RST_POWERON, "power-on"},
		// The reset button, and the reset line that a flashing tool pulls.
		{ESP_RST_EXT, "power-on"},
		{ESP_RST_SW, "restart"},
		{ESP_RST_PANIC, "panic"},
		{ESP_RST_CPU_LOCKUP, "panic"},
		{ESP_RST_INT_WDT, "watchdog"},
		{ESP_RST_TASK_WDT, "watchdog"},
		{ESP_RST_WDT, "watchdog"},
		{ESP_RST_BROWNOUT, "brown-out"},
		{ESP_RST_PWR_GLITCH, "brown-out"},
	};
	esp_reset_reason_t reason = esp_reset_reason();
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].reason == reason) {
			xsmcSetStringX(xsResult, reasons[i].name);
			return;
		}
	}
	xsmcSetStringX(xsResult, "other");
}

void xs_chip_restart(xsMachine *the)
{
	(void)the;
	esp_restart();
}

void xs_chip_forget(xsMachine *the)
{
	esp_err_t error;

	nvs_flash_deinit();
	error = nvs_flash_erase();
	if (ESP_OK != error)
		xsUnknownError("NVS cannot be erased: error 0x%x", (int)error);
}

void xs_chip_ticks(xsMachine *the)
{
	xsmcSetNumber(xsResult, (double)(esp_timer_get_time() / 1000));
}

static void setFigure(xsMachine *the, xsIdentifier name, uint32_t value)
{
	xsmcSetNumber(xsVar(0), (double)value);
	xsmcSet(xsArg(0), name, xsVar(0));
}

void xs_chip_memory(xsMachine *the)
{
	MachineFigures figures;

	machineFigures(the, &figures);
	xsmcVars(1);
	setFigure(the, xsID_slotsUsed, figures.slotsUsed);
	setFigure(the, xsID_slotsPeak, figures.slotsPeak);
	setFigure(the, xsID_chunksUsed, figures.chunksUsed);
	setFigure(the, xsID_chunksPeak, figures.chunksPeak);
	setFigure(the, xsID_stackPeak, figures.stackPeak);
	setFigure(the, xsID_limit, figures.limit);
	setFigure(the, xsID_heapFree, (uint32_t)heap_caps_get_free_size(MALLOC_CAP_8BIT));
	setFigure(the, xsID_heapLeast, (uint32_t)heap_caps_get_minimum_free_size(MALLOC_CAP_8BIT));
	// ESP-IDF counts a task's stack in bytes.
	setFigure(the, xsID_nativeStackFree, (uint32_t)uxTaskGetStackHighWaterMark(NULL));
	xsResult = xsArg(0);
}

void xs_chip_mac(xsMachine *the)
{
	uint8_t mac[6];
	char text[18];
	esp_err_t error = esp_read_mac(mac, xsmcToBoolean(xsArg(0)) ? ESP_MAC_ETH : ESP_MAC_WIFI_STA);

	if (ESP_OK != error)
		xsUnknownError("the chip has no address: error 0x%x", (int)error);
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	xsmcSetString(xsResult, text);
}

void xs_chip_name(xsMachine *the)
{
	xsmcSetStringX(xsResult, CONFIG_IDF_TARGET);
}

void xs_chip_engine(xsMachine *the)
{
	xsmcSetString(xsResult, (char *)machineEngine());
}

/* The SDK's Time.set knows whole seconds only; the clock of ESP-IDF runs on over a restart, not over a power cut. */
void xs_chip_setTime(xsMachine *the)
{
	int64_t milliseconds = (int64_t)xsmcToNumber(xsArg(0));
	struct timeval now = {
		.tv_sec = (time_t)(milliseconds / 1000),
		.tv_usec = (suseconds_t)((milliseconds % 1000) * (kMicroseconds / 1000))
	};

	settimeofday(&now, NULL);
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t daysSince1970(int year, int month, int day)
{
	// Years begin in March, so that the leap day is the last one.
	int64_t shifted = (month > 2) ? year : year - 1;
	int64_t dayOfYear = (153 * (month + ((month > 2) ? -3 : 9)) + 2) / 5 + day - 1;

	return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719468;
}

/*
	__DATE__ is "Nov 22 2026", in the time zone of whoever compiles, which can be 14 h ahead of UTC: the start of the day before is
	certainly past.
*/
void xs_chip_buildTime(xsMachine *the)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char month[4] = "";
	int day = 1, year = 1970;
	const char *at;

	sscanf(__DATE__, "%3s %d %d", month, &day, &year);
	at = strstr(months, month);
	xsmcSetNumber(xsResult, (double)(daysSince1970(year, at ? (int)(at - months) / 3 + 1 : 1, day) - 1) * 86400000.0);
}

static const esp_partition_t *coreDump(void)
{
	return esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_COREDUMP, NULL);
}

void xs_chip_coreDumpSize(xsMachine *the)
{
	const esp_partition_t *partition = coreDump();

	xsmcSetInteger(xsResult, partition ? (xsIntegerValue)partition->size : 0);
}

void xs_chip_coreDumpRead(xsMachine *the)
{
	const esp_partition_t *partition = coreDump();
	double position = xsmcToNumber(xsArg(1));
	esp_err_t error;
	void *bytes;
	xsUnsignedValue count;

	xsmcGetBufferWritable(xsArg(0), &bytes, &count);
	if (!partition || !(position >= 0) || (position + count > partition->size))
		xsRangeError("beyond the core dump");
	error = esp_partition_read(partition, (size_t)position, bytes, count);
	if (ESP_OK != error)
		xsUnknownError("the core dump cannot be read: error 0x%x", (int)error);
}

void xs_chip_rollbackPossible(xsMachine *the)
{
#if CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE
	xsmcSetBoolean(xsResult, 1);
#else
	xsmcSetBoolean(xsResult, 0);
#endif
}
