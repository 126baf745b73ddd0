/* SPDX-License-Identifier: ISC */
/* The agent's conversation with a scripted server that is made of the protocol rooms alone. */
#include "agent/conversation.h"
#include "posture/attributes.h"
#include "proto/patnc/swima.h"
#include "tests/unit/posture/example.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static const uint8_t exporter[PRATIQUE_EXPORTER_SIZE] = { 0xe0, 0xe1 };
static const uint8_t nonce[PRATIQUE_NONCE_SIZE] = { 0x11, 0x22 };
static const uint8_t zeroes[PRATIQUE_NONCE_SIZE];

/* What the agent's last batch said. */
struct heard {
	bool retry, turn, closed, has_digest, has_signature, is_signed;
	char language[64], certificate[64];
	uint8_t digest[32];
	struct posture *posture;
};

struct scene {
	EVP_PKEY *key;
	struct pbtnc_session *server;
	struct conversation *agent;
	struct posture *posture;
	uint8_t digest[32];
	uint8_t expected_nonce[PRATIQUE_NONCE_SIZE]; /* of the next signature */
	uint32_t next_id;
	struct heard heard;
	unsigned n_wanted, n_retries, n_decided, n_notes;
	bool answer_later;
	char ended[128];
	char *certificate;
	json_t *result;
	time_ms expires, next_inspection;
};

static void hear_own(struct scene *s, struct patnc_signature_input *input, const struct pbtnc_pa *pa)
{
	struct patnc_message m;
	struct patnc_attribute a;
	struct patnc_error problem;
	struct pratique_signature signature;
	struct patnc_text text;
	uint8_t bytes[PATNC_SIGNATURE_INPUT_SIZE];
	assert_int_equal(patnc_read_message(pa->body, pa->length, NULL, &m, &problem), 0);
	while (patnc_next_attribute(&m, &a)) {
		if (a.type == PRATIQUE_POSTURE_DIGEST) {
			s->heard.has_digest = pratique_get_digest(&a, s->heard.digest) == 0;
		} else if (a.type == PRATIQUE_QUARANTINE_CERTIFICATE) {
			assert_int_equal(pratique_get_text(&a, &text), 0);
			memcpy(s->heard.certificate, text.at, text.length);
		} else if (a.type == PRATIQUE_POSTURE_SIGNATURE) {
			assert_int_equal(pratique_get_signature(&a, &signature), 0);
			assert_memory_equal(signature.nonce, s->expected_nonce, sizeof(nonce));
			patnc_signature_input_end(input, exporter, s->expected_nonce, bytes);
			s->heard.has_signature = true;
			s->heard.is_signed = key_verify(s->key, bytes, sizeof(bytes), signature.bytes,
			                             signature.length) == 0;
			return;
		}
	}
	patnc_signature_input_add(input, pa->vendor, pa->subtype, pa->body, pa->length);
}

static void on_send(void *context, const void *batch, size_t length)
{
	struct scene *s = context;
	struct patnc_signature_input input = { 0 };
	struct posture_reader *reader = posture_reader_new(NULL);
	struct patnc_error problem;
	struct pbtnc_event e;
	posture_free(s->heard.posture);
	s->heard = (struct heard){ 0 };
	patnc_signature_input_begin(&input);
	uint8_t *copy = xmemdup(batch, length);
	assert_int_equal(pbtnc_receive_batch(s->server, copy, length), 0);
	while (pbtnc_next(s->server, &e)) {
		s->heard.retry |= e.kind == PBTNC_EVENT_RETRY;
		s->heard.turn |= e.kind == PBTNC_EVENT_TURN;
		s->heard.closed |= e.kind == PBTNC_EVENT_CLOSED;
		if (e.kind == PBTNC_EVENT_LANGUAGE)
			memcpy(s->heard.language, e.text.at, e.text.length);
		if (e.kind != PBTNC_EVENT_PA)
			continue;
		assert_int_equal(posture_reader_feed(
		                         reader, e.pa.vendor, e.pa.subtype, e.pa.body, e.pa.length, &problem),
		        0);
		if (e.pa.vendor == PRATIQUE_PEN)
			hear_own(s, &input, &e.pa);
		else
			patnc_signature_input_add(&input, e.pa.vendor, e.pa.subtype, e.pa.body, e.pa.length);
	}
	s->heard.posture = posture_reader_finish(reader, 0);
	posture_reader_free(reader);
	patnc_signature_input_free(&input);
	free(copy);
}

