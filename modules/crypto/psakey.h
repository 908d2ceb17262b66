/*
	For the C of other modules that works with a key on behalf of JavaScript, such as a TLS client certificate.
*/

#ifndef __PSAKEY_H__
#define __PSAKEY_H__

#include "psaplatform.h"
#include "xsmc.h"

/*
	The identifier of the key behind a PSAKey object (`key.native` of a Key), or 0 when it is closed. Throws when the object is not a
	PSAKey. Ask for it before each use and keep the object alive: before Mbed TLS 3.6 the identifier of a closed key is given to the
	next key that is made. The key may sign digests and be exported, nothing else.
*/
psa_key_id_t psaKeyGetId(xsMachine *the, xsSlot *slot);

#endif /* __PSAKEY_H__ */
