/* SPDX-License-Identifier: ISC */
/* Batches that come in: checked as a whole first, then told as events one by one, without a copy. */
#include "proto/pbtnc/session.h"

#include <errno.h>

/* What a message means to this side in this batch. */
enum relevance { REFUSED, IGNORED, TAKEN };

static enum relevance relevance_of(
        const struct pbtnc_session *s, enum pbtnc_batch_type batch, const struct pbtnc_message *m)
{
	if (m->vendor != PBTNC_VENDOR_IETF)
		return IGNORED;
	switch (m->type) {
	case PBTNC_PA:
		return batch == PBTNC_CLOSE ? IGNORED : TAKEN; /* nobody is left to answer it */
	case PBTNC_ERROR:
		return TAKEN;
	case PBTNC_LANGUAGE_PREFERENCE:
		return s->role == PBTNC_SERVER ? TAKEN : IGNORED;
	case PBTNC_ASSESSMENT_RESULT:
	case PBTNC_ACCESS_RECOMMENDATION:
	case PBTNC_REMEDIATION_PARAMETERS:
	case PBTNC_REASON_STRING:
		/* Only a server says these, and only in a RESULT (4.6 to 4.8, 4.11). */
		if (s->role == PBTNC_SERVER)
			return REFUSED;
		return batch == PBTNC_RESULT ? TAKEN : IGNORED;
	default:
		return IGNORED;
	}
}

static int refuse(struct pbtnc_session *s, enum pbtnc_error_code code, size_t offset)
{
	s->problem = (struct pbtnc_error){ .fatal = true, .code = code, .offset = (uint32_t)offset };
	return -EBADMSG;
}

static int check_header(struct pbtnc_session *s, struct reader *r, size_t n, enum pbtnc_batch_type *ret)
{
	if (n < PBTNC_BATCH_HEADER_SIZE)
		return refuse(s, PBTNC_E_INVALID_PARAMETER, 0);
	uint8_t version = rd_u8(r), direction = rd_u8(r);
	rd_skip(r, 1);
	uint8_t type = rd_u8(r) & 0x0f;
	uint32_t length = rd_u32(r);
	if (version != PBTNC_VERSION) {
		refuse(s, PBTNC_E_VERSION_NOT_SUPPORTED, 0);
		s->problem.bad_version = version;
		s->problem.max_version = s->problem.min_version = PBTNC_VERSION;
		return -EBADMSG;
	}
	if (!!(direction & PBTNC_FROM_SERVER) != (s->role == PBTNC_CLIENT))
		return refuse(s, PBTNC_E_INVALID_PARAMETER, 1);
	if (type == 0 || type >= PBTNC_N_BATCH_TYPES)
		return refuse(s, PBTNC_E_INVALID_PARAMETER, 3);
	if (length != n)
		return refuse(s, PBTNC_E_INVALID_PARAMETER, 4);
	*ret = (enum pbtnc_batch_type)type;
	return 0;
}

static int check_messages(
        struct pbtnc_session *s, enum pbtnc_batch_type type, struct reader r, const uint8_t *start)
{
	size_t count = 0, results = 0, recommendations = 0, n = (size_t)(r.at - start) + r.left;
	while (rd_left(&r)) {
		struct pbtnc_message m;
		struct pbtnc_event event;
		size_t offset;
		if (++count > PBTNC_MESSAGES_MAX)
			return refuse(s, PBTNC_E_LOCAL_ERROR, 0);
		if (!pbtnc_read_message(&r, start, &m, &s->problem))
			return -EBADMSG;
		enum relevance relevance = relevance_of(s, type, &m);
		if (relevance == REFUSED)
			return refuse(s, PBTNC_E_INVALID_PARAMETER, m.offset);
		if (relevance == IGNORED)
			continue;
		if (!pbtnc_read_event(&m, &event, &offset))
			return refuse(s, PBTNC_E_INVALID_PARAMETER, offset);
		if ((event.kind == PBTNC_EVENT_RESULT && ++results > 1) ||
		        (event.kind == PBTNC_EVENT_RECOMMENDATION && ++recommendations > 1))
			return refuse(s, PBTNC_E_INVALID_PARAMETER, m.offset);
	}
	if (type == PBTNC_RESULT && results != 1)
		return refuse(s, PBTNC_E_INVALID_PARAMETER, n); /* 4.6: one there must be */
	return 0;
}

