/*
	Memory of a machine. The engine keeps the figures in its own structure, whose header cannot be included beside xsmc.h.
*/

#ifndef __MACHINEFIGURES_H__
#define __MACHINEFIGURES_H__

#include <stdint.h>

typedef struct {
	uint32_t slotsUsed;
	uint32_t slotsPeak;
	uint32_t chunksUsed;
	uint32_t chunksPeak;
	uint32_t stackPeak;
	uint32_t limit;
} MachineFigures;

/* Version of the engine, e.g. "17.0.0". */
extern const char *machineEngine(void);

/* In bytes; `machine` is an xsMachine. */
extern void machineFigures(void *machine, MachineFigures *figures);

#endif
