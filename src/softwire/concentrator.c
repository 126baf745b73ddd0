/* SPDX-License-Identifier: ISC */
#include "softwire/concentrator.h"

#include "base/file.h"
#include "crypto/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- PPP ---- */

static int get_secret(void *context, enum ppp_method method, const char *peer, struct ppp_secret *ret)
{
	const struct control *c = ((struct session *)context)->control;
	if (!c->concentrator->password)
		return -ENOENT;
	snprintf(ret->user, sizeof(ret->user), "%s", c->name);
	snprintf(ret->password, sizeof(ret->password), "%s", c->concentrator->password);
	return 0;
}

/* An NCP has opened or closed: what may pass, and who has to know. */
static void network_changed(struct session *s)
{
	session_tell_plane(s);
	if (!s->ipv4 && !s->ipv6)
		return;
	if (!s->account)
		account_start(s);
	enforcer_link_tell(s->control->concentrator->enforcer, s, true);
}

static void ipv4_up(void *context, const struct ppp_ipv4 *ipv4)
{
	struct session *s = context;
	s->ipv4 = true;
	network_changed(s);
}

static void ipv4_down(void *context)
{
	struct session *s = context;
	s->ipv4 = false;
	network_changed(s);
}

static void ipv6_up(void *context, const struct ppp_ipv6 *ipv6)
{
	struct session *s = context;
	s->ipv6 = true;
	memcpy(s->assignment.interface_id, ipv6->peer, 8);
	nd_router_start(&s->router, clock_monotonic_ms());
	dhcp6_server_start(&s->dhcp6);
	network_changed(s);
}

static void ipv6_down(void *context)
{
	struct session *s = context;
	s->ipv6 = false;
	network_changed(s);
}

static void link_ended(void *context, enum ppp_end end, const char *message)
{
	struct session *s = context;
	if (s->state >= SESSION_ENDING)
		return;
	s->state = SESSION_ENDING;
	s->end = (uint8_t)end;
	if (s->cause == 0)
		s->cause = (uint16_t)ppp_end_cause(end);
	if (!s->end_text && message && *message)
		s->end_text = xstrdup(message);
	timer_set(&s->control->timers, &s->timer, 0); /* at the next turn: this is the link's own callback */
	control_schedule(s->control);
}

const struct ppp_parameters *concentrator_parameters(const struct session *s, struct ppp_parameters *ret)
{
	/* Clear text is between declared peers on declared interfaces, or there is no session at all. */
	*ret = (struct ppp_parameters){ .is_protected = true, .mru = s->mtu };
	return ret;
}

void concentrator_end(struct session *s, enum ppp_end end, const char *text, time_ms now)
{
	if (s->state >= SESSION_ENDING)
		return;
	if (!s->end_text && text)
		s->end_text = xstrdup(text);
	if (s->cause == 0)
		s->cause = (uint16_t)ppp_end_cause(end);
	if (s->ipv6)
		router_cease(s);
	ppp_close(s->link, end, now);
	control_schedule(s->control);
}

/* ---- the end of a session ---- */

static enum l2tp_cdn_result cdn_of(enum ppp_end end)
{
	switch (end) {
	case PPP_END_SERVICE:
		return L2TP_CDN_NO_FACILITIES_NOW;
	case PPP_END_LOWER:
	case PPP_END_ECHO:
		return L2TP_CDN_CARRIER_LOST;
	default:
		return L2TP_CDN_ADMINISTRATIVE;
	}
}

static void note_end(const struct session *s)
{
	char text[SESSION_TEXT_SIZE];
	const bool was_open = s->account || *s->port;
	events_note(s->control->events, was_open ? LOG_LEVEL_NOTICE : LOG_LEVEL_INFO, "session",
	        "%s ended: %s%s%s", session_text(s, text), ppp_end_text((enum ppp_end)s->end),
	        s->end_text ? ": " : "", s->end_text ? s->end_text : "");
}

static bool tunnel_is_empty(struct control *c, uint16_t tunnel)
{
	return !c->by_tunnel[tunnel];
}

