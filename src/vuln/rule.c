/* SPDX-License-Identifier: ISC */
#include "vuln/rule.h"

#include "vuln/plain.h"

#include <errno.h>

#define RULE_BYTES_MAX (48u << 20)

void rule_builder_clear(struct rule_builder *b)
{
	free(b->events);
	free(b->range_ends);
	wr_free(&b->bytes);
	wr_free(&b->versions);
	wr_free(&b->rule);
}

void rule_reset(struct rule_builder *b, enum version_ecosystem order)
{
	b->order = order;
	b->n_events = b->n_ranges = 0;
	b->n_versions = 0;
	b->bytes.limit = b->versions.limit = b->rule.limit = RULE_BYTES_MAX;
	wr_reset(&b->bytes);
	wr_reset(&b->versions);
	wr_reset(&b->rule);
}

static size_t range_start(const struct rule_builder *b)
{
	return b->n_ranges ? b->range_ends[b->n_ranges - 1] : 0;
}

int rule_add_event(struct rule_builder *b, enum rule_event kind, const char *version, struct error *err)
{
	bool unbounded = (kind == RULE_INTRODUCED && strcmp(version, "0") == 0) ||
	        (kind == RULE_LIMIT && strcmp(version, "*") == 0);
	if (!text_is_plain(version))
		return error_set(err, -EINVAL, "a version that holds control characters");
	if (b->n_events - range_start(b) >= RULE_EVENTS_MAX)
		return error_set(err, -E2BIG, "more than %d events in a range", RULE_EVENTS_MAX);
	b->key.length = 0;
	if (!unbounded) {
		/* A bound that is no version has its place among them all the same ("46" of an action). */
		int r = version_key_make_loosely(b->order, version, &b->key, err);
		if (r < 0)
			return r;
	}
	ARRAY_RESERVE_ONE(b->events, b->n_events, b->events_capacity);
	struct rule_builder_event *e = &b->events[b->n_events];
	*e = (struct rule_builder_event){ .kind = kind, .serial = (uint32_t)b->n_events };
	e->key_at = (uint32_t)b->bytes.length;
	e->key_length = (uint16_t)b->key.length;
	wr_bytes(&b->bytes, b->key.bytes, b->key.length);
	e->text_at = (uint32_t)b->bytes.length;
	e->text_length = (uint16_t)(strlen(version) + 1);
	wr_bytes(&b->bytes, version, e->text_length);
	if (wr_failed(&b->bytes))
		return error_set(err, -E2BIG, "the ranges take more than %u bytes", RULE_BYTES_MAX);
	b->n_events++;
	return 0;
}

static int order_events(const void *a_, const void *b_, void *bytes_)
{
	const struct rule_builder_event *a = a_, *b = b_;
	const uint8_t *bytes = bytes_;
	int order =
	        version_key_order_bytes(bytes + a->key_at, a->key_length, bytes + b->key_at, b->key_length);
	return order ? order : (a->serial > b->serial) - (a->serial < b->serial);
}

int rule_end_range(struct rule_builder *b, struct error *err)
{
	size_t start = range_start(b);
	bool introduced = false;
	for (size_t i = start; i < b->n_events; i++)
		introduced = introduced || b->events[i].kind == RULE_INTRODUCED;
	if (!introduced)
		return error_set(err, -EINVAL, "a range without an introduced event");
	if (b->n_ranges >= RULE_RANGES_MAX)
		return error_set(err, -E2BIG, "more than %d ranges", RULE_RANGES_MAX);
	qsort_r(b->events + start, b->n_events - start, sizeof(*b->events), order_events, b->bytes.data);
	ARRAY_RESERVE_ONE(b->range_ends, b->n_ranges, b->ranges_capacity);
	b->range_ends[b->n_ranges++] = b->n_events;
	return 0;
}

/* OSV's IncludedInRanges for one range; events are in order. */
struct evaluation {
	bool affected, limited, within_limit;
};
static void evaluate_event(struct evaluation *e, enum rule_event kind, const uint8_t *at, size_t at_length,
        const uint8_t *key, size_t key_length)
{
	int order = version_key_order_bytes(key, key_length, at, at_length);
	switch (kind) {
	case RULE_INTRODUCED:
		if (order >= 0)
			e->affected = true;
		break;
	case RULE_FIXED:
		if (order >= 0)
			e->affected = false;
		break;
	case RULE_LAST_AFFECTED:
		if (order > 0)
			e->affected = false;
		break;
	case RULE_LIMIT:
		e->limited = true;
		if (at_length == 0 || order < 0)
			e->within_limit = true;
		break;
	}
}
static bool evaluation_result(const struct evaluation *e)
{
	return e->affected && (!e->limited || e->within_limit);
}

static bool is_in_ranges(const struct rule_builder *b, const struct version_key *key)
{
	size_t i = 0;
	for (size_t range = 0; range < b->n_ranges; range++) {
		struct evaluation e = { false, false, false };
		for (; i < b->range_ends[range]; i++)
			evaluate_event(&e, b->events[i].kind, b->bytes.data + b->events[i].key_at,
			        b->events[i].key_length, key->bytes, key->length);
		if (evaluation_result(&e))
			return true;
	}
	return false;
}

