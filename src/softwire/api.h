/* SPDX-License-Identifier: ISC */
/*
 * The HTTP API of a softwire on a Unix socket, for `pratique softwire`:
 *
 *   GET  /v1/sessions               all sessions
 *   GET  /v1/sessions/ID            one, with all details; a slash in ID is written %2F
 *   POST /v1/sessions/ID/disconnect
 *   GET  /v1/status                 role, counters of every part, events
 */
#pragma once

#include "softwire/control_internal.h"

#include <jansson.h>

struct api;
int api_new(struct control *c, struct api **ret, struct error *err);
struct api *api_free(struct api *a); /* NULL in, NULL out */

enum api_source { API_FROM_PLANE, API_FROM_KEEPER, API_N_SOURCES };
/* The answer to a question of api's. a may be NULL. */
void api_statistics(struct api *a, const struct ipc_statistics *m, enum api_source source);

/* api_json.c */
json_t *api_session(const struct session *s, bool details);
/* The text for a monitoring system, from the status; caller frees. */
char *api_metrics(const json_t *status);
json_t *api_counters(struct control *c);
json_t *api_pools(struct control *c); /* a concentrator's, as the next one */
json_t *api_aaa(struct control *c);
json_t *api_text(const char *text); /* null where it is empty; what is not UTF-8 shows its ASCII */
