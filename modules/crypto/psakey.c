/*
	Key pairs and public keys in PSA's key store, for JavaScript.

	Functions answer with a status of PSA (0 is success, errors are negative) or with a buffer, and throw only when they are handed
	something that no caller in TypeScript can hand them. key.ts turns a status into an error with a code and a text.
*/

#include <stdlib.h>

#include "psakeystore.h"
#include "psakeyjob.h"
#include "psakey.h"

/* The numbers are those of PSAMode in psakey.d.ts. */
enum {
	kModeMessage,		// data is the message: SHA-256 is computed here
	kModeDigest,		// data is the SHA-256 of the message
	kModeRaw			// data goes into PKCS#1 padding of type 1 as it is: no hash, no DigestInfo
};

#define kDigestBytes (PSA_HASH_LENGTH(PSA_ALG_SHA_256))

void xs_psakey_destructor(void *data)
{
	PSAKey *key = data;

	if (!key)
		return;
	if (key->job)
		psaKeyJobAbandon(key->job);
	else
		psaKeyStoreRelease(key);
}

void xs_psakey(xsMachine *the)
{
	// Without memory for it the object has no data; generate and import, one of which comes next, say so.
	xsmcSetHostData(xsThis, calloc(1, sizeof(PSAKey)));
}

static PSAKey *getKey(xsMachine *the)
{
	return xsmcGetHostDataValidate(xsThis, xs_psakey_destructor);
}

/* The record of an object that is open and has its key, or NULL. */
static PSAKey *getReadyKey(xsMachine *the)
{
	PSAKey *key = getKey(the);

	return (key && key->id) ? key : NULL;
}

psa_key_id_t psaKeyGetId(xsMachine *the, xsSlot *slot)
{
	PSAKey *key = xsmcGetHostDataValidate(*slot, xs_psakey_destructor);

	return key ? key->id : 0;
}

void xs_psakey_close(xsMachine *the)
{
	PSAKey *key = getKey(the);

	// While a key is being generated its callback is yet to come, and nobody but the wrapper that waits for it has the object.
	if (!key || key->job)
		return;
	xsmcSetHostData(xsThis, NULL);
	psaKeyStoreRelease(key);
}

static int getKind(xsMachine *the)
{
	int kind = xsmcToInteger(xsArg(0));

	if ((kind < 0) || (psaKindCount <= kind))
		xsRangeError("invalid kind");
	return kind;
}

/* Whether the object can take a key: it has none yet. */
static psa_status_t checkEmpty(const PSAKey *key)
{
	if (!key)
		return PSA_ERROR_INSUFFICIENT_MEMORY;
	return (key->job || key->id) ? PSA_ERROR_BAD_STATE : PSA_SUCCESS;
}

void xs_psakey_generate(xsMachine *the)
{
	// Numbers first: converting one could run JavaScript, which could close the key.
	int kind = getKind(the);
	int bits = xsmcToInteger(xsArg(1));
	PSAKey *key = getKey(the);
	psa_status_t status = checkEmpty(key);

	if (!xsmcIsCallable(xsArg(2)))
		xsTypeError("no callback");
	if ((bits < 0) || (PSA_MAX_KEY_BITS < bits))
		xsRangeError("invalid bits");
	if (PSA_SUCCESS == status) {
		// The thread cannot collect keys that were dropped without close() and still take their places.
		xsCollectGarbage();
		status = psaKeyJobStart(the, key, &xsThis, &xsArg(2), kind, (uint16_t)bits);
	}
	xsmcSetInteger(xsResult, status);
}

void xs_psakey_import(xsMachine *the)
{
	int kind = getKind(the);
	PSAKey *key = getKey(the);
	psa_key_attributes_t attributes = psa_key_attributes_init();
	psa_status_t status = checkEmpty(key);
	void *data;
	xsUnsignedValue count;

	if (PSA_SUCCESS == status) {
		psaKeyAttributes(&attributes, kind);
		xsmcGetBufferReadable(xsArg(1), &data, &count);
		status = psaKeyStoreImport(&attributes, data, count, &key->id);
		if (PSA_ERROR_INSUFFICIENT_MEMORY == status) {
			// The store has few slots (32 in Mbed TLS 2.28), and keys that were dropped without close() still take theirs.
			xsCollectGarbage();
			xsmcGetBufferReadable(xsArg(1), &data, &count);
			status = psaKeyStoreImport(&attributes, data, count, &key->id);
		}
		if (PSA_SUCCESS != status)
			key->id = 0;
		else {
			key->kind = kind;
			status = psa_get_key_attributes(key->id, &attributes);
			key->bits = (uint16_t)psa_get_key_bits(&attributes);
			psa_reset_key_attributes(&attributes);
		}
	}
	xsmcSetInteger(xsResult, status);
}

void xs_psakey_get_bits(xsMachine *the)
{
	PSAKey *key = getReadyKey(the);

	xsmcSetInteger(xsResult, key ? key->bits : 0);
}

