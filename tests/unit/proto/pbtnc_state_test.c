/* SPDX-License-Identifier: ISC */
/* The state machine of RFC 5793 3.2: every batch in every state, both roles, and whole conversations with
 * crossings. */
#include "proto/pbtnc/pbtnc.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define SESSION struct pbtnc_session *CLEANUP(pbtnc_session_free_pointer)
#define WRITER(name) struct writer name CLEANUP(wr_free) = wr_make(PBTNC_BATCH_MAX)

/* A batch by hand; a RESULT has its assessment result and recommendation. */
static size_t batch(uint8_t *at, bool from_server, unsigned type)
{
	static const uint8_t result[] = { 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 16, 0, 0, 0, 0, /* compliant */
		0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 16, 0, 0, 0, 1 }; /* access allowed */
	size_t n = 8 + (type == PBTNC_RESULT ? sizeof(result) : 0);
	uint8_t header[8] = { 2, from_server ? 0x80 : 0, 0, (uint8_t)type, 0, 0, 0, (uint8_t)n };
	memcpy(at, header, 8);
	if (type == PBTNC_RESULT)
		memcpy(at + 8, result, sizeof(result));
	return n;
}

static int receive(struct pbtnc_session *s, bool from_server, unsigned type)
{
	uint8_t bytes[64];
	size_t n = batch(bytes, from_server, type);
	int e = pbtnc_receive_batch(s, bytes, n);
	/* The batch lives on this stack: drain here, keep the last kind. */
	for (struct pbtnc_event event; pbtnc_next(s, &event);)
		if (event.kind == PBTNC_EVENT_CLOSED)
			assert_int_equal(pbtnc_get_state(s), PBTNC_END);
	return e;
}

static struct pbtnc_session *in_state(enum pbtnc_role role, enum pbtnc_state state)
{
	struct pbtnc_session *s = pbtnc_session_new(role);
	WRITER(w);
	bool server = role == PBTNC_SERVER;
	if (state == PBTNC_END) {
		assert_int_equal(pbtnc_send(s, PBTNC_CLOSE, &w), 0);
	} else if (state != PBTNC_INIT) {
		assert_int_equal(server ? receive(s, false, PBTNC_CDATA) : pbtnc_send(s, PBTNC_CDATA, &w), 0);
		if (state == PBTNC_CLIENT_WORKING)
			assert_int_equal(
			        server ? pbtnc_send(s, PBTNC_SDATA, &w) : receive(s, true, PBTNC_SDATA), 0);
		if (state == PBTNC_DECIDED)
			assert_int_equal(server
			                ? pbtnc_send_result(s, PBTNC_COMPLIANT, PBTNC_ACCESS_ALLOWED, &w)
			                : receive(s, true, PBTNC_RESULT),
			        0);
	}
	assert_int_equal(pbtnc_get_state(s), state);
	return s;
}

#define NO (-1)

/* What figure 2 of the RFC says, row by row; columns CDATA SDATA RESULT CRETRY SRETRY CLOSE. */
static const int on_receive[2][PBTNC_N_STATES][7] = {
	[PBTNC_SERVER] = {
		[PBTNC_INIT] = { NO, PBTNC_SERVER_WORKING, NO, NO, NO, NO, PBTNC_END },
		[PBTNC_SERVER_WORKING] = { NO, NO, NO, NO, PBTNC_SERVER_WORKING, NO, PBTNC_END },
		[PBTNC_CLIENT_WORKING] = { NO, PBTNC_SERVER_WORKING, NO, NO, PBTNC_CLIENT_WORKING, NO, PBTNC_END },
		[PBTNC_DECIDED] = { NO, NO, NO, NO, PBTNC_SERVER_WORKING, NO, PBTNC_END },
	},
	[PBTNC_CLIENT] = {
		[PBTNC_INIT] = { NO, NO, PBTNC_CLIENT_WORKING, NO, NO, NO, PBTNC_END },
		[PBTNC_SERVER_WORKING] = { NO, NO, PBTNC_CLIENT_WORKING, PBTNC_DECIDED, NO, PBTNC_SERVER_WORKING, PBTNC_END },
		[PBTNC_CLIENT_WORKING] = { NO, NO, NO, NO, NO, NO, PBTNC_END },
		[PBTNC_DECIDED] = { NO, NO, NO, NO, NO, PBTNC_SERVER_WORKING, PBTNC_END },
	},
};

