/* SPDX-License-Identifier: ISC */
/* The API about bad days: what the brake holds, and what an operator decides about it; waivers and monitor
 * mode. */
#include "server/api.h"

#include <string.h>

json_t *api_kept(const struct site_attachment *a, time_ms now, json_t *j)
{
	const struct site_keep *k = &a->keep;
	const bool is = k->by != SITE_NOT_KEPT && a->decided.expires > now;
	json_object_set_new(j, "would_be", api_text(is ? k->verdict : NULL));
	json_object_set_new(j, "kept_by", api_text(is ? site_kept_name(k->by) : NULL));
	json_object_set_new(j, "kept_until", api_time(is ? k->until : 0));
	return j;
}

json_t *api_waivers(const struct server *s, time_ms now)
{
	size_t n;
	const struct policy_waiver *w = policy_waivers(s->site->policy, &n);
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *j = json_object();
		const char *state = w[i].until <= now               ? "ended"
		        : w[i].until - now <= POLICY_WAIVER_SOON_MS ? "ends soon"
		                                                    : "in force";
		json_object_set_new(j, "what", api_text(w[i].what));
		json_object_set_new(j, "state", json_string(state));
		json_object_set_new(j, "until", api_time(w[i].until));
		json_object_set_new(j, "owner", api_text(w[i].owner));
		json_object_set_new(j, "because", api_text(w[i].reason));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *held_to_json(const struct server *s, const struct site_attachment *a, time_ms now)
{
	const struct site_keep *k = &a->keep;
	char mac[MAC_TEXT_SIZE];
	json_t *j = json_object();
	json_object_set_new(j, "node", api_text(a->node ? a->node->name : NULL));
	json_object_set_new(j, "enforcement_point", api_text(a->enforcement_point));
	json_object_set_new(j, "port", api_text(a->port));
	json_object_set_new(j, "mac", json_string(mac_format(&a->mac, mac)));
	json_object_set_new(j, "segment", json_string(site_segment(s->site, &a->handed, now)->name));
	json_object_set_new(j, "cause", api_text(k->cause));
	json_object_set_new(j, "since", api_time(k->worse_since));
	json_object_set_new(j, "ordered_by", api_text(k->ordered_by));
	json_object_set_new(j, "released", json_boolean(k->released));
	return api_kept(a, now, j);
}

static void handle_brake(struct http_request *r, void *user)
{
	struct server *s = user;
	const time_ms now = clock_wall_ms();
	const struct policy_brake *b = policy_brake(s->site->policy);
	json_t *list = json_array(), *j = json_object();
	TABLE_FOREACH(it, s->site->attachments) {
		const struct site_attachment *a = it.value;
		if (a->keep.by == SITE_KEPT_BRAKE || a->keep.by == SITE_KEPT_DISMISSED)
			json_array_append_new(list, held_to_json(s, a, now));
	}
	json_object_set_new(j, "in_policy", json_boolean(b != NULL));
	json_object_set_new(j, "percent", b ? json_integer(b->percent) : json_null());
	json_object_set_new(j, "nodes", b ? json_integer(b->nodes) : json_null());
	json_object_set_new(j, "per_ms", b ? json_integer(b->per_ms) : json_null());
	json_object_set_new(j, "hold_ms", b ? json_integer(b->hold_ms) : json_null());
	json_object_set_new(j, "held", list);
	http_reply_json(r, 200, j);
}

/* ---- orders ---- */

/* Answered when it is durable. */
struct order_reply {
	struct http_request *request; /* NULL: the client is gone */
	size_t n;
};

static void order_is_durable(int result, void *context)
{
	struct order_reply *o = context;
	if (o->request && result == 0)
		http_reply_json(o->request, 200, json_pack("{s:I}", "attachments", (json_int_t)o->n));
	else if (o->request)
		http_reply_error(o->request, 503, "that could not be stored: order it again");
	free(o);
}

static void order_client_gone(void *context)
{
	struct order_reply *o = context;
	o->request = NULL;
}

typedef size_t (*order_fn)(struct site *site, const char *node, const char *who, time_ms now);

static void take_order(struct http_request *r, struct server *s, const char *action, order_fn order)
{
	json_t *body = http_request_json(r);
	if (!body)
		return;
	const json_t *given = json_object_get(body, "node");
	const char *node = json_string_value(given);
	if (given && (!node || !site_find_node(s->site, node))) {
		http_reply_error(r, 404, "no node is called %s", node ? node : "that");
	} else {
		struct order_reply *o = xcalloc(1, sizeof(*o));
		o->n = order(s->site, node, s->caller ? s->caller->who : "server", clock_wall_ms());
		api_audit(s, action, node, NULL, json_pack("{s:I}", "attachments", (json_int_t)o->n), "done");
		o->request = r;
		http_request_on_gone(r, order_client_gone, o);
		store_when_durable(s->store, order_is_durable, o);
	}
	json_decref(body);
}

static void handle_release(struct http_request *r, void *user)
{
	take_order(r, user, "brake release", site_release);
}

static void handle_discard(struct http_request *r, void *user)
{
	take_order(r, user, "brake discard", site_dismiss);
}

#define ORDER_BODY_MAX 4096

static const struct api_route routes[] = {
	{ "GET", "/v1/brake", handle_brake, API_VIEWER, 0,
	        "The demotions that the brake holds, or that an operator discarded", NULL, NULL, 200,
	        "Brake" },
	{ "POST", "/v1/brake/release", handle_release, API_OPERATOR, ORDER_BODY_MAX,
	        "Carries out what the brake holds: of one node, or all", NULL, "BrakeOrder", 200,
	        "BrakeOrdered" },
	{ "POST", "/v1/brake/discard", handle_discard, API_OPERATOR, ORDER_BODY_MAX,
	        "Lets what the brake holds stay where it is, for as long as the policy lets it hold", NULL,
	        "BrakeOrder", 200, "BrakeOrdered" },
};
const struct api_family api_brake_family = { routes, ARRAY_LENGTH(routes) };
