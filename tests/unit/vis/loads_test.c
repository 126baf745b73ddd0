/* SPDX-License-Identifier: ISC */
/* Loads of sources beside the loop: they die, give way to what is for now, and are not given way for ever. */
#include "tests/unit/vis/publisher.h"
#include "tests/unit/vis/vis_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define GIVING_FILES 1000
#define CRASH_FILES 2000
#define WAY_MS 100
#define TURNS_S 60

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

/* The process that loads, where there is one: a grandchild of ours, of the first loader or of the last. */
static pid_t find_load(bool last)
{
	DIR *proc = opendir("/proc");
	pid_t found = 0, loader = 0;
	for (struct dirent *e; (e = readdir(proc));) {
		bool named = false, ignored;
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		pid_t parent = pid > 0 ? parent_of(pid, "vis-load", &named) : 0;
		if (!named || parent <= 0 || parent_of(parent, "", &ignored) != getpid() ||
		        (found && (parent > loader) != last))
			continue;
		found = pid;
		loader = parent;
	}
	closedir(proc);
	return found;
}

/* Into a source before it is loaded: nothing has to be on the disk. */
static void put_file(const char *folder, int number, const char *id, const char *package)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%d.json", folder, number);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fprintf(out,
	        "{\"id\":\"%s\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":\"Debian:12\",\"name\":\"%s\"},\"versions\":[\"1\"]}]}",
	        id, package);
	fclose(out);
}

static void fill_source(struct fixture *f, int n)
{
	for (int i = 0; i < n; i++) {
		char *id FREE_ON_EXIT = xasprintf("C-%d", i);
		put_file(f->source, i, id, id);
	}
}

