/* SPDX-License-Identifier: ISC */
/*
 * A whole inspection through the three protocols, byte by byte: a nonce, a signed posture, a decision with a
 * certificate; the re-presentation of that certificate in one round trip; a re-inspection on the open
 * connection. And what must not work: a posture that was signed on another connection, for another nonce, or
 * changed under way.
 */
#include "proto/patnc/pratique.h"
#include "proto/patnc/swima.h"
#include "proto/pbtnc/pbtnc.h"
#include "proto/pttls/pttls.h"
#include "tests/unit/test.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define N_PACKAGES 900

struct side {
	struct pttls_session *transport;
	struct pbtnc_session *broker;
	uint8_t exporter[PRATIQUE_EXPORTER_SIZE], nonce[PRATIQUE_NONCE_SIZE];
	EVP_PKEY *key;
	struct patnc_signature_input input;
	void (*on_event)(struct side *s, const struct pbtnc_event *event);
	/* Node: what it does in its next turn, what it has. */
	bool present, tamper;
	char certificate[64];
	unsigned retries;
	/* Server: what it has seen. */
	size_t n_packages;
	bool signed_well, has_certificate, has_digest;
	unsigned results, batches;
};

static void add_pa(struct side *s, uint32_t vendor, uint32_t subtype, const struct writer *w)
{
	struct pbtnc_pa pa = { .vendor = vendor,
		.subtype = subtype,
		.collector = 1,
		.validator = PBTNC_ID_ANY,
		.body = w->data,
		.length = w->length };
	assert_false(wr_failed(w));
	assert_int_equal(pbtnc_add_pa(s->broker, &pa), 0);
	if (s->input.hash)
		patnc_signature_input_add(&s->input, vendor, subtype, w->data, w->length);
}

static void send_batch(struct side *s, enum pbtnc_batch_type type)
{
	struct writer w CLEANUP(wr_free) = wr_make(PBTNC_BATCH_MAX);
	assert_int_equal(
	        type == PBTNC_SRETRY ? pbtnc_request_retry(s->broker, &w) : pbtnc_send(s->broker, type, &w),
	        0);
	assert_int_equal(pttls_send_batch(s->transport, w.data, w.length), 0);
}

static void write_inventory(struct writer *w)
{
	struct swima_list list = {
		.type = PATNC_SOFTWARE_IDENTIFIER_INVENTORY, .id = 1, .eid_epoch = 1, .last_eid = 1
	};
	patnc_begin_message(w, 1);
	size_t at = swima_begin_list(w, &list);
	for (uint32_t i = 0; i < N_PACKAGES; i++) {
		char purl[64];
		(void)snprintf(purl, sizeof(purl), "pkg:deb/debian/package-%u@1.%u-1?arch=amd64", i, i);
		struct swima_record record = { .id = i,
			.model_vendor = PRATIQUE_PEN,
			.model_type = PRATIQUE_MODEL_PURL,
			.source = 1,
			.identifier = patnc_text(purl) };
		swima_put_record(w, list.type, &record);
	}
	swima_end_list(w, at, N_PACKAGES);
}

static size_t sign(EVP_PKEY *key, const uint8_t *input, uint8_t *signature, size_t size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &size, input, PATNC_SIGNATURE_INPUT_SIZE), 1);
	EVP_MD_CTX_free(context);
	return size;
}

static bool verify(EVP_PKEY *key, const uint8_t *input, const struct pratique_signature *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
	int good = EVP_DigestVerify(
	        context, signature->bytes, signature->length, input, PATNC_SIGNATURE_INPUT_SIZE);
	EVP_MD_CTX_free(context);
	return good == 1;
}

