/* SPDX-License-Identifier: ISC */
/* The longest prefix match against a plain search, rate limits on a clock of our own, and the tables of
 * sessions, SAs and associations. */
#include "dataplane/association.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct tables {
	struct dataplane_config config;
	struct reclaim reclaim;
	struct session_table sessions;
	struct sa_table sas;
	struct association_table associations;
};

static struct ip_address address(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static struct tables *tables_new(void)
{
	struct tables *t = xcalloc(1, sizeof(*t));
	dataplane_config_clear(&t->config);
	t->config.addresses[0].ip = address("192.0.2.1");
	t->config.addresses[1].ip = address("::");
	t->config.n_addresses = 2;
	session_table_init(&t->sessions, &t->reclaim, 2, 0x123456789abcdefULL);
	sa_table_init(&t->sas, &t->reclaim, 0xfedcba987654321ULL);
	association_table_init(&t->associations, &t->sas, &t->sessions, &t->reclaim, 0x5555aaaa5555aaaaULL);
	return t;
}

static void tables_free(struct tables *t)
{
	reclaim_clear(&t->reclaim);
	association_table_clear(&t->associations);
	sa_table_clear(&t->sas);
	session_table_clear(&t->sessions);
	free(t);
}

/* ---- longest prefix ---- */

static uint32_t random_state = 1;

static uint32_t random_number(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 8;
}

/* Few bits differ, so that prefixes lie in one another. */
static struct ip_prefix random_prefix(bool v4)
{
	struct ip_prefix p = { .length = (uint8_t)(v4 ? 96 + random_number() % 33 : random_number() % 129) };
	if (v4)
		p.address.bytes[10] = p.address.bytes[11] = 0xff;
	else
		p.address.bytes[0] = 0x20;
	for (int i = v4 ? 12 : 1; i < 16; i++)
		p.address.bytes[i] = (uint8_t)(random_number() % 4 * 85);
	for (unsigned bit = p.length; bit < 128; bit++)
		p.address.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return p;
}

static void *search(
        const struct ip_prefix *all, const bool *there, size_t n, const struct ip_address *a, bool v4)
{
	const struct ip_prefix *best = NULL;
	for (size_t i = 0; i < n; i++) {
		if (there[i] && trie_prefix_is_v4(&all[i]) == v4 && ip_in_prefix(a, &all[i]) &&
		        (!best || all[i].length > best->length))
			best = &all[i];
	}
	return (void *)best;
}

static void longest_prefix_is_found(void **state)
{
	enum { N = 300 };
	static struct ip_prefix all[N];
	static bool there[N];
	struct reclaim reclaim = { 0 };
	struct trie t = { .reclaim = &reclaim };
	size_t count = 0;
	for (size_t i = 0; i < N; i++)
		all[i] = random_prefix(i % 2);
	for (int step = 0; step < 6000; step++) {
		size_t i = random_number() % N;
		void *before = trie_get(&t, &all[i]);
		/* The same prefix may have been made twice: then the last one set is the value. */
		if (random_number() % 3) {
			assert_ptr_equal(trie_set(&t, &all[i], &all[i]), before);
			for (size_t k = 0; k < N; k++) {
				if (there[k] && all[k].length == all[i].length &&
				        ip_equal(&all[k].address, &all[i].address))
					there[k] = false;
			}
			there[i] = true;
		} else if (there[i]) {
			assert_ptr_equal(trie_remove(&t, &all[i]), &all[i]);
			there[i] = false;
		}
		struct ip_prefix probe = random_prefix(step % 2);
		probe.address.bytes[15] |= 1;
		assert_ptr_equal(
		        trie_find(&t, &probe.address), search(all, there, N, &probe.address, step % 2));
		if (step % 64 == 0)
			reclaim_now(&reclaim);
	}
	for (size_t i = 0; i < N; i++)
		count += there[i];
	assert_int_equal(t.count, count);
	for (size_t i = 0; i < N; i++) {
		if (there[i])
			assert_non_null(trie_remove(&t, &all[i]));
	}
	assert_null(t.roots[0]);
	assert_null(t.roots[1]);
	reclaim_clear(&reclaim);
}

static void defaults_are_of_a_family(void **state)
{
	struct reclaim reclaim = { 0 };
	struct trie t = { .reclaim = &reclaim };
	struct ip_prefix v6 = { .length = 0 }, v4 = { .length = 96 };
	struct ip_address a4 = address("192.0.2.9"), a6 = address("2001:db8::9");
	v4.address.bytes[10] = v4.address.bytes[11] = 0xff;
	trie_set(&t, &v6, (void *)"six");
	assert_null(trie_find(&t, &a4));
	assert_string_equal(trie_find(&t, &a6), "six");
	trie_set(&t, &v4, (void *)"four");
	assert_string_equal(trie_find(&t, &a4), "four");
	trie_clear(&t);
	reclaim_clear(&reclaim);
}

/* ---- rate ---- */

static void rate_is_kept(void **state)
{
	struct limiter l = { 0 };
	const int64_t second = 1000000000, start = 5 * second;
	uint64_t passed = 0, rate = 8000000; /* 1 MB/s */
	for (int64_t now = start; now < start + second; now += 100000) {
		for (int i = 0; i < 3; i++) {
			if (limiter_take(&l, now, limiter_bytes_cost(1000, rate), second / 20))
				passed += 1000;
		}
	}
	assert_in_range(passed, 1000000, 1060000);
	/* What was not used is no credit beyond the burst. */
	passed = 0;
	for (int i = 0; i < 1000; i++)
		passed += limiter_take(&l, start + 100 * second, limiter_bytes_cost(1000, rate), second / 20);
	assert_int_equal(passed, 50);
}

/* ---- sessions ---- */

static int set(struct tables *t, uint16_t id, const char *prefix, struct association *a, struct session **ret)
{
	struct ipc_inner_prefix list[2];
	assert_int_equal(ip_prefix_parse(prefix, &list[0].prefix), 0);
	assert_int_equal(ip_prefix_parse("2001:db8:77::/64", &list[1].prefix), 0);
	struct ipc_session m = { .tunnel = 7,
		.session = id,
		.peer_tunnel = 1,
		.peer_session = 2,
		.local = address("192.0.2.1"),
		.remote = address("198.51.100.1"),
		.local_port = 1701,
		.remote_port = 1701,
		.prefixes = list,
		.n_prefixes = id == 9 ? 2 : 1,
		.mtu = 1400,
		.ipv4 = true,
		.ipv6 = true };
	return session_set(&t->sessions, &t->config, &m, a, ret);
}

static void sessions_come_and_go(void **state)
{
	struct tables *t = tables_new();
	struct session *a, *b, *again;
	struct ip_address inside = address("10.1.0.9");
	assert_int_equal(set(t, 0, "10.1.0.0/16", NULL, &a), -EINVAL);
	assert_int_equal(set(t, 1, "10.1.0.0/16", NULL, &a), 0);
	assert_ptr_equal(session_find(&t->sessions, 7, 1), a);
	assert_ptr_equal(session_route(&t->sessions, &inside), a);
	a->state->counters[1].in_bytes = 40;
	a->state->counters[0].in_bytes = 2;
	/* The one that comes later has the prefix; the other one's end does not take it away. */
	assert_int_equal(set(t, 2, "10.1.0.0/16", NULL, &b), 0);
	assert_ptr_equal(session_route(&t->sessions, &inside), b);
	/* Replaced: other prefixes, the same counters. */
	assert_int_equal(set(t, 1, "10.2.0.0/16", NULL, &again), 0);
	struct ipc_session_count count;
	session_count(&t->sessions, again, &count);
	assert_int_equal(count.in_bytes, 42);
	reclaim_now(&t->reclaim);
	assert_ptr_equal(session_find(&t->sessions, 7, 1), again);
	session_remove(&t->sessions, again);
	assert_null(session_find(&t->sessions, 7, 1));
	assert_ptr_equal(session_route(&t->sessions, &inside), b);
	session_remove(&t->sessions, b);
	assert_null(session_route(&t->sessions, &inside));
	assert_int_equal(t->sessions.by_prefix.count, 0);
	/* IPv6 first, then IPv4. */
	assert_int_equal(set(t, 9, "10.3.0.0/16", NULL, &a), 0);
	assert_int_equal(a->prefixes.n6, 1);
	assert_int_equal(a->prefixes.n, 2);
	tables_free(t);
}

static void twenty_thousand_sessions_are_small(void **state)
{
	struct tables *t = tables_new();
	struct session *s;
	for (unsigned i = 1; i <= 20000; i++) {
		char prefix[IP_TEXT_SIZE];
		snprintf(prefix, sizeof(prefix), "2001:db8:0:%x::/64", i);
		assert_int_equal(set(t, (uint16_t)i, prefix, NULL, &s), 0);
	}
	struct ip_address last = address("2001:db8:0:4e20::7");
	assert_ptr_equal(session_route(&t->sessions, &last), s);
	size_t each = sizeof(struct session) + 2 * sizeof(struct ip_prefix) + sizeof(struct path) +
	        sizeof(struct session_state) + 3 * sizeof(struct session_counters) + 2 * 2 * 64;
	assert_in_range(each, 1, 2048);
	tables_free(t);
}

/* ---- SAs and associations ---- */

static struct sa *add_sa(struct tables *t, bool inbound, uint32_t spi, const char *peer, uint16_t port)
{
	static uint8_t key[20];
	struct ip_address ours = address("192.0.2.1"), theirs = address(peer);
	struct ipc_sa_add m = { .reqid = 3,
		.spi = spi,
		.inbound = inbound,
		.source = inbound ? theirs : ours,
		.destination = inbound ? ours : theirs,
		.encapsulated = true,
		.source_port = inbound ? port : 4500,
		.destination_port = inbound ? 4500 : port,
		.replay_window = 64,
		.encryption = 20,
		.encryption_key = key,
		.encryption_key_length = sizeof(key) };
	struct sa *sa = NULL;
	struct error err;
	int rc = sa_add(&t->sas, &t->config, &m, 0, &sa, &err);
	return rc < 0 ? NULL : sa;
}

static int child(struct tables *t, uint32_t ike, const char *identity, uint32_t in, uint32_t out,
        struct association **ret, bool *ret_new)
{
	struct ipc_child m = { .up = true,
		.reqid = 3,
		.spi_in = in,
		.spi_out = out,
		.ike = ike,
		.name = (char *)"softwire",
		.identity = (char *)identity,
		.authentication = 1 };
	struct error err;
	return association_child_up(&t->associations, &m, ret, ret_new, &err);
}

static void two_behind_one_nat(void **state)
{
	struct tables *t = tables_new();
	struct association *a, *b;
	bool is_new;
	assert_non_null(add_sa(t, true, 0x1001, "198.51.100.1", 40001));
	assert_non_null(add_sa(t, false, 0x2001, "198.51.100.1", 40001));
	assert_non_null(add_sa(t, true, 0x1002, "198.51.100.1", 40002));
	assert_non_null(add_sa(t, false, 0x2002, "198.51.100.1", 40002));
	/* An outbound SPI that the other one has at the same address is nobody's to take. */
	assert_null(add_sa(t, false, 0x2001, "198.51.100.1", 40002));
	assert_int_equal(child(t, 1, "alice", 0x1001, 0x2001, &a, &is_new), 0);
	assert_true(is_new);
	assert_int_equal(child(t, 2, "bob", 0x1002, 0x2002, &b, &is_new), 0);
	assert_true(is_new);
	assert_ptr_not_equal(a, b);
	/* The same selectors, so the same reqid; but another's SAs stay another's. */
	assert_int_equal(child(t, 2, "bob", 0x1001, 0x2001, &b, &is_new), -EEXIST);
	assert_int_equal(child(t, 9, "mallory", 0x1001, 0x2002, &b, &is_new), -EEXIST);
	assert_int_equal(child(t, 9, "mallory", 0x1009, 0x2002, &b, &is_new), -ENOENT);
	tables_free(t);
}

static void rekeying_keeps_the_association(void **state)
{
	struct tables *t = tables_new();
	struct association *a, *same;
	struct session *s;
	bool is_new;
	struct sa *in = add_sa(t, true, 0x1001, "198.51.100.1", 4500);
	struct sa *out = add_sa(t, false, 0x2001, "198.51.100.1", 4500);
	assert_int_equal(child(t, 1, "alice", 0x1001, 0x2001, &a, &is_new), 0);
	assert_int_equal(set(t, 1, "10.1.0.0/16", a, &s), 0);
	struct sa *in2 = add_sa(t, true, 0x1003, "198.51.100.1", 4500);
	struct sa *out2 = add_sa(t, false, 0x2003, "198.51.100.1", 4500);
	/* Sending goes on as before until the CHILD_SA is told. */
	assert_ptr_equal(a->out, out);
	assert_int_equal(child(t, 1, "alice", 0x1003, 0x2003, &same, &is_new), 0);
	assert_false(is_new);
	assert_ptr_equal(same, a);
	assert_ptr_equal(a->out, out2);
	/* Both are received on. */
	assert_ptr_equal(in->association, a);
	assert_ptr_equal(in2->association, a);
	assert_false(association_drop_sa(&t->associations, in));
	sa_remove(&t->sas, in);
	assert_false(association_drop_sa(&t->associations, out));
	sa_remove(&t->sas, out);
	assert_ptr_equal(a->out, out2);
	/* The IKE_SA is rekeyed: another number, the same CHILD_SA. */
	assert_int_equal(child(t, 77, "alice", 0x1003, 0x2003, &same, &is_new), 0);
	assert_ptr_equal(same, a);
	assert_int_equal(a->ike, 77);
	assert_true(association_drop_sa(&t->associations, out2));
	sa_remove(&t->sas, out2);
	association_end(&t->associations, a);
	/* With the association go its sessions (RFC 3193 3.1). */
	assert_null(session_find(&t->sessions, 7, 1));
	assert_int_equal(table_count(t->sas.by_name), 0);
	tables_free(t);
}

static void a_peer_moves(void **state)
{
	struct tables *t = tables_new();
	struct association *a;
	bool is_new;
	struct sa *in = add_sa(t, true, 0x1001, "198.51.100.1", 40001);
	struct sa *out = add_sa(t, false, 0x2001, "198.51.100.1", 40001);
	assert_int_equal(child(t, 1, "alice", 0x1001, 0x2001, &a, &is_new), 0);
	struct ip_address ours = address("192.0.2.1"), there = address("203.0.113.5");
	struct path *to = path_new(&t->config, DATAPLANE_NAT_T, &ours, 4500, &there, 555);
	assert_int_equal(association_move(&t->associations, &t->config, in, to), 0);
	assert_true(path_same(in->path, to));
	assert_true(path_same(out->path, to));
	assert_ptr_equal(sa_find(&t->sas, 0x2001, &there), out);
	free(to);
	tables_free(t);
}

static void orphans_wait_for_their_peer(void **state)
{
	struct tables *t = tables_new();
	struct association *a, *b;
	bool is_new;
	add_sa(t, true, 0x1001, "198.51.100.1", 4500);
	add_sa(t, false, 0x2001, "198.51.100.1", 4500);
	assert_int_equal(child(t, 1, "alice", 0x1001, 0x2001, &a, &is_new), 0);
	association_orphan_all(&t->associations);
	association_orphan_all(&t->associations);
	add_sa(t, true, 0x1002, "198.51.100.1", 4500);
	add_sa(t, false, 0x2002, "198.51.100.1", 4500);
	/* A new charon counts from 1 again: that is nobody's identity. */
	assert_int_equal(child(t, 1, "bob", 0x1002, 0x2002, &b, &is_new), 0);
	assert_true(is_new);
	assert_null(association_find_orphan(&t->associations, b));
	add_sa(t, true, 0x1003, "198.51.100.1", 4500);
	add_sa(t, false, 0x2003, "198.51.100.1", 4500);
	assert_int_equal(child(t, 2, "alice", 0x1003, 0x2003, &b, &is_new), 0);
	assert_ptr_equal(association_find_orphan(&t->associations, b), a);
	association_end(&t->associations, a);
	assert_null(association_find_orphan(&t->associations, b));
	tables_free(t);
}

static void inner_room_is_what_esp_leaves(void **state)
{
	struct tables *t = tables_new();
	struct sa *out = add_sa(t, false, 0x2001, "198.51.100.1", 4500);
	uint16_t n = association_inner_max(out, true, 1500, 18);
	size_t whole = 20 + 8 + esp_sa_packet_length(out->esp, n + 18u);
	assert_in_range(whole, 1497, 1500);
	assert_int_equal(association_inner_max(NULL, true, 1500, 18), 1500 - 20 - 18);
	assert_int_equal(association_inner_max(NULL, true, 30, 18), 0);
	tables_free(t);
}

/* Every suite that is negotiated, over both families, with and without UDP: the longest inner packet fits,
 * one more would not, and what control reckons with beforehand is never too little. */
static void inner_room_is_right_for_every_suite(void **state)
{
	static const struct {
		uint8_t encryption, integrity, encryption_key, integrity_key;
	} suites[] = { { 20, 0, 20, 0 }, { 20, 0, 36, 0 }, { 28, 0, 36, 0 }, { 12, 12, 16, 32 },
		{ 12, 12, 32, 32 }, { 12, 13, 32, 48 }, { 12, 14, 32, 64 }, { 12, 2, 16, 20 },
		{ 11, 12, 0, 32 } };
	static uint8_t key[64];
	const uint16_t headers = 8 + 12 + 4;
	struct tables *t = tables_new();
	for (size_t i = 0; i < 4 * ARRAY_LENGTH(suites); i++) {
		const bool v4 = i & 1, udp = i & 2;
		struct ipc_sa_add m = { .reqid = 3,
			.spi = (uint32_t)(0x3001 + i),
			.source = address(v4 ? "192.0.2.1" : "2001:db8::1"),
			.destination = address(v4 ? "198.51.100.1" : "2001:db8:5::1"),
			.encapsulated = udp,
			.source_port = udp ? 4500 : 0,
			.destination_port = udp ? 4500 : 0,
			.encryption = suites[i / 4].encryption,
			.encryption_key = key,
			.encryption_key_length = suites[i / 4].encryption_key,
			.integrity = suites[i / 4].integrity,
			.integrity_key = key,
			.integrity_key_length = suites[i / 4].integrity_key };
		const size_t around = (v4 ? 20u : 40u) + (udp ? 8u : 0u);
		struct sa *sa = NULL;
		assert_int_equal(sa_add(&t->sas, &t->config, &m, 0, &sa, NULL), 0);
		for (uint16_t mtu = 1280; mtu <= 1500; mtu++) {
			uint16_t n = association_inner_max(sa, v4, mtu, headers);
			assert_true(around + esp_sa_packet_length(sa->esp, n + headers) <= mtu);
			assert_true(around + esp_sa_packet_length(sa->esp, n + headers + 1u) > mtu);
			assert_true(mtu - (v4 ? 20 : 40) - headers - association_overhead(sa) <= n);
		}
	}
	tables_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_prefix_is_found),
		cmocka_unit_test(defaults_are_of_a_family),
		cmocka_unit_test(rate_is_kept),
		cmocka_unit_test(sessions_come_and_go),
		cmocka_unit_test(twenty_thousand_sessions_are_small),
		cmocka_unit_test(two_behind_one_nat),
		cmocka_unit_test(rekeying_keeps_the_association),
		cmocka_unit_test(a_peer_moves),
		cmocka_unit_test(orphans_wait_for_their_peer),
		cmocka_unit_test(inner_room_is_what_esp_leaves),
		cmocka_unit_test(inner_room_is_right_for_every_suite),
	};
	return cmocka_run_group_tests_name("dataplane-tables", tests, NULL, NULL);
}
