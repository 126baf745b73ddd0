/* SPDX-License-Identifier: ISC */
/* What enforcers say of their attachments in several messages, and two of them with one name. */
#include "net/stream_internal.h"
#include "server/enforcer_link.h"
#include "tests/unit/server/link_bed.h"
#include "tests/unit/server/site_bed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ATTACHMENTS 3000
#define BATCH 1024

/* An enforcer's end of a connection: what it was sent waits in `in`. */
struct peer {
	int fd;
	struct writer in;
	unsigned segments, dismissals;
	bool closed;
};

static void pump(struct server *s, struct peer *p)
{
	uint8_t buffer[65536];
	for (int i = 0; i < 20; i++) {
		ssize_t n;
		event_base_loop(s->base, EVLOOP_NONBLOCK);
		while ((n = recv(p->fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0)
			wr_bytes(&p->in, buffer, (size_t)n);
		p->closed = p->closed || n == 0;
	}
	size_t size;
	while (ipc_frame_size(p->in.data, p->in.length, IPC_FRAME_MAX, &size) > 0 && size <= p->in.length) {
		struct ipc_message m;
		struct error err;
		assert_int_equal(ipc_decode(p->in.data, size, &m, &err), 0);
		p->segments += m.number == IPC_SEGMENTS;
		p->dismissals += m.number == IPC_DISMISSED;
		ipc_message_clear(&m);
		wr_consume(&p->in, size);
	}
}

static void say(struct server *s, struct peer *p, enum ipc_number number, const void *body)
{
	struct writer w CLEANUP(wr_free) = wr_make(IPC_FRAME_MAX);
	struct error err;
	assert_int_equal(ipc_encode(&w, number, body, &err), 0);
	for (size_t at = 0; at < w.length;) {
		ssize_t n = send(p->fd, w.data + at, w.length - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			at += (size_t)n;
		pump(s, p);
	}
}

static void greet(struct server *s, struct peer *p, const char *name, uint64_t life)
{
	struct identity who = { .role = ROLE_ENFORCER };
	int pair[2];
	*p = (struct peer){ .in = wr_make(IPC_FRAME_MAX) };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	p->fd = pair[1];
	snprintf(who.name, sizeof(who.name), "%s", name);
	enforcer_accept(
	        stream_new(s->base, pair[0], NULL, false, &STREAM_LIMITS_DEFAULT, &link_bed_handlers, NULL),
	        &who, s);
	say(s, p, IPC_HELLO,
	        &(struct ipc_hello){ .role = (char *)"enforcer",
	                .name = (char *)(uintptr_t)name,
	                .version = IPC_VERSION,
	                .generation = life });
}

static void leave(struct peer *p)
{
	wr_free(&p->in);
	close(p->fd);
}

/* Attachments from first to last, of a whole list. */
static void list(struct server *s, struct peer *p, unsigned first, unsigned last, bool more)
{
	static struct ipc_attachment items[BATCH];
	static char ports[BATCH][16];
	struct ipc_attachments m = { .full = true, .more = more, .attachments = items };
	for (unsigned i = first; i <= last; i++) {
		struct ipc_attachment *a = &items[m.n_attachments];
		snprintf(ports[m.n_attachments], sizeof(ports[0]), "p%u", i);
		*a = (struct ipc_attachment){ .port = ports[m.n_attachments],
			.mac = { { 2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i } },
			.present = true };
		m.n_attachments++;
	}
	say(s, p, IPC_ATTACHMENTS, &m);
}

static unsigned present(const struct server *s, const char *name)
{
	unsigned n = 0;
	TABLE_FOREACH(it, s->site->attachments) {
		const struct site_attachment *a = it.value;
		n += a->present && strcmp(a->enforcement_point, name) == 0;
	}
	return n;
}

static void whole(struct server *s, struct peer *p)
{
	for (unsigned i = 0; i < ATTACHMENTS; i += BATCH) {
		list(s, p, i, MIN(i + BATCH, ATTACHMENTS) - 1, i + BATCH < ATTACHMENTS);
		if (i)
			assert_true(present(s, "gw7") >= i);
	}
}

static void a_long_list_comes_in_parts(void **state)
{
	struct bed *b = *state;
	struct server s = { .site = b->site, .store = b->store, .base = event_base_new() };
	struct peer gw7, gw8;
	greet(&s, &gw7, "gw7", 1);
	greet(&s, &gw8, "gw8", 2);
	whole(&s, &gw7);
	assert_int_equal(present(&s, "gw7"), ATTACHMENTS);
	/* Again: nothing is away for a moment, and another's list between them is another list. */
	list(&s, &gw7, 0, BATCH - 1, true);
	assert_int_equal(present(&s, "gw7"), ATTACHMENTS);
	list(&s, &gw8, 0, 9, true);
	list(&s, &gw7, BATCH, 2 * BATCH - 1, true);
	list(&s, &gw8, 10, 19, false);
	assert_int_equal(present(&s, "gw7"), ATTACHMENTS);
	list(&s, &gw7, 2 * BATCH, ATTACHMENTS - 1, false);
	assert_int_equal(present(&s, "gw7"), ATTACHMENTS);
	assert_int_equal(present(&s, "gw8"), 20);
	/* What is in no part is gone when the last has come. */
	list(&s, &gw8, 5, 19, true);
	assert_int_equal(present(&s, "gw8"), 20);
	list(&s, &gw8, 20, 20, false);
	assert_int_equal(present(&s, "gw8"), 16);
	assert_int_equal(present(&s, "gw7"), ATTACHMENTS);
	enforcer_close_all(&s);
	leave(&gw7);
	leave(&gw8);
	event_base_free(s.base);
}

static void a_second_of_one_name_is_refused(void **state)
{
	struct bed *b = *state;
	struct server s = { .site = b->site, .store = b->store, .base = event_base_new() };
	struct peer first, second, third;
	greet(&s, &first, "gw7", 1);
	list(&s, &first, 1, 5, false);
	assert_int_equal(first.segments, 1);
	bed_commit(b);
	b->log[0] = '\0';
	for (int i = 0; i < 3; i++) {
		greet(&s, &second, "gw7", 2);
		/* What it says is not listened to, and it is told nothing but why. */
		list(&s, &second, 50, 60, false);
		assert_int_equal(second.dismissals, 1);
		assert_int_equal(second.segments, 0);
		assert_true(second.closed);
		leave(&second);
	}
	assert_int_equal(s.site->counters.enforcers_refused, 3);
	bed_commit(b);
	bed_expect(b, "event:enforcer-contested ");
	assert_int_equal(present(&s, "gw7"), 5);
	pump(&s, &first);
	assert_false(first.closed);
	/* The same process comes back: its old connection is what it does not have any more. */
	greet(&s, &third, "gw7", 1);
	assert_int_equal(third.segments, 1);
	pump(&s, &first);
	assert_true(first.closed);
	/* Nothing was heard of it: it has lost its connection, and another process is there now. */
	enforcer_find(&s, "gw7")->heard -= ENFORCER_SILENCE_MS + 1;
	greet(&s, &second, "gw7", 2);
	assert_int_equal(second.segments, 1);
	assert_int_equal(second.dismissals, 0);
	pump(&s, &third);
	assert_true(third.closed);
	enforcer_close_all(&s);
	leave(&first);
	leave(&second);
	leave(&third);
	event_base_free(s.base);
}

static void values_become_counters_and_limits(void **state)
{
	struct bed *b = *state;
	struct server s = { .site = b->site, .store = b->store, .base = event_base_new() };
	struct peer p;
	struct ipc_statistic values[] = { { (char *)"attachments", 7 }, { (char *)"attachments_max", 16384 },
		{ (char *)"proofs_failed", 3 }, { (char *)"_max", 1 }, { (char *)"nothing_max", 2 } };
	struct ipc_segment_counter segments[] = { { .mark = 2, .limited_packets = 11 } };
	greet(&s, &p, "gw7", 1);
	say(&s, &p, IPC_COUNTERS,
	        &(struct ipc_counters){ .segments = segments,
	                .n_segments = 1,
	                .values = values,
	                .n_values = ARRAY_LENGTH(values) });
	json_t *status = enforcer_status(&s);
	json_t *gw7 = json_array_get(status, 0);
	json_t *limits = json_object_get(gw7, "limits"), *counters = json_object_get(gw7, "counters");
	assert_int_equal(json_array_size(limits), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(limits, 0), "used")), 7);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(limits, 0), "limit")), 16384);
	assert_int_equal(json_integer_value(json_object_get(counters, "proofs_failed")), 3);
	json_t *segment = json_array_get(json_object_get(gw7, "segments"), 0);
	assert_int_equal(json_integer_value(json_object_get(segment, "limited_packets")), 11);
	json_decref(status);
	enforcer_close_all(&s);
	leave(&p);
	event_base_free(s.base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_long_list_comes_in_parts, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(a_second_of_one_name_is_refused, bed_setup, bed_teardown),
		cmocka_unit_test_setup_teardown(values_become_counters_and_limits, bed_setup, bed_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
