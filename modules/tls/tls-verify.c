/*
 * What Mbed TLS leaves to its user in the verification of a server's certificate.
 *
 * The library builds the chain, checks signatures, key usage, sizes and DNS names. Here are the dates, because the
 * library is often built without them (ESP-IDF's default) and otherwise asks a clock that need not be the device's,
 * and IP addresses, which 2.28 does not look at.
 */
#include "tls-private.h"

#include <stdlib.h>
#include <string.h>

/* Seconds since 1970 of a date in UTC (X.509 has no other); the proleptic Gregorian calendar. */
static int64_t seconds(const mbedtls_x509_time *time)
{
	/* Years counted from March have their leap day at the end. */
	int64_t year = time->year - (time->mon <= 2);
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t yearOfEra = year - era * 400;
	int64_t dayOfYear = (153 * (time->mon + (time->mon > 2 ? -3 : 9)) + 2) / 5 + time->day - 1;
	int64_t days = era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468;

	return ((days * 24 + time->hour) * 60 + time->min) * 60 + time->sec;
}

/* RFC 5280 4.2.1.6: an iPAddress is the bytes of the address and nothing else; RFC 9525 6.5: compared bit by bit. */
static int hasAddress(const mbedtls_x509_crt *certificate, const uint8_t *address, uint8_t size)
{
	const mbedtls_x509_sequence *name;

	for (name = &certificate->subject_alt_names; name; name = name->next) {
		if ((MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7) != name->buf.tag)
			continue;
		if (name->buf.p && (size == name->buf.len) && !memcmp(name->buf.p, address, size))
			return 1;
	}
	return 0;
}

/* Names come from the peer and end up in logs: printable ASCII only. */
static void copyName(char *text, const mbedtls_x509_name *name)
{
	char *c;

	if (mbedtls_x509_dn_gets(text, kTLSName, name) < 0)
		text[0] = 0;
	for (c = text; *c; c++)
		if ((*c < ' ') || (*c > '~'))
			*c = '?';
}

static void remember(TLSVerification *verification, const mbedtls_x509_crt *certificate)
{
	TLSCulprit *culprit = verification->culprit;

	if (NULL == culprit) {
		culprit = verification->culprit = calloc(1, sizeof(TLSCulprit));
		if (NULL == culprit)
			return; /* the error text will be less precise */
	}
	copyName(culprit->subject, &certificate->subject);
	copyName(culprit->issuer, &certificate->issuer);
	culprit->notBefore = seconds(&certificate->valid_from);
	culprit->notAfter = seconds(&certificate->valid_to);
}

/* Called for every certificate of the chain, from the authority down to the server's own at depth 0. */
static int verify(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
	TLSVerification *verification = context;
	int64_t notAfter = seconds(&certificate->valid_to);

	if (!verification->called) {
		verification->called = 1;
		verification->notAfter = notAfter;
	}
	else if (notAfter < verification->notAfter)
		verification->notAfter = notAfter;
	*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
	if (verification->now > notAfter)
		*flags |= MBEDTLS_X509_BADCERT_EXPIRED;
	if (verification->now < seconds(&certificate->valid_from))
		*flags |= MBEDTLS_X509_BADCERT_FUTURE;
	if ((0 == depth) && verification->addressSize && !hasAddress(certificate, verification->address, verification->addressSize))
		*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	if (*flags)
		remember(verification, certificate);
	return 0;
}

void tlsVerifyUse(TLSVerification *verification, mbedtls_ssl_config *config)
{
	mbedtls_ssl_conf_verify(config, verify, verification);
}

/* Ordered by what helps most when several things are wrong: a forged certificate is untrusted before it is expired. */
static const struct {
	uint32_t flags;
	TLSReason reason;
} gxReasons[] = {
	{ MBEDTLS_X509_BADCERT_NOT_TRUSTED | MBEDTLS_X509_BADCERT_REVOKED | MBEDTLS_X509_BADCERT_MISSING, tlsUntrusted },
	{ MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE | MBEDTLS_X509_BADCERT_NS_CERT_TYPE, tlsBadUsage },
	{ MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY, tlsWeak },
	{ MBEDTLS_X509_BADCERT_CN_MISMATCH, tlsWrongName },
	{ MBEDTLS_X509_BADCERT_FUTURE, tlsNotYetValid },
	{ MBEDTLS_X509_BADCERT_EXPIRED, tlsExpired }
};

TLSReason tlsVerifyReason(uint32_t flags)
{
	size_t i;

	for (i = 0; i < sizeof(gxReasons) / sizeof(gxReasons[0]); i++)
		if (flags & gxReasons[i].flags)
			return gxReasons[i].reason;
	return tlsUntrusted;
}
