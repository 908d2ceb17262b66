/*
	Slots for firmware: natives over ESP-IDF's esp_ota_*, esp_partition_* and esp_image_verify.

	Functions that can fail return esp_err_t; the TypeScript above says what it means.
*/

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdlib.h>
#include <string.h>

#include "nativeota.h"

/* A partition label has up to 16 characters. */
#define kLabelBuffer (32)

/* State of a slot that otadata does not know; the same as ESP_OTA_IMG_UNDEFINED. */
#define kNoState (-1)

const esp_partition_t *slotByLabel(const char *label)
{
	return esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_ANY, label);
}

static const esp_partition_t *toSlot(xsMachine *the, xsSlot *slot)
{
	char label[kLabelBuffer];

	xsmcToStringBuffer(*slot, label, sizeof(label));
	return slotByLabel(label);
}

static void setLabel(xsMachine *the, const esp_partition_t *partition)
{
	if (partition)
		xsmcSetString(xsResult, (char *)partition->label);
}

static void setError(xsMachine *the, esp_err_t error)
{
	xsmcSetInteger(xsResult, error);
}

/*
	asking
*/

static xsIntegerValue appendLabel(xsMachine *the, const esp_partition_t *partition, xsIntegerValue count)
{
	if (!partition)
		return count;
	xsmcSetString(xsVar(0), (char *)partition->label);
	xsmcSetIndex(xsResult, count, xsVar(0));
	return count + 1;
}

void xs_slots_list(xsMachine *the)
{
	xsIntegerValue count = 0;
	int i;

	xsmcVars(1);
	xsmcSetNewArray(xsResult, 0);
	count = appendLabel(the, esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL), count);
	for (i = 0; i < 16; i++)
		count = appendLabel(the, esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_OTA(i), NULL), count);
}

void xs_slots_running(xsMachine *the)
{
	setLabel(the, esp_ota_get_running_partition());
}

void xs_slots_boot(xsMachine *the)
{
	setLabel(the, esp_ota_get_boot_partition());
}

void xs_slots_next(xsMachine *the)
{
	setLabel(the, esp_ota_get_next_update_partition(NULL));
}

void xs_slots_lastInvalid(xsMachine *the)
{
	setLabel(the, esp_ota_get_last_invalid_partition());
}

void xs_slots_canRollBack(xsMachine *the)
{
	xsmcSetBoolean(xsResult, esp_ota_check_rollback_is_possible());
}

void xs_slots_chip(xsMachine *the)
{
	xsmcSetInteger(xsResult, CONFIG_IDF_FIRMWARE_CHIP_ID);
}

/* A field of fixed length need not have a terminator. */
static void setText(xsMachine *the, xsIdentifier id, const char *field, size_t size)
{
	char text[64];

	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	memcpy(text, field, size);
	text[size] = 0;
	xsmcSetString(xsVar(0), text);
	xsmcSet(xsResult, id, xsVar(0));
}

static void setDigest(xsMachine *the, xsIdentifier id, const uint8_t *digest)
{
	static const char digits[] = "0123456789abcdef";
	char text[65];
	int i;

	for (i = 0; i < 32; i++) {
		text[2 * i] = digits[digest[i] >> 4];
		text[2 * i + 1] = digits[digest[i] & 15];
	}
	text[64] = 0;
	xsmcSetString(xsVar(0), text);
	xsmcSet(xsResult, id, xsVar(0));
}

static void setUnsigned(xsMachine *the, xsIdentifier id, uint32_t value)
{
	xsmcSetUnsigned(xsVar(0), value);
	xsmcSet(xsResult, id, xsVar(0));
}

void xs_slots_info(xsMachine *the)
{
	const esp_partition_t *partition = toSlot(the, &xsArg(0));
	esp_ota_img_states_t state;
	esp_app_desc_t description;

	if (!partition)
		return;
	xsmcVars(1);
	xsmcSetNewObject(xsResult);
	setText(the, xsID_label, partition->label, strlen(partition->label));
	setUnsigned(the, xsID_address, partition->address);
	setUnsigned(the, xsID_size, partition->size);
	xsmcSetInteger(xsVar(0), (ESP_OK == esp_ota_get_state_partition(partition, &state)) ? (int)state : kNoState);
	xsmcSet(xsResult, xsID_state, xsVar(0));
	if (ESP_OK != esp_ota_get_partition_description(partition, &description))
		return;
	setText(the, xsID_version, description.version, sizeof(description.version));
	setText(the, xsID_projectName, description.project_name, sizeof(description.project_name));
	setUnsigned(the, xsID_secureVersion, description.secure_version);
	setText(the, xsID_date, description.date, sizeof(description.date));
	setText(the, xsID_time, description.time, sizeof(description.time));
	setText(the, xsID_idfVersion, description.idf_ver, sizeof(description.idf_ver));
	setDigest(the, xsID_elfSha256, description.app_elf_sha256);
}

void xs_slots_read(xsMachine *the)
{
	const esp_partition_t *partition = toSlot(the, &xsArg(0));
	uint32_t offset = xsmcToUnsigned(xsArg(1));
	xsUnsignedValue size;
	void *buffer;

	xsmcGetBufferWritable(xsArg(2), &buffer, &size);
	setError(the, partition ? esp_partition_read(partition, offset, buffer, size) : ESP_ERR_NOT_FOUND);
}

