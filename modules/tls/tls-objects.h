/* The JavaScript objects that a connection is made of. Include it after xsmc.h. */
#ifndef __TLS_OBJECTS__
#define __TLS_OBJECTS__

#include "tls-engine.h"

extern void xs_tlsbuffer_destructor(void *data);
extern void xs_tlstrust_destructor(void *data);
extern void xs_tlsidentity_destructor(void *data);

/* The memory of a Buffer, or NULL when it is closed. */
extern TLSBlock *tlsGetBlock(xsMachine *the, xsSlot *slot);
extern int tlsIsString(xsMachine *the, xsSlot *slot);

#endif
