/*
 * Reads the module archive of a firmware image. All numbers are little-endian.
 *
 *   magic "XSMA", version 1, size of all, count of modules, 12 creation values (struct hostCreation), length of main, main\0
 *   then for each module: flags (1: preload), length of name, size of source, size of map, name\0, source\0, map\0
 *   each part padded to 4 bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define kArchiveVersion 1

typedef struct {
	const uint8_t *bytes;
	size_t size, offset;
	int failed;
} reader;

static uint32_t readNumber(reader *from)
{
	const uint8_t *bytes = from->bytes + from->offset;

	if (from->failed || (from->size - from->offset < 4)) {
		from->failed = 1;
		return 0;
	}
	from->offset += 4;
	return bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | ((uint32_t)bytes[3] << 24);
}

static const char *readText(reader *from, uint32_t length)
{
	const char *text = (const char *)from->bytes + from->offset;
	size_t padded = ((size_t)length + 1 + 3) & ~(size_t)3;

	if (from->failed || (length >= from->size) || (from->size - from->offset < padded) || text[length]) {
		from->failed = 1;
		return "";
	}
	from->offset += padded;
	return text;
}

const char *hostArchiveOpen(hostArchive *archive, const void *bytes, size_t size)
{
	reader from = { bytes, size, 4, 0 };
	uint32_t *creation = (uint32_t *)&archive->creation, i, length;

	memset(archive, 0, sizeof(hostArchive));
	if ((size < 16) || memcmp(bytes, "XSMA", 4))
		return "no module archive";
	if (kArchiveVersion != readNumber(&from))
		return "module archive of another version";
	if (readNumber(&from) > size)
		return "module archive is cut short";
	archive->count = readNumber(&from);
	if (archive->count > 4096)
		return "module archive is damaged";
	for (i = 0; i < sizeof(hostCreation) / sizeof(uint32_t); i++)
		creation[i] = readNumber(&from);
	length = readNumber(&from);
	archive->main = readText(&from, length);
	archive->modules = calloc(archive->count ? archive->count : 1, sizeof(hostModule));
	for (i = 0; (i < archive->count) && !from.failed; i++) {
		hostModule *module = &archive->modules[i];
		uint32_t nameLength;

		module->preload = readNumber(&from) & 1;
		nameLength = readNumber(&from);
		module->sourceSize = readNumber(&from);
		module->mapSize = readNumber(&from);
		module->name = readText(&from, nameLength);
		module->source = readText(&from, module->sourceSize);
		module->map = readText(&from, module->mapSize);
	}
	return from.failed ? "module archive is damaged" : NULL;
}
