/* SPDX-License-Identifier: ISC */
/* The RADIUS client against scripted servers, on a virtual clock. */
#include "proto/radius/client.h"

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define SENT_MAX 4096

struct sent {
	unsigned server, path;
	uint8_t bytes[RADIUS_PACKET_MAX];
	size_t length;
};

static struct bed {
	struct radius_client *client;
	struct radius_server_config servers[3];
	struct sent *sent;
	size_t n_sent;
	uint64_t seed;
	time_ms now;
	unsigned answers, no_answers, last_code, last_server;
	int ups, downs;
} bed;

static void bed_send(void *user, unsigned server, unsigned path, const uint8_t *bytes, size_t length)
{
	assert_true(bed.n_sent < SENT_MAX);
	struct sent *s = &bed.sent[bed.n_sent++];
	s->server = server;
	s->path = path;
	s->length = length;
	memcpy(s->bytes, bytes, length);
}

static void bed_random(void *user, void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bed.seed = bed.seed * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)bytes)[i] = (uint8_t)(bed.seed >> 56);
	}
}

static void bed_server(void *user, unsigned server, bool is_up)
{
	bed.ups += is_up;
	bed.downs += !is_up;
}

static const struct radius_client_callbacks callbacks = { bed_send, bed_random, bed_server, NULL };

static void on_answer(void *user, const struct radius_packet *answer, unsigned server)
{
	bed.answers += answer != NULL;
	bed.no_answers += answer == NULL;
	bed.last_code = answer ? answer->code : 0;
	bed.last_server = server;
}

static void start(size_t n_servers, bool is_stream, bool status_server)
{
	struct sent *sent = bed.sent;
	bed = (struct bed){ .sent = sent, .now = 1000, .seed = 1 };
	for (size_t i = 0; i < n_servers; i++)
		bed.servers[i] =
		        (struct radius_server_config){ .services = RADIUS_AUTHENTICATION | RADIUS_ACCOUNTING,
			        .is_stream = is_stream,
			        .n_paths = 2,
			        .secret = { .bytes = { 's', (uint8_t)('0' + i) }, .length = 2 },
			        .timeout_ms = 1000,
			        .tries = 3,
			        .dead_ms = 60000,
			        .status_server = status_server,
			        .message_authenticator = true };
	bed.client = radius_client_new(bed.servers, n_servers, &callbacks, NULL);
}

static int setup(void **state)
{
	bed.sent = calloc(SENT_MAX, sizeof(*bed.sent));
	return bed.sent ? 0 : -1;
}

static int teardown(void **state)
{
	free(bed.sent);
	return 0;
}

static int call_code(uint8_t code, struct radius_call **ret)
{
	const struct radius_request r = { .code = code,
		.attributes = (const uint8_t *)"\x01\x05"
		                               "bob",
		.length = 5,
		.password = code == RADIUS_ACCESS_REQUEST ? (const uint8_t *)"sesame" : NULL,
		.password_length = 6,
		.delay_s = 5,
		.server = -1 };
	return radius_client_call(bed.client, &r, on_answer, NULL, bed.now, ret);
}

/* The virtual clock goes on to `until`, stopping wherever the client wants to. */
static void run_until(time_ms until)
{
	time_ms at;
	while ((at = radius_client_deadline(bed.client)) <= until) {
		bed.now = MAX(bed.now, at);
		radius_client_tick(bed.client, bed.now);
	}
	bed.now = until;
}

enum forgery { GENUINE, WRONG_SECRET, NO_MESSAGE_AUTHENTICATOR, WRONG_CODE, BAD_MESSAGE_AUTHENTICATOR };

static void reply(const struct sent *to, enum forgery how)
{
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	uint8_t code =
	        to->bytes[0] == RADIUS_ACCOUNTING_REQUEST ? RADIUS_ACCOUNTING_RESPONSE : RADIUS_ACCESS_ACCEPT;
	struct radius_secret secret = bed.servers[to->server].secret;
	if (how == WRONG_SECRET)
		secret.bytes[0] ^= 1;
	radius_write_header(&w, how == WRONG_CODE ? RADIUS_COA_ACK : code, to->bytes[1], to->bytes + 4);
	if (how != NO_MESSAGE_AUTHENTICATOR)
		radius_write_message_authenticator(&w);
	assert_int_equal(radius_sign_response(&w, to->bytes + 4, &secret), 0);
	if (how == BAD_MESSAGE_AUTHENTICATOR) {
		/* The Response Authenticator is made right again, as whoever can forge MD5 would. */
		struct writer again = wr_make(RADIUS_PACKET_MAX);
		radius_write_header(&again, code, to->bytes[1], to->bytes + 4);
		radius_write(&again, RADIUS_PROXY_STATE, "0123456789abcdef", 16);
		again.data[20] = RADIUS_STATE;
		assert_int_equal(radius_sign_response(&again, to->bytes + 4, &secret), 0);
		again.data[20] = RADIUS_MESSAGE_AUTHENTICATOR;
		wr_free(&w);
		w = again;
	}
	radius_client_receive(bed.client, to->server, to->path, w.data, w.length, bed.now);
	wr_free(&w);
}

