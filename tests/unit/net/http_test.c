/* SPDX-License-Identifier: ISC */
/* The HTTP server: byte scripts over a Unix socket in the loop, and our own client from a thread. */
#include "net/http.h"
#include "net/http_client.h"
#include "tests/unit/net/thread.h"

#include <unistd.h>

struct world {
	struct site *site;
	char *path;
	struct http_server *server;
	struct tls_context *server_tls, *client_tls;
	struct http_request *waiting; /* to be answered later */
	struct event *ticker;
	unsigned ticks, gone, released;
	/* the raw client */
	struct stream *raw;
	char received[65536];
	size_t n_received;
	bool closed;
};

static void answer_hello(struct http_request *r, void *user)
{
	char limit[8] = "";
	(void)http_request_query(r, "limit", limit, sizeof(limit));
	uid_t uid = 0;
	const struct identity *peer = http_request_peer(r);
	http_reply_json(r, 200,
	        json_pack("{s:s, s:s, s:s, s:b}", "node", http_request_parameter(r, "name"), "limit", limit,
	                "peer", peer ? peer->name : "", "local", http_request_user(r, &uid) == 0));
}

static void answer_echo(struct http_request *r, void *user)
{
	json_t *json = http_request_json(r);
	if (json)
		http_reply_json(r, 201, json);
}

static void count_gone(void *user)
{
	struct world *w = user;
	w->gone++;
	w->waiting = NULL;
	if (w->ticker)
		event_del(w->ticker);
}

static void answer_later(struct http_request *r, void *user)
{
	struct world *w = user;
	w->waiting = r;
	http_request_on_gone(r, count_gone, w);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct world *w = arg;
	char line[32];
	int n = snprintf(line, sizeof(line), "{\"tick\":%u}\n", w->ticks++);
	if (http_reply_write(w->waiting, line, (size_t)n) == 0 && w->ticks == 5) {
		http_reply_end(w->waiting);
		event_del(w->ticker);
	}
}

static void answer_in_pieces(struct http_request *r, void *user)
{
	struct world *w = user;
	const struct timeval every = { 0, 10000 };
	w->waiting = r;
	http_request_on_gone(r, count_gone, w);
	http_reply_begin(r, 200, "application/x-ndjson");
	event_add(w->ticker, &every);
}

static void answer_much(struct http_request *r, void *user)
{
	static char much[1 << 20];
	memset(much, 'x', sizeof(much));
	http_reply(r, 200, "text/plain", much, sizeof(much));
}

static void count_release(void *user)
{
	((struct world *)user)->released++;
}

/* As much of a text as the request says, never copied. */
static void answer_shared(struct http_request *r, void *user)
{
	static char text[100000];
	char length[16] = "";
	(void)http_request_query(r, "length", length, sizeof(length));
	memset(text, 'y', sizeof(text));
	http_reply_shared(r, 200, "text/plain", text, strtoul(length, NULL, 10), count_release, user);
}

/* Fields that an answer may set, and a HEAD that is told what a GET would be. */
static void answer_tagged(struct http_request *r, void *user)
{
	http_reply_field(r, "Cache-Control", "no-cache");
	http_reply_field(r, "ETag", "\"1\"");
	if (http_request_field(r, "If-None-Match"))
		http_reply(r, 304, NULL, NULL, 0);
	else
		http_reply(r, 200, "text/plain", "the body", 8);
}

static const struct http_route routes[] = {
	{ "GET", "/v1/tagged", answer_tagged, 0, 0 },
	{ "HEAD", "/v1/tagged", answer_tagged, 0, 0 },
	{ "GET", "/v1/nodes/{name}", answer_hello, TLS_ROLE(ROLE_NODE), 0 },
	{ "POST", "/v1/echo", answer_echo, 0, 1000 },
	{ "GET", "/v1/later", answer_later, 0, 0 },
	{ "GET", "/v1/events", answer_in_pieces, 0, 0 },
	{ "GET", "/v1/shared", answer_shared, 0, 0 },
	{ "HEAD", "/v1/shared", answer_shared, 0, 0 },
	{ "GET", "/v1/much", answer_much, HTTP_ANONYMOUS, 0 },
};

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	w->site = site_make();
	w->path = site_file(w->site, "api", "sock");
	w->ticker = event_new(w->site->base, -1, EV_PERSIST, on_tick, w);
	const struct tls_config optional = {
		.server = true, .peer_roles = TLS_ROLES_ALL, .peer_certificate_optional = true
	};
	assert_int_equal(site_context_with(w->site, optional, "srv", &w->server_tls, NULL), 0);
	assert_int_equal(http_server_new(w->site->base, &w->server), 0);
	assert_int_equal(http_server_add_routes(w->server, routes, ARRAY_LENGTH(routes), w), 0);
	struct listener_config c = {
		.path = w->path, .mode = 0600, .connections_max = 10, .handshakes_max = 10
	};
	assert_int_equal(http_server_listen(w->server, &c, NULL), 0);
	c = (struct listener_config){
		.tls = w->server_tls, .connections_max = 10, .source_max = 10, .handshakes_max = 10
	};
	*(struct sockaddr_in *)&c.address =
	        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(http_server_listen(w->server, &c, NULL), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	stream_free(w->raw);
	http_server_free(w->server);
	event_free(w->ticker);
	tls_context_free(w->server_tls);
	tls_context_free(w->client_tls);
	site_free(w->site);
	free(w->path);
	free(w);
	return 0;
}

