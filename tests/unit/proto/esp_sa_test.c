/* SPDX-License-Identifier: ISC */
/* What an SA refuses to be, when it ends, several threads on one SA, and what comes in on port 4500. */
#include "tests/unit/proto/esp_bed.h"

#include <pthread.h>

static void test_names(void **state)
{
	for (size_t i = 0; i < BED_SUITES; i++) {
		struct esp_sa *sa = bed_suite_sa(&bed_suites[i], false, true);
		assert_string_equal(esp_sa_suite(sa), bed_suites[i].name);
		assert_int_equal(esp_sa_spi(sa), BED_SPI);
		esp_sa_free(sa);
	}
	assert_null(esp_sa_free(NULL));
	assert_null(esp_worker_free(NULL));
}

static void test_refused_suites(void **state)
{
	static const struct {
		struct bed_suite suite;
		int code;
		const char *says;
	} rows[] = {
		{ { ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_NONE, 0, "" }, -ENOTSUP, "without integrity" },
		{ { ESP_ENCRYPTION_NULL, 0, ESP_INTEGRITY_NONE, 0, "" }, -ENOTSUP, "without integrity" },
		{ { ESP_ENCRYPTION_AES_GCM_16, 20, ESP_INTEGRITY_HMAC_SHA2_256_128, 32, "" }, -ENOTSUP,
		        "not supported" },
		{ { ESP_ENCRYPTION_AES_GCM_16, 16, ESP_INTEGRITY_NONE, 0, "" }, -EINVAL, "16 bytes" },
		{ { ESP_ENCRYPTION_AES_GCM_16, 28, ESP_INTEGRITY_NONE, 0, "" }, -EINVAL, "28 bytes" },
		{ { ESP_ENCRYPTION_AES_GCM_16, 64, ESP_INTEGRITY_NONE, 0, "" }, -EINVAL, "64 bytes" },
		{ { ESP_ENCRYPTION_CHACHA20_POLY1305, 32, ESP_INTEGRITY_NONE, 0, "" }, -EINVAL, "32 bytes" },
		{ { ESP_ENCRYPTION_AES_CBC, 24, ESP_INTEGRITY_HMAC_SHA2_256_128, 32, "" }, -EINVAL,
		        "24 bytes" },
		{ { ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA2_256_128, 20, "" }, -EINVAL,
		        "20 bytes" },
		{ { ESP_ENCRYPTION_AES_CBC, 16, ESP_INTEGRITY_HMAC_SHA2_512_256, 32, "" }, -EINVAL,
		        "32 bytes" },
		{ { ESP_ENCRYPTION_NULL, 16, ESP_INTEGRITY_HMAC_SHA2_256_128, 32, "" }, -EINVAL, "16 bytes" },
		{ { ESP_ENCRYPTION_NULL, 0, ESP_INTEGRITY_HMAC_SHA1_96, 20, "HMAC-SHA1-96 alone" }, -ENOTSUP,
		        "integrity 2" },
		{ { ESP_ENCRYPTION_AES_CBC, 16, 1, 16, "HMAC-MD5-96" }, -ENOTSUP, "integrity 1" },
		{ { 3, 24, ESP_INTEGRITY_HMAC_SHA2_256_128, 32, "3DES" }, -ENOTSUP, "encryption 3" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct esp_sa_config config = bed_config(&rows[i].suite, false);
		struct esp_sa *sa = NULL;
		struct error err;
		assert_int_equal(esp_sa_new(&config, &sa, &err), rows[i].code);
		assert_null(sa);
		if (!strstr(err.text, rows[i].says))
			fail_msg("row %zu: %s", i, err.text);
		assert_int_equal(esp_sa_new(&config, &sa, NULL), rows[i].code);
	}
}

static void test_refused_numbers(void **state)
{
	static const struct {
		uint32_t spi, window;
		uint64_t sequence;
		bool inbound;
		int code;
	} rows[] = {
		{ 0, 64, 0, true, -EINVAL },
		{ 255, 64, 0, true, -EINVAL },
		{ 1, 64, 0, false, -EINVAL },
		{ 256, 64, 0, true, 0 },
		{ 256, 0, 0, true, -EINVAL },
		{ 256, 31, 0, true, -EINVAL },
		{ 256, ESP_REPLAY_WINDOW_MAX + 1, 0, true, -EINVAL },
		{ 256, ESP_REPLAY_WINDOW_MAX, 0, true, 0 },
		{ 256, 0, 0, false, 0 },
		{ 256, 0, UINT64_C(1) << 32, false, -EINVAL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct esp_sa_config config = bed_config(&bed_suites[0], rows[i].inbound);
		struct esp_sa *sa = NULL;
		config.spi = rows[i].spi;
		config.replay_window = rows[i].window;
		config.sequence = rows[i].sequence;
		assert_int_equal(esp_sa_new(&config, &sa, NULL), rows[i].code);
		esp_sa_free(sa);
	}
	struct esp_worker *worker = NULL;
	assert_int_equal(esp_worker_new(ESP_WORKERS_MAX, ESP_BACKEND_AUTO, &worker, NULL), -EINVAL);
	assert_null(worker);
}

/* Seals n packets of 10 bytes in one batch; returns how many went through. */
static size_t seal_some(struct esp_worker *worker, struct esp_sa *sa, struct esp_packet *packets, size_t n)
{
	static uint8_t buffers[64][BED_ROOM];
	for (size_t i = 0; i < n; i++)
		packets[i] = bed_packet(sa, buffers[i], 10);
	return esp_seal(worker, packets, n);
}

static void check_last_number(bool esn)
{
	uint64_t limit = esn ? UINT64_MAX : UINT32_MAX;
	struct esp_worker *worker = bed_worker(0, ESP_BACKEND_AUTO);
	struct esp_packet packets[8];
	struct esp_sa_config config = bed_config(&bed_suites[0], false);
	config.esn = esn;
	config.sequence = limit - 5;
	struct esp_sa *out = bed_sa(&config);
	assert_int_equal(seal_some(worker, out, packets, 3), 3);
	assert_int_equal(esp_sa_expiry(out), ESP_EXPIRY_SOFT);
	assert_int_equal(esp_sa_expiry(out), ESP_EXPIRY_NONE);
	assert_int_equal(seal_some(worker, out, packets, 8), 2);
	assert_int_equal(packets[1].sequence, limit);
	assert_int_equal(packets[2].status, ESP_EXPIRED);
	assert_int_equal(esp_sa_expiry(out), ESP_EXPIRY_HARD);
	assert_int_equal(esp_sa_expiry(out), ESP_EXPIRY_NONE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(seal_some(worker, out, packets, 8), 0);
	assert_int_equal(esp_sa_sequence(out), limit);
	assert_int_equal(esp_sa_counters(out).packets, 5);
	assert_int_equal(esp_sa_counters(out).bytes, 50);
	assert_int_equal(esp_sa_counters(out).expired, 6 + 24);
	esp_sa_free(out);
	esp_worker_free(worker);
}

static void test_last_number(void **state)
{
	check_last_number(false);
	check_last_number(true);
}

static void check_lifetime(struct esp_lifetime lifetime)
{
	struct esp_worker *worker = bed_worker(0, ESP_BACKEND_AUTO);
	struct esp_packet packets[16], received[16];
	struct esp_sa_config config = bed_config(&bed_suites[0], false);
	struct esp_sa *unlimited = bed_sa(&config);
	config.lifetime = lifetime;
	struct esp_sa *out = bed_sa(&config);
	config.inbound = true;
	struct esp_sa *in = bed_sa(&config);
	assert_int_equal(seal_some(worker, out, packets, 2), 2);
	assert_int_equal(esp_sa_expiry(out), ESP_EXPIRY_NONE);
	assert_int_equal(seal_some(worker, out, packets, 3), 3); /* 5 packets, 50 bytes */
	assert_int_equal(esp_sa_expiry(out), ESP_EXPIRY_SOFT);
	assert_int_equal(esp_sa_expiry(out), ESP_EXPIRY_NONE);
	assert_int_equal(seal_some(worker, out, packets, 16), 5);
	assert_int_equal(packets[5].status, ESP_EXPIRED);
	assert_int_equal(esp_sa_expiry(out), ESP_EXPIRY_HARD);
	assert_int_equal(seal_some(worker, out, packets, 1), 0);

	assert_int_equal(seal_some(worker, unlimited, received, 16), 16);
	assert_int_equal(esp_sa_expiry(unlimited), ESP_EXPIRY_NONE);
	for (size_t i = 0; i < 16; i++)
		received[i].sa = in;
	assert_int_equal(esp_open(worker, received, 12), 10);
	assert_int_equal(received[10].status, ESP_EXPIRED);
	assert_int_equal(esp_open(worker, received + 12, 4), 0);
	assert_int_equal(received[15].status, ESP_EXPIRED);
	assert_int_equal(esp_sa_expiry(in), ESP_EXPIRY_SOFT);
	assert_int_equal(esp_sa_expiry(in), ESP_EXPIRY_HARD);
	assert_int_equal(esp_sa_expiry(in), ESP_EXPIRY_NONE);
	assert_int_equal(esp_sa_counters(in).expired, 6);
	esp_sa_free(unlimited);
	esp_sa_free(out);
	esp_sa_free(in);
	esp_worker_free(worker);
}

static void test_lifetimes(void **state)
{
	check_lifetime((struct esp_lifetime){ .packets_soft = 5, .packets_hard = 10 });
	check_lifetime((struct esp_lifetime){ .bytes_soft = 50, .bytes_hard = 100 });
	check_lifetime((struct esp_lifetime){ .bytes_soft = 45, .bytes_hard = 95, .packets_soft = 1000 });
}

#define THREADS 2
#define ROUNDS 200
#define BURST 16

struct crew {
	unsigned index;
	struct esp_sa *out;
	uint8_t (*sealed)[BED_ROOM];
	struct esp_packet *packets;
	size_t opened;
};

static void *seal_for_crew(void *context)
{
	struct crew *c = context;
	struct esp_worker *worker = bed_worker(c->index, ESP_BACKEND_AUTO);
	for (size_t i = 0; i < ROUNDS * BURST; i++)
		c->packets[i] = bed_packet(c->out, c->sealed[i], 20);
	for (size_t i = 0; i < ROUNDS; i++)
		c->opened += esp_seal(worker, c->packets + i * BURST, BURST);
	esp_worker_free(worker);
	return NULL;
}

/* Two threads on one SA: every number, and so every IV, is there exactly once. */
static void test_two_sealers(void **state)
{
	struct esp_sa *out = bed_suite_sa(&bed_suites[0], false, true);
	struct crew crews[THREADS];
	pthread_t threads[THREADS];
	uint8_t *seen = xcalloc(THREADS * ROUNDS * BURST + 1, 1);
	for (unsigned i = 0; i < THREADS; i++) {
		crews[i] = (struct crew){ .index = i,
			.out = out,
			.sealed = xcalloc(ROUNDS * BURST, BED_ROOM),
			.packets = xcalloc(ROUNDS * BURST, sizeof(struct esp_packet)) };
		assert_int_equal(pthread_create(&threads[i], NULL, seal_for_crew, &crews[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(crews[i].opened, ROUNDS * BURST);
		for (size_t n = 0; n < ROUNDS * BURST; n++) {
			const uint8_t *at = crews[i].packets[n].data;
			uint64_t iv = 0;
			for (size_t b = 8; b < 16; b++)
				iv = iv << 8 | at[b];
			assert_in_range(iv, 1, THREADS * ROUNDS * BURST);
			assert_int_equal(iv, crews[i].packets[n].sequence);
			assert_int_equal(seen[iv]++, 0);
		}
		free(crews[i].sealed);
		free(crews[i].packets);
	}
	free(seen);
	assert_int_equal(esp_sa_counters(out).packets, THREADS * ROUNDS * BURST);
	esp_sa_free(out);
}

static void *open_for_crew(void *context)
{
	struct crew *c = context;
	struct esp_worker *worker = bed_worker(c->index, ESP_BACKEND_AUTO);
	for (size_t i = 0; i < ROUNDS; i++)
		c->opened += esp_open(worker, c->packets + i * BURST, BURST);
	esp_worker_free(worker);
	return NULL;
}

/* Two threads get copies of the same packets: each is passed on at most once. */
static void test_two_openers(void **state)
{
	struct esp_worker *sealer = bed_worker(2, ESP_BACKEND_OPENSSL);
	struct esp_sa *out = bed_suite_sa(&bed_suites[0], false, false);
	struct esp_sa_config config = bed_config(&bed_suites[0], true);
	config.replay_window = ESP_REPLAY_WINDOW_MAX;
	struct esp_sa *in = bed_sa(&config);
	struct crew crews[THREADS];
	pthread_t threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++)
		crews[i] = (struct crew){ .index = i,
			.sealed = xcalloc(ROUNDS * BURST, BED_ROOM),
			.packets = xcalloc(ROUNDS * BURST, sizeof(struct esp_packet)) };
	for (size_t n = 0; n < ROUNDS * BURST; n++) {
		struct esp_packet p = bed_packet(out, crews[0].sealed[n], 20);
		assert_int_equal(esp_seal(sealer, &p, 1), 1);
		p.sa = in;
		crews[0].packets[n] = crews[1].packets[n] = p;
		memcpy(crews[1].sealed[n], crews[0].sealed[n], BED_ROOM);
		crews[1].packets[n].data = crews[1].sealed[n] + (p.data - crews[0].sealed[n]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_for_crew, &crews[i]), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(crews[0].opened + crews[1].opened, ROUNDS * BURST);
	assert_int_equal(esp_sa_counters(in).replayed, ROUNDS * BURST);
	for (size_t n = 0; n < ROUNDS * BURST; n++)
		assert_int_equal(
		        (crews[0].packets[n].status == ESP_OK) + (crews[1].packets[n].status == ESP_OK), 1);
	for (unsigned i = 0; i < THREADS; i++) {
		free(crews[i].sealed);
		free(crews[i].packets);
	}
	esp_sa_free(out);
	esp_sa_free(in);
	esp_worker_free(sealer);
}

static void test_udp_kind(void **state)
{
	static const struct {
		uint8_t data[16];
		size_t length;
		enum esp_udp_kind kind;
	} rows[] = {
		{ { 0xff }, 1, ESP_UDP_KEEPALIVE },
		{ { 0xfe }, 1, ESP_UDP_INVALID },
		{ { 0xff, 0xff }, 2, ESP_UDP_INVALID },
		{ { 0 }, 0, ESP_UDP_INVALID },
		{ { 0, 0, 0, 0 }, 4, ESP_UDP_INVALID }, /* a marker and nothing after it */
		{ { 0, 0, 0, 0, 1 }, 5, ESP_UDP_IKE },
		{ { 0, 0, 0, 0, 1, 2, 3, 4, 5 }, 9, ESP_UDP_IKE },
		{ { 0, 0, 0, 1, 0, 0, 0, 1, 5 }, 9, ESP_UDP_INVALID },
		{ { 0, 0, 0, 255, 0, 0, 0, 1, 5 }, 9, ESP_UDP_INVALID },
		{ { 0, 0, 1, 0, 0, 0, 0, 1, 5 }, 9, ESP_UDP_ESP },
		{ { 0, 0, 1, 0, 0, 0, 0 }, 7, ESP_UDP_INVALID },
		{ { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1 }, 8, ESP_UDP_ESP },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_int_equal(esp_udp_kind(rows[i].data, rows[i].length), rows[i].kind);
	assert_int_equal(esp_read_spi(rows[9].data, 8), 256);
	assert_int_equal(esp_read_spi(rows[9].data, 7), 0);
	assert_int_equal(esp_read_spi(rows[8].data, 9), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_refused_suites),
		cmocka_unit_test(test_refused_numbers),
		cmocka_unit_test(test_last_number),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_two_sealers),
		cmocka_unit_test(test_two_openers),
		cmocka_unit_test(test_udp_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
