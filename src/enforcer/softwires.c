/* SPDX-License-Identifier: ISC */
#include "enforcer/softwires.h"
#include "base/log.h"
#include "base/table.h"
#include "enforcer/enforcer.h"
#include "enforcer/segments.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PLACES_MAX 256 /* in one message, ipc/messages.def */

/* A session, and what the concentrator was told of it. */
struct told {
	struct mac_address mac;
	uint8_t mark;
	bool listed; /* in the full list that is being read */
};

struct softwire {
	struct enforcer *enforcer;
	uint16_t link;
	const char *name; /* of the link */
	char *server;     /* "unix:PATH" */
	const char *servers[1];
	struct session *session;
	struct table *sessions; /* port -> told */
	bool lost_told;
};

struct softwires {
	size_t count;
	struct softwire items[];
};

/* ---- what it is told ---- */

static void send_places(struct softwire *s, struct ipc_sessions_placed *m)
{
	struct error err;
	if (m->n_places && session_is_open(s->session) &&
	        session_send(s->session, IPC_SESSIONS_PLACED, m, &err) < 0)
		log_warning("%s: %s", s->name, err.text);
	for (size_t i = 0; i < m->n_places; i++)
		free(m->places[i].port);
	m->n_places = 0;
}

static uint8_t mark_of(const struct enforcer *e, const char *port, const struct mac_address *mac)
{
	const struct attachment *at = attachments_find(e->attachments, port, mac);
	return at && at->n_addresses ? desired_segment_of(e->desired, &at->addresses[0].ip, clock_wall_ms())
	                             : 0;
}

static void tell(struct softwire *s)
{
	struct ipc_session_place places[PLACES_MAX];
	struct ipc_sessions_placed m = { .places = places };
	const struct ipc_segments *policy = desired_segments(s->enforcer->desired);
	if (!session_is_open(s->session))
		return;
	TABLE_FOREACH(it, s->sessions) {
		struct told *t = it.value;
		char *port = xstrndup(it.key, it.key_length);
		uint8_t mark = mark_of(s->enforcer, port, &t->mac);
		const struct ipc_segment *segment = segments_by_mark(policy, mark);
		if (mark == t->mark || !segment) {
			free(port);
			continue;
		}
		t->mark = mark;
		places[m.n_places++] = (struct ipc_session_place){ port, segment->name };
		if (m.n_places == PLACES_MAX)
			send_places(s, &m);
	}
	send_places(s, &m);
}

void softwires_tell(struct softwires *s)
{
	for (size_t i = 0; s && i < s->count; i++)
		tell(&s->items[i]);
}

/* ---- what it says ---- */

static void forget(struct softwire *s, const char *port)
{
	free(table_remove_string(s->sessions, port));
	attachments_port_gone(s->enforcer->attachments, s->link, port, clock_monotonic_ms());
}

static void take_session(struct softwire *s, const struct ipc_softwire_session *m)
{
	struct ip_prefix prefixes[32];
	struct attachment_session session = { .port = m->port,
		.machine = m->machine,
		.user = m->user,
		.segment = m->segment,
		.mac = m->mac,
		.prefixes = prefixes,
		.n_prefixes = MIN(m->n_prefixes, ARRAY_LENGTH(prefixes)) };
	struct error err;
	struct told *t = table_get_string(s->sessions, m->port);
	for (size_t i = 0; i < session.n_prefixes; i++)
		prefixes[i] = m->prefixes[i].prefix;
	if (!m->present) {
		forget(s, m->port);
		return;
	}
	if (t && memcmp(&t->mac, &m->mac, sizeof(m->mac)) != 0) {
		forget(s, m->port);
		t = NULL;
	}
	if (attachments_session(s->enforcer->attachments, s->link, &session, clock_monotonic_ms(), &err) <
	        0) {
		log_warning("%s: %s", s->name, err.text);
		enforcer_tell(s->enforcer, "address-contested", err.text, m->port, &m->mac);
	}
	if (!t) {
		t = xcalloc(1, sizeof(*t));
		t->mac = m->mac;
		table_set_string(s->sessions, m->port, t);
	}
	t->listed = true;
}

