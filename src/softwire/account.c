/* SPDX-License-Identifier: ISC */
/*
 * What sessions use and when they end by it: the data plane's counters, read every few seconds, go to the
 * table that people see, to accounting, and to the timeouts. A session's stop record waits for its last
 * counters.
 */
#include "softwire/concentrator.h"
#include "softwire/enforcer_link.h"

#include <stdio.h>
#include <string.h>

#define COUNT_BATCH 1024
#define NOTHING_REQUESTED 0 /* the request number of the readings of all */

static void usage_of(const struct session *s, struct aaa_usage *ret)
{
	*ret = (struct aaa_usage){ .bytes_in = s->usage.in_bytes,
		.bytes_out = s->usage.out_bytes,
		.packets_in = s->usage.in_packets,
		.packets_out = s->usage.out_packets };
}

void account_addresses(const struct session *s, struct aaa_addresses *ret, struct ip_address ret_addresses[])
{
	const struct assignment *a = &s->assignment;
	for (size_t i = 0; i < a->n_addresses; i++)
		ret_addresses[i] = assignment_addresses(a)[i].address;
	*ret = (struct aaa_addresses){ .ipv4 = a->ipv4 ? &a->ipv4_address : NULL,
		.interface_id = s->ipv6 ? a->interface_id : NULL,
		.prefixes = a->prefixes,
		.n_prefixes = a->n_framed,
		.delegated = a->n_delegated ? assignment_delegated(a) : NULL,
		.n_delegated = a->n_delegated,
		.addresses = ret_addresses,
		.n_addresses = a->n_addresses };
}

void account_on_usage(struct aaa_account *account, void *user_data)
{
	struct session *s = user_data;
	struct aaa_usage usage;
	usage_of(s, &usage);
	aaa_account_interim(account, &usage, NULL);
}

void account_start(struct session *s)
{
	struct control *c = s->control;
	struct ip_address single[ASSIGNMENT_PREFIXES_MAX];
	struct aaa_addresses addresses;
	char tunnel[24];
	const struct aaa_port port = { .name = s->port,
		.number = (uint32_t)s->tunnel << 16 | s->session,
		.machine = s->machine,
		.remote = s->path.remote,
		.local = s->path.local,
		.tunnel = tunnel };
	snprintf(tunnel, sizeof(tunnel), "%u", s->tunnel);
	if (!c->concentrator->aaa)
		return;
	account_addresses(s, &addresses, single);
	s->account = aaa_account_start(c->concentrator->aaa, s->exchange, &port,
	        *s->user ? s->user : s->machine, &addresses, account_on_usage, s);
	if (!s->account)
		events_note(c->events, LOG_LEVEL_ERROR, "accounting", "%s has no account: there are too many",
		        s->port);
	s->exchange = aaa_exchange_free(s->exchange);
}

/* ---- the end ---- */

static void stop(struct session *s)
{
	struct concentrator *x = s->control->concentrator;
	struct aaa_usage usage;
	usage_of(s, &usage);
	s->account =
	        aaa_account_stop(s->account, &usage, (enum aaa_cause)(s->cause ? s->cause : AAA_NAS_ERROR));
	table_remove(x->counting, &s->count_request, sizeof(s->count_request));
	struct control *c = s->control;
	session_free(s);
	c->work = true;
}

void account_end(struct session *s, time_ms now)
{
	struct concentrator *x = s->control->concentrator;
	struct ipc_session_key key = { s->tunnel, s->session };
	struct ipc_count m = { .sessions = &key, .n_sessions = 1 };
	if (++x->last_request == NOTHING_REQUESTED)
		x->last_request++;
	m.request = s->count_request = x->last_request;
	if (s->account)
		control_send_plane(s->control, IPC_COUNT, &m);
	session_end_plane(s);
	s->control->work = true;
	if (!s->account) {
		session_free(s);
		return;
	}
	table_set(x->counting, &s->count_request, sizeof(s->count_request), s);
	timer_set(&s->control->timers, &s->timer, now + CONCENTRATOR_LAST_COUNT_MS);
	control_schedule(s->control);
}