/* From here on it is nobody's but accounting's. */
static void tear_down(struct session *s, time_ms now)
{
	struct control *c = s->control;
	s->state = SESSION_COUNTING;
	note_end(s);
	c->counters.sessions_ended++;
	session_unindex(s);
	(void)l2tp_session_close(
	        c->l2tp, s->tunnel, s->session, cdn_of((enum ppp_end)s->end), s->end_text, now);
	if (tunnel_is_empty(c, s->tunnel))
		(void)l2tp_tunnel_close(c->l2tp, s->tunnel,
		        s->end == PPP_END_SHUTDOWN ? L2TP_STOP_SHUTDOWN : L2TP_STOP_REQUEST, s->end_text,
		        now);
	s->exchange = aaa_exchange_free(s->exchange);
	admission_leave(s);
	if (s->slot)
		checkpoint_release(c->checkpoint, s->slot);
	s->slot = 0;
	s->link = ppp_link_free(s->link);
	account_end(s, now);
}

void concentrator_session_run(struct session *s, time_ms now)
{
	struct control *c = s->control;
	struct nd_router_config config;
	struct nd_prefix prefixes[ND_PREFIXES_MAX];
	struct ip6_output out;
	if (s->state == SESSION_COUNTING) {
		if (!s->timer.place)
			account_give_up(s);
		return;
	}
	if (s->state < SESSION_ENDING && ppp_deadline(s->link) <= now)
		ppp_tick(s->link, now);
	if (s->state == SESSION_OPEN && account_expired(s, now) != PPP_N_ENDS) {
		enum ppp_end end = account_expired(s, now);
		s->until = s->idle_ms = 0; /* once is enough: it says goodbye now */
		concentrator_end(s, end, NULL, now);
	}
	if (s->state == SESSION_ENDING) {
		tear_down(s, now);
		return;
	}
	if (s->ipv6 && nd_router_due(&s->router) <= now) {
		uint32_t random;
		control_random(&random, sizeof(random));
		nd_router_run(&s->router, router_config(s, &config, prefixes), now, random, &out);
		session_send_ipv6(s, &out);
	}
	time_ms due = MIN(ppp_deadline(s->link), account_due(s));
	if (s->ipv6)
		due = MIN(due, nd_router_due(&s->router));
	timer_set(&c->timers, &s->timer, MAX(due, now + 1)); /* whatever it is, the others have their turn */
	if (s->state == SESSION_OPEN)
		restore_write(s, now);
	control_schedule(c);
}

/* ---- L2TP ---- */

static uint16_t tunnel_wanted(struct control *c, const struct l2tp_path *path, const struct l2tp_peer *peer)
{
	return c->ending ? L2TP_STOP_SHUTDOWN : 0;
}

static void tunnel_up(struct control *c, uint16_t tunnel)
{
	struct l2tp_path path;
	if (l2tp_tunnel_path(c->l2tp, tunnel, &path) < 0)
		return;
	struct association *a = control_association(c, path.association);
	c->concentrator->tunnel_association[tunnel] = path.association;
	if (a)
		a->n_tunnels++;
}

/* RFC 3193, 3.1: the SA goes with the last of its tunnels. The StopCCN, or its acknowledgement, is on its way
 * before. */
static void tunnel_down(struct control *c, uint16_t tunnel, const struct l2tp_reason *reason)
{
	const struct ipc_association_end m = { c->concentrator->tunnel_association[tunnel] };
	struct association *a = control_association(c, m.association);
	c->concentrator->tunnel_association[tunnel] = 0;
	if (a && a->n_tunnels > 0 && --a->n_tunnels == 0)
		control_send_plane(c, IPC_ASSOCIATION_END, &m);
}

static uint16_t session_wanted(struct control *c, const struct l2tp_call *call)
{
	if (!c->ending && c->n_sessions < (size_t)c->o->sessions_max)
		return 0;
	if (!c->ending) {
		c->counters.refused_limit++;
		events_note(c->events, LOG_LEVEL_WARNING, "refused",
		        "a session is refused: there are %zu already", c->n_sessions);
	}
	return L2TP_CDN_NO_FACILITIES_NOW;
}

static void session_up(struct control *c, struct session *s)
{
	struct ppp_parameters parameters;
	const struct association *a = control_association(c, s->path.association);
	/* EAP in IKEv2 proves the EAP identity; the IKE identity is the peer's word then. */
	s->machine = xstrdup(!a ? "" : a->authentication == 3 ? a->eap_identity : a->identity);
	s->link = ppp_link_new(&c->concentrator->ppp, concentrator_parameters(s, &parameters), s);
	ppp_lower_up(s->link, clock_monotonic_ms());
}

