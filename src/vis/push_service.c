/* SPDX-License-Identifier: ISC */
/*
 * What the front does for the VISes below us: streams of events, in which every new index of a signed
 * repository goes on at once with its deltas (push_event.h), and the repositories' files for whoever lacks
 * more. We add nothing to what the publisher has signed, and believe nobody's word about it.
 *
 *   GET /v1/subscribe?repository=NAME,NAME     Last-Event-ID, or from=: where the subscriber stands
 *   GET /v1/repositories/NAME/FILE             index.json, N.root.json
 *   GET /v1/repositories/NAME/files/FILE       SHA256.zst; Range
 *   GET /v1/tree                               uppers, children, repositories
 */
#include "vis/push_files.h"
#include "vis/services.h"

#include "base/log.h"
#include "net/http_feed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define READERS \
	(TLS_ROLE(ROLE_VIS) | TLS_ROLE(ROLE_SERVER) | TLS_ROLE(ROLE_MONITOR) | TLS_ROLE(ROLE_OPERATOR))
#define WANTED_TEXT_MAX (PUSH_REPOSITORIES_MAX * TREE_NAME_SIZE)

/* One who is subscribed. */
struct child {
	char name[PUSH_NAME_SIZE];
	char *wanted; /* ",central,site,"; NULL: every repository */
	struct push_positions at;
	time_ms since; /* wall */
};

struct push {
	const struct front_context *context;
	struct http_feed *feed;
	struct push_files *files;
	char name[PUSH_NAME_SIZE]; /* ours; "" until the parent has said it */
	struct push_path path;     /* ourselves, then those above us */
	struct served *repositories[PUSH_REPOSITORIES_MAX];
	size_t n_repositories;
	json_t *uppers; /* as they are shown */
};

/* ---- telling ---- */

static bool is_wanted(const struct child *c, const char *repository)
{
	char *name FREE_ON_EXIT = xasprintf(",%s,", repository);
	return !c->wanted || strstr(c->wanted, name);
}

static void send_event(struct http_subscriber *s, const struct push_event *e)
{
	const struct child *c = http_feed_of(s);
	struct writer data = wr_make(SSE_EVENT_MAX);
	char id[SSE_ID_MAX + 1];
	struct sse_event sse = { .type = e->is_index ? PUSH_TYPE_INDEX : PUSH_TYPE_PATH, .id = "" };
	if (e->is_index)
		sse.id = push_positions_format(&c->at, id);
	if (push_event_write(&data, e) == 0) {
		sse.data = (const char *)data.data;
		sse.length = data.length;
		(void)http_feed_send(s, &sse);
	}
	wr_free(&data);
}

static void send_repository(struct http_subscriber *s, const struct served *r)
{
	struct child *c = http_feed_of(s);
	struct push_event e;
	struct tree_point at = push_positions_get(&c->at, r->name);
	if (!r->bytes || !is_wanted(c, r->name) || tree_point_order(at, r->index.point) >= 0)
		return;
	served_event(r, at, &e);
	if (push_positions_set(&c->at, r->name, r->index.point))
		send_event(s, &e);
	push_event_clear(&e);
}

static void send_path(struct push *p, struct http_subscriber *s)
{
	const struct push_event e = { .path = p->path };
	send_event(s, &e);
}

/* A child that is above us would tell us what we told it. */
static void tell_path(struct push *p)
{
	for (struct http_subscriber *s = http_feed_next(p->feed, NULL), *next; s; s = next) {
		const struct child *c = http_feed_of(s);
		next = http_feed_next(p->feed, s);
		send_path(p, s);
		if (push_path_has(&p->path, c->name))
			http_feed_end(s);
	}
}

/* For who monitors us: they are shown by our parent. */
static void count(const struct push *p)
{
	http_feed_get_counters(p->feed, &vis_http_counters(p->context->http)->feed);
}

