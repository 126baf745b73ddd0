/* SPDX-License-Identifier: ISC */
/*
 * Time. Protocols and decisions never ask for it: it is an argument. Milliseconds in int64_t throughout;
 * "wall" is since the Unix epoch, "monotonic" only makes sense as a difference.
 */
#pragma once

#include "base/error.h"

typedef int64_t time_ms;

time_ms clock_wall_ms(void);
time_ms clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

#define CLOCK_TEXT_SIZE 32
/* RFC 3339 in UTC with seconds: 2026-11-21T20:54:00Z. Returns text. */
const char *clock_format(time_ms wall, char text[CLOCK_TEXT_SIZE]);
/* The same with milliseconds where there are any: 2026-11-21T20:54:00.250Z. */
const char *clock_format_ms(time_ms wall, char text[CLOCK_TEXT_SIZE]);
/* Reads RFC 3339 (with any fraction, cut to milliseconds, and any offset) or a bare date. -EINVAL where it is
 * neither. */
int clock_parse(const char *text, time_ms *ret_wall);
