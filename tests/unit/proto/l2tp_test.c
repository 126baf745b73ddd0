/* SPDX-License-Identifier: ISC */
/* Whole L2TP conversations of both roles, with loss, reordering, restarts and every way to end. */
#include "tests/unit/proto/l2tp_net.h"

static void test_set_up_and_tear_down(void **state)
{
	struct net *net = net_new(NULL);
	uint16_t tunnel = net_open(net, 0);
	net_run(net, 500);
	net_assert_up(net);
	assert_string_equal(net->side[CONCENTRATOR].peer_name, "laptop.example");
	assert_string_equal(net->side[INITIATOR].peer_name, "hub.example");
	assert_string_equal(net->side[INITIATOR].vendor, "pratique");
	assert_int_equal(net->side[CONCENTRATOR].call.tx_speed, 1000000);
	assert_int_equal(net->side[CONCENTRATOR].call.rx_speed, 1000000);
	assert_false(net->side[CONCENTRATOR].authenticated);
	/* SCCRQ, SCCCN, ICRQ, ICCN and at most one acknowledgement each. */
	assert_in_range(net->side[INITIATOR].sent, 4, 5);
	assert_in_range(net->side[CONCENTRATOR].sent, 2, 3);
	assert_int_equal(
	        l2tp_tunnel_close(net->side[INITIATOR].e, tunnel, L2TP_STOP_SHUTDOWN, "good bye", net->now),
	        0);
	assert_int_equal(net->side[INITIATOR].tunnels_down, 1);
	assert_int_equal(net->side[INITIATOR].sessions_down, 1);
	net_run(net, 500);
	struct side *c = &net->side[CONCENTRATOR];
	assert_int_equal(c->tunnels_down, 1);
	assert_int_equal(c->sessions_down, 1);
	assert_int_equal(c->reason.cause, L2TP_CAUSE_PEER);
	assert_int_equal(c->session_tunnel_cause, L2TP_CAUSE_PEER);
	assert_true(c->reason.was_up);
	assert_int_equal(c->reason.result, L2TP_STOP_SHUTDOWN);
	assert_string_equal(c->why, "good bye");
	assert_int_equal(
	        l2tp_tunnel_close(net->side[INITIATOR].e, tunnel, L2TP_STOP_SHUTDOWN, NULL, net->now),
	        -ENOENT);
	net_assert_clean(net);
	net_free(net);
}

static void test_concentrator_ends(void **state)
{
	struct net *net = net_new(NULL);
	net_open(net, 0);
	net_run(net, 500);
	struct side *i = &net->side[INITIATOR], *c = &net->side[CONCENTRATOR];
	assert_int_equal(
	        l2tp_session_close(c->e, c->tunnel, c->session, L2TP_CDN_ADMINISTRATIVE, "out", net->now), 0);
	net_run(net, 500);
	assert_int_equal(i->sessions_down, 1);
	assert_int_equal(i->tunnels_down, 0);
	assert_int_equal(i->reason.result, L2TP_CDN_ADMINISTRATIVE);
	assert_string_equal(i->why, "out");
	/* The tunnel is good for another one. */
	assert_true(l2tp_session_open(i->e, i->tunnel, 0, net->now) > 0);
	net_run(net, 500);
	assert_int_equal(c->sessions_up, 2);
	l2tp_close_all(c->e, L2TP_STOP_SHUTDOWN, NULL, net->now);
	net_run(net, 500);
	assert_int_equal(i->tunnels_down, 1);
	net_assert_clean(net);
	net_free(net);
}

static void test_both_ends_at_once(void **state)
{
	struct net *net = net_new(NULL);
	net_open(net, 0);
	net_run(net, 500);
	for (int k = 0; k < 2; k++)
		l2tp_close_all(net->side[k].e, L2TP_STOP_REQUEST, NULL, net->now);
	net_run(net, 3000);
	for (int k = 0; k < 2; k++) {
		assert_int_equal(net->side[k].tunnels_down, 1);
		/* Each was acknowledged: nobody had to say it again. */
		assert_int_equal(net->side[k].sent_types[4], 1);
	}
	net_assert_clean(net);
	net_free(net);
}

static void test_bad_network(void **state)
{
	for (uint32_t seed = 1; seed <= 200; seed++) {
		struct net *net = net_new(NULL);
		net->seed = seed;
		net->loss = seed % 30;
		net->duplicate = seed % 7 * 10;
		net->jitter_ms = seed % 5 * 400;
		net_open(net, 0);
		net_run(net, 60000);
		if (net->side[INITIATOR].tunnels_down == 0 && net->side[CONCENTRATOR].tunnels_down == 0) {
			net_assert_up(net);
		} else {
			assert_true(net->loss > 10); /* five losses in a row */
		}
		net->loss = 0;
		l2tp_close_all(net->side[seed % 2].e, L2TP_STOP_REQUEST, NULL, net->now);
		net_run(net, 40000);
		l2tp_close_all(net->side[INITIATOR].e, L2TP_STOP_REQUEST, NULL, net->now);
		l2tp_close_all(net->side[CONCENTRATOR].e, L2TP_STOP_REQUEST, NULL, net->now);
		net_run(net, 40000);
		for (int k = 0; k < 2; k++) {
			struct side *s = &net->side[k];
			assert_int_equal(s->tunnels_down, MAX(s->tunnels_up, k == INITIATOR));
		}
		net_assert_clean(net);
		net_free(net);
	}
}