void xs_psakey_exportPublic(xsMachine *the)
{
	uint8_t data[PSA_EXPORT_PUBLIC_KEY_MAX_SIZE];
	PSAKey *key = getReadyKey(the);
	size_t length = 0;
	psa_status_t status = PSA_ERROR_BAD_STATE;

	if (key)
		status = psa_export_public_key(key->id, data, sizeof(data), &length);
	if (PSA_SUCCESS == status)
		xsmcSetArrayBuffer(xsResult, data, length);
	else
		xsmcSetInteger(xsResult, status);
}

void xs_psakey_exportPrivate(xsMachine *the)
{
	PSAKey *key = getReadyKey(the);
	psa_status_t status = PSA_ERROR_BAD_STATE;
	uint8_t *data = NULL;
	size_t size = 0, length = 0;

	if (key) {
		// An RSA key in DER is too large for the stack of a device.
		size = (psaKindRSAPair == key->kind) ? PSA_EXPORT_KEY_OUTPUT_SIZE(PSA_KEY_TYPE_RSA_KEY_PAIR, key->bits) :
			PSA_EXPORT_KEY_OUTPUT_SIZE(PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1), key->bits);
		data = malloc(size);
		status = data ? psa_export_key(key->id, data, size, &length) : PSA_ERROR_INSUFFICIENT_MEMORY;
	}

	if (PSA_SUCCESS == status)
		xsmcSetArrayBuffer(xsResult, data, length);
	else
		xsmcSetInteger(xsResult, status);

	if (data) {
		// The compiler may not drop stores through a volatile pointer, although the memory is freed next.
		volatile uint8_t *wipe = data;
		while (size--)
			*wipe++ = 0;
		free(data);
	}
}

static int getMode(xsMachine *the)
{
	int mode = xsmcToInteger(xsArg(0));

	if ((mode < kModeMessage) || (kModeRaw < mode))
		xsRangeError("invalid mode");
	return mode;
}

/* The algorithm for `mode` with `key`, and what it is applied to: xsArg(1) or its digest. */
static psa_status_t prepare(xsMachine *the, const PSAKey *key, int mode, psa_algorithm_t *algorithm, uint8_t *digest,
	const uint8_t **input, size_t *inputLength)
{
	void *data;
	xsUnsignedValue count;

	if ((psaKindRSAPair == key->kind) || (psaKindRSAPublic == key->kind))
		*algorithm = (kModeRaw == mode) ? PSA_ALG_RSA_PKCS1V15_SIGN_RAW : PSA_ALG_RSA_PKCS1V15_SIGN(PSA_ALG_SHA_256);
	else if (kModeRaw == mode)
		return PSA_ERROR_INVALID_ARGUMENT;
	else
		*algorithm = PSA_ALG_ECDSA(PSA_ALG_SHA_256);

	xsmcGetBufferReadable(xsArg(1), &data, &count);
	if (kModeMessage == mode) {
		*input = digest;
		return psa_hash_compute(PSA_ALG_SHA_256, data, count, digest, kDigestBytes, inputLength);
	}
	if ((kModeDigest == mode) && (kDigestBytes != count))
		return PSA_ERROR_INVALID_ARGUMENT;
	*input = data;
	*inputLength = count;
	return PSA_SUCCESS;
}

void xs_psakey_sign(xsMachine *the)
{
	uint8_t digest[kDigestBytes], signature[PSA_SIGNATURE_MAX_SIZE];
	int mode = getMode(the);
	PSAKey *key = getReadyKey(the);
	psa_status_t status = PSA_ERROR_BAD_STATE;
	psa_algorithm_t algorithm;
	const uint8_t *input;
	size_t inputLength, length = 0;

	if (key)
		status = prepare(the, key, mode, &algorithm, digest, &input, &inputLength);
	if (PSA_SUCCESS == status)
		status = psa_sign_hash(key->id, algorithm, input, inputLength, signature, sizeof(signature), &length);
	if (PSA_SUCCESS == status)
		xsmcSetArrayBuffer(xsResult, signature, length);
	else
		xsmcSetInteger(xsResult, status);
}

void xs_psakey_verify(xsMachine *the)
{
	uint8_t digest[kDigestBytes];
	int mode = getMode(the);
	PSAKey *key = getReadyKey(the);
	psa_status_t status = PSA_ERROR_BAD_STATE;
	psa_algorithm_t algorithm;
	const uint8_t *input;
	size_t inputLength;
	void *signature;
	xsUnsignedValue count;

	if (key)
		status = prepare(the, key, mode, &algorithm, digest, &input, &inputLength);
	if (PSA_SUCCESS == status) {
		// Allocates nothing, so that `input` stays where it is.
		xsmcGetBufferReadable(xsArg(2), &signature, &count);
		status = psa_verify_hash(key->id, algorithm, input, inputLength, signature, count);
	}
	xsmcSetInteger(xsResult, status);
}
