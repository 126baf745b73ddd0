/* SPDX-License-Identifier: ISC */
#include "enforcer/enforcer.h"
#include "base/file.h"
#include "base/log.h"
#include "base/table.h"
#include "crypto/x509.h"
#include "enforcer/privileges.h"
#include "enforcer/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 1000
#define COUNTERS_MS 10000
#define SAVE_MS 200
#define CLEANING_MS 900 /* less than a tick, which begins it at the latest */
#define HURRY_MAX \
	64 /* attachments that a commit in the real-time class changes at most: a few milliseconds */
#define LOCK_TRIES 100
#define LOCK_WAIT_MS 20

/* ---- effects of attachments ---- */

static void mark_changed(struct enforcer *e, const struct attachment *at)
{
	struct {
		char port[IFNAMSIZ];
		struct mac_address mac;
	} key = { .mac = at->mac };
	memcpy(key.port, at->port, sizeof(key.port));
	table_set(e->changed, &key, sizeof(key), e);
}

static void queue_probe(struct enforcer *e, const struct attachment_effect *f)
{
	if (e->n_probes < ENFORCER_PROBES_MAX)
		e->probes[e->n_probes++] = (struct enforcer_probe){ f->link, f->ip, f->mac };
	else
		attachments_unasked(e->attachments, f->link, &f->ip);
}

static void take_effect(void *context, const struct attachment_effect *f)
{
	struct enforcer *e = context;
	switch (f->kind) {
	case ATTACHMENT_CHANGED:
	case ATTACHMENT_GONE:
		desired_attachment(e->desired, f->attachment, f->kind == ATTACHMENT_GONE);
		mark_changed(e, f->attachment);
		break;
	case ATTACHMENT_PROBE:
		queue_probe(e, f);
		break;
	case ATTACHMENT_REFRESH:
		e->refresh = true;
		break;
	case ATTACHMENT_EVENT:
		log_notice("%s: %s", f->event, f->text);
		enforcer_tell(e, f->event, f->text, f->port, &f->mac);
		break;
	case ATTACHMENT_PORT_ADDED:
	case ATTACHMENT_PORT_REMOVED:
		desired_port(e->desired, f->link, f->port, f->kind == ATTACHMENT_PORT_ADDED);
		break;
	}
}

/* ---- what the kernel says ---- */

static void take_port(void *context, uint16_t link, const char *port, bool present, bool carrier)
{
	struct enforcer *e = context;
	if (present)
		attachments_port(e->attachments, link, port, carrier, clock_monotonic_ms());
	else
		attachments_port_gone(e->attachments, link, port, clock_monotonic_ms());
}

static void take_forwarding(
        void *context, uint16_t link, const char *port, const struct mac_address *mac, bool learned)
{
	struct enforcer *e = context;
	attachments_forwarding(e->attachments, link, port, mac, learned, clock_monotonic_ms());
}

static void take_neighbour(void *context, uint16_t link, const struct ip_address *ip,
        const struct mac_address *mac, bool confirmed)
{
	struct enforcer *e = context;
	enum neighbour_state state = !mac ? NEIGHBOUR_FAILED
	        : confirmed               ? NEIGHBOUR_CONFIRMED
	                                  : NEIGHBOUR_KNOWN;
	attachments_neighbour(e->attachments, link, ip, mac, state, clock_monotonic_ms());
	enforcer_proof_heard(e, link, ip, mac);
}

static void take_link(void *context, uint16_t link, const char *problem)
{
	struct enforcer *e = context;
	if (problem)
		log_error("%s: %s", e->links.items[link].name, problem);
	log_info("%s %s", e->links.items[link].name, e->links.items[link].present ? "is there" : "is gone");
	e->reload = e->reload || e->links.items[link].kind == LINK_ROUTED;
}

static const struct kernel_handlers kernel_handlers = { take_port, take_forwarding, take_neighbour,
	take_link };

