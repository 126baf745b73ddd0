/* SPDX-License-Identifier: ISC */
#include "proto/pttls/pttls.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define SESSION struct pttls_session *CLEANUP(pttls_session_free_pointer)

static struct pttls_session *new_session(enum pttls_role role)
{
	struct pttls_config config = { .role = role };
	return pttls_session_new(&config);
}

/* A message as RFC 6876 3.5 draws it, written by hand. */
static size_t message(
        uint8_t *at, uint32_t vendor, uint32_t type, uint32_t length, uint32_t id, const void *body, size_t n)
{
	uint8_t header[16] = { 0, (uint8_t)(vendor >> 16), (uint8_t)(vendor >> 8), (uint8_t)vendor,
		(uint8_t)(type >> 24), (uint8_t)(type >> 16), (uint8_t)(type >> 8), (uint8_t)type,
		(uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length,
		(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id };
	memcpy(at, header, 16);
	if (n)
		memcpy(at + 16, body, n);
	return 16 + n;
}

static void feed(struct pttls_session *s, uint32_t vendor, uint32_t type, const void *body, size_t n)
{
	uint8_t bytes[2048];
	size_t length = message(bytes, vendor, type, (uint32_t)(16 + n), 7, body, n);
	assert_int_equal(pttls_receive(s, bytes, length), 0);
}

static struct pttls_event next(struct pttls_session *s)
{
	struct pttls_event event = { 0 };
	assert_true(pttls_next(s, &event));
	return event;
}

static void assert_silent(struct pttls_session *s)
{
	struct pttls_event event;
	assert_false(pttls_next(s, &event));
}

static void assert_closed(struct pttls_session *s, enum pttls_error_code code, bool by_peer)
{
	struct pttls_event event = next(s);
	assert_int_equal(event.kind, PTTLS_EVENT_CLOSED);
	assert_int_equal(event.code, code);
	assert_int_equal(event.by_peer, by_peer);
	assert_non_null(event.text);
	assert_true(pttls_is_closed(s));
	assert_silent(s);
	assert_int_equal(pttls_receive(s, "x", 1), -EPIPE);
	assert_int_equal(pttls_send_batch(s, "x", 1), -EPIPE);
}

/* The Error message at the end of the output, whose code is the given one. */
static void assert_sent_error(struct pttls_session *s, enum pttls_error_code code, size_t copied)
{
	struct writer *out = pttls_output(s);
	size_t n = 16 + 8 + copied;
	assert_true(out->length >= n);
	const uint8_t *at = out->data + out->length - n;
	assert_int_equal(at[7], PTTLS_ERROR);
	assert_int_equal(at[10] << 8 | at[11], n);
	assert_int_equal(at[16 + 7], code);
}

static void move(struct pttls_session *from, struct pttls_session *to)
{
	struct writer *out = pttls_output(from);
	assert_int_equal(pttls_receive(to, out->data, out->length), 0);
	wr_consume(out, out->length);
}

static void connect_pair(struct pttls_session *client, struct pttls_session *server)
{
	assert_int_equal(pttls_start(client), 0);
	assert_int_equal(pttls_start(server), 0);
	move(client, server);
	assert_int_equal(next(server).kind, PTTLS_EVENT_READY);
	assert_silent(server);
	move(server, client);
	assert_int_equal(next(client).kind, PTTLS_EVENT_READY);
	assert_silent(client);
}

static void negotiates_with_the_bytes_of_the_rfc(void **state)
{
	SESSION client = new_session(PTTLS_CLIENT);
	SESSION server = new_session(PTTLS_SERVER);
	assert_int_equal(pttls_start(client), 0);
	assert_int_equal(pttls_start(client), -EALREADY);
	static const uint8_t request[] = { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 0, 0, 1, 1, 1 };
	assert_int_equal(pttls_output(client)->length, sizeof(request));
	assert_memory_equal(pttls_output(client)->data, request, sizeof(request));
	move(client, server);
	assert_int_equal(next(server).kind, PTTLS_EVENT_READY);
	static const uint8_t answer[] = { 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0,
		1,                                                 /* Version Response */
		0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 16, 0, 0, 0, 1 }; /* no SASL mechanisms */
	assert_int_equal(pttls_output(server)->length, sizeof(answer));
	assert_memory_equal(pttls_output(server)->data, answer, sizeof(answer));
	move(server, client);
	assert_int_equal(next(client).kind, PTTLS_EVENT_READY);
	assert_true(pttls_is_ready(client) && pttls_is_ready(server));
	/* Identifiers count up for each sender. */
	assert_int_equal(pttls_send_batch(client, "ab", 2), 0);
	static const uint8_t batch[] = { 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 18, 0, 0, 0, 1, 'a', 'b' };
	assert_memory_equal(pttls_output(client)->data, batch, sizeof(batch));
	move(client, server);
	struct pttls_event event = next(server);
	assert_int_equal(event.kind, PTTLS_EVENT_BATCH);
	assert_int_equal(event.length, 2);
	assert_memory_equal(event.bytes, "ab", 2);
	assert_int_equal(pttls_get_counters(server).messages_received, 2);
	assert_int_equal(pttls_get_counters(client).messages_sent, 2);
}

static size_t whole_conversation(uint8_t *bytes)
{
	size_t n = message(bytes, 0, 1, 20, 0, "\0\1\1\1", 4);
	n += message(bytes + n, 0, 7, 16 + 11, 1, "first batch", 11);
	n += message(bytes + n, 0x5597, 3, 16 + 3, 2, "tcg", 3);
	n += message(bytes + n, 0, 7, 16, 3, NULL, 0);
	n += message(bytes + n, 0, 7, 16 + 6, 4, "second", 6);
	return n;
}

static void expect_conversation(struct pttls_session *s, size_t *seen)
{
	static const char *const batches[] = { "first batch", "", "second" };
	for (struct pttls_event event; pttls_next(s, &event); (*seen)++) {
		if (*seen == 0) {
			assert_int_equal(event.kind, PTTLS_EVENT_READY);
			continue;
		}
		assert_int_equal(event.kind, PTTLS_EVENT_BATCH);
		assert_true(*seen <= ARRAY_LENGTH(batches));
		const char *expected = *seen <= ARRAY_LENGTH(batches) ? batches[*seen - 1] : "";
		assert_int_equal(event.length, strlen(expected));
		assert_memory_equal(event.bytes, expected, event.length);
	}
}

static void takes_bytes_split_at_every_boundary(void **state)
{
	uint8_t bytes[512];
	size_t n = whole_conversation(bytes);
	for (size_t a = 0; a <= n; a++)
		for (size_t b = a; b <= n; b += 1 + (b > a + 20 ? 13 : 0)) {
			SESSION s = new_session(PTTLS_SERVER);
			size_t seen = 0;
			size_t cuts[] = { 0, a, b, n };
			for (size_t i = 0; i < 3; i++) {
				assert_int_equal(pttls_receive(s, bytes + cuts[i], cuts[i + 1] - cuts[i]), 0);
				expect_conversation(s, &seen);
			}
			assert_int_equal(seen, 4);
			assert_int_equal(pttls_get_counters(s).refused, 1);
		}
	SESSION s = new_session(PTTLS_SERVER);
	size_t seen = 0;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(pttls_receive(s, bytes + i, 1), 0);
		expect_conversation(s, &seen);
	}
	assert_int_equal(seen, 4);
}

static void judges_versions(void **state)
{
	static const struct {
		uint8_t min, max, preferred;
		enum pttls_error_code code;
	} rows[] = {
		{ 1, 1, 1, PTTLS_E_NONE },
		{ 1, 255, 1, PTTLS_E_NONE },
		{ 1, 3, 2, PTTLS_E_NONE },
		{ 0, 1, 0, PTTLS_E_NONE },
		{ 2, 3, 2, PTTLS_E_VERSION_NOT_SUPPORTED },
		{ 0, 0, 0, PTTLS_E_VERSION_NOT_SUPPORTED },
		{ 2, 1, 1, PTTLS_E_INVALID_PARAMETER },
		{ 1, 2, 3, PTTLS_E_INVALID_PARAMETER },
		{ 1, 2, 0, PTTLS_E_INVALID_PARAMETER },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		SESSION s = new_session(PTTLS_SERVER);
		uint8_t body[4] = { 0xff, rows[i].min, rows[i].max, rows[i].preferred };
		feed(s, 0, PTTLS_VERSION_REQUEST, body, 4);
		if (rows[i].code == PTTLS_E_NONE) {
			assert_int_equal(next(s).kind, PTTLS_EVENT_READY);
		} else {
			assert_closed(s, rows[i].code, false);
			assert_sent_error(s, rows[i].code, 20);
			/* The copy is the message itself. */
			assert_memory_equal(pttls_output(s)->data + 16 + 8 + 16, body, 4);
		}
	}
	for (unsigned version = 0; version < 256; version++) {
		SESSION s = new_session(PTTLS_CLIENT);
		assert_int_equal(pttls_start(s), 0);
		uint8_t body[4] = { 0, 0, 0, (uint8_t)version };
		feed(s, 0, PTTLS_VERSION_RESPONSE, body, 4);
		if (version == 1)
			assert_silent(s);
		else
			assert_closed(s, PTTLS_E_VERSION_NOT_SUPPORTED, false);
	}
}

/* In which state a session is, by what it has been through. */
enum stage { FRESH, STARTED, VERSIONED, READY, N_STAGES };

static struct pttls_session *at_stage(enum pttls_role role, enum stage stage)
{
	struct pttls_session *s = new_session(role);
	if (stage >= STARTED)
		(void)pttls_start(s);
	if (role == PTTLS_CLIENT && stage >= VERSIONED)
		feed(s, 0, PTTLS_VERSION_RESPONSE, "\0\0\0\1", 4);
	if (role == PTTLS_CLIENT && stage == READY)
		feed(s, 0, PTTLS_SASL_MECHANISMS, NULL, 0);
	if (role == PTTLS_SERVER && stage >= VERSIONED)
		feed(s, 0, PTTLS_VERSION_REQUEST, "\0\1\1\1", 4);
	for (struct pttls_event event; pttls_next(s, &event);)
		assert_int_equal(event.kind, PTTLS_EVENT_READY);
	return s;
}

static void refuses_what_the_phase_does_not_allow(void **state)
{
	/* For each role and stage the types that are taken; Error and unknown types have tests of their own.
	 */
	static const uint32_t taken[2][N_STAGES] = {
		[PTTLS_CLIENT] = { [STARTED] = 1 << PTTLS_VERSION_RESPONSE,
		        [VERSIONED] = 1 << PTTLS_SASL_MECHANISMS,
		        [READY] = 1 << PTTLS_PB_TNC_BATCH },
		[PTTLS_SERVER] = { [FRESH] = 1 << PTTLS_VERSION_REQUEST,
		        [STARTED] = 1 << PTTLS_VERSION_REQUEST,
		        [VERSIONED] = 1 << PTTLS_PB_TNC_BATCH,
		        [READY] = 1 << PTTLS_PB_TNC_BATCH },
	};
	for (unsigned role = 0; role < 2; role++)
		for (unsigned stage = 0; stage < N_STAGES; stage++)
			for (unsigned type = 1; type < PTTLS_ERROR; type++) {
				SESSION s = at_stage((enum pttls_role)role, (enum stage)stage);
				const char *body = type == PTTLS_VERSION_REQUEST ? "\0\1\1\1" : "\0\0\0\1";
				feed(s, 0, type, body, type == PTTLS_SASL_MECHANISMS ? 0 : 4);
				struct pttls_event event = { 0 };
				bool any = pttls_next(s, &event);
				if (taken[role][stage] & 1u << type) {
					assert_true(!any || event.kind != PTTLS_EVENT_CLOSED);
					continue;
				}
				assert_true(any);
				assert_int_equal(event.kind, PTTLS_EVENT_CLOSED);
				assert_int_equal(event.code, PTTLS_E_INVALID_MESSAGE);
				/* Bodies that may hold a password are not copied. */
				bool bare = type == PTTLS_SASL_MECHANISMS ||
				        type == PTTLS_SASL_MECHANISM_SELECTION ||
				        type == PTTLS_SASL_AUTHENTICATION_DATA;
				assert_sent_error(s, PTTLS_E_INVALID_MESSAGE, bare ? 16 : 20);
			}
}

static void answers_unknown_types_and_goes_on(void **state)
{
	static const struct {
		uint32_t vendor, type;
	} unknown[] = { { 0, 0 }, { 0, 9 }, { 0, 0xfffffffe }, { 0x5597, 1 }, { 0x5597, 7 }, { 32473, 7 },
		{ 0xfffffe, 1 } };
	for (unsigned role = 0; role < 2; role++)
		for (unsigned stage = STARTED; stage < N_STAGES; stage++)
			for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++) {
				SESSION s = at_stage((enum pttls_role)role, (enum stage)stage);
				feed(s, unknown[i].vendor, unknown[i].type, "12345", 5);
				assert_silent(s);
				assert_false(pttls_is_closed(s));
				assert_sent_error(s, PTTLS_E_TYPE_NOT_SUPPORTED, 21);
				assert_int_equal(pttls_get_counters(s).refused, 1);
			}
	/* Not for ever. */
	SESSION s = at_stage(PTTLS_SERVER, READY);
	for (unsigned i = 0; i < PTTLS_REFUSED_MAX; i++) {
		feed(s, 1, 1, NULL, 0);
		assert_silent(s);
	}
	feed(s, 1, 1, NULL, 0);
	assert_closed(s, PTTLS_E_INVALID_MESSAGE, false);
}

