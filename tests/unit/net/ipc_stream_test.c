/* SPDX-License-Identifier: ISC */
/* Messages over Unix sockets and TLS, and the client that comes back. */
#include "net/ipc_stream.h"
#include "tests/unit/net/site.h"

#include <sys/un.h>
#include <unistd.h>

struct world {
	struct site *site;
	char *path;
	struct listener *listener;
	struct tls_context *server_tls, *client_tls;
	struct ipc_stream *server; /* the last one accepted */
	struct ipc_client *client;
	struct ipc_limits limits;
	unsigned n_server, n_client, n_open, n_closed, n_failed;
	uint64_t last_generation;
	bool answered, drop, free_in_message, free_in_close, got_close;
	char reason[300];
};

static void server_message(struct ipc_stream *s, const struct ipc_message *m, void *user)
{
	struct world *w = user;
	struct ipc_hello hello = *(const struct ipc_hello *)m->body;
	w->n_server++;
	assert_int_equal(m->number, IPC_HELLO);
	w->last_generation = hello.generation;
	if (w->free_in_message) {
		w->server = ipc_stream_free(s);
		return;
	}
	hello.generation++;
	assert_int_equal(ipc_stream_send(s, IPC_HELLO, &hello, NULL), 0);
}

static void server_close(struct ipc_stream *s, const char *reason, void *user)
{
	struct world *w = user;
	w->got_close = true;
	snprintf(w->reason, sizeof(w->reason), "%s", reason);
	if (w->server == s)
		w->server = NULL;
}

static const struct ipc_handlers server_handlers = { NULL, server_message, server_close };

static void on_stream(struct stream *s, const struct identity *peer, void *user)
{
	struct world *w = user;
	w->server = ipc_stream_over(s, &w->limits, &server_handlers, w);
}

static void client_open(struct ipc_stream *s, const struct identity *peer, void *user)
{
	struct world *w = user;
	w->n_open++;
	char role[] = "enforcer", name[] = "gw";
	const struct ipc_hello hello = { role, name, IPC_VERSION, w->n_open };
	assert_int_equal(ipc_stream_send(s, IPC_HELLO, &hello, NULL), 0);
}

static void client_message(struct ipc_stream *s, const struct ipc_message *m, void *user)
{
	struct world *w = user;
	w->n_client++;
	w->answered = true;
}

static void client_close(struct ipc_stream *s, const char *reason, void *user)
{
	struct world *w = user;
	++*(s ? &w->n_closed : &w->n_failed);
	w->answered = false;
	if (w->free_in_close)
		w->client = ipc_client_free(w->client);
}

static const struct ipc_handlers client_handlers = { client_open, client_message, client_close };

static void listen_unix(struct world *w)
{
	const struct listener_config c = { .path = w->path,
		.mode = 0666,
		.connections_max = 10,
		.handshakes_max = 10,
		.limits = STREAM_LIMITS_DEFAULT,
		.on_stream = on_stream,
		.user = w };
	assert_int_equal(listener_new(w->site->base, &c, &w->listener, NULL), 0);
}

static void start_client(struct world *w)
{
	const struct ipc_client_config c = { .unix_path = w->path,
		.also = (uid_t)-1,
		.limits = IPC_STREAM_LIMITS_DEFAULT,
		.first_ms = 10,
		.last_ms = 40,
		.handlers = &client_handlers,
		.user = w };
	assert_int_equal(ipc_client_new(w->site->base, &c, &w->client), 0);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	w->site = site_make();
	w->path = site_file(w->site, "ipc", "sock");
	w->limits = IPC_STREAM_LIMITS_DEFAULT;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	ipc_client_free(w->client);
	ipc_stream_free(w->server);
	listener_free(w->listener);
	tls_context_free(w->server_tls);
	tls_context_free(w->client_tls);
	site_free(w->site);
	free(w->path);
	free(w);
	return 0;
}

static void messages_go_both_ways(void **state)
{
	struct world *w = *state;
	listen_unix(w);
	start_client(w);
	assert_null(ipc_client_stream(w->client));
	SITE_WAIT(w->site, w->answered);
	assert_int_equal(w->n_server, 1);
	assert_non_null(ipc_client_stream(w->client));
	/* Many at once, none lost, in order. */
	char role[] = "enforcer", name[] = "gw";
	for (uint64_t i = 0; i < 1000; i++) {
		const struct ipc_hello hello = { role, name, IPC_VERSION, i };
		assert_int_equal(ipc_stream_send(ipc_client_stream(w->client), IPC_HELLO, &hello, NULL), 0);
	}
	SITE_WAIT(w->site, w->n_client >= 1001);
	assert_int_equal(w->n_server, 1001);
	assert_int_equal(w->last_generation, 999);
}

