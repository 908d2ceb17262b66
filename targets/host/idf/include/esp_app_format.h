/* The header of an ESP application image, as ESP-IDF and esptool have it. */
#ifndef ESP_APP_FORMAT_H
#define ESP_APP_FORMAT_H

#include <stdint.h>

typedef uint16_t esp_chip_id_t;
#define ESP_CHIP_ID_ESP32 0x0000
#define ESP_CHIP_ID_ESP32S2 0x0002
#define ESP_CHIP_ID_ESP32C3 0x0005
#define ESP_CHIP_ID_ESP32S3 0x0009
#define ESP_CHIP_ID_ESP32C6 0x000D
#define ESP_CHIP_ID_INVALID 0xFFFF

#define ESP_IMAGE_HEADER_MAGIC 0xE9
#define ESP_IMAGE_MAX_SEGMENTS 16

typedef struct {
	uint8_t magic;
	uint8_t segment_count;
	uint8_t spi_mode;
	uint8_t spi_speed : 4;
	uint8_t spi_size : 4;
	uint32_t entry_addr;
	uint8_t wp_pin;
	uint8_t spi_pin_drv[3];
	esp_chip_id_t chip_id;
	uint8_t min_chip_rev;
	uint16_t min_chip_rev_full;
	uint16_t max_chip_rev_full;
	uint8_t reserved[4];
	uint8_t hash_appended; /* 1: a SHA-256 over all bytes before it follows the checksum */
} __attribute__((packed)) esp_image_header_t;

typedef struct {
	uint32_t load_addr;
	uint32_t data_len;
} esp_image_segment_header_t;

_Static_assert(sizeof(esp_image_header_t) == 24, "image header");

#endif
