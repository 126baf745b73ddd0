/* SPDX-License-Identifier: ISC */
/* Pools: what is given, to whom again, what conflicts, and what a crash at any byte of the journal leaves. */
#include "tests/unit/test.h"

#include "base/file.h"
#include "softwire/pool.h"
#include "tests/unit/directory.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static const char *const site[] = { "staff ipv4 10.9.0.0/28", "staff framed 2001:db8:9000::/60",
	"staff delegated 2001:db8:a000::/52", "guest ipv4 10.10.0.0/30",
	"big delegated 2001:db8:b000::/36 length 60" };

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(text, &p), 0);
	return p;
}

static struct pools *open_pools(const char *const *texts, size_t n, const char *path)
{
	struct pool_range ranges[POOL_MAX];
	struct error err = { "" };
	struct pools *p = NULL;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pool_range_parse(texts[i], &ranges[i], &err), 0);
	if (pools_new(ranges, n, path, 1000000, &p, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

static struct pools *open_site(const char *path)
{
	return open_pools(site, ARRAY_LENGTH(site), path);
}

static struct pool_holder holder(const char *user, uint64_t session)
{
	return (struct pool_holder){ user ? "machine.example.org" : NULL, user, session };
}

/* What the user gets, as text; "full" or "conflict" where it gets nothing. */
static const char *take(
        struct pools *p, const char *name, enum pool_kind kind, const char *user, uint64_t session)
{
	static char text[4][IP_TEXT_SIZE];
	static int turn;
	struct pool_holder h = holder(user, session);
	struct ip_prefix got;
	int r = pool_take(p, name, kind, &h, 2000000, &got, NULL);
	if (r < 0)
		return r == -ENOSPC ? "full" : "none";
	turn = (turn + 1) % 4;
	return ip_prefix_format(&got, text[turn]);
}

static int fix(struct pools *p, const char *value, const char *user, uint64_t session)
{
	struct pool_holder h = holder(user, session);
	struct ip_prefix v = prefix(value);
	struct error err = { "" };
	int r = pool_take_fixed(p, &v, &h, 2000000, &err);
	assert_int_equal(r < 0, *err.text != '\0');
	return r;
}

static void let_go(struct pools *p, const char *user, uint64_t session)
{
	struct pool_holder h = holder(user, session);
	pool_let_go(p, &h, 3000000);
}

static void test_configuration(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		unsigned length;
	} cases[] = { { "staff ipv4 10.9.0.0/20", true, 128 },
		{ "staff framed 2001:db8:9000::/40", true, 64 },
		{ "staff delegated 2001:db8:a000::/36 length 56", true, 56 },
		{ "staff delegated 2001:db8:a000::/36", true, 56 },
		{ "s.t-a_1 delegated 2001:db8::/48 length 48", true, 48 }, { "staff", false, 0 },
		{ "staff ipv4", false, 0 }, { "staff ipv6 2001:db8::/40", false, 0 },
		{ "staff ipv4 2001:db8::/40", false, 0 }, { "staff framed 10.0.0.0/8", false, 0 },
		{ "staff ipv4 10.9.0.1/20", false, 0 }, { "staff ipv4 10.9.0.0/20 length 30", false, 0 },
		{ "staff framed 2001:db8::/40 length 64", false, 0 },
		{ "staff framed 2001:db8::/72", false, 0 },
		{ "staff delegated 2001:db8::/60 length 56", false, 0 },
		{ "staff delegated 2001:db8::/36 length 72", false, 0 },
		{ "staff delegated 2001:db8::/36 width 56", false, 0 },
		{ "staff delegated 2001:db8::/36 length", false, 0 },
		{ "staff delegated 2001:db8::/36 length 56 x", false, 0 },
		{ "st/aff ipv4 10.0.0.0/24", false, 0 }, { "staff framed fe80::/40", false, 0 },
		{ "staff framed ff00::/40", false, 0 }, { "staff ipv4 0.0.0.0/0", false, 0 },
		{ "staff framed ::/0", false, 0 },
		{ "abcdefghijklmnopqrstuvwxyzabcdef ipv4 10.0.0.0/24", false, 0 } };
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct pool_range r;
		struct error err = { "" };
		if ((pool_range_parse(cases[i].text, &r, &err) == 0) != cases[i].ok)
			fail_msg("%s: %s", cases[i].text, err.text);
		if (cases[i].ok)
			assert_int_equal(r.length, cases[i].length);
		else
			assert_true(*err.text);
	}
	struct pool_range two[2];
	struct pools *p = NULL;
	struct error err = { "" };
	assert_int_equal(pool_range_parse("a framed 2001:db8::/40", &two[0], &err), 0);
	assert_int_equal(pool_range_parse("b delegated 2001:db8:80::/44", &two[1], &err), 0);
	assert_int_equal(pools_new(two, 2, NULL, 0, &p, &err), -EINVAL);
	assert_non_null(strstr(err.text, "overlaps"));
}

