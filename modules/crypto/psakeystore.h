/*
	Keys of the PSA key store, shared between the JavaScript objects (psakey.c) and the generation of keys (psakeyjob.c).
*/

#ifndef __PSAKEYSTORE_H__
#define __PSAKEYSTORE_H__

#include <stdint.h>

#include "psaplatform.h"

typedef struct PSAKeyJob PSAKeyJob;

/* The numbers are those of PSAKind in psakey.d.ts. */
typedef enum {
	psaKindRSAPair,
	psaKindRSAPublic,
	psaKindP256Pair,
	psaKindP256Public,
	psaKindCount
} PSAKind;

/* Host data of a PSAKey object. What is known of the key is kept here: Mbed TLS 2.28 parses an RSA key to tell its attributes. */
typedef struct PSAKey {
	struct PSAKey *next;		// in the list of keys that wait to be destroyed
	PSAKeyJob *job;				// while the key is being generated
	psa_key_id_t id;			// 0 when there is no key
	PSAKind kind;
	uint16_t bits;
} PSAKey;

/* psa_crypto_init, any number of times from any thread. */
psa_status_t psaStart(void);

/* Type and policy of a new key: what it is and everything this module ever does with it. */
void psaKeyAttributes(psa_key_attributes_t *attributes, PSAKind kind);

/* psa_import_key and psa_generate_key, each kept apart from other threads that make or destroy keys. */
psa_status_t psaKeyStoreImport(const psa_key_attributes_t *attributes, const uint8_t *data, size_t length, psa_key_id_t *id);
psa_status_t psaKeyStoreGenerate(const psa_key_attributes_t *attributes, psa_key_id_t *id);

/* Destroys the key in the store, if any, and frees the record. Never waits for a generation that is under way. */
void psaKeyStoreRelease(PSAKey *key);

#endif /* __PSAKEYSTORE_H__ */
