/* SPDX-License-Identifier: ISC */
#include "tests/unit/server/node_play.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void on_send(void *context, const void *batch, size_t length)
{
	struct play *p = context;
	assert_true(p->n_mail < ROUNDS_MAX);
	p->mail[p->n_mail] = wr_make(PBTNC_BATCH_MAX);
	wr_bytes(&p->mail[p->n_mail++], batch, length);
}

static void on_find_place(void *context)
{
	((struct play *)context)->wants_place = true;
}

static void on_await_applied(void *context, struct site_attachment *a)
{
	struct play *p = context;
	assert_ptr_equal(a, p->b->port);
	p->wants_applied = true;
}

static void *read_elsewhere(void *context)
{
	inspection_read(((struct play *)context)->i);
	return NULL;
}

/* By a thread of its own, as the server's workers do. Meanwhile the node may be asked to come again, and
 * nothing else. */
static void on_read(void *context)
{
	struct play *p = context;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, read_elsewhere, p), 0);
	if (p->retry_while_reading)
		inspection_retry(p->i, bed_now);
	assert_int_equal(pthread_join(thread, NULL), 0);
	inspection_heed(p->i, bed_now);
}

static void on_working(void *context, bool is_working)
{
}

static void on_end(void *context, const char *why)
{
	struct play *p = context;
	p->is_ended = true;
	snprintf(p->why, sizeof(p->why), "%s", why);
}

void play_meet(struct play *p, struct bed *b)
{
	struct inspection_config config = { .site = b->site,
		.node = b->alice,
		.remediation_uri = "https://help.example/",
		.effects = { on_send, on_find_place, on_await_applied, on_read, on_working, on_end },
		.context = p };
	memset(p, 0, sizeof(*p));
	p->b = b;
	p->next_id = 1;
	assert_int_equal(key_generate(KEY_P256, &p->key, NULL), 0);
	memset(p->exporter, 0xee, sizeof(p->exporter));
	memcpy(config.exporter, p->exporter, sizeof(p->exporter));
	config.node_key = p->key;
	p->pb = pbtnc_session_new(PBTNC_CLIENT);
	p->i = inspection_new(&config);
}

void play_part(struct play *p)
{
	inspection_free(p->i);
	pbtnc_session_free(p->pb);
	EVP_PKEY_free(p->key);
	free(p->certificate);
	free(p->decision);
	for (size_t i = 0; i < p->n_mail; i++)
		wr_free(&p->mail[i]);
}

/* ---- what the node says ---- */

int play_add(uint32_t vendor, uint32_t subtype, const void *body, size_t length, void *context)
{
	struct saying *s = context;
	patnc_signature_input_add(&s->input, vendor, subtype, body, length);
	return pbtnc_add_pa(s->play->pb,
	        &(struct pbtnc_pa){ .vendor = vendor,
	                .subtype = subtype,
	                .collector = 1,
	                .validator = PBTNC_ID_ANY,
	                .body = body,
	                .length = length });
}

void play_sign(struct saying *s, EVP_PKEY *key, const uint8_t exporter[32], const uint8_t nonce[32])
{
	uint8_t input[PATNC_SIGNATURE_INPUT_SIZE], bytes[64];
	struct pratique_signature signature = {
		.scheme = PRATIQUE_SCHEME_ES256, .bytes = bytes, .length = sizeof(bytes)
	};
	struct writer w = wr_make(4096);
	patnc_signature_input_end(&s->input, exporter, nonce, input);
	patnc_signature_input_begin(&s->input);
	assert_int_equal(key_sign(key, input, sizeof(input), bytes, NULL), 0);
	memcpy(signature.nonce, nonce, 32);
	patnc_begin_message(&w, s->play->next_id++);
	pratique_put_signature(&w, &signature);
	assert_int_equal(pbtnc_add_pa(s->play->pb,
	                         &(struct pbtnc_pa){ .vendor = PRATIQUE_PEN,
	                                 .subtype = PRATIQUE_SUBTYPE,
	                                 .collector = 1,
	                                 .validator = PBTNC_ID_ANY,
	                                 .body = w.data,
	                                 .length = w.length }),
	        0);
	wr_free(&w);
}

void play_begin(struct saying *s, struct play *p)
{
	*s = (struct saying){ .play = p };
	patnc_signature_input_begin(&s->input);
}

void play_post(struct saying *s, enum pbtnc_batch_type type)
{
	struct play *p = s->play;
	struct writer w = wr_make(PBTNC_BATCH_MAX);
	patnc_signature_input_free(&s->input);
	p->may_send = false;
	if (type == PBTNC_CRETRY)
		assert_int_equal(pbtnc_request_retry(p->pb, &w), 0);
	else
		assert_int_equal(pbtnc_send(p->pb, type, &w), 0);
	inspection_receive(p->i, w.data, w.length, bed_now);
	wr_free(&w);
}

