/* SPDX-License-Identifier: ISC */
/* What the files of the control process share. */
#pragma once

#include "softwire/control.h"
#include "softwire/events.h"

#include "base/table.h"
#include "net/daemon.h"
#include "proto/dhcp6/dhcp6.h"

#include <sys/queue.h>

#define L2TP_TUNNEL_IDS 65536

struct session;

/* What protects one peer, as the data plane says. */
struct association {
	uint32_t number, ike;
	char *identity, *eap_identity;
	uint8_t authentication;
	uint16_t overhead;
	struct ip_address local, remote;
	uint16_t local_port, remote_port;
	unsigned n_tunnels; /* established ones */
};

struct control;

/* What the two roles do differently. Every one is called from the loop. */
struct control_role {
	int (*start)(struct control *c, struct error *err);
	/* Every association that was there has been told, after a start. */
	void (*told)(struct control *c);
	void (*association_up)(struct control *c, struct association *a, bool is_new);
	void (*association_down)(struct control *c, struct association *a); /* before its tunnels end */
	void (*ike_failed)(struct control *c, const char *reason);
	uint16_t (*tunnel_wanted)(
	        struct control *c, const struct l2tp_path *path, const struct l2tp_peer *peer);
	void (*tunnel_up)(struct control *c, uint16_t tunnel);
	void (*tunnel_down)(struct control *c, uint16_t tunnel, const struct l2tp_reason *reason);
	uint16_t (*session_wanted)(struct control *c, const struct l2tp_call *call);
	void (*session_up)(struct control *c, struct session *s);
	void (*session_down)(
	        struct control *c, uint16_t tunnel, uint16_t session, const struct l2tp_reason *reason);
	/* IPv6 that the link itself consumes. */
	void (*ipv6)(struct session *s, const uint8_t *packet, size_t length, time_ms now);
	void (*session_run)(struct session *s, time_ms now); /* its timer; also after each of its frames */
	void (*counted)(struct control *c, const struct ipc_counted *m);
	void (*keeper_message)(struct control *c, const struct ipc_message *m);
	void (*tunnel_changed)(struct control *c, uint16_t tunnel); /* what its export gives */
	void (*reload)(struct control *c);
	void (*stop)(struct control *c);              /* begin to end; control_ended() when done */
	void (*turn)(struct control *c, time_ms now); /* once a turn of the loop that did something */
	void (*free)(struct control *c);
};

struct control_counters {
	uint64_t frames_of_no_session, ipv6_malformed, messages_refused, associations;
	uint64_t sessions_opened, sessions_ended, sessions_replaced, sessions_restored;
	uint64_t refused_binding, refused_limit, refused_unprotected, refused_pool, aaa_unavailable,
	        authentication_failed, checkpoint_lost;
};

struct control {
	const struct softwire_options *o;
	char name[256]; /* ours */
	struct event_base *base;
	struct daemon_signals *signals;
	struct event *turn, *patience, *leave;
	time_ms turn_at;
	struct timers timers;
	struct ipc_packet *plane, *keeper;
	struct checkpoint *checkpoint;
	struct l2tp_endpoint *l2tp;
	char *tunnel_secret;
	struct table *associations; /* by number */
	struct session **by_tunnel; /* L2TP_TUNNEL_IDS lists */
	LIST_HEAD(, session) sessions;
	size_t n_sessions;
	uint64_t last_serial;
	struct control_counters counters;
	struct events *events;
	const struct control_role *role;
	union {
		struct concentrator *concentrator;
		struct initiator *initiator;
	};
	struct api *api;
	bool ending;
	bool work; /* the role has something to do at the next turn */
};

extern const struct control_role concentrator_role, initiator_role;

/* Something is due earlier than was known. Cheap. */
void control_schedule(struct control *c);
/* The role has nothing left to do: the loop ends. */
void control_ended(struct control *c);
struct association *control_association(struct control *c, uint32_t number); /* NULL */
/* Largest inner packet over this path; 0 for association: clear. */
uint16_t control_inner_mtu(
        const struct control *c, const struct association *a, const struct ip_address *remote);
/* Our DUID (RFC 6355), made once and kept in the state directory. */
int control_read_duid(const struct control *c, struct dhcp6_duid *ret, struct error *err);
void control_random(void *bytes, size_t n);
void control_send_plane(struct control *c, enum ipc_number number, const void *body);
void control_send_keeper(struct control *c, enum ipc_number number, const void *body);
