/* SPDX-License-Identifier: ISC */
/* An endpoint: its configuration, what comes in and for whom it is, what is due, and what is sent when a call
 * ends. */
#include "proto/l2tp/endpoint.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_TO(field, value) ((field) = (field) ? (field) : (value))

static void set_defaults(struct l2tp_config *c)
{
	DEFAULT_TO(c->limits.tunnels, L2TP_TUNNELS_MAX);
	DEFAULT_TO(c->limits.tunnels_per_association, 4);
	DEFAULT_TO(c->limits.sessions, 1);
	DEFAULT_TO(c->limits.half_open, L2TP_HALF_OPEN_MAX);
	DEFAULT_TO(c->limits.half_open_per_source, 64);
	DEFAULT_TO(c->limits.draining, 2048);
	DEFAULT_TO(c->limits.held_bytes, 4u << 20);
	DEFAULT_TO(c->timing.retransmit_ms, 1000);
	DEFAULT_TO(c->timing.retransmit_cap_ms, 8000);
	DEFAULT_TO(c->timing.retransmissions, 5);
	DEFAULT_TO(c->timing.acknowledge_ms, 100);
	DEFAULT_TO(c->timing.hello_ms, 60000);
	DEFAULT_TO(c->timing.half_open_ms, 10000);
	DEFAULT_TO(c->timing.session_ms, 30000);
	DEFAULT_TO(c->receive_window, 8);
}

static bool is_valid(const struct l2tp_config *c)
{
	return c->host_name && c->host_name[0] && strlen(c->host_name) <= L2TP_NAME_MAX &&
	        (!c->vendor_name || strlen(c->vendor_name) <= L2TP_NAME_MAX) && c->callbacks.send &&
	        c->callbacks.random && c->receive_window <= L2TP_WINDOW_MAX &&
	        c->limits.tunnels <= L2TP_TUNNELS_MAX && c->limits.sessions <= L2TP_SESSIONS_MAX &&
	        c->limits.half_open <= L2TP_HALF_OPEN_MAX && c->limits.draining <= L2TP_DRAINING_MAX &&
	        c->limits.half_open_per_source <= L2TP_HALF_OPEN_MAX &&
	        c->timing.retransmissions <= L2TP_RETRANSMISSIONS_MAX;
}

int l2tp_endpoint_new(const struct l2tp_config *config, struct l2tp_endpoint **ret)
{
	if (!is_valid(config))
		return -EINVAL;
	struct l2tp_endpoint *e = xcalloc(1, sizeof(*e));
	e->config = *config;
	set_defaults(&e->config);
	e->host_name = xstrdup(config->host_name);
	e->vendor_name = xstrdup(config->vendor_name);
	e->config.host_name = e->host_name;
	e->config.vendor_name = e->vendor_name;
	e->n_buckets = L2TP_PEER_BUCKETS_FIRST;
	e->peers = xcalloc(e->n_buckets, sizeof(struct l2tp_tunnel *));
	e->associations = xcalloc(e->n_buckets, sizeof(struct l2tp_tunnel *));
	e->scratch = wr_make(L2TP_BUILD_MAX);
	const struct l2tp_timing *timing = &e->config.timing;
	for (unsigned i = 0; i <= timing->retransmissions; i++)
		e->cycle_ms += (uint32_t)MIN(
		        (uint64_t)timing->retransmit_ms << i, (uint64_t)timing->retransmit_cap_ms);
	l2tp_random(e, e->seed, sizeof(e->seed));
	l2tp_random(e, &e->serial_number, sizeof(e->serial_number));
	*ret = e;
	return 0;
}

struct l2tp_endpoint *l2tp_endpoint_free(struct l2tp_endpoint *e)
{
	if (!e)
		return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(e->pages); i++) {
		for (size_t j = 0; e->pages[i] && j < L2TP_PAGE_SIZE; j++)
			if (e->pages[i][j])
				l2tp_free_tunnel(e, e->pages[i][j]);
		free(e->pages[i]);
	}
	free(e->peers);
	free(e->associations);
	free(e->heap);
	free(e->host_name);
	free(e->vendor_name);
	wr_free(&e->scratch);
	free(e);
	return NULL;
}

void l2tp_random(struct l2tp_endpoint *e, void *bytes, size_t n)
{
	e->config.callbacks.random(e->config.context, bytes, n);
}

