#include "tls-block.h"

#include <stdlib.h>

TLSBlock *tlsBlockCreate(uint32_t size)
{
	TLSBlock *block = calloc(1, sizeof(TLSBlock) + size);

	if (block) {
		block->references = 1;
		block->size = size;
	}
	return block;
}

void tlsBlockRetain(TLSBlock *block)
{
	block->references++;
}

void tlsBlockRelease(TLSBlock *block)
{
	if (block && (0 == --block->references))
		free(block);
}

TLSBlock *tlsBlockOf(void *bytes)
{
	return (TLSBlock *)((uint8_t *)bytes - offsetof(TLSBlock, bytes));
}
