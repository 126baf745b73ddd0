/* SPDX-License-Identifier: ISC */
/*
 * Packets that others made: RFC 7634 appendix A, a GCM packet with ESN of draft-mcgrew-gcm-test, RFC 3602 4
 * case 5 with an HMAC added here. They are opened, and what we seal is taken apart by OpenSSL's primitives
 * alone.
 */
#include "tests/unit/proto/esp_bed.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

/* Pairs of lower case digits; blanks anywhere between them. */
static size_t from_hex(const char *hex, uint8_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;
	for (; *hex; hex++) {
		const char *digit = strchr(digits, *hex);
		if (digit) {
			ret[n / 2] = (uint8_t)(ret[n / 2] << 4 | (digit - digits));
			n++;
		}
	}
	return n / 2;
}

struct vector {
	struct bed_suite suite;
	uint32_t spi;
	bool esn;
	uint64_t before; /* the top of the window */
	const char *key, *packet, *payload;
	uint8_t next_header;
};

static const struct vector vectors[] = {
	{ .suite = { ESP_ENCRYPTION_CHACHA20_POLY1305, 36, ESP_INTEGRITY_NONE, 0, "RFC 7634 A" },
	        .spi = 0x01020304,
	        .key = "808182838485868788898a8b8c8d8e8f 909192939495969798999a9b9c9d9e9f a0a1a2a3",
	        .packet =
	                "01020304 00000005 1011121314151617"
	                "24039428b97f417e3c13753a4f05087b 67c352e6a7fab1b982d466ef407ae5c6"
	                "14ee8099d52844eb61aa95dfab4c02f7 2aa71e7c4c4f64c9befe2facc638e8f3"
	                "cbec163fac469b502773f6fb94e664da 9165b82829f641e0 76aaa8266b7fb0f7b11b369907e1ad43",
	        .payload = "45000054a6f200004001e778c6336405 c000020508005b7a3a080000553bec10"
	                   "0007362708090a0b0c0d0e0f10111213 1415161718191a1b1c1d1e1f20212223"
	                   "2425262728292a2b2c2d2e2f30313233 34353637",
	        .next_header = 4 },
	{ .suite = { ESP_ENCRYPTION_AES_GCM_16, 20, ESP_INTEGRITY_NONE, 0, "GCM with ESN" },
	        .spi = 0x00004321,
	        .esn = true,
	        .before = UINT64_C(0x87654320ffffffff),
	        .key = "4c80cdefbb5d10da906ac73c3613a634 2e443b68",
	        .packet = "00004321 00000000 4956ed7e3b244cfe"
	                  "fecf537e729d5b07dc30df528dd22b76 8d1b98736696a6fd348509fa13ceac34"
	                  "cfa2436f14a3f3cf65925bf1f4a13c5d 15b21e1884f5ff6247aeabb786b93bce"
	                  "61bc17d768fd9732 459018148f6cbe722fd04796562dfdb4",
	        .payload = "45000048699a000080114db7c0a80102 c0a801010a9bf15638d3010000010000"
	                   "00000000045f736970045f7564700373 69700963796265726369747902646b00"
	                   "00210001",
	        .next_header = 1 },
};

static void test_open_vectors(void **state)
{
	struct esp_worker *workers[2];
	bed_workers(workers);
	for (size_t i = 0; i < ARRAY_LENGTH(vectors) * 2; i++) {
		const struct vector *v = &vectors[i / 2];
		uint8_t key[ESP_KEY_MAX], packet[BED_ROOM], payload[BED_ROOM];
		if (!workers[i & 1])
			continue;
		struct esp_sa_config config = bed_config(&v->suite, true);
		config.spi = v->spi;
		config.esn = v->esn;
		config.sequence = v->before;
		config.encryption_key = key;
		assert_int_equal(from_hex(v->key, key), config.encryption_key_length);
		struct esp_sa *in = bed_sa(&config);
		struct esp_packet p = { .data = packet, .length = (uint32_t)from_hex(v->packet, packet) };
		size_t length = from_hex(v->payload, payload);
		if (bed_open_one(workers[i & 1], &p, in) != ESP_OK)
			fail_msg("%s: %s", v->suite.name, esp_status_name(p.status));
		assert_int_equal(p.next_header, v->next_header);
		assert_int_equal(p.length, length);
		assert_memory_equal(p.data, payload, length);
		esp_sa_free(in);
	}
	bed_workers_free(workers);
}

