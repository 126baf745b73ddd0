/* SPDX-License-Identifier: ISC */
/* Streams of events from our server to our client, over mutual TLS in one loop: order, ends, limits. */
#include "net/http_feed.h"
#include "net/http_fetch.h"
#include "tests/unit/net/site.h"

#define QUEUE_MAX (256u << 10)

struct watcher {
	struct http_fetch *fetch;
	struct sse_reader *reader;
	int status;
	unsigned events;
	size_t octets;
	char last[64], id[64], reason[512];
	bool ended, complete, leave;
};

struct world {
	struct site *site;
	struct tls_context *server_tls, *client_tls;
	struct http_server *server;
	struct http_feed *feed;
	struct sockaddr_in address;
	char resumed[64];
	unsigned left;
};

static void join(struct http_request *r, void *user)
{
	struct world *w = user;
	const char *last = http_request_field(r, "Last-Event-ID");
	snprintf(w->resumed, sizeof(w->resumed), "%s", last ? last : "");
	(void)http_feed_join(w->feed, r, w);
}

static void answer_words(struct http_request *r, void *user)
{
	http_reply(r, 200, "text/plain", "ten bytes.", 10);
}

static void answer_absent(struct http_request *r, void *user)
{
	http_reply_error(r, 404, "it is not there");
}

static void answer_never(struct http_request *r, void *user)
{
	http_request_on_gone(r, NULL, NULL);
}

static void begin_and_stop(struct http_request *r, void *user)
{
	http_reply_begin(r, 200, SSE_CONTENT_TYPE);
}

static const struct http_route routes[] = {
	{ "GET", "/v1/subscribe", join, TLS_ROLE(ROLE_NODE), 0 },
	{ "GET", "/v1/words", answer_words, TLS_ROLE(ROLE_NODE), 0 },
	{ "GET", "/v1/absent", answer_absent, TLS_ROLE(ROLE_NODE), 0 },
	{ "GET", "/v1/never", answer_never, TLS_ROLE(ROLE_NODE), 0 },
	{ "GET", "/v1/silence", begin_and_stop, TLS_ROLE(ROLE_NODE), 0 },
};

static void on_leave(void *of_subscriber, void *user)
{
	struct world *w = user;
	assert_ptr_equal(of_subscriber, w);
	w->left++;
}

