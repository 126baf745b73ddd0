/* SPDX-License-Identifier: ISC */
/* What the files of the API share. */
#pragma once

#include "net/http.h"
#include "server/server.h"

/* Counts the request; answers it (403) and returns false unless its user may use the API. */
bool api_allows(struct server *s, struct http_request *r);
/* Null for 0; for NULL, "" and what is not UTF-8. */
json_t *api_time(time_ms t);
json_t *api_text(const char *s);
json_t *api_fingerprint(uint64_t fingerprint);
/* The query's parameter as a number; fallback where it is not given. False, and answered (400), where it is
 * not one. */
bool api_number(struct http_request *r, const char *name, int64_t fallback, int64_t least, int64_t most,
        int64_t *ret);
json_t *api_event_to_json(const struct store_event *e);
