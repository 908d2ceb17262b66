/*
 * "embedded:storage/key-value" of the host: the same shape and behaviour as Moddable's over NVS on ESP32.
 * A missing key reads as undefined; a value of another type throws; every write is committed.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdlib.h>
#include <string.h>

#include "host_flash.h"
#include "nvs.h"

typedef struct {
	nvs_handle_t handle;
	uint8_t format; /* index into formats */
	uint8_t readOnly;
} Storage;

static const struct {
	const char *name;
	nvs_type_t type;
	uint8_t size; /* of a number */
	uint8_t isSigned;
} formats[] = {
	{"buffer", NVS_TYPE_BLOB, 0, 0},
	{"string", NVS_TYPE_STR, 0, 0},
	{"uint8", NVS_TYPE_U8, 1, 0},
	{"int8", NVS_TYPE_I8, 1, 1},
	{"uint16", NVS_TYPE_U16, 2, 0},
	{"int16", NVS_TYPE_I16, 2, 1},
	{"uint32", NVS_TYPE_U32, 4, 0},
	{"int32", NVS_TYPE_I32, 4, 1},
	{"uint64", NVS_TYPE_U64, 8, 0},
	{"int64", NVS_TYPE_I64, 8, 1},
};

#define kFormatCount (sizeof(formats) / sizeof(*formats))
#define kFormatBuffer 0

/* With room for a key that is too long, which then gets a better message than that it does not fit. */
#define kKeyBuffer 64

/* The engine has these without declaring them in its headers for natives. */
extern long long fxToBigInt64(xsMachine *the, xsSlot *slot);
extern void fxFromBigInt64(xsMachine *the, xsSlot *slot, long long value);
extern void fxFromBigUint64(xsMachine *the, xsSlot *slot, unsigned long long value);

void xs_keyvalue_destructor(void *data);

static void check(xsMachine *the, esp_err_t error, const char *what, const char *key)
{
	if (ESP_OK != error)
		xsUnknownError("key-value storage: cannot %s \"%s\": %s", what, key, esp_err_to_name(error));
}

static Storage *getStorage(xsMachine *the)
{
	Storage *storage = xsmcGetHostDataValidate(xsThis, xs_keyvalue_destructor);

	if (!storage)
		xsUnknownError("key-value storage: closed");
	return storage;
}

static void getKey(xsMachine *the, char *key)
{
	xsmcToStringBuffer(xsArg(0), key, kKeyBuffer);
	if (!*key || (strlen(key) >= NVS_KEY_NAME_MAX_SIZE))
		xsRangeError("key-value storage: \"%s\" is not a key of 1 to %d characters", key, NVS_KEY_NAME_MAX_SIZE - 1);
}

static uint8_t toFormat(xsMachine *the, xsSlot *slot)
{
	char name[16];
	uint8_t i;

	xsmcToStringBuffer(*slot, name, sizeof(name));
	for (i = 0; i < kFormatCount; i++)
		if (!strcmp(name, formats[i].name))
			return i;
	xsRangeError("key-value storage: unsupported format \"%s\"", name);
	return kFormatBuffer;
}

void xs_keyvalue_destructor(void *data)
{
	Storage *storage = data;

	if (storage) {
		nvs_close(storage->handle);
		free(storage);
	}
}

void xs_keyvalue(xsMachine *the)
{
	char path[kKeyBuffer], mode[4] = "r+";
	uint8_t format = kFormatBuffer;
	nvs_handle_t handle;
	Storage *storage;
	size_t length;
	esp_err_t error;

	xsmcVars(1);
	xsmcGet(xsVar(0), xsArg(0), xsID_path);
	xsmcToStringBuffer(xsVar(0), path, sizeof(path));
	length = strlen(path);
	if (length && ('/' == path[length - 1]))
		path[--length] = 0;
	if (!length || (length >= NVS_NS_NAME_MAX_SIZE))
		xsRangeError("key-value storage: \"%s\" is not a path of 1 to %d characters", path, NVS_NS_NAME_MAX_SIZE - 1);
	if (xsmcHas(xsArg(0), xsID_mode)) {
		xsmcGet(xsVar(0), xsArg(0), xsID_mode);
		xsmcToStringBuffer(xsVar(0), mode, sizeof(mode));
		if (strcmp(mode, "r") && strcmp(mode, "r+"))
			xsRangeError("key-value storage: invalid mode \"%s\"", mode);
	}
	if (xsmcHas(xsArg(0), xsID_format)) {
		xsmcGet(xsVar(0), xsArg(0), xsID_format);
		format = toFormat(the, &xsVar(0));
	}
	if (ESP_OK != host_nvs_init(NULL))
		xsUnknownError("%s", (char *)host_flash_error());
	error = nvs_open(path, strcmp(mode, "r") ? NVS_READWRITE : NVS_READONLY, &handle);
	check(the, error, "open", path);
	storage = calloc(1, sizeof(Storage));
	if (!storage) {
		nvs_close(handle);
		xsUnknownError("key-value storage: no memory");
	}
	storage->handle = handle;
	storage->format = format;
	storage->readOnly = !strcmp(mode, "r");
	xsmcSetHostData(xsThis, storage);
}

