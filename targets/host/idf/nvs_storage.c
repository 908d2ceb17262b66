/* Values by namespace and key. */
#include <string.h>

#include "nvs_internal.h"

/* The type under which a value of this type is found: a blob by its index. */
static uint8_t lookup_type(uint8_t type)
{
	return type == NVS_TYPE_BLOB ? TYPE_BLOB_INDEX : type;
}

static bool find(const nvs_storage_t *storage, uint8_t ns, uint8_t type, const char *key, nvs_place_t *place)
{
	nvs_query_t query = {ns, type, key, CHUNK_ANY, VERSION_ANY};
	for (unsigned i = 0; i < storage->used_count; i++) {
		place->page = nvs_pages_used(storage, i);
		place->entry = 0;
		while (nvs_page_find(place->page, &query, &place->entry, &place->item)) {
			/* A chunk is no value. */
			if (place->item.type != TYPE_BLOB_DATA) return true;
			place->entry += place->item.span;
		}
	}
	return false;
}

static esp_err_t check_key(const char *key)
{
	if (!key || !*key) return ESP_ERR_INVALID_ARG;
	return strlen(key) < NVS_KEY_NAME_MAX_SIZE ? ESP_OK : ESP_ERR_NVS_KEY_TOO_LONG;
}

/* ---- starting ---- */

static void add_namespace(nvs_storage_t *storage, const char *name, uint8_t index)
{
	nvs_namespace_t *namespace = &storage->namespaces[storage->namespace_count];
	if (storage->namespace_count == sizeof(storage->namespaces) / sizeof(*storage->namespaces)) return;
	memcpy(namespace->name, name, sizeof(namespace->name) - 1);
	namespace->name[sizeof(namespace->name) - 1] = 0;
	namespace->index = index;
	storage->namespace_count++;
}

esp_err_t nvs_storage_init(nvs_storage_t *storage)
{
	static const nvs_query_t names = {NS_INDEX, NVS_TYPE_U8, NULL, CHUNK_ANY, VERSION_ANY};
	nvs_item_t item;
	esp_err_t error = nvs_pages_load(storage);

	if (error) return error;
	storage->namespace_count = 0;
	for (unsigned i = 0; i < storage->used_count; i++)
		for (unsigned entry = 0; nvs_page_find(nvs_pages_used(storage, i), &names, &entry, &item); entry += item.span)
			add_namespace(storage, item.key, item.data[0]);
	return nvs_blob_repair(storage);
}

static bool namespace_index_used(const nvs_storage_t *storage, unsigned index)
{
	for (unsigned i = 0; i < storage->namespace_count; i++)
		if (storage->namespaces[i].index == index) return true;
	return false;
}

esp_err_t nvs_storage_namespace(nvs_storage_t *storage, const char *name, bool create, uint8_t *index)
{
	char padded[NVS_NS_NAME_MAX_SIZE] = "";
	unsigned next = 1;
	esp_err_t error = check_key(name);

	if (error) return error;
	for (unsigned i = 0; i < storage->namespace_count; i++) {
		if (strcmp(storage->namespaces[i].name, name)) continue;
		*index = storage->namespaces[i].index;
		return ESP_OK;
	}
	if (!create) return ESP_ERR_NVS_NOT_FOUND;
	while (namespace_index_used(storage, next)) next++;
	if (next >= NS_ANY) return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
	*index = (uint8_t)next;
	error = nvs_storage_set(storage, NS_INDEX, NVS_TYPE_U8, name, index, 1, true);
	if (error) return error;
	memcpy(padded, name, strlen(name));
	add_namespace(storage, padded, *index);
	return ESP_OK;
}

/* ---- reading ---- */

static esp_err_t read_variable(const nvs_place_t *place, uint8_t *data, size_t size)
{
	size_t left = size;
	for (unsigned i = 1; i < place->item.span; i++) {
		uint8_t entry[ENTRY_SIZE];
		size_t part = left < ENTRY_SIZE ? left : ENTRY_SIZE;
		esp_err_t error = nvs_page_read(place->page, place->entry + i, entry, 1);
		if (error) return error;
		memcpy(data + (size - left), entry, part);
		left -= part;
	}
	if (nvs_data_crc(data, size) == place->item.variable.crc) return ESP_OK;
	nvs_page_erase_item(place->page, place->entry, true);
	return ESP_ERR_NVS_NOT_FOUND;
}

static bool find_value(const nvs_storage_t *storage, uint8_t ns, uint8_t type, const char *key, nvs_place_t *place)
{
	if (find(storage, ns, lookup_type(type), key, place)) return true;
	return type == NVS_TYPE_BLOB && find(storage, ns, TYPE_BLOB_V1, key, place);
}

esp_err_t nvs_storage_size(nvs_storage_t *storage, uint8_t ns, uint8_t type, const char *key, size_t *size)
{
	nvs_place_t place;
	if (!find_value(storage, ns, type, key, &place)) return ESP_ERR_NVS_NOT_FOUND;
	*size = place.item.type == TYPE_BLOB_INDEX ? place.item.index.size : place.item.variable.size;
	return ESP_OK;
}

