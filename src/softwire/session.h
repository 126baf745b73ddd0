/* SPDX-License-Identifier: ISC */
/*
 * One L2TP session with its PPP link: what both roles have of it. On the concentrator it is also the one
 * record that binds IKE identity, L2TP tunnel, PPP user and accounting together; who_* below are written
 * once, when the peer has proven who it is, and never changed after.
 */
#pragma once

#include "proto/dhcp6/dhcp6.h"
#include "proto/nd/nd.h"
#include "proto/ppp/ppp.h"
#include "softwire/assignment.h"
#include "softwire/control_internal.h"

#define SESSION_PORT_SIZE 16

enum session_state {
	SESSION_OPENING,  /* LCP, authentication */
	SESSION_OPEN,     /* in its network phase */
	SESSION_ENDING,   /* its link has ended; torn down at the next turn */
	SESSION_COUNTING, /* gone for everybody but accounting: the last counters are awaited */
};

struct session_usage {
	uint64_t in_packets, in_bytes, out_packets, out_bytes; /* in: from the peer */
	uint64_t spoofed, limited, dropped;
	time_ms last_in; /* monotonic; 0: nothing came yet */
};

struct session {
	struct timer timer; /* first */
	LIST_ENTRY(session) all;
	struct session *next_in_tunnel;
	struct control *control;
	uint64_t serial; /* no two of a concentrator's life have the same */
	uint16_t tunnel, session, peer_tunnel, peer_session;
	uint8_t state;   /* enum session_state */
	bool ipv4, ipv6; /* the NCP is open */
	bool is_indexed; /* in by_tunnel */
	bool sequencing;
	bool is_told;   /* to the enforcer */
	uint8_t end;    /* enum ppp_end, while ending */
	uint16_t cause; /* aaa_cause, while ending */
	uint16_t mtu;
	struct l2tp_path path;
	struct ppp_link *link;
	/* concentrator */
	char *machine, *user; /* "" where nobody has proven it */
	char port[SESSION_PORT_SIZE];
	struct mac_address mac;
	const char *segment;  /* interned; NULL: not placed yet */
	char *wanted_segment; /* by AAA */
	char *asked_user;     /* as the peer said it, while it proves itself */
	uint32_t auth_id;
	struct aaa_exchange *exchange;
	struct aaa_account *account;
	struct aaa_profile *profile; /* between accept and grant */
	struct assignment assignment;
	struct nd_router router;
	struct dhcp6_server dhcp6;
	time_ms opened_wall, opened, until, idle_ms; /* until 0, idle_ms 0: no such limit */
	uint64_t rate_in, rate_out;
	struct session_usage usage;
	uint64_t speed_in, speed_out; /* bit/s, of the last two counts */
	time_ms counted, active;      /* the last count; the last one that showed packets of the peer */
	uint32_t count_request;       /* while SESSION_COUNTING */
	int slot;                     /* in the checkpoint; 0: none */
	char *end_text;
};

/* A session that L2TP has established; its link is not there yet. */
struct session *session_new(struct control *c, const struct l2tp_path *path, const struct l2tp_call *call);
/* Frees what both roles have; NULL in, NULL out. */
struct session *session_free(struct session *s);
struct session *session_find(struct control *c, uint16_t tunnel, uint16_t session); /* NULL */
/* Frames of these ids find it no more. */
void session_unindex(struct session *s);
void session_index(struct session *s);
/* Tells the data plane what the session is now. */
void session_tell_plane(struct session *s);
void session_end_plane(struct session *s);
/* PPP's callbacks that are the same for both roles. context is the session. */
void session_ppp_send(void *context, const uint8_t *frame, size_t length);
void session_ppp_random(void *context, void *bytes, size_t length);
void session_send_ipv6(struct session *s, const struct ip6_output *out);
/* A frame of the peer. */
void session_receive(struct session *s, const uint8_t *frame, size_t length, time_ms now);
/* "user alice, machine CN=alice, from 192.0.2.7", for events. Returns text. */
#define SESSION_TEXT_SIZE 400
const char *session_text(const struct session *s, char text[SESSION_TEXT_SIZE]);
