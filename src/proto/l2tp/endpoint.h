/* SPDX-License-Identifier: ISC */
/*
 * The state of an endpoint, its tunnels and sessions; private to the room.
 *
 * Every public call is between l2tp_enter() and l2tp_leave(). What changes a tunnel touches it; when the
 * outermost call leaves, each touched tunnel is flushed: `changed` is called, its messages and
 * acknowledgements are sent, its deadline is set anew, and it is freed where it was forgotten. So a tunnel
 * lives to the end of the call that forgets it, whatever a callback does; a session does not: after a
 * callback it is looked up again.
 */
#pragma once

#include "proto/l2tp/wire.h"

#define L2TP_NEVER INT64_MAX
#define L2TP_PAGE_SIZE 256       /* tunnels in a page of the table of ids */
#define L2TP_SOURCE_BUCKETS 4096 /* counters of half-open tunnels by a keyed hash of the source */
#define L2TP_PEER_BUCKETS_FIRST 64
#define L2TP_DEFAULT_PEER_WINDOW 4 /* without a Receive Window Size AVP, 4.4.3 */

enum l2tp_tunnel_state {
	L2TP_WAIT_CTL_REPLY, /* SCCRQ sent */
	L2TP_WAIT_CTL_CONN,  /* SCCRP sent: half-open */
	L2TP_ESTABLISHED,
	L2TP_CLOSING, /* StopCCN sent or received; nobody outside knows it any more */
	L2TP_N_TUNNEL_STATES,
};
enum l2tp_session_state {
	L2TP_WAIT_TUNNEL,  /* opened before the tunnel was up */
	L2TP_WAIT_REPLY,   /* ICRQ sent */
	L2TP_WAIT_CONNECT, /* ICRP sent */
	L2TP_SESSION_UP,
	L2TP_N_SESSION_STATES,
};

struct l2tp_session {
	struct l2tp_session *next;
	uint16_t id, peer_id;
	enum l2tp_session_state state;
	bool known; /* the caller was told of it */
	uint32_t serial_number, bearer_type, tx_speed, rx_speed, framing;
	bool sequencing_required;
	time_ms end_at; /* not established by then: CDN */
};

/* A message that the peer has not acknowledged yet. */
struct l2tp_outgoing {
	struct l2tp_outgoing *next;
	uint16_t length;
	uint8_t bytes[];
};
/* A message that came ahead of its turn. */
struct l2tp_held {
	struct l2tp_held *next; /* in the order of Ns */
	uint16_t ns, length;
	uint8_t bytes[];
};
/* What is needed until the tunnel is established. */
struct l2tp_handshake {
	struct l2tp_peer peer; /* what the SCCRQ or SCCRP said, without the names; for tunnel_up */
	uint8_t challenge[L2TP_CHALLENGE_SIZE];
	uint8_t tie_breaker[8];
	bool challenged, has_tie_breaker;
};

/* Two-way lists of tunnels, the oldest first. */
struct l2tp_list {
	struct l2tp_tunnel *first, *last;
	uint32_t count;
};

struct l2tp_tunnel {
	uint16_t id, peer_id;
	uint16_t answered_port;                           /* where the SCCRP came from */
	uint8_t state;                                    /* enum l2tp_tunnel_state */
	bool authenticated, known;                        /* known: the caller was told of it */
	bool up;                                          /* it has been */
	bool touched, dirty, forgotten, ending, in_peers; /* dirty: what export gives has changed */
	struct l2tp_path path;
	uint32_t source; /* bucket of a half-open tunnel */

	/* Reliable delivery, 5.8. ns: of the next new message; nr: expected next. */
	uint16_t ns, nr;
	uint16_t queued, sent,
	        in_flight; /* messages in the queue; of these sent ever; sent and in the window */
	uint16_t window, congestion_window, threshold, credit;
	uint8_t retransmissions, n_held;
	struct l2tp_outgoing *queue, **queue_end;
	struct l2tp_held *held;
	time_ms retransmit_at, acknowledge_at, heard_at, end_at;

	struct l2tp_session *sessions;
	struct l2tp_handshake *handshake;
	char *host_name, *vendor_name; /* the peer's */
	void *user;

	struct l2tp_tunnel *peer_next;                            /* bucket by peer */
	struct l2tp_tunnel *association_next, **association_link; /* bucket by association */
	struct l2tp_tunnel *list_previous, *list_next;            /* half-open, initiating or draining */
	struct l2tp_tunnel *touched_next;
	struct l2tp_list *list;
	uint32_t heap_index; /* + 1; 0: not in the heap */
};

struct l2tp_due {
	time_ms at;
	struct l2tp_tunnel *tunnel;
};

struct l2tp_endpoint {
	struct l2tp_config config; /* with the defaults filled in */
	char *host_name, *vendor_name;
	time_ms now;
	unsigned depth;
	uint64_t seed[2];
	struct l2tp_tunnel **pages[65536 / L2TP_PAGE_SIZE];
	struct l2tp_tunnel **peers, **associations; /* n_buckets of each */
	size_t n_buckets, n_tunnels;
	struct l2tp_list half_open[2], initiating, draining; /* half_open[1]: with an association */
	uint16_t sources[L2TP_SOURCE_BUCKETS];
	struct l2tp_tunnel *touched;
	struct l2tp_due *heap;
	size_t heap_count, heap_capacity;
	uint32_t serial_number;
	uint32_t held_bytes, cycle_ms; /* cycle: a full cycle of retransmissions */
	struct writer scratch;
	struct l2tp_counters counters;
};

