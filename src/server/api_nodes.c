/* SPDX-License-Identifier: ISC */
/* The API about nodes: who they are, where, why; and what an operator may order. */
#include "server/api.h"
#include "server/named.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REASON_MAX 255
#define REVOKE_BODY_MAX 65536
#define DECISIONS_DEFAULT 20
#define DECISIONS_LIMIT 1000

/* ---- attachments ---- */

static const char *state_name(struct server *s, const struct site_attachment *a, time_ms now)
{
	if (!a->node)
		return "not inspected";
	if (a->node->revoked)
		return "revoked";
	if (a->decided.expires <= now || a->keep.resting)
		return "expired";
	return a->decided.rejected ? "rejected" : a->decided.compliant ? "compliant" : "not compliant";
}

static void add_session(json_t *j, const struct site_attachment *a)
{
	char text[IP_TEXT_SIZE];
	json_t *prefixes = json_array();
	for (size_t i = 0; i < a->n_prefixes; i++)
		json_array_append_new(prefixes, json_string(ip_prefix_format(&a->prefixes[i], text)));
	json_object_set_new(j, "softwire",
	        json_pack("{s:o, s:o, s:o, s:o}", "machine", api_text(a->machine), "user", api_text(a->user),
	                "segment", api_text(*a->segment ? a->segment : NULL), "prefixes", prefixes));
}

static json_t *attachment_to_json(struct server *s, const struct site_attachment *a, time_ms now)
{
	char mac[MAC_TEXT_SIZE], ip[IP_TEXT_SIZE];
	json_t *j = json_object(), *addresses = json_array();
	for (size_t i = 0; i < a->n_addresses; i++)
		json_array_append_new(addresses, json_string(ip_format(&a->addresses[i], ip)));
	json_object_set_new(j, "enforcement_point", api_text(a->enforcement_point));
	json_object_set_new(
	        j, "enforcer_connected", json_boolean(enforcer_is_connected(s, a->enforcement_point)));
	json_object_set_new(j, "port", api_text(a->port));
	json_object_set_new(j, "mac", json_string(mac_format(&a->mac, mac)));
	json_object_set_new(j, "addresses", addresses);
	if (a->machine)
		add_session(j, a);
	json_object_set_new(j, "present", json_boolean(a->present));
	json_object_set_new(j, "contested", json_boolean(a->contested));
	json_object_set_new(j, "first_seen", api_time(a->first_seen));
	json_object_set_new(j, "last_seen", api_time(a->last_seen));
	json_object_set_new(j, "node", api_text(a->node ? a->node->name : NULL));
	json_object_set_new(j, "state", json_string(state_name(s, a, now)));
	json_object_set_new(j, "segment", json_string(site_segment(s->site, &a->handed, now)->name));
	(void)api_kept(a, now, j);
	json_object_set_new(j, "connected", json_boolean(a->session != NULL));
	json_object_set_new(j, "expires", api_time(a->decided.expires));
	json_object_set_new(j, "next_inspection", api_time(a->next_inspection));
	json_object_set_new(j, "generation", json_integer((json_int_t)a->decided.generation));
	json_object_set_new(j, "certificate", api_text(a->decided.certificate));
	return j;
}

static void offer_attachment(struct api_page *p, const struct site_attachment *a)
{
	char mac[MAC_TEXT_SIZE];
	char *key FREE_ON_EXIT =
	        xasprintf("place %s %s %s", a->enforcement_point, a->port, mac_format(&a->mac, mac));
	api_page_offer(p, key, a);
}

static void handle_attachments(struct http_request *r, void *user)
{
	struct server *s = user;
	const time_ms now = clock_wall_ms();
	struct api_page page;
	if (!api_page_begin(r, &page))
		return;
	TABLE_FOREACH(it, s->site->attachments)
		offer_attachment(&page, it.value);
	json_t *next = api_page_end(&page), *list = json_array();
	for (size_t i = 0; i < page.n; i++)
		json_array_append_new(list, attachment_to_json(s, page.entries[i].item, now));
	api_page_clear(&page);
	http_reply_json(r, 200, json_pack("{s:o, s:o}", "attachments", list, "next", next));
}

