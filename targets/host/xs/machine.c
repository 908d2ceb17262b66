/*
 * The machine of the device, made as Moddable's linker and a chip make it: a root machine loads the modules marked
 * `preload`, its built-ins are frozen, and the device's machine is a clone that shares all of it and pays only for what
 * it changes.
 */
#include "xsAll.h"
#include "xs.h"
#include "host.h"

/* The root is made at "link time": its size says nothing about the device. */
static const txCreation gxRootCreation = {
	4 * 1024 * 1024, 1024 * 1024, 65536, 16384, 4096, 32768, 4096, 1993, 127, 64 * 1024, 1993, 0
};

void fxCreateMachinePlatform(txMachine *the)
{
	the->waiterCondition = NULL;
	the->waiterData = NULL;
	the->waiterLink = NULL;
	the->host = the->context;
}

void fxDeleteMachinePlatform(txMachine *the)
{
	(void)the;
}

void fxQueuePromiseJobs(txMachine *the)
{
	((hostMachine *)the->host)->promiseJobs = 1;
}

#define mxText(VALUE) mxTextOf(VALUE)
#define mxTextOf(VALUE) #VALUE

const char *hostEngineVersion(void)
{
	return mxText(XS_MAJOR_VERSION) "." mxText(XS_MINOR_VERSION) "." mxText(XS_PATCH_VERSION);
}

static hostMachine *newMachine(hostArchive *archive)
{
	hostMachine *machine = c_calloc(1, sizeof(hostMachine));

	machine->archive = archive;
	machine->debugger = -1;
	return machine;
}

static void runPromiseJobs(txMachine *the)
{
	hostMachine *machine = the->host;

	while (machine->promiseJobs) {
		machine->promiseJobs = 0;
		fxRunPromiseJobs(the);
	}
}

static void preload(txMachine *the, const char *name)
{
	xsBeginHost(the);
	{
		xsResult = xsAwaitImport(name, XS_IMPORT_NAMESPACE);
	}
	xsEndHost(the);
	runPromiseJobs(the);
}

/* trace(…): text for the serial console, and for xsbug where one is connected. */
static void hostTrace(txMachine *machine)
{
	xsMachine *the = machine;
	xsIntegerValue count = xsToInteger(xsArgc), i;

	for (i = 0; i < count; i++) {
		char *text = xsToString(xsArg(i));

		hostConsole(text, c_strlen(text));
#ifdef mxDebug
		fxReport(the, "%s", text);
#endif
	}
}

static void defineTrace(txMachine *the)
{
	xsBeginHost(the);
	{
		xsResult = xsNewHostFunction(hostTrace, 1);
		xsDefine(xsGlobal, xsID("trace"), xsResult, xsDontEnum);
	}
	xsEndHost(the);
}

/*
 * Prototypes and namespaces are frozen, constructors are not: what Moddable's linker freezes. An assignment that would
 * fail on a device fails here too.
 */
static void freezeBuiltIns(txMachine *the)
{
	txInteger index;

	xsBeginHost(the);
	for (index = mxInstanceInspectorsStackIndex + 1; index < mxStackIndexCount; index++) {
		txSlot *slot = &the->stackPrototypes[-1 - index];

		if ((XS_REFERENCE_KIND != slot->kind) || (slot->value.reference == mxGlobal.value.reference))
			continue;
		if (slot->value.reference->flag & XS_CAN_CONSTRUCT_FLAG)
			continue;
		mxPush(mxObjectConstructor);
		mxDub();
		mxGetID(mxID(_freeze));
		mxCall();
		mxPushSlot(slot);
		mxRunCount(1);
		mxPop();
	}
	xsEndHost(the);
}

/*
 * A clone copies the root's values, and its collector must not take the root's chunks for its own: what lies in chunks becomes
 * the kind that lies elsewhere, as the linker writes it to flash.
 */
static void settleSlot(txMachine *root, txSlot *slot)
{
	switch (slot->kind) {
		case XS_STRING_KIND: slot->kind = XS_STRING_X_KIND; break;
		case XS_BIGINT_KIND: slot->kind = XS_BIGINT_X_KIND; break;
		case XS_KEY_KIND: slot->kind = XS_KEY_X_KIND; break;
		case XS_CODE_KIND: slot->kind = XS_CODE_X_KIND; break;
		case XS_ARRAY_KIND: {
			txSlot *item = slot->value.array.address;
			txIndex count = item ? fxGetIndexSize(root, slot) : 0;

			while (count--)
				settleSlot(root, item++);
		} break;
		default: break;
	}
}

static void settle(txMachine *root)
{
	txSlot *heap, *slot;

	for (heap = root->firstHeap; heap; heap = heap->next)
		for (slot = heap + 1; slot < heap->value.reference; slot++)
			settleSlot(root, slot);
	for (slot = root->stack; slot < root->stackTop; slot++)
		settleSlot(root, slot);
}

txMachine *hostMachineCreate(hostArchive *archive, int enforceLimits)
{
	const hostCreation *limits = &archive->creation;
	txCreation rootCreation = gxRootCreation, creation;
	hostMachine *machine = newMachine(archive);
	txMachine *root, *the;
	uint32_t i;

	c_memset(&creation, 0, sizeof(creation));
	creation.initialChunkSize = limits->chunkInitial;
	creation.incrementalChunkSize = limits->chunkIncremental;
	creation.initialHeapCount = limits->heapInitial;
	creation.incrementalHeapCount = limits->heapIncremental;
	creation.stackCount = limits->stack;
	creation.initialKeyCount = limits->keysInitial;
	creation.incrementalKeyCount = limits->keysIncremental;
	creation.nameModulo = limits->nameModulo;
	creation.symbolModulo = limits->symbolModulo;
	creation.parserBufferSize = limits->parserBuffer;
	creation.parserTableModulo = limits->parserTable;
	/* A clone copies the root's tables: a difference would make `object[key]` fail silently. */
	rootCreation.nameModulo = creation.nameModulo;
	rootCreation.symbolModulo = creation.symbolModulo;
	/* The manifest means a device, whose slots have 16 bytes; on 64 bits they have 32, and addresses twice the size. */
	if (enforceLimits)
		hostBlockCreate(&machine->block, (size_t)limits->staticSize * sizeof(txSlot) / 16);

	root = fxCreateMachine(&rootCreation, "link", newMachine(archive), XS_NO_ID);
	if (NULL == root)
		return NULL;
	hostInternNames(root);
	defineTrace(root);
	hostLoaderPrepare(root, archive);
	for (i = 0; i < archive->count; i++)
		if (archive->modules[i].preload)
			preload(root, archive->modules[i].name);
	freezeBuiltIns(root);
	fxShareMachine(root);
	settle(root);
	the = fxCloneMachine(&creation, root, "device", machine);
	return the;
}

void hostMachineRun(txMachine *the)
{
	hostMachine *machine = the->host;

	xsBeginHost(the);
	{
		xsResult = xsAwaitImport(machine->archive->main, XS_IMPORT_NAMESPACE | XS_IMPORT_ASYNC);
	}
	xsEndHost(the);
}