static void assert_refused(struct pbtnc_session *s, bool from_server, unsigned type)
{
	uint8_t bytes[64];
	size_t n = batch(bytes, from_server, type);
	assert_int_equal(pbtnc_receive_batch(s, bytes, n), -EBADMSG);
	struct pbtnc_event event;
	assert_true(pbtnc_next(s, &event));
	assert_int_equal(event.kind, PBTNC_EVENT_CLOSED);
	assert_false(pbtnc_next(s, &event));
	assert_int_equal(pbtnc_get_state(s), PBTNC_END);
	assert_int_equal(pbtnc_get_counters(s).refused_batches, 1);
	/* The answer is a CLOSE batch with a fatal Unexpected Batch Type (4.9), by hand: */
	uint8_t expected[] = { 2, from_server ? 0 : 0x80, 0, 6, 0, 0, 0, 28, 0x80, 0, 0, 0, 0, 0, 0, 5, 0, 0,
		0, 20, 0x80, 0, 0, 0, 0, 0, 0, 0 };
	WRITER(w);
	assert_true(pbtnc_take_reply(s, &w));
	assert_int_equal(w.length, sizeof(expected));
	assert_memory_equal(w.data, expected, sizeof(expected));
	assert_false(pbtnc_take_reply(s, &w));
}

static void every_batch_in_every_state(void **state)
{
	for (unsigned role = 0; role < 2; role++)
		for (unsigned from = 0; from < PBTNC_END; from++)
			for (unsigned type = PBTNC_CDATA; type <= PBTNC_CLOSE; type++) {
				SESSION s = in_state((enum pbtnc_role)role, (enum pbtnc_state)from);
				bool from_server = role == PBTNC_CLIENT;
				int to = on_receive[role][from][type];
				if (to == NO) {
					assert_refused(s, from_server, type);
					continue;
				}
				assert_int_equal(receive(s, from_server, type), 0);
				assert_int_equal(pbtnc_get_state(s), to);
			}
}

static void nothing_is_heard_after_the_end(void **state)
{
	for (unsigned role = 0; role < 2; role++)
		for (unsigned type = PBTNC_CDATA; type <= PBTNC_CLOSE; type++) {
			SESSION s = in_state((enum pbtnc_role)role, PBTNC_END);
			assert_int_equal(receive(s, role == PBTNC_CLIENT, type), 0);
			assert_int_equal(pbtnc_get_state(s), PBTNC_END);
			assert_int_equal(pbtnc_get_counters(s).late_batches, 1);
			WRITER(w);
			assert_false(pbtnc_take_reply(s, &w));
			assert_int_equal(pbtnc_send(s, PBTNC_CLOSE, &w), -EPROTO);
		}
}

static int try_to_send(struct pbtnc_session *s, unsigned type, struct writer *w)
{
	if (type == PBTNC_RESULT)
		return pbtnc_send_result(s, PBTNC_COMPLIANT, PBTNC_ACCESS_ALLOWED, w);
	return pbtnc_send(s, (enum pbtnc_batch_type)type, w);
}