void xs_keyvalue_close(xsMachine *the)
{
	Storage *storage = xsmcGetHostDataValidate(xsThis, xs_keyvalue_destructor);

	if (!storage)
		return;
	xsmcSetHostData(xsThis, NULL);
	xs_keyvalue_destructor(storage);
}

static void readNumber(xsMachine *the, Storage *storage, const char *key)
{
	union {
		uint8_t u8;
		int8_t i8;
		uint16_t u16;
		int16_t i16;
		uint32_t u32;
		int32_t i32;
		uint64_t u64;
		int64_t i64;
	} value;
	esp_err_t error = ESP_FAIL;

	switch (formats[storage->format].type) {
		case NVS_TYPE_U8: error = nvs_get_u8(storage->handle, key, &value.u8); break;
		case NVS_TYPE_I8: error = nvs_get_i8(storage->handle, key, &value.i8); break;
		case NVS_TYPE_U16: error = nvs_get_u16(storage->handle, key, &value.u16); break;
		case NVS_TYPE_I16: error = nvs_get_i16(storage->handle, key, &value.i16); break;
		case NVS_TYPE_U32: error = nvs_get_u32(storage->handle, key, &value.u32); break;
		case NVS_TYPE_I32: error = nvs_get_i32(storage->handle, key, &value.i32); break;
		case NVS_TYPE_U64: error = nvs_get_u64(storage->handle, key, &value.u64); break;
		case NVS_TYPE_I64: error = nvs_get_i64(storage->handle, key, &value.i64); break;
		default: break;
	}
	check(the, error, "read", key);
	switch (formats[storage->format].type) {
		case NVS_TYPE_U8: xsmcSetInteger(xsResult, value.u8); break;
		case NVS_TYPE_I8: xsmcSetInteger(xsResult, value.i8); break;
		case NVS_TYPE_U16: xsmcSetInteger(xsResult, value.u16); break;
		case NVS_TYPE_I16: xsmcSetInteger(xsResult, value.i16); break;
		case NVS_TYPE_U32: xsmcSetUnsigned(xsResult, value.u32); break;
		case NVS_TYPE_I32: xsmcSetInteger(xsResult, value.i32); break;
		case NVS_TYPE_U64: fxFromBigUint64(the, &xsResult, value.u64); break;
		case NVS_TYPE_I64: fxFromBigInt64(the, &xsResult, value.i64); break;
		default: break;
	}
}

static void readBuffer(xsMachine *the, Storage *storage, const char *key)
{
	xsUnsignedValue available;
	size_t length;
	void *data;

	check(the, nvs_get_blob(storage->handle, key, NULL, &length), "read", key);
	if (xsmcArgc > 1) {
		xsmcGetBufferWritable(xsArg(1), &data, &available);
		if (available < length)
			xsRangeError("key-value storage: \"%s\" has %d bytes, more than the buffer", key, (int)length);
		xsmcSetInteger(xsResult, (xsIntegerValue)length);
	}
	else {
		xsmcSetArrayBuffer(xsResult, NULL, (xsIntegerValue)length);
		data = xsmcToArrayBuffer(xsResult);
	}
	check(the, nvs_get_blob(storage->handle, key, data, &length), "read", key);
}

static void readString(xsMachine *the, Storage *storage, const char *key)
{
	size_t length;

	check(the, nvs_get_str(storage->handle, key, NULL, &length), "read", key);
	xsmcSetStringBuffer(xsResult, NULL, (xsIntegerValue)length);
	check(the, nvs_get_str(storage->handle, key, xsmcToString(xsResult), &length), "read", key);
}

void xs_keyvalue_read(xsMachine *the)
{
	char key[kKeyBuffer];
	Storage *storage;
	nvs_type_t type;
	esp_err_t error;

	getKey(the, key);
	storage = getStorage(the);
	error = nvs_find_key(storage->handle, key, &type);
	if (ESP_ERR_NVS_NOT_FOUND == error)
		return;
	check(the, error, "read", key);
	if (formats[storage->format].type != type)
		xsTypeError("key-value storage: \"%s\" is not of format \"%s\"", key, formats[storage->format].name);
	if (NVS_TYPE_BLOB == type)
		readBuffer(the, storage, key);
	else if (NVS_TYPE_STR == type)
		readString(the, storage, key);
	else
		readNumber(the, storage, key);
}

