/* SPDX-License-Identifier: ISC */
/*
 * How many packages a second one core judges: inventories in memory against an index on disk, every finding
 * copied out with all its strings. No inventory is asked about twice in a row: there are INVENTORIES of them,
 * each lacking other packages and with other versions, and they take turns, so that nothing can be remembered
 * by inventory. Prints the median of the runs and the spread.
 *
 *   match INDEX INVENTORY DISTRIBUTION RUNS SECONDS
 */
#include "base/clock.h"
#include "vuln/inventory.h"
#include "vuln/vuln.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define INVENTORIES 64
#define LEFT_OUT 32 /* one package of so many is not installed */
#define CHANGED 16  /* one of so many has a version of its own */
#define RUNS_MAX 100
#define SECONDS_MAX 60

/* A finding as whoever reports it needs it; the strings follow one another in bytes. */
struct finding {
	const struct posture_package *package;
	size_t purl, name, id, aliases, fixed, source, summary;
	enum vuln_severity severity;
	time_ms published, modified;
};

struct findings {
	struct finding *items;
	size_t n, capacity;
	char *bytes;
	size_t n_bytes, bytes_capacity;
	size_t n_unjudged;
};

struct rates {
	double packages, findings, packages_cpu; /* a second; packages a second of processor time */
};

static size_t keep(struct findings *f, const char *text)
{
	size_t at = f->n_bytes, n = text ? strlen(text) + 1 : 0;
	if (at + n > f->bytes_capacity) {
		f->bytes_capacity = 2 * (at + n);
		f->bytes = xrealloc_array(f->bytes, f->bytes_capacity, 1);
	}
	if (text)
		memcpy(f->bytes + at, text, n);
	f->n_bytes += n;
	return at;
}

static int take_match(const struct vuln_match *m, void *context)
{
	struct findings *f = context;
	char *purl FREE_ON_EXIT = posture_purl(m->posture, m->package);
	ARRAY_RESERVE_ONE(f->items, f->n, f->capacity);
	struct finding *item = &f->items[f->n++];
	*item = (struct finding){ .package = m->package,
		.purl = keep(f, purl),
		.name = keep(f, m->matched_name),
		.id = keep(f, m->id),
		.fixed = keep(f, m->fixed),
		.source = keep(f, m->source),
		.summary = keep(f, m->summary),
		.severity = m->severity,
		.published = m->published,
		.modified = m->modified };
	item->aliases = f->n_bytes;
	for (const char *const *alias = m->aliases; *alias; alias++)
		keep(f, *alias);
	return 0;
}

static int take_unjudged(const struct posture_package *package, const char *reason, void *context)
{
	struct findings *f = context;
	f->n_unjudged++;
	return 0;
}

static struct posture *make_inventory(const struct posture *base, size_t number)
{
	struct posture *p = posture_new();
	p->os_id = posture_string(p, base->os_id);
	p->os_version = posture_string(p, base->os_version);
	p->os_codename = posture_string(p, base->os_codename);
	p->packages_known = true;
	for (size_t i = 0; i < base->n_packages; i++) {
		const struct posture_package *b = &base->packages[i];
		bool changed = (i + number) % CHANGED == 0;
		const char *suffix = changed ? "+bench" : "";
		char *version FREE_ON_EXIT =
		        changed ? xasprintf("%s%s%zu", b->version, suffix, number) : NULL;
		char *source FREE_ON_EXIT =
		        changed ? xasprintf("%s%s%zu", b->source_version, suffix, number) : NULL;
		if ((i + number * 7) % LEFT_OUT == 0)
			continue;
		(void)posture_add_package(p,
		        &(struct posture_package){ .type = posture_string(p, b->type),
		                .name = posture_string(p, b->name),
		                .version = posture_string(p, version ? version : b->version),
		                .architecture = b->architecture ? posture_string(p, b->architecture) : NULL,
		                .source = posture_string(p, b->source),
		                .source_version = posture_string(p, source ? source : b->source_version) });
	}
	return p;
}

