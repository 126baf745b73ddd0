/* SPDX-License-Identifier: ISC */
/* The messages of RFC 5793 section 4: each one's bytes, what is refused and at which offset, what is ignored.
 */
#include "proto/pbtnc/pbtnc.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define SESSION struct pbtnc_session *CLEANUP(pbtnc_session_free_pointer)
#define WRITER(name) struct writer name CLEANUP(wr_free) = wr_make(PBTNC_BATCH_MAX)

#define HEADER(flags, type, length) flags, 0, 0, 0, 0, 0, 0, type, 0, 0, 0, length

/* Each message by hand, as the figures of 4.4 to 4.11 draw them. */
static const uint8_t pa_bytes[] = { HEADER(0x80, 1, 27), 0x80, 0, 0x7e, 0xd9, 0, 0, 0, 1, 0, 5, 0xff, 0xff,
	'a', 'b', 'c' };
static const uint8_t language_bytes[] = { HEADER(0, 6, 33), 'A', 'c', 'c', 'e', 'p', 't', '-', 'L', 'a', 'n',
	'g', 'u', 'a', 'g', 'e', ':', ' ', 'd', 'e', ',', 'e' };
static const uint8_t reason_bytes[] = { HEADER(0, 7, 23), 0, 0, 0, 4, 'l', 'a', 't', 'e', 2, 'e', 'n' };
static const uint8_t string_bytes[] = { HEADER(0, 4, 30), 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 'a', 'p', 't',
	2, 'e', 'n' };
static const uint8_t uri_bytes[] = { HEADER(0, 4, 24), 0, 0, 0, 0, 0, 0, 0, 1, 'h', ':', '/', '/' };
static const uint8_t result_bytes[] = { HEADER(0x80, 2, 16), 0, 0, 0, 2 };
static const uint8_t recommendation_bytes[] = { HEADER(0, 3, 16), 0, 0, 0, 3 };
static const uint8_t error_bytes[] = { HEADER(0x80, 5, 24), 0x80, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 8 };
static const uint8_t version_bytes[] = { HEADER(0x80, 5, 24), 0x80, 0, 0, 0, 0, 4, 0, 0, 9, 2, 2, 0 };
static const uint8_t experimental_bytes[] = { HEADER(0, 0, 14), 'h', 'i' };

static void assert_batch(
        const struct writer *w, uint8_t direction, uint8_t type, const void *message, size_t n)
{
	assert_int_equal(w->length, 8 + n);
	uint8_t header[8] = { 2, direction, 0, type, 0, 0, (uint8_t)((8 + n) >> 8), (uint8_t)(8 + n) };
	assert_memory_equal(w->data, header, 8);
	if (n)
		assert_memory_equal(w->data + 8, message, n);
}

static void encodes_as_the_rfc_draws_it(void **state)
{
	SESSION client = pbtnc_session_new(PBTNC_CLIENT);
	WRITER(w);
	struct pbtnc_pa pa = { .vendor = 32473,
		.subtype = 1,
		.collector = 5,
		.validator = PBTNC_ID_ANY,
		.exclusive = true,
		.body = (const uint8_t *)"abc",
		.length = 3 };
	assert_int_equal(pbtnc_add_pa(client, &pa), 0);
	assert_int_equal(pbtnc_send(client, PBTNC_CDATA, &w), 0);
	assert_batch(&w, 0, 1, pa_bytes, sizeof(pa_bytes));

	static const struct {
		const uint8_t *bytes;
		size_t n;
	} rows[] = { { language_bytes, sizeof(language_bytes) }, { reason_bytes, sizeof(reason_bytes) },
		{ string_bytes, sizeof(string_bytes) }, { uri_bytes, sizeof(uri_bytes) },
		{ error_bytes, sizeof(error_bytes) }, { version_bytes, sizeof(version_bytes) },
		{ experimental_bytes, sizeof(experimental_bytes) } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		SESSION s = pbtnc_session_new(PBTNC_CLIENT);
		struct pbtnc_error mandatory = {
			.fatal = true, .code = PBTNC_E_UNSUPPORTED_MANDATORY_MESSAGE, .offset = 8
		};
		struct pbtnc_error version = {
			.fatal = true, .code = PBTNC_E_VERSION_NOT_SUPPORTED, .bad_version = 9
		};
		int e = i == 0   ? pbtnc_add_language(s, "de,e")
		        : i == 1 ? pbtnc_add_reason(s, "late", "en")
		        : i == 2 ? pbtnc_add_remediation_string(s, "apt", "en")
		        : i == 3 ? pbtnc_add_remediation_uri(s, "h://")
		        : i == 4 ? pbtnc_add_error(s, &mandatory)
		        : i == 5 ? pbtnc_add_error(s, &version)
		                 : pbtnc_add_experimental(s, "hi", 2);
		assert_int_equal(e, 0);
		wr_reset(&w);
		assert_int_equal(pbtnc_send(s, PBTNC_CLOSE, &w), 0);
		assert_batch(&w, 0, 6, rows[i].bytes, rows[i].n);
	}
}