static void on_retry(void *context)
{
	((struct scene *)context)->n_retries++;
}

static void on_want_posture(void *context)
{
	struct scene *s = context;
	s->n_wanted++;
	if (!s->answer_later)
		assert_int_equal(conversation_answer(s->agent, s->posture), 0);
}

static void on_decided(void *context, const struct conversation_result *r)
{
	struct scene *s = context;
	s->n_decided++;
	free(s->certificate);
	s->certificate = xstrdup(r->certificate);
	json_decref(s->result);
	s->result = json_incref(r->json);
	s->expires = r->expires;
	s->next_inspection = r->next_inspection;
}

static void on_note(void *context, const char *text)
{
	((struct scene *)context)->n_notes++;
}

static void on_end(void *context, const char *why)
{
	struct scene *s = context;
	strncpy(s->ended, why, sizeof(s->ended) - 1);
}

static struct scene *scene_new(enum key_kind kind)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	assert_int_equal(key_generate(kind, &s->key, NULL), 0);
	struct conversation_config config = { .key = s->key,
		.language = "de, en;q=0.5",
		.effects = { on_send, on_retry, on_want_posture, on_decided, on_note, on_end },
		.context = s };
	memcpy(config.exporter, exporter, sizeof(exporter));
	s->server = pbtnc_session_new(PBTNC_SERVER);
	s->agent = conversation_new(&config);
	s->posture = example_posture();
	posture_digest(s->posture, s->digest);
	s->next_id = 1;
	return s;
}

static void scene_free(struct scene *s)
{
	conversation_free(s->agent);
	pbtnc_session_free(s->server);
	posture_free(s->posture);
	posture_free(s->heard.posture);
	EVP_PKEY_free(s->key);
	json_decref(s->result);
	free(s->certificate);
	free(s);
}

static void add(struct scene *s, uint32_t vendor, uint32_t subtype, struct writer *w)
{
	assert_false(wr_failed(w));
	assert_int_equal(pbtnc_add_pa(s->server,
	                         &(struct pbtnc_pa){ .vendor = vendor,
	                                 .subtype = subtype,
	                                 .collector = PBTNC_ID_ANY,
	                                 .validator = 1,
	                                 .body = w->data,
	                                 .length = w->length }),
	        0);
	wr_free(w);
}

static void deliver(struct scene *s, struct writer *w)
{
	conversation_receive(s->agent, w->data, w->length);
	wr_free(w);
}

static void server_asks(struct scene *s, bool is_ours)
{
	static const struct patnc_attribute_id wanted = { 0, PATNC_INSTALLED_PACKAGES };
	const struct swima_request request = { .id = 5, .identifiers_only = true };
	struct writer w = wr_make(4096);
	if (is_ours) {
		patnc_begin_message(&w, s->next_id++);
		pratique_put_nonce(&w, nonce);
		add(s, PRATIQUE_PEN, PRATIQUE_SUBTYPE, &w);
		patnc_begin_message(&w, s->next_id++);
		swima_put_request(&w, &request, NULL);
		add(s, 0, PATNC_SUBTYPE_SWIMA, &w);
	} else {
		patnc_begin_message(&w, s->next_id++);
		patnc_put_attribute_request(&w, &wanted, 1);
		add(s, 0, PATNC_SUBTYPE_OPERATING_SYSTEM, &w);
	}
	memcpy(s->expected_nonce, nonce, sizeof(nonce));
	assert_int_equal(pbtnc_send(s->server, PBTNC_SDATA, &w), 0);
	deliver(s, &w);
}

