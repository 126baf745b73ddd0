/* SPDX-License-Identifier: ISC */
/* GET /v1/events: what was, one JSON object a line, and with follow=1 what happens from then on, each when it
 * is durable. */
#include "server/api.h"

#include <stdio.h>
#include <string.h>

#define EVENTS_DEFAULT 100
#define EVENTS_LIMIT 10000

struct event_follower {
	LIST_ENTRY(event_follower) entry;
	struct server *server;
	struct http_request *request;
	char who[300]; /* its caller's, and until when he may */
	time_ms until;
};

json_t *api_event_to_json(const struct store_event *e)
{
	char mac[MAC_TEXT_SIZE];
	json_t *j = json_object();
	json_object_set_new(j, "id", json_integer(e->id));
	json_object_set_new(j, "at", api_time(e->at));
	json_object_set_new(j, "kind", api_text(e->kind));
	json_object_set_new(j, "node", api_text(e->node));
	if (e->enforcement_point) {
		json_object_set_new(j, "enforcement_point", api_text(e->enforcement_point));
		json_object_set_new(j, "port", api_text(e->port));
		json_object_set_new(j, "mac", json_string(mac_format(&e->mac, mac)));
	}
	json_object_set_new(j, "text", api_text(e->text));
	return j;
}

/* Negative where the client does not read; it is gone soon. */
static int write_line(struct http_request *r, const struct store_event *e)
{
	json_t *j = api_event_to_json(e);
	char *text = json_dumps(j, JSON_COMPACT);
	char *line = text ? xasprintf("%s\n", text) : NULL;
	int code = line ? http_reply_write(r, line, strlen(line)) : 0;
	free(line);
	free(text);
	json_decref(j);
	return code;
}

static int write_stored(const struct store_event *e, void *context)
{
	return write_line(context, e);
}

static void follower_free(struct event_follower *f)
{
	LIST_REMOVE(f, entry);
	f->server->n_followers--;
	free(f);
}

static void follower_gone(void *context)
{
	follower_free(context);
}

static void follow(struct server *s, struct http_request *r)
{
	struct event_follower *f = xcalloc(1, sizeof(*f));
	f->server = s;
	f->request = r;
	f->until = s->caller->until;
	snprintf(f->who, sizeof(f->who), "%s", s->caller->who);
	LIST_INSERT_HEAD(&s->followers, f, entry);
	s->n_followers++;
	http_request_on_gone(r, follower_gone, f);
}

static void handle_events(struct http_request *r, void *user)
{
	struct server *s = user;
	int64_t after, limit, following;
	if (!api_number(r, "after", -1, -1, INT64_MAX, &after) ||
	        !api_number(r, "limit", EVENTS_DEFAULT, 0, EVENTS_LIMIT, &limit) ||
	        !api_number(r, "follow", 0, 0, 1, &following))
		return;
	if (following && s->n_followers >= SERVER_FOLLOWERS_MAX) {
		s->site->counters.api_refused++;
		http_reply_error(r, 503, "%d clients follow already", SERVER_FOLLOWERS_MAX);
		return;
	}
	if (following)
		follow(s, r);
	http_reply_begin(r, 200, "application/x-ndjson");
	int code = store_each_event(s->store, after, (size_t)limit, write_stored, r, NULL);
	if (!following && code == 0)
		http_reply_end(r);
}

/* An orderly end of the answer. */
static void end(struct event_follower *f)
{
	struct http_request *r = f->request;
	follower_free(f);
	http_request_on_gone(r, NULL, NULL);
	http_reply_end(r);
}

void api_event(struct server *s, const struct store_event *e)
{
	struct event_follower *f = LIST_FIRST(&s->followers), *next;
	for (; f; f = next) {
		next = LIST_NEXT(f, entry);
		if (f->until && f->until <= e->at)
			end(f);
		else if (write_line(f->request, e) < 0)
			s->site->counters.followers_dropped++;
	}
}

void api_drop_followers_of(struct server *s, const char *who)
{
	struct event_follower *f = LIST_FIRST(&s->followers), *next;
	for (; f; f = next) {
		next = LIST_NEXT(f, entry);
		if (strcmp(f->who, who) == 0)
			end(f);
	}
}

void api_drop_followers(struct server *s)
{
	struct event_follower *f = LIST_FIRST(&s->followers), *next;
	for (; f; f = next) {
		next = LIST_NEXT(f, entry);
		follower_free(f);
	}
}

static const struct api_route routes[] = {
	{ "GET", "/v1/events", handle_events, API_VIEWER, 0,
	        "What happened, and with follow=1 what happens; the newest where `after` is not given",
	        "after:integer limit:integer follow:integer", NULL, 200, "Event*" },
};
const struct api_family api_event_family = { routes, ARRAY_LENGTH(routes) };
