/* What is offered to a server, and what is demanded of it. */
#include "tls-private.h"

/* ECDHE with authenticated encryption only: every TLS 1.2 server of the last decade has one of these. */
static const int gxCipherSuites[] = {
#if TLS_LIBRARY_3
	MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
	MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
	MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#endif
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	0
};

/*
 * X25519 is the cheapest by far; the library's own order starts with the most expensive curve and doubles the time of a
 * handshake. The larger ones are for servers whose certificate has such a key.
 */
#if TLS_LIBRARY_3
static const uint16_t gxGroups[] = {
	MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
	MBEDTLS_SSL_IANA_TLS_GROUP_NONE
};

/*
 * Most servers take the first that they can. PSS, which TLS 1.3 needs, comes last: a server that speaks TLS 1.2 would take it
 * there too, and the versions 3.6.6 and 4.1.0 of the library refuse it although they offered it (Mbed-TLS/mbedtls#10668).
 */
static const uint16_t gxSignatures[] = {
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
	MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
	MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
#endif
	MBEDTLS_TLS1_3_SIG_NONE
};
#else
static const mbedtls_ecp_group_id gxCurves[] = {
	MBEDTLS_ECP_DP_CURVE25519,
	MBEDTLS_ECP_DP_SECP256R1,
	MBEDTLS_ECP_DP_SECP384R1,
	MBEDTLS_ECP_DP_SECP521R1,
	MBEDTLS_ECP_DP_NONE
};

/* Without the SHA-1 that 2.28 offers for signatures of the key exchange. */
static const int gxHashes[] = { MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE };
#endif

static int fragmentCode(uint16_t size)
{
	switch (size) {
		case 512: return MBEDTLS_SSL_MAX_FRAG_LEN_512;
		case 1024: return MBEDTLS_SSL_MAX_FRAG_LEN_1024;
		case 2048: return MBEDTLS_SSL_MAX_FRAG_LEN_2048;
		case 4096: return MBEDTLS_SSL_MAX_FRAG_LEN_4096;
	}
	return MBEDTLS_SSL_MAX_FRAG_LEN_NONE;
}

int tlsConfigure(mbedtls_ssl_config *config, const TLSSetup *setup, TLSVerification *verification)
{
	if (mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT))
		return 0;
	mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(config, tlsTrustChain(setup->trust), NULL);
	tlsVerifyUse(verification, config);
	mbedtls_ssl_conf_ciphersuites(config, gxCipherSuites);
#if TLS_LIBRARY_3
	mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_groups(config, gxGroups);
	mbedtls_ssl_conf_sig_algs(config, gxSignatures);
#else
	mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_curves(config, gxCurves);
	mbedtls_ssl_conf_sig_hashes(config, gxHashes);
#endif
#if !TLS_LIBRARY_4
	mbedtls_ssl_conf_rng(config, tlsRandom, NULL);
#endif
#if defined(MBEDTLS_SSL_RENEGOTIATION)
	mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
#if defined(MBEDTLS_SSL_ENCRYPT_THEN_MAC)
	/* Of no use with authenticated encryption, and in every hello. */
	mbedtls_ssl_conf_encrypt_then_mac(config, MBEDTLS_SSL_ETM_DISABLED);
#endif
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
	mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
#endif
#if defined(MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED) && defined(MBEDTLS_SSL_PROTO_TLS1_3)
	/* 3.6 keeps quiet about tickets unless told otherwise; 4.0 always tells. */
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
#if defined(MBEDTLS_SSL_MAX_FRAGMENT_LENGTH)
	if (setup->fragment && mbedtls_ssl_conf_max_frag_len(config, (unsigned char)fragmentCode(setup->fragment)))
		return 0;
#endif
	return (NULL == setup->identity) || (0 == tlsIdentityUse(setup->identity, config));
}
