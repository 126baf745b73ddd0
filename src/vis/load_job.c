/* SPDX-License-Identifier: ISC */
/* One load of one source, from its address to the commit. */
#include "vis/loader.h"

#include "vuln/load_fetch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CHANGED_MAX 256 /* of LOADED */

static void note_change(const char *ecosystem, const char *package, void *loaded)
{
	struct ipc_loaded *l = loaded;
	if (l->n_changed == CHANGED_MAX) {
		l->all = true;
		return;
	}
	if (!l->changed)
		l->changed = xcalloc(CHANGED_MAX, sizeof(*l->changed));
	l->changed[l->n_changed++] =
	        (struct ipc_package_key){ .ecosystem = xstrdup(ecosystem), .package = xstrdup(package) };
}

static void take_report(struct ipc_loaded *l, struct load_report *report)
{
	l->read = report->read;
	l->mapped = report->mapped;
	l->unmapped = report->unmapped;
	l->refused = report->refused;
	l->proven = report->signed_ + report->checked;
	l->reasons = xcalloc(LOAD_KEPT, sizeof(*l->reasons));
	for (size_t i = 0; i < LOAD_KEPT && report->first_refused[i]; i++)
		l->reasons[l->n_reasons++].text = xstrndup(report->first_refused[i], 511);
	l->notes = xcalloc(LOAD_KEPT, sizeof(*l->notes));
	for (size_t i = 0; i < LOAD_KEPT && report->first_hint[i]; i++)
		l->notes[l->n_notes++].text = xstrndup(report->first_hint[i], 511);
}

static void take_counts(struct ipc_loaded *l, const struct osv_counts *c)
{
	l->beyond_limits = c->beyond_limits;
	l->entries_refused = c->affected_refused;
	l->entries_unsupported = c->affected_unsupported;
	l->versions_invalid = c->versions_invalid;
}

/* What comes, comes in numbers: the more often it was in the way, the longer it waits. */
static int next_wait(int wait_ms)
{
	return wait_ms ? MIN(2 * wait_ms, LOADER_WAY_LAST_MS) : LOADER_WAY_FIRST_MS;
}

static bool somebody_waits(void *job_)
{
	const struct load_job *job = job_;
	return job->hurry(0, job->context);
}

int load_job_commit(
        const struct load_job *job, struct vuln_update *u, struct ipc_loaded *l, struct error *err)
{
	struct vuln_update_result result;
	const time_ms began = clock_monotonic_ms();
	int r = -EAGAIN;
	for (int wait_ms = 0; r == -EAGAIN; wait_ms = next_wait(wait_ms)) {
		if (job->ask && job->ask(job, job->context) < 0)
			return error_set(err, -ECONNRESET, "pratique-vis has gone");
		const bool insists = !job->hurry || clock_monotonic_ms() - began >= job->way_ms;
		if (wait_ms && !insists && job->hurry(wait_ms, job->context))
			continue;
		vuln_update_give_way(u, insists ? NULL : somebody_waits, (void *)(uintptr_t)job);
		r = vuln_update_commit(u, clock_wall_ms(), note_change, l, &result, err);
	}
	if (r < 0)
		return r;
	l->generation = result.generation;
	l->put = result.records_put;
	l->removed = result.records_removed;
	l->keys = result.keys_changed;
	l->aliases_refused = result.aliases_refused;
	l->forms_pruned = result.forms_pruned;
	return 0;
}

static void add_names(struct writer *w, const char *what, const struct config_list *names)
{
	for (size_t i = 0; i < names->count; i++) {
		char *word FREE_ON_EXIT = xasprintf(" %s%s", what, names->items[i]);
		wr_bytes(w, word, strlen(word));
	}
}

/* Whatever the configuration says of the source is a part of what it was loaded from: a new keyring or
 * another list of ecosystems makes it another source. */
static char *mark_of(const struct source_config *c, const struct load_source *s)
{
	char *files FREE_ON_EXIT = load_source_mark(s);
	struct writer w = wr_make(SIZE_MAX);
	if (!files)
		return NULL;
	char *own FREE_ON_EXIT = xasprintf("%s kind=%s trust=%s keyring=%s suite=%s", files, c->kind,
	        vuln_trust_name(c->trust_level), c->keyring, c->suite);
	wr_bytes(&w, own, strlen(own));
	add_names(&w, "", &c->ecosystems);
	add_names(&w, "component=", &c->components);
	add_names(&w, "architecture=", &c->architectures);
	add_names(&w, "tlp=", &c->labels);
	wr_u8(&w, 0);
	size_t length;
	return (char *)wr_take(&w, &length);
}

/* Where it is then, from is not looked at again while the mark is the same. */
static int load_from(const struct load_job *job, const struct load_source *s, struct vuln_update *u,
        struct ipc_loaded *l, struct error *err)
{
	const struct source_config *c = job->config->sources[job->source];
	struct vuln_source described = source_config_describe(c);
	struct load_report *report = s->fetched;
	const struct load load = { .update = u, .report = report };
	char *mark FREE_ON_EXIT = mark_of(c, s);
	described.loaded = s->now;
	vuln_update_put_source(u, &described);
	if (mark && vuln_update_source_is(u, s->name, mark)) {
		l->unchanged = true;
		return load_job_commit(job, u, l, err);
	}
	vuln_update_replace_source(u, s->name);
	int r = load_source(&load, s, err);
	if (r == 0)
		r = load_report_check(report, err);
	take_counts(l, vuln_update_counts(u));
	described.counted = true;
	described.unmapped = report->unmapped;
	described.refused = report->refused;
	vuln_update_put_source(u, &described);
	if (r == 0 && mark)
		vuln_update_mark_source(u, s->name, mark);
	return r == 0 ? load_job_commit(job, u, l, err) : r;
}

static int load(const struct load_job *job, struct vuln_update *u, struct ipc_loaded *l, struct error *err)
{
	const struct source_config *c = job->config->sources[job->source];
	struct load_source s = source_config_to_load(c, job->config->cache, clock_wall_ms());
	s.prover = job->prover;
	struct load_report report = { 0 };
	char *fetched FREE_ON_EXIT = NULL;
	s.fetched = &report;
	int r = load_fetch(&s, &fetched, err);
	if (r == 0 && fetched)
		s.from = fetched;
	if (r == 0)
		r = load_from(job, &s, u, l, err);
	if (!l->unchanged)
		take_report(l, &report);
	load_report_clear(&report);
	return r;
}

void load_job_run(const struct load_job *job, struct ipc_loaded *ret)
{
	struct vuln_update *u = NULL;
	struct error err = { "" };
	*ret = (struct ipc_loaded){ .source = (uint32_t)job->source };
	int r = vuln_update_open(job->config->data, &u, &err);
	if (r == 0)
		r = source_config_is_repository(job->config->sources[job->source])
		        ? load_job_follow(job, u, ret, &err)
		        : load(job, u, ret, &err);
	vuln_update_close(u);
	if (r < 0)
		ret->failure = xstrdup(*err.text ? err.text : strerror(-r));
}

void load_job_clear(struct ipc_loaded *l)
{
	for (size_t i = 0; i < l->n_changed; i++) {
		free(l->changed[i].ecosystem);
		free(l->changed[i].package);
	}
	for (size_t i = 0; i < l->n_reasons; i++)
		free(l->reasons[i].text);
	for (size_t i = 0; i < l->n_notes; i++)
		free(l->notes[i].text);
	free(l->notes);
	free(l->changed);
	free(l->reasons);
	free(l->failure);
	*l = (struct ipc_loaded){ 0 };
}
