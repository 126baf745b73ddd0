/* SPDX-License-Identifier: ISC */
/*
 * An L2TP endpoint of either role under a script: the first byte chooses the configuration, then each step is
 * a kind, a length and so many bytes. A step may be a packet as it is; a message whose header is made to fit,
 * so that its AVPs get to the machines; time; a record to be imported.
 */
#include "proto/l2tp/l2tp.h"
#include "proto/l2tp/data.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAW, MESSAGE, TIME, RECORD, CLOSE, MOVE, N_STEPS };

struct run {
	struct l2tp_endpoint *e;
	struct l2tp_path path;
	time_ms now;
	uint32_t seed;
	uint16_t tunnel, ns, nr; /* for the next message that fits */
	uint16_t up, session;
	int tunnels, sessions;
};

static void on_send(void *context, const struct l2tp_path *path, const void *bytes, size_t n)
{
	struct run *r = context;
	const uint8_t *p = bytes;
	if (!p || n < 12 || l2tp_get_u16(p + 2) != n)
		abort();
	r->nr = (uint16_t)(l2tp_get_u16(p + 8) + (n > 12));
	/* Assigned Tunnel ID of an SCCRQ or SCCRP: the fourth or fifth AVP, wherever it is. */
	static const uint8_t id[] = { 0x80, 8, 0, 0, 0, 9 };
	const uint8_t *at = memmem(p, n, id, sizeof(id));
	if (at && at + 8 <= p + n)
		r->tunnel = l2tp_get_u16(at + 6);
	static const uint8_t session[] = { 0x80, 8, 0, 0, 0, 14 };
	at = memmem(p, n, session, sizeof(session));
	if (at && at + 8 <= p + n)
		r->session = l2tp_get_u16(at + 6);
}

static void on_random(void *context, void *bytes, size_t n)
{
	struct run *r = context;
	for (size_t i = 0; i < n; i++) {
		r->seed = r->seed * 1664525u + 1013904223u;
		((uint8_t *)bytes)[i] = (uint8_t)(r->seed >> 24);
	}
}

static size_t get_secret(
        void *context, const struct l2tp_path *path, const char *peer_name, uint8_t ret[L2TP_SECRET_MAX])
{
	memcpy(ret, "sesame", 6);
	return 6;
}

static void on_tunnel_up(
        void *context, uint16_t tunnel, const struct l2tp_path *path, const struct l2tp_peer *peer)
{
	struct run *r = context;
	r->tunnels++;
	r->up = tunnel;
	if (strlen(peer->host_name) > L2TP_NAME_MAX)
		abort();
	(void)l2tp_session_open(r->e, tunnel, 0, r->now);
}

static void on_session_up(void *context, const struct l2tp_path *path, const struct l2tp_call *call)
{
	struct run *r = context;
	unsigned sum = 0;
	for (size_t i = 0; i < call->proxy_response.length; i++)
		sum += call->proxy_response.bytes[i];
	r->sessions += 1 + (sum == UINT32_MAX);
}

static void on_session_down(
        void *context, uint16_t tunnel, uint16_t session, const struct l2tp_reason *reason)
{
	if (!reason->message || strlen(reason->message) > L2TP_MESSAGE_MAX)
		abort();
}

static void on_changed(void *context, uint16_t tunnel)
{
	struct run *r = context;
	uint8_t record[L2TP_RECORD_MAX];
	if (l2tp_tunnel_export(r->e, tunnel, record) <= 0)
		abort();
}

static void give_message(struct run *r, const uint8_t *body, size_t n)
{
	uint8_t packet[12 + 256];
	l2tp_put_u16(packet, 0xc802);
	l2tp_put_u16(packet + 2, (uint16_t)(12 + n));
	l2tp_put_u16(packet + 4, r->ns ? r->tunnel : 0);
	l2tp_put_u16(packet + 6, n > 7 && body[7] > 10 ? r->session : 0);
	l2tp_put_u16(packet + 8, r->ns++);
	l2tp_put_u16(packet + 10, r->nr);
	memcpy(packet + 12, body, n);
	l2tp_receive(r->e, &r->path, packet, 12 + n, r->now);
}

static void step(struct run *r, unsigned kind, const uint8_t *bytes, size_t n)
{
	switch (kind) {
	case RAW:
		l2tp_receive(r->e, &r->path, bytes, n, r->now);
		break;
	case MESSAGE:
		give_message(r, bytes, n);
		break;
	case TIME:
		r->now += n ? bytes[0] * 100 : 60000;
		break;
	case RECORD:
		(void)l2tp_tunnel_import(r->e, bytes, n, r->now);
		break;
	case CLOSE:
		if (n)
			(void)l2tp_session_close(r->e, r->up, r->session, L2TP_CDN_BUSY, NULL, r->now);
		else
			l2tp_association_ended(r->e, r->path.association, r->now);
		break;
	case MOVE:
		r->path.remote_port++;
		l2tp_association_moved(r->e, &r->path, r->now);
		break;
	}
	l2tp_tick(r->e, r->now);
	if (l2tp_deadline(r->e) <= r->now)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct run r = { .seed = 7, .now = 1000 };
	r.path = (struct l2tp_path){ .association = data[0] & 1, .local_port = 1701, .remote_port = 1701 };
	struct l2tp_config config = { .host_name = "hub",
		.accept = data[0] & 2,
		.hide = data[0] & 4,
		.limits = { .sessions = 3, .half_open = 3, .draining = 2, .held_bytes = 1000 },
		.callbacks = { .send = on_send,
		        .random = on_random,
		        .get_secret = data[0] & 8 ? get_secret : NULL,
		        .tunnel_up = on_tunnel_up,
		        .session_up = on_session_up,
		        .session_down = on_session_down,
		        .changed = on_changed },
		.context = &r };
	if (l2tp_endpoint_new(&config, &r.e) < 0)
		abort();
	if (data[0] & 16 && l2tp_tunnel_open(r.e, &r.path, r.now) > 0)
		r.ns = 0;
	if (data[0] & 16)
		r.nr = 1;
	for (size_t at = 1; at + 2 <= size;) {
		size_t n = MIN((size_t)data[at + 1], size - at - 2);
		step(&r, data[at] % N_STEPS, data + at + 2, n);
		at += 2 + n;
	}
	struct l2tp_counters c = l2tp_get_counters(r.e);
	if (c.half_open > 6 || c.draining > 2)
		abort();
	l2tp_close_all(r.e, L2TP_STOP_SHUTDOWN, NULL, r.now);
	l2tp_tick(r.e, r.now + 1000000);
	l2tp_endpoint_free(r.e);
	return 0;
}
