/* SPDX-License-Identifier: ISC */
/* Sealing and opening, every suite, each backend against each: RFC 4303 3.3 and 3.4. */
#include "tests/unit/proto/esp_bed.h"

static const uint32_t lengths[] = { 0, 1, 2, 13, 14, 15, 16, 17, 29, 30, 64, 255, 1000, 1420 };

/* Every suite, with and without ESN, sealed by one backend and opened by the other. */
static void each_pair(
        void (*check)(struct esp_worker *, struct esp_worker *, struct esp_sa *, struct esp_sa *))
{
	struct esp_worker *workers[2];
	bed_workers(workers);
	for (size_t n = 0; n < BED_SUITES * 8; n++) {
		struct esp_worker *sealer = workers[n & 1], *opener = workers[n >> 1 & 1];
		if (!sealer || !opener)
			continue;
		struct esp_sa *out = bed_suite_sa(&bed_suites[n / 8], false, n & 4);
		struct esp_sa *in = bed_suite_sa(&bed_suites[n / 8], true, n & 4);
		check(sealer, opener, out, in);
		esp_sa_free(out);
		esp_sa_free(in);
	}
	bed_workers_free(workers);
}

static void check_lengths(
        struct esp_worker *sealer, struct esp_worker *opener, struct esp_sa *out, struct esp_sa *in)
{
	static uint8_t buffers[ARRAY_LENGTH(lengths)][BED_ROOM];
	struct esp_packet packets[ARRAY_LENGTH(lengths)];
	size_t n = ARRAY_LENGTH(lengths), bytes = 0;
	for (size_t i = 0; i < n; i++) {
		packets[i] = bed_packet(out, buffers[i], lengths[i]);
		bytes += lengths[i];
	}
	assert_int_equal(esp_seal(sealer, packets, n), n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(packets[i].status, ESP_OK);
		assert_int_equal(packets[i].sequence, i + 1);
		assert_int_equal(packets[i].length, esp_sa_packet_length(out, lengths[i]));
		assert_ptr_equal(packets[i].data, buffers[i] + BED_FRONT - esp_sa_headroom(out));
		assert_int_equal(esp_read_spi(packets[i].data, packets[i].length), BED_SPI);
		packets[i].sa = in;
	}
	assert_int_equal(esp_open(opener, packets, n), n);
	for (size_t i = 0; i < n; i++) {
		bed_check_payload(&packets[i], lengths[i]);
		assert_int_equal(packets[i].sequence, i + 1);
	}
	struct esp_counters sealed = esp_sa_counters(out), opened = esp_sa_counters(in);
	assert_int_equal(sealed.packets, n);
	assert_int_equal(sealed.bytes, bytes);
	assert_int_equal(opened.packets, n);
	assert_int_equal(opened.bytes, bytes);
	assert_int_equal(esp_sa_sequence(in), n);
}

static void test_round_trips(void **state)
{
	each_pair(check_lengths);
}

/* Any one byte changed, and any length but the right one, is refused; the packet itself is still good
 * afterwards. */
static void check_tampering(
        struct esp_worker *sealer, struct esp_worker *opener, struct esp_sa *out, struct esp_sa *in)
{
	uint8_t buffer[BED_ROOM], copy[BED_ROOM] = { 0 };
	struct esp_packet p = bed_packet(out, buffer, 37);
	assert_int_equal(esp_seal(sealer, &p, 1), 1);
	for (uint32_t i = 0; i < p.length; i++) {
		memcpy(copy, p.data, p.length);
		copy[i] ^= (uint8_t)(1u << i % 8);
		struct esp_packet tampered = { .data = copy, .length = p.length };
		enum esp_status status = bed_open_one(opener, &tampered, in);
		assert_true(i < 4 ? status == ESP_REFUSED : status == ESP_BAD_ICV);
	}
	for (uint32_t i = 0; i < p.length + 16; i++) {
		if (i == p.length)
			continue;
		memcpy(copy, p.data, p.length);
		struct esp_packet cut = { .data = copy, .length = i };
		enum esp_status status = bed_open_one(opener, &cut, in);
		assert_true(status == ESP_TOO_SHORT || status == ESP_BAD_ICV);
	}
	struct esp_counters c = esp_sa_counters(in);
	assert_int_equal(c.packets, 0);
	assert_true(c.bad_icv > 0 && c.too_short > 0);
	assert_int_equal(bed_open_one(opener, &p, in), ESP_OK);
	bed_check_payload(&p, 37);
}

static void test_tampering(void **state)
{
	each_pair(check_tampering);
}

/* Numbers beyond 2^32 go into what is authenticated though they are not sent; the receiver finds them by its
 * window. */