/* ---- nodes ---- */

/* The sources that it names, of what it has. */
static json_t *sources_to_json(struct server *s, const struct site_node *n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n->named.n; i++) {
		const struct vuln_named *named = &n->named.items[i];
		struct named_url url = { .url = named->url };
		const bool counted = named_find(s->site->named, named->url, &url);
		const char *state = url.source ? "held"
		        : url.listed           ? "asked for"
		        : url.told             ? "not listed"
		                               : "unknown";
		json_t *o = json_object();
		json_object_set_new(o, "url", api_text(named->url));
		json_object_set_new(o, "package", api_text(named->package));
		json_object_set_new(o, "packages", json_integer((json_int_t)named->n_packages));
		json_object_set_new(o, "state", json_string(counted ? state : "refused"));
		json_object_set_new(o, "source", api_text(url.source ? url.source : url.listed));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *node_to_json(struct server *s, const struct site_node *n, time_ms now)
{
	json_t *j = json_object(), *places = json_array();
	const char *state = n->revoked ? "revoked"
	        : !n->inspected        ? "not inspected"
	        : n->attachments       ? "expired"
	                               : "not placed", /* its attachment was not proven */
	        *segment = NULL;
	bool connected = false;
	for (const struct site_attachment *a = n->attachments; a; a = a->next_of_node) {
		json_array_append_new(places, attachment_to_json(s, a, now));
		connected |= a->session != NULL;
		if (a->decided.expires > now) {
			state = state_name(s, a, now);
			segment = site_segment(s->site, &a->handed, now)->name;
		}
	}
	json_object_set_new(j, "name", api_text(n->name));
	json_object_set_new(j, "role", api_text(policy_node_role(s->site->policy, n->name)));
	json_object_set_new(j, "state", json_string(state));
	json_object_set_new(j, "segment", json_string(segment ? segment : site_floor(s->site)->name));
	json_object_set_new(j, "connected", json_boolean(connected));
	json_object_set_new(j, "first_seen", api_time(n->first_seen));
	json_object_set_new(j, "last_seen", api_time(n->last_seen));
	json_object_set_new(j, "inspected", api_time(n->inspected));
	json_object_set_new(j, "posture_signed", json_boolean(n->posture_signed));
	json_object_set_new(j, "serial", api_text(n->serial));
	json_object_set_new(j, "revoked", json_boolean(n->revoked));
	if (n->revoked) {
		json_object_set_new(j, "revoked_reason", api_text(n->revoked_reason));
		json_object_set_new(j, "revoked_at", api_time(n->revoked_at));
	}
	json_object_set_new(j, "attachments", places);
	if (n->named.n)
		json_object_set_new(j, "sources", sources_to_json(s, n));
	return j;
}

/* With an agent by name, then those without by where they are. */
static void handle_nodes(struct http_request *r, void *user)
{
	struct server *s = user;
	const time_ms now = clock_wall_ms();
	struct api_page page;
	if (!api_page_begin(r, &page))
		return;
	TABLE_FOREACH(it, s->site->nodes) {
		const struct site_node *n = it.value;
		char *key FREE_ON_EXIT = xasprintf("node %s", n->name);
		api_page_offer(&page, key, n);
	}
	TABLE_FOREACH(it, s->site->attachments) {
		const struct site_attachment *a = it.value;
		if (!a->node && a->present)
			offer_attachment(&page, a);
	}
	json_t *next = api_page_end(&page), *nodes = json_array(), *agentless = json_array();
	for (size_t i = 0; i < page.n; i++) {
		if (strncmp(page.entries[i].key, "node ", 5) == 0)
			json_array_append_new(nodes, node_to_json(s, page.entries[i].item, now));
		else
			json_array_append_new(agentless, attachment_to_json(s, page.entries[i].item, now));
	}
	api_page_clear(&page);
	http_reply_json(
	        r, 200, json_pack("{s:o, s:o, s:o}", "nodes", nodes, "agentless", agentless, "next", next));
}

static struct site_node *find_node(struct server *s, struct http_request *r)
{
	const char *name = http_request_parameter(r, "name");
	struct site_node *n = site_find_node(s->site, name);
	if (!n)
		http_reply_error(r, 404, "no node is called %s", name);
	return n;
}

/* ---- decisions ---- */

static json_t *decision_to_json(const struct store_decision *d)
{
	char mac[MAC_TEXT_SIZE];
	json_t *j = json_object();
	json_t *findings = d->findings ? json_loads(d->findings, 0, NULL) : NULL;
	json_object_set_new(j, "generation", json_integer((json_int_t)d->generation));
	json_object_set_new(j, "node", api_text(d->node));
	json_object_set_new(j, "made", api_time(d->made));
	json_object_set_new(j, "expires", api_time(d->expires));
	json_object_set_new(j, "cause", api_text(d->cause));
	json_object_set_new(j, "segment", api_text(d->segment));
	json_object_set_new(j, "level", json_integer(d->level));
	json_object_set_new(j, "would_be", api_text(d->would_be));
	json_object_set_new(j, "kept_by", api_text(d->kept_by));
	json_object_set_new(j, "kept_until", api_time(d->kept_until));
	json_object_set_new(j, "compliant", json_boolean(d->compliant));
	json_object_set_new(j, "rejected", json_boolean(d->rejected));
	json_object_set_new(j, "rule", api_text(d->rule));
	json_object_set_new(j, "policy_fingerprint", api_fingerprint(d->policy_fingerprint));
	json_object_set_new(j, "advisory_generation", json_integer((json_int_t)d->advisory_generation));
	json_object_set_new(j, "n_findings", json_integer((json_int_t)d->n_findings));
	if (d->enforcement_point) {
		json_object_set_new(j, "enforcement_point", api_text(d->enforcement_point));
		json_object_set_new(j, "port", api_text(d->port));
		json_object_set_new(j, "mac", json_string(mac_format(&d->mac, mac)));
	}
	if (findings)
		json_object_set_new(j, "findings", findings);
	return j;
}

static int append_decision(const struct store_decision *d, void *context)
{
	json_array_append_new(context, decision_to_json(d));
	return 0;
}

static void handle_node(struct http_request *r, void *user)
{
	struct server *s = user;
	struct error err = { "" };
	struct site_node *n = find_node(s, r);
	if (!n)
		return;
	json_t *j = node_to_json(s, n, clock_wall_ms()), *decisions = json_array();
	if (store_each_decision(s->store, n->name, 1, true, append_decision, decisions, &err) < 0) {
		json_decref(j);
		json_decref(decisions);
		http_reply_error(r, 500, "%s", err.text);
		return;
	}
	json_t *last = json_array_get(decisions, 0);
	json_object_set(j, "decision", last ? last : json_null());
	json_decref(decisions);
	http_reply_json(r, 200, j);
}

bool api_number(
        struct http_request *r, const char *name, int64_t fallback, int64_t least, int64_t most, int64_t *ret)
{
	char text[32], *end;
	int code = http_request_query(r, name, text, sizeof(text));
	*ret = fallback;
	if (code == -ENOENT)
		return true;
	if (code == 0) {
		errno = 0;
		*ret = strtoll(text, &end, 10);
		if (end != text && !*end && errno == 0 && *ret >= least && *ret <= most)
			return true;
	}
	http_reply_error(r, 400, "%s is a number from %lld to %lld", name, (long long)least, (long long)most);
	return false;
}

static void handle_decisions(struct http_request *r, void *user)
{
	struct server *s = user;
	struct error err = { "" };
	char node[256];
	int64_t limit;
	if (!api_number(r, "limit", DECISIONS_DEFAULT, 1, DECISIONS_LIMIT, &limit))
		return;
	int code = http_request_query(r, "node", node, sizeof(node));
	if (code == -EINVAL) {
		http_reply_error(r, 400, "node is not a name");
		return;
	}
	json_t *list = json_array();
	if (store_each_decision(s->store, code == 0 ? node : NULL, (size_t)limit, code == 0, append_decision,
	            list, &err) < 0) {
		json_decref(list);
		http_reply_error(r, 500, "%s", err.text);
		return;
	}
	http_reply_json(r, 200, json_pack("{s:o}", "decisions", list));
}

/* ---- orders ---- */

static void handle_inspect(struct http_request *r, void *user)
{
	struct server *s = user;
	struct site_node *n = find_node(s, r);
	if (!n)
		return;
	size_t asked = node_retry_name(s, n->name);
	s->site->counters.retries_asked += asked;
	api_audit(s, "inspect", n->name, NULL, NULL, asked ? "done" : "not connected");
	if (!asked)
		http_reply_error(r, 409, "%s is not connected: it is inspected when it connects", n->name);
	else
		http_reply_json(r, 202, json_pack("{s:s, s:I}", "node", n->name, "asked", (json_int_t)asked));
}

/* Answered when it is durable; the node is out before. */
struct revoke_reply {
	struct http_request *request; /* NULL: the client is gone */
	char name[256];
	json_int_t ended;
};

static void revocation_is_durable(int result, void *context)
{
	struct revoke_reply *v = context;
	if (v->request && result == 0)
		http_reply_json(v->request, 200,
		        json_pack("{s:s, s:I}", "node", v->name, "connections_ended", v->ended));
	else if (v->request)
		http_reply_error(
		        v->request, 503, "%s is out, but that could not be stored: order it again", v->name);
	free(v);
}

static void revoke_client_gone(void *context)
{
	struct revoke_reply *v = context;
	v->request = NULL;
}

static void handle_revoke(struct http_request *r, void *user)
{
	struct server *s = user;
	struct site_node *n = find_node(s, r);
	json_t *body = n ? http_request_json(r) : NULL;
	if (!body)
		return;
	const char *given = json_string_value(json_object_get(body, "reason"));
	char reason[REASON_MAX + 1];
	snprintf(reason, sizeof(reason), "%s", given && *given ? given : "no reason given");
	json_decref(body);
	struct revoke_reply *v = xcalloc(1, sizeof(*v));
	snprintf(v->name, sizeof(v->name), "%s", n->name);
	json_t *before = json_pack("{s:b}", "revoked", (int)n->revoked);
	(void)site_revoke(s->site, n, reason, clock_wall_ms());
	api_audit(s, "revoke", n->name, before,
	        json_pack("{s:b, s:o}", "revoked", 1, "reason", api_text(reason)), "done");
	v->ended = (json_int_t)node_disconnect_name(s, n->name, "the node is revoked");
	enforcer_flush(s);
	enrolment_revoke(s, n->name);
	v->request = r;
	http_request_on_gone(r, revoke_client_gone, v);
	store_when_durable(s->store, revocation_is_durable, v);
}

static const struct api_route routes[] = {
	{ "GET", "/v1/nodes", handle_nodes, API_VIEWER, 0, "Nodes, then attachments without an agent",
	        "after:string limit:integer", NULL, 200, "Nodes" },
	{ "GET", "/v1/nodes/{name}", handle_node, API_VIEWER, 0,
	        "One node with its last decision and all findings", NULL, NULL, 200, "Node" },
	{ "POST", "/v1/nodes/{name}/inspect", handle_inspect, API_OPERATOR, 0,
	        "Asks a connected node for a new inspection", NULL, NULL, 202, "Asked" },
	{ "POST", "/v1/nodes/{name}/revoke", handle_revoke, API_OPERATOR, REVOKE_BODY_MAX,
	        "Takes a node's admission and certificates away", NULL, "RevokeRequest", 200, "Revoked" },
	{ "GET", "/v1/attachments", handle_attachments, API_VIEWER, 0,
	        "Attachments, those without an agent too", "after:string limit:integer", NULL, 200,
	        "Attachments" },
	{ "GET", "/v1/decisions", handle_decisions, API_VIEWER, 0,
	        "Decisions, newest first; with findings where a node is named", "node:string limit:integer",
	        NULL, 200, "Decisions" },
};
const struct api_family api_node_family = { routes, ARRAY_LENGTH(routes) };
