/* SPDX-License-Identifier: ISC */
#include "vis/relay.h"

#include "vis/lender.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct relay {
	struct relay_config config;
	char *name;
	struct tree_follow *follow;
	struct lender *lender;
	struct pull_source source; /* tls NULL: there is none */
	struct push_path path;     /* of what the round is about */
	struct pull *pull;
	struct event *again;
	struct push_event pending; /* the newest that came while a round was under way */
	bool has_pending, wants_round;
	unsigned failures;  /* rounds in succession that ended because nothing came */
	time_ms busy_since; /* monotonic; of the round that fetches; 0: none does */
};

static void drive(struct relay *r);

/* ---- rounds ---- */

static void refuse(struct relay *r, enum tree_refusal why, const char *reason)
{
	r->config.on_refused(r, why, reason, r->config.user);
}

static void begin_later(struct relay *r, int ms)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	event_add(r->again, &tv);
}

static void begin_pending(struct relay *r)
{
	struct push_event e = r->pending;
	r->has_pending = false;
	r->pending = (struct push_event){ .n_files = 0 };
	relay_take(r, &e);
	push_event_clear(&e);
}

/* The round is over: what it brought, and what comes next. */
static void end_round(struct relay *r)
{
	struct tree_follow_status status;
	r->busy_since = 0;
	tree_follow_status(r->follow, &status);
	const bool away = status.last == TREE_UNREACHABLE || status.last == TREE_MISSING;
	r->failures = away ? r->failures + 1 : 0;
	if (status.last == TREE_GOOD)
		r->config.on_ready(r, &r->path, r->config.user);
	if (r->has_pending) {
		begin_pending(r);
	} else if (r->wants_round) {
		r->wants_round = false;
		tree_follow_begin(r->follow);
		drive(r);
	} else if (away && r->failures < RELAY_FAILURES_MAX) {
		/* A file that has just gone is one of an index that has just been replaced. */
		begin_later(r, status.last == TREE_MISSING && r->failures == 1 ? 0 : RELAY_AGAIN_MS);
	} else if (status.last != TREE_GOOD) {
		r->failures = 0;
		refuse(r, status.last, status.reason);
	}
}

static void on_again(evutil_socket_t fd, short what, void *user)
{
	struct relay *r = user;
	if (r->pull || !r->source.tls)
		return;
	tree_follow_begin(r->follow);
	drive(r);
}

/* ---- fetching ---- */

static int on_data(const void *bytes, size_t length, void *user)
{
	struct relay *r = user;
	struct error err;
	const int code = tree_follow_data(r->follow, bytes, length, &err);
	if (code == 0)
		return 0;
	r->pull = NULL; /* it ends, and with it the round */
	if (code < 0)
		(void)tree_follow_end(r->follow, TREE_FAILED, err.text, clock_wall_ms(), &err);
	end_round(r);
	return code;
}

static void on_restart(void *user)
{
	struct relay *r = user;
	tree_follow_restart(r->follow);
}

static void on_end(enum tree_fetch how, const char *reason, void *user)
{
	struct relay *r = user;
	struct error err;
	r->pull = NULL;
	(void)tree_follow_end(r->follow, how, reason, clock_wall_ms(), &err);
	drive(r);
}

static const struct pull_handlers handlers = { on_data, on_restart, on_end };

static void drive(struct relay *r)
{
	struct tree_request want;
	struct error err;
	if (r->pull)
		return;
	while (tree_follow_next(r->follow, &want)) {
		if (pull_new(r->config.base, &r->source, r->name, &want, &handlers, r, &r->pull, &err) == 0) {
			r->busy_since = r->busy_since ? r->busy_since : clock_monotonic_ms();
			return;
		}
		(void)tree_follow_end(r->follow, TREE_FAILED, err.text, clock_wall_ms(), &err);
	}
	end_round(r);
}

/* ---- from outside ---- */