/* The node's answer to a nonce: system, packages, and last the signature over both. */
static void present_posture(struct side *s)
{
	struct writer w CLEANUP(wr_free) = wr_make(PBTNC_BATCH_MAX);
	uint8_t input[PATNC_SIGNATURE_INPUT_SIZE], bytes[128];
	patnc_signature_input_begin(&s->input);
	patnc_begin_message(&w, 1);
	pratique_put_text(&w, PRATIQUE_SYSTEM, "{\"os\":\"debian\"}", 15);
	add_pa(s, PRATIQUE_PEN, PRATIQUE_SUBTYPE, &w);
	wr_reset(&w);
	write_inventory(&w);
	add_pa(s, PATNC_VENDOR_IETF, PATNC_SUBTYPE_SWIMA, &w);
	patnc_signature_input_end(&s->input, s->exporter, s->nonce, input);
	patnc_signature_input_free(&s->input);
	struct pratique_signature signature = { .scheme = PRATIQUE_SCHEME_ED25519, .bytes = bytes };
	memcpy(signature.nonce, s->nonce, sizeof(s->nonce));
	signature.length = sign(s->key, input, bytes, sizeof(bytes));
	bytes[5] ^= s->tamper;
	wr_reset(&w);
	patnc_begin_message(&w, 2);
	pratique_put_signature(&w, &signature);
	add_pa(s, PRATIQUE_PEN, PRATIQUE_SUBTYPE, &w);
}

static void present_certificate(struct side *s)
{
	struct writer w CLEANUP(wr_free) = wr_make(8192);
	uint8_t digest[PRATIQUE_DIGEST_SIZE] = { 7 };
	patnc_begin_message(&w, 1);
	pratique_put_text(&w, PRATIQUE_QUARANTINE_CERTIFICATE, s->certificate, strlen(s->certificate));
	pratique_put_digest(&w, digest);
	add_pa(s, PRATIQUE_PEN, PRATIQUE_SUBTYPE, &w);
}

static void node_on_attribute(struct side *s, const struct patnc_attribute *a)
{
	struct patnc_text text;
	if (a->type == PRATIQUE_NONCE)
		assert_int_equal(pratique_get_nonce(a, s->nonce), 0);
	s->present |= a->type == PRATIQUE_NONCE;
	if (a->type == PRATIQUE_QUARANTINE_CERTIFICATE && pratique_get_text(a, &text) == 0)
		(void)snprintf(s->certificate, sizeof(s->certificate), "%.*s", (int)text.length, text.at);
}

static void node_on_event(struct side *s, const struct pbtnc_event *event)
{
	struct patnc_message m;
	struct patnc_error error;
	if (event->kind == PBTNC_EVENT_PA) {
		assert_int_equal(patnc_read_message(event->pa.body, event->pa.length, NULL, &m, &error), 0);
		for (struct patnc_attribute a; patnc_next_attribute(&m, &a);)
			node_on_attribute(s, &a);
	}
	s->retries += event->kind == PBTNC_EVENT_RETRY;
	s->results +=
	        event->kind == PBTNC_EVENT_RECOMMENDATION && event->recommendation == PBTNC_ACCESS_ALLOWED;
	if (event->kind != PBTNC_EVENT_TURN)
		return;
	if (s->present)
		present_posture(s);
	send_batch(s, PBTNC_CDATA);
}

static void server_on_software(struct side *s, const struct patnc_attribute *a)
{
	struct swima_list list;
	struct swima_record record;
	assert_int_equal(swima_get_list(a, &list), 0);
	while (swima_next_record(&list, &record))
		s->n_packages++;
}

/* Everything but the message with the signature goes into the input; that one ends it. */
static void server_on_pa(struct side *s, const struct pbtnc_pa *pa)
{
	struct patnc_message m;
	struct patnc_error error;
	struct pratique_signature signature = { 0 };
	assert_int_equal(patnc_read_message(pa->body, pa->length, NULL, &m, &error), 0);
	for (struct patnc_attribute a; patnc_next_attribute(&m, &a);) {
		if (a.vendor == PATNC_VENDOR_IETF && a.type == PATNC_SOFTWARE_IDENTIFIER_INVENTORY)
			server_on_software(s, &a);
		if (a.vendor != PRATIQUE_PEN)
			continue;
		if (a.type == PRATIQUE_POSTURE_SIGNATURE)
			assert_int_equal(pratique_get_signature(&a, &signature), 0);
		s->has_certificate |= a.type == PRATIQUE_QUARANTINE_CERTIFICATE;
		s->has_digest |= a.type == PRATIQUE_POSTURE_DIGEST;
	}
	if (!s->input.hash)
		patnc_signature_input_begin(&s->input);
	if (!signature.bytes) {
		patnc_signature_input_add(&s->input, pa->vendor, pa->subtype, pa->body, pa->length);
		return;
	}
	uint8_t input[PATNC_SIGNATURE_INPUT_SIZE];
	patnc_signature_input_end(&s->input, s->exporter, s->nonce, input);
	patnc_signature_input_free(&s->input);
	s->signed_well = CRYPTO_memcmp(signature.nonce, s->nonce, sizeof(s->nonce)) == 0 &&
	        verify(s->key, input, &signature);
}

