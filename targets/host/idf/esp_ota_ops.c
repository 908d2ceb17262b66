/*
 * Choosing what boots, trial and rollback, with the semantics of ESP-IDF 6.0's app_update, rollback enabled.
 */
#include <string.h>

#include "esp_ota_ops.h"
#include "esp_system.h"
#include "model.h"

#define TAG "esp_ota_ops"

static const esp_partition_t *running;
static esp_app_desc_t running_description;

void ota_reset(void)
{
	ota_write_reset();
	running = NULL;
	memset(&running_description, 0, sizeof(running_description));
}

void ota_set_running(const esp_partition_t *partition, const esp_app_desc_t *description)
{
	running = partition;
	running_description = *description;
}

const esp_app_desc_t *esp_app_get_description(void)
{
	return running ? &running_description : NULL;
}

bool ota_is_slot(const esp_partition_t *partition)
{
	return partition && partition->type == ESP_PARTITION_TYPE_APP && partition->subtype >= ESP_PARTITION_SUBTYPE_APP_OTA_0 &&
		   partition->subtype < ESP_PARTITION_SUBTYPE_APP_OTA_MAX;
}

esp_err_t ota_validate(const esp_partition_t *partition, esp_image_load_mode_t mode)
{
	const esp_partition_pos_t position = {partition->address, partition->size};
	esp_image_metadata_t image;
	return esp_image_verify(mode, &position, &image) == ESP_OK ? ESP_OK : ESP_ERR_OTA_VALIDATE_FAILED;
}

static const esp_partition_t *slot_of(const esp_ota_select_entry_t *entry, unsigned count)
{
	unsigned slot = (entry->ota_seq - 1) % count;
	return esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_OTA(slot), NULL);
}

uint8_t esp_ota_get_app_partition_count(void)
{
	const esp_partition_t *slots[16];
	return (uint8_t)partition_slots(slots);
}

/* ---- what boots next ---- */

static esp_err_t set_entry(otadata_t *otadata, int index, uint32_t sequence, esp_ota_img_states_t state)
{
	esp_ota_select_entry_t *entry = &otadata->entries[index];
	entry->ota_seq = sequence;
	entry->ota_state = state;
	entry->crc = otadata_crc(entry);
	return otadata_write(otadata, index);
}

/* The lowest sequence number, not below `current`, that stands for `slot`. */
static uint32_t sequence_for(uint32_t current, uint32_t slot, uint32_t count)
{
	uint32_t sequence = (slot + 1) % count;
	if (sequence < current) sequence += (current - sequence + count - 1) / count * count;
	return sequence;
}

esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition)
{
	otadata_t otadata;
	uint32_t count, slot;
	int active;

	if (!partition) return ESP_ERR_INVALID_ARG;
	if (ota_validate(partition, ESP_IMAGE_VERIFY) != ESP_OK) return ESP_ERR_OTA_VALIDATE_FAILED;
	if (partition->type != ESP_PARTITION_TYPE_APP) return ESP_ERR_INVALID_ARG;
	if (!otadata_read(&otadata)) return ESP_ERR_NOT_FOUND;
	if (partition->subtype == ESP_PARTITION_SUBTYPE_APP_FACTORY)
		return esp_partition_erase_range(otadata.partition, 0, otadata.partition->size);
	count = esp_ota_get_app_partition_count();
	slot = partition->subtype & PART_SUBTYPE_OTA_MASK;
	if (slot >= count) return ESP_ERR_INVALID_ARG;
	active = otadata_active(&otadata);
	if (active < 0) return set_entry(&otadata, 0, slot + 1, ESP_OTA_IMG_NEW);
	if ((otadata.entries[active].ota_seq - 1) % count == slot)
		return set_entry(&otadata, active, otadata.entries[active].ota_seq, ESP_OTA_IMG_NEW);
	return set_entry(&otadata, !active, sequence_for(otadata.entries[active].ota_seq, slot, count), ESP_OTA_IMG_NEW);
}

static const esp_partition_t *default_boot_partition(void)
{
	const esp_partition_t *partition = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL);
	for (int i = 0; !partition && i < 16; i++)
		partition = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_OTA(i), NULL);
	if (!partition) partition = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_TEST, NULL);
	return partition;
}

const esp_partition_t *esp_ota_get_boot_partition(void)
{
	otadata_t otadata;
	unsigned count = esp_ota_get_app_partition_count();
	int active;
	if (!otadata_read(&otadata)) return NULL;
	active = otadata_active(&otadata);
	return active < 0 || !count ? default_boot_partition() : slot_of(&otadata.entries[active], count);
}

const esp_partition_t *esp_ota_get_running_partition(void)
{
	return running;
}

const esp_partition_t *esp_ota_get_next_update_partition(const esp_partition_t *start_from)
{
	const esp_partition_t *first = NULL;
	bool next = false;

	start_from = start_from ? esp_partition_verify(start_from) : running;
	for (int i = 0; i < 16; i++) {
		const esp_partition_t *partition = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_OTA(i), NULL);
		if (!partition) continue;
		if (!first) first = partition;
		if (partition == start_from) next = true;
		else if (next) return partition;
	}
	return first;
}

esp_err_t esp_ota_get_partition_description(const esp_partition_t *partition, esp_app_desc_t *app_desc)
{
	esp_err_t error;
	if (!partition || !app_desc) return ESP_ERR_INVALID_ARG;
	if (partition->type != ESP_PARTITION_TYPE_APP) return ESP_ERR_NOT_SUPPORTED;
	error = esp_partition_read(partition, sizeof(esp_image_header_t) + sizeof(esp_image_segment_header_t), app_desc,
		sizeof(*app_desc));
	if (error) return error;
	return app_desc->magic_word == ESP_APP_DESC_MAGIC_WORD ? ESP_OK : ESP_ERR_NOT_FOUND;
}