static void read_kernel(evutil_socket_t fd, short events, void *context)
{
	struct enforcer *e = context;
	struct error err;
	int r = kernel_read(e->kernel, &err);
	if (r < 0) {
		if (r != -ENOBUFS)
			log_warning("%s: reading the kernel's tables again", err.text);
		r = kernel_dump_links(e->kernel, &err);
		if (r == 0)
			r = kernel_dump_nodes(e->kernel, &err);
		if (r < 0)
			log_error("%s", err.text);
	}
	enforcer_settle(e);
}

/* ---- settling ---- */

/* The kernel walks through its whole table for it, which takes milliseconds also when that is empty: for all
 * that was moved in a while together, so that it does not stand in the way of the next move. */
static void clean_connections(struct enforcer *e)
{
	time_ms now = clock_monotonic_ms();
	struct error err;
	if (now - e->last_cleaning < CLEANING_MS)
		return;
	e->last_cleaning = now;
	if (conntrack_start(e->conntrack, &err) < 0)
		log_warning("%s", err.text);
}

static void send_probes(struct enforcer *e)
{
	struct enforcer_probe probes[64];
	while (e->n_probes) {
		size_t n = MIN(e->n_probes, ARRAY_LENGTH(probes));
		memcpy(probes, e->probes + e->n_probes - n, n * sizeof(*probes));
		e->n_probes -= n;
		for (size_t i = 0; i < n; i++) {
			struct error err;
			if (kernel_probe(e->kernel, probes[i].link, &probes[i].ip, &probes[i].mac, &err) == 0)
				continue;
			/* The neighbour table may be full: that is nobody's silence. */
			log_debug("%s", err.text);
			attachments_unasked(e->attachments, probes[i].link, &probes[i].ip);
		}
	}
}

static void log_refusal(void *context, const char *port, const struct mac_address *mac, const char *reason)
{
	char text[MAC_TEXT_SIZE];
	log_error("%s at %s: %s", mac_format(mac, text), port, reason);
}

int enforcer_commit(struct enforcer *e, refusal_fn refused, void *context, struct error *err)
{
	bool many = desired_pending(e->desired) > HURRY_MAX;
	if (many)
		privileges_hurry(false);
	int r = desired_commit(e->desired, refused, context, clock_wall_ms(), err);
	if (many)
		privileges_hurry(true);
	return r;
}

void enforcer_settle(struct enforcer *e)
{
	struct error err;
	if (!e->started)
		return;
	if (e->reload) {
		e->reload = false;
		if (desired_reload(e->desired, clock_wall_ms(), &err) < 0)
			log_error("%s", err.text);
	}
	if (e->refresh) {
		e->refresh = false;
		if (kernel_dump_neighbours(e->kernel, &err) < 0)
			log_error("%s", err.text);
	}
	int r = enforcer_commit(e, log_refusal, NULL, &err);
	if (r > 0)
		enforcer_save_soon(e);
	send_probes(e);
	enforcer_forget_silent(e);
	enforcer_answer_questions(e, clock_monotonic_ms());
	enforcer_report_attachments(e);
	if (r > 0)
		softwires_tell(e->softwires);
	clean_connections(e);
}

/* ---- connections that the policy no longer permits ---- */

static bool keep_connection(void *context, const struct conntrack_connection *c)
{
	struct enforcer *e = context;
	time_ms now = clock_wall_ms();
	struct segments_connection s = { c->from, c->to, desired_segment_of(e->desired, &c->from, now),
		desired_segment_of(e->desired, &c->to, now), c->protocol, c->port };
	return segments_permit(desired_segments(e->desired), &s);
}

static void suspect_connections(void *context, const struct ip_prefix *p)
{
	conntrack_suspect(((struct enforcer *)context)->conntrack, p);
}

static void read_conntrack(evutil_socket_t fd, short events, void *context)
{
	struct enforcer *e = context;
	struct error err;
	if (conntrack_read(e->conntrack, &err) < 0)
		log_warning("%s", err.text);
}

/* ---- ways ---- */

