/*
 * Engine of native.js. No function here calls back into JavaScript, so nothing can be closed under its feet.
 *
 * Pointers into strings and buffers of JavaScript are taken last, after everything that may allocate.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdlib.h>
#include <string.h>

#include "tls-objects.h"

void xs_tlsengine_destructor(void *data);

void xs_tlsengine_destructor(void *data)
{
	tlsEngineDelete(data);
}

static int getOption(xsMachine *the, xsSlot *slot, xsIdentifier id)
{
	xsmcGet(*slot, xsArg(0), id);
	return xsUndefinedType != xsmcTypeOf(*slot);
}

void xs_tlsengine(xsMachine *the)
{
	TLSSetup setup;
	TLSEngine *engine;
	int hasName, hasAddress, hasSession;
	xsUnsignedValue size;
	void *bytes;

	xsmcVars(4);
	memset(&setup, 0, sizeof(setup));
	xsmcSetHostData(xsThis, NULL);
	if (getOption(the, &xsVar(0), xsID_fragment))
		setup.fragment = (uint16_t)xsmcToInteger(xsVar(0));
	(void)getOption(the, &xsVar(0), xsID_now);
	setup.now = (int64_t)xsmcToNumber(xsVar(0));
	/* These four stay alive and in place: `options` holds them. */
	(void)getOption(the, &xsVar(0), xsID_input);
	setup.input = tlsGetBlock(the, &xsVar(0));
	(void)getOption(the, &xsVar(0), xsID_output);
	setup.output = tlsGetBlock(the, &xsVar(0));
	(void)getOption(the, &xsVar(0), xsID_trust);
	setup.trust = xsmcGetHostDataValidate(xsVar(0), xs_tlstrust_destructor);
	if (getOption(the, &xsVar(0), xsID_identity))
		setup.identity = xsmcGetHostDataValidate(xsVar(0), xs_tlsidentity_destructor);
	hasName = getOption(the, &xsVar(1), xsID_name);
	hasAddress = getOption(the, &xsVar(2), xsID_address);
	hasSession = getOption(the, &xsVar(3), xsID_session);

	if ((NULL == setup.input) || (NULL == setup.output) || (NULL == setup.trust))
		xsUnknownError("closed");
	if ((hasName == hasAddress) || (hasName && !tlsIsString(the, &xsVar(1))))
		xsUnknownError("a name or an address");
	if (hasAddress) {
		xsmcGetBufferReadable(xsVar(2), &bytes, &size);
		if ((4 != size) && (16 != size))
			xsUnknownError("invalid address");
		setup.address = bytes;
		setup.addressSize = (uint8_t)size;
	}
	if (hasSession) {
		xsmcGetBufferReadable(xsVar(3), &bytes, &size);
		setup.session = bytes;
		setup.sessionSize = size;
	}
	if (hasName)
		setup.name = xsmcToString(xsVar(1));
	engine = tlsEngineCreate(&setup);
	if (NULL == engine)
		xsUnknownError("no memory");
	xsmcSetHostData(xsThis, engine);
}

static TLSEngine *getEngine(xsMachine *the)
{
	return xsmcGetHostDataValidate(xsThis, xs_tlsengine_destructor);
}

void xs_tlsengine_close(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);

	xsmcSetHostData(xsThis, NULL);
	tlsEngineDelete(engine);
}

void xs_tlsengine_fill(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);
	int count = xsmcToInteger(xsArg(0));

	if (engine && (count > 0))
		tlsEngineFill(engine, (uint32_t)count);
}

void xs_tlsengine_get_pending(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);

	xsmcSetInteger(xsResult, engine ? tlsEnginePending(engine) : 0);
}

void xs_tlsengine_sent(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);
	int count = xsmcToInteger(xsArg(0));

	xsmcSetInteger(xsResult, engine ? tlsEngineSent(engine, (uint32_t)((count > 0) ? count : 0)) : 0);
}

