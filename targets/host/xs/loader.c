/*
 * Modules: parses every module of the archive once, before the device's machine exists, so that byte code lies outside
 * its memory (on a chip it lies in flash), and binds `@ "xs_…"` to the C functions of that name.
 */
#include <dlfcn.h>

#include "xsAll.h"
#include "xsScript.h"
#include "host.h"

typedef struct {
	const char *name;
	txID id;
	txScript *script;
	txHostFunctionBuilder *builders;
	txInteger builderCount;
} loadedModule;

static loadedModule *gxModules;
static uint32_t gxModuleCount;
/* The module whose body is about to run: fxResolveModule calls the script's callback at once. */
static loadedModule *gxResolving;

static loadedModule *findModule(const char *name)
{
	uint32_t i;

	for (i = 0; i < gxModuleCount; i++)
		if (0 == c_strcmp(gxModules[i].name, name))
			return &gxModules[i];
	return NULL;
}

/*
	module lookup
*/

txID fxFindModule(txMachine *the, txSlot *realm, txID moduleID, txSlot *slot)
{
	char name[C_PATH_MAX], path[C_PATH_MAX * 2], *part, *dot;

	(void)realm;
	fxToStringBuffer(the, slot, name, sizeof(name));
	dot = c_strrchr(name, '.');
	if (dot && !c_strchr(dot, '/') && (!c_strcmp(dot, ".js") || !c_strcmp(dot, ".mjs")))
		*dot = 0;
	if ('.' == name[0]) {
		if (XS_NO_ID == moduleID)
			return XS_NO_ID;
		snprintf(path, sizeof(path), "/%s", fxGetKeyName(the, moduleID));
		part = c_strrchr(path, '/');
		*part = 0;
		part = name;
		while ('.' == part[0]) {
			if ('/' == part[1])
				part += 2;
			else if (('.' == part[1]) && ('/' == part[2])) {
				char *up = c_strrchr(path, '/');
				if (NULL == up)
					return XS_NO_ID;
				*up = 0;
				part += 3;
			}
			else
				return XS_NO_ID;
		}
		snprintf(path + c_strlen(path), sizeof(path) - c_strlen(path), "/%s", part);
		part = path + 1;
	}
	else
		part = name;
	return findModule(part) ? fxNewNameC(the, part) : XS_NO_ID;
}

void fxLoadModule(txMachine *the, txSlot *slot, txID moduleID)
{
	loadedModule *module = findModule(fxGetKeyName(the, moduleID));

	if (module) {
		gxResolving = module;
		fxResolveModule(the, slot, moduleID, module->script, C_NULL, C_NULL);
	}
}

static void buildHosts(txMachine *the)
{
	fxBuildHosts(the, gxResolving->builderCount, gxResolving->builders);
	mxPullSlot(mxResult);
}

/*
	parsing
*/

static void reportSyntaxError(void *console, txString path, txInteger line, txString format, c_va_list arguments)
{
	char message[256];

	(void)console;
	vsnprintf(message, sizeof(message), format, arguments);
	hostConsolePrint("%s:%d: syntax error: %s\n", path ? path : "?", (int)line, message);
}

static txScript *parse(txMachine *the, const hostModule *module)
{
	txParser _parser, *parser = &_parser;
	txParserJump jump;
	txScript *script = NULL;
	txStringCStream stream;

	fxInitializeParser(parser, the, the->parserBufferSize, the->parserTableModulo);
	parser->reportError = reportSyntaxError;
	parser->firstJump = &jump;
	if (0 == c_setjmp(jump.jmp_buf)) {
		txUnsigned flags = mxStrictFlag | mxCFlag;
		txString name = NULL;

#ifdef mxDebug
		flags |= mxDebugFlag;
#endif
		parser->path = fxNewParserSymbol(parser, (txString)module->name);
		stream.buffer = (txString)module->source;
		stream.offset = 0;
		stream.size = module->sourceSize;
		fxParserTree(parser, &stream, fxStringCGetter, flags, &name);
		if (module->mapSize) {
			stream.buffer = (txString)module->map;
			stream.offset = 0;
			stream.size = module->mapSize;
			name = NULL;
			fxParserSourceMap(parser, &stream, fxStringCGetter, flags, &name);
			if ((0 == parser->errorCount) && name)
				parser->path = fxNewParserSymbol(parser, name);
		}
		fxParserHoist(parser);
		fxParserBind(parser);
		script = fxParserCode(parser);
	}
	fxTerminateParser(parser);
	return script;
}