static void ask(struct side *s)
{
	struct writer w CLEANUP(wr_free) = wr_make(4096);
	s->nonce[0]++;
	patnc_begin_message(&w, 1);
	pratique_put_nonce(&w, s->nonce);
	/* What the server sends is no part of the node's signature. */
	struct pbtnc_pa pa = { .vendor = PRATIQUE_PEN,
		.subtype = PRATIQUE_SUBTYPE,
		.collector = PBTNC_ID_ANY,
		.validator = 1,
		.body = w.data,
		.length = w.length };
	patnc_signature_input_free(&s->input);
	assert_int_equal(pbtnc_add_pa(s->broker, &pa), 0);
	send_batch(s, PBTNC_SDATA);
}

static void decide(struct side *s)
{
	struct writer w CLEANUP(wr_free) = wr_make(8192), batch CLEANUP(wr_free) = wr_make(8192);
	bool good = s->signed_well || (s->has_certificate && s->has_digest);
	patnc_signature_input_free(&s->input);
	patnc_begin_message(&w, 9);
	pratique_put_text(&w, PRATIQUE_QUARANTINE_CERTIFICATE, "header.claims.signature", 23);
	pratique_put_text(&w, PRATIQUE_DECISION, "{\"segment\":\"staff\"}", 19);
	if (good)
		add_pa(s, PRATIQUE_PEN, PRATIQUE_SUBTYPE, &w);
	assert_int_equal(pbtnc_send_result(s->broker, good ? PBTNC_COMPLIANT : PBTNC_ASSESSMENT_ERROR,
	                         good ? PBTNC_ACCESS_ALLOWED : PBTNC_ACCESS_QUARANTINED, &batch),
	        0);
	assert_int_equal(pttls_send_batch(s->transport, batch.data, batch.length), 0);
	s->results++;
}

static void server_on_event(struct side *s, const struct pbtnc_event *event)
{
	if (event->kind == PBTNC_EVENT_PA)
		server_on_pa(s, &event->pa);
	if (event->kind != PBTNC_EVENT_TURN)
		return;
	if (s->n_packages == 0 && !s->has_certificate)
		ask(s);
	else
		decide(s);
}

static void on_transport(struct side *s, const struct pttls_event *event)
{
	assert_true(event->kind == PTTLS_EVENT_READY || event->kind == PTTLS_EVENT_BATCH);
	if (event->kind == PTTLS_EVENT_READY)
		return;
	s->batches++;
	assert_int_equal(pbtnc_receive_batch(s->broker, event->bytes, event->length), 0);
	for (struct pbtnc_event e; pbtnc_next(s->broker, &e);)
		s->on_event(s, &e);
}

/* Moves bytes until both are silent; step: how many at once. */
static void converse(struct side *a, struct side *b, size_t step)
{
	struct side *sides[2] = { a, b };
	for (bool moved = true; moved;) {
		moved = false;
		for (unsigned i = 0; i < 2; i++) {
			struct writer *out = pttls_output(sides[i]->transport);
			size_t n = MIN(out->length, step);
			if (n == 0)
				continue;
			moved = true;
			assert_int_equal(pttls_receive(sides[!i]->transport, out->data, n), 0);
			wr_consume(out, n);
			for (struct pttls_event e; pttls_next(sides[!i]->transport, &e);)
				on_transport(sides[!i], &e);
		}
	}
}

