/* SPDX-License-Identifier: ISC */
/*
 * Log lines on standard error, one event a line: "program: level: text", or with the <N> priority prefix that
 * the journal reads when it is listening. Exactly one layer logs an event. Secrets never get here.
 */
#pragma once

#include "base/defs.h"
#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* program is kept by reference. Lines above max are not written. */
void log_open(const char *program, enum log_level max);
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);
bool log_enabled(enum log_level level);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
