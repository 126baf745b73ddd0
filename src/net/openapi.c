/* SPDX-License-Identifier: ISC */
#include "net/openapi.h"

#include "net/http_message.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TYPE_SIZE 64

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
	if (strcmp(fields, "...") == 0) {
		json_decref(properties);
		json_decref(required);
		return json_pack("{s:s, s:s}", "type", "object", "description", text);
	}
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

static json_t *parameters(const struct openapi_route *route)
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

/* {MEDIA TYPE: {"schema": ...}} of what `named` names. */
static json_t *content(const char *named)
{
	const size_t n = strlen(named);
	char name[TYPE_SIZE];
	if (n == 0 || strchr(named, '/'))
		return json_pack("{s:{s:{s:s}}}", n ? named : "text/plain", "schema", "type", "string");
	snprintf(name, sizeof(name), "%.*s", (int)(named[n - 1] == '*' ? n - 1 : n), named);
	return json_pack("{s:{s:o}}", named[n - 1] == '*' ? "application/x-ndjson" : "application/json",
	        "schema", strcmp(name, "any") == 0 ? json_object() : reference(name));
}

static json_t *operation(const struct openapi_route *route, const char *failure)
{
	char status[8];
	snprintf(status, sizeof(status), "%d", route->status);
	json_t *j = json_pack("{s:s, s:o, s:{s:{s:s, s:o}, s:{s:s, s:o}}}", "summary", route->summary,
	        "parameters", parameters(route), "responses", status, "description", "done", "content",
	        content(route->answer), "default", "description", "not done", "content", content(failure));
	if (route->description)
		json_object_set_new(j, "description", json_string(route->description));
	if (route->role)
		json_object_set_new(j, "x-role", json_string(route->role));
	if (route->body)
		json_object_set_new(j, "requestBody",
		        json_pack("{s:b, s:o}", "required", 1, "content", content(route->body)));
	return j;
}

void openapi_add(json_t *document, const struct openapi_info *info, const struct openapi_route *route)
{
	char method[HTTP_METHOD_MAX + 1];
	json_t *paths = json_object_get(document, "paths"), *path = json_object_get(paths, route->path);
	if (!path) {
		path = json_object();
		json_object_set_new(paths, route->path, path);
	}
	snprintf(method, sizeof(method), "%s", route->method);
	for (char *c = method; *c; c++)
		*c |= 0x20;
	json_object_set_new(path, method, operation(route, info->failure));
}

json_t *openapi_begin(const struct openapi_info *info)
{
	json_t *schemas = json_object(), *any_of = json_array(), *scheme;
	const char *name;
	for (size_t i = 0; i < info->n_schemas; i++)
		json_object_set_new(schemas, info->schemas[i].name,
		        object_schema(info->schemas[i].text, info->schemas[i].fields));
	json_object_foreach(info->security, name, scheme)
		json_array_append_new(any_of, json_pack("{s:[]}", name));
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:{}, s:{s:o, s:o}, s:o}", "openapi", "3.1.0", "info",
	        "title", info->title, "version", PRATIQUE_VERSION, "summary", info->summary, "paths",
	        "components", "schemas", schemas, "securitySchemes", info->security, "security", any_of);
}