static int run_once(struct vuln_index *index, struct posture *const *inventories, int64_t us,
        struct findings *f, struct rates *ret, struct error *err)
{
	const struct vuln_match_sink sink = { .match = take_match, .unjudged = take_unjudged, .context = f };
	uint64_t packages = 0, findings = 0;
	int64_t begun = clock_monotonic_us(), now = begun;
	clock_t cpu = clock();
	for (size_t i = 0; now - begun < us; i++, now = clock_monotonic_us()) {
		const struct posture *p = inventories[i % INVENTORIES];
		f->n = f->n_bytes = f->n_unjudged = 0;
		int r = vuln_match_all(index, p, &sink, NULL, err);
		if (r < 0)
			return r;
		packages += p->n_packages - f->n_unjudged;
		findings += f->n;
	}
	double seconds = (double)(now - begun) / 1e6, cpu_seconds = (double)(clock() - cpu) / CLOCKS_PER_SEC;
	*ret = (struct rates){ (double)packages / seconds, (double)findings / seconds,
		(double)packages / cpu_seconds };
	return 0;
}

static int compare_rates(const void *a, const void *b)
{
	const struct rates *x = a, *y = b;
	return x->packages < y->packages ? -1 : x->packages > y->packages;
}

static int measure(struct vuln_index *index, struct posture *const *inventories, size_t runs, int64_t us,
        struct error *err)
{
	struct findings f = { 0 };
	struct rates rates[RUNS_MAX];
	int r = run_once(index, inventories, us / 4, &f, &rates[0], err); /* the index is in memory then */
	for (size_t i = 0; i < runs && r == 0; i++)
		r = run_once(index, inventories, us, &f, &rates[i], err);
	if (r == 0) {
		qsort(rates, runs, sizeof(*rates), compare_rates);
		printf("  %.0f packages/s, %.0f findings/s copied out (median of %zu runs; %.0f to %.0f "
		       "packages/s)\n",
		        rates[runs / 2].packages, rates[runs / 2].findings, runs, rates[0].packages,
		        rates[runs - 1].packages);
		printf("  %.0f packages a second of processor time, which is what a core of our own would "
		       "do\n",
		        rates[runs / 2].packages_cpu);
		printf("  %.1f findings a package; the last inventory: %zu findings, %zu bytes of text, %zu "
		       "packages not "
		       "judged\n",
		        rates[runs / 2].findings / rates[runs / 2].packages, f.n, f.n_bytes, f.n_unjudged);
	}
	free(f.items);
	free(f.bytes);
	return r;
}

int main(int argc, char **argv)
{
	struct posture *base = NULL, *inventories[INVENTORIES];
	struct inventory_report report = { 0 };
	struct vuln_index *index = NULL;
	struct error err = { "" };
	size_t runs = argc == 6 ? strtoul(argv[4], NULL, 10) : 0;
	double seconds = argc == 6 ? strtod(argv[5], NULL) : 0;
	if (runs == 0 || runs > RUNS_MAX || !isfinite(seconds) || seconds <= 0 || seconds > SECONDS_MAX) {
		fputs("usage: match INDEX INVENTORY DISTRIBUTION RUNS SECONDS\n", stderr);
		return 2;
	}
	int r = vuln_index_open(argv[1], &index, &err);
	if (r == 0)
		r = inventory_read(argv[2], argv[3], &base, &report, &err);
	if (r == 0) {
		for (size_t i = 0; i < INVENTORIES; i++)
			inventories[i] = make_inventory(base, i);
		r = measure(index, inventories, runs, (int64_t)(seconds * 1e6), &err);
		for (size_t i = 0; i < INVENTORIES; i++)
			posture_free(inventories[i]);
	}
	posture_free(base);
	inventory_report_clear(&report);
	vuln_index_close(index);
	if (r < 0)
		fprintf(stderr, "match: %s\n", err.text);
	return r < 0;
}
