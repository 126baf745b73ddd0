/* SPDX-License-Identifier: ISC */
#include "tests/unit/policy/scripted_index.h"

#include "vuln/journal.h"
#include "vuln/listing.h"
#include "vuln/needs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

uint64_t vuln_index_generation(struct vuln_index *index)
{
	return index->generation;
}

time_ms vuln_index_updated(struct vuln_index *index)
{
	return index->updated;
}

int vuln_index_freshness(struct vuln_index *index, time_ms now, struct vuln_freshness *ret)
{
	*ret = (struct vuln_freshness){ .oldest = index->updated, .n_sources = index->n_sources };
	return index->failure;
}

int vuln_index_each_source(struct vuln_index *index,
        int (*fn)(const struct vuln_source *source, void *context), void *context, struct error *err)
{
	int r = index->failure;
	index->listings++;
	for (size_t i = 0; i < index->n_sources && r == 0; i++)
		r = fn(&index->sources[i], context);
	return r;
}

struct vuln_moment vuln_index_moment(struct vuln_index *index)
{
	return (struct vuln_moment){ index->generation, index->mark };
}

int vuln_index_changes(struct vuln_index *index, const struct vuln_moment *after, vuln_changed_fn fn,
        void *context, struct vuln_moment *ret, struct error *err)
{
	*ret = vuln_index_moment(index);
	if (!index->mark || after->mark != index->mark || after->generation > index->generation)
		return 1;
	for (size_t i = 0; i < index->n_changes; i++) {
		const struct scripted_change *c = &index->changes[i];
		const int r = c->generation > after->generation && c->generation <= index->generation
		        ? fn("Debian:12", c->package, context)
		        : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

size_t vuln_needs(struct vuln_index *index, const struct posture *p, char ret[NEEDS_MAX][ECOSYSTEM_NAME_MAX])
{
	for (size_t i = 0; i < index->n_needs; i++)
		snprintf(ret[i], ECOSYSTEM_NAME_MAX, "%s", index->needs[i]);
	return index->n_needs;
}

bool vuln_index_knows(struct vuln_index *index, const char *ecosystem)
{
	return true;
}

int vuln_match_all(struct vuln_index *index, const struct posture *p, const struct vuln_match_sink *sink,
        uint64_t *ret_generation, struct error *err)
{
	index->passes++;
	index->packages += p->n_packages;
	for (size_t k = 0; index->unjudged && k < p->n_packages; k++)
		if (strcmp(p->packages[k].name, index->unjudged) == 0 &&
		        sink->unjudged(&p->packages[k], "its version is not valid", sink->context) < 0)
			return -EINVAL;
	for (size_t i = 0; i < index->n_matches; i++) {
		const struct scripted_match *m = &index->matches[i];
		for (size_t k = 0; k < p->n_packages; k++) {
			if (strcmp(p->packages[k].name, m->package) != 0)
				continue;
			struct vuln_match match = { .posture = p,
				.package = &p->packages[k],
				.id = m->id,
				.aliases = m->aliases,
				.fixed = m->fixed,
				.source = m->source,
				.trust = m->trust,
				.conflict = m->conflict,
				.judged_as = m->judged_as,
				.summary = "",
				.severity = m->severity,
				.published = m->published,
				.modified = m->modified };
			int r = sink->match(&match, sink->context);
			if (r < 0)
				return r;
		}
	}
	if (index->failure)
		return error_set(err, index->failure, "the index is damaged");
	if (ret_generation)
		*ret_generation = index->generation;
	return 0;
}