static void quick(struct l2tp_config *config, int index)
{
	config->timing = (struct l2tp_timing){
		.retransmit_ms = 500, .retransmit_cap_ms = 2000, .retransmissions = 3, .hello_ms = 5000
	};
}

static void test_dead_peer(void **state)
{
	struct net *net = net_new(quick);
	net_open(net, 0);
	net_run(net, 60000);
	net_assert_up(net); /* HELLOs kept it */
	struct l2tp_counters c = l2tp_get_counters(net->side[INITIATOR].e);
	assert_true(c.hellos_sent + l2tp_get_counters(net->side[CONCENTRATOR].e).hellos_sent >= 10);
	assert_int_equal(c.retransmitted, 0);
	net->cut = true;
	/* 5 s of silence, and 0.5 + 1 + 2 + 2 s of waiting. */
	net_run(net, 12000);
	for (int k = 0; k < 2; k++) {
		assert_int_equal(net->side[k].tunnels_down, 1);
		assert_int_equal(net->side[k].sessions_down, 1);
		assert_int_equal(net->side[k].reason.cause, L2TP_CAUSE_SILENCE);
	}
	net_assert_clean(net);
	net_free(net);
}

static void test_data_spares_hello(void **state)
{
	struct net *net = net_new(quick);
	net_open(net, 0);
	net_run(net, 500);
	for (int i = 0; i < 60; i++) {
		for (int k = 0; k < 2; k++)
			assert_int_equal(l2tp_tunnel_heard(net->side[k].e, net->side[k].tunnel, net->now), 0);
		net_run(net, 1000);
	}
	assert_int_equal(l2tp_get_counters(net->side[INITIATOR].e).hellos_sent, 0);
	assert_int_equal(l2tp_tunnel_heard(net->side[0].e, 0, net->now), -ENOENT);
	struct side *i = &net->side[INITIATOR];
	assert_int_equal(l2tp_tunnel_probe(i->e, i->tunnel, net->now), 0);
	assert_int_equal(i->sent_types[6], 1);
	net_free(net);
}

static void test_nobody_there(void **state)
{
	struct net *net = net_new(NULL);
	net->cut = true;
	net_open(net, 0);
	net_run(net, 40000);
	struct side *i = &net->side[INITIATOR];
	assert_int_equal(i->tunnels_down, 1);
	assert_int_equal(i->reason.cause, L2TP_CAUSE_SILENCE);
	assert_int_equal(i->sent_types[1], 6);
	net_assert_clean(net);
	net_free(net);
}

static void test_clock_that_jumps(void **state)
{
	struct net *net = net_new(NULL);
	net_open(net, 0);
	net_run(net, 500);
	struct side *i = &net->side[INITIATOR];
	/* A laptop that slept for a day asks first, and does not give up. */
	net->now += 86400000;
	net_run(net, 1000);
	assert_int_equal(i->tunnels_down, 0);
	/* Backwards: nothing happens, nothing breaks. */
	l2tp_tick(i->e, net->now - 5000000);
	l2tp_tick(i->e, INT64_MIN / 2);
	net_run(net, 200000);
	net_assert_up(net);
	net_free(net);
}

static void test_refusals(void **state)
{
	struct net *net = net_new(NULL);
	struct side *i = &net->side[INITIATOR], *c = &net->side[CONCENTRATOR];
	c->refuse_tunnel = L2TP_STOP_NOT_AUTHORIZED;
	net_open(net, 0);
	net_run(net, 500);
	assert_int_equal(i->tunnels_down, 1);
	assert_int_equal(i->reason.result, L2TP_STOP_NOT_AUTHORIZED);
	assert_int_equal(c->tunnels_up + c->tunnels_down, 0);
	c->refuse_tunnel = 0;
	c->refuse_session = L2TP_CDN_NO_FACILITIES_NOW;
	net_open(net, 0);
	net_run(net, 500);
	assert_int_equal(c->tunnels_up, 1);
	assert_int_equal(i->sessions_down, 1);
	assert_int_equal(i->reason.result, L2TP_CDN_NO_FACILITIES_NOW);
	assert_int_equal(c->sessions_up + c->sessions_down, 0);
	c->refuse_session = 0;
	for (int k = 0; k < 2; k++)
		assert_true(l2tp_session_open(i->e, i->tunnel, 0, net->now) > 0);
	assert_int_equal(l2tp_session_open(i->e, i->tunnel, 0, net->now), -ENOSPC);
	net_run(net, 500);
	assert_int_equal(c->sessions_up, 2);
	net_free(net);
}

