/*
	psa/crypto.h for every C file of this module. Include it before xsmc.h: both define what the other must not see first.

	Nothing but the PSA API is used, because it is what Mbed TLS 2.28 (Debian 12), 3.6 (Debian 13) and 4.0 (ESP-IDF 6)
	have in common.
*/

#ifndef __PSAPLATFORM_H__
#define __PSAPLATFORM_H__

#if defined(ESP_PLATFORM)
	// ESP-IDF hands these to its own components only. Without them the structures of PSA would be compiled with the sizes of
	// the default configuration, which are not those of the library that is linked.
	#if !defined(MBEDTLS_CONFIG_FILE)
		#define MBEDTLS_CONFIG_FILE "mbedtls/esp_config.h"
	#endif
	#if !defined(TF_PSA_CRYPTO_USER_CONFIG_FILE)
		#define TF_PSA_CRYPTO_USER_CONFIG_FILE "mbedtls/esp_config.h"
	#endif
#endif

#include "psa/crypto.h"

/*
	Whether the library guards its key store itself. It does since 3.6, when it is built for threads. Before, two threads that
	create or destroy keys at the same time can be given the same slot: psakeystore.c then keeps them apart.
*/
#if defined(MBEDTLS_THREADING_C) && \
	(defined(TF_PSA_CRYPTO_VERSION_NUMBER) || (defined(MBEDTLS_VERSION_NUMBER) && (MBEDTLS_VERSION_NUMBER >= 0x03060000)))
	#define PSA_KEY_STORE_IS_THREAD_SAFE 1
#else
	#define PSA_KEY_STORE_IS_THREAD_SAFE 0
#endif

#endif /* __PSAPLATFORM_H__ */
