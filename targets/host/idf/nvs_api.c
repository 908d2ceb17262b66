/* ESP-IDF's C interface to non-volatile storage: partitions, handles, values. */
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "nvs_flash.h"
#include "nvs_internal.h"

#define TAG "nvs"

typedef struct nvs_open_handle {
	struct nvs_open_handle *next;
	nvs_handle_t handle;
	nvs_storage_t *storage;
	nvs_open_mode_t mode;
	uint8_t ns;
} nvs_open_handle_t;

static nvs_storage_t *storages;
static nvs_open_handle_t *handles;
static nvs_handle_t last_handle;

/* ---- partitions ---- */

nvs_storage_t *nvs_find_storage(const char *label)
{
	nvs_storage_t *storage = storages;
	while (storage && strcmp(storage->partition->label, label)) storage = storage->next;
	return storage;
}

static void close_handles(const nvs_storage_t *storage)
{
	nvs_open_handle_t **link = &handles;
	while (*link) {
		nvs_open_handle_t *handle = *link;
		if (handle->storage != storage) {
			link = &handle->next;
			continue;
		}
		*link = handle->next;
		free(handle);
	}
}

static void free_storage(nvs_storage_t *storage)
{
	free(storage->pages);
	free(storage->used);
	free(storage->free);
	free(storage);
}

static void remove_storage(nvs_storage_t *storage)
{
	nvs_storage_t **link = &storages;
	close_handles(storage);
	while (*link != storage) link = &(*link)->next;
	*link = storage->next;
	free_storage(storage);
}

void nvs_reset(void)
{
	while (storages) remove_storage(storages);
}

static const esp_partition_t *find_partition(const char *label)
{
	return esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_NVS, label);
}

esp_err_t nvs_flash_init_partition(const char *partition_label)
{
	const esp_partition_t *partition = find_partition(partition_label);
	nvs_storage_t *storage;
	esp_err_t error;

	if (!partition) return ESP_ERR_NOT_FOUND;
	if (nvs_find_storage(partition_label)) return ESP_OK;
	storage = calloc(1, sizeof(*storage));
	if (!storage) return ESP_ERR_NO_MEM;
	storage->partition = partition;
	storage->page_count = partition->size / PAGE_SIZE_BYTES;
	storage->pages = calloc(storage->page_count, sizeof(*storage->pages));
	storage->used = calloc(storage->page_count + 1, sizeof(*storage->used));
	storage->free = calloc(storage->page_count + 1, sizeof(*storage->free));
	storage->next = storages;
	storages = storage;
	error = storage->pages && storage->used && storage->free ? nvs_storage_init(storage) : ESP_ERR_NO_MEM;
	if (error) remove_storage(storage);
	return error;
}

esp_err_t nvs_flash_init(void)
{
	return nvs_flash_init_partition(NVS_DEFAULT_PART_NAME);
}

esp_err_t nvs_flash_deinit_partition(const char *partition_label)
{
	nvs_storage_t *storage = nvs_find_storage(partition_label);
	if (!storage) return ESP_ERR_NVS_NOT_INITIALIZED;
	remove_storage(storage);
	return ESP_OK;
}

esp_err_t nvs_flash_deinit(void)
{
	return nvs_flash_deinit_partition(NVS_DEFAULT_PART_NAME);
}

esp_err_t nvs_flash_erase_partition(const char *part_name)
{
	const esp_partition_t *partition = find_partition(part_name);
	nvs_storage_t *storage = nvs_find_storage(part_name);
	if (storage) remove_storage(storage);
	return partition ? esp_partition_erase_range(partition, 0, partition->size) : ESP_ERR_NOT_FOUND;
}

esp_err_t nvs_flash_erase(void)
{
	return nvs_flash_erase_partition(NVS_DEFAULT_PART_NAME);
}

esp_err_t host_nvs_init(bool *erased)
{
	esp_err_t error = nvs_flash_init();
	bool useless = error == ESP_ERR_NVS_NO_FREE_PAGES || error == ESP_ERR_NVS_NEW_VERSION_FOUND;

	if (erased) *erased = useless;
	if (useless) {
		flash_log('W', TAG, "key-value storage is unusable (%s): it is erased", esp_err_to_name(error));
		error = nvs_flash_erase();
		if (!error) error = nvs_flash_init();
	}
	if (error) flash_fail("key-value storage cannot be used (%s): the partition table needs a data partition \"nvs\"", esp_err_to_name(error));
	return error;
}

