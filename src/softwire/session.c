/* SPDX-License-Identifier: ISC */
#include "softwire/session.h"

#include <stdio.h>
#include <string.h>

#define PPP_IPV6 0x0057

struct session *session_new(struct control *c, const struct l2tp_path *path, const struct l2tp_call *call)
{
	struct session *s = xcalloc(1, sizeof(*s));
	s->control = c;
	s->serial = ++c->last_serial;
	s->tunnel = call->tunnel;
	s->session = call->session;
	s->peer_tunnel = call->peer_tunnel;
	s->peer_session = call->peer_session;
	s->sequencing = call->sequencing_required;
	s->path = *path;
	s->mtu = control_inner_mtu(c, control_association(c, path->association), &path->remote);
	LIST_INSERT_HEAD(&c->sessions, s, all);
	c->n_sessions++;
	session_index(s);
	return s;
}

struct session *session_free(struct session *s)
{
	if (!s)
		return NULL;
	struct control *c = s->control;
	session_unindex(s);
	timer_set(&c->timers, &s->timer, TIMER_NEVER);
	LIST_REMOVE(s, all);
	c->n_sessions--;
	ppp_link_free(s->link);
	assignment_clear(&s->assignment);
	free(s->profile);
	free(s->machine);
	free(s->user);
	free(s->asked_user);
	free(s->wanted_segment);
	free(s->end_text);
	free(s);
	return NULL;
}

void session_index(struct session *s)
{
	struct session **list = &s->control->by_tunnel[s->tunnel];
	s->next_in_tunnel = *list;
	*list = s;
	s->is_indexed = true;
}

void session_unindex(struct session *s)
{
	if (!s->is_indexed)
		return;
	for (struct session **p = &s->control->by_tunnel[s->tunnel]; *p; p = &(*p)->next_in_tunnel)
		if (*p == s) {
			*p = s->next_in_tunnel;
			break;
		}
	s->is_indexed = false;
}

struct session *session_find(struct control *c, uint16_t tunnel, uint16_t session)
{
	for (struct session *s = c->by_tunnel[tunnel]; s; s = s->next_in_tunnel)
		if (s->session == session)
			return s;
	return NULL;
}

void session_tell_plane(struct session *s)
{
	static const struct ip_address any4 = { { [10] = 255, [11] = 255 } };
	const struct assignment *a = &s->assignment;
	struct ipc_inner_prefix prefixes[ASSIGNMENT_PREFIXES_MAX + 1];
	struct ipc_session m = { .tunnel = s->tunnel,
		.session = s->session,
		.peer_tunnel = s->peer_tunnel,
		.peer_session = s->peer_session,
		.association = s->path.association,
		.local = s->path.local,
		.local_port = s->path.local_port,
		.remote = s->path.remote,
		.remote_port = s->path.remote_port,
		.prefixes = prefixes,
		.mtu = MIN(s->mtu, s->link ? ppp_mtu(s->link) : s->mtu),
		.ipv4 = s->ipv4,
		.ipv6 = s->ipv6,
		.sequencing = s->sequencing,
		.rate_in = s->rate_in,
		.rate_out = s->rate_out };
	if (s->control->o->role == SOFTWIRE_INITIATOR) {
		prefixes[m.n_prefixes++].prefix = (struct ip_prefix){ { { 0 } }, 0 };
		prefixes[m.n_prefixes++].prefix = (struct ip_prefix){ any4, 96 };
	} else {
		if (a->ipv4)
			prefixes[m.n_prefixes++].prefix = (struct ip_prefix){ a->ipv4_address, 128 };
		for (size_t i = 0; i < assignment_count(a); i++)
			prefixes[m.n_prefixes++].prefix = a->prefixes[i];
	}
	control_send_plane(s->control, IPC_SESSION, &m);
}

void session_end_plane(struct session *s)
{
	const struct ipc_session_end m = { s->tunnel, s->session };
	control_send_plane(s->control, IPC_SESSION_END, &m);
}

static void send_frame(struct session *s, const uint8_t *frame, size_t length)
{
	const struct ipc_ppp_frame m = { s->tunnel, s->session, (uint8_t *)(uintptr_t)frame, length };
	(void)ipc_packet_offer(s->control->plane, IPC_PPP_FRAME, &m, NULL);
}

void session_ppp_send(void *context, const uint8_t *frame, size_t length)
{
	send_frame(context, frame, length);
}

void session_ppp_random(void *context, void *bytes, size_t length)
{
	control_random(bytes, length);
}

void session_send_ipv6(struct session *s, const struct ip6_output *out)
{
	uint8_t frame[2 + IP6_LINK_PACKET_MAX] = { PPP_IPV6 >> 8, PPP_IPV6 & 0xff };
	if (out->length == 0)
		return;
	memcpy(frame + 2, out->bytes, out->length);
	send_frame(s, frame, out->length + 2);
}

void session_receive(struct session *s, const uint8_t *frame, size_t length, time_ms now)
{
	struct control *c = s->control;
	if (s->state >= SESSION_ENDING)
		return;
	(void)l2tp_tunnel_heard(c->l2tp, s->tunnel, now);
	if (length >= 2 && frame[0] == PPP_IPV6 >> 8 && frame[1] == (PPP_IPV6 & 0xff)) {
		if (s->ipv6)
			c->role->ipv6(s, frame + 2, length - 2, now);
	} else {
		ppp_receive(s->link, frame, length, now);
	}
	c->role->session_run(s, now);
}

const char *session_text(const struct session *s, char text[SESSION_TEXT_SIZE])
{
	char from[IP_TEXT_SIZE];
	snprintf(text, SESSION_TEXT_SIZE, "%s%suser %.100s, machine %.180s, from %s%s", s->port,
	        *s->port ? " (" : "", s->user && *s->user ? s->user : "-",
	        s->machine && *s->machine ? s->machine : "-", ip_format(&s->path.remote, from),
	        *s->port ? ")" : "");
	return text;
}
