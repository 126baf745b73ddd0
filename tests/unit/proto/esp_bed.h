/* SPDX-License-Identifier: ISC */
/* Suites, keys, SAs and packets for the tests of ESP. */
#pragma once

#include "proto/esp/esp.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define BED_SPI 0x4321abcd
#define BED_ROOM 2048
#define BED_FRONT 64 /* where a payload begins in a buffer */
#define BED_WINDOW 64
#define BED_SUITES ARRAY_LENGTH(bed_suites)

struct bed_suite {
	enum esp_encryption encryption;
	size_t encryption_key_length;
	enum esp_integrity integrity;
	size_t integrity_key_length;
	const char *name;
};

static const struct bed_suite bed_suites[] = {
	{ ESP_ENCRYPTION_AES_GCM_16, 20, ESP_INTEGRITY_NONE, 0, "aes128gcm16" },
	{ ESP_ENCRYPTION_AES_GCM_16, 36, ESP_INTEGRITY_NONE, 0, "aes256gcm16" },
	{ ESP_ENCRYPTION_CHACHA20_POLY1305, 36, ESP_INTEGRITY_NONE, 0, "chacha20poly1305" },
	{ ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA2_256_128, 32, "aes128-sha256_128" },
	{ ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA2_384_192, 48, "aes128-sha384_192" },
	{ ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA2_512_256, 64, "aes128-sha512_256" },
	{ ESP_ENCRYPTION_AES_CBC, 32, ESP_INTEGRITY_HMAC_SHA2_256_128, 32, "aes256-sha256_128" },
	{ ESP_ENCRYPTION_AES_CBC, 32, ESP_INTEGRITY_HMAC_SHA2_384_192, 48, "aes256-sha384_192" },
	{ ESP_ENCRYPTION_AES_CBC, 32, ESP_INTEGRITY_HMAC_SHA2_512_256, 64, "aes256-sha512_256" },
	{ ESP_ENCRYPTION_NULL, 0, ESP_INTEGRITY_HMAC_SHA2_256_128, 32, "null-sha256_128" },
	{ ESP_ENCRYPTION_NULL, 0, ESP_INTEGRITY_HMAC_SHA2_384_192, 48, "null-sha384_192" },
	{ ESP_ENCRYPTION_NULL, 0, ESP_INTEGRITY_HMAC_SHA2_512_256, 64, "null-sha512_256" },
	{ ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA1_96, 20, "aes128-sha1_96" },
	{ ESP_ENCRYPTION_AES_CBC, 32, ESP_INTEGRITY_HMAC_SHA1_96, 20, "aes256-sha1_96" },
};

static inline const uint8_t *bed_key(uint8_t seed)
{
	static uint8_t keys[256][ESP_KEY_MAX];
	for (size_t i = 0; i < ESP_KEY_MAX; i++)
		keys[seed][i] = (uint8_t)(seed * 31 + i * 7 + 1);
	return keys[seed];
}

static inline struct esp_sa_config bed_config(const struct bed_suite *suite, bool inbound)
{
	return (struct esp_sa_config){ .inbound = inbound,
		.spi = BED_SPI,
		.replay_window = BED_WINDOW,
		.encryption = suite->encryption,
		.integrity = suite->integrity,
		.encryption_key = bed_key(1),
		.encryption_key_length = suite->encryption_key_length,
		.integrity_key = bed_key(2),
		.integrity_key_length = suite->integrity_key_length };
}

static inline struct esp_sa *bed_sa(const struct esp_sa_config *config)
{
	struct esp_sa *sa = NULL;
	struct error err = { "" };
	if (esp_sa_new(config, &sa, &err) < 0)
		fail_msg("%s", err.text);
	return sa;
}

static inline struct esp_sa *bed_suite_sa(const struct bed_suite *suite, bool inbound, bool esn)
{
	struct esp_sa_config config = bed_config(suite, inbound);
	config.esn = esn;
	return bed_sa(&config);
}

static inline struct esp_worker *bed_worker(unsigned index, enum esp_backend_kind backend)
{
	struct esp_worker *worker = NULL;
	struct error err = { "" };
	if (esp_worker_new(index, backend, &worker, &err) < 0)
		fail_msg("%s", err.text);
	return worker;
}

/* The backends of this build and machine; [1] may be NULL. */
static inline void bed_workers(struct esp_worker *workers[static 2])
{
	workers[0] = bed_worker(0, ESP_BACKEND_OPENSSL);
	workers[1] = NULL;
	if (esp_worker_new(1, ESP_BACKEND_IPSEC_MB, &workers[1], NULL) < 0)
		print_message("ipsec-mb is not here: OpenSSL alone is tested\n");
}

static inline void bed_workers_free(struct esp_worker *workers[static 2])
{
	esp_worker_free(workers[0]);
	esp_worker_free(workers[1]);
}

static inline struct esp_packet bed_packet(
        struct esp_sa *sa, uint8_t buffer[static BED_ROOM], uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		buffer[BED_FRONT + i] = (uint8_t)(i * 3 + length);
	return (struct esp_packet){ .sa = sa,
		.data = buffer + BED_FRONT,
		.length = length,
		.headroom = BED_FRONT,
		.tailroom = (uint16_t)(BED_ROOM - BED_FRONT - length),
		.next_header = ESP_NEXT_HEADER_UDP };
}

static inline void bed_check_payload(const struct esp_packet *p, uint32_t length)
{
	assert_int_equal(p->status, ESP_OK);
	assert_int_equal(p->length, length);
	assert_int_equal(p->next_header, ESP_NEXT_HEADER_UDP);
	for (uint32_t i = 0; i < length; i++)
		assert_int_equal(p->data[i], (uint8_t)(i * 3 + length));
}

static inline enum esp_status bed_open_one(struct esp_worker *worker, struct esp_packet *p, struct esp_sa *sa)
{
	p->sa = sa;
	size_t n = esp_open(worker, p, 1);
	assert_int_equal(n, p->status == ESP_OK);
	return p->status;
}