/* ---- handles ---- */

static nvs_open_handle_t *find_handle(nvs_handle_t handle)
{
	nvs_open_handle_t *open = handles;
	while (open && open->handle != handle) open = open->next;
	return open;
}

bool nvs_find_handle(nvs_handle_t handle, nvs_storage_t **storage, uint8_t *ns)
{
	nvs_open_handle_t *open = find_handle(handle);
	if (!open) return false;
	*storage = open->storage;
	*ns = open->ns;
	return true;
}

esp_err_t nvs_open_from_partition(const char *part_name, const char *namespace_name, nvs_open_mode_t open_mode,
	nvs_handle_t *out_handle)
{
	nvs_storage_t *storage = nvs_find_storage(part_name);
	nvs_open_handle_t *open;
	uint8_t ns;
	esp_err_t error;

	if (!out_handle) return ESP_ERR_INVALID_ARG;
	if (!storages) return ESP_ERR_NVS_NOT_INITIALIZED;
	if (!storage) return ESP_ERR_NVS_PART_NOT_FOUND;
	if (open_mode != NVS_READONLY && storage->partition->readonly) return ESP_ERR_NOT_ALLOWED;
	error = nvs_storage_namespace(storage, namespace_name, open_mode != NVS_READONLY, &ns);
	if (error) return error;
	open = calloc(1, sizeof(*open));
	if (!open) return ESP_ERR_NO_MEM;
	open->storage = storage;
	open->mode = open_mode;
	open->ns = ns;
	open->handle = ++last_handle;
	open->next = handles;
	handles = open;
	*out_handle = open->handle;
	return ESP_OK;
}

esp_err_t nvs_open(const char *namespace_name, nvs_open_mode_t open_mode, nvs_handle_t *out_handle)
{
	return nvs_open_from_partition(NVS_DEFAULT_PART_NAME, namespace_name, open_mode, out_handle);
}

void nvs_close(nvs_handle_t handle)
{
	nvs_open_handle_t **link = &handles;
	while (*link && (*link)->handle != handle) link = &(*link)->next;
	if (*link) {
		nvs_open_handle_t *open = *link;
		*link = open->next;
		free(open);
	}
}

esp_err_t nvs_commit(nvs_handle_t handle)
{
	return find_handle(handle) ? ESP_OK : ESP_ERR_NVS_INVALID_HANDLE;
}

/* ---- values ---- */

static esp_err_t set(nvs_handle_t handle, uint8_t type, const char *key, const void *data, size_t size)
{
	nvs_open_handle_t *open = find_handle(handle);
	if (!open) return ESP_ERR_NVS_INVALID_HANDLE;
	if (open->mode == NVS_READONLY) return ESP_ERR_NVS_READ_ONLY;
	return nvs_storage_set(open->storage, open->ns, type, key, data, size, open->mode == NVS_READWRITE_PURGE);
}

static esp_err_t get(nvs_handle_t handle, uint8_t type, const char *key, void *data, size_t size)
{
	nvs_open_handle_t *open = find_handle(handle);
	if (!open) return ESP_ERR_NVS_INVALID_HANDLE;
	return nvs_storage_get(open->storage, open->ns, type, key, data, size);
}

#define NUMBER(name, type_name, type)                                               \
	esp_err_t nvs_set_##name(nvs_handle_t handle, const char *key, type value)      \
	{                                                                               \
		return set(handle, type_name, key, &value, sizeof(value));                  \
	}                                                                               \
	esp_err_t nvs_get_##name(nvs_handle_t handle, const char *key, type *out_value) \
	{                                                                               \
		return get(handle, type_name, key, out_value, sizeof(*out_value));          \
	}

NUMBER(i8, NVS_TYPE_I8, int8_t)
NUMBER(u8, NVS_TYPE_U8, uint8_t)
NUMBER(i16, NVS_TYPE_I16, int16_t)
NUMBER(u16, NVS_TYPE_U16, uint16_t)
NUMBER(i32, NVS_TYPE_I32, int32_t)
NUMBER(u32, NVS_TYPE_U32, uint32_t)
NUMBER(i64, NVS_TYPE_I64, int64_t)
NUMBER(u64, NVS_TYPE_U64, uint64_t)