static void tls_carries_the_same(void **state)
{
	struct world *w = *state;
	w->server_tls = site_context(w->site, true, "srv", TLS_ROLE(ROLE_NODE));
	w->client_tls = site_context(w->site, false, "alice", TLS_ROLE(ROLE_SERVER));
	struct listener_config listen = { .tls = w->server_tls,
		.connections_max = 10,
		.source_max = 10,
		.handshakes_max = 10,
		.limits = STREAM_LIMITS_DEFAULT,
		.on_stream = on_stream,
		.user = w };
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)&listen.address;
	*in = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	assert_int_equal(listener_new(w->site->base, &listen, &w->listener, NULL), 0);
	uint16_t port;
	assert_int_equal(listener_port(w->listener, &port), 0);
	in->sin6_port = htons(port);
	const struct ipc_client_config c = { .tls = w->client_tls,
		.target = { .address = listen.address, .expected_name = "srv" },
		.limits = IPC_STREAM_LIMITS_DEFAULT,
		.handlers = &client_handlers,
		.user = w };
	assert_int_equal(ipc_client_new(w->site->base, &c, &w->client), 0);
	SITE_WAIT(w->site, w->answered);
	assert_string_equal(stream_peer(ipc_stream_stream(w->server))->name, "alice");
}

static void the_client_comes_back(void **state)
{
	struct world *w = *state;
	start_client(w);
	time_ms started = clock_monotonic_ms();
	SITE_WAIT(w->site, w->n_failed == 5);
	/* 10, 20, 40, 40 ms, each up to a quarter less: not a busy loop. */
	assert_true(clock_monotonic_ms() - started >= 80);
	listen_unix(w);
	SITE_WAIT(w->site, w->answered);
	w->server = ipc_stream_free(w->server);
	SITE_WAIT(w->site, w->n_closed);
	assert_int_equal(w->n_closed, 1);
	SITE_WAIT(w->site, w->answered);
	assert_int_equal(w->n_open, 2);
}

/* Bytes that no message is made of, on a raw connection. */
static const char *send_raw(struct world *w, const void *bytes, size_t length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", w->path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	w->got_close = false;
	assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
	site_run_for(w->site, 20);
	close(fd);
	SITE_WAIT(w->site, w->got_close);
	return w->reason;
}

static void malformed_messages_end_the_stream(void **state)
{
	struct world *w = *state;
	listen_unix(w);
	assert_non_null(strstr(send_raw(w, "\xff\xff\xff\xff\0\x01", 6), "larger message"));
	assert_non_null(strstr(send_raw(w, "\0\x20\0\0\0\x01", 6), "larger message"));
	assert_non_null(strstr(send_raw(w, "\0\0\0\x02\0\x01", 6), "malformed message"));
	assert_non_null(strstr(send_raw(w, "\0\0\0\x02\xff\xff", 6), "malformed message"));
	assert_non_null(strstr(send_raw(w, "\0\0\0\x00\0\x01", 6), "larger message"));
	/* One that never comes whole. */
	assert_string_equal(send_raw(w, "\0\0\0\x09\0\x01", 6), "closed by the peer");
	assert_int_equal(w->n_server, 0);
}

static void freeing_in_a_callback_is_safe(void **state)
{
	struct world *w = *state;
	listen_unix(w);
	w->free_in_message = true;
	w->free_in_close = true;
	start_client(w);
	SITE_WAIT(w->site, !w->client);
	assert_int_equal(w->n_server, 1);
	assert_false(w->got_close);
}

static void users_are_told_apart(void **state)
{
	assert_true(ipc_user_allowed(0, (uid_t)-1));
	assert_true(ipc_user_allowed(geteuid(), (uid_t)-1));
	assert_true(ipc_user_allowed(4242, 4242));
	assert_false(ipc_user_allowed(4242, (uid_t)-1));
	assert_false(ipc_user_allowed(4242, 4243));
	assert_false(ipc_user_allowed((uid_t)-1, (uid_t)-1) && geteuid() != (uid_t)-1);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(messages_go_both_ways),
		world_test(tls_carries_the_same),
		world_test(the_client_comes_back),
		world_test(malformed_messages_end_the_stream),
		world_test(freeing_in_a_callback_is_safe),
		cmocka_unit_test(users_are_told_apart),
	};
	return cmocka_run_group_tests_name("ipc_stream", tests, NULL, NULL);
}
