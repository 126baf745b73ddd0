/* SPDX-License-Identifier: ISC */
#include "softwire/initiator.h"

#include <errno.h>
#include <event2/dns.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void begin(struct control *c);
static void fail(struct control *c, const char *format, ...) PRINTF_LIKE(2, 3);

static const char *const state_texts[INITIATOR_N_STATES] = { "waiting for the next attempt",
	"resolving the name", "preparing the way", "IKE", "L2TP", "PPP", "up" };

const char *initiator_state_text(struct control *c)
{
	return state_texts[c->initiator->state];
}

struct session *initiator_session(struct control *c)
{
	struct session *s = c->initiator->session;
	return s && s->state == SESSION_OPEN ? s : NULL;
}

/* ---- steps ---- */

void initiator_enter(struct control *c, enum initiator_state state)
{
	struct initiator *x = c->initiator;
	const int ms = state == INITIATOR_SECURING ? INITIATOR_IKE_MS : INITIATOR_STEP_MS;
	const struct timeval limit = { ms / 1000, ms % 1000 * 1000 };
	log_debug("%s", state_texts[state]);
	x->state = state;
	if (state == INITIATOR_WAITING || state == INITIATOR_UP)
		event_del(x->step);
	else
		event_add(x->step, &limit);
}

static void on_step_over(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	fail(c, "%s took too long", state_texts[c->initiator->state]);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	begin(arg);
}

/* Everything of the attempt, in silence where it cannot be said any more. */
static void take_down(struct control *c, bool association_too)
{
	struct initiator *x = c->initiator;
	const time_ms now = clock_monotonic_ms();
	const struct ipc_association_end end = { x->association };
	struct session *s = x->session;
	const int tunnel = x->tunnel;
	initiator_forget(c);
	x->session = NULL;
	x->tunnel = 0;
	x->association = 0;
	if (s) {
		s->state = SESSION_ENDING;
		session_unindex(s);
		session_end_plane(s);
		initiator_clear_host(c);
		session_free(s);
	}
	if (tunnel)
		(void)l2tp_tunnel_close(c->l2tp, (uint16_t)tunnel, L2TP_STOP_REQUEST, NULL, now);
	if (end.association && association_too)
		control_send_plane(c, IPC_ASSOCIATION_END, &end);
}

static void retry_after(struct control *c, int64_t ms)
{
	const struct timeval wait = { ms / 1000, ms % 1000 * 1000 };
	initiator_enter(c, INITIATOR_WAITING);
	event_add(c->initiator->retry, &wait);
}

static void fail(struct control *c, const char *format, ...)
{
	struct initiator *x = c->initiator;
	char text[400];
	va_list args;
	uint32_t random;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (c->ending || x->state == INITIATOR_WAITING)
		return;
	const bool was_up = x->state == INITIATOR_UP;
	const int64_t up_ms = was_up ? clock_monotonic_ms() - x->up_since : 0;
	take_down(c, true);
	free(x->reason);
	x->reason = xstrdup(text);
	/* The one that worked is tried first. */
	if (!was_up)
		x->current = (x->current + 1) % c->o->concentrators.count;
	control_random(&random, sizeof(random));
	const int64_t wait =
	        backoff_next(&x->backoff, up_ms, c->o->retry_first_ms, c->o->retry_last_ms, random);
	events_note(
	        c->events, LOG_LEVEL_WARNING, "down", "%s; next attempt in %lld ms", text, (long long)wait);
	retry_after(c, wait);
}

/* ---- the way there ---- */

static bool is_zero_address(const struct ip_address *a)
{
	static const struct ip_address zero;
	return ip_equal(a, &zero);
}

static void prepare(struct control *c)
{
	struct initiator *x = c->initiator;
	struct ipc_address list[LINK_CONCENTRATORS_MAX];
	struct ipc_outer m = { .current = x->addresses[x->current], .addresses = list };
	for (size_t i = 0; i < c->o->concentrators.count; i++)
		list[m.n_addresses++].ip = x->addresses[i];
	initiator_enter(c, INITIATOR_PREPARING);
	control_send_keeper(c, IPC_OUTER, &m);
}

