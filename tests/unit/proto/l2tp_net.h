/* SPDX-License-Identifier: ISC */
/*
 * Two L2TP endpoints, a network between them that loses, doubles and reorders, and a clock that only this
 * file moves. What the endpoints tell is counted; every packet that is sent passes a check of its form.
 */
#pragma once

#include "base/address.h"
#include "proto/l2tp/data.h"
#include "proto/l2tp/l2tp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NET_PACKETS 4096

enum { INITIATOR, CONCENTRATOR };

struct packet {
	time_ms at;
	int to;
	struct l2tp_path path; /* as its receiver sees it */
	size_t n;
	uint8_t bytes[1200];
};

struct side {
	struct l2tp_endpoint *e;
	struct net *net;
	int index;
	enum l2tp_cause session_tunnel_cause; /* of the last session that ended */
	int tunnels_up, tunnels_down, sessions_up, sessions_down, changes, wanted;
	uint16_t tunnel, session;
	struct l2tp_call call;
	struct l2tp_path path;
	char peer_name[256], vendor[256], why[256], called[64];
	bool authenticated;
	struct l2tp_reason reason; /* of the last end */
	const char *secret;
	uint16_t refuse_tunnel, refuse_session;
	bool open_session; /* initiator: when the tunnel is up */
	bool close_in_callback;
	unsigned sent, sent_types[32];
	uint8_t record[L2TP_RECORD_MAX];
	int record_size;
};

struct net {
	struct side side[2];
	time_ms now;
	uint32_t seed;
	unsigned loss, duplicate, jitter_ms; /* per cent, per cent, ms */
	bool cut;                            /* nothing arrives */
	struct packet *packets;
	size_t n_packets;
	struct packet last[2];                             /* that this side sent */
	bool (*filter)(struct net *net, struct packet *p); /* false: lost */
};

static inline uint32_t net_random(struct net *net)
{
	net->seed = net->seed * 1664525u + 1013904223u;
	return net->seed >> 8;
}

static inline unsigned message_type(const uint8_t *p, size_t n)
{
	return n >= 20 ? l2tp_get_u16(p + 18) : 0;
}

static inline void net_send(void *context, const struct l2tp_path *path, const void *bytes, size_t n)
{
	struct side *from = context;
	struct net *net = from->net;
	const uint8_t *p = bytes;
	assert_true(n >= 12 && n <= sizeof(net->packets->bytes));
	assert_int_equal(l2tp_get_u16(p), 0xc802);
	assert_int_equal(l2tp_get_u16(p + 2), n);
	from->sent++;
	from->sent_types[message_type(p, n)]++;
	struct packet packet = { .to = !from->index, .path = *path, .n = n };
	packet.path.local = path->remote;
	packet.path.remote = path->local;
	packet.path.local_port = path->remote_port;
	packet.path.remote_port = path->local_port;
	memcpy(packet.bytes, bytes, n);
	net->last[from->index] = packet;
	if (net->cut || net_random(net) % 100 < net->loss || (net->filter && !net->filter(net, &packet)))
		return;
	for (int copies = net_random(net) % 100 < net->duplicate ? 2 : 1; copies > 0; copies--) {
		assert_true(net->n_packets < NET_PACKETS);
		packet.at = net->now + 1 + (net->jitter_ms ? net_random(net) % net->jitter_ms : 0);
		net->packets[net->n_packets++] = packet;
	}
}

static inline void net_random_bytes(void *context, void *bytes, size_t n)
{
	struct side *s = context;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)bytes)[i] = (uint8_t)net_random(s->net);
}

static inline size_t net_secret(
        void *context, const struct l2tp_path *path, const char *peer_name, uint8_t ret[L2TP_SECRET_MAX])
{
	struct side *s = context;
	size_t n = s->secret ? strlen(s->secret) : 0;
	memcpy(ret, s->secret ? s->secret : "", n);
	return n;
}

