/* One page: reading it after a cut, writing and erasing items. */
#include <string.h>

#include "esp_rom_crc.h"
#include "nvs_internal.h"

static bool is_blank(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	while (size && *bytes == 0xff) bytes++, size--;
	return !size;
}

static uint32_t header_crc(const nvs_page_header_t *header)
{
	return esp_rom_crc32_le(UINT32_MAX, (const uint8_t *)&header->sequence,
		offsetof(nvs_page_header_t, crc) - offsetof(nvs_page_header_t, sequence));
}

static esp_err_t page_write(nvs_page_t *page, uint32_t offset, const void *data, size_t size)
{
	esp_err_t error = esp_partition_write(page->partition, page->offset + offset, data, size);
	/* What is in flash is no longer known: starting again finds out. */
	if (error) page->state = PAGE_INVALID;
	return error;
}

bool nvs_page_in_use(const nvs_page_t *page)
{
	return page->state == PAGE_ACTIVE || page->state == PAGE_FULL || page->state == PAGE_FREEING;
}

esp_err_t nvs_page_read(const nvs_page_t *page, unsigned entry, void *item, unsigned count)
{
	return esp_partition_read(page->partition, page->offset + DATA_OFFSET + entry * ENTRY_SIZE, item, count * ENTRY_SIZE);
}

/* ---- entry states ---- */

unsigned nvs_page_entry_state(const nvs_page_t *page, unsigned entry)
{
	return page->table[entry / 16] >> (entry % 16 * 2) & 3;
}

unsigned nvs_page_count(const nvs_page_t *page, unsigned state)
{
	unsigned count = 0;
	for (unsigned i = 0; i < ENTRY_COUNT; i++) count += nvs_page_entry_state(page, i) == state;
	return count;
}

/* From the last word of the table to the first: the state of the item's first entry is the last to change. */
static esp_err_t set_states(nvs_page_t *page, unsigned begin, unsigned end, unsigned state)
{
	for (unsigned i = end; i-- > begin;) {
		unsigned word = i / 16;
		page->table[word] = (page->table[word] & ~(3u << (i % 16 * 2))) | state << (i % 16 * 2);
		if (i == begin || (i - 1) / 16 != word) {
			esp_err_t error = page_write(page, TABLE_OFFSET + word * 4, &page->table[word], 4);
			if (error) return error;
		}
	}
	return ESP_OK;
}

static esp_err_t purge_entries(nvs_page_t *page, unsigned begin, unsigned end)
{
	static const uint8_t zeros[ENTRY_SIZE];
	for (unsigned i = begin; i < end; i++) {
		esp_err_t error = page_write(page, DATA_OFFSET + i * ENTRY_SIZE, zeros, sizeof(zeros));
		if (error) return error;
	}
	return ESP_OK;
}

static esp_err_t erase_entries(nvs_page_t *page, unsigned begin, unsigned end, bool purge)
{
	esp_err_t error = set_states(page, begin, end, ENTRY_ERASED);
	if (!error && purge) error = purge_entries(page, begin, end);
	if (end > page->next_free) page->next_free = end;
	return error;
}

esp_err_t nvs_page_erase_item(nvs_page_t *page, unsigned entry, bool purge)
{
	nvs_item_t item;
	unsigned span = 1;
	if (nvs_page_entry_state(page, entry) == ENTRY_WRITTEN) {
		esp_err_t error = nvs_page_read(page, entry, &item, 1);
		if (error) return error;
		if (nvs_item_consistent(&item, entry)) span = item.span;
	}
	return erase_entries(page, entry, entry + span, purge);
}

/* ---- reading a page ---- */

/*
 * All entries of the item count, and its data are what its checksum says. ESP-IDF looks at the states only; but a cut while these
 * are being cleared can make empty entries look written.
 */
static bool is_whole(const nvs_page_t *page, const nvs_item_t *item, unsigned entry)
{
	uint8_t data[CHUNK_MAX];
	for (unsigned i = entry; i < entry + item->span; i++)
		if (nvs_page_entry_state(page, i) != ENTRY_WRITTEN) return false;
	if (!nvs_is_variable(item->type)) return true;
	if (nvs_page_read(page, entry + 1, data, item->span - 1u) != ESP_OK) return false;
	return nvs_data_crc(data, item->variable.size) == item->variable.crc;
}

/*
 * The entries that a cut left programmed although their state says empty. ESP-IDF looks at the first word only, and only
 * until it finds a blank one; here every byte of every entry counts, since writing over a half programmed entry would fail.
 */
