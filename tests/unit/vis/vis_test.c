/* SPDX-License-Identifier: ISC */
/* A whole vis in one process: files come into the watched folder, a subscriber hears of it, a reader sees it.
 */
#include "tests/unit/vis/vis_fixture.h"
#include "vuln/asked.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define KILL_ROUNDS 12
#define KILL_FILES 20

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

/* In the folder and in a source, and at a start, when all is read anew. */
static void a_torn_file_takes_nothing_back(void **state)
{
	struct fixture *f = *state;
	char path[256];
	publish(f->watch, "A-1.json", "A-1", "p");
	publish(f->source, "C-1.json", "C-1", "q");
	start(f);
	assert_int_equal(count(f), 2);
	f->vis = vis_close(f->vis);
	snprintf(path, sizeof(path), "%s/C-1.json", f->source);
	assert_int_equal(truncate(path, 40), 0);
	snprintf(path, sizeof(path), "%s/A-1.json", f->watch);
	assert_int_equal(truncate(path, 40), 0);
	start(f);
	assert_int_equal(count(f), 2);
	/* Its file is gone, of which nothing else was known since the start. */
	assert_int_equal(unlink(path), 0);
	const struct timeval step = { 0, 100000 };
	for (time_ms end = clock_monotonic_ms() + WAIT_S * 1000;
	        count(f) > 1 && clock_monotonic_ms() < end;) {
		event_base_loopexit(f->base, &step);
		event_base_dispatch(f->base);
	}
	assert_int_equal(count(f), 1);
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
	const struct CMUnitTest tests[] = {
		WITH_VIS(a_published_file_is_told),
		WITH_VIS(what_happened_meanwhile_is_caught_up),
		WITH_VIS(a_torn_file_takes_nothing_back),
		WITH_VIS(a_source_that_is_no_longer_named_goes),
		WITH_VIS(a_changed_source_is_loaded_again),
		WITH_VIS(a_source_on_demand),
		WITH_VIS(a_source_that_nodes_name),
		WITH_VIS(a_malformed_file_changes_nothing),
		WITH_VIS(emergencies_are_a_source),
		WITH_VIS(a_stranger_is_sent_away),
		WITH_VIS(killed_at_any_time_nothing_is_lost),
	};
	return cmocka_run_group_tests_name("vis", tests, NULL, NULL);
}
