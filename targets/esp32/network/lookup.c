/*
	Names to addresses, by lwIP's own resolver.

	lwIP wants to be asked on its own task and answers there. The record belongs to both sides until each has let go of it.
*/

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdlib.h>

#include "esp_netif.h"
#include "lwip/dns.h"
#include "lwip/ip_addr.h"
#include "lwip/tcpip.h"

/* RFC 1035, section 2.3.4. */
#define kNameBytes (256)

typedef struct {
	xsMachine *the;
	xsSlot object;
	xsSlot callback;
	uint8_t holders;
	uint8_t closed;
	uint8_t found;
	char address[16];
	char host[kNameBytes];
} LookupRecord, *Lookup;

static void release(Lookup lookup)
{
	if (0 == __atomic_sub_fetch(&lookup->holders, 1, __ATOMIC_SEQ_CST))
		free(lookup);
}

static void deliver(void *machine, void *refcon, uint8_t *message, uint16_t messageLength)
{
	xsMachine *the = machine;
	Lookup lookup = refcon;

	(void)message;
	(void)messageLength;
	if (!lookup->closed) {
		xsBeginHost(the);
			xsmcVars(3);
			xsVar(0) = xsAccess(lookup->object);
			xsVar(1) = xsAccess(lookup->callback);
			if (lookup->found)
				xsmcSetString(xsVar(2), lookup->address);
			// Whatever escaped from here would end the machine.
			xsTry {
				xsCallFunction1(xsVar(1), xsVar(0), xsVar(2));
			}
			xsCatch {
			}
		xsEndHost(the);
	}
	release(lookup);
}

/* On lwIP's task. When the machine's queue is full the caller's deadline has to do. */
static void answered(const char *name, const ip_addr_t *address, void *argument)
{
	Lookup lookup = argument;

	(void)name;
	if (address && IP_IS_V4(address))
		lookup->found = NULL != ip4addr_ntoa_r(ip_2_ip4(address), lookup->address, sizeof(lookup->address));
	if (modMessagePostToMachine(lookup->the, NULL, 0, deliver, lookup))
		release(lookup);
}

static void ask(void *argument)
{
	Lookup lookup = argument;
	ip_addr_t address;
	err_t result = dns_gethostbyname_addrtype(lookup->host, &address, answered, lookup, LWIP_DNS_ADDRTYPE_IPV4);

	if (ERR_INPROGRESS != result)
		answered(lookup->host, (ERR_OK == result) ? &address : NULL, lookup);
}

/* The machine ends. */
void xs_lookup_destructor(void *it)
{
	Lookup lookup = it;

	if (lookup) {
		lookup->closed = 1;
		release(lookup);
	}
}

void xs_lookup(xsMachine *the)
{
	Lookup lookup;

	// Without any interface lwIP's task may not be there yet, and ESP-IDF aborts.
	if (!esp_netif_get_default_netif())
		xsUnknownError("no network");
	lookup = calloc(1, sizeof(LookupRecord));
	if (!lookup)
		xsUnknownError("no memory for a look-up");
	xsTry {
		xsmcToStringBuffer(xsArg(0), lookup->host, sizeof(lookup->host));
	}
	xsCatch {
		free(lookup);
		xsThrow(xsException);
	}
	lookup->the = the;
	lookup->holders = 2;
	lookup->object = xsThis;
	lookup->callback = xsArg(1);
	if (ERR_OK != tcpip_callback(ask, lookup)) {
		free(lookup);
		xsUnknownError("no memory for a look-up");
	}
	xsmcSetHostData(xsThis, lookup);
	xsRemember(lookup->object);
	xsRemember(lookup->callback);
}

void xs_lookup_close(xsMachine *the)
{
	Lookup lookup = xsmcGetHostData(xsThis);

	if (!lookup)
		return;
	lookup = xsmcGetHostDataValidate(xsThis, xs_lookup_destructor);
	xsForget(lookup->object);
	xsForget(lookup->callback);
	xsmcSetHostData(xsThis, NULL);
	lookup->closed = 1;
	release(lookup);
}