static void keep_pending(struct relay *r, const struct push_event *event)
{
	push_event_clear(&r->pending);
	r->pending = *event;
	/* Its deltas can be fetched; the index alone is worth being kept. */
	r->pending.n_files = 0;
	r->pending.memory = event->index.length ? xmemdup(event->index.bytes, event->index.length) : NULL;
	r->pending.index.bytes = r->pending.memory;
	r->has_pending = true;
}

static int push(struct relay *r, const struct push_event *event)
{
	struct error err;
	const time_ms now = clock_wall_ms();
	if (event->index.length == 0) {
		tree_follow_begin(r->follow);
		return 0;
	}
	int code = tree_follow_push_index(r->follow, event->index.bytes, event->index.length, now, &err);
	for (size_t i = 0; i < event->n_files && code == 0; i++)
		code = tree_follow_push_file(
		        r->follow, event->files[i].bytes, event->files[i].length, now, &err);
	return code;
}

void relay_take(struct relay *r, const struct push_event *event)
{
	if (r->pull) {
		keep_pending(r, event);
		return;
	}
	event_del(r->again);
	r->path = event->path;
	(void)push(r, event); /* what was refused is in the follower's status */
	drive(r);
}

bool relay_want(struct relay *r, const char *shard)
{
	if (!tree_follow_hold(r->follow, shard))
		return false;
	if (r->pull) {
		r->wants_round = true;
	} else if (r->source.tls) {
		tree_follow_begin(r->follow);
		drive(r);
	}
	return true;
}

void relay_set_source(struct relay *r, const struct pull_source *source, const struct push_path *path)
{
	r->pull = pull_free(r->pull);
	r->failures = 0;
	r->busy_since = 0;
	r->has_pending = r->wants_round = false;
	push_event_clear(&r->pending);
	event_del(r->again);
	pull_source_set(&r->source, source);
	lender_set_source(r->lender, source);
	if (path)
		r->path = *path;
}

void relay_lend(struct relay *r, const char *file)
{
	lender_want(r->lender, file);
}

static void on_lent(void *user)
{
	const struct relay *r = user;
	r->config.on_lent(r->config.user);
}

const char *relay_overdue(const struct relay *r, time_ms now)
{
	const struct tree_index *index = tree_follow_index(r->follow);
	const int64_t most =
	        index ? MIN(index->expires - index->time, (int64_t)RELAY_ROUND_MS) : RELAY_ROUND_MS;
	/* It comes; another upper goes on where a slow one is left. */
	if (r->pull && clock_monotonic_ms() - r->busy_since < most)
		return NULL;
	if (r->pull && (!index || now > index->time + (index->expires - index->time) / 3 * 2))
		return "what it gives us comes too slowly";
	if (!index)
		return "it has sent nothing of a repository that we follow";
	if (tree_follow_stale(r->follow, now))
		return "what it gives us has expired";
	/* A publisher signs anew at a third of the life of what he has signed. */
	if (now > index->time + (index->expires - index->time) / 3 * 2)
		return "what the publisher should have signed since does not come";
	return NULL;
}

const char *relay_name(const struct relay *r)
{
	return r->name;
}

struct tree_follow *relay_follow(struct relay *r)
{
	return r->follow;
}

int relay_open(const struct relay_config *config, struct relay **ret, struct error *err)
{
	struct relay *r = xcalloc(1, sizeof(*r));
	r->config = *config;
	r->name = xstrdup(config->follow.name);
	r->again = event_new(config->base, -1, 0, on_again, r);
	int code = tree_follow_open(&config->follow, &r->follow, err);
	r->lender = lender_new(config->base, r->name, r->follow, on_lent, r);
	if (code < 0) {
		relay_close(r);
		return code;
	}
	*ret = r;
	return 0;
}

struct relay *relay_close(struct relay *r)
{
	if (!r)
		return NULL;
	relay_set_source(r, NULL, NULL);
	lender_free(r->lender);
	tree_follow_close(r->follow);
	event_free(r->again);
	free(r->name);
	free(r);
	return NULL;
}
