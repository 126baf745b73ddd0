/* SPDX-License-Identifier: ISC */
/*
 * The packets that every control protocol has (RFC 1661, section 5): they become events of the automaton, and
 * the options in them are judged one by one by the protocol's own table.
 *
 * Bounds: a negotiation ends after PPP_MAX_FAILURE Configure-Naks of ours (they become Rejects, 4.6) and
 * after PPP_MAX_NAKS of the peer's. A Configure-Request that was acknowledged and comes again in the same
 * words with the same Identifier is a retransmission or a duplicate: it is acknowledged again and the layer
 * stays up. An answer to a request that has been answered is a duplicate and dropped.
 */
#include "base/table.h"
#include "proto/ppp/link.h"

#include <string.h>

void ppp_write_option(struct writer *w, uint8_t type, const void *data, size_t length)
{
	wr_u8(w, type);
	wr_u8(w, (uint8_t)(2 + length));
	wr_bytes(w, data, length);
}

void ppp_send_packet(
        struct ppp_link *link, uint16_t protocol, uint8_t code, uint8_t id, const void *body, size_t length)
{
	uint8_t frame[PPP_FRAME_MAX] = { (uint8_t)(protocol >> 8), (uint8_t)protocol, code, id };
	if (length > sizeof(frame) - 6)
		return;
	frame[4] = (uint8_t)((4 + length) >> 8);
	frame[5] = (uint8_t)(4 + length);
	if (length)
		memcpy(frame + 6, body, length);
	PPP_COUNT(link, sent);
	link->config->callbacks->send(link->context, frame, 6 + length);
}

void ppp_control_fail(struct ppp_link *link, enum ppp_control control)
{
	if (control == PPP_LCP)
		ppp_end(link, link->blame ? link->blame : PPP_END_NEGOTIATION);
	else
		ppp_event(link, control, PPP_CLOSE, NULL);
}

/* What a Configure-Request looks like, for telling retransmissions; never 0. */
static uint64_t request_hash(uint8_t id, const uint8_t *body, size_t length)
{
	uint64_t key[2] = { id, length };
	return hash_bytes(key, body, length) | 1;
}

/* The options as a walk; false at the end or where one does not fit. */
static bool next_option(struct reader *r, uint8_t *type, const uint8_t **data, size_t *length)
{
	if (rd_failed(r) || rd_left(r) == 0)
		return false;
	*type = rd_u8(r);
	uint8_t whole = rd_u8(r);
	if (whole < 2)
		rd_fail(r);
	*length = (size_t)whole - 2;
	*data = rd_failed(r) ? NULL : rd_bytes(r, *length);
	return !rd_failed(r);
}

static bool options_fit(const uint8_t *body, size_t length)
{
	struct reader r = rd_make(body, length);
	uint8_t type;
	const uint8_t *data;
	size_t n;
	while (next_option(&r, &type, &data, &n))
		;
	return !rd_failed(&r);
}

/* What is said about a Configure-Request: the options to be rejected, those to be nak'ed as they should be,
 * and the latter as the peer wrote them. */
struct verdict {
	struct writer reject, nak, naked;
};

static void judge(struct ppp_link *link, enum ppp_control control, const uint8_t *body, size_t length,
        struct verdict *verdict)
{
	const struct ppp_protocol *protocol = ppp_protocols[control];
	struct reader r = rd_make(body, length);
	uint8_t type, seen[32] = { 0 };
	const uint8_t *data;
	size_t n;
	protocol->begin_check(link);
	while (next_option(&r, &type, &data, &n)) {
		uint8_t bit = (uint8_t)(1u << (type % 8));
		/* Section 6: no option of these protocols may come twice. */
		enum ppp_check check = seen[type / 8] & bit
		        ? PPP_OPTION_REJECT
		        : protocol->check(link, type, data, n, &verdict->nak);
		seen[type / 8] |= bit;
		if (check != PPP_OPTION_ACK) {
			PPP_COUNT(link, options_refused);
			ppp_write_option(check == PPP_OPTION_REJECT ? &verdict->reject : &verdict->naked,
			        type, data, n);
		}
	}
	if (protocol->check_missing)
		protocol->check_missing(link, seen, &verdict->nak);
}

