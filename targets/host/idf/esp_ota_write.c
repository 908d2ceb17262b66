/*
 * Writing an update into a slot, with the semantics of ESP-IDF 6.0's app_update. Order and number of flash operations are those
 * of ESP-IDF, so that a power cut finds the same intermediate states.
 */
#include <assert.h>
#include <stdlib.h>

#include "esp_ota_ops.h"
#include "model.h"

#define TAG "esp_ota_ops"

typedef struct ota_entry {
	struct ota_entry *next;
	esp_ota_handle_t handle;
	const esp_partition_t *partition;
	bool erase_on_entry; /* each sector is erased when writing reaches it */
	uint32_t written;
} ota_entry_t;

static ota_entry_t *entries;
static esp_ota_handle_t last_handle;

void ota_write_reset(void)
{
	while (entries) {
		ota_entry_t *next = entries->next;
		free(entries);
		entries = next;
	}
}

static ota_entry_t *find_entry(esp_ota_handle_t handle)
{
	ota_entry_t *entry = entries;
	while (entry && entry->handle != handle) entry = entry->next;
	return entry;
}

static void remove_entry(ota_entry_t *entry)
{
	ota_entry_t **link = &entries;
	while (*link != entry) link = &(*link)->next;
	*link = entry->next;
	free(entry);
}

static esp_err_t add_entry(const esp_partition_t *partition, bool erase_on_entry, uint32_t written, esp_ota_handle_t *out_handle)
{
	ota_entry_t *entry = calloc(1, sizeof(*entry));
	if (!entry) return ESP_ERR_NO_MEM;
	entry->partition = partition;
	entry->erase_on_entry = erase_on_entry;
	entry->written = written;
	entry->handle = ++last_handle;
	entry->next = entries;
	entries = entry;
	*out_handle = entry->handle;
	return ESP_OK;
}

/* What both ways to start have in common. */
static esp_err_t check_target(const esp_partition_t **partition)
{
	*partition = esp_partition_verify(*partition);
	if (!*partition) return ESP_ERR_NOT_FOUND;
	if ((*partition)->type == ESP_PARTITION_TYPE_APP && !ota_is_slot(*partition)) return ESP_ERR_INVALID_ARG;
	return *partition == esp_ota_get_running_partition() ? ESP_ERR_OTA_PARTITION_CONFLICT : ESP_OK;
}

esp_err_t esp_ota_begin(const esp_partition_t *partition, size_t image_size, esp_ota_handle_t *out_handle)
{
	const esp_partition_t *running = esp_ota_get_running_partition();
	esp_ota_img_states_t state;
	esp_err_t error;
	bool sequential = image_size == OTA_WITH_SEQUENTIAL_WRITES;

	if (!partition || !out_handle) return ESP_ERR_INVALID_ARG;
	error = check_target(&partition);
	if (error) return error;
	if (ota_is_slot(partition) && running && esp_ota_get_state_partition(running, &state) == ESP_OK &&
		state == ESP_OTA_IMG_PENDING_VERIFY) {
		flash_log('E', TAG, "the running firmware is on trial: confirm it before the next update");
		return ESP_ERR_OTA_ROLLBACK_INVALID_STATE;
	}
	error = add_entry(partition, sequential, 0, out_handle);
	if (error) return error;
	if (!sequential) {
		size_t erase = partition->size;
		if (image_size && image_size != OTA_SIZE_UNKNOWN)
			erase = (image_size + partition->erase_size - 1) / partition->erase_size * partition->erase_size;
		error = esp_partition_erase_range(partition, 0, erase);
		if (error) return error;
	}
	if (ota_is_slot(partition)) esp_ota_invalidate_inactive_ota_data_slot();
	return ESP_OK;
}

esp_err_t esp_ota_resume(const esp_partition_t *partition, const size_t erase_size, const size_t image_offset,
	esp_ota_handle_t *out_handle)
{
	esp_err_t error;
	if (!partition || !out_handle || image_offset > partition->size) return ESP_ERR_INVALID_ARG;
	error = check_target(&partition);
	if (error) return error;
	return add_entry(partition, erase_size == OTA_WITH_SEQUENTIAL_WRITES, (uint32_t)image_offset, out_handle);
}

/* Erases the sectors that a write enters. A write that starts inside a sector trusts that this one is erased. */
static esp_err_t erase_entered(const ota_entry_t *entry, size_t size)
{
	const uint32_t sector = entry->partition->erase_size;
	uint32_t first = (entry->written + sector - 1) / sector;
	uint32_t last = (uint32_t)((entry->written + size - 1) / sector);
	if (first > last) return ESP_OK;
	return esp_partition_erase_range(entry->partition, first * sector, (last - first + 1) * sector);
}

esp_err_t esp_ota_write(esp_ota_handle_t handle, const void *data, size_t size)
{
	ota_entry_t *entry = find_entry(handle);
	esp_err_t error;

	if (!data) return ESP_ERR_INVALID_ARG;
	if (!size) return ESP_OK;
	if (!entry) return ESP_ERR_INVALID_ARG;
	if (entry->erase_on_entry) {
		error = erase_entered(entry, size);
		if (error) return error;
	}
	if (!entry->written && entry->partition->type == ESP_PARTITION_TYPE_APP && *(const uint8_t *)data != ESP_IMAGE_HEADER_MAGIC) {
		flash_log('E', TAG, "the image starts with 0x%02x, not with 0xe9", *(const uint8_t *)data);
		return ESP_ERR_OTA_VALIDATE_FAILED;
	}
	error = esp_partition_write(entry->partition, entry->written, data, size);
	if (!error) entry->written += (uint32_t)size;
	return error;
}

esp_err_t esp_ota_write_with_offset(esp_ota_handle_t handle, const void *data, size_t size, uint32_t offset)
{
	ota_entry_t *entry = find_entry(handle);
	esp_err_t error;
	if (!data || !entry) return ESP_ERR_INVALID_ARG;
	/* With erasing in sequence there is no telling what is erased at `offset`. */
	assert(!entry->erase_on_entry);
	error = esp_partition_write(entry->partition, offset, data, size);
	if (!error) entry->written += (uint32_t)size;
	return error;
}

esp_err_t esp_ota_end(esp_ota_handle_t handle)
{
	ota_entry_t *entry = find_entry(handle);
	esp_err_t error = ESP_OK;
	if (!entry) return ESP_ERR_NOT_FOUND;
	if (!entry->written) error = ESP_ERR_INVALID_ARG;
	else if (entry->partition->type == ESP_PARTITION_TYPE_APP) error = ota_validate(entry->partition, ESP_IMAGE_VERIFY);
	remove_entry(entry);
	return error;
}

esp_err_t esp_ota_abort(esp_ota_handle_t handle)
{
	ota_entry_t *entry = find_entry(handle);
	if (!entry) return ESP_ERR_NOT_FOUND;
	remove_entry(entry);
	return ESP_OK;
}
