/* SPDX-License-Identifier: ISC */
/* The state of a PPP link and what its parts want of each other. Private to the room. */
#pragma once

#include "proto/ppp/automaton.h"

#define PPP_MRU_MIN 576
#define PPP_LOOPS_MAX 5          /* Configure-Requests with our own magic number */
#define PPP_RENEGOTIATIONS_MAX 8 /* of an open LCP, in a row without PPP_RENEGOTIATION_MS between them */
#define PPP_RENEGOTIATION_MS 60000
#define PPP_EAP_ROUNDS_MAX 128
#define PPP_MAX_TRIES 10 /* transmissions of one authentication packet */
#define PPP_HELD_MAX 64

#define PPP_PROTOCOL_IPV4 0x0021
#define PPP_PROTOCOL_IPV6 0x0057
#define PPP_PROTOCOL_IPCP 0x8021
#define PPP_PROTOCOL_IPV6CP 0x8057
#define PPP_PROTOCOL_LCP 0xc021
#define PPP_PROTOCOL_PAP 0xc023
#define PPP_PROTOCOL_CHAP 0xc223
#define PPP_PROTOCOL_EAP 0xc227

enum ppp_code {
	PPP_CONFIGURE_REQUEST = 1,
	PPP_CONFIGURE_ACK,
	PPP_CONFIGURE_NAK,
	PPP_CONFIGURE_REJECT,
	PPP_TERMINATE_REQUEST,
	PPP_TERMINATE_ACK,
	PPP_CODE_REJECT,
	PPP_PROTOCOL_REJECT,
	PPP_ECHO_REQUEST,
	PPP_ECHO_REPLY,
	PPP_DISCARD_REQUEST,
	PPP_IDENTIFICATION, /* RFC 1570 */
	PPP_TIME_REMAINING,
};

enum ppp_phase { PPP_DEAD, PPP_ESTABLISH, PPP_AUTHENTICATE, PPP_NETWORK, PPP_TERMINATE, PPP_ENDED };

struct ppp_lcp {
	uint16_t mru, peer_mru;     /* what we, and what the peer can receive */
	uint32_t magic, peer_magic; /* 0: none */
	uint8_t rejected;           /* 1 << option for those of ours that the peer rejected */
	uint8_t demand;             /* which of config->demand we ask for */
	uint8_t tried;              /* 1 << method for those that the peer refused */
	uint8_t give;               /* how often we have nak'ed the peer's wish: the next one to propose */
	enum ppp_method asked;      /* what the peer demands */
	uint8_t loops, renegotiations;
	bool echo_refused;
	uint8_t echo_id, echo_missing;
	time_ms renegotiated;
};

struct ppp_verifier;
struct ppp_prover;

struct ppp_link {
	const struct ppp_config *config;
	struct ppp_parameters parameters;
	void *context;
	time_ms now; /* of the call that is being worked on */
	uint8_t phase, end;
	bool ending;   /* end is decided */
	uint8_t blame; /* what a failure of the negotiation is put down to; 0: nothing special */
	bool granted, told_ipv4, told_ipv6;
	struct ppp_automaton controls[PPP_N_CONTROLS];
	uint8_t next_id;
	struct ppp_lcp lcp;
	struct ppp_grant grant;
	struct ppp_ipv4 v4;
	struct ppp_ipv6 v6;
	uint8_t ipcp_rejected;
	uint8_t method; /* how the peer proved itself */
	bool known_user;
	uint8_t user_hash[16]; /* the user of this link may not change */
	uint32_t request;      /* id of the last question to AAA */
	time_ms phase_by;      /* the latest end of the phase; PPP_NEVER once an NCP is open */
	time_ms start_at, echo_at, challenge_at;
	struct ppp_verifier *verifier; /* only while something is to be proven, or may be repeated */
	struct ppp_prover *prover;
	/* Packets of the NCPs that came before the grant. */
	uint8_t held[PPP_N_CONTROLS][PPP_HELD_MAX], held_length[PPP_N_CONTROLS];
	char message[80]; /* the peer's last words */
};

enum ppp_check { PPP_OPTION_ACK, PPP_OPTION_NAK, PPP_OPTION_REJECT };