/* What is published while a load commits is in the index before it, and nothing of either is lost. */
static void a_load_gives_way(void **state)
{
	struct fixture *f = *state;
	const struct timeval step = { 0, 2000 };
	const time_ms end = clock_monotonic_ms() + 60000;
	char file[32], id[32];
	size_t published = 0;
	struct error err;
	fill_source(f, GIVING_FILES);
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

/* A load that dies takes nothing along: the loop serves, the index stands, and it is begun again. */
static void a_load_may_crash(void **state)
{
	struct fixture *f = *state;
	struct error err;
	fill_source(f, CRASH_FILES);
	if (vis_open(f->base, &f->config, &f->vis, &err) < 0)
		fail_msg("%s", err.text);
	for (time_ms end = clock_monotonic_ms() + WAIT_S * 1000;
	        vis_loads(f->vis)->crashes == 0 && clock_monotonic_ms() < end;) {
		pid_t load = find_load(false);
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
	assert_true(count(f) >= CRASH_FILES);
}

/* A commit that no LOADED tells of, as if it were a load's own: what is known of a whole ecosystem, which is
 * no record and no package. */
static void commit_untold(struct fixture *f)
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct vuln_update *u;
		struct vuln_update_result result;
		struct error err;
		int r = vuln_update_open(f->data, &u, &err);
		if (r == 0) {
			vuln_update_cover(u, "source", INDEX_BY_ADVISORY, "Debian:12");
			r = vuln_update_commit(u, clock_wall_ms(), NULL, NULL, &result, &err);
		}
		_exit(r != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void the_next_look_tells_what_nobody_told(void **state)
{
	struct fixture *f = *state;
	publish(f->source, "a.json", "A-1", "openssl");
	start(f);
	subscribe(f, 1);
	commit_untold(f);
	vis_check(f->vis); /* nothing is new in the source itself */
	wait_message(f);
	assert_int_equal(f->heard.generation, 2);
	assert_true(f->heard.all);
}

/* What it had committed before it could say so is found by the index's own generation. */
static void what_a_dead_load_committed_is_told(void **state)
{
	struct fixture *f = *state;
	const struct timeval step = { 0, 2000 };
	const time_ms end = clock_monotonic_ms() + TURNS_S * 1000;
	f->config.n_sources = 0;
	start(f);
	publish(f->watch, "a.json", "A-1", "openssl");
	subscribe(f, 0);
	wait_message(f);
	f->subscriber = stream_free(f->subscriber);
	f->vis = vis_close(f->vis);
	f->config.n_sources = 1;
	fill_source(f, CRASH_FILES);
	assert_int_equal(vis_open(f->base, &f->config, &f->vis, NULL), 0);
	subscribe(f, 1);
	pid_t load;
	while ((load = find_load(false)) == 0 && clock_monotonic_ms() < end)
		continue;
	assert_true(load > 0);
	assert_int_equal(kill(load, SIGKILL), 0);
	commit_untold(f);
	while (f->heard.generation < 2 && clock_monotonic_ms() < end) {
		event_base_loopexit(f->base, &step);
		event_base_dispatch(f->base);
	}
	assert_int_equal(vis_loads(f->vis)->crashes, 1);
	assert_int_equal(f->heard.generation, 2);
	assert_true(f->heard.all);
}

/* A child of ours that waits for loads; 0: there is none. */
static pid_t find_loader(void)
{
	DIR *proc = opendir("/proc");
	pid_t found = 0;
	for (struct dirent *e; (e = readdir(proc));) {
		bool named = false;
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (pid > 0 && parent_of(pid, "vis-loader", &named) == getpid() && named)
			found = pid;
	}
	closedir(proc);
	return found;
}

/* With one the other goes on; without any vis ends, and is started again by who started it. */
static void without_loaders_it_ends(void **state)
{
	struct fixture *f = *state;
	const time_ms end = clock_monotonic_ms() + TURNS_S * 1000;
	start(f);
	for (int i = 0; i < LOADERS; i++) {
		pid_t loader = find_loader();
		assert_true(loader > 0);
		assert_false(vis_is_broken(f->vis));
		assert_int_equal(kill(loader, SIGKILL), 0);
		assert_int_equal(waitpid(loader, NULL, 0), loader);
		while (i + 1 < LOADERS && count(f) == 0) {
			assert_true(clock_monotonic_ms() < end);
			publish(f->source, "a.json", "A-1", "openssl");
			vis_check(f->vis);
			turn_until_loaded(f);
		}
	}
	while (!vis_is_broken(f->vis) && clock_monotonic_ms() < end)
		event_base_loop(f->base, EVLOOP_ONCE);
	assert_true(vis_is_broken(f->vis));
}

/* ---- who goes first ---- */

struct crowd {
	time_ms until;
	size_t asked;
};

static int ask_in_crowd(const struct load_job *job, void *crowd_)
{
	struct crowd *crowd = crowd_;
	crowd->asked++;
	return clock_monotonic_ms() < crowd->until ? 0 : -ECONNRESET;
}

/* There is always somebody, and never longer than it takes to say so. */
static bool hurry_in_crowd(int wait_ms, void *crowd)
{
	return true;
}

static void a_load_insists_at_last(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd = { .until = clock_monotonic_ms() + TURNS_S * 1000 };
	const struct load_job job = { &f->config, 0, 0, ask_in_crowd, hurry_in_crowd, &crowd, WAY_MS };
	struct ipc_loaded loaded;
	fill_source(f, 100); /* more than it writes before it looks */
	load_job_run(&job, &loaded);
	assert_null(loaded.failure);
	assert_int_equal(loaded.put, 100);
	assert_true(crowd.asked > 2); /* it gave way, and waited */
	load_job_clear(&loaded);
}

/* Whom the index was taken from comes behind another one that is ready: as long as something is published
 * all the time, that is the one that gets on. */
static void loads_take_turns(void **state)
{
	struct fixture *f = *state;
	const struct timeval step = { 0, 2000 };
	const time_ms end = clock_monotonic_ms() + TURNS_S * 1000;
	char file[32], id[32], other[96];
	struct error err;
	snprintf(other, sizeof(other), "%s/other", f->root);
	mkdir(other, 0755);
	fill_source(f, GIVING_FILES);
	for (int i = 0; i < GIVING_FILES; i++)
		put_file(other, i, "D-1", "other");
	struct source_config *spec = source_config_of_spec(other);
	f->config.sources[f->config.n_sources++] = spec;
	if (vis_open(f->base, &f->config, &f->vis, &err) < 0)
		fail_msg("%s", err.text);
	pid_t second;
	while ((second = find_load(true)) == 0 || second == find_load(false))
		assert_true(clock_monotonic_ms() < end);
	assert_int_equal(kill(second, SIGSTOP), 0);
	subscribe(f, 0);
	bool told = false;
	for (size_t n = 0; !told && clock_monotonic_ms() < end; n++) {
		snprintf(file, sizeof(file), "a%zu.json", n);
		snprintf(id, sizeof(id), "A-%zu", n);
		publish(f->watch, file, id, "openssl");
		if (vis_loads(f->vis)->given_way > 0)
			(void)kill(second, SIGCONT);
		event_base_loopexit(f->base, &step);
		event_base_dispatch(f->base);
		told = strstr(f->heard.packages, "Debian:12 other;") != NULL;
	}
	assert_true(told);
	assert_true(vis_loads(f->vis)->given_way > 0);
	f->subscriber = stream_free(f->subscriber);
	f->vis = vis_close(f->vis);
	source_config_free(spec);
}

/* ---- a repository ---- */

static void a_repository_without_news_is_unchanged(void **state)
{
	struct fixture *f = *state;
	struct publishing p;
	struct ipc_loaded loaded;
	publisher_begin(&p, "central");
	(void)publisher_put(&p, "DSA-1", "Debian:12", "1.0");
	char *text FREE_ON_EXIT = xasprintf("central=repository:%s#%s/1.root.json", p.dir, p.dir);
	struct source_config *spec = source_config_of_spec(text);
	f->config.sources[0] = spec;
	char *state_dir FREE_ON_EXIT = xasprintf("%s/repositories", f->root);
	mkdir(state_dir, 0755);
	f->config.cache = f->root;
	const struct load_job job = { &f->config, 0, 0, NULL, NULL, NULL, 0 };
	load_job_run(&job, &loaded);
	if (loaded.failure)
		fail_msg("%s", loaded.failure);
	assert_int_equal(loaded.put, 1);
	assert_false(loaded.unchanged);
	load_job_clear(&loaded);
	load_job_run(&job, &loaded);
	assert_null(loaded.failure);
	assert_true(loaded.unchanged);
	load_job_clear(&loaded);
	source_config_free(spec);
	publisher_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_VIS(a_load_may_crash),
		WITH_VIS(a_load_gives_way),
		WITH_VIS(what_a_dead_load_committed_is_told),
		WITH_VIS(the_next_look_tells_what_nobody_told),
		WITH_VIS(without_loaders_it_ends),
		WITH_VIS(a_load_insists_at_last),
		WITH_VIS(loads_take_turns),
		WITH_VIS(a_repository_without_news_is_unchanged),
	};
	return cmocka_run_group_tests_name("vis-loads", tests, NULL, NULL);
}