static void open_sides(struct side *node, struct side *server, EVP_PKEY *key)
{
	struct pttls_config client = { .role = PTTLS_CLIENT }, listener = { .role = PTTLS_SERVER };
	*node = (struct side){ .transport = pttls_session_new(&client),
		.broker = pbtnc_session_new(PBTNC_CLIENT),
		.key = key,
		.on_event = node_on_event };
	*server = (struct side){ .transport = pttls_session_new(&listener),
		.broker = pbtnc_session_new(PBTNC_SERVER),
		.key = key,
		.on_event = server_on_event };
	memset(node->exporter, 0xab, sizeof(node->exporter));
	memset(server->exporter, 0xab, sizeof(server->exporter));
	assert_int_equal(pttls_start(node->transport), 0);
	converse(node, server, 16384);
	assert_true(pttls_is_ready(node->transport) && pttls_is_ready(server->transport));
}

static void close_sides(struct side *node, struct side *server)
{
	struct side *sides[2] = { node, server };
	for (unsigned i = 0; i < 2; i++) {
		patnc_signature_input_free(&sides[i]->input);
		pttls_session_free(sides[i]->transport);
		pbtnc_session_free(sides[i]->broker);
	}
	EVP_PKEY_free(node->key);
}

static void a_node_is_inspected_and_again(void **state)
{
	static const size_t steps[] = { 1, 7, 1000, 1 << 20 };
	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
		struct side node, server;
		open_sides(&node, &server, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
		send_batch(&node, PBTNC_CDATA);
		converse(&node, &server, steps[i]);
		assert_int_equal(server.n_packages, N_PACKAGES);
		assert_true(server.signed_well);
		assert_int_equal(node.results, 1);
		assert_string_equal(node.certificate, "header.claims.signature");
		assert_int_equal(server.batches, 2);
		/* Again, on the same connection, with another nonce. */
		server.n_packages = 0;
		server.signed_well = false;
		send_batch(&server, PBTNC_SRETRY);
		ask(&server);
		converse(&node, &server, steps[i]);
		assert_int_equal(node.retries, 1);
		assert_int_equal(server.n_packages, N_PACKAGES);
		assert_true(server.signed_well);
		assert_int_equal(node.results, 2);
		close_sides(&node, &server);
	}
}

static void a_certificate_is_presented_in_one_round_trip(void **state)
{
	struct side node, server;
	open_sides(&node, &server, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	memcpy(node.certificate, "header.claims.signature", 24);
	present_certificate(&node);
	send_batch(&node, PBTNC_CDATA);
	converse(&node, &server, 16384);
	assert_true(server.has_certificate && server.has_digest);
	assert_int_equal(server.batches, 1);
	assert_int_equal(node.batches, 1);
	assert_int_equal(node.results, 1);
	close_sides(&node, &server);
}

static void a_relayed_or_forged_posture_is_not_believed(void **state)
{
	enum { OTHER_CONNECTION, OTHER_KEY, TAMPERED, N_FORGERIES };
	for (unsigned forgery = 0; forgery < N_FORGERIES; forgery++) {
		struct side node, server;
		open_sides(&node, &server, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
		EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		node.exporter[31] ^= forgery == OTHER_CONNECTION;
		node.tamper = forgery == TAMPERED;
		if (forgery == OTHER_KEY)
			server.key = other;
		send_batch(&node, PBTNC_CDATA);
		converse(&node, &server, 16384);
		assert_int_equal(server.n_packages, N_PACKAGES);
		assert_int_equal(server.results, 1);
		assert_false(server.signed_well);
		assert_int_equal(node.results, 0);
		assert_string_equal(node.certificate, "");
		EVP_PKEY_free(other);
		close_sides(&node, &server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_is_inspected_and_again),
		cmocka_unit_test(a_certificate_is_presented_in_one_round_trip),
		cmocka_unit_test(a_relayed_or_forged_posture_is_not_believed),
	};
	return cmocka_run_group_tests_name("inspection", tests, NULL, NULL);
}
