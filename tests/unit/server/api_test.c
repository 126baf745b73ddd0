/* SPDX-License-Identifier: ISC */
/* The API over a real Unix socket: the server's loop runs in a child, the test is the client. */
#include "net/http_client.h"
#include "server/named.h"
#include "server/server.h"
#include "tests/unit/server/site_bed.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char socket_path[128];
static pid_t server_pid;

/* What main.c has in the program. */
int server_reload_policy(struct server *s, struct error *err)
{
	return error_set(err, -EINVAL, "policy:1:1: a test");
}

int server_open_tls(
        struct server *s, unsigned roles, bool anonymous, struct tls_context **ret, struct error *err)
{
	return -ENOTSUP;
}

int server_read_address(const char *text, uint16_t port, struct sockaddr_storage *ret, struct error *err)
{
	return -ENOTSUP;
}

static void on_place(void *context, struct site_attachment *a, bool urgent)
{
}

static void on_attachment(void *context, struct site_attachment *a)
{
}

static void on_event(void *context, const struct store_event *e)
{
	api_event(context, e);
}

static void on_work(void *context)
{
}

static void admit_bob(struct bed *b, time_ms now)
{
	const struct mac_address mac = { { 2, 0, 0, 0, 6, 0x32 } };
	const uint8_t thumbprint[32] = { 0xb0 };
	struct site_outcome o;
	if (!policy_brake(b->site->policy))
		return;
	struct site_node *bob = site_see_node(b->site, "bob", thumbprint, "0b", now);
	struct site_attachment *a = site_see_attachment(b->site, "gw", "p3", &mac, now);
	a->present = true;
	b->index.n_matches = 0;
	b->index.generation++;
	site_take_posture(
	        b->site, bob, site_posture_new(b->site->catalogue, bed_posture("openssl")), true, now);
	site_judge(b->site, bob, a, "inspection", NULL, now, &o);
	site_outcome_clear(&o);
	bed_commit(b);
	b->index.n_matches = 1;
	b->index.generation++;
	site_judge_again(b->site, bob, "advisories", now);
	bed_commit(b);
}

/* Alice is isolated because of one advisory; carol is nobody knows where; a printer is there without an
 * agent.
 */
static void furnish(struct server *s, struct bed *b)
{
	struct site_outcome o;
	const time_ms now = clock_wall_ms();
	s->store = b->store;
	s->site = b->site;
	b->site->context = s;
	b->site->effects = (struct site_effects){ on_place, on_attachment, on_attachment, on_event, on_work };
	b->index.matches = &bed_hole;
	b->index.n_matches = 1;
	bed_inspect(b, now, &o);
	site_outcome_clear(&o);
	bed_commit(b);
	admit_bob(b, now);
	site_see_attachment(b->site, "gw", "p2", &(struct mac_address){ { 2, 0, 0, 0, 6, 0x31 } }, now)
	        ->present = true;
	site_see_node(b->site, "carol", b->alice->thumbprint, "0c", now)->inspected = now;
}

/* The vulnerability index of the bed is a script: what the status asks of it beside. */
size_t vuln_index_count(struct vuln_index *index)
{
	return index->n_matches;
}

int vuln_index_open(const char *dir, struct vuln_index **ret, struct error *err)
{
	return error_set(err, -ENOENT, "no index");
}

