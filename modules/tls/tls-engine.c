#include "tls-private.h"

#include <stdlib.h>
#include <string.h>

/*
	what the library reads from and writes to
*/

/*
 * The library asks for the header of a record first, and then for the rest of it. ESP-IDF's dynamic buffers read the header into a
 * variable on the stack and keep nothing but its length when they are told to come again, so that a header in two parts ends in
 * MBEDTLS_ERR_SSL_INVALID_RECORD (esp_mbedtls_add_rx_buffer). Whoever asks for so little gets all of it or nothing.
 */
static int receive(void *context, unsigned char *bytes, size_t size)
{
	TLSEngine *engine = context;
	const uint8_t *input = engine->input->bytes + engine->start;
	uint32_t count = engine->end - engine->start, held = engine->held;

	if ((size <= kTLSHeader) && (held + count < size)) {
		memcpy(engine->header + held, input, count);
		engine->held = (uint8_t)(held + count);
		engine->start = engine->end;
		return MBEDTLS_ERR_SSL_WANT_READ;
	}
	if (0 == held + count)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (held > size)
		held = (uint32_t)size;
	if (count > size - held)
		count = (uint32_t)(size - held);
	memcpy(bytes, engine->header, held);
	memcpy(bytes + held, input, count);
	engine->held -= (uint8_t)held;
	memmove(engine->header, engine->header + held, engine->held);
	engine->start += count;
	return (int)(held + count);
}

static int transmit(void *context, const unsigned char *bytes, size_t size)
{
	TLSEngine *engine = context;
	uint32_t count = engine->output->size - engine->pending;

	if (count > size)
		count = (uint32_t)size;
	if (count < size) {
		/*
		 * In the handshake the library repeats what did not fit. Later it may have been an alert, which the library
		 * would take for the data of the next write: there is room for alerts, unless a peer provokes one after the
		 * other without reading any.
		 */
		if (engine->over)
			return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
		if (0 == count)
			return MBEDTLS_ERR_SSL_WANT_WRITE;
	}
	memcpy(engine->output->bytes + engine->pending, bytes, count);
	engine->pending += count;
	return (int)count;
}

/*
	life
*/

static void describe(TLSEngine *engine, TLSBinding *binding)
{
	binding->trust = tlsTrustFingerprint(engine->trust);
	binding->identity = engine->identity ? tlsIdentityFingerprint(engine->identity) : NULL;
	binding->name = engine->name;
	binding->verification = &engine->verification;
}

static int prepare(TLSEngine *engine, const TLSSetup *setup)
{
	if (PSA_SUCCESS != psa_crypto_init())
		return 0;
	if (setup->name) {
		size_t size = strlen(setup->name) + 1;

		engine->name = malloc(size);
		if (NULL == engine->name)
			return 0;
		memcpy(engine->name, setup->name, size);
	}
	if (!tlsConfigure(&engine->config, setup, &engine->verification) || mbedtls_ssl_setup(&engine->ssl, &engine->config))
		return 0;
	/*
	 * Without a name there is no SNI, which must not hold an address (RFC 6066 3), and no check by the library: ours looks
	 * for the address then. The call is needed all the same: 3.6.3 and later refuse a client that never made it.
	 */
	if (mbedtls_ssl_set_hostname(&engine->ssl, engine->name))
		return 0;
	mbedtls_ssl_set_bio(&engine->ssl, engine, transmit, receive, NULL);
	if (setup->session) {
		TLSBinding binding;

		describe(engine, &binding);
		engine->offered = (uint8_t)tlsSessionOffer(&engine->ssl, &binding, &engine->verification.notAfter, setup->session, setup->sessionSize);
	}
	return 1;
}

TLSEngine *tlsEngineCreate(const TLSSetup *setup)
{
	TLSEngine *engine = calloc(1, sizeof(TLSEngine));

	if (NULL == engine)
		return NULL;
	mbedtls_ssl_init(&engine->ssl);
	mbedtls_ssl_config_init(&engine->config);
	engine->alert = -1;
	engine->record = kTLSRecord;
	engine->input = setup->input;
	tlsBlockRetain(engine->input);
	engine->output = setup->output;
	tlsBlockRetain(engine->output);
	engine->trust = setup->trust;
	tlsTrustRetain(engine->trust);
	if (setup->identity) {
		engine->identity = setup->identity;
		tlsIdentityRetain(engine->identity);
	}
	engine->verification.now = setup->now;
	if (NULL == setup->name) {
		engine->verification.addressSize = setup->addressSize;
		memcpy(engine->verification.address, setup->address, setup->addressSize);
	}
	if (!prepare(engine, setup)) {
		tlsEngineDelete(engine);
		return NULL;
	}
	return engine;
}

