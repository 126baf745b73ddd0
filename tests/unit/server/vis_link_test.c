/* SPDX-License-Identifier: ISC */
/* The server beside a pratique-vis that listens and says nothing. */
#include "server/server.h"
#include "tests/unit/server/site_bed.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define WANTED 64 /* that the server remembers */

struct vis_bed {
	struct server server;
	struct bed *bed;
	struct sockaddr_un address;
	int listener, peer;
	char said[65536]; /* by the server */
	size_t n_said;
};

/* The bed's index is a script, which no file holds. */
int vuln_index_open(const char *dir, struct vuln_index **ret, struct error *err)
{
	return error_set(err, -1, "there is none");
}

static bool is_connected(struct vis_bed *v)
{
	return vis_is_connected(&v->server);
}

static bool has_seen_all(struct vis_bed *v)
{
	return v->bed->site->moment.generation == v->bed->index.generation;
}

static bool has_asked_for_late_one(struct vis_bed *v)
{
	const ssize_t n = read(v->peer, v->said + v->n_said, sizeof(v->said) - v->n_said);
	v->n_said += n > 0 ? (size_t)n : 0;
	return memmem(v->said, v->n_said, "Alpine:v3.99", 12) != NULL;
}

static void eventually(struct vis_bed *v, bool (*is_so)(struct vis_bed *v))
{
	const time_ms end = clock_monotonic_ms() + PATIENCE_MS;
	while (!is_so(v) && clock_monotonic_ms() < end)
		event_base_loop(v->server.base, EVLOOP_ONCE);
	assert_true(is_so(v));
}

static int setup(void **state)
{
	struct vis_bed *v = xcalloc(1, sizeof(*v));
	void *bed = NULL;
	if (bed_setup(&bed) < 0)
		return -1;
	v->bed = bed;
	v->address.sun_family = AF_UNIX;
	snprintf(v->address.sun_path, sizeof(v->address.sun_path), "%s/vis", v->bed->dir);
	v->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (v->listener < 0 || bind(v->listener, (struct sockaddr *)&v->address, sizeof(v->address)) < 0 ||
	        listen(v->listener, 1) < 0)
		return -1;
	v->server.site = v->bed->site;
	v->server.store = v->bed->store;
	v->server.base = event_base_new();
	v->server.options.index_directory = v->bed->dir;
	v->server.options.vis_socket = v->address.sun_path;
	v->server.options.vis_user = (char *)"";
	snprintf(v->server.identity.name, sizeof(v->server.identity.name), "srv");
	struct error err;
	*state = v;
	if (vis_start(&v->server, &err) < 0)
		return -1;
	eventually(v, is_connected);
	v->peer = accept4(v->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return v->peer < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct vis_bed *v = *state;
	void *bed = v->bed;
	vis_stop(&v->server);
	event_base_free(v->server.base);
	close(v->peer);
	close(v->listener);
	unlink(v->address.sun_path);
	free(v);
	return bed_teardown(&bed);
}

/* An import by the command line, and pratique-vis hangs. */
static void the_index_is_watched_beside_a_silent_vis(void **state)
{
	struct vis_bed *v = *state;
	v->bed->index.generation++;
	assert_false(has_seen_all(v));
	eventually(v, has_seen_all);
	assert_true(vis_is_connected(&v->server));
}

/* Whoever invents releases keeps nobody else's from being asked for. */
static void the_oldest_need_makes_room(void **state)
{
	struct vis_bed *v = *state;
	char name[32];
	const char *needs = name;
	v->bed->index.needs = &needs;
	v->bed->index.n_needs = 1;
	for (unsigned i = 0; i < WANTED; i++) {
		snprintf(name, sizeof(name), "Debian:%u", 100 + i);
		vis_want(&v->server, NULL);
	}
	assert_false(has_asked_for_late_one(v));
	needs = "Alpine:v3.99";
	vis_want(&v->server, NULL);
	eventually(v, has_asked_for_late_one);
	v->bed->index.n_needs = 0;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_index_is_watched_beside_a_silent_vis),
		TEST(the_oldest_need_makes_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
