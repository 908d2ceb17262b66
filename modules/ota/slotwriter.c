/*
	Writing a slot: erase ahead of the writing, and progress that survives a power cut.

	Erasing. esp_ota_begin can erase everything at once, which stops the device for many seconds, or each sector of 4096 bytes as
	writing enters it, which is the slowest way. Here blocks of 64 KiB are erased when writing reaches them. esp_ota_write must
	then not erase again: esp_ota_resume with a size other than OTA_WITH_SEQUENTIAL_WRITES opens a handle that never erases.
	esp_ota_begin is called before it all the same and its handle given up at once, because it refuses what esp_ota_resume of
	ESP-IDF 6.0 lets pass (a running firmware that is on trial) and makes the entry of the slot in otadata invalid.

	Progress. The last sector of the slot, as long as the image does not need it, holds a record of what is being written and
	one mark for each 64 KiB that are complete. A mark is a cell that is cleared: no erase, no wear, and torn it does not count.
*/

#include <string.h>

#include "nativeota.h"

#define kMarkInterval kEraseBlock
/* With flash encryption only whole units of this size can be written, and each once. */
#define kEncryptedUnit (16u)

typedef struct {
	char magic[8];
	uint32_t interval;
	uint32_t size;
	uint8_t tag[kTagBytes];
} ProgressRecord;

static uint32_t marksOffset(const esp_partition_t *partition)
{
	return partition->size - kEraseSector;
}

static uint32_t markUnit(const esp_partition_t *partition)
{
	return partition->encrypted ? kEncryptedUnit : 1;
}

static uint32_t markCount(const esp_partition_t *partition)
{
	return (kEraseSector - sizeof(ProgressRecord)) / markUnit(partition);
}

static void makeRecord(ProgressRecord *record, const esp_partition_t *partition, const uint8_t *tag)
{
	memcpy(record->magic, "fleetprg", sizeof(record->magic));
	record->interval = kMarkInterval;
	record->size = partition->size;
	memcpy(record->tag, tag, kTagBytes);
}

uint32_t slotResumable(const esp_partition_t *partition, const uint8_t *tag)
{
	ProgressRecord expected, found;
	uint8_t marks[64];
	uint32_t unit = markUnit(partition), count = markCount(partition), done = 0;
	uint32_t first = marksOffset(partition) + sizeof(ProgressRecord);

	makeRecord(&expected, partition, tag);
	if (ESP_OK != esp_partition_read(partition, marksOffset(partition), &found, sizeof(found)))
		return 0;
	if (memcmp(&expected, &found, sizeof(found)))
		return 0;
	while (done < count) {
		uint32_t step = sizeof(marks) / unit, i, j;

		if (step > count - done)
			step = count - done;
		if (ESP_OK != esp_partition_read(partition, first + done * unit, marks, step * unit))
			break;
		for (i = 0; i < step; i++, done++) {
			for (j = 0; j < unit; j++) {
				if (marks[i * unit + j])
					return done * kMarkInterval;
			}
		}
	}
	return done * kMarkInterval;
}

/* Marks go on, or begin afresh, or are forgotten when there are to be none, before anything else happens to the slot. */
static esp_err_t startMarks(const esp_partition_t *partition, uint32_t offset, const uint8_t *tag)
{
	ProgressRecord record;
	esp_err_t error;

	if ((tag && offset) || (offset > marksOffset(partition)))
		return ESP_OK;
	error = esp_partition_erase_range(partition, marksOffset(partition), kEraseSector);
	if ((ESP_OK != error) || !tag)
		return error;
	makeRecord(&record, partition, tag);
	return esp_partition_write(partition, marksOffset(partition), &record, sizeof(record));
}

static esp_err_t mark(const esp_partition_t *partition, uint32_t index)
{
	static const uint8_t zeros[kEncryptedUnit];
	uint32_t unit = markUnit(partition);

	if (index >= markCount(partition))
		return ESP_OK;
	return esp_partition_write(partition, marksOffset(partition) + sizeof(ProgressRecord) + index * unit, zeros, unit);
}

esp_err_t slotDeactivate(void)
{
	const esp_partition_t *running = esp_ota_get_running_partition();
	esp_err_t error;

	if (!running)
		return ESP_ERR_NOT_FOUND;
	if (running == esp_ota_get_boot_partition())
		return ESP_OK;
	error = esp_ota_set_boot_partition(running);
	if ((ESP_OK != error) || (ESP_PARTITION_SUBTYPE_APP_FACTORY == running->subtype))
		return error;
	// That was written as a new firmware to be tried, which the one that runs is not.
	return esp_ota_mark_app_valid_cancel_rollback();
}