static void session_down(
        struct control *c, uint16_t tunnel, uint16_t session, const struct l2tp_reason *reason)
{
	struct session *s = session_find(c, tunnel, session);
	if (!s || s->state >= SESSION_ENDING)
		return;
	const enum l2tp_cause cause =
	        reason->cause == L2TP_CAUSE_TUNNEL ? reason->tunnel_cause : reason->cause;
	if (!s->end_text)
		s->end_text = xasprintf("%s %u%s%s",
		        cause == L2TP_CAUSE_PEER                  ? "the peer ended it with result"
		                : cause == L2TP_CAUSE_SILENCE     ? "the peer is silent; result"
		                : cause == L2TP_CAUSE_ASSOCIATION ? "its IPsec association has ended; result"
		                                                  : "L2TP ended with result",
		        reason->result, *reason->message ? ": " : "", reason->message);
	if (cause == L2TP_CAUSE_PEER)
		s->cause = AAA_USER_REQUEST;
	ppp_lower_down(s->link, clock_monotonic_ms());
}

static void tunnel_changed(struct control *c, uint16_t tunnel)
{
	const time_ms now = clock_monotonic_ms();
	for (struct session *s = c->by_tunnel[tunnel]; s; s = s->next_in_tunnel)
		if (s->state == SESSION_OPEN)
			restore_write(s, now);
}

/* ---- associations ---- */

static void association_up(struct control *c, struct association *a, bool is_new)
{
	char remote[IP_TEXT_SIZE];
	if (is_new)
		events_note(c->events, LOG_LEVEL_INFO, "association", "association %u: %s%s%s from %s",
		        a->number, a->identity, *a->eap_identity ? ", EAP " : "", a->eap_identity,
		        ip_format(&a->remote, remote));
}

static void told(struct control *c)
{
	restore_all(c, clock_monotonic_ms());
}

/* ---- life ---- */

static void set_ppp(struct control *c)
{
	struct concentrator *x = c->concentrator;
	const struct softwire_options *o = c->o;
	x->callbacks = (struct ppp_callbacks){ .send = session_ppp_send,
		.random = session_ppp_random,
		.authenticate = admission_authenticate,
		.get_secret = get_secret,
		.network = admission_network,
		.ipv4_up = ipv4_up,
		.ipv4_down = ipv4_down,
		.ipv6_up = ipv6_up,
		.ipv6_down = ipv6_down,
		.ended = link_ended };
	x->ppp = (struct ppp_config){ .role = PPP_CONCENTRATOR,
		.n_demand = o->n_methods,
		.ipv4 = o->ipv4,
		.ipv6 = o->ipv6,
		.name = c->name,
		.echo_ms = (unsigned)o->echo_ms,
		.echo_failures = (unsigned)o->echo_failures,
		.callbacks = &x->callbacks,
		.counters = &x->ppp_counters };
	memcpy(x->ppp.demand, o->methods, sizeof(x->ppp.demand));
	if (x->password) {
		x->ppp.give[0] = PPP_CHAP_MD5;
		x->ppp.n_give = 1;
	}
}

static void sync_leases(struct work *w)
{
	struct lease_sync *l = (struct lease_sync *)(void *)w;
	l->error = fdatasync(l->fd) < 0 ? errno : 0;
}

static void leases_synced(struct work *w)
{
	struct lease_sync *l = (struct lease_sync *)(void *)w;
	struct concentrator *x = l->control->concentrator;
	if (l->error) {
		log_error("leases cannot be written to disk: %s", strerror(l->error));
		pool_commit_failed(x->pools, clock_wall_ms());
	}
	close(l->fd);
	l->is_under_way = false;
	l->control->work = true; /* what came meanwhile */
	control_schedule(l->control);
}

static void on_commit(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	struct concentrator *x = c->concentrator;
	struct lease_sync *l = &x->lease_sync;
	struct error err;
	if (pool_commit_begin(x->pools, clock_wall_ms(), &l->fd, &err) < 0)
		log_error("%s", err.text);
	l->is_under_way = l->fd >= 0;
	if (l->is_under_way)
		workers_submit(x->disk, &l->work);
}