esp_err_t nvs_storage_get(nvs_storage_t *storage, uint8_t ns, uint8_t type, const char *key, void *data, size_t size)
{
	nvs_place_t place;
	if (!find_value(storage, ns, type, key, &place)) return ESP_ERR_NVS_NOT_FOUND;
	if (place.item.type == TYPE_BLOB_INDEX) {
		esp_err_t error;
		if (place.item.index.size != size) return ESP_ERR_NVS_INVALID_LENGTH;
		error = nvs_blob_read(storage, &place, data);
		if (error == ESP_ERR_NVS_NOT_FOUND || error == ESP_ERR_NVS_INVALID_LENGTH) nvs_blob_erase(storage, &place, true);
		return error;
	}
	if (nvs_is_variable(place.item.type))
		return place.item.variable.size > size ? ESP_ERR_NVS_INVALID_LENGTH : read_variable(&place, data, place.item.variable.size);
	memcpy(data, place.item.data, size);
	return ESP_OK;
}

/* ---- writing ---- */

/* Whether the value is there already: then nothing is written, which saves the flash. */
static bool unchanged(nvs_storage_t *storage, const nvs_place_t *place, const void *data, size_t size)
{
	uint8_t entry[ENTRY_SIZE];
	size_t left = size;

	if (place->item.type == TYPE_BLOB_INDEX) return nvs_blob_equals(storage, place, data, size);
	if (!nvs_is_variable(place->item.type)) return !memcmp(place->item.data, data, size);
	if (place->item.variable.size != size || nvs_data_crc(data, size) != place->item.variable.crc) return false;
	for (unsigned i = 1; i < place->item.span; i++) {
		size_t part = left < ENTRY_SIZE ? left : ENTRY_SIZE;
		if (nvs_page_read(place->page, place->entry + i, entry, 1)) return false;
		if (memcmp((const uint8_t *)data + (size - left), entry, part)) return false;
		left -= part;
	}
	return true;
}

static esp_err_t append(nvs_storage_t *storage, uint8_t ns, uint8_t type, const char *key, const void *data, size_t size)
{
	nvs_page_t *page = nvs_pages_current(storage);
	esp_err_t error = nvs_page_write(page, ns, type, key, data, size, CHUNK_ANY);
	if (error != ESP_ERR_NVS_PAGE_FULL) return error;
	error = page->state == PAGE_ACTIVE ? nvs_page_set_state(page, PAGE_FULL) : ESP_OK;
	if (!error) error = nvs_pages_request(storage);
	if (!error) error = nvs_page_write(nvs_pages_current(storage), ns, type, key, data, size, CHUNK_ANY);
	return error == ESP_ERR_NVS_PAGE_FULL ? ESP_ERR_NVS_NOT_ENOUGH_SPACE : error;
}

/* The replaced value may have been moved meanwhile, but it always stands before the new one. */
static esp_err_t erase_old(nvs_storage_t *storage, const nvs_item_t *old, bool purge)
{
	nvs_query_t query = {old->ns, old->type, old->key, CHUNK_ANY, VERSION_ANY};
	nvs_place_t place;
	if (old->type == TYPE_BLOB_INDEX) query.version = old->index.chunk_start;
	if (!nvs_pages_find(storage, &query, &place)) return ESP_ERR_NVS_NOT_FOUND;
	if (old->type == TYPE_BLOB_INDEX) return nvs_blob_erase(storage, &place, purge);
	return nvs_page_erase_item(place.page, place.entry, purge);
}

esp_err_t nvs_storage_set(nvs_storage_t *storage, uint8_t ns, uint8_t type, const char *key, const void *data, size_t size, bool purge)
{
	nvs_place_t old;
	bool same_type, exists;
	esp_err_t error = check_key(key);

	if (error) return error;
	same_type = exists = find(storage, ns, lookup_type(type), key, &old);
	if (!exists) exists = find(storage, ns, TYPE_ANY, key, &old);
	if (same_type && unchanged(storage, &old, data, size)) return ESP_OK;
	if (type == NVS_TYPE_BLOB) {
		uint8_t version = same_type && old.item.index.chunk_start == VERSION_0 ? VERSION_1 : VERSION_0;
		error = nvs_blob_write(storage, ns, key, data, size, version, purge);
	}
	else error = append(storage, ns, type, key, data, size);
	if (error || !exists) return error;
	error = erase_old(storage, &old.item, purge);
	return error == ESP_ERR_FLASH_OP_FAIL ? ESP_ERR_NVS_REMOVE_FAILED : error;
}

esp_err_t nvs_storage_erase(nvs_storage_t *storage, uint8_t ns, const char *key, bool purge)
{
	nvs_place_t place;
	esp_err_t error = check_key(key);
	if (error) return error;
	if (!find(storage, ns, TYPE_ANY, key, &place)) return ESP_ERR_NVS_NOT_FOUND;
	if (place.item.type == TYPE_BLOB_INDEX) return nvs_blob_erase(storage, &place, purge);
	return nvs_page_erase_item(place.page, place.entry, purge);
}

esp_err_t nvs_storage_erase_namespace(nvs_storage_t *storage, uint8_t ns, bool purge)
{
	const nvs_query_t all = {ns, TYPE_ANY, NULL, CHUNK_ANY, VERSION_ANY};
	nvs_place_t place;
	esp_err_t error = ESP_OK;
	while (!error && nvs_pages_find(storage, &all, &place)) error = nvs_page_erase_item(place.page, place.entry, purge);
	return error;
}
