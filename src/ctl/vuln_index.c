/* SPDX-License-Identifier: ISC */
/* `pratique vuln index`: makes the index from sources of advisories. */
#include "ctl/ctl.h"
#include "ctl/load_words.h"

#include <inttypes.h>

#define WORDS "vuln index"

static int load_all(struct vuln_update *u, char **sources, struct load_report *report, struct error *err)
{
	int r = 0;
	for (; r == 0 && *sources; sources++) {
		struct load_progress progress = load_progress_begin(*sources);
		const struct load load = {
			.update = u, .report = report, .progress = load_progress_show, .context = &progress
		};
		r = load_source_spec(&load, *sources, err);
		load_progress_end(&progress);
	}
	return r;
}

static void print_refused(const struct load_report *report, const struct osv_counts *counts)
{
	for (size_t i = 0; i < LOAD_KEPT && report->first_refused[i]; i++)
		fprintf(stderr, "refused: %s\n", report->first_refused[i]);
	if (report->refused > LOAD_KEPT)
		fprintf(stderr, "refused: and %" PRIu64 " more\n", report->refused - LOAD_KEPT);
	if (counts->affected_refused)
		fprintf(stderr, "refused: %" PRIu64 " affected packages, the first: %s\n",
		        counts->affected_refused, counts->first_refused.text);
	if (counts->beyond_limits)
		fprintf(stderr, "refused: %" PRIu64 " of these because they claim more than a record may\n",
		        counts->beyond_limits);
}

static void print_apart(const struct vuln_update_result *result)
{
	if (result->aliases_refused)
		fprintf(stderr, "%zu ids are not joined with their aliases, which would join too much\n",
		        result->aliases_refused);
}

static void print_summary(const struct load_report *report, const struct osv_counts *c,
        const struct vuln_update_result *result, bool json)
{
	const char *format = json
	        ? "{\"read\": %" PRIu64 ", \"loaded\": %" PRIu64 ", \"withdrawn\": %" PRIu64
	          ", \"refused\": %" PRIu64 ", \"affected\": %" PRIu64 ", \"affected_refused\": %" PRIu64
	          ", \"affected_unsupported\": %" PRIu64 ", \"git_ranges\": %" PRIu64
	          ", \"changed\": %zu, \"generation\": %" PRIu64 "}\n"
	        : "%" PRIu64 " records read: %" PRIu64 " loaded (%" PRIu64 " withdrawn), %" PRIu64
	          " refused.\n%" PRIu64 " affected packages; %" PRIu64 " refused, %" PRIu64
	          " of ecosystems that are not supported or without package; %" PRIu64
	          " GIT ranges ignored.\n%zu records changed; generation %" PRIu64 ".\n";
	printf(format, report->read, report->mapped + report->unmapped, report->withdrawn, report->refused,
	        c->affected, c->affected_refused, c->affected_unsupported, c->git_ranges,
	        result->records_put + result->records_removed, result->generation);
}

static int make_index(const char *out, char **sources, bool json)
{
	struct vuln_update *u;
	struct vuln_update_result result;
	struct load_report report = { 0 };
	struct error err;
	int lock; /* which ends with us */
	if (vuln_index_lock(out, false, &lock, &err) < 0 || vuln_update_open(out, &u, &err) < 0)
		return ctl_fail(WORDS, "%s", err.text);
	vuln_update_replace_all(u);
	int r = load_all(u, sources, &report, &err);
	if (r == 0)
		r = vuln_update_commit(u, clock_wall_ms(), NULL, NULL, &result, &err);
	print_refused(&report, vuln_update_counts(u));
	if (r == 0) {
		print_apart(&result);
		print_summary(&report, vuln_update_counts(u), &result, json);
	}
	load_report_clear(&report);
	vuln_update_close(u);
	return r < 0 ? ctl_fail(WORDS, "%s", err.text) : CTL_OK;
}

int ctl_vuln_index(int argc, char **argv)
{
	const char *out = NULL;
	bool json = false;
	const struct command_option options[] = {
		{ 'o', "out", "DIR", "the index; made where it is not there", COMMAND_TEXT, &out, 1 },
		{ 'j', "json", NULL, "the summary as one JSON object", COMMAND_FLAG, &json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = WORDS,
		.synopsis = "--out DIR SOURCE...",
		.about = "Makes the index in DIR hold exactly what the sources say, in one transaction: "
		         "programs that\n"
		         "read it see the old one until the new one is whole.\n\n"
		         "A SOURCE is a folder, .zip, .tar, .tar.gz or .tar.xz of OSV records (JSON), one "
		         ".json file, or\n"
		         "apt: for the security suite in this machine's package lists (apt:DIR for those of "
		         "another\n"
		         "root). NAME=SOURCE names the source otherwise than after its file.\n\n"
		         "Malformed records are refused and named; the rest is loaded.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 done, 1 failed (the index is as it was), 2 wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique vuln index --out /var/lib/pratique/vis/index apt:\n"
		           "  pratique vuln index --out index debian-osv.tar.xz local=advisories/",
		.least = 1,
		.most = SIZE_MAX,
		.argument = "at least one SOURCE",
	};
	char **sources;
	int code = command_line_parse(&line, argc, argv, &sources);
	return code != COMMAND_GO_ON ? code : make_index(out, sources, json);
}
