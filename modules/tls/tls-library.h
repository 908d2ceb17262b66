/*
 * Mbed TLS as this module uses it, and everything that differs between its versions: 2.28 (Debian 12), 3.6 (Debian 13)
 * and 4.0 (ESP-IDF 6). Included before anything else: on ESP-IDF the names of the configuration files must be known
 * before the first header of the library.
 */
#ifndef __TLS_LIBRARY__
#define __TLS_LIBRARY__

/*
 * 2.28 and 3.6 keep a time_t in the structure of a session. On 32-bit Linux the library was built with one of 32 bits: a program
 * that asks for 64 must not do so here, or the fields behind it are looked for in the wrong place.
 */
#undef _TIME_BITS

#if defined(ESP_PLATFORM)
	/* ESP-IDF passes these names to its own components only. */
	#ifndef MBEDTLS_CONFIG_FILE
		#define MBEDTLS_CONFIG_FILE "mbedtls/esp_config.h"
	#endif
	#ifndef TF_PSA_CRYPTO_USER_CONFIG_FILE
		#define TF_PSA_CRYPTO_USER_CONFIG_FILE "mbedtls/esp_config.h"
	#endif
#endif

#include <psa/crypto.h>

#include <mbedtls/asn1.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#define TLS_LIBRARY_3 (MBEDTLS_VERSION_NUMBER >= 0x03000000)
#define TLS_LIBRARY_4 (MBEDTLS_VERSION_NUMBER >= 0x04000000)

/* Fields that 3.0 declared private and that have no getter are read under their private names. */
#if TLS_LIBRARY_3
	#define TLS_FIELD(name) MBEDTLS_PRIVATE(name)
#else
	#define TLS_FIELD(name) name
#endif

#if !defined(MBEDTLS_SSL_CLI_C) || !defined(MBEDTLS_X509_CRT_PARSE_C) || !defined(MBEDTLS_PEM_PARSE_C)
	#error "modules/tls needs Mbed TLS with the TLS client, X.509 and PEM parsing"
#endif
#if !defined(MBEDTLS_SSL_SERVER_NAME_INDICATION)
	#error "modules/tls needs MBEDTLS_SSL_SERVER_NAME_INDICATION: without it the library keeps no name to check"
#endif

#if !TLS_LIBRARY_4
/* Random numbers come from PSA, which is seeded once for the whole firmware. 4.0 takes them from there by itself. */
static inline int tlsRandom(void *context, unsigned char *bytes, size_t size)
{
	(void)context;
	return (PSA_SUCCESS == psa_generate_random(bytes, size)) ? 0 : MBEDTLS_ERR_SSL_HW_ACCEL_FAILED;
}
#endif

static inline int tlsHandshakeOver(mbedtls_ssl_context *ssl)
{
#if TLS_LIBRARY_3
	return mbedtls_ssl_is_handshake_over(ssl);
#else
	return MBEDTLS_SSL_HANDSHAKE_OVER == ssl->state;
#endif
}

static inline int tlsParseKey(mbedtls_pk_context *key, const unsigned char *bytes, size_t size)
{
#if TLS_LIBRARY_4 || !TLS_LIBRARY_3
	return mbedtls_pk_parse_key(key, bytes, size, NULL, 0);
#else
	return mbedtls_pk_parse_key(key, bytes, size, NULL, 0, tlsRandom, NULL);
#endif
}

static inline int tlsCheckPair(const mbedtls_pk_context *public, const mbedtls_pk_context *private)
{
#if TLS_LIBRARY_4 || !TLS_LIBRARY_3
	return mbedtls_pk_check_pair(public, private);
#else
	return mbedtls_pk_check_pair(public, private, tlsRandom, NULL);
#endif
}

#endif