static void test_first_items_and_our_own(void **state)
{
	struct pools *p = open_site(NULL);
	struct ip_address own;
	char text[IP_TEXT_SIZE];
	assert_string_equal(take(p, "staff", POOL_IPV4, "a", 1), "10.9.0.2/32");
	assert_string_equal(take(p, "staff", POOL_FRAMED, "a", 1), "2001:db8:9000:1::/64");
	assert_string_equal(take(p, "staff", POOL_DELEGATED, "a", 1), "2001:db8:a000::/56");
	assert_string_equal(take(p, "staff", POOL_DELEGATED, "b", 2), "2001:db8:a000:100::/56");
	assert_string_equal(take(p, "big", POOL_DELEGATED, "b", 2), "2001:db8:b000::/60");
	assert_string_equal(take(p, "nobody", POOL_IPV4, "a", 1), "none");
	assert_int_equal(pool_own(p, "staff", POOL_IPV4, &own), 0);
	assert_string_equal(ip_format(&own, text), "10.9.0.1");
	assert_int_equal(pool_own(p, "staff", POOL_FRAMED, &own), 0);
	assert_string_equal(ip_format(&own, text), "2001:db8:9000::1");
	assert_int_equal(pool_own(p, "staff", POOL_DELEGATED, &own), -ENOENT);
	pools_free(p);
}

static void test_same_again(void **state)
{
	struct pools *p = open_site(NULL);
	char first[IP_TEXT_SIZE];
	snprintf(first, sizeof(first), "%s", take(p, "staff", POOL_IPV4, "a", 1));
	take(p, "staff", POOL_IPV4, "b", 2);
	let_go(p, "a", 1);
	assert_string_not_equal(take(p, "staff", POOL_IPV4, "c", 3), first);
	assert_string_equal(take(p, "staff", POOL_IPV4, "a", 4), first);
	/* The newer session of an identity takes over, and the end of the older one takes nothing from it. */
	assert_string_equal(take(p, "staff", POOL_IPV4, "a", 5), first);
	let_go(p, "a", 4);
	struct pool_state s;
	pool_get_state(p, 0, &s);
	assert_int_equal(s.in_use, 3);
	let_go(p, "a", 5);
	pool_get_state(p, 0, &s);
	assert_int_equal(s.in_use, 2);
	assert_int_equal(s.remembered, 1);
	assert_int_equal(s.capacity, 13);
	struct pool_counters c;
	pool_get_counters(p, &c);
	assert_int_equal(c.given_again, 2);
	pools_free(p);
}

