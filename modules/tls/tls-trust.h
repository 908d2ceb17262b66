/*
 * Certificates and keys that outlive a connection: the authorities a device trusts, and the device's own identity.
 * Both are parsed once and counted, so that a connection may still use what its owner has closed already.
 */
#ifndef __TLS_TRUST__
#define __TLS_TRUST__

#include <stddef.h>
#include <stdint.h>

#define kTLSFingerprint 32 /* SHA-256 */

typedef struct TLSTrust TLSTrust;
typedef struct TLSIdentity TLSIdentity;

typedef enum {
	tlsGood,
	tlsNoMemory,
	tlsNoCertificate, /* nothing in the text could be used as a certificate */
	tlsBadCertificate, /* part of a chain cannot be used */
	tlsBadKey,
	tlsWrongKey /* the key does not belong to the certificate */
} TLSParsed;

/* `pem` is a terminated string of one or more certificates. Those that the library cannot read are counted as skipped. */
extern TLSParsed tlsTrustCreate(TLSTrust **trust, const char *pem);
extern void tlsTrustRetain(TLSTrust *trust);
extern void tlsTrustRelease(TLSTrust *trust);
extern uint16_t tlsTrustCount(const TLSTrust *trust);
extern uint16_t tlsTrustSkipped(const TLSTrust *trust);
extern const uint8_t *tlsTrustFingerprint(const TLSTrust *trust);

/* `key` is DER, or PEM with its terminating zero counted in `size`; PKCS#1, SEC 1 or PKCS#8, without a password. */
extern TLSParsed tlsIdentityCreate(TLSIdentity **identity, const char *pem, const uint8_t *key, size_t size);
extern void tlsIdentityRetain(TLSIdentity *identity);
extern void tlsIdentityRelease(TLSIdentity *identity);
extern const uint8_t *tlsIdentityFingerprint(const TLSIdentity *identity);

#endif
