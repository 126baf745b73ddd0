/* SPDX-License-Identifier: ISC */
/*
 * Enforcers: one connection each, by the name in its certificate. On connecting it is told everything: the
 * policy's segments, then all placements of its attachments; afterwards the differences. What it reports of
 * its attachments is believed for its own ports only: the enforcement point of a message is always the
 * sender.
 */
#include "server/enforcer_link.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ENFORCER_FRAME_MAX (4u << 20)
#define ENFORCER_WRITE_MAX (64u << 20)
#define ENFORCER_BATCH_MAX 4096 /* placements in one PLACE, as in messages.def */
#define ENFORCER_EVENTS_PER_SECOND 64

struct enforcer_link *enforcer_find(struct server *s, const char *name)
{
	struct enforcer_link *l;
	LIST_FOREACH(l, &s->enforcers, entry)
		if (l->greeted && strcmp(l->name, name) == 0)
			return l;
	return NULL;
}

bool enforcer_is_connected(struct server *s, const char *name)
{
	return enforcer_find(s, name) != NULL;
}

int enforcer_send(struct enforcer_link *l, enum ipc_number number, const void *body)
{
	struct error err = { "" };
	int code = ipc_stream_send(l->stream, number, body, &err);
	if (code < 0)
		log_error("enforcer %s: %s", l->name, err.text);
	return code;
}

/* Says why it is not served, so that it does not come again at once, and ends the connection. */
static void refuse(struct enforcer_link *l, const char *reason)
{
	log_notice("enforcer %s at %s is refused: %s", l->name,
	        stream_peer_text(ipc_stream_stream(l->stream)), reason);
	(void)enforcer_send(l, IPC_DISMISSED, &(struct ipc_dismissed){ .reason = (char *)(uintptr_t)reason });
	l->dismissed = true;
	ipc_stream_close(l->stream, reason);
}

/* ---- placements ---- */

static void fill_placement(
        struct server *s, const struct site_attachment *a, time_ms now, struct ipc_placement *p)
{
	*p = (struct ipc_placement){ .port = a->port,
		.mac = a->mac,
		.mark = site_segment(s->site, &a->handed, now)->mark,
		.expires_ms = a->handed.expires,
		.generation = a->handed.generation };
}

/* One PLACE of what is in list; the number that it goes under is above all earlier ones. */
static void send_batch(struct enforcer_link *l, struct ipc_placement *list, size_t n, bool full, bool more)
{
	struct error err = { "" };
	struct ipc_place message = { .generation = store_next_generation(l->server->store, &err),
		.full = full,
		.more = more,
		.n_placements = n,
		.placements = list };
	if (!message.generation) { /* a number that was given before would be ignored; a new connection starts
		                      over */
		log_error("enforcer %s: %s", l->name, err.text);
		ipc_stream_close(l->stream, "the store is failing");
		return;
	}
	l->sent = message.generation;
	l->server->site->counters.placements_sent += n;
	(void)enforcer_send(l, IPC_PLACE, &message);
}

/* All that is placed and not where everything is that is placed nowhere. */
static void send_everything(struct enforcer_link *l)
{
	struct server *s = l->server;
	const time_ms now = clock_wall_ms();
	struct ipc_placement *list = xcalloc(ENFORCER_BATCH_MAX, sizeof(*list));
	size_t n = 0;
	TABLE_FOREACH(it, s->site->attachments) {
		const struct site_attachment *a = it.value;
		if (strcmp(a->enforcement_point, l->name) != 0 ||
		        site_segment(s->site, &a->handed, now) == site_floor(s->site))
			continue;
		if (n == ENFORCER_BATCH_MAX) {
			send_batch(l, list, n, true, true);
			n = 0;
		}
		fill_placement(s, a, now, &list[n++]);
	}
	send_batch(l, list, n, true, false);
	free(list);
}

/* A demotion reaches its enforcement point before it is on the disk: until what a start wants judged was
 * judged, the enforcement point may know better than the store does, and keeps what it has. */
static bool must_wait(const struct server *s)
{
	return s->site->start_waits && clock_monotonic_ms() - s->started_monotonic < SERVER_START_HOLD_MS;
}

