/* Error codes with ESP-IDF's names and values, so that C written for ESP-IDF compiles and behaves the same here. */
#ifndef ESP_ERR_H
#define ESP_ERR_H

#include <stddef.h>
#include <stdint.h>

typedef int esp_err_t;

#define ESP_OK 0
#define ESP_FAIL -1

#define ESP_ERR_NO_MEM 0x101
#define ESP_ERR_INVALID_ARG 0x102
#define ESP_ERR_INVALID_STATE 0x103
#define ESP_ERR_INVALID_SIZE 0x104
#define ESP_ERR_NOT_FOUND 0x105
#define ESP_ERR_NOT_SUPPORTED 0x106
#define ESP_ERR_TIMEOUT 0x107
#define ESP_ERR_INVALID_RESPONSE 0x108
#define ESP_ERR_INVALID_CRC 0x109
#define ESP_ERR_INVALID_VERSION 0x10A
#define ESP_ERR_INVALID_MAC 0x10B
#define ESP_ERR_NOT_FINISHED 0x10C
#define ESP_ERR_NOT_ALLOWED 0x10D

#define ESP_ERR_FLASH_BASE 0x6000
#define ESP_ERR_FLASH_OP_FAIL (ESP_ERR_FLASH_BASE + 1)
#define ESP_ERR_FLASH_OP_TIMEOUT (ESP_ERR_FLASH_BASE + 2)

/** The name of a code, such as "ESP_ERR_OTA_VALIDATE_FAILED"; "UNKNOWN ERROR" for others. */
const char *esp_err_to_name(esp_err_t code);

/** As esp_err_to_name, with the number for a code that has no name. */
const char *esp_err_to_name_r(esp_err_t code, char *buffer, size_t length);

#endif