static void on_resolved(int code, struct evutil_addrinfo *list, void *arg)
{
	struct control *c = arg;
	struct initiator *x = c->initiator;
	struct ip_address found = { { 0 } };
	for (const struct evutil_addrinfo *i = list; i && is_zero_address(&found); i = i->ai_next)
		(void)ip_from_sockaddr(i->ai_addr, &found, NULL);
	if (list)
		evutil_freeaddrinfo(list);
	if (x->state != INITIATOR_RESOLVING)
		return;
	if (is_zero_address(&found)) {
		fail(c, "%s cannot be resolved: %s", c->o->concentrators.items[x->current],
		        evutil_gai_strerror(code));
		return;
	}
	x->addresses[x->current] = found;
	prepare(c);
}

static void resolve(struct control *c, const char *name)
{
	struct initiator *x = c->initiator;
	const struct evutil_addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = EVUTIL_AI_ADDRCONFIG
	};
	initiator_enter(c, INITIATOR_RESOLVING);
	if (x->dns)
		evdns_base_free(x->dns, 0);
	x->dns =
	        evdns_base_new(c->base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (x->dns)
		(void)evdns_getaddrinfo(x->dns, name, NULL, &hints, on_resolved, c);
	else
		fail(c, "no name server is known, and %s is a name", name);
}

static void begin(struct control *c)
{
	struct initiator *x = c->initiator;
	const char *name = c->o->concentrators.items[x->current];
	if (c->ending)
		return;
	if (ip_parse(name, &x->addresses[x->current]) == 0)
		prepare(c);
	else
		resolve(c, name);
}

/* What the kernel would send from; without a packet. */
static struct ip_address source_towards(const struct ip_address *to)
{
	struct sockaddr_storage address = { 0 };
	struct ip_address source = { { 0 } };
	socklen_t length = sizeof(struct sockaddr_in6);
	if (ip_is_v4(to)) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
		v4->sin_family = AF_INET;
		v4->sin_port = htons(L2TP_PORT);
		memcpy(&v4->sin_addr, to->bytes + 12, 4);
		length = sizeof(*v4);
	} else {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(L2TP_PORT);
		memcpy(&v6->sin6_addr, to->bytes, 16);
	}
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, length) == 0) {
		length = sizeof(address);
		if (getsockname(fd, (struct sockaddr *)&address, &length) == 0)
			(void)ip_from_sockaddr((struct sockaddr *)&address, &source, NULL);
	}
	if (fd >= 0)
		close(fd);
	return source;
}

static void open_tunnel(struct control *c, const struct l2tp_path *path)
{
	struct initiator *x = c->initiator;
	const time_ms now = clock_monotonic_ms();
	initiator_enter(c, INITIATOR_TUNNELLING);
	int r = l2tp_tunnel_open(c->l2tp, path, now);
	if (r > 0) {
		x->tunnel = r;
		r = l2tp_session_open(c->l2tp, (uint16_t)r, 0, now);
	}
	if (r < 0)
		fail(c, "L2TP cannot be started: %s", strerror(-r));
}

/* Clear text: only where the configuration says that the network is trusted. */
static void open_clear(struct control *c)
{
	struct initiator *x = c->initiator;
	const struct ip_address *to = &x->addresses[x->current];
	const struct l2tp_path path = {
		.remote = *to, .remote_port = L2TP_PORT, .local = x->used, .local_port = L2TP_PORT
	};
	if (options_trusts(c->o, to))
		open_tunnel(c, &path);
	else
		fail(c, "%s is not in trusted_address: nothing is sent to it in clear",
		        c->o->concentrators.items[x->current]);
}

static void prepared(struct control *c, const struct ipc_outer *m)
{
	struct initiator *x = c->initiator;
	char child[IKE_CHILD_SIZE];
	const struct ipc_ike_initiate initiate = { (char *)(uintptr_t)ike_child_name(x->current, child) };
	if (x->state != INITIATOR_PREPARING || !ip_equal(&m->current, &x->addresses[x->current]))
		return;
	x->used = source_towards(&x->addresses[x->current]);
	if (*c->o->local)
		(void)ip_parse(c->o->local, &x->used);
	if (is_zero_address(&x->used)) {
		fail(c, "there is no way to %s", c->o->concentrators.items[x->current]);
		return;
	}
	if (c->o->ipsec == SOFTWIRE_IPSEC_NONE) {
		open_clear(c);
		return;
	}
	initiator_enter(c, INITIATOR_SECURING);
	control_send_plane(c, IPC_IKE_INITIATE, &initiate);
}

