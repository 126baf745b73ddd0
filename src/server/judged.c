/* SPDX-License-Identifier: ISC */
/*
 * What every node has been judged by, remembered over a start: then only those are judged at once whose
 * answer may have changed since, and the others at leisure.
 *
 * The note is true or not there. It is written when nobody waits to be judged, in the turn of the last
 * decision or later. What leads to other decisions from then on is of two kinds. The index goes on, and it
 * keeps which packages changed (vuln/journal.h): the note stays, a start looks up what changed after it, and
 * who was judged already is judged again. Or anything may be otherwise (another policy, another index, the
 * age of what is known): the note goes, in the turn of the first decision by that or earlier, and a start
 * without a note judges everybody; so does one of another program, with another policy, an index that has not
 * that moment, or a clock that was set back. A turn that could not be stored ends the note for as long as the
 * server lives.
 *
 * What waits for something else than the index is known by what is stored: what the brake or the grace keeps
 * is judged at every start, and waivers have their ends.
 */
#include "server/again.h"
#include "server/reverse.h"
#include "vuln/journal.h"

#include <string.h>

struct judged {
	struct store_judged note; /* that the disk has, or has with this turn */
	bool is_noted;
	bool is_lost;        /* a turn was: what it had judged is not on the disk */
	bool is_unforgotten; /* so was one that ended the note */
	bool at_leisure;     /* nodes are left that were not judged since the start */
	uint32_t at;         /* the next one to be looked at, by number */
};

struct judged *judged_new(void)
{
	return xcalloc(1, sizeof(struct judged));
}

struct judged *judged_free(struct judged *j)
{
	free(j);
	return NULL;
}

/* ---- the note ---- */

void judged_forget(struct site *site)
{
	struct judged *j = site->judged;
	if (!j->is_noted && !j->is_unforgotten)
		return;
	j->is_noted = j->is_unforgotten = false;
	store_put_judged(site->store, NULL);
}

void judged_begin_write(struct site *site)
{
	if (!site->judged->is_unforgotten)
		return;
	site->judged->is_unforgotten = false;
	store_put_judged(site->store, NULL);
}

void judged_end_turn(struct site *site, int result)
{
	if (result == 0)
		return;
	site->judged->is_lost = site->judged->is_unforgotten = true;
	site->judged->is_noted = false;
}

static struct store_judged note_now(const struct site *site)
{
	return (struct store_judged){ .program = site->program,
		.policy = policy_fingerprint(site->policy),
		.freshness = site->freshness,
		.index_generation = site->moment.generation,
		.index_mark = site->moment.mark,
		.at = site->ticked };
}

static bool is_same(const struct store_judged *a, const struct store_judged *b)
{
	return a->program == b->program && a->policy == b->policy && a->freshness == b->freshness &&
	        a->index_generation == b->index_generation && a->index_mark == b->index_mark;
}

void judged_settle(struct site *site)
{
	struct judged *j = site->judged;
	site->start_waits = false;
	if (site->is_starting || j->is_lost || !site->program || !site->index || !site->moment.mark ||
	        !site->ticked)
		return;
	const struct store_judged note = note_now(site);
	if (j->is_noted && is_same(&j->note, &note))
		return;
	j->note = note;
	j->is_noted = true;
	store_put_judged(site->store, &note);
}

/* ---- the start ---- */

struct change_walk {
	struct site *site;
	roaring_bitmap_t *nodes;
};

static int take_changed(const char *ecosystem, const char *package, void *context)
{
	const struct change_walk *w = context;
	const uint32_t *ids;
	const size_t n = reverse_packages_of(w->site->reverse, package, &ids);
	for (size_t i = 0; i < n; i++)
		reverse_add_nodes(w->site->reverse, ids[i], w->nodes);
	return 0;
}

static bool judge_number(uint32_t number, void *context)
{
	struct site *site = context;
	if (number < site->n_numbered)
		again_add(site, site->numbered[number], "start", AGAIN_USUAL);
	return true;
}

/* Of whom something else is known than that they were judged. */
static void judge_others(struct site *site, time_ms since, time_ms now)
{
	for (size_t i = 0; i < site->n_numbered; i++) {
		struct site_node *node = site->numbered[i];
		bool is_open =
		        !node->package_ids || policy_waiver_ended(site->policy, node->name, since, now);
		for (const struct site_attachment *a = node->attachments; a && !is_open; a = a->next_of_node)
			is_open = a->keep.stored;
		if (is_open)
			again_add(site, node, "start", AGAIN_USUAL);
	}
}

/* False where anything may have changed. */
static bool resume(struct site *site, time_ms now)
{
	struct judged *j = site->judged;
	struct error err;
	struct change_walk walk = { site, NULL };
	j->is_noted = store_get_judged(site->store, &j->note, &err) == 0;
	if (!j->is_noted || !site->program || !site->index || j->note.program != site->program ||
	        j->note.policy != policy_fingerprint(site->policy) || j->note.freshness != site->freshness ||
	        j->note.at > now)
		return false;
	const struct vuln_moment then = { j->note.index_generation, j->note.index_mark };
	walk.nodes = roaring_bitmap_create();
	if (!walk.nodes)
		abort();
	const bool known =
	        vuln_index_changes(site->index, &then, take_changed, &walk, &site->moment, &err) == 0;
	if (known) {
		policy_memo_settle(site->memo, site->moment.generation); /* there is nothing in it yet */
		roaring_iterate(walk.nodes, judge_number, site);
		judge_others(site, j->note.at, now);
	}
	roaring_bitmap_free(walk.nodes);
	return known;
}

void site_start(struct site *site, time_ms now)
{
	site->is_starting = false;
	site->start_waits = true;
	site->freshness = policy_freshness(site->policy, site->index, now);
	site->judged->at_leisure = resume(site, now);
	site->ticked = now;
	changes_resume_round(site, now);
	if (!site->judged->at_leisure)
		site_judge_all(site, "start");
	site->effects.work(site->context); /* who waits for the start to be over may be waiting for nobody */
}

/* ---- the others ---- */

bool judged_is_since_start(const struct site *site, const struct site_node *node)
{
	return !site->judged->at_leisure || node->platform != POLICY_MEMO_NO_PLATFORM;
}

void judged_doubt_unseen(struct site *site, uint32_t id, roaring_bitmap_t *nodes)
{
	if (site->judged->at_leisure)
		reverse_add_nodes(site->reverse, id, nodes);
}

bool site_leisure(struct site *site, time_ms now, size_t most)
{
	struct judged *j = site->judged;
	for (; most && j->at_leisure && !site_waiting(site) && !changes_wait(site); most--) {
		while (j->at < site->n_numbered && judged_is_since_start(site, site->numbered[j->at]))
			j->at++;
		if (j->at == site->n_numbered) {
			j->at_leisure = false;
			break;
		}
		site->is_leisure = true;
		site_judge_again(site, site->numbered[j->at++], "start", now);
		site->is_leisure = false;
	}
	return j->at_leisure;
}
