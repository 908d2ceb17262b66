/* Blobs: chunks of at most a page each, and an index that makes them count. */
#include <stdlib.h>
#include <string.h>

#include "nvs_internal.h"

static bool find_chunk(const nvs_storage_t *storage, uint8_t ns, const char *key, unsigned chunk, nvs_place_t *place)
{
	const nvs_query_t query = {ns, TYPE_BLOB_DATA, key, (uint8_t)chunk, VERSION_ANY};
	return nvs_pages_find(storage, &query, place);
}

static esp_err_t next_page(nvs_storage_t *storage)
{
	nvs_page_t *page = nvs_pages_current(storage);
	esp_err_t error = page->state == PAGE_ACTIVE ? nvs_page_set_state(page, PAGE_FULL) : ESP_OK;
	return error ? error : nvs_pages_request(storage);
}

/* Writes all chunks and leaves at least one free entry for the index behind them. */
static esp_err_t write_chunks(nvs_storage_t *storage, uint8_t ns, const char *key, const uint8_t *data, size_t size, uint8_t version,
	uint8_t *count)
{
	esp_err_t error;
	size_t room = nvs_page_tailroom(nvs_pages_current(storage));

	/* A short rest of a page is not worth a chunk of its own. */
	if ((room < size || !room) && room < CHUNK_MAX / 10) {
		error = next_page(storage);
		if (error) return error;
		if (nvs_page_tailroom(nvs_pages_current(storage)) == room) return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
	}
	do {
		size_t part;
		room = nvs_page_tailroom(nvs_pages_current(storage));
		if (!room) return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
		part = size < room ? size : room;
		error = nvs_page_write(nvs_pages_current(storage), ns, TYPE_BLOB_DATA, key, data, part, (uint8_t)(version + *count));
		if (error) return error;
		++*count;
		data += part;
		size -= part;
		if (size || room - part < ENTRY_SIZE) {
			error = next_page(storage);
			if (error) return error;
		}
	} while (size);
	return ESP_OK;
}

esp_err_t nvs_blob_write(nvs_storage_t *storage, uint8_t ns, const char *key, const void *data, size_t size, uint8_t version, bool purge)
{
	unsigned most = storage->page_count - 1 < 127 ? storage->page_count - 1 : 127;
	nvs_item_t index;
	uint8_t count = 0;
	esp_err_t error;

	if (size > most * CHUNK_MAX) return ESP_ERR_NVS_VALUE_TOO_LONG;
	error = write_chunks(storage, ns, key, data, size, version, &count);
	if (!error) {
		memset(index.data, 0xff, sizeof(index.data));
		index.index.size = (uint32_t)size;
		index.index.chunk_count = count;
		index.index.chunk_start = version;
		error = nvs_page_write(nvs_pages_current(storage), ns, TYPE_BLOB_INDEX, key, index.data, sizeof(index.data), CHUNK_ANY);
	}
	if (!error) return ESP_OK;
	/* ESP-IDF erases by chunk number without the version here and can hit the old value's chunks. */
	for (unsigned i = 0; i < count; i++) {
		nvs_place_t place;
		if (find_chunk(storage, ns, key, version + i, &place)) nvs_page_erase_item(place.page, place.entry, purge);
	}
	return error == ESP_ERR_NVS_PAGE_FULL ? ESP_ERR_NVS_NOT_ENOUGH_SPACE : error;
}

esp_err_t nvs_blob_read(nvs_storage_t *storage, const nvs_place_t *index, void *data)
{
	uint8_t *at = data;
	size_t rest = index->item.index.size;

	for (unsigned i = 0; i < index->item.index.chunk_count; i++) {
		uint8_t entry[ENTRY_SIZE];
		nvs_place_t place;
		const uint8_t *start = at;
		esp_err_t error;
		if (!find_chunk(storage, index->item.ns, index->item.key, index->item.index.chunk_start + i, &place))
			return ESP_ERR_NVS_NOT_FOUND;
		if (place.item.variable.size > rest) return ESP_ERR_NVS_INVALID_LENGTH;
		for (unsigned j = 1; j < place.item.span; j++) {
			size_t left = place.item.variable.size - (j - 1) * ENTRY_SIZE;
			error = nvs_page_read(place.page, place.entry + j, entry, 1);
			if (error) return error;
			memcpy(at, entry, left < ENTRY_SIZE ? left : ENTRY_SIZE);
			at += left < ENTRY_SIZE ? left : ENTRY_SIZE;
		}
		if (nvs_data_crc(start, place.item.variable.size) != place.item.variable.crc) {
			nvs_page_erase_item(place.page, place.entry, true);
			return ESP_ERR_NVS_NOT_FOUND;
		}
		rest -= place.item.variable.size;
	}
	return rest ? ESP_ERR_NVS_INVALID_LENGTH : ESP_OK;
}

