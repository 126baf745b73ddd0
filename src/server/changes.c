/* SPDX-License-Identifier: ISC */
/*
 * From changed advisories to the nodes that they move. The packages that an advisory may name are doubted at
 * once; piece by piece they are looked up again, and where one meets something else than before, the nodes
 * that have it are to be judged again: those first whom it is worst for. What waits here is nowhere else: the
 * note of what everybody was judged by (judged.c) stays where it was until nobody waits, so that a server
 * that is killed looks up the same changes when it starts, or judges everybody.
 */
#include "server/again.h"
#include "server/named.h"
#include "server/reverse.h"

#include <string.h>

#define PIECE 512 /* packages that are looked up in a row */

struct changes {
	uint32_t *ids; /* doubted, some more than once */
	size_t n, capacity, at;
	uint32_t platform;                         /* that is gone through */
	roaring_bitmap_t *moved[POLICY_N_CHANGES]; /* nodes, of this platform or another */
	uint64_t generation; /* of the index, when it was said last that something changed */
};

struct changes *changes_new(void)
{
	return xcalloc(1, sizeof(struct changes));
}

static void forget_moved(struct changes *c)
{
	for (size_t i = 0; i < POLICY_N_CHANGES; i++) {
		if (c->moved[i])
			roaring_bitmap_free(c->moved[i]);
		c->moved[i] = NULL;
	}
}

struct changes *changes_free(struct changes *c)
{
	if (!c)
		return NULL;
	forget_moved(c);
	free(c->ids);
	free(c);
	return NULL;
}

static void clear(struct changes *c)
{
	forget_moved(c);
	c->n = c->at = 0;
	c->platform = 0;
}

void changes_restart(struct site *site)
{
	clear(site->changes);
	policy_memo_begin(site->memo, site->policy, site->index);
	site->freshness = policy_freshness(site->policy, site->index, site->ticked);
}

bool changes_wait(const struct site *site)
{
	return site->changes->n > 0;
}

struct moving {
	struct site *site;
	unsigned urgency;
};

static bool move_node(uint32_t number, void *context)
{
	const struct moving *m = context;
	struct site_node *node = number < m->site->n_numbered ? m->site->numbered[number] : NULL;
	if (node && node->platform == m->site->changes->platform)
		again_add(m->site, node, "advisories", m->urgency);
	return true;
}

/* Whom it moves on this platform, as far as that is known. */
static void add_moved(struct site *site)
{
	struct changes *c = site->changes;
	for (unsigned i = 0; i < POLICY_N_CHANGES; i++) {
		struct moving m = { site, i };
		if (c->moved[i])
			roaring_iterate(c->moved[i], move_node, &m);
	}
	forget_moved(c);
}

/* ---- who is inspected again ---- */

static void begin_round(struct site *site)
{
	if (policy_reinspect_pace(site->policy) && !site->is_starting)
		site->round++;
}

/* The round of the index's last change goes on: who was inspected after it has been in it. */
void changes_resume_round(struct site *site, time_ms now)
{
	const time_ms began = site->index ? vuln_index_updated(site->index) : 0;
	if (!began)
		return;
	begin_round(site);
	TABLE_FOREACH(it, site->attachments) {
		struct site_attachment *a = it.value;
		if (a->node && a->node->inspected > began && a->node->inspected <= now)
			a->round = site->round;
	}
}

bool changes_ask(struct site *site, struct site_attachment *a, time_ms now)
{
	const struct policy_pace *pace = policy_reinspect_pace(site->policy);
	if (!pace || a->round == site->round || !a->session)
		return false;
	if (a->retry_asked || a->retry_waits) { /* it is, already, or will be */
		a->round = site->round;
		return false;
	}
	if (!pace_take(&site->round_pace, pace, now))
		return false;
	a->round = site->round;
	return true;
}

/* ---- what changed ---- */

static void doubt(struct site *site, uint32_t id)
{
	struct changes *c = site->changes;
	policy_memo_doubt(site->memo, id);
	ARRAY_RESERVE_ONE(c->ids, c->n, c->capacity);
	c->ids[c->n++] = id;
}

static void doubt_all(struct site *site)
{
	const uint32_t limit = catalogue_limit(site->catalogue);
	clear(site->changes);
	for (uint32_t id = 1; id < limit; id++)
		doubt(site, id);
}

/* Whose packages, or whose system, are not known by number is judged in any case. What was not judged since
 * the start is when it has one of the packages: unseen, or with all every node. */
static void add_unnumbered(struct site *site, const roaring_bitmap_t *unseen, bool all)
{
	for (size_t i = 0; i < site->n_numbered; i++) {
		struct site_node *node = site->numbered[i];
		const bool is_unseen = !judged_is_since_start(site, node) && node->package_ids;
		if (is_unseen ? all || roaring_bitmap_contains(unseen, (uint32_t)i)
		              : !node->package_ids || node->platform == POLICY_MEMO_NO_PLATFORM)
			again_add(site, node, "advisories", AGAIN_USUAL);
	}
}

