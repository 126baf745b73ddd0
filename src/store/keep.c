/* SPDX-License-Identifier: ISC */
/* What keeps attachments where they are, and what the brake counts: rows and back. */
#include "store/sqlite.h"

#include <errno.h>

void store_put_keep(struct store *s, const struct store_keep *k)
{
	store_write(s, SQL_PUT_KEEP, "ssmssiiisiii", k->enforcement_point, k->port, &k->mac, k->verdict,
	        k->cause, k->worse_since, k->held_since, k->dismissed_until, k->ordered_by,
	        (int64_t)k->released, (int64_t)k->own, (int64_t)k->resting);
}

void store_remove_keep(
        struct store *s, const char *enforcement_point, const char *port, const struct mac_address *mac)
{
	store_write(s, SQL_REMOVE_KEEP, "ssm", enforcement_point, port, mac);
}

struct receiver {
	store_keep_fn keep;
	store_demotion_fn demotion;
	void *context;
};

static int give_keep(sqlite3_stmt *st, void *receiver)
{
	const struct receiver *to = receiver;
	struct store_keep k = { 0 };
	store_read(st, "ssmssiiisbbb", &k.enforcement_point, &k.port, &k.mac, &k.verdict, &k.cause,
	        &k.worse_since, &k.held_since, &k.dismissed_until, &k.ordered_by, &k.released, &k.own,
	        &k.resting);
	return to->keep(&k, to->context);
}

int store_each_keep(struct store *s, store_keep_fn fn, void *context, struct error *err)
{
	struct receiver to = { .keep = fn, .context = context };
	return store_walk(s, store_bind(s, SQL_EACH_KEEP, ""), give_keep, &to, err);
}

void store_put_demotion(struct store *s, const char *who, time_ms at)
{
	store_write(s, SQL_PUT_DEMOTION, "si", who, at);
}

void store_prune_demotions(struct store *s, time_ms before)
{
	store_write(s, SQL_PRUNE_DEMOTIONS, "i", before);
}

static int give_demotion(sqlite3_stmt *st, void *receiver)
{
	const struct receiver *to = receiver;
	const char *who;
	time_ms at;
	store_read(st, "si", &who, &at);
	return to->demotion(who, at, to->context);
}

void store_put_judged(struct store *s, const struct store_judged *j)
{
	if (!j)
		store_write(s, SQL_REMOVE_JUDGED, "");
	else
		store_write(s, SQL_PUT_JUDGED, "iiiiii", (int64_t)j->program, (int64_t)j->policy,
		        (int64_t)j->freshness, (int64_t)j->index_generation, (int64_t)j->index_mark, j->at);
}

static int give_judged(sqlite3_stmt *st, void *judged)
{
	struct store_judged *j = judged;
	store_read(st, "uuuuui", &j->program, &j->policy, &j->freshness, &j->index_generation, &j->index_mark,
	        &j->at);
	return 1;
}

int store_get_judged(struct store *s, struct store_judged *ret, struct error *err)
{
	*ret = (struct store_judged){ 0 };
	const int r = store_walk(s, store_bind(s, SQL_GET_JUDGED, ""), give_judged, ret, err);
	return r > 0 ? 0 : r < 0 ? r : error_set(err, -ENOENT, "what nodes were judged by is not known");
}

int store_each_demotion(struct store *s, store_demotion_fn fn, void *context, struct error *err)
{
	struct receiver to = { .demotion = fn, .context = context };
	return store_walk(s, store_bind(s, SQL_EACH_DEMOTION, ""), give_demotion, &to, err);
}
