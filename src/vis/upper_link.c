/* SPDX-License-Identifier: ISC */
#include "vis/upper_link.h"

#include "base/log.h"
#include "net/http_fetch.h"
#include "net/workers.h"
#include "vis/http.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define TICK_MS 1000
#define ADDRESSES_MAX 8

/* A name that is looked up, in a worker. */
struct lookup {
	struct work work;
	struct endpoint endpoint;
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	int n; /* negative: it failed */
	struct error err;
	bool under_way, stale; /* stale: nobody waits for it any more */
};

struct upper_link {
	struct upper_link_config config;
	struct event_base *base;
	struct tls_context *tls;
	struct workers *workers;
	struct upper_plan plan;
	struct endpoint endpoints[UPPERS_MAX];
	char names[UPPERS_MAX][PUSH_NAME_SIZE];
	struct lookup lookup;
	int address; /* which of them is tried */
	struct http_fetch *fetch;
	struct http_keep *keep; /* for files, beside the subscription */
	struct sse_reader *reader;
	bool has_head;
	time_ms window_began; /* monotonic */
	unsigned window_events;
	struct event *tick, *leave;
	enum upper_state leave_as; /* the current upper is to be left, when nobody is busy with it */
	char leave_reason[256];
	struct upper_link_counters counters;
};

static void look_for_work(struct upper_link *l);

int upper_parse(const char *text, struct endpoint *ret, char *ret_name, struct error *err)
{
	const size_t n = strcspn(text, " \t");
	char *where FREE_ON_EXIT = xstrndup(text, n);
	const char *name = text + n + strspn(text + n, " \t");
	int r = endpoint_parse(where, VIS_HTTP_PORT, ret, err);
	if (r < 0)
		return error_prefix(err, r, "upper");
	if (strpbrk(name, " \t"))
		return error_set(err, -EINVAL, "upper: \"%s\" is not HOST[:PORT] [NAME]", text);
	snprintf(ret_name, PUSH_NAME_SIZE, "%s", *name ? name : ret->host);
	return 0;
}

/* ---- the end of an attempt ---- */

static void changed(struct upper_link *l)
{
	if (l->config.on_change)
		l->config.on_change(l->config.user);
}

static void end(struct upper_link *l, enum upper_state how, const char *reason)
{
	const struct upper *u = upper_plan_current(&l->plan);
	uint16_t chance = 0;
	if (!u)
		return;
	(void)RAND_bytes((unsigned char *)&chance, sizeof(chance));
	if (u->state == UPPER_SUBSCRIBED || strcmp(u->reason, reason) != 0)
		log_notice("upper %s is %s: %s", u->name, upper_state_name(how), reason);
	for (size_t i = 0; i < l->config.n_relays; i++)
		relay_set_source(l->config.relays[i], NULL, NULL);
	l->fetch = http_fetch_free(l->fetch);
	http_keep_drop(l->keep);
	l->reader = sse_reader_free(l->reader);
	l->lookup.stale = true;
	event_del(l->leave);
	upper_plan_ended(&l->plan, how, reason, clock_monotonic_ms(), chance);
	changed(l);
	look_for_work(l);
}

/* From inside of what would be freed. */
static void end_soon(struct upper_link *l, enum upper_state how, const char *reason)
{
	if (event_pending(l->leave, EV_TIMEOUT, NULL))
		return; /* the first reason is the reason */
	l->leave_as = how;
	snprintf(l->leave_reason, sizeof(l->leave_reason), "%s", reason);
	event_active(l->leave, EV_TIMEOUT, 0);
}

static void on_leave(evutil_socket_t fd, short what, void *user)
{
	struct upper_link *l = user;
	char reason[sizeof(l->leave_reason)];
	memcpy(reason, l->leave_reason, sizeof(reason));
	end(l, l->leave_as, reason);
}