static void test_callbacks_that_close(void **state)
{
	for (int k = 0; k < 2; k++) {
		struct net *net = net_new(NULL);
		struct side *s = &net->side[k];
		net->side[INITIATOR].open_session = true;
		s->close_in_callback = true;
		net_open(net, 0);
		net_run(net, 2000);
		assert_int_equal(s->tunnels_down, 1);
		net_assert_clean(net);
		net_free(net);
	}
	struct net *net = net_new(NULL);
	net_open(net, 0);
	net_run(net, 2);
	net->side[CONCENTRATOR].close_in_callback = net->side[INITIATOR].close_in_callback = true;
	net_run(net, 2000);
	assert_int_equal(net->side[INITIATOR].sessions_down, 1);
	net_free(net);
}

static void hiding(struct l2tp_config *config, int index)
{
	config->hide = true;
}

static void test_secret(void **state)
{
	static const struct {
		const char *initiator, *concentrator;
		bool up;
	} cases[] = {
		{ "sesame", "sesame", true },
		{ "sesame", "barley", false },
		{ "sesame", NULL, false },
		{ NULL, "sesame", false },
	};
	for (size_t k = 0; k < 2 * ARRAY_LENGTH(cases); k++) {
		struct net *net = net_new(k % 2 ? hiding : NULL);
		net->side[INITIATOR].secret = cases[k / 2].initiator;
		net->side[CONCENTRATOR].secret = cases[k / 2].concentrator;
		net_open(net, 0);
		net_run(net, 5000);
		if (cases[k / 2].up) {
			net_assert_up(net);
			assert_true(
			        net->side[INITIATOR].authenticated && net->side[CONCENTRATOR].authenticated);
		} else {
			assert_int_equal(net->side[CONCENTRATOR].tunnels_up, 0);
			assert_int_equal(net->side[CONCENTRATOR].sessions_up, 0);
			assert_int_equal(net->side[INITIATOR].sessions_up, 0);
			net_run(net, 60000);
			assert_int_equal(net->side[INITIATOR].tunnels_down, 1);
		}
		net_free(net);
	}
}

static bool hide_shows_nothing(struct net *net, struct packet *p)
{
	/* The id of the session is hidden: AVP 14 is never there in clear. */
	static const uint8_t clear[] = { 0x80, 8, 0, 0, 0, 14 };
	assert_null(memmem(p->bytes, p->n, clear, sizeof(clear)));
	return true;
}

static void test_hidden(void **state)
{
	struct net *net = net_new(hiding);
	net->filter = hide_shows_nothing;
	net->side[INITIATOR].secret = net->side[CONCENTRATOR].secret = "a secret longer than sixteen bytes";
	net_open(net, 0);
	net_run(net, 500);
	net_assert_up(net);
	struct side *c = &net->side[CONCENTRATOR];
	assert_string_equal(c->vendor, "pratique");
	assert_int_equal(l2tp_tunnel_close(c->e, c->tunnel, L2TP_STOP_REQUEST, "x", net->now), 0);
	net_run(net, 500);
	assert_int_equal(net->side[INITIATOR].reason.result, L2TP_STOP_REQUEST);
	net_assert_clean(net);
	net_free(net);
}

static void both_roles(struct l2tp_config *config, int index)
{
	config->accept = true;
}

/* Both ask at once: one tunnel is left, whoever wins. */
static void test_tie(void **state)
{
	int wins[2] = { 0 };
	for (uint32_t seed = 0; seed < 20; seed++) {
		struct net *net = net_new(both_roles);
		net->seed = seed * 7919;
		struct l2tp_path path = net_path(0), back = path;
		back.local = path.remote;
		back.remote = path.local;
		back.local_port = path.remote_port;
		back.remote_port = path.local_port;
		int a = l2tp_tunnel_open(net->side[0].e, &path, net->now);
		int b = l2tp_tunnel_open(net->side[1].e, &back, net->now);
		assert_true(a > 0 && b > 0);
		net_run(net, 2000);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(l2tp_get_counters(net->side[k].e).tunnels, 1);
			assert_int_equal(net->side[k].tunnels_up, 1);
			if (net->side[k].tunnels_down == 0)
				wins[k]++;
			else
				assert_int_equal(net->side[k].reason.cause, L2TP_CAUSE_TIE);
		}
		assert_int_equal(net->side[0].tunnels_down + net->side[1].tunnels_down, 1);
		net_free(net);
	}
	assert_true(wins[0] > 0 && wins[1] > 0);
}

