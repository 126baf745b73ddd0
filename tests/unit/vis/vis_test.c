/* SPDX-License-Identifier: ISC */
/* A whole vis in one process: files come into the watched folder, a subscriber hears of it, a reader sees it.
 */
#include "base/file.h"
#include "ipc/ipc.h"
#include "net/stream.h"
#include "tests/unit/test.h"
#include "vis/loader.h"
#include "vuln/asked.h"
#include "vuln/vuln.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_S 10
#define KILL_ROUNDS 12
#define KILL_FILES 20
#define GIVING_FILES 1000

struct heard {
	uint64_t hello, generation;
	size_t messages;
	bool all;
	char packages[256];
	size_t listed;
	char listed_url[256];
};

struct fixture {
	char root[64], data[96], watch[96], source[96], socket[96];
	struct source_config *spec;
	struct vis_config config;
	struct event_base *base;
	struct vis *vis;
	struct stream *subscriber;
	uint64_t knows;
	struct heard heard;
};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	strcpy(f->root, "vis-test-XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	snprintf(f->data, sizeof(f->data), "%s/index", f->root);
	snprintf(f->watch, sizeof(f->watch), "%s/published", f->root);
	snprintf(f->source, sizeof(f->source), "%s/source", f->root);
	snprintf(f->socket, sizeof(f->socket), "%s/vis.sock", f->root);
	mkdir(f->watch, 0755);
	mkdir(f->source, 0755);
	f->config = (struct vis_config){
		.data = f->data, .socket = f->socket, .watch = f->watch, .check_ms = 100000
	};
	f->spec = source_config_of_spec(f->source);
	f->config.sources[0] = f->spec;
	f->config.n_sources = 1;
	f->base = event_base_new();
	*state = f;
	return 0;
}

static void start(struct fixture *f)
{
	struct error err;
	if (vis_open(f->base, &f->config, &f->vis, &err) < 0)
		fail_msg("%s", err.text);
	while (vis_is_loading(f->vis))
		event_base_loop(f->base, EVLOOP_ONCE);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	f->subscriber = stream_free(f->subscriber);
	vis_close(f->vis);
	source_config_free(f->spec);
	event_base_free(f->base);
	nftw(f->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void hear(struct heard *h, const struct ipc_message *m)
{
	h->messages++;
	if (m->number == IPC_HELLO) {
		h->hello = ((const struct ipc_hello *)m->body)->generation;
		return;
	}
	if (m->number == IPC_LISTED) {
		const struct ipc_listed *l = m->body;
		h->listed = l->n_sources;
		for (size_t i = 0; i < l->n_sources; i++)
			snprintf(h->listed_url, sizeof(h->listed_url), "%s %s", l->sources[i].url,
			        l->sources[i].source);
		return;
	}
	assert_int_equal(m->number, IPC_ADVISORIES);
	const struct ipc_advisories *a = m->body;
	h->generation = a->generation;
	h->all = a->all;
	h->packages[0] = '\0';
	for (size_t i = 0; i < a->n_changed; i++)
		snprintf(h->packages + strlen(h->packages), sizeof(h->packages) - strlen(h->packages),
		        "%s %s;", a->changed[i].ecosystem, a->changed[i].package);
}

static size_t on_data(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	struct fixture *f = user;
	size_t size;
	struct ipc_message m;
	if (ipc_frame_size(data, length, IPC_FRAME_MAX, &size) <= 0 || size > length)
		return 0;
	assert_int_equal(ipc_decode(data, size, &m, NULL), 0);
	hear(&f->heard, &m);
	ipc_message_clear(&m);
	event_base_loopbreak(f->base);
	return size;
}

static void on_open(struct stream *s, const struct identity *peer, void *user)
{
	struct fixture *f = user;
	struct writer w = wr_make(4096);
	const struct ipc_hello hello = {
		.role = (char *)"server", .version = IPC_VERSION, .generation = f->knows
	};
	assert_int_equal(ipc_encode(&w, IPC_HELLO, &hello, NULL), 0);
	stream_write(s, w.data, w.length);
	wr_free(&w);
}

static void on_close(struct stream *s, const char *reason, void *user)
{
	((struct fixture *)user)->subscriber = NULL;
}

static const struct stream_handlers handlers = {
	.on_open = on_open, .on_data = on_data, .on_close = on_close
};

/* Turns the loop until one more message has come. */
static void wait_message(struct fixture *f)
{
	size_t before = f->heard.messages;
	time_ms end = clock_monotonic_ms() + WAIT_S * 1000;
	const struct timeval step = { 0, 100000 };
	while (f->heard.messages == before && clock_monotonic_ms() < end) {
		event_base_loopexit(f->base, &step);
		event_base_dispatch(f->base);
	}
	assert_int_equal(f->heard.messages, before + 1);
}

static void subscribe(struct fixture *f, uint64_t knows)
{
	struct error err;
	f->knows = knows;
	if (stream_connect_unix(
	            f->base, f->socket, &STREAM_LIMITS_DEFAULT, &handlers, f, &f->subscriber, &err) < 0)
		fail_msg("%s", err.text);
	wait_message(f);
}

static void publish(const char *folder, const char *file, const char *id, const char *package)
{
	char path[256], json[512];
	struct error err;
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	snprintf(json, sizeof(json),
	        "{\"id\":\"%s\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":\"Debian:12\","
	        "\"name\":\"%s\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"}]}]}]"
	        "}",
	        id, package);
	if (file_replace(path, json, strlen(json), 0644, &err) < 0)
		fail_msg("%s", err.text);
}