static void tell_everything(struct enforcer_link *l)
{
	l->owed = must_wait(l->server);
	if (!l->owed)
		send_everything(l);
}

void enforcer_send_owed(struct server *s)
{
	struct enforcer_link *l;
	if (must_wait(s))
		return;
	LIST_FOREACH(l, &s->enforcers, entry)
		if (l->greeted && l->owed)
			tell_everything(l);
}

void enforcer_place(struct server *s, struct site_attachment *a)
{
	struct enforcer_link *l = enforcer_find(s, a->enforcement_point);
	if (!l)
		return; /* it is told when it connects */
	ARRAY_RESERVE_ONE(l->queued, l->n_queued, l->queued_capacity);
	struct ipc_placement *p = &l->queued[l->n_queued++];
	fill_placement(s, a, clock_wall_ms(), p);
	p->port = xstrdup(p->port); /* the attachment may be forgotten before the turn ends */
	turn_wants_flush(s);
}

static void clear_queue(struct enforcer_link *l)
{
	for (size_t i = 0; i < l->n_queued; i++)
		free(l->queued[i].port);
	l->n_queued = 0;
}

static void flush(struct enforcer_link *l)
{
	for (size_t done = 0; done < l->n_queued;) {
		size_t n = MIN(l->n_queued - done, (size_t)ENFORCER_BATCH_MAX);
		send_batch(l, l->queued + done, n, false, false);
		done += n;
	}
	clear_queue(l);
}

void enforcer_flush(struct server *s)
{
	struct enforcer_link *l;
	LIST_FOREACH(l, &s->enforcers, entry)
		flush(l);
}

/* ---- segments ---- */

static void fill_rule(const struct policy_rule *r, struct ipc_rule *ret)
{
	*ret = (struct ipc_rule){ .direction = (uint8_t)r->direction,
		.peer = (uint8_t)r->peer,
		.peer_mark = r->peer_mark,
		.protocol = r->protocol,
		.n_prefixes = r->n_prefixes,
		.n_ports = r->n_ports };
	ret->prefixes = xcalloc(r->n_prefixes + 1, sizeof(*ret->prefixes));
	for (size_t i = 0; i < r->n_prefixes; i++)
		ret->prefixes[i].prefix = r->prefixes[i];
	ret->ports = xcalloc(r->n_ports + 1, sizeof(*ret->ports));
	for (size_t i = 0; i < r->n_ports; i++)
		ret->ports[i] = (struct ipc_port_range){ r->ports[i].first, r->ports[i].last };
}

static void fill_segment(const struct policy_segment *p, bool is_default, struct ipc_segment *ret)
{
	*ret = (struct ipc_segment){ .name = xstrdup(p->name),
		.mark = p->mark,
		.is_default = is_default,
		.log = p->log,
		.log_new = p->log_new,
		.rate_up = (uint64_t)p->rate_up,
		.rate_down = (uint64_t)p->rate_down,
		.route = xstrdup(p->route),
		.n_next_hops = p->n_next_hops,
		.grace_ms = (uint64_t)p->grace_ms,
		.n_rules = p->n_rules };
	ret->next_hops = xcalloc(p->n_next_hops + 1, sizeof(*ret->next_hops));
	for (size_t i = 0; i < p->n_next_hops; i++)
		ret->next_hops[i].ip = p->next_hops[i];
	ret->rules = xcalloc(p->n_rules + 1, sizeof(*ret->rules));
	for (size_t i = 0; i < p->n_rules; i++)
		fill_rule(&p->rules[i], &ret->rules[i]);
}

static void send_policy(struct enforcer_link *l)
{
	const struct policy *policy = l->server->site->policy;
	size_t n;
	const struct policy_segment *segments = policy_segments(policy, &n);
	const struct policy_segment *floor = site_floor(l->server->site);
	struct ipc_segments message = { .policy_fingerprint = policy_fingerprint(policy),
		.n_segments = n,
		.is_watched = !floor->is_default };
	message.segments = xcalloc(n + 1, sizeof(*message.segments));
	for (size_t i = 0; i < n; i++)
		fill_segment(&segments[i], &segments[i] == floor, &message.segments[i]);
	(void)enforcer_send(l, IPC_SEGMENTS, &message);
	ipc_body_clear(IPC_SEGMENTS, &message);
}