/* A host that a segment's traffic goes to cannot be reached any more, or again. */
static void take_way(
        void *context, const struct ipc_segment *s, const struct ip_address *hop, const char *why)
{
	static const struct mac_address none;
	char text[256], ip[IP_TEXT_SIZE];
	if (why)
		snprintf(text, sizeof(text),
		        "segment %s: no way to %s (%s): %s; what its nodes send is refused until there is "
		        "one",
		        s->name, ip_format(hop, ip), s->route, why);
	else
		snprintf(text, sizeof(text), "segment %s: the way to %s (%s) is there again", s->name,
		        ip_format(hop, ip), s->route);
	log_warning("%s", text);
	enforcer_tell(context, why ? "route-lost" : "route-back", text, "", &none);
}

static void watch_ways(struct enforcer *e)
{
	struct error err;
	size_t down;
	if (ways_count(e->ways, &down) == 0)
		return;
	if (ways_set(e->ways, &e->links, desired_segments(e->desired), true, &err) < 0)
		log_warning("%s", err.text);
}

/* ---- time ---- */

static void watch_server(struct enforcer *e)
{
	bool away = clock_monotonic_ms() - e->last_floor > e->options->away_after_ms;
	if (away != e->away)
		log_notice(away ? "the server is away: admissions last until they expire, and their "
		                  "segment's grace"
		                : "the server is back");
	if (away && !e->away)
		session_renew(e->session, "nothing was heard of the server");
	e->away = away;
	desired_away(e->desired, away, e->last_floor_wall);
}

static void take_sighting(void *context, const struct sighting *s)
{
	struct enforcer *e = context;
	attachments_sighting(e->attachments, s, clock_monotonic_ms());
}

static void on_tick(evutil_socket_t fd, short events, void *context)
{
	struct enforcer *e = context;
	struct error err;
	watch_server(e);
	if (e->driver->ops->sightings(e->driver, take_sighting, e, &err) < 0)
		log_warning("%s", err.text);
	watch_ways(e);
	enforcer_tick_proofs(e);
	attachments_tick(e->attachments, clock_monotonic_ms());
	desired_tick(e->desired, e->last_floor_wall, clock_wall_ms());
	enforcer_settle(e);
}

static void on_who_timer(evutil_socket_t fd, short events, void *context)
{
	enforcer_answer_questions(context, clock_monotonic_ms());
}

static void on_counters(evutil_socket_t fd, short events, void *context)
{
	enforcer_report_counters(context);
}

void enforcer_save(struct enforcer *e)
{
	struct state s = { .generation = desired_generation(e->desired),
		.segments = *desired_segments(e->desired) };
	struct error err;
	desired_export(e->desired, &s.place);
	if (s.segments.segments[0].mark != ENFORCER_MARK_INITIAL && state_save(e->state_path, &s, &err) < 0)
		log_error("%s", err.text);
	ipc_body_clear(IPC_PLACE, &s.place);
}

static void on_save_timer(evutil_socket_t fd, short events, void *context)
{
	enforcer_save(context);
}

void enforcer_save_soon(struct enforcer *e)
{
	struct timeval tv = { 0, SAVE_MS * 1000L };
	if (!evtimer_pending(e->save_timer, NULL))
		evtimer_add(e->save_timer, &tv);
}

/* ---- beginning and end ---- */

/* The server believes the certificate, and the policy says the name. */
static int check_certificate(const struct options *o, struct error *err)
{
	X509 *certificate = NULL;
	struct identity who = { 0 };
	int r = certificate_load(o->certificate, &certificate, err);
	if (r == 0)
		r = certificate_identity(certificate, &who, err);
	X509_free(certificate);
	if (r < 0)
		return r;
	if (who.role != ROLE_ENFORCER)
		return error_set(err, -EINVAL, "%s: its role is %s, not enforcer", o->certificate,
		        identity_role_name(who.role));
	if (strcmp(who.name, o->name) != 0)
		return error_set(
		        err, -EINVAL, "%s: it is of %s, and `name` is %s", o->certificate, who.name, o->name);
	return 0;
}

