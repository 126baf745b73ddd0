/* SPDX-License-Identifier: ISC */
/*
 * An established tunnel as a record, so that the process that drives it can be another one tomorrow. What was
 * under way is not in it: its numbers are used up by HELLOs, which a peer that has seen the message takes for
 * its retransmission, and a session that was half set up is hung up.
 *
 *   version(1) flags(1) tunnel(2) peer tunnel(2) association(4) addresses(32) ports(4) Ns(2) queued(2) Nr(2)
 * window(2) sessions(1) of { session(2) peer(2) flags(1) serial number(4) tx(4) rx(4) } name(1 + n, as much
 * of it as fits)
 */
#include "proto/l2tp/endpoint.h"

#include <errno.h>
#include <string.h>

#define RECORD_VERSION 1
#define ASK_WITHIN_MS 5000 /* many tunnels that come back together ask their peers spread over this time */

enum { FLAG_AUTHENTICATED = 1 };
enum { FLAG_UP = 1, FLAG_SEQUENCING = 2 };

static void write_path(struct writer *w, const struct l2tp_path *path)
{
	wr_u32(w, path->association);
	wr_bytes(w, path->local.bytes, sizeof(path->local.bytes));
	wr_bytes(w, path->remote.bytes, sizeof(path->remote.bytes));
	wr_u16(w, path->local_port);
	wr_u16(w, path->remote_port);
}

static void read_address(struct reader *r, struct ip_address *ret)
{
	const uint8_t *bytes = rd_bytes(r, sizeof(ret->bytes));
	if (bytes)
		memcpy(ret->bytes, bytes, sizeof(ret->bytes));
}

static struct l2tp_path read_path(struct reader *r)
{
	struct l2tp_path path = { .association = rd_u32(r) };
	read_address(r, &path.local);
	read_address(r, &path.remote);
	path.local_port = rd_u16(r);
	path.remote_port = rd_u16(r);
	return path;
}

static void write_session(struct writer *w, const struct l2tp_session *s)
{
	wr_u16(w, s->id);
	wr_u16(w, s->peer_id);
	wr_u8(w,
	        (uint8_t)((s->state == L2TP_SESSION_UP ? FLAG_UP : 0) |
	                (s->sequencing_required ? FLAG_SEQUENCING : 0)));
	wr_u32(w, s->serial_number);
	wr_u32(w, s->tx_speed);
	wr_u32(w, s->rx_speed);
}

static struct l2tp_session read_session(struct reader *r)
{
	struct l2tp_session s = { .end_at = L2TP_NEVER, .framing = 1 };
	s.id = rd_u16(r);
	s.peer_id = rd_u16(r);
	uint8_t flags = rd_u8(r);
	s.serial_number = rd_u32(r);
	s.tx_speed = rd_u32(r);
	s.rx_speed = rd_u32(r);
	s.known = flags & FLAG_UP;
	s.state = s.known ? L2TP_SESSION_UP : L2TP_WAIT_CONNECT;
	s.sequencing_required = flags & FLAG_SEQUENCING;
	return s;
}

static void write_sessions(struct writer *w, const struct l2tp_tunnel *t)
{
	size_t count_at = w->length;
	uint8_t n = 0;
	wr_u8(w, 0);
	for (const struct l2tp_session *s = t->sessions; s; s = s->next, n++)
		write_session(w, s);
	if (!wr_failed(w))
		w->data[count_at] = n;
}

int l2tp_tunnel_export(const struct l2tp_endpoint *e, uint16_t tunnel, uint8_t ret[L2TP_RECORD_MAX])
{
	const struct l2tp_tunnel *t = l2tp_find_open(e, tunnel);
	if (!t || t->state != L2TP_ESTABLISHED)
		return -ENOENT;
	struct writer w CLEANUP(wr_free) = wr_make(L2TP_RECORD_MAX);
	wr_u8(&w, RECORD_VERSION);
	wr_u8(&w, t->authenticated ? FLAG_AUTHENTICATED : 0);
	wr_u16(&w, t->id);
	wr_u16(&w, t->peer_id);
	write_path(&w, &t->path);
	wr_u16(&w, t->ns);
	wr_u16(&w, t->queued);
	wr_u16(&w, t->nr);
	wr_u16(&w, t->window);
	write_sessions(&w, t);
	size_t name = t->host_name ? strlen(t->host_name) : 0;
	name = MIN(name, L2TP_RECORD_MAX - 1 - w.length);
	wr_u8(&w, (uint8_t)name);
	wr_bytes(&w, t->host_name, name);
	memcpy(ret, w.data, w.length);
	return (int)w.length;
}

struct record {
	uint16_t id, peer_id, ns, queued, nr, window;
	bool authenticated;
	struct l2tp_path path;
	uint8_t n_sessions;
	struct l2tp_session sessions[L2TP_SESSIONS_MAX];
	const uint8_t *name;
	size_t name_length;
};

