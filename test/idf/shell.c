/*
 * The flash model by hand: reads one command per line, answers each with one line of JSON. The tests drive it; a power cut
 * or a restart ends it, and the test starts it again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_ota_ops.h"
#include "model.h"
#include "nativeota.h"
#include "nvs_flash.h"

#define MOST_WORDS 8

static char *words[MOST_WORDS];
static SlotWriter writer;

static uint32_t number(unsigned index)
{
	return words[index] ? (uint32_t)strtoul(words[index], NULL, 0) : 0;
}

static void answer(esp_err_t error)
{
	printf("{\"error\":\"%s\"}\n", esp_err_to_name(error));
}

static const esp_partition_t *app(unsigned index)
{
	const esp_partition_t *partition = words[index] ? slotByLabel(words[index]) : NULL;
	if (!partition) flash_fail("no partition %s", words[index] ? words[index] : "");
	return partition;
}

const esp_partition_t *slotByLabel(const char *label)
{
	return esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_ANY, label);
}

/* Hexadecimal of any length, in place. */
static uint32_t unhex(char *text)
{
	uint32_t size = 0;
	for (char *at = text; at && at[0] && at[1] && *at != '-'; at += 2) {
		char digits[3] = {at[0], at[1], 0};
		text[size++] = (char)strtoul(digits, NULL, 16);
	}
	return size;
}

static void print_hex(const uint8_t *data, size_t size)
{
	while (size--) printf("%02x", *data++);
}

/* ---- the chip ---- */

static void do_open(void)
{
	int error = host_flash_open(words[1]);
	if (error) printf("{\"error\":\"%s\",\"text\":\"%s\"}\n", strerror(error), host_flash_error());
	else answer(ESP_OK);
}

static void do_close(void)
{
	host_flash_close();
	answer(ESP_OK);
}

static void do_read(void)
{
	uint32_t size = number(2);
	uint8_t *data = malloc(size + 1);
	esp_err_t error = flash_read(number(1), data, size);
	printf("{\"error\":\"%s\",\"data\":\"", esp_err_to_name(error));
	if (!error) print_hex(data, size);
	printf("\"}\n");
	free(data);
}

static void do_write(void)
{
	uint32_t size = unhex(words[2]);
	answer(flash_write(number(1), words[2], size));
}

static void do_erase(void)
{
	answer(flash_erase(number(1), number(2)));
}

static void do_cut(void)
{
	static const char *const modes[] = {"before", "torn", "after"};
	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(words[2], modes[i])) host_flash_set_cut(number(1), (host_flash_cut_t)i, number(3));
	answer(ESP_OK);
}

static void do_operation(void)
{
	host_flash_set_operation(number(1));
	answer(ESP_OK);
}

static void do_counters(void)
{
	host_flash_counters_t c;
	uint32_t address, worst = host_flash_worst_sector(&address);
	host_flash_counters(&c);
	printf("{\"error\":\"ESP_OK\",\"operations\":%" PRIu64 ",\"writes\":%" PRIu64 ",\"sectorErases\":%" PRIu64 ",\"blockErases\":%" PRIu64
		   ",\"bytesWritten\":%" PRIu64 ",\"violations\":%" PRIu64 ",\"worst\":%u,\"worstAddress\":%u}\n",
		c.operations, c.writes, c.sector_erases, c.block_erases, c.bytes_written, c.violations, worst, address);
}

static void do_region(void)
{
	uint64_t erases, writes;
	host_flash_region_counters(number(1), number(2), &erases, &writes);
	printf("{\"error\":\"ESP_OK\",\"erases\":%" PRIu64 ",\"writes\":%" PRIu64 "}\n", erases, writes);
}

/* ---- boot and update ---- */

static void do_boot(void)
{
	host_boot_t boot;
	esp_err_t error = host_boot_select(&boot);
	if (error) {
		printf("{\"error\":\"%s\",\"text\":\"%s\"}\n", esp_err_to_name(error), host_flash_error());
		return;
	}
	printf("{\"error\":\"ESP_OK\",\"label\":\"%s\",\"state\":%u,\"fallback\":%s,\"version\":\"%s\",\"length\":%u,\"segments\":[",
		boot.partition->label, boot.state, boot.fallback ? "true" : "false", boot.description.version, boot.image_length);
	for (unsigned i = 0; i < boot.segment_count; i++)
		printf("%s[%u,%u,%u]", i ? "," : "", boot.segments[i].load_address, boot.segments[i].offset, boot.segments[i].length);
	printf("],\"digest\":\"");
	print_hex(boot.image_digest, 32);
	printf("\"}\n");
}

static void print_label(const esp_partition_t *partition)
{
	printf("{\"error\":\"ESP_OK\",\"label\":%s%s%s}\n", partition ? "\"" : "", partition ? partition->label : "null", partition ? "\"" : "");
}