static int open_tls(struct enforcer *e, struct error *err)
{
	const struct options *o = e->options;
	struct tls_config c = { .ca_path = o->ca,
		.crl_path = *o->crl ? o->crl : NULL,
		.certificate_path = o->certificate,
		.key_path = o->key,
		.peer_roles = TLS_ROLE(ROLE_SERVER) };
	int r = *o->ca ? check_certificate(o, err) : 0;
	return r < 0 || !*o->ca ? r : tls_context_new(&c, &e->tls, err);
}

static struct session_config describe_session(struct enforcer *e)
{
	return (struct session_config){ .servers = (const char *const *)e->options->servers.items,
		.n_servers = e->options->servers.count,
		.server_name = *e->options->server_name ? e->options->server_name : NULL,
		.tls = e->tls,
		.on_open = enforcer_greet,
		.on_message = enforcer_take_message,
		.on_close = enforcer_lost,
		.context = e };
}

/* The one before may be about to end. */
static int lock_state(struct enforcer *e, bool must_be, struct error *err)
{
	if (e->lock >= 0)
		return 0;
	e->lock = open(e->options->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->lock < 0 && errno == ENOENT && !must_be)
		return 0;
	if (e->lock < 0)
		return error_set(err, -errno, "%s: %s", e->options->state, strerror(errno));
	for (int i = 0; flock(e->lock, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK || i == LOCK_TRIES)
			return error_set(err, -errno, "%s: another pratique-enforcer runs with this `state`",
			        e->options->state);
		const struct timespec wait = { 0, LOCK_WAIT_MS * 1000000L };
		(void)nanosleep(&wait, NULL);
	}
	return 0;
}

static uint64_t new_life(void)
{
	uint64_t life = 0;
	if (getrandom(&life, sizeof(life), 0) != (ssize_t)sizeof(life))
		abort(); /* it waits until the kernel has some, and does not fail */
	return life;
}

int enforcer_open(
        struct enforcer *e, const struct options *options, const struct links *links, struct error *err)
{
	*e = (struct enforcer){ .options = options,
		.links = *links,
		.changed = table_new(),
		.proofs = proofs_new(),
		.lock = -1,
		.life = new_life(),
		.state_path = xasprintf("%s/state", options->state),
		.base = event_base_new() };
	e->attachments = attachments_new(take_effect, e);
	e->driver = driver_nftables_new(&e->links, (uint16_t)options->log_group, err);
	if (!e->driver)
		return -ENOMEM;
	e->desired = desired_new(&e->links, e->driver, e->attachments);
	desired_on_move(e->desired, suspect_connections, e);
	/* Before anything that a second daemon could not have; the directory of a first start comes later. */
	int r = lock_state(e, false, err);
	if (r == 0)
		r = kernel_new(&e->links, &kernel_handlers, e, &e->kernel, err);
	if (r == 0)
		r = conntrack_new(keep_connection, e, &e->conntrack, err);
	if (r == 0)
		r = ways_new(&e->ways, err);
	if (r == 0)
		r = enforcer_follow_wanted(e, err);
	if (r == 0)
		r = open_tls(e, err);
	const struct session_config session = describe_session(e);
	return r < 0 ? r : session_check_servers(&session, err);
}

static void restore(void *context, const struct element *element)
{
	struct enforcer *e = context;
	time_ms now = clock_monotonic_ms();
	/* A session's port is there when its concentrator says so; until that is heard, as it was. */
	if (element->kind == ELEMENT_PREFIX)
		attachments_port(e->attachments, element->link, element->port, true, now);
	attachments_restore(e->attachments, element, now);
}

/* The links first, so that what an earlier run left finds its ports; then the rules, before any node is
 * looked at. */