/* Our address has changed, or the way: the old association is of no use. At once, whatever we were waiting
 * for. The keeper says it to each new control too: what goes on has heard that before. */
static void moved(struct control *c, const struct ip_address *source)
{
	struct initiator *x = c->initiator;
	const bool is_known = x->state == INITIATOR_UP && ip_equal(source, &x->source);
	x->source = *source;
	if (is_known)
		return;
	if (is_zero_address(source) || c->ending || x->state == INITIATOR_RESOLVING ||
	        x->state == INITIATOR_PREPARING)
		return;
	/* A source of the other family is on the way to another of the concentrators. */
	if (x->state > INITIATOR_PREPARING &&
	        (ip_equal(&x->used, source) || ip_is_v4(&x->used) != ip_is_v4(source)))
		return;
	events_note(c->events, LOG_LEVEL_NOTICE, "moved",
	        "our address has changed: everything is brought up again");
	take_down(c, true);
	x->backoff.wait_ms = 0;
	event_del(x->retry);
	begin(c);
}

/* Before we know whether the softwire goes on it is only kept. */
static void source_told(struct control *c, const struct ip_address *source)
{
	struct initiator *x = c->initiator;
	if (x->is_told) {
		moved(c, source);
		initiator_checkpoint(c);
		return;
	}
	x->early_source = *source;
	x->has_early_source = true;
}

static void keeper_message(struct control *c, const struct ipc_message *m)
{
	if (m->number == IPC_OUTER)
		prepared(c, m->body);
	else if (m->number == IPC_LINK_MOVED)
		source_told(c, &((const struct ipc_link_moved *)m->body)->source);
	else
		c->counters.messages_refused++;
}

/* ---- IKE ---- */

static void association_up(struct control *c, struct association *a, bool is_new)
{
	struct initiator *x = c->initiator;
	const struct l2tp_path path = { a->number, a->local, a->remote, a->local_port, a->remote_port };
	if (!is_new || x->state != INITIATOR_SECURING || !ip_equal(&a->remote, &x->addresses[x->current]))
		return;
	x->association = a->number;
	events_note(c->events, LOG_LEVEL_INFO, "association", "the concentrator is %s", a->identity);
	open_tunnel(c, &path);
}

static void association_down(struct control *c, struct association *a)
{
	if (a->number == c->initiator->association) {
		c->initiator->association = 0;
		fail(c, "the IPsec association with the concentrator has ended");
	}
}

static void ike_failed(struct control *c, const char *reason)
{
	if (c->initiator->state == INITIATOR_SECURING)
		fail(c, "IKE: %s", reason);
}

/* Associations of an earlier life of this process are ended, but for the one of the softwire that goes on. */
static void told(struct control *c)
{
	struct initiator *x = c->initiator;
	const bool goes_on = initiator_restore(c, clock_monotonic_ms());
	x->is_told = true;
	TABLE_FOREACH(it, c->associations) {
		const struct ipc_association_end end = { ((const struct association *)it.value)->number };
		if (end.association != x->association)
			control_send_plane(c, IPC_ASSOCIATION_END, &end);
	}
	if (!goes_on)
		begin(c);
	if (x->has_early_source)
		source_told(c, &x->early_source);
}

/* ---- L2TP ---- */

static void tunnel_down(struct control *c, uint16_t tunnel, const struct l2tp_reason *reason)
{
	struct initiator *x = c->initiator;
	if (tunnel != x->tunnel)
		return;
	x->tunnel = 0;
	fail(c, "L2TP: %s%s%s",
	        reason->cause == L2TP_CAUSE_SILENCE ? "the concentrator does not answer"
	                                            : l2tp_stop_result_text(reason->result),
	        *reason->message ? ": " : "", reason->message);
}

static void session_down(
        struct control *c, uint16_t tunnel, uint16_t session, const struct l2tp_reason *reason)
{
	struct initiator *x = c->initiator;
	if (tunnel == x->tunnel && reason->cause != L2TP_CAUSE_TUNNEL)
		fail(c, "L2TP: the session has ended: %s%s%s", l2tp_cdn_result_text(reason->result),
		        *reason->message ? ": " : "", reason->message);
}

