/*
 * Boot of a firmware from flash, on top of the boot model (targets/host/idf).
 */
#ifndef __FLEETLING_BOOT__
#define __FLEETLING_BOOT__

#include <stddef.h>
#include <stdint.h>

/* Opens the flash; `cut` is NULL or the argument of --cut. Says what is wrong and returns non-zero when it cannot. */
extern int hostBootOpen(const char *path, const char *cut);

/* Operations of the flash so far, earlier boots included; 0 without a flash. Async-signal-safe. */
extern uint64_t hostBootOperations(void);

/* Writes a configuration value to the key-value storage, unless it is there already. */
extern int hostBootConfigure(const char *key, const char *value);

/* Selects the slot to run by the bootloader's rules; returns the module archive of its image, or NULL. */
extern const void *hostBootSelect(size_t *size);

#endif