void upper_link_refused(struct upper_link *l, enum tree_refusal why, const char *reason)
{
	const struct upper *u = upper_plan_current(&l->plan);
	const bool old = why == TREE_EXPIRED, away = why == TREE_UNREACHABLE || why == TREE_MISSING;
	if (u && u->state == UPPER_SUBSCRIBED)
		end_soon(l, old ? UPPER_WITHHOLDING : away ? UPPER_AWAY : UPPER_REFUSED, reason);
}

/* ---- events ---- */

static struct relay *find_relay(const struct upper_link *l, const char *name)
{
	for (size_t i = 0; i < l->config.n_relays; i++)
		if (strcmp(relay_name(l->config.relays[i]), name) == 0)
			return l->config.relays[i];
	return NULL;
}

static void take_path(struct upper_link *l, const struct push_event *e)
{
	struct upper *u = upper_plan_current(&l->plan);
	if (u->state == UPPER_SUBSCRIBED && memcmp(&u->path, &e->path, sizeof(e->path)) == 0)
		return;
	u->path = e->path;
	if (u->state != UPPER_SUBSCRIBED)
		log_notice("subscribed to upper %s", u->name);
	upper_plan_subscribed(&l->plan, clock_monotonic_ms());
	changed(l);
}

/* What it says without end would pass to all who are below us. */
static bool is_flood(struct upper_link *l)
{
	const time_ms now = clock_monotonic_ms();
	if (now - l->window_began > UPPER_EVENTS_MS) {
		l->window_began = now;
		l->window_events = 0;
	}
	return ++l->window_events > UPPER_EVENTS_MAX;
}

static int on_event(const struct sse_event *sse, void *user)
{
	struct upper_link *l = user;
	struct push_event e;
	struct push_path longer;
	struct error err;
	struct relay *r;
	if (is_flood(l)) {
		end_soon(l, UPPER_REFUSED, "it floods us with events");
		return -EBADMSG;
	}
	int code = push_event_read(sse, &e, &err);
	if (code == -ENOENT)
		return 0;
	if (code < 0) {
		end_soon(l, UPPER_REFUSED, err.text);
		return -EBADMSG;
	}
	l->counters.events++;
	/* What came by us already, or from too far away. */
	code = push_path_extend(&e.path, l->config.name, &longer, &err);
	if (code < 0)
		end_soon(l, UPPER_LOOP, err.text);
	else if (!e.is_index)
		take_path(l, &e);
	else if ((r = find_relay(l, e.repository)))
		relay_take(r, &e);
	else
		l->counters.events_strange++;
	push_event_clear(&e);
	return code;
}

/* ---- the subscription ---- */

static void set_sources(struct upper_link *l)
{
	const struct upper *u = upper_plan_current(&l->plan);
	const struct pull_source source = { .tls = l->tls,
		.address = l->lookup.addresses[l->address],
		.name = u->name,
		.host = l->endpoints[l->plan.current].host,
		.keep = l->keep };
	struct push_path path = { .n = 1 };
	snprintf(path.names[0], sizeof(path.names[0]), "%s", u->name);
	for (size_t i = 0; i < l->config.n_relays; i++)
		relay_set_source(l->config.relays[i], &source, &path);
}

static void on_head(struct http_fetch *f, const struct http_head *head, void *user)
{
	struct upper_link *l = user;
	const char *type = http_head_field(head, "content-type");
	char text[128];
	l->has_head = true;
	if (head->status == 200 && type && strncmp(type, SSE_CONTENT_TYPE, strlen(SSE_CONTENT_TYPE)) == 0) {
		set_sources(l);
		return;
	}
	snprintf(text, sizeof(text),
	        head->status == 409 ? "it gets from us what it would give us (status %d)"
	                            : "it answered our subscription with status %d",
	        head->status);
	end_soon(l, head->status == 409 ? UPPER_LOOP : UPPER_AWAY, text);
}

static void on_content(struct http_fetch *f, const uint8_t *content, size_t length, void *user)
{
	struct upper_link *l = user;
	struct error err;
	l->counters.bytes += length;
	if (event_pending(l->leave, EV_TIMEOUT, NULL))
		return;
	int r = sse_read(l->reader, content, length, on_event, l, &err);
	if (r < 0)
		end_soon(l, UPPER_REFUSED, err.text);
}