static void serve(struct bed *b, int ready)
{
	struct server s = { 0 };
	struct error err = { "" };
	alarm(60);
	if (options_load(NULL, NULL, &s.options, &err) < 0)
		_exit(2);
	free(s.options.socket);
	s.options.socket = xstrdup(socket_path);
	free(s.options.user);
	s.options.user = xstrdup("");
	s.base = event_base_new();
	s.started = clock_wall_ms();
	strcpy(s.identity.name, "srv");
	furnish(&s, b);
	if (api_start(&s, &err) < 0 || turn_start(&s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		_exit(2);
	}
	if (write(ready, "r", 1) != 1)
		_exit(2);
	event_base_dispatch(s.base);
	_exit(3);
}

static int set_up(void **state, const char *policy)
{
	int ready[2];
	char byte;
	if (bed_setup(state) < 0 || pipe(ready) < 0)
		return -1;
	struct bed *b = *state;
	if (policy)
		site_set_policy(b->site, bed_policy(policy), clock_wall_ms());
	snprintf(socket_path, sizeof(socket_path), "%s/api.sock", b->dir);
	server_pid = fork();
	if (server_pid == 0)
		serve(b, ready[1]);
	close(ready[1]);
	int code = read(ready[0], &byte, 1) == 1 ? 0 : -1;
	close(ready[0]);
	return code;
}

static int setup(void **state)
{
	return set_up(state, NULL);
}

static int setup_with_brake(void **state)
{
	return set_up(state,
	        "define server { address 2001:db8::2 tcp 271 }\n"
	        "segment quarantine default { allow to server }\n"
	        "segment isolated { allow to server }\n"
	        "segment staff level 2 { allow to any }\n"
	        "require patched { no advisory }\n"
	        "admit to staff when patched\n"
	        "otherwise isolated\n"
	        "brake demotions above 0 nodes per 5 min\n"
	        "waive advisory \"X\" for any until 2096-01-31 by \"ops\" because \"y\"\n"
	        "inspect every 30 min certificate lifetime 45 min\n");
}

static int teardown(void **state)
{
	kill(server_pid, SIGKILL);
	waitpid(server_pid, NULL, 0);
	unlink(socket_path);
	return bed_teardown(state);
}

static json_t *call(const char *method, const char *path, const char *body)
{
	struct error err = { "" };
	char *answer = NULL;
	size_t length;
	if (http_unix_call(socket_path, method, path, body, &answer, &length, &err) < 0)
		fail_msg("%s %s: %s", method, path, err.text);
	json_t *j = json_loadb(answer, length, 0, NULL);
	assert_non_null(j);
	free(answer);
	return j;
}

static void refused(const char *method, const char *path, const char *body, int status, const char *words)
{
	struct http_answer answer = { 0 };
	struct error err = { "" };
	struct http_call c = { .unix_path = socket_path, .method = method, .path = path };
	if (body) {
		c.content_type = "application/json";
		c.body = body;
		c.body_length = strlen(body);
	}
	if (http_call(&c, &answer, &err) < 0)
		fail_msg("%s", err.text);
	if (answer.status != status || !strstr(answer.body, words))
		fail_msg("%s %s: %d %s", method, path, answer.status, answer.body);
	http_answer_clear(&answer);
}

static const char *text_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));
	return s ? s : "";
}

static void test_socket_mode(void **state)
{
	struct stat st;
	assert_int_equal(stat(socket_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void test_status(void **state)
{
	json_t *j = call("GET", "/v1/status", NULL), *segments = json_object_get(j, "segments");
	assert_string_equal(text_of(j, "name"), "srv");
	assert_string_equal(text_of(j, "version"), PRATIQUE_VERSION);
	assert_int_equal(json_array_size(segments), 3);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(segments, 0), "attachments")), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(segments, 1), "attachments")), 1);
	assert_true(json_is_true(json_object_get(json_object_get(j, "advisories"), "available")));
	assert_int_equal(
	        json_integer_value(json_object_get(json_object_get(j, "counters"), "judgements")), 1);
	size_t i, found = 0;
	json_t *limit;
	json_array_foreach(json_object_get(j, "limits"), i, limit)
		found += strcmp(text_of(limit, "name"), "named_sources") == 0 &&
		        json_integer_value(json_object_get(limit, "limit")) == NAMED_MAX;
	assert_int_equal(found, 1);
	json_decref(j);
}

static json_t *find_node(const json_t *j, const char *name)
{
	size_t i;
	json_t *node;
	json_array_foreach(json_object_get(j, "nodes"), i, node)
		if (strcmp(text_of(node, "name"), name) == 0)
			return node;
	fail_msg("no node %s", name);
	return NULL;
}

static void test_nodes(void **state)
{
	json_t *j = call("GET", "/v1/nodes", NULL), *node = find_node(j, "alice");
	assert_int_equal(json_array_size(json_object_get(j, "nodes")), 2);
	assert_string_equal(text_of(node, "name"), "alice");
	assert_string_equal(text_of(node, "role"), "employee");
	assert_string_equal(text_of(node, "state"), "not compliant");
	assert_string_equal(text_of(node, "segment"), "isolated");
	assert_string_equal(text_of(find_node(j, "carol"), "state"), "not placed");
	assert_string_equal(text_of(find_node(j, "carol"), "segment"), "quarantine");
	json_t *printer = json_array_get(json_object_get(j, "agentless"), 0);
	assert_string_equal(text_of(printer, "mac"), "02:00:00:00:06:31");
	assert_string_equal(text_of(printer, "state"), "not inspected");
	assert_string_equal(text_of(printer, "segment"), "quarantine");
	json_decref(j);
	j = call("GET", "/v1/attachments", NULL);
	assert_int_equal(json_array_size(json_object_get(j, "attachments")), 2);
	json_decref(j);
}