static esp_err_t give_up_torn_entries(nvs_page_t *page)
{
	uint8_t entry[ENTRY_SIZE];
	unsigned end = ENTRY_COUNT;
	esp_err_t error;

	while (end > 0 && nvs_page_entry_state(page, end - 1) == ENTRY_EMPTY) {
		error = nvs_page_read(page, end - 1, entry, 1);
		if (error) return error;
		if (!is_blank(entry, sizeof(entry))) break;
		end--;
	}
	page->next_free = end;
	for (unsigned i = 0; i < end; i++) {
		if (nvs_page_entry_state(page, i) != ENTRY_EMPTY) continue;
		error = erase_entries(page, i, i + 1, true);
		if (error) return error;
	}
	return ESP_OK;
}

/* An older item with the same name in this page: the cut came before it was erased. */
static esp_err_t erase_older_twin(nvs_page_t *page, const nvs_item_t *item, unsigned entry)
{
	const nvs_query_t query = {item->ns, TYPE_ANY, item->key, item->chunk, VERSION_ANY};
	unsigned twin = 0;
	nvs_item_t found;
	while (nvs_page_find(page, &query, &twin, &found) && twin < entry) {
		/* CHUNK_ANY as a query matches chunks too: they are not values of their own. */
		if (found.chunk == item->chunk) return nvs_page_erase_item(page, twin, true);
		twin += found.span;
	}
	return ESP_OK;
}

static esp_err_t check_items(nvs_page_t *page)
{
	nvs_item_t item;
	esp_err_t error = ESP_OK;
	unsigned span;

	for (unsigned i = 0; i < page->next_free && !error; i += span) {
		unsigned state = nvs_page_entry_state(page, i);
		span = 1;
		if (state == ENTRY_ERASED || (state == ENTRY_EMPTY && page->state != PAGE_ACTIVE)) continue;
		error = nvs_page_read(page, i, &item, 1);
		if (error) break;
		if (state == ENTRY_ILLEGAL || !nvs_item_consistent(&item, i)) {
			error = erase_entries(page, i, i + 1, true);
			continue;
		}
		span = item.span;
		if (!is_whole(page, &item, i)) error = erase_entries(page, i, i + span, true);
		else if (page->state == PAGE_ACTIVE) error = erase_older_twin(page, &item, i);
	}
	return error;
}

static esp_err_t check_blank(nvs_page_t *page)
{
	uint8_t line[256];
	for (uint32_t at = 0; at < PAGE_SIZE_BYTES; at += sizeof(line)) {
		esp_err_t error = esp_partition_read(page->partition, page->offset + at, line, sizeof(line));
		if (error) return error;
		if (!is_blank(line, sizeof(line))) {
			page->state = PAGE_CORRUPT;
			break;
		}
	}
	return ESP_OK;
}

esp_err_t nvs_page_load(nvs_page_t *page, const esp_partition_t *partition, uint32_t offset)
{
	nvs_page_header_t header;
	esp_err_t error;

	memset(page, 0, sizeof(*page));
	page->partition = partition;
	page->offset = offset;
	page->next_free = ENTRY_COUNT;
	error = esp_partition_read(partition, offset, &header, sizeof(header));
	if (error) return error;
	page->state = header.state;
	if (header.state == PAGE_UNINITIALIZED) return check_blank(page);
	if (header.crc != header_crc(&header)) {
		page->state = PAGE_CORRUPT;
		return ESP_OK;
	}
	if (header.version < FORMAT_VERSION) return ESP_ERR_NVS_NEW_VERSION_FOUND;
	page->sequence = header.sequence;
	if (!nvs_page_in_use(page)) {
		page->state = PAGE_CORRUPT;
		return ESP_OK;
	}
	error = esp_partition_read(partition, offset + TABLE_OFFSET, page->table, sizeof(page->table));
	if (!error && page->state == PAGE_ACTIVE) error = give_up_torn_entries(page);
	if (!error) error = check_items(page);
	return error;
}

bool nvs_page_find(const nvs_page_t *page, const nvs_query_t *query, unsigned *entry, nvs_item_t *item)
{
	if (!nvs_page_in_use(page)) return false;
	while (*entry < page->next_free) {
		if (nvs_page_entry_state(page, *entry) == ENTRY_WRITTEN && nvs_page_read(page, *entry, item, 1) == ESP_OK &&
			nvs_item_consistent(item, *entry)) {
			if (nvs_item_matches(item, query)) return true;
			*entry += item->span;
		}
		else ++*entry;
	}
	return false;
}

