/* SPDX-License-Identifier: ISC */
/* Fingerprints of a keyring's keys (RFC 9580, 5.5.4), to say which keys an administrator trusts; whether a
 * signature holds is gpgv's to say. */
#include "vuln/proof_keys.h"

#include "base/cursor.h"
#include "base/file.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PACKET_PUBLIC_KEY 6
#define PACKET_PUBLIC_SUBKEY 14

/* The header of one packet (RFC 9580, 4.2): its type and what is in it. False for the rest of a keyring that
 * has another form, with partial lengths for one, which no key has. */
static bool next_packet(struct reader *r, int *ret_type, struct reader *ret_body)
{
	uint8_t tag = rd_u8(r);
	size_t length;
	if (!(tag & 0x80))
		return false;
	if (tag & 0x40) {
		uint8_t first = rd_u8(r);
		*ret_type = tag & 0x3f;
		length = first < 192    ? first
		        : first < 224   ? (size_t)(first - 192) * 256 + rd_u8(r) + 192
		        : first == 0xff ? rd_u32(r)
		                        : SIZE_MAX;
	} else {
		*ret_type = tag >> 2 & 15;
		length = (tag & 3) == 0  ? rd_u8(r)
		        : (tag & 3) == 1 ? rd_u16(r)
		        : (tag & 3) == 2 ? rd_u32(r)
		                         : SIZE_MAX;
	}
	if (length > rd_left(r))
		return false;
	*ret_body = rd_sub(r, length);
	return !rd_failed(r);
}

/* Hexadecimal capitals; false for a version of key that is not known. */
static bool fingerprint_of(struct reader body, char ret[PROOF_FINGERPRINT_SIZE])
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t digest[EVP_MAX_MD_SIZE], version = body.left ? body.at[0] : 0;
	unsigned n = 0;
	size_t length = body.left;
	bool v4 = version == 4;
	const uint8_t head4[] = { 0x99, (uint8_t)(length >> 8), (uint8_t)length };
	const uint8_t head6[] = { (uint8_t)(version == 6 ? 0x9b : 0x9a), (uint8_t)(length >> 24),
		(uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length };
	if ((!v4 && version != 5 && version != 6) || (v4 && length > 0xffff))
		return false;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool made = c && EVP_DigestInit_ex(c, v4 ? EVP_sha1() : EVP_sha256(), NULL) == 1 &&
	        EVP_DigestUpdate(c, v4 ? head4 : head6, v4 ? sizeof(head4) : sizeof(head6)) == 1 &&
	        EVP_DigestUpdate(c, body.at, length) == 1 && EVP_DigestFinal_ex(c, digest, &n) == 1;
	EVP_MD_CTX_free(c);
	for (unsigned i = 0; made && i < n; i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 15];
	}
	ret[made ? 2 * n : 0] = '\0';
	return made;
}

bool proof_keys_have(const struct proof_keys *keys, const char *fingerprint)
{
	char *bytes FREE_ON_EXIT = NULL, own[PROOF_FINGERPRINT_SIZE];
	size_t length = 0;
	if (lseek(keys->fd, 0, SEEK_SET) < 0 ||
	        file_read_descriptor(keys->fd, keys->path, PROOF_KEYRING_MAX, &bytes, &length, NULL) < 0)
		return false;
	struct reader r = rd_make(bytes, length), body;
	for (int type; rd_left(&r) > 0 && next_packet(&r, &type, &body);)
		if ((type == PACKET_PUBLIC_KEY || type == PACKET_PUBLIC_SUBKEY) &&
		        fingerprint_of(body, own) && strcasecmp(own, fingerprint) == 0)
			return true;
	return false;
}