static void do_running(void) { print_label(esp_ota_get_running_partition()); }
static void do_get_boot(void) { print_label(esp_ota_get_boot_partition()); }
static void do_next(void) { print_label(esp_ota_get_next_update_partition(app(1))); }
static void do_last_invalid(void) { print_label(esp_ota_get_last_invalid_partition()); }
static void do_valid(void) { answer(esp_ota_mark_app_valid_cancel_rollback()); }
static void do_invalid(void) { answer(esp_ota_mark_app_invalid_rollback_and_reboot()); }
static void do_set_boot(void) { answer(esp_ota_set_boot_partition(app(1))); }
static void do_erase_last(void) { answer(esp_ota_erase_last_boot_app_partition()); }

static void do_can_rollback(void)
{
	printf("{\"error\":\"ESP_OK\",\"possible\":%s}\n", esp_ota_check_rollback_is_possible() ? "true" : "false");
}

static void do_state(void)
{
	esp_ota_img_states_t state = ESP_OTA_IMG_UNDEFINED;
	esp_err_t error = esp_ota_get_state_partition(app(1), &state);
	printf("{\"error\":\"%s\",\"state\":%u}\n", esp_err_to_name(error), state);
}

static void do_describe(void)
{
	esp_app_desc_t description = {0};
	esp_err_t error = esp_ota_get_partition_description(app(1), &description);
	printf("{\"error\":\"%s\",\"version\":\"%.32s\",\"project\":\"%.32s\",\"secureVersion\":%u}\n", esp_err_to_name(error),
		error ? "" : description.version, error ? "" : description.project_name, description.secure_version);
}

static void do_begin(void)
{
	esp_ota_handle_t handle = 0;
	esp_err_t error = esp_ota_begin(app(1), number(2), &handle);
	printf("{\"error\":\"%s\",\"handle\":%u}\n", esp_err_to_name(error), handle);
}

static void do_resume(void)
{
	esp_ota_handle_t handle = 0;
	esp_err_t error = esp_ota_resume(app(1), number(2), number(3), &handle);
	printf("{\"error\":\"%s\",\"handle\":%u}\n", esp_err_to_name(error), handle);
}

/* Bytes of a file: path, offset, length. */
static uint8_t *file_bytes(unsigned index, uint32_t *size)
{
	FILE *file = fopen(words[index], "rb");
	uint8_t *data = malloc(number(index + 2) + 1);
	*size = 0;
	if (file && data && !fseek(file, (long)number(index + 1), SEEK_SET)) *size = (uint32_t)fread(data, 1, number(index + 2), file);
	if (file) fclose(file);
	return data;
}

static void do_ota_write(void)
{
	uint32_t size;
	uint8_t *data = file_bytes(2, &size);
	answer(esp_ota_write(number(1), data, size));
	free(data);
}

static void do_ota_write_at(void)
{
	uint32_t size;
	uint8_t *data = file_bytes(3, &size);
	answer(esp_ota_write_with_offset(number(1), data, size, number(2)));
	free(data);
}

static void do_end(void) { answer(esp_ota_end(number(1))); }
static void do_abort(void) { answer(esp_ota_abort(number(1))); }

/* ---- modules/ota ---- */

static void do_slot_open(void)
{
	uint8_t *tag = words[4] && unhex(words[4]) == kTagBytes ? (uint8_t *)words[4] : NULL;
	const esp_partition_t *partition = app(1);
	answer(partition ? slotOpen(&writer, partition, number(2), number(3), tag) : ESP_ERR_NOT_FOUND);
}

static void do_slot_write(void)
{
	uint32_t size;
	uint8_t *data = file_bytes(1, &size);
	answer(slotWrite(&writer, data, size));
	free(data);
}

static void do_slot_finish(void) { answer(slotFinish(&writer)); }

static void do_slot_close(void)
{
	slotClose(&writer);
	answer(ESP_OK);
}

static void do_resumable(void)
{
	const esp_partition_t *partition = app(1);
	unhex(words[2]);
	printf("{\"error\":\"ESP_OK\",\"offset\":%u}\n", partition ? slotResumable(partition, (uint8_t *)words[2]) : 0);
}

static void do_invalidate(void) { answer(slotInvalidate(app(1))); }
static void do_deactivate(void) { answer(slotDeactivate()); }

/* ---- storage ---- */

static void do_nvs_init(void) { answer(nvs_flash_init()); }

static void do_host_nvs_init(void)
{
	bool erased = false;
	esp_err_t error = host_nvs_init(&erased);
	printf("{\"error\":\"%s\",\"erased\":%s}\n", esp_err_to_name(error), erased ? "true" : "false");
}

static void do_nvs_open(void)
{
	nvs_handle_t handle = 0;
	esp_err_t error = nvs_open(words[1], (nvs_open_mode_t)number(2), &handle);
	printf("{\"error\":\"%s\",\"handle\":%u}\n", esp_err_to_name(error), handle);
}