static void test_short_pool(void **state)
{
	struct pools *p = open_site(NULL);
	char user[8], addresses[13][IP_TEXT_SIZE];
	for (int i = 0; i < 13; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		snprintf(addresses[i], IP_TEXT_SIZE, "%s", take(p, "staff", POOL_IPV4, user, (uint64_t)i));
	}
	assert_string_equal(take(p, "staff", POOL_IPV4, "late", 99), "full");
	let_go(p, "u7", 7);
	let_go(p, "u3", 3);
	assert_string_equal(take(p, "staff", POOL_IPV4, "late", 99), addresses[7]); /* let go longest ago */
	assert_string_equal(take(p, "staff", POOL_IPV4, "u3", 100), addresses[3]);
	assert_string_equal(take(p, "staff", POOL_IPV4, "u7", 101), "full");
	let_go(p, "u3", 100);
	assert_string_equal(take(p, "staff", POOL_IPV4, "u7", 101), addresses[3]);
	struct pool_counters c;
	pool_get_counters(p, &c);
	assert_int_equal(c.full, 2);
	assert_int_equal(c.forgotten, 2);
	pools_free(p);
}

static void test_two_ranges_of_a_name(void **state)
{
	static const char *const texts[] = { "p ipv4 10.0.0.0/30", "p ipv4 10.0.1.0/30" };
	struct pools *p = open_pools(texts, 2, NULL);
	assert_string_equal(take(p, "p", POOL_IPV4, "a", 1), "10.0.0.2/32");
	assert_string_equal(take(p, "p", POOL_IPV4, "b", 2), "10.0.1.2/32");
	assert_string_equal(take(p, "p", POOL_IPV4, "c", 3), "full");
	let_go(p, "b", 2);
	assert_string_equal(take(p, "p", POOL_IPV4, "c", 3), "10.0.1.2/32");
	pools_free(p);
}

static void test_fixed_values(void **state)
{
	struct pools *p = open_site(NULL);
	assert_string_equal(take(p, "staff", POOL_DELEGATED, "a", 1), "2001:db8:a000::/56");
	assert_int_equal(fix(p, "2001:db8:a000::/56", "b", 2), -EADDRINUSE);
	assert_int_equal(fix(p, "2001:db8:a000:80::/60", "b", 2), -EADDRINUSE);
	assert_int_equal(fix(p, "2001:db8:a000::/48", "b", 2), -EADDRINUSE);
	assert_int_equal(fix(p, "10.9.0.1/32", "b", 2), -EADDRINUSE); /* ours */
	assert_int_equal(fix(p, "2001:db8:a000:100::/56", "b", 2), 0);
	assert_int_equal(fix(p, "2001:db8:a000:100::/56", "b", 2), 0);
	assert_int_equal(fix(p, "2001:db8:a000:1ff::1/128", "b", 2), 0); /* a part of its own */
	assert_int_equal(fix(p, "2001:db8:a000:1ff::1/128", "b", 3), -EADDRINUSE);
	assert_string_equal(take(p, "staff", POOL_DELEGATED, "c", 3), "2001:db8:a000:200::/56");
	assert_int_equal(fix(p, "2001:db8:ffff::/48", "d", 4), 0);
	assert_int_equal(fix(p, "2001:db8:ffff:1::/64", "e", 5), -EADDRINUSE);
	let_go(p, "d", 4);
	assert_int_equal(fix(p, "2001:db8:ffff:1::/64", "e", 5), 0); /* d is only remembered */
	/* A large one jumps over; what is behind it is given. */
	assert_int_equal(fix(p, "2001:db8:b000::/40", "f", 6), 0);
	assert_string_equal(take(p, "big", POOL_DELEGATED, "g", 7), "2001:db8:b100::/60");
	struct ip_prefix inside = prefix("10.9.0.8/29"), outside = prefix("10.9.1.0/29");
	assert_true(pool_covers(p, &inside));
	assert_false(pool_covers(p, &outside));
	pools_free(p);
}

static void test_holes_are_found(void **state)
{
	static const char *const texts[] = { "p ipv4 10.0.0.0/29" };
	struct pools *p = open_pools(texts, 1, NULL);
	assert_int_equal(fix(p, "10.0.0.2/31", "fixed", 1), 0);
	for (int i = 4; i < 7; i++) {
		char user[8], expected[IP_TEXT_SIZE];
		snprintf(user, sizeof(user), "u%d", i);
		snprintf(expected, sizeof(expected), "10.0.0.%d/32", i);
		assert_string_equal(take(p, "p", POOL_IPV4, user, (uint64_t)i), expected);
	}
	assert_string_equal(take(p, "p", POOL_IPV4, "late", 9), "full");
	let_go(p, "fixed", 1);
	assert_int_equal(fix(p, "10.0.0.2/32", "fixed", 2), 0); /* the /31 is gone, half of it is free */
	assert_string_equal(take(p, "p", POOL_IPV4, "late", 9), "10.0.0.3/32");
	assert_string_equal(take(p, "p", POOL_IPV4, "later", 10), "full");
	pools_free(p);
}