/* One at a time: each once, in order, and then no more. */
static void test_pages(void **state)
{
	static const char *const keys[] = { "node alice", "node carol", NULL };
	char *path = xstrdup("/v1/nodes?limit=1");
	size_t nodes = 0, agentless = 0;
	for (size_t i = 0; i < 3; i++) {
		json_t *j = call("GET", path, NULL);
		const json_t *next = json_object_get(j, "next");
		nodes += json_array_size(json_object_get(j, "nodes"));
		agentless += json_array_size(json_object_get(j, "agentless"));
		assert_int_equal(nodes + agentless, i + 1);
		free(path);
		path = NULL;
		if (keys[i])
			assert_string_equal(json_string_value(next), keys[i]);
		else
			assert_true(json_is_null(next));
		if (keys[i])
			path = xasprintf("/v1/nodes?limit=1&after=node%%20%s", keys[i] + 5);
		json_decref(j);
	}
	assert_int_equal(nodes, 2);
	assert_int_equal(agentless, 1);
	json_t *j = call("GET", "/v1/attachments?limit=1", NULL);
	assert_int_equal(json_array_size(json_object_get(j, "attachments")), 1);
	assert_true(strncmp(text_of(j, "next"), "place gw ", 9) == 0);
	json_decref(j);
	refused("GET", "/v1/nodes?limit=0", NULL, 400, "limit is a number");
	refused("GET", "/v1/nodes?limit=10001", NULL, 400, "limit is a number");
}

static void test_one_node_with_findings(void **state)
{
	json_t *j = call("GET", "/v1/nodes/alice", NULL), *decision = json_object_get(j, "decision");
	json_t *finding = json_array_get(json_object_get(decision, "findings"), 0);
	assert_string_equal(text_of(decision, "cause"), "inspection");
	assert_string_equal(text_of(decision, "rule"), "otherwise isolated");
	assert_string_equal(text_of(finding, "package"), "openssl");
	assert_string_equal(text_of(finding, "installed"), "1.0-1");
	assert_string_equal(text_of(finding, "fixed"), "1.0-2");
	assert_string_equal(text_of(finding, "advisory"), "DSA-1");
	json_decref(j);
	refused("GET", "/v1/nodes/bob", NULL, 404, "no node is called bob");
}

static void test_decisions(void **state)
{
	json_t *j = call("GET", "/v1/decisions?node=alice&limit=5", NULL);
	json_t *one = json_array_get(json_object_get(j, "decisions"), 0);
	assert_int_equal(json_array_size(json_object_get(j, "decisions")), 1);
	assert_non_null(json_object_get(one, "findings"));
	json_decref(j);
	j = call("GET", "/v1/decisions", NULL);
	one = json_array_get(json_object_get(j, "decisions"), 0);
	assert_string_equal(text_of(one, "node"), "alice");
	assert_null(json_object_get(one, "findings"));
	json_decref(j);
	refused("GET", "/v1/decisions?limit=0", NULL, 400, "limit is a number");
	refused("GET", "/v1/decisions?limit=1x", NULL, 400, "limit is a number");
}

static void test_orders(void **state)
{
	refused("POST", "/v1/nodes/alice/inspect", NULL, 409, "not connected");
	refused("POST", "/v1/nodes/bob/inspect", NULL, 404, "bob");
	refused("POST", "/v1/nodes/bob/revoke", "{}", 404, "bob");
	refused("POST", "/v1/reload", NULL, 422, "the old policy stays in force: policy:1:1: a test");
	json_t *j = call("POST", "/v1/nodes/alice/revoke", "{\"reason\":\"a test\"}");
	assert_string_equal(text_of(j, "node"), "alice");
	json_decref(j);
	j = call("GET", "/v1/nodes/alice", NULL);
	assert_string_equal(text_of(j, "state"), "revoked");
	assert_string_equal(text_of(j, "segment"), "quarantine");
	assert_string_equal(text_of(j, "revoked_reason"), "a test");
	json_decref(j);
	/* cut to 255 bytes in the middle of its last character */
	char *body FREE_ON_EXIT = xasprintf("{\"reason\":\"%254s\xc3\xa9\"}", "long");
	json_decref(call("POST", "/v1/nodes/alice/revoke", body));
	j = call("GET", "/v1/nodes/alice", NULL);
	assert_non_null(strstr(text_of(j, "revoked_reason"), "long?"));
	json_decref(j);
}

static void test_tokens(void **state)
{
	refused("POST", "/v1/tokens", "{\"name\":\"bob\"}", 400, "does not enrol"); /* no CA here */
	refused("POST", "/v1/tokens", "not json", 400, "");
	refused("POST", "/v1/tokens", "[]", 400, "");
}

