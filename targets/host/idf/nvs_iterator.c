/* Listing the keys of a namespace or of a whole partition. */
#include <stdlib.h>
#include <string.h>

#include "nvs_internal.h"

struct nvs_opaque_iterator_t {
	nvs_storage_t *storage;
	uint8_t ns;
	uint8_t type;
	unsigned page;
	unsigned entry;
	nvs_entry_info_t info;
};

static bool is_listed(const nvs_item_t *item)
{
	/* A blob is listed once, by its first chunk: the only part whose type is the public one. */
	if (item->ns == NS_INDEX || item->type == TYPE_BLOB_INDEX || item->type == TYPE_BLOB_V1) return false;
	return item->type != TYPE_BLOB_DATA || item->chunk == VERSION_0 || item->chunk == VERSION_1;
}

static bool advance(nvs_iterator_t iterator)
{
	const nvs_query_t query = {iterator->ns, iterator->type, NULL, CHUNK_ANY, VERSION_ANY};
	nvs_item_t item;

	for (; iterator->page < iterator->storage->used_count; iterator->page++, iterator->entry = 0) {
		const nvs_page_t *page = nvs_pages_used(iterator->storage, iterator->page);
		while (nvs_page_find(page, &query, &iterator->entry, &item)) {
			iterator->entry += item.span;
			if (!is_listed(&item)) continue;
			memset(&iterator->info, 0, sizeof(iterator->info));
			memcpy(iterator->info.key, item.key, sizeof(iterator->info.key) - 1);
			iterator->info.type = (nvs_type_t)item.type;
			for (unsigned i = 0; i < iterator->storage->namespace_count; i++)
				if (iterator->storage->namespaces[i].index == item.ns)
					memcpy(iterator->info.namespace_name, iterator->storage->namespaces[i].name, sizeof(iterator->info.namespace_name));
			return true;
		}
	}
	return false;
}

static esp_err_t start(nvs_storage_t *storage, uint8_t ns, nvs_type_t type, nvs_iterator_t *output_iterator)
{
	nvs_iterator_t iterator = calloc(1, sizeof(*iterator));
	*output_iterator = NULL;
	if (!iterator) return ESP_ERR_NO_MEM;
	iterator->storage = storage;
	iterator->ns = ns;
	iterator->type = (uint8_t)type;
	*output_iterator = iterator;
	return nvs_entry_next(output_iterator);
}

esp_err_t nvs_entry_find(const char *part_name, const char *namespace_name, nvs_type_t type, nvs_iterator_t *output_iterator)
{
	nvs_storage_t *storage;
	uint8_t ns = NS_ANY;
	if (!part_name || !output_iterator) return ESP_ERR_INVALID_ARG;
	*output_iterator = NULL;
	storage = nvs_find_storage(part_name);
	if (!storage) return ESP_ERR_NVS_NOT_FOUND;
	if (namespace_name && nvs_storage_namespace(storage, namespace_name, false, &ns) != ESP_OK) return ESP_ERR_NVS_NOT_FOUND;
	return start(storage, ns, type, output_iterator);
}

esp_err_t nvs_entry_find_in_handle(nvs_handle_t handle, nvs_type_t type, nvs_iterator_t *output_iterator)
{
	nvs_storage_t *storage;
	uint8_t ns;
	if (!output_iterator) return ESP_ERR_INVALID_ARG;
	*output_iterator = NULL;
	if (!nvs_find_handle(handle, &storage, &ns)) return ESP_ERR_NVS_INVALID_HANDLE;
	return start(storage, ns, type, output_iterator);
}

esp_err_t nvs_entry_next(nvs_iterator_t *iterator)
{
	if (!iterator || !*iterator) return ESP_ERR_INVALID_ARG;
	if (advance(*iterator)) return ESP_OK;
	free(*iterator);
	*iterator = NULL;
	return ESP_ERR_NVS_NOT_FOUND;
}

esp_err_t nvs_entry_info(const nvs_iterator_t iterator, nvs_entry_info_t *out_info)
{
	if (!iterator || !out_info) return ESP_ERR_INVALID_ARG;
	*out_info = iterator->info;
	return ESP_OK;
}

void nvs_release_iterator(nvs_iterator_t iterator)
{
	free(iterator);
}