static size_t count(struct fixture *f)
{
	struct vuln_index *index;
	assert_int_equal(vuln_index_open(f->data, &index, NULL), 0);
	size_t n = vuln_index_count(index);
	vuln_index_close(index);
	return n;
}

static void a_published_file_is_told(void **state)
{
	struct fixture *f = *state;
	start(f);
	subscribe(f, 0);
	assert_int_equal(f->heard.hello, 0);
	publish(f->watch, "a.json", "A-1", "openssl");
	wait_message(f);
	assert_int_equal(f->heard.generation, 1);
	assert_false(f->heard.all);
	assert_string_equal(f->heard.packages, "Debian:12 openssl;");
	publish(f->watch, "a.json", "A-1", "zlib");
	wait_message(f);
	assert_int_equal(f->heard.generation, 2);
	assert_string_equal(f->heard.packages, "Debian:12 openssl;Debian:12 zlib;");
	char path[256];
	snprintf(path, sizeof(path), "%s/a.json", f->watch);
	assert_int_equal(unlink(path), 0);
	wait_message(f);
	assert_string_equal(f->heard.packages, "Debian:12 zlib;");
	assert_int_equal(count(f), 0);
}

static void what_happened_meanwhile_is_caught_up(void **state)
{
	struct fixture *f = *state;
	publish(f->watch, "a.json", "A-1", "p");
	publish(f->watch, "b.json", "A-2", "p");
	publish(f->source, "c.json", "C-1", "p");
	start(f);
	assert_int_equal(count(f), 3);
	f->vis = vis_close(f->vis);
	char path[256];
	snprintf(path, sizeof(path), "%s/a.json", f->watch);
	assert_int_equal(unlink(path), 0);
	start(f);
	assert_int_equal(count(f), 2);
	subscribe(f, 1);
	wait_message(f);
	assert_true(f->heard.all);
	assert_true(f->heard.generation > 1);
}

static void a_source_that_is_no_longer_named_goes(void **state)
{
	struct fixture *f = *state;
	publish(f->watch, "a.json", "A-1", "p");
	publish(f->source, "c.json", "C-1", "p");
	start(f);
	assert_int_equal(count(f), 2);
	f->vis = vis_close(f->vis);
	f->config.n_sources = 0;
	start(f);
	assert_int_equal(count(f), 1);
	f->vis = vis_close(f->vis);
	f->config.watch = NULL;
	start(f);
	assert_int_equal(count(f), 0);
}

static void a_changed_source_is_loaded_again(void **state)
{
	struct fixture *f = *state;
	publish(f->source, "c.json", "C-1", "p");
	start(f);
	subscribe(f, 1);
	publish(f->source, "d.json", "C-2", "q");
	vis_check(f->vis);
	wait_message(f);
	assert_string_equal(f->heard.packages, "Debian:12 q;");
	assert_int_equal(count(f), 2);
}

