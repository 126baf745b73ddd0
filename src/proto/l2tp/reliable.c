/* SPDX-License-Identifier: ISC */
/*
 * Reliable delivery of control messages (RFC 2661 5.8, appendix A): sequence numbers, a window that slow
 * start opens and loss closes, retransmission with doubled waits, acknowledgements that ride on messages
 * where one is sent in time, and the messages that came ahead of their turn. A tunnel's queue holds what the
 * peer has not acknowledged: `sent` of them were on the wire at least once, `in_flight` of them since the
 * last loss.
 *
 * Invariants: in_flight <= sent <= queued <= L2TP_QUEUE_MAX; held messages have nr < Ns < nr + our window.
 */
#include "proto/l2tp/endpoint.h"

#include <openssl/crypto.h>
#include <string.h>

#define NS_AT 8
#define NR_AT 10

static void transmit(struct l2tp_endpoint *e, struct l2tp_tunnel *t, uint8_t *message, size_t n)
{
	l2tp_put_u16(message + NR_AT, t->nr);
	t->acknowledge_at = L2TP_NEVER;
	e->counters.sent++;
	e->config.callbacks.send(e->config.context, &t->path, message, n);
}

/* 5.8: a Zero-Length Body message; it has the next Ns and does not use it up. */
static void acknowledge(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	struct l2tp_builder b = { .w = &e->scratch };
	l2tp_build(&b, L2TP_ZLB, t->peer_id, 0);
	l2tp_finish(&b);
	uint16_t next = (uint16_t)(t->ns - t->queued + t->sent);
	l2tp_put_u16(b.w->data + NS_AT, next);
	e->counters.acknowledgements_sent++;
	transmit(e, t, b.w->data, b.w->length);
}

static time_ms wait_of(const struct l2tp_endpoint *e, unsigned retransmissions)
{
	const struct l2tp_timing *timing = &e->config.timing;
	uint64_t wait = (uint64_t)timing->retransmit_ms << MIN(retransmissions, 20u);
	return (time_ms)MIN(wait, (uint64_t)timing->retransmit_cap_ms);
}

void l2tp_queue(struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_builder *b)
{
	l2tp_finish(b);
	if (b->secret_length > 0)
		OPENSSL_cleanse(b->secret, sizeof(b->secret));
	if (t->forgotten || wr_failed(b->w))
		return;
	struct l2tp_outgoing *m = xmalloc(sizeof(*m) + b->w->length);
	*m = (struct l2tp_outgoing){ .length = (uint16_t)b->w->length };
	memcpy(m->bytes, b->w->data, b->w->length);
	l2tp_put_u16(m->bytes + NS_AT, t->ns++);
	*t->queue_end = m;
	t->queue_end = &m->next;
	t->queued++;
	t->dirty = true;
	l2tp_touch(e, t);
}

static void drop_first(struct l2tp_tunnel *t)
{
	struct l2tp_outgoing *m = t->queue;
	t->queue = m->next;
	if (!t->queue)
		t->queue_end = &t->queue;
	t->queued--;
	t->sent -= t->sent > 0;
	t->in_flight -= t->in_flight > 0;
	free(m);
}

void l2tp_drop_queue(struct l2tp_tunnel *t)
{
	while (t->queue)
		drop_first(t);
	t->retransmit_at = L2TP_NEVER;
}

void l2tp_drop_unsent(struct l2tp_tunnel *t)
{
	struct l2tp_outgoing **at = &t->queue;
	for (unsigned i = 0; i < t->sent; i++)
		at = &(*at)->next;
	for (struct l2tp_outgoing *m; (m = *at);) {
		*at = m->next;
		free(m);
		t->queued--;
		t->ns--;
	}
	t->queue_end = at;
}

/* Sends what the window allows, then an acknowledgement if one is due and nothing carried it. */
void l2tp_flush(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	unsigned window = MIN(t->congestion_window, t->window);
	struct l2tp_outgoing *m = t->queue;
	for (unsigned i = 0; m && i < t->in_flight; i++)
		m = m->next;
	for (; m && t->in_flight < window; m = m->next) {
		if (t->in_flight++ < t->sent)
			e->counters.retransmitted++;
		else
			t->sent++;
		transmit(e, t, m->bytes, m->length);
		if (t->retransmit_at == L2TP_NEVER)
			t->retransmit_at = e->now + wait_of(e, t->retransmissions);
	}
	if (t->acknowledge_at <= e->now)
		acknowledge(e, t);
}

/* Only before the answer to it: an SCCRQ that came again has its SCCRP again, one for one. */
void l2tp_resend(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	if (t->in_flight == 0)
		return;
	e->counters.retransmitted++;
	transmit(e, t, t->queue->bytes, t->queue->length);
}

