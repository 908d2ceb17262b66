#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mbedtls/net_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const int suites[] = {
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	0
};

static const mbedtls_ecp_group_id curves[] = { MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE };
static const int hashes[] = { MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE };

unsigned certificatesVerified;

void fail(const char *what, int code)
{
	fprintf(stderr, "%s failed: %d (-0x%04x)\n", what, code, -code);
	exit(1);
}

static double microseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

double wallMicroseconds(void)
{
	return microseconds(CLOCK_MONOTONIC);
}

double cpuMicroseconds(void)
{
	return microseconds(CLOCK_PROCESS_CPUTIME_ID);
}

int connectTCP(const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int one = 1, file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (1 != inet_pton(AF_INET, address, &to.sin_addr))
		fail("reading the address", 0);
	if ((file < 0) || connect(file, (struct sockaddr *)&to, sizeof(to)))
		fail("connecting", errno);
	setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return file;
}

void sendAll(int file, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t count = send(file, text, left, MSG_NOSIGNAL);

		if (count <= 0)
			fail("sending", errno);
		text += count;
		left -= (size_t)count;
	}
}

static int randomBytes(void *context, unsigned char *bytes, size_t size)
{
	(void)context;
	return (PSA_SUCCESS == psa_generate_random(bytes, size)) ? 0 : MBEDTLS_ERR_SSL_HW_ACCEL_FAILED;
}

/* 2.28 looks at names only: that the certificate is for this address is checked as modules/tls does. */
static int verify(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };
	const mbedtls_x509_sequence *name;

	(void)context;
	certificatesVerified++;
	if (depth)
		return 0;
	for (name = &certificate->subject_alt_names; name; name = name->next)
		if (((MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7) == name->buf.tag) && (4 == name->buf.len) && !memcmp(name->buf.p, loopback, 4))
			return 0;
	*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	return 0;
}

void clientOpen(BenchClient *client, const char *authorities)
{
	int result = (int)psa_crypto_init();

	if (result)
		fail("psa_crypto_init", result);
	mbedtls_ssl_config_init(&client->config);
	mbedtls_x509_crt_init(&client->trust);
	result = mbedtls_x509_crt_parse_file(&client->trust, authorities);
	if (result)
		fail("reading the authorities", result);
	result = mbedtls_ssl_config_defaults(&client->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
	if (result)
		fail("mbedtls_ssl_config_defaults", result);
	mbedtls_ssl_conf_authmode(&client->config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(&client->config, &client->trust, NULL);
	mbedtls_ssl_conf_verify(&client->config, verify, NULL);
	mbedtls_ssl_conf_ciphersuites(&client->config, suites);
	mbedtls_ssl_conf_min_version(&client->config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_curves(&client->config, curves);
	mbedtls_ssl_conf_sig_hashes(&client->config, hashes);
	mbedtls_ssl_conf_rng(&client->config, randomBytes, NULL);
	mbedtls_ssl_conf_session_tickets(&client->config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
}

static int receive(void *context, unsigned char *bytes, size_t size)
{
	ssize_t count = recv(*(int *)context, bytes, size, 0);

	return (count < 0) ? MBEDTLS_ERR_NET_RECV_FAILED : (int)count;
}

static int transmit(void *context, const unsigned char *bytes, size_t size)
{
	ssize_t count = send(*(int *)context, bytes, size, MSG_NOSIGNAL);

	return (count < 0) ? MBEDTLS_ERR_NET_SEND_FAILED : (int)count;
}

void connectionOpen(BenchClient *client, BenchConnection *connection, const char *address, const char *port,
	const mbedtls_ssl_session *session)
{
	int result;

	mbedtls_ssl_init(&connection->ssl);
	result = mbedtls_ssl_setup(&connection->ssl, &client->config);
	if (!result)
		result = mbedtls_ssl_set_hostname(&connection->ssl, NULL);
	if (!result && session)
		result = mbedtls_ssl_set_session(&connection->ssl, session);
	if (result)
		fail("mbedtls_ssl_setup", result);
	connection->socket = connectTCP(address, port);
	mbedtls_ssl_set_bio(&connection->ssl, &connection->socket, transmit, receive, NULL);
	result = mbedtls_ssl_handshake(&connection->ssl);
	if (result)
		fail("mbedtls_ssl_handshake", result);
}

int connectionRead(BenchConnection *connection, uint8_t *bytes, size_t size)
{
	int result = mbedtls_ssl_read(&connection->ssl, bytes, size);

	if (MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY == result)
		return 0;
	if (result < 0)
		fail("mbedtls_ssl_read", result);
	return result;
}

void connectionSend(BenchConnection *connection, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		int count = mbedtls_ssl_write(&connection->ssl, (const unsigned char *)text, left);

		if (count <= 0)
			fail("mbedtls_ssl_write", count);
		text += count;
		left -= (size_t)count;
	}
}

void connectionClose(BenchConnection *connection)
{
	mbedtls_ssl_close_notify(&connection->ssl);
	close(connection->socket);
	mbedtls_ssl_free(&connection->ssl);
}
