/*
 * SHA-256 by the processor's own instructions, in the place of the library's C: what the chip's accelerator is to ESP-IDF's
 * build of the library. Loaded before all others (LD_PRELOAD); only for processors that have them (sha_ni).
 */
#include <immintrin.h>
#include <mbedtls/sha256.h>

/* FIPS 180-4, section 4.2.2. */
static const uint32_t gConstants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

__attribute__((target("sha,sse4.1")))
int mbedtls_internal_sha256_process(mbedtls_sha256_context *context, const unsigned char data[64])
{
	uint32_t *state = context->state;
	const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
	// The instructions want the eight words as A B E F and C D G H, the first of each at the top.
	__m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
	__m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
	const __m128i abefBefore = abef;
	const __m128i cdghBefore = cdgh;
	__m128i words[4];
	uint32_t out[8];

	for (int i = 0; i < 4; i++)
		words[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), swap);
#pragma GCC unroll 16
	for (int i = 0; i < 16; i++) {
		const __m128i word = words[i & 3];
		const __m128i sum = _mm_add_epi32(word, _mm_loadu_si128((const __m128i *)(gConstants + 4 * i)));

		cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
		abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
		if (i < 12) {
			const __m128i last = words[(i + 3) & 3];
			const __m128i middle = _mm_alignr_epi8(last, words[(i + 2) & 3], 4);

			words[i & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(word, words[(i + 1) & 3]), middle), last);
		}
	}
	_mm_storeu_si128((__m128i *)out, _mm_add_epi32(abef, abefBefore));
	_mm_storeu_si128((__m128i *)(out + 4), _mm_add_epi32(cdgh, cdghBefore));
	state[0] = out[3];
	state[1] = out[2];
	state[4] = out[1];
	state[5] = out[0];
	state[2] = out[7];
	state[3] = out[6];
	state[6] = out[5];
	state[7] = out[4];
	return 0;
}