static struct radius_server_status status_of(unsigned server)
{
	struct radius_server_status s;
	radius_client_get_status(bed.client, server, &s);
	return s;
}

static void stop(void)
{
	bed.client = radius_client_free(bed.client);
}

static void asks_and_is_answered(void **state)
{
	start(1, false, true);
	assert_int_equal(call_code(RADIUS_ACCESS_REQUEST, NULL), 0);
	assert_int_equal(bed.n_sent, 1);
	struct radius_packet p;
	assert_int_equal(radius_parse(bed.sent[0].bytes, bed.sent[0].length, &p, NULL), 0);
	assert_int_equal(p.message_authenticator, 22); /* first of all */
	struct radius_attribute a;
	uint8_t hidden[RADIUS_PASSWORD_MAX];
	size_t n;
	assert_true(radius_find(&p, 0, RADIUS_USER_PASSWORD, &a));
	radius_hide_password(&bed.servers[0].secret, p.authenticator, "sesame", 6, hidden, &n);
	assert_int_equal(a.length, n);
	assert_memory_equal(a.value, hidden, n);
	reply(&bed.sent[0], GENUINE);
	assert_int_equal(bed.answers, 1);
	assert_int_equal(bed.last_code, RADIUS_ACCESS_ACCEPT);
	reply(&bed.sent[0], GENUINE); /* the network doubled it */
	assert_int_equal(bed.answers, 1);
	assert_int_equal(status_of(0).unmatched, 1);
	assert_int_equal(radius_client_deadline(bed.client), RADIUS_NEVER);
	stop();
}

static void repeats_the_same_packet_with_growing_intervals(void **state)
{
	start(1, false, true);
	call_code(RADIUS_ACCESS_REQUEST, NULL);
	run_until(1000 + 1100);
	assert_int_equal(bed.n_sent, 2);
	assert_memory_equal(bed.sent[0].bytes, bed.sent[1].bytes, bed.sent[0].length);
	run_until(1000 + 1700);
	assert_int_equal(bed.n_sent, 2);
	run_until(1000 + 3310);
	assert_int_equal(bed.n_sent, 3);
	reply(&bed.sent[0], GENUINE); /* late, but it is the same request */
	assert_int_equal(bed.answers, 1);
	assert_int_equal(status_of(0).retransmissions, 2);
	stop();
}

static void ignores_forgeries(void **state)
{
	start(1, false, true);
	call_code(RADIUS_ACCESS_REQUEST, NULL);
	reply(&bed.sent[0], WRONG_SECRET);
	reply(&bed.sent[0], NO_MESSAGE_AUTHENTICATOR);
	reply(&bed.sent[0], BAD_MESSAGE_AUTHENTICATOR);
	reply(&bed.sent[0], WRONG_CODE);
	assert_int_equal(radius_client_receive(bed.client, 0, 0, "junk", 4, bed.now), -EINVAL);
	assert_int_equal(bed.answers + bed.no_answers, 0);
	assert_int_equal(status_of(0).forged, 4);
	assert_int_equal(status_of(0).unprotected, 1);
	assert_int_equal(status_of(0).malformed, 1);
	struct sent elsewhere = bed.sent[0]; /* right, but on another path than it went out on */
	elsewhere.path ^= 1;
	reply(&elsewhere, GENUINE);
	assert_int_equal(status_of(0).unmatched, 1);
	reply(&bed.sent[0], GENUINE);
	assert_int_equal(bed.answers, 1);
	stop();
}

