/*
	What nativeota.c and slotwriter.c share. ESP-IDF's headers have the same names on the device and on the host, where the
	host target brings its own over the flash model.
*/

#ifndef __NATIVEOTA__
#define __NATIVEOTA__

#include <stdbool.h>
#include <stdint.h>

#if defined(ESP_PLATFORM) && !__has_include("esp_ota_ops.h")
	// mcconfig has no include path to this component, but one to the folder of all.
	#include "app_update/include/esp_ota_ops.h"
#else
	#include "esp_ota_ops.h"
#endif
#include "esp_image_format.h"
#include "esp_partition.h"

/* One erase command for this much is ten times as fast as one for each sector of 4096 bytes. */
#define kEraseBlock (65536u)
#define kEraseSector (4096u)

/* Identifies what is being written; progress counts only for the same. */
#define kTagBytes (16u)

typedef struct {
	const esp_partition_t *partition;
	esp_ota_handle_t handle;
	uint32_t position;		// bytes given to write
	uint32_t erased;		// end of what is erased
	bool isOpen;
	bool isMarked;			// progress marks are kept in the last sector
} SlotWriter;

extern const esp_partition_t *slotByLabel(const char *label);

extern esp_err_t slotOpen(SlotWriter *writer, const esp_partition_t *partition, uint32_t offset, uint32_t size, const uint8_t *tag);
extern esp_err_t slotWrite(SlotWriter *writer, const uint8_t *data, uint32_t size);
extern esp_err_t slotFinish(SlotWriter *writer);
extern void slotClose(SlotWriter *writer);

/* How many bytes from the start are known to be in the slot. */
extern uint32_t slotResumable(const esp_partition_t *partition, const uint8_t *tag);

/* Erases as little as makes the slot unbootable and forgets its progress. */
extern esp_err_t slotInvalidate(const esp_partition_t *partition);

/* Makes the running firmware the one that boots next, if it is not. */
extern esp_err_t slotDeactivate(void);

#endif
