/*
 * Non-volatile storage, from the inside.
 *
 * A page is a 4 KiB sector: 32 bytes of header, 32 bytes with two state bits for each of 126 entries, the entries of 32 bytes.
 * A value is an item: one entry, and for strings and chunks of blobs further entries with the data. A blob is one or
 * more chunks and an index; chunks of successive versions have chunk numbers from 0 and from 0x80 in turn. A new value is
 * written completely before the old one is marked erased; when the power fails between the two, starting finds both and
 * erases the older one. One page is always kept free, so that the live items of another can be moved.
 *
 * The format is the one that ESP-IDF 5 and 6 write. Repair after a cut does what ESP-IDF does, and a little more where its
 * checks leave a gap; those places say so.
 */
#ifndef HOST_NVS_INTERNAL_H
#define HOST_NVS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_partition.h"
#include "nvs.h"

#define PAGE_SIZE_BYTES 4096u
#define ENTRY_SIZE 32u
#define ENTRY_COUNT 126u
#define TABLE_OFFSET 32u
#define DATA_OFFSET 64u
#define CHUNK_MAX (ENTRY_SIZE * (ENTRY_COUNT - 1))

/* Version of the format; counts down. */
#define FORMAT_VERSION 0xfe

/* Page states: each step clears one more bit. */
#define PAGE_UNINITIALIZED 0xffffffffu
#define PAGE_ACTIVE 0xfffffffeu
#define PAGE_FULL 0xfffffffcu
#define PAGE_FREEING 0xfffffff8u
#define PAGE_CORRUPT 0xfffffff0u
#define PAGE_INVALID 0u

/* Entry states. */
#define ENTRY_EMPTY 3u
#define ENTRY_WRITTEN 2u
#define ENTRY_ILLEGAL 1u
#define ENTRY_ERASED 0u

/* Item types beyond those of nvs_type_t. */
#define TYPE_BLOB_V1 0x41 /* a blob as very old versions wrote it: one item without index */
#define TYPE_BLOB_DATA 0x42
#define TYPE_BLOB_INDEX 0x48
#define TYPE_ANY 0xff

#define NS_INDEX 0 /* namespace of the items that name the namespaces */
#define NS_ANY 255
#define CHUNK_ANY 0xff

/* First chunk number of a blob's version, and "any version". */
#define VERSION_0 0x00
#define VERSION_1 0x80
#define VERSION_ANY 0xff

typedef struct {
	uint8_t ns;
	uint8_t type;
	uint8_t span; /* entries, this one included */
	uint8_t chunk;
	uint32_t crc; /* of all other bytes of this entry */
	char key[NVS_KEY_NAME_MAX_SIZE];
	union {
		uint8_t data[8];
		struct {
			uint16_t size;
			uint16_t reserved;
			uint32_t crc;
		} variable;
		struct {
			uint32_t size;
			uint8_t chunk_count;
			uint8_t chunk_start;
			uint16_t reserved;
		} index;
	};
} nvs_item_t;

_Static_assert(sizeof(nvs_item_t) == ENTRY_SIZE, "entry size");

typedef struct {
	uint32_t state;
	uint32_t sequence;
	uint8_t version;
	uint8_t reserved[19];
	uint32_t crc; /* of everything but the state */
} nvs_page_header_t;

_Static_assert(sizeof(nvs_page_header_t) == 32, "page header size");

typedef struct {
	const esp_partition_t *partition;
	uint32_t offset; /* of the page in the partition */
	uint32_t state;
	uint32_t sequence;
	uint32_t table[8]; /* copy of the entry states */
	unsigned next_free; /* first entry that can be written; ENTRY_COUNT when there is none */
} nvs_page_t;

typedef struct {
	char name[NVS_NS_NAME_MAX_SIZE];
	uint8_t index;
} nvs_namespace_t;

typedef struct nvs_storage {
	struct nvs_storage *next;
	const esp_partition_t *partition;
	nvs_page_t *pages;
	unsigned page_count;
	uint16_t *used; /* indexes of the pages in use, oldest first */
	unsigned used_count;
	uint16_t *free; /* indexes of the others, in the order in which they are taken */
	unsigned free_count;
	uint32_t next_sequence;
	nvs_namespace_t namespaces[255];
	unsigned namespace_count;
} nvs_storage_t;

/* Where an item is. */
typedef struct {
	nvs_page_t *page;
	unsigned entry;
	nvs_item_t item;
} nvs_place_t;

/* What to look for. */
typedef struct {
	uint8_t ns;
	uint8_t type;
	const char *key; /* NULL for all of them */
	uint8_t chunk;
	uint8_t version; /* of a blob index */
} nvs_query_t;