static void tell_repository(struct push *p, const struct served *r)
{
	for (struct http_subscriber *s = http_feed_next(p->feed, NULL); s; s = http_feed_next(p->feed, s))
		send_repository(s, r);
	count(p);
}

/* ---- what the parent says ---- */

static void take_path(const struct ipc_vis_name *names, size_t n, struct push_path *ret)
{
	ret->n = MIN(n, (size_t)PUSH_PATH_MAX);
	for (size_t i = 0; i < ret->n; i++)
		snprintf(ret->names[i], sizeof(ret->names[i]), "%s", names[i].name);
}

static struct served *find_repository(struct push *p, const char *name)
{
	for (size_t i = 0; i < p->n_repositories; i++)
		if (strcmp(p->repositories[i]->name, name) == 0)
			return p->repositories[i];
	return NULL;
}

static void take_repository(struct push *p, const struct ipc_repository *m)
{
	struct served *r = find_repository(p, m->name);
	struct error err;
	if (!r && p->n_repositories == PUSH_REPOSITORIES_MAX) {
		log_error("repository %s: there are %d already", m->name, PUSH_REPOSITORIES_MAX);
		return;
	}
	if (!r)
		r = p->repositories[p->n_repositories++] = served_new(m->name, m->directory);
	take_path(m->path, m->n_path, &r->path);
	int changed = served_load(r, &err);
	if (changed < 0)
		log_error("repository %s stays as it was for the VISes below: %s", m->name, err.text);
	if (changed > 0) {
		tell_repository(p, r);
		misses_changed(p->context->misses, true);
	}
	push_files_changed(p->files);
}

/* By a source of the configuration that is loaded when it is needed. */
static bool is_on_demand(const struct front_config *c, const char *ecosystem)
{
	char canonical[ECOSYSTEM_NAME_MAX];
	enum version_ecosystem order;
	if (ecosystem_canonical(ecosystem, canonical, &order) < 0)
		return false;
	for (size_t i = 0; i < c->n_sources; i++)
		if (source_config_answers(c->sources[i], canonical))
			return true;
	return false;
}

static bool is_listed(const char *ecosystem, void *user)
{
	const struct push *p = user;
	if (is_on_demand(p->context->config, ecosystem))
		return true;
	for (size_t i = 0; i < p->n_repositories; i++)
		if (p->repositories[i]->bytes && tree_index_lists(&p->repositories[i]->index, ecosystem))
			return true;
	return false;
}

static void tell(void *state, uint64_t generation)
{
	const struct push *p = state;
	misses_changed(p->context->misses, false);
}

static void take_uppers(struct push *p, const struct ipc_uppers *m)
{
	struct push_path above = { .n = 0 }, path;
	struct error err;
	json_decref(p->uppers);
	p->uppers = json_array();
	for (size_t i = 0; i < m->n_uppers; i++) {
		const struct ipc_vis_upper *u = &m->uppers[i];
		char since[CLOCK_TEXT_SIZE];
		json_array_append_new(p->uppers,
		        json_pack("{s:s, s:s, s:s, s:s, s:I}", "name", u->name, "state", u->state, "since",
		                clock_format(u->since_ms, since), "reason", u->reason, "attempts",
		                (json_int_t)u->attempts));
		if (u->n_path)
			take_path(u->path, u->n_path, &above);
	}
	snprintf(p->name, sizeof(p->name), "%s", m->name);
	if (push_path_extend(&above, p->name, &path, &err) < 0 || memcmp(&path, &p->path, sizeof(path)) == 0)
		return;
	p->path = path;
	tell_path(p);
}

static void take(void *state, const struct ipc_message *m)
{
	if (m->number == IPC_REPOSITORY)
		take_repository(state, m->body);
	else if (m->number == IPC_UPPERS)
		take_uppers(state, m->body);
}

/* ---- subscribing ---- */

static void free_child(void *of_subscriber, void *user)
{
	struct child *c = of_subscriber;
	count(user);
	log_info("%s left", c->name);
	free(c->wanted);
	free(c);
}