static int begin(struct enforcer *e, const struct state *s, struct error *err)
{
	time_ms now = clock_wall_ms();
	int r = kernel_dump_links(e->kernel, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < e->links.count; i++)
		if (!e->links.items[i].present)
			log_warning("%s: there is no such %s yet; its rules wait for it",
			        e->links.items[i].name,
			        e->links.items[i].kind == LINK_BRIDGE ? "bridge" : "interface");
	e->reload = false;
	int how =
	        desired_start(e->desired, s->segments.n_segments ? &s->segments : NULL, restore, e, now, err);
	if (how < 0)
		return how;
	if (how == DESIRED_CONTINUED) {
		desired_recall(e->desired, &s->place);
	} else if (how == DESIRED_FIRST) {
		desired_place(e->desired, &s->place, log_refusal, NULL);
	}
	if (desired_commit(e->desired, log_refusal, NULL, now, err) < 0)
		log_error("%s", err->text);
	ways_on_change(e->ways, take_way, e);
	if (ways_set(e->ways, &e->links, desired_segments(e->desired), true, err) < 0)
		log_error("%s", err->text);
	log_notice("%s",
	        how == DESIRED_CONTINUED       ? "going on with what an earlier run admitted"
	                : how == DESIRED_FIRST ? "first start: nodes are in the default segment"
	                                       : "an earlier run had another policy: its admissions end");
	return kernel_dump_nodes(e->kernel, err);
}

static int follow(struct enforcer *e, struct error *err)
{
	struct timeval tick = { TICK_MS / 1000, 0 }, counters = { COUNTERS_MS / 1000, 0 };
	const struct session_config c = describe_session(e);
	e->kernel_event = event_new(e->base, kernel_fd(e->kernel), EV_READ | EV_PERSIST, read_kernel, e);
	e->conntrack_event =
	        event_new(e->base, conntrack_fd(e->conntrack), EV_READ | EV_PERSIST, read_conntrack, e);
	e->tick = event_new(e->base, -1, EV_PERSIST, on_tick, e);
	e->counters_timer = event_new(e->base, -1, EV_PERSIST, on_counters, e);
	e->who_timer = evtimer_new(e->base, on_who_timer, e);
	e->save_timer = evtimer_new(e->base, on_save_timer, e);
	enforcer_begin_wanted(e);
	event_add(e->kernel_event, NULL);
	event_add(e->conntrack_event, NULL);
	event_add(e->tick, &tick);
	event_add(e->counters_timer, &counters);
	if (e->tls && tls_context_watch(e->tls, e->base, TLS_WATCH_MS, NULL, NULL) < 0)
		log_warning("certificates are not watched for renewal");
	int r = session_new(e->base, &c, &e->session, err);
	return r < 0 ? r : softwires_new(e, &e->softwires, err);
}

int enforcer_start(struct enforcer *e, struct error *err)
{
	struct state s = { 0 };
	int r = lock_state(e, true, err);
	if (r < 0)
		return r;
	r = state_load(e->state_path, &s, err);
	if (r < 0 && r != -ENOENT)
		log_warning("%s: starting without it", err->text);
	e->last_floor = clock_monotonic_ms();
	e->last_floor_wall = clock_wall_ms();
	r = begin(e, &s, err);
	state_clear(&s);
	if (r == 0)
		r = follow(e, err);
	e->started = r == 0;
	enforcer_settle(e);
	return r;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

void enforcer_close(struct enforcer *e)
{
	if (e->save_timer)
		enforcer_save(e);
	if (e->lock >= 0)
		close(e->lock);
	session_free(e->session);
	softwires_free(e->softwires);
	ways_free(e->ways);
	tls_context_free(e->tls);
	free_event(e->kernel_event);
	free_event(e->conntrack_event);
	free_event(e->tick);
	free_event(e->counters_timer);
	free_event(e->who_timer);
	free_event(e->save_timer);
	enforcer_end_wanted(e);
	conntrack_free(e->conntrack);
	kernel_free(e->kernel);
	desired_free(e->desired);
	attachments_free(e->attachments);
	if (e->driver)
		e->driver->ops->free(e->driver);
	table_free(e->changed, NULL);
	if (e->base)
		event_base_free(e->base);
	free(e->state_path);
	*e = (struct enforcer){ 0 };
}