static void fails_over_and_comes_back_by_status_server(void **state)
{
	start(2, false, true);
	call_code(RADIUS_ACCESS_REQUEST, NULL);
	run_until(9000);
	struct sent *last = &bed.sent[bed.n_sent - 1];
	assert_int_equal(bed.downs, 1);
	assert_false(status_of(0).is_up);
	while (last->server != 1)
		last--;
	assert_memory_not_equal(
	        last->bytes + 4, bed.sent[0].bytes + 4, 16); /* another secret, another packet */
	reply(last, GENUINE);
	assert_int_equal(bed.answers, 1);
	assert_int_equal(bed.last_server, 1);
	/* The next one does not wait for the dead one. */
	bed.n_sent = 0;
	call_code(RADIUS_ACCESS_REQUEST, NULL);
	assert_int_equal(bed.sent[0].server, 1);
	reply(&bed.sent[0], GENUINE);
	/* Status-Server finds it again. */
	bed.n_sent = 0;
	while (bed.n_sent == 0 && bed.now < 30000)
		run_until(bed.now + 10);
	assert_int_equal(bed.n_sent, 1);
	assert_int_equal(bed.sent[0].bytes[0], RADIUS_STATUS_SERVER);
	assert_int_equal(bed.sent[bed.n_sent - 1].server, 0);
	reply(&bed.sent[bed.n_sent - 1], GENUINE);
	assert_true(status_of(0).is_up);
	bed.n_sent = 0;
	call_code(RADIUS_ACCESS_REQUEST, NULL);
	assert_int_equal(bed.sent[0].server, 0);
	stop();
}

static void a_server_without_status_server_is_tried_again(void **state)
{
	start(2, false, false);
	call_code(RADIUS_ACCESS_REQUEST, NULL);
	run_until(9000);
	assert_false(status_of(0).is_up);
	run_until(9000 + 67000);
	assert_true(status_of(0).is_up);
	for (size_t i = 0; i < bed.n_sent; i++)
		assert_int_not_equal(bed.sent[i].bytes[0], RADIUS_STATUS_SERVER);
	stop();
}

static void a_dead_server_gives_its_calls_away_at_once(void **state)
{
	start(2, false, true);
	for (int i = 0; i < 100; i++) {
		call_code(RADIUS_ACCESS_REQUEST, NULL);
		run_until(bed.now + 10);
	}
	while (bed.downs == 0)
		run_until(bed.now + 10);
	size_t at_second = 0;
	for (size_t i = 0; i < bed.n_sent; i++)
		at_second += bed.sent[i].server == 1;
	assert_int_equal(at_second, 100);
	stop();
}

static void a_call_ends_when_nobody_answers(void **state)
{
	start(2, false, true);
	call_code(RADIUS_ACCESS_REQUEST, NULL);
	run_until(1000 + RADIUS_LIFE_MS - 1);
	assert_int_equal(bed.no_answers, 0);
	run_until(1000 + RADIUS_LIFE_MS);
	assert_int_equal(bed.no_answers, 1);
	stop();
}

static void accounting_counts_its_delay(void **state)
{
	start(2, false, true);
	call_code(RADIUS_ACCOUNTING_REQUEST, NULL);
	run_until(9000);
	struct radius_packet p;
	struct radius_attribute a;
	uint32_t first, last;
	assert_int_equal(radius_parse(bed.sent[0].bytes, bed.sent[0].length, &p, NULL), 0);
	assert_int_equal(radius_verify_computed(&p, &bed.servers[0].secret, false), 0);
	assert_true(radius_find(&p, 0, RADIUS_ACCT_DELAY_TIME, &a));
	assert_int_equal(radius_get_u32(&a, &first), 0);
	size_t i = bed.n_sent - 1;
	while (bed.sent[i].server != 1 || bed.sent[i].bytes[0] != RADIUS_ACCOUNTING_REQUEST)
		i--;
	assert_int_equal(radius_parse(bed.sent[i].bytes, bed.sent[i].length, &p, NULL), 0);
	assert_true(radius_find(&p, 0, RADIUS_ACCT_DELAY_TIME, &a));
	assert_int_equal(radius_get_u32(&a, &last), 0);
	assert_int_equal(first, 5);
	assert_in_range(last, 5 + 6, 5 + 8);
	reply(&bed.sent[i], NO_MESSAGE_AUTHENTICATOR); /* RFC 2866 knows none */
	assert_int_equal(bed.answers, 1);
	stop();
}

static void identifiers_run_out_and_the_rest_waits(void **state)
{
	start(1, false, true);
	for (int i = 0; i < 2 * 256 + 3; i++)
		assert_int_equal(call_code(RADIUS_ACCESS_REQUEST, NULL), 0);
	assert_int_equal(bed.n_sent, 512);
	bool seen[2][256] = { 0 };
	for (size_t i = 0; i < bed.n_sent; i++) {
		assert_false(seen[bed.sent[i].path][bed.sent[i].bytes[1]]);
		seen[bed.sent[i].path][bed.sent[i].bytes[1]] = true;
	}
	for (int i = 0; i < 515; i++)
		reply(&bed.sent[i], GENUINE);
	assert_int_equal(bed.n_sent, 515);
	assert_int_equal(bed.answers, 515);
	stop();
}