/* The first batch: the digest, with a certificate and a signature where there is one. */
void play_hello(struct play *p, const char *certificate, const uint8_t digest[32], enum pbtnc_batch_type type)
{
	static const uint8_t zeroes[32];
	struct saying s;
	struct writer w = wr_make(8192);
	play_begin(&s, p);
	assert_int_equal(pbtnc_add_language(p->pb, "de, en;q=0.5"), 0);
	patnc_begin_message(&w, p->next_id++);
	if (certificate)
		pratique_put_text(&w, PRATIQUE_QUARANTINE_CERTIFICATE, certificate, strlen(certificate));
	pratique_put_digest(&w, digest);
	assert_int_equal(play_add(PRATIQUE_PEN, PRATIQUE_SUBTYPE, w.data, w.length, &s), 0);
	wr_free(&w);
	if (certificate)
		play_sign(&s, p->key, p->exporter, zeroes);
	play_post(&s, type);
}

void play_posture(struct play *p, EVP_PKEY *key, const uint8_t exporter[32], const uint8_t *nonce)
{
	struct saying s;
	struct posture *posture = bed_posture("openssl");
	play_begin(&s, p);
	assert_int_equal(posture_write_messages(posture, &p->wants, &p->next_id, play_add, &s), 0);
	posture_free(posture);
	if (key)
		play_sign(&s, key, exporter, nonce);
	play_post(&s, PBTNC_CDATA);
}

/* ---- what it hears ---- */

static void hear_pa(struct play *p, const struct pbtnc_pa *pa)
{
	struct patnc_message m;
	struct patnc_attribute a;
	struct patnc_error error;
	struct patnc_text text;
	assert_int_equal(posture_read_request(&p->wants, pa->body, pa->length, &error), 0);
	assert_int_equal(patnc_read_message(pa->body, pa->length, NULL, &m, &error), 0);
	while (patnc_next_attribute(&m, &a)) {
		if (a.vendor == 0 && a.type == PATNC_ERROR)
			p->errors++;
		if (a.vendor != PRATIQUE_PEN)
			continue;
		if (a.type == PRATIQUE_NONCE)
			p->has_nonce = pratique_get_nonce(&a, p->nonce) == 0;
		if (a.type == PRATIQUE_QUARANTINE_CERTIFICATE && pratique_get_text(&a, &text) == 0) {
			free(p->certificate);
			p->certificate = xstrndup(text.at, text.length);
		}
		if (a.type == PRATIQUE_DECISION && pratique_get_text(&a, &text) == 0) {
			free(p->decision);
			p->decision = xstrndup(text.at, text.length);
		}
	}
}

static void append(char *list, size_t size, struct pbtnc_text text)
{
	size_t n = strlen(list);
	snprintf(list + n, size - n, "%.*s\n", (int)text.length, text.at);
}

static void hear_event(struct play *p, const struct pbtnc_event *e)
{
	switch (e->kind) {
	case PBTNC_EVENT_RETRY:
		p->retries++;
		break;
	case PBTNC_EVENT_PA:
		hear_pa(p, &e->pa);
		break;
	case PBTNC_EVENT_RESULT:
		p->results++;
		p->assessment = e->assessment;
		break;
	case PBTNC_EVENT_RECOMMENDATION:
		p->recommendation = e->recommendation;
		break;
	case PBTNC_EVENT_REASON:
		append(p->reasons, sizeof(p->reasons), e->text);
		break;
	case PBTNC_EVENT_REMEDIATION:
		append(p->remedies, sizeof(p->remedies), e->remediation.text);
		break;
	case PBTNC_EVENT_TURN:
		p->may_send = true;
		p->requests++;
		break;
	default:
		break;
	}
}

/* Reads all that the server has sent. */
void play_hear(struct play *p)
{
	for (size_t i = 0; i < p->n_mail; i++) {
		struct pbtnc_event e;
		assert_int_equal(pbtnc_receive_batch(p->pb, p->mail[i].data, p->mail[i].length), 0);
		while (pbtnc_next(p->pb, &e))
			hear_event(p, &e);
		wr_free(&p->mail[i]);
	}
	p->n_mail = 0;
}

/* The rest of the server does its part: the place is found where it is asked for, the turn ends, the
 * enforcement point acknowledges. */
void play_serve(struct play *p, struct site_attachment *a)
{
	assert_true(p->wants_place || p->n_mail); /* what only asks needs no place */
	if (p->wants_place) {
		p->wants_place = false;
		inspection_found_place(p->i, a, bed_now);
	}
	bed_commit(p->b);
	if (p->wants_applied) {
		p->wants_applied = false;
		inspection_applied(p->i, bed_now);
	}
	play_hear(p);
}

/* A whole inspection; the node answers with a posture that is signed. */
void play_inspection(struct play *p)
{
	static const uint8_t digest[32] = { 1 };
	play_hello(p, NULL, digest, PBTNC_CDATA);
	assert_false(p->wants_place);
	play_serve(p, p->b->port);
	assert_true(p->may_send && p->has_nonce && p->wants.inventory);
	play_posture(p, p->key, p->exporter, p->nonce);
	play_serve(p, p->b->port);
}
