/*
 * XS 13.3's xsmc.h lacks four macros of the current SDK; with them the same native modules compile here and with mcconfig.
 */
#ifndef __FLEETLING_XSMC__
#define __FLEETLING_XSMC__

#include_next "xsmc.h"

#ifndef xsmcToReference
	#define xsmcToReference(_SLOT) fxToReference(the, &(_SLOT))
#endif
#ifndef xsmcSetStringX
	
	#define xsmcSetStringX(_SLOT, _VALUE) fxStringX(the, &(_SLOT), _VALUE)
#endif
#ifndef xsmcToUnsigned
	#define xsmcToUnsigned(_SLOT) fxToUnsigned(the, &(_SLOT))
#endif
#ifndef xsmcSetUnsigned
	#define xsmcSetUnsigned(_SLOT, _VALUE) fxUnsigned(the, &(_SLOT), _VALUE)
#endif

#endif
