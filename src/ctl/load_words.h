/* SPDX-License-Identifier: ISC */
/* What `vuln index` and `vuln import` say while they load, and of what they loaded. */
#pragma once

#include "base/command_line.h"
#include "vuln/load.h"

#include <jansson.h>

/* On a terminal, from two seconds on. */
struct load_progress {
	const char *source;
	time_ms started, shown;
	bool terminal, any;
};
struct load_progress load_progress_begin(const char *source);
void load_progress_show(const struct load_report *report, void *progress);
void load_progress_fetch(const char *url, int64_t got, int64_t total, void *progress);
void load_progress_end(const struct load_progress *p);

/* Makes the names canonical, of which the first that is no known ecosystem is returned; NULL: all are. */
const char *load_ecosystems_read(struct command_texts *names, char (*canonical)[ECOSYSTEM_NAME_MAX]);

/* One line, and on standard error the first of what was refused or unmapped, and what to do where there was
 * nothing else. */
void load_report_print(const char *source, const struct load_report *report);
json_t *load_report_to_json(const char *source, const struct load_report *report);