/* ---- writing ---- */

static esp_err_t initialize(nvs_page_t *page)
{
	nvs_page_header_t header;
	memset(&header, 0xff, sizeof(header));
	header.state = PAGE_ACTIVE;
	header.sequence = page->sequence;
	header.version = FORMAT_VERSION;
	header.crc = header_crc(&header);
	memset(page->table, 0xff, sizeof(page->table));
	page->next_free = 0;
	page->state = PAGE_ACTIVE;
	return page_write(page, 0, &header, sizeof(header));
}

/* Contents first, then the state: until then the entry does not count. */
static esp_err_t append(nvs_page_t *page, const void *data, unsigned count)
{
	esp_err_t error = page_write(page, DATA_OFFSET + page->next_free * ENTRY_SIZE, data, count * ENTRY_SIZE);
	if (!error) error = set_states(page, page->next_free, page->next_free + count, ENTRY_WRITTEN);
	if (!error) page->next_free += count;
	return error;
}

esp_err_t nvs_page_write(nvs_page_t *page, uint8_t ns, uint8_t type, const char *key, const void *data, size_t size, uint8_t chunk)
{
	unsigned span = 1, whole;
	uint8_t tail[ENTRY_SIZE];
	nvs_item_t item;
	esp_err_t error;

	if (page->state == PAGE_UNINITIALIZED) {
		error = initialize(page);
		if (error) return error;
	}
	if (page->state == PAGE_FULL) return ESP_ERR_NVS_PAGE_FULL;
	if (page->state != PAGE_ACTIVE) return ESP_ERR_NVS_INVALID_STATE;
	if (size > CHUNK_MAX) return ESP_ERR_NVS_VALUE_TOO_LONG;
	if (nvs_is_variable(type)) span += (unsigned)((size + ENTRY_SIZE - 1) / ENTRY_SIZE);
	if (page->next_free + span > ENTRY_COUNT) return ESP_ERR_NVS_PAGE_FULL;

	nvs_item_init(&item, ns, type, (uint8_t)span, key, chunk);
	if (nvs_is_variable(type)) {
		item.variable.size = (uint16_t)size;
		item.variable.crc = nvs_data_crc(data, size);
	}
	else memcpy(item.data, data, size);
	item.crc = nvs_item_crc(&item);
	error = append(page, &item, 1);
	if (error || span == 1) return error;
	whole = (unsigned)(size / ENTRY_SIZE);
	if (whole) error = append(page, data, whole);
	if (error || size % ENTRY_SIZE == 0) return error;
	memset(tail, 0xff, sizeof(tail));
	memcpy(tail, (const uint8_t *)data + whole * ENTRY_SIZE, size % ENTRY_SIZE);
	return append(page, tail, 1);
}

esp_err_t nvs_page_copy_items(const nvs_page_t *page, nvs_page_t *other)
{
	static const nvs_query_t any = {NS_ANY, TYPE_ANY, NULL, CHUNK_ANY, VERSION_ANY};
	uint8_t line[ENTRY_SIZE];
	unsigned entry = 0;
	nvs_item_t item;
	esp_err_t error = ESP_OK;

	while (!error && nvs_page_find(page, &any, &entry, &item)) {
		unsigned end = entry + item.span;
		if (other->state == PAGE_UNINITIALIZED) error = initialize(other);
		for (; !error && entry < end; entry++) {
			error = nvs_page_read(page, entry, line, 1);
			if (!error) error = append(other, line, 1);
		}
	}
	return error;
}

esp_err_t nvs_page_set_state(nvs_page_t *page, uint32_t state)
{
	esp_err_t error = page_write(page, 0, &state, sizeof(state));
	if (!error) page->state = state;
	return error;
}

esp_err_t nvs_page_erase(nvs_page_t *page)
{
	esp_err_t error = esp_partition_erase_range(page->partition, page->offset, PAGE_SIZE_BYTES);
	page->state = error ? PAGE_INVALID : PAGE_UNINITIALIZED;
	page->next_free = ENTRY_COUNT;
	return error;
}

size_t nvs_page_tailroom(const nvs_page_t *page)
{
	if (page->state == PAGE_UNINITIALIZED) return CHUNK_MAX;
	if (page->state != PAGE_ACTIVE || page->next_free >= ENTRY_COUNT - 1) return 0;
	return (ENTRY_COUNT - page->next_free - 1) * ENTRY_SIZE;
}
