/* Start and end of ESP-IDF's non-volatile storage. */
#ifndef NVS_FLASH_H
#define NVS_FLASH_H

#include "esp_partition.h"
#include "nvs.h"

/**
 * Reads all pages and repairs what a power cut has left. Returns ESP_OK, ESP_ERR_NVS_NO_FREE_PAGES or
 * ESP_ERR_NVS_NEW_VERSION_FOUND (for both: erase and initialise again), ESP_ERR_NOT_FOUND without such a partition.
 */
esp_err_t nvs_flash_init(void);
esp_err_t nvs_flash_init_partition(const char *partition_label);
esp_err_t nvs_flash_deinit(void);
esp_err_t nvs_flash_deinit_partition(const char *partition_label);
/** Erases the whole partition; all values are lost. */
esp_err_t nvs_flash_erase(void);
esp_err_t nvs_flash_erase_partition(const char *part_name);

#endif