static void test_esn_over_the_edge(void **state)
{
	enum { AROUND = 40 };
	struct esp_worker *workers[2];
	bed_workers(workers);
	for (size_t n = 0; n < BED_SUITES * 2; n++) {
		struct esp_worker *worker = workers[n & 1];
		if (!worker)
			continue;
		struct esp_sa_config config = bed_config(&bed_suites[n / 2], false);
		config.esn = true;
		config.sequence = (UINT64_C(5) << 32) - AROUND;
		struct esp_sa *out = bed_sa(&config);
		config.inbound = true;
		struct esp_sa *in = bed_sa(&config);
		config.sequence = 0; /* knows nothing of the upper half */
		struct esp_sa *other = bed_sa(&config);
		static uint8_t buffers[2 * AROUND][BED_ROOM];
		struct esp_packet packets[2 * AROUND];
		for (size_t i = 0; i < 2 * AROUND; i++)
			packets[i] = bed_packet(out, buffers[i], 100);
		assert_int_equal(esp_seal(worker, packets, 2 * AROUND), 2 * AROUND);
		for (size_t i = 0; i < 2 * AROUND; i++) { /* in an order in which pairs are exchanged */
			struct esp_packet *p = &packets[i ^ 1];
			uint8_t copy[BED_ROOM];
			memcpy(copy, p->data, p->length);
			struct esp_packet stray = { .data = copy, .length = p->length };
			assert_int_not_equal(bed_open_one(worker, &stray, other), ESP_OK);
			assert_int_equal(bed_open_one(worker, p, in), ESP_OK);
			assert_int_equal(p->sequence, (UINT64_C(5) << 32) - AROUND + 1 + (i ^ 1));
		}
		assert_int_equal(esp_sa_sequence(in), (UINT64_C(5) << 32) + AROUND);
		esp_sa_free(out);
		esp_sa_free(in);
		esp_sa_free(other);
	}
	bed_workers_free(workers);
}

/* Duplicates in one batch and in the next, and one that fell out of the window. */
static void check_replay(
        struct esp_worker *sealer, struct esp_worker *opener, struct esp_sa *out, struct esp_sa *in)
{
	enum { N = 6 };
	static uint8_t buffers[N][BED_ROOM], copies[N][BED_ROOM];
	struct esp_packet packets[N];
	for (size_t i = 0; i < N; i++) {
		packets[i] = bed_packet(out, buffers[i], 50);
		assert_int_equal(esp_seal(sealer, &packets[i], 1), 1);
	}
	struct esp_packet burst[BED_WINDOW];
	static uint8_t burst_buffers[BED_WINDOW][BED_ROOM];
	for (size_t i = 0; i < N; i++) { /* 2 3 2 3 4 4 */
		struct esp_packet *from = &packets[i < 4 ? 1 + i % 2 : 3];
		memcpy(copies[i], from->data, from->length);
		burst[i] = (struct esp_packet){ .sa = in, .data = copies[i], .length = from->length };
	}
	assert_int_equal(esp_open(opener, burst, N), 3);
	static const enum esp_status expected[N] = { ESP_OK, ESP_OK, ESP_REPLAYED, ESP_REPLAYED, ESP_OK,
		ESP_REPLAYED };
	for (size_t i = 0; i < N; i++)
		assert_int_equal(burst[i].status, expected[i]);
	struct esp_packet again = packets[2];
	assert_int_equal(bed_open_one(opener, &again, in), ESP_REPLAYED);
	for (size_t i = 0; i < BED_WINDOW; i++)
		burst[i] = bed_packet(out, burst_buffers[i], 1);
	assert_int_equal(esp_seal(sealer, burst, BED_WINDOW), BED_WINDOW);
	assert_int_equal(bed_open_one(opener, &burst[BED_WINDOW - 1], in), ESP_OK);
	/* With ESN a number left of the window is taken for one of the next subspace, and the ICV says that
	 * it is not. */
	enum esp_status status = bed_open_one(opener, &packets[0], in);
	assert_true(status == ESP_REPLAYED || status == ESP_BAD_ICV);
	assert_true(esp_sa_counters(in).replayed >= 4);
}

static void test_replay(void **state)
{
	each_pair(check_replay);
}