size_t l2tp_secret(struct l2tp_endpoint *e, const struct l2tp_path *path, const char *peer_name,
        uint8_t ret[L2TP_SECRET_MAX])
{
	if (!e->config.callbacks.get_secret)
		return 0;
	size_t n = e->config.callbacks.get_secret(e->config.context, path, peer_name ? peer_name : "", ret);
	return MIN(n, (size_t)L2TP_SECRET_MAX);
}

void l2tp_enter(struct l2tp_endpoint *e, time_ms now)
{
	e->depth++;
	e->now = MAX(e->now, now); /* time does not go back */
}

void l2tp_touch(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	if (t->touched)
		return;
	t->touched = true;
	t->touched_next = e->touched;
	e->touched = t;
}

void l2tp_tell_change(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	if (!t->dirty || t->state != L2TP_ESTABLISHED || !e->config.callbacks.changed)
		return;
	t->dirty = false;
	e->config.callbacks.changed(e->config.context, t->id);
}

static void settle(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	t->touched = false;
	if (t->forgotten) {
		l2tp_free_tunnel(e, t);
		return;
	}
	if (t->queued > L2TP_QUEUE_MAX && t->state != L2TP_CLOSING) {
		struct l2tp_reason reason = { L2TP_CAUSE_LOCAL, L2TP_STOP_ERROR, L2TP_E_RESOURCES,
			"the peer does not acknowledge" };
		l2tp_stop(e, t, &reason);
	}
	l2tp_tell_change(e, t);
	if (t->touched)
		return; /* the callback did something: it comes again */
	l2tp_flush(e, t);
	l2tp_heap_set(e, t, l2tp_due_at(e, t));
}

void l2tp_leave(struct l2tp_endpoint *e)
{
	if (e->depth == 1) {
		for (struct l2tp_tunnel *t; (t = e->touched);) {
			e->touched = t->touched_next;
			settle(e, t);
		}
	}
	e->depth--;
}

/* A packet for a tunnel from where its peer is not. Before the SCCRP has come the port may be another than
 * the one that was asked (8.1); of a protected peer the association says who it is, wherever it is. */
static bool is_from_peer(struct l2tp_endpoint *e, const struct l2tp_tunnel *t, const struct l2tp_path *path)
{
	if (t->path.association != path->association) {
		e->counters.other_association++;
		return false;
	}
	if (path->association != 0)
		return true;
	bool same = ip_equal(&t->path.remote, &path->remote) && ip_equal(&t->path.local, &path->local) &&
	        t->path.local_port == path->local_port &&
	        (t->path.remote_port == path->remote_port || t->state == L2TP_WAIT_CTL_REPLY);
	if (!same)
		e->counters.other_address++;
	return same;
}

void l2tp_receive(
        struct l2tp_endpoint *e, const struct l2tp_path *path, const void *bytes, size_t n, time_ms now)
{
	struct l2tp_control_header h;
	e->counters.received++;
	if (!l2tp_read_control_header(bytes, n, &h)) {
		e->counters.not_l2tp++;
		return;
	}
	l2tp_enter(e, now);
	if (h.tunnel == 0) {
		l2tp_on_new(e, path, &h, bytes);
	} else {
		struct l2tp_tunnel *t = l2tp_find(e, h.tunnel);
		if (!t || t->forgotten) {
			e->counters.unknown_tunnel++;
		} else if (is_from_peer(e, t, path)) {
			t->answered_port = path->remote_port;
			l2tp_on_packet(e, t, &h, bytes);
		}
	}
	l2tp_leave(e);
}

static void send_hello(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	struct l2tp_builder b;
	l2tp_start(e, t, &b, L2TP_HELLO, 0);
	l2tp_queue(e, t, &b);
	e->counters.hellos_sent++;
}

/* Half-open for too long, acknowledged without an SCCRP for too long, or drained. */
static void expire(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	static const struct l2tp_reason reason = { L2TP_CAUSE_SILENCE, L2TP_STOP_ERROR, L2TP_E_NONE,
		"the peer does not answer" };
	e->counters.half_open_expired += t->state == L2TP_WAIT_CTL_CONN;
	l2tp_end(e, t, &reason);
	l2tp_forget(e, t);
}