static void turn_until_loaded(struct fixture *f)
{
	while (vis_is_loading(f->vis))
		event_base_loop(f->base, EVLOOP_ONCE);
}

/* The administrator says where, a node's need says when; and once it was needed it stays. */
static void a_source_on_demand(void **state)
{
	struct fixture *f = *state;
	static char name[] = "Debian:12";
	struct ipc_package_key keys[] = { { .ecosystem = (char *)"Alpine:v3.18", .package = (char *)"" },
		{ .ecosystem = name, .package = (char *)"" } };
	publish(f->source, "c.json", "C-1", "p");
	f->spec->on_demand = true;
	f->spec->ecosystems = (struct config_list){ xcalloc(1, sizeof(char *)), 1 };
	f->spec->ecosystems.items[0] = xstrdup(name);
	start(f);
	assert_int_equal(count(f), 0);
	subscribe(f, 0);
	struct writer w = wr_make(4096);
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) { /* two messages that come together */
		const struct ipc_wanted wanted = { .ecosystems = &keys[i], .n_ecosystems = 1 };
		assert_int_equal(ipc_encode(&w, IPC_WANTED, &wanted, NULL), 0);
	}
	stream_write(f->subscriber, w.data, w.length);
	wr_free(&w);
	wait_message(f);
	turn_until_loaded(f);
	assert_int_equal(count(f), 1);
	f->subscriber = stream_free(f->subscriber);
	f->vis = vis_close(f->vis);
	publish(f->source, "d.json", "C-2", "q");
	start(f);
	assert_int_equal(count(f), 2);
}

/* Of all that nodes name the list's own is loaded, is told, and is loaded again by the next vis, though it
 * never came; what is no URL in its form is counted and goes no further. */
static void a_source_that_nodes_name(void **state)
{
	struct fixture *f = *state;
	struct vuln_asked asked = { 0 };
	struct error err;
	struct ipc_named_source sources[] = { { (char *)"http://127.0.0.1:1/feed.json", 3 },
		{ (char *)"http://127.0.0.1:1/other.json", 2 },
		{ (char *)"http://127.0.0.1:1/x/../feed.json", 1 }, { (char *)"file:///etc/passwd", 1 } };
	const struct ipc_named named = { .sources = sources, .n_sources = ARRAY_LENGTH(sources) };
	free(f->spec->from);
	f->spec->from = xstrdup("http://127.0.0.1:1/%66eed.json");
	f->spec->on_demand = true;
	start(f);
	assert_int_equal(vis_loads(f->vis)->loads, 0);
	subscribe(f, 0);
	struct writer w = wr_make(4096);
	assert_int_equal(ipc_encode(&w, IPC_NAMED, &named, NULL), 0);
	stream_write(f->subscriber, w.data, w.length);
	wr_free(&w);
	wait_message(f);
	assert_int_equal(f->heard.listed, 1);
	assert_int_equal(strncmp(f->heard.listed_url, "http://127.0.0.1:1/feed.json ", 29), 0);
	turn_until_loaded(f);
	assert_int_equal(vis_loads(f->vis)->loads, 1);
	assert_int_equal(vuln_asked_read(f->data, &asked, &err), 0);
	assert_int_equal(asked.n_sources, 1);
	assert_int_equal(asked.n_urls, 2);
	assert_string_equal(asked.urls[0].source, f->spec->named.name);
	assert_null(asked.urls[1].source);
	assert_int_equal(asked.urls[1].nodes, 2);
	vuln_asked_clear(&asked);
	f->subscriber = stream_free(f->subscriber);
	f->vis = vis_close(f->vis);
	start(f);
	assert_int_equal(vis_loads(f->vis)->loads, 1);
}

/* The parent of a process, and whether it has this name; 0 where it has gone. */
static pid_t parent_of(pid_t pid, const char *name, bool *ret_named)
{
	char path[64], *text FREE_ON_EXIT = NULL, *own FREE_ON_EXIT = xasprintf("(%s)", name);
	size_t length;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read(path, 4096, &text, &length, NULL) < 0 || !strrchr(text, ')'))
		return 0;
	*ret_named = strstr(text, own) != NULL;
	return (pid_t)strtol(strrchr(text, ')') + strlen(") S "), NULL, 10);
}

