/* SPDX-License-Identifier: ISC */
/*
 * Sources of advisories into an update: a folder of OSV JSON, an archive of it (.zip, .tar, .tar.gz, .tar.xz,
 * ...), one .json file, or "apt:[DIR]", the package lists of the security suite under DIR/var/lib/apt/lists.
 * A source is named after its file without the suffix, or as NAME in "NAME=SPEC". A record that is malformed
 * is refused and named; the rest loads.
 */
#pragma once

#include "vuln/update.h"

#define LOAD_TOTAL_MAX ((uint64_t)32 << 30)  /* unpacked bytes of one source */
#define LOAD_RECORDS_MAX ((uint64_t)8000000) /* of one source */
#define LOAD_DEPTH_MAX 32                    /* folders in folders */
#define LOAD_REFUSED_KEPT 5

struct load_report {
	uint64_t read, loaded, withdrawn, refused;
	char *first_refused[LOAD_REFUSED_KEPT]; /* "file: reason" */
};
void load_report_clear(struct load_report *report);

/* Called now and then while loading; the numbers are those of the report so far. */
typedef void (*load_progress_fn)(const struct load_report *report, void *context);

struct load {
	struct vuln_update *update;
	struct load_report *report;
	load_progress_fn progress; /* may be NULL */
	void *context;
};

/* Splits a SOURCE argument: the name (caller frees) and where the rest begins. */
char *load_source_name(const char *spec, const char **ret_path);
/* A text that changes whenever what the source holds may have changed (paths, sizes, times). Caller frees;
 * NULL where it cannot be told. */
char *load_source_mark(const char *spec);

/* Puts every record of the source. An unreadable source is an error; malformed records are in the report. */
int load_source(const struct load *l, const char *spec, struct error *err);

/* One step of the above, for apt.c. */
int load_apt(const struct load *l, const char *name, const char *root, struct error *err);
void load_note_refused(struct load_report *report, const char *what, const char *why);
