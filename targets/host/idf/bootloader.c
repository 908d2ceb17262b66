/*
 * Which firmware runs: the decisions of ESP-IDF's second-stage bootloader with rollback enabled
 * (bootloader_utility_get_selected_boot_partition and bootloader_utility_load_boot_image), with the same writes to otadata in
 * the same order.
 */
#include <inttypes.h>
#include <string.h>

#include "esp_ota_ops.h"
#include "model.h"

#define TAG "boot"

/* Index of the factory partition in the order of trial, before the OTA slots. */
#define FACTORY -1

typedef struct {
	const esp_partition_t *factory;
	const esp_partition_t *slots[16];
	unsigned slot_count;
	bool initial; /* otadata was never written: it is to name the slot that boots */
} candidates_t;

static const esp_partition_t *candidate(const candidates_t *candidates, int index)
{
	return index == FACTORY ? candidates->factory : candidates->slots[index];
}

static bool never_written(const esp_ota_select_entry_t *entry)
{
	return entry->ota_seq == UINT32_MAX || entry->crc != otadata_crc(entry);
}

/* What was on trial when the last boot ended has not confirmed itself. */
static void abort_trials(otadata_t *otadata)
{
	for (int i = 0; i < 2; i++) {
		if (otadata->entries[i].ota_state != ESP_OTA_IMG_PENDING_VERIFY) continue;
		otadata->entries[i].ota_state = ESP_OTA_IMG_ABORTED;
		otadata_write(otadata, i);
		flash_log('W', TAG, "the firmware on trial (otadata %d) did not confirm itself: aborted", i);
	}
}

/* Where to start trying. */
static int selected(candidates_t *candidates, otadata_t *otadata)
{
	int active;

	abort_trials(otadata);
	if ((otadata_unbootable(&otadata->entries[0]) && otadata_unbootable(&otadata->entries[1])) || !candidates->slot_count) {
		if (candidates->factory || !candidates->slot_count) return FACTORY;
		candidates->initial = never_written(&otadata->entries[0]) && never_written(&otadata->entries[1]);
		return 0;
	}
	active = otadata_active(otadata);
	if (active < 0) return FACTORY;
	if (otadata->entries[active].ota_state == ESP_OTA_IMG_NEW) {
		otadata->entries[active].ota_state = ESP_OTA_IMG_PENDING_VERIFY;
		otadata_write(otadata, active);
	}
	return (int)((otadata->entries[active].ota_seq - 1) % candidates->slot_count);
}

static bool try_index(const candidates_t *candidates, int index, esp_image_metadata_t *image)
{
	const esp_partition_t *partition = candidate(candidates, index);
	esp_partition_pos_t position;

	if (!partition || !partition->size) return false;
	position.offset = partition->address;
	position.size = partition->size;
	if (esp_image_verify(ESP_IMAGE_VERIFY, &position, image) != ESP_OK) {
		flash_log('E', TAG, "%s is not bootable", partition->label);
		return false;
	}
	flash_log('I', TAG, "loaded firmware from %s at 0x%" PRIx32, partition->label, partition->address);
	return true;
}

/* From the selected one down to factory, then the slots above it. */
static bool load(const candidates_t *candidates, int start, int *index, esp_image_metadata_t *image)
{
	for (*index = start; *index >= FACTORY; --*index)
		if (try_index(candidates, *index, image)) return true;
	for (*index = start + 1; *index < (int)candidates->slot_count; ++*index)
		if (try_index(candidates, *index, image)) return true;
	return false;
}

static void write_initial(otadata_t *otadata, int index)
{
	esp_ota_select_entry_t *entry = &otadata->entries[0];
	memset(entry, 0xff, sizeof(*entry));
	entry->ota_seq = (uint32_t)index + 1;
	entry->ota_state = ESP_OTA_IMG_VALID;
	entry->crc = otadata_crc(entry);
	otadata_write(otadata, 0);
}

static void describe(host_boot_t *boot, const esp_image_metadata_t *image)
{
	boot->image_length = image->image_len;
	memcpy(boot->image_digest, image->image_digest, sizeof(boot->image_digest));
	boot->segment_count = image->image.segment_count;
	for (unsigned i = 0; i < boot->segment_count; i++) {
		host_boot_segment_t *segment = &boot->segments[i];
		segment->load_address = image->segments[i].load_addr;
		segment->offset = image->segment_data[i] - image->start_addr;
		segment->length = image->segments[i].data_len;
		segment->data = host_flash_data() + image->segment_data[i];
	}
	if (esp_ota_get_partition_description(boot->partition, &boot->description) != ESP_OK)
		memset(&boot->description, 0, sizeof(boot->description));
}

esp_err_t host_boot_select(host_boot_t *boot)
{
	esp_partition_info_t table[ESP_PARTITION_TABLE_MAX_ENTRIES];
	candidates_t candidates = {0};
	esp_image_metadata_t image;
	otadata_t otadata;
	bool has_otadata;
	int count, start = FACTORY, index;

	memset(boot, 0, sizeof(*boot));
	boot->state = ESP_OTA_IMG_UNDEFINED;
	if (flash_read(ESP_PARTITION_TABLE_OFFSET, table, sizeof(table)) != ESP_OK ||
		esp_partition_table_verify(table, true, &count) != ESP_OK ||
		!esp_partition_find_first(ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY, NULL)) {
		flash_fail("there is no valid partition table at 0x%x of the flash: make the flash file again", ESP_PARTITION_TABLE_OFFSET);
		return ESP_ERR_INVALID_STATE;
	}
	candidates.factory = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL);
	candidates.slot_count = partition_slots(candidates.slots);
	has_otadata = otadata_read(&otadata);
	if (has_otadata) start = selected(&candidates, &otadata);
	if (!load(&candidates, start, &index, &image)) {
		flash_fail("no partition holds a firmware image that can be booted: write one with the image tool");
		flash_log('E', TAG, "no bootable app partitions in the partition table");
		return ESP_ERR_NOT_FOUND;
	}
	boot->partition = candidate(&candidates, index);
	boot->fallback = start >= 0 && index != start;
	if (candidates.initial && index != FACTORY) write_initial(&otadata, index);
	describe(boot, &image);
	ota_set_running(boot->partition, &boot->description);
	if (esp_ota_get_state_partition(boot->partition, &boot->state) != ESP_OK) boot->state = ESP_OTA_IMG_UNDEFINED;
	return ESP_OK;
}
