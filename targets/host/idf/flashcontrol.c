/* "fleetling/host/flash": the flash model from the outside, for tests and measurements on XS. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model.h"

static void check(xsMachine *the, esp_err_t error, const char *what)
{
	if (ESP_OK != error)
		xsUnknownError("flash: cannot %s: %s", what, esp_err_to_name(error));
}

static void openFlash(xsMachine *the, const char *path)
{
	host_flash_close();
	if (host_flash_open(path))
		xsUnknownError("%s", (char *)host_flash_error());
}

static uint32_t toUnsignedProperty(xsMachine *the, xsSlot *array, xsIntegerValue index)
{
	xsmcGetIndex(xsVar(1), *array, index);
	return xsmcToUnsigned(xsVar(1));
}

static void writeTable(xsMachine *the)
{
	esp_partition_info_t table[ESP_PARTITION_TABLE_MAX_ENTRIES];
	xsIntegerValue count, i;
	uint8_t md5[16];

	memset(table, 0xff, sizeof(table));
	xsmcGet(xsVar(0), xsArg(1), xsID_length);
	count = xsmcToInteger(xsVar(0));
	if ((count < 0) || (count > (xsIntegerValue)ESP_PARTITION_TABLE_MAX_ENTRIES - 2))
		xsRangeError("flash: too many partitions");
	for (i = 0; i < count; i++) {
		xsmcGetIndex(xsVar(0), xsArg(1), i);
		memset(&table[i], 0, sizeof(table[i]));
		table[i].magic = ESP_PARTITION_MAGIC;
		table[i].type = (uint8_t)toUnsignedProperty(the, &xsVar(0), 1);
		table[i].subtype = (uint8_t)toUnsignedProperty(the, &xsVar(0), 2);
		table[i].pos.offset = toUnsignedProperty(the, &xsVar(0), 3);
		table[i].pos.size = toUnsignedProperty(the, &xsVar(0), 4);
		xsmcGetIndex(xsVar(1), xsVar(0), 0);
		xsmcToStringBuffer(xsVar(1), (char *)table[i].label, sizeof(table[i].label));
	}
	digest_md5((uint8_t *)table, (size_t)count * sizeof(*table), md5);
	table[count].magic = ESP_PARTITION_MAGIC_MD5;
	memcpy((uint8_t *)&table[count] + ESP_PARTITION_MD5_OFFSET, md5, sizeof(md5));
	check(the, flash_write(ESP_PARTITION_TABLE_OFFSET, table, sizeof(table)), "write the partition table");
}

void xs_flashcontrol_make(xsMachine *the)
{
	uint32_t size = xsmcToUnsigned(xsArg(0));
	char path[32];
	int file, failed;

	xsmcVars(2);
	file = memfd_create("flash", MFD_CLOEXEC);
	if (file < 0)
		xsUnknownError("flash: no memory");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	failed = ftruncate(file, size);
	host_flash_close();
	failed = failed || host_flash_open(path);
	close(file);
	if (failed)
		xsUnknownError("%s", (char *)host_flash_error());
	check(the, flash_erase(0, size), "erase");
	writeTable(the);
}

void xs_flashcontrol_open(xsMachine *the)
{
	char path[512];

	xsmcToStringBuffer(xsArg(0), path, sizeof(path));
	openFlash(the, path);
}

void xs_flashcontrol_close(xsMachine *the)
{
	(void)the;
	host_flash_close();
}

void xs_flashcontrol_boot(xsMachine *the)
{
	host_boot_t boot;

	xsmcVars(1);
	if (ESP_OK != host_boot_select(&boot))
		xsUnknownError("%s", (char *)host_flash_error());
	xsmcSetNewObject(xsResult);
	xsmcSetString(xsVar(0), (char *)boot.partition->label);
	xsmcSet(xsResult, xsID_label, xsVar(0));
	xsmcSetUnsigned(xsVar(0), boot.state);
	xsmcSet(xsResult, xsID_state, xsVar(0));
	xsmcSetBoolean(xsVar(0), boot.fallback);
	xsmcSet(xsResult, xsID_fallback, xsVar(0));
	xsmcSetString(xsVar(0), boot.description.version);
	xsmcSet(xsResult, xsID_version, xsVar(0));
}

void xs_flashcontrol_read(xsMachine *the)
{
	uint32_t address = xsmcToUnsigned(xsArg(0)), length = xsmcToUnsigned(xsArg(1));

	if (!host_flash_data() || (address > host_flash_size()) || (length > host_flash_size() - address))
		xsRangeError("flash: no such region");
	xsmcSetArrayBuffer(xsResult, (void *)(uintptr_t)(host_flash_data() + address), (xsIntegerValue)length);
}

void xs_flashcontrol_write(xsMachine *the)
{
	uint32_t address = xsmcToUnsigned(xsArg(0));
	xsUnsignedValue length;
	void *data;

	xsmcGetBufferReadable(xsArg(1), &data, &length);
	check(the, flash_write(address, data, length), "write");
}

void xs_flashcontrol_erase(xsMachine *the)
{
	check(the, flash_erase(xsmcToUnsigned(xsArg(0)), xsmcToUnsigned(xsArg(1))), "erase");
}

void xs_flashcontrol_cut(xsMachine *the)
{
	uint32_t operation = xsmcToUnsigned(xsArg(0)), mode = xsmcToUnsigned(xsArg(1)), seed = xsmcToUnsigned(xsArg(2));

	host_flash_set_cut(operation, (host_flash_cut_t)mode, seed);
}

static void setFigure(xsMachine *the, xsIdentifier id, uint64_t value)
{
	xsmcSetNumber(xsVar(0), (xsNumberValue)value);
	xsmcSet(xsResult, id, xsVar(0));
}

void xs_flashcontrol_get_counters(xsMachine *the)
{
	host_flash_counters_t counters;

	xsmcVars(1);
	host_flash_counters(&counters);
	xsmcSetNewObject(xsResult);
	setFigure(the, xsID_operations, counters.operations);
	setFigure(the, xsID_writes, counters.writes);
	setFigure(the, xsID_sectorErases, counters.sector_erases);
	setFigure(the, xsID_blockErases, counters.block_erases);
	setFigure(the, xsID_bytesWritten, counters.bytes_written);
	setFigure(the, xsID_violations, counters.violations);
}

void xs_flashcontrol_region(xsMachine *the)
{
	uint32_t address = xsmcToUnsigned(xsArg(0)), length = xsmcToUnsigned(xsArg(1));
	uint64_t erases, writes;

	xsmcVars(1);
	host_flash_region_counters(address, length, &erases, &writes);
	xsmcSetNewObject(xsResult);
	setFigure(the, xsID_erases, erases);
	setFigure(the, xsID_writes, writes);
}