/* Packets of many SAs and suites mixed, in one batch that is longer than the stages take at once. */
static void test_mixed_batch(void **state)
{
	enum { N = 150 };
	static uint8_t buffers[N][BED_ROOM];
	struct esp_worker *workers[2];
	struct esp_packet packets[N];
	struct esp_sa *out[BED_SUITES], *in[BED_SUITES];
	bed_workers(workers);
	for (size_t i = 0; i < BED_SUITES; i++) {
		out[i] = bed_suite_sa(&bed_suites[i], false, i & 1);
		in[i] = bed_suite_sa(&bed_suites[i], true, i & 1);
	}
	for (size_t w = 0; w < 2 && workers[w]; w++) {
		for (size_t i = 0; i < N; i++)
			packets[i] = bed_packet(out[i * 7 / 3 % BED_SUITES], buffers[i], (uint32_t)(i * 9));
		packets[3].sa = in[0]; /* the wrong direction, and none at all */
		packets[4].sa = NULL;
		packets[5].tailroom = 3;
		packets[6].headroom = 7;
		packets[7].length = UINT32_MAX;
		assert_int_equal(esp_seal(workers[w], packets, N), N - 5);
		for (size_t i = 0; i < N; i++)
			packets[i].sa = i < 3 || i > 7 ? in[i * 7 / 3 % BED_SUITES] : i == 3 ? out[0] : NULL;
		assert_int_equal(esp_open(workers[!w && workers[1]], packets, N), N - 5);
		for (size_t i = 0; i < N; i++) {
			if (i < 3 || i > 7)
				bed_check_payload(&packets[i], (uint32_t)(i * 9));
			else
				assert_int_equal(packets[i].status, ESP_REFUSED);
		}
	}
	assert_true(esp_sa_counters(in[0]).refused > 0 && esp_sa_counters(out[0]).refused > 0);
	for (size_t i = 0; i < BED_SUITES; i++) {
		esp_sa_free(out[i]);
		esp_sa_free(in[i]);
	}
	bed_workers_free(workers);
}

/* Dummies are good packets that nobody gets: RFC 4303 2.6. */
static void check_dummy(
        struct esp_worker *sealer, struct esp_worker *opener, struct esp_sa *out, struct esp_sa *in)
{
	uint8_t buffer[BED_ROOM], copy[BED_ROOM];
	struct esp_packet p = bed_packet(out, buffer, 20);
	p.next_header = ESP_NEXT_HEADER_DUMMY;
	assert_int_equal(esp_seal(sealer, &p, 1), 1);
	memcpy(copy, p.data, p.length);
	struct esp_packet again = { .data = copy, .length = p.length };
	assert_int_equal(bed_open_one(opener, &p, in), ESP_DUMMY);
	assert_int_equal(bed_open_one(opener, &again, in), ESP_REPLAYED);
	assert_int_equal(esp_sa_counters(in).dummies, 1);
	assert_int_equal(esp_sa_counters(in).packets, 1);
}

static void test_dummy(void **state)
{
	each_pair(check_dummy);
}

/* The room that is promised is enough, and no byte outside of it is touched. */
static void check_room(
        struct esp_worker *sealer, struct esp_worker *opener, struct esp_sa *out, struct esp_sa *in)
{
	for (uint32_t length = 0; length < 40; length++) {
		uint8_t buffer[BED_ROOM];
		memset(buffer, 0xee, sizeof(buffer));
		struct esp_packet p = bed_packet(out, buffer, length);
		size_t front = esp_sa_headroom(out),
		       behind = esp_sa_packet_length(out, length) - front - length;
		assert_true(front <= ESP_HEADROOM_MAX && behind <= esp_sa_tailroom(out));
		assert_true(esp_sa_tailroom(out) <= ESP_TAILROOM_MAX);
		p.headroom = (uint16_t)(front - 1);
		p.tailroom = (uint16_t)behind;
		assert_int_equal(esp_seal(sealer, &p, 1), 0);
		p.headroom = (uint16_t)front;
		p.tailroom = (uint16_t)(behind - 1);
		assert_int_equal(esp_seal(sealer, &p, 1), 0);
		assert_int_equal(p.status, ESP_REFUSED);
		p.tailroom = (uint16_t)behind;
		assert_int_equal(esp_seal(sealer, &p, 1), 1);
		for (uint8_t *at = buffer; at < p.data; at++)
			assert_int_equal(*at, 0xee);
		for (uint8_t *at = p.data + p.length; at < buffer + BED_ROOM; at++)
			assert_int_equal(*at, 0xee);
		assert_true(esp_sa_payload_max(out, p.length) >= length);
		assert_int_equal(esp_sa_packet_length(out, esp_sa_payload_max(out, p.length)), p.length);
		assert_true(esp_sa_packet_length(out, esp_sa_payload_max(out, p.length) + 1) > p.length);
		assert_int_equal(bed_open_one(opener, &p, in), ESP_OK);
		bed_check_payload(&p, length);
	}
	assert_int_equal(esp_sa_payload_max(out, 10), 0);
}

static void test_room(void **state)
{
	each_pair(check_room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_tampering),
		cmocka_unit_test(test_esn_over_the_edge),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_mixed_batch),
		cmocka_unit_test(test_dummy),
		cmocka_unit_test(test_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