static void test_anonymous(void **state)
{
	char *d = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/leases", d);
	struct pools *p = open_site(path);
	assert_string_equal(take(p, "staff", POOL_IPV4, NULL, 1), "10.9.0.2/32");
	assert_string_equal(take(p, "staff", POOL_IPV4, NULL, 2), "10.9.0.3/32"); /* not the same person */
	let_go(p, NULL, 1);
	assert_string_equal(
	        take(p, "staff", POOL_IPV4, "a", 3), "10.9.0.2/32"); /* nobody comes back for it */
	pools_free(p);
	p = open_site(path);
	struct pool_state s;
	pool_get_state(p, 0, &s);
	assert_int_equal(s.remembered, 1);
	pools_free(p);
	directory_remove(d);
}

static void test_restart(void **state)
{
	char *d = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/leases", d);
	char ipv4[IP_TEXT_SIZE], delegated[IP_TEXT_SIZE];
	struct pools *p = open_site(path);
	take(p, "staff", POOL_IPV4, "x", 8);
	snprintf(ipv4, sizeof(ipv4), "%s", take(p, "staff", POOL_IPV4, "a", 1));
	snprintf(delegated, sizeof(delegated), "%s", take(p, "staff", POOL_DELEGATED, "a", 1));
	assert_int_equal(fix(p, "2001:db8:ffff::/48", "a", 1), 0);
	assert_true(pool_has_work(p));
	assert_int_equal(pool_commit(p, 1000, NULL), 0);
	assert_false(pool_has_work(p));
	/* As if killed: another life beside, from what is on the disk. */
	struct pools *next = open_site(path);
	assert_string_equal(take(next, "staff", POOL_IPV4, "new", 7), "10.9.0.4/32");
	assert_string_equal(take(next, "staff", POOL_IPV4, "a", 9), ipv4);
	assert_string_equal(take(next, "staff", POOL_DELEGATED, "a", 9), delegated);
	assert_int_equal(fix(next, "2001:db8:ffff::/48", "a", 9), 0);
	pools_free(next);
	pools_free(p);
	/* With other pools: what is no item of a range any more is left out, the rest stays. */
	static const char *const changed[] = { "staff ipv4 10.9.0.0/28",
		"staff delegated 2001:db8:a000::/52 length 60" };
	p = open_pools(changed, 2, path);
	assert_string_equal(take(p, "staff", POOL_IPV4, "a", 9), ipv4);
	assert_string_equal(take(p, "staff", POOL_DELEGATED, "a", 9), "2001:db8:a000::/60");
	pools_free(p);
	directory_remove(d);
}

static void test_in_use_is_remembered_longest(void **state)
{
	char *d = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/leases", d);
	struct pools *p = open_site(path);
	char user[8];
	for (int i = 0; i < 13; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		take(p, "staff", POOL_IPV4, user, (uint64_t)i);
	}
	for (int i = 12; i > 5; i--) {
		snprintf(user, sizeof(user), "u%d", i);
		let_go(p, user, (uint64_t)i);
	}
	pools_free(p);
	p = open_site(path);
	assert_string_equal(take(p, "staff", POOL_IPV4, "n0", 100), "10.9.0.14/32"); /* u12, u11 */
	assert_string_equal(take(p, "staff", POOL_IPV4, "n1", 101), "10.9.0.13/32");
	assert_string_equal(take(p, "staff", POOL_IPV4, "u0", 102), "10.9.0.2/32");
	pools_free(p);
	directory_remove(d);
}