static void send_floor(struct enforcer_link *l)
{
	struct site *site = l->server->site;
	(void)enforcer_send(l, IPC_FLOOR,
	        &(struct ipc_floor){ .policy_fingerprint = policy_fingerprint(site->policy),
	                .advisory_generation = site->index ? vuln_index_generation(site->index) : 0,
	                .sent_ms = clock_wall_ms() });
}

void enforcer_send_floor(struct server *s)
{
	struct enforcer_link *l;
	LIST_FOREACH(l, &s->enforcers, entry)
		if (l->greeted)
			send_floor(l);
}

static bool is_declared(const struct policy *policy, const char *name)
{
	const char *const *names = policy_enforcement_points(policy);
	if (!names || !*names)
		return true;
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* The policy names it no more: what it has placed goes to the default segment, and it is sent away. */
static void dismiss(struct enforcer_link *l)
{
	clear_queue(l);
	send_batch(l, NULL, 0, true, false);
	refuse(l, "the policy declares no enforcement point of this name");
}

void enforcer_send_policy(struct server *s)
{
	struct enforcer_link *l;
	LIST_FOREACH(l, &s->enforcers, entry) {
		if (!l->greeted)
			continue;
		if (!is_declared(s->site->policy, l->name)) {
			dismiss(l);
			continue;
		}
		send_policy(l);
		tell_everything(l);
		send_floor(l);
	}
}

/* ---- what an enforcer says ---- */

static void take_session(
        struct site *site, struct site_attachment *a, const struct ipc_attachment *m, time_ms now)
{
	struct ip_prefix prefixes[STORE_ADDRESSES_MAX];
	size_t n = MIN(m->n_prefixes, ARRAY_LENGTH(prefixes));
	for (size_t i = 0; i < n; i++)
		prefixes[i] = m->prefixes[i].prefix;
	site_set_session(
	        site, a, &(struct site_session){ m->machine, m->user, m->segment, prefixes, n }, now);
}

struct site_attachment *enforcer_take_attachment(struct enforcer_link *l, const struct ipc_attachment *m)
{
	struct site *site = l->server->site;
	const time_ms now = clock_wall_ms();
	struct site_attachment *a = site_find_attachment(site, l->name, m->port, &m->mac);
	bool was_present = a && a->present;
	if (!a && !m->present)
		return NULL;
	if (!a)
		a = site_see_attachment(site, l->name, m->port, &m->mac, now);
	if (!a)
		return NULL;
	struct ip_address addresses[STORE_ADDRESSES_MAX];
	size_t n = MIN(m->n_addresses, (size_t)STORE_ADDRESSES_MAX);
	for (size_t i = 0; i < n; i++)
		addresses[i] = m->addresses[i].ip;
	site_set_addresses(a, addresses, n);
	if (m->n_prefixes || (m->machine && *m->machine))
		take_session(site, a, m, now);
	a->contested = m->contested;
	site_set_present(site, a, m->present, now);
	if (a->present != was_present && !a->node)
		site_note(site, now, "attachment", NULL, a,
		        m->present ? "it appeared, and nobody is known to be there yet" : "it is gone");
	site_save_attachment(site, a);
	return a;
}

static void begin_list(struct enforcer_link *l)
{
	TABLE_FOREACH(it, l->server->site->attachments) {
		struct site_attachment *a = it.value;
		if (strcmp(a->enforcement_point, l->name) == 0)
			a->listed = false;
	}
}

static void end_list(struct enforcer_link *l)
{
	struct site *site = l->server->site;
	const time_ms now = clock_wall_ms();
	TABLE_FOREACH(it, site->attachments) {
		struct site_attachment *a = it.value;
		if (a->listed || !a->present || strcmp(a->enforcement_point, l->name) != 0)
			continue;
		site_set_present(site, a, false, now);
		site_save_attachment(site, a);
	}
}

static void take_attachments(struct enforcer_link *l, const struct ipc_attachments *m)
{
	/* Those of its own that a whole list, in however many messages, does not name are gone. */
	if (m->full && !l->listing)
		begin_list(l);
	l->listing = l->listing || m->full;
	for (size_t i = 0; i < m->n_attachments; i++) {
		struct site_attachment *a = enforcer_take_attachment(l, &m->attachments[i]);
		if (a)
			a->listed = true;
	}
	if (m->full && !m->more) {
		l->listing = false;
		end_list(l);
	}
}

static void take_applied(struct enforcer_link *l, const struct ipc_applied *m)
{
	struct site *site = l->server->site;
	l->acknowledged = MAX(l->acknowledged, MIN(m->generation, l->sent));
	l->latencies[l->n_latencies++ % SERVER_LATENCY_SAMPLES] = m->latency_us;
	l->elements = m->elements;
	for (size_t i = 0; i < m->n_refusals; i++) {
		const struct ipc_refusal *r = &m->refusals[i];
		struct site_attachment *a = site_find_attachment(site, l->name, r->port, &r->mac);
		site->counters.placements_refused++;
		site_note(site, clock_wall_ms(), "placement-refused", a ? a->node : NULL, a,
		        "%s: port %s: %s", l->name, r->port, r->reason);
	}
	applied_check(l);
}

static void take_event(struct enforcer_link *l, const struct ipc_event *m)
{
	const time_ms now = clock_wall_ms();
	if (now / 1000 != l->events_second) {
		l->events_second = now / 1000;
		l->events_now = 0;
	}
	if (++l->events_now > ENFORCER_EVENTS_PER_SECOND) {
		l->events_dropped++;
		return;
	}
	struct site_attachment *a = site_find_attachment(l->server->site, l->name, m->port, &m->mac);
	site_note(l->server->site, now, m->kind, a ? a->node : NULL, a, "%s: %s", l->name, m->text);
}

static void clear_values(struct enforcer_link *l)
{
	for (size_t i = 0; i < l->n_values; i++)
		free(l->values[i].name);
	free(l->values);
	l->values = NULL;
	l->n_values = 0;
}

static void take_counters(struct enforcer_link *l, const struct ipc_counters *m)
{
	free(l->counters);
	clear_values(l);
	l->counters = xmemdup(m->segments, m->n_segments * sizeof(*m->segments));
	l->n_counters = m->n_segments;
	l->values = xcalloc(m->n_values + 1, sizeof(*l->values));
	for (size_t i = 0; i < m->n_values; i++)
		l->values[l->n_values++] =
		        (struct ipc_statistic){ xstrdup(m->values[i].name), m->values[i].value };
}

static void link_free(struct enforcer_link *l)
{
	LIST_REMOVE(l, entry);
	applied_abandon(l);
	ipc_stream_free(l->stream);
	clear_queue(l);
	free(l->queued);
	free(l->counters);
	clear_values(l);
	free(l);
}

/* Another one has the name. It goes on while it is heard of: two would take the name from each other for
 * ever, and each believe the other's attachments to be gone. What is the same process, or not heard of any
 * more, has lost its connection and does not know yet. */
static bool gives_way(struct enforcer_link *old, struct enforcer_link *l)
{
	struct site *site = l->server->site;
	const time_ms now = clock_wall_ms();
	if (old->life == l->life || now - old->heard > ENFORCER_SILENCE_MS || now < old->heard) {
		log_notice("enforcer %s connects again: its old connection ends", l->name);
		link_free(old);
		return true;
	}
	site->counters.enforcers_refused++;
	if (now - old->contested > ENFORCER_SILENCE_MS * 4) {
		site_note(site, now, "enforcer-contested", NULL, NULL,
		        "%s: another enforcer of this name connects from %s, while %s is connected: it is "
		        "refused",
		        l->name, stream_peer_text(ipc_stream_stream(l->stream)),
		        stream_peer_text(ipc_stream_stream(old->stream)));
		old->contested = now;
	}
	return false;
}

static int take_hello(struct enforcer_link *l, const struct ipc_hello *m)
{
	struct site *site = l->server->site;
	if (m->version != IPC_VERSION || strcmp(m->role, "enforcer") != 0 || strcmp(m->name, l->name) != 0) {
		log_error("enforcer %s: says that it is %s %s with protocol version %u", l->name, m->role,
		        m->name, m->version);
		return -EPROTO;
	}
	if (!is_declared(site->policy, l->name)) {
		site->counters.connections_refused_role++;
		refuse(l, "the policy declares no enforcement point of this name");
		return 0;
	}
	l->life = m->generation;
	struct enforcer_link *old = enforcer_find(l->server, l->name);
	if (old && !gives_way(old, l)) {
		refuse(l,
		        "an enforcer of this name is connected already: give each gateway a name of its own");
		return 0;
	}
	l->greeted = true;
	site_note(site, l->connected, "enforcer", NULL, NULL, "%s is connected", l->name);
	send_policy(l);
	tell_everything(l);
	send_floor(l);
	place_join(l);
	return 0;
}

static int take_message(struct enforcer_link *l, const struct ipc_message *m)
{
	if (!l->greeted && m->number != IPC_HELLO)
		return l->dismissed ? 0 : -EPROTO;
	l->heard = clock_wall_ms();
	switch (m->number) {
	case IPC_HELLO:
		return l->greeted ? -EPROTO : take_hello(l, m->body);
	case IPC_ATTACHMENTS:
		take_attachments(l, m->body);
		return 0;
	case IPC_APPLIED:
		take_applied(l, m->body);
		return 0;
	case IPC_IDENTITY:
		place_take_identity(l, m->body);
		return 0;
	case IPC_COUNTERS:
		take_counters(l, m->body);
		return 0;
	case IPC_EVENT:
		take_event(l, m->body);
		return 0;
	default:
		return -EPROTO;
	}
}

static void on_message(struct ipc_stream *stream, const struct ipc_message *m, void *context)
{
	if (take_message(context, m) < 0)
		ipc_stream_close(stream, "it does not speak the enforcer protocol as it must");
}

static void on_close(struct ipc_stream *stream, const char *reason, void *context)
{
	struct enforcer_link *l = context;
	log_notice("enforcer %s: %s", l->name, reason);
	if (l->greeted)
		site_note(l->server->site, clock_wall_ms(), "enforcer", NULL, NULL, "%s is disconnected: %s",
		        l->name, reason);
	l->stream = NULL;
	link_free(l);
}

static const struct ipc_handlers handlers = { .on_message = on_message, .on_close = on_close };

/* ---- the door ---- */

void enforcer_accept(struct stream *stream, const struct identity *peer, void *context)
{
	struct server *s = context;
	struct enforcer_link *l = xcalloc(1, sizeof(*l));
	const struct ipc_limits limits = { ENFORCER_FRAME_MAX, ENFORCER_WRITE_MAX, 0 };
	l->server = s;
	snprintf(l->name, sizeof(l->name), "%s", peer->name);
	l->connected = clock_wall_ms();
	l->certificate = (struct renewal_life){ peer->not_before, peer->not_after };
	LIST_INIT(&l->waits);
	LIST_INSERT_HEAD(&s->enforcers, l, entry);
	log_info("enforcer %s connected from %s", l->name, stream_peer_text(stream));
	l->stream = ipc_stream_over(stream, &limits, &handlers, l);
	(void)enforcer_send(l, IPC_HELLO,
	        &(struct ipc_hello){ .role = (char *)"server",
	                .name = s->identity.name,
	                .version = IPC_VERSION,
	                .generation = store_generation(s->store) });
}

void enforcer_refused(const char *peer_text, const char *reason, void *context)
{
	struct server *s = context;
	node_count_refusal(s, reason);
	log_notice("%s refused: %s", peer_text, reason);
}

void enforcer_close_all(struct server *s)
{
	struct enforcer_link *l = LIST_FIRST(&s->enforcers), *next;
	for (; l; l = next) {
		next = LIST_NEXT(l, entry);
		link_free(l);
	}
}
