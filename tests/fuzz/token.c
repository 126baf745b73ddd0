/* SPDX-License-Identifier: ISC */
/*
 * The quarantine certificate, from its first byte. The input is "header\nclaims" or a compact token: the
 * first is encoded and signed here with a key that never changes, so that the claims parser behind the
 * signature is reached; the second goes in as it is. What verifies must come out the same when it is issued
 * again.
 */
#include "crypto/token.h"
#include "crypto/base64.h"

#include <openssl/evp.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW ((time_ms)1790000000 * 1000)

static EVP_PKEY *fixed_key(void)
{
	static EVP_PKEY *key;
	static const uint8_t seed[32] = { 7 };
	if (!key)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	if (!key)
		abort();
	return key;
}

static void check(const char *text)
{
	struct token_claims claims, again;
	struct error err;
	char *copy FREE_ON_EXIT = NULL, *third FREE_ON_EXIT = NULL;
	if (token_verify(text, fixed_key(), NOW, &claims, &err) < 0)
		return;
	/* Ed25519 is deterministic: the same claims are the same text. */
	if (token_issue(&claims, fixed_key(), &copy, &err) < 0 ||
	        token_verify(copy, fixed_key(), NOW, &again, &err) < 0 ||
	        token_issue(&again, fixed_key(), &third, &err) < 0 || strcmp(copy, third) != 0)
		abort();
}

static char *sign(const uint8_t *data, size_t size, const uint8_t *line_end)
{
	size_t header = (size_t)(line_end - data), claims = size - header - 1;
	char *text = xmalloc(BASE64_SIZE(header) + BASE64_SIZE(claims) + BASE64_SIZE(64));
	uint8_t signature[64];
	size_t n = base64url_encode(data, header, text);
	text[n++] = '.';
	n += base64url_encode(line_end + 1, claims, text + n);
	if (key_sign(fixed_key(), text, n, signature, NULL) < 0)
		abort();
	text[n++] = '.';
	base64url_encode(signature, sizeof(signature), text + n);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line_end = size ? memchr(data, '\n', size) : NULL;
	char *text FREE_ON_EXIT = line_end ? sign(data, size, line_end) : xstrndup((const char *)data, size);
	check(text);
	return 0;
}
