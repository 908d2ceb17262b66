/* One entry of a page: its checksum and whether it can be what it says. */
#include <string.h>

#include "esp_rom_crc.h"
#include "nvs_internal.h"

void nvs_item_init(nvs_item_t *item, uint8_t ns, uint8_t type, uint8_t span, const char *key, uint8_t chunk)
{
	memset(item, 0xff, sizeof(*item));
	item->ns = ns;
	item->type = type;
	item->span = span;
	item->chunk = chunk;
	/* The rest of the key is zero, as strncpy leaves it. */
	memset(item->key, 0, sizeof(item->key));
	memcpy(item->key, key, strlen(key));
}

uint32_t nvs_item_crc(const nvs_item_t *item)
{
	uint32_t crc = esp_rom_crc32_le(UINT32_MAX, &item->ns, offsetof(nvs_item_t, crc));
	crc = esp_rom_crc32_le(crc, (const uint8_t *)item->key, sizeof(item->key));
	return esp_rom_crc32_le(crc, item->data, sizeof(item->data));
}

uint32_t nvs_data_crc(const void *data, size_t size)
{
	return esp_rom_crc32_le(UINT32_MAX, data, (uint32_t)size);
}

bool nvs_item_consistent(const nvs_item_t *item, unsigned entry)
{
	if (item->crc != nvs_item_crc(item)) return false;
	switch (item->type) {
	case NVS_TYPE_U8:
	case NVS_TYPE_I8:
	case NVS_TYPE_U16:
	case NVS_TYPE_I16:
	case NVS_TYPE_U32:
	case NVS_TYPE_I32:
	case NVS_TYPE_U64:
	case NVS_TYPE_I64:
		return item->span == 1;
	case TYPE_BLOB_INDEX:
		return item->span == 1 && item->chunk == CHUNK_ANY && item->index.size <= 127 * CHUNK_MAX;
	case TYPE_BLOB_DATA:
		if (item->chunk == CHUNK_ANY) return false;
		break;
	case NVS_TYPE_STR:
	case TYPE_BLOB_V1:
		break;
	default:
		return false;
	}
	return item->span == 1 + (item->variable.size + ENTRY_SIZE - 1) / ENTRY_SIZE && entry + item->span <= ENTRY_COUNT;
}

bool nvs_item_matches(const nvs_item_t *item, const nvs_query_t *query)
{
	if (query->ns != NS_ANY && item->ns != query->ns) return false;
	if (query->type != TYPE_ANY && item->type != query->type) return false;
	if (query->key && strncmp(query->key, item->key, sizeof(item->key) - 1)) return false;
	if (query->chunk != CHUNK_ANY && item->chunk != query->chunk) return false;
	return query->version == VERSION_ANY || item->type != TYPE_BLOB_INDEX || item->index.chunk_start == query->version;
}