/* At the port of the one before, where there was one. */
static void start_server(struct world *w)
{
	uint16_t port;
	struct listener_config c = {
		.tls = w->server_tls, .connections_max = 10, .source_max = 10, .handshakes_max = 10
	};
	assert_int_equal(http_server_new(w->site->base, &w->server), 0);
	assert_int_equal(http_server_add_routes(w->server, routes, ARRAY_LENGTH(routes), w), 0);
	memcpy(&c.address, &w->address, sizeof(w->address));
	assert_int_equal(http_server_listen(w->server, &c, NULL), 0);
	assert_int_equal(listener_port(http_server_listener(w->server, 0), &port), 0);
	w->address.sin_port = htons(port);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	w->site = site_make();
	w->server_tls = site_context(w->site, true, "srv", TLS_ROLES_ALL);
	w->client_tls = site_context(w->site, false, "alice", TLS_ROLE(ROLE_SERVER));
	w->address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	start_server(w);
	const struct http_feed_config feed = {
		.subscribers_max = 2, .queue_max = QUEUE_MAX, .alive_ms = 20, .on_leave = on_leave, .user = w
	};
	assert_int_equal(http_feed_new(w->site->base, &feed, &w->feed), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	http_feed_free(w->feed);
	http_server_free(w->server);
	tls_context_free(w->server_tls);
	tls_context_free(w->client_tls);
	site_free(w->site);
	free(w);
	return 0;
}

static void on_head(struct http_fetch *f, const struct http_head *head, void *user)
{
	((struct watcher *)user)->status = head->status;
}

static int on_event(const struct sse_event *e, void *user)
{
	struct watcher *x = user;
	x->events++;
	snprintf(x->last, sizeof(x->last), "%s", e->data);
	snprintf(x->id, sizeof(x->id), "%s", e->id);
	return 0;
}

static void on_content(struct http_fetch *f, const uint8_t *content, size_t length, void *user)
{
	struct watcher *x = user;
	x->octets += length;
	if (x->reader && sse_read(x->reader, content, length, on_event, x, NULL) != 0)
		fail_msg("%s", "events that cannot be read");
	if (x->leave && x->events)
		x->fetch = http_fetch_free(x->fetch);
}

static void on_end(struct http_fetch *f, const char *reason, void *user)
{
	struct watcher *x = user;
	x->fetch = NULL;
	x->ended = true;
	x->complete = !reason;
	snprintf(x->reason, sizeof(x->reason), "%s", reason ? reason : "");
}

static const struct http_fetch_handlers handlers = { on_head, on_content, on_end };

static void begin_with(struct world *w, struct watcher *x, struct http_fetch_config c)
{
	struct error err = { "" };
	c.tls = w->client_tls;
	c.expected_name = "srv";
	memcpy(&c.address, &w->address, sizeof(w->address));
	c.handlers = &handlers;
	c.user = x;
	if (http_fetch_new(w->site->base, &c, &x->fetch, &err) < 0)
		fail_msg("%s", err.text);
}

static void watch(struct world *w, struct watcher *x, const char *fields)
{
	x->reader = sse_reader_new();
	begin_with(w, x, (struct http_fetch_config){ .path = "/v1/subscribe", .fields = fields });
}

static void unwatch(struct watcher *x)
{
	http_fetch_free(x->fetch);
	sse_reader_free(x->reader);
}

static size_t subscribers(const struct world *w)
{
	struct http_feed_counters c;
	http_feed_get_counters(w->feed, &c);
	return c.subscribers;
}

static void send_text(struct world *w, const char *id, const char *text)
{
	const struct sse_event e = { "t", id, text, strlen(text) };
	for (struct http_subscriber *s = http_feed_next(w->feed, NULL); s; s = http_feed_next(w->feed, s))
		assert_int_equal(http_feed_send(s, &e), 0);
}

static void events_arrive_in_order(void **state)
{
	struct world *w = *state;
	struct watcher a = { 0 }, b = { .leave = true };
	watch(w, &a, "Last-Event-ID: central:41\r\n");
	SITE_WAIT(w->site, subscribers(w) == 1);
	assert_string_equal(w->resumed, "central:41");
	watch(w, &b, NULL);
	SITE_WAIT(w->site, subscribers(w) == 2);
	send_text(w, "central:42", "one");
	SITE_WAIT(w->site, a.events == 1 && b.fetch == NULL);
	assert_string_equal(a.id, "central:42");
	assert_int_equal(a.status, 200);
	SITE_WAIT(w->site, w->left == 1);
	send_text(w, "central:43", "two");
	SITE_WAIT(w->site, a.events == 2);
	assert_string_equal(a.last, "two");
	assert_int_equal(b.events, 1);
	/* Silence is no end: comments come, and no event with them. */
	size_t octets = a.octets;
	SITE_WAIT(w->site, a.octets > octets + 30);
	assert_int_equal(a.events, 2);
	http_feed_end(http_feed_next(w->feed, NULL));
	SITE_WAIT(w->site, a.ended);
	assert_true(a.complete);
	unwatch(&a);
	unwatch(&b);
}

static void too_many_are_refused(void **state)
{
	struct world *w = *state;
	struct watcher x[3] = { { 0 } };
	for (size_t i = 0; i < 2; i++) {
		watch(w, &x[i], NULL);
		SITE_WAIT(w->site, subscribers(w) == i + 1);
	}
	watch(w, &x[2], NULL);
	SITE_WAIT(w->site, x[2].ended);
	assert_int_equal(x[2].status, 503);
	struct http_feed_counters c;
	http_feed_get_counters(w->feed, &c);
	assert_int_equal(c.refused, 1);
	for (size_t i = 0; i < 3; i++)
		unwatch(&x[i]);
	SITE_WAIT(w->site, subscribers(w) == 0);
}

static void ask_and_sleep(struct stream *s, const struct identity *peer, void *user)
{
	static const char request[] = "GET /v1/subscribe HTTP/1.1\r\nHost: x\r\n\r\n";
	assert_int_equal(stream_write(s, request, sizeof(request) - 1), 0);
}

static size_t sleep_on(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	stream_pause(s);
	return length;
}

static void slept(struct stream *s, const char *reason, void *user)
{
	*(struct stream **)user = NULL;
}

/* One subscriber that does not read, and one that does. */
static void begin_slow_and_good(struct world *w, struct stream **slow, struct watcher *good)
{
	static const struct stream_handlers sleeper = { ask_and_sleep, sleep_on, NULL, slept };
	struct tls_target target = { .expected_name = "srv" };
	memcpy(&target.address, &w->address, sizeof(w->address));
	assert_int_equal(tls_connect(w->site->base, w->client_tls, &target, &STREAM_LIMITS_DEFAULT, &sleeper,
	                         slow, slow, NULL),
	        0);
	watch(w, good, NULL);
	SITE_WAIT(w->site, subscribers(w) == 2);
}

static void end_slow_and_good(struct world *w, struct stream *slow, struct watcher *good)
{
	SITE_WAIT(w->site, subscribers(w) == 1);
	assert_false(good->ended);
	stream_free(slow);
	unwatch(good);
}

/* A subscriber that does not read costs a bounded queue, and others nothing. */
static void a_slow_one_is_cut_off(void **state)
{
	struct world *w = *state;
	struct watcher good = { 0 };
	struct http_feed_counters c = { 0 };
	struct stream *slow = NULL;
	static char much[32768];
	unsigned sent = 0;
	memset(much, 'x', sizeof(much) - 1);
	begin_slow_and_good(w, &slow, &good);
	while (c.slow == 0 && sent < 4096) {
		send_text(w, "", much);
		sent++;
		SITE_WAIT(w->site, good.events == sent);
		http_feed_get_counters(w->feed, &c);
	}
	assert_int_equal(c.slow, 1);
	end_slow_and_good(w, slow, &good);
}

/* All together hold no more than they may: the one that lets most wait goes. */
static void all_together_are_bounded(void **state)
{
	struct world *w = *state;
	struct watcher good = { 0 };
	struct http_feed_counters c = { 0 };
	struct stream *slow = NULL;
	static char much[QUEUE_MAX / 8];
	const struct http_feed_config feed = { .subscribers_max = 2,
		.queue_max = 1000 * QUEUE_MAX,
		.memory_max = QUEUE_MAX,
		.alive_ms = 20,
		.on_leave = on_leave,
		.user = w };
	unsigned sent = 0;
	http_feed_free(w->feed);
	assert_int_equal(http_feed_new(w->site->base, &feed, &w->feed), 0);
	memset(much, 'x', sizeof(much) - 1);
	begin_slow_and_good(w, &slow, &good);
	http_server_set_memory(w->server, 1000); /* which is for answers that end */
	while (c.slow == 0 && sent < 1000) {
		struct watcher other = { 0 };
		send_text(w, "", much);
		sent++;
		SITE_WAIT(w->site, good.events == sent);
		begin_with(w, &other, (struct http_fetch_config){ .path = "/v1/words" });
		SITE_WAIT(w->site, other.ended);
		assert_int_equal(other.status, 200);
		http_feed_get_counters(w->feed, &c);
	}
	assert_int_equal(c.slow, 1);
	end_slow_and_good(w, slow, &good);
}

static void an_answer_is_bounded(void **state)
{
	struct world *w = *state;
	struct watcher a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 }, e = { 0 };
	begin_with(w, &a, (struct http_fetch_config){ .path = "/v1/words", .content_max = 10 });
	begin_with(w, &b, (struct http_fetch_config){ .path = "/v1/words", .content_max = 9 });
	begin_with(w, &c, (struct http_fetch_config){ .path = "/v1/never", .total_ms = 50 });
	begin_with(w, &d, (struct http_fetch_config){ .path = "/nowhere" });
	SITE_WAIT(w->site, a.ended && b.ended && c.ended && d.ended);
	assert_true(a.complete);
	assert_int_equal(a.octets, 10);
	assert_false(b.complete);
	assert_non_null(strstr(b.reason, "longer"));
	assert_non_null(strstr(c.reason, "too long"));
	assert_int_equal(d.status, 404);
	/* Nobody listens there any more. */
	http_server_free(w->server);
	w->server = NULL;
	begin_with(w, &e, (struct http_fetch_config){ .path = "/v1/words" });
	SITE_WAIT(w->site, e.ended);
	assert_false(e.complete);
	assert_true(*e.reason);
}

