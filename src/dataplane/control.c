/* SPDX-License-Identifier: ISC */
/* Messages from and to control: sessions, what it sends to peers, and what it wants to know. */
#include "dataplane/worker.h"

#include "net/ipc_packet.h"

#include <errno.h>
#include <string.h>
#include <urcu/pointer.h>

#define L2TP_PORT 1701

static void refuse(struct plane *p)
{
	worker_count(worker_of_main(p), STAT_control_refused);
}

void control_send(struct plane *p, enum ipc_number number, const void *body)
{
	if (!p->control || ipc_packet_send(p->control, number, body, NULL) < 0)
		worker_count(worker_of_main(p), STAT_events_lost);
}

void control_tell_association(struct plane *p, const struct association *a, bool up)
{
	struct ipc_association m = { .association = a->node.key,
		.up = up,
		.local_port = L2TP_PORT,
		.remote_port = L2TP_PORT,
		.ike = a->ike,
		.identity = a->identity,
		.eap_identity = a->eap_identity,
		.authentication = a->authentication };
	if (a->out) {
		m.local = a->out->path->local;
		m.remote = a->out->path->remote;
		m.overhead = association_overhead(a->out);
	}
	control_send(p, IPC_ASSOCIATION, &m);
}

void control_end_association(struct plane *p, struct association *a)
{
	control_tell_association(p, a, false);
	association_end(&p->associations, a);
}

static void on_hello(struct plane *p)
{
	struct ipc_hello hello = { .role = (char *)"dataplane", .name = (char *)"", .version = IPC_VERSION };
	struct ipc_associations_told told = { 0 };
	control_send(p, IPC_HELLO, &hello);
	const struct map *m = &p->associations.by_number;
	for (struct map_node *n = map_next(m, NULL); n; n = map_next(m, n), told.count++)
		control_tell_association(p, (const struct association *)n, true);
	control_send(p, IPC_ASSOCIATIONS_TOLD, &told);
}

/* In clear only where that is declared: the last of several who see to it. */
static bool may_be_clear(const struct plane *p, const struct ip_address *local)
{
	int address = path_find_address(p->config, local);
	return address >= 0 && p->config->addresses[address].trusted;
}

static void on_session(struct plane *p, const struct ipc_session *m)
{
	struct association *a = m->association ? association_find(&p->associations, m->association) : NULL;
	struct session *s;
	bool allowed = m->association ? a != NULL : may_be_clear(p, &m->local);
	if (allowed && session_set(&p->sessions, p->config, m, a, &s) == 0)
		return;
	struct ipc_session_end end = { .tunnel = m->tunnel, .session = m->session };
	refuse(p);
	control_send(p, IPC_SESSION_END, &end);
}

static void on_session_end(struct plane *p, const struct ipc_session_end *m)
{
	struct session *s = session_find(&p->sessions, m->tunnel, m->session);
	if (s)
		session_remove(&p->sessions, s);
}

static void on_l2tp_control(struct plane *p, const struct ipc_l2tp_control *m)
{
	struct worker *w = worker_of_main(p);
	struct association *a = m->association ? association_find(&p->associations, m->association) : NULL;
	struct sa *sa = a ? a->out : NULL;
	struct path *clear = NULL;
	if (!m->association && may_be_clear(p, &m->local))
		clear = path_new(p->config, DATAPLANE_L2TP, &m->local, L2TP_PORT, &m->remote, m->remote_port);
	if (!sa && !clear) {
		refuse(p);
		return;
	}
	uint8_t *room = send_room(w, sa, 0, m->packet_length);
	memcpy(room, m->packet, m->packet_length);
	send_l2tp(w, sa, sa ? sa->path : clear, m->local_port ? m->local_port : L2TP_PORT,
	        m->remote_port ? m->remote_port : L2TP_PORT, room, (uint32_t)m->packet_length);
	send_flush(w);
	free(clear);
}

static void on_ppp_frame(struct plane *p, const struct ipc_ppp_frame *m)
{
	struct worker *w = worker_of_main(p);
	struct session *s = session_find(&p->sessions, m->tunnel, m->session);
	struct sa *sa = s && s->association ? s->association->out : NULL;
	if (!s || m->frame_length < 2 || (s->association && !sa)) {
		refuse(p);
		return;
	}
	uint32_t n = (uint32_t)m->frame_length - 2;
	uint8_t *room = send_room(w, sa, send_data_front(s), n);
	memcpy(room, m->frame + 2, n);
	send_data(w, s, sa, room, n, (uint16_t)(m->frame[0] << 8 | m->frame[1]));
	send_flush(w);
}

