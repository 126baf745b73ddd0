/* SPDX-License-Identifier: ISC */
/* GET /openapi.json: the description of the API (OpenAPI 3.1), made from the tables of routes and schemas. */
#include "server/api.h"

#include <stdio.h>
#include <string.h>

#define TYPE_SIZE 64

static const struct {
	const char *name, *text, *fields;
} schemas[] = {
#define SCHEMA(name, text, fields) { #name, text, fields },
#include "server/schemas.def"
#undef SCHEMA
};

/* ---- types ---- */

static json_t *reference(const char *name)
{
	char path[sizeof("#/components/schemas/") + TYPE_SIZE];
	snprintf(path, sizeof(path), "#/components/schemas/%s", name);
	return json_pack("{s:s}", "$ref", path);
}

/* "string", "[Node]", "{integer}", "time?". text is cut up. */
static json_t *type_to_schema(char *text)
{
	size_t n = strlen(text);
	if (n && text[n - 1] == '?') {
		text[n - 1] = '\0';
		return json_pack("{s:[o, {s:s}]}", "anyOf", type_to_schema(text), "type", "null");
	}
	if (n > 1 && (text[0] == '[' || text[0] == '{')) {
		bool array = text[0] == '[';
		text[n - 1] = '\0';
		return json_pack("{s:s, s:o}", "type", array ? "array" : "object",
		        array ? "items" : "additionalProperties", type_to_schema(text + 1));
	}
	if (strcmp(text, "any") == 0)
		return json_object();
	if (strcmp(text, "time") == 0)
		return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
	if (text[0] >= 'A' && text[0] <= 'Z')
		return reference(text);
	return json_pack("{s:s}", "type", text);
}

/* The next of "name:type name?:type"; false at the end. */
static bool next_field(const char **at, char name[TYPE_SIZE], char type[TYPE_SIZE], bool *ret_optional)
{
	*at += strspn(*at, " ");
	size_t n = strcspn(*at, " "), colon = strcspn(*at, ":");
	if (n == 0 || colon >= n)
		return false;
	*ret_optional = colon && (*at)[colon - 1] == '?';
	snprintf(name, TYPE_SIZE, "%.*s", (int)(colon - *ret_optional), *at);
	snprintf(type, TYPE_SIZE, "%.*s", (int)(n - colon - 1), *at + colon + 1);
	*at += n;
	return true;
}

static json_t *object_schema(const char *text, const char *fields)
{
	char name[TYPE_SIZE], type[TYPE_SIZE];
	bool optional;
	json_t *properties = json_object(), *required = json_array();
	while (next_field(&fields, name, type, &optional)) {
		json_object_set_new(properties, name, type_to_schema(type));
		if (!optional)
			json_array_append_new(required, json_string(name));
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:b}", "type", "object", "description", text, "properties",
	        properties, "required", required, "additionalProperties", 0);
}

/* ---- routes ---- */

static json_t *parameter(const char *name, const char *where, bool required, json_t *schema)
{
	return json_pack("{s:s, s:s, s:b, s:o}", "name", name, "in", where, "required", (int)required,
	        "schema", schema);
}

static json_t *parameters(const struct api_route *route)
{
	char name[TYPE_SIZE], type[TYPE_SIZE];
	const char *query = route->query ? route->query : "";
	bool optional;
	json_t *list = json_array();
	for (const char *p = strchr(route->path, '{'); p; p = strchr(p, '{')) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p + 1, "}"), p + 1);
		p++;
		json_array_append_new(
		        list, parameter(name, "path", true, json_pack("{s:s}", "type", "string")));
	}
	while (next_field(&query, name, type, &optional))
		json_array_append_new(list, parameter(name, "query", false, type_to_schema(type)));
	return list;
}

static json_t *content(const char *type, json_t *schema)
{
	return json_pack("{s:{s:o}}", type, "schema", schema);
}

static json_t *answer(const struct api_route *route)
{
	size_t n = strlen(route->answer);
	if (n == 0)
		return content("text/plain", json_pack("{s:s}", "type", "string"));
	if (route->answer[n - 1] != '*')
		return content("application/json",
		        strcmp(route->answer, "any") == 0 ? json_object() : reference(route->answer));
	char name[TYPE_SIZE];
	snprintf(name, sizeof(name), "%.*s", (int)(n - 1), route->answer);
	return content("application/x-ndjson", reference(name));
}

static json_t *operation(const struct api_route *route)
{
	char status[8], role[TYPE_SIZE];
	snprintf(status, sizeof(status), "%d", route->status);
	snprintf(role, sizeof(role), "Needs the role %s.", api_role_name(route->role));
	json_t *j = json_pack("{s:s, s:s, s:s, s:o, s:{s:{s:s, s:o}, s:{s:s, s:o}}}", "summary",
	        route->summary, "description", role, "x-role", api_role_name(route->role), "parameters",
	        parameters(route), "responses", status, "description", "done", "content", answer(route),
	        "default", "description", "not done", "content",
	        content("application/json", reference("Error")));
	if (route->body)
		json_object_set_new(j, "requestBody",
		        json_pack("{s:b, s:o}", "required", 1, "content",
		                content("application/json", reference(route->body))));
	return j;
}

static void add_route(json_t *paths, const struct api_route *route)
{
	char method[HTTP_METHOD_MAX + 1];
	json_t *path = json_object_get(paths, route->path);
	if (!path) {
		path = json_object();
		json_object_set_new(paths, route->path, path);
	}
	snprintf(method, sizeof(method), "%s", route->method);
	for (char *c = method; *c; c++)
		*c |= 0x20;
	json_object_set_new(path, method, operation(route));
}

json_t *api_openapi(void)
{
	json_t *paths = json_object(), *components = json_object();
	for (size_t i = 0; i < api_n_families; i++)
		for (size_t k = 0; k < api_families[i]->n; k++)
			add_route(paths, &api_families[i]->routes[k]);
	for (size_t i = 0; i < ARRAY_LENGTH(schemas); i++)
		json_object_set_new(
		        components, schemas[i].name, object_schema(schemas[i].text, schemas[i].fields));
	return json_pack(
	        "{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o, s:{s:{s:s, s:s}, s:{s:s}}}, s:[{s:[]}, {s:[]}]}",
	        "openapi", "3.1.0", "info", "title", "pratique-server", "version", PRATIQUE_VERSION,
	        "summary", "Who may be where in a network, and why", "paths", paths, "components", "schemas",
	        components, "securitySchemes", "token", "type", "http", "scheme", "bearer", "certificate",
	        "type", "mutualTLS", "security", "token", "certificate");
}

static void handle_openapi(struct http_request *r, void *user)
{
	http_reply_json(r, 200, api_openapi());
}

static const struct api_route routes[] = {
	{ "GET", "/openapi.json", handle_openapi, API_VIEWER, 0, "This description", NULL, NULL, 200, "any" },
};
const struct api_family api_openapi_family = { routes, ARRAY_LENGTH(routes) };
