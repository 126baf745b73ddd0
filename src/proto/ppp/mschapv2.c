/* SPDX-License-Identifier: ISC */
/* The arithmetic of CHAP-MD5 (RFC 1994, 4.1) and MS-CHAPv2 (RFC 2759, section 8). */
#include "proto/ppp/mschapv2.h"
#include "proto/ppp/md4.h"
#include "proto/ppp/ppp.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

/* A digest over several pieces. */
struct piece {
	const void *bytes;
	size_t length;
};

static bool digest(const EVP_MD *md, const struct piece *pieces, size_t n, uint8_t *ret)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestInit_ex(context, md, NULL) == 1;
	for (size_t i = 0; good && i < n; i++)
		good = EVP_DigestUpdate(context, pieces[i].bytes, pieces[i].length) == 1;
	good = good && EVP_DigestFinal_ex(context, ret, NULL) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

bool ppp_chap_md5(uint8_t id, const char *secret, const uint8_t *challenge, size_t length, uint8_t ret[16])
{
	const struct piece pieces[] = { { &id, 1 }, { secret, strlen(secret) }, { challenge, length } };
	return digest(EVP_md5(), pieces, ARRAY_LENGTH(pieces), ret);
}

/* One character of well-formed UTF-8 (RFC 3629); 0 where it is none. */
static size_t next_character(const uint8_t *at, uint32_t *ret)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
	if (n == 0)
		return 0;
	uint32_t c = n == 1 ? at[0] : at[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (at[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return n;
}

bool ppp_is_text(const char *text)
{
	size_t step;
	for (const uint8_t *at = (const uint8_t *)text; *at; at += step) {
		uint32_t c;
		step = next_character(at, &c);
		if (step == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
			return false;
	}
	return true;
}

static void put_unit(uint8_t *at, uint32_t unit)
{
	at[0] = (uint8_t)unit;
	at[1] = (uint8_t)(unit >> 8);
}

bool ppp_nt_password_hash(const char *password, uint8_t ret[16])
{
	uint8_t units[2 * PPP_SECRET_MAX];
	size_t n = 0, step;
	if (strlen(password) > PPP_SECRET_MAX)
		return false;
	for (const uint8_t *at = (const uint8_t *)password; *at; at += step) {
		uint32_t c;
		step = next_character(at, &c);
		if (step == 0)
			return false;
		if (c >= 0x10000) {
			put_unit(units + n, 0xd7c0 + (c >> 10));
			put_unit(units + n + 2, 0xdc00 + (c & 0x3ff));
			n += 4;
		} else {
			put_unit(units + n, c);
			n += 2;
		}
	}
	md4(units, n, ret);
	OPENSSL_cleanse(units, sizeof(units));
	return true;
}

/* Section 8.2: the user name without its domain. */
static const char *without_domain(const char *user)
{
	const char *slash = strrchr(user, '\\');
	return slash ? slash + 1 : user;
}

static bool challenge_hash(
        const uint8_t peer[16], const uint8_t authenticator[16], const char *user, uint8_t ret[8])
{
	uint8_t hash[20];
	const char *name = without_domain(user);
	const struct piece pieces[] = { { peer, 16 }, { authenticator, 16 }, { name, strlen(name) } };
	if (!digest(EVP_sha1(), pieces, ARRAY_LENGTH(pieces), hash))
		return false;
	memcpy(ret, hash, 8);
	return true;
}

/* Section 8.6: DES with 7 bytes as key, each seven bits to be followed by a parity bit. Triple DES with three
 * times the same key is DES, and OpenSSL's default provider has it. */
static bool des(const uint8_t key[7], const uint8_t clear[8], uint8_t ret[8])
{
	uint8_t keys[24];
	uint64_t bits = 0;
	for (size_t i = 0; i < 7; i++)
		bits = bits << 8 | key[i];
	for (size_t i = 0; i < 24; i++)
		keys[i] = (uint8_t)(bits >> (49 - 7 * (i % 8)) << 1);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t out[16];
	int n = 0;
	bool good = context && EVP_EncryptInit_ex(context, EVP_des_ede3_ecb(), NULL, keys, NULL) == 1 &&
	        EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
	        EVP_EncryptUpdate(context, out, &n, clear, 8) == 1 && n == 8;
	EVP_CIPHER_CTX_free(context);
	OPENSSL_cleanse(keys, sizeof(keys));
	if (good)
		memcpy(ret, out, 8);
	return good;
}

/* Section 8.5. */
static bool challenge_response(const uint8_t challenge[8], const uint8_t hash[16], uint8_t ret[24])
{
	uint8_t key[21] = { 0 };
	memcpy(key, hash, 16);
	bool good = des(key, challenge, ret) && des(key + 7, challenge, ret + 8) &&
	        des(key + 14, challenge, ret + 16);
	OPENSSL_cleanse(key, sizeof(key));
	return good;
}

/* Section 8.7. */
static bool authenticator_response(
        const uint8_t hash[16], const uint8_t response[24], const uint8_t challenge[8], uint8_t ret[20])
{
	static const char magic1[] = "Magic server to client signing constant";
	static const char magic2[] = "Pad to make it do more than one iteration";
	uint8_t hash_hash[16], inner[20];
	md4(hash, 16, hash_hash);
	const struct piece first[] = { { hash_hash, 16 }, { response, 24 }, { magic1, sizeof(magic1) - 1 } };
	const struct piece second[] = { { inner, 20 }, { challenge, 8 }, { magic2, sizeof(magic2) - 1 } };
	bool good = digest(EVP_sha1(), first, ARRAY_LENGTH(first), inner) &&
	        digest(EVP_sha1(), second, ARRAY_LENGTH(second), ret);
	OPENSSL_cleanse(hash_hash, sizeof(hash_hash));
	return good;
}

bool ppp_mschapv2_respond(const char *user, const char *password, const uint8_t authenticator[16],
        const uint8_t peer[16], uint8_t ret_response[49], uint8_t ret_proof[PPP_MSCHAP_PROOF_SIZE])
{
	uint8_t challenge[8], hash[16], response[49] = { 0 }, proof[PPP_MSCHAP_PROOF_SIZE];
	memcpy(response, peer, 16); /* then 8 zero bytes, the NT-Response, and Flags, which are zero */
	bool good = challenge_hash(peer, authenticator, user, challenge) &&
	        ppp_nt_password_hash(password, hash) && challenge_response(challenge, hash, response + 24) &&
	        authenticator_response(hash, response + 24, challenge, proof);
	OPENSSL_cleanse(hash, sizeof(hash));
	if (good) {
		memcpy(ret_response, response, sizeof(response));
		memcpy(ret_proof, proof, sizeof(proof));
	}
	return good;
}

void ppp_mschapv2_message(const uint8_t proof[PPP_MSCHAP_PROOF_SIZE], char ret[PPP_MSCHAP_MESSAGE_SIZE])
{
	static const char hex[] = "0123456789ABCDEF";
	memcpy(ret, "S=", 2);
	for (size_t i = 0; i < PPP_MSCHAP_PROOF_SIZE; i++) {
		ret[2 + 2 * i] = hex[proof[i] >> 4];
		ret[3 + 2 * i] = hex[proof[i] & 15];
	}
	ret[PPP_MSCHAP_MESSAGE_SIZE - 1] = '\0';
}

/* The digits are upper case (section 5); nothing or a blank follows them. */
bool ppp_mschapv2_check(const uint8_t proof[PPP_MSCHAP_PROOF_SIZE], const char *message, size_t length)
{
	char expected[PPP_MSCHAP_MESSAGE_SIZE];
	size_t n = sizeof(expected) - 1;
	ppp_mschapv2_message(proof, expected);
	return length >= n && CRYPTO_memcmp(message, expected, n) == 0 && (length == n || message[n] == ' ');
}

static bool verify_mschap(
        const struct ppp_auth_request *request, const char *password, char ret_message[PPP_MESSAGE_MAX])
{
	uint8_t expected[49], proof[PPP_MSCHAP_PROOF_SIZE];
	if (request->response_length != 49 || request->challenge_length != 16 ||
	        !ppp_mschapv2_respond(
	                request->user, password, request->challenge, request->response, expected, proof))
		return false;
	if (CRYPTO_memcmp(expected + 24, request->response + 24, 24) != 0)
		return false;
	ppp_mschapv2_message(proof, ret_message);
	return true;
}

bool ppp_verify_password(
        const struct ppp_auth_request *request, const char *password, char ret_message[PPP_MESSAGE_MAX])
{
	uint8_t expected[16];
	ret_message[0] = '\0';
	switch (request->method) {
	case PPP_PAP:
		return request->password_length == strlen(password) &&
		        CRYPTO_memcmp(request->password, password, request->password_length) == 0;
	case PPP_CHAP_MD5:
		return request->response_length == 16 &&
		        ppp_chap_md5(request->chap_id, password, request->challenge,
		                request->challenge_length, expected) &&
		        CRYPTO_memcmp(expected, request->response, 16) == 0;
	case PPP_MSCHAPV2:
		return verify_mschap(request, password, ret_message);
	default:
		return false;
	}
}
