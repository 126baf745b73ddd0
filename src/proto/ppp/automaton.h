/* SPDX-License-Identifier: ISC */
/*
 * The option negotiation automaton of RFC 1661, section 4, once for LCP, IPCP and IPV6CP: its table and its
 * timers. What a protocol's options are is the matter of its struct ppp_protocol. Private to the room.
 */
#pragma once

#include "proto/ppp/ppp.h"

#define PPP_MAX_CONFIGURE 10
#define PPP_MAX_TERMINATE 2
#define PPP_MAX_FAILURE 5
#define PPP_MAX_NAKS 20 /* Configure-Nak and Configure-Reject taken before a protocol counts as failed */

enum ppp_state {
	PPP_INITIAL,
	PPP_STARTING,
	PPP_CLOSED,
	PPP_STOPPED,
	PPP_CLOSING,
	PPP_STOPPING,
	PPP_REQ_SENT,
	PPP_ACK_RCVD,
	PPP_ACK_SENT,
	PPP_OPENED,
	PPP_N_STATES,
};

/* The RFC's names: TO+ is PPP_TO_MORE, TO- is PPP_TO_LAST; RCR+ and RCR-; RXJ+ and RXJ-. */
enum ppp_event {
	PPP_UP,
	PPP_DOWN,
	PPP_OPEN,
	PPP_CLOSE,
	PPP_TO_MORE,
	PPP_TO_LAST,
	PPP_RCR_GOOD,
	PPP_RCR_BAD,
	PPP_RCA,
	PPP_RCN,
	PPP_RTR,
	PPP_RTA,
	PPP_RUC,
	PPP_RXJ_GOOD,
	PPP_RXJ_BAD,
	PPP_RXR,
	PPP_N_EVENTS,
};

/* In the order in which they are taken. */
enum ppp_action {
	PPP_TLD = 1 << 0,  /* This-Layer-Down */
	PPP_IRC = 1 << 1,  /* Initialize-Restart-Count */
	PPP_ZRC = 1 << 2,  /* Zero-Restart-Count */
	PPP_SCR = 1 << 3,  /* Send-Configure-Request */
	PPP_STR = 1 << 4,  /* Send-Terminate-Request */
	PPP_SCA = 1 << 5,  /* Send-Configure-Ack */
	PPP_SCN = 1 << 6,  /* Send-Configure-Nak or -Reject */
	PPP_STA = 1 << 7,  /* Send-Terminate-Ack */
	PPP_SCJ = 1 << 8,  /* Send-Code-Reject */
	PPP_SER = 1 << 9,  /* Send-Echo-Reply */
	PPP_TLU = 1 << 10, /* This-Layer-Up */
	PPP_TLS = 1 << 11, /* This-Layer-Started */
	PPP_TLF = 1 << 12, /* This-Layer-Finished */
};

struct ppp_transition {
	bool defined; /* "-" in the RFC is not */
	uint8_t next;
	uint16_t actions;
};
const struct ppp_transition *ppp_get_transition(enum ppp_state state, enum ppp_event event);

struct ppp_automaton {
	uint8_t state;
	uint8_t id;    /* of our last Configure-Request */
	bool answered; /* that request has had its answer: a second one is a duplicate */
	uint8_t terminate_id;
	uint8_t restarts; /* the RFC's restart counter */
	uint8_t naks_sent, naks_received;
	uint16_t timeout;      /* of the running restart timer */
	uint64_t acknowledged; /* what the last request that we acknowledged looked like; 0: none */
	time_ms deadline;      /* of the restart timer */
};

/* What answers the packet that is the event: its Identifier, and the body of the answer. */
struct ppp_cause {
	uint8_t id;
	uint8_t code; /* scn: Configure-Nak or Configure-Reject */
	const uint8_t *body;
	size_t length;
};

enum ppp_control { PPP_LCP, PPP_IPCP, PPP_IPV6CP, PPP_N_CONTROLS };

/* cause may be NULL for events that are no packets. */
void ppp_event(
        struct ppp_link *link, enum ppp_control control, enum ppp_event event, const struct ppp_cause *cause);