static void run_due(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	l2tp_touch(e, t);
	if (t->end_at <= e->now) {
		expire(e, t);
		return;
	}
	if (t->retransmit_at <= e->now)
		l2tp_on_retransmit(e, t);
	if (t->state == L2TP_ESTABLISHED)
		l2tp_expire_sessions(e, t);
	if (t->state == L2TP_ESTABLISHED && t->queued == 0 &&
	        t->heard_at + e->config.timing.hello_ms <= e->now)
		send_hello(e, t);
}

void l2tp_tick(struct l2tp_endpoint *e, time_ms now)
{
	/* One tunnel at a time, so that what falls due together does not pile up in memory. A tunnel is due
	 * at most once: settling it sets a later moment. */
	l2tp_enter(e, now);
	l2tp_leave(e);
	while (e->depth == 0 && e->heap_count > 0 && e->heap[0].at <= now) {
		struct l2tp_tunnel *t = e->heap[0].tunnel;
		l2tp_heap_remove(e, t);
		l2tp_enter(e, now);
		run_due(e, t);
		l2tp_leave(e);
	}
}

int l2tp_tunnel_heard(struct l2tp_endpoint *e, uint16_t tunnel, time_ms now)
{
	struct l2tp_tunnel *t = l2tp_find_open(e, tunnel);
	if (!t)
		return -ENOENT;
	t->heard_at = MAX(t->heard_at, now);
	return 0;
}

int l2tp_tunnel_probe(struct l2tp_endpoint *e, uint16_t tunnel, time_ms now)
{
	struct l2tp_tunnel *t = l2tp_find_open(e, tunnel);
	if (!t)
		return -ENOENT;
	l2tp_enter(e, now);
	if (t->state == L2TP_ESTABLISHED && t->queued == 0)
		send_hello(e, t);
	l2tp_leave(e);
	return 0;
}

void l2tp_association_ended(struct l2tp_endpoint *e, uint32_t association, time_ms now)
{
	static const struct l2tp_reason reason = { L2TP_CAUSE_ASSOCIATION, L2TP_STOP_REQUEST, L2TP_E_NONE,
		"its protection has ended" };
	if (association == 0)
		return;
	l2tp_enter(e, now);
	struct l2tp_tunnel *t = l2tp_first_of_association(e, association);
	for (; t; t = l2tp_next_of_association(t))
		t->ending = true;
	/* From the start each time: what a callback opens changes the chain. */
	for (t = l2tp_first_of_association(e, association); t;) {
		bool now_it = t->ending && !t->forgotten;
		if (now_it) {
			l2tp_end(e, t, &reason);
			l2tp_forget(e, t);
		}
		t = now_it ? l2tp_first_of_association(e, association) : l2tp_next_of_association(t);
	}
	l2tp_leave(e);
}

void l2tp_association_moved(struct l2tp_endpoint *e, const struct l2tp_path *path, time_ms now)
{
	if (path->association == 0)
		return;
	l2tp_enter(e, now);
	for (struct l2tp_tunnel *t = l2tp_first_of_association(e, path->association); t;
	        t = l2tp_next_of_association(t)) {
		t->path.local = path->local;
		t->path.remote = path->remote;
		if (path->local_port)
			t->path.local_port = path->local_port;
		if (path->remote_port)
			t->path.remote_port = path->remote_port;
		t->dirty = true;
		l2tp_touch(e, t);
	}
	l2tp_leave(e);
}

void l2tp_tunnel_set_user(struct l2tp_endpoint *e, uint16_t tunnel, void *user)
{
	struct l2tp_tunnel *t = l2tp_find_open(e, tunnel);
	if (t)
		t->user = user;
}

void *l2tp_tunnel_user(const struct l2tp_endpoint *e, uint16_t tunnel)
{
	struct l2tp_tunnel *t = l2tp_find_open(e, tunnel);
	return t ? t->user : NULL;
}

int l2tp_tunnel_path(const struct l2tp_endpoint *e, uint16_t tunnel, struct l2tp_path *ret)
{
	struct l2tp_tunnel *t = l2tp_find_open(e, tunnel);
	if (!t)
		return -ENOENT;
	*ret = t->path;
	return 0;
}

struct l2tp_counters l2tp_get_counters(const struct l2tp_endpoint *e)
{
	struct l2tp_counters c = e->counters;
	c.half_open = e->half_open[0].count + e->half_open[1].count;
	c.draining = e->draining.count;
	c.tunnels = (uint32_t)e->n_tunnels - c.half_open - c.draining;
	return c;
}