static void try_address(struct upper_link *l);

static void on_end(struct http_fetch *f, const char *reason, void *user)
{
	struct upper_link *l = user;
	l->fetch = NULL;
	if (!l->has_head && reason && l->address + 1 < l->lookup.n) {
		l->address++;
		try_address(l);
		return;
	}
	end_soon(l, UPPER_AWAY, reason ? reason : "it ended our subscription");
}

static const struct http_fetch_handlers handlers = { on_head, on_content, on_end };

/* Where we stand, and what we want. */
static char *subscription_path(const struct upper_link *l)
{
	char *path = xstrdup("/v1/subscribe?repository=");
	for (size_t i = 0; i < l->config.n_relays; i++) {
		char *longer = xasprintf("%s%s%s", path, i ? "," : "", relay_name(l->config.relays[i]));
		free(path);
		path = longer;
	}
	return path;
}

static char *position_field(const struct upper_link *l)
{
	struct push_positions at = { .n = 0 };
	char text[SSE_ID_MAX + 1];
	for (size_t i = 0; i < l->config.n_relays; i++) {
		struct tree_follow_status status;
		tree_follow_status(relay_follow(l->config.relays[i]), &status);
		(void)push_positions_set(&at, relay_name(l->config.relays[i]), status.held);
	}
	return xasprintf("Last-Event-ID: %s\r\n", push_positions_format(&at, text));
}

static void try_address(struct upper_link *l)
{
	const struct upper *u = upper_plan_current(&l->plan);
	char *path FREE_ON_EXIT = subscription_path(l);
	char *fields FREE_ON_EXIT = position_field(l);
	const struct http_fetch_config config = { .tls = l->tls,
		.address = l->lookup.addresses[l->address],
		.expected_name = u->name,
		.host = l->endpoints[l->plan.current].host,
		.path = path,
		.fields = fields,
		.idle_ms = UPPER_IDLE_MS,
		.handlers = &handlers,
		.user = l };
	struct error err;
	l->has_head = false;
	l->reader = sse_reader_free(l->reader);
	l->reader = sse_reader_new();
	if (http_fetch_new(l->base, &config, &l->fetch, &err) < 0)
		end_soon(l, UPPER_AWAY, err.text);
}

/* ---- names ---- */

static void run_lookup(struct work *w)
{
	struct lookup *k = (struct lookup *)w;
	k->n = endpoint_resolve(&k->endpoint, k->addresses, ADDRESSES_MAX, &k->err);
}

static void lookup_done(struct work *w)
{
	struct lookup *k = (struct lookup *)w;
	struct upper_link *l = (struct upper_link *)((char *)k - offsetof(struct upper_link, lookup));
	k->under_way = false;
	if (k->stale) {
		look_for_work(l);
		return;
	}
	l->address = 0;
	if (k->n < 0)
		end(l, UPPER_AWAY, k->err.text);
	else
		try_address(l);
}

static void look_for_work(struct upper_link *l)
{
	int ms;
	if (l->lookup.under_way)
		return;
	if (!upper_plan_due(&l->plan, clock_monotonic_ms(), &ms)) {
		const int wait = ms >= 0 ? MIN(ms, TICK_MS) : TICK_MS;
		const struct timeval tv = { wait / 1000, wait % 1000 * 1000 };
		event_add(l->tick, &tv);
		return;
	}
	l->lookup.endpoint = l->endpoints[l->plan.current];
	l->lookup.stale = false;
	l->lookup.under_way = true;
	workers_submit(l->workers, &l->lookup.work);
}

