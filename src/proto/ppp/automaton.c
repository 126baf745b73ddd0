/* SPDX-License-Identifier: ISC */
/*
 * The automaton's table (RFC 1661, 4.1) and its actions. Neither the passive option [p] nor restart [r] is
 * used; the crossed connection [x] needs nothing special.
 */
#include "proto/ppp/link.h"

#define T(state, actions) \
	{ \
		true, PPP_##state, (actions) \
	}

/* One row a state, one column an event; "-" of the RFC is left out. RFC 1661 4.1. */
static const struct ppp_transition transitions[PPP_N_STATES][PPP_N_EVENTS] = {
	[PPP_INITIAL] = {
		[PPP_UP] = T(CLOSED, 0),
		[PPP_OPEN] = T(STARTING, PPP_TLS),
		[PPP_CLOSE] = T(INITIAL, 0),
	},
	[PPP_STARTING] = {
		[PPP_UP] = T(REQ_SENT, PPP_IRC | PPP_SCR),
		[PPP_OPEN] = T(STARTING, 0),
		[PPP_CLOSE] = T(INITIAL, PPP_TLF),
	},
	[PPP_CLOSED] = {
		[PPP_DOWN] = T(INITIAL, 0),
		[PPP_OPEN] = T(REQ_SENT, PPP_IRC | PPP_SCR),
		[PPP_CLOSE] = T(CLOSED, 0),
		[PPP_RCR_GOOD] = T(CLOSED, PPP_STA),
		[PPP_RCR_BAD] = T(CLOSED, PPP_STA),
		[PPP_RCA] = T(CLOSED, PPP_STA),
		[PPP_RCN] = T(CLOSED, PPP_STA),
		[PPP_RTR] = T(CLOSED, PPP_STA),
		[PPP_RTA] = T(CLOSED, 0),
		[PPP_RUC] = T(CLOSED, PPP_SCJ),
		[PPP_RXJ_GOOD] = T(CLOSED, 0),
		[PPP_RXJ_BAD] = T(CLOSED, PPP_TLF),
		[PPP_RXR] = T(CLOSED, 0),
	},
	[PPP_STOPPED] = {
		[PPP_DOWN] = T(STARTING, PPP_TLS),
		[PPP_OPEN] = T(STOPPED, 0),
		[PPP_CLOSE] = T(CLOSED, 0),
		[PPP_RCR_GOOD] = T(ACK_SENT, PPP_IRC | PPP_SCR | PPP_SCA),
		[PPP_RCR_BAD] = T(REQ_SENT, PPP_IRC | PPP_SCR | PPP_SCN),
		[PPP_RCA] = T(STOPPED, PPP_STA),
		[PPP_RCN] = T(STOPPED, PPP_STA),
		[PPP_RTR] = T(STOPPED, PPP_STA),
		[PPP_RTA] = T(STOPPED, 0),
		[PPP_RUC] = T(STOPPED, PPP_SCJ),
		[PPP_RXJ_GOOD] = T(STOPPED, 0),
		[PPP_RXJ_BAD] = T(STOPPED, PPP_TLF),
		[PPP_RXR] = T(STOPPED, 0),
	},
	[PPP_CLOSING] = {
		[PPP_DOWN] = T(INITIAL, 0),
		[PPP_OPEN] = T(STOPPING, 0),
		[PPP_CLOSE] = T(CLOSING, 0),
		[PPP_TO_MORE] = T(CLOSING, PPP_STR),
		[PPP_TO_LAST] = T(CLOSED, PPP_TLF),
		[PPP_RCR_GOOD] = T(CLOSING, 0),
		[PPP_RCR_BAD] = T(CLOSING, 0),
		[PPP_RCA] = T(CLOSING, 0),
		[PPP_RCN] = T(CLOSING, 0),
		[PPP_RTR] = T(CLOSING, PPP_STA),
		[PPP_RTA] = T(CLOSED, PPP_TLF),
		[PPP_RUC] = T(CLOSING, PPP_SCJ),
		[PPP_RXJ_GOOD] = T(CLOSING, 0),
		[PPP_RXJ_BAD] = T(CLOSED, PPP_TLF),
		[PPP_RXR] = T(CLOSING, 0),
	},
	[PPP_STOPPING] = {
		[PPP_DOWN] = T(STARTING, 0),
		[PPP_OPEN] = T(STOPPING, 0),
		[PPP_CLOSE] = T(CLOSING, 0),
		[PPP_TO_MORE] = T(STOPPING, PPP_STR),
		[PPP_TO_LAST] = T(STOPPED, PPP_TLF),
		[PPP_RCR_GOOD] = T(STOPPING, 0),
		[PPP_RCR_BAD] = T(STOPPING, 0),
		[PPP_RCA] = T(STOPPING, 0),
		[PPP_RCN] = T(STOPPING, 0),
		[PPP_RTR] = T(STOPPING, PPP_STA),
		[PPP_RTA] = T(STOPPED, PPP_TLF),
		[PPP_RUC] = T(STOPPING, PPP_SCJ),
		[PPP_RXJ_GOOD] = T(STOPPING, 0),
		[PPP_RXJ_BAD] = T(STOPPED, PPP_TLF),
		[PPP_RXR] = T(STOPPING, 0),
	},
	[PPP_REQ_SENT] = {
		[PPP_DOWN] = T(STARTING, 0),
		[PPP_OPEN] = T(REQ_SENT, 0),
		[PPP_CLOSE] = T(CLOSING, PPP_IRC | PPP_STR),
		[PPP_TO_MORE] = T(REQ_SENT, PPP_SCR),
		[PPP_TO_LAST] = T(STOPPED, PPP_TLF),
		[PPP_RCR_GOOD] = T(ACK_SENT, PPP_SCA),
		[PPP_RCR_BAD] = T(REQ_SENT, PPP_SCN),
		[PPP_RCA] = T(ACK_RCVD, PPP_IRC),
		[PPP_RCN] = T(REQ_SENT, PPP_IRC | PPP_SCR),
		[PPP_RTR] = T(REQ_SENT, PPP_STA),
		[PPP_RTA] = T(REQ_SENT, 0),
		[PPP_RUC] = T(REQ_SENT, PPP_SCJ),
		[PPP_RXJ_GOOD] = T(REQ_SENT, 0),
		[PPP_RXJ_BAD] = T(STOPPED, PPP_TLF),
		[PPP_RXR] = T(REQ_SENT, 0),
	},
	[PPP_ACK_RCVD] = {
		[PPP_DOWN] = T(STARTING, 0),
		[PPP_OPEN] = T(ACK_RCVD, 0),
		[PPP_CLOSE] = T(CLOSING, PPP_IRC | PPP_STR),
		[PPP_TO_MORE] = T(REQ_SENT, PPP_SCR),
		[PPP_TO_LAST] = T(STOPPED, PPP_TLF),
		[PPP_RCR_GOOD] = T(OPENED, PPP_SCA | PPP_TLU),
		[PPP_RCR_BAD] = T(ACK_RCVD, PPP_SCN),
		[PPP_RCA] = T(REQ_SENT, PPP_SCR),
		[PPP_RCN] = T(REQ_SENT, PPP_SCR),
		[PPP_RTR] = T(REQ_SENT, PPP_STA),
		[PPP_RTA] = T(REQ_SENT, 0),
		[PPP_RUC] = T(ACK_RCVD, PPP_SCJ),
		[PPP_RXJ_GOOD] = T(REQ_SENT, 0),
		[PPP_RXJ_BAD] = T(STOPPED, PPP_TLF),
		[PPP_RXR] = T(ACK_RCVD, 0),
	},
	[PPP_ACK_SENT] = {
		[PPP_DOWN] = T(STARTING, 0),
		[PPP_OPEN] = T(ACK_SENT, 0),
		[PPP_CLOSE] = T(CLOSING, PPP_IRC | PPP_STR),
		[PPP_TO_MORE] = T(ACK_SENT, PPP_SCR),
		[PPP_TO_LAST] = T(STOPPED, PPP_TLF),
		[PPP_RCR_GOOD] = T(ACK_SENT, PPP_SCA),
		[PPP_RCR_BAD] = T(REQ_SENT, PPP_SCN),
		[PPP_RCA] = T(OPENED, PPP_IRC | PPP_TLU),
		[PPP_RCN] = T(ACK_SENT, PPP_IRC | PPP_SCR),
		[PPP_RTR] = T(REQ_SENT, PPP_STA),
		[PPP_RTA] = T(ACK_SENT, 0),
		[PPP_RUC] = T(ACK_SENT, PPP_SCJ),
		[PPP_RXJ_GOOD] = T(ACK_SENT, 0),
		[PPP_RXJ_BAD] = T(STOPPED, PPP_TLF),
		[PPP_RXR] = T(ACK_SENT, 0),
	},
	[PPP_OPENED] = {
		[PPP_DOWN] = T(STARTING, PPP_TLD),
		[PPP_OPEN] = T(OPENED, 0),
		[PPP_CLOSE] = T(CLOSING, PPP_TLD | PPP_IRC | PPP_STR),
		[PPP_RCR_GOOD] = T(ACK_SENT, PPP_TLD | PPP_SCR | PPP_SCA),
		[PPP_RCR_BAD] = T(REQ_SENT, PPP_TLD | PPP_SCR | PPP_SCN),
		[PPP_RCA] = T(REQ_SENT, PPP_TLD | PPP_SCR),
		[PPP_RCN] = T(REQ_SENT, PPP_TLD | PPP_SCR),
		[PPP_RTR] = T(STOPPING, PPP_TLD | PPP_ZRC | PPP_STA),
		[PPP_RTA] = T(REQ_SENT, PPP_TLD | PPP_SCR),
		[PPP_RUC] = T(OPENED, PPP_SCJ),
		[PPP_RXJ_GOOD] = T(OPENED, 0),
		[PPP_RXJ_BAD] = T(STOPPING, PPP_TLD | PPP_IRC | PPP_STR),
		[PPP_RXR] = T(OPENED, PPP_SER),
	},
};

