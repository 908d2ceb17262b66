/*
	The one door to PSA's key store.

	Before Mbed TLS 3.6 the store knows no threads: two that create or destroy keys at the same time may be given the same slot. A
	generation holds the store from its first to its last moment, because PSA offers nothing finer. An import that meets one waits for
	it, which on such a library (Debian 12) is at most a second or two and happens only when an application makes a key and loads
	another at once. Destroying a key happens in close() and in the garbage collector, which must not wait: such a key is put on a
	list, which whoever holds the store empties before leaving. Using a key (sign, verify, export) touches its own slot alone and
	needs none of this.
*/

#include <stdlib.h>

#include "psakeystore.h"
#include "keythread.h"

psa_status_t psaStart(void)
{
	psa_status_t status;

	keyThreadLock(keyLockInit);
	status = psa_crypto_init();
	keyThreadUnlock(keyLockInit);
	return status;
}

void psaKeyAttributes(psa_key_attributes_t *attributes, PSAKind kind)
{
	static const struct {
		psa_key_type_t type;
		psa_algorithm_t algorithm;
		psa_key_usage_t usage;
	} policies[psaKindCount] = {
		// ANY_HASH permits both SHA-256 and PKCS#1 padding without a hash (PSA_ALG_RSA_PKCS1V15_SIGN_RAW); a policy that names
		// SHA-256 refuses the latter.
		[psaKindRSAPair] = {PSA_KEY_TYPE_RSA_KEY_PAIR, PSA_ALG_RSA_PKCS1V15_SIGN(PSA_ALG_ANY_HASH),
			PSA_KEY_USAGE_SIGN_HASH | PSA_KEY_USAGE_VERIFY_HASH | PSA_KEY_USAGE_EXPORT},
		[psaKindRSAPublic] = {PSA_KEY_TYPE_RSA_PUBLIC_KEY, PSA_ALG_RSA_PKCS1V15_SIGN(PSA_ALG_ANY_HASH),
			PSA_KEY_USAGE_VERIFY_HASH},
		[psaKindP256Pair] = {PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1), PSA_ALG_ECDSA(PSA_ALG_ANY_HASH),
			PSA_KEY_USAGE_SIGN_HASH | PSA_KEY_USAGE_VERIFY_HASH | PSA_KEY_USAGE_EXPORT},
		[psaKindP256Public] = {PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1), PSA_ALG_ECDSA(PSA_ALG_ANY_HASH),
			PSA_KEY_USAGE_VERIFY_HASH},
	};

	psa_set_key_type(attributes, policies[kind].type);
	psa_set_key_algorithm(attributes, policies[kind].algorithm);
	psa_set_key_usage_flags(attributes, policies[kind].usage);
	if ((psaKindP256Pair == kind) || (psaKindP256Public == kind))
		psa_set_key_bits(attributes, 256);
}

#if PSA_KEY_STORE_IS_THREAD_SAFE

static void enterStore(void)
{
}

static void leaveStore(void)
{
}

void psaKeyStoreRelease(PSAKey *key)
{
	if (key->id)
		psa_destroy_key(key->id);
	free(key);
}

#else

static PSAKey *gDoomed;

static PSAKey *takeDoomed(void)
{
	PSAKey *list;

	keyThreadLock(keyLockDoomed);
	list = gDoomed;
	gDoomed = NULL;
	keyThreadUnlock(keyLockDoomed);
	return list;
}

static int hasDoomed(void)
{
	int result;

	keyThreadLock(keyLockDoomed);
	result = NULL != gDoomed;
	keyThreadUnlock(keyLockDoomed);
	return result;
}

static void enterStore(void)
{
	keyThreadLock(keyLockStore);
}

static void leaveStore(void)
{
	do {
		PSAKey *key = takeDoomed();
		while (key) {
			PSAKey *next = key->next;
			psa_destroy_key(key->id);
			free(key);
			key = next;
		}
		keyThreadUnlock(keyLockStore);
		// A key may have been put on the list after it was taken, by a thread that still found the store held.
	} while (hasDoomed() && !keyThreadTryLock(keyLockStore));
}

void psaKeyStoreRelease(PSAKey *key)
{
	if (!key->id) {
		free(key);
		return;
	}
	keyThreadLock(keyLockDoomed);
	key->next = gDoomed;
	gDoomed = key;
	keyThreadUnlock(keyLockDoomed);
	if (!keyThreadTryLock(keyLockStore))
		leaveStore();
}

#endif

psa_status_t psaKeyStoreImport(const psa_key_attributes_t *attributes, const uint8_t *data, size_t length, psa_key_id_t *id)
{
	psa_status_t status = psaStart();

	if (PSA_SUCCESS != status)
		return status;
	enterStore();
	status = psa_import_key(attributes, data, length, id);
	leaveStore();
	return status;
}

psa_status_t psaKeyStoreGenerate(const psa_key_attributes_t *attributes, psa_key_id_t *id)
{
	psa_status_t status = psaStart();

	if (PSA_SUCCESS != status)
		return status;
	enterStore();
	status = psa_generate_key(attributes, id);
	leaveStore();
	return status;
}
