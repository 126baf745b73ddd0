/* SPDX-License-Identifier: ISC */
#include "softwire/api.h"

#include "net/http.h"
#include "net/ipc_stream.h"
#include "net/metrics.h"
#include "softwire/concentrator.h"
#include "softwire/initiator.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define API_CONNECTIONS_MAX 64
#define API_SOCKET_MODE 0600
#define API_WAIT_MS 500 /* for the data plane's and the keeper's counters */
#define API_EVENTS_SHOWN 50

/* A status that waits for counters of other processes. */
struct question {
	struct api *api;
	struct http_request *request; /* NULL: the client is gone */
	uint32_t number;
	unsigned missing; /* bits of enum api_source */
	json_t *answer;
	bool as_metrics; /* in the form that a monitoring system reads */
	struct event *patience;
	LIST_ENTRY(question) next;
};

struct api {
	struct control *control;
	struct http_server *http;
	LIST_HEAD(, question) questions;
	uint32_t last_number;
};

static bool may(struct http_request *r)
{
	uid_t uid;
	if (http_request_user(r, &uid) == 0 && ipc_user_allowed(uid, (uid_t)-1))
		return true;
	http_reply_error(r, 403, "only root and the user of the softwire may use this");
	return false;
}

/* ---- sessions ---- */

static void handle_sessions(struct http_request *r, void *user)
{
	struct control *c = ((struct api *)user)->control;
	struct session *s;
	if (!may(r))
		return;
	json_t *list = json_array();
	LIST_FOREACH(s, &c->sessions, all)
		if (s->state == SESSION_OPEN)
			json_array_append_new(list, api_session(s, false));
	http_reply_json(r, 200, json_pack("{s:o}", "sessions", list));
}

/* An initiator's only one, where that is what was asked for. */
static struct session *find_own(struct control *c, const char *id)
{
	struct session *s = initiator_session(c);
	char own[24];
	if (!s)
		return NULL;
	snprintf(own, sizeof(own), "%u/%u", s->tunnel, s->session);
	return strcmp(id, own) == 0 || strcmp(id, s->port) == 0 ? s : NULL;
}

static struct session *find(struct control *c, struct http_request *r)
{
	const char *id = http_request_parameter(r, "id");
	struct session *s = c->o->role == SOFTWIRE_CONCENTRATOR ? concentrator_find(c, id) : find_own(c, id);
	if (s && s->state < SESSION_ENDING)
		return s;
	http_reply_error(r, 404, "there is no session %.64s", id);
	return NULL;
}

static void handle_session(struct http_request *r, void *user)
{
	struct control *c = ((struct api *)user)->control;
	struct session *s = may(r) ? find(c, r) : NULL;
	if (s)
		http_reply_json(r, 200, api_session(s, true));
}

static void handle_disconnect(struct http_request *r, void *user)
{
	struct control *c = ((struct api *)user)->control;
	struct session *s = may(r) ? find(c, r) : NULL;
	if (!s)
		return;
	json_t *j = api_session(s, false);
	if (c->o->role == SOFTWIRE_CONCENTRATOR)
		concentrator_end(s, PPP_END_ADMIN, "disconnected by the operator", clock_monotonic_ms());
	else
		initiator_disconnect(c);
	http_reply_json(r, 200, j);
}

/* ---- status ---- */

static void question_free(struct question *q)
{
	LIST_REMOVE(q, next);
	json_decref(q->answer);
	event_free(q->patience);
	free(q);
}

static void finish(struct question *q)
{
	if (q->request && q->as_metrics) {
		char *text FREE_ON_EXIT = api_metrics(q->answer);
		http_reply(q->request, 200, METRICS_CONTENT_TYPE, text, strlen(text));
	} else if (q->request) {
		http_reply_json(q->request, 200, json_incref(q->answer));
	}
	question_free(q);
}

static void on_impatient(evutil_socket_t fd, short what, void *arg)
{
	finish(arg);
}

static void on_gone(void *user)
{
	((struct question *)user)->request = NULL;
}