void account_give_up(struct session *s)
{
	stop(s);
}

/* ---- counters ---- */

static uint64_t speed(uint64_t bytes, time_ms elapsed)
{
	return elapsed > 0 ? bytes * 8000 / (uint64_t)elapsed : 0;
}

static void take_count(struct session *s, const struct ipc_session_count *n, time_ms now)
{
	const struct session_usage before = s->usage;
	s->usage = (struct session_usage){ n->in_packets, n->in_bytes, n->out_packets, n->out_bytes,
		n->spoofed, n->limited, n->dropped, n->last_in_ms };
	if (s->counted) {
		s->speed_in = speed(n->in_bytes - MIN(before.in_bytes, n->in_bytes), now - s->counted);
		s->speed_out = speed(n->out_bytes - MIN(before.out_bytes, n->out_bytes), now - s->counted);
	}
	s->counted = now;
	if (n->in_packets != before.in_packets)
		s->active = now;
	if (s->idle_ms && s->state == SESSION_OPEN)
		timer_set(&s->control->timers, &s->timer, now);
	if (n->spoofed > before.spoofed)
		events_note(s->control->events, LOG_LEVEL_WARNING, "spoofed",
		        "%s sent %llu packets from addresses that are not its own", s->port,
		        (unsigned long long)(n->spoofed - before.spoofed));
}

void account_counted(struct control *c, const struct ipc_counted *m)
{
	const time_ms now = clock_monotonic_ms();
	struct session *last = m->request == NOTHING_REQUESTED
	        ? NULL
	        : table_get(c->concentrator->counting, &m->request, sizeof(m->request));
	for (size_t i = 0; i < m->n_sessions; i++) {
		struct session *s =
		        last ? last : session_find(c, m->sessions[i].tunnel, m->sessions[i].session);
		if (s && s->tunnel == m->sessions[i].tunnel && s->session == m->sessions[i].session)
			take_count(s, &m->sessions[i], now);
	}
	if (last)
		stop(last);
}

static void remember(struct control *c, time_ms now)
{
	struct session *s;
	struct aaa_usage usage;
	if (now - c->concentrator->noted < CONCENTRATOR_NOTE_MS)
		return;
	c->concentrator->noted = now;
	LIST_FOREACH(s, &c->sessions, all)
		if (s->account) {
			usage_of(s, &usage);
			aaa_account_note(s->account, &usage);
		}
}

static void on_count(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	struct ipc_session_key keys[COUNT_BATCH];
	struct ipc_count m = { .request = NOTHING_REQUESTED, .sessions = keys };
	struct session *s;
	LIST_FOREACH(s, &c->sessions, all) {
		if (s->state != SESSION_OPEN)
			continue;
		keys[m.n_sessions++] = (struct ipc_session_key){ s->tunnel, s->session };
		if (m.n_sessions == COUNT_BATCH) {
			control_send_plane(c, IPC_COUNT, &m);
			m.n_sessions = 0;
		}
	}
	if (m.n_sessions)
		control_send_plane(c, IPC_COUNT, &m);
	remember(c, clock_monotonic_ms());
}

/* ---- timeouts ---- */

/* Keepalives are no use of the softwire: packets are. */
static time_ms idle_since(const struct session *s)
{
	return MAX(s->active, s->opened);
}

/* Silence is what a count has found out: between two of them nobody knows. */
enum ppp_end account_expired(const struct session *s, time_ms now)
{
	if (s->until && now >= s->until)
		return PPP_END_TIMEOUT;
	if (s->idle_ms && s->counted >= idle_since(s) + s->idle_ms)
		return PPP_END_IDLE;
	return PPP_N_ENDS;
}

time_ms account_due(const struct session *s)
{
	return s->until ? s->until : TIMER_NEVER;
}

/* ---- what AAA orders ---- */