/* endpoint.c */
void l2tp_enter(struct l2tp_endpoint *e, time_ms now);
void l2tp_leave(struct l2tp_endpoint *e);
void l2tp_touch(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
/* Calls `changed` where there is something new; before what follows from it is sent. */
void l2tp_tell_change(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
/* The peer's secret; returns its length. The caller wipes secret. */
size_t l2tp_secret(struct l2tp_endpoint *e, const struct l2tp_path *path, const char *peer_name,
        uint8_t ret[L2TP_SECRET_MAX]);
void l2tp_random(struct l2tp_endpoint *e, void *bytes, size_t n);

/* tunnel.c: tunnels and where they are found */
struct l2tp_tunnel *l2tp_find(const struct l2tp_endpoint *e, uint16_t id);
/* NULL: closing ones are not found. */
struct l2tp_tunnel *l2tp_find_open(const struct l2tp_endpoint *e, uint16_t id);
/* The tunnel that this peer calls peer_id. */
struct l2tp_tunnel *l2tp_find_by_peer(
        const struct l2tp_endpoint *e, const struct l2tp_path *path, uint16_t peer_id);
/* id 0: a random one. NULL: none is free (or that id is not). */
struct l2tp_tunnel *l2tp_tunnel_new(struct l2tp_endpoint *e, const struct l2tp_path *path, uint16_t id);
void l2tp_set_peer_id(struct l2tp_endpoint *e, struct l2tp_tunnel *t, uint16_t peer_id);
/* Frees it when the call leaves; nothing is sent. */
void l2tp_forget(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
void l2tp_free_tunnel(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
void l2tp_list_add(struct l2tp_list *list, struct l2tp_tunnel *t);
/* From whichever it is in, if any; a half-open tunnel no longer counts for its source. */
void l2tp_list_remove(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
struct l2tp_tunnel *l2tp_first_of_association(const struct l2tp_endpoint *e, uint32_t association);
struct l2tp_tunnel *l2tp_next_of_association(struct l2tp_tunnel *t);
/* Names may be NULL; avps: of the SCCRQ or SCCRP. */
struct l2tp_peer l2tp_describe_peer(
        const char *host_name, const char *vendor_name, const struct l2tp_avps *avps);

/* deadline.c: a binary heap */
void l2tp_heap_set(struct l2tp_endpoint *e, struct l2tp_tunnel *t, time_ms at);
void l2tp_heap_remove(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
time_ms l2tp_due_at(const struct l2tp_endpoint *e, const struct l2tp_tunnel *t);

/* reliable.c: 5.8 */
void l2tp_queue(struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_builder *b);
void l2tp_flush(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
void l2tp_on_retransmit(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
void l2tp_resend(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
void l2tp_drop_queue(struct l2tp_tunnel *t);
/* Messages that were never sent; their numbers are free again. */
void l2tp_drop_unsent(struct l2tp_tunnel *t);
void l2tp_drop_held(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
/* A packet for this tunnel, from its peer. */
void l2tp_on_packet(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_control_header *h,
        const uint8_t *packet);

/* control.c: the control connection machine */
void l2tp_on_message(
        struct l2tp_endpoint *e, struct l2tp_tunnel *t, uint16_t session, const uint8_t *body, size_t n);
/* Begins a message for l2tp_queue(), which wipes what it holds. */
void l2tp_start(struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_builder *b, enum l2tp_type type,
        uint16_t session);
/* What SCCRQ and SCCRP begin with. */
void l2tp_add_ourselves(struct l2tp_endpoint *e, const struct l2tp_tunnel *t, struct l2tp_builder *b);
/* Adds a Challenge and remembers it, where there is a secret. */
void l2tp_add_challenge(struct l2tp_endpoint *e, struct l2tp_tunnel *t, struct l2tp_builder *b, bool secret);
/* Adds the answer to the peer's Challenge, where it sent one. False: there is no secret to answer it with. */
bool l2tp_add_response(struct l2tp_endpoint *e, const struct l2tp_tunnel *t, struct l2tp_builder *b,
        enum l2tp_type type, const struct l2tp_avps *avps);
/* Names and window of an SCCRQ or SCCRP. */
void l2tp_learn_peer(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps);
/* What an SCCRQ or SCCRP must have (6.1, 6.2): L2TP_STOP_ERROR or L2TP_STOP_VERSION with *ret_error, or 0. */
uint16_t l2tp_check_hello(const struct l2tp_avps *avps, uint16_t *ret_error);
/* Sends StopCCN, tells the caller, drains. */
void l2tp_stop(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_reason *reason);
/* Tells the caller and drains, without a StopCCN of ours. */
void l2tp_end(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_reason *reason);

/* accept.c: packets for no tunnel yet */
void l2tp_on_new(struct l2tp_endpoint *e, const struct l2tp_path *path, const struct l2tp_control_header *h,
        const uint8_t *packet);

/* session.c: the session machine */
void l2tp_on_session_message(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps);
/* The message cannot be used: ends the session that it is about. */
void l2tp_refuse_session_message(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_avps *avps,
        enum l2tp_error error, const char *text);
/* Those that waited for the tunnel. */
void l2tp_start_sessions(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
void l2tp_end_sessions(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct l2tp_reason *of_tunnel);
void l2tp_expire_sessions(struct l2tp_endpoint *e, struct l2tp_tunnel *t);
void l2tp_send_cdn(struct l2tp_endpoint *e, struct l2tp_tunnel *t, uint16_t id, uint16_t peer_id,
        const struct l2tp_reason *reason);
/* avps: of the message that tells of it; NULL: none. */
struct l2tp_call l2tp_describe_call(
        const struct l2tp_tunnel *t, const struct l2tp_session *s, const struct l2tp_avps *avps);
