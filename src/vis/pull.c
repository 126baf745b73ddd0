/* SPDX-License-Identifier: ISC */
#include "vis/pull.h"
#include "base/cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct pull {
	struct event_base *base;
	struct pull_source source;
	char *path;
	bool pieces;
	uint64_t most, at, size; /* size: of the whole file, where it is known */
	uint64_t from;           /* where it began, and when */
	time_ms began;
	enum tree_fetch outcome;
	const struct pull_handlers *handlers;
	void *user;
	struct http_fetch *fetch;
};

void pull_source_set(struct pull_source *to, const struct pull_source *source)
{
	free((char *)to->name);
	free((char *)to->host);
	*to = (struct pull_source){ .tls = NULL };
	if (!source)
		return;
	*to = *source;
	to->name = xstrdup(source->name);
	to->host = xstrdup(source->host);
}

struct pull *pull_free(struct pull *p)
{
	if (!p)
		return NULL;
	http_fetch_free(p->fetch);
	pull_source_set(&p->source, NULL);
	free(p->path);
	free(p);
	return NULL;
}

/* "bytes FIRST-LAST/SIZE" of the piece that was asked for. */
static bool take_content_range(struct pull *p, const struct http_head *head)
{
	const char *field = http_head_field(head, "content-range");
	uint64_t first, last, size;
	if (!field || !text_take(&field, "bytes ") || !text_take_number(&field, &first) ||
	        !text_take(&field, "-") || !text_take_number(&field, &last) || !text_take(&field, "/") ||
	        !text_take_number(&field, &size) || first != p->at || last < first || last >= size)
		return false;
	p->size = size;
	return true;
}

static void on_head(struct http_fetch *f, const struct http_head *head, void *user)
{
	struct pull *p = user;
	p->outcome = TREE_FAILED;
	if (head->status == 404 || head->status == 410)
		p->outcome = TREE_ABSENT;
	else if (head->status == 200 || (head->status == 206 && p->pieces && take_content_range(p, head)))
		p->outcome = TREE_FETCHED;
	if (head->status == 200 && p->at)
		p->handlers->on_restart(p->user);
	if (head->status == 200)
		p->at = p->size = 0;
}

static void on_content(struct http_fetch *f, const uint8_t *content, size_t length, void *user)
{
	struct pull *p = user;
	if (p->outcome != TREE_FETCHED)
		return;
	p->at += length;
	if (p->handlers->on_data(content, length, p->user) != 0)
		pull_free(p);
}

static int ask(struct pull *p, struct error *err);

/* However small the pieces are that it is doled out in. */
static bool is_too_slow(const struct pull *p)
{
	const uint64_t got = p->at > p->from ? p->at - p->from : 0;
	return clock_monotonic_ms() - p->began > PULL_TOTAL_MS + (int64_t)(got / (PULL_SPEED_LEAST / 1000));
}

static void on_end(struct http_fetch *f, const char *reason, void *user)
{
	struct pull *p = user;
	struct error err;
	const struct pull_handlers *handlers = p->handlers;
	void *owner = p->user;
	enum tree_fetch how = reason ? TREE_FAILED : p->outcome;
	p->fetch = NULL;
	if (how == TREE_FETCHED && p->at < p->size) {
		if (is_too_slow(p))
			error_set(&err, -ETIME, "it comes too slowly");
		else if (ask(p, &err) == 0)
			return;
		how = TREE_FAILED;
		reason = err.text;
	}
	pull_free(p);
	handlers->on_end(how, reason ? reason : "it was answered with another status", owner);
}

static const struct http_fetch_handlers fetch_handlers = { on_head, on_content, on_end };

static int ask(struct pull *p, struct error *err)
{
	char range[96] = "";
	if (p->pieces)
		snprintf(range, sizeof(range), "Range: bytes=%" PRIu64 "-%" PRIu64 "\r\n", p->at,
		        p->at + PULL_PIECE - 1);
	p->size = 0;
	p->outcome = TREE_FAILED;
	const struct http_fetch_config config = { .tls = p->source.tls,
		.address = p->source.address,
		.expected_name = p->source.name,
		.host = p->source.host,
		.path = p->path,
		.fields = range,
		.idle_ms = PULL_IDLE_MS,
		.total_ms = PULL_TOTAL_MS,
		.keep = p->source.keep,
		.content_max = p->most + 1, /* so that one byte too many is seen, and no more are taken */
		.handlers = &fetch_handlers,
		.user = p };
	return http_fetch_new(p->base, &config, &p->fetch, err);
}

int pull_new(struct event_base *base, const struct pull_source *source, const char *repository,
        const struct tree_request *request, const struct pull_handlers *handlers, void *user,
        struct pull **ret, struct error *err)
{
	if (!source->tls)
		return error_set(err, -ENOTCONN, "there is no upper VIS");
	struct pull *p = xcalloc(1, sizeof(*p));
	*p = (struct pull){ .base = base,
		.pieces = request->immutable,
		.most = request->most,
		.at = request->offset,
		.from = request->offset,
		.began = clock_monotonic_ms(),
		.handlers = handlers,
		.user = user };
	pull_source_set(&p->source, source);
	p->path = xasprintf("/v1/repositories/%s/%s", repository, request->path);
	int r = ask(p, err);
	if (r < 0) {
		pull_free(p);
		return r;
	}
	*ret = p;
	return 0;
}
