/* SPDX-License-Identifier: ISC */
/* CoA and Disconnect-Requests: which are believed, and what a replay gets. */
#include "proto/radius/dynauth.h"

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define WALL ((time_ms)1800000000 * 1000)

static const struct ip_address server = { .bytes = { [10] = 0xff, 0xff, 192, 0, 2, 1 } };
static const struct ip_address stranger = { .bytes = { [10] = 0xff, 0xff, 192, 0, 2, 2 } };
static const struct radius_dynauth_client clients[] = {
	{ .address = { .bytes = { [10] = 0xff, 0xff, 192, 0, 2, 1 } },
	        .secret = { .bytes = "hush", .length = 4 } }
};

struct made {
	uint8_t code, id;
	time_ms timestamp; /* 0: none */
	bool unsigned_too; /* without Message-Authenticator */
	const char *secret;
};

static size_t make(const struct made *m, uint8_t ret[RADIUS_PACKET_MAX])
{
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	struct radius_secret secret = { .length = 4 };
	memcpy(secret.bytes, m->secret, 4);
	radius_write_header(&w, m->code, m->id, (const uint8_t[16]){ 0 });
	if (!m->unsigned_too)
		radius_write_message_authenticator(&w);
	if (m->timestamp)
		radius_write_u32(&w, RADIUS_EVENT_TIMESTAMP, (uint32_t)(m->timestamp / 1000));
	radius_write_text(&w, RADIUS_USER_NAME, "bob");
	radius_write(&w, RADIUS_PROXY_STATE, "first", 5);
	radius_write(&w, RADIUS_PROXY_STATE, "second", 6);
	assert_int_equal(radius_sign_computed(&w, &secret), 0);
	size_t n = w.length;
	memcpy(ret, w.data, n);
	wr_free(&w);
	return n;
}

static void answers_and_repeats_the_answer(void **state)
{
	struct radius_dynauth *d = radius_dynauth_new(clients, 1);
	uint8_t bytes[RADIUS_PACKET_MAX], first[RADIUS_PACKET_MAX];
	size_t n = make(&(struct made){ RADIUS_DISCONNECT_REQUEST, 9, WALL - 1000, false, "hush" }, bytes);
	struct radius_dynauth_request r;
	const uint8_t *answer;
	size_t length;
	assert_int_equal(radius_dynauth_receive(d, &server, bytes, n, WALL, 5, &r, &answer, &length), 1);
	radius_dynauth_answer(d, &r, 503, &answer, &length);
	struct radius_packet p;
	assert_int_equal(radius_parse(answer, length, &p, NULL), 0);
	assert_int_equal(p.code, RADIUS_DISCONNECT_NAK);
	assert_int_equal(p.id, 9);
	assert_int_equal(radius_verify_response(&p, bytes + 4, &clients[0].secret, true), 0);
	struct radius_attribute a;
	uint32_t cause;
	assert_true(radius_find(&p, 0, RADIUS_ERROR_CAUSE, &a));
	assert_int_equal(radius_get_u32(&a, &cause), 0);
	assert_int_equal(cause, 503);
	uint8_t proxies[32];
	assert_int_equal(radius_concatenate(&p, RADIUS_PROXY_STATE, proxies, sizeof(proxies)), 11);
	assert_memory_equal(proxies, "firstsecond", 11);
	memcpy(first, answer, length);
	size_t first_length = length;
	/* The same again, at once and just before the end of its time: the same answer, nothing to do. */
	assert_int_equal(radius_dynauth_receive(d, &server, bytes, n, WALL + 1, 6, &r, &answer, &length), 0);
	assert_int_equal(
	        radius_dynauth_receive(d, &server, bytes, n, WALL + 299000, 299005, &r, &answer, &length), 0);
	assert_int_equal(length, first_length);
	assert_memory_equal(answer, first, length);
	/* After it, nothing. */
	assert_int_equal(
	        radius_dynauth_receive(d, &server, bytes, n, WALL + 301000, 301005, &r, &answer, &length),
	        -EBADMSG);
	struct radius_dynauth_counters c;
	radius_dynauth_get_counters(d, &c);
	assert_int_equal(c.requests, 1);
	assert_int_equal(c.repeated, 2);
	assert_int_equal(c.stale, 1);
	radius_dynauth_free(d);
}

