/* SPDX-License-Identifier: ISC */
#include "policy/memo_row.h"

#include "base/table.h"

#include <errno.h>
#include <string.h>

#define CHUNK 4096 /* rows; a platform has memory for those chunks alone that its packages are in */

enum row_state {
	ROW_ABSENT = 0,
	ROW_GOOD,
	ROW_DOUBTED, /* what is there was good; NULL: it was not kept */
	ROW_UNKEPT,  /* there was no room for it */
};

struct memo_chunk {
	const struct memo_row *rows[CHUNK];
	uint8_t states[CHUNK];
	bool asked_for[CHUNK]; /* of those that are not absent */
};

struct memo_platform {
	char *os_id, *os_version, *os_codename;
	struct memo_chunk **chunks;
	size_t n_chunks;
	bool is_full; /* there was no room for a chunk: what it does not have may have been asked for */
};

struct policy_memo {
	const struct posture_catalogue *catalogue;
	const struct policy *policy;
	struct vuln_index *index;
	struct memo_platform *platforms;
	size_t n_platforms, platforms_capacity;
	struct table *asked_for; /* names of packages that expressions ask for */
	struct policy_memo_counters counters;
	uint64_t generation;
	struct vuln_index *over; /* NULL: none */
	policy_memo_meant_fn is_over;
	const void *over_context;
};

struct policy_memo *policy_memo_new(const struct posture_catalogue *catalogue)
{
	struct policy_memo *m = xcalloc(1, sizeof(*m));
	m->catalogue = catalogue;
	m->asked_for = table_new();
	return m;
}

static void forget_all(struct policy_memo *m)
{
	for (size_t i = 0; i < m->n_platforms; i++) {
		struct memo_platform *p = &m->platforms[i];
		for (size_t k = 0; k < p->n_chunks; k++) {
			for (size_t r = 0; p->chunks[k] && r < CHUNK; r++)
				memo_row_free(p->chunks[k]->rows[r]);
			free(p->chunks[k]);
		}
		free(TAKE_POINTER(p->chunks));
		p->n_chunks = 0;
		p->is_full = false;
	}
	m->counters.rows = m->counters.bytes = 0;
}

struct policy_memo *policy_memo_free(struct policy_memo *m)
{
	if (!m)
		return NULL;
	forget_all(m);
	for (size_t i = 0; i < m->n_platforms; i++) {
		free(m->platforms[i].os_id);
		free(m->platforms[i].os_version);
		free(m->platforms[i].os_codename);
	}
	free(m->platforms);
	table_free(m->asked_for, NULL);
	free(m);
	return NULL;
}

/* ---- the policy ---- */

static void note_names(struct policy_memo *m, const struct policy_expression *e)
{
	if (e->kind == POLICY_PACKAGE || e->kind == POLICY_PACKAGE_VERSION)
		table_set_string(m->asked_for, e->name.text, m);
	for (const struct policy_expression *c = e->first; c; c = c->next)
		note_names(m, c);
}

void policy_memo_begin(struct policy_memo *m, const struct policy *policy, struct vuln_index *index)
{
	forget_all(m);
	m->policy = policy;
	m->index = index;
	m->over = NULL;
	m->generation = index ? vuln_index_generation(index) : 0;
	table_free(m->asked_for, NULL);
	m->asked_for = table_new();
	for (const struct policy_requirement *r = policy->tree.requirements; r; r = r->next)
		note_names(m, r->expression);
	for (const struct policy_rejection *r = policy->tree.rejections; r; r = r->next)
		note_names(m, r->expression);
}

void policy_memo_overlay(
        struct policy_memo *m, struct vuln_index *over, policy_memo_meant_fn is_meant, const void *context)
{
	m->over = over;
	m->is_over = is_meant;
	m->over_context = context;
}

bool memo_asks_for_any(const struct policy_memo *m)
{
	return table_count(m->asked_for) > 0;
}

static bool is_asked_for(const struct policy_memo *m, uint32_t id)
{
	if (table_count(m->asked_for) == 0)
		return false;
	const struct posture_package *package = catalogue_package(m->catalogue, id);
	return package && table_get_string(m->asked_for, package->name);
}

