/*
	Reads records from a connection's input the way ESP-IDF's dynamic buffers do (esp_mbedtls_add_rx_buffer and mbedtls_ssl_fetch_input):
	the header into a variable of a call that forgets it, the rest into memory that stays. The input comes in two pieces.
*/
#include "tls-engine.c"

#include <stdio.h>

enum { kBody = 11, kRecord = kTLSHeader + kBody, kRecords = 3, kStream = kRecords * kRecord };

typedef struct {
	size_t left; /* bytes of the record that have come */
	uint8_t body[kBody];
	int hasHeader;
} Reader;

static int fetch(TLSEngine *engine, Reader *reader, uint8_t *bytes, size_t wanted)
{
	while (reader->left < wanted) {
		int count = receive(engine, bytes + reader->left, wanted - reader->left);

		if (count < 0)
			return count;
		reader->left += (size_t)count;
	}
	return 0;
}

/* One record, or what the library says when it wants more. */
static int readRecord(TLSEngine *engine, Reader *reader, uint8_t *header)
{
	int result;

	if (!reader->hasHeader) {
		uint8_t forgotten[kTLSHeader];

		memset(forgotten, 0xAA, sizeof(forgotten));
		result = fetch(engine, reader, forgotten, kTLSHeader);
		if (result)
			return result;
		memcpy(header, forgotten, kTLSHeader);
		reader->hasHeader = 1;
		reader->left = 0;
	}
	return fetch(engine, reader, reader->body, kBody);
}

static int readAll(uint32_t split)
{
	uint8_t stream[kStream], header[kTLSHeader];
	TLSBlock *input = tlsBlockCreate(kTLSInputSize);
	TLSEngine engine;
	Reader reader;
	uint32_t i, at = 0, pieces[] = { split, kStream - split }, piece = 0;
	int good = 1;

	for (i = 0; i < kStream; i++)
		stream[i] = (uint8_t)(i + 1);
	memset(&engine, 0, sizeof(engine));
	engine.input = input;
	engine.over = 1;
	memset(&reader, 0, sizeof(reader));
	while (good && (at < kStream)) {
		if (0 == readRecord(&engine, &reader, header)) {
			good = !memcmp(header, stream + at, kTLSHeader) && !memcmp(reader.body, stream + at + kTLSHeader, kBody);
			at += kRecord;
			memset(&reader, 0, sizeof(reader));
		}
		else if ((2 == piece) || (engine.start != engine.end))
			good = 0; /* stuck */
		else {
			memcpy(input->bytes, stream + (piece ? split : 0), pieces[piece]);
			tlsEngineFill(&engine, pieces[piece++]);
		}
	}
	tlsBlockRelease(input);
	return good;
}

int main(void)
{
	uint32_t split;

	for (split = 0; split <= kStream; split++)
		if (!readAll(split))
			printf("split %u\n", (unsigned)split);
	return 0;
}
