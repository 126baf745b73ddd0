/* SPDX-License-Identifier: ISC */
/*
 * The walk over what the index holds under one package: it ends at the first entry that is already fixed, and
 * allocates nothing for a package that nothing affects. Where no entry decides alone, all of its
 * vulnerability are gone through in their order (settle.h).
 */
#include "vuln/match_private.h"
#include "vuln/rule.h"

#include <errno.h>

void judge_clear(struct judge *j)
{
	free(j->aliases);
	free(j->views);
	free(j->entries);
	wr_free(&j->conflict);
	wr_free(&j->both);
	settle_clear(&j->settle);
}

int judge_status(const struct judge *j, const struct package_entry *e, const char **ret_fixed)
{
	if (!j->any_version)
		return settle_status(e, j->key.bytes, j->key.length, ret_fixed);
	*ret_fixed = e->head.kind == RULE_BELOW ? e->fixed : NULL;
	return e->head.status;
}

/* Of two fixes of what is affected twice the later one; none where one has none. */
static const char *later_fix(const struct judge *j, const char *a, const char *b)
{
	int order;
	if (!a || !b)
		return NULL;
	return version_compare(j->order, a, b, &order, NULL) == 0 && order < 0 ? b : a;
}

/* The next of the vulnerability: first the one that leads, then the others. */
struct members {
	const struct package_value *value;
	size_t at, left;
};
static bool next_member(struct members *m, struct package_entry *ret)
{
	if (m->left == 0 || !package_entry_read(m->value->bytes + m->at, m->value->length - m->at, ret))
		return false;
	m->at += ret->head.size;
	m->left--;
	return true;
}

/* Whether a source that is at hand no longer is: its last word is asked for. */
static int deliberate(struct judge *j, const struct package_value *value, const struct package_entry *lead)
{
	struct members others = { value, lead->head.others_at, lead->head.n_others };
	struct package_entry e = *lead, stands = { .at = NULL };
	const char *fixed = NULL, *source = lead->source;
	bool names_it = false;
	do {
		const char *fix;
		if (strcmp(e.source, source) != 0) {
			if (names_it || stands.at)
				break;
			source = e.source;
		}
		int status = judge_status(j, &e, &fix);
		if (status == VULN_NOT_AFFECTED && !stands.at)
			return 0;
		names_it = names_it || status == VULN_FIXED;
		if (status != VULN_AFFECTED)
			continue;
		fixed = stands.at ? later_fix(j, fixed, fix) : fix;
		if (!stands.at)
			stands = e;
	} while (next_member(&others, &e));
	return stands.at ? judge_report(j, value, lead, &stands, fixed) : 0;
}

static int judge_lead(struct judge *j, const struct package_value *value, const struct package_entry *lead)
{
	const char *fixed = NULL;
	if (lead->head.flags & ENTRY_DELIBERATE)
		return deliberate(j, value, lead);
	return judge_status(j, lead, &fixed) == VULN_AFFECTED ? judge_report(j, value, lead, lead, fixed) : 0;
}

int judge_value(struct judge *j, const MDB_val *bytes)
{
	struct package_value value;
	struct package_entry e;
	if (!package_value_read(bytes->mv_data, bytes->mv_size, &value))
		return -EBADMSG;
	for (size_t at = PACKAGE_ENTRIES_AT; at < value.others_at; at += e.head.size) {
		if (!package_entry_read(value.bytes + at, value.others_at - at, &e))
			return -EBADMSG;
		if (at < value.events_at && e.head.kind == RULE_BELOW && !j->any_version &&
		        version_key_order_bytes(j->key.bytes, j->key.length, e.rule, e.head.rule_length) >=
		                0) {
			/* So are all that follow: their fixes are older. */
			e.head.size = value.events_at - (uint32_t)at;
			continue;
		}
		int r = judge_lead(j, &value, &e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_entries(struct judge *j, const MDB_val *bytes)
{
	struct package_value value;
	struct package_entry e;
	if (!package_value_read(bytes->mv_data, bytes->mv_size, &value))
		return -EBADMSG;
	for (size_t at = PACKAGE_ENTRIES_AT; at < value.length; at += e.head.size) {
		if (!package_entry_read(value.bytes + at, value.length - at, &e))
			return -EBADMSG;
		ARRAY_RESERVE_ONE(j->entries, j->n_entries, j->entries_capacity);
		j->entries[j->n_entries++] = e.at;
	}
	return 0;
}

int judge_both(struct judge *j, const MDB_val *a, const MDB_val *b)
{
	j->n_entries = 0;
	int r = take_entries(j, a);
	if (r == 0)
		r = take_entries(j, b);
	if (r < 0)
		return r;
	j->both.limit = UINT32_MAX;
	wr_reset(&j->both);
	settle_entries(&j->settle, &j->both, j->entries, j->n_entries);
	if (wr_failed(&j->both))
		return -E2BIG;
	const MDB_val both = index_val(j->both.data, j->both.length);
	return judge_value(j, &both);
}
