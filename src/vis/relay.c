/* SPDX-License-Identifier: ISC */
#include "vis/relay.h"

#include "net/http_fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct relay {
	struct relay_config config;
	char *name;
	struct tree_follow *follow;
	struct relay_source source; /* tls NULL: there is none */
	struct push_path path;      /* of what the round is about */
	struct http_fetch *fetch;
	struct event *again;
	struct push_event pending; /* the newest that came while a round was under way */
	struct push_path pending_path;
	bool has_pending, wants_round;
	unsigned failures; /* rounds in succession that ended because nothing came */
	/* Of the fetch under way. */
	bool whole; /* without ranges */
	bool more;  /* the next piece of the same file */
	uint64_t at, size;
	enum tree_fetch outcome;
	int result; /* of tree_follow_data(), other than 0: the round is over */
};

static void drive(struct relay *r);

/* ---- rounds ---- */

static void refuse(struct relay *r, enum tree_refusal why, const char *reason)
{
	r->config.on_refused(r, why, reason, r->config.user);
}

static void begin_later(struct relay *r)
{
	const struct timeval tv = { RELAY_AGAIN_MS / 1000, RELAY_AGAIN_MS % 1000 * 1000 };
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
		begin_later(r);
	} else if (status.last != TREE_GOOD) {
		r->failures = 0;
		refuse(r, status.last, status.reason);
	}
}

static void on_again(evutil_socket_t fd, short what, void *user)
{
	struct relay *r = user;
	if (r->fetch || !r->source.tls)
		return;
	tree_follow_begin(r->follow);
	drive(r);
}

/* ---- fetching ---- */

/* "bytes FIRST-LAST/SIZE" of the piece that we asked for. */
static bool take_content_range(struct relay *r, const struct http_head *head)
{
	const char *field = http_head_field(head, "content-range");
	uint64_t first, last, size;
	if (!field || sscanf(field, "bytes %" SCNu64 "-%" SCNu64 "/%" SCNu64, &first, &last, &size) != 3 ||
	        first != r->at || last < first || last >= size)
		return false;
	r->size = size;
	return true;
}

static void on_head(struct http_fetch *f, const struct http_head *head, void *user)
{
	struct relay *r = user;
	r->outcome = TREE_FAILED;
	if (head->status == 404 || head->status == 410)
		r->outcome = TREE_ABSENT;
	else if (head->status == 206 && !r->whole && take_content_range(r, head))
		r->outcome = TREE_FETCHED;
	else if (head->status == 200)
		r->outcome = TREE_FETCHED;
	if (head->status == 200 && r->at)
		tree_follow_restart(r->follow);
	if (head->status == 200)
		r->at = r->size = 0;
}

static void on_content(struct http_fetch *f, const uint8_t *content, size_t length, void *user)
{
	struct relay *r = user;
	struct error err;
	if (r->outcome != TREE_FETCHED)
		return;
	r->at += length;
	r->result = tree_follow_data(r->follow, content, length, &err);
	if (r->result == 0)
		return;
	r->fetch = http_fetch_free(r->fetch);
	if (r->result < 0)
		(void)tree_follow_end(r->follow, TREE_FAILED, err.text, clock_wall_ms(), &err);
	end_round(r);
}

static void on_end(struct http_fetch *f, const char *reason, void *user)
{
	struct relay *r = user;
	struct error err;
	r->fetch = NULL;
	r->more = !reason && r->outcome == TREE_FETCHED && r->at < r->size;
	if (r->more) {
		drive(r);
		return;
	}
	const enum tree_fetch how = reason ? TREE_FAILED : r->outcome;
	const char *words = reason ? reason : "it was answered with another status";
	(void)tree_follow_end(r->follow, how, words, clock_wall_ms(), &err);
	drive(r);
}

static const struct http_fetch_handlers handlers = { on_head, on_content, on_end };

static int fetch(struct relay *r, const struct tree_request *want, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("/v1/repositories/%s/%s", r->name, want->path);
	char range[96] = "";
	r->whole = !want->immutable;
	r->at = r->more ? r->at : want->offset;
	r->more = false;
	r->size = 0;
	if (!r->whole)
		snprintf(range, sizeof(range), "Range: bytes=%" PRIu64 "-%" PRIu64 "\r\n", r->at,
		        r->at + RELAY_PIECE - 1);
	const struct http_fetch_config config = { .tls = r->source.tls,
		.address = r->source.address,
		.expected_name = r->source.name,
		.host = r->source.host,
		.path = path,
		.fields = range,
		.idle_ms = RELAY_IDLE_MS,
		.content_max = want->most + 1,
		.handlers = &handlers,
		.user = r };
	return http_fetch_new(r->config.base, &config, &r->fetch, err);
}

static void drive(struct relay *r)
{
	struct tree_request want;
	struct error err;
	if (r->fetch)
		return;
	while (tree_follow_next(r->follow, &want)) {
		int code = r->source.tls ? fetch(r, &want, &err)
		                         : error_set(&err, -ENOTCONN, "there is no upper VIS");
		if (code == 0)
			return;
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
	if (r->fetch) {
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
	if (r->fetch) {
		r->wants_round = true;
	} else if (r->source.tls) {
		tree_follow_begin(r->follow);
		drive(r);
	}
	return true;
}

void relay_set_source(struct relay *r, const struct relay_source *source, const struct push_path *path)
{
	free((char *)r->source.name);
	free((char *)r->source.host);
	r->source = (struct relay_source){ .tls = NULL };
	r->fetch = http_fetch_free(r->fetch);
	r->failures = 0;
	r->has_pending = r->wants_round = r->more = false;
	push_event_clear(&r->pending);
	event_del(r->again);
	if (!source)
		return;
	r->source = *source;
	r->source.name = xstrdup(source->name);
	r->source.host = xstrdup(source->host);
	if (path)
		r->path = *path;
}

const char *relay_overdue(const struct relay *r, time_ms now)
{
	const struct tree_index *index = tree_follow_index(r->follow);
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
	if (r->again)
		relay_set_source(r, NULL, NULL);
	tree_follow_close(r->follow);
	if (r->again)
		event_free(r->again);
	free(r->name);
	free(r);
	return NULL;
}
