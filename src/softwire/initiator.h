/* SPDX-License-Identifier: ISC */
/*
 * The initiator's half of control: one softwire, brought up in steps and brought up again whenever it fails,
 * or at once when our outer address has changed (MOBIKE moves tunnel-mode SAs only):
 *
 *   RESOLVING   the concentrator's name, where it is one
 *   PREPARING   the keeper pins the way there and tells the filter and charon
 *   SECURING    IKE; an initiator that is configured for ESP never goes on without it
 *   TUNNELLING  L2TP: tunnel and session
 *   LINKING     PPP: LCP, authentication, NCPs
 *   UP          one NCP at least is open
 *   WAITING     after a failure, before the next attempt, with the next concentrator
 */
#pragma once

#include "softwire/backoff.h"
#include "softwire/initiator_record.h"
#include "softwire/session.h"

#define INITIATOR_STEP_MS 20000 /* longest time in one step but IKE's */
#define INITIATOR_IKE_MS 45000  /* charon has its own retransmissions */

enum initiator_state {
	INITIATOR_WAITING,
	INITIATOR_RESOLVING,
	INITIATOR_PREPARING,
	INITIATOR_SECURING,
	INITIATOR_TUNNELLING,
	INITIATOR_LINKING,
	INITIATOR_UP,
	INITIATOR_N_STATES
};

/* Of the checkpoint: written by turns. */
struct initiator_slots {
	int slots[INITIATOR_SLOTS];
	size_t newest;
	uint64_t generation;
	bool claimed, written; /* written: one of them may hold a record */
};

struct initiator {
	enum initiator_state state;
	struct ppp_callbacks callbacks;
	struct ppp_config ppp;
	struct ppp_eap_tls *tls;
	struct ppp_counters ppp_counters;
	struct nd_counters nd_counters;
	struct dhcp6_counters dhcp6_counters;
	char *password, *peer_password;
	struct event *step, *retry;
	struct evdns_base *dns;
	size_t current;                                      /* which concentrator */
	struct ip_address addresses[LINK_CONCENTRATORS_MAX]; /* zero: not resolved yet */
	struct ip_address used;                              /* our outer address in this attempt */
	struct ip_address source;       /* as the keeper has last said it; zero: not yet, or there is none */
	struct ip_address early_source; /* said before is_told */
	bool has_early_source;
	bool is_told; /* what there was when we started is known */
	struct initiator_slots slots;
	uint32_t association;
	int tunnel; /* 0: none */
	struct session *session;
	struct nd_host nd;
	struct dhcp6_client dhcp6;
	struct dhcp6_duid duid;
	struct ppp_ipv4 ipv4;
	uint8_t last_ipv4[4], last_interface_id[8]; /* asked for again */
	struct ip_prefix hint;                      /* the prefix that we had */
	struct backoff backoff;
	time_ms up_since, broken_since;
	char *reason; /* of the last failure */
};

struct session *initiator_session(struct control *c); /* NULL: none that is up */
const char *initiator_state_text(struct control *c);
/* Down, and up again by the usual rules. */
void initiator_disconnect(struct control *c);

/* What session_up() and a restart have in common: who it is, and what its link is to have. */
void initiator_prepare_session(struct session *s, struct ppp_parameters *ret);
void initiator_enter(struct control *c, enum initiator_state state);

/* initiator_ppp.c */
int initiator_open_ppp(struct control *c, struct error *err);
void initiator_close_ppp(struct initiator *x);

/* initiator_host.c: what the host is to do with the softwire now */
void initiator_tell_host(struct control *c);
void initiator_clear_host(struct control *c);
/* Gives the delegated prefix back, before the end. */
void initiator_release_prefix(struct session *s, time_ms now);
void initiator_ipv6(struct session *s, const uint8_t *packet, size_t length, time_ms now);
void initiator_start_ipv6(struct session *s, const struct ppp_ipv6 *ipv6, time_ms now);
/* nd and dhcp6 are as they were but for their config. */
void initiator_resume_ipv6(struct session *s, const struct ppp_ipv6 *ipv6, time_ms now);
/* What is due of router discovery and DHCPv6; when it is due again. */
time_ms initiator_run_ipv6(struct session *s, time_ms now);

/* initiator_restore.c: writes what is now; forgets where there is nothing that could go on */
void initiator_checkpoint(struct control *c);
void initiator_forget(struct control *c);
/* Whether the softwire of the process before this one goes on; once, at the start. */
bool initiator_restore(struct control *c, time_ms now);
