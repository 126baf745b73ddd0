/* SPDX-License-Identifier: ISC */
#include "vuln/source_json.h"

#include <errno.h>

static bool is_stale(const struct vuln_source *s, time_ms now)
{
	return s->loaded == 0 || (s->freshness_ms && now - s->loaded > s->freshness_ms);
}

static json_t *time_or_null(time_ms t)
{
	char text[CLOCK_TEXT_SIZE];
	return t ? json_string(clock_format(t, text)) : json_null();
}

static json_t *number_or_null(bool known, int64_t n)
{
	return known ? json_integer(n) : json_null();
}

json_t *vuln_source_json(const struct vuln_source *s, time_ms now)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:b, s:b, s:I, s:I}", "name", s->name,
	        "kind", s->kind, "origin", s->origin, "licence", s->licence, "precedence",
	        (json_int_t)s->precedence, "trust", vuln_trust_name(s->trust), "required", (int)s->required,
	        "partial", (int)s->partial, "stale", (int)is_stale(s, now), "records", (json_int_t)s->records,
	        "generation", (json_int_t)s->generation);
	if (!o)
		return NULL;
	json_object_set_new(o, "loaded", time_or_null(s->loaded));
	json_object_set_new(o, "newest", time_or_null(s->newest));
	json_object_set_new(o, "age_seconds", number_or_null(s->loaded != 0, (now - s->loaded) / 1000));
	json_object_set_new(o, "fresh_seconds", number_or_null(s->freshness_ms != 0, s->freshness_ms / 1000));
	json_object_set_new(o, "refused", number_or_null(s->counted, (int64_t)s->refused));
	json_object_set_new(o, "unmapped", number_or_null(s->counted, (int64_t)s->unmapped));
	return o;
}

struct listing {
	json_t *list;
	time_ms now;
};

static int add(const struct vuln_source *s, void *listing_)
{
	const struct listing *l = listing_;
	json_t *o = vuln_source_json(s, l->now);
	return o && json_array_append_new(l->list, o) == 0 ? 0 : -EILSEQ;
}

json_t *vuln_index_sources_json(struct vuln_index *index, time_ms now, struct error *err)
{
	struct listing l = { json_array(), now };
	int r = vuln_index_each_source(index, add, &l, err);
	if (r == -EILSEQ)
		error_set(err, r, "what is known of a source is not UTF-8");
	if (r == 0)
		return l.list;
	json_decref(l.list);
	return NULL;
}