const struct ppp_transition *ppp_get_transition(enum ppp_state state, enum ppp_event event)
{
	return &transitions[state][event];
}

/* 4.6: the timer runs in the states from Closing to Ack-Sent. */
static bool has_timer(uint8_t state)
{
	return state >= PPP_CLOSING && state <= PPP_ACK_SENT;
}

/* The period starts at a sixth and doubles up to what is configured: what was lost because the other end of a
 * new session was not there yet is repeated soon, and a slow peer is not flooded. */
static void start_timer(struct ppp_link *link, struct ppp_automaton *a, bool retransmission)
{
	unsigned longest = ppp_restart_ms(link), timeout = retransmission ? 2u * a->timeout : longest / 6;
	a->timeout = (uint16_t)MAX(1u, MIN(timeout, longest));
	a->deadline = link->now + a->timeout;
}

static void send_configure_request(struct ppp_link *link, enum ppp_control control, bool retransmission)
{
	struct ppp_automaton *a = &link->controls[control];
	struct writer w CLEANUP(wr_free) = wr_make(PPP_FRAME_MAX);
	if (!retransmission || a->answered)
		a->id = link->next_id++;
	a->answered = false;
	ppp_protocols[control]->write_request(link, &w);
	ppp_send_packet(link, ppp_protocols[control]->number, PPP_CONFIGURE_REQUEST, a->id, w.data, w.length);
	if (a->restarts)
		a->restarts--;
	start_timer(link, a, retransmission);
}

