/* SPDX-License-Identifier: ISC */
/* Listeners and their limits, over loopback TCP and over Unix sockets; hands are shaken by the loop's thread,
 * and by workers. */
#include "net/workers.h"
#include "tests/unit/net/site.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 4

struct world {
	struct site *site;
	struct workers *workers; /* NULL: the loop's thread */
	struct listener *listener;
	struct tls_context *server, *client;
	struct stream *accepted[CLIENTS], *clients[CLIENTS];
	unsigned n_accepted, n_open, n_closed, n_refused, echoed;
	bool all;
	char reason[256];
};

static size_t echo(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	assert_int_equal(stream_write(s, data, length), 0);
	return length;
}

static void forget(struct stream *s, const char *reason, void *user)
{
	struct world *w = user;
	for (unsigned i = 0; i < CLIENTS; i++)
		if (w->accepted[i] == s)
			w->accepted[i] = NULL;
}

static const struct stream_handlers echoing = { .on_data = echo, .on_close = forget };

static void on_stream(struct stream *s, const struct identity *peer, void *user)
{
	struct world *w = user;
	stream_set_handlers(s, &echoing, w);
	w->accepted[w->n_accepted++ % CLIENTS] = s;
}

static void on_refused(const char *peer, const char *reason, void *user)
{
	struct world *w = user;
	w->n_refused++;
	snprintf(w->reason, sizeof(w->reason), "%s: %s", peer, reason);
}

static void client_open(struct stream *s, const struct identity *peer, void *user)
{
	((struct world *)user)->n_open++;
	assert_int_equal(stream_write(s, "ping", 4), 0);
}

static size_t client_data(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	((struct world *)user)->echoed += (unsigned)length;
	return length;
}

static void client_close(struct stream *s, const char *reason, void *user)
{
	struct world *w = user;
	w->n_closed++;
	for (unsigned i = 0; i < CLIENTS; i++)
		if (w->clients[i] == s)
			w->clients[i] = NULL;
}

static const struct stream_handlers client_handlers = { client_open, client_data, NULL, client_close };

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	w->site = site_make();
	w->server = site_context(w->site, true, "srv", TLS_ROLE(ROLE_NODE));
	w->client = site_context(w->site, false, "alice", TLS_ROLE(ROLE_SERVER));
	*state = w;
	return 0;
}