static bool is_sound(const struct record *r)
{
	for (unsigned i = 0; i < r->n_sessions; i++) {
		const struct l2tp_session *s = &r->sessions[i];
		if (s->id == 0 || (s->known && s->peer_id == 0))
			return false;
		for (unsigned j = 0; j < i; j++)
			if (r->sessions[j].id == s->id)
				return false;
	}
	return r->id != 0 && r->peer_id != 0 && r->queued <= L2TP_QUEUE_MAX && r->window > 0 &&
	        r->window <= L2TP_WINDOW_MAX;
}

static bool read_record(struct record *ret, const uint8_t *bytes, size_t n)
{
	struct reader r = rd_make(bytes, n);
	if (rd_u8(&r) != RECORD_VERSION)
		return false;
	ret->authenticated = rd_u8(&r) & FLAG_AUTHENTICATED;
	ret->id = rd_u16(&r);
	ret->peer_id = rd_u16(&r);
	ret->path = read_path(&r);
	ret->ns = rd_u16(&r);
	ret->queued = rd_u16(&r);
	ret->nr = rd_u16(&r);
	ret->window = rd_u16(&r);
	ret->n_sessions = rd_u8(&r);
	if (ret->n_sessions > L2TP_SESSIONS_MAX)
		return false;
	for (unsigned i = 0; i < ret->n_sessions; i++)
		ret->sessions[i] = read_session(&r);
	ret->name_length = rd_u8(&r);
	ret->name = rd_bytes(&r, ret->name_length);
	return !rd_failed(&r) && rd_left(&r) == 0 && is_sound(ret);
}

static void queue_hello(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	struct l2tp_builder b;
	l2tp_start(e, t, &b, L2TP_HELLO, 0);
	l2tp_queue(e, t, &b);
}

/* The numbers that were used and not acknowledged may be in the peer's hands already: they count as sent. */
static void use_up_numbers(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct record *r)
{
	t->ns = (uint16_t)(r->ns - r->queued);
	for (unsigned i = 0; i < r->queued; i++)
		queue_hello(e, t);
	t->sent = t->queued;
	uint16_t spread;
	l2tp_random(e, &spread, sizeof(spread));
	t->heard_at = e->now - e->config.timing.hello_ms + spread % ASK_WITHIN_MS;
}

static void restore_sessions(struct l2tp_endpoint *e, struct l2tp_tunnel *t, const struct record *r)
{
	static const struct l2tp_reason restarted = { L2TP_CAUSE_LOCAL, L2TP_CDN_NO_FACILITIES_NOW,
		L2TP_E_NONE, "restarted" };
	for (unsigned i = 0; i < r->n_sessions; i++) {
		const struct l2tp_session *s = &r->sessions[i];
		if (!s->known) {
			l2tp_send_cdn(e, t, s->id, s->peer_id, &restarted);
			if (e->config.callbacks.session_down)
				e->config.callbacks.session_down(e->config.context, t->id, s->id, &restarted);
			continue;
		}
		struct l2tp_session *copy = xmemdup(s, sizeof(*s));
		copy->next = t->sessions;
		t->sessions = copy;
		e->counters.sessions++;
	}
}

int l2tp_tunnel_import(struct l2tp_endpoint *e, const uint8_t *record, size_t n, time_ms now)
{
	struct record r;
	if (!read_record(&r, record, n))
		return -EINVAL;
	if (l2tp_find(e, r.id))
		return -EEXIST;
	if (l2tp_get_counters(e).tunnels >= e->config.limits.tunnels)
		return -ENOSPC;
	l2tp_enter(e, now);
	struct l2tp_tunnel *t = l2tp_tunnel_new(e, &r.path, r.id);
	t->state = L2TP_ESTABLISHED;
	t->known = t->up = true;
	t->authenticated = r.authenticated;
	t->nr = r.nr;
	t->window = r.window;
	t->host_name = xstrndup((const char *)r.name, r.name_length);
	l2tp_set_peer_id(e, t, r.peer_id);
	use_up_numbers(e, t, &r);
	restore_sessions(e, t, &r);
	l2tp_leave(e);
	return r.id;
}

size_t l2tp_tunnel_sessions(const struct l2tp_endpoint *e, uint16_t tunnel, struct l2tp_call *ret)
{
	const struct l2tp_tunnel *t = l2tp_find_open(e, tunnel);
	size_t n = 0;
	for (const struct l2tp_session *s = t ? t->sessions : NULL; s && n < L2TP_SESSIONS_MAX; s = s->next)
		if (s->state == L2TP_SESSION_UP)
			ret[n++] = l2tp_describe_call(t, s, NULL);
	return n;
}