bool nvs_blob_equals(nvs_storage_t *storage, const nvs_place_t *index, const void *data, size_t size)
{
	const uint8_t *at = data;
	if (index->item.index.size != size) return false;
	for (unsigned i = 0; i < index->item.index.chunk_count; i++) {
		uint8_t entry[ENTRY_SIZE];
		nvs_place_t place;
		if (!find_chunk(storage, index->item.ns, index->item.key, index->item.index.chunk_start + i, &place)) return false;
		if (place.item.variable.size > size) return false;
		if (nvs_data_crc(at, place.item.variable.size) != place.item.variable.crc) return false;
		for (unsigned j = 1; j < place.item.span; j++) {
			size_t left = place.item.variable.size - (j - 1) * ENTRY_SIZE;
			size_t part = left < ENTRY_SIZE ? left : ENTRY_SIZE;
			if (nvs_page_read(place.page, place.entry + j, entry, 1) || memcmp(at, entry, part)) return false;
			at += part;
		}
		size -= place.item.variable.size;
	}
	return !size;
}

esp_err_t nvs_blob_erase(const nvs_storage_t *storage, const nvs_place_t *index, bool purge)
{
	esp_err_t error = nvs_page_erase_item(index->page, index->entry, purge);
	for (unsigned i = 0; !error && i < index->item.index.chunk_count; i++) {
		nvs_place_t place;
		if (find_chunk(storage, index->item.ns, index->item.key, index->item.index.chunk_start + i, &place))
			error = nvs_page_erase_item(place.page, place.entry, purge);
	}
	return error;
}

/* ---- repair ---- */

static bool complete(const nvs_storage_t *storage, const nvs_item_t *index)
{
	size_t size = 0;
	for (unsigned i = 0; i < index->index.chunk_count; i++) {
		nvs_place_t place;
		if (!find_chunk(storage, index->ns, index->key, index->index.chunk_start + i, &place)) return false;
		size += place.item.variable.size;
	}
	return size == index->index.size;
}

static bool has_index(const nvs_storage_t *storage, const nvs_item_t *chunk)
{
	const nvs_query_t query = {chunk->ns, TYPE_BLOB_INDEX, chunk->key, CHUNK_ANY, VERSION_ANY};
	nvs_place_t place;
	for (unsigned i = 0; i < storage->used_count; i++) {
		place.page = nvs_pages_used(storage, i);
		for (place.entry = 0; nvs_page_find(place.page, &query, &place.entry, &place.item); place.entry++) {
			unsigned start = place.item.index.chunk_start;
			if (chunk->chunk >= start && chunk->chunk < start + place.item.index.chunk_count) return true;
		}
	}
	return false;
}

esp_err_t nvs_blob_repair(nvs_storage_t *storage)
{
	static const nvs_query_t indexes = {NS_ANY, TYPE_BLOB_INDEX, NULL, CHUNK_ANY, VERSION_ANY};
	static const nvs_query_t chunks = {NS_ANY, TYPE_BLOB_DATA, NULL, CHUNK_ANY, VERSION_ANY};
	nvs_item_t item;
	esp_err_t error = ESP_OK;

	for (unsigned i = 0; i < storage->used_count; i++) {
		nvs_page_t *page = nvs_pages_used(storage, i);
		for (unsigned entry = 0; !error && nvs_page_find(page, &indexes, &entry, &item); entry += item.span)
			if (!complete(storage, &item)) error = nvs_page_erase_item(page, entry, true);
	}
	for (unsigned i = 0; i < storage->used_count; i++) {
		nvs_page_t *page = nvs_pages_used(storage, i);
		for (unsigned entry = 0; !error && nvs_page_find(page, &chunks, &entry, &item); entry += item.span)
			if (!has_index(storage, &item)) error = nvs_page_erase_item(page, entry, true);
	}
	return error;
}