static bool from_other_port(struct net *net, struct packet *p)
{
	if (p->to == INITIATOR)
		p->path.remote_port = 1999;
	else
		p->path.local_port = 1701; /* the answer to 1999 arrives there, in a manner of speaking */
	return true;
}

/* 8.1: the answer may come from another port; ours never does. */
static void test_answer_from_another_port(void **state)
{
	struct net *net = net_new(NULL);
	net->filter = from_other_port;
	net_open(net, 0);
	net_run(net, 2);
	assert_int_equal(net->side[INITIATOR].path.remote_port, 1999);
	struct l2tp_path expected = net_path(0);
	assert_true(ip_equal(&net->last[CONCENTRATOR].path.remote, &expected.remote));
	assert_int_equal(net->last[CONCENTRATOR].path.remote_port, L2TP_PORT);
	assert_int_equal(net->last[CONCENTRATOR].path.local_port, 40000);
	net_free(net);
}

static void test_association_moves_and_ends(void **state)
{
	struct net *net = net_new(NULL);
	net_open(net, 7);
	net_run(net, 500);
	net_assert_up(net);
	struct side *c = &net->side[CONCENTRATOR];
	struct l2tp_path path = { .association = 7 }, now;
	assert_int_equal(l2tp_tunnel_path(c->e, c->tunnel, &path), 0);
	assert_int_equal(ip_parse("203.0.113.9", &path.remote), 0);
	path.remote_port = 4242;
	l2tp_association_moved(c->e, &path, net->now);
	assert_int_equal(l2tp_tunnel_probe(c->e, c->tunnel, net->now), 0);
	assert_int_equal(net->last[CONCENTRATOR].path.local_port, 4242);
	assert_int_equal(l2tp_tunnel_path(c->e, c->tunnel, &now), 0);
	assert_int_equal(now.remote_port, 4242);
	net_run(net, 500);
	unsigned sent = c->sent;
	l2tp_association_ended(c->e, 8, net->now);
	assert_int_equal(c->tunnels_down, 0);
	l2tp_association_ended(c->e, 7, net->now);
	assert_int_equal(c->tunnels_down, 1);
	assert_int_equal(c->sessions_down, 1);
	assert_int_equal(c->reason.cause, L2TP_CAUSE_ASSOCIATION);
	assert_int_equal(c->session_tunnel_cause, L2TP_CAUSE_ASSOCIATION);
	assert_int_equal(c->sent, sent);
	net_free(net);
}

static void test_user_pointer(void **state)
{
	struct net *net = net_new(NULL);
	uint16_t tunnel = net_open(net, 0);
	struct l2tp_endpoint *e = net->side[INITIATOR].e;
	assert_null(l2tp_tunnel_user(e, tunnel));
	l2tp_tunnel_set_user(e, tunnel, net);
	assert_ptr_equal(l2tp_tunnel_user(e, tunnel), net);
	l2tp_close_all(e, L2TP_STOP_REQUEST, NULL, net->now);
	assert_null(l2tp_tunnel_user(e, tunnel));
	net_free(net);
}

static void test_bad_configurations(void **state)
{
	struct net *net = net_new(NULL);
	struct l2tp_endpoint *e = NULL;
	for (int k = 0; k < 7; k++) {
		struct l2tp_config config = net_config(net, INITIATOR);
		if (k == 0)
			config.host_name = NULL;
		if (k == 1)
			config.host_name = "";
		if (k == 2)
			config.callbacks.send = NULL;
		if (k == 3)
			config.callbacks.random = NULL;
		if (k == 4)
			config.receive_window = L2TP_WINDOW_MAX + 1;
		if (k == 5)
			config.limits.tunnels = L2TP_TUNNELS_MAX + 1;
		if (k == 6)
			config.limits.sessions = L2TP_SESSIONS_MAX + 1;
		assert_int_equal(l2tp_endpoint_new(&config, &e), -EINVAL);
		assert_null(e);
	}
	assert_string_equal(l2tp_stop_result_text(4), "not authorized");
	assert_string_equal(l2tp_cdn_result_text(99), "unknown code");
	assert_string_equal(l2tp_error_text(8), "unknown mandatory AVP");
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_up_and_tear_down),
		cmocka_unit_test(test_concentrator_ends),
		cmocka_unit_test(test_both_ends_at_once),
		cmocka_unit_test(test_bad_network),
		cmocka_unit_test(test_dead_peer),
		cmocka_unit_test(test_data_spares_hello),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_clock_that_jumps),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_callbacks_that_close),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_tie),
		cmocka_unit_test(test_answer_from_another_port),
		cmocka_unit_test(test_association_moves_and_ends),
		cmocka_unit_test(test_user_pointer),
		cmocka_unit_test(test_bad_configurations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
