/*
	What a WebSocket does to bytes: mask what is sent, check the UTF-8 of what comes, and SHA-1 for the handshake.

	No function here keeps a pointer or calls back. Pointers into buffers are taken last, after everything that may run
	JavaScript, which may move them.
*/

#include <string.h>

#include "psakeystore.h"
#include "xsmc.h"

#define kSHA1Bytes (PSA_HASH_LENGTH(PSA_ALG_SHA_1))

/*
	RFC 6455 asks for SHA-1 of a nonce, to tell a WebSocket server from one that repeats what it is sent. No secret depends on it,
	which is why fleetling/crypto does not offer it.
*/
void xs_wsbytes_sha1(xsMachine *the)
{
	uint8_t digest[kSHA1Bytes];
	psa_status_t status = psaStart();
	size_t length = 0;
	void *data;
	xsUnsignedValue count;

	xsmcGetBufferReadable(xsArg(0), &data, &count);
	if (PSA_SUCCESS == status)
		status = psa_hash_compute(PSA_ALG_SHA_1, data, count, digest, sizeof(digest), &length);
	if (PSA_SUCCESS == status)
		xsmcSetArrayBuffer(xsResult, digest, length);
	else
		xsmcSetInteger(xsResult, status);
}

void xs_wsbytes_mask(xsMachine *the)
{
	xsIntegerValue payload = xsmcToInteger(xsArg(1));
	xsIntegerValue length = xsmcToInteger(xsArg(2));
	xsUnsignedValue count;
	void *data;
	uint8_t *bytes, *key;
	uint32_t word, mask;
	xsIntegerValue i = 0;

	xsmcGetBufferWritable(xsArg(0), &data, &count);
	if ((payload < 4) || (length < 0) || ((xsUnsignedValue)payload > count) || ((xsUnsignedValue)length > count - (xsUnsignedValue)payload))
		xsRangeError("out of the frame");
	bytes = (uint8_t *)data + payload;
	key = bytes - 4;
	memcpy(&mask, key, sizeof(mask));
	// By words, through memcpy because they need not be aligned; four at a time in the order of memory on any machine.
	for (; i + 4 <= length; i += 4) {
		memcpy(&word, bytes + i, sizeof(word));
		word ^= mask;
		memcpy(bytes + i, &word, sizeof(word));
	}
	for (; i < length; i++)
		bytes[i] ^= key[i & 3];
}

/*
	The first byte of a character tells how many follow, and for some the range of the second: it is narrower where shorter
	forms, surrogates and what lies beyond U+10FFFF have to be kept out (RFC 3629 section 4).
*/
typedef struct {
	uint8_t first, last;
	uint8_t following;
	uint8_t low, high;
} UTF8Lead;

static const UTF8Lead gxLeads[] = {
	{ 0xC2, 0xDF, 1, 0x80, 0xBF },
	{ 0xE0, 0xE0, 2, 0xA0, 0xBF },
	{ 0xE1, 0xEC, 2, 0x80, 0xBF },
	{ 0xED, 0xED, 2, 0x80, 0x9F },
	{ 0xEE, 0xEF, 2, 0x80, 0xBF },
	{ 0xF0, 0xF0, 3, 0x90, 0xBF },
	{ 0xF1, 0xF3, 3, 0x80, 0xBF },
	{ 0xF4, 0xF4, 3, 0x80, 0x8F },
};

#define kInvalid (-1)
#define kState(following, low, high) ((following) | ((low) << 8) | ((high) << 16))

static int32_t lead(uint8_t byte)
{
	size_t i;

	for (i = 0; i < sizeof(gxLeads) / sizeof(gxLeads[0]); i++) {
		if ((byte >= gxLeads[i].first) && (byte <= gxLeads[i].last))
			return kState(gxLeads[i].following, gxLeads[i].low, gxLeads[i].high);
	}
	return kInvalid;
}

void xs_wsbytes_utf8(xsMachine *the)
{
	xsIntegerValue state = xsmcToInteger(xsArg(0));
	xsIntegerValue length = xsmcToInteger(xsArg(2));
	xsUnsignedValue count;
	void *data;
	const uint8_t *bytes, *end;
	uint32_t word;

	xsmcGetBufferReadable(xsArg(1), &data, &count);
	if ((length < 0) || ((xsUnsignedValue)length > count))
		xsRangeError("out of the buffer");
	bytes = data;
	end = bytes + length;
	while ((bytes < end) && (kInvalid != state)) {
		if (state) {
			uint8_t byte = *bytes++;
			int32_t following = (state & 0xFF) - 1;

			if ((byte < ((state >> 8) & 0xFF)) || (byte > ((state >> 16) & 0xFF)))
				state = kInvalid;
			else
				state = following ? kState(following, 0x80, 0xBF) : 0;
			continue;
		}
		// Most text is ASCII: four characters at a time.
		while (end - bytes >= 4) {
			memcpy(&word, bytes, sizeof(word));
			if (word & 0x80808080)
				break;
			bytes += 4;
		}
		if (bytes < end) {
			uint8_t byte = *bytes++;

			if (byte >= 0x80)
				state = lead(byte);
		}
	}
	xsmcSetInteger(xsResult, state);
}
