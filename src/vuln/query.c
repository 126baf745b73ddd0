/* SPDX-License-Identifier: ISC */
/* One package that no posture names (OSV's /v1/query). */
#include "vuln/match_private.h"

#include "vuln/ecosystem.h"

#include <errno.h>

static int take_query(struct judge *j, const struct vuln_query *q, char ecosystem[ECOSYSTEM_NAME_MAX],
        char name[PACKAGE_NAME_MAX], struct error *err)
{
	int r = ecosystem_canonical(q->ecosystem, ecosystem, &j->order);
	if (r < 0)
		return error_set(err, r,
		        r == -ENOTSUP ? "ecosystem \"%.100s\" is not supported"
		                      : "\"%.100s\" is no name of an ecosystem",
		        q->ecosystem);
	if (ecosystem_package_name(ecosystem, q->package, name) < 0)
		return error_set(err, -EINVAL, "the name of the package is empty or too long");
	j->name = name;
	j->any_version = !q->version;
	return q->version ? version_key_make(j->order, q->version, &j->key, err) : 0;
}

static int look_up(
        struct judge *j, enum index_kind kind, const char *ecosystem, const char *name, MDB_val *ret)
{
	char key[INDEX_KEY_MAX];
	MDB_val k = index_val(key, index_package_key(key, kind, ecosystem, name));
	return k.mv_size ? mdb_get(j->index->txn, j->index->e.packages, &k, ret) : MDB_NOTFOUND;
}

/* As the matcher has it: the release, and what is said of all releases. */
static int query_within(struct judge *j, enum index_kind kind, const char *ecosystem,
        uint64_t *ret_generation, struct error *err)
{
	struct index_state state;
	MDB_val values[2];
	char bare[ECOSYSTEM_NAME_MAX];
	size_t n_bare = strcspn(ecosystem, ":"), n = 0;
	memcpy(bare, ecosystem, n_bare);
	bare[n_bare] = '\0';
	int code = index_read_state(&j->index->e, j->index->txn, &state);
	if (code)
		return index_error(err, j->index->dir, code);
	n += look_up(j, kind, ecosystem, j->name, &values[n]) == 0;
	if (ecosystem[n_bare])
		n += look_up(j, kind, bare, j->name, &values[n]) == 0;
	int r = n == 2 ? judge_both(j, &values[0], &values[1]) : n == 1 ? judge_value(j, &values[0]) : 0;
	if (r < 0)
		return error_set(err, r, "matching stopped: %s", strerror(-r));
	if (ret_generation)
		*ret_generation = state.generation;
	return 0;
}

int vuln_index_query(struct vuln_index *index, const struct vuln_query *q, vuln_match_fn fn, void *context,
        uint64_t *ret_generation, struct error *err)
{
	struct judge j = { .index = index, .fn = fn, .context = context };
	char ecosystem[ECOSYSTEM_NAME_MAX], name[PACKAGE_NAME_MAX];
	int r = take_query(&j, q, ecosystem, name, err);
	if (r < 0)
		return r;
	int code = index_begin(index);
	if (code)
		return index_error(err, index->dir, code);
	r = query_within(
	        &j, q->by_binary ? INDEX_BY_BINARY : INDEX_BY_ADVISORY, ecosystem, ret_generation, err);
	index_end(index);
	judge_clear(&j);
	return r;
}
