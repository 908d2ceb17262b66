/* Names of error codes, for messages. */
#include <stdio.h>

#include "esp_err.h"
#include "esp_image_format.h"
#include "esp_ota_ops.h"
#include "nvs.h"

#define NAME(code) {code, #code}

static const struct {
	esp_err_t code;
	const char *name;
} names[] = {
	NAME(ESP_OK),
	NAME(ESP_FAIL),
	NAME(ESP_ERR_NO_MEM),
	NAME(ESP_ERR_INVALID_ARG),
	NAME(ESP_ERR_INVALID_STATE),
	NAME(ESP_ERR_INVALID_SIZE),
	NAME(ESP_ERR_NOT_FOUND),
	NAME(ESP_ERR_NOT_SUPPORTED),
	NAME(ESP_ERR_TIMEOUT),
	NAME(ESP_ERR_INVALID_RESPONSE),
	NAME(ESP_ERR_INVALID_CRC),
	NAME(ESP_ERR_INVALID_VERSION),
	NAME(ESP_ERR_INVALID_MAC),
	NAME(ESP_ERR_NOT_FINISHED),
	NAME(ESP_ERR_NOT_ALLOWED),
	NAME(ESP_ERR_FLASH_OP_FAIL),
	NAME(ESP_ERR_FLASH_OP_TIMEOUT),
	NAME(ESP_ERR_IMAGE_FLASH_FAIL),
	NAME(ESP_ERR_IMAGE_INVALID),
	NAME(ESP_ERR_OTA_PARTITION_CONFLICT),
	NAME(ESP_ERR_OTA_SELECT_INFO_INVALID),
	NAME(ESP_ERR_OTA_VALIDATE_FAILED),
	NAME(ESP_ERR_OTA_SMALL_SEC_VER),
	NAME(ESP_ERR_OTA_ROLLBACK_FAILED),
	NAME(ESP_ERR_OTA_ROLLBACK_INVALID_STATE),
	NAME(ESP_ERR_NVS_NOT_INITIALIZED),
	NAME(ESP_ERR_NVS_NOT_FOUND),
	NAME(ESP_ERR_NVS_TYPE_MISMATCH),
	NAME(ESP_ERR_NVS_READ_ONLY),
	NAME(ESP_ERR_NVS_NOT_ENOUGH_SPACE),
	NAME(ESP_ERR_NVS_INVALID_NAME),
	NAME(ESP_ERR_NVS_INVALID_HANDLE),
	NAME(ESP_ERR_NVS_REMOVE_FAILED),
	NAME(ESP_ERR_NVS_KEY_TOO_LONG),
	NAME(ESP_ERR_NVS_PAGE_FULL),
	NAME(ESP_ERR_NVS_INVALID_STATE),
	NAME(ESP_ERR_NVS_INVALID_LENGTH),
	NAME(ESP_ERR_NVS_NO_FREE_PAGES),
	NAME(ESP_ERR_NVS_VALUE_TOO_LONG),
	NAME(ESP_ERR_NVS_PART_NOT_FOUND),
	NAME(ESP_ERR_NVS_NEW_VERSION_FOUND),
};

static const char *find(esp_err_t code)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].code == code) return names[i].name;
	return NULL;
}

const char *esp_err_to_name(esp_err_t code)
{
	const char *name = find(code);
	return name ? name : "UNKNOWN ERROR";
}

const char *esp_err_to_name_r(esp_err_t code, char *buffer, size_t length)
{
	const char *name = find(code);
	if (name) snprintf(buffer, length, "%s", name);
	else snprintf(buffer, length, "UNKNOWN ERROR 0x%x", (unsigned)code);
	return buffer;
}