static void copies_at_most_1024_bytes_into_an_error(void **state)
{
	SESSION s = at_stage(PTTLS_SERVER, READY);
	uint8_t body[1500];
	memset(body, 'x', sizeof(body));
	feed(s, 5, 5, body, sizeof(body));
	assert_silent(s);
	assert_sent_error(s, PTTLS_E_TYPE_NOT_SUPPORTED, 1024);
}

static void heeds_errors(void **state)
{
	for (unsigned role = 0; role < 2; role++)
		for (unsigned stage = STARTED; stage < N_STAGES; stage++)
			for (uint8_t code = 0; code < 9; code++) {
				SESSION s = at_stage((enum pttls_role)role, (enum stage)stage);
				size_t sent = pttls_output(s)->length;
				uint8_t body[8] = { 0, 0, 0, 0, 0, 0, 0, code };
				feed(s, 0, PTTLS_ERROR, body, 8);
				if (code == PTTLS_E_TYPE_NOT_SUPPORTED) {
					struct pttls_event event = next(s);
					assert_int_equal(event.kind, PTTLS_EVENT_ERROR);
					assert_true(event.by_peer);
					assert_false(pttls_is_closed(s));
				} else {
					assert_closed(s, code, true);
				}
				assert_int_equal(
				        pttls_output(s)->length, sent); /* never an error for an error */
			}
	SESSION s = at_stage(PTTLS_SERVER, READY);
	feed(s, 0, PTTLS_ERROR, "\0\0\x30\x39\0\0\0\1", 8); /* another vendor's: told, not fatal */
	struct pttls_event event = next(s);
	assert_int_equal(event.kind, PTTLS_EVENT_ERROR);
	assert_int_equal(event.vendor, 0x3039);
	feed(s, 0, PTTLS_ERROR, "\0\0\0\0\0\0\0", 7);
	assert_closed(s, PTTLS_E_MALFORMED_MESSAGE, true);
}