static void do_set_blob(void)
{
	uint32_t size = words[3] ? unhex(words[3]) : 0;
	answer(nvs_set_blob(number(1), words[2], words[3] ? words[3] : "", size));
}

static void do_set_str(void) { answer(nvs_set_str(number(1), words[2], words[3] ? words[3] : "")); }
static void do_set_u8(void) { answer(nvs_set_u8(number(1), words[2], (uint8_t)number(3))); }
static void do_set_i32(void) { answer(nvs_set_i32(number(1), words[2], (int32_t)strtol(words[3], NULL, 0))); }
static void do_set_u64(void) { answer(nvs_set_u64(number(1), words[2], strtoull(words[3], NULL, 0))); }
static void do_erase_key(void) { answer(nvs_erase_key(number(1), words[2])); }
static void do_erase_all(void) { answer(nvs_erase_all(number(1))); }

static void do_get(void)
{
	static uint8_t data[65536];
	size_t size = sizeof(data);
	nvs_type_t type = NVS_TYPE_ANY;
	uint64_t wide = 0;
	esp_err_t error = nvs_find_key(number(1), words[2], &type);
	if (!error && type == NVS_TYPE_BLOB) error = nvs_get_blob(number(1), words[2], data, &size);
	else if (!error && type == NVS_TYPE_STR) error = nvs_get_str(number(1), words[2], (char *)data, &size);
	else if (!error && type == NVS_TYPE_U64) error = nvs_get_u64(number(1), words[2], &wide), memcpy(data, &wide, size = 8);
	else if (!error && type == NVS_TYPE_U8) error = nvs_get_u8(number(1), words[2], data), size = 1;
	else if (!error) error = nvs_get_i32(number(1), words[2], (int32_t *)data), size = 4;
	printf("{\"error\":\"%s\",\"type\":%u,\"data\":\"", esp_err_to_name(error), type);
	if (!error) print_hex(data, size);
	printf("\"}\n");
}

static void do_list(void)
{
	nvs_iterator_t iterator;
	esp_err_t error = nvs_entry_find_in_handle(number(1), NVS_TYPE_ANY, &iterator);
	const char *comma = "";
	printf("{\"error\":\"ESP_OK\",\"keys\":[");
	for (; error == ESP_OK; error = nvs_entry_next(&iterator), comma = ",") {
		nvs_entry_info_t info;
		nvs_entry_info(iterator, &info);
		printf("%s\"%s\"", comma, info.key);
	}
	printf("]}\n");
}

static const struct {
	const char *name;
	void (*run)(void);
} commands[] = {
	{"open", do_open}, {"close", do_close}, {"read", do_read}, {"write", do_write}, {"erase", do_erase}, {"cut", do_cut},
	{"operation", do_operation}, {"counters", do_counters}, {"region", do_region}, {"boot", do_boot}, {"running", do_running},
	{"get_boot", do_get_boot}, {"next", do_next}, {"last_invalid", do_last_invalid}, {"valid", do_valid}, {"invalid", do_invalid},
	{"set_boot", do_set_boot}, {"erase_last", do_erase_last}, {"can_rollback", do_can_rollback}, {"state", do_state},
	{"describe", do_describe}, {"begin", do_begin}, {"resume", do_resume}, {"ota_write", do_ota_write},
	{"ota_write_at", do_ota_write_at}, {"end", do_end}, {"abort", do_abort}, {"slot_open", do_slot_open},
	{"slot_write", do_slot_write}, {"slot_finish", do_slot_finish}, {"slot_close", do_slot_close}, {"resumable", do_resumable},
	{"invalidate", do_invalidate}, {"deactivate", do_deactivate}, {"nvs_init", do_nvs_init}, {"host_nvs_init", do_host_nvs_init},
	{"nvs_open", do_nvs_open}, {"set_blob", do_set_blob}, {"set_str", do_set_str}, {"set_u8", do_set_u8}, {"set_i32", do_set_i32},
	{"set_u64", do_set_u64}, {"erase_key", do_erase_key}, {"erase_all", do_erase_all}, {"get", do_get}, {"list", do_list},
};

static void run(char *line)
{
	unsigned count = 0;
	memset(words, 0, sizeof(words));
	for (char *word = strtok(line, " \n"); word && count < MOST_WORDS; word = strtok(NULL, " \n")) words[count++] = word;
	for (unsigned i = 0; count && i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(commands[i].name, words[0])) continue;
		commands[i].run();
		return;
	}
	printf("{\"error\":\"no such command\"}\n");
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, stdin) > 0) {
		run(line);
		fflush(stdout);
	}
	free(line);
	slotClose(&writer);
	host_flash_close();
	return 0;
}