static void server_decides(struct scene *s, const char *certificate, const char *decision)
{
	struct writer w = wr_make(65536);
	if (decision) {
		patnc_begin_message(&w, s->next_id++);
		if (certificate)
			pratique_put_text(
			        &w, PRATIQUE_QUARANTINE_CERTIFICATE, certificate, strlen(certificate));
		pratique_put_text(&w, PRATIQUE_DECISION, decision, strlen(decision));
		add(s, PRATIQUE_PEN, PRATIQUE_SUBTYPE, &w);
	}
	assert_int_equal(pbtnc_add_reason(s->server, "welcome \x1b[2J", "en"), 0);
	assert_int_equal(pbtnc_add_remediation_string(s->server, "apt-get upgrade", "en"), 0);
	assert_int_equal(pbtnc_send_result(s->server, PBTNC_COMPLIANT, PBTNC_ACCESS_ALLOWED, &w), 0);
	deliver(s, &w);
}

static const char decision[] = "{\"segment\": \"staff\", \"expires\": \"2026-11-21T12:45:00Z\", "
                               "\"next_inspection\": \"2026-11-21T12:30:00Z\"}";

static void whole_inspection(struct scene *s)
{
	uint8_t got[32];
	assert_int_equal(conversation_begin(s->agent, s->digest, NULL), 0);
	assert_true(s->heard.turn && s->heard.has_digest);
	assert_false(s->heard.has_signature);
	assert_string_equal(s->heard.language, "Accept-Language: de, en;q=0.5");
	assert_memory_equal(s->heard.digest, s->digest, sizeof(s->digest));
	server_asks(s, true);
	assert_int_equal(s->n_wanted, 1);
	assert_true(s->heard.is_signed);
	posture_digest(s->heard.posture, got);
	assert_memory_equal(got, s->digest, sizeof(got));
	server_decides(s, "a.b.c", decision);
	assert_int_equal(s->n_decided, 1);
}

static void a_whole_inspection_is_signed_over_the_nonce(void **state)
{
	static const enum key_kind kinds[] = { KEY_P256, KEY_ED25519 };
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		struct scene *s = scene_new(kinds[i]);
		whole_inspection(s);
		assert_string_equal(s->certificate, "a.b.c");
		assert_int_equal(s->expires - s->next_inspection, 15 * 60000);
		assert_string_equal(
		        json_string_value(json_object_get(s->result, "recommendation")), "allowed");
		/* What ends on terminals is clean. */
		assert_string_equal(
		        json_string_value(json_array_get(json_object_get(s->result, "reasons"), 0)),
		        "welcome ?[2J");
		assert_string_equal(
		        json_string_value(json_array_get(json_object_get(s->result, "remediation"), 0)),
		        "apt-get upgrade");
		scene_free(s);
	}
}

static void a_certificate_takes_one_exchange(void **state)
{
	struct scene *s = scene_new(KEY_P256);
	memcpy(s->expected_nonce, zeroes, sizeof(zeroes));
	assert_int_equal(conversation_begin(s->agent, s->digest, "x.y.z"), 0);
	assert_string_equal(s->heard.certificate, "x.y.z");
	assert_true(s->heard.has_digest && s->heard.is_signed);
	server_decides(s, "x.y.2", decision);
	assert_int_equal(s->n_wanted, 0);
	assert_string_equal(s->certificate, "x.y.2");
	scene_free(s);
}

static void a_refused_certificate_becomes_a_whole_inspection(void **state)
{
	struct scene *s = scene_new(KEY_P256);
	assert_int_equal(conversation_begin(s->agent, s->digest, "x.y.z"), 0);
	server_asks(s, true);
	assert_true(s->heard.is_signed);
	assert_string_equal(s->heard.certificate, "");
	assert_int_equal(s->heard.posture->n_packages, s->posture->n_packages);
	server_decides(
	        s, NULL, "{\"segment\": \"quarantine\", \"expires\": null, \"next_inspection\": null}");
	assert_null(s->certificate);
	assert_int_equal(s->expires, 0);
	scene_free(s);
}

