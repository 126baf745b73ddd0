/* SPDX-License-Identifier: ISC */
#include "proto/ppp/md4.h"

#include <openssl/crypto.h>
#include <string.h>

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
	return (x & y) | (~x & z);
}

static uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
	return (x & y) | (x & z) | (y & z);
}

static uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
	return x ^ y ^ z;
}

/* RFC 1320, 3.4: a round's function, its constant, the order of the words, the shifts. */
static const struct {
	uint32_t (*f)(uint32_t, uint32_t, uint32_t);
	uint32_t constant;
	uint8_t words[16], shifts[4];
} rounds[3] = {
	{ choose, 0, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 }, { 3, 7, 11, 19 } },
	{ majority, 0x5a827999, { 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15 }, { 3, 5, 9, 13 } },
	{ parity, 0x6ed9eba1, { 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15 }, { 3, 9, 11, 15 } },
};

static void block(uint32_t state[4], const uint8_t bytes[64])
{
	uint32_t words[16], a = state[0], b = state[1], c = state[2], d = state[3];
	for (size_t i = 0; i < 16; i++)
		words[i] = (uint32_t)bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 |
		        (uint32_t)bytes[4 * i + 2] << 16 | (uint32_t)bytes[4 * i + 3] << 24;
	for (size_t r = 0; r < ARRAY_LENGTH(rounds); r++)
		for (size_t i = 0; i < 16; i++) {
			uint32_t t =
			        a + rounds[r].f(b, c, d) + words[rounds[r].words[i]] + rounds[r].constant;
			a = d;
			d = c;
			c = b;
			b = rotate(t, rounds[r].shifts[i % 4]);
		}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	OPENSSL_cleanse(words, sizeof(words));
}

void md4(const uint8_t *bytes, size_t length, uint8_t ret[16])
{
	uint32_t state[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
	uint8_t padded[MD4_INPUT_MAX + 128] = { 0 };
	size_t blocks = (length + 8) / 64 + 1;
	memcpy(padded, bytes, length);
	padded[length] = 0x80;
	for (size_t i = 0; i < 8; i++)
		padded[64 * blocks - 8 + i] = (uint8_t)((uint64_t)length * 8 >> (8 * i));
	for (size_t i = 0; i < blocks; i++)
		block(state, padded + 64 * i);
	for (size_t i = 0; i < 16; i++)
		ret[i] = (uint8_t)(state[i / 4] >> (8 * (i % 4)));
	OPENSSL_cleanse(padded, sizeof(padded));
}