esp_err_t nvs_set_str(nvs_handle_t handle, const char *key, const char *value)
{
	return set(handle, NVS_TYPE_STR, key, value, strlen(value) + 1);
}

esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length)
{
	return set(handle, NVS_TYPE_BLOB, key, value, length);
}

static esp_err_t get_variable(nvs_handle_t handle, uint8_t type, const char *key, void *out_value, size_t *length)
{
	nvs_open_handle_t *open = find_handle(handle);
	size_t given, size;
	esp_err_t error;

	if (!open) return ESP_ERR_NVS_INVALID_HANDLE;
	error = nvs_storage_size(open->storage, open->ns, type, key, &size);
	if (error) return error;
	if (!length) return ESP_ERR_NVS_INVALID_LENGTH;
	given = *length;
	*length = size;
	if (!out_value) return ESP_OK;
	return given < size ? ESP_ERR_NVS_INVALID_LENGTH : get(handle, type, key, out_value, size);
}

esp_err_t nvs_get_str(nvs_handle_t handle, const char *key, char *out_value, size_t *length)
{
	return get_variable(handle, NVS_TYPE_STR, key, out_value, length);
}

esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *out_value, size_t *length)
{
	return get_variable(handle, NVS_TYPE_BLOB, key, out_value, length);
}

static nvs_type_t public_type(uint8_t type)
{
	return type == TYPE_BLOB_INDEX || type == TYPE_BLOB_V1 ? NVS_TYPE_BLOB : (nvs_type_t)type;
}

esp_err_t nvs_find_key(nvs_handle_t handle, const char *key, nvs_type_t *out_type)
{
	nvs_open_handle_t *open = find_handle(handle);
	nvs_query_t query = {0, TYPE_ANY, key, CHUNK_ANY, VERSION_ANY};
	nvs_place_t place;

	if (!open) return ESP_ERR_NVS_INVALID_HANDLE;
	query.ns = open->ns;
	if (!nvs_pages_find(open->storage, &query, &place)) return ESP_ERR_NVS_NOT_FOUND;
	if (out_type) *out_type = public_type(place.item.type);
	return ESP_OK;
}

esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key)
{
	nvs_open_handle_t *open = find_handle(handle);
	if (!open) return ESP_ERR_NVS_INVALID_HANDLE;
	if (open->mode == NVS_READONLY) return ESP_ERR_NVS_READ_ONLY;
	return nvs_storage_erase(open->storage, open->ns, key, open->mode == NVS_READWRITE_PURGE);
}

esp_err_t nvs_erase_all(nvs_handle_t handle)
{
	nvs_open_handle_t *open = find_handle(handle);
	if (!open) return ESP_ERR_NVS_INVALID_HANDLE;
	if (open->mode == NVS_READONLY) return ESP_ERR_NVS_READ_ONLY;
	return nvs_storage_erase_namespace(open->storage, open->ns, open->mode == NVS_READWRITE_PURGE);
}

esp_err_t nvs_get_stats(const char *part_name, nvs_stats_t *nvs_stats)
{
	nvs_storage_t *storage = nvs_find_storage(part_name ? part_name : NVS_DEFAULT_PART_NAME);
	if (!nvs_stats) return ESP_ERR_INVALID_ARG;
	memset(nvs_stats, 0, sizeof(*nvs_stats));
	if (!storage) return ESP_ERR_NVS_NOT_INITIALIZED;
	for (unsigned i = 0; i < storage->used_count; i++) {
		const nvs_page_t *page = nvs_pages_used(storage, i);
		if (nvs_page_in_use(page)) nvs_stats->used_entries += nvs_page_count(page, ENTRY_WRITTEN);
	}
	nvs_stats->total_entries = storage->page_count * ENTRY_COUNT;
	nvs_stats->free_entries = nvs_stats->total_entries - nvs_stats->used_entries;
	nvs_stats->available_entries = nvs_stats->free_entries > ENTRY_COUNT ? nvs_stats->free_entries - ENTRY_COUNT : 0;
	nvs_stats->namespace_count = storage->namespace_count;
	return ESP_OK;
}
