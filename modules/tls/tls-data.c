/* Application data, after the handshake. */
#include "tls-private.h"

/* More messages than fit into one record that make sense: tickets, of which servers send two or so. */
#define kTLSTurns 64

/* What a call of mbedtls_ssl_read that brought neither data nor a wish for input means. */
static int unread(TLSEngine *engine, int result)
{
	switch (result) {
		case MBEDTLS_ERR_SSL_WANT_WRITE:
			return tlsNeedsOutput;
		case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
			return engine->status = tlsClosed;
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
		case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
			engine->ticket = 1;
			return tlsTicket;
#endif
	}
	return tlsFailLibrary(engine, result);
}

int tlsEnginePeek(TLSEngine *engine)
{
	uint8_t nothing;
	int turns = 0;

	if (tlsFailed == engine->status)
		return tlsFailed;
	if (engine->untold) {
		engine->untold = 0;
		return tlsTicket;
	}
	for (;;) {
		size_t available = mbedtls_ssl_get_bytes_avail(&engine->ssl);
		int result;

		if (available)
			return (int)available;
		if (engine->status)
			return engine->status;
		result = mbedtls_ssl_read(&engine->ssl, &nothing, 0);
		/* A record without data. */
		if (0 == result)
			continue;
		if (MBEDTLS_ERR_SSL_WANT_READ != result)
			return unread(engine, result);
		/*
		 * The library has dealt with a warning, or has put a message of TLS 1.3 aside, and wants to be called again: not for
		 * more input, even if all of ours is used up. A record holds few messages; the limit is there in case it is in error.
		 */
		if ((engine->start == engine->end) && (!mbedtls_ssl_check_pending(&engine->ssl) || (++turns > kTLSTurns)))
			return tlsNeedsInput;
	}
}

int tlsEngineRead(TLSEngine *engine, uint8_t *bytes, uint32_t size)
{
	size_t available = mbedtls_ssl_get_bytes_avail(&engine->ssl);
	int result;

	if (0 == available)
		return engine->status;
	if (size > available)
		size = (uint32_t)available;
	if (0 == size)
		return 0;
	result = mbedtls_ssl_read(&engine->ssl, bytes, size);
	return (result > 0) ? result : unread(engine, result);
}

uint32_t tlsEngineWritable(const TLSEngine *engine)
{
	uint32_t space, whole, rest;

	if (!engine->over || engine->status || engine->ended)
		return 0;
	if (engine->pending + kTLSAlerts >= engine->output->size)
		return 0;
	space = engine->output->size - kTLSAlerts - engine->pending;
	whole = space / (engine->record + kTLSExpansion);
	rest = space % (engine->record + kTLSExpansion);
	return whole * engine->record + ((rest > kTLSExpansion) ? rest - kTLSExpansion : 0);
}

int tlsEngineWrite(TLSEngine *engine, const uint8_t *bytes, uint32_t size)
{
	uint32_t done = 0;

	if (engine->status || !engine->over || engine->ended)
		return tlsFailed;
	while (done < size) {
		uint32_t count = size - done;
		int result;

		if (count > engine->record)
			count = engine->record;
		result = mbedtls_ssl_write(&engine->ssl, bytes + done, count);
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
		if (MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET == result) {
			engine->ticket = engine->untold = 1;
			continue;
		}
#endif
		if (result <= 0)
			return tlsFail(engine, tlsIsMemory(result) ? tlsMemory : tlsProtocol, result);
		done += (uint32_t)result;
	}
	return (int)size;
}

void tlsEngineEnd(TLSEngine *engine)
{
	if (!engine->over || engine->ended || (tlsFailed == engine->status))
		return;
	engine->ended = 1;
	(void)mbedtls_ssl_close_notify(&engine->ssl);
}
