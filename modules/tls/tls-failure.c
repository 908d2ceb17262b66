/* What the library's error codes and the peer's alerts mean to a user of this module. */
#include "tls-private.h"

#if !TLS_LIBRARY_4
	#include <mbedtls/ecp.h>
	#include <mbedtls/rsa.h>
#endif

/* Meaningful after MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: the library leaves the alert where it received it. */
int tlsAlertOf(const mbedtls_ssl_context *ssl)
{
	return ssl->TLS_FIELD(in_msg)[1];
}

/* Alerts by which a server says that it does not like the client's certificate, or the lack of one. */
static int isRefusal(int alert)
{
	switch (alert) {
		case MBEDTLS_SSL_ALERT_MSG_NO_CERT:
		case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
		case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT:
		case MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED:
		case MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED:
		case MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN:
		case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
		case MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED:
		case 116: /* certificate_required, TLS 1.3 */
			return 1;
	}
	return 0;
}

int tlsIsMemory(int code)
{
	return (MBEDTLS_ERR_SSL_ALLOC_FAILED == code) || (MBEDTLS_ERR_X509_ALLOC_FAILED == code) || (MBEDTLS_ERR_PK_ALLOC_FAILED == code);
}

/* The signature over the key exchange is wrong: the server shows a certificate whose key it does not have. */
static int isForgery(int code)
{
	switch (code) {
#if TLS_LIBRARY_4
		case PSA_ERROR_INVALID_SIGNATURE:
#else
		case MBEDTLS_ERR_RSA_VERIFY_FAILED:
		case MBEDTLS_ERR_RSA_INVALID_PADDING:
		case MBEDTLS_ERR_ECP_VERIFY_FAILED:
		case MBEDTLS_ERR_PK_SIG_LEN_MISMATCH:
#endif
			return 1;
	}
	return 0;
}

/* The peer broke the rules of TLS, as opposed to not agreeing with us. */
static int isProtocol(int code)
{
	switch (code) {
		case MBEDTLS_ERR_SSL_INVALID_MAC:
		case MBEDTLS_ERR_SSL_INVALID_RECORD:
		case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
		case MBEDTLS_ERR_SSL_BAD_INPUT_DATA: /* a record longer than any may be */
#if TLS_LIBRARY_3
		case MBEDTLS_ERR_SSL_DECODE_ERROR:
#endif
			return 1;
	}
	return 0;
}

TLSReason tlsReasonOf(const mbedtls_ssl_context *ssl, const TLSVerification *verification, int over, int code)
{
	if (MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE == code) {
		if (isRefusal(tlsAlertOf(ssl)))
			return tlsRefused;
		return over ? tlsAlert : tlsHandshake;
	}
	if (!over) {
		uint32_t flags = verification->called ? mbedtls_ssl_get_verify_result(ssl) : 0;

		if (flags && (0xFFFFFFFF != flags))
			return tlsVerifyReason(flags);
		if ((MBEDTLS_ERR_X509_CERT_VERIFY_FAILED == code) || (MBEDTLS_ERR_X509_FATAL_ERROR == code))
			return tlsUntrusted;
		if (isForgery(code))
			return tlsForged;
	}
	if (tlsIsMemory(code))
		return tlsMemory;
	if (over || isProtocol(code))
		return tlsProtocol;
	return tlsHandshake;
}

/* Every record starts with a type from 20 to 23 and the version's first byte, which is 3 (RFC 8446 5.1). */
int tlsLooksLikeTLS(const uint8_t *bytes, uint32_t count)
{
	return (bytes[0] >= 20) && (bytes[0] <= 23) && ((count < 2) || (3 == bytes[1]));
}

/* The first line of what is not TLS, as far as it can be printed: "HTTP/1.1 400 Bad Request" tells a user everything. */
void tlsQuote(char *text, uint32_t size, const uint8_t *bytes, uint32_t count)
{
	uint32_t i;

	for (i = 0; (i < count) && (i < size - 1) && (bytes[i] >= ' ') && (bytes[i] <= '~'); i++)
		text[i] = (char)bytes[i];
	text[i] = 0;
}
