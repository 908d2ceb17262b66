/*
 * Buffer, Trust and Identity of native.js.
 *
 * Pointers into strings and buffers of JavaScript are taken last, after everything that may allocate.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <string.h>

#include "tls-objects.h"

int tlsIsString(xsMachine *the, xsSlot *slot)
{
	xsType type = xsmcTypeOf(*slot);

	return (xsStringType == type) || (xsStringXType == type);
}

/*
	Buffer
*/

void xs_tlsbuffer_destructor(void *data)
{
	if (data)
		tlsBlockRelease(tlsBlockOf(data));
}

void xs_tlsbuffer(xsMachine *the)
{
	uint32_t size = xsmcToInteger(xsArg(0)) ? kTLSOutputSize : kTLSInputSize;
	TLSBlock *block = tlsBlockCreate(size);

	if (NULL == block)
		xsUnknownError("no memory");
	xsmcSetHostData(xsThis, block->bytes); /* owned, should the next line throw */
	xsmcSetHostBuffer(xsThis, block->bytes, size);
}

TLSBlock *tlsGetBlock(xsMachine *the, xsSlot *slot)
{
	void *bytes = xsmcGetHostDataValidate(*slot, xs_tlsbuffer_destructor);

	return bytes ? tlsBlockOf(bytes) : NULL;
}

void xs_tlsbuffer_get_size(xsMachine *the)
{
	TLSBlock *block = tlsGetBlock(the, &xsThis);

	xsmcSetInteger(xsResult, block ? block->size : 0);
}

void xs_tlsbuffer_close(xsMachine *the)
{
	TLSBlock *block = tlsGetBlock(the, &xsThis);

	if (NULL == block)
		return;
	xsmcSetHostBuffer(xsThis, NULL, 0);
	tlsBlockRelease(block);
}

/*
	Trust
*/

void xs_tlstrust_destructor(void *data)
{
	tlsTrustRelease(data);
}

void xs_tlstrust(xsMachine *the)
{
	xsmcSetHostData(xsThis, NULL);
}

void xs_tlstrust_parse(xsMachine *the)
{
	TLSTrust *old = xsmcGetHostDataValidate(xsThis, xs_tlstrust_destructor), *trust = NULL;
	TLSParsed parsed = tlsTrustCreate(&trust, xsmcToString(xsArg(0)));

	if (tlsGood == parsed) {
		xsmcSetHostData(xsThis, trust);
		tlsTrustRelease(old);
	}
	xsmcSetInteger(xsResult, parsed);
}

void xs_tlstrust_get_count(xsMachine *the)
{
	TLSTrust *trust = xsmcGetHostDataValidate(xsThis, xs_tlstrust_destructor);

	xsmcSetInteger(xsResult, trust ? tlsTrustCount(trust) : 0);
}

void xs_tlstrust_get_skipped(xsMachine *the)
{
	TLSTrust *trust = xsmcGetHostDataValidate(xsThis, xs_tlstrust_destructor);

	xsmcSetInteger(xsResult, trust ? tlsTrustSkipped(trust) : 0);
}

void xs_tlstrust_close(xsMachine *the)
{
	TLSTrust *trust = xsmcGetHostDataValidate(xsThis, xs_tlstrust_destructor);

	xsmcSetHostData(xsThis, NULL);
	tlsTrustRelease(trust);
}

/*
	Identity
*/

void xs_tlsidentity_destructor(void *data)
{
	tlsIdentityRelease(data);
}

void xs_tlsidentity(xsMachine *the)
{
	xsmcSetHostData(xsThis, NULL);
}

void xs_tlsidentity_parse(xsMachine *the)
{
	TLSIdentity *old = xsmcGetHostDataValidate(xsThis, xs_tlsidentity_destructor), *identity = NULL;
	TLSParsed parsed;
	xsUnsignedValue size;
	void *key;

	if (tlsIsString(the, &xsArg(1))) {
		key = xsmcToString(xsArg(1));
		size = (xsUnsignedValue)strlen(key) + 1;
	}
	else
		xsmcGetBufferReadable(xsArg(1), &key, &size);
	parsed = tlsIdentityCreate(&identity, xsmcToString(xsArg(0)), key, size);
	if (tlsGood == parsed) {
		xsmcSetHostData(xsThis, identity);
		tlsIdentityRelease(old);
	}
	xsmcSetInteger(xsResult, parsed);
}

void xs_tlsidentity_close(xsMachine *the)
{
	TLSIdentity *identity = xsmcGetHostDataValidate(xsThis, xs_tlsidentity_destructor);

	xsmcSetHostData(xsThis, NULL);
	tlsIdentityRelease(identity);
}
