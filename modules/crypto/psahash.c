/*
	SHA-256, whole and in pieces, and random bytes.

	A running hash lives in native memory: updating it allocates nothing in the machine's heap.
*/

#include <stdlib.h>

#include "psakeystore.h"
#include "xsmc.h"

#define kDigestBytes (PSA_HASH_LENGTH(PSA_ALG_SHA_256))

void xs_psahash_destructor(void *data)
{
	if (data) {
		psa_hash_abort(data);
		free(data);
	}
}

void xs_psahash(xsMachine *the)
{
	psa_hash_operation_t *operation = malloc(sizeof(psa_hash_operation_t));

	// Without memory for it the object has no data; start and copy, one of which comes next, say so.
	if (operation)
		*operation = psa_hash_operation_init();
	xsmcSetHostData(xsThis, operation);
}

static psa_hash_operation_t *getOperation(xsMachine *the, xsSlot *slot)
{
	return xsmcGetHostDataValidate(*slot, xs_psahash_destructor);
}

void xs_psahash_close(xsMachine *the)
{
	psa_hash_operation_t *operation = getOperation(the, &xsThis);

	if (!operation)
		return;
	xsmcSetHostData(xsThis, NULL);
	xs_psahash_destructor(operation);
}

void xs_psahash_start(xsMachine *the)
{
	psa_hash_operation_t *operation = getOperation(the, &xsThis);
	psa_status_t status = PSA_ERROR_INSUFFICIENT_MEMORY;

	if (operation)
		status = psaStart();
	if (PSA_SUCCESS == status)
		status = psa_hash_setup(operation, PSA_ALG_SHA_256);
	xsmcSetInteger(xsResult, status);
}

void xs_psahash_copy(xsMachine *the)
{
	psa_hash_operation_t *operation = getOperation(the, &xsThis);
	psa_hash_operation_t *source = getOperation(the, &xsArg(0));
	psa_status_t status = operation ? PSA_ERROR_BAD_STATE : PSA_ERROR_INSUFFICIENT_MEMORY;

	if (operation && source) {
		psa_hash_abort(operation);		// a running hash cannot become a copy
		status = psa_hash_clone(source, operation);
	}
	xsmcSetInteger(xsResult, status);
}

/* The bytes of xsArg(0) from offset xsArg(1), `length` xsArg(2) of them or all that follow. Returns 0 when they are there. */
static int getRange(xsMachine *the, const uint8_t **data, size_t *length)
{
	int argc = xsmcArgc;
	xsIntegerValue offset = (argc > 1) && (xsUndefinedType != xsmcTypeOf(xsArg(1))) ? xsmcToInteger(xsArg(1)) : 0;
	int hasLength = (argc > 2) && (xsUndefinedType != xsmcTypeOf(xsArg(2)));
	xsIntegerValue wanted = hasLength ? xsmcToInteger(xsArg(2)) : 0;
	void *bytes;
	xsUnsignedValue count;

	// Last, because the conversions above may run JavaScript, which may move the bytes.
	xsmcGetBufferReadable(xsArg(0), &bytes, &count);
	if ((offset < 0) || (wanted < 0) || (count < (xsUnsignedValue)offset))
		return -1;
	count -= (xsUnsignedValue)offset;
	if (hasLength) {
		if (count < (xsUnsignedValue)wanted)
			return -1;
		count = (xsUnsignedValue)wanted;
	}
	*data = (const uint8_t *)bytes + offset;
	*length = count;
	return 0;
}

void xs_psahash_update(xsMachine *the)
{
	psa_hash_operation_t *operation = getOperation(the, &xsThis);
	psa_status_t status = PSA_ERROR_BAD_STATE;
	const uint8_t *data;
	size_t length;

	if (operation)
		status = getRange(the, &data, &length) ? PSA_ERROR_INVALID_ARGUMENT : psa_hash_update(operation, data, length);
	xsmcSetInteger(xsResult, status);
}

void xs_psahash_finish(xsMachine *the)
{
	uint8_t digest[kDigestBytes];
	psa_hash_operation_t *operation = getOperation(the, &xsThis);
	psa_status_t status = PSA_ERROR_BAD_STATE;
	size_t length = 0;

	if (operation)
		status = psa_hash_finish(operation, digest, sizeof(digest), &length);
	if (PSA_SUCCESS == status)
		xsmcSetArrayBuffer(xsResult, digest, length);
	else
		xsmcSetInteger(xsResult, status);
}

void xs_psahash_compute(xsMachine *the)
{
	uint8_t digest[kDigestBytes];
	psa_status_t status = psaStart();
	size_t length = 0;
	void *data;
	xsUnsignedValue count;

	xsmcGetBufferReadable(xsArg(0), &data, &count);
	if (PSA_SUCCESS == status)
		status = psa_hash_compute(PSA_ALG_SHA_256, data, count, digest, sizeof(digest), &length);
	if (PSA_SUCCESS == status)
		xsmcSetArrayBuffer(xsResult, digest, length);
	else
		xsmcSetInteger(xsResult, status);
}

void xs_psahash_random(xsMachine *the)
{
	psa_status_t status = psaStart();
	void *data;
	xsUnsignedValue count;

	xsmcGetBufferWritable(xsArg(0), &data, &count);
	if (PSA_SUCCESS == status)
		status = psa_generate_random(data, count);
	xsmcSetInteger(xsResult, status);
}
