/*
 * What the files of the flash model share: raw access to the chip, the log, and the hooks by which closing the flash
 * makes every layer forget what it has read from it.
 */
#ifndef HOST_FLASH_MODEL_H
#define HOST_FLASH_MODEL_H

#include "host_flash.h"

/* ---- flash.c: the chip. Addresses are absolute. Errors: ESP_ERR_INVALID_STATE when no flash is open, ESP_ERR_INVALID_ARG
   for a place outside the chip or off the sector grid, ESP_ERR_FLASH_OP_FAIL for a write that wants to set a bit. ---- */

esp_err_t flash_read(uint32_t address, void *data, uint32_t size);
esp_err_t flash_write(uint32_t address, const void *data, uint32_t size);
esp_err_t flash_erase(uint32_t address, uint32_t size);

/* Number of the newest operation that touched a region: equal numbers mean equal contents. */
uint64_t flash_changed(uint32_t address, uint32_t size);

void flash_log(char level, const char *tag, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sets what host_flash_error() answers. */
void flash_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- partition.c ---- */

void partition_reset(void);
/* The OTA application slots in order of their number; returns how many there are. */
unsigned partition_slots(const esp_partition_t *slots[16]);

/* ---- digest.c ---- */

/* Digests of memory through PSA; they return false when the library fails. */
bool digest_sha256(const uint8_t *data, size_t size, uint8_t digest[32]);
bool digest_md5(const uint8_t *data, size_t size, uint8_t digest[16]);

/* ---- image.c ---- */

void image_reset(void);

/* ---- otadata.c: the two entries and the rules that bootloader and application share ---- */

typedef struct {
	const esp_partition_t *partition;
	esp_ota_select_entry_t entries[2];
} otadata_t;

/* Reads both entries; false when there is no otadata partition. */
bool otadata_read(otadata_t *otadata);
uint32_t otadata_crc(const esp_ota_select_entry_t *entry);
/* Never written, or refused: must not be booted. */
bool otadata_unbootable(const esp_ota_select_entry_t *entry);
bool otadata_valid(const esp_ota_select_entry_t *entry);
/* Index of the entry that decides, or -1. */
int otadata_active(const otadata_t *otadata);
/* Of the candidates, the one with the highest (or lowest) sequence number, or -1. */
int otadata_select(const otadata_t *otadata, const bool candidates[2], bool highest);
/* Erases the entry's sector and writes the entry. */
esp_err_t otadata_write(const otadata_t *otadata, int index);

/* ---- esp_ota_ops.c, esp_ota_write.c ---- */

void ota_reset(void);
void ota_write_reset(void);
bool ota_is_slot(const esp_partition_t *partition);
esp_err_t ota_validate(const esp_partition_t *partition, esp_image_load_mode_t mode);
void ota_set_running(const esp_partition_t *partition, const esp_app_desc_t *description);

/* ---- nvs_api.c ---- */

void nvs_reset(void);

#endif