/* ---- platforms ---- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

uint32_t policy_memo_platform(struct policy_memo *m, const struct posture *p)
{
	for (size_t i = 0; i < m->n_platforms; i++)
		if (same_text(m->platforms[i].os_id, p->os_id) &&
		        same_text(m->platforms[i].os_version, p->os_version) &&
		        same_text(m->platforms[i].os_codename, p->os_codename))
			return (uint32_t)i;
	if (m->n_platforms == POLICY_MEMO_PLATFORMS_MAX)
		return POLICY_MEMO_NO_PLATFORM;
	ARRAY_RESERVE_ONE(m->platforms, m->n_platforms, m->platforms_capacity);
	m->platforms[m->n_platforms] = (struct memo_platform){ .os_id = xstrdup(p->os_id),
		.os_version = xstrdup(p->os_version),
		.os_codename = xstrdup(p->os_codename) };
	return (uint32_t)m->n_platforms++;
}

struct posture policy_memo_platform_posture(const struct policy_memo *m, uint32_t platform)
{
	const struct memo_platform *p = &m->platforms[platform];
	return (struct posture){
		.os_id = p->os_id, .os_version = p->os_version, .os_codename = p->os_codename
	};
}

size_t policy_memo_platforms(const struct policy_memo *m)
{
	return m->n_platforms;
}

/* ---- rows ---- */

static struct memo_chunk *find_chunk(const struct memo_platform *p, uint32_t id)
{
	const size_t k = id / CHUNK;
	return k < p->n_chunks ? p->chunks[k] : NULL;
}

const struct posture_package *memo_package(const struct policy_memo *m, uint32_t id)
{
	return catalogue_package(m->catalogue, id);
}

bool memo_is_asked_for(const struct policy_memo *m, uint32_t platform, uint32_t id)
{
	const struct memo_chunk *c = find_chunk(&m->platforms[platform], id);
	return c && c->states[id % CHUNK] != ROW_ABSENT ? c->asked_for[id % CHUNK] : is_asked_for(m, id);
}

static bool has_room(const struct policy_memo *m, size_t bytes)
{
	return m->counters.bytes <= POLICY_MEMO_BYTES_MAX &&
	        bytes <= POLICY_MEMO_BYTES_MAX - m->counters.bytes;
}

/* NULL where there is no room. */
static struct memo_chunk *make_chunk(struct policy_memo *m, struct memo_platform *p, uint32_t id)
{
	const size_t k = id / CHUNK;
	struct memo_chunk *there = find_chunk(p, id);
	if (there)
		return there;
	if (!has_room(m, sizeof(struct memo_chunk))) {
		p->is_full = true;
		return NULL;
	}
	m->counters.bytes += sizeof(struct memo_chunk);
	if (k >= p->n_chunks) {
		p->chunks = xrealloc_array(p->chunks, k + 1, sizeof(struct memo_chunk *));
		while (p->n_chunks <= k)
			p->chunks[p->n_chunks++] = NULL;
	}
	p->chunks[k] = xcalloc(1, sizeof(*p->chunks[k]));
	return p->chunks[k];
}

static void drop_row(struct policy_memo *m, struct memo_chunk *c, uint32_t id)
{
	const struct memo_row **row = &c->rows[id % CHUNK];
	c->states[id % CHUNK] = ROW_ABSENT;
	if (!*row)
		return;
	m->counters.rows--;
	m->counters.bytes -= (*row)->bytes;
	memo_row_free(*row);
	*row = NULL;
}

/* False where there is no room: the row stays the caller's. */
static bool keep_row(struct policy_memo *m, struct memo_platform *p, uint32_t id, const struct memo_row *row)
{
	struct memo_chunk *c = make_chunk(m, p, id);
	if (!c) {
		m->counters.unkept++;
		return false;
	}
	drop_row(m, c, id);
	if (!has_room(m, row->bytes)) {
		m->counters.unkept++;
		c->states[id % CHUNK] = ROW_UNKEPT;
		c->asked_for[id % CHUNK] = is_asked_for(m, id);
		return false;
	}
	c->rows[id % CHUNK] = row;
	c->states[id % CHUNK] = ROW_GOOD;
	c->asked_for[id % CHUNK] = is_asked_for(m, id);
	m->counters.rows++;
	m->counters.bytes += row->bytes;
	return true;
}

