/*
 * Memory of the machine as on a device: one block of `creation.static` bytes, chunks growing from its start, slots from
 * its end, nothing outside. With no limit (test programs) everything comes from malloc.
 */
#include "xsAll.h"
#include "host.h"

void hostBlockCreate(hostBlock *block, size_t size)
{
	c_memset(block, 0, sizeof(hostBlock));
	if (0 == size)
		return;
	size &= ~(size_t)15;
	block->start = aligned_alloc(16, size);
	if (NULL == block->start)
		fxAbort(NULL, XS_NOT_ENOUGH_MEMORY_EXIT);
	block->end = block->start + size;
	block->chunksEnd = block->start;
	block->slotsStart = block->end;
	block->limit = size;
}

static hostBlock *blockOf(txMachine *the)
{
	hostMachine *machine = the->host;
	return (machine && machine->block.limit) ? &machine->block : NULL;
}

void *fxAllocateChunks(txMachine *the, txSize size)
{
	hostBlock *block = blockOf(the);
	uint8_t *result;

	if (NULL == block)
		return c_malloc(size);
	result = block->chunksEnd;
	if ((size_t)(block->slotsStart - result) < (size_t)size)
		return NULL;
	block->chunksEnd = result + size;
	return result;
}

void fxFreeChunks(txMachine *the, void *chunks)
{
	hostBlock *block = blockOf(the);

	if (NULL == block)
		c_free(chunks);
	else if ((uint8_t *)chunks < block->chunksEnd)
		block->chunksEnd = chunks; /* blocks are freed latest first */
}

txSlot *fxAllocateSlots(txMachine *the, txSize count)
{
	hostBlock *block = blockOf(the);
	hostMachine *machine = the->host;
	size_t size = (size_t)count * sizeof(txSlot);
	uint8_t *result;

	if (NULL == block)
		result = c_malloc(size);
	else {
		if ((size_t)(block->slotsStart - block->chunksEnd) < size)
			return NULL;
		result = block->slotsStart -= size;
	}
	/* The first allocation is the stack: it starts zeroed, so that its high-water mark can be read off (see hostStackPeak). */
	if (machine && result && (NULL == machine->block.stackStart)) {
		c_memset(result, 0, size);
		machine->block.stackStart = result;
		machine->block.stackEnd = result + size;
	}
	return (txSlot *)result;
}

void fxFreeSlots(txMachine *the, void *slots)
{
	if (NULL == blockOf(the))
		c_free(slots);
}

size_t hostStackPeak(txMachine *the)
{
	hostMachine *machine = the->host;
	const uint8_t *byte = machine->block.stackStart, *end = machine->block.stackEnd;

	while ((byte < end) && (0 == *byte))
		byte++;
	return end - byte;
}

/* Bytes of the block that are taken: what the machine would not run without. 0 without a limit. */
size_t hostBlockPeak(txMachine *the)
{
	hostBlock *block = blockOf(the);

	return block ? block->limit - (size_t)(block->slotsStart - block->chunksEnd) : 0;
}

void hostMemoryGet(txMachine *the, hostMemory *memory)
{
	hostMachine *machine = the->host;

	memory->slotsUsed = the->currentHeapCount * sizeof(txSlot);
	memory->slotsPeak = the->peakHeapCount * sizeof(txSlot);
	memory->chunksUsed = the->currentChunksSize;
	memory->chunksPeak = the->peakChunksSize;
	memory->stackPeak = hostStackPeak(the);
	memory->limit = machine->block.limit;
#ifdef mxInstrument
	memory->collections = the->garbageCollectionCount;
#else
	memory->collections = 0;
#endif
}