static void silence_ends_a_subscription(void **state)
{
	struct world *w = *state;
	struct watcher a = { 0 };
	begin_with(w, &a, (struct http_fetch_config){ .path = "/v1/silence", .idle_ms = 50 });
	SITE_WAIT(w->site, a.ended);
	assert_int_equal(a.status, 200);
	assert_false(a.complete);
	unwatch(&a);
}

static uint64_t connections_made(const struct world *w)
{
	struct listener_counters c;
	listener_get_counters(http_server_listener(w->server, 0), &c);
	return c.accepted;
}

static void fetch_words(struct world *w, struct http_keep *keep, const char *path)
{
	struct watcher x = { 0 };
	begin_with(w, &x, (struct http_fetch_config){ .path = path, .keep = keep });
	SITE_WAIT(w->site, x.ended);
	if (!x.complete)
		fail_msg("%s", x.reason);
}

static void one_connection_serves_many(void **state)
{
	struct world *w = *state;
	struct watcher a = { 0 }, b = { 0 }, c = { 0 };
	struct http_keep *keep = http_keep_new();
	for (int i = 0; i < 5; i++)
		fetch_words(w, keep, i % 2 ? "/v1/words" : "/v1/absent");
	assert_int_equal(connections_made(w), 1);
	/* Who finds it in use makes another; one of them stays. */
	begin_with(w, &a, (struct http_fetch_config){ .path = "/v1/words", .keep = keep });
	begin_with(w, &b, (struct http_fetch_config){ .path = "/v1/words", .keep = keep });
	SITE_WAIT(w->site, a.ended && b.ended);
	assert_true(a.complete && b.complete);
	assert_int_equal(connections_made(w), 2);
	/* An answer that is broken off takes its connection along. */
	begin_with(w, &c, (struct http_fetch_config){ .path = "/v1/words", .content_max = 9, .keep = keep });
	SITE_WAIT(w->site, c.ended);
	assert_false(c.complete);
	fetch_words(w, keep, "/v1/words");
	assert_int_equal(connections_made(w), 3);
	http_keep_drop(keep);
	fetch_words(w, keep, "/v1/words");
	assert_int_equal(connections_made(w), 4);
	http_keep_free(keep);
}