static int setup_with_workers(void **state)
{
	struct error err;
	setup(state);
	struct world *w = *state;
	assert_int_equal(workers_new(w->site->base, &w->workers, &err), 0);
	assert_int_equal(workers_start(w->workers, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < CLIENTS; i++) {
		stream_free(w->clients[i]);
		stream_free(w->accepted[i]);
	}
	listener_free(w->listener);
	tls_context_free(w->server);
	tls_context_free(w->client);
	workers_free(w->workers);
	site_free(w->site);
	free(w);
	return 0;
}

static struct listener_config config_of(struct world *w)
{
	struct listener_config c = { .tls = w->server,
		.connections_max = 100,
		.source_max = 100,
		.handshakes_max = 100,
		.limits = STREAM_LIMITS_DEFAULT,
		.workers = w->workers,
		.on_stream = on_stream,
		.on_refused = on_refused,
		.user = w };
	*(struct sockaddr_in6 *)&c.address =
	        (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	return c;
}

static void connect_clients(struct world *w, unsigned n)
{
	struct tls_target target = { .expected_name = "srv" };
	uint16_t port;
	assert_int_equal(listener_port(w->listener, &port), 0);
	*(struct sockaddr_in6 *)&target.address = (struct sockaddr_in6){
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT
	};
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(tls_connect(w->site->base, w->client, &target, &STREAM_LIMITS_DEFAULT,
		                         &client_handlers, w, &w->clients[i], NULL),
		        0);
	SITE_WAIT(w->site, w->echoed / 4 + w->n_closed >= n);
}

static void streams_come_and_go(void **state)
{
	struct world *w = *state;
	struct listener_config c = config_of(w);
	struct listener_counters counters;
	struct ip_address address;
	char text[IP_TEXT_SIZE];
	assert_int_equal(listener_new(w->site->base, &c, &w->listener, NULL), 0);
	connect_clients(w, CLIENTS);
	assert_int_equal(w->echoed, 4 * CLIENTS);
	listener_get_counters(w->listener, &counters);
	assert_int_equal(counters.open, CLIENTS);
	assert_int_equal(counters.shaking_hands, 0);
	assert_int_equal(counters.accepted, CLIENTS);
	assert_int_equal(stream_peer_address(w->accepted[0], &address, NULL, NULL), 0);
	assert_string_equal(ip_format(&address, text), "::1");
	assert_non_null(strstr(stream_peer_text(w->accepted[0]), "[::1]:"));
	assert_int_equal(stream_peer_user(w->accepted[0], &(uid_t){ 0 }, NULL), -ENOTCONN);
	for (unsigned i = 0; i < CLIENTS; i++)
		stream_close(w->clients[i], "done");
	SITE_WAIT(w->site,
	        w->n_closed == CLIENTS &&
	                (listener_get_counters(w->listener, &counters), counters.open == 0));
}

static void too_many_are_turned_away(void **state)
{
	struct world *w = *state;
	struct listener_config c = config_of(w);
	struct listener_counters counters;
	c.connections_max = 3;
	assert_int_equal(listener_new(w->site->base, &c, &w->listener, NULL), 0);
	connect_clients(w, CLIENTS);
	listener_get_counters(w->listener, &counters);
	assert_int_equal(counters.refused_total, 1);
	assert_int_equal(counters.open, 3);
	assert_int_equal(w->n_closed, 1);
	assert_int_equal(w->echoed, 12);
}

static void one_source_does_not_take_all(void **state)
{
	struct world *w = *state;
	struct listener_config c = config_of(w);
	struct listener_counters counters;
	c.source_max = 2;
	assert_int_equal(listener_new(w->site->base, &c, &w->listener, NULL), 0);
	connect_clients(w, CLIENTS);
	listener_get_counters(w->listener, &counters);
	assert_int_equal(counters.refused_source, 2);
	assert_int_equal(counters.open, 2);
	/* What has gone makes room. */
	for (unsigned i = 0; i < CLIENTS; i++)
		w->clients[i] = stream_free(w->clients[i]);
	SITE_WAIT(w->site, (listener_get_counters(w->listener, &counters), counters.open == 0));
	w->n_closed = w->echoed = 0;
	connect_clients(w, 2);
	assert_int_equal(w->echoed, 8);
}

static void those_that_do_not_shake_hands_are_few(void **state)
{
	struct world *w = *state;
	struct listener_config c = config_of(w);
	struct listener_counters counters;
	uint16_t port;
	int fds[3];
	c.handshakes_max = 2;
	c.limits.handshake_ms = 300;
	assert_int_equal(listener_new(w->site->base, &c, &w->listener, NULL), 0);
	assert_int_equal(listener_port(w->listener, &port), 0);
	const struct sockaddr_in6 to = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT
	};
	for (int i = 0; i < 3; i++) {
		fds[i] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fds[i], (const struct sockaddr *)&to, sizeof(to)), 0);
	}
	SITE_WAIT(w->site, (listener_get_counters(w->listener, &counters), counters.refused_handshakes));
	assert_int_equal(counters.refused_handshakes, 1);
	assert_int_equal(counters.accepted, 3);
	assert_int_equal(counters.shaking_hands, 2);
	/* The oldest made room; and so does the next, for somebody who means it. */
	char byte;
	assert_int_equal(recv(fds[0], &byte, 1, 0), 0);
	connect_clients(w, 1);
	assert_int_equal(w->echoed, 4);
	listener_get_counters(w->listener, &counters);
	assert_int_equal(counters.refused_handshakes, 2);
	SITE_WAIT(w->site, (listener_get_counters(w->listener, &counters), counters.handshakes_failed == 1));
	assert_int_equal(counters.shaking_hands, 0);
	assert_int_equal(w->n_refused, 1);
	assert_non_null(strstr(w->reason, "handshake not finished"));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* With nobody to shake hands, connections stay where they are; when somebody comes they are all taken. */
static void who_comes_waits_for_workers(void **state)
{
	struct world *w = *state;
	struct listener_config c = config_of(w);
	struct listener_counters counters;
	struct error err;
	uint16_t port;
	int fds[2 * LISTENER_BATCH + 20];
	c.connections_max = c.source_max = c.handshakes_max = 2 * ARRAY_LENGTH(fds);
	assert_int_equal(workers_new(w->site->base, &w->workers, &err), 0);
	c.workers = w->workers;
	assert_int_equal(listener_new(w->site->base, &c, &w->listener, NULL), 0);
	assert_int_equal(listener_port(w->listener, &port), 0);
	const struct sockaddr_in6 to = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT
	};
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++) {
		fds[i] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fds[i], (const struct sockaddr *)&to, sizeof(to)), 0);
	}
	SITE_WAIT(w->site, workers_waiting(w->workers) >= LISTENER_WORK_MAX);
	site_run_for(w->site, 10 * LISTENER_WORK_PAUSE_MS);
	listener_get_counters(w->listener, &counters);
	assert_in_range(counters.accepted, LISTENER_WORK_MAX, 2 * LISTENER_BATCH);
	assert_int_equal(workers_start(w->workers, &err), 0);
	SITE_WAIT(w->site,
	        (listener_get_counters(w->listener, &counters), counters.accepted == ARRAY_LENGTH(fds)));
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
		close(fds[i]);
	SITE_WAIT(w->site, (listener_get_counters(w->listener, &counters), counters.open == 0));
}