/* A crash that leaves any number of the journal's bytes: all leases whose line is whole are there, and no
 * others. */
static void test_every_crash_point(void **state)
{
	char *d = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/leases", d), *cut FREE_ON_EXIT = xasprintf("%s/cut", d);
	struct pools *p = open_site(path);
	char expected[4][IP_TEXT_SIZE], user[8];
	for (int i = 0; i < 4; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		snprintf(
		        expected[i], IP_TEXT_SIZE, "%s", take(p, "staff", POOL_DELEGATED, user, (uint64_t)i));
		assert_int_equal(pool_commit(p, 1000, NULL), 0);
	}
	char *data FREE_ON_EXIT = NULL;
	size_t length;
	assert_int_equal(file_read(path, 100000, &data, &length, NULL), 0);
	for (size_t n = 0; n <= length; n++) {
		size_t whole = 0;
		for (size_t i = 0; i < n; i++)
			whole += data[i] == '\n';
		assert_int_equal(file_replace(cut, data, n, 0600, NULL), 0);
		struct pools *q = open_site(cut);
		struct pool_state s;
		pool_get_state(q, 2, &s);
		assert_int_equal(s.remembered, whole ? whole - 1 : 0);
		for (size_t i = 0; i + 1 < whole; i++) {
			snprintf(user, sizeof(user), "u%zu", i);
			assert_string_equal(take(q, "staff", POOL_DELEGATED, user, 50 + i), expected[i]);
		}
		assert_int_equal(pool_commit(q, 1000, NULL), 0);
		pools_free(q);
		q = open_site(cut); /* what was repaired reads back */
		pool_get_state(q, 2, &s);
		assert_int_equal(s.remembered, whole ? whole - 1 : 0);
		pools_free(q);
	}
	pools_free(p);
	directory_remove(d);
}

static void test_damage_in_the_middle(void **state)
{
	char *d = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/leases", d);
	struct pools *p = open_site(path);
	take(p, "staff", POOL_IPV4, "a", 1);
	take(p, "staff", POOL_IPV4, "b", 2);
	pools_free(p);
	char *data FREE_ON_EXIT = NULL;
	size_t length;
	assert_int_equal(file_read(path, 100000, &data, &length, NULL), 0);
	data[30] ^= 1;
	assert_int_equal(file_replace(path, data, length, 0600, NULL), 0);
	p = open_site(path);
	struct pool_state s;
	pool_get_state(p, 0, &s);
	assert_int_equal(s.remembered, 1);
	assert_true(pool_has_work(p)); /* to be written anew */
	pools_free(p);
	/* And what is no journal at all is left as it is. */
	struct pools *q = NULL;
	struct error err = { "" };
	assert_int_equal(file_replace(path, "127.0.0.1 localhost\n", 20, 0600, NULL), 0);
	assert_int_equal(pools_new(NULL, 0, path, 0, &q, &err), -EPROTO);
	assert_non_null(strstr(err.text, path));
	directory_remove(d);
}

static void test_full_disk(void **state)
{
	char *d = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/leases", d);
	struct pools *p = open_site(path);
	struct error err = { "" };
	take(p, "staff", POOL_IPV4, "a", 1);
	assert_int_equal(pool_commit(p, 1000, &err), 0);
	struct rlimit old, small;
	getrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_IGN);
	small = (struct rlimit){ 150, old.rlim_max };
	take(p, "staff", POOL_IPV4, "b", 2);
	take(p, "staff", POOL_DELEGATED, "b", 2);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(pool_commit(p, 2000, &err), -EFBIG);
	assert_true(pool_has_work(p));
	assert_int_equal(pool_commit(p, 2001, &err), 0); /* not at once again */
	setrlimit(RLIMIT_FSIZE, &old);
	take(p, "staff", POOL_DELEGATED, "c", 3);
	assert_int_equal(pool_commit(p, 4000, &err), 0);
	assert_false(pool_has_work(p));
	struct pools *q = open_site(path);
	struct pool_state s;
	pool_get_state(q, 0, &s);
	assert_int_equal(s.remembered, 2);
	pool_get_state(q, 2, &s);
	assert_int_equal(s.remembered, 2);
	pools_free(q);
	pools_free(p);
	directory_remove(d);
}

