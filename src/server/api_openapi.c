/* SPDX-License-Identifier: ISC */
/* GET /openapi.json: the description of the API, made from the tables of routes and schemas. */
#include "server/api.h"
#include "net/openapi.h"

#include <stdio.h>

static const struct openapi_schema schemas[] = {
#define SCHEMA(name, text, fields) { #name, text, fields },
#include "server/schemas.def"
#undef SCHEMA
};

json_t *api_openapi(void)
{
	const struct openapi_info info = { .title = "pratique-server",
		.summary = "Who may be where in a network, and why",
		.schemas = schemas,
		.n_schemas = ARRAY_LENGTH(schemas),
		.failure = "Error",
		.security = json_pack("{s:{s:s, s:s}, s:{s:s}}", "token", "type", "http", "scheme", "bearer",
		        "certificate", "type", "mutualTLS") };
	json_t *document = openapi_begin(&info);
	for (size_t i = 0; i < api_n_families; i++)
		for (size_t k = 0; k < api_families[i]->n; k++) {
			const struct api_route *a = &api_families[i]->routes[k];
			char role[64];
			snprintf(role, sizeof(role), "Needs the role %s.", api_role_name(a->role));
			const struct openapi_route route = { a->method, a->path, a->summary, role,
				api_role_name(a->role), a->query, a->body, a->status, a->answer };
			openapi_add(document, &info, &route);
		}
	return document;
}

static void handle_openapi(struct http_request *r, void *user)
{
	http_reply_json(r, 200, api_openapi());
}

static const struct api_route routes[] = {
	{ "GET", "/openapi.json", handle_openapi, API_VIEWER, 0, "This description", NULL, NULL, 200, "any" },
};
const struct api_family api_openapi_family = { routes, ARRAY_LENGTH(routes) };