static inline uint16_t net_tunnel_wanted(
        void *context, const struct l2tp_path *path, const struct l2tp_peer *peer)
{
	struct side *s = context;
	s->wanted++;
	assert_true(peer->tunnel != 0);
	return s->refuse_tunnel;
}

static inline void net_tunnel_up(
        void *context, uint16_t tunnel, const struct l2tp_path *path, const struct l2tp_peer *peer)
{
	struct side *s = context;
	s->tunnels_up++;
	s->tunnel = tunnel;
	s->path = *path;
	s->authenticated = peer->authenticated;
	snprintf(s->peer_name, sizeof(s->peer_name), "%s", peer->host_name);
	snprintf(s->vendor, sizeof(s->vendor), "%s", peer->vendor_name);
	if (s->open_session)
		assert_true(l2tp_session_open(s->e, tunnel, 1000000, s->net->now) > 0);
	if (s->close_in_callback)
		assert_int_equal(l2tp_tunnel_close(s->e, tunnel, L2TP_STOP_SHUTDOWN, "no", s->net->now), 0);
}

static inline void remember(struct side *s, const struct l2tp_reason *reason)
{
	assert_non_null(reason->message);
	s->reason = *reason;
	snprintf(s->why, sizeof(s->why), "%s", reason->message);
}

static inline void net_tunnel_down(void *context, uint16_t tunnel, const struct l2tp_reason *reason)
{
	struct side *s = context;
	s->tunnels_down++;
	remember(s, reason);
}

static inline uint16_t net_session_wanted(void *context, const struct l2tp_call *call)
{
	struct side *s = context;
	snprintf(s->called, sizeof(s->called), "%.*s", (int)call->called.length,
	        call->called.bytes ? (const char *)call->called.bytes : "");
	return s->refuse_session;
}

static inline void net_session_up(void *context, const struct l2tp_path *path, const struct l2tp_call *call)
{
	struct side *s = context;
	s->sessions_up++;
	/* Data may be sent from here on: the ICCN has gone before it. */
	if (s->index == INITIATOR)
		assert_int_equal(message_type(s->net->last[INITIATOR].bytes, s->net->last[INITIATOR].n), 12);
	s->session = call->session;
	s->call = *call;
	if (s->close_in_callback)
		assert_int_equal(l2tp_session_close(s->e, call->tunnel, call->session,
		                         L2TP_CDN_ADMINISTRATIVE, "no", s->net->now),
		        0);
}

static inline void net_session_down(
        void *context, uint16_t tunnel, uint16_t session, const struct l2tp_reason *reason)
{
	struct side *s = context;
	s->sessions_down++;
	s->session_tunnel_cause = reason->tunnel_cause;
	remember(s, reason);
}

static inline void net_changed(void *context, uint16_t tunnel)
{
	struct side *s = context;
	s->changes++;
	s->record_size = l2tp_tunnel_export(s->e, tunnel, s->record);
	assert_in_range(s->record_size, 1, L2TP_RECORD_MAX);
}

static inline struct l2tp_config net_config(struct net *net, int index)
{
	return (struct l2tp_config){ .host_name = index == INITIATOR ? "laptop.example" : "hub.example",
		.vendor_name = "pratique",
		.accept = index == CONCENTRATOR,
		.limits.sessions = 2,
		.callbacks = { .send = net_send,
		        .random = net_random_bytes,
		        .get_secret = net_secret,
		        .tunnel_wanted = net_tunnel_wanted,
		        .tunnel_up = net_tunnel_up,
		        .tunnel_down = net_tunnel_down,
		        .session_wanted = net_session_wanted,
		        .session_up = net_session_up,
		        .session_down = net_session_down,
		        .changed = net_changed },
		.context = &net->side[index] };
}