static size_t raw_data(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	struct world *w = user;
	size_t n = MIN(length, sizeof(w->received) - 1 - w->n_received);
	memcpy(w->received + w->n_received, data, n);
	w->n_received += n;
	w->received[w->n_received] = '\0';
	return length;
}

static void raw_open(struct stream *s, const struct identity *peer, void *user)
{
}

static void raw_close(struct stream *s, const char *reason, void *user)
{
	((struct world *)user)->raw = NULL;
	((struct world *)user)->closed = true;
}

static const struct stream_handlers raw_handlers = { raw_open, raw_data, NULL, raw_close };

/* Sends text on a new connection; what comes back gathers where the result points to. */
static const char *converse(struct world *w, const char *text)
{
	stream_free(w->raw);
	w->n_received = 0;
	w->received[0] = '\0';
	w->closed = false;
	assert_int_equal(stream_connect_unix(w->site->base, w->path, &STREAM_LIMITS_DEFAULT, &raw_handlers, w,
	                         &w->raw, NULL),
	        0);
	assert_int_equal(stream_write(w->raw, text, strlen(text)), 0);
	return w->received;
}

static void expect(struct world *w, const char *text, const char *const *wanted)
{
	const char *got = converse(w, text);
	time_ms end = clock_monotonic_ms() + 10000;
	for (; *wanted; wanted++) {
		while (!strstr(got, *wanted) && clock_monotonic_ms() < end)
			site_run_for(w->site, 2);
		if (!strstr(got, *wanted))
			fail_msg("%s\n--- lacks \"%s\":\n%s", text, *wanted, got);
	}
}
#define EXPECT(w, text, ...) expect(w, text, (const char *const[]){ __VA_ARGS__, NULL })

