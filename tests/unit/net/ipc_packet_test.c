/* SPDX-License-Identifier: ISC */
#include "net/ipc_packet.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct end {
	struct ipc_packet *p;
	unsigned messages, closed;
	uint32_t last;
};

static void on_message(struct ipc_packet *p, const struct ipc_message *m, void *user)
{
	struct end *e = user;
	e->messages++;
	if (m->number == IPC_ASSOCIATION_END)
		e->last = ((const struct ipc_association_end *)m->body)->association;
}

static void on_close(struct ipc_packet *p, const char *reason, void *user)
{
	((struct end *)user)->closed++;
}

static const struct ipc_packet_handlers handlers = { on_message, on_close };

struct wire {
	struct event_base *base;
	struct end end;
	int peer; /* the raw other side */
};

static int set_up(void **state)
{
	struct wire *w = xcalloc(1, sizeof(*w));
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	w->base = event_base_new();
	w->peer = pair[1];
	w->end.p = ipc_packet_new(w->base, pair[0], &handlers, &w->end);
	assert_non_null(w->end.p);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct wire *w = *state;
	ipc_packet_free(w->end.p);
	if (w->peer >= 0)
		close(w->peer);
	event_base_free(w->base);
	free(w);
	return 0;
}

static void read_all(struct wire *w, unsigned *ret_count, uint32_t *ret_last)
{
	uint8_t bytes[4096];
	ssize_t n;
	*ret_count = 0;
	while ((n = recv(w->peer, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		struct ipc_message m;
		assert_int_equal(ipc_decode(bytes, (size_t)n, &m, NULL), 0);
		*ret_last = ((struct ipc_association_end *)m.body)->association;
		++*ret_count;
		ipc_message_clear(&m);
	}
}

/* What is sent is queued, in order, and arrives; what is offered is dropped and counted. */
static void a_full_socket(void **state)
{
	struct wire *w = *state;
	struct ipc_association_end body = { 0 };
	struct ipc_packet_counters c;
	unsigned sent = 0, got, seen = 0;
	uint32_t last = 0;
	while (ipc_packet_waiting(w->end.p) < 3) {
		body.association = ++sent;
		assert_int_equal(ipc_packet_send(w->end.p, IPC_ASSOCIATION_END, &body, NULL), 0);
	}
	assert_int_equal(ipc_packet_offer(w->end.p, IPC_ASSOCIATION_END, &body, NULL), -EAGAIN);
	ipc_packet_get_counters(w->end.p, &c);
	assert_int_equal(c.dropped, 1);
	for (int i = 0; i < 1000 && seen < sent; i++) {
		read_all(w, &got, &last);
		seen += got;
		assert_int_equal(last, seen);
		event_base_loop(w->base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(seen, sent);
	assert_int_equal(ipc_packet_waiting(w->end.p), 0);
}

static void what_is_not_in_the_table(void **state)
{
	static const uint8_t bad[][7] = { { 0, 0, 0, 3, 255, 255, 0 }, { 0, 0, 0, 2, 0, 86, 0 }, { 0 } };
	struct wire *w = *state;
	struct ipc_packet_counters c;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(send(w->peer, bad[i], sizeof(bad[i]), 0), sizeof(bad[i]));
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	ipc_packet_get_counters(w->end.p, &c);
	assert_int_equal(c.malformed, ARRAY_LENGTH(bad));
	assert_int_equal(w->end.messages, 0);
	struct writer frame = wr_make(64);
	const struct ipc_association_end body = { 77 };
	assert_int_equal(ipc_encode(&frame, IPC_ASSOCIATION_END, &body, NULL), 0);
	assert_int_equal(send(w->peer, frame.data, frame.length, 0), frame.length);
	wr_free(&frame);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	assert_int_equal(w->end.messages, 1);
	assert_int_equal(w->end.last, 77);
}

static void the_other_side_ends(void **state)
{
	struct wire *w = *state;
	const struct ipc_association_end body = { 1 };
	close(w->peer);
	w->peer = -1;
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	assert_int_equal(w->end.closed, 1);
	assert_int_equal(ipc_packet_send(w->end.p, IPC_ASSOCIATION_END, &body, NULL), -EPIPE);
	assert_int_equal(w->end.closed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_full_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_in_the_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_other_side_ends, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
