/*
 * What an update costs a C program: downloads over HTTP or HTTPS, hashes with PSA, writes a file in blocks of 4 KiB.
 *
 *   bench-update ADDRESS PORT PATH FILE AUTHORITIES|-     prints one line of JSON
 */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define kBlock 4096

typedef struct {
	BenchConnection tls;
	int isTLS;
	int socket;
} Source;

static int readSome(Source *source, uint8_t *bytes, size_t size)
{
	ssize_t count;

	if (source->isTLS)
		return connectionRead(&source->tls, bytes, size);
	count = recv(source->socket, bytes, size, 0);
	if (count < 0)
		fail("receiving", errno);
	return (int)count;
}

/* Reads the head of the response; what came behind it goes to the start of `block`. Returns its length. */
static size_t readHead(Source *source, uint8_t *block, long *length)
{
	char head[kBlock + 1], *end = NULL, *field;
	size_t used = 0;

	while (!end) {
		int count = (used < kBlock) ? readSome(source, (uint8_t *)head + used, kBlock - used) : 0;

		if (count <= 0)
			fail("reading the head", 0);
		used += (size_t)count;
		head[used] = 0;
		end = strstr(head, "\r\n\r\n");
	}
	if (strncmp(head, "HTTP/1.1 200 ", 13))
		fail("the request", atoi(head + 9));
	field = strcasestr(head, "content-length:");
	if (!field)
		fail("finding the length", 0);
	*length = atol(field + 15);
	end += 4;
	used -= (size_t)(end - head);
	memcpy(block, end, used);
	return used;
}

int main(int argc, char **argv)
{
	psa_hash_operation_t hash = PSA_HASH_OPERATION_INIT;
	uint8_t block[kBlock], digest[32];
	char request[512];
	Source source = { .isTLS = 0 };
	BenchClient client;
	double wall, cpu;
	size_t filled, size;
	long length, left;
	int file, i;

	if (argc != 6)
		fail("usage: bench-update ADDRESS PORT PATH FILE AUTHORITIES|-: this", argc);
	source.isTLS = strcmp(argv[5], "-") != 0;
	if (source.isTLS)
		clientOpen(&client, argv[5]);
	else if (psa_crypto_init())
		fail("psa_crypto_init", 0);
	file = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0)
		fail("opening the file", errno);
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", argv[3], argv[1], argv[2]);

	wall = wallMicroseconds();
	cpu = cpuMicroseconds();
	if (psa_hash_setup(&hash, PSA_ALG_SHA_256))
		fail("psa_hash_setup", 0);
	if (source.isTLS) {
		connectionOpen(&client, &source.tls, argv[1], argv[2], NULL);
		connectionSend(&source.tls, request);
	}
	else {
		source.socket = connectTCP(argv[1], argv[2]);
		sendAll(source.socket, request);
	}
	filled = readHead(&source, block, &length);
	for (left = length; left;) {
		while ((filled < kBlock) && ((long)filled < left)) {
			int count = readSome(&source, block + filled, kBlock - filled);

			if (count <= 0)
				fail("reading the body", 0);
			filled += (size_t)count;
		}
		if (psa_hash_update(&hash, block, filled) || (write(file, block, filled) != (ssize_t)filled))
			fail("hashing and writing", errno);
		left -= (long)filled;
		filled = 0;
	}
	if (psa_hash_finish(&hash, digest, sizeof(digest), &size))
		fail("psa_hash_finish", 0);
	wall = wallMicroseconds() - wall;
	cpu = cpuMicroseconds() - cpu;

	printf("{\"bytes\":%ld,\"wall\":%.0f,\"cpu\":%.0f,\"suite\":\"%s\",\"sha256\":\"", length, wall, cpu,
		source.isTLS ? mbedtls_ssl_get_ciphersuite(&source.tls.ssl) : "none");
	for (i = 0; i < 32; i++)
		printf("%02x", digest[i]);
	printf("\"}\n");
	return 0;
}