static void name_child(const struct http_request *r, struct child *c)
{
	const struct identity *peer = http_request_peer(r);
	uid_t uid = 0;
	if (peer)
		snprintf(c->name, sizeof(c->name), "%s", peer->name);
	else if (http_request_user(r, &uid) == 0)
		snprintf(c->name, sizeof(c->name), "local user %u", (unsigned)uid);
}

/* Whether r may become a subscriber; answered where it may not. */
static bool may_subscribe(const struct push *p, struct http_request *r, const struct child *c)
{
	char text[PUSH_PATH_TEXT_SIZE];
	if (!*p->name) {
		http_reply_error(r, 503, "not ready yet");
		return false;
	}
	if (!push_path_has(&p->path, c->name))
		return true;
	http_reply_error(
	        r, 409, "a loop: what is here comes from %s (%s)", c->name, push_path_format(&p->path, text));
	return false;
}

/* Nobody takes the places of others, and who comes again and again is not kept out by what he left behind. */
static void end_oldest(struct push *p, const char *name)
{
	struct http_subscriber *oldest = NULL;
	size_t n = 0;
	for (struct http_subscriber *s = http_feed_next(p->feed, NULL); s; s = http_feed_next(p->feed, s)) {
		const struct child *c = http_feed_of(s);
		if (strcmp(c->name, name) != 0)
			continue;
		n++;
		oldest = oldest ? oldest : s;
	}
	if (n < PUSH_SUBSCRIPTIONS_MAX)
		return;
	log_notice("%s has %d subscriptions: its oldest ends for a new one", name, PUSH_SUBSCRIPTIONS_MAX);
	http_feed_end(oldest);
}

static void subscribe(struct http_request *r, void *user)
{
	struct push *p = user;
	const char *last = http_request_field(r, "Last-Event-ID");
	char wanted[WANTED_TEXT_MAX], from[SSE_ID_MAX + 1];
	struct child *c = xcalloc(1, sizeof(*c));
	name_child(r, c);
	c->since = clock_wall_ms();
	/* An id that is not ours is one of another server: from the beginning. */
	if (!last && http_request_query(r, "from", from, sizeof(from)) == 0)
		last = from;
	if (last)
		(void)push_positions_parse(last, &c->at);
	if (http_request_query(r, "repository", wanted, sizeof(wanted)) == 0)
		c->wanted = xasprintf(",%s,", wanted);
	struct http_subscriber *s = NULL;
	if (may_subscribe(p, r, c)) {
		end_oldest(p, c->name);
		s = http_feed_join(p->feed, r, c);
	}
	if (!s) {
		free_child(c, p);
		return;
	}
	log_info("%s came", c->name);
	send_path(p, s);
	for (size_t i = 0; i < p->n_repositories; i++)
		send_repository(s, p->repositories[i]);
	count(p);
}

/* ---- showing ---- */

static json_t *path_json(const struct push_path *path)
{
	json_t *names = json_array();
	for (size_t i = 0; i < path->n; i++)
		json_array_append_new(names, json_string(path->names[i]));
	return names;
}

/* What a child chose; null: every repository. */
static json_t *wanted_json(const struct child *c)
{
	if (!c->wanted)
		return json_null();
	json_t *names = json_array();
	for (const char *at = c->wanted; *at;) {
		at += strspn(at, ",");
		const size_t n = strcspn(at, ",");
		if (n)
			json_array_append_new(names, json_stringn(at, n));
		at += n;
	}
	return names;
}

static json_t *children_json(struct push *p)
{
	json_t *all = json_array();
	for (struct http_subscriber *s = http_feed_next(p->feed, NULL); s; s = http_feed_next(p->feed, s)) {
		const struct child *c = http_feed_of(s);
		char since[CLOCK_TEXT_SIZE], at[SSE_ID_MAX + 1];
		json_array_append_new(all,
		        json_pack("{s:s, s:s, s:s, s:o}", "name", c->name, "since",
		                clock_format(c->since, since), "at", push_positions_format(&c->at, at),
		                "wanted", wanted_json(c)));
	}
	return all;
}

