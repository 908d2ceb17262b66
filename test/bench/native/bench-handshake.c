/*
 * TLS handshakes, one after the other, each on its own TCP connection.
 *
 *   bench-handshake ADDRESS PORT AUTHORITIES full|resumed COUNT     prints one line of JSON
 *   bench-handshake ADDRESS PORT                                    connects and ends: what starting any process costs
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	mbedtls_ssl_session session;
	BenchConnection connection;
	BenchClient client;
	int resumed, count, i;

	if (argc == 3) {
		connectTCP(argv[1], argv[2]);
		return 0;
	}
	if (argc != 6)
		fail("usage: bench-handshake ADDRESS PORT AUTHORITIES full|resumed COUNT: this", argc);
	resumed = !strcmp(argv[4], "resumed");
	count = atoi(argv[5]);
	clientOpen(&client, argv[3]);
	/* The first one warms everything up, and brings the session. */
	mbedtls_ssl_session_init(&session);
	connectionOpen(&client, &connection, argv[1], argv[2], NULL);
	if (mbedtls_ssl_get_session(&connection.ssl, &session))
		fail("mbedtls_ssl_get_session", 0);
	printf("{\"suite\":\"%s\",\"wall\":[", mbedtls_ssl_get_ciphersuite(&connection.ssl));
	connectionClose(&connection);
	certificatesVerified = 0;
	{
		double cpu = cpuMicroseconds();

		for (i = 0; i < count; i++) {
			double wall = wallMicroseconds();

			connectionOpen(&client, &connection, argv[1], argv[2], resumed ? &session : NULL);
			connectionClose(&connection);
			printf("%s%.0f", i ? "," : "", wallMicroseconds() - wall);
		}
		if (resumed == (certificatesVerified > 0))
			fail("resuming as wanted", (int)certificatesVerified);
		printf("],\"cpu\":%.0f}\n", (cpuMicroseconds() - cpu) / count);
	}
	return 0;
}
