/* SPDX-License-Identifier: ISC */
/* Tunnels that survive the process that drives them; many of them; and the data header. */
#include "proto/l2tp/endpoint.h"
#include "tests/unit/proto/l2tp_net.h"

/* The concentrator's process is killed and another one takes its last record. */
static void restart(struct net *net)
{
	struct side *c = &net->side[CONCENTRATOR];
	l2tp_endpoint_free(c->e);
	struct l2tp_config config = net_config(net, CONCENTRATOR);
	assert_int_equal(l2tp_endpoint_new(&config, &c->e), 0);
	assert_int_equal(l2tp_tunnel_import(c->e, c->record, (size_t)c->record_size, net->now), c->tunnel);
	assert_int_equal(l2tp_tunnel_import(c->e, c->record, (size_t)c->record_size, net->now), -EEXIST);
}

static void test_restart(void **state)
{
	struct net *net = net_new(NULL);
	net_open(net, 7);
	net_run(net, 500);
	net_assert_up(net);
	struct side *i = &net->side[INITIATOR], *c = &net->side[CONCENTRATOR];
	assert_in_range(c->record_size, 1, 100);
	restart(net);
	struct l2tp_call calls[L2TP_SESSIONS_MAX];
	assert_int_equal(l2tp_tunnel_sessions(c->e, c->tunnel, calls), 1);
	assert_int_equal(calls[0].session, c->session);
	assert_int_equal(calls[0].peer_session, i->session);
	assert_int_equal(calls[0].tx_speed, 1000000);
	net_run(net, 300000);
	net_assert_up(net);
	assert_int_equal(l2tp_session_close(c->e, c->tunnel, c->session, L2TP_CDN_BUSY, "x", net->now), 0);
	net_run(net, 500);
	assert_int_equal(i->sessions_down, 1);
	assert_int_equal(c->sessions_down, 1);
	l2tp_close_all(i->e, L2TP_STOP_REQUEST, NULL, net->now);
	net_run(net, 500);
	assert_int_equal(c->tunnels_down, 1);
	net_assert_clean(net);
	net_free(net);
}

/* Killed at every moment of a conversation on a bad network, the tunnel goes on or ends in order; it never
 * hangs. */
static void test_restart_at_any_time(void **state)
{
	unsigned survived = 0;
	for (unsigned at = 1; at < 400; at += 3) {
		struct net *net = net_new(NULL);
		struct side *i = &net->side[INITIATOR], *c = &net->side[CONCENTRATOR];
		net->seed = at;
		net->loss = 10;
		net->jitter_ms = 20;
		net_open(net, 7);
		while (c->tunnels_up == 0)
			net_run(net, 1);
		net_run(net, at);
		if (c->tunnels_down == 0)
			restart(net);
		net->loss = 0;
		/* New messages in both directions have to get through. */
		if (i->tunnels_up && !i->tunnels_down)
			assert_int_equal(l2tp_tunnel_probe(i->e, i->tunnel, net->now), 0);
		net_run(net, 100000);
		struct l2tp_counters a = l2tp_get_counters(i->e), b = l2tp_get_counters(c->e);
		assert_int_equal(a.tunnels, b.tunnels);
		assert_int_equal(a.sessions, b.sessions);
		survived += a.tunnels;
		l2tp_close_all(c->e, L2TP_STOP_REQUEST, NULL, net->now);
		net_run(net, 1000);
		net_assert_clean(net);
		net_free(net);
	}
	assert_int_equal(survived, 133);
}

static void test_bad_records(void **state)
{
	struct net *net = net_new(NULL);
	net_open(net, 7);
	net_run(net, 500);
	struct side *c = &net->side[CONCENTRATOR];
	struct l2tp_endpoint *other = NULL;
	struct l2tp_config config = net_config(net, INITIATOR);
	config.limits.tunnels = 1;
	config.callbacks.changed = NULL;
	assert_int_equal(l2tp_endpoint_new(&config, &other), 0);
	for (int n = 0; n < c->record_size; n++)
		assert_int_equal(l2tp_tunnel_import(other, c->record, (size_t)n, 0), -EINVAL);
	assert_int_equal(l2tp_tunnel_import(other, c->record, (size_t)c->record_size + 1, 0), -EINVAL);
	assert_int_equal(l2tp_tunnel_import(other, c->record, (size_t)c->record_size, 0), c->tunnel);
	c->record[3] ^= 1; /* another id: one too many */
	assert_int_equal(l2tp_tunnel_import(other, c->record, (size_t)c->record_size, 0), -ENOSPC);
	uint8_t record[L2TP_RECORD_MAX];
	assert_int_equal(l2tp_tunnel_export(other, 0, record), -ENOENT);
	other = l2tp_endpoint_free(other);
	/* Any byte may be wrong. */
	for (int at = 0; at < c->record_size; at++) {
		memcpy(record, c->record, sizeof(record));
		record[at] ^= 0xff;
		assert_int_equal(l2tp_endpoint_new(&config, &other), 0);
		if (l2tp_tunnel_import(other, record, (size_t)c->record_size, 0) > 0)
			l2tp_tick(other, 1000000);
		other = l2tp_endpoint_free(other);
	}
	net_free(net);
}

