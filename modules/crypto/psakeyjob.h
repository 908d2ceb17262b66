/*
	Generation of a key away from the machine's thread.
*/

#ifndef __PSAKEYJOB_H__
#define __PSAKEYJOB_H__

#include "psakeystore.h"
#include "xsmc.h"

/*
	Starts generating a key of `kind` and `bits` for the object `slot`, whose host data `key` is, and keeps both object and
	`callback` alive until then. callback(status) is called on the machine's thread with the object as `this`; when status is 0 the
	object has the key. Returns PSA_SUCCESS when the generation has started.
*/
psa_status_t psaKeyJobStart(xsMachine *the, PSAKey *key, xsSlot *slot, xsSlot *callback, PSAKind kind, uint16_t bits);

/* For the destructor of an object whose generation has not been delivered: the machine is ending. Takes the object's record. */
void psaKeyJobAbandon(PSAKeyJob *job);

#endif /* __PSAKEYJOB_H__ */
