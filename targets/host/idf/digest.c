/* Digests and the chips' CRC. The digests come from mbedTLS through PSA, the interface all its versions share. */
#include <psa/crypto.h>

#include "esp_rom_crc.h"
#include "model.h"

/* PSA may copy what it is given: hand it over in pieces, however large the image. */
#define PIECE 65536

static bool digest(psa_algorithm_t algorithm, const uint8_t *data, size_t size, uint8_t *result, size_t length)
{
	psa_hash_operation_t operation = PSA_HASH_OPERATION_INIT;
	psa_status_t status = psa_crypto_init();
	if (status == PSA_SUCCESS) status = psa_hash_setup(&operation, algorithm);
	while (status == PSA_SUCCESS && size) {
		size_t piece = size < PIECE ? size : PIECE;
		status = psa_hash_update(&operation, data, piece);
		data += piece;
		size -= piece;
	}
	if (status == PSA_SUCCESS) status = psa_hash_finish(&operation, result, length, &length);
	psa_hash_abort(&operation);
	return status == PSA_SUCCESS;
}

bool digest_sha256(const uint8_t *data, size_t size, uint8_t result[32])
{
	return digest(PSA_ALG_SHA_256, data, size, result, 32);
}

bool digest_md5(const uint8_t *data, size_t size, uint8_t result[16])
{
	return digest(PSA_ALG_MD5, data, size, result, 16);
}

/* Four bits at a time: a table of 64 bytes makes it twice as fast as one bit at a time and needs no set-up. */
static const uint32_t crc_table[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

uint32_t esp_rom_crc32_le(uint32_t crc, uint8_t const *buf, uint32_t len)
{
	crc = ~crc;
	while (len--) {
		crc ^= *buf++;
		crc = crc >> 4 ^ crc_table[crc & 15];
		crc = crc >> 4 ^ crc_table[crc & 15];
	}
	return ~crc;
}