static json_t *repositories_json(const struct push *p)
{
	json_t *all = json_array();
	const time_ms now = clock_wall_ms();
	for (size_t i = 0; i < p->n_repositories; i++) {
		const struct served *r = p->repositories[i];
		char point[TREE_POINT_SIZE], time[CLOCK_TEXT_SIZE], expires[CLOCK_TEXT_SIZE];
		json_array_append_new(all,
		        r->bytes ? json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "name", r->name, "point",
		                           tree_point_format(r->index.point, point), "time",
		                           clock_format(r->index.time, time), "expires",
		                           clock_format(r->index.expires, expires), "stale",
		                           r->index.expires < now, "path", path_json(&r->path))
		                 : json_pack("{s:s, s:n}", "name", r->name, "point"));
	}
	return all;
}

static void show_tree(struct http_request *r, void *user)
{
	struct push *p = user;
	http_reply_json(r, 200,
	        json_pack("{s:s, s:o, s:O, s:o, s:o}", "name", p->name, "path", path_json(&p->path), "uppers",
	                p->uppers, "children", children_json(p), "repositories", repositories_json(p)));
}

/* ---- files ---- */

static void send_metadata(struct http_request *r, void *user)
{
	struct push *p = user;
	push_files_metadata(r, find_repository(p, http_request_parameter(r, "repository")),
	        http_request_parameter(r, "file"));
}

static void send_file(struct http_request *r, void *user)
{
	struct push *p = user;
	push_files_send(p->files, r, find_repository(p, http_request_parameter(r, "repository")),
	        http_request_parameter(r, "file"));
}

/* ---- the service ---- */

static const struct vis_route routes[] = {
	{ { "GET", "/v1/subscribe", subscribe, READERS, 0 },
	        "New indexes of signed repositories, as they come", "repository:string from:string", NULL,
	        "text/event-stream" },
	{ { "GET", "/v1/tree", show_tree, READERS, 0 }, "The VISes above and below", NULL, NULL, "Tree" },
	{ { "GET", "/v1/repositories/{repository}/{file}", send_metadata, VIS_HTTP_READERS, 0 },
	        "What a signed repository's publisher has signed", NULL, NULL, "any" },
	{ { "GET", "/v1/repositories/{repository}/files/{file}", send_file, VIS_HTTP_READERS, 0 },
	        "A file of a signed repository", NULL, NULL, "application/zstd" },
};

static void close_push(void *state)
{
	struct push *p = state;
	misses_set_lister(p->context->misses, NULL, NULL);
	push_files_free(p->files);
	http_feed_free(p->feed);
	for (size_t i = 0; i < p->n_repositories; i++)
		served_free(p->repositories[i]);
	json_decref(p->uppers);
	free(p);
}

static int open_push(const struct front_context *c, void **ret_state, struct error *err)
{
	struct push *p = xcalloc(1, sizeof(*p));
	p->context = c;
	p->uppers = json_array();
	const struct http_feed_config feed = { .subscribers_max = PUSH_SUBSCRIBERS_MAX,
		.queue_max = PUSH_QUEUE_MAX,
		.memory_max = PUSH_MEMORY_MAX,
		.alive_ms = PUSH_ALIVE_MS,
		.on_leave = free_child,
		.user = p };
	int r = http_feed_new(c->base, &feed, &p->feed);
	p->files = push_files_new(c->base, c->parent);
	misses_set_lister(c->misses, is_listed, p);
	if (r == 0)
		r = vis_http_add_routes(c->http, routes, ARRAY_LENGTH(routes), p);
	if (r < 0) {
		close_push(p);
		return error_set(err, r, "the routes of the tree cannot be made");
	}
	*ret_state = p;
	return 0;
}

const struct front_service push_service = {
	.open = open_push, .tell = tell, .take = take, .close = close_push
};