static void one_each(struct l2tp_config *config, int index)
{
	config->limits.sessions = 1;
}

/* 50,000 tunnels: found, ticked and ended, at a bounded size. */
static void test_many(void **state)
{
	enum { MANY = 50000 };
	struct net *net = net_new(one_each);
	struct side *i = &net->side[INITIATOR], *c = &net->side[CONCENTRATOR];
	assert_true(sizeof(struct l2tp_tunnel) + sizeof(struct l2tp_session) <= 512);
	for (uint32_t k = 1; k <= MANY; k++) {
		net_open(net, k);
		if (k % 100 == 0)
			net_run(net, 5);
	}
	net_run(net, 500);
	assert_int_equal(c->sessions_up, MANY);
	assert_int_equal(l2tp_get_counters(c->e).sessions, MANY);
	struct l2tp_path path = net_path(MANY + 1);
	assert_int_equal(l2tp_tunnel_open(i->e, &path, net->now), -ENOSPC);
	for (uint32_t k = 1; k <= MANY; k++) {
		l2tp_association_ended(i->e, k, net->now);
		l2tp_association_ended(c->e, k, net->now);
	}
	assert_int_equal(c->sessions_down, MANY);
	assert_int_equal(i->tunnels_down, MANY);
	net_assert_clean(net);
	net_free(net);
}

static void test_draining_is_bounded(void **state)
{
	struct net *net = net_new(NULL);
	for (uint32_t k = 1; k <= 3000; k++) {
		uint16_t id = net_open(net, k);
		net_run(net, 5);
		assert_int_equal(
		        l2tp_tunnel_close(net->side[INITIATOR].e, id, L2TP_STOP_REQUEST, NULL, net->now), 0);
		net_run(net, 3);
	}
	for (int k = 0; k < 2; k++) {
		assert_int_equal(l2tp_get_counters(net->side[k].e).draining, 2048);
		assert_int_equal(net->side[k].tunnels_down, 3000);
	}
	net_assert_clean(net);
	net_free(net);
}

static void test_data_header(void **state)
{
	uint8_t p[64];
	struct l2tp_data_header h = { 0 };
	assert_int_equal(l2tp_data_write(p, 0x1234, 0x5678, false, false, 0), 6);
	assert_memory_equal(p, "\x00\x02\x12\x34\x56\x78", 6);
	memcpy(p + 6, "frame", 5);
	assert_true(l2tp_data_read(p, 11, &h));
	assert_true(h.tunnel == 0x1234 && h.session == 0x5678 && h.header_size == 6 && h.payload_size == 5);
	assert_false(h.has_sequence || h.priority);
	assert_int_equal(l2tp_data_write(p, 1, 2, true, true, 0xfffe), 10);
	assert_true(l2tp_data_read(p, 10, &h));
	assert_true(
	        h.has_sequence && h.priority && h.ns == 0xfffe && h.header_size == 10 && h.payload_size == 0);
	for (size_t n = 0; n < 10; n++)
		assert_false(l2tp_data_read(p, n, &h));
	/* Length, sequence and Offset; what is behind Length is not payload. */
	static const uint8_t all[] = { 0x4a, 0x02, 0, 19, 0, 1, 0, 2, 0, 3, 0, 0, 0, 2, 9, 9, 'a', 'b', 'c',
		'x' };
	assert_true(l2tp_data_read(all, sizeof(all), &h));
	assert_true(h.ns == 3 && h.header_size == 16 && h.payload_size == 3);
	memcpy(p, all, sizeof(all));
	p[3] = 21; /* longer than what came */
	assert_false(l2tp_data_read(p, sizeof(all), &h));
	p[3] = 13; /* shorter than the header */
	assert_false(l2tp_data_read(p, sizeof(all), &h));
	p[3] = 19;
	p[13] = 6; /* the padding ends beyond Length */
	assert_false(l2tp_data_read(p, sizeof(all), &h));
	assert_false(l2tp_is_control(all, sizeof(all)));
	assert_true(l2tp_is_control((const uint8_t *)"\xc8\x02", 2));
	assert_false(l2tp_is_control((const uint8_t *)"\xc8\x03", 2));
	assert_false(l2tp_data_read((const uint8_t *)"\xc8\x02\x00\x06\x00\x01", 6, &h));
	assert_true(l2tp_ns_is_new(5, 5) && l2tp_ns_is_new(0, 0xffff) && !l2tp_ns_is_new(4, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_restart_at_any_time),
		cmocka_unit_test(test_bad_records),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_draining_is_bounded),
		cmocka_unit_test(test_data_header),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
