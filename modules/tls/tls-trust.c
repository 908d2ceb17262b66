#include "tls-library.h"
#include "tls-trust.h"
#include "tls-private.h"

#include <stdlib.h>
#include <string.h>

struct TLSTrust {
	mbedtls_x509_crt chain;
	uint32_t references;
	uint16_t count, skipped;
	uint8_t fingerprint[kTLSFingerprint];
};

struct TLSIdentity {
	mbedtls_x509_crt chain;
	mbedtls_pk_context key;
	uint32_t references;
	uint8_t fingerprint[kTLSFingerprint];
};

static int fingerprint(uint8_t *digest, const char *text)
{
	size_t size;

	return PSA_SUCCESS == psa_hash_compute(PSA_ALG_SHA_256, (const uint8_t *)text, strlen(text), digest, kTLSFingerprint, &size);
}

static uint16_t countChain(const mbedtls_x509_crt *chain)
{
	uint16_t count = 0;

	for (; chain && chain->raw.p; chain = chain->next)
		count++;
	return count;
}

TLSParsed tlsTrustCreate(TLSTrust **result, const char *pem)
{
	TLSTrust *trust = calloc(1, sizeof(TLSTrust));
	int failed;

	if (NULL == trust)
		return tlsNoMemory;
	trust->references = 1;
	mbedtls_x509_crt_init(&trust->chain);
	if ((PSA_SUCCESS != psa_crypto_init()) || !fingerprint(trust->fingerprint, pem)) {
		tlsTrustRelease(trust);
		return tlsNoMemory;
	}
	/* Positive: so many certificates could not be used; negative: nothing could. */
	failed = mbedtls_x509_crt_parse(&trust->chain, (const unsigned char *)pem, strlen(pem) + 1);
	trust->count = countChain(&trust->chain);
	if ((failed < 0) || (0 == trust->count)) {
		tlsTrustRelease(trust);
		return (MBEDTLS_ERR_X509_ALLOC_FAILED == failed) ? tlsNoMemory : tlsNoCertificate;
	}
	trust->skipped = (uint16_t)failed;
	*result = trust;
	return tlsGood;
}

void tlsTrustRetain(TLSTrust *trust)
{
	trust->references++;
}

void tlsTrustRelease(TLSTrust *trust)
{
	if (trust && (0 == --trust->references)) {
		mbedtls_x509_crt_free(&trust->chain);
		free(trust);
	}
}

uint16_t tlsTrustCount(const TLSTrust *trust)
{
	return trust->count;
}

uint16_t tlsTrustSkipped(const TLSTrust *trust)
{
	return trust->skipped;
}

const uint8_t *tlsTrustFingerprint(const TLSTrust *trust)
{
	return trust->fingerprint;
}

mbedtls_x509_crt *tlsTrustChain(TLSTrust *trust)
{
	return &trust->chain;
}

TLSParsed tlsIdentityCreate(TLSIdentity **result, const char *pem, const uint8_t *key, size_t size)
{
	TLSIdentity *identity = calloc(1, sizeof(TLSIdentity));
	TLSParsed parsed = tlsGood;

	if (NULL == identity)
		return tlsNoMemory;
	identity->references = 1;
	mbedtls_x509_crt_init(&identity->chain);
	mbedtls_pk_init(&identity->key);
	if ((PSA_SUCCESS != psa_crypto_init()) || !fingerprint(identity->fingerprint, pem))
		parsed = tlsNoMemory;
	else if (mbedtls_x509_crt_parse(&identity->chain, (const unsigned char *)pem, strlen(pem) + 1))
		parsed = countChain(&identity->chain) ? tlsBadCertificate : tlsNoCertificate;
	else if (tlsParseKey(&identity->key, key, size))
		parsed = tlsBadKey;
	else if (tlsCheckPair(&identity->chain.pk, &identity->key))
		parsed = tlsWrongKey;
	if (tlsGood == parsed)
		*result = identity;
	else
		tlsIdentityRelease(identity);
	return parsed;
}

void tlsIdentityRetain(TLSIdentity *identity)
{
	identity->references++;
}

void tlsIdentityRelease(TLSIdentity *identity)
{
	if (identity && (0 == --identity->references)) {
		mbedtls_x509_crt_free(&identity->chain);
		mbedtls_pk_free(&identity->key);
		free(identity);
	}
}

const uint8_t *tlsIdentityFingerprint(const TLSIdentity *identity)
{
	return identity->fingerprint;
}

int tlsIdentityUse(TLSIdentity *identity, mbedtls_ssl_config *config)
{
	return mbedtls_ssl_conf_own_cert(config, &identity->chain, &identity->key);
}