/* The process that loads, where there is one: a grandchild of ours. */
static pid_t find_load(void)
{
	DIR *proc = opendir("/proc");
	pid_t found = 0;
	for (struct dirent *e; (e = readdir(proc));) {
		bool named = false, ignored;
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		pid_t parent = pid > 0 ? parent_of(pid, "vis-load", &named) : 0;
		if (named && parent > 0 && parent_of(parent, "", &ignored) == getpid())
			found = pid;
	}
	closedir(proc);
	return found;
}

/* A load that dies takes nothing along: the loop serves, the index stands, and it is begun again. */
/* What is published while a load commits is in the index before it, and nothing of either is lost. */
static void a_load_gives_way(void **state)
{
	struct fixture *f = *state;
	const struct timeval step = { 0, 2000 };
	const time_ms end = clock_monotonic_ms() + 60000;
	char file[32], id[32];
	size_t published = 0;
	struct error err;
	for (int i = 0; i < GIVING_FILES; i++) {
		snprintf(file, sizeof(file), "c%d.json", i);
		snprintf(id, sizeof(id), "C-%d", i);
		publish(f->source, file, id, id);
	}
	if (vis_open(f->base, &f->config, &f->vis, &err) < 0)
		fail_msg("%s", err.text);
	while (vis_loads(f->vis)->given_way == 0 && clock_monotonic_ms() < end) {
		snprintf(file, sizeof(file), "a%zu.json", published);
		snprintf(id, sizeof(id), "A-%zu", published++);
		publish(f->watch, file, id, "openssl");
		event_base_loopexit(f->base, &step);
		event_base_dispatch(f->base);
	}
	assert_true(vis_loads(f->vis)->given_way > 0);
	assert_true(vis_is_loading(f->vis));
	/* The load is not in it; and the last ones may be on their way. */
	assert_in_range(count(f), 1, published);
	while (vis_is_loading(f->vis) && clock_monotonic_ms() < end)
		event_base_loop(f->base, EVLOOP_ONCE);
	while (count(f) < published + GIVING_FILES && clock_monotonic_ms() < end) {
		event_base_loopexit(f->base, &step);
		event_base_dispatch(f->base);
	}
	assert_int_equal(count(f), published + GIVING_FILES);
	assert_int_equal(vis_loads(f->vis)->failures, 0);
}

static void a_load_may_crash(void **state)
{
	struct fixture *f = *state;
	struct error err;
	for (int i = 0; i < 3000; i++) {
		char *path FREE_ON_EXIT = xasprintf("%s/%d.json", f->source, i);
		FILE *out = fopen(path, "w");
		assert_non_null(out);
		fprintf(out, "{\"id\":\"C-%d\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[]}", i);
		fclose(out);
	}
	if (vis_open(f->base, &f->config, &f->vis, &err) < 0)
		fail_msg("%s", err.text);
	for (time_ms end = clock_monotonic_ms() + WAIT_S * 1000;
	        vis_loads(f->vis)->crashes == 0 && clock_monotonic_ms() < end;) {
		pid_t load = find_load();
		if (load > 0)
			kill(load, SIGKILL);
		if (!vis_is_loading(f->vis)) { /* it was quicker than us */
			publish(f->source, "more.json", "C-more", "p");
			vis_check(f->vis);
		}
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	}
	assert_true(vis_loads(f->vis)->crashes > 0);
	vis_check(f->vis);
	while (vis_is_loading(f->vis))
		event_base_loop(f->base, EVLOOP_ONCE);
	assert_true(count(f) >= 3000);
}

static void a_malformed_file_changes_nothing(void **state)
{
	struct fixture *f = *state;
	char path[256];
	start(f);
	subscribe(f, 0);
	publish(f->watch, "a.json", "A-1", "p");
	wait_message(f);
	snprintf(path, sizeof(path), "%s/a.json", f->watch);
	assert_int_equal(file_replace(path, "{", 1, 0644, NULL), 0);
	publish(f->watch, "b.json", "A-2", "q");
	wait_message(f);
	assert_string_equal(f->heard.packages, "Debian:12 q;");
	assert_int_equal(count(f), 2);
}

static int keep_source(const struct vuln_match *m, void *context)
{
	snprintf(context, 64, "%s", m->source);
	return 0;
}

