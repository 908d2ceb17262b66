/*
 * Damages a flash at random and uses it: boot, storage, update. Nothing may crash, hang or read where it must not; what the
 * sanitizers cannot see is checked by hand. Half of the damage carries correct checksums, as if somebody had meant it.
 *
 *     damage FLASH SEED ROUNDS   a whole device with firmware and values in its storage
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "esp_ota_ops.h"
#include "esp_rom_crc.h"
#include "model.h"
#include "nativeota.h"
#include "nvs_flash.h"
#include "nvs_internal.h"

#define TABLE 0x8000
#define STORAGE 0x9000
#define STORAGE_SIZE 0x4000
#define OTADATA 0xd000
#define SLOT 0x10000

static uint8_t *raw;
static uint64_t state;

static uint32_t next_random(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % below;
}

const esp_partition_t *slotByLabel(const char *label)
{
	return esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_ANY, label);
}

/* ---- damage ---- */

static void scribble(uint32_t start, uint32_t length)
{
	for (uint32_t count = 1 + next_random(8); count; count--) {
		uint8_t *at = raw + start + next_random(length);
		*at = next_random(3) ? (uint8_t)(*at ^ 1 << next_random(8)) : (uint8_t)next_random(256);
	}
}

static void damage_table(void)
{
	uint8_t md5[16];
	uint32_t entries = 0;
	scribble(TABLE, 32 * 6);
	while (entries < 90 && raw[TABLE + entries * 32] == 0xaa && raw[TABLE + entries * 32 + 1] == 0x50) entries++;
	if (next_random(4) && digest_md5(raw + TABLE, entries * 32, md5)) {
		memset(raw + TABLE + entries * 32, 0xff, 32);
		memset(raw + TABLE + entries * 32, 0xeb, 2);
		memcpy(raw + TABLE + entries * 32 + 16, md5, sizeof(md5));
	}
}

static void damage_storage(void)
{
	uint8_t *page = raw + STORAGE + next_random(STORAGE_SIZE / 4096) * 4096;
	nvs_item_t *item = (nvs_item_t *)(page + DATA_OFFSET + next_random(ENTRY_COUNT) * ENTRY_SIZE);
	nvs_page_header_t *header = (nvs_page_header_t *)page;

	switch (next_random(4)) {
	case 0: scribble((uint32_t)(page - raw), 64); break; /* header and states */
	case 1: scribble(STORAGE, STORAGE_SIZE); break;
	default: scribble((uint32_t)((uint8_t *)item - raw), ENTRY_SIZE); break;
	}
	if (next_random(2)) {
		item->crc = nvs_item_crc(item);
		header->crc = esp_rom_crc32_le(UINT32_MAX, (uint8_t *)&header->sequence, 24);
	}
}

static void damage_otadata(void)
{
	esp_ota_select_entry_t *entry = (esp_ota_select_entry_t *)(raw + OTADATA + next_random(2) * 4096);
	scribble(OTADATA, 32);
	scribble(OTADATA + 4096, 32);
	if (next_random(2)) entry->ota_seq = next_random(2) ? next_random(5) : UINT32_MAX - next_random(3);
	if (next_random(2)) entry->ota_state = next_random(6);
	if (next_random(3)) entry->crc = otadata_crc(entry);
}

static void damage_image(void)
{
	uint32_t *segment = (uint32_t *)(raw + SLOT + 24);
	if (next_random(2)) scribble(SLOT, 64);
	else scribble(SLOT, 20000);
	if (!next_random(4)) segment[1] = next_random(2) ? UINT32_MAX - next_random(64) * 4 : next_random(0x80000);
}

/* ---- use ---- */

static void use_storage(void)
{
	static const char *const keys[] = {"text", "blob", "number", "fifteen-letters", "new"};
	static uint8_t data[16384];
	nvs_iterator_t iterator;
	nvs_handle_t handle;
	unsigned listed = 0;

	if (host_nvs_init(NULL) != ESP_OK || nvs_open("test", NVS_READWRITE, &handle) != ESP_OK) return;
	for (esp_err_t error = nvs_entry_find(NVS_DEFAULT_PART_NAME, NULL, NVS_TYPE_ANY, &iterator); !error; error = nvs_entry_next(&iterator))
		if (++listed > 10000) abort();
	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		size_t size = sizeof(data);
		int32_t number;
		nvs_get_str(handle, keys[i], (char *)data, &size);
		size = sizeof(data);
		nvs_get_blob(handle, keys[i], data, &size);
		nvs_get_i32(handle, keys[i], &number);
	}
	for (unsigned i = 0; i < 40; i++) {
		const char *key = keys[next_random(sizeof(keys) / sizeof(*keys))];
		memset(data, (int)i, sizeof(data));
		if (next_random(5)) nvs_set_blob(handle, key, data, next_random(900));
		else if (next_random(2)) nvs_erase_key(handle, key);
		else nvs_set_i32(handle, key, (int32_t)i);
	}
	/* What is written now must be there, unless the storage has become unusable, which it says. */
	if (nvs_set_str(handle, "after", "damage") == ESP_OK) {
		size_t size = sizeof(data);
		if (nvs_get_str(handle, "after", (char *)data, &size) != ESP_OK || strcmp((char *)data, "damage")) {
			printf("{\"failure\":\"a value that was just written is not there\"}\n");
			exit(1);
		}
	}
}

static void use_slots(void)
{
	static const uint8_t tag[kTagBytes] = {1};
	const esp_partition_t *next = esp_ota_get_next_update_partition(NULL);
	esp_app_desc_t description;
	SlotWriter writer = {0};

	esp_ota_get_last_invalid_partition();
	esp_ota_check_rollback_is_possible();
	if (!next) return;
	esp_ota_get_partition_description(next, &description);
	slotResumable(next, tag);
	if (slotOpen(&writer, next, 0, 0, tag) == ESP_OK) {
		slotWrite(&writer, raw + SLOT, 8192);
		slotFinish(&writer);
	}
	esp_ota_set_boot_partition(next);
	esp_ota_mark_app_valid_cancel_rollback();
}

int main(int argc, char **argv)
{
	static void (*const damages[])(void) = {damage_table, damage_storage, damage_storage, damage_otadata, damage_image};
	struct stat status;
	uint8_t *whole;
	size_t size;
	unsigned long booted = 0, rounds;
	int file;

	if (argc != 4) return 64;
	file = open(argv[1], O_RDWR);
	if (file < 0 || fstat(file, &status)) return 66;
	size = (size_t)status.st_size;
	raw = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	whole = malloc(size);
	if (raw == MAP_FAILED || !whole) return 66;
	close(file);
	memcpy(whole, raw, size);
	state = 0x9e3779b97f4a7c15u + strtoul(argv[2], NULL, 10);
	rounds = strtoul(argv[3], NULL, 10);
	for (unsigned long round = 0; round < rounds; round++) {
		host_boot_t boot;
		memcpy(raw, whole, size);
		for (uint32_t count = 1 + next_random(3); count; count--) damages[next_random(sizeof(damages) / sizeof(*damages))]();
		alarm(20); /* a hang is a failure too */
		if (host_flash_open(argv[1])) return 66;
		if (host_boot_select(&boot) == ESP_OK) {
			booted++;
			use_slots();
		}
		use_storage();
		host_flash_close();
	}
	free(whole);
	printf("{\"rounds\":%lu,\"booted\":%lu}\n", rounds, booted);
	return 0;
}
