/* SPDX-License-Identifier: ISC */
/*
 * The description of an HTTP API (OpenAPI 3.1), made from tables: of its routes and of what they take and
 * answer.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

/* Fields are "name:type name?:type"; name? may be missing. Types are string, integer, number, boolean, time,
 * any, the Name of another schema, [type], and {type} for an object of such values under any names; type? may
 * be null. Nothing else may be there. "..." as the only field: whatever. */
struct openapi_schema {
	const char *name, *text, *fields;
};

struct openapi_route {
	const char *method, *path;
	const char *summary;     /* one line for people */
	const char *description; /* who may use it; may be NULL */
	const char *role;        /* x-role; NULL: none */
	const char *query;       /* "limit:integer after:time"; NULL: no parameters */
	const char *body;        /* schema, "any", "" for text/plain; NULL: none */
	int status;              /* of success */
	const char *answer;      /* its schema; "NAME*": one such object a line; "any"; "": text/plain;
	                            "TYPE/TYPE": as is */
};

struct openapi_info {
	const char *title, *summary;
	const struct openapi_schema *schemas;
	size_t n_schemas;
	const char *failure; /* the schema of what is answered where something fails */
	json_t *security;    /* {"NAME": security scheme}; each alone suffices. Taken over */
};

/* A document without routes yet. */
json_t *openapi_begin(const struct openapi_info *info);
void openapi_add(json_t *document, const struct openapi_info *info, const struct openapi_route *route);
