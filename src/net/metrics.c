/* SPDX-License-Identifier: ISC */
#include "net/metrics.h"
#include "base/clock.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct metrics {
	FILE *out;
	char *text;
	size_t length;
	char *prefix;
	char family[256];
};

struct metrics *metrics_new(const char *prefix)
{
	struct metrics *m = xcalloc(1, sizeof(*m));
	m->prefix = xstrdup(prefix);
	m->out = open_memstream(&m->text, &m->length);
	if (!m->out)
		abort();
	return m;
}

/* A name is of [a-zA-Z0-9_:] and does not begin with a digit. */
static void put_name(char *ret, size_t size, const char *prefix, const char *name, const char *suffix)
{
	snprintf(ret, size, "%s%s%s", prefix, name, suffix);
	for (char *c = ret; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			*c = '_';
}

static void begin_family(
        struct metrics *m, enum metrics_type type, const char *prefix, const char *name, const char *help)
{
	put_name(m->family, sizeof(m->family), prefix, name, type == METRICS_COUNTER ? "_total" : "");
	fprintf(m->out, "# HELP %s ", m->family);
	for (const char *c = help; *c; c++)
		if (*c == '\\' || *c == '\n')
			fprintf(m->out, "\\%c", *c == '\n' ? 'n' : '\\');
		else
			fputc(*c, m->out);
	fprintf(m->out, "\n# TYPE %s %s\n", m->family, type == METRICS_COUNTER ? "counter" : "gauge");
}

void metrics_family(struct metrics *m, enum metrics_type type, const char *name, const char *help)
{
	begin_family(m, type, m->prefix, name, help);
}

static void put_label_value(FILE *out, const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c == '\\' || *c == '"')
			fprintf(out, "\\%c", *c);
		else if (*c == '\n')
			fputs("\\n", out);
		else
			fputc(*c & 0x80 ? '?' : *c, out);
}

void metrics_sample(struct metrics *m, const char *label, const char *value_of_label, double value)
{
	fputs(m->family, m->out);
	if (label) {
		fprintf(m->out, "{%s=\"", label);
		put_label_value(m->out, value_of_label);
		fputs("\"}", m->out);
	}
	fprintf(m->out, " %.17g\n", value);
}

void metrics_count(struct metrics *m, const char *name, const char *help, uint64_t value)
{
	metrics_family(m, METRICS_COUNTER, name, help);
	metrics_sample(m, NULL, NULL, (double)value);
}

void metrics_gauge(struct metrics *m, const char *name, const char *help, double value)
{
	metrics_family(m, METRICS_GAUGE, name, help);
	metrics_sample(m, NULL, NULL, value);
}

void metrics_object(struct metrics *m, enum metrics_type type, const char *group, const json_t *object)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		if (!json_is_number(value))
			continue;
		char *name FREE_ON_EXIT = xasprintf("%s_%s", group, key);
		char *help FREE_ON_EXIT = xasprintf("%s: %s", group, key);
		for (char *c = help; *c; c++)
			if (*c == '_')
				*c = ' ';
		metrics_family(m, type, name, help);
		metrics_sample(m, NULL, NULL, json_number_value(value));
	}
}

/* ---- the process ---- */

static void process_family(
        struct metrics *m, enum metrics_type type, const char *name, const char *help, double value)
{
	begin_family(m, type, "process_", name, help);
	metrics_sample(m, NULL, NULL, value);
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n > 3 ? n - 3 : 0; /* ".", "..", and the folder itself */
}

static double resident_bytes(void)
{
	char line[128], *at = line;
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f && fgets(line, sizeof(line), f)) {
		(void)strtoul(at, &at, 10); /* the whole size */
		pages = strtoul(at, NULL, 10);
	}
	if (f)
		fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* proc(5): the 22nd field of stat, in ticks since the machine started. */
static double start_time(void)
{
	char text[1024] = "";
	unsigned long long ticks = 0;
	FILE *f = fopen("/proc/self/stat", "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	const char *at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		ticks = strtoull(at + 1, NULL, 10);
	struct timespec up;
	if (!ticks || clock_gettime(CLOCK_BOOTTIME, &up) < 0)
		return 0;
	return (double)clock_wall_ms() / 1000 -
	        ((double)up.tv_sec - (double)ticks / (double)sysconf(_SC_CLK_TCK));
}

void metrics_process(struct metrics *m)
{
	struct rusage u = { 0 };
	struct rlimit files = { 0 };
	(void)getrusage(RUSAGE_SELF, &u);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	process_family(m, METRICS_COUNTER, "cpu_seconds", "User and system time of the process",
	        (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	                (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
	process_family(
	        m, METRICS_GAUGE, "resident_memory_bytes", "Memory that the process has", resident_bytes());
	process_family(m, METRICS_GAUGE, "open_fds", "Descriptors that are open", open_descriptors());
	process_family(m, METRICS_GAUGE, "max_fds", "Descriptors that may be open", (double)files.rlim_cur);
	process_family(
	        m, METRICS_GAUGE, "start_time_seconds", "When the process started, since 1970", start_time());
	metrics_family(m, METRICS_GAUGE, "build_info", "The version, as a label");
	metrics_sample(m, "version", PRATIQUE_VERSION, 1);
}

char *metrics_finish(struct metrics *m)
{
	fclose(m->out);
	char *text = m->text;
	free(m->prefix);
	free(m);
	return text;
}
