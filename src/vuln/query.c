/* SPDX-License-Identifier: ISC */
/*
 * One package that no posture names (OSV's /v1/query), judged as the matcher judges one that a node has
 * (match.c): a signed package by the source that was signed, a rebuild by what was built again, a backport in
 * the release that it is from, a subscriber's fix where these are.
 */
#include "vuln/match_private.h"

#include "vuln/ecosystem.h"

#include <errno.h>
#include <stdio.h>

/* What is asked, and what it is judged as. */
struct subject {
	struct judge judge;
	char ecosystem[ECOSYSTEM_NAME_MAX]; /* "": only what stands beside it */
	char beside[ECOSYSTEM_NAME_MAX]; /* all releases, or the release's fixes for subscribers; "": none */
	char name[PACKAGE_NAME_MAX];
	const char *version; /* NULL: any */
	bool extended;
	struct source_alias alias;
	struct backport backport;
	char rebuilt[VERSION_MAX + 1], judged_as[ECOSYSTEM_NAME_MAX + VERSION_MAX + 64];
};

static int take_query(struct subject *s, const struct vuln_query *q, struct error *err)
{
	int r = ecosystem_canonical(q->ecosystem, s->ecosystem, &s->judge.order);
	if (r < 0)
		return error_set(err, r,
		        r == -ENOTSUP ? "ecosystem \"%.100s\" is not supported"
		                      : "\"%.100s\" is no name of an ecosystem",
		        q->ecosystem);
	if (ecosystem_package_name(s->ecosystem, q->package, s->name) < 0)
		return error_set(err, -EINVAL, "the name of the package is empty or too long");
	const size_t n = strcspn(s->ecosystem, ":");
	s->extended = ecosystem_extended(s->ecosystem, s->beside);
	if (s->ecosystem[n] && !s->extended)
		memcpy(s->beside, s->ecosystem, n);
	s->version = q->version;
	if (q->version && !q->by_binary && q->source_version)
		s->version = q->source_version;
	return 0;
}

/* Where the index does not know the release that a backport is from, it has only what is known of its own. 1:
 * so it is, and err says so. */
static int take_origin(struct subject *s, struct error *err)
{
	const bool known = index_has_ecosystem(s->judge.index, INDEX_BY_ADVISORY, s->backport.ecosystem);
	s->version = s->backport.version;
	if (!known) {
		(void)ecosystem_no_origin(s->backport.ecosystem, err);
		return 1;
	}
	/* Asked of no release: this is the one. */
	if (!strchr(s->ecosystem, ':'))
		memcpy(s->beside, s->ecosystem, sizeof(s->beside));
	memcpy(s->ecosystem, s->backport.ecosystem, sizeof(s->ecosystem));
	snprintf(s->judged_as, sizeof(s->judged_as), "a backport of %s in %s", s->version,
	        s->backport.ecosystem);
	s->judge.judged_as = s->judged_as;
	return 0;
}

/* 1: it can be judged in part only. */
static int take_source(struct subject *s, const struct vuln_query *q, struct error *err)
{
	char place[ECOSYSTEM_NAME_MAX + 1]; /* with a colon, also where no release is asked of */
	const struct posture_package package = {
		.name = q->package, .source = s->name, .version = q->version, .source_version = s->version
	};
	snprintf(place, sizeof(place), "%s%s", s->ecosystem, strchr(s->ecosystem, ':') ? "" : ":");
	int r = ecosystem_signed_source(place, &package, &s->alias);
	if (r < 0)
		return error_set(err, r, "the version of the signed source has another form");
	if (r > 0) {
		snprintf(s->name, sizeof(s->name), "%s", s->alias.name);
		s->version = s->alias.version;
	}
	if (s->judge.order != VERSION_DPKG)
		return 0;
	if (r == 0 && ecosystem_rebuild(s->ecosystem, s->version, s->rebuilt))
		s->version = s->rebuilt;
	if (ecosystem_backport(place, s->version, &s->backport))
		return take_origin(s, err);
	if (s->extended && ecosystem_is_extended(s->version) &&
	        index_has_ecosystem(s->judge.index, INDEX_BY_ADVISORY, s->beside))
		s->ecosystem[0] = '\0';
	return 0;
}

static int look_up(struct subject *s, enum index_kind kind, const char *ecosystem, MDB_val *ret)
{
	char key[INDEX_KEY_MAX];
	struct vuln_index *index = s->judge.index;
	MDB_val k = index_val(key, *ecosystem ? index_package_key(key, kind, ecosystem, s->name) : 0);
	return k.mv_size ? mdb_get(index->txn, index->e.packages, &k, ret) : MDB_NOTFOUND;
}

/* As the matcher has it: the release, and what stands beside it. */
static int judge_within(struct subject *s, enum index_kind kind, struct error *err)
{
	struct judge *j = &s->judge;
	MDB_val values[2];
	size_t n = 0;
	j->any_version = !s->version;
	j->name = s->name;
	int r = s->version ? version_key_make(j->order, s->version, &j->key, err) : 0;
	if (r < 0)
		return r;
	n += look_up(s, kind, s->ecosystem, &values[n]) == 0;
	if (kind == INDEX_BY_ADVISORY)
		n += look_up(s, kind, s->beside, &values[n]) == 0;
	r = n == 2 ? judge_both(j, &values[0], &values[1]) : n == 1 ? judge_value(j, &values[0]) : 0;
	return r < 0 ? error_set(err, r, "matching stopped: %s", strerror(-r)) : 0;
}

static int query_within(
        struct subject *s, const struct vuln_query *q, uint64_t *ret_generation, struct error *err)
{
	struct index_state state;
	struct vuln_index *index = s->judge.index;
	int code = index_read_state(&index->e, index->txn, &state);
	if (code)
		return index_error(err, index->dir, code);
	int in_part = s->version && !q->by_binary ? take_source(s, q, err) : 0;
	if (in_part < 0)
		return in_part;
	int r = judge_within(s, q->by_binary ? INDEX_BY_BINARY : INDEX_BY_ADVISORY, in_part ? NULL : err);
	if (r == 0 && ret_generation)
		*ret_generation = state.generation;
	return r < 0 ? r : in_part;
}

int vuln_index_query(struct vuln_index *index, const struct vuln_query *q, vuln_match_fn fn, void *context,
        uint64_t *ret_generation, struct error *err)
{
	struct subject s = { .judge = { .index = index, .fn = fn, .context = context } };
	int r = take_query(&s, q, err);
	int code = r < 0 ? 0 : index_begin(index);
	if (code)
		r = index_error(err, index->dir, code);
	if (r == 0) {
		r = query_within(&s, q, ret_generation, err);
		index_end(index);
	}
	judge_clear(&s.judge);
	return r;
}