static void on_association_end(struct plane *p, const struct ipc_association_end *m)
{
	struct association *a = association_find(&p->associations, m->association);
	struct ipc_ike_terminate end = { 0 };
	if (!a)
		return;
	end.ike = a->ike;
	/* charon ends the IKE_SA, and with it goes the association; nobody would for an orphan. */
	if (a->orphan || !charon_send(p, IPC_IKE_TERMINATE, &end))
		control_end_association(p, a);
}

static void on_count(struct plane *p, const struct ipc_count *m)
{
	struct ipc_session_count *counts = xcalloc(m->n_sessions + 1, sizeof(*counts));
	struct ipc_counted reply = { .request = m->request, .sessions = counts };
	for (size_t i = 0; i < m->n_sessions; i++) {
		const struct session *s =
		        session_find(&p->sessions, m->sessions[i].tunnel, m->sessions[i].session);
		if (s)
			session_count(&p->sessions, s, &counts[reply.n_sessions++]);
	}
	control_send(p, IPC_COUNTED, &reply);
	free(counts);
}

static void on_statistics(struct plane *p, const struct ipc_statistics *m)
{
	const struct ipc_statistic tables[] = {
		{ (char *)"sessions", p->sessions.by_key.count },
		{ (char *)"prefixes", p->sessions.by_prefix.count },
		{ (char *)"sas", table_count(p->sas.by_name) },
		{ (char *)"associations", p->associations.by_number.count },
		{ (char *)"workers", p->n_workers },
	};
	struct ipc_statistic values[STATISTICS_N + ARRAY_LENGTH(tables)];
	struct ipc_statistics reply = { .request = m->request, .values = values };
	for (; reply.n_values < STATISTICS_N; reply.n_values++) {
		struct ipc_statistic *v = &values[reply.n_values];
		v->name = (char *)statistic_name((enum statistic)reply.n_values);
		v->value = 0;
		for (unsigned i = 0; i <= p->n_workers; i++)
			v->value += __atomic_load_n(
			        &p->workers[i].stats.values[reply.n_values], __ATOMIC_RELAXED);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
		values[reply.n_values++] = tables[i];
	control_send(p, IPC_STATISTICS, &reply);
}

static void on_ike_initiate(struct plane *p, const struct ipc_ike_initiate *m)
{
	struct ipc_ike_failed failed = { .name = m->name, .reason = (char *)"the IKE daemon is not there" };
	if (!charon_send(p, IPC_IKE_INITIATE, m))
		control_send(p, IPC_IKE_FAILED, &failed);
}

static void on_message(struct ipc_packet *link, const struct ipc_message *m, void *user)
{
	struct plane *p = user;
	switch (m->number) {
	case IPC_HELLO:
		on_hello(p);
		break;
	case IPC_SESSION:
		on_session(p, m->body);
		break;
	case IPC_SESSION_END:
		on_session_end(p, m->body);
		break;
	case IPC_L2TP_CONTROL:
		on_l2tp_control(p, m->body);
		break;
	case IPC_PPP_FRAME:
		on_ppp_frame(p, m->body);
		break;
	case IPC_ASSOCIATION_END:
		on_association_end(p, m->body);
		break;
	case IPC_COUNT:
		on_count(p, m->body);
		break;
	case IPC_STATISTICS:
		on_statistics(p, m->body);
		break;
	case IPC_IKE_INITIATE:
		on_ike_initiate(p, m->body);
		break;
	default:
		refuse(p);
		break;
	}
}

static void on_close(struct ipc_packet *link, const char *reason, void *user)
{
	struct plane *p = user;
	event_base_loopbreak(p->base);
}

int control_open(struct plane *p, struct error *err)
{
	static const struct ipc_packet_handlers handlers = { .on_message = on_message, .on_close = on_close };
	p->control = ipc_packet_new(p->base, p->config->control, &handlers, p);
	return p->control ? 0 : error_set(err, -ENOMEM, "data plane: no event for control's socket");
}

void control_close(struct plane *p)
{
	p->control = ipc_packet_free(p->control);
}