void xs_tlsengine_step(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);

	xsmcSetInteger(xsResult, engine ? tlsEngineStep(engine) : tlsClosed);
}

void xs_tlsengine_peek(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);

	xsmcSetInteger(xsResult, engine ? tlsEnginePeek(engine) : tlsClosed);
}

void xs_tlsengine_read(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);
	xsUnsignedValue size;
	void *bytes;

	xsmcGetBufferWritable(xsArg(0), &bytes, &size);
	xsmcSetInteger(xsResult, engine ? tlsEngineRead(engine, bytes, size) : tlsClosed);
}

void xs_tlsengine_get_writable(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);

	xsmcSetInteger(xsResult, engine ? tlsEngineWritable(engine) : 0);
}

void xs_tlsengine_write(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);
	xsUnsignedValue size;
	void *bytes;

	xsmcGetBufferReadable(xsArg(0), &bytes, &size);
	if (NULL == engine) {
		xsmcSetInteger(xsResult, tlsClosed);
		return;
	}
	if (size > tlsEngineWritable(engine))
		xsRangeError("would block");
	xsmcSetInteger(xsResult, tlsEngineWrite(engine, bytes, size));
}

void xs_tlsengine_end(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);

	if (engine)
		tlsEngineEnd(engine);
}

void xs_tlsengine_session(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);
	uint8_t *session;
	size_t size;

	session = engine ? tlsEngineSession(engine, &size) : NULL;
	if (NULL == session)
		return;
	xsTry {
		xsmcSetArrayBuffer(xsResult, session, (xsIntegerValue)size);
	}
	xsCatch {
		xsmcSetUndefined(xsResult); /* no memory in the machine: a full handshake next time */
	}
	memset(session, 0, size);
	free(session);
}

/* In the order of TLSReason. */
static const char *const gxReasons[] = {
	"handshake",
	"untrusted",
	"wrong-name",
	"expired",
	"not-yet-valid",
	"bad-usage",
	"weak",
	"handshake",
	"refused",
	"alert",
	"forged",
	"garbage",
	"protocol",
	"memory"
};

static void setText(xsMachine *the, xsIdentifier id, const char *text)
{
	xsmcSetString(xsVar(0), (char *)text);
	xsmcSet(xsResult, id, xsVar(0));
}

static void setNumber(xsMachine *the, xsIdentifier id, double value)
{
	xsmcSetNumber(xsVar(0), value);
	xsmcSet(xsResult, id, xsVar(0));
}

void xs_tlsengine_failure(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);
	TLSFailure failure;

	xsmcVars(1);
	memset(&failure, 0, sizeof(failure));
	failure.alert = -1;
	if (engine)
		tlsEngineFailure(engine, &failure);
	xsmcSetNewObject(xsResult);
	setText(the, xsID_reason, gxReasons[failure.reason]);
	setNumber(the, xsID_code, failure.code);
	if (failure.alert >= 0)
		setNumber(the, xsID_alert, failure.alert);
	if (failure.culprit) {
		setText(the, xsID_subject, failure.culprit->subject);
		setText(the, xsID_issuer, failure.culprit->issuer);
		setNumber(the, xsID_notBefore, (double)failure.culprit->notBefore);
		setNumber(the, xsID_notAfter, (double)failure.culprit->notAfter);
	}
	if (failure.excerpt)
		setText(the, xsID_excerpt, failure.excerpt);
}

void xs_tlsengine_get_resumed(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);

	xsmcSetBoolean(xsResult, engine && tlsEngineResumed(engine));
}

void xs_tlsengine_get_protocol(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);
	const char *text = engine ? tlsEngineProtocol(engine) : NULL;

	if (text)
		xsmcSetString(xsResult, (char *)text);
}

void xs_tlsengine_get_cipherSuite(xsMachine *the)
{
	TLSEngine *engine = getEngine(the);
	const char *text = engine ? tlsEngineCipherSuite(engine) : NULL;

	if (text)
		xsmcSetString(xsResult, (char *)text);
}
