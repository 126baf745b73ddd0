/* SPDX-License-Identifier: ISC */
/* What a stream bears from its peer: silence, floods, not reading, ends of all kinds. */
#include "tests/unit/net/pair.h"

#include <unistd.h>

static void a_silent_peer_is_not_waited_for(void **state)
{
	struct site *site = *state;
	struct tls_context *t = site_context(site, true, "srv", TLS_ROLES_ALL);
	struct stream_limits limits = STREAM_LIMITS_DEFAULT;
	struct end server = { 0 };
	int fds[2];
	limits.handshake_ms = 30;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(tls_stream_over_socket(site->base, t, fds[0], NULL, &limits, &end_handlers, &server,
	                         &server.stream, NULL),
	        0);
	SITE_WAIT(site, server.closed);
	assert_non_null(strstr(server.reason, "handshake not finished"));
	close(fds[1]);
	tls_context_free(t);
}

static void a_peer_that_does_not_read_costs_little(void **state)
{
	struct site *site = *state;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	struct stream_limits limits = STREAM_LIMITS_DEFAULT;
	static const uint8_t block[65536];
	limits.write_max = 1 << 20;
	pair_connect_limits(site, &p, NULL, &limits);
	stream_pause(p.client.stream);
	for (int i = 0; i < 16; i++)
		assert_int_equal(stream_write(p.server.stream, block, sizeof(block)), 0);
	site_run_for(site, 20);
	assert_true(stream_pending(p.server.stream) > 0);
	/* Once it reads again, all of it arrives. */
	stream_resume(p.client.stream);
	SITE_WAIT(site, p.server.drained);
	SITE_WAIT(site, p.client.n_received == 16 * sizeof(block));
	limits.stall_ms = 50;
	stream_set_limits(p.server.stream, &limits);
	stream_pause(p.client.stream);
	for (int i = 0; i < 16; i++)
		assert_int_equal(stream_write(p.server.stream, block, sizeof(block)), 0);
	SITE_WAIT(site, p.server.closed);
	assert_non_null(strstr(p.server.reason, "does not read"));
	pair_free(&p);
}

static void more_than_the_queue_holds_closes(void **state)
{
	struct site *site = *state;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	static const uint8_t block[65536];
	pair_connect(site, &p, NULL);
	struct stream_limits limits = STREAM_LIMITS_DEFAULT;
	limits.write_max = sizeof(block) + 10;
	stream_set_limits(p.server.stream, &limits);
	assert_int_equal(stream_write(p.server.stream, block, sizeof(block)), 0);
	assert_int_equal(stream_write(p.server.stream, block, 10), 0);
	assert_int_equal(stream_write(p.server.stream, block, 1), -ENOBUFS);
	assert_int_equal(stream_write(p.server.stream, block, 1), -EPIPE);
	assert_false(p.server.closed);
	SITE_WAIT(site, p.server.closed);
	pair_free(&p);
}

static void what_nobody_takes_is_bounded(void **state)
{
	struct site *site = *state;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	struct stream_limits limits = STREAM_LIMITS_DEFAULT;
	static const uint8_t block[65536];
	limits.read_max = 20000;
	pair_connect_limits(site, &p, NULL, &limits);
	p.server.refuse = true;
	assert_int_equal(stream_write(p.client.stream, block, 20000), 0);
	site_run_for(site, 30);
	assert_false(p.server.closed);
	assert_int_equal(stream_write(p.client.stream, block, 20000), 0);
	SITE_WAIT(site, p.server.closed);
	assert_non_null(strstr(p.server.reason, "larger than 20000"));
	pair_free(&p);
}

static void what_is_left_is_offered_again(void **state)
{
	struct site *site = *state;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	pair_connect(site, &p, NULL);
	p.server.take = 3;
	assert_int_equal(stream_write(p.client.stream, "abcdefgh", 8), 0);
	SITE_WAIT(site, p.server.n_received);
	assert_int_equal(p.server.n_received, 3);
	stream_pause(p.server.stream);
	assert_int_equal(stream_write(p.client.stream, "ij", 2), 0);
	site_run_for(site, 20);
	assert_int_equal(p.server.n_received, 3);
	p.server.take = 0;
	stream_resume(p.server.stream);
	SITE_WAIT(site, p.server.n_received >= 10);
	assert_memory_equal(p.server.received, "abcdefghij", 10);
	pair_free(&p);
}

static void closing_flushes_first(void **state)
{
	struct site *site = *state;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	static const uint8_t block[1 << 20];
	pair_connect(site, &p, NULL);
	assert_int_equal(stream_write(p.server.stream, block, sizeof(block)), 0);
	stream_close(p.server.stream, "enough said");
	assert_int_equal(stream_write(p.server.stream, block, 1), -EPIPE);
	SITE_WAIT(site, p.server.closed);
	assert_string_equal(p.server.reason, "enough said");
	assert_int_equal(p.client.n_received, sizeof(block));
	assert_true(p.client.closed);
	assert_string_equal(p.client.reason, "closed by the peer");
	pair_free(&p);
}

/* Cut off without TLS's goodbye: not taken for an orderly end. */
static void a_cut_connection_is_told_from_an_end(void **state)
{
	struct site *site = *state;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	pair_connect(site, &p, NULL);
	p.server.stream = stream_free(p.server.stream);
	SITE_WAIT(site, p.client.closed);
	assert_non_null(strstr(p.client.reason, "without a goodbye"));
	assert_false(p.server.closed);
	pair_free(&p);
}

static void idleness_ends(void **state)
{
	struct site *site = *state;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	struct stream_limits limits = STREAM_LIMITS_DEFAULT;
	limits.idle_ms = 400;
	pair_connect(site, &p, NULL);
	stream_set_limits(p.server.stream, &limits);
	time_ms started = clock_monotonic_ms();
	for (int i = 0; i < 20; i++) {
		assert_int_equal(stream_write(p.client.stream, "x", 1), 0);
		site_run_for(site, 25);
	}
	/* Longer than idle_ms, but not silent. */
	assert_true(clock_monotonic_ms() - started > 400);
	assert_false(p.server.closed);
	SITE_WAIT(site, p.server.closed);
	assert_string_equal(p.server.reason, "silent for 400 ms");
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		site_test(a_silent_peer_is_not_waited_for),
		site_test(a_peer_that_does_not_read_costs_little),
		site_test(more_than_the_queue_holds_closes),
		site_test(what_nobody_takes_is_bounded),
		site_test(what_is_left_is_offered_again),
		site_test(closing_flushes_first),
		site_test(a_cut_connection_is_told_from_an_end),
		site_test(idleness_ends),
	};
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
