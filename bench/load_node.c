/* SPDX-License-Identifier: ISC */
/*
 * One node: connects, says that its posture is a new one, answers the nonce with the posture and its
 * signature, and begins anew after the RESULT, by CRETRY on the same connection or on a new one. Where every
 * inspection is to be a whole one no certificate is presented; else its certificate, an unchanged posture and
 * a signature.
 */
#include "bench/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COLLECTOR_ID 1

static void clear_connection(struct load_node *n)
{
	n->pttls = pttls_session_free(n->pttls);
	n->pb = pbtnc_session_free(n->pb);
}

/* ---- what we say ---- */

static void flush(struct load_node *n)
{
	struct writer *w = pttls_output(n->pttls);
	if (w->length && stream_write(n->stream, w->data, w->length) == 0)
		wr_consume(w, w->length);
}

static int add_pa(struct load_node *n, uint32_t vendor, uint32_t subtype, const void *body, size_t length)
{
	const struct pbtnc_pa pa = { .vendor = vendor,
		.subtype = subtype,
		.collector = COLLECTOR_ID,
		.validator = PBTNC_ID_ANY,
		.body = body,
		.length = length };
	return pbtnc_add_pa(n->pb, &pa);
}

static void send_batch(struct load_node *n, bool is_retry, int composed)
{
	struct writer w = wr_make(PBTNC_BATCH_MAX);
	int r = composed;
	if (r == 0)
		r = is_retry ? pbtnc_request_retry(n->pb, &w) : pbtnc_send(n->pb, PBTNC_CDATA, &w);
	if (r == 0)
		r = pttls_send_batch(n->pttls, w.data, w.length);
	wr_free(&w);
	if (r < 0)
		load_fail(n->load, "a node cannot send its batch");
	else
		flush(n);
}

static int add_signature(struct load_node *n)
{
	uint8_t input[PATNC_SIGNATURE_INPUT_SIZE], bytes[64];
	struct writer w = wr_make(POSTURE_MESSAGE_MAX);
	struct pratique_signature signature = {
		.scheme = PRATIQUE_SCHEME_ES256, .bytes = bytes, .length = sizeof(bytes)
	};
	memcpy(signature.nonce, n->nonce, sizeof(signature.nonce));
	patnc_signature_input_end(&n->input, n->exporter, n->nonce, input);
	int r = key_sign(n->key, input, sizeof(input), bytes, NULL);
	patnc_begin_message(&w, n->next_id++);
	pratique_put_signature(&w, &signature);
	if (r == 0)
		r = add_pa(n, PRATIQUE_PEN, PRATIQUE_SUBTYPE, w.data, w.length);
	wr_free(&w);
	return r;
}

/* What it claims: this posture, and by its certificate that it was good. */
static int add_claim(struct load_node *n)
{
	struct writer w = wr_make(POSTURE_MESSAGE_MAX);
	patnc_begin_message(&w, n->next_id++);
	if (n->certificate)
		pratique_put_text(
		        &w, PRATIQUE_QUARANTINE_CERTIFICATE, n->certificate, strlen(n->certificate));
	pratique_put_digest(&w, n->inventories[n->turn].digest);
	patnc_signature_input_begin(&n->input);
	patnc_signature_input_add(&n->input, PRATIQUE_PEN, PRATIQUE_SUBTYPE, w.data, w.length);
	int r = add_pa(n, PRATIQUE_PEN, PRATIQUE_SUBTYPE, w.data, w.length);
	wr_free(&w);
	return r < 0 || !n->certificate ? r : add_signature(n);
}

static void begin(struct load_node *n)
{
	bool is_retry = pbtnc_get_state(n->pb) == PBTNC_DECIDED;
	if (!n->load->presents)
		n->turn = (n->turn + 1) % LOAD_VARIANTS;
	if (n->load->are_agents)
		schedule_assessing(&n->schedule, clock_monotonic_ms());
	n->has_nonce = false;
	memset(n->nonce, 0, sizeof(n->nonce));
	if (!n->load->new_connections)
		n->begun = clock_monotonic_us();
	int r = n->certificate ? 0 : load_compose(n); /* for the digest */
	send_batch(n, is_retry, r == 0 ? add_claim(n) : r);
}

static void answer(struct load_node *n)
{
	const struct load_inventory *inventory = &n->inventories[n->turn];
	int r = n->has_nonce ? load_compose(n) : -EPROTO;
	patnc_signature_input_begin(&n->input);
	for (size_t i = 0; i < inventory->n_messages && r == 0; i++) {
		const struct load_message *m = &inventory->messages[i];
		patnc_signature_input_add(&n->input, m->vendor, m->subtype, m->body, m->length);
		r = add_pa(n, m->vendor, m->subtype, m->body, m->length);
	}
	send_batch(n, false, r == 0 ? add_signature(n) : r);
}

/* ---- what the server says ---- */