esp_err_t slotInvalidate(const esp_partition_t *partition)
{
	esp_err_t error = ESP_OK;

	if (partition == esp_ota_get_running_partition())
		return ESP_ERR_OTA_PARTITION_CONFLICT;
	if (partition == esp_ota_get_boot_partition())
		error = slotDeactivate();
	// Progress first: nothing may vouch for a slot whose start is gone.
	if (ESP_OK == error)
		error = esp_partition_erase_range(partition, marksOffset(partition), kEraseSector);
	if (ESP_OK == error)
		error = esp_partition_erase_range(partition, 0, kEraseSector);
	if (ESP_OK == error)
		esp_ota_invalidate_inactive_ota_data_slot();	// fails when there is nothing to do
	return error;
}

esp_err_t slotOpen(SlotWriter *writer, const esp_partition_t *partition, uint32_t offset, uint32_t size, const uint8_t *tag)
{
	esp_ota_handle_t handle;
	esp_err_t error;

	if (offset % kEraseSector)
		return ESP_ERR_INVALID_ARG;
	if ((size > partition->size) || (offset > partition->size))
		return ESP_ERR_INVALID_SIZE;
	if (partition == esp_ota_get_running_partition())
		return ESP_ERR_OTA_PARTITION_CONFLICT;
	// Marks vouch for all that lies before them: going on anywhere else would make them lie.
	if (tag && offset && (offset != slotResumable(partition, tag)))
		return ESP_ERR_INVALID_ARG;

	error = esp_ota_begin(partition, OTA_WITH_SEQUENTIAL_WRITES, &handle);
	if (ESP_OK == error)
		error = esp_ota_abort(handle);
	// A slot that is about to boot must not be written: the bootloader would find half an image.
	if ((ESP_OK == error) && (partition == esp_ota_get_boot_partition())) {
		error = slotDeactivate();
		esp_ota_invalidate_inactive_ota_data_slot();	// fails when there is nothing to do
	}
	writer->isMarked = tag && (size <= marksOffset(partition)) && (offset <= marksOffset(partition));
	if (ESP_OK == error)
		error = startMarks(partition, offset, writer->isMarked ? tag : NULL);
	if (ESP_OK == error)
		error = esp_ota_resume(partition, 0, offset, &handle);
	if (ESP_OK != error)
		return error;
	writer->partition = partition;
	writer->handle = handle;
	writer->position = offset;
	writer->erased = offset;
	writer->isOpen = true;
	return ESP_OK;
}

/* Erases where writing has arrived: a block where one begins and fits, otherwise a sector. */
static esp_err_t eraseAhead(SlotWriter *writer)
{
	const esp_partition_t *partition = writer->partition;
	uint32_t limit = writer->isMarked ? marksOffset(partition) : partition->size;
	uint32_t size = kEraseSector;
	esp_err_t error;

	if (writer->erased == limit) {
		if (limit == partition->size)
			return ESP_ERR_INVALID_SIZE;
		writer->isMarked = false;	// the image needs the sector of the marks
		limit = partition->size;
	}
	if (!((partition->address + writer->erased) % kEraseBlock) && (limit - writer->erased >= kEraseBlock))
		size = kEraseBlock;
	error = esp_partition_erase_range(partition, writer->erased, size);
	if (ESP_OK == error)
		writer->erased += size;
	return error;
}

esp_err_t slotWrite(SlotWriter *writer, const uint8_t *data, uint32_t size)
{
	esp_err_t error = ESP_OK;

	if (!writer->isOpen)
		return ESP_ERR_INVALID_STATE;
	while (size && (ESP_OK == error)) {
		uint32_t part, marked = writer->position / kMarkInterval;

		if (writer->position == writer->erased)
			error = eraseAhead(writer);
		if (ESP_OK != error)
			break;
		part = writer->erased - writer->position;
		if (part > size)
			part = size;
		error = esp_ota_write(writer->handle, data, part);
		if (ESP_OK != error)
			break;
		writer->position += part;
		data += part;
		size -= part;
		if (writer->isMarked && (writer->position / kMarkInterval > marked))
			error = mark(writer->partition, marked);
	}
	if (ESP_OK != error)
		slotClose(writer);	// how much of it is in flash is not known
	return error;
}

esp_err_t slotFinish(SlotWriter *writer)
{
	if (!writer->isOpen)
		return ESP_ERR_INVALID_STATE;
	writer->isOpen = false;
	return esp_ota_end(writer->handle);
}

void slotClose(SlotWriter *writer)
{
	if (writer->isOpen) {
		writer->isOpen = false;
		esp_ota_abort(writer->handle);
	}
}
