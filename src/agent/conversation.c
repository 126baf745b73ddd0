/* SPDX-License-Identifier: ISC */
#include "agent/conversation.h"

#include "posture/attributes.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COLLECTOR_ID 1 /* our Posture Collector Identifier (RFC 5793 4.5) */

struct conversation {
	struct conversation_config config;
	struct pbtnc_session *pb;
	uint32_t next_id; /* of our PA-TNC messages */
	bool ended;

	/* The server's last SDATA. */
	struct posture_wants wants;
	bool has_nonce;
	uint8_t nonce[PRATIQUE_NONCE_SIZE];

	/* The batch that is being composed. */
	struct patnc_signature_input input;

	/* The batch that is being read. */
	bool has_result;
	struct conversation_result result;
	json_t *reasons, *remediation;
};

static void result_clear(struct conversation *c)
{
	if (c->result.certificate)
		OPENSSL_cleanse(c->result.certificate, strlen(c->result.certificate));
	free(c->result.certificate);
	json_decref(c->result.json);
	json_decref(c->reasons);
	json_decref(c->remediation);
	c->result = (struct conversation_result){ .json = json_object() };
	c->reasons = json_array();
	c->remediation = json_array();
	c->has_result = false;
}

struct conversation *conversation_new(const struct conversation_config *config)
{
	struct conversation *c = xcalloc(1, sizeof(*c));
	c->config = *config;
	c->pb = pbtnc_session_new(PBTNC_CLIENT);
	c->next_id = 1;
	result_clear(c);
	return c;
}

struct conversation *conversation_free(struct conversation *c)
{
	if (!c)
		return NULL;
	result_clear(c);
	json_decref(c->result.json);
	json_decref(c->reasons);
	json_decref(c->remediation);
	patnc_signature_input_free(&c->input);
	pbtnc_session_free(c->pb);
	OPENSSL_cleanse(c->config.exporter, sizeof(c->config.exporter));
	free(c);
	return NULL;
}

static void end(struct conversation *c, const char *why)
{
	if (c->ended)
		return;
	c->ended = true;
	c->config.effects.end(c->config.context, why);
}

/* ---- what we say ---- */

static int add_pa(uint32_t vendor, uint32_t subtype, const void *body, size_t length, void *context)
{
	struct conversation *c = context;
	patnc_signature_input_add(&c->input, vendor, subtype, body, length);
	const struct pbtnc_pa pa = { .vendor = vendor,
		.subtype = subtype,
		.collector = COLLECTOR_ID,
		.validator = PBTNC_ID_ANY,
		.body = body,
		.length = length };
	return pbtnc_add_pa(c->pb, &pa);
}

static int add_own(struct conversation *c, struct writer *w)
{
	int r = wr_failed(w) ? -EMSGSIZE : add_pa(PRATIQUE_PEN, PRATIQUE_SUBTYPE, w->data, w->length, c);
	wr_free(w);
	return r;
}

/* Signs what was added since the batch was begun; the message with the signature is the batch's last. */
static int add_signature(struct conversation *c, const uint8_t nonce[PRATIQUE_NONCE_SIZE])
{
	uint8_t input[PATNC_SIGNATURE_INPUT_SIZE], bytes[64];
	struct writer w = wr_make(POSTURE_MESSAGE_MAX);
	struct pratique_signature signature = { .bytes = bytes, .length = sizeof(bytes) };
	patnc_signature_input_end(&c->input, c->config.exporter, nonce, input);
	if (key_sign(c->config.key, input, sizeof(input), bytes, NULL) < 0)
		return -EIO;
	signature.scheme =
	        EVP_PKEY_is_a(c->config.key, "ED25519") ? PRATIQUE_SCHEME_ED25519 : PRATIQUE_SCHEME_ES256;
	memcpy(signature.nonce, nonce, sizeof(signature.nonce));
	patnc_begin_message(&w, c->next_id++);
	pratique_put_signature(&w, &signature);
	return add_own(c, &w);
}

