#include "xsAll.h"

#include "machinefigures.h"

// Made by mcconfig; declared only in a header that does not go with xsAll.h.
extern void *xsPreparationAndCreation(txCreation **creation);

#define kText(it) #it
#define kVersion(major, minor, patch) kText(major) "." kText(minor) "." kText(patch)

const char *machineEngine(void)
{
	return kVersion(XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION);
}

void machineFigures(void *machine, MachineFigures *figures)
{
	txMachine *the = machine;
	txCreation *creation;

	xsPreparationAndCreation(&creation);
	figures->slotsUsed = (uint32_t)(the->currentHeapCount * sizeof(txSlot));
	figures->slotsPeak = (uint32_t)(the->peakHeapCount * sizeof(txSlot));
	figures->chunksUsed = (uint32_t)the->currentChunksSize;
	figures->chunksPeak = (uint32_t)the->peakChunksSize;
#ifdef mxInstrument
	figures->stackPeak = (uint32_t)((the->stackTop - the->stackPeak) * sizeof(txSlot));
#else
	// Only instrumented builds keep the peak; what is used now is all that can be said.
	figures->stackPeak = (uint32_t)((the->stackTop - the->stack) * sizeof(txSlot));
#endif
	figures->limit = (uint32_t)creation->staticSize;
}