static void the_server_can_ask_again(void **state)
{
	struct scene *s = scene_new(KEY_P256);
	struct writer w = wr_make(4096);
	whole_inspection(s);
	assert_int_equal(pbtnc_request_retry(s->server, &w), 0);
	deliver(s, &w);
	assert_int_equal(s->n_retries, 1);
	/* The posture must be collected anew: it is answered later. */
	s->answer_later = true;
	server_asks(s, true);
	assert_int_equal(s->n_wanted, 2);
	s->posture->firewall_active = TRI_NO;
	assert_int_equal(conversation_answer(s->agent, s->posture), 0);
	assert_true(s->heard.is_signed);
	assert_int_equal(s->heard.posture->firewall_active, TRI_NO);
	assert_int_equal(conversation_answer(s->agent, s->posture), -EPROTO);
	server_decides(s, "d.e.f", decision);
	assert_int_equal(s->n_decided, 2);
	scene_free(s);
}

static void the_agent_can_ask_again(void **state)
{
	struct scene *s = scene_new(KEY_P256);
	whole_inspection(s);
	assert_int_equal(conversation_begin(s->agent, s->digest, NULL), 0);
	assert_true(s->heard.retry && s->heard.turn && s->heard.has_digest);
	assert_int_equal(conversation_begin(s->agent, s->digest, NULL), -EPROTO);
	server_asks(s, true);
	assert_true(s->heard.is_signed);
	server_decides(s, "d.e.f", decision);
	assert_int_equal(s->n_decided, 2);
	scene_free(s);
}

static void another_server_gets_standard_attributes_and_no_signature(void **state)
{
	struct scene *s = scene_new(KEY_P256);
	assert_int_equal(conversation_begin(s->agent, s->digest, NULL), 0);
	server_asks(s, false);
	assert_false(s->heard.has_signature);
	server_decides(s, NULL, NULL);
	assert_int_equal(s->n_decided, 1);
	assert_null(json_object_get(s->result, "decision"));
	assert_string_equal(json_string_value(json_object_get(s->result, "assessment")), "compliant");
	scene_free(s);
}

static void a_bad_decision_is_noted_and_counts_for_nothing(void **state)
{
	static const char *const rows[] = { "[1]", "{", "nonsense" };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct scene *s = scene_new(KEY_P256);
		assert_int_equal(conversation_begin(s->agent, s->digest, NULL), 0);
		server_asks(s, true);
		server_decides(s, NULL, rows[i]);
		assert_int_equal(s->n_notes, 1);
		assert_int_equal(s->expires, 0);
		assert_null(json_object_get(s->result, "decision"));
		scene_free(s);
	}
}

static void a_malformed_batch_ends_it(void **state)
{
	struct scene *s = scene_new(KEY_P256);
	static const uint8_t garbage[] = { 2, 0x80, 0, 9, 0, 0, 0, 8 };
	assert_int_equal(conversation_begin(s->agent, s->digest, NULL), 0);
	conversation_receive(s->agent, garbage, sizeof(garbage));
	assert_true(s->heard.closed);
	assert_true(*s->ended);
	/* Nothing is done any more. */
	conversation_receive(s->agent, garbage, sizeof(garbage));
	assert_int_equal(conversation_answer(s->agent, s->posture), -EPROTO);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_inspection_is_signed_over_the_nonce),
		cmocka_unit_test(a_certificate_takes_one_exchange),
		cmocka_unit_test(a_refused_certificate_becomes_a_whole_inspection),
		cmocka_unit_test(the_server_can_ask_again),
		cmocka_unit_test(the_agent_can_ask_again),
		cmocka_unit_test(another_server_gets_standard_attributes_and_no_signature),
		cmocka_unit_test(a_bad_decision_is_noted_and_counts_for_nothing),
		cmocka_unit_test(a_malformed_batch_ends_it),
	};
	return cmocka_run_group_tests_name("conversation", tests, NULL, NULL);
}