static void send_terminate_request(struct ppp_link *link, enum ppp_control control, bool retransmission)
{
	struct ppp_automaton *a = &link->controls[control];
	if (!retransmission)
		a->terminate_id = link->next_id++;
	ppp_send_packet(
	        link, ppp_protocols[control]->number, PPP_TERMINATE_REQUEST, a->terminate_id, NULL, 0);
	if (a->restarts)
		a->restarts--;
	start_timer(link, a, retransmission);
}

static void answer(
        struct ppp_link *link, enum ppp_control control, uint8_t code, const struct ppp_cause *cause)
{
	ppp_send_packet(link, ppp_protocols[control]->number, code, cause->id, cause->body, cause->length);
}

static void initialize_restart_count(struct ppp_link *link, enum ppp_control control, uint16_t actions)
{
	link->controls[control].restarts = actions & PPP_STR ? PPP_MAX_TERMINATE : PPP_MAX_CONFIGURE;
	link->controls[control].timeout = (uint16_t)(ppp_restart_ms(link) / 6);
}

static void begin_negotiation(struct ppp_link *link, enum ppp_control control)
{
	struct ppp_automaton *a = &link->controls[control];
	a->naks_sent = a->naks_received = 0;
	initialize_restart_count(link, control, PPP_SCR);
	ppp_protocols[control]->reset(link);
}

static void send_answers(
        struct ppp_link *link, enum ppp_control control, uint16_t actions, const struct ppp_cause *cause)
{
	if (actions & PPP_SCA)
		answer(link, control, PPP_CONFIGURE_ACK, cause);
	if (actions & PPP_SCN)
		answer(link, control, cause->code, cause);
	if (actions & PPP_STA)
		ppp_send_packet(link, ppp_protocols[control]->number, PPP_TERMINATE_ACK, cause->id, NULL, 0);
	if (actions & PPP_SCJ)
		ppp_send_packet(link, ppp_protocols[control]->number, PPP_CODE_REJECT, link->next_id++,
		        cause->body, cause->length);
	if ((actions & PPP_SER) && cause->code == PPP_ECHO_REPLY)
		answer(link, control, PPP_ECHO_REPLY, cause);
}

/* The state is set before the actions: This-Layer-Up already sees an open layer. This-Layer-Down may end the
 * link from a callback; then the rest of the transition is history. */
void ppp_event(
        struct ppp_link *link, enum ppp_control control, enum ppp_event event, const struct ppp_cause *cause)
{
	const struct ppp_protocol *protocol = ppp_protocols[control];
	struct ppp_automaton *a = &link->controls[control];
	const struct ppp_transition *t = &transitions[a->state][event];
	if (!t->defined) {
		PPP_COUNT(link, unexpected);
		return;
	}
	bool negotiating = a->state >= PPP_REQ_SENT && a->state <= PPP_ACK_SENT;
	a->state = t->next;
	if (!has_timer(t->next))
		a->deadline = PPP_NEVER;
	if (t->actions & PPP_TLD) {
		protocol->down(link);
		if (a->state != t->next)
			return;
	}
	if (t->actions & PPP_IRC)
		initialize_restart_count(link, control, t->actions);
	if (t->actions & PPP_ZRC) {
		a->restarts = 0;
		start_timer(link, a, false);
	}
	if ((t->actions & PPP_SCR) && !negotiating)
		begin_negotiation(link, control);
	if (t->actions & PPP_SCR)
		send_configure_request(link, control, event == PPP_TO_MORE);
	if (t->actions & PPP_STR)
		send_terminate_request(link, control, event == PPP_TO_MORE);
	send_answers(link, control, t->actions, cause);
	if (t->actions & PPP_TLU)
		protocol->up(link);
	if (t->actions & PPP_TLF)
		protocol->finished(link);
}
