/*
 * Sessions that can be resumed, as bytes to keep.
 *
 * A resumed handshake shows no certificate: whoever knows the session's secret is taken for the server that was verified
 * when it was made. A session is therefore of use only for the same name, the same trusted authorities and the same
 * identity of our own, and not longer than the certificates were valid. It says itself what it is bound to. The checksum
 * keeps damaged bytes away: with a wrong secret a handshake would not fall back but fail. It protects against nobody; who can
 * change the bytes knows the secret, too. (A SHA-256 in its place was 7 % of the instructions of a resumed handshake.)
 *
 *   0  format (2)
 *   1  Adler-32 (RFC 1950) of everything below, big-endian
 *   5  seconds since 1970 after which a certificate of the chain is no longer valid, big-endian
 *  13  what it is bound to: authorities and identity (the first 16 bytes of their fingerprints), name and address, each
 *      behind its length
 *   n  the library's own serialisation, without the peer's certificate
 */
#include "tls-private.h"

#include <stdlib.h>
#include <string.h>

#define kFormat 2
#define kChecksum 1
#define kNotAfter 5
#define kBinding 13
#define kPrint 16
#define kLongestName 255
#define kLongestBinding (2 * kPrint + 1 + kLongestName + 1 + 16)

static uint32_t adler(const uint8_t *bytes, size_t size)
{
	uint32_t a = 1, b = 0;

	while (size) {
		/* So many can be summed up before 32 bits overflow. */
		size_t count = (size > 5552) ? 5552 : size;

		for (size -= count; count; count--) {
			a += *bytes++;
			b += a;
		}
		a %= 65521;
		b %= 65521;
	}
	return (b << 16) | a;
}

static void putNumber(uint8_t *bytes, uint64_t number, int size)
{
	for (; size > 0; number >>= 8)
		bytes[--size] = (uint8_t)number;
}

static uint64_t getNumber(const uint8_t *bytes, int size)
{
	uint64_t number = 0;

	for (; size > 0; size--)
		number = (number << 8) | *bytes++;
	return number;
}

static uint8_t *append(uint8_t *to, const void *from, size_t size)
{
	if (size)
		memcpy(to, from, size);
	return to + size;
}

/* Returns how many of the bytes were needed. */
static size_t bind(const TLSBinding *binding, uint8_t bytes[kLongestBinding])
{
	static const uint8_t none[kPrint] = { 0 };
	const TLSVerification *verification = binding->verification;
	size_t length = binding->name ? strlen(binding->name) : 0;
	uint8_t *to = bytes;

	/* The socket takes no name of more than 253. */
	if (length > kLongestName)
		length = kLongestName;
	to = append(to, binding->trust, kPrint);
	to = append(to, binding->identity ? binding->identity : none, kPrint);
	*to++ = (uint8_t)length;
	to = append(to, binding->name, length);
	*to++ = verification->addressSize;
	to = append(to, verification->address, verification->addressSize);
	return (size_t)(to - bytes);
}

/* Leaves room for what stands before. */
static uint8_t *serialize(const mbedtls_ssl_session *session, size_t room, size_t *size)
{
	uint8_t *bytes;
	size_t needed = 0;

	(void)mbedtls_ssl_session_save(session, NULL, 0, &needed);
	if (0 == needed)
		return NULL;
	bytes = malloc(room + needed);
	if (bytes && mbedtls_ssl_session_save(session, bytes + room, needed, &needed)) {
		free(bytes);
		return NULL;
	}
	*size = room + needed;
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
	uint8_t bound[kLongestBinding];
	size_t bindingSize = bind(binding, bound);
	mbedtls_ssl_session session;
	uint8_t *bytes = NULL;

	mbedtls_ssl_session_init(&session);
	if ((0 == mbedtls_ssl_get_session(ssl, &session)) && canBeResumed(&session)) {
		dropCertificate(&session);
		bytes = serialize(&session, kBinding + bindingSize, size);
	}
	mbedtls_ssl_session_free(&session);
	if (NULL == bytes)
		return NULL;
	bytes[0] = kFormat;
	putNumber(bytes + kNotAfter, (uint64_t)binding->verification->notAfter, 8);
	memcpy(bytes + kBinding, bound, bindingSize);
	putNumber(bytes + kChecksum, adler(bytes + kNotAfter, *size - kNotAfter), 4);
	return bytes;
}

int tlsSessionOffer(mbedtls_ssl_context *ssl, const TLSBinding *binding, int64_t *notAfter, const uint8_t *bytes, size_t size)
{
	uint8_t bound[kLongestBinding];
	size_t bindingSize = bind(binding, bound), header = kBinding + bindingSize;
	mbedtls_ssl_session session;
	int64_t limit;
	int good;

	if ((size <= header) || (kFormat != bytes[0]) || memcmp(bytes + kBinding, bound, bindingSize))
		return 0;
	if (getNumber(bytes + kChecksum, 4) != adler(bytes + kNotAfter, size - kNotAfter))
		return 0;
	limit = (int64_t)getNumber(bytes + kNotAfter, 8);
	if (binding->verification->now > limit)
		return 0;
	mbedtls_ssl_session_init(&session);
	good = (0 == mbedtls_ssl_session_load(&session, bytes + header, size - header)) && (0 == mbedtls_ssl_set_session(ssl, &session));
	mbedtls_ssl_session_free(&session);
	if (good)
		*notAfter = limit;
	return good;
}