static int start(struct control *c, struct error *err)
{
	struct concentrator *x = c->concentrator = xcalloc(1, sizeof(*x));
	const struct softwire_options *o = c->o;
	char *leases FREE_ON_EXIT = xasprintf("%s/leases", o->state_directory);
	x->identities = table_new();
	x->ports = table_new();
	x->counting = table_new();
	x->segments = table_new();
	x->tunnel_association = xcalloc(L2TP_TUNNEL_IDS, sizeof(uint32_t));
	x->commit_event = evtimer_new(c->base, on_commit, c);
	/* Numbers of an earlier life are not used again: leases are compared by them. */
	c->last_serial = (uint64_t)clock_wall_ms() << 20;
	x->lease_sync =
	        (struct lease_sync){ .work = { .run = sync_leases, .done = leases_synced }, .control = c };
	int r = workers_new(c->base, &x->disk, err);
	if (r == 0)
		r = workers_start(x->disk, err);
	if (r == 0)
		r = control_read_duid(c, &c->concentrator->duid, err);
	if (r == 0)
		r = pools_new(o->ranges, o->n_ranges, leases, clock_wall_ms(), &x->pools, err);
	if (r == 0)
		r = binding_new(o->bind, o->bind_map, &x->binding, err);
	if (r == 0 && *o->chap_password_file)
		r = secret_read(o->chap_password_file, &x->password, err);
	if (r == 0)
		set_ppp(c);
	if (r == 0)
		r = account_open(c, err);
	if (r == 0)
		r = enforcer_link_new(c, &x->enforcer, err);
	return r;
}

/* Many sessions' leases share one sync: it is slow, and nothing waits for it. */
static void turn(struct control *c, time_ms now)
{
	const struct timeval soon = { 0, CONCENTRATOR_COMMIT_MS * 1000 };
	struct concentrator *x = c->concentrator;
	if (pool_has_work(x->pools) && !x->lease_sync.is_under_way &&
	        !event_pending(x->commit_event, EV_TIMEOUT, NULL))
		event_add(x->commit_event, &soon);
	if (c->ending && LIST_EMPTY(&c->sessions) && !x->is_flushing)
		account_flush(c);
}

/* Every session says goodbye; accounting's stops follow, then the servers have everything. */
static void stop(struct control *c)
{
	const time_ms now = clock_monotonic_ms();
	struct session *s;
	LIST_FOREACH(s, &c->sessions, all)
		concentrator_end(s, PPP_END_SHUTDOWN, "the concentrator stops", now);
	if (LIST_EMPTY(&c->sessions))
		account_flush(c);
}

static void reload(struct control *c)
{
	struct concentrator *x = c->concentrator;
	struct binding *binding = NULL;
	struct error err;
	if (x->aaa && aaa_reload(x->aaa, &err) < 0)
		log_error("users and secrets stay as they were: %s", err.text);
	else if (binding_new(c->o->bind, c->o->bind_map, &binding, &err) < 0)
		log_error("the binding rule stays as it was: %s", err.text);
	else
		log_notice("users, secrets and the binding rule are read again");
	if (binding) {
		binding_free(x->binding);
		x->binding = binding;
	}
}

static void release(struct control *c)
{
	struct concentrator *x = c->concentrator;
	if (!x)
		return;
	x->disk = workers_free(x->disk);
	account_close(c);
	enforcer_link_free(x->enforcer);
	if (x->commit_event)
		event_free(x->commit_event);
	pools_free(x->pools);
	binding_free(x->binding);
	table_free(x->identities, NULL);
	table_free(x->ports, NULL);
	table_free(x->counting, NULL);
	table_free(x->segments, free);
	secret_free(x->password);
	free(x->tunnel_association);
	free(x);
	c->concentrator = NULL;
}

struct session *concentrator_find(struct control *c, const char *id)
{
	char *end;
	struct session *s = table_get_string(c->concentrator->ports, id);
	unsigned long tunnel = strtoul(id, &end, 10);
	if (s || *end != '/' || tunnel >= L2TP_TUNNEL_IDS)
		return s;
	unsigned long session = strtoul(end + 1, &end, 10);
	return *end || session > UINT16_MAX ? NULL : session_find(c, (uint16_t)tunnel, (uint16_t)session);
}

const struct control_role concentrator_role = { .start = start,
	.told = told,
	.association_up = association_up,
	.tunnel_wanted = tunnel_wanted,
	.tunnel_up = tunnel_up,
	.tunnel_down = tunnel_down,
	.session_wanted = session_wanted,
	.session_up = session_up,
	.session_down = session_down,
	.ipv6 = router_receive,
	.session_run = concentrator_session_run,
	.counted = account_counted,
	.tunnel_changed = tunnel_changed,
	.reload = reload,
	.stop = stop,
	.turn = turn,
	.free = release };