static void sends_only_what_the_state_allows(void **state)
{
	static const int on_send[2][PBTNC_N_STATES][7] = {
		[PBTNC_CLIENT] = {
			[PBTNC_INIT] = { NO, PBTNC_SERVER_WORKING, NO, NO, NO, NO, PBTNC_END },
			[PBTNC_SERVER_WORKING] = { NO, NO, NO, NO, NO, NO, PBTNC_END },
			[PBTNC_CLIENT_WORKING] = { NO, PBTNC_SERVER_WORKING, NO, NO, NO, NO, PBTNC_END },
			[PBTNC_DECIDED] = { NO, NO, NO, NO, PBTNC_SERVER_WORKING, NO, PBTNC_END },
			[PBTNC_END] = { NO, NO, NO, NO, NO, NO, NO },
		},
		[PBTNC_SERVER] = {
			[PBTNC_INIT] = { NO, NO, PBTNC_CLIENT_WORKING, NO, NO, NO, PBTNC_END },
			[PBTNC_SERVER_WORKING] = { NO, NO, PBTNC_CLIENT_WORKING, PBTNC_DECIDED, NO, NO, PBTNC_END },
			[PBTNC_CLIENT_WORKING] = { NO, NO, NO, NO, NO, NO, PBTNC_END },
			[PBTNC_DECIDED] = { NO, NO, NO, NO, NO, PBTNC_SERVER_WORKING, PBTNC_END },
			[PBTNC_END] = { NO, NO, NO, NO, NO, NO, NO },
		},
	};
	for (unsigned role = 0; role < 2; role++)
		for (unsigned from = 0; from < PBTNC_N_STATES; from++)
			for (unsigned type = PBTNC_CDATA; type <= PBTNC_CLOSE; type++) {
				SESSION s = in_state((enum pbtnc_role)role, (enum pbtnc_state)from);
				WRITER(w);
				int to = on_send[role][from][type];
				int e = try_to_send(s, type, &w);
				assert_int_equal(e, to == NO ? -EPROTO : 0);
				assert_int_equal(pbtnc_get_state(s), to == NO ? (int)from : to);
				uint8_t expected[64];
				size_t n = to == NO ? 0 : batch(expected, role == PBTNC_SERVER, type);
				assert_int_equal(w.length, n);
				if (n)
					assert_memory_equal(w.data, expected, n);
			}
	SESSION s = pbtnc_session_new(PBTNC_CLIENT);
	WRITER(w);
	assert_int_equal(pbtnc_send(s, (enum pbtnc_batch_type)0, &w), -EINVAL);
	assert_int_equal(pbtnc_send(s, PBTNC_N_BATCH_TYPES, &w), -EINVAL);
	assert_int_equal(pbtnc_send(s, PBTNC_RESULT, &w), -EINVAL);
}

/* Both ends and what is under way between them, each batch on its own. */
struct wire {
	struct writer batches[8];
	size_t count;
};

static struct writer *put(struct wire *wire)
{
	assert_true(wire->count < 8);
	wire->batches[wire->count] = wr_make(PBTNC_BATCH_MAX);
	return &wire->batches[wire->count++];
}

/* Delivers the oldest batch and returns the kinds of its events as a string of letters. */
static const char *deliver(struct wire *wire, struct pbtnc_session *to)
{
	static char kinds[64];
	struct writer w = wire->batches[0];
	memmove(wire->batches, wire->batches + 1, --wire->count * sizeof(w));
	assert_int_equal(pbtnc_receive_batch(to, w.data, w.length), 0);
	size_t n = 0;
	for (struct pbtnc_event event; pbtnc_next(to, &event); n++) {
		assert_true(n < sizeof(kinds) - 1);
		kinds[n] = "YPLRAsm!TX"[event.kind]; /* retrY Pa Language Result Access reaSon reMediation
		                                        error Turn closed */
	}
	kinds[n] = 0;
	wr_free(&w);
	return kinds;
}

static void add_pa(struct pbtnc_session *s, const char *body)
{
	struct pbtnc_pa pa = { .vendor = 0,
		.subtype = 1,
		.collector = 1,
		.validator = PBTNC_ID_ANY,
		.body = (const uint8_t *)body,
		.length = strlen(body) };
	assert_int_equal(pbtnc_add_pa(s, &pa), 0);
}

struct pair {
	struct pbtnc_session *client, *server;
	struct wire up, down;
};

static void open_pair(struct pair *p)
{
	*p = (struct pair){ .client = pbtnc_session_new(PBTNC_CLIENT),
		.server = pbtnc_session_new(PBTNC_SERVER) };
	assert_true(pbtnc_is_turn(p->client));
	assert_int_equal(pbtnc_add_language(p->client, "en"), 0);
	add_pa(p->client, "posture");
	assert_int_equal(pbtnc_send(p->client, PBTNC_CDATA, put(&p->up)), 0);
	assert_string_equal(deliver(&p->up, p->server), "LPT");
}

static void decide(struct pair *p)
{
	assert_int_equal(pbtnc_add_reason(p->server, "late", "en"), 0);
	assert_int_equal(pbtnc_add_remediation_uri(p->server, "http://patches/"), 0);
	assert_int_equal(pbtnc_send_result(p->server, PBTNC_SIGNIFICANT_DIFFERENCES, PBTNC_ACCESS_QUARANTINED,
	                         put(&p->down)),
	        0);
	assert_string_equal(deliver(&p->down, p->client), "smRA");
	assert_int_equal(pbtnc_get_state(p->client), PBTNC_DECIDED);
	assert_int_equal(pbtnc_get_state(p->server), PBTNC_DECIDED);
}