static int add_claim(struct conversation *c, const uint8_t digest[32], const char *certificate)
{
	static const uint8_t zeroes[PRATIQUE_NONCE_SIZE];
	struct writer w = wr_make(POSTURE_MESSAGE_MAX);
	patnc_signature_input_begin(&c->input);
	patnc_begin_message(&w, c->next_id++);
	if (certificate)
		pratique_put_text(&w, PRATIQUE_QUARANTINE_CERTIFICATE, certificate, strlen(certificate));
	pratique_put_digest(&w, digest);
	int r = add_own(c, &w);
	return r < 0 || !certificate ? r : add_signature(c, zeroes);
}

/* What was composed goes out, or is dropped after a failure. */
static int send_batch(struct conversation *c, enum pbtnc_batch_type type, int composed)
{
	struct writer w = wr_make(PBTNC_BATCH_MAX);
	int r = composed;
	if (r == 0)
		r = type == PBTNC_CRETRY ? pbtnc_request_retry(c->pb, &w) : pbtnc_send(c->pb, type, &w);
	if (r == 0)
		c->config.effects.send(c->config.context, w.data, w.length);
	else
		pbtnc_discard(c->pb);
	wr_free(&w);
	return r;
}

int conversation_begin(struct conversation *c, const uint8_t digest[32], const char *certificate)
{
	enum pbtnc_state state = pbtnc_get_state(c->pb);
	if (state != PBTNC_INIT && state != PBTNC_DECIDED)
		return -EPROTO;
	c->has_nonce = false;
	int r = c->config.language ? pbtnc_add_language(c->pb, c->config.language) : 0;
	if (r == 0)
		r = add_claim(c, digest, certificate);
	return send_batch(c, state == PBTNC_INIT ? PBTNC_CDATA : PBTNC_CRETRY, r);
}

int conversation_answer(struct conversation *c, const struct posture *posture)
{
	if (c->ended || pbtnc_get_state(c->pb) != PBTNC_CLIENT_WORKING)
		return -EPROTO;
	patnc_signature_input_begin(&c->input);
	int r = posture_write_messages(posture, &c->wants, &c->next_id, add_pa, c);
	if (r == 0 && c->has_nonce)
		r = add_signature(c, c->nonce);
	c->has_nonce = false;
	return send_batch(c, PBTNC_CDATA, r);
}

/* ---- what the server says ---- */

static void note_error(struct conversation *c, const struct patnc_attribute *a)
{
	struct patnc_error error;
	char text[256];
	if (patnc_get_error(a, &error) < 0)
		return;
	snprintf(text, sizeof(text), "the server could not read a posture message: %s",
	        patnc_error_text(error.vendor, error.code));
	c->config.effects.note(c->config.context, text);
}

static void take_decision(struct conversation *c, struct patnc_text text)
{
	json_error_t where;
	json_t *decision = json_loadb(text.at, text.length, JSON_REJECT_DUPLICATES, &where);
	const char *expires = json_string_value(json_object_get(decision, "expires"));
	const char *next = json_string_value(json_object_get(decision, "next_inspection"));
	if (!json_is_object(decision)) {
		c->config.effects.note(
		        c->config.context, "the decision that the server sent is not a JSON object");
		json_decref(decision);
		return;
	}
	if (expires)
		(void)clock_parse(expires, &c->result.expires);
	if (next)
		(void)clock_parse(next, &c->result.next_inspection);
	json_object_set_new(c->result.json, "decision", decision);
}

static void take_own_attribute(struct conversation *c, const struct patnc_attribute *a)
{
	struct patnc_text text;
	if (a->type == PRATIQUE_NONCE)
		c->has_nonce = pratique_get_nonce(a, c->nonce) == 0;
	else if (a->type == PRATIQUE_QUARANTINE_CERTIFICATE && pratique_get_text(a, &text) == 0 &&
	        text.length <= TOKEN_TEXT_MAX) {
		free(c->result.certificate);
		c->result.certificate = xstrndup(text.at, text.length);
	} else if (a->type == PRATIQUE_DECISION && pratique_get_text(a, &text) == 0) {
		take_decision(c, text);
	}
}

