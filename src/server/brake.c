/* SPDX-License-Identifier: ISC */
/*
 * The brake: how many nodes were demoted within the policy's time by what is not their own doing, and whether
 * one more may be. Each demotion is stored with its time, so that a restart does not open the brake; those
 * that an operator ordered do not count.
 */
#include "server/keep.h"

#include <stdio.h>
#include <string.h>

#define BRAKE_KEEP_MS (86400000LL) /* the longest time that a policy may count over */
#define BRAKE_COUNT_MS 1000        /* how old the numbers may be that are counted over all */
#define BRAKE_DEMOTIONS_MAX (2 * SITE_ATTACHMENTS_MAX)

struct demotion {
	time_ms at;
	bool is_last; /* of that one, which is what counts */
	char who[];
};

struct brake {
	struct demotion **demotions; /* oldest first */
	size_t n, capacity;
	struct table *last; /* by who */
	/* Counted at counted_at, over that time, */
	size_t base;    /* nodes that were admitted, with those that were demoted just before */
	size_t demoted; /* and with those that were since */
	int64_t per_ms;
	time_ms counted_at;
	bool is_counted;
	size_t held;
};

struct brake *brake_new(void)
{
	struct brake *b = xcalloc(1, sizeof(*b));
	b->last = table_new();
	return b;
}

struct brake *brake_free(struct brake *b)
{
	if (!b)
		return NULL;
	for (size_t i = 0; i < b->n; i++)
		free(b->demotions[i]);
	free(b->demotions);
	table_free(b->last, NULL);
	free(b);
	return NULL;
}

/* The oldest ones. */
static void drop(struct brake *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (b->demotions[i]->is_last)
			(void)table_remove_string(b->last, b->demotions[i]->who);
		free(b->demotions[i]);
	}
	b->n -= n;
	memmove(b->demotions, b->demotions + n, b->n * sizeof(struct demotion *));
}

/* First those that count for nothing: their own last ones are later. */
static void make_room(struct brake *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		if (b->demotions[i]->is_last)
			b->demotions[n++] = b->demotions[i];
		else
			free(b->demotions[i]);
	b->n = n;
	if (n > BRAKE_DEMOTIONS_MAX - BRAKE_DEMOTIONS_MAX / 16)
		drop(b, BRAKE_DEMOTIONS_MAX / 16);
}

static void append(struct brake *b, const char *who, time_ms at)
{
	const size_t length = strlen(who) + 1;
	struct demotion *d = xmalloc(sizeof(*d) + length);
	d->at = at;
	d->is_last = true;
	memcpy(d->who, who, length);
	if (b->n == BRAKE_DEMOTIONS_MAX)
		make_room(b);
	struct demotion *before = table_set_string(b->last, who, d);
	if (before)
		before->is_last = false;
	ARRAY_RESERVE_ONE(b->demotions, b->n, b->capacity);
	b->demotions[b->n++] = d;
}

int brake_load(const char *who, time_ms at, void *context)
{
	struct site *site = context;
	append(site->brake, who, at);
	return 0;
}

/* A node counts once, with all its attachments. */
static const char *who_is(const struct site_attachment *a, char text[400])
{
	char mac[MAC_TEXT_SIZE];
	if (a->node)
		return a->node->name;
	snprintf(text, 400, "%s/%s/%s", a->enforcement_point, a->port, mac_format(&a->mac, mac));
	return text;
}

/* A time in the future is one before the clock was set back: as good as now, for once. */
static bool counts(const struct demotion *d, time_ms now, int64_t per_ms)
{
	return d->is_last && d->at > now - per_ms && d->at <= now + per_ms;
}

static size_t count_demotions(const struct brake *b, time_ms now, int64_t per_ms)
{
	size_t n = 0;
	for (size_t i = b->n; i-- > 0 && b->demotions[i]->at > now - per_ms;)
		n += counts(b->demotions[i], now, per_ms);
	return n;
}

static void count_all(struct site *site, int64_t per_ms, time_ms now)
{
	struct brake *b = site->brake;
	const time_ms age = now - b->counted_at;
	if (b->is_counted && b->per_ms == per_ms && age >= 0 && age < BRAKE_COUNT_MS)
		return;
	b->base = b->demoted = count_demotions(b, now, per_ms);
	b->per_ms = per_ms;
	b->counted_at = now;
	b->is_counted = true;
	TABLE_FOREACH(it, site->attachments) {
		const struct site_attachment *a = it.value;
		const bool first = !a->node || a->node->attachments == a;
		b->base +=
		        first && site_segment(site, &a->decided, now)->level > 0 && a->decided.expires > now;
	}
}