/* ---- events ---- */

struct lines {
	int n;
	char last[1024];
};

static int take_line(const char *line, void *context)
{
	struct lines *l = context;
	l->n++;
	snprintf(l->last, sizeof(l->last), "%s", line);
	return strstr(line, "\"revocation\"") ? 1 : 0;
}

static void test_events(void **state)
{
	struct lines l = { 0 };
	struct error err = { "" };
	struct http_call c = { .unix_path = socket_path, .method = "GET", .path = "/v1/events?limit=10" };
	assert_int_equal(http_follow(&c, take_line, &l, &err), 0);
	assert_int_equal(l.n, 1);
	assert_non_null(strstr(l.last, "quarantine -> isolated by inspection"));
	refused("GET", "/v1/events?follow=2", NULL, 400, "follow is a number");
}

/* ---- audit ---- */

static int keep_line(const char *line, void *context)
{
	struct lines *l = context;
	l->n++;
	snprintf(l->last, sizeof(l->last), "%s", line);
	return 0;
}

static void audit(const char *path, struct lines *l)
{
	struct error err = { "" };
	struct http_call c = { .unix_path = socket_path, .method = "GET", .path = path };
	*l = (struct lines){ 0 };
	if (http_follow(&c, keep_line, l, &err) < 0)
		fail_msg("%s", err.text);
}

/* Bob was admitted, and an advisory came: the brake, which lets nobody go, holds him. */
static void test_brake(void **state)
{
	struct lines l;
	json_t *j = call("GET", "/v1/brake", NULL), *held = json_object_get(j, "held"),
	       *first = json_array_get(held, 0);
	assert_true(json_is_true(json_object_get(j, "in_policy")));
	assert_int_equal(json_integer_value(json_object_get(j, "nodes")), 0);
	assert_int_equal(json_array_size(held), 1);
	assert_string_equal(text_of(first, "node"), "bob");
	assert_string_equal(text_of(first, "segment"), "staff");
	assert_string_equal(text_of(first, "would_be"), "isolated");
	assert_string_equal(text_of(first, "kept_by"), "brake");
	assert_string_equal(text_of(first, "cause"), "advisories");
	json_decref(j);
	j = call("GET", "/v1/nodes/bob", NULL);
	assert_string_equal(text_of(j, "state"), "not compliant");
	assert_string_equal(text_of(j, "segment"), "staff");
	assert_string_equal(
	        text_of(json_array_get(json_object_get(j, "attachments"), 0), "would_be"), "isolated");
	assert_string_equal(text_of(json_object_get(j, "decision"), "would_be"), "isolated");
	assert_string_equal(text_of(json_object_get(j, "decision"), "kept_by"), "brake");
	json_decref(j);
	j = call("GET", "/v1/status", NULL);
	assert_int_equal(json_integer_value(json_object_get(j, "held")), 1);
	json_t *waiver = json_array_get(json_object_get(json_object_get(j, "policy"), "waivers"), 0);
	assert_string_equal(text_of(waiver, "what"), "advisory X for any");
	assert_string_equal(text_of(waiver, "state"), "in force");
	json_decref(j);
	refused("POST", "/v1/brake/release", "{\"node\":\"dave\"}", 404, "dave");
	refused("POST", "/v1/brake/release", "{\"node\":7}", 404, "that");
	j = call("POST", "/v1/brake/discard", "{\"node\":\"bob\"}");
	assert_int_equal(json_integer_value(json_object_get(j, "attachments")), 1);
	json_decref(j);
	j = call("GET", "/v1/nodes/bob", NULL);
	assert_string_equal(
	        text_of(json_array_get(json_object_get(j, "attachments"), 0), "kept_by"), "dismissed");
	json_decref(j);
	json_decref(call("POST", "/v1/brake/release", "{}"));
	j = call("GET", "/v1/brake", NULL);
	first = json_array_get(json_object_get(j, "held"), 0);
	assert_true(json_is_true(json_object_get(first, "released"))); /* on_work() above judges nobody */
	char who[64];
	snprintf(who, sizeof(who), "user %u", (unsigned)geteuid());
	assert_string_equal(text_of(first, "ordered_by"), who);
	json_decref(j);
	audit("/v1/audit", &l);
	j = json_loads(l.last, 0, NULL);
	assert_string_equal(text_of(j, "action"), "brake release");
	assert_string_equal(text_of(j, "who"), who);
	json_decref(j);
}

