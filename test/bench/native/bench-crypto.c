/*
 * RSA signatures with PSA: PKCS#1 v1.5 with SHA-256 over a message of the size of an authentication request.
 *
 *   bench-crypto KEY COUNT      KEY: file with the private key, DER (PKCS#1). Prints one line of JSON
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>

#define kMessage 1024

int main(int argc, char **argv)
{
	psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
	uint8_t der[4096], message[kMessage] = { 0 }, digest[32], signature[512];
	size_t size, length, digestLength;
	psa_key_id_t key;
	double cpu;
	FILE *file;
	int count, i;

	if (argc != 3)
		fail("usage: bench-crypto KEY COUNT: this", argc);
	count = atoi(argv[2]);
	file = fopen(argv[1], "rb");
	if (!file)
		fail("opening the key", 0);
	size = fread(der, 1, sizeof(der), file);
	fclose(file);
	if (psa_crypto_init())
		fail("psa_crypto_init", 0);
	psa_set_key_type(&attributes, PSA_KEY_TYPE_RSA_KEY_PAIR);
	psa_set_key_algorithm(&attributes, PSA_ALG_RSA_PKCS1V15_SIGN(PSA_ALG_ANY_HASH));
	psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_HASH);
	if (psa_import_key(&attributes, der, size, &key))
		fail("psa_import_key", 0);
	printf("{\"wall\":[");
	cpu = 0;
	for (i = -1; i < count; i++) {
		double wall = wallMicroseconds();

		message[0] = (uint8_t)i;
		if (psa_hash_compute(PSA_ALG_SHA_256, message, sizeof(message), digest, sizeof(digest), &digestLength)
			|| psa_sign_hash(key, PSA_ALG_RSA_PKCS1V15_SIGN(PSA_ALG_SHA_256), digest, digestLength, signature, sizeof(signature), &length))
			fail("psa_sign_hash", 0);
		if (i >= 0)
			printf("%s%.0f", i ? "," : "", wallMicroseconds() - wall);
		else
			cpu = cpuMicroseconds(); /* the first one makes the blinding values */
	}
	printf("],\"cpu\":%.0f}\n", (cpuMicroseconds() - cpu) / count);
	return 0;
}