static void close_pair(struct pair *p)
{
	assert_int_equal(pbtnc_send(p->client, PBTNC_CLOSE, put(&p->up)), 0);
	assert_string_equal(deliver(&p->up, p->server), "X");
	assert_int_equal(pbtnc_get_state(p->server), PBTNC_END);
	assert_int_equal(p->up.count + p->down.count, 0);
	pbtnc_session_free(p->client);
	pbtnc_session_free(p->server);
}

static void an_assessment_in_one_round(void **state)
{
	struct pair p;
	open_pair(&p);
	decide(&p);
	close_pair(&p);
}

static void an_assessment_with_a_question(void **state)
{
	struct pair p;
	open_pair(&p);
	add_pa(p.server, "nonce");
	assert_int_equal(pbtnc_send(p.server, PBTNC_SDATA, put(&p.down)), 0);
	assert_false(pbtnc_is_turn(p.server));
	assert_string_equal(deliver(&p.down, p.client), "PT");
	assert_int_equal(pbtnc_send(p.client, PBTNC_CDATA, put(&p.up)), 0); /* an empty CDATA is fine */
	assert_string_equal(deliver(&p.up, p.server), "T");
	decide(&p);
	close_pair(&p);
}

static void the_server_inspects_again(void **state)
{
	struct pair p;
	open_pair(&p);
	decide(&p);
	for (unsigned i = 0; i < 3 * PBTNC_ROUNDS_MAX; i++) {
		assert_int_equal(pbtnc_request_retry(p.server, put(&p.down)), 0);
		add_pa(p.server, "nonce");
		assert_int_equal(pbtnc_send(p.server, PBTNC_SDATA, put(&p.down)), 0);
		assert_string_equal(deliver(&p.down, p.client), "Y");
		assert_false(pbtnc_is_turn(p.client));
		assert_string_equal(deliver(&p.down, p.client), "PT");
		add_pa(p.client, "posture");
		assert_int_equal(pbtnc_send(p.client, PBTNC_CDATA, put(&p.up)), 0);
		assert_string_equal(deliver(&p.up, p.server), "PT");
		decide(&p);
	}
	close_pair(&p);
}

static void the_client_answers_an_sretry_with_a_cretry(void **state)
{
	struct pair p;
	open_pair(&p);
	decide(&p);
	assert_int_equal(pbtnc_request_retry(p.server, put(&p.down)), 0);
	assert_string_equal(deliver(&p.down, p.client), "Y");
	add_pa(p.client, "posture");
	assert_int_equal(pbtnc_request_retry(p.client, put(&p.up)), 0);
	WRITER(w);
	assert_int_equal(pbtnc_request_retry(p.client, &w), -EPROTO); /* once */
	assert_string_equal(deliver(&p.up, p.server), "YPT");
	decide(&p);
	close_pair(&p);
}

static void the_client_asks_again(void **state)
{
	struct pair p;
	open_pair(&p);
	decide(&p);
	add_pa(p.client, "new posture");
	assert_int_equal(pbtnc_request_retry(p.client, put(&p.up)), 0);
	assert_string_equal(deliver(&p.up, p.server), "YPT");
	decide(&p);
	close_pair(&p);
}

static void retries_that_cross_become_one(void **state)
{
	struct pair p;
	open_pair(&p);
	decide(&p);
	assert_int_equal(pbtnc_request_retry(p.server, put(&p.down)), 0);
	assert_int_equal(pbtnc_request_retry(p.client, put(&p.up)), 0);
	assert_string_equal(deliver(&p.up, p.server), "YT");
	assert_string_equal(deliver(&p.down, p.client), "Y");
	WRITER(w);
	assert_int_equal(pbtnc_request_retry(p.client, &w), -EPROTO); /* it has asked already */
	assert_int_equal(pbtnc_get_state(p.client), PBTNC_SERVER_WORKING);
	assert_int_equal(pbtnc_get_state(p.server), PBTNC_SERVER_WORKING);
	decide(&p);
	/* And where the server's question is already under way: */
	assert_int_equal(pbtnc_request_retry(p.server, put(&p.down)), 0);
	assert_int_equal(pbtnc_send(p.server, PBTNC_SDATA, put(&p.down)), 0);
	assert_int_equal(pbtnc_request_retry(p.client, put(&p.up)), 0);
	assert_string_equal(deliver(&p.up, p.server), "Y");
	assert_int_equal(pbtnc_get_state(p.server), PBTNC_CLIENT_WORKING);
	assert_string_equal(deliver(&p.down, p.client), "Y");
	assert_string_equal(deliver(&p.down, p.client), "T");
	assert_int_equal(pbtnc_send(p.client, PBTNC_CDATA, put(&p.up)), 0);
	assert_string_equal(deliver(&p.up, p.server), "T");
	decide(&p);
	close_pair(&p);
}