/* RFC 3602 4, case 5, has no integrity: HMAC is put behind it, over the upper half of the number too where
 * there is ESN. */
static void test_open_cbc(void **state)
{
	static const char text[] = "00004321 00000001 e96e8c08ab465763fd098d45dd3ff893"
	                           "f663c25d325c18c6a9453e194e120849 a4870b66cc6b9965330013b4898dc856"
	                           "a4699e523a55db080b59ec3a8e4b7e52 775b07d1db34ed9c538ab50c551b874a"
	                           "a269add047ad2d5913ac19b7cfbad4a6";
	static const char clear[] = "08000ebda70a00008e9c083db95b0700 08090a0b0c0d0e0f1011121314151617"
	                            "18191a1b1c1d1e1f2021222324252627 28292a2b2c2d2e2f3031323334353637";
	static const struct bed_suite suites[] = {
		{ ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA2_256_128, 32, "SHA256" },
		{ ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA2_384_192, 48, "SHA384" },
		{ ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA2_512_256, 64, "SHA512" },
		{ ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA1_96, 20, "SHA1" },
	};
	struct esp_worker *workers[2];
	bed_workers(workers);
	for (size_t i = 0; i < ARRAY_LENGTH(suites) * 4; i++) {
		const struct bed_suite *suite = &suites[i / 4];
		bool esn = i & 2;
		uint8_t key[ESP_KEY_MAX], packet[BED_ROOM] = { 0 }, payload[BED_ROOM], icv[EVP_MAX_MD_SIZE];
		if (!workers[i & 1])
			continue;
		struct esp_sa_config config = bed_config(suite, true);
		config.spi = 0x4321;
		config.esn = esn;
		config.encryption_key = key;
		assert_int_equal(from_hex("90d382b410eeba7ad938c46cec1a82bf", key), 16);
		struct esp_sa *in = bed_sa(&config);
		size_t n = from_hex(text, packet);
		assert_non_null(HMAC(EVP_get_digestbyname(suite->name), config.integrity_key,
		        (int)config.integrity_key_length, packet, n + (esn ? 4 : 0), icv, NULL));
		const size_t icv_length =
		        suite->integrity == ESP_INTEGRITY_HMAC_SHA1_96 ? 12 : suite->integrity_key_length / 2;
		memcpy(packet + n, icv, icv_length);
		struct esp_packet p = { .data = packet, .length = (uint32_t)(n + icv_length) };
		if (bed_open_one(workers[i & 1], &p, in) != ESP_OK)
			fail_msg("%s: %s", suite->name, esp_status_name(p.status));
		assert_int_equal(p.length, from_hex(clear, payload));
		assert_memory_equal(p.data, payload, p.length);
		assert_int_equal(p.next_header, 1);
		esp_sa_free(in);
	}
	bed_workers_free(workers);
}

/* RFC 4106 3 to 5 by hand: what we seal, opened with nothing but EVP. */
static void test_seal_gcm(void **state)
{
	struct esp_worker *workers[2];
	bed_workers(workers);
	for (size_t w = 0; w < 4; w++) {
		struct esp_worker *worker = workers[w & 1];
		bool esn = w & 2;
		if (!worker)
			continue;
		struct esp_sa_config config = bed_config(&bed_suites[0], false);
		config.esn = esn;
		config.sequence = esn ? UINT64_C(0x0102030405060707) : 0x05060707;
		struct esp_sa *out = bed_sa(&config);
		uint8_t buffer[BED_ROOM], clear[64], nonce[12], iv[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
		static const uint8_t padding[] = { 1, 2, 3, 3, ESP_NEXT_HEADER_UDP };
		struct esp_packet p = bed_packet(out, buffer, 43);
		if (!esn)
			memset(iv, 0, 4);
		assert_int_equal(esp_seal(worker, &p, 1), 1);
		assert_int_equal(p.length, 8 + 8 + 48 + 16);
		assert_memory_equal(p.data, "\x43\x21\xab\xcd\5\6\7\10", 8);
		assert_memory_equal(p.data + 8, iv, 8);
		memcpy(nonce, bed_key(1) + 16, 4);
		memcpy(nonce + 4, iv, 8);
		uint8_t aad[12] = { 0x43, 0x21, 0xab, 0xcd, 1, 2, 3, 4, 5, 6, 7, 8 };
		if (!esn)
			memcpy(aad + 4, aad + 8, 4);
		EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
		int length;
		assert_int_equal(EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, bed_key(1), nonce), 1);
		assert_int_equal(
		        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, p.data + p.length - 16), 1);
		assert_int_equal(EVP_DecryptUpdate(ctx, NULL, &length, aad, esn ? 12 : 8), 1);
		assert_int_equal(EVP_DecryptUpdate(ctx, clear, &length, p.data + 16, 48), 1);
		assert_int_equal(EVP_DecryptFinal_ex(ctx, clear + 48, &length), 1);
		EVP_CIPHER_CTX_free(ctx);
		for (uint32_t i = 0; i < 43; i++)
			assert_int_equal(clear[i], (uint8_t)(i * 3 + 43));
		assert_memory_equal(clear + 43, padding, sizeof(padding));
		esp_sa_free(out);
	}
	bed_workers_free(workers);
}