/* The oldest message was not acknowledged in time: the window closes (appendix A), or the peer is gone. */
void l2tp_on_retransmit(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	t->retransmit_at = L2TP_NEVER;
	l2tp_touch(e, t);
	if (t->queued == 0)
		return;
	if (t->retransmissions >= e->config.timing.retransmissions) {
		struct l2tp_reason reason = { L2TP_CAUSE_SILENCE, L2TP_STOP_ERROR, L2TP_E_NONE,
			"the peer does not answer" };
		l2tp_end(e, t, &reason);
		l2tp_forget(e, t);
		return;
	}
	t->retransmissions++;
	t->threshold = MAX(t->congestion_window / 2, 1);
	t->congestion_window = 1;
	t->credit = 0;
	t->in_flight = 0;
}

/* Appendix A: doubled a round trip up to the threshold, one more a round trip beyond. */
static void open_window(struct l2tp_tunnel *t)
{
	if (t->congestion_window >= t->window)
		return;
	if (t->congestion_window >= t->threshold && ++t->credit < t->congestion_window)
		return;
	t->credit = 0;
	t->congestion_window++;
}

/* False: it acknowledges what was never sent. */
static bool take_acknowledgement(struct l2tp_endpoint *e, struct l2tp_tunnel *t, uint16_t nr)
{
	uint16_t oldest = (uint16_t)(t->ns - t->queued);
	uint16_t acknowledged = (uint16_t)(nr - oldest);
	if (acknowledged >= 0x8000 || acknowledged == 0)
		return true; /* an old packet, overtaken by others */
	if (acknowledged > t->sent)
		return false;
	for (; acknowledged > 0; acknowledged--) {
		drop_first(t);
		open_window(t);
	}
	t->retransmissions = 0;
	t->retransmit_at = t->in_flight > 0 ? e->now + wait_of(e, 0) : L2TP_NEVER;
	return true;
}

void l2tp_drop_held(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	for (struct l2tp_held *h; (h = t->held);) {
		t->held = h->next;
		e->held_bytes -= (uint32_t)(sizeof(*h) + h->length);
		free(h);
	}
	t->n_held = 0;
}

/* packet: header and body; the session id of the header is needed again. */
static void hold(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_control_header *h,
        const uint8_t *packet)
{
	uint16_t ahead = (uint16_t)(h->ns - t->nr);
	struct l2tp_held **at = &t->held;
	while (*at && (uint16_t)((*at)->ns - t->nr) < ahead)
		at = &(*at)->next;
	if (*at && (*at)->ns == h->ns) {
		e->counters.duplicates++;
		return;
	}
	uint32_t size = (uint32_t)(sizeof(struct l2tp_held) + h->length);
	if (e->held_bytes + size > e->config.limits.held_bytes) {
		e->counters.hold_refused++;
		return;
	}
	struct l2tp_held *held = xmalloc(size);
	*held = (struct l2tp_held){ .next = *at, .ns = h->ns, .length = h->length };
	memcpy(held->bytes, packet, h->length);
	*at = held;
	t->n_held++;
	e->held_bytes += size;
	e->counters.held++;
}

static void deliver(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, uint16_t session, const uint8_t *packet, size_t n)
{
	t->nr++;
	t->dirty = true;
	t->acknowledge_at = MIN(t->acknowledge_at, e->now + e->config.timing.acknowledge_ms);
	l2tp_on_message(e, t, session, packet + L2TP_CONTROL_HEADER_SIZE, n - L2TP_CONTROL_HEADER_SIZE);
}

static void deliver_held(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	while (t->held && t->held->ns == t->nr && !t->forgotten) {
		struct l2tp_held *h = t->held;
		t->held = h->next;
		t->n_held--;
		e->held_bytes -= (uint32_t)(sizeof(*h) + h->length);
		deliver(e, t, l2tp_get_u16(h->bytes + 6), h->bytes, h->length);
		free(h);
	}
}

void l2tp_on_packet(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_control_header *h,
        const uint8_t *packet)
{
	l2tp_touch(e, t);
	if (!take_acknowledgement(e, t, h->nr)) {
		e->counters.bad_acknowledgement++;
		return;
	}
	t->heard_at = e->now;
	if (h->length == L2TP_CONTROL_HEADER_SIZE)
		return;
	uint16_t ahead = (uint16_t)(h->ns - t->nr);
	if (ahead >= 0x8000) {
		e->counters.duplicates++;
		t->acknowledge_at = e->now; /* ours was lost: again, at once */
	} else if (ahead >= e->config.receive_window) {
		e->counters.out_of_window++;
	} else if (ahead > 0) {
		hold(e, t, h, packet);
	} else {
		deliver(e, t, h->session, packet, h->length);
		deliver_held(e, t);
	}
}