static void believes_only_what_is_proven(void **state)
{
	static const struct {
		struct made made;
		bool strange;
		size_t counter; /* offset */
	} rows[] = {
		{ { RADIUS_COA_REQUEST, 1, WALL, false, "hush" }, true,
		        offsetof(struct radius_dynauth_counters, unknown_client) },
		{ { RADIUS_COA_REQUEST, 1, WALL, false, "hash" }, false,
		        offsetof(struct radius_dynauth_counters, forged) },
		{ { RADIUS_COA_REQUEST, 1, WALL, true, "hush" }, false,
		        offsetof(struct radius_dynauth_counters, forged) },
		{ { RADIUS_COA_REQUEST, 1, 0, false, "hush" }, false,
		        offsetof(struct radius_dynauth_counters, stale) },
		{ { RADIUS_COA_REQUEST, 1, WALL - 301000, false, "hush" }, false,
		        offsetof(struct radius_dynauth_counters, stale) },
		{ { RADIUS_COA_REQUEST, 1, WALL + 302000, false, "hush" }, false,
		        offsetof(struct radius_dynauth_counters, stale) },
		{ { RADIUS_ACCESS_REQUEST, 1, WALL, false, "hush" }, false,
		        offsetof(struct radius_dynauth_counters, malformed) },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct radius_dynauth *d = radius_dynauth_new(clients, 1);
		uint8_t bytes[RADIUS_PACKET_MAX];
		struct radius_dynauth_request r;
		const uint8_t *answer;
		size_t length, n = make(&rows[i].made, bytes);
		assert_int_equal(radius_dynauth_receive(d, rows[i].strange ? &stranger : &server, bytes, n,
		                         WALL, 0, &r, &answer, &length),
		        -EBADMSG);
		struct radius_dynauth_counters c;
		radius_dynauth_get_counters(d, &c);
		uint64_t counted;
		memcpy(&counted, (uint8_t *)&c + rows[i].counter, sizeof(counted));
		assert_int_equal(counted, 1);
		radius_dynauth_free(d);
	}
}

static void memory_is_bounded_and_never_evicts(void **state)
{
	struct radius_dynauth *d = radius_dynauth_new(clients, 1);
	uint8_t bytes[RADIUS_PACKET_MAX];
	struct radius_dynauth_request r;
	const uint8_t *answer;
	size_t length, n = 0, taken = 0;
	for (size_t i = 0; i <= RADIUS_DYNAUTH_MEMORY_MAX; i++) {
		const struct made m = { RADIUS_COA_REQUEST, (uint8_t)i,
			WALL - 200000 + (time_ms)(i / 256) * 1000, false, "hush" };
		n = make(&m, bytes);
		int e = radius_dynauth_receive(d, &server, bytes, n, WALL, 0, &r, &answer, &length);
		if (e == 1)
			radius_dynauth_answer(d, &r, 0, &answer, &length);
		taken += e == 1;
	}
	assert_int_equal(taken, RADIUS_DYNAUTH_MEMORY_MAX);
	struct radius_dynauth_counters c;
	radius_dynauth_get_counters(d, &c);
	assert_int_equal(c.overflow, 1);
	/* Twice the window later there is room again. */
	n = make(&(struct made){ RADIUS_COA_REQUEST, 1, WALL + 600000, false, "hush" }, bytes);
	assert_int_equal(
	        radius_dynauth_receive(d, &server, bytes, n, WALL + 600000, 600000, &r, &answer, &length), 1);
	radius_dynauth_answer(d, &r, 0, &answer, &length);
	radius_dynauth_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_and_repeats_the_answer),
		cmocka_unit_test(believes_only_what_is_proven),
		cmocka_unit_test(memory_is_bounded_and_never_evicts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