static int check_batch(struct pbtnc_session *s, const void *bytes, size_t n, enum pbtnc_batch_type *ret)
{
	struct reader r = rd_make(bytes, n);
	if (n > PBTNC_BATCH_MAX)
		return refuse(s, PBTNC_E_LOCAL_ERROR, 0);
	int e = check_header(s, &r, n, ret);
	if (e < 0)
		return e;
	if (*ret != PBTNC_CLOSE && pbtnc_is_sender(s->role, *ret))
		return refuse(s, PBTNC_E_UNEXPECTED_BATCH_TYPE, 0);
	if (pbtnc_next_state(s->state, *ret) < 0)
		return refuse(s, PBTNC_E_UNEXPECTED_BATCH_TYPE, 0);
	if (*ret != PBTNC_CLOSE && s->rounds >= PBTNC_ROUNDS_MAX)
		return refuse(s, PBTNC_E_LOCAL_ERROR, 0);
	return check_messages(s, *ret, r, bytes);
}

/* 4.9: a fatal error goes in a CLOSE batch and ends the session. The peer's own CLOSE is never answered. */
static int end_refused(struct pbtnc_session *s, bool was_close)
{
	s->counters.refused_batches++;
	s->state = PBTNC_END;
	s->tell_closed = true;
	if (was_close)
		return -EBADMSG;
	struct writer w CLEANUP(wr_free) = wr_make(64);
	pbtnc_write_error(&w, &s->problem);
	wr_reset(&s->reply);
	pbtnc_write_batch(&s->reply, s->role, PBTNC_CLOSE, w.data, w.length);
	return -EBADMSG;
}

static void enter(struct pbtnc_session *s, enum pbtnc_batch_type type)
{
	s->state = (enum pbtnc_state)pbtnc_next_state(s->state, type);
	s->rounds = s->state == PBTNC_DECIDED ? 0 : s->rounds + 1;
	s->tell_retry = type == PBTNC_CRETRY || type == PBTNC_SRETRY;
	/* An SRETRY that crossed our CRETRY asks for what is under way already. */
	s->retry_asked = type == PBTNC_SRETRY && !s->retry_sent;
	s->retry_sent = false;
	s->tell_turn = s->state == (s->role == PBTNC_SERVER ? PBTNC_SERVER_WORKING : PBTNC_CLIENT_WORKING);
	s->tell_closed = type == PBTNC_CLOSE;
}

int pbtnc_receive_batch(struct pbtnc_session *s, const void *bytes, size_t n)
{
	if (s->rest.left || s->tell_retry || s->tell_turn || s->tell_closed)
		return -EBUSY;
	if (s->state == PBTNC_END) {
		s->counters.late_batches++;
		return 0;
	}
	enum pbtnc_batch_type type = 0;
	s->problem = (struct pbtnc_error){ 0 };
	if (check_batch(s, bytes, n, &type) < 0)
		return end_refused(s, type == PBTNC_CLOSE);
	s->counters.batches_received++;
	s->batch_type = type;
	s->rest = rd_make((const uint8_t *)bytes + PBTNC_BATCH_HEADER_SIZE, n - PBTNC_BATCH_HEADER_SIZE);
	enter(s, type);
	return 0;
}

const struct pbtnc_error *pbtnc_get_problem(const struct pbtnc_session *s)
{
	return &s->problem;
}

bool pbtnc_take_reply(struct pbtnc_session *s, struct writer *w)
{
	if (s->reply.length == 0)
		return false;
	wr_bytes(w, s->reply.data, s->reply.length);
	wr_reset(&s->reply);
	return true;
}

static bool tell(bool *flag, enum pbtnc_event_kind kind, struct pbtnc_event *ret)
{
	if (!*flag)
		return false;
	*flag = false;
	*ret = (struct pbtnc_event){ .kind = kind };
	return true;
}

/* A fatal error of the peer's ends the session even where it did not come in a CLOSE batch. */
static void heed_error(struct pbtnc_session *s, const struct pbtnc_error *error)
{
	if (!error->fatal || s->batch_type == PBTNC_CLOSE)
		return;
	s->state = PBTNC_END;
	s->tell_turn = false;
	s->tell_closed = true;
	s->rest = (struct reader){ 0 };
}

bool pbtnc_next(struct pbtnc_session *s, struct pbtnc_event *ret)
{
	if (tell(&s->tell_retry, PBTNC_EVENT_RETRY, ret))
		return true;
	struct pbtnc_message m;
	struct pbtnc_error problem;
	size_t offset;
	while (s->rest.left && pbtnc_read_message(&s->rest, s->rest.at, &m, &problem)) {
		if (relevance_of(s, s->batch_type, &m) != TAKEN) {
			s->counters.ignored_messages++;
			continue;
		}
		if (pbtnc_read_event(&m, ret, &offset)) {
			if (ret->kind == PBTNC_EVENT_ERROR)
				heed_error(s, &ret->error);
			return true;
		}
	}
	return tell(&s->tell_turn, PBTNC_EVENT_TURN, ret) || tell(&s->tell_closed, PBTNC_EVENT_CLOSED, ret);
}