void api_statistics(struct api *a, const struct ipc_statistics *m, enum api_source source)
{
	static const char *const names[API_N_SOURCES] = { "dataplane", "filter" };
	struct question *q;
	if (!a)
		return;
	LIST_FOREACH(q, &a->questions, next)
		if (q->number == m->request)
			break;
	if (!q)
		return;
	json_t *values = json_object();
	for (size_t i = 0; i < m->n_values; i++)
		json_object_set_new(values, m->values[i].name, json_integer((json_int_t)m->values[i].value));
	json_object_set_new(q->answer, names[source], values);
	q->missing &= ~(1u << source);
	if (!q->missing)
		finish(q);
}

static json_t *status_of(struct control *c)
{
	char now[CLOCK_TEXT_SIZE];
	json_t *j = json_object();
	json_object_set_new(j, "version", json_string(PRATIQUE_VERSION));
	json_object_set_new(j, "role", json_string(options_role_name(c->o->role)));
	json_object_set_new(j, "name", api_text(c->name));
	json_object_set_new(j, "ipsec", api_text(c->o->ipsec_text));
	json_object_set_new(j, "now", json_string(clock_format(clock_wall_ms(), now)));
	json_object_set_new(j, "sessions", json_integer((json_int_t)c->n_sessions));
	json_object_set_new(j, "associations", json_integer((json_int_t)table_count(c->associations)));
	if (c->o->role == SOFTWIRE_CONCENTRATOR) {
		json_object_set_new(
		        j, "enforcer", json_boolean(enforcer_link_is_up(c->concentrator->enforcer)));
		json_object_set_new(j, "pools", api_pools(c));
		json_object_set_new(j, "aaa", api_aaa(c));
	} else {
		json_object_set_new(j, "state", json_string(initiator_state_text(c)));
	}
	json_object_set_new(j, "counters", api_counters(c));
	json_object_set_new(j, "events", events_to_json(c->events, API_EVENTS_SHOWN));
	return j;
}

static void ask(struct http_request *r, struct api *a, bool as_metrics)
{
	const struct timeval patience = { API_WAIT_MS / 1000, API_WAIT_MS % 1000 * 1000 };
	if (!may(r))
		return;
	struct question *q = xcalloc(1, sizeof(*q));
	*q = (struct question){ .api = a,
		.request = r,
		.number = ++a->last_number,
		.missing = (1u << API_N_SOURCES) - 1,
		.answer = status_of(a->control),
		.as_metrics = as_metrics,
		.patience = evtimer_new(a->control->base, on_impatient, q) };
	LIST_INSERT_HEAD(&a->questions, q, next);
	http_request_on_gone(r, on_gone, q);
	event_add(q->patience, &patience);
	const struct ipc_statistics m = { .request = q->number };
	control_send_plane(a->control, IPC_STATISTICS, &m);
	control_send_keeper(a->control, IPC_STATISTICS, &m);
}

static void handle_status(struct http_request *r, void *user)
{
	ask(r, user, false);
}

static void handle_metrics(struct http_request *r, void *user)
{
	ask(r, user, true);
}

static const struct http_route routes[] = {
	{ "GET", "/v1/sessions", handle_sessions, 0, 0 },
	{ "GET", "/v1/sessions/{id}", handle_session, 0, 0 },
	{ "POST", "/v1/sessions/{id}/disconnect", handle_disconnect, 0, 0 },
	{ "GET", "/v1/status", handle_status, 0, 0 },
	{ "GET", "/metrics", handle_metrics, 0, 0 },
};

int api_new(struct control *c, struct api **ret, struct error *err)
{
	const struct listener_config config = { .path = c->o->socket,
		.mode = API_SOCKET_MODE,
		.connections_max = API_CONNECTIONS_MAX,
		.handshakes_max = API_CONNECTIONS_MAX,
		.limits = STREAM_LIMITS_DEFAULT };
	struct api *a = xcalloc(1, sizeof(*a));
	a->control = c;
	LIST_INIT(&a->questions);
	int r = http_server_new(c->base, &a->http);
	if (r == 0)
		r = http_server_add_routes(a->http, routes, ARRAY_LENGTH(routes), a);
	if (r == 0)
		r = http_server_listen(a->http, &config, err);
	if (r < 0) {
		api_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct api *api_free(struct api *a)
{
	if (!a)
		return NULL;
	for (struct question *q = LIST_FIRST(&a->questions), *next; q; q = next) {
		next = LIST_NEXT(q, next);
		question_free(q);
	}
	http_server_free(a->http);
	free(a);
	return NULL;
}
