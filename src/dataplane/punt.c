/* SPDX-License-Identifier: ISC */
/*
 * What is not a data packet of a session goes to control or charon as a message, if a budget of its source
 * and one of all have room for it. A worker never waits: where the socket is full the message is dropped.
 */
#include "dataplane/worker.h"

#include <errno.h>
#include <urcu/pointer.h>

#include "base/table.h"

#define SECOND_NS 1000000000LL
#define L2TP_MAX 4096 /* as messages.def says */

/* Sends to a descriptor of main's; the frame is one packet. */
static bool send_frame(struct worker *w, int fd, enum ipc_number number, const void *body)
{
	wr_reset(&w->frame);
	if (ipc_encode(&w->frame, number, body, NULL) < 0)
		return false;
	ssize_t n = send(fd, w->frame.data, w->frame.length, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n == (ssize_t)w->frame.length;
}

static bool take(struct limiter *l, const struct worker *w, uint32_t rate)
{
	return limiter_take(l, w->now_ns, SECOND_NS / rate, PLANE_BURST_NS + SECOND_NS / rate);
}

static struct limiter *of_source(const struct worker *w, struct limiter *sources, const struct ip_address *a)
{
	return &sources[hash_bytes(w->plane->hash_key, a->bytes, sizeof(a->bytes)) % PLANE_SOURCES];
}

/* The budget of all is taken from last, so that what one source has too much costs the others nothing. */
static bool may_go_to_control(struct worker *w, bool source_has_room)
{
	if (!source_has_room) {
		worker_count(w, STAT_punt_limited_source);
		return false;
	}
	if (!take(&w->plane->punts, w, w->plane->punt_rate)) {
		worker_count(w, STAT_punt_limited);
		return false;
	}
	return true;
}

void punt_l2tp(struct worker *w, const struct origin *o, const uint8_t *bytes, size_t n)
{
	struct plane *p = w->plane;
	bool room;
	if (n > L2TP_MAX) {
		worker_count(w, STAT_l2tp_malformed);
		return;
	}
	if (o->association)
		room = limiter_take(&o->association->punts, w->now_ns, SECOND_NS / ASSOCIATION_PUNT_RATE,
		        SECOND_NS / ASSOCIATION_PUNT_RATE * ASSOCIATION_PUNT_BURST);
	else
		room = take(of_source(w, p->punt_sources, &o->remote), w,
		        MAX(p->punt_rate / PLANE_SOURCE_SHARE, 1));
	if (!may_go_to_control(w, room))
		return;
	struct ipc_l2tp_control m = { .association = o->association ? o->association->node.key : 0,
		.local = o->local,
		.local_port = o->local_port,
		.remote = o->remote,
		.remote_port = o->remote_port,
		.packet = (uint8_t *)bytes,
		.packet_length = n };
	bool sent = send_frame(w, p->config->control, IPC_L2TP_CONTROL, &m);
	worker_count(w, sent ? STAT_punted_l2tp : STAT_punt_full);
}

void punt_ppp(struct worker *w, struct session *s, const uint8_t *frame, size_t n)
{
	if (n > L2TP_MAX) {
		worker_count(w, STAT_ppp_malformed);
		return;
	}
	bool room = limiter_take(&s->state->punts, w->now_ns, SECOND_NS / SESSION_PUNT_RATE,
	        SECOND_NS / SESSION_PUNT_RATE * SESSION_PUNT_BURST);
	if (!may_go_to_control(w, room))
		return;
	struct ipc_ppp_frame m = {
		.tunnel = s->tunnel, .session = s->session, .frame = (uint8_t *)frame, .frame_length = n
	};
	bool sent = send_frame(w, w->plane->config->control, IPC_PPP_FRAME, &m);
	worker_count(w, sent ? STAT_punted_ppp : STAT_punt_full);
}

void punt_ike(struct worker *w, const struct origin *o, const uint8_t *bytes, size_t n)
{
	struct plane *p = w->plane;
	struct plane_charon *charon = rcu_dereference(p->charon);
	if (!charon) {
		worker_count(w, STAT_ike_dropped);
		return;
	}
	if (!take(of_source(w, p->ike_sources, &o->remote), w, MAX(p->ike_rate / PLANE_SOURCE_SHARE, 1))) {
		worker_count(w, STAT_ike_limited_source);
		return;
	}
	if (!take(&p->ike, w, p->ike_rate)) {
		worker_count(w, STAT_ike_limited);
		return;
	}
	struct ipc_ike_packet m = { .local = o->local,
		.local_port = o->local_port,
		.remote = o->remote,
		.remote_port = o->remote_port,
		.packet = (uint8_t *)bytes,
		.packet_length = n };
	bool sent = send_frame(w, charon->fd, IPC_IKE_PACKET, &m);
	worker_count(w, sent ? STAT_ike_in : STAT_ike_dropped);
}