static void take_pa(struct conversation *c, const struct pbtnc_pa *pa)
{
	struct patnc_message m;
	struct patnc_attribute a;
	struct patnc_error problem;
	if (posture_read_request(&c->wants, pa->body, pa->length, &problem) < 0 ||
	        patnc_read_message(pa->body, pa->length, NULL, &m, &problem) < 0) {
		c->config.effects.note(c->config.context, "a posture message of the server is malformed");
		return;
	}
	while (patnc_next_attribute(&m, &a)) {
		if (a.vendor == PATNC_VENDOR_IETF && a.type == PATNC_ERROR)
			note_error(c, &a);
		if (pa->vendor == PRATIQUE_PEN && pa->subtype == PRATIQUE_SUBTYPE && a.vendor == PRATIQUE_PEN)
			take_own_attribute(c, &a);
	}
}

/* For status and logs, which are read on terminals: only clean text gets in. */
static void append_text(json_t *list, struct pbtnc_text text)
{
	if (json_array_size(list) >= CONVERSATION_TEXTS_MAX)
		return;
	struct posture *scratch = posture_new();
	json_array_append_new(list, json_string(posture_string_n(scratch, text.at, text.length)));
	posture_free(scratch);
}

static const char *assessment_name(enum pbtnc_assessment a)
{
	static const char *const names[] = { "compliant", "minor differences", "significant differences",
		"error", "unknown" };
	return (size_t)a < ARRAY_LENGTH(names) ? names[a] : "unknown";
}

static const char *recommendation_name(enum pbtnc_recommendation r)
{
	static const char *const names[] = { "none", "allowed", "denied", "quarantined" };
	return (size_t)r < ARRAY_LENGTH(names) ? names[r] : "none";
}

static void note_pb_error(struct conversation *c, const struct pbtnc_error *error)
{
	char text[256];
	snprintf(text, sizeof(text), "PB-TNC error of the server: %s",
	        pbtnc_error_text(error->vendor, error->code));
	c->config.effects.note(c->config.context, text);
}

/* TURN only comes where the server waits: in Client Working. */
static void take_event(struct conversation *c, const struct pbtnc_event *e)
{
	switch (e->kind) {
	case PBTNC_EVENT_RETRY:
		c->config.effects.retry(c->config.context);
		break;
	case PBTNC_EVENT_PA:
		take_pa(c, &e->pa);
		break;
	case PBTNC_EVENT_RESULT:
		c->has_result = true;
		json_object_set_new(
		        c->result.json, "assessment", json_string(assessment_name(e->assessment)));
		break;
	case PBTNC_EVENT_RECOMMENDATION:
		json_object_set_new(c->result.json, "recommendation",
		        json_string(recommendation_name(e->recommendation)));
		break;
	case PBTNC_EVENT_REASON:
		append_text(c->reasons, e->text);
		break;
	case PBTNC_EVENT_REMEDIATION:
		if (e->remediation.vendor == 0)
			append_text(c->remediation, e->remediation.text);
		break;
	case PBTNC_EVENT_ERROR:
		note_pb_error(c, &e->error);
		break;
	case PBTNC_EVENT_TURN:
		c->config.effects.want_posture(c->config.context);
		break;
	case PBTNC_EVENT_CLOSED:
		end(c, "the server closed the conversation");
		break;
	case PBTNC_EVENT_LANGUAGE:
		break; /* only a client sends it */
	}
}

void conversation_receive(struct conversation *c, const void *batch, size_t length)
{
	struct writer reply = wr_make(PBTNC_BATCH_MAX);
	struct pbtnc_event e;
	if (c->ended)
		return;
	result_clear(c);
	c->wants = (struct posture_wants){ 0 };
	int r = pbtnc_receive_batch(c->pb, batch, length);
	if (r < 0 && pbtnc_take_reply(c->pb, &reply))
		c->config.effects.send(c->config.context, reply.data, reply.length);
	wr_free(&reply);
	while (!c->ended && pbtnc_next(c->pb, &e))
		take_event(c, &e);
	if (c->ended || !c->has_result)
		return;
	json_object_set(c->result.json, "reasons", c->reasons);
	json_object_set(c->result.json, "remediation", c->remediation);
	c->config.effects.decided(c->config.context, &c->result);
}