static void test_audit(void **state)
{
	struct lines l;
	char who[64];
	audit("/v1/audit", &l);
	assert_int_equal(l.n, 0);
	json_decref(call("POST", "/v1/nodes/alice/revoke", "{\"reason\":\"stolen\"}"));
	refused("POST", "/v1/nodes/alice/inspect", NULL, 409, "not connected");
	audit("/v1/audit?limit=2", &l);
	assert_int_equal(l.n, 2);
	json_t *j = json_loads(l.last, 0, NULL);
	assert_string_equal(text_of(j, "action"), "inspect");
	assert_string_equal(text_of(j, "result"), "not connected");
	json_decref(j);
	audit("/v1/audit?after=0&limit=1", &l);
	j = json_loads(l.last, 0, NULL);
	snprintf(who, sizeof(who), "user %u", (unsigned)geteuid());
	assert_string_equal(text_of(j, "who"), who);
	assert_string_equal(text_of(j, "origin"), "unix");
	assert_string_equal(text_of(j, "action"), "revoke");
	assert_string_equal(text_of(j, "subject"), "alice");
	assert_string_equal(text_of(j, "result"), "done");
	assert_true(json_is_false(json_object_get(json_object_get(j, "before"), "revoked")));
	assert_string_equal(text_of(json_object_get(j, "after"), "reason"), "stolen");
	json_decref(j);
	audit("/v1/audit?since=2999-01-01", &l);
	assert_int_equal(l.n, 0);
	refused("GET", "/v1/audit?since=soon", NULL, 400, "since is a time");
}

/* The follower hears of what another client orders. */
static void test_events_follow(void **state)
{
	struct lines l = { 0 };
	struct error err = { "" };
	struct http_call c = {
		.unix_path = socket_path, .method = "GET", .path = "/v1/events?limit=0&follow=1"
	};
	pid_t other = fork();
	if (other == 0) {
		char *answer;
		size_t length;
		usleep(200000);
		_exit(http_unix_call(socket_path, "POST", "/v1/nodes/alice/revoke", "{}", &answer, &length,
		              NULL) < 0);
	}
	assert_int_equal(http_follow(&c, take_line, &l, &err), 1);
	assert_int_equal(l.n, 2); /* the placement, and the revocation */
	assert_non_null(strstr(l.last, "no reason given"));
	waitpid(other, NULL, 0);
}

/* With another policy alice would be admitted; asking changes nothing. */
static void test_simulate(void **state)
{
	static const char policy[] = "define server { address 2001:db8::2 tcp 271 }\n"
	                             "segment quarantine default { allow to server }\n"
	                             "segment isolated { allow to server }\n"
	                             "segment staff level 2 { allow to any }\n"
	                             "require patched { no advisory where id != \"DSA-1\" }\n"
	                             "admit to staff when patched\notherwise isolated\n"
	                             "inspect every 30 min certificate lifetime 45 min\n";
	json_t *body = json_pack("{s:s}", "policy", policy);
	char *text FREE_ON_EXIT = json_dumps(body, JSON_COMPACT);
	json_t *j = call("POST", "/v1/simulate", text),
	       *move = json_array_get(json_object_get(j, "moves"), 0),
	       *between = json_array_get(json_object_get(j, "between"), 0);
	assert_int_equal(json_integer_value(json_object_get(j, "nodes")), 1);
	assert_int_equal(json_integer_value(json_object_get(j, "better")), 1);
	assert_int_equal(json_integer_value(json_object_get(j, "worse")), 0);
	assert_string_equal(text_of(between, "from"), "isolated");
	assert_string_equal(text_of(between, "to"), "staff");
	assert_string_equal(text_of(move, "node"), "alice");
	assert_string_equal(text_of(move, "change"), "better");
	json_decref(body);
	json_decref(j);
	j = call("GET", "/v1/nodes/alice", NULL);
	assert_string_equal(text_of(j, "segment"), "isolated");
	json_decref(j);
	refused("POST", "/v1/simulate", "{}", 400, "give advisories, a policy, or both");
	refused("POST", "/v1/simulate", "{\"policy\": 7}", 400, "give advisories");
	refused("POST", "/v1/simulate", "{\"policy\": \"segment\"}", 400, "policy:1:1: the file ends");
	refused("POST", "/v1/simulate", "{\"advisories\": [{}]}", 500, "there is no index");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_socket_mode),
		TEST(test_status),
		TEST(test_nodes),
		TEST(test_pages),
		TEST(test_one_node_with_findings),
		TEST(test_decisions),
		TEST(test_orders),
		TEST(test_tokens),
		TEST(test_events),
		TEST(test_events_follow),
		TEST(test_audit),
		TEST(test_simulate),
		cmocka_unit_test_setup_teardown(test_brake, setup_with_brake, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
