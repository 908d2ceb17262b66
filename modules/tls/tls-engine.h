/*
 * One TLS client connection without any input or output of its own: bytes from the peer are laid into one buffer, bytes
 * for the peer are found in another. Nothing here knows of sockets, of timers or of JavaScript, and nothing grows.
 */
#ifndef __TLS_ENGINE__
#define __TLS_ENGINE__

#include <stddef.h>
#include <stdint.h>

#include "tls-block.h"
#include "tls-trust.h"

/*
 * The largest plaintext of a record that is sent. Some servers stall on larger ones, and a device's library is
 * usually built with an output buffer of this size.
 */
#define kTLSRecord 4096
/* More than any TLS version and cipher suite used here adds to a record (TLS 1.3: header 5, type 1, padding 15, tag 16). */
#define kTLSExpansion 64
/* Kept free for alerts, which the library sends when it likes and which must never wait behind data. */
#define kTLSAlerts 512

#if defined(ESP_PLATFORM)
	/* Half of lwIP's usual receive window, and one record out: a device counts kilobytes. */
	#define kTLSInputSize 4096
	#define kTLSRecords 1
#else
	#define kTLSInputSize 16384
	#define kTLSRecords 4
#endif
#define kTLSOutputSize (kTLSRecords * (kTLSRecord + kTLSExpansion) + kTLSAlerts)

/*
 * What a peer may send before the handshake is complete. The longest chain the library accepts fits well; without a
 * limit a peer could keep a device busy for ever with one record after the other.
 */
#define kTLSHandshakeLimit 65536

/* What a step came to. Counts of bytes are positive. */
enum {
	tlsNeedsInput = 0, /* nothing more can be done with the input so far */
	tlsNeedsOutput = -1, /* the output buffer must be emptied first */
	tlsClosed = -2, /* the peer has said that it will send nothing more */
	tlsFailed = -3, /* see tlsEngineFailure */
	tlsTicket = -4 /* a session to resume has arrived; call again */
};

/* What a step of the handshake came to, besides tlsNeedsInput, tlsNeedsOutput and tlsFailed. */
enum {
	tlsMore = 1, /* call again */
	tlsConnected = 2
};

typedef enum {
	tlsNoReason,
	tlsUntrusted,
	tlsWrongName,
	tlsExpired,
	tlsNotYetValid,
	tlsBadUsage,
	tlsWeak,
	tlsHandshake,
	tlsRefused,
	tlsAlert,
	tlsForged,
	tlsGarbage,
	tlsProtocol,
	tlsMemory
} TLSReason;

#define kTLSName 192

/* The certificate that verification stumbled over. */
typedef struct {
	char subject[kTLSName];
	char issuer[kTLSName];
	int64_t notBefore, notAfter; /* seconds since 1970 */
} TLSCulprit;

typedef struct {
	TLSReason reason;
	int code; /* the library's */
	int alert; /* the peer's, or -1 */
	const TLSCulprit *culprit; /* or NULL */
	const char *excerpt; /* how garbage began, in printable characters; or NULL */
} TLSFailure;

typedef struct {
	TLSBlock *input, *output;
	TLSTrust *trust;
	TLSIdentity *identity; /* or NULL */
	const char *name; /* DNS name for SNI and for the check, or NULL when `address` is given */
	const uint8_t *address; /* 4 or 16 bytes that must be among the certificate's iPAddress names */
	uint8_t addressSize;
	int64_t now; /* seconds since 1970; certificates are judged by this clock */
	const uint8_t *session; /* from tlsEngineSession, or NULL */
	size_t sessionSize;
	uint16_t fragment; /* 512, 1024, 2048 or 4096: ask the peer for records no larger than this; 0: do not ask */
} TLSSetup;

typedef struct TLSEngine TLSEngine;

/* NULL when there is no memory. */
extern TLSEngine *tlsEngineCreate(const TLSSetup *setup);
extern void tlsEngineDelete(TLSEngine *engine);

/* Says that `count` bytes of the input buffer, from its start, are new. Only when all earlier ones are used up. */
extern void tlsEngineFill(TLSEngine *engine, uint32_t count);
/* Bytes at the start of the output buffer that wait to be sent. */
extern uint32_t tlsEnginePending(const TLSEngine *engine);
/* Takes the first `count` of them out; returns how many are left. */
extern uint32_t tlsEngineSent(TLSEngine *engine, uint32_t count);

/* One step of the handshake; a step contains at most one expensive operation. */
extern int tlsEngineStep(TLSEngine *engine);
/* Makes plaintext available without taking it; returns how much there is. */
extern int tlsEnginePeek(TLSEngine *engine);
/* Takes plaintext, at most what tlsEnginePeek told. */
extern int tlsEngineRead(TLSEngine *engine, uint8_t *bytes, uint32_t size);
/* How much plaintext tlsEngineWrite takes now. */
extern uint32_t tlsEngineWritable(const TLSEngine *engine);
/* Encrypts at most tlsEngineWritable bytes into the output buffer: `size`, or tlsFailed. */
extern int tlsEngineWrite(TLSEngine *engine, const uint8_t *bytes, uint32_t size);
/* Tells the peer that nothing more will be sent. */
extern void tlsEngineEnd(TLSEngine *engine);

extern int tlsEngineResumed(const TLSEngine *engine);
extern const char *tlsEngineProtocol(const TLSEngine *engine);
extern const char *tlsEngineCipherSuite(const TLSEngine *engine);
extern void tlsEngineFailure(const TLSEngine *engine, TLSFailure *failure);

/* What is needed to resume this connection's session, or NULL. The caller frees it. */
extern uint8_t *tlsEngineSession(TLSEngine *engine, size_t *size);

#endif