static void routes_are_found(void **state)
{
	struct world *w = *state;
	EXPECT(w, "GET /v1/nodes/a%2db?limit=5 HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n",
	        "Content-Type: application/json\r\n", "\"node\":\"a-b\"", "\"limit\":\"5\"", "\"local\":true",
	        "Date: ");
	assert_false(w->closed);
	EXPECT(w, "GET /v1/nodes/ HTTP/1.1\r\nHost: x\r\n\r\n", " 404 ", "{\"error\":");
	EXPECT(w, "GET /v1/nodes/a/b HTTP/1.1\r\nHost: x\r\n\r\n", " 404 ");
	EXPECT(w, "GET /v1/nodes/a%2fb HTTP/1.1\r\nHost: x\r\n\r\n", " 400 ");
	EXPECT(w, "GET /v1/nodes/a%00b HTTP/1.1\r\nHost: x\r\n\r\n", " 400 ");
	EXPECT(w, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", " 404 ");
	EXPECT(w, "DELETE /v1/echo HTTP/1.1\r\nHost: x\r\n\r\n", " 405 ", "Allow: POST\r\n");
	EXPECT(w, "nonsense\r\n\r\n", " 400 ", "Connection: close");
	SITE_WAIT(w->site, w->closed);
}

static void heads_have_no_body(void **state)
{
	struct world *w = *state;
	EXPECT(w, "GET /v1/tagged HTTP/1.1\r\nHost: x\r\n\r\n", " 200 ", "Cache-Control: no-cache\r\n",
	        "the body");
	assert_null(strstr(w->received, "no-store"));
	EXPECT(w,
	        "HEAD /v1/tagged HTTP/1.1\r\nHost: x\r\n\r\n"
	        "GET /v1/tagged HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"1\"\r\nConnection: close\r\n\r\n",
	        " 200 OK\r\n", "Content-Length: 8\r\n", " 304 Not Modified\r\n");
	SITE_WAIT(w->site, w->closed);
	assert_null(strstr(w->received, "the body"));
	const char *unchanged = strstr(w->received, " 304 ");
	assert_null(strstr(unchanged, "Content-Length"));
	assert_non_null(strstr(unchanged, "ETag: \"1\"\r\n"));
	EXPECT(w, "HEAD /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n", " 404 ");
	SITE_WAIT(w->site, w->closed);
	assert_null(strstr(w->received, "error"));
}

/* What is shared is given back once, whatever became of the answer. */
static void shared_answers_are_released(void **state)
{
	static const char *const lengths[] = { "0", "1", "2047", "2048", "60000" };
	struct world *w = *state;
	for (unsigned i = 0; i < ARRAY_LENGTH(lengths); i++) {
		char *request FREE_ON_EXIT =
		        xasprintf("GET /v1/shared?length=%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		                lengths[i]);
		converse(w, request);
		SITE_WAIT(w->site, w->closed && w->released == i + 1);
		const char *body = strstr(w->received, "\r\n\r\n");
		assert_non_null(body);
		assert_int_equal(strspn(body + 4, "y"), strtoul(lengths[i], NULL, 10));
		assert_int_equal(strlen(body + 4), strtoul(lengths[i], NULL, 10));
	}
	w->released = 0;
	converse(w, "HEAD /v1/shared?length=60000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	SITE_WAIT(w->site, w->closed && w->released == 1);
	assert_non_null(strstr(w->received, "Content-Length: 60000\r\n"));
	/* One that is too large. */
	EXPECT(w, "GET /v1/shared?length=99999999 HTTP/1.1\r\nHost: x\r\n\r\n", " 500 ");
	assert_int_equal(w->released, 2);
}

static json_t *make_other_error(int status, const char *text)
{
	return json_pack("{s:i, s:s}", "code", status, "message", text);
}

static void failures_have_the_form_of_the_api(void **state)
{
	struct world *w = *state;
	http_server_set_error_form(w->server, make_other_error);
	EXPECT(w, "GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n", " 404 ", "{\"code\":404,\"message\":\"");
	EXPECT(w, "nonsense\r\n\r\n", " 400 ", "{\"code\":400,");
}

/* What all connections hold together: one that begins a body takes the room of another. */
static void memory_is_bounded(void **state)
{
	struct world *w = *state;
	http_server_set_memory(w->server, 1000);
	EXPECT(w, "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\nExpect: 100-continue\r\n\r\n",
	        " 100 ");
	struct stream *first = TAKE_POINTER(w->raw);
	EXPECT(w, "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n", " 503 ",
	        "Retry-After: ", "Connection: close");
	assert_int_equal(http_server_busy(w->server), 1);
	EXPECT(w, "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{\"a\":1}", " 201 ");
	stream_free(first);
	const time_ms end = clock_monotonic_ms() + 10000;
	do
		EXPECT(w,
		        "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\nExpect: "
		        "100-continue\r\n\r\n",
		        "HTTP/1.1 ");
	while (strstr(w->received, " 503 ") && clock_monotonic_ms() < end);
	assert_non_null(strstr(w->received, " 100 "));
}

static void bodies_are_bounded(void **state)
{
	struct world *w = *state;
	EXPECT(w, "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{\"a\":1}", " 201 ",
	        "{\"a\":1}");
	EXPECT(w, "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n[1,2,3]", " 400 ",
	        "not a JSON object");
	EXPECT(w, "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{\"a\":1,\"a\":2}", " 400 ",
	        "duplicate");
	EXPECT(w, "POST /v1/echo HTTP/1.1\r\nHost: x\r\n\r\n", " 400 ");
	EXPECT(w, "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n{", " 413 ",
	        "Connection: close");
	assert_true(w->closed);
	EXPECT(w, "GET /v1/later HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", " 413 ");
	EXPECT(w, "POST /v1/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", " 501 ");
	char *long_head FREE_ON_EXIT = xasprintf("GET / HTTP/1.1\r\nHost: %0*d", HTTP_HEAD_MAX, 1);
	EXPECT(w, long_head, " 431 ");
	EXPECT(w, "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n",
	        "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(stream_write(w->raw, "{\"b\":2}", 7), 0);
	SITE_WAIT(w->site, strstr(w->received, "{\"b\":2}"));
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct world *w = *state;
	const char *got = converse(w,
	        "GET /v1/nodes/one HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /v1/later HTTP/1.1\r\nHost: x\r\n\r\n"
	        "GET /v1/nodes/two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	SITE_WAIT(w->site, w->waiting && strstr(got, "\"one\""));
	site_run_for(w->site, 20);
	assert_null(strstr(got, "\"two\""));
	http_reply_json(w->waiting, 202, json_object());
	SITE_WAIT(w->site, w->closed);
	assert_non_null(strstr(got, " 202 "));
	assert_non_null(strstr(strstr(got, " 202 "), "\"two\""));
	assert_int_equal(w->gone, 0);
}

static void a_client_that_goes_is_noticed(void **state)
{
	struct world *w = *state;
	converse(w, "GET /v1/later HTTP/1.1\r\nHost: x\r\n\r\n");
	SITE_WAIT(w->site, w->waiting);
	w->raw = stream_free(w->raw);
	SITE_WAIT(w->site, w->gone == 1);
	converse(w, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
	SITE_WAIT(w->site, w->waiting);
	w->raw = stream_free(w->raw);
	SITE_WAIT(w->site, w->gone == 2);
}

static void what_floods_during_an_answer_is_cut_off(void **state)
{
	struct world *w = *state;
	converse(w, "GET /v1/later HTTP/1.1\r\nHost: x\r\n\r\n");
	SITE_WAIT(w->site, w->waiting);
	static char flood[100000];
	(void)stream_write(w->raw, flood, sizeof(flood));
	SITE_WAIT(w->site, w->closed && w->gone == 1);
}

static void answers_come_in_pieces(void **state)
{
	struct world *w = *state;
	converse(w, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
	SITE_WAIT(w->site, strstr(w->received, "b\r\n{\"tick\":4}\n\r\n0\r\n\r\n"));
	assert_non_null(strstr(w->received, "Transfer-Encoding: chunked\r\n"));
	assert_false(w->closed);
	w->ticks = 0;
	converse(w, "GET /v1/events HTTP/1.0\r\n\r\n");
	SITE_WAIT(w->site, w->closed);
	assert_null(strstr(w->received, "chunked"));
	assert_non_null(strstr(w->received, "\r\n\r\n{\"tick\":0}\n{\"tick\":1}\n"));
}

/* Our own client, in a thread of its own. */

struct job {
	struct world *world;
	const struct http_call *call;
	struct http_answer answer;
	struct error err;
	int result;
	unsigned lines;
	bool follow;
	char last[64];
};

static int on_line(const char *line, void *user)
{
	struct job *job = user;
	snprintf(job->last, sizeof(job->last), "%s", line);
	job->lines++;
	return 0;
}

static int run_job(void *user, struct error *err)
{
	struct job *job = user;
	return job->follow ? http_follow(job->call, on_line, job, err)
	                   : http_call(job->call, &job->answer, err);
}

static void run(struct job *job)
{
	struct thread_job thread = { .run = run_job, .user = job };
	job->result = thread_call(job->world->site, &thread);
	job->err = thread.err;
}

static void the_client_reads_answers(void **state)
{
	struct world *w = *state;
	const struct http_call call = { .unix_path = w->path, .method = "GET", .path = "/v1/much" };
	struct job job = { .world = w, .call = &call };
	run(&job);
	assert_int_equal(job.result, 0);
	assert_int_equal(job.answer.status, 200);
	assert_int_equal(job.answer.body_length, 1 << 20);
	assert_int_equal(job.answer.body[1 << 20], '\0');
	http_answer_clear(&job.answer);
	const struct http_call events = { .unix_path = w->path, .method = "GET", .path = "/v1/events" };
	struct job follow = { .world = w, .call = &events, .follow = true };
	run(&follow);
	assert_int_equal(follow.result, 0);
	assert_int_equal(follow.lines, 5);
	assert_string_equal(follow.last, "{\"tick\":4}");
	const struct http_call none = { .unix_path = w->path, .method = "GET", .path = "/none" };
	struct job missing = { .world = w, .call = &none, .follow = true };
	run(&missing);
	assert_int_equal(missing.result, -ENOENT);
	assert_string_equal(missing.err.text, "there is nothing at this path");
}

static void the_client_does_not_wait_for_ever(void **state)
{
	struct world *w = *state;
	const struct http_call call = {
		.unix_path = w->path, .method = "GET", .path = "/v1/later", .timeout_ms = 100
	};
	struct job job = { .world = w, .call = &call };
	run(&job);
	assert_int_equal(job.result, -ETIMEDOUT);
	struct http_call nowhere = { .unix_path = "/nonexistent/socket", .method = "GET", .path = "/" };
	struct job lost = { .world = w, .call = &nowhere };
	run(&lost);
	assert_int_equal(lost.result, -ENOENT);
	assert_non_null(strstr(lost.err.text, "cannot connect"));
}

static void roles_decide_over_tls(void **state)
{
	struct world *w = *state;
	struct endpoint e = { .host = "127.0.0.1" };
	assert_int_equal(listener_port(http_server_listener(w->server, 1), &e.port), 0);
	struct http_call call = { .endpoint = &e, .method = "GET", .path = "/v1/nodes/x" };
	/* As alice, a node. */
	w->client_tls = site_context(w->site, false, "alice", TLS_ROLE(ROLE_SERVER));
	call.tls = w->client_tls;
	struct job alice = { .world = w, .call = &call };
	run(&alice);
	assert_int_equal(alice.result, 0);
	assert_int_equal(alice.answer.status, 200);
	assert_non_null(strstr(alice.answer.body, "\"peer\":\"alice\""));
	assert_non_null(strstr(alice.answer.body, "\"local\":false"));
	http_answer_clear(&alice.answer);
	/* What is for Unix sockets only. */
	call.path = "/v1/later";
	struct job local = { .world = w, .call = &call };
	run(&local);
	assert_int_equal(local.answer.status, 403);
	http_answer_clear(&local.answer);
	/* Without a certificate. */
	struct tls_context *anonymous = site_context(w->site, false, NULL, TLS_ROLE(ROLE_SERVER));
	call.tls = anonymous;
	call.path = "/v1/nodes/x";
	struct job nobody = { .world = w, .call = &call };
	run(&nobody);
	assert_int_equal(nobody.answer.status, 403);
	http_answer_clear(&nobody.answer);
	call.path = "/v1/much";
	struct job everybody = { .world = w, .call = &call };
	run(&everybody);
	assert_int_equal(everybody.answer.status, 200);
	assert_int_equal(everybody.answer.body_length, 1 << 20);
	http_answer_clear(&everybody.answer);
	/* A server by another name. */
	call.expected_name = "other";
	struct job fooled = { .world = w, .call = &call };
	run(&fooled);
	assert_int_equal(fooled.result, -EPROTO);
	assert_non_null(strstr(fooled.err.text, "of srv, not of other"));
	tls_context_free(anonymous);
}

static void ask_for_much(struct stream *s, const struct identity *peer, void *user)
{
	static const char request[] = "GET /v1/much HTTP/1.1\r\nHost: x\r\n\r\n";
	for (int i = 0; i < 60; i++)
		assert_int_equal(stream_write(s, request, sizeof(request) - 1), 0);
}

static size_t read_no_more(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	stream_pause(s);
	return length;
}

static void forget_stream(struct stream *s, const char *reason, void *user)
{
	*(struct stream **)user = NULL;
}

/* One who asks for more than he reads, less than there is, holds his share; and others are answered. */
static void one_client_has_not_all_of_the_memory(void **state)
{
	static const struct stream_handlers greedy = { ask_for_much, read_no_more, NULL, forget_stream };
	struct world *w = *state;
	struct endpoint e = { .host = "127.0.0.1" };
	struct tls_target target = { .expected_name = "srv" };
	struct sockaddr_in *address = (struct sockaddr_in *)&target.address;
	struct tls_context *anonymous = site_context(w->site, false, NULL, TLS_ROLE(ROLE_SERVER));
	struct stream *s = NULL;
	assert_int_equal(listener_port(http_server_listener(w->server, 1), &e.port), 0);
	*address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(e.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	http_server_set_memory(w->server, 64 << 20);
	assert_int_equal(
	        tls_connect(w->site->base, anonymous, &target, &STREAM_LIMITS_DEFAULT, &greedy, &s, &s, NULL),
	        0);
	SITE_WAIT(w->site, http_server_busy(w->server) == 1);
	w->client_tls = site_context(w->site, false, "alice", TLS_ROLE(ROLE_SERVER));
	const struct http_call call = {
		.endpoint = &e, .tls = w->client_tls, .method = "GET", .path = "/v1/nodes/x"
	};
	struct job alice = { .world = w, .call = &call };
	run(&alice);
	assert_int_equal(alice.result, 0);
	assert_int_equal(alice.answer.status, 200);
	http_answer_clear(&alice.answer);
	stream_free(s);
	tls_context_free(anonymous);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(routes_are_found),
		world_test(heads_have_no_body),
		world_test(shared_answers_are_released),
		world_test(failures_have_the_form_of_the_api),
		world_test(memory_is_bounded),
		world_test(one_client_has_not_all_of_the_memory),
		world_test(bodies_are_bounded),
		world_test(pipelined_requests_are_answered_in_order),
		world_test(a_client_that_goes_is_noticed),
		world_test(what_floods_during_an_answer_is_cut_off),
		world_test(answers_come_in_pieces),
		world_test(the_client_reads_answers),
		world_test(the_client_does_not_wait_for_ever),
		world_test(roles_decide_over_tls),
	};
	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