void policy_memo_forget(struct policy_memo *m, uint32_t id)
{
	for (size_t i = 0; i < m->n_platforms; i++) {
		struct memo_chunk *c = find_chunk(&m->platforms[i], id);
		if (c)
			drop_row(m, c, id);
	}
}

void policy_memo_doubt(struct policy_memo *m, uint32_t id)
{
	for (size_t i = 0; i < m->n_platforms; i++) {
		struct memo_chunk *c = find_chunk(&m->platforms[i], id);
		if (c && c->states[id % CHUNK] != ROW_ABSENT)
			c->states[id % CHUNK] = ROW_DOUBTED;
	}
}

/* ---- looking up ---- */

struct lookup {
	struct policy_memo *memo;
	struct posture posture; /* of the packages that are looked up, and no more */
	struct memo_draft *drafts;
	const size_t *at; /* by the posture's packages: into drafts */
	time_ms now;
};

static int take_match(const struct vuln_match *match, void *context)
{
	struct lookup *l = context;
	memo_draft_add(
	        &l->drafts[l->at[match->package - l->posture.packages]], l->memo->policy, match, l->now);
	return 0;
}

static int take_unjudged(const struct posture_package *package, const char *reason, void *context)
{
	struct lookup *l = context;
	struct memo_draft *d = &l->drafts[l->at[package - l->posture.packages]];
	if (!d->unjudged)
		d->unjudged = xstrdup(reason);
	return 0;
}

/* Those packages that are asked of this index, by their order. */
static int ask(struct lookup *l, struct vuln_index *index, const uint32_t *ids, size_t n, bool over,
        struct memo_draft *drafts, struct error *err)
{
	const struct policy_memo *m = l->memo;
	const struct vuln_match_sink sink = { .match = take_match, .unjudged = take_unjudged, .context = l };
	size_t *at FREE_ON_EXIT = xcalloc(n + 1, sizeof(*at));
	l->posture.n_packages = 0;
	for (size_t i = 0; i < n; i++) {
		const struct posture_package *package = catalogue_package(m->catalogue, ids[i]);
		if ((m->over && m->is_over(package, m->over_context)) != over)
			continue;
		at[l->posture.n_packages] = i;
		l->posture.packages[l->posture.n_packages++] = *package;
	}
	l->drafts = drafts;
	l->at = at;
	return l->posture.n_packages ? vuln_match_all(index, &l->posture, &sink, NULL, err) : 0;
}

/* Makes the rows of n packages anew; nothing is made where it fails. */
static int look_up(struct policy_memo *m, uint32_t platform, const uint32_t *ids, size_t n, time_ms now,
        const struct memo_row **ret, struct error *err)
{
	const size_t n_terms = m->policy->tree.n_terms;
	struct lookup l = { .memo = m, .posture = policy_memo_platform_posture(m, platform), .now = now };
	struct memo_draft *drafts FREE_ON_EXIT = xcalloc(n, sizeof(*drafts));
	l.posture.packages_known = true;
	l.posture.packages = xcalloc(n, sizeof(*l.posture.packages));
	for (size_t i = 0; i < n; i++)
		drafts[i].until = INT64_MAX;
	m->counters.looked_up += n;
	int r = n_terms ? ask(&l, m->index, ids, n, false, drafts, err) : 0;
	if (r >= 0 && n_terms && m->over)
		r = ask(&l, m->over, ids, n, true, drafts, err);
	for (size_t i = 0; i < n; i++) {
		const struct memo_row *row = memo_row_new(&drafts[i], n_terms);
		if (r < 0)
			memo_row_free(row);
		else
			ret[i] = row;
	}
	free(l.posture.packages);
	return MIN(r, 0);
}

/* ---- for a decision ---- */

static const struct memo_row *good_row(const struct memo_platform *p, uint32_t id, time_ms now)
{
	const struct memo_chunk *c = find_chunk(p, id);
	if (!c || c->states[id % CHUNK] != ROW_GOOD || c->rows[id % CHUNK]->until <= now)
		return NULL;
	return c->rows[id % CHUNK];
}

void memo_free_own(struct memo_own *own)
{
	for (size_t i = 0; i < own->n; i++)
		memo_row_free(own->rows[i]);
	free(own->rows);
	*own = (struct memo_own){ 0 };
}