static void closes_that_cross_are_quiet(void **state)
{
	struct pair p;
	open_pair(&p);
	assert_int_equal(pbtnc_send(p.server, PBTNC_CLOSE, put(&p.down)), 0);
	assert_int_equal(pbtnc_send(p.client, PBTNC_CLOSE, put(&p.up)), 0);
	assert_string_equal(deliver(&p.up, p.server), "");
	assert_string_equal(deliver(&p.down, p.client), "");
	pbtnc_session_free(p.client);
	pbtnc_session_free(p.server);
}

static void batches_in_the_wrong_order_end_it(void **state)
{
	struct pair p;
	open_pair(&p);
	add_pa(p.server, "nonce");
	assert_int_equal(pbtnc_send(p.server, PBTNC_SDATA, put(&p.down)), 0);
	assert_string_equal(deliver(&p.down, p.client), "PT");
	assert_int_equal(pbtnc_send(p.client, PBTNC_CDATA, put(&p.up)), 0);
	assert_int_equal(pbtnc_send(p.client, PBTNC_CLOSE, put(&p.up)), 0);
	struct writer swap = p.up.batches[0];
	p.up.batches[0] = p.up.batches[1];
	p.up.batches[1] = swap;
	assert_string_equal(deliver(&p.up, p.server), "X");
	assert_string_equal(deliver(&p.up, p.server), "");
	pbtnc_session_free(p.client);
	pbtnc_session_free(p.server);
}

static void rounds_without_an_end_are_cut(void **state)
{
	SESSION s = in_state(PBTNC_SERVER, PBTNC_SERVER_WORKING);
	unsigned n = 1;
	while (receive(s, false, PBTNC_CRETRY) == 0)
		assert_true(++n <= PBTNC_ROUNDS_MAX);
	assert_int_equal(n, PBTNC_ROUNDS_MAX);
	assert_int_equal(pbtnc_get_problem(s)->code, PBTNC_E_LOCAL_ERROR);
}

static void events_are_drained_before_the_next_batch(void **state)
{
	SESSION s = pbtnc_session_new(PBTNC_SERVER);
	uint8_t bytes[64];
	size_t n = batch(bytes, false, PBTNC_CDATA);
	assert_int_equal(pbtnc_receive_batch(s, bytes, n), 0);
	assert_int_equal(pbtnc_receive_batch(s, bytes, n), -EBUSY);
	struct pbtnc_event event;
	assert_true(pbtnc_next(s, &event));
	assert_int_equal(event.kind, PBTNC_EVENT_TURN);
	assert_false(pbtnc_next(s, &event));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_batch_in_every_state),
		cmocka_unit_test(nothing_is_heard_after_the_end),
		cmocka_unit_test(sends_only_what_the_state_allows),
		cmocka_unit_test(an_assessment_in_one_round),
		cmocka_unit_test(an_assessment_with_a_question),
		cmocka_unit_test(the_server_inspects_again),
		cmocka_unit_test(the_client_answers_an_sretry_with_a_cretry),
		cmocka_unit_test(the_client_asks_again),
		cmocka_unit_test(retries_that_cross_become_one),
		cmocka_unit_test(closes_that_cross_are_quiet),
		cmocka_unit_test(batches_in_the_wrong_order_end_it),
		cmocka_unit_test(rounds_without_an_end_are_cut),
		cmocka_unit_test(events_are_drained_before_the_next_batch),
	};
	return cmocka_run_group_tests_name("pbtnc_state", tests, NULL, NULL);
}
