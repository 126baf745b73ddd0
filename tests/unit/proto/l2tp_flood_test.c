/* SPDX-License-Identifier: ISC */
/* Strangers: floods of SCCRQs, guessed ids, what is not let in. */
#include "tests/unit/proto/l2tp_raw.h"

/* 100,000 sources in a second, and one honest peer in between. */
static void test_flood(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "2001:db8::1");
	struct side *c = &net->side[CONCENTRATOR];
	write_sccrq(&r, 9);
	put_numbers(&r, 0);
	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(r.path.remote.bytes + 4, &i, 4);
		net->now += i % 100 == 0;
		give(&r);
		assert_true(counters(&r).half_open <= L2TP_HALF_OPEN_MAX);
		if (i == 50000) {
			net->filter = NULL; /* from here on there is an initiator, 1 ms away */
			net_open(net, 0);
		}
		if (i > 50000 && i % 100 == 0) {
			/* Answers to forged sources go nowhere. */
			for (size_t k = net->n_packets; k-- > 0;)
				if (net->packets[k].to == INITIATOR && !ip_is_v4(&net->packets[k].path.local))
					net->packets[k] = net->packets[--net->n_packets];
			net_deliver(net);
		}
	}
	assert_int_equal(c->sessions_up, 1);
	assert_int_equal(net->side[INITIATOR].sessions_up, 1);
	struct l2tp_counters n = counters(&r);
	assert_int_equal(n.half_open_evicted, 100000 - L2TP_HALF_OPEN_MAX);
	assert_int_equal(n.tunnels, 1);
	net->filter = drop_all;
	net_run(net, 11000);
	assert_int_equal(counters(&r).half_open, 0);
	assert_int_equal(counters(&r).half_open_expired, L2TP_HALF_OPEN_MAX);
	raw_free(&r);
}

static void test_flood_of_one_source(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "192.0.2.66");
	for (unsigned i = 1; i < 60000; i++) {
		write_sccrq(&r, (uint16_t)i);
		put_numbers(&r, 0);
		give(&r);
	}
	assert_int_equal(counters(&r).half_open, 64);
	assert_int_equal(counters(&r).refused_source, 59999 - 64);
	raw_free(&r);
}

/* An SCCRQ that comes again is the same tunnel, and has its answer again. */
static void test_sccrq_again(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "192.0.2.66");
	for (int i = 0; i < 3; i++) {
		write_sccrq(&r, 77);
		put_numbers(&r, 0);
		give(&r);
		answered(&r, L2TP_SCCRP);
	}
	assert_int_equal(counters(&r).half_open, 1);
	assert_int_equal(net->side[CONCENTRATOR].sent, 3);
	/* It gives up before it knows our id. */
	r.tunnel = 0;
	begin(&r, L2TP_STOPCCN, 0);
	l2tp_add_u16(&r.b, L2TP_ASSIGNED_TUNNEL_ID, 77);
	l2tp_add_result(&r.b, 1, 0, "");
	put_numbers(&r, 1);
	give(&r);
	assert_int_equal(counters(&r).half_open, 0);
	assert_int_equal(counters(&r).draining, 1);
	raw_free(&r);
}

/* A peer whose tunnels all have the same id may come again at once. */
static void test_same_id_again(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "192.0.2.66");
	for (int i = 1; i <= 3; i++) {
		raw_connect(&r, 1);
		assert_int_equal(net->side[CONCENTRATOR].tunnels_up, i);
		begin(&r, L2TP_STOPCCN, 0);
		l2tp_add_u16(&r.b, L2TP_ASSIGNED_TUNNEL_ID, 1);
		l2tp_add_result(&r.b, 1, 0, "");
		finish(&r);
		assert_int_equal(net->side[CONCENTRATOR].tunnels_down, i);
		assert_int_equal(counters(&r).draining, 1);
	}
	raw_free(&r);
}

/* Somebody else's ids, all of them: from another address, and from another association. */
static void test_guessing(void **state)
{
	for (uint32_t association = 0; association < 2; association++) {
		struct net *net = net_new(NULL);
		net_open(net, association);
		net_run(net, 500);
		struct raw r = raw_new(net, association, "192.0.2.66");
		r.path.association = association * 2;
		for (unsigned id = 1; id <= UINT16_MAX; id++) {
			r.tunnel = (uint16_t)id;
			r.nr = 2;
			begin(&r, id % 2 ? L2TP_STOPCCN : L2TP_CDN, 0);
			l2tp_add_result(&r.b, 1, 0, "");
			put_numbers(&r, 3);
			give(&r);
		}
		struct l2tp_counters n = counters(&r);
		assert_int_equal(n.other_address + n.other_association, 1);
		assert_int_equal(n.unknown_tunnel, 65534);
		assert_int_equal(net->side[CONCENTRATOR].sessions_down, 0);
		assert_int_equal(n.sent, l2tp_get_counters(net->side[INITIATOR].e).received);
		raw_free(&r);
	}
}

static void test_refused_sccrqs(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "192.0.2.66");
	static const char padding[40] = "some room, so that an answer may be sent";
	write_sccrq(&r, 7);
	l2tp_add(&r.b, L2TP_VENDOR_NAME, padding, sizeof(padding));
	l2tp_put_u16(r.w.data + 26, 0x0200); /* Protocol Version 2.0 */
	put_numbers(&r, 0);
	give(&r);
	assert_result(&r, L2TP_STOPCCN, L2TP_STOP_VERSION, 0x0100);
	assert_int_equal(l2tp_get_u16(answer(&r)->bytes + 4), 7);
	write_sccrq(&r, 7);
	l2tp_add(&r.b, L2TP_CHALLENGE, padding, 16); /* there is no secret to answer it with */
	put_numbers(&r, 0);
	give(&r);
	assert_result(&r, L2TP_STOPCCN, L2TP_STOP_NOT_AUTHORIZED, 0);
	unsigned sent = net->side[CONCENTRATOR].sent;
	write_sccrq(&r, 0);
	put_numbers(&r, 0);
	give(&r);
	begin(&r, L2TP_SCCRQ, 0); /* nothing in it */
	put_numbers(&r, 0);
	give(&r);
	assert_int_equal(net->side[CONCENTRATOR].sent, sent); /* nobody to tell */
	assert_int_equal(counters(&r).half_open, 0);
	raw_free(&r);
}

static void test_tunnels_of_an_association(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 12, "192.0.2.66");
	for (uint16_t i = 1; i <= 4; i++)
		raw_connect(&r, i);
	r.ns = r.nr = 0;
	write_sccrq(&r, 5);
	finish(&r);
	assert_result(&r, L2TP_STOPCCN, L2TP_STOP_ERROR, L2TP_E_RESOURCES);
	assert_int_equal(counters(&r).tunnels, 4);
	/* Another one is not hurt. */
	r.path.association = 13;
	raw_connect(&r, 1);
	raw_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_flood_of_one_source),
		cmocka_unit_test(test_sccrq_again),
		cmocka_unit_test(test_same_id_again),
		cmocka_unit_test(test_guessing),
		cmocka_unit_test(test_refused_sccrqs),
		cmocka_unit_test(test_tunnels_of_an_association),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