/* change (may be NULL) sets what is to be different in one configuration. */
static inline struct net *net_new(void (*change)(struct l2tp_config *config, int index))
{
	struct net *net = test_calloc(1, sizeof(*net));
	*net = (struct net){ .seed = 42, .now = 1000000 };
	net->packets = test_calloc(NET_PACKETS, sizeof(*net->packets));
	for (int i = 0; i < 2; i++) {
		net->side[i] = (struct side){ .net = net, .index = i, .open_session = i == INITIATOR };
		struct l2tp_config config = net_config(net, i);
		if (change)
			change(&config, i);
		assert_int_equal(l2tp_endpoint_new(&config, &net->side[i].e), 0);
	}
	return net;
}

static inline void net_free(struct net *net)
{
	for (int i = 0; i < 2; i++)
		assert_null(l2tp_endpoint_free(net->side[i].e));
	test_free(net->packets);
	test_free(net);
}

static inline struct l2tp_path net_path(uint32_t association)
{
	struct l2tp_path path = { .association = association, .local_port = 40000, .remote_port = L2TP_PORT };
	assert_int_equal(ip_parse("192.0.2.7", &path.local), 0);
	assert_int_equal(ip_parse("198.51.100.1", &path.remote), 0);
	return path;
}

static inline time_ms net_next(const struct net *net)
{
	time_ms at = MIN(l2tp_deadline(net->side[0].e), l2tp_deadline(net->side[1].e));
	for (size_t i = 0; i < net->n_packets; i++)
		at = MIN(at, net->packets[i].at);
	return at;
}

static inline void net_deliver(struct net *net)
{
	for (size_t i = 0; i < net->n_packets;) {
		if (net->packets[i].at > net->now) {
			i++;
			continue;
		}
		struct packet p = net->packets[i];
		net->packets[i] = net->packets[--net->n_packets];
		l2tp_receive(net->side[p.to].e, &p.path, p.bytes, p.n, net->now);
	}
}

/* Lets ms pass. */
static inline void net_run(struct net *net, time_ms ms)
{
	time_ms end = net->now + ms;
	for (time_ms at; (at = net_next(net)) <= end;) {
		net->now = MAX(net->now, at);
		net_deliver(net);
		l2tp_tick(net->side[0].e, net->now);
		l2tp_tick(net->side[1].e, net->now);
		assert_true(l2tp_deadline(net->side[0].e) > net->now);
		assert_true(l2tp_deadline(net->side[1].e) > net->now);
	}
	net->now = end;
}

static inline uint16_t net_open(struct net *net, uint32_t association)
{
	struct l2tp_path path = net_path(association);
	int id = l2tp_tunnel_open(net->side[INITIATOR].e, &path, net->now);
	assert_in_range(id, 1, 65535);
	return (uint16_t)id;
}

static inline void net_assert_up(struct net *net)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(net->side[i].tunnels_up, 1);
		assert_int_equal(net->side[i].tunnels_down, 0);
		assert_int_equal(net->side[i].sessions_up, 1);
		assert_int_equal(net->side[i].sessions_down, 0);
	}
	const struct l2tp_call *a = &net->side[0].call, *b = &net->side[1].call;
	assert_int_equal(a->peer_session, b->session);
	assert_int_equal(b->peer_session, a->session);
	assert_int_equal(a->peer_tunnel, b->tunnel);
	assert_int_equal(b->peer_tunnel, a->tunnel);
}

/* Nothing is left but what drains, and then nothing at all. */
static inline void net_assert_clean(struct net *net)
{
	for (int i = 0; i < 2; i++) {
		struct l2tp_counters c = l2tp_get_counters(net->side[i].e);
		assert_int_equal(c.tunnels, 0);
		assert_int_equal(c.half_open, 0);
		assert_int_equal(c.sessions, 0);
	}
	net_run(net, 120000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(l2tp_get_counters(net->side[i].e).draining, 0);
		assert_true(l2tp_deadline(net->side[i].e) == INT64_MAX);
	}
}
