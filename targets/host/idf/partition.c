/* The partition table in flash, and reading, writing and erasing within a partition. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "esp_ota_ops.h"
#include "model.h"

#define TAG "partition"

struct esp_partition_iterator_opaque_ {
	esp_partition_type_t type;
	esp_partition_subtype_t subtype;
	char label[17];
	bool labelled;
	unsigned next;
	const esp_partition_t *partition;
};

static esp_partition_t partitions[ESP_PARTITION_TABLE_MAX_ENTRIES];
static unsigned partition_count;
static bool loaded;

void partition_reset(void)
{
	memset(partitions, 0, sizeof(partitions));
	partition_count = 0;
	loaded = false;
}

esp_err_t esp_partition_table_verify(const esp_partition_info_t *table, bool log_errors, int *num_partitions)
{
	bool md5_found = false;
	const char *wrong = "has no end mark";

	*num_partitions = 0;
	for (unsigned i = 0; i < ESP_PARTITION_TABLE_MAX_ENTRIES; i++) {
		const esp_partition_info_t *entry = &table[i];
		if (entry->magic == ESP_PARTITION_MAGIC) {
			if (entry->pos.offset <= host_flash_size() && entry->pos.size <= host_flash_size() - entry->pos.offset) continue;
			if (log_errors)
				flash_log('E', TAG, "partition %u at 0x%" PRIx32 " with 0x%" PRIx32 " bytes does not fit into the flash", i,
					entry->pos.offset, entry->pos.size);
			return ESP_ERR_INVALID_SIZE;
		}
		if (entry->magic == ESP_PARTITION_MAGIC_MD5) {
			uint8_t md5[16];
			wrong = "has a second checksum";
			if (md5_found) break;
			wrong = "has a wrong checksum";
			if (!digest_md5((const uint8_t *)table, i * sizeof(*table), md5)) break;
			if (memcmp(md5, (const uint8_t *)entry + ESP_PARTITION_MD5_OFFSET, sizeof(md5))) break;
			md5_found = true;
			continue;
		}
		/* The first entry cannot be the end: a blank table is no table. */
		if (i && entry->magic == 0xffff && entry->type == PART_TYPE_END && entry->subtype == PART_SUBTYPE_END) {
			*num_partitions = (int)(i - md5_found);
			return ESP_OK;
		}
		wrong = i ? "has an entry without its magic number" : "is not there";
		break;
	}
	if (log_errors) flash_log('E', TAG, "the partition table at 0x%x %s", ESP_PARTITION_TABLE_OFFSET, wrong);
	return ESP_ERR_INVALID_STATE;
}

/* As the application reads it: up to the MD5 entry, which must be there (CONFIG_PARTITION_TABLE_MD5). */
static esp_err_t load(void)
{
	esp_partition_info_t table[ESP_PARTITION_TABLE_MAX_ENTRIES];
	uint8_t md5[16];
	unsigned count = 0;
	esp_err_t error;

	if (loaded) return ESP_OK;
	error = flash_read(ESP_PARTITION_TABLE_OFFSET, table, sizeof(table));
	if (error) return error;
	while (count < ESP_PARTITION_TABLE_MAX_ENTRIES && table[count].magic == ESP_PARTITION_MAGIC) count++;
	if (count == ESP_PARTITION_TABLE_MAX_ENTRIES || table[count].magic != ESP_PARTITION_MAGIC_MD5) return ESP_ERR_NOT_FOUND;
	if (!digest_md5((const uint8_t *)table, count * sizeof(*table), md5)) return ESP_FAIL;
	if (memcmp(md5, (const uint8_t *)&table[count] + ESP_PARTITION_MD5_OFFSET, sizeof(md5))) return ESP_ERR_INVALID_STATE;
	for (unsigned i = 0; i < count; i++) {
		esp_partition_t *partition = &partitions[i];
		/* ESP-IDF leaves this to the bootloader; here storage may be opened before anything has booted. */
		if (table[i].pos.offset > host_flash_size() || table[i].pos.size > host_flash_size() - table[i].pos.offset)
			return ESP_ERR_INVALID_SIZE;
		partition->type = table[i].type;
		partition->subtype = table[i].subtype;
		partition->address = table[i].pos.offset;
		partition->size = table[i].pos.size;
		partition->erase_size = HOST_FLASH_SECTOR;
		memcpy(partition->label, table[i].label, sizeof(table[i].label));
		partition->label[sizeof(partition->label) - 1] = 0;
		/* The host device has no flash encryption: the flag has no effect, as on a chip without it. */
		partition->encrypted = false;
		partition->readonly = (table[i].flags & PART_FLAG_READONLY) != 0;
	}
	partition_count = count;
	loaded = true;
	return ESP_OK;
}

/* ---- finding ---- */

esp_partition_iterator_t esp_partition_find(esp_partition_type_t type, esp_partition_subtype_t subtype, const char *label)
{
	esp_partition_iterator_t iterator;
	if (load() != ESP_OK) return NULL;
	if (type == ESP_PARTITION_TYPE_ANY && subtype != ESP_PARTITION_SUBTYPE_ANY) return NULL;
	iterator = calloc(1, sizeof(*iterator));
	if (!iterator) return NULL;
	iterator->type = type;
	iterator->subtype = subtype;
	if (label) {
		iterator->labelled = true;
		strncpy(iterator->label, label, sizeof(iterator->label) - 1);
	}
	return esp_partition_next(iterator);
}