static void refuses_bad_headers(void **state)
{
	static const struct {
		uint32_t vendor, type, length;
	} rows[] = {
		{ 0, PTTLS_PB_TNC_BATCH, 0 },
		{ 0, PTTLS_PB_TNC_BATCH, 15 },
		{ 0, PTTLS_PB_TNC_BATCH, PTTLS_MESSAGE_MAX + 1 },
		{ 0, PTTLS_PB_TNC_BATCH, 0xffffffff },
		{ 0xffffff, PTTLS_PB_TNC_BATCH, 16 },
		{ 0, 0xffffffff, 16 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		SESSION s = at_stage(PTTLS_SERVER, READY);
		uint8_t bytes[16];
		message(bytes, rows[i].vendor, rows[i].type, rows[i].length, 1, NULL, 0);
		assert_int_equal(pttls_receive(s, bytes, 16), 0);
		assert_closed(s, PTTLS_E_INVALID_PARAMETER, false);
		assert_sent_error(s, PTTLS_E_INVALID_PARAMETER, 16);
	}
	/* Strangers get less room than those who are through with the negotiation. */
	SESSION s = new_session(PTTLS_SERVER);
	uint8_t bytes[16];
	message(bytes, 0, PTTLS_VERSION_REQUEST, PTTLS_NEGOTIATION_MESSAGE_MAX + 1, 1, NULL, 0);
	assert_int_equal(pttls_receive(s, bytes, 16), 0);
	assert_closed(s, PTTLS_E_INVALID_PARAMETER, false);
}

static void refuses_malformed_bodies(void **state)
{
	static const struct {
		enum pttls_role role;
		enum stage stage;
		enum pttls_type type;
		const char *body;
		size_t n;
	} rows[] = {
		{ PTTLS_SERVER, FRESH, PTTLS_VERSION_REQUEST, "\0\1\1", 3 },
		{ PTTLS_SERVER, FRESH, PTTLS_VERSION_REQUEST, "\0\1\1\1\1", 5 },
		{ PTTLS_CLIENT, STARTED, PTTLS_VERSION_RESPONSE, "\0\0\0", 3 },
		{ PTTLS_CLIENT, STARTED, PTTLS_VERSION_RESPONSE, "\0\0\0\1\0", 5 },
		{ PTTLS_CLIENT, VERSIONED, PTTLS_SASL_MECHANISMS, "\5PLAI", 5 },
		{ PTTLS_CLIENT, VERSIONED, PTTLS_SASL_MECHANISMS, "\0", 1 },
		{ PTTLS_CLIENT, VERSIONED, PTTLS_SASL_MECHANISMS, "\5PLAIn", 6 },
		{ PTTLS_CLIENT, VERSIONED, PTTLS_SASL_MECHANISMS, "\5PLAI\0", 6 },
		{ PTTLS_CLIENT, VERSIONED, PTTLS_SASL_MECHANISMS, "\25ABCDEFGHIJKLMNOPQRSTU", 22 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		SESSION s = at_stage(rows[i].role, rows[i].stage);
		feed(s, 0, rows[i].type, rows[i].body, rows[i].n);
		assert_closed(s, PTTLS_E_MALFORMED_MESSAGE, false);
	}
}

static void carries_large_batches_and_gives_their_memory_back(void **state)
{
	SESSION client = new_session(PTTLS_CLIENT);
	SESSION server = new_session(PTTLS_SERVER);
	connect_pair(client, server);
	size_t n = PTTLS_MESSAGE_MAX - PTTLS_HEADER_SIZE;
	uint8_t *batch FREE_ON_EXIT = xmalloc(n + 1);
	memset(batch, 0x5a, n + 1);
	assert_int_equal(pttls_send_batch(client, batch, n + 1), -EMSGSIZE);
	assert_int_equal(pttls_send_batch(client, batch, n), 0);
	struct writer *out = pttls_output(client);
	struct pttls_event event = { 0 };
	for (size_t at = 0, step; at < out->length; at += step) {
		step = MIN(out->length - at, (size_t)16384);
		assert_int_equal(pttls_receive(server, out->data + at, step), 0);
		assert_int_equal(pttls_next(server, &event), at + step == out->length);
	}
	assert_int_equal(event.length, n);
	assert_memory_equal(event.bytes, batch, n);
	wr_consume(out, out->length);
	assert_true(pttls_output(client)->capacity <= 65536);
	assert_silent(server);
	assert_int_equal(pttls_send_batch(client, "x", 1), 0);
	move(client, server);
	event = next(server);
	assert_int_equal(event.length, 1);
	assert_silent(server);
}

static void bounds_what_a_careless_caller_or_peer_piles_up(void **state)
{
	struct pttls_config config = { .role = PTTLS_SERVER, .message_max = 4096 };
	SESSION s = pttls_session_new(&config);
	uint8_t *junk FREE_ON_EXIT = xcalloc(2, 1 << 20);
	assert_int_equal(pttls_receive(s, junk, 2 << 20), -ENOBUFS);
	feed(s, 0, PTTLS_VERSION_REQUEST, "\0\1\1\1", 4);
	assert_int_equal(next(s).kind, PTTLS_EVENT_READY);
	assert_int_equal(pttls_send_batch(s, junk, 4096 - 15), -EMSGSIZE);
	/* Nothing is taken from the output: it ends somewhere. */
	int e = 0;
	for (unsigned i = 0; i < 1000 && e == 0; i++)
		e = pttls_send_batch(s, junk, 4096 - 16);
	assert_int_equal(e, -ENOBUFS);
	assert_true(pttls_output(s)->length < 128 * 1024);
	assert_int_equal(pttls_output(s)->length % 4, 0);
	assert_silent(s);
	/* A client before its start is told that it takes nothing yet. */
	SESSION client = new_session(PTTLS_CLIENT);
	assert_int_equal(pttls_send_batch(client, "x", 1), -ENOTCONN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(negotiates_with_the_bytes_of_the_rfc),
		cmocka_unit_test(takes_bytes_split_at_every_boundary),
		cmocka_unit_test(judges_versions),
		cmocka_unit_test(refuses_what_the_phase_does_not_allow),
		cmocka_unit_test(answers_unknown_types_and_goes_on),
		cmocka_unit_test(copies_at_most_1024_bytes_into_an_error),
		cmocka_unit_test(heeds_errors),
		cmocka_unit_test(refuses_bad_headers),
		cmocka_unit_test(refuses_malformed_bodies),
		cmocka_unit_test(carries_large_batches_and_gives_their_memory_back),
		cmocka_unit_test(bounds_what_a_careless_caller_or_peer_piles_up),
	};
	return cmocka_run_group_tests_name("pttls", tests, NULL, NULL);
}