static void take_pa(struct load_node *n, const struct pbtnc_pa *pa)
{
	struct patnc_message m;
	struct patnc_attribute a;
	struct patnc_error problem;
	if (pa->vendor != PRATIQUE_PEN || patnc_read_message(pa->body, pa->length, NULL, &m, &problem) < 0)
		return;
	while (patnc_next_attribute(&m, &a)) {
		struct patnc_text text;
		if (a.vendor == PRATIQUE_PEN && a.type == PRATIQUE_NONCE) {
			n->has_nonce = pratique_get_nonce(&a, n->nonce) == 0;
		} else if (n->load->presents && a.vendor == PRATIQUE_PEN &&
		        a.type == PRATIQUE_QUARANTINE_CERTIFICATE && pratique_get_text(&a, &text) == 0) {
			free(n->certificate);
			n->certificate = xstrndup(text.at, text.length);
		}
	}
}

static void decided(struct load_node *n, enum pbtnc_recommendation recommendation)
{
	load_inspected(n->load, recommendation, clock_monotonic_us() - n->begun);
	if (n->load->are_agents) {
		load_agent_decided(n, recommendation == PBTNC_ACCESS_ALLOWED && n->certificate);
		return;
	}
	if (n->load->new_connections) {
		stream_close(n->stream, "inspected");
		return; /* its turn has ended when the connection has */
	}
	n->is_busy = false;
	load_next(n->load);
}

static void take_batch(struct load_node *n, const void *batch, size_t length)
{
	struct pbtnc_event e;
	enum pbtnc_recommendation recommendation = PBTNC_NO_RECOMMENDATION;
	bool has_result = false, is_turn = false;
	if (pbtnc_receive_batch(n->pb, batch, length) < 0)
		load_fail(n->load, "the server sent a batch that is not one");
	while (pbtnc_next(n->pb, &e)) {
		has_result |= e.kind == PBTNC_EVENT_RESULT;
		is_turn |= e.kind == PBTNC_EVENT_TURN;
		if (e.kind == PBTNC_EVENT_PA)
			take_pa(n, &e.pa);
		else if (e.kind == PBTNC_EVENT_RECOMMENDATION)
			recommendation = e.recommendation;
		else if (e.kind == PBTNC_EVENT_ERROR)
			load_fail(n->load, "the server sent a PB-TNC error");
	}
	if (has_result)
		decided(n, recommendation);
	else if (is_turn)
		answer(n);
}

static size_t on_data(struct stream *stream, const uint8_t *data, size_t length, void *user)
{
	struct load_node *n = user;
	struct pttls_event e;
	if (n->load->stopping)
		return length;
	(void)pttls_receive(n->pttls, data, length);
	while (pttls_next(n->pttls, &e)) {
		if (e.kind == PTTLS_EVENT_READY)
			begin(n);
		else if (e.kind == PTTLS_EVENT_BATCH)
			take_batch(n, e.bytes, e.length);
		else if (e.kind == PTTLS_EVENT_CLOSED && !n->load->are_agents)
			load_fail(n->load, "the server ended PT-TLS");
	}
	flush(n);
	return length;
}

static void on_open(struct stream *stream, const struct identity *peer, void *user)
{
	struct load_node *n = user;
	if (n->load->are_agents)
		schedule_connected(&n->schedule, clock_monotonic_ms());
	n->pttls = pttls_session_new(&(struct pttls_config){ .role = PTTLS_CLIENT });
	n->pb = pbtnc_session_new(PBTNC_CLIENT);
	if (tls_stream_exporter(stream, n->exporter) < 0 || pttls_start(n->pttls) < 0)
		load_fail(n->load, "a node cannot begin PT-TLS");
	flush(n);
}

static void on_close(struct stream *stream, const char *reason, void *user)
{
	struct load_node *n = user;
	bool is_ours = strcmp(reason, "inspected") == 0;
	n->stream = NULL;
	clear_connection(n);
	if (n->load->stopping)
		return;
	if (n->load->are_agents) {
		load_agent_lost(n);
	} else if (is_ours) {
		n->is_busy = false;
		load_next(n->load);
	} else {
		fprintf(stderr, "load: node-%u: %s\n", n->number, reason);
		load_fail(n->load, "a node lost its connection");
	}
}

static void node_connect(struct load_node *n)
{
	static const struct stream_handlers handlers = {
		.on_open = on_open, .on_data = on_data, .on_close = on_close
	};
	static const struct stream_limits limits = STREAM_LIMITS_DEFAULT;
	const struct tls_target target = {
		.address = n->load->node_address, .expected_name = LOAD_SERVER_NAME, .local = &n->local
	};
	struct error err;
	n->begun = clock_monotonic_us();
	if (tls_connect(n->load->base, n->tls, &target, &limits, &handlers, n, &n->stream, &err) < 0) {
		if (n->load->are_agents) {
			load_agent_lost(n);
			return;
		}
		fprintf(stderr, "load: node-%u: %s\n", n->number, err.text);
		load_fail(n->load, "a node cannot connect");
	}
}

void load_node_inspect(struct load_node *n)
{
	n->is_busy = true;
	if (n->stream)
		begin(n);
	else
		node_connect(n);
}

void load_node_stop(struct load_node *n)
{
	n->stream = stream_free(n->stream);
	clear_connection(n);
}