/* The index moved, and it was not said yet what in it: it is asked itself. */
static bool has_moved(const struct policy_memo *m)
{
	return m->index && vuln_index_generation(m->index) != m->generation;
}

/* A doubted row is not replaced here: whoever doubted it wants to be told how it changed. What is not kept is
 * known to have been asked for: when it is doubted, nobody knows what it met. */
static void settle(struct policy_memo *m, struct memo_platform *p, uint32_t id, const struct memo_row *row,
        bool moved, struct memo_own *own)
{
	struct memo_chunk *c = make_chunk(m, p, id);
	if (c && !moved && c->states[id % CHUNK] != ROW_DOUBTED && keep_row(m, p, id, row))
		return;
	if (c && c->states[id % CHUNK] == ROW_ABSENT) {
		c->states[id % CHUNK] = ROW_UNKEPT;
		c->asked_for[id % CHUNK] = is_asked_for(m, id);
	}
	ARRAY_RESERVE_ONE(own->rows, own->n, own->capacity);
	own->rows[own->n++] = row;
}

int memo_rows(struct policy_memo *m, uint32_t platform, const uint32_t *ids, size_t n, time_ms now,
        const struct memo_row **rows, struct memo_own *ret_own, struct error *err)
{
	struct memo_platform *p = &m->platforms[platform];
	const bool moved = has_moved(m);
	size_t n_missing = 0;
	*ret_own = (struct memo_own){ 0 };
	for (size_t i = 0; i < n; i++) {
		rows[i] = moved ? NULL : good_row(p, ids[i], now);
		n_missing += !rows[i];
	}
	if (n_missing == 0)
		return 0;
	uint32_t *missing FREE_ON_EXIT = xcalloc(n_missing, sizeof(*missing));
	const struct memo_row **made FREE_ON_EXIT = xcalloc(n_missing, sizeof(*made));
	for (size_t i = 0, k = 0; i < n; i++)
		if (!rows[i])
			missing[k++] = ids[i];
	int r = look_up(m, platform, missing, n_missing, now, made, err);
	if (r < 0)
		return r;
	for (size_t i = 0, k = 0; i < n; i++)
		if (!rows[i]) {
			rows[i] = made[k++];
			settle(m, p, ids[i], rows[i], moved, ret_own);
		}
	return 0;
}

/* ---- after a change ---- */

/* Of one that was doubted: whether a decision may rest on what it met before. */
static bool is_doubted(const struct memo_platform *p, uint32_t id)
{
	const struct memo_chunk *c = find_chunk(p, id);
	return c ? c->states[id % CHUNK] == ROW_DOUBTED : p->is_full;
}

int policy_memo_refresh(struct policy_memo *m, uint32_t platform, const uint32_t *ids, size_t n, time_ms now,
        policy_memo_change_fn changed, void *context, struct error *err)
{
	struct memo_platform *p = &m->platforms[platform];
	uint32_t *doubted FREE_ON_EXIT = xcalloc(n + 1, sizeof(*doubted));
	const struct memo_row **made FREE_ON_EXIT = xcalloc(n + 1, sizeof(*made));
	size_t n_doubted = 0;
	for (size_t i = 0; i < n; i++)
		if (is_doubted(p, ids[i]))
			doubted[n_doubted++] = ids[i];
	if (n_doubted == 0 || !m->index)
		return 0;
	int r = look_up(m, platform, doubted, n_doubted, now, made, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_doubted; i++) {
		const struct memo_chunk *c = find_chunk(p, doubted[i]);
		const struct memo_row *before = c ? c->rows[doubted[i] % CHUNK] : NULL;
		const enum policy_change change = memo_row_compare(before, made[i], m->policy->tree.n_terms);
		if (!keep_row(m, p, doubted[i], made[i]))
			memo_row_free(made[i]);
		if (change != POLICY_CHANGE_NONE)
			changed(doubted[i], change, context);
	}
	return 0;
}

uint64_t policy_memo_generation(const struct policy_memo *m)
{
	return m->generation;
}

void policy_memo_settle(struct policy_memo *m, uint64_t generation)
{
	m->generation = generation;
}

struct policy_memo_counters policy_memo_counters(const struct policy_memo *m)
{
	return m->counters;
}
