/* SPDX-License-Identifier: ISC */
/* What L2TP does with MD5 and the shared secret: hidden AVPs (RFC 2661 4.3) and Challenge Response
 * (4.4.3, 5.1.1). */
#include "proto/l2tp/wire.h"

#include <openssl/evp.h>
#include <string.h>

#define MD5_SIZE 16

/* The digest of up to three pieces. */
static void md5(uint8_t ret[MD5_SIZE], const struct l2tp_bytes *pieces, size_t n_pieces)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_md5(), NULL);
	for (size_t i = 0; ok && i < n_pieces; i++)
		ok = EVP_DigestUpdate(ctx, pieces[i].bytes, pieces[i].length);
	if (!ok || !EVP_DigestFinal_ex(ctx, ret, NULL))
		abort(); /* a library without MD5: the program is not to run unprotected instead */
	EVP_MD_CTX_free(ctx);
}

static void mask_first(uint8_t ret[MD5_SIZE], enum l2tp_attribute attribute, struct l2tp_bytes secret,
        struct l2tp_bytes vector)
{
	uint8_t type[2];
	l2tp_put_u16(type, (uint16_t)attribute);
	struct l2tp_bytes pieces[] = { { type, sizeof(type) }, secret, vector };
	md5(ret, pieces, ARRAY_LENGTH(pieces));
}

static void mask_next(uint8_t ret[MD5_SIZE], struct l2tp_bytes secret, const uint8_t *cipher)
{
	struct l2tp_bytes pieces[] = { secret, { cipher, MD5_SIZE } };
	md5(ret, pieces, ARRAY_LENGTH(pieces));
}

void l2tp_hide(uint8_t *bytes, size_t n, enum l2tp_attribute attribute, const uint8_t *secret,
        size_t secret_length, const uint8_t *vector, size_t vector_length)
{
	uint8_t mask[MD5_SIZE];
	struct l2tp_bytes key = { secret, secret_length };
	mask_first(mask, attribute, key, (struct l2tp_bytes){ vector, vector_length });
	for (size_t at = 0; at < n; at += MD5_SIZE) {
		if (at)
			mask_next(mask, key, bytes + at - MD5_SIZE);
		for (size_t i = 0; i < MD5_SIZE && at + i < n; i++)
			bytes[at + i] ^= mask[i];
	}
}

static void unhide(uint8_t *plain, const uint8_t *cipher, size_t n, enum l2tp_attribute attribute,
        struct l2tp_bytes secret, struct l2tp_bytes vector)
{
	uint8_t mask[MD5_SIZE];
	mask_first(mask, attribute, secret, vector);
	for (size_t at = 0; at < n; at += MD5_SIZE) {
		if (at)
			mask_next(mask, secret, cipher + at - MD5_SIZE);
		for (size_t i = 0; i < MD5_SIZE && at + i < n; i++)
			plain[at + i] = cipher[at + i] ^ mask[i];
	}
}

bool l2tp_has_hidden(const struct l2tp_avps *avps)
{
	for (size_t i = 0; i < L2TP_N_ATTRIBUTES; i++)
		if (avps->random_vector[i].bytes)
			return true;
	return false;
}

/* False: with this secret it is no subformat of Original Length, value and padding. */
static bool reveal_one(struct l2tp_avps *avps, size_t attribute, struct l2tp_bytes secret)
{
	struct l2tp_bytes hidden = avps->value[attribute];
	uint8_t *plain = avps->plain + avps->revealed;
	if (secret.length == 0 || hidden.length < 2 || hidden.length > sizeof(avps->plain) - avps->revealed)
		return false;
	unhide(plain, hidden.bytes, hidden.length, (enum l2tp_attribute)attribute, secret,
	        avps->random_vector[attribute]);
	size_t length = l2tp_get_u16(plain);
	if (length > hidden.length - 2)
		return false;
	avps->revealed += hidden.length;
	avps->value[attribute] = (struct l2tp_bytes){ plain + 2, length };
	return true;
}

void l2tp_reveal(struct l2tp_avps *avps, const uint8_t *secret, size_t n)
{
	for (size_t i = 0; i < L2TP_N_ATTRIBUTES; i++) {
		if (!avps->random_vector[i].bytes)
			continue;
		if (!reveal_one(avps, i, (struct l2tp_bytes){ secret, n }) ||
		        !l2tp_length_is_valid((enum l2tp_attribute)i, avps->value[i].length)) {
			avps->value[i] = (struct l2tp_bytes){ 0 };
			if (avps->mandatory & 1ull << i)
				avps->error = L2TP_E_VALUE;
		}
		avps->random_vector[i] = (struct l2tp_bytes){ 0 };
	}
}

void l2tp_respond(uint8_t ret[L2TP_RESPONSE_SIZE], enum l2tp_type type, const uint8_t *secret,
        size_t secret_length, const uint8_t *challenge, size_t challenge_length)
{
	uint8_t id = (uint8_t)type;
	struct l2tp_bytes pieces[] = { { &id, 1 }, { secret, secret_length },
		{ challenge, challenge_length } };
	md5(ret, pieces, ARRAY_LENGTH(pieces));
}