static enum aaa_error_cause on_disconnect(struct aaa_account *account, void *user_data)
{
	concentrator_end(user_data, PPP_END_ADMIN, "disconnected by AAA", clock_monotonic_ms());
	return AAA_DONE;
}

static enum aaa_error_cause on_change(
        struct aaa_account *account, const struct aaa_profile *change, void *user_data)
{
	struct session *s = user_data;
	const time_ms now = clock_monotonic_ms();
	const unsigned known = AAA_HAS_SESSION_TIMEOUT | AAA_HAS_IDLE_TIMEOUT | AAA_HAS_SEGMENT |
	        AAA_HAS_RATE_UP | AAA_HAS_RATE_DOWN | AAA_HAS_INTERIM;
	if (s->state != SESSION_OPEN)
		return AAA_SESSION_NOT_FOUND;
	if (change->has & ~known)
		return AAA_UNSUPPORTED_ATTRIBUTE;
	if (change->has & AAA_HAS_SESSION_TIMEOUT)
		s->until = now + change->session_timeout_s * 1000LL;
	if (change->has & AAA_HAS_IDLE_TIMEOUT)
		s->idle_ms = change->idle_timeout_s * 1000LL;
	if (change->has & AAA_HAS_RATE_UP)
		s->rate_in = change->rate_up;
	if (change->has & AAA_HAS_RATE_DOWN)
		s->rate_out = change->rate_down;
	if (change->has & AAA_HAS_SEGMENT) {
		free(s->wanted_segment);
		s->wanted_segment = xstrdup(change->segment);
		enforcer_link_tell(s->control->concentrator->enforcer, s, true);
	}
	if (change->has & (AAA_HAS_RATE_UP | AAA_HAS_RATE_DOWN))
		session_tell_plane(s);
	events_note(s->control->events, LOG_LEVEL_NOTICE, "changed", "%s is changed by AAA", s->port);
	concentrator_session_run(s, now);
	return AAA_DONE;
}

static void on_notice(const char *text, void *user)
{
	events_note(((struct control *)user)->events, LOG_LEVEL_NOTICE, "aaa", "%s", text);
}

/* ---- life ---- */

static bool has_aaa(const struct softwire_options *o)
{
	return *o->aaa.users_file || o->aaa.servers.count + o->aaa.radsec_servers.count > 0;
}

int account_open(struct control *c, struct error *err)
{
	struct concentrator *x = c->concentrator;
	const struct aaa_handlers handlers = { on_disconnect, on_change, on_notice, c, x->disk };
	const struct timeval every = { CONCENTRATOR_COUNT_MS / 1000, CONCENTRATOR_COUNT_MS % 1000 * 1000 };
	char *directory FREE_ON_EXIT = xasprintf("%s/accounting", c->o->state_directory);
	x->noted = clock_monotonic_ms();
	x->count_event = event_new(c->base, -1, EV_PERSIST, on_count, c);
	if (!x->count_event || event_add(x->count_event, &every) < 0)
		return error_set(err, -1, "no event loop");
	return has_aaa(c->o) ? aaa_new(c->base, &c->o->aaa, directory, &handlers, &x->aaa, err) : 0;
}

/* Sessions that still are stay open for the next process. */
void account_close(struct control *c)
{
	struct concentrator *x = c->concentrator;
	struct session *s;
	LIST_FOREACH(s, &c->sessions, all) {
		s->exchange = aaa_exchange_free(s->exchange);
		s->account = aaa_account_leave(s->account);
	}
	x->aaa = aaa_free(x->aaa);
	if (x->count_event)
		event_free(x->count_event);
	x->count_event = NULL;
}

static void on_flushed(void *user)
{
	control_ended(user);
}

void account_flush(struct control *c)
{
	c->concentrator->is_flushing = true;
	if (c->concentrator->aaa)
		aaa_flush(c->concentrator->aaa, on_flushed, c);
	else
		control_ended(c);
}
