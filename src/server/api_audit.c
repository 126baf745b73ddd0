/* SPDX-License-Identifier: ISC */
/* The audit: who changed what, from where, and whether it was done; and GET /v1/audit. */
#include "server/api.h"

#include <errno.h>
#include <string.h>

#define AUDIT_DEFAULT 100
#define AUDIT_LIMIT 10000

/* ---- writing ---- */

/* The text of JSON that is taken over; NULL for none, and for more than fits. */
static char *text_of(json_t *j)
{
	char *text = j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
	json_decref(j);
	if (text && strlen(text) > STORE_AUDIT_TEXT_MAX)
		free(TAKE_POINTER(text));
	return text;
}

void api_audit_as(struct server *s, const char *who, const char *origin, const char *action,
        const char *subject, json_t *before, json_t *after, const char *result)
{
	char *old FREE_ON_EXIT = text_of(before), *new FREE_ON_EXIT = text_of(after);
	const struct store_audit a = { .at = clock_wall_ms(),
		.who = who,
		.origin = origin,
		.action = action,
		.subject = subject,
		.before = old,
		.after = new,
		.result = result };
	store_put_audit(s->store, &a);
}

void api_audit(struct server *s, const char *action, const char *subject, json_t *before, json_t *after,
        const char *result)
{
	const struct api_caller *c = s->caller;
	api_audit_as(
	        s, c ? c->who : "server", c ? c->origin : "server", action, subject, before, after, result);
}

void api_audit_refusal(struct server *s, const struct api_caller *caller, const char *action, const char *why)
{
	const time_ms minute = clock_wall_ms() / 60000;
	if (minute != s->refusal_minute) {
		s->refusal_minute = minute;
		s->refusals_now = 0;
	}
	if (++s->refusals_now > AUDIT_REFUSALS_PER_MINUTE) {
		s->site->counters.audit_dropped++;
		return;
	}
	api_audit_as(s, *caller->who ? caller->who : "nobody", caller->origin, action, NULL, NULL, NULL, why);
}

/* ---- reading ---- */

static json_t *json_of(const char *text)
{
	json_t *j = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
	return j ? j : json_null();
}

/* Negative where the client does not read; it is gone soon. */
static int write_line(const struct store_audit *a, void *request)
{
	json_t *j = json_object();
	json_object_set_new(j, "id", json_integer(a->id));
	json_object_set_new(j, "at", api_time(a->at));
	json_object_set_new(j, "who", api_text(a->who));
	json_object_set_new(j, "origin", api_text(a->origin));
	json_object_set_new(j, "action", api_text(a->action));
	json_object_set_new(j, "subject", api_text(a->subject));
	json_object_set_new(j, "before", json_of(a->before));
	json_object_set_new(j, "after", json_of(a->after));
	json_object_set_new(j, "result", api_text(a->result));
	char *text = json_dumps(j, JSON_COMPACT), *line = text ? xasprintf("%s\n", text) : NULL;
	int code = line ? http_reply_write(request, line, strlen(line)) : 0;
	free(line);
	free(text);
	json_decref(j);
	return code;
}

static void handle_audit(struct http_request *r, void *user)
{
	struct server *s = user;
	char text[64];
	time_ms since = 0;
	int64_t after, limit;
	if (!api_number(r, "after", -1, -1, INT64_MAX, &after) ||
	        !api_number(r, "limit", AUDIT_DEFAULT, 1, AUDIT_LIMIT, &limit))
		return;
	int code = http_request_query(r, "since", text, sizeof(text));
	if (code != -ENOENT && (code < 0 || clock_parse(text, &since) < 0)) {
		http_reply_error(r, 400, "since is a time such as 2026-11-21T20:54:00Z");
		return;
	}
	http_reply_begin(r, 200, "application/x-ndjson");
	if (store_each_audit(s->store, after, since, (size_t)limit, write_line, r, NULL) == 0)
		http_reply_end(r);
}

static const struct api_route routes[] = {
	{ "GET", "/v1/audit", handle_audit, API_OPERATOR, 0,
	        "Who changed what, and who was refused; oldest first, the newest where `after` is not given",
	        "after:integer limit:integer since:time", NULL, 200, "Audit*" },
};
const struct api_family api_audit_family = { routes, ARRAY_LENGTH(routes) };
