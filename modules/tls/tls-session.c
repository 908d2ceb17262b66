/*
 * Sessions that can be resumed, as bytes to keep.
 *
 * A resumed handshake shows no certificate: whoever knows the session's secret is taken for the server that was verified
 * when it was made. A session is therefore of use only for the same name, the same trusted authorities and the same
 * identity of our own, and not longer than the certificates were valid. All of this is covered by a digest, which also
 * keeps damaged bytes away: with a wrong secret a handshake would not fall back but fail.
 *
 *   0  format (1)
 *   1  SHA-256 of everything below and of what the session is bound to, first 16 bytes
 *  17  seconds since 1970 after which a certificate of the chain is no longer valid, big-endian
 *  25  the library's own serialisation, without the peer's certificate
 */
#include "tls-private.h"

#include <stdlib.h>
#include <string.h>

#define kFormat 1
#define kDigest 16
#define kHeader (1 + kDigest + 8)

static int digest(const TLSBinding *binding, const uint8_t *bytes, size_t size, uint8_t *result)
{
	static const uint8_t none[kTLSFingerprint] = { 0 };
	const TLSVerification *verification = binding->verification;
	psa_hash_operation_t hash = PSA_HASH_OPERATION_INIT;
	uint8_t whole[32], length;
	size_t used;
	int good;

	/* The lengths keep name and address apart from each other and from what follows. */
	length = (uint8_t)(binding->name ? strlen(binding->name) : 0);
	good = (PSA_SUCCESS == psa_hash_setup(&hash, PSA_ALG_SHA_256))
		&& (PSA_SUCCESS == psa_hash_update(&hash, binding->trust, kTLSFingerprint))
		&& (PSA_SUCCESS == psa_hash_update(&hash, binding->identity ? binding->identity : none, kTLSFingerprint))
		&& (PSA_SUCCESS == psa_hash_update(&hash, &verification->addressSize, 1))
		&& (PSA_SUCCESS == psa_hash_update(&hash, verification->address, verification->addressSize))
		&& (PSA_SUCCESS == psa_hash_update(&hash, &length, 1))
		&& (PSA_SUCCESS == psa_hash_update(&hash, (const uint8_t *)(binding->name ? binding->name : ""), length))
		&& (PSA_SUCCESS == psa_hash_update(&hash, bytes, size))
		&& (PSA_SUCCESS == psa_hash_finish(&hash, whole, sizeof(whole), &used));
	if (good)
		memcpy(result, whole, kDigest);
	else
		psa_hash_abort(&hash);
	return good;
}

static uint8_t *serialize(const mbedtls_ssl_session *session, size_t *size)
{
	uint8_t *bytes;
	size_t needed = 0;

	(void)mbedtls_ssl_session_save(session, NULL, 0, &needed);
	if (0 == needed)
		return NULL;
	bytes = malloc(kHeader + needed);
	if (bytes && mbedtls_ssl_session_save(session, bytes + kHeader, needed, &needed)) {
		free(bytes);
		return NULL;
	}
	*size = kHeader + needed;
	return bytes;
}

/* The peer's certificate is most of a session's size and of no use for resuming. */
static void dropCertificate(mbedtls_ssl_session *session)
{
#if defined(MBEDTLS_SSL_KEEP_PEER_CERTIFICATE)
	if (session->TLS_FIELD(peer_cert)) {
		mbedtls_x509_crt_free(session->TLS_FIELD(peer_cert));
		mbedtls_free(session->TLS_FIELD(peer_cert));
		session->TLS_FIELD(peer_cert) = NULL;
	}
#else
	(void)session;
#endif
}

/* A server that keeps nothing and gives no ticket has nothing to resume. In TLS 1.3 only tickets can be resumed. */
static int canBeResumed(const mbedtls_ssl_session *session)
{
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
	if (session->TLS_FIELD(ticket_len))
		return 1;
#endif
#if TLS_LIBRARY_3
	if (MBEDTLS_SSL_VERSION_TLS1_2 != session->TLS_FIELD(tls_version))
		return 0;
#endif
	return 0 != session->TLS_FIELD(id_len);
}

uint8_t *tlsSessionSave(mbedtls_ssl_context *ssl, const TLSBinding *binding, size_t *size)
{
	mbedtls_ssl_session session;
	uint64_t notAfter = (uint64_t)binding->verification->notAfter;
	uint8_t *bytes = NULL;
	int i;

	mbedtls_ssl_session_init(&session);
	if ((0 == mbedtls_ssl_get_session(ssl, &session)) && canBeResumed(&session)) {
		dropCertificate(&session);
		bytes = serialize(&session, size);
	}
	mbedtls_ssl_session_free(&session);
	if (NULL == bytes)
		return NULL;
	bytes[0] = kFormat;
	for (i = 7; i >= 0; i--, notAfter >>= 8)
		bytes[1 + kDigest + i] = (uint8_t)notAfter;
	if (!digest(binding, bytes + 1 + kDigest, *size - 1 - kDigest, bytes + 1)) {
		free(bytes);
		return NULL;
	}
	return bytes;
}

int tlsSessionOffer(mbedtls_ssl_context *ssl, const TLSBinding *binding, int64_t *notAfter, const uint8_t *bytes, size_t size)
{
	mbedtls_ssl_session session;
	uint8_t expected[kDigest];
	uint64_t limit = 0;
	int i, good;

	if ((size <= kHeader) || (kFormat != bytes[0]))
		return 0;
	if (!digest(binding, bytes + 1 + kDigest, size - 1 - kDigest, expected) || memcmp(expected, bytes + 1, kDigest))
		return 0;
	for (i = 0; i < 8; i++)
		limit = (limit << 8) | bytes[1 + kDigest + i];
	if (binding->verification->now > (int64_t)limit)
		return 0;
	mbedtls_ssl_session_init(&session);
	good = (0 == mbedtls_ssl_session_load(&session, bytes + kHeader, size - kHeader)) && (0 == mbedtls_ssl_set_session(ssl, &session));
	mbedtls_ssl_session_free(&session);
	if (good)
		*notAfter = (int64_t)limit;
	return good;
}
