/* The pages of a partition: their order, the spare one, and moving items so that a page can be erased. */
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "nvs_internal.h"

#define TAG "nvs"

nvs_page_t *nvs_pages_used(const nvs_storage_t *storage, unsigned index)
{
	return &storage->pages[storage->used[index]];
}

nvs_page_t *nvs_pages_current(const nvs_storage_t *storage)
{
	return nvs_pages_used(storage, storage->used_count - 1);
}

static void insert_used(nvs_storage_t *storage, unsigned page)
{
	unsigned at = storage->used_count++;
	while (at && nvs_pages_used(storage, at - 1)->sequence > storage->pages[page].sequence) {
		storage->used[at] = storage->used[at - 1];
		at--;
	}
	storage->used[at] = (uint16_t)page;
}

static void release_used(nvs_storage_t *storage, unsigned index)
{
	storage->free[storage->free_count++] = storage->used[index];
	storage->used_count--;
	memmove(&storage->used[index], &storage->used[index + 1], (storage->used_count - index) * sizeof(*storage->used));
}

/* Takes the first free page as the newest. Its header is written together with its first item. */
static esp_err_t activate(nvs_storage_t *storage)
{
	nvs_page_t *page;
	unsigned index;

	if (!storage->free_count) return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
	index = storage->free[0];
	page = &storage->pages[index];
	if (page->state != PAGE_UNINITIALIZED) {
		esp_err_t error = nvs_page_erase(page);
		if (error) return error;
	}
	storage->free_count--;
	memmove(storage->free, storage->free + 1, storage->free_count * sizeof(*storage->free));
	page->sequence = storage->next_sequence++;
	storage->used[storage->used_count++] = (uint16_t)index;
	return ESP_OK;
}

/* Moves the items of a page into a new one and erases it. */
static esp_err_t move_items(nvs_storage_t *storage, unsigned index)
{
	nvs_page_t *page = nvs_pages_used(storage, index);
	esp_err_t error = activate(storage);
	if (!error) error = nvs_page_copy_items(page, nvs_pages_current(storage));
	if (!error) error = nvs_page_erase(page);
	if (!error) release_used(storage, index);
	return error;
}

esp_err_t nvs_pages_request(nvs_storage_t *storage)
{
	unsigned best = 0, most = 0;
	esp_err_t error;

	if (!storage->free_count) return ESP_ERR_NVS_INVALID_STATE;
	if (storage->free_count >= 2) return activate(storage);
	for (unsigned i = 0; i < storage->used_count; i++) {
		unsigned unused = ENTRY_COUNT - nvs_page_count(nvs_pages_used(storage, i), ENTRY_WRITTEN);
		if (unused <= most) continue;
		most = unused;
		best = i;
	}
	if (!most) return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
	error = nvs_page_set_state(nvs_pages_used(storage, best), PAGE_FREEING);
	return error ? error : move_items(storage, best);
}

bool nvs_pages_find(const nvs_storage_t *storage, const nvs_query_t *query, nvs_place_t *place)
{
	for (unsigned i = 0; i < storage->used_count; i++) {
		place->page = nvs_pages_used(storage, i);
		place->entry = 0;
		if (nvs_page_find(place->page, query, &place->entry, &place->item)) return true;
	}
	return false;
}

/* ---- repair ---- */

/* The cut came after the newest item was written and before the one it replaces, in an older page, was erased. ESP-IDF
   looks for the same type only and would keep both values of a key whose type has changed. */
static esp_err_t erase_replaced(nvs_storage_t *storage)
{
	static const nvs_query_t any = {NS_ANY, TYPE_ANY, NULL, CHUNK_ANY, VERSION_ANY};
	nvs_item_t item, newest;
	unsigned entry = 0;
	bool found = false;

	while (nvs_page_find(nvs_pages_current(storage), &any, &entry, &item)) {
		newest = item;
		found = true;
		entry += item.span;
	}
	if (!found) return ESP_OK;
	for (unsigned i = 0; i + 1 < storage->used_count; i++) {
		const nvs_query_t twin = {newest.ns, TYPE_ANY, newest.key, newest.chunk, VERSION_ANY};
		nvs_page_t *page = nvs_pages_used(storage, i);
		if (page->state == PAGE_FREEING) continue;
		for (entry = 0; nvs_page_find(page, &twin, &entry, &item); entry += item.span)
			if (item.chunk == newest.chunk) return nvs_page_erase_item(page, entry, true);
	}
	return ESP_OK;
}

/* The cut came while items were moved: the copy may be incomplete, the page being freed is whole until it is erased. */
static esp_err_t finish_freeing(nvs_storage_t *storage)
{
	for (unsigned i = 0; i < storage->used_count; i++) {
		if (nvs_pages_used(storage, i)->state != PAGE_FREEING) continue;
		if (nvs_pages_current(storage)->state == PAGE_ACTIVE) {
			esp_err_t error = nvs_page_erase(nvs_pages_current(storage));
			if (error) return error;
			release_used(storage, storage->used_count - 1);
		}
		return move_items(storage, i);
	}
	return ESP_OK;
}

esp_err_t nvs_pages_load(nvs_storage_t *storage)
{
	esp_err_t error;

	storage->used_count = storage->free_count = 0;
	storage->next_sequence = 0;
	for (unsigned i = 0; i < storage->page_count; i++) {
		error = nvs_page_load(&storage->pages[i], storage->partition, i * PAGE_SIZE_BYTES);
		if (error) return error;
		if (nvs_page_in_use(&storage->pages[i])) insert_used(storage, i);
		else storage->free[storage->free_count++] = (uint16_t)i;
		if (storage->pages[i].state == PAGE_CORRUPT)
			flash_log('I', TAG, "page %u of %s is unreadable and will be erased before it is used", i, storage->partition->label);
	}
	if (!storage->used_count) return activate(storage);
	storage->next_sequence = nvs_pages_current(storage)->sequence + 1;
	error = erase_replaced(storage);
	if (!error) error = finish_freeing(storage);
	if (error) return error;
	return storage->free_count ? ESP_OK : ESP_ERR_NVS_NO_FREE_PAGES;
}
