/* What the C files of this module share among themselves; includes the library. */
#ifndef __TLS_PRIVATE__
#define __TLS_PRIVATE__

#include "tls-library.h"
#include "tls-engine.h"
#include "tls-trust.h"

/* What the verification of one certificate chain is about and what it found (tls-verify.c). */
typedef struct {
	int64_t now;
	int64_t notAfter; /* the earliest of the chain */
	uint8_t address[16];
	uint8_t addressSize; /* 0: the library checks the DNS name */
	uint8_t called; /* a certificate has been looked at */
	TLSCulprit *culprit;
} TLSVerification;

extern void tlsVerifyUse(TLSVerification *verification, mbedtls_ssl_config *config);
extern TLSReason tlsVerifyReason(uint32_t flags);

/* Sets a connection's configuration up (tls-config.c); 0 when there is no memory. */
extern int tlsConfigure(mbedtls_ssl_config *config, const TLSSetup *setup, TLSVerification *verification);

/* What an error of the library means (tls-failure.c). `over`: the handshake is. */
extern TLSReason tlsReasonOf(const mbedtls_ssl_context *ssl, const TLSVerification *verification, int over, int code);
extern int tlsAlertOf(const mbedtls_ssl_context *ssl);
extern int tlsIsMemory(int code);
extern int tlsLooksLikeTLS(const uint8_t *bytes, uint32_t count);
extern void tlsQuote(char *text, uint32_t size, const uint8_t *bytes, uint32_t count);

/* Sessions as they are handed out (tls-session.c). */
typedef struct {
	const uint8_t *trust; /* fingerprints */
	const uint8_t *identity; /* or NULL */
	const char *name; /* or NULL */
	const TLSVerification *verification;
} TLSBinding;

extern uint8_t *tlsSessionSave(mbedtls_ssl_context *ssl, const TLSBinding *binding, size_t *size);
/* Makes the connection offer a session. Returns 0 when the session is not of use; the connection is unharmed then. */
extern int tlsSessionOffer(mbedtls_ssl_context *ssl, const TLSBinding *binding, int64_t *notAfter, const uint8_t *bytes, size_t size);

/* In front of each record (RFC 8446, section 5.1). */
#define kTLSHeader 5

/* A connection (tls-engine.c, tls-data.c). */
struct TLSEngine {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	TLSVerification verification;
	TLSTrust *trust;
	TLSIdentity *identity;
	TLSBlock *input, *output;
	char *name;
	uint32_t received; /* in all, until the handshake is over */
	uint32_t start, end; /* unread input */
	uint8_t header[kTLSHeader]; /* of a record, as far as it was in the input before that */
	uint8_t held; /* bytes of it */
	uint32_t pending; /* output */
	uint16_t record; /* largest plaintext sent at once */
	uint8_t offered; /* a session */
	uint8_t ticket; /* TLS 1.3: one has arrived */
	uint8_t untold; /* it arrived where that could not be told */
	uint8_t over; /* the handshake */
	uint8_t ended; /* close_notify was sent */
	int8_t status; /* tlsClosed or tlsFailed once that is so */
	TLSReason reason;
	int code, alert;
	char excerpt[33];
};

extern int tlsFail(TLSEngine *engine, TLSReason reason, int code);
/* With the reason that follows from an error of the library. */
extern int tlsFailLibrary(TLSEngine *engine, int code);

extern mbedtls_x509_crt *tlsTrustChain(TLSTrust *trust);
extern int tlsIdentityUse(TLSIdentity *identity, mbedtls_ssl_config *config);

#endif
