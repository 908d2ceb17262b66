/* Verification of application images in flash, with ESP-IDF's interface. */
#ifndef ESP_IMAGE_FORMAT_H
#define ESP_IMAGE_FORMAT_H

#include "esp_app_format.h"
#include "esp_err.h"
#include "esp_flash_partitions.h"

#define ESP_ERR_IMAGE_BASE 0x2000
#define ESP_ERR_IMAGE_FLASH_FAIL (ESP_ERR_IMAGE_BASE + 1)
#define ESP_ERR_IMAGE_INVALID (ESP_ERR_IMAGE_BASE + 2)

#define ESP_IMAGE_HASH_LEN 32

typedef struct {
	uint32_t start_addr;
	esp_image_header_t image;
	esp_image_segment_header_t segments[ESP_IMAGE_MAX_SEGMENTS];
	uint32_t segment_data[ESP_IMAGE_MAX_SEGMENTS]; /* flash address of each segment's data */
	uint32_t image_len;                            /* with checksum, padding and appended hash */
	uint8_t image_digest[32];
	uint32_t secure_version;
	uint32_t mmu_page_size;
} esp_image_metadata_t;

typedef enum {
	ESP_IMAGE_VERIFY,
	ESP_IMAGE_VERIFY_SILENT,
} esp_image_load_mode_t;

/**
 * Magic, chip, revision, segments, checksum and appended SHA-256 of the image at the start of `part`.
 * Returns ESP_OK with `data` filled, otherwise ESP_ERR_IMAGE_INVALID or ESP_FAIL (wrong chip) with `data` zeroed.
 */
esp_err_t esp_image_verify(esp_image_load_mode_t mode, const esp_partition_pos_t *part, esp_image_metadata_t *data);

/** Header and segment table only: neither checksum nor hash is compared. */
esp_err_t esp_image_get_metadata(const esp_partition_pos_t *part, esp_image_metadata_t *metadata);

#endif
