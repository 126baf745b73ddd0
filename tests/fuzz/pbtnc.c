/* SPDX-License-Identifier: ISC */
/*
 * PB-TNC sessions: the first byte chooses the role, then come steps: one byte says what this side does, two
 * bytes the length of the batch that it receives next. Whatever this side sends must be readable by a session
 * of the other role.
 */
#include "proto/pbtnc/pbtnc.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sum;

static unsigned sum_text(struct pbtnc_text text)
{
	unsigned n = 0;
	for (size_t i = 0; i < text.length; i++)
		n += (unsigned char)text.at[i];
	return n;
}

static unsigned touch(struct pbtnc_session *s, const struct pbtnc_event *e)
{
	switch (e->kind) {
	case PBTNC_EVENT_PA:
		(void)pbtnc_add_pa(s, &e->pa); /* echoes */
		return e->pa.length ? e->pa.body[0] + e->pa.body[e->pa.length - 1] : 0u;
	case PBTNC_EVENT_LANGUAGE:
	case PBTNC_EVENT_REASON:
		return sum_text(e->text) + sum_text(e->language);
	case PBTNC_EVENT_REMEDIATION:
		return sum_text(e->remediation.text) + sum_text(e->remediation.language) +
		        (e->remediation.length ? e->remediation.bytes[e->remediation.length - 1] : 0u);
	case PBTNC_EVENT_ERROR:
		if (pbtnc_add_error(s, &e->error) == -EINVAL && e->error.vendor != 0xffffff)
			abort();
		return e->error.code;
	default:
		return 0;
	}
}

/* The peer has been in the same places: a CDATA of its own opens the conversation where that is needed. */
static void assert_readable(enum pbtnc_role sender, const struct writer *w)
{
	uint8_t type = w->data[3];
	struct pbtnc_session *peer = pbtnc_session_new(sender == PBTNC_SERVER ? PBTNC_CLIENT : PBTNC_SERVER);
	struct writer out = wr_make(1024);
	if (sender == PBTNC_SERVER && type != PBTNC_SDATA)
		(void)pbtnc_send(peer, PBTNC_CDATA, &out);
	bool retry = type == PBTNC_CRETRY;
	if (!retry && pbtnc_receive_batch(peer, w->data, w->length) < 0)
		abort();
	wr_free(&out);
	pbtnc_session_free(peer);
}

static void act(struct pbtnc_session *s, enum pbtnc_role role, uint8_t what)
{
	struct writer w = wr_make(PBTNC_BATCH_MAX);
	int e = what % 8 == 7 ? pbtnc_request_retry(s, &w)
	        : what % 8 == 3
	        ? pbtnc_send_result(s, PBTNC_COMPLIANT, (enum pbtnc_recommendation)(what >> 6), &w)
	        : pbtnc_send(s, (enum pbtnc_batch_type)(what % 8), &w);
	if ((e == 0) != (w.length > 0))
		abort();
	if (e == 0)
		assert_readable(role, &w);
	wr_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = rd_make(data, size);
	enum pbtnc_role role = rd_u8(&r) & 1 ? PBTNC_SERVER : PBTNC_CLIENT;
	struct pbtnc_session *s = pbtnc_session_new(role);

	while (rd_left(&r)) {
		act(s, role, rd_u8(&r));
		size_t n = MIN((size_t)rd_u16(&r), rd_left(&r));
		const uint8_t *batch = rd_bytes(&r, n);
		if (!batch)
			break;
		int e = pbtnc_receive_batch(s, batch, n);
		if (e != 0 && (e != -EBADMSG || pbtnc_get_state(s) != PBTNC_END))
			abort();
		for (struct pbtnc_event event; pbtnc_next(s, &event);)
			sum += touch(s, &event);
		struct writer reply = wr_make(1024);
		if (pbtnc_take_reply(s, &reply))
			assert_readable(role, &reply);
		wr_free(&reply);
	}
	pbtnc_session_free(s);
	return 0;
}
