/* SPDX-License-Identifier: ISC */
#include "softwire/enforcer_link.h"

#include "net/ipc_stream.h"
#include "net/listener.h"
#include "softwire/concentrator.h"

#include <string.h>

#define BATCH 256 /* sessions in a message */
#define CONNECTIONS_MAX 4
#define SEGMENTS_MAX 256 /* names that are kept */
#define SOCKET_MODE 0600

struct follower {
	struct enforcer_link *link;
	struct ipc_stream *stream;
	LIST_ENTRY(follower) next;
};

struct enforcer_link {
	struct control *control;
	struct listener *listener;
	LIST_HEAD(, follower) followers;
};

const char *enforcer_link_intern(struct table *names, const char *name)
{
	char *kept = name && *name ? table_get_string(names, name) : NULL;
	if (!kept && name && *name && table_count(names) < SEGMENTS_MAX) {
		kept = xstrdup(name);
		table_set_string(names, name, kept);
	}
	return kept;
}

/* ---- what it is told ---- */

static size_t describe(const struct session *s, bool present, struct ipc_softwire_session *ret,
        struct ipc_inner_prefix prefixes[ASSIGNMENT_PREFIXES_MAX + 1])
{
	const struct assignment *a = &s->assignment;
	*ret = (struct ipc_softwire_session){ .port = (char *)(uintptr_t)s->port,
		.mac = s->mac,
		.machine = s->machine,
		.user = s->user,
		.prefixes = prefixes,
		.present = present,
		.segment = s->wanted_segment };
	if (a->ipv4)
		prefixes[ret->n_prefixes++].prefix = (struct ip_prefix){ a->ipv4_address, 128 };
	for (size_t i = 0; i < assignment_count(a); i++)
		prefixes[ret->n_prefixes++].prefix = a->prefixes[i];
	return ret->n_prefixes;
}

static void send_list(struct follower *f, const struct ipc_sessions *m)
{
	struct error err;
	if (ipc_stream_send(f->stream, IPC_SESSIONS, m, &err) < 0)
		log_warning("to the enforcer: %s", err.text);
}

/* All of them, in as many messages as it takes; the last one says so. */
static void send_all(struct follower *f)
{
	struct ipc_softwire_session *list = xcalloc(BATCH, sizeof(*list));
	struct ipc_inner_prefix(*prefixes)[ASSIGNMENT_PREFIXES_MAX + 1] = xcalloc(BATCH, sizeof(*prefixes));
	struct ipc_sessions m = { .full = true, .more = true, .sessions = list };
	struct session *s;
	LIST_FOREACH(s, &f->link->control->sessions, all) {
		if (s->state != SESSION_OPEN || !(s->ipv4 || s->ipv6))
			continue;
		if (m.n_sessions == BATCH) {
			send_list(f, &m);
			m.n_sessions = 0;
		}
		describe(s, true, &list[m.n_sessions], prefixes[m.n_sessions]);
		m.n_sessions++;
	}
	m.more = false;
	send_list(f, &m);
	free(list);
	free(prefixes);
}

void enforcer_link_tell(struct enforcer_link *l, struct session *s, bool present)
{
	struct ipc_softwire_session one;
	struct ipc_inner_prefix prefixes[ASSIGNMENT_PREFIXES_MAX + 1];
	struct ipc_sessions m = { .sessions = &one, .n_sessions = 1 };
	struct follower *f;
	if (!l)
		return;
	describe(s, present, &one, prefixes);
	LIST_FOREACH(f, &l->followers, next)
		send_list(f, &m);
}

bool enforcer_link_is_up(const struct enforcer_link *l)
{
	return l && !LIST_EMPTY(&l->followers);
}

/* ---- what it says ---- */

static void on_message(struct ipc_stream *stream, const struct ipc_message *m, void *user)
{
	struct follower *f = user;
	struct concentrator *x = f->link->control->concentrator;
	const struct ipc_sessions_placed *p = m->body;
	if (m->number != IPC_SESSIONS_PLACED) {
		ipc_stream_close(stream, "not a message of an enforcer");
		return;
	}
	for (size_t i = 0; i < p->n_places; i++) {
		struct session *s = table_get_string(x->ports, p->places[i].port);
		const char *segment = enforcer_link_intern(x->segments, p->places[i].segment);
		if (!s || s->segment == segment)
			continue;
		s->segment = segment;
		events_note(f->link->control->events, LOG_LEVEL_NOTICE, "placed", "%s is in segment %s now",
		        s->port, segment ? segment : "-");
	}
}

static void on_close(struct ipc_stream *stream, const char *reason, void *user)
{
	struct follower *f = user;
	LIST_REMOVE(f, next);
	log_warning("the enforcer is gone: %s", reason);
	free(f);
}

static const struct ipc_handlers handlers = { .on_message = on_message, .on_close = on_close };

static void on_stream(struct stream *stream, const struct identity *peer, void *user)
{
	struct enforcer_link *l = user;
	uid_t uid;
	if (stream_peer_user(stream, &uid, NULL) < 0 || !ipc_user_allowed(uid, (uid_t)-1)) {
		stream_close(stream, "this user may not see the sessions");
		return;
	}
	struct follower *f = xcalloc(1, sizeof(*f));
	f->link = l;
	f->stream = ipc_stream_over(stream, &IPC_STREAM_LIMITS_DEFAULT, &handlers, f);
	LIST_INSERT_HEAD(&l->followers, f, next);
	log_info("the enforcer follows the sessions");
	send_all(f);
}

int enforcer_link_new(struct control *c, struct enforcer_link **ret, struct error *err)
{
	struct enforcer_link *l;
	if (!*c->o->enforcer_socket)
		return 0;
	l = xcalloc(1, sizeof(*l));
	l->control = c;
	LIST_INIT(&l->followers);
	const struct listener_config config = { .path = c->o->enforcer_socket,
		.mode = SOCKET_MODE,
		.connections_max = CONNECTIONS_MAX,
		.handshakes_max = CONNECTIONS_MAX,
		.limits = STREAM_LIMITS_DEFAULT,
		.on_stream = on_stream,
		.user = l };
	int r = listener_new(c->base, &config, &l->listener, err);
	if (r < 0) {
		free(l);
		return r;
	}
	*ret = l;
	return 0;
}

struct enforcer_link *enforcer_link_free(struct enforcer_link *l)
{
	struct follower *f;
	if (!l)
		return NULL;
	while ((f = LIST_FIRST(&l->followers))) {
		LIST_REMOVE(f, next);
		ipc_stream_free(f->stream);
		free(f);
	}
	listener_free(l->listener);
	free(l);
	return NULL;
}
