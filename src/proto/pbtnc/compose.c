/* SPDX-License-Identifier: ISC */
/* The session itself, and batches that go out. */
#include "proto/pbtnc/session.h"

#include <errno.h>
#include <string.h>

#define LANGUAGE_HEADER "Accept-Language: " /* 4.10: the header of RFC 3282, name and all */
#define KEEP_MAX 65536                      /* memory that an idle session keeps for the next batch */

struct pbtnc_session *pbtnc_session_new(enum pbtnc_role role)
{
	struct pbtnc_session *s = xcalloc(1, sizeof(*s));
	s->role = role;
	s->composed = wr_make(PBTNC_BATCH_MAX - PBTNC_BATCH_HEADER_SIZE);
	s->reply = wr_make(256);
	return s;
}

struct pbtnc_session *pbtnc_session_free(struct pbtnc_session *s)
{
	if (!s)
		return NULL;
	wr_free(&s->composed);
	wr_free(&s->reply);
	free(s);
	return NULL;
}

enum pbtnc_state pbtnc_get_state(const struct pbtnc_session *s)
{
	return s->state;
}

bool pbtnc_is_turn(const struct pbtnc_session *s)
{
	if (s->role == PBTNC_SERVER)
		return s->state == PBTNC_SERVER_WORKING;
	return s->state == PBTNC_INIT || s->state == PBTNC_CLIENT_WORKING;
}

struct pbtnc_counters pbtnc_get_counters(const struct pbtnc_session *s)
{
	return s->counters;
}

void pbtnc_discard(struct pbtnc_session *s)
{
	wr_reset(&s->composed);
	if (s->composed.capacity > KEEP_MAX)
		wr_free(&s->composed);
	s->n_composed = 0;
}

/* Begins a message, or says that the batch is full: two places are kept for the result and the
 * recommendation. */
static int begin(struct pbtnc_session *s, enum pbtnc_message_type type, size_t body, size_t *ret)
{
	size_t most = s->composed.limit - s->composed.length;
	if (s->n_composed + 2 >= PBTNC_MESSAGES_MAX || most < 64 || body > most - 64)
		return -EMSGSIZE;
	s->n_composed++;
	*ret = pbtnc_begin_message(&s->composed, type);
	return 0;
}

int pbtnc_add_pa(struct pbtnc_session *s, const struct pbtnc_pa *pa)
{
	size_t at;
	if (pa->vendor >= PBTNC_VENDOR_RESERVED || pa->subtype == PBTNC_TYPE_RESERVED)
		return -EINVAL;
	int e = begin(s, PBTNC_PA, 12 + pa->length, &at);
	if (e < 0)
		return e;
	wr_u8(&s->composed, pa->exclusive ? PBTNC_FLAG_EXCL : 0);
	wr_u24(&s->composed, pa->vendor);
	wr_u32(&s->composed, pa->subtype);
	wr_u16(&s->composed, pa->collector);
	wr_u16(&s->composed, pa->validator);
	wr_bytes(&s->composed, pa->body, pa->length);
	pbtnc_end_message(&s->composed, at);
	return 0;
}

int pbtnc_add_language(struct pbtnc_session *s, const char *accept_language)
{
	size_t at, n = strlen(accept_language);
	if (n > PBTNC_TEXT_MAX - sizeof(LANGUAGE_HEADER))
		return -EMSGSIZE;
	int e = begin(s, PBTNC_LANGUAGE_PREFERENCE, sizeof(LANGUAGE_HEADER) + n, &at);
	if (e < 0)
		return e;
	wr_bytes(&s->composed, LANGUAGE_HEADER, sizeof(LANGUAGE_HEADER) - 1);
	wr_bytes(&s->composed, accept_language, n);
	pbtnc_end_message(&s->composed, at);
	return 0;
}

/* Text with its length in 32 bits and language with its length in 8: the shape of 4.8.2 and 4.11. */
static int check_text(const char *text, const char *language)
{
	if (strlen(text) > PBTNC_TEXT_MAX)
		return -EMSGSIZE;
	return strlen(language) > 255 ? -EINVAL : 0;
}

static void write_text(struct writer *w, const char *text, const char *language)
{
	wr_u32(w, (uint32_t)strlen(text));
	wr_bytes(w, text, strlen(text));
	wr_u8(w, (uint8_t)strlen(language));
	wr_bytes(w, language, strlen(language));
}

int pbtnc_add_reason(struct pbtnc_session *s, const char *text, const char *language)
{
	size_t at;
	int e = check_text(text, language);
	if (e == 0)
		e = begin(s, PBTNC_REASON_STRING, 5 + 255 + strlen(text), &at);
	if (e < 0)
		return e;
	write_text(&s->composed, text, language);
	pbtnc_end_message(&s->composed, at);
	return 0;
}