/* Whether the current upper owes us something for so long that another one may know more. */
static void check_patience(struct upper_link *l)
{
	for (size_t i = 0; i < l->config.n_relays; i++) {
		const struct tree_index *index = tree_follow_index(relay_follow(l->config.relays[i]));
		const int64_t life = index ? (index->expires - index->time) / 3 : UPPER_NOTHING_MS;
		const char *why = relay_overdue(l->config.relays[i], clock_wall_ms());
		if (!why ||
		        !upper_plan_impatient(
		                &l->plan, clock_monotonic_ms(), MIN(life, (int64_t)UPPER_PATIENCE_MS)))
			continue;
		char *reason FREE_ON_EXIT = xasprintf("%s: %s", relay_name(l->config.relays[i]), why);
		end(l, UPPER_WITHHOLDING, reason);
		return;
	}
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
	struct upper_link *l = user;
	const struct timeval tv = { TICK_MS / 1000, TICK_MS % 1000 * 1000 };
	event_add(l->tick, &tv);
	check_patience(l);
	look_for_work(l);
}

/* ---- life ---- */

static int open_tls(struct upper_link *l, struct error *err)
{
	const struct upper_link_config *c = &l->config;
	const struct tls_config config = { .ca_path = c->ca,
		.crl_path = c->crl && *c->crl ? c->crl : NULL,
		.certificate_path = c->certificate,
		.key_path = c->key,
		.peer_roles = TLS_ROLE(ROLE_VIS) };
	if (!c->ca || !c->certificate || !c->key)
		return error_set(err, -EINVAL, "upper needs ca, certificate and key");
	int r = tls_context_new(&config, &l->tls, err);
	return r < 0 ? r : tls_context_watch(l->tls, l->base, TLS_WATCH_MS, NULL, NULL);
}

static int take_uppers(struct upper_link *l, struct error *err)
{
	const char *names[UPPERS_MAX];
	if (l->config.n_uppers > UPPERS_MAX)
		return error_set(err, -E2BIG, "more than %d uppers", UPPERS_MAX);
	for (size_t i = 0; i < l->config.n_uppers; i++) {
		int r = upper_parse(l->config.uppers[i], &l->endpoints[i], l->names[i], err);
		if (r < 0)
			return r;
		names[i] = l->names[i];
		if (strcmp(names[i], l->config.name) == 0)
			return error_set(err, -ELOOP, "upper %s has our own name", names[i]);
	}
	upper_plan_init(&l->plan, names, l->config.n_uppers);
	return 0;
}

int upper_link_open(struct event_base *base, const struct upper_link_config *config, struct upper_link **ret,
        struct error *err)
{
	struct upper_link *l = xcalloc(1, sizeof(*l));
	l->config = *config;
	l->base = base;
	l->keep = http_keep_new();
	l->lookup.work = (struct work){ .run = run_lookup, .done = lookup_done };
	l->tick = event_new(base, -1, 0, on_tick, l);
	l->leave = event_new(base, -1, 0, on_leave, l);
	int r = take_uppers(l, err);
	if (r == 0)
		r = open_tls(l, err);
	if (r == 0)
		r = workers_new(base, &l->workers, err);
	if (r == 0)
		r = workers_start(l->workers, err);
	if (r < 0) {
		upper_link_close(l);
		return r;
	}
	event_active(l->tick, EV_TIMEOUT, 0);
	*ret = l;
	return 0;
}

struct upper_link *upper_link_close(struct upper_link *l)
{
	if (!l)
		return NULL;
	l->lookup.stale = true;
	l->plan.n = 0; /* nobody is asked any more */
	workers_free(l->workers);
	for (size_t i = 0; i < l->config.n_relays; i++)
		relay_set_source(l->config.relays[i], NULL, NULL);
	http_fetch_free(l->fetch);
	http_keep_free(l->keep);
	sse_reader_free(l->reader);
	event_free(l->tick);
	event_free(l->leave);
	tls_context_free(l->tls);
	free(l);
	return NULL;
}

const struct upper_plan *upper_link_plan(const struct upper_link *l)
{
	return &l->plan;
}

void upper_link_get_counters(const struct upper_link *l, struct upper_link_counters *ret)
{
	*ret = l->counters;
}