size_t brake_room(struct site *site, time_ms now)
{
	return brake_room_by(site, policy_brake(site->policy), now);
}

size_t brake_room_by(struct site *site, const struct policy_brake *p, time_ms now)
{
	if (!p)
		return SIZE_MAX;
	count_all(site, p->per_ms, now);
	const size_t share = site->brake->base * (size_t)p->percent / 100,
	             limit = MAX(share, (size_t)p->nodes), demoted = site->brake->demoted;
	return limit > demoted ? limit - demoted : 0;
}

void brake_count(struct site *site, const struct site_attachment *a, time_ms now)
{
	const struct policy_brake *p = policy_brake(site->policy);
	struct brake *b = site->brake;
	char text[400];
	const char *who = who_is(a, text);
	const struct demotion *before = table_get_string(b->last, who);
	b->demoted += !before || !counts(before, now, p->per_ms);
	append(b, who, now);
	store_put_demotion(site->store, who, now);
}

void brake_hold(struct site *site, const struct site_attachment *a, bool held, time_ms now)
{
	struct brake *b = site->brake;
	if (!held) {
		b->held -= b->held > 0;
		return;
	}
	if (b->held++ == 0 && now) {
		site->counters.brakes++;
		site_note(site, now, "brake", NULL, NULL,
		        "the brake holds: too many nodes would lose their segments at once, beginning with "
		        "%s; "
		        "`pratique brake` shows them, lets them go or keeps them",
		        a->node ? a->node->name : a->port);
	}
}

size_t site_held(const struct site *site)
{
	return site->brake->held;
}

/* ---- orders ---- */

static bool is_meant(const struct site_attachment *a, const char *node)
{
	return (a->keep.by == SITE_KEPT_BRAKE || a->keep.by == SITE_KEPT_DISMISSED) &&
	        (!node || (a->node && strcmp(a->node->name, node) == 0));
}

static void order(struct site *site, struct site_attachment *a, const char *who)
{
	snprintf(a->keep.ordered_by, sizeof(a->keep.ordered_by), "%s", who);
	keep_save(site, a);
}

size_t site_release(struct site *site, const char *node, const char *who, time_ms now)
{
	size_t n = 0;
	TABLE_FOREACH(it, site->attachments) {
		struct site_attachment *a = it.value;
		if (!is_meant(a, node))
			continue;
		n++;
		a->keep.released = true;
		order(site, a, who);
		if (a->node && !a->keep.resting)
			site_judge_soon(site, a->node, "release");
	}
	if (n)
		site_note(site, now, "brake", node ? site_find_node(site, node) : NULL, NULL,
		        "%s lets %zu demotion%s go that the brake held", who, n, n == 1 ? "" : "s");
	return n;
}

size_t site_dismiss(struct site *site, const char *node, const char *who, time_ms now)
{
	const struct policy_brake *p = policy_brake(site->policy);
	char until[CLOCK_TEXT_SIZE];
	size_t n = 0;
	TABLE_FOREACH(it, site->attachments) {
		struct site_attachment *a = it.value;
		if (!p || !is_meant(a, node) || a->keep.by != SITE_KEPT_BRAKE)
			continue;
		n++;
		brake_hold(site, a, false, now);
		a->keep.by = SITE_KEPT_DISMISSED;
		a->keep.until = a->keep.dismissed_until = now + p->hold_ms;
		a->keep.held_since = 0;
		order(site, a, who);
	}
	if (n)
		site_note(site, now, "brake", node ? site_find_node(site, node) : NULL, NULL,
		        "%s dismisses %zu demotion%s that the brake held, until %s", who, n,
		        n == 1 ? "" : "s", clock_format(now + p->hold_ms, until));
	return n;
}

/* ---- time ---- */

static void drop_old(struct site *site, time_ms now)
{
	struct brake *b = site->brake;
	size_t old = 0;
	while (old < b->n && b->demotions[old]->at <= now - BRAKE_KEEP_MS)
		old++;
	if (!old)
		return;
	drop(b, old);
	store_prune_demotions(site->store, now - BRAKE_KEEP_MS + 1);
}

void brake_tick(struct site *site, time_ms now)
{
	drop_old(site, now);
	size_t room = brake_room(site, now);
	TABLE_FOREACH(it, site->attachments) {
		struct site_attachment *a = it.value;
		const struct site_keep *k = &a->keep;
		const bool is_held = k->by == SITE_KEPT_BRAKE;
		if ((!is_held && k->by != SITE_KEPT_DISMISSED) || k->until > now || !a->node || k->resting ||
		        (is_held && !room))
			continue;
		site_judge_soon(site, a->node, "brake");
		room -= is_held;
	}
}