static int begin_remediation(
        struct pbtnc_session *s, enum pbtnc_remediation_type type, size_t body, size_t *ret)
{
	int e = begin(s, PBTNC_REMEDIATION_PARAMETERS, 8 + body, ret);
	if (e < 0)
		return e;
	wr_u8(&s->composed, 0);
	wr_u24(&s->composed, PBTNC_VENDOR_IETF);
	wr_u32(&s->composed, type);
	return 0;
}

int pbtnc_add_remediation_string(struct pbtnc_session *s, const char *text, const char *language)
{
	size_t at;
	int e = check_text(text, language);
	if (e == 0)
		e = begin_remediation(s, PBTNC_REMEDIATION_STRING, 5 + 255 + strlen(text), &at);
	if (e < 0)
		return e;
	write_text(&s->composed, text, language);
	pbtnc_end_message(&s->composed, at);
	return 0;
}

int pbtnc_add_remediation_uri(struct pbtnc_session *s, const char *uri)
{
	size_t at;
	int e = check_text(uri, "");
	if (e == 0)
		e = begin_remediation(s, PBTNC_REMEDIATION_URI, strlen(uri), &at);
	if (e < 0)
		return e;
	wr_bytes(&s->composed, uri, strlen(uri));
	pbtnc_end_message(&s->composed, at);
	return 0;
}

int pbtnc_add_error(struct pbtnc_session *s, const struct pbtnc_error *error)
{
	if (error->vendor >= PBTNC_VENDOR_RESERVED)
		return -EINVAL;
	if (s->n_composed + 2 >= PBTNC_MESSAGES_MAX || s->composed.limit - s->composed.length < 128)
		return -EMSGSIZE;
	s->n_composed++;
	pbtnc_write_error(&s->composed, error);
	return 0;
}

int pbtnc_add_experimental(struct pbtnc_session *s, const void *bytes, size_t n)
{
	size_t at;
	int e = begin(s, PBTNC_EXPERIMENTAL, n, &at);
	if (e < 0)
		return e;
	wr_bytes(&s->composed, bytes, n);
	pbtnc_end_message(&s->composed, at);
	return 0;
}

static int send_batch(struct pbtnc_session *s, enum pbtnc_batch_type type, struct writer *w)
{
	if (w->failed || PBTNC_BATCH_HEADER_SIZE + s->composed.length > w->limit - w->length)
		return -EMSGSIZE;
	pbtnc_write_batch(w, s->role, type, s->composed.data, s->composed.length);
	pbtnc_discard(s);
	s->counters.batches_sent++;
	s->state = (enum pbtnc_state)pbtnc_next_state(s->state, type);
	s->retry_asked = false;
	s->retry_sent = type == PBTNC_CRETRY;
	s->tell_turn = false;
	if (s->state == PBTNC_DECIDED)
		s->rounds = 0;
	return 0;
}

static bool may_send(const struct pbtnc_session *s, enum pbtnc_batch_type type)
{
	if (type == PBTNC_CRETRY && s->state == PBTNC_SERVER_WORKING && !s->retry_asked)
		return false;
	return pbtnc_may_send(s->role, s->state, type);
}

int pbtnc_send(struct pbtnc_session *s, enum pbtnc_batch_type type, struct writer *w)
{
	if (type == 0 || type >= PBTNC_N_BATCH_TYPES || type == PBTNC_RESULT)
		return -EINVAL;
	return may_send(s, type) ? send_batch(s, type, w) : -EPROTO;
}

int pbtnc_send_result(struct pbtnc_session *s, enum pbtnc_assessment assessment,
        enum pbtnc_recommendation recommendation, struct writer *w)
{
	if (!may_send(s, PBTNC_RESULT))
		return -EPROTO;
	if (w->failed || 64 + s->composed.length > w->limit - w->length)
		return -EMSGSIZE;
	size_t at = pbtnc_begin_message(&s->composed, PBTNC_ASSESSMENT_RESULT);
	wr_u32(&s->composed, assessment);
	pbtnc_end_message(&s->composed, at);
	if (recommendation != PBTNC_NO_RECOMMENDATION) {
		at = pbtnc_begin_message(&s->composed, PBTNC_ACCESS_RECOMMENDATION);
		wr_u16(&s->composed, 0);
		wr_u16(&s->composed, (uint16_t)recommendation);
		pbtnc_end_message(&s->composed, at);
	}
	return send_batch(s, PBTNC_RESULT, w);
}

int pbtnc_request_retry(struct pbtnc_session *s, struct writer *w)
{
	enum pbtnc_batch_type type = s->role == PBTNC_SERVER ? PBTNC_SRETRY : PBTNC_CRETRY;
	return may_send(s, type) ? send_batch(s, type, w) : -EPROTO;
}
