/*
 * The end of a boot by a fault: says what happened and where, reports memory, and resets, as a panic does on a chip.
 */
#include "xsAll.h"
#include "xs.h"
#include "host.h"

static const char *const exitNames[] = {
	"no fault", "memory full", "stack overflow", "fatal check", "dead strip", "unhandled exception", "no more keys",
	"too much computation", "unhandled rejection"
};

/* The error's stack, which names `.ts` lines (the byte code carries the source maps' lines), or else the value as text. */
static void pushDescription(txMachine *the)
{
	mxPush(mxException);
	if (XS_REFERENCE_KIND == the->stack->kind) {
		mxGetID(mxID(_stack));
		if ((XS_STRING_KIND == the->stack->kind) || (XS_STRING_X_KIND == the->stack->kind))
			return;
		mxPop();
		mxPush(mxException);
	}
	fxToString(the, the->stack);
}

static void describeException(txMachine *the, char *text, size_t size)
{
	text[0] = 0;
	if (XS_UNDEFINED_KIND == mxException.kind)
		return;
	mxTry(the) {
		pushDescription(the);
		snprintf(text, size, "%s", the->stack->value.string);
		mxPop();
	}
	mxCatch(the) {
		snprintf(text, size, "an exception that cannot be shown");
	}
}

void fxAbort(txMachine *the, int status)
{
	static int aborting;
	const char *why = ((status >= 0) && (status < (int)(sizeof(exitNames) / sizeof(exitNames[0])))) ? exitNames[status] : "fault";
	char text[1500], json[1900];
	hostMemory memory;

	c_memset(&memory, 0, sizeof(memory));
	text[0] = 0;
	if (!aborting++) {
		if (the && the->host) {
			if ((XS_UNHANDLED_EXCEPTION_EXIT == status) || (XS_UNHANDLED_REJECTION_EXIT == status)) {
				/* xsEndHost calls before it has restored the machine's registers. */
				if (the->firstJump) {
					the->stack = the->firstJump->stack;
					the->scope = the->firstJump->scope;
					the->frame = the->firstJump->frame;
					the->code = the->firstJump->code;
				}
				describeException(the, text, sizeof(text));
			}
			hostMemoryGet(the, &memory);
		}
	}
	hostConsolePrint("\nE (%u) panic: %s%s%s\n", (unsigned)hostTicks(), why, text[0] ? ": " : "", text);
	hostConsolePrint("E (%u) panic: slots %u of peak %u, chunks %u of peak %u, stack peak %u, limit %u bytes\n", (unsigned)hostTicks(),
		(unsigned)memory.slotsUsed, (unsigned)memory.slotsPeak, (unsigned)memory.chunksUsed, (unsigned)memory.chunksPeak,
		(unsigned)memory.stackPeak, (unsigned)memory.limit);
	hostJSONText(json, sizeof(json), text);
	hostEvent("\"event\":\"panic\",\"why\":\"%s\",\"text\":\"%s\"", why, json);
	if (NULL == gxDevice.flashPath)
		_exit(70); /* a test program does not start again */
	hostEvent("\"event\":\"reset\",\"reason\":\"panic\"");
	hostResetNow(hostPanic);
}
