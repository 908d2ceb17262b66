/*
 * A TLS client as a C programmer would write it on the library itself: blocking sockets, the library's own input and
 * output. It offers what modules/tls offers (suites, curves, hashes), so that both do the same work.
 */
#ifndef __BENCH_CLIENT__
#define __BENCH_CLIENT__

#include <mbedtls/ssl.h>
#include <psa/crypto.h>
#include <stdint.h>

typedef struct {
	mbedtls_ssl_config config;
	mbedtls_x509_crt trust;
} BenchClient;

typedef struct {
	mbedtls_ssl_context ssl;
	int socket;
} BenchConnection;

/* Ends the program with a sentence: a benchmark has nothing to measure after a failure. */
extern void fail(const char *what, int code) __attribute__((noreturn));

/* Microseconds on the wall, and of this process's CPU, system calls included. */
extern double wallMicroseconds(void);
extern double cpuMicroseconds(void);

/* How many certificates have been verified in all: none for a resumed handshake. */
extern unsigned certificatesVerified;

extern int connectTCP(const char *address, const char *port);
/* Sends all of it or ends the program. */
extern void sendAll(int socket, const char *text);

/* Parses the authorities in a PEM file, once. */
extern void clientOpen(BenchClient *client, const char *authorities);
/* Connects and shakes hands; `session` is offered when it is not NULL. The name is an address that the certificate holds. */
extern void connectionOpen(BenchClient *client, BenchConnection *connection, const char *address, const char *port,
	const mbedtls_ssl_session *session);
extern int connectionRead(BenchConnection *connection, uint8_t *bytes, size_t size);
extern void connectionSend(BenchConnection *connection, const char *text);
extern void connectionClose(BenchConnection *connection);

#endif