static void on_configure_request(
        struct ppp_link *link, enum ppp_control control, uint8_t id, const uint8_t *body, size_t length)
{
	struct ppp_automaton *a = &link->controls[control];
	if (!options_fit(body, length)) {
		PPP_COUNT(link, malformed);
		return;
	}
	uint64_t hash = request_hash(id, body, length);
	if (a->state == PPP_OPENED && hash == a->acknowledged) {
		ppp_send_packet(link, ppp_protocols[control]->number, PPP_CONFIGURE_ACK, id, body, length);
		return;
	}
	if (a->state == PPP_CLOSED || a->state == PPP_CLOSING || a->state == PPP_STOPPING) {
		ppp_event(link, control, PPP_RCR_GOOD, &(struct ppp_cause){ .id = id });
		return;
	}
	struct verdict verdict = { wr_make(PPP_FRAME_MAX), wr_make(PPP_FRAME_MAX), wr_make(PPP_FRAME_MAX) };
	judge(link, control, body, length, &verdict);
	struct ppp_cause cause = { .id = id, .body = body, .length = length };
	enum ppp_event event = PPP_RCR_BAD;
	if (verdict.reject.length) {
		cause = (struct ppp_cause){ id, PPP_CONFIGURE_REJECT, verdict.reject.data,
			verdict.reject.length };
		a->naks_sent++;
	} else if (verdict.nak.length && a->naks_sent < PPP_MAX_FAILURE) {
		cause = (struct ppp_cause){ id, PPP_CONFIGURE_NAK, verdict.nak.data, verdict.nak.length };
		a->naks_sent++;
	} else if (verdict.naked.length) {
		cause = (struct ppp_cause){ id, PPP_CONFIGURE_REJECT, verdict.naked.data,
			verdict.naked.length };
		a->naks_sent++;
	} else {
		event = PPP_RCR_GOOD;
	}
	bool hopeless = a->naks_sent > 2 * PPP_MAX_FAILURE ||
	        (control == PPP_LCP && link->lcp.loops >= PPP_LOOPS_MAX) ||
	        (event == PPP_RCR_GOOD && verdict.nak.length > 0); /* without what it has to have */
	if (!hopeless) {
		a->acknowledged = event == PPP_RCR_GOOD ? hash : 0;
		if (event == PPP_RCR_GOOD)
			a->naks_sent = 0;
		ppp_event(link, control, event, &cause);
	}
	wr_free(&verdict.reject);
	wr_free(&verdict.nak);
	wr_free(&verdict.naked);
	if (hopeless)
		ppp_control_fail(link, control);
}

/* 5.2 to 5.4: the Identifier must be that of our last request. */
static bool answers_us(struct ppp_link *link, struct ppp_automaton *a, uint8_t id)
{
	/* Below Req-Sent the table has its own answer to whatever comes. */
	if (a->state < PPP_REQ_SENT || (id == a->id && !a->answered))
		return true;
	PPP_COUNT(link, unexpected);
	return false;
}

static void on_configure_ack(
        struct ppp_link *link, enum ppp_control control, uint8_t id, const uint8_t *body, size_t length)
{
	struct ppp_automaton *a = &link->controls[control];
	struct writer w CLEANUP(wr_free) = wr_make(PPP_FRAME_MAX);
	if (!answers_us(link, a, id))
		return;
	ppp_protocols[control]->write_request(link, &w);
	if (a->state >= PPP_REQ_SENT &&
	        (length != w.length || (length && memcmp(body, w.data, length) != 0))) {
		PPP_COUNT(link, malformed);
		return;
	}
	a->answered = true;
	a->naks_received = 0;
	ppp_event(link, control, PPP_RCA, &(struct ppp_cause){ .id = id });
}

