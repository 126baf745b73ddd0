/* SPDX-License-Identifier: ISC */
/* What happened, for the log and for `pratique softwire status`: the last EVENTS_MAX of it. Texts come from
 * peers in part: what is not printable is shown as "?". Never a secret. */
#pragma once

#include "base/clock.h"
#include "base/log.h"

#include <jansson.h>

#define EVENTS_MAX 512
#define EVENT_TEXT_MAX 480
#define EVENTS_A_SECOND \
	100 /* more are counted, and told of when there is room again: peers cause some of them */

struct events;
struct events *events_new(void);
struct events *events_free(struct events *e);
/* kind: "session", "refused", ... ; static. */
void events_note(struct events *e, enum log_level level, const char *kind, const char *format, ...)
        PRINTF_LIKE(4, 5);
/* Newest last; caller decrefs. */
json_t *events_to_json(const struct events *e, size_t max);