void xs_slots_verify(xsMachine *the)
{
	const esp_partition_t *partition = toSlot(the, &xsArg(0));
	esp_image_metadata_t *metadata;
	esp_partition_pos_t position;

	if (!partition) {
		setError(the, ESP_ERR_NOT_FOUND);
		return;
	}
	metadata = malloc(sizeof(*metadata));	// too large for the stack of a task
	if (!metadata) {
		setError(the, ESP_ERR_NO_MEM);
		return;
	}
	position.offset = partition->address;
	position.size = partition->size;
	setError(the, (ESP_OK == esp_image_verify(ESP_IMAGE_VERIFY_SILENT, &position, metadata)) ? ESP_OK : ESP_ERR_OTA_VALIDATE_FAILED);
	free(metadata);
}

/*
	deciding
*/

static bool isOnTrial(void)
{
	esp_ota_img_states_t state;
	const esp_partition_t *running = esp_ota_get_running_partition();

	return running && (ESP_OK == esp_ota_get_state_partition(running, &state)) && (ESP_OTA_IMG_PENDING_VERIFY == state);
}

void xs_slots_activate(xsMachine *the)
{
	const esp_partition_t *partition = toSlot(the, &xsArg(0));
	esp_ota_img_states_t state;

	if (!partition)
		setError(the, ESP_ERR_NOT_FOUND);
	else if (partition == esp_ota_get_running_partition())
		setError(the, ESP_ERR_OTA_PARTITION_CONFLICT);
	else if (isOnTrial())
		setError(the, ESP_ERR_OTA_ROLLBACK_INVALID_STATE);
	else if ((partition == esp_ota_get_boot_partition()) && (ESP_OK == esp_ota_get_state_partition(partition, &state)) &&
			(ESP_OTA_IMG_NEW == state))
		setError(the, ESP_OK);	// it is already: writing it again would erase what is right first
	else
		setError(the, esp_ota_set_boot_partition(partition));
}

void xs_slots_deactivate(xsMachine *the)
{
	setError(the, slotDeactivate());
}

/* ESP-IDF marks the firmware that boots next, whichever runs: only where they are the same is that what is meant. */
static bool nextIsRunning(void)
{
	return esp_ota_get_boot_partition() == esp_ota_get_running_partition();
}

void xs_slots_confirm(xsMachine *the)
{
	if (!isOnTrial())
		setError(the, ESP_OK);
	else
		setError(the, nextIsRunning() ? esp_ota_mark_app_valid_cancel_rollback() : ESP_ERR_INVALID_STATE);
}

void xs_slots_rollback(xsMachine *the)
{
	setError(the, nextIsRunning() ? esp_ota_mark_app_invalid_rollback_and_reboot() : ESP_ERR_INVALID_STATE);
}

void xs_slots_invalidate(xsMachine *the)
{
	const esp_partition_t *partition = toSlot(the, &xsArg(0));

	setError(the, partition ? slotInvalidate(partition) : ESP_ERR_NOT_FOUND);
}

/*
	writing
*/

void xs_slotwriter_destructor(void *data)
{
	if (data) {
		slotClose(data);
		free(data);
	}
}

void xs_slotwriter(xsMachine *the)
{
	SlotWriter *writer = calloc(1, sizeof(SlotWriter));

	if (!writer)
		xsUnknownError("no memory");
	xsmcSetHostData(xsThis, writer);
}

static SlotWriter *getWriter(xsMachine *the)
{
	return xsmcGetHostDataValidate(xsThis, xs_slotwriter_destructor);
}

/* A tag of exactly kTagBytes, or false. */
static bool toTag(xsMachine *the, xsSlot *slot, uint8_t *tag)
{
	xsUnsignedValue size;
	void *buffer;

	if (xsUndefinedType == xsmcTypeOf(*slot))
		return false;
	xsmcGetBufferReadable(*slot, &buffer, &size);
	if (size != kTagBytes)
		xsRangeError("tag must have 16 bytes");
	memcpy(tag, buffer, kTagBytes);
	return true;
}

void xs_slotwriter_open(xsMachine *the)
{
	const esp_partition_t *partition = toSlot(the, &xsArg(0));
	uint32_t offset = xsmcToUnsigned(xsArg(1)), size = xsmcToUnsigned(xsArg(2));
	uint8_t tag[kTagBytes];
	bool hasTag = toTag(the, &xsArg(3), tag);
	SlotWriter *writer = getWriter(the);

	if (!writer || writer->isOpen)
		setError(the, ESP_ERR_INVALID_STATE);
	else if (!partition)
		setError(the, ESP_ERR_NOT_FOUND);
	else
		setError(the, slotOpen(writer, partition, offset, size, hasTag ? tag : NULL));
}

void xs_slotwriter_write(xsMachine *the)
{
	SlotWriter *writer = getWriter(the);
	xsUnsignedValue size;
	void *buffer;

	xsmcGetBufferReadable(xsArg(0), &buffer, &size);
	setError(the, writer ? slotWrite(writer, buffer, size) : ESP_ERR_INVALID_STATE);
}

void xs_slotwriter_finish(xsMachine *the)
{
	SlotWriter *writer = getWriter(the);

	setError(the, writer ? slotFinish(writer) : ESP_ERR_INVALID_STATE);
}

void xs_slotwriter_close(xsMachine *the)
{
	SlotWriter *writer = getWriter(the);

	if (writer)
		slotClose(writer);
}

void xs_slotwriter_position(xsMachine *the)
{
	SlotWriter *writer = getWriter(the);

	xsmcSetUnsigned(xsResult, writer ? writer->position : 0);
}

void xs_slotwriter_resumable(xsMachine *the)
{
	const esp_partition_t *partition = toSlot(the, &xsArg(0));
	uint8_t tag[kTagBytes];

	xsmcSetUnsigned(xsResult, (partition && toTag(the, &xsArg(1), tag)) ? slotResumable(partition, tag) : 0);
}
