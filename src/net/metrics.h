/* SPDX-License-Identifier: ISC */
/*
 * What a monitoring system reads: counters and gauges in Prometheus' text format, version 0.0.4. Names carry
 * their unit, counters end in _total, and no label has a value that peers can make up at will: a label is a
 * segment, an enforcer, a pool, a limit, and never a node.
 */
#pragma once

#include "base/defs.h"
#include <jansson.h>

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE };

struct metrics;
/* prefix, as "pratique_server_", stands before every name. */
struct metrics *metrics_new(const char *prefix);
/* What follows are the samples of NAME; counters get _total. help is one line. */
void metrics_family(struct metrics *m, enum metrics_type type, const char *name, const char *help);
/* A sample of the last family; label NULL: it has none. */
void metrics_sample(struct metrics *m, const char *label, const char *value_of_label, double value);
/* A family of one sample. */
void metrics_count(struct metrics *m, const char *name, const char *help, uint64_t value);
void metrics_gauge(struct metrics *m, const char *name, const char *help, double value);
/* Each number of a JSON object as a counter (or gauge) of its name behind "GROUP_". */
void metrics_object(struct metrics *m, enum metrics_type type, const char *group, const json_t *object);
/* About the process itself, under the names that everybody gives these: process_cpu_seconds_total,
 * process_resident_memory_bytes, process_open_fds, process_max_fds, process_start_time_seconds; and
 * PREFIXbuild_info. */
void metrics_process(struct metrics *m);
/* The text, NUL-terminated, which the caller frees; m is gone. */
char *metrics_finish(struct metrics *m);