static inline bool nvs_is_variable(uint8_t type)
{
	return type == TYPE_BLOB_V1 || type == NVS_TYPE_STR || type == TYPE_BLOB_DATA;
}

/* ---- nvs_item.c ---- */

void nvs_item_init(nvs_item_t *item, uint8_t ns, uint8_t type, uint8_t span, const char *key, uint8_t chunk);
uint32_t nvs_item_crc(const nvs_item_t *item);
uint32_t nvs_data_crc(const void *data, size_t size);
/* CRC, type, and a span that fits type and place. */
bool nvs_item_consistent(const nvs_item_t *item, unsigned entry);
bool nvs_item_matches(const nvs_item_t *item, const nvs_query_t *query);

/* ---- nvs_page.c ---- */

esp_err_t nvs_page_load(nvs_page_t *page, const esp_partition_t *partition, uint32_t offset);
bool nvs_page_in_use(const nvs_page_t *page);
unsigned nvs_page_entry_state(const nvs_page_t *page, unsigned entry);
unsigned nvs_page_count(const nvs_page_t *page, unsigned state);
esp_err_t nvs_page_read(const nvs_page_t *page, unsigned entry, void *item, unsigned count);
/* The first matching item at or after `*entry`. */
bool nvs_page_find(const nvs_page_t *page, const nvs_query_t *query, unsigned *entry, nvs_item_t *item);
/* ESP_ERR_NVS_PAGE_FULL when it does not fit. */
esp_err_t nvs_page_write(nvs_page_t *page, uint8_t ns, uint8_t type, const char *key, const void *data, size_t size, uint8_t chunk);
esp_err_t nvs_page_erase_item(nvs_page_t *page, unsigned entry, bool purge);
esp_err_t nvs_page_copy_items(const nvs_page_t *page, nvs_page_t *other);
esp_err_t nvs_page_set_state(nvs_page_t *page, uint32_t state);
esp_err_t nvs_page_erase(nvs_page_t *page);
/* Bytes of variable data that still fit in one item. */
size_t nvs_page_tailroom(const nvs_page_t *page);

/* ---- nvs_pages.c: the pages of a partition ---- */

esp_err_t nvs_pages_load(nvs_storage_t *storage);
nvs_page_t *nvs_pages_used(const nvs_storage_t *storage, unsigned index);
nvs_page_t *nvs_pages_current(const nvs_storage_t *storage);
/* Makes room: takes a free page, or moves the items of the page with the fewest. */
esp_err_t nvs_pages_request(nvs_storage_t *storage);
bool nvs_pages_find(const nvs_storage_t *storage, const nvs_query_t *query, nvs_place_t *place);

/* ---- nvs_storage.c: values ---- */

esp_err_t nvs_storage_init(nvs_storage_t *storage);
esp_err_t nvs_storage_namespace(nvs_storage_t *storage, const char *name, bool create, uint8_t *index);
esp_err_t nvs_storage_set(nvs_storage_t *storage, uint8_t ns, uint8_t type, const char *key, const void *data, size_t size, bool purge);
/* `type` is one of nvs_type_t. */
esp_err_t nvs_storage_size(nvs_storage_t *storage, uint8_t ns, uint8_t type, const char *key, size_t *size);
esp_err_t nvs_storage_get(nvs_storage_t *storage, uint8_t ns, uint8_t type, const char *key, void *data, size_t size);
esp_err_t nvs_storage_erase(nvs_storage_t *storage, uint8_t ns, const char *key, bool purge);
esp_err_t nvs_storage_erase_namespace(nvs_storage_t *storage, uint8_t ns, bool purge);

/* ---- nvs_api.c ---- */

nvs_storage_t *nvs_find_storage(const char *label);
bool nvs_find_handle(nvs_handle_t handle, nvs_storage_t **storage, uint8_t *ns);

/* ---- nvs_blob.c: values in chunks ---- */

esp_err_t nvs_blob_write(nvs_storage_t *storage, uint8_t ns, const char *key, const void *data, size_t size, uint8_t version,
	bool purge);
esp_err_t nvs_blob_read(nvs_storage_t *storage, const nvs_place_t *index, void *data);
bool nvs_blob_equals(nvs_storage_t *storage, const nvs_place_t *index, const void *data, size_t size);
/* Erases the index and then its chunks. */
esp_err_t nvs_blob_erase(const nvs_storage_t *storage, const nvs_place_t *index, bool purge);
/* Erases indexes that do not have all their chunks, and chunks without an index. */
esp_err_t nvs_blob_repair(nvs_storage_t *storage);

#endif