static size_t make(uint8_t *at, uint8_t direction, uint8_t type, const void *message, size_t n)
{
	uint8_t header[8] = { 2, direction, 0, type, 0, 0, (uint8_t)((8 + n) >> 8), (uint8_t)(8 + n) };
	memcpy(at, header, 8);
	if (n)
		memcpy(at + 8, message, n);
	return 8 + n;
}

static void assert_text(struct pbtnc_text text, const char *expected)
{
	assert_int_equal(text.length, strlen(expected));
	assert_memory_equal(text.at, expected, text.length);
}

static void decodes_a_result(void **state)
{
	uint8_t bytes[512], messages[256];
	size_t n = 0;
	static const struct {
		const uint8_t *bytes;
		size_t n;
	} parts[] = { { reason_bytes, sizeof(reason_bytes) }, { string_bytes, sizeof(string_bytes) },
		{ uri_bytes, sizeof(uri_bytes) }, { result_bytes, sizeof(result_bytes) },
		{ recommendation_bytes, sizeof(recommendation_bytes) }, { pa_bytes, sizeof(pa_bytes) },
		{ error_bytes, sizeof(error_bytes) } };
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		memcpy(messages + n, parts[i].bytes, parts[i].n);
		n += parts[i].n;
	}
	messages[n - sizeof(error_bytes) + 12] = 0; /* not fatal */
	SESSION s = pbtnc_session_new(PBTNC_CLIENT);
	WRITER(w);
	assert_int_equal(pbtnc_send(s, PBTNC_CDATA, &w), 0);
	assert_int_equal(pbtnc_receive_batch(s, bytes, make(bytes, 0x80, PBTNC_RESULT, messages, n)), 0);
	struct pbtnc_event e;
	assert_true(pbtnc_next(s, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_REASON);
	assert_text(e.text, "late");
	assert_text(e.language, "en");
	assert_true(pbtnc_next(s, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_REMEDIATION);
	assert_int_equal(e.remediation.type, PBTNC_REMEDIATION_STRING);
	assert_text(e.remediation.text, "apt");
	assert_text(e.remediation.language, "en");
	assert_true(pbtnc_next(s, &e));
	assert_int_equal(e.remediation.type, PBTNC_REMEDIATION_URI);
	assert_text(e.remediation.text, "h://");
	assert_true(pbtnc_next(s, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_RESULT);
	assert_int_equal(e.assessment, PBTNC_SIGNIFICANT_DIFFERENCES);
	assert_true(pbtnc_next(s, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_RECOMMENDATION);
	assert_int_equal(e.recommendation, PBTNC_ACCESS_QUARANTINED);
	assert_true(pbtnc_next(s, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_PA);
	assert_int_equal(e.pa.vendor, 32473);
	assert_int_equal(e.pa.collector, 5);
	assert_int_equal(e.pa.validator, 0xffff);
	assert_true(e.pa.exclusive);
	assert_int_equal(e.pa.length, 3);
	assert_true(pbtnc_next(s, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_ERROR);
	assert_int_equal(e.error.code, PBTNC_E_UNSUPPORTED_MANDATORY_MESSAGE);
	assert_int_equal(e.error.offset, 8);
	assert_false(pbtnc_next(s, &e));
	assert_int_equal(pbtnc_get_state(s), PBTNC_DECIDED);
}

struct refusal {
	const char *what;
	uint8_t type;
	uint16_t code;
	uint32_t offset;
	uint8_t message[40];
	size_t n;
};

/* Sent to a server in Init as CDATA (or to a client that waits, as RESULT or SDATA). */
static const struct refusal refusals[] = {
	{ "half a header", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 8, { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0 },
	        11 },
	{ "length below the header's", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 16, { HEADER(0, 9, 11) }, 12 },
	{ "length past the batch", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 16, { HEADER(0, 9, 13) }, 12 },
	{ "length with the top bit", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 16,
	        { 0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff }, 12 },
	{ "reserved vendor", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 9,
	        { 0, 0xff, 0xff, 0xff, 0, 0, 0, 9, 0, 0, 0, 12 }, 12 },
	{ "reserved type", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 12,
	        { 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 12 }, 12 },
	{ "unknown with NOSKIP", PBTNC_CDATA, PBTNC_E_UNSUPPORTED_MANDATORY_MESSAGE, 8,
	        { HEADER(0x80, 9, 12) }, 12 },
	{ "vendor's with NOSKIP", PBTNC_CDATA, PBTNC_E_UNSUPPORTED_MANDATORY_MESSAGE, 20,
	        { HEADER(0, 9, 12), 0x80, 0, 0x55, 0x97, 0, 0, 0, 1, 0, 0, 0, 12 }, 24 },
	{ "experimental with NOSKIP", PBTNC_CDATA, PBTNC_E_UNSUPPORTED_MANDATORY_MESSAGE, 8,
	        { HEADER(0x80, 0, 12) }, 12 },
	{ "PA without NOSKIP", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 8, { HEADER(0, 1, 24) }, 24 },
	{ "PA too short", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 16, { HEADER(0x80, 1, 23) }, 23 },
	{ "PA of the reserved vendor", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 21,
	        { HEADER(0x80, 1, 24), 0, 0xff, 0xff, 0xff }, 24 },
	{ "PA of the reserved subtype", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 24,
	        { HEADER(0x80, 1, 24), 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff }, 24 },
	{ "language with a NUL", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 21, { HEADER(0, 6, 14), 'e', 0 },
	        14 },
	{ "language with NOSKIP", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 8,
	        { HEADER(0x80, 6, 14), 'e', 'n' }, 14 },
	{ "a client's assessment", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 8, { HEADER(0x80, 2, 16) }, 16 },
	{ "a client's recommendation", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 8,
	        { HEADER(0, 3, 16), 0, 0, 0, 1 }, 16 },
	{ "a client's reason", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 8, { HEADER(0, 7, 17) }, 17 },
	{ "error without its offset", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 28,
	        { HEADER(0x80, 5, 22), 0, 0, 0, 0, 0, 1 }, 22 },
	{ "error without NOSKIP", PBTNC_CDATA, PBTNC_E_INVALID_PARAMETER, 8, { HEADER(0, 5, 20) }, 20 },
	{ "no assessment", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 8, { 0 }, 0 },
	{ "two assessments", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 24,
	        { HEADER(0x80, 2, 16), 0, 0, 0, 0, HEADER(0x80, 2, 16), 0, 0, 0, 0 }, 32 },
	{ "two recommendations", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 24,
	        { HEADER(0, 3, 16), 0, 0, 0, 1, HEADER(0, 3, 16), 0, 0, 0, 2 }, 32 },
	{ "assessment 5", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 20, { HEADER(0x80, 2, 16), 0, 0, 0, 5 },
	        16 },
	{ "assessment too long", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 16, { HEADER(0x80, 2, 17) }, 17 },
	{ "recommendation 0", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 22, { HEADER(0, 3, 16), 0, 0, 0, 0 },
	        16 },
	{ "recommendation 4", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 22, { HEADER(0, 3, 16), 0, 0, 0, 4 },
	        16 },
	{ "reason past its end", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 24,
	        { HEADER(0, 7, 18), 0, 0, 0, 3, 'a', 0 }, 18 },
	{ "reason with more behind", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 26,
	        { HEADER(0, 7, 19), 0, 0, 0, 1, 'a', 0, 'x' }, 19 },
	{ "reason's language cut", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 26,
	        { HEADER(0, 7, 19), 0, 0, 0, 1, 'a', 2, 'x' }, 19 },
	{ "remediation string cut", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 28,
	        { HEADER(0, 4, 22), 0, 0, 0, 0, 0, 0, 0, 2, 0, 0 }, 22 },
	{ "remediation URI with a NUL", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 29,
	        { HEADER(0, 4, 22), 0, 0, 0, 0, 0, 0, 0, 1, 'h', 0 }, 22 },
	{ "remediation with NOSKIP", PBTNC_RESULT, PBTNC_E_INVALID_PARAMETER, 8,
	        { HEADER(0x80, 4, 20), 0, 0, 0, 0, 0, 0, 0, 1 }, 20 },
};

static struct pbtnc_session *receiver(uint8_t type)
{
	struct pbtnc_session *s = pbtnc_session_new(type == PBTNC_CDATA ? PBTNC_SERVER : PBTNC_CLIENT);
	WRITER(w);
	if (type != PBTNC_CDATA)
		assert_int_equal(pbtnc_send(s, PBTNC_CDATA, &w), 0);
	return s;
}

static void refuses_with_the_right_offset(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++) {
		const struct refusal *row = &refusals[i];
		SESSION s = receiver(row->type);
		uint8_t bytes[64];
		size_t n = make(bytes, row->type == PBTNC_CDATA ? 0 : 0x80, row->type, row->message, row->n);
		int e = pbtnc_receive_batch(s, bytes, n);
		const struct pbtnc_error *problem = pbtnc_get_problem(s);
		if (e != -EBADMSG || problem->code != row->code || problem->offset != row->offset)
			fail_msg("%s: %d, code %u, offset %u", row->what, e, problem->code, problem->offset);
		/* The reply carries the same words. */
		WRITER(reply);
		assert_true(pbtnc_take_reply(s, &reply));
		assert_int_equal(reply.data[3], PBTNC_CLOSE);
		assert_int_equal(reply.data[8 + 12], 0x80);
		assert_int_equal(reply.data[8 + 17], row->code);
		assert_int_equal(reply.data[8 + 23], row->offset);
	}
}

static void refuses_bad_batch_headers(void **state)
{
	static const struct {
		size_t n;
		uint32_t offset;
		uint16_t code;
		uint8_t bytes[9];
	} rows[] = {
		{ 7, 0, PBTNC_E_INVALID_PARAMETER, { 2, 0, 0, 1, 0, 0, 0 } },
		{ 0, 0, PBTNC_E_INVALID_PARAMETER, { 0 } },
		{ 8, 0, PBTNC_E_VERSION_NOT_SUPPORTED, { 1, 0, 0, 1, 0, 0, 0, 8 } },
		{ 8, 0, PBTNC_E_VERSION_NOT_SUPPORTED, { 3, 0, 0, 1, 0, 0, 0, 8 } },
		{ 8, 1, PBTNC_E_INVALID_PARAMETER, { 2, 0x80, 0, 1, 0, 0, 0, 8 } },
		{ 8, 3, PBTNC_E_INVALID_PARAMETER, { 2, 0, 0, 0, 0, 0, 0, 8 } },
		{ 8, 3, PBTNC_E_INVALID_PARAMETER, { 2, 0, 0, 7, 0, 0, 0, 8 } },
		{ 8, 4, PBTNC_E_INVALID_PARAMETER, { 2, 0, 0, 1, 0, 0, 0, 9 } },
		{ 9, 4, PBTNC_E_INVALID_PARAMETER, { 2, 0, 0, 1, 0, 0, 0, 8, 0 } },
		{ 8, 0, PBTNC_E_UNEXPECTED_BATCH_TYPE, { 2, 0, 0, 2, 0, 0, 0, 8 } },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		SESSION s = pbtnc_session_new(PBTNC_SERVER);
		assert_int_equal(pbtnc_receive_batch(s, rows[i].bytes, rows[i].n), -EBADMSG);
		assert_int_equal(pbtnc_get_problem(s)->code, rows[i].code);
		assert_int_equal(pbtnc_get_problem(s)->offset, rows[i].offset);
		if (rows[i].code == PBTNC_E_VERSION_NOT_SUPPORTED)
			assert_int_equal(pbtnc_get_problem(s)->bad_version, rows[i].bytes[0]);
	}
	/* Reserved bits are not looked at. */
	SESSION s = pbtnc_session_new(PBTNC_SERVER);
	assert_int_equal(pbtnc_receive_batch(s, "\2\x7f\xff\xf1\0\0\0\10", 8), 0);
}

static void ignores_what_it_need_not_know(void **state)
{
	static const uint8_t messages[] = { HEADER(0, 9, 12), 0, 0, 0x55, 0x97, 0, 0, 0, 1, 0, 0, 0, 14, 'x',
		'y', HEADER(0, 0, 12), HEADER(0x80, 1, 24), 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 };
	SESSION s = pbtnc_session_new(PBTNC_SERVER);
	uint8_t bytes[128];
	assert_int_equal(
	        pbtnc_receive_batch(s, bytes, make(bytes, 0, PBTNC_CDATA, messages, sizeof(messages))), 0);
	struct pbtnc_event e;
	assert_true(pbtnc_next(s, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_PA);
	assert_true(pbtnc_next(s, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_TURN);
	assert_int_equal(pbtnc_get_counters(s).ignored_messages, 3);
	/* A client overhears a server's result outside of a RESULT batch, and its language. */
	SESSION client = receiver(PBTNC_SDATA);
	static const uint8_t odd[] = { HEADER(0, 3, 16), 0, 0, 0, 1, HEADER(0, 6, 12) };
	assert_int_equal(
	        pbtnc_receive_batch(client, bytes, make(bytes, 0x80, PBTNC_SDATA, odd, sizeof(odd))), 0);
	assert_true(pbtnc_next(client, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_TURN);
	assert_int_equal(pbtnc_get_counters(client).ignored_messages, 2);
}

static void a_fatal_error_ends_it(void **state)
{
	SESSION s = pbtnc_session_new(PBTNC_SERVER);
	uint8_t bytes[128];
	assert_int_equal(
	        pbtnc_receive_batch(s, bytes, make(bytes, 0, PBTNC_CDATA, error_bytes, sizeof(error_bytes))),
	        0);
	struct pbtnc_event e;
	assert_true(pbtnc_next(s, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_ERROR);
	assert_true(e.error.fatal);
	assert_true(pbtnc_next(s, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_CLOSED);
	assert_false(pbtnc_next(s, &e));
	assert_int_equal(pbtnc_get_state(s), PBTNC_END);
	/* A CLOSE that cannot be read is the end all the same, and is not answered. */
	SESSION t = pbtnc_session_new(PBTNC_SERVER);
	assert_int_equal(pbtnc_receive_batch(t, bytes, make(bytes, 0, PBTNC_CLOSE, "x", 1)), -EBADMSG);
	WRITER(w);
	assert_false(pbtnc_take_reply(t, &w));
	assert_true(pbtnc_next(t, &e));
	assert_int_equal(e.kind, PBTNC_EVENT_CLOSED);
}

static void every_cut_of_a_batch_is_refused(void **state)
{
	SESSION from = pbtnc_session_new(PBTNC_CLIENT);
	WRITER(w);
	struct pbtnc_pa pa = { .vendor = 0, .subtype = 9, .body = (const uint8_t *)"body", .length = 4 };
	assert_int_equal(pbtnc_add_language(from, "en"), 0);
	assert_int_equal(pbtnc_add_pa(from, &pa), 0);
	assert_int_equal(pbtnc_send(from, PBTNC_CDATA, &w), 0);
	for (size_t n = 0; n <= w.length; n++) {
		SESSION s = pbtnc_session_new(PBTNC_SERVER);
		uint8_t *cut FREE_ON_EXIT = xmalloc(n ? n : 1);
		memcpy(cut, w.data, n);
		if (n >= 8)
			cut[7] = (uint8_t)n; /* a batch that is honest about its length */
		bool at_a_message = n == 8 || n == 8 + 12 + 19 || n == w.length;
		assert_int_equal(pbtnc_receive_batch(s, cut, n), at_a_message ? 0 : -EBADMSG);
		for (struct pbtnc_event e; pbtnc_next(s, &e);)
			;
	}
}

static void limits_hold(void **state)
{
	/* As many messages as may be, and one more. */
	SESSION s = pbtnc_session_new(PBTNC_SERVER);
	WRITER(w);
	wr_u32(&w, 0x02000001);
	wr_u32(&w, 8 + 12 * (PBTNC_MESSAGES_MAX + 1));
	for (unsigned i = 0; i <= PBTNC_MESSAGES_MAX; i++)
		wr_bytes(&w, experimental_bytes, 8), wr_u32(&w, 12);
	assert_int_equal(pbtnc_receive_batch(s, w.data, w.length), -EBADMSG);
	assert_int_equal(pbtnc_get_problem(s)->code, PBTNC_E_LOCAL_ERROR);
	SESSION t = pbtnc_session_new(PBTNC_SERVER);
	wr_patch_u32(&w, 4, 8 + 12 * PBTNC_MESSAGES_MAX);
	assert_int_equal(pbtnc_receive_batch(t, w.data, 8 + 12 * PBTNC_MESSAGES_MAX), 0);
	/* Composing. */
	SESSION c = pbtnc_session_new(PBTNC_CLIENT);
	uint8_t *large FREE_ON_EXIT = xcalloc(1, PBTNC_BATCH_MAX);
	struct pbtnc_pa pa = { .subtype = 1, .body = large, .length = PBTNC_BATCH_MAX };
	assert_int_equal(pbtnc_add_pa(c, &pa), -EMSGSIZE);
	pa.length = PBTNC_BATCH_MAX - 128;
	assert_int_equal(pbtnc_add_pa(c, &pa), 0);
	pa.length = 100;
	assert_int_equal(pbtnc_add_pa(c, &pa), -EMSGSIZE);
	struct writer small CLEANUP(wr_free) = wr_make(100);
	assert_int_equal(pbtnc_send(c, PBTNC_CDATA, &small), -EMSGSIZE);
	assert_int_equal(pbtnc_get_state(c), PBTNC_INIT);
	pbtnc_discard(c);
	pa.vendor = 0xffffff;
	assert_int_equal(pbtnc_add_pa(c, &pa), -EINVAL);
	char language[300];
	memset(language, 'e', 299);
	language[299] = 0;
	assert_int_equal(pbtnc_add_reason(c, "x", language), -EINVAL);
	assert_int_equal(pbtnc_send(c, PBTNC_CDATA, &small), 0);
	assert_int_equal(small.length, 8);
	/* A result finds room beside as many messages as may be composed. */
	SESSION server = pbtnc_session_new(PBTNC_SERVER);
	assert_int_equal(pbtnc_receive_batch(server, "\2\0\0\1\0\0\0\10", 8), 0);
	for (struct pbtnc_event e; pbtnc_next(server, &e);)
		;
	while (pbtnc_add_experimental(server, "x", 1) == 0)
		;
	WRITER(result);
	assert_int_equal(pbtnc_send_result(server, PBTNC_COMPLIANT, PBTNC_ACCESS_ALLOWED, &result), 0);
	SESSION reader = receiver(PBTNC_RESULT);
	assert_int_equal(pbtnc_receive_batch(reader, result.data, result.length), 0);
}

static void names_are_there(void **state)
{
	assert_string_equal(pbtnc_state_name(PBTNC_CLIENT_WORKING), "Client Working");
	assert_string_equal(pbtnc_state_name(PBTNC_N_STATES), "?");
	assert_string_equal(pbtnc_batch_name(PBTNC_SRETRY), "SRETRY");
	assert_string_equal(pbtnc_batch_name(PBTNC_N_BATCH_TYPES), "?");
	assert_string_equal(pbtnc_error_text(0, PBTNC_E_LOCAL_ERROR), "local error");
	assert_string_equal(pbtnc_error_text(0, 5), pbtnc_error_text(32473, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_as_the_rfc_draws_it),
		cmocka_unit_test(decodes_a_result),
		cmocka_unit_test(refuses_with_the_right_offset),
		cmocka_unit_test(refuses_bad_batch_headers),
		cmocka_unit_test(ignores_what_it_need_not_know),
		cmocka_unit_test(a_fatal_error_ends_it),
		cmocka_unit_test(every_cut_of_a_batch_is_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(names_are_there),
	};
	return cmocka_run_group_tests_name("pbtnc_message", tests, NULL, NULL);
}
