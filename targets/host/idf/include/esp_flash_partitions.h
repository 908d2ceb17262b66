/* What ESP-IDF keeps in flash about partitions and about which application boots: layouts and values are the real ones. */
#ifndef ESP_FLASH_PARTITIONS_H
#define ESP_FLASH_PARTITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"
#include "sdkconfig.h"

/* First half-words of a table entry and of the entry that holds the MD5 of all entries before it. Little-endian. */
#define ESP_PARTITION_MAGIC 0x50AA
#define ESP_PARTITION_MAGIC_MD5 0xEBEB
#define ESP_PARTITION_MD5_OFFSET 16

#define PART_TYPE_APP 0x00
#define PART_SUBTYPE_FACTORY 0x00
#define PART_SUBTYPE_OTA_FLAG 0x10
#define PART_SUBTYPE_OTA_MASK 0x0f
#define PART_SUBTYPE_TEST 0x20
#define PART_TYPE_DATA 0x01
#define PART_SUBTYPE_DATA_OTA 0x00
#define PART_TYPE_END 0xff
#define PART_SUBTYPE_END 0xff

#define PART_FLAG_ENCRYPTED (1 << 0)
#define PART_FLAG_READONLY (1 << 1)

#define ESP_PARTITION_TABLE_OFFSET CONFIG_PARTITION_TABLE_OFFSET
#define ESP_PARTITION_TABLE_SIZE 0x1000
#define ESP_PARTITION_TABLE_MAX_LEN 0xC00
#define ESP_PARTITION_TABLE_MAX_ENTRIES (ESP_PARTITION_TABLE_MAX_LEN / sizeof(esp_partition_info_t))

/** State of an application in otadata. */
typedef enum {
	ESP_OTA_IMG_NEW = 0x0U,            /* chosen, has not run yet; the bootloader makes it PENDING_VERIFY */
	ESP_OTA_IMG_PENDING_VERIFY = 0x1U, /* on trial; the next boot makes it ABORTED */
	ESP_OTA_IMG_VALID = 0x2U,          /* confirmed */
	ESP_OTA_IMG_INVALID = 0x3U,        /* refused by itself; never boots */
	ESP_OTA_IMG_ABORTED = 0x4U,        /* did not confirm on trial; never boots */
	ESP_OTA_IMG_UNDEFINED = 0xFFFFFFFFU,
} esp_ota_img_states_t;

/** One of the two entries of otadata, at the start of its sector. */
typedef struct {
	uint32_t ota_seq;
	uint8_t seq_label[20];
	uint32_t ota_state;
	uint32_t crc; /* of ota_seq alone */
} esp_ota_select_entry_t;

typedef struct {
	uint32_t offset;
	uint32_t size;
} esp_partition_pos_t;

/** One entry of the partition table in flash. */
typedef struct {
	uint16_t magic;
	uint8_t type;
	uint8_t subtype;
	esp_partition_pos_t pos;
	uint8_t label[16]; /* not terminated when it has 16 characters */
	uint32_t flags;
} esp_partition_info_t;

_Static_assert(sizeof(esp_ota_select_entry_t) == 32, "otadata entry");
_Static_assert(sizeof(esp_partition_info_t) == 32, "partition table entry");

/**
 * Checks a table of ESP_PARTITION_TABLE_MAX_LEN bytes: magic of each entry, place within the chip, MD5, end mark.
 * Returns ESP_OK and the number of partitions, ESP_ERR_INVALID_SIZE or ESP_ERR_INVALID_STATE.
 */
esp_err_t esp_partition_table_verify(const esp_partition_info_t *partition_table, bool log_errors, int *num_partitions);

#endif
