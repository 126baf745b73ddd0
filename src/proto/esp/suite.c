/* SPDX-License-Identifier: ISC */
/* Which transforms go together, and how long everything of them is: RFC 8221 5 and 6. */
#include "proto/esp/esp_private.h"

#include <errno.h>

#define AEAD(id, key, n, openssl) \
	{ \
		id, ESP_INTEGRITY_NONE, key, 0, 8, 4, 16, n, openssl, NULL \
	}
#define CBC(key, bits, n, hmac, hmac_key, icv, digest) \
	{ \
		ESP_ENCRYPTION_AES_CBC, hmac, key, hmac_key, 16, 16, icv, n, "AES-" bits "-CBC", digest \
	}
#define NO_CIPHER(n, hmac, hmac_key, icv, digest) \
	{ \
		ESP_ENCRYPTION_NULL, hmac, 0, hmac_key, 0, 4, icv, n, NULL, digest \
	}

static const struct esp_suite esp_suites[] = {
	AEAD(ESP_ENCRYPTION_AES_GCM_16, 20, "aes128gcm16", "AES-128-GCM"),
	AEAD(ESP_ENCRYPTION_AES_GCM_16, 36, "aes256gcm16", "AES-256-GCM"),
	AEAD(ESP_ENCRYPTION_CHACHA20_POLY1305, 36, "chacha20poly1305", "ChaCha20-Poly1305"),
	CBC(16, "128", "aes128-sha256_128", ESP_INTEGRITY_HMAC_SHA2_256_128, 32, 16, "SHA256"),
	CBC(16, "128", "aes128-sha384_192", ESP_INTEGRITY_HMAC_SHA2_384_192, 48, 24, "SHA384"),
	CBC(16, "128", "aes128-sha512_256", ESP_INTEGRITY_HMAC_SHA2_512_256, 64, 32, "SHA512"),
	CBC(32, "256", "aes256-sha256_128", ESP_INTEGRITY_HMAC_SHA2_256_128, 32, 16, "SHA256"),
	CBC(32, "256", "aes256-sha384_192", ESP_INTEGRITY_HMAC_SHA2_384_192, 48, 24, "SHA384"),
	CBC(32, "256", "aes256-sha512_256", ESP_INTEGRITY_HMAC_SHA2_512_256, 64, 32, "SHA512"),
	CBC(16, "128", "aes128-sha1_96", ESP_INTEGRITY_HMAC_SHA1_96, 20, 12, "SHA1"),
	CBC(32, "256", "aes256-sha1_96", ESP_INTEGRITY_HMAC_SHA1_96, 20, 12, "SHA1"),
	NO_CIPHER("null-sha256_128", ESP_INTEGRITY_HMAC_SHA2_256_128, 32, 16, "SHA256"),
	NO_CIPHER("null-sha384_192", ESP_INTEGRITY_HMAC_SHA2_384_192, 48, 24, "SHA384"),
	NO_CIPHER("null-sha512_256", ESP_INTEGRITY_HMAC_SHA2_512_256, 64, 32, "SHA512"),
};

static int refuse(const struct esp_sa_config *c, bool known, struct error *err)
{
	unsigned encryption = c->encryption, integrity = c->integrity;
	if (known)
		return error_set(err, -EINVAL,
		        "ESP SA %08x: keys of %zu bytes (encryption %u) and %zu bytes (integrity %u) do not "
		        "fit the transforms",
		        c->spi, c->encryption_key_length, encryption, c->integrity_key_length, integrity);
	if (integrity == ESP_INTEGRITY_NONE)
		return error_set(err, -ENOTSUP,
		        "ESP SA %08x: encryption %u without integrity is refused; propose AES-GCM-16 (20), "
		        "ChaCha20-Poly1305 (28), or "
		        "an HMAC-SHA2 with it",
		        c->spi, encryption);
	return error_set(err, -ENOTSUP,
	        "ESP SA %08x: encryption %u with integrity %u is not supported; propose AES-GCM-16 (20) or "
	        "ChaCha20-Poly1305 (28) "
	        "alone, or AES-CBC (12) or NULL (11) with HMAC-SHA2 (12, 13, 14)",
	        c->spi, encryption, integrity);
}

const struct esp_suite *esp_suite_find(const struct esp_sa_config *c, int *ret_code, struct error *err)
{
	bool known = false;
	for (size_t i = 0; i < ARRAY_LENGTH(esp_suites); i++) {
		const struct esp_suite *s = &esp_suites[i];
		if (s->encryption != c->encryption || s->integrity != c->integrity)
			continue;
		known = true;
		if (s->encryption_key_length == c->encryption_key_length &&
		        s->integrity_key_length == c->integrity_key_length)
			return s;
	}
	*ret_code = refuse(c, known, err);
	return NULL;
}