/* The source of what matches a package of the folder's records. */
static void matches_from(struct fixture *f, const char *want)
{
	struct vuln_index *index;
	char source[64] = "";
	struct posture *p = posture_new();
	struct posture_package one = { "deb", "openssl", "1.0-1", "amd64", "openssl", "1.0-1" };
	p->os_id = "debian";
	p->os_version = "12";
	assert_int_equal(posture_add_package(p, &one), 0);
	assert_int_equal(vuln_index_open(f->data, &index, NULL), 0);
	assert_int_equal(vuln_match_posture(index, p, keep_source, source, NULL, NULL), 0);
	assert_string_equal(source, want);
	vuln_index_close(index);
	posture_free(p);
}

/* An emergency is told by the name of its file, which only those choose who may publish. */
static void emergencies_are_a_source(void **state)
{
	struct fixture *f = *state;
	char path[256];
	start(f);
	subscribe(f, 0);
	publish(f->watch, "A-1.json", "A-1", "openssl");
	wait_message(f);
	matches_from(f, "published");
	publish(f->watch, "A-1.emergency.json", "A-1", "openssl");
	wait_message(f);
	snprintf(path, sizeof(path), "%s/A-1.json", f->watch);
	assert_int_equal(unlink(path), 0);
	wait_message(f);
	matches_from(f, "emergency");
	f->vis = vis_close(f->vis);
	start(f); /* nothing of it is forgotten or taken for another source's */
	matches_from(f, "emergency");
	f->vis = vis_close(f->vis);
	snprintf(path, sizeof(path), "%s/A-1.emergency.json", f->watch);
	assert_int_equal(unlink(path), 0);
	start(f);
	assert_int_equal(count(f), 0);
}

static void a_stranger_is_sent_away(void **state)
{
	struct fixture *f = *state;
	start(f);
	subscribe(f, 0);
	stream_write(f->subscriber, "GET / HTTP/1.0\r\n\r\n", 18);
	const struct timeval step = { 0, 100000 };
	for (time_ms end = clock_monotonic_ms() + WAIT_S * 1000;
	        f->subscriber && clock_monotonic_ms() < end;) {
		event_base_loopexit(f->base, &step);
		event_base_dispatch(f->base);
	}
	assert_null(f->subscriber);
}

/* A vis in a process of its own, which is killed at some moment of its work. */
static pid_t start_process(struct fixture *f)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	struct event_base *base = event_base_new();
	struct vis *vis;
	struct error err;
	if (vis_open(base, &f->config, &vis, &err) == 0)
		event_base_dispatch(base);
	_exit(1);
}

static void killed_at_any_time_nothing_is_lost(void **state)
{
	struct fixture *f = *state;
	size_t n = 0, removed = 0;
	for (int round = 0; round < KILL_ROUNDS; round++) {
		pid_t pid = start_process(f);
		for (int i = 0; i < KILL_FILES; i++, n++) {
			char file[32], id[32], path[160];
			snprintf(file, sizeof(file), "%zu.json", n);
			snprintf(id, sizeof(id), "A-%zu", n);
			publish(f->watch, file, id, n % 2 ? "p" : "q");
			if (n % 5 == 4) {
				snprintf(path, sizeof(path), "%s/%zu.json", f->watch, n - 2);
				assert_int_equal(unlink(path), 0);
				removed++;
			}
			usleep(500);
		}
		usleep((useconds_t)(round * 1500));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	start(f);
	assert_int_equal(count(f), n - removed);
}

int main(void)
{
#define WITH_VIS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_VIS(a_published_file_is_told),
		WITH_VIS(what_happened_meanwhile_is_caught_up),
		WITH_VIS(a_source_that_is_no_longer_named_goes),
		WITH_VIS(a_changed_source_is_loaded_again),
		WITH_VIS(a_load_may_crash),
		WITH_VIS(a_load_gives_way),
		WITH_VIS(a_source_on_demand),
		WITH_VIS(a_source_that_nodes_name),
		WITH_VIS(a_malformed_file_changes_nothing),
		WITH_VIS(emergencies_are_a_source),
		WITH_VIS(a_stranger_is_sent_away),
		WITH_VIS(killed_at_any_time_nothing_is_lost),
	};
	return cmocka_run_group_tests_name("vis", tests, NULL, NULL);
}