/* Out of range is an error: a number that is cut off is found much later. */
static int64_t toNumber(xsMachine *the, Storage *storage, const char *key)
{
	unsigned bits = formats[storage->format].size * 8u;
	xsNumberValue number, low, high;

	if (64 == bits)
		return fxToBigInt64(the, &xsArg(1));
	high = (xsNumberValue)(1ull << (formats[storage->format].isSigned ? bits - 1 : bits)) - 1;
	low = formats[storage->format].isSigned ? -high - 1 : 0;
	number = xsmcToNumber(xsArg(1));
	if (!(number >= low) || !(number <= high))
		xsRangeError("key-value storage: the value of \"%s\" does not fit into %s", key, formats[storage->format].name);
	return (int64_t)number;
}

static esp_err_t writeNumber(Storage *storage, const char *key, int64_t value)
{
	switch (formats[storage->format].type) {
		case NVS_TYPE_U8: return nvs_set_u8(storage->handle, key, (uint8_t)value);
		case NVS_TYPE_I8: return nvs_set_i8(storage->handle, key, (int8_t)value);
		case NVS_TYPE_U16: return nvs_set_u16(storage->handle, key, (uint16_t)value);
		case NVS_TYPE_I16: return nvs_set_i16(storage->handle, key, (int16_t)value);
		case NVS_TYPE_U32: return nvs_set_u32(storage->handle, key, (uint32_t)value);
		case NVS_TYPE_I32: return nvs_set_i32(storage->handle, key, (int32_t)value);
		case NVS_TYPE_U64: return nvs_set_u64(storage->handle, key, (uint64_t)value);
		case NVS_TYPE_I64: return nvs_set_i64(storage->handle, key, value);
		default: return ESP_FAIL;
	}
}

void xs_keyvalue_write(xsMachine *the)
{
	char key[kKeyBuffer];
	Storage *storage;
	esp_err_t error;

	getKey(the, key);
	storage = getStorage(the);
	if (storage->readOnly)
		xsUnknownError("key-value storage: \"%s\" cannot be written, it was opened for reading only", key);
	if (kFormatBuffer == storage->format) {
		xsUnsignedValue length;
		void *data;

		xsmcGetBufferReadable(xsArg(1), &data, &length);
		error = nvs_set_blob(storage->handle, key, data, length);
	}
	else if (NVS_TYPE_STR == formats[storage->format].type)
		error = nvs_set_str(storage->handle, key, xsmcToString(xsArg(1)));
	else
		error = writeNumber(storage, key, toNumber(the, storage, key));
	check(the, error, "write", key);
	check(the, nvs_commit(storage->handle), "commit", key);
}

void xs_keyvalue_delete(xsMachine *the)
{
	char key[kKeyBuffer];
	Storage *storage;
	esp_err_t error;

	getKey(the, key);
	storage = getStorage(the);
	if (storage->readOnly)
		xsUnknownError("key-value storage: \"%s\" cannot be deleted, it was opened for reading only", key);
	error = nvs_erase_key(storage->handle, key);
	if (ESP_ERR_NVS_NOT_FOUND != error)
		check(the, error, "delete", key);
	check(the, nvs_commit(storage->handle), "commit", key);
}

void xs_keyvalue_keys(xsMachine *the)
{
	Storage *storage = getStorage(the);
	nvs_iterator_t iterator;
	nvs_entry_info_t info;
	xsIntegerValue count = 0;

	xsmcVars(1);
	xsmcSetNewArray(xsResult, 0);
	/* One step at a time from the start: an allocation may throw, and would leave an iterator behind. */
	for (;;) {
		esp_err_t error = nvs_entry_find_in_handle(storage->handle, NVS_TYPE_ANY, &iterator);
		for (xsIntegerValue i = 0; (ESP_OK == error) && (i < count); i++)
			error = nvs_entry_next(&iterator);
		if (ESP_OK != error)
			break;
		nvs_entry_info(iterator, &info);
		nvs_release_iterator(iterator);
		xsmcSetString(xsVar(0), info.key);
		xsmcSetIndex(xsResult, count++, xsVar(0));
	}
}

void xs_keyvalue_get_format(xsMachine *the)
{
	Storage *storage = getStorage(the);

	xsmcSetString(xsResult, (char *)formats[storage->format].name);
}

void xs_keyvalue_set_format(xsMachine *the)
{
	Storage *storage = getStorage(the);
	uint8_t format = toFormat(the, &xsArg(0));

	storage->format = format;
}