static void on_configure_nak(struct ppp_link *link, enum ppp_control control, uint8_t code, uint8_t id,
        const uint8_t *body, size_t length)
{
	const struct ppp_protocol *protocol = ppp_protocols[control];
	struct ppp_automaton *a = &link->controls[control];
	struct reader r = rd_make(body, length);
	uint8_t type;
	const uint8_t *data;
	size_t n;
	if (!answers_us(link, a, id))
		return;
	if (!options_fit(body, length) || length == 0) {
		PPP_COUNT(link, malformed);
		return;
	}
	a->answered = true;
	if (a->state >= PPP_REQ_SENT) {
		if (++a->naks_received > PPP_MAX_NAKS) {
			ppp_control_fail(link, control);
			return;
		}
		while (a->state >= PPP_REQ_SENT && next_option(&r, &type, &data, &n)) {
			if (code == PPP_CONFIGURE_NAK)
				protocol->on_nak(link, type, data, n);
			else
				protocol->on_reject(link, type);
		}
		if (a->state < PPP_REQ_SENT) /* an option without which it is not worth going on */
			return;
	}
	ppp_event(link, control, PPP_RCN, &(struct ppp_cause){ .id = id });
}

static void on_terminate_request(
        struct ppp_link *link, enum ppp_control control, uint8_t id, const uint8_t *body, size_t length)
{
	uint8_t before = link->controls[control].state;
	if (control == PPP_LCP)
		ppp_peer_terminates(link, body, length);
	ppp_event(link, control, PPP_RTR, &(struct ppp_cause){ .id = id });
	/* 4.1 would go on asking a peer that has said no. */
	if (control == PPP_LCP && before >= PPP_REQ_SENT && before <= PPP_ACK_SENT)
		ppp_finish(link);
}

/* 5.6: codes that everybody has to know cannot be missed; without the others we go on. */
static void on_code_reject(
        struct ppp_link *link, enum ppp_control control, const uint8_t *body, size_t length)
{
	uint8_t code = length ? body[0] : 0;
	if (length == 0)
		PPP_COUNT(link, malformed);
	else if (code >= PPP_CONFIGURE_REQUEST && code <= PPP_CODE_REJECT)
		ppp_event(link, control, PPP_RXJ_BAD, NULL);
	else
		ppp_event(link, control, PPP_RXJ_GOOD, NULL);
	if (control == PPP_LCP && code == PPP_ECHO_REQUEST)
		link->lcp.echo_refused = true;
}

static void on_unknown(struct ppp_link *link, enum ppp_control control, const uint8_t *packet, size_t length)
{
	size_t most = MIN(link->lcp.peer_mru, PPP_FRAME_MAX) - 8u;
	struct ppp_cause cause = { .body = packet, .length = MIN(length, most) };
	PPP_COUNT(link, unexpected);
	ppp_event(link, control, PPP_RUC, &cause);
}

void ppp_control_receive(
        struct ppp_link *link, enum ppp_control control, const uint8_t *packet, size_t length)
{
	const struct ppp_protocol *protocol = ppp_protocols[control];
	struct reader r = rd_make(packet, length);
	uint8_t code = rd_u8(&r), id = rd_u8(&r);
	uint16_t whole = rd_u16(&r);
	if (rd_failed(&r) || whole < 4 || whole > length) {
		PPP_COUNT(link, malformed);
		return;
	}
	if (link->controls[control].state < PPP_CLOSED) {
		PPP_COUNT(link, unexpected);
		return;
	}
	const uint8_t *body = r.at;
	size_t n = whole - 4u;
	switch (code) {
	case PPP_CONFIGURE_REQUEST:
		on_configure_request(link, control, id, body, n);
		break;
	case PPP_CONFIGURE_ACK:
		on_configure_ack(link, control, id, body, n);
		break;
	case PPP_CONFIGURE_NAK:
	case PPP_CONFIGURE_REJECT:
		on_configure_nak(link, control, code, id, body, n);
		break;
	case PPP_TERMINATE_REQUEST:
		on_terminate_request(link, control, id, body, n);
		break;
	case PPP_TERMINATE_ACK:
		ppp_event(link, control, PPP_RTA, NULL);
		break;
	case PPP_CODE_REJECT:
		on_code_reject(link, control, body, n);
		break;
	default:
		if (!protocol->receive || !protocol->receive(link, code, id, body, n))
			on_unknown(link, control, packet, whole);
	}
}