int rule_add_version(struct rule_builder *b, const char *version, struct error *err)
{
	int r = version_key_make(b->order, version, &b->key, err);
	if (r < 0)
		return r;
	if (b->n_events <= RULE_PRUNED_EVENTS_MAX && is_in_ranges(b, &b->key))
		return 0;
	if (b->n_versions >= RULE_VERSIONS_MAX)
		return error_set(err, -E2BIG, "more than %d listed versions", RULE_VERSIONS_MAX);
	wr_u16(&b->versions, (uint16_t)b->key.length);
	wr_bytes(&b->versions, b->key.bytes, b->key.length);
	b->n_versions++;
	return wr_failed(&b->versions)
	        ? error_set(err, -E2BIG, "the versions take more than %u bytes", RULE_BYTES_MAX)
	        : 0;
}

/* One range that starts with no bound and has at most one end that is a fix, and nothing listed. */
static bool is_simple(const struct rule_builder *b)
{
	return b->n_ranges == 1 && b->n_versions == 0 && b->n_events <= 2 &&
	        b->events[0].kind == RULE_INTRODUCED && b->events[0].key_length == 0 &&
	        (b->n_events == 1 || b->events[1].kind == RULE_FIXED);
}

static void put_events(struct rule_builder *b)
{
	struct writer *w = &b->rule;
	wr_u16(w, (uint16_t)b->n_ranges);
	size_t i = 0;
	for (size_t range = 0; range < b->n_ranges; range++) {
		wr_u16(w, (uint16_t)(b->range_ends[range] - i));
		for (; i < b->range_ends[range]; i++) {
			const struct rule_builder_event *e = &b->events[i];
			wr_u8(w, (uint8_t)e->kind);
			wr_u16(w, e->key_length);
			wr_bytes(w, b->bytes.data + e->key_at, e->key_length);
			wr_u16(w, e->text_length);
			wr_bytes(w, b->bytes.data + e->text_at, e->text_length);
		}
	}
	wr_u32(w, b->n_versions);
	wr_bytes(w, b->versions.data, b->versions.length);
}

bool rule_finish(struct rule_builder *b, struct record_affected *ret)
{
	ret->fixed = "";
	ret->rule = NULL;
	ret->rule_length = 0;
	if (b->n_ranges == 0 && b->n_versions == 0)
		return false;
	if (!is_simple(b)) {
		put_events(b);
		ret->kind = RULE_EVENTS;
		ret->rule = b->rule.data;
		ret->rule_length = b->rule.length;
		return !wr_failed(&b->rule);
	}
	ret->kind = RULE_ALWAYS;
	if (b->n_events == 2) {
		ret->kind = RULE_BELOW;
		ret->fixed = (const char *)b->bytes.data + b->events[1].text_at;
		ret->rule = b->bytes.data + b->events[1].key_at;
		ret->rule_length = b->events[1].key_length;
	}
	return true;
}

/* What a walk over a rule's events has found so far. */
struct rule_walk {
	const uint8_t *key;
	size_t key_length;
	bool affected;
	const uint8_t *fixed_key;
	size_t fixed_key_length;
	const char *fixed;
};

static void note_fix(struct rule_walk *walk, const uint8_t *key, size_t length, const char *text)
{
	if (version_key_order_bytes(walk->key, walk->key_length, key, length) >= 0)
		return;
	if (walk->fixed && version_key_order_bytes(walk->fixed_key, walk->fixed_key_length, key, length) <= 0)
		return;
	walk->fixed = text;
	walk->fixed_key = key;
	walk->fixed_key_length = length;
}

static void walk_range(struct reader *r, struct rule_walk *walk)
{
	struct evaluation e = { false, false, false };
	for (uint16_t n = rd_u16(r); n > 0; n--) {
		enum rule_event kind = (enum rule_event)rd_u8(r);
		size_t length = rd_u16(r);
		const uint8_t *key = rd_bytes(r, length);
		size_t text_length = rd_u16(r);
		const char *text = (const char *)rd_bytes(r, text_length);
		if (rd_failed(r))
			return;
		evaluate_event(&e, kind, key, length, walk->key, walk->key_length);
		if (kind == RULE_FIXED)
			note_fix(walk, key, length, text);
	}
	walk->affected = walk->affected || evaluation_result(&e);
}

bool rule_evaluate(
        const uint8_t *rule, size_t length, const uint8_t *key, size_t key_length, const char **ret_fixed)
{
	struct reader r = rd_make(rule, length);
	struct rule_walk walk = { .key = key, .key_length = key_length };
	for (uint16_t n = rd_u16(&r); n > 0 && !rd_failed(&r); n--)
		walk_range(&r, &walk);
	for (uint32_t n = rd_u32(&r); n > 0 && !walk.affected && !rd_failed(&r); n--) {
		size_t listed_length = rd_u16(&r);
		const uint8_t *listed = rd_bytes(&r, listed_length);
		walk.affected = listed && listed_length == key_length && memcmp(listed, key, key_length) == 0;
	}
	*ret_fixed = walk.fixed;
	return walk.affected && !rd_failed(&r);
}