void initiator_prepare_session(struct session *s, struct ppp_parameters *ret)
{
	const struct control *c = s->control;
	const struct association *a = control_association(s->control, s->path.association);
	*ret = (struct ppp_parameters){ .is_protected = true, .mru = s->mtu };
	memcpy(ret->ipv4, c->initiator->last_ipv4, 4);
	memcpy(ret->interface_id, c->initiator->last_interface_id, 8);
	s->machine = xstrdup(a ? a->identity : "");
	s->user = xstrdup(c->o->ppp_user);
	snprintf(s->port, sizeof(s->port), "%.15s", c->o->tun);
}

static void session_up(struct control *c, struct session *s)
{
	struct initiator *x = c->initiator;
	struct ppp_parameters parameters;
	initiator_prepare_session(s, &parameters);
	x->session = s;
	initiator_enter(c, INITIATOR_LINKING);
	s->link = ppp_link_new(&x->ppp, &parameters, s);
	ppp_lower_up(s->link, clock_monotonic_ms());
}

static void session_run(struct session *s, time_ms now)
{
	struct control *c = s->control;
	time_ms due;
	if (s->state < SESSION_ENDING && ppp_deadline(s->link) <= now)
		ppp_tick(s->link, now);
	if (s->state == SESSION_ENDING) {
		if (c->ending) {
			take_down(c, true);
			control_ended(c);
		} else {
			fail(c, "PPP: %s%s%s", ppp_end_text((enum ppp_end)s->end), s->end_text ? ": " : "",
			        s->end_text ? s->end_text : "");
		}
		return;
	}
	due = ppp_deadline(s->link);
	if (s->ipv6) {
		const time_ms ipv6_due = initiator_run_ipv6(s, now);
		due = MIN(due, ipv6_due);
	}
	timer_set(&c->timers, &s->timer, MAX(due, now + 1));
	initiator_checkpoint(c);
	control_schedule(c);
}

static void tunnel_changed(struct control *c, uint16_t tunnel)
{
	if (tunnel == c->initiator->tunnel)
		initiator_checkpoint(c);
}

void initiator_disconnect(struct control *c)
{
	fail(c, "disconnected by the operator");
}

/* ---- life ---- */

static int start(struct control *c, struct error *err)
{
	struct initiator *x = c->initiator = xcalloc(1, sizeof(*x));
	for (size_t i = 0; i < c->o->concentrators.count; i++)
		(void)ip_parse(c->o->concentrators.items[i], &x->addresses[i]);
	x->step = evtimer_new(c->base, on_step_over, c);
	x->retry = evtimer_new(c->base, on_retry, c);
	int r = initiator_open_ppp(c, err);
	return r < 0 ? r : control_read_duid(c, &c->initiator->duid, err);
}

static void stop(struct control *c)
{
	struct initiator *x = c->initiator;
	event_del(x->retry);
	event_del(x->step);
	initiator_forget(c);
	if (x->session && x->session->state < SESSION_ENDING) {
		initiator_clear_host(c);
		if (x->session->ipv6)
			initiator_release_prefix(x->session, clock_monotonic_ms());
		ppp_close(x->session->link, PPP_END_SHUTDOWN, clock_monotonic_ms());
		return;
	}
	take_down(c, true);
	control_ended(c);
}

static void release(struct control *c)
{
	struct initiator *x = c->initiator;
	if (!x)
		return;
	x->session = NULL;
	if (x->dns)
		evdns_base_free(x->dns, 0);
	if (x->step)
		event_free(x->step);
	if (x->retry)
		event_free(x->retry);
	while (!LIST_EMPTY(&c->sessions))
		session_free(LIST_FIRST(&c->sessions));
	initiator_close_ppp(x);
	free(x->reason);
	free(x);
	c->initiator = NULL;
}

const struct control_role initiator_role = { .start = start,
	.told = told,
	.association_up = association_up,
	.association_down = association_down,
	.ike_failed = ike_failed,
	.tunnel_down = tunnel_down,
	.session_up = session_up,
	.session_down = session_down,
	.ipv6 = initiator_ipv6,
	.session_run = session_run,
	.tunnel_changed = tunnel_changed,
	.keeper_message = keeper_message,
	.stop = stop,
	.free = release };
