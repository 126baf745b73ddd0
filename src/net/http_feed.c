/* SPDX-License-Identifier: ISC */
#include "net/http_feed.h"

#include <errno.h>
#include <sys/queue.h>

struct http_subscriber {
	struct http_feed *feed;
	struct http_request *request;
	void *of_subscriber;
	bool cut;
	TAILQ_ENTRY(http_subscriber) next;
};

struct http_feed {
	struct http_feed_config config;
	struct event *alive;
	struct http_feed_counters counters;
	TAILQ_HEAD(, http_subscriber) subscribers;
};

static void forget(struct http_subscriber *s)
{
	struct http_feed *f = s->feed;
	void *of_subscriber = s->of_subscriber;
	TAILQ_REMOVE(&f->subscribers, s, next);
	f->counters.subscribers--;
	free(s);
	if (f->config.on_leave)
		f->config.on_leave(of_subscriber, f->config.user);
}

static void on_gone(void *user)
{
	forget(user);
}

static void write_to(struct http_subscriber *s, const void *data, size_t length)
{
	struct http_feed *f = s->feed;
	if (s->cut)
		return;
	int r = http_reply_write(s->request, data, length);
	s->cut = r < 0;
	f->counters.slow += r == -ENOBUFS;
	if (r == 0)
		f->counters.octets += length;
}

/* What waits for all of them together, and for whom the most. */
static size_t count_waiting(const struct http_feed *f, struct http_subscriber **ret_most)
{
	struct http_subscriber *s;
	size_t all = 0, most = 0;
	*ret_most = NULL;
	TAILQ_FOREACH(s, &f->subscribers, next)
	{
		const size_t n = s->cut ? 0 : http_reply_waiting(s->request);
		all += n;
		if (n > most) {
			most = n;
			*ret_most = s;
		}
	}
	return all;
}

/* Bytes of an event or a comment. Who cannot take them is closed by the stream; where there is no room for
 * them, the one that holds most is. */
static void push(struct http_subscriber *s, const struct writer *w)
{
	const struct http_feed *f = s->feed;
	struct http_subscriber *most = NULL;
	while (f->config.memory_max && count_waiting(f, &most) + w->length > f->config.memory_max && most) {
		http_reply_limit(most->request, 0);
		write_to(most, "\n", 1);
	}
	write_to(s, w->data, w->length);
}

static void on_alive(evutil_socket_t fd, short what, void *user)
{
	struct http_feed *f = user;
	struct writer w = wr_make(SSE_FRAMING_MAX);
	sse_write_comment(&w, "alive");
	struct http_subscriber *s;
	TAILQ_FOREACH(s, &f->subscribers, next)
	push(s, &w);
	wr_free(&w);
}

int http_feed_new(struct event_base *base, const struct http_feed_config *config, struct http_feed **ret)
{
	const struct timeval every = { config->alive_ms / 1000, config->alive_ms % 1000 * 1000 };
	struct http_feed *f = xcalloc(1, sizeof(*f));
	f->config = *config;
	TAILQ_INIT(&f->subscribers);
	f->alive = event_new(base, -1, EV_PERSIST, on_alive, f);
	if (!f->alive || event_add(f->alive, &every) < 0) {
		http_feed_free(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

void http_feed_end(struct http_subscriber *s)
{
	struct http_request *r = s->request;
	http_request_on_gone(r, NULL, NULL);
	forget(s);
	http_reply_end(r);
}

struct http_feed *http_feed_free(struct http_feed *f)
{
	if (!f)
		return NULL;
	for (struct http_subscriber *s = TAILQ_FIRST(&f->subscribers), *next; s; s = next) {
		next = TAILQ_NEXT(s, next);
		http_feed_end(s);
	}
	if (f->alive)
		event_free(f->alive);
	free(f);
	return NULL;
}

void http_feed_get_counters(const struct http_feed *f, struct http_feed_counters *ret)
{
	*ret = f->counters;
}

struct http_subscriber *http_feed_join(struct http_feed *f, struct http_request *r, void *of_subscriber)
{
	if (f->counters.subscribers >= f->config.subscribers_max) {
		f->counters.refused++;
		http_reply_error(
		        r, 503, "there are %zu subscribers, and no more are taken", f->counters.subscribers);
		return NULL;
	}
	struct http_subscriber *s = xcalloc(1, sizeof(*s));
	*s = (struct http_subscriber){ .feed = f, .request = r, .of_subscriber = of_subscriber };
	TAILQ_INSERT_TAIL(&f->subscribers, s, next);
	f->counters.subscribers++;
	http_request_on_gone(r, on_gone, s);
	http_reply_limit(r, f->config.queue_max);
	http_reply_begin(r, 200, SSE_CONTENT_TYPE);
	return s;
}

static int encode(struct writer *w, const struct sse_event *event)
{
	int r = sse_write(w, event);
	return r < 0 || wr_failed(w) ? -EINVAL : 0;
}

int http_feed_send(struct http_subscriber *s, const struct sse_event *event)
{
	struct writer w = wr_make(2 * SSE_EVENT_MAX);
	int r = encode(&w, event);
	if (r == 0) {
		s->feed->counters.events++;
		push(s, &w);
	}
	wr_free(&w);
	return r;
}

struct http_subscriber *http_feed_next(struct http_feed *f, struct http_subscriber *s)
{
	return s ? TAILQ_NEXT(s, next) : TAILQ_FIRST(&f->subscribers);
}

void *http_feed_of(struct http_subscriber *s)
{
	return s->of_subscriber;
}