struct known {
	const struct softwire *softwire;
	char (*ports)[IFNAMSIZ];
	size_t count, capacity;
};

/* Also what an earlier run of the enforcer had left. */
static void collect_unlisted(void *context, const struct attachment *at)
{
	struct known *k = context;
	const struct told *t = table_get_string(k->softwire->sessions, at->port);
	if (at->link != k->softwire->link || (t && t->listed))
		return;
	ARRAY_RESERVE_ONE(k->ports, k->count, k->capacity);
	memcpy(k->ports[k->count++], at->port, IFNAMSIZ);
}

static void end_list(struct softwire *s)
{
	struct known k = { .softwire = s };
	attachments_each(s->enforcer->attachments, collect_unlisted, &k);
	for (size_t i = 0; i < k.count; i++)
		forget(s, k.ports[i]);
	free(k.ports);
	TABLE_FOREACH(it, s->sessions)
		((struct told *)it.value)->listed = false;
}

static int take_message(void *context, const struct ipc_message *message, struct error *err)
{
	struct softwire *s = context;
	const struct ipc_sessions *m = message->body;
	if (message->number != IPC_SESSIONS)
		return error_set(err, -EPROTO, "a concentrator does not send %s", ipc_name(message->number));
	for (size_t i = 0; i < m->n_sessions; i++) {
		if (!element_port_valid(m->sessions[i].port))
			return error_set(
			        err, -EPROTO, "\"%s\" is not the name of a session", m->sessions[i].port);
		take_session(s, &m->sessions[i]);
	}
	if (m->full && !m->more)
		end_list(s);
	enforcer_settle(s->enforcer);
	tell(s);
	return 0;
}

static void greet(void *context, const char *peer)
{
	struct softwire *s = context;
	log_notice("%s: connected to the concentrator at %s", s->name, peer);
	s->lost_told = false;
	TABLE_FOREACH(it, s->sessions)
		*(struct told *)it.value = (struct told){ .mac = ((struct told *)it.value)->mac };
}

static void lost(void *context, const char *reason)
{
	struct softwire *s = context;
	if (!s->lost_told)
		log_warning(
		        "%s: no connection to its concentrator: %s; trying again and again", s->name, reason);
	s->lost_told = true;
}

/* ---- beginning and end ---- */

static int open_one(struct softwire *s, struct enforcer *e, size_t i, uint16_t link, struct error *err)
{
	*s = (struct softwire){ .enforcer = e,
		.link = link,
		.name = e->links.items[link].name,
		.server = xasprintf("unix:%s", options_softwire_socket(e->options, i)),
		.sessions = table_new() };
	s->servers[0] = s->server;
	const struct session_config c = { .servers = s->servers,
		.n_servers = 1,
		.on_open = greet,
		.on_message = take_message,
		.on_close = lost,
		.context = s };
	return session_new(e->base, &c, &s->session, err);
}

int softwires_new(struct enforcer *e, struct softwires **ret, struct error *err)
{
	struct softwires *s = xcalloc(1, sizeof(*s) + e->options->softwires.count * sizeof(struct softwire));
	int r = 0;
	for (uint16_t link = 0; link < e->links.count && r == 0; link++)
		if (e->links.items[link].kind == LINK_SOFTWIRE) {
			r = open_one(&s->items[s->count], e, s->count, link, err);
			s->count++;
		}
	if (r < 0) {
		softwires_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct softwires *softwires_free(struct softwires *s)
{
	for (size_t i = 0; s && i < s->count; i++) {
		session_free(s->items[i].session);
		table_free(s->items[i].sessions, free);
		free(s->items[i].server);
	}
	free(s);
	return NULL;
}