/* Random users come and go; nothing that two hold at once overlaps, and the journal does not grow without
 * end. */
static void test_many(void **state)
{
	enum { USERS = 3000, ROUNDS = 60000 };
	static const char *const texts[] = { "p ipv4 10.0.0.0/21", "p delegated 2001:db8:a000::/45" };
	char *d = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/leases", d);
	struct pools *p = open_pools(texts, 2, path);
	static struct ip_prefix held[USERS][2];
	static bool online[USERS];
	uint32_t random = 1;
	for (int round = 0; round < ROUNDS; round++) {
		random = random * 1664525 + 1013904223;
		uint32_t u = (random >> 8) % USERS;
		char user[16];
		snprintf(user, sizeof(user), "u%u", u);
		struct pool_holder h = holder(user, u);
		if (online[u])
			pool_let_go(p, &h, round);
		else {
			int a = pool_take(p, "p", POOL_IPV4, &h, round, &held[u][0], NULL);
			int b = pool_take(p, "p", POOL_DELEGATED, &h, round, &held[u][1], NULL);
			assert_true(a == 0 && b == 0);
		}
		online[u] = !online[u];
		if (round % 100 == 0)
			assert_int_equal(pool_commit(p, 1000, NULL), 0);
	}
	for (size_t u = 0; u < USERS; u++)
		for (size_t v = 0; v < u && online[u]; v++)
			for (size_t k = 0; k < 2 && online[v]; k++)
				assert_false(ip_in_prefix(&held[u][k].address, &held[v][k]));
	char *data FREE_ON_EXIT = NULL;
	size_t length;
	assert_int_equal(file_read(path, 10000000, &data, &length, NULL), 0);
	assert_in_range(length, 1, 16000 * 90);
	pools_free(p);
	p = open_pools(texts, 2, path);
	for (size_t u = 0; u < USERS; u++) {
		char user[16];
		snprintf(user, sizeof(user), "u%zu", u);
		struct pool_holder h = holder(user, u);
		struct ip_prefix got;
		if (!online[u])
			continue;
		assert_int_equal(pool_take(p, "p", POOL_IPV4, &h, 0, &got, NULL), 0);
		assert_true(ip_equal(&got.address, &held[u][0].address));
	}
	pools_free(p);
	directory_remove(d);
}

static void test_fifty_thousand(void **state)
{
	static const char *const texts[] = { "p ipv4 10.0.0.0/15", "p framed 2001:db8::/40",
		"p delegated 2001:db9::/36" };
	char *d = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/leases", d);
	for (uint64_t life = 0; life < 2; life++) {
		struct pools *p = open_pools(texts, 3, path);
		for (uint64_t u = 0; u < 50000; u++) {
			char user[24];
			snprintf(user, sizeof(user), "u%d", (int)u);
			for (int kind = 0; kind < POOL_N_KINDS; kind++) {
				const char *got = take(p, "p", (enum pool_kind)kind, user, u);
				assert_true(strcmp(got, "full") != 0 && strcmp(got, "none") != 0);
			}
		}
		assert_int_equal(pool_commit(p, 1000, NULL), 0);
		struct pool_counters c;
		pool_get_counters(p, &c);
		assert_int_equal(c.given_again, life * 150000);
		pools_free(p);
	}
	directory_remove(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_first_items_and_our_own),
		cmocka_unit_test(test_same_again),
		cmocka_unit_test(test_short_pool),
		cmocka_unit_test(test_two_ranges_of_a_name),
		cmocka_unit_test(test_fixed_values),
		cmocka_unit_test(test_holes_are_found),
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_in_use_is_remembered_longest),
		cmocka_unit_test(test_every_crash_point),
		cmocka_unit_test(test_damage_in_the_middle),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_fifty_thousand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