esp_partition_iterator_t esp_partition_next(esp_partition_iterator_t iterator)
{
	assert(iterator);
	while (iterator->next < partition_count) {
		const esp_partition_t *partition = &partitions[iterator->next++];
		if (iterator->type != ESP_PARTITION_TYPE_ANY && iterator->type != partition->type) continue;
		if (iterator->subtype != ESP_PARTITION_SUBTYPE_ANY && iterator->subtype != partition->subtype) continue;
		if (iterator->labelled && strcmp(iterator->label, partition->label)) continue;
		iterator->partition = partition;
		return iterator;
	}
	esp_partition_iterator_release(iterator);
	return NULL;
}

const esp_partition_t *esp_partition_get(esp_partition_iterator_t iterator)
{
	assert(iterator);
	return iterator->partition;
}

void esp_partition_iterator_release(esp_partition_iterator_t iterator)
{
	free(iterator);
}

const esp_partition_t *esp_partition_find_first(esp_partition_type_t type, esp_partition_subtype_t subtype, const char *label)
{
	esp_partition_iterator_t iterator = esp_partition_find(type, subtype, label);
	const esp_partition_t *partition = iterator ? iterator->partition : NULL;
	esp_partition_iterator_release(iterator);
	return partition;
}

const esp_partition_t *esp_partition_verify(const esp_partition_t *partition)
{
	assert(partition);
	if (load() != ESP_OK) return NULL;
	for (unsigned i = 0; i < partition_count; i++) {
		const esp_partition_t *p = &partitions[i];
		if (p->type == partition->type && p->subtype == partition->subtype && p->address == partition->address &&
			p->size == partition->size && p->encrypted == partition->encrypted &&
			(!partition->label[0] || !strcmp(p->label, partition->label)))
			return p;
	}
	return NULL;
}

unsigned partition_slots(const esp_partition_t *slots[16])
{
	unsigned count = 0;
	while (count < 16 && (slots[count] = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_OTA(count), NULL)))
		count++;
	return count;
}

/* ---- contents ---- */

static esp_err_t check_range(const esp_partition_t *partition, size_t offset, size_t size)
{
	assert(partition);
	if (offset > partition->size) return ESP_ERR_INVALID_ARG;
	return size > partition->size - offset ? ESP_ERR_INVALID_SIZE : ESP_OK;
}

/* ESP-IDF aborts when the running firmware is about to be overwritten; here the call fails, which a test can see. */
static esp_err_t check_change(const esp_partition_t *partition, size_t offset, size_t size)
{
	const esp_partition_t *running = esp_ota_get_running_partition();
	assert(partition);
	if (partition->readonly) return ESP_ERR_NOT_ALLOWED;
	if (running && running->address == partition->address) {
		flash_log('E', TAG, "%s holds the running firmware and must not be changed", partition->label);
		return ESP_ERR_NOT_ALLOWED;
	}
	return check_range(partition, offset, size);
}

esp_err_t esp_partition_read(const esp_partition_t *partition, size_t src_offset, void *dst, size_t size)
{
	esp_err_t error = check_range(partition, src_offset, size);
	return error ? error : flash_read(partition->address + (uint32_t)src_offset, dst, (uint32_t)size);
}

esp_err_t esp_partition_write(const esp_partition_t *partition, size_t dst_offset, const void *src, size_t size)
{
	esp_err_t error = check_change(partition, dst_offset, size);
	return error ? error : flash_write(partition->address + (uint32_t)dst_offset, src, (uint32_t)size);
}

esp_err_t esp_partition_read_raw(const esp_partition_t *partition, size_t src_offset, void *dst, size_t size)
{
	return esp_partition_read(partition, src_offset, dst, size);
}

esp_err_t esp_partition_write_raw(const esp_partition_t *partition, size_t dst_offset, const void *src, size_t size)
{
	return esp_partition_write(partition, dst_offset, src, size);
}

esp_err_t esp_partition_erase_range(const esp_partition_t *partition, size_t offset, size_t size)
{
	esp_err_t error = check_change(partition, offset, size);
	if (error) return error;
	if (size % HOST_FLASH_SECTOR) return ESP_ERR_INVALID_SIZE;
	if (offset % HOST_FLASH_SECTOR) return ESP_ERR_INVALID_ARG;
	return flash_erase(partition->address + (uint32_t)offset, (uint32_t)size);
}

esp_err_t esp_partition_mmap(const esp_partition_t *partition, size_t offset, size_t size, esp_partition_mmap_memory_t memory,
	const void **out_ptr, esp_partition_mmap_handle_t *out_handle)
{
	esp_err_t error = check_range(partition, offset, size);
	(void)memory;
	if (error) return error;
	if (!host_flash_data()) return ESP_ERR_INVALID_STATE;
	*out_ptr = host_flash_data() + partition->address + offset;
	*out_handle = partition->address + (uint32_t)offset;
	return ESP_OK;
}

/* All of the flash is mapped for as long as it is open. */
void esp_partition_munmap(esp_partition_mmap_handle_t handle)
{
	(void)handle;
}

esp_err_t esp_partition_get_sha256(const esp_partition_t *partition, uint8_t *sha_256)
{
	if (!partition || !sha_256 || !partition->size) return ESP_ERR_INVALID_ARG;
	if (partition->type == ESP_PARTITION_TYPE_APP) {
		esp_partition_pos_t position = {partition->address, partition->size};
		esp_image_metadata_t image;
		if (esp_image_verify(ESP_IMAGE_VERIFY_SILENT, &position, &image) != ESP_OK) return ESP_ERR_IMAGE_INVALID;
		if (image.image.hash_appended) {
			memcpy(sha_256, image.image_digest, sizeof(image.image_digest));
			return ESP_OK;
		}
		return digest_sha256(host_flash_data() + partition->address, image.image_len, sha_256) ? ESP_OK : ESP_FAIL;
	}
	if (!host_flash_data()) return ESP_ERR_INVALID_STATE;
	return digest_sha256(host_flash_data() + partition->address, partition->size, sha_256) ? ESP_OK : ESP_FAIL;
}