/* Identifiers of the script become identifiers of the machine. */
static txID *internSymbols(txMachine *the, const txScript *script)
{
	txByte *p = script->symbolsBuffer;
	txID count, i, *ids;

	mxDecodeID(p, count);
	ids = c_malloc((count ? count : 1) * sizeof(txID));
	ids[0] = XS_NO_ID;
	for (i = 1; i < count; i++) {
		ids[i] = fxNewNameC(the, (txString)p);
		p += mxStringLength((char *)p) + 1;
	}
	return ids;
}

/* As Moddable's linker does for modules in flash: functions and strings refer to the code instead of copying it. */
static txU1 archiveCode(txU1 code)
{
	switch (code) {
		case XS_CODE_CODE_1: return XS_CODE_CODE_ARCHIVE_1;
		case XS_CODE_CODE_2: return XS_CODE_CODE_ARCHIVE_2;
		case XS_CODE_CODE_4: return XS_CODE_CODE_ARCHIVE_4;
		case XS_CODE_STRING_1: return XS_CODE_STRING_ARCHIVE_1;
		case XS_CODE_STRING_2: return XS_CODE_STRING_ARCHIVE_2;
		case XS_CODE_STRING_4: return XS_CODE_STRING_ARCHIVE_4;
	}
	return code;
}

static void mapCode(txScript *script, const txID *ids)
{
	txByte *p = script->codeBuffer, *end = p + script->codeSize;

	while (p < end) {
		txU1 code = archiveCode(*(txU1 *)p);
		txS1 size = gxCodeSizes[code];

		*(txU1 *)p = code;
		if (size > 0)
			p += size;
		else if (0 == size) {
			txID id;

			p++;
			mxDecodeID(p, id);
			p -= sizeof(txID);
			id = ids[id];
			mxEncodeID(p, id);
		}
		else if (-1 == size)
			p += 2 + *(txU1 *)(p + 1);
		else if (-2 == size) {
			txU2 length;

			p++;
			mxDecode2(p, length);
			p += length;
		}
		else {
			txU4 length;

			p++;
			mxDecode4(p, length);
			p += length;
		}
	}
}

static void bindNatives(loadedModule *module, const txID *ids)
{
	txByte *p = module->script->hostsBuffer;
	txInteger i;
	txID count;

	if (NULL == p)
		return;
	mxDecodeID(p, count);
	module->builderCount = count;
	module->builders = c_calloc(count, sizeof(txHostFunctionBuilder));
	for (i = 0; i < module->builderCount; i++) {
		txHostFunctionBuilder *builder = &module->builders[i];
		txID id;

		builder->length = *p++;
		mxDecodeID(p, id);
		builder->id = (XS_NO_ID == id) ? id : ids[id];
		builder->callback = (txCallback)dlsym(RTLD_DEFAULT, (const char *)p);
		if (NULL == builder->callback) {
			hostConsolePrint("module %s: native function %s is not in this runtime\n", module->name, (const char *)p);
			c_exit(XS_FATAL_CHECK_EXIT);
		}
		p += mxStringLength((char *)p) + 1;
	}
	module->script->callback = buildHosts;
}

void hostLoaderPrepare(txMachine *root, hostArchive *archive)
{
	uint32_t i;

	gxModuleCount = archive->count;
	gxModules = c_calloc(archive->count, sizeof(loadedModule));
	for (i = 0; i < archive->count; i++) {
		loadedModule *module = &gxModules[i];
		txID *ids;

		module->name = archive->modules[i].name;
		module->id = fxNewNameC(root, (txString)module->name);
		module->script = parse(root, &archive->modules[i]);
		if (NULL == module->script)
			c_exit(XS_FATAL_CHECK_EXIT);
		ids = internSymbols(root, module->script);
		mapCode(module->script, ids);
		bindNatives(module, ids);
		c_free(ids);
		c_free(module->script->symbolsBuffer);
		module->script->symbolsBuffer = NULL;
		module->script->path = (txString)module->name;
	}
}