/* ---- trial and rollback ---- */

bool esp_ota_check_rollback_is_possible(void)
{
	unsigned count = esp_ota_get_app_partition_count();
	const esp_partition_t *partition;
	otadata_t otadata;
	int active;

	if (!otadata_read(&otadata) || !count) return false;
	active = otadata_active(&otadata);
	if (active < 0) return false;
	if (otadata_valid(&otadata.entries[!active])) partition = slot_of(&otadata.entries[!active], count);
	else partition = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL);
	return partition && ota_validate(partition, ESP_IMAGE_VERIFY_SILENT) == ESP_OK;
}

/* The active entry, which is the one of the running firmware unless another was chosen since; negative without one. */
static int read_active(otadata_t *otadata, esp_err_t *error)
{
	int active;
	*error = ESP_ERR_NOT_FOUND;
	if (!otadata_read(otadata)) return -1;
	*error = ESP_FAIL;
	active = otadata_active(otadata);
	if (!esp_ota_get_app_partition_count()) active = -1;
	if (active < 0) flash_log('E', TAG, "otadata names no firmware: the factory firmware runs");
	return active;
}

esp_err_t esp_ota_mark_app_valid_cancel_rollback(void)
{
	otadata_t otadata;
	esp_err_t error;
	int active = read_active(&otadata, &error);
	if (active < 0) return error;
	if (otadata.entries[active].ota_state == ESP_OTA_IMG_VALID) return ESP_OK;
	return set_entry(&otadata, active, otadata.entries[active].ota_seq, ESP_OTA_IMG_VALID);
}

esp_err_t esp_ota_mark_app_invalid_rollback(void)
{
	otadata_t otadata;
	esp_err_t error;
	int active = read_active(&otadata, &error);
	if (active < 0) return error;
	if (!esp_ota_check_rollback_is_possible()) {
		flash_log('E', TAG, "no other slot holds a firmware to go back to");
		return ESP_ERR_OTA_ROLLBACK_FAILED;
	}
	return set_entry(&otadata, active, otadata.entries[active].ota_seq, ESP_OTA_IMG_INVALID);
}

esp_err_t esp_ota_mark_app_invalid_rollback_and_reboot(void)
{
	esp_err_t error = esp_ota_mark_app_invalid_rollback();
	if (error == ESP_OK) esp_restart();
	return error;
}

const esp_partition_t *esp_ota_get_last_invalid_partition(void)
{
	unsigned count = esp_ota_get_app_partition_count();
	const esp_partition_t *partition;
	bool invalid[2];
	otadata_t otadata;
	int index;

	if (!otadata_read(&otadata) || !count) return NULL;
	for (int i = 0; i < 2; i++) {
		const esp_ota_select_entry_t *entry = &otadata.entries[i];
		invalid[i] = entry->ota_seq != UINT32_MAX && entry->crc == otadata_crc(entry) &&
					 (entry->ota_state == ESP_OTA_IMG_INVALID || entry->ota_state == ESP_OTA_IMG_ABORTED);
	}
	index = otadata_select(&otadata, invalid, false);
	if (index < 0) return NULL;
	partition = slot_of(&otadata.entries[index], count);
	return partition && ota_validate(partition, ESP_IMAGE_VERIFY_SILENT) == ESP_OK ? partition : NULL;
}

esp_err_t esp_ota_get_state_partition(const esp_partition_t *partition, esp_ota_img_states_t *ota_state)
{
	unsigned count = esp_ota_get_app_partition_count();
	otadata_t otadata;

	if (!partition || !ota_state) return ESP_ERR_INVALID_ARG;
	if (!ota_is_slot(partition)) return ESP_ERR_NOT_SUPPORTED;
	if (!otadata_read(&otadata) || !count) return ESP_ERR_NOT_FOUND;
	for (int i = 0; i < 2; i++) {
		const esp_ota_select_entry_t *entry = &otadata.entries[i];
		if ((entry->ota_seq - 1) % count != (partition->subtype & PART_SUBTYPE_OTA_MASK)) continue;
		if (entry->crc != otadata_crc(entry)) continue;
		*ota_state = (esp_ota_img_states_t)entry->ota_state;
		return ESP_OK;
	}
	return ESP_ERR_NOT_FOUND;
}

static esp_err_t erase_last_boot(bool with_application)
{
	unsigned count = esp_ota_get_app_partition_count();
	const esp_partition_t *partition;
	otadata_t otadata;
	int active, other;

	if (!otadata_read(&otadata) || !count) return ESP_FAIL;
	active = otadata_active(&otadata);
	if (active < 0) return ESP_FAIL;
	other = !active;
	if (otadata.entries[other].ota_seq == UINT32_MAX || otadata.entries[other].crc != otadata_crc(&otadata.entries[other]))
		return ESP_FAIL;
	partition = slot_of(&otadata.entries[other], count);
	if (!partition || !running || partition == running) return ESP_FAIL;
	if (with_application) {
		esp_err_t error = esp_partition_erase_range(partition, 0, partition->size);
		if (error) return error;
	}
	return esp_partition_erase_range(otadata.partition, (size_t)other * HOST_FLASH_SECTOR, HOST_FLASH_SECTOR);
}

esp_err_t esp_ota_erase_last_boot_app_partition(void)
{
	return erase_last_boot(true);
}

esp_err_t esp_ota_invalidate_inactive_ota_data_slot(void)
{
	return erase_last_boot(false);
}