static void what_is_not_open_goes_with_the_listener(void **state)
{
	struct world *w = *state;
	struct listener_config c = config_of(w);
	uint16_t port;
	assert_int_equal(listener_new(w->site->base, &c, &w->listener, NULL), 0);
	connect_clients(w, 2);
	assert_int_equal(listener_port(w->listener, &port), 0);
	const struct sockaddr_in6 to = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT
	};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	struct listener_counters counters;
	SITE_WAIT(w->site, (listener_get_counters(w->listener, &counters), counters.shaking_hands == 1));
	w->listener = listener_free(w->listener);
	/* The open ones still talk. */
	assert_int_equal(stream_write(w->clients[0], "more", 4), 0);
	SITE_WAIT(w->site, w->echoed == 12);
	char byte;
	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
}

/* Clients that leave at every moment of a handshake, and a listener that goes in the middle of many. */
static void handshakes_are_left_at_any_moment(void **state)
{
	struct world *w = *state;
	struct listener_config c = config_of(w);
	struct listener_counters counters;
	struct tls_target target = { .expected_name = "srv" };
	uint16_t port;
	c.handshakes_max = 3; /* one fewer than come */
	assert_int_equal(listener_new(w->site->base, &c, &w->listener, NULL), 0);
	assert_int_equal(listener_port(w->listener, &port), 0);
	*(struct sockaddr_in6 *)&target.address = (struct sockaddr_in6){
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT
	};
	for (unsigned round = 0; round < 60; round++) {
		for (size_t i = 0; i < CLIENTS; i++)
			assert_int_equal(
			        tls_connect(w->site->base, w->client, &target, &STREAM_LIMITS_DEFAULT,
			                &client_handlers, w, &w->clients[i], NULL),
			        0);
		for (unsigned turn = 0; turn < round / 2; turn++)
			event_base_loop(w->site->base, EVLOOP_NONBLOCK);
		if (round == 59) /* and the listener too */
			w->listener = listener_free(w->listener);
		for (size_t i = 0; i < CLIENTS; i++)
			w->clients[i] = stream_free(w->clients[i]);
		if (w->listener)
			SITE_WAIT(
			        w->site, (listener_get_counters(w->listener, &counters), counters.open == 0));
	}
	assert_int_equal(counters.shaking_hands, 0);
	assert_in_range(counters.accepted, CLIENTS, 60 * CLIENTS);
}

static void a_unix_socket_tells_who_comes(void **state)
{
	struct world *w = *state;
	char *path FREE_ON_EXIT = site_file(w->site, "control", "sock");
	struct listener_config c = config_of(w);
	struct listener *second = NULL;
	struct stat st;
	struct error err;
	c.tls = NULL;
	c.path = path;
	c.mode = 0660;
	assert_int_equal(listener_new(w->site->base, &c, &w->listener, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(stream_connect_unix(w->site->base, path, &STREAM_LIMITS_DEFAULT, &client_handlers, w,
	                         &w->clients[0], &err),
	        0);
	SITE_WAIT(w->site, w->echoed == 4);
	uid_t uid = 77;
	pid_t pid;
	assert_int_equal(stream_peer_user(w->accepted[0], &uid, &pid), 0);
	assert_int_equal(uid, getuid());
	assert_int_equal(pid, getpid());
	/* Nobody takes a socket that is answered; one that is not is replaced. */
	assert_int_equal(listener_new(w->site->base, &c, &second, &err), -EADDRINUSE);
	w->listener = listener_free(w->listener);
	assert_int_equal(access(path, F_OK), -1);
	int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(stale, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(stale);
	assert_int_equal(listener_new(w->site->base, &c, &w->listener, &err), 0);
	w->listener = listener_free(w->listener);
	assert_int_equal(file_replace(path, "", 0, 0600, NULL), 0);
	assert_int_equal(listener_new(w->site->base, &c, &second, &err), -EEXIST);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define workers_test(f) \
	{ \
#f " (workers)", f, setup_with_workers, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(streams_come_and_go),
		world_test(too_many_are_turned_away),
		world_test(one_source_does_not_take_all),
		world_test(those_that_do_not_shake_hands_are_few),
		world_test(what_is_not_open_goes_with_the_listener),
		world_test(handshakes_are_left_at_any_moment),
		world_test(who_comes_waits_for_workers),
		world_test(a_unix_socket_tells_who_comes),
		workers_test(streams_come_and_go),
		workers_test(too_many_are_turned_away),
		workers_test(one_source_does_not_take_all),
		workers_test(those_that_do_not_shake_hands_are_few),
		workers_test(what_is_not_open_goes_with_the_listener),
		workers_test(handshakes_are_left_at_any_moment),
	};
	return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