static void too_many_calls_are_refused(void **state)
{
	start(1, true, true); /* no connection: they all wait */
	for (int i = 0; i < RADIUS_CALLS_MAX; i++)
		assert_int_equal(call_code(RADIUS_ACCESS_REQUEST, NULL), 0);
	assert_int_equal(call_code(RADIUS_ACCESS_REQUEST, NULL), -EAGAIN);
	assert_int_equal(bed.n_sent, 0);
	stop();
}

static void a_stream_is_not_repeated_and_its_loss_moves_calls(void **state)
{
	start(2, true, true);
	call_code(RADIUS_ACCESS_REQUEST, NULL);
	assert_int_equal(bed.n_sent, 0); /* waits for a connection */
	radius_client_path(bed.client, 0, 0, true, bed.now);
	assert_int_equal(bed.n_sent, 1);
	run_until(bed.now + 5000);
	assert_int_equal(bed.n_sent, 1);
	radius_client_path(bed.client, 1, 1, true, bed.now);
	radius_client_path(bed.client, 0, 0, false, bed.now);
	assert_int_equal(bed.n_sent, 2);
	assert_int_equal(bed.sent[1].server, 1);
	assert_int_equal(bed.sent[1].path, 1);
	reply(&bed.sent[1], GENUINE);
	assert_int_equal(bed.answers, 1);
	stop();
}

static void a_silent_stream_is_dead(void **state)
{
	start(2, true, true);
	radius_client_path(bed.client, 0, 0, true, bed.now);
	radius_client_path(bed.client, 1, 0, true, bed.now);
	call_code(RADIUS_ACCESS_REQUEST, NULL);
	run_until(1000 + 7800);
	assert_false(status_of(0).is_up);
	assert_int_equal(bed.sent[1].server, 1);
	run_until(1000 + 7800 + 6000); /* a probe is under way when the connection ends */
	assert_int_equal(bed.sent[bed.n_sent - 1].bytes[0], RADIUS_STATUS_SERVER);
	radius_client_path(bed.client, 0, 0, false, bed.now);
	call_code(RADIUS_ACCOUNTING_REQUEST, NULL);
	assert_int_equal(bed.sent[bed.n_sent - 1].server, 1);
	stop();
}

static void cancelled_calls_are_forgotten(void **state)
{
	start(1, false, true);
	struct radius_call *call;
	call_code(RADIUS_ACCESS_REQUEST, &call);
	radius_client_cancel(bed.client, call);
	reply(&bed.sent[0], GENUINE);
	assert_int_equal(bed.answers, 0);
	assert_int_equal(status_of(0).unmatched, 1);
	assert_int_equal(radius_client_count(bed.client), 0);
	stop();
}

/* Half of everything is lost and the rest comes in any order: every call is answered once. */
static void survives_loss_and_reordering(void **state)
{
	start(2, false, true);
	unsigned calls = 0;
	for (int step = 0; step < 4000; step++) {
		uint8_t dice[3];
		bed_random(NULL, dice, sizeof(dice));
		if (step < 2000 && dice[0] < 128 && call_code(RADIUS_ACCESS_REQUEST, NULL) == 0)
			calls++;
		run_until(bed.now + 20);
		size_t n = bed.n_sent;
		for (size_t i = n; i-- > 0;)
			if ((bed.sent[i].bytes[i % 16 + 4] ^ dice[1]) & 1)
				reply(&bed.sent[i], dice[2] < 30 ? WRONG_SECRET : GENUINE);
		bed.n_sent = 0;
	}
	assert_true(calls > 500);
	assert_int_equal(bed.answers + bed.no_answers, calls);
	assert_true(bed.no_answers < calls / 50);
	assert_int_equal(radius_client_count(bed.client), 0);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_and_is_answered),
		cmocka_unit_test(repeats_the_same_packet_with_growing_intervals),
		cmocka_unit_test(ignores_forgeries),
		cmocka_unit_test(fails_over_and_comes_back_by_status_server),
		cmocka_unit_test(a_server_without_status_server_is_tried_again),
		cmocka_unit_test(a_dead_server_gives_its_calls_away_at_once),
		cmocka_unit_test(a_call_ends_when_nobody_answers),
		cmocka_unit_test(accounting_counts_its_delay),
		cmocka_unit_test(identifiers_run_out_and_the_rest_waits),
		cmocka_unit_test(too_many_calls_are_refused),
		cmocka_unit_test(a_stream_is_not_repeated_and_its_loss_moves_calls),
		cmocka_unit_test(a_silent_stream_is_dead),
		cmocka_unit_test(cancelled_calls_are_forgotten),
		cmocka_unit_test(survives_loss_and_reordering),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