void tlsEngineDelete(TLSEngine *engine)
{
	if (NULL == engine)
		return;
	mbedtls_ssl_free(&engine->ssl);
	mbedtls_ssl_config_free(&engine->config);
	tlsBlockRelease(engine->input);
	tlsBlockRelease(engine->output);
	tlsTrustRelease(engine->trust);
	tlsIdentityRelease(engine->identity);
	free(engine->verification.culprit);
	free(engine->name);
	free(engine);
}

/*
	failures
*/

int tlsFail(TLSEngine *engine, TLSReason reason, int code)
{
	if (tlsFailed != engine->status) {
		engine->status = tlsFailed;
		engine->reason = reason;
		engine->code = code;
	}
	return tlsFailed;
}

int tlsFailLibrary(TLSEngine *engine, int code)
{
	if (MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE == code)
		engine->alert = tlsAlertOf(&engine->ssl);
	return tlsFail(engine, tlsReasonOf(&engine->ssl, &engine->verification, engine->over, code), code);
}

void tlsEngineFailure(const TLSEngine *engine, TLSFailure *failure)
{
	failure->reason = engine->reason;
	failure->code = engine->code;
	failure->alert = engine->alert;
	failure->culprit = engine->verification.culprit;
	failure->excerpt = engine->excerpt[0] ? engine->excerpt : NULL;
}

/*
	input and output
*/

void tlsEngineFill(TLSEngine *engine, uint32_t count)
{
	if (count > engine->input->size)
		count = engine->input->size;
	engine->start = 0;
	engine->end = count;
	if (engine->over || (0 == count))
		return;
	if ((0 == engine->received) && !tlsLooksLikeTLS(engine->input->bytes, count)) {
		tlsQuote(engine->excerpt, sizeof(engine->excerpt), engine->input->bytes, count);
		tlsFail(engine, tlsGarbage, MBEDTLS_ERR_SSL_INVALID_RECORD);
	}
	engine->received += count;
	if (engine->received > kTLSHandshakeLimit)
		tlsFail(engine, tlsProtocol, MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL);
}

uint32_t tlsEnginePending(const TLSEngine *engine)
{
	return engine->pending;
}

uint32_t tlsEngineSent(TLSEngine *engine, uint32_t count)
{
	if (count > engine->pending)
		count = engine->pending;
	engine->pending -= count;
	if (engine->pending && count)
		memmove(engine->output->bytes, engine->output->bytes + count, engine->pending);
	return engine->pending;
}

/*
	handshake
*/

static int connected(TLSEngine *engine)
{
	int limit;

	/* The last line of defence: no way leads here without a verified certificate or a session that had one. */
	if (mbedtls_ssl_get_verify_result(&engine->ssl) || (!engine->verification.called && !engine->offered))
		return tlsFail(engine, tlsUntrusted, MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
	engine->over = 1;
	limit = mbedtls_ssl_get_max_out_record_payload(&engine->ssl);
	if ((limit > 0) && (limit < kTLSRecord))
		engine->record = (uint16_t)limit;
	return tlsConnected;
}

int tlsEngineStep(TLSEngine *engine)
{
	int result;

	if (engine->status)
		return engine->status;
	if (engine->over)
		return tlsConnected;
	result = mbedtls_ssl_handshake_step(&engine->ssl);
	switch (result) {
		case 0:
			return tlsHandshakeOver(&engine->ssl) ? connected(engine) : tlsMore;
		case MBEDTLS_ERR_SSL_WANT_READ:
			/* After some messages the library wants to be called again although not all input has been used. */
			return (engine->start < engine->end) ? tlsMore : tlsNeedsInput;
		case MBEDTLS_ERR_SSL_WANT_WRITE:
			return tlsNeedsOutput;
		case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
			return engine->status = tlsClosed;
	}
	return tlsFailLibrary(engine, result);
}

/*
	facts
*/

int tlsEngineResumed(const TLSEngine *engine)
{
	return engine->over && !engine->verification.called;
}

const char *tlsEngineProtocol(const TLSEngine *engine)
{
	return engine->over ? mbedtls_ssl_get_version(&engine->ssl) : NULL;
}

const char *tlsEngineCipherSuite(const TLSEngine *engine)
{
	return engine->over ? mbedtls_ssl_get_ciphersuite(&engine->ssl) : NULL;
}

uint8_t *tlsEngineSession(TLSEngine *engine, size_t *size)
{
	TLSBinding binding;

	if (!engine->over || (tlsFailed == engine->status))
		return NULL;
#if TLS_LIBRARY_3
	/* The library hands a session out only once: in TLS 1.3 not before there is a ticket in it. */
	if ((MBEDTLS_SSL_VERSION_TLS1_3 == mbedtls_ssl_get_version_number(&engine->ssl)) && !engine->ticket)
		return NULL;
#endif
	describe(engine, &binding);
	return tlsSessionSave(&engine->ssl, &binding, size);
}