/* The options of one control protocol. length is that of the option's data. */
struct ppp_protocol {
	uint16_t number;
	void (*reset)(struct ppp_link *link);                           /* a negotiation begins */
	void (*write_request)(struct ppp_link *link, struct writer *w); /* the same until something changes */
	void (*begin_check)(struct ppp_link *link);
	/* With PPP_OPTION_NAK the option as it should be is appended to nak. */
	enum ppp_check (*check)(
	        struct ppp_link *link, uint8_t type, const uint8_t *data, size_t length, struct writer *nak);
	/* Appends to nak what has to be in a request and is not among the types seen. May be NULL. */
	void (*check_missing)(struct ppp_link *link, const uint8_t seen[32], struct writer *nak);
	void (*on_nak)(struct ppp_link *link, uint8_t type, const uint8_t *data, size_t length);
	void (*on_reject)(struct ppp_link *link, uint8_t type);
	void (*up)(struct ppp_link *link);
	void (*down)(struct ppp_link *link);
	void (*finished)(struct ppp_link *link);
	/* Codes from 8 on; false: unknown. NULL: all unknown. */
	bool (*receive)(struct ppp_link *link, uint8_t code, uint8_t id, const uint8_t *body, size_t length);
};
extern const struct ppp_protocol ppp_lcp_protocol, ppp_ipcp_protocol, ppp_ipv6cp_protocol;
extern const struct ppp_protocol *const ppp_protocols[PPP_N_CONTROLS];

#define PPP_COUNT(link, counter) \
	do { \
		if ((link)->config->counters) \
			(link)->config->counters->counter++; \
	} while (0)

/* control.c */
void ppp_control_receive(
        struct ppp_link *link, enum ppp_control control, const uint8_t *packet, size_t length);
/* One packet with a Code, an Identifier and a Length; body may be NULL for length 0. */
void ppp_send_packet(
        struct ppp_link *link, uint16_t protocol, uint8_t code, uint8_t id, const void *body, size_t length);
/* Gives up on one control protocol: the link ends for LCP, an NCP alone is closed. */
void ppp_control_fail(struct ppp_link *link, enum ppp_control control);
void ppp_write_option(struct writer *w, uint8_t type, const void *data, size_t length);
static inline bool ppp_is_opened(const struct ppp_link *link, enum ppp_control control)
{
	return link->controls[control].state == PPP_OPENED;
}

/* link.c */
unsigned ppp_restart_ms(const struct ppp_link *link);
void ppp_random(struct ppp_link *link, void *bytes, size_t length);
/* The link ends for this reason, by Terminate-Request where LCP is up; the first reason stays. */
void ppp_end(struct ppp_link *link, enum ppp_end end);
void ppp_set_message(struct ppp_link *link, const void *text, size_t length);
/* Ends it without a word more to the peer, for the reason that was decided before, or else for what is to
 * blame. */
void ppp_finish(struct ppp_link *link);
/* LCP's Terminate-Request came, with the peer's reason in words. */
void ppp_peer_terminates(struct ppp_link *link, const uint8_t *text, size_t length);
void ppp_protocol_rejected(struct ppp_link *link, const uint8_t *body, size_t length);
void ppp_lcp_keep_alive(struct ppp_link *link);
void ppp_lcp_opened(struct ppp_link *link);
void ppp_lcp_down(struct ppp_link *link);
void ppp_lcp_finished(struct ppp_link *link);
/* An NCP has ended: the link too where no other is left. */
void ppp_ncp_finished(struct ppp_link *link);
void ppp_ncp_opened(struct ppp_link *link);
/* The next step after one side has proven itself. */
void ppp_authenticated(struct ppp_link *link);

/* lcp.c: which methods may be used on this link at all. */
bool ppp_method_allowed(const struct ppp_link *link, enum ppp_method method);
/* Chooses the first method to demand; false: there is one to demand, but none is allowed. */
bool ppp_lcp_choose_demand(struct ppp_link *link);
enum ppp_method ppp_lcp_demanded(const struct ppp_link *link);
void ppp_lcp_echo(struct ppp_link *link);
