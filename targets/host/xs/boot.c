/*
 * Boot of a firmware from flash: power cuts, configuration, slot selection.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "boot.h"
#include "host_flash.h"
#include "esp_ota_ops.h"
#include "esp_system.h"
#include "nvs.h"
#include "nvs_flash.h"

/* NVS strings end at 4000 bytes with their terminator, and the application reads nothing else. */
#define kLargestString 3999

/* Where the application keeps its configuration (src/agent/configuration.ts). */
#define kConfigurationNamespace "config"

static const char *const stateNames[] = { "new", "pending-verify", "valid", "invalid", "aborted" };

static void bootLog(char level, const char *tag, const char *text)
{
	if ('D' != level)
		hostConsolePrint("%c (%u) %s: %s\n", level, (unsigned)hostTicks(), tag, text);
}

static void powerCut(void)
{
	static const char event[] = "{\"event\":\"power-cut\"}\n";

	if ((gxDevice.events >= 0) && (write(gxDevice.events, event, sizeof(event) - 1) < 0))
		_exit(HOST_FLASH_CUT_EXIT);
	_exit(HOST_FLASH_CUT_EXIT);
}

int hostBootOpen(const char *path, const char *cut)
{
	host_flash_set_log(bootLog);
	host_flash_set_cut_hook(powerCut);
	if (host_flash_open(path)) {
		fprintf(stderr, "%s\n", host_flash_error());
		return -1;
	}
	host_flash_set_operation(gxDevice.operations);
	if (cut) {
		unsigned long long operation = strtoull(cut, (char **)&cut, 10);
		host_flash_cut_t mode = HOST_FLASH_CUT_BEFORE;
		uint32_t seed = 1;

		if (!strncmp(cut, ":torn", 5)) {
			mode = HOST_FLASH_CUT_TORN;
			cut += 5;
		}
		else if (!strncmp(cut, ":after", 6)) {
			mode = HOST_FLASH_CUT_AFTER;
			cut += 6;
		}
		else if (!strncmp(cut, ":before", 7))
			cut += 7;
		if (':' == *cut)
			seed = strtoul(cut + 1, NULL, 10);
		host_flash_set_cut(operation, mode, seed);
	}
	return 0;
}

uint64_t hostBootOperations(void)
{
	host_flash_counters_t counters;

	if (NULL == gxDevice.flashPath)
		return 0;
	host_flash_counters(&counters);
	return counters.operations;
}

int hostBootConfigure(const char *key, const char *value)
{
	nvs_handle_t handle;
	size_t size = strlen(value), stored = 0;
	esp_err_t error;

	if (size > kLargestString) {
		fprintf(stderr, "configuration key \"%s\" has %u bytes: expected at most %d\n", key, (unsigned)size, kLargestString);
		return ESP_ERR_NVS_VALUE_TOO_LONG;
	}
	error = host_nvs_init(NULL);
	if (ESP_OK != error) {
		int count;

		/* A file that is no flash, or only the front of one, has no partition table either: its log says so. */
		esp_partition_table_verify((const void *)(host_flash_data() + ESP_PARTITION_TABLE_OFFSET), true, &count);
		fprintf(stderr, "%s\n", host_flash_error());
		return error;
	}
	error = nvs_open(kConfigurationNamespace, NVS_READWRITE, &handle);
	if (ESP_OK == error) {
		char *old = malloc(size + 1);

		stored = size + 1;
		/* Flash wears, and an unchanged value is the usual case. */
		if ((ESP_OK != nvs_get_str(handle, key, old, &stored)) || strcmp(old, value)) {
			nvs_erase_key(handle, key);
			error = nvs_set_str(handle, key, value);
			if (ESP_OK == error)
				error = nvs_commit(handle);
		}
		free(old);
		nvs_close(handle);
	}
	if (ESP_OK != error)
		fprintf(stderr, "%s: cannot be stored in the configuration: %s\n", key, esp_err_to_name(error));
	return error;
}

const void *hostBootSelect(size_t *size)
{
	host_boot_t boot;
	const char *state = "no entry";
	char version[256];
	unsigned i;

	if (ESP_OK != host_boot_select(&boot)) {
		fprintf(stderr, "%s\n", host_flash_error());
		hostEvent("\"event\":\"unbootable\"");
		return NULL;
	}
	if ((unsigned)boot.state < sizeof(stateNames) / sizeof(stateNames[0]))
		state = stateNames[boot.state];
	hostConsolePrint("I (%u) boot: %s %s from %s (%s), reset reason %s\n", (unsigned)hostTicks(), boot.description.project_name,
		boot.description.version, boot.partition->label, state, hostResetName(gxDevice.reset));
	hostJSONText(version, sizeof(version), boot.description.version); /* may be any text */
	hostEvent("\"event\":\"boot\",\"boot\":%u,\"slot\":\"%s\",\"state\":\"%s\",\"version\":\"%s\",\"reset\":\"%s\",\"fallback\":%s", (unsigned)gxDevice.boot,
		boot.partition->label, state, version, hostResetName(gxDevice.reset), boot.fallback ? "true" : "false");
	for (i = 0; i < boot.segment_count; i++) {
		if ((boot.segments[i].length > 16) && !memcmp(boot.segments[i].data, "XSMA", 4)) {
			*size = boot.segments[i].length;
			return boot.segments[i].data;
		}
	}
	/* The bootloader took it, so it is a whole image; the chip would run it and crash at once. */
	hostConsolePrint("E (%u) boot: the image in %s holds no modules for this target\n", (unsigned)hostTicks(), boot.partition->label);
	hostEvent("\"event\":\"reset\",\"reason\":\"panic\"");
	usleep(50000);
	hostResetNow(hostPanic);
}

/*
	ESP-IDF's functions that are the runtime's
*/

void esp_restart(void)
{
	hostEvent("\"event\":\"reset\",\"reason\":\"restart\"");
	hostResetNow(hostRestart);
}

esp_reset_reason_t esp_reset_reason(void)
{
	static const esp_reset_reason_t reasons[] = { ESP_RST_POWERON, ESP_RST_SW, ESP_RST_PANIC, ESP_RST_TASK_WDT, ESP_RST_BROWNOUT };

	return reasons[gxDevice.reset];
}
