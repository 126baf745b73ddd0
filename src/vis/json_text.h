/* SPDX-License-Identifier: ISC */
/* JSON as text, for lists of thousands: what jansson would build and walk is written at once. */
#pragma once

#include "base/clock.h"
#include "base/cursor.h"

void json_put(struct writer *w, const char *text);
/* A string, quoted; null for NULL. What is not UTF-8 shows as '?'. */
void json_put_string(struct writer *w, const char *text);
/* "name": string, behind a comma unless it is the first of its object. */
void json_put_member(struct writer *w, bool first, const char *name, const char *text);
/* RFC 3339 with its milliseconds, where it has some; null for 0. */
void json_put_time(struct writer *w, time_ms t);
