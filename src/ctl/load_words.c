/* SPDX-License-Identifier: ISC */
#include "ctl/load_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define AFTER_MS 2000
#define EVERY_MS 200

struct load_progress load_progress_begin(const char *source)
{
	return (struct load_progress){
		.source = source, .started = clock_monotonic_ms(), .terminal = isatty(STDERR_FILENO)
	};
}

static bool is_time(struct load_progress *p)
{
	time_ms now = clock_monotonic_ms();
	if (!p->terminal || now - p->started < AFTER_MS || now - p->shown < EVERY_MS)
		return false;
	p->shown = now;
	p->any = true;
	return true;
}

void load_progress_show(const struct load_report *report, void *progress)
{
	struct load_progress *p = progress;
	if (is_time(p))
		fprintf(stderr, "\r\033[K%s: %" PRIu64 " records, %" PRIu64 " refused", p->source,
		        report->read, report->refused);
}

void load_progress_fetch(const char *url, int64_t got, int64_t total, void *progress)
{
	struct load_progress *p = progress;
	if (!is_time(p))
		return;
	fprintf(stderr, "\r\033[K%s: fetching, %.1f", p->source, (double)got / 1e6);
	if (total > 0)
		fprintf(stderr, " of %.1f", (double)total / 1e6);
	fputs(" MB", stderr);
}

void load_progress_end(const struct load_progress *p)
{
	if (p->any)
		fputs("\r\033[K", stderr);
}

const char *load_ecosystems_read(struct command_texts *names, char (*canonical)[ECOSYSTEM_NAME_MAX])
{
	enum version_ecosystem order;
	for (size_t i = 0; i < names->n; i++) {
		if (ecosystem_canonical(names->items[i], canonical[i], &order) < 0)
			return names->items[i];
		names->items[i] = canonical[i];
	}
	return NULL;
}

static void print_reasons(const char *what, char *const *first, uint64_t n)
{
	for (size_t i = 0; i < LOAD_KEPT && first[i]; i++)
		fprintf(stderr, "%s: %s\n", what, first[i]);
	if (n > LOAD_KEPT)
		fprintf(stderr, "%s: and %" PRIu64 " more\n", what, n - LOAD_KEPT);
}

void load_report_print(const char *source, const struct load_report *r)
{
	printf("%s: %" PRIu64 " records read: %" PRIu64 " mapped, %" PRIu64 " unmapped, %" PRIu64
	       " refused; %" PRIu64 " withdrawn, %" PRIu64 " removed",
	        source, r->read, r->mapped, r->unmapped, r->refused, r->withdrawn, r->removed);
	if (r->signed_ + r->checked)
		printf("; %" PRIu64 " signed, %" PRIu64 " with a checksum alone", r->signed_, r->checked);
	if (r->remembered)
		printf(" (%" PRIu64 " verified before)", r->remembered);
	if (r->statements_unmapped)
		printf("; %" PRIu64 " statements about products without a package", r->statements_unmapped);
	if (r->passed_over)
		printf("; %" PRIu64 " other files", r->passed_over);
	puts(".");
	fflush(stdout);
	print_reasons("refused", r->first_refused, r->refused);
	print_reasons("unmapped", r->first_unmapped, r->unmapped);
	if (r->read == 0)
		fprintf(stderr, "%s: there is no document of its kind; --kind says what it is\n", source);
	else if (r->read == r->refused)
		fprintf(stderr, "%s: nothing of it is loaded; is it of another kind (--kind)?\n", source);
	for (size_t i = 0; i < LOAD_KEPT && r->first_hint[i]; i++)
		fprintf(stderr, "note: %s\n", r->first_hint[i]);
}

static json_t *texts(char *const *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < LOAD_KEPT && list[i]; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

json_t *load_report_to_json(const char *source, const struct load_report *r)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
	        "name", source, "read", (json_int_t)r->read, "mapped", (json_int_t)r->mapped, "unmapped",
	        (json_int_t)r->unmapped, "refused", (json_int_t)r->refused, "withdrawn",
	        (json_int_t)r->withdrawn, "removed", (json_int_t)r->removed, "signed", (json_int_t)r->signed_,
	        "remembered", (json_int_t)r->remembered, "checksum", (json_int_t)r->checked,
	        "statements_unmapped", (json_int_t)r->statements_unmapped, "passed_over",
	        (json_int_t)r->passed_over, "first_refused", texts(r->first_refused), "first_unmapped",
	        texts(r->first_unmapped), "notes", texts(r->first_hint));
}