static void a_kept_connection_may_be_gone(void **state)
{
	struct world *w = *state;
	struct http_keep *keep = http_keep_new();
	struct watcher last = { 0 };
	fetch_words(w, keep, "/v1/words");
	/* Another server is there, which our side does not know yet when it asks. */
	http_server_free(w->server);
	start_server(w);
	fetch_words(w, keep, "/v1/words");
	assert_int_equal(connections_made(w), 1);
	/* There is none at all: that is said, and not tried for ever. */
	http_server_free(w->server);
	w->server = NULL;
	begin_with(w, &last, (struct http_fetch_config){ .path = "/v1/words", .keep = keep });
	SITE_WAIT(w->site, last.ended);
	assert_false(last.complete);
	/* Elsewhere it is not taken. */
	w->address.sin_port = 0;
	start_server(w);
	fetch_words(w, keep, "/v1/words");
	http_keep_free(keep);
}

int main(void)
{
#define feed_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		feed_test(events_arrive_in_order),
		feed_test(too_many_are_refused),
		feed_test(a_slow_one_is_cut_off),
		feed_test(all_together_are_bounded),
		feed_test(an_answer_is_bounded),
		feed_test(silence_ends_a_subscription),
		feed_test(one_connection_serves_many),
		feed_test(a_kept_connection_may_be_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