/* A packet that is authentic and whose padding is not: only who has the key can make one. RFC 4303 2.4. */
static void test_bad_padding(void **state)
{
	static const struct {
		const char *trailer; /* the last 8 bytes of the text */
		enum esp_status status;
		uint32_t length;
	} rows[] = {
		{ "6162630102030311", ESP_OK, 11 },
		{ "6162630102040311", ESP_BAD_PADDING, 0 },
		{ "6162630202030311", ESP_BAD_PADDING, 0 },
		{ "616263000000ff11", ESP_BAD_PADDING, 0 }, /* longer than the text */
		{ "6162636465660f11", ESP_BAD_PADDING, 0 },
		{ "6162636465660011", ESP_OK, 14 },
		{ "616263646566003b", ESP_DUMMY, 14 },
	};
	struct esp_worker *workers[2];
	bed_workers(workers);
	for (size_t i = 0; i < ARRAY_LENGTH(rows) * 2; i++) {
		uint8_t packet[BED_ROOM] = { 0x43, 0x21, 0xab, 0xcd, 0, 0, 0, 1 };
		if (!workers[i & 1])
			continue;
		struct esp_sa *in =
		        bed_suite_sa(&bed_suites[9], true, false); /* NULL with HMAC-SHA2-256-128 */
		assert_int_equal(from_hex(rows[i / 2].trailer, packet + 16), 8);
		assert_non_null(HMAC(EVP_sha256(), bed_key(2), 32, packet, 24, packet + 24, NULL));
		struct esp_packet p = { .data = packet, .length = 24 + 16 };
		assert_int_equal(bed_open_one(workers[i & 1], &p, in), rows[i / 2].status);
		if (p.status == ESP_OK)
			assert_int_equal(p.length, rows[i / 2].length);
		assert_int_equal(esp_sa_counters(in).bad_padding, rows[i / 2].status == ESP_BAD_PADDING);
		assert_int_equal(esp_sa_sequence(in), 1); /* authentic, so the window moves */
		esp_sa_free(in);
	}
	bed_workers_free(workers);
}

/* RFC 3602 3: an IV of AES-CBC is neither the counter nor seen twice, nor made with the key of the payload.
 */
static void test_cbc_ivs(void **state)
{
	enum { N = 200 };
	struct esp_worker *worker = bed_worker(0, ESP_BACKEND_AUTO);
	struct esp_sa *out = bed_suite_sa(&bed_suites[3], false, false);
	static uint8_t buffers[N][BED_ROOM];
	struct esp_packet packets[N];
	for (size_t i = 0; i < N; i++)
		packets[i] = bed_packet(out, buffers[i], 16);
	assert_int_equal(esp_seal(worker, packets, N), N);
	for (size_t i = 0; i < N; i++) {
		unsigned zeros = 0;
		for (size_t b = 8; b < 24; b++)
			zeros += packets[i].data[b] == 0;
		assert_true(zeros < 8);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(packets[i].data + 8, packets[k].data + 8, 16);
	}
	uint8_t block[16] = { 0, 0, 0, 0, 0, 0, 0, 1 };
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int length;
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, bed_key(1), NULL), 1);
	assert_int_equal(EVP_CIPHER_CTX_set_padding(ctx, 0), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, block, &length, block, sizeof(block)), 1);
	assert_memory_not_equal(packets[0].data + 8, block, sizeof(block));
	EVP_CIPHER_CTX_free(ctx);
	esp_sa_free(out);
	esp_worker_free(worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_vectors),
		cmocka_unit_test(test_open_cbc),
		cmocka_unit_test(test_seal_gcm),
		cmocka_unit_test(test_bad_padding),
		cmocka_unit_test(test_cbc_ivs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