void site_advisories_changed(
        struct site *site, const struct site_key *changed, size_t n, bool all, time_ms now)
{
	struct changes *c = site->changes;
	roaring_bitmap_t *unseen = roaring_bitmap_create();
	if (!unseen)
		abort();
	c->generation = site->index ? vuln_index_generation(site->index) : 0;
	add_moved(site); /* the platforms begin anew, and what was looked up is not looked up again */
	if (all) {
		judged_forget(site);
		doubt_all(site);
	}
	for (size_t i = 0; i < n && !all; i++) {
		const uint32_t *ids;
		const size_t n_ids = reverse_packages_of(site->reverse, changed[i].package, &ids);
		for (size_t k = 0; k < n_ids; k++) {
			doubt(site, ids[k]);
			judged_doubt_unseen(site, ids[k], unseen);
		}
	}
	c->at = 0; /* what was looked up before is passed over quickly */
	c->platform = 0;
	add_unnumbered(site, unseen, all);
	roaring_bitmap_free(unseen);
	named_look(site);
	begin_round(site);
	if (!changes_wait(site))
		policy_memo_settle(site->memo, c->generation);
	if (changes_wait(site) || site_waiting(site))
		site->effects.work(site->context);
}

struct moved_keys {
	struct site_key *keys; /* their strings are heap */
	size_t n, capacity;
};

static int take_key(const char *ecosystem, const char *package, void *context)
{
	struct moved_keys *m = context;
	ARRAY_RESERVE_ONE(m->keys, m->n, m->capacity);
	m->keys[m->n++] = (struct site_key){ xstrdup(ecosystem), xstrdup(package) };
	return 0;
}

void site_index_moved(struct site *site, time_ms now)
{
	struct moved_keys m = { NULL };
	struct error err;
	if (!site->index)
		return;
	struct vuln_moment moment = vuln_index_moment(site->index);
	if (moment.generation == site->moment.generation && moment.mark == site->moment.mark)
		return;
	const int r = vuln_index_changes(site->index, &site->moment, take_key, &m, &moment, &err);
	site->moment = moment;
	site_advisories_changed(site, m.keys, m.n, r != 0, now);
	for (size_t i = 0; i < m.n; i++) {
		free((char *)(uintptr_t)m.keys[i].ecosystem);
		free((char *)(uintptr_t)m.keys[i].package);
	}
	free(m.keys);
	site->effects.work(site->context); /* where nobody is moved, that is to be noted */
}

/* ---- whom it moves ---- */

static void on_change(uint32_t id, enum policy_change change, void *context)
{
	struct site *site = context;
	struct changes *c = site->changes;
	site->counters.packages_changed++;
	if (!c->moved[change] && !(c->moved[change] = roaring_bitmap_create()))
		abort();
	reverse_add_nodes(site->reverse, id, c->moved[change]);
}

static void end_platform(struct site *site)
{
	struct changes *c = site->changes;
	add_moved(site);
	c->at = 0;
	if (++c->platform < policy_memo_platforms(site->memo))
		return;
	clear(c);
	policy_memo_settle(site->memo, c->generation);
}

void changes_work(struct site *site, time_ms now)
{
	struct changes *c = site->changes;
	const size_t n = MIN(c->n - c->at, (size_t)PIECE);
	struct error err;
	if (c->platform < policy_memo_platforms(site->memo) &&
	        policy_memo_refresh(site->memo, c->platform, c->ids + c->at, n, now, on_change, site, &err) <
	                0) {
		clear(c); /* they stay doubted, and nobody is admitted by what cannot be read */
		site_judge_all(site, "advisories");
		return;
	}
	c->at += n;
	if (c->at == c->n)
		end_platform(site);
}

void site_set_policy(struct site *site, struct policy *policy, time_ms now)
{
	policy_free(site->policy);
	site->policy = policy;
	changes_restart(site);
	site_judge_all(site, "policy");
}

void site_set_index(struct site *site, struct vuln_index *index, time_ms now)
{
	vuln_index_close(site->index);
	site->index = index;
	site->moment = index ? vuln_index_moment(index) : (struct vuln_moment){ 0 };
	changes_restart(site);
	named_look(site);
	if (index)
		begin_round(site);
	site_judge_all(site, "advisories");
}

/* ---- time ---- */

void changes_tick(struct site *site, time_ms now)
{
	const uint64_t freshness = policy_freshness(site->policy, site->index, now);
	named_look(site);
	if (freshness == site->freshness)
		return;
	site->freshness = freshness;
	site_judge_all(site, "freshness");
}
