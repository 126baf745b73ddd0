/* SPDX-License-Identifier: ISC */
/* Where an address is, when more than one enforcement point is asked. */
#include "net/stream_internal.h"
#include "server/enforcer_link.h"
#include "tests/unit/server/link_bed.h"
#include "tests/unit/server/site_bed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS 2

struct place_bed {
	struct server server;
	struct enforcer_link links[LINKS];
	int ends[LINKS];
	unsigned answers;
	struct site_attachment *answer;
};

static void on_message(struct ipc_stream *stream, const struct ipc_message *m, void *context)
{
}

static const struct ipc_handlers ipc_handlers = { .on_message = on_message };

static void bed_of_places(struct place_bed *p, struct bed *b)
{
	static const struct ipc_limits limits = { 65536, 65536, 0 };
	memset(p, 0, sizeof(*p));
	p->server.site = b->site;
	p->server.store = b->store;
	p->server.base = event_base_new();
	p->server.options.place_time = 1000;
	for (size_t i = 0; i < LINKS; i++) {
		struct enforcer_link *l = &p->links[i];
		int pair[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
		p->ends[i] = pair[1];
		l->server = &p->server;
		l->greeted = true;
		snprintf(l->name, sizeof(l->name), "gw%zu", i);
		l->stream = ipc_stream_over(stream_new(p->server.base, pair[0], NULL, false,
		                                    &STREAM_LIMITS_DEFAULT, &link_bed_handlers, NULL),
		        &limits, &ipc_handlers, NULL);
		LIST_INSERT_HEAD(&p->server.enforcers, l, entry);
	}
}

static void end_places(struct place_bed *p)
{
	for (size_t i = 0; i < LINKS; i++) {
		ipc_stream_free(p->links[i].stream);
		close(p->ends[i]);
	}
	event_base_free(p->server.base);
}

static void on_answer(void *context, struct site_attachment *a)
{
	struct place_bed *p = context;
	p->answers++;
	p->answer = a;
}

static void tell(struct place_bed *p, size_t link, bool found)
{
	struct ipc_attachment at = { .port = (char *)"p1", .mac = { { 2, 0, 0, 0, 0, 9 } }, .present = true };
	place_take_identity(&p->links[link],
	        &(struct ipc_identity){ .request = p->server.next_request,
	                .found = found,
	                .n_attachments = found,
	                .attachments = &at });
}

static void ask(struct place_bed *p)
{
	static const struct ip_address address = { { 0xfd, 9 } };
	p->answers = 0;
	p->answer = NULL;
	(void)place_ask(&p->server, &address, on_answer, p);
}

static void test_one_knows(void **state)
{
	struct place_bed p;
	bed_of_places(&p, *state);
	ask(&p);
	tell(&p, 0, true);
	assert_int_equal(p.answers, 0); /* the other one may know it too */
	tell(&p, 1, false);
	assert_int_equal(p.answers, 1);
	assert_string_equal(p.answer->enforcement_point, "gw0");
	end_places(&p);
}

static void test_nobody_knows(void **state)
{
	struct place_bed p;
	bed_of_places(&p, *state);
	ask(&p);
	tell(&p, 0, false);
	tell(&p, 1, false);
	assert_int_equal(p.answers, 1);
	assert_null(p.answer);
	end_places(&p);
}

/* A sick host at gw1 has taken the address of a healthy one at gw0. */
static void test_two_know(void **state)
{
	struct place_bed p;
	struct bed *b = *state;
	bed_of_places(&p, b);
	for (size_t first = 0; first < LINKS; first++) {
		ask(&p);
		tell(&p, first, true);
		tell(&p, !first, true);
		assert_int_equal(p.answers, 1);
		assert_null(p.answer);
		assert_int_equal(b->site->counters.attachments_contested, first + 1);
	}
	end_places(&p);
}

/* One that does not answer does not keep the others from being inspected. */
static void test_one_is_silent(void **state)
{
	struct place_bed p;
	bed_of_places(&p, *state);
	p.server.options.place_time = 10;
	ask(&p);
	tell(&p, 0, true);
	while (p.answers == 0)
		assert_true(event_base_loop(p.server.base, EVLOOP_ONCE) >= 0);
	assert_string_equal(p.answer->enforcement_point, "gw0");
	end_places(&p);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_one_knows),
		TEST(test_nobody_knows),
		TEST(test_two_know),
		TEST(test_one_is_silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
