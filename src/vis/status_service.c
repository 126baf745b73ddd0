/* SPDX-License-Identifier: ISC */
/* GET /v1/status: how new is what is served (quarantine draft, 9.7). GET
 * /v1/sources: where it comes from. GET /v1/openapi.json: what there is. */
#include "base/log.h"
#include "vis/services.h"
#include "vuln/asked.h"
#include "vuln/source_json.h"

static void handle_status(struct http_request *r, void *user)
{
	const struct front_context *c = user;
	char text[CLOCK_TEXT_SIZE];
	const time_ms updated = vuln_index_updated(c->index);
	http_reply_json(r, 200,
	        json_pack("{s:s, s:I, s:I, s:o}", "version", PRATIQUE_VERSION, "generation",
	                (json_int_t)vuln_index_generation(c->index), "records",
	                (json_int_t)vuln_index_count(c->index), "updated",
	                updated ? json_string(clock_format(updated, text)) : json_null()));
}

/* Where it lies on our disk is nothing for strangers. */
static void handle_sources(struct http_request *r, void *user)
{
	const struct front_context *c = user;
	struct error err;
	json_t *sources = vuln_index_sources_json(c->index, clock_wall_ms(), &err);
	json_t *all = sources ? json_pack("{s:I, s:o}", "generation",
	                                (json_int_t)vuln_index_generation(c->index), "sources", sources)
	                      : NULL;
	if (all && vuln_asked_show(c->config->index, all, &err) == 0) {
		http_reply_json(r, 200, all);
		return;
	}
	json_decref(all);
	log_error("%s", err.text);
	http_reply_error(r, 500, "%s", err.text);
}

static void handle_description(struct http_request *r, void *user)
{
	const struct front_context *c = user;
	http_reply_json(r, 200, vis_http_describe(c->http));
}

#define STATUS "How new is what is served", NULL, NULL, "Status"
#define DESCRIPTION "This description", NULL, NULL, "any"
static const struct vis_route routes[] = {
	{ { "GET", "/v1/status", handle_status, VIS_HTTP_READERS, 0 }, STATUS },
	{ { "HEAD", "/v1/status", handle_status, VIS_HTTP_READERS, 0 }, STATUS },
	{ { "GET", "/v1/sources", handle_sources, VIS_HTTP_READERS & ~HTTP_ANONYMOUS, 0 },
	        "Where the advisories come from, and how fresh they are", NULL, NULL, "Sources" },
	{ { "GET", "/v1/openapi.json", handle_description, VIS_HTTP_READERS, 0 }, DESCRIPTION },
	{ { "HEAD", "/v1/openapi.json", handle_description, VIS_HTTP_READERS, 0 }, DESCRIPTION },
};

static int open_status(const struct front_context *c, void **ret_state, struct error *err)
{
	*ret_state = NULL;
	return vis_http_add_routes(c->http, routes, ARRAY_LENGTH(routes), (void *)c);
}

static void close_status(void *state)
{
}

const struct front_service status_service = { .open = open_status, .close = close_status };
