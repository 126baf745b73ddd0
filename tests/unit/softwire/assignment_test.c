/* SPDX-License-Identifier: ISC */
/* What a session is given: from the pools, from AAA, and what AAA cannot give. */
#include "tests/unit/test.h"

#include "softwire/assignment.h"

#include <errno.h>
#include <string.h>

static const char *const site[] = { "default ipv4 10.9.0.0/29", "default framed 2001:db8:9000::/60",
	"default delegated 2001:db8:a000::/52", "guest ipv4 10.10.0.0/29" };

struct bench {
	struct softwire_options o;
	struct pools *pools;
	struct error err;
};

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(text, &p), 0);
	return p;
}

static void make(struct bench *b)
{
	struct pool_range ranges[4];
	*b = (struct bench){ .o = { .ipv4 = true, .ipv6 = true, .pool = xstrdup("default") } };
	b->o.routes[b->o.n_routes++] = (struct softwire_route){ prefix("10.77.0.0/24"), "" };
	b->o.routes[b->o.n_routes++] = (struct softwire_route){ prefix("2001:db8:7700::/40"), "" };
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pool_range_parse(site[i], &ranges[i], &b->err), 0);
	assert_int_equal(pools_new(ranges, 4, NULL, 0, &b->pools, &b->err), 0);
}

static void clear(struct bench *b)
{
	pools_free(b->pools);
	free(b->o.pool);
}

static int take(struct bench *b, const struct aaa_profile *p, const char *user, uint64_t session,
        struct assignment *a)
{
	const struct pool_holder holder = { "m.example.org", user, session };
	return assignment_take(&b->o, b->pools, p, user, &holder, 1000, a, &b->err);
}

static size_t in_use(const struct bench *b)
{
	size_t n = 0;
	for (size_t i = 0; i < pool_count(b->pools); i++) {
		struct pool_state s;
		pool_get_state(b->pools, i, &s);
		n += s.in_use;
	}
	return n;
}

static void test_from_the_pools(void **state)
{
	struct bench b;
	struct assignment a;
	char text[IP_TEXT_SIZE];
	make(&b);
	assert_int_equal(take(&b, NULL, "u", 1, &a), 0);
	assert_true(a.ipv4 && a.ipv6);
	assert_string_equal(ip_format(&a.ipv4_address, text), "10.9.0.2");
	assert_string_equal(ip_format(&a.ipv4_own, text), "10.9.0.1");
	assert_int_equal(a.n_framed, 1);
	assert_string_equal(ip_prefix_format(&a.prefixes[0], text), "2001:db8:9000:1::/64");
	assert_string_equal(ip_prefix_format(assignment_delegated(&a), text), "2001:db8:a000::/56");
	assignment_clear(&a);
	struct aaa_profile p = { .pool = "guest" };
	assert_int_equal(take(&b, &p, "v", 2, &a), 0);
	assert_string_equal(ip_format(&a.ipv4_address, text), "10.10.0.2");
	assignment_clear(&a);
	struct aaa_profile unknown = { .pool = "nobody" };
	assert_int_equal(take(&b, &unknown, "w", 3, &a), -ENOENT);
	clear(&b);
}

static void test_from_aaa(void **state)
{
	struct bench b;
	struct assignment a;
	char text[IP_TEXT_SIZE];
	struct aaa_profile p = {
		.has = AAA_HAS_IPV4, .n_prefixes = 1, .n_delegated = 1, .n_addresses = 1, .n_routes = 2
	};
	make(&b);
	p.ipv4 = prefix("10.77.0.5/32").address;
	p.prefixes[0] = prefix("2001:db8:7701::/64");
	p.addresses[0] = prefix("2001:db8:7701::5/128").address; /* of its own prefix */
	p.delegated[0] = prefix("2001:db8:a000:500::/56");       /* of a pool's range */
	p.routes[0] = prefix("2001:db8:7710::/48");
	p.routes[1] = prefix("10.77.0.64/28");
	assert_int_equal(take(&b, &p, "u", 1, &a), 0);
	assert_string_equal(ip_format(&a.ipv4_address, text), "10.77.0.5");
	assert_int_equal(a.n_framed + a.n_delegated + a.n_addresses + a.n_routes, 5);
	assignment_clear(&a);
	assert_int_equal(take(&b, &p, "thief", 2, &a), -EADDRINUSE);
	assert_non_null(strstr(b.err.text, "in use by another session"));
	clear(&b);
}

/* Each of these is in no pool and no route, or larger than one: nothing is taken at all. */
static void test_what_aaa_cannot_give(void **state)
{
	static const char *const foreign[] = { "2001:db8:1::/64", "2001:db8:7600::/39", "::/0",
		"2001:db8:9000::/59" };
	for (size_t i = 0; i < ARRAY_LENGTH(foreign); i++)
		for (int kind = 0; kind < 3; kind++) {
			struct bench b;
			struct assignment a;
			struct aaa_profile p = { .has = 0 };
			make(&b);
			if (kind == 0)
				p.prefixes[p.n_prefixes++] = prefix(foreign[i]);
			else if (kind == 1)
				p.delegated[p.n_delegated++] = prefix(foreign[i]);
			else
				p.routes[p.n_routes++] = prefix(foreign[i]);
			assert_int_equal(take(&b, &p, "u", 1, &a), -EADDRNOTAVAIL);
			assert_non_null(strstr(b.err.text, "no pool"));
			assert_int_equal(in_use(&b), 0);
			clear(&b);
		}
	struct bench b;
	struct assignment a;
	struct aaa_profile p = { .has = AAA_HAS_IPV4, .ipv4 = prefix("192.0.2.1/32").address };
	make(&b);
	assert_int_equal(take(&b, &p, "u", 1, &a), -EADDRNOTAVAIL);
	p.ipv4 = prefix("10.9.0.1/32").address; /* the concentrator's own */
	assert_int_equal(take(&b, &p, "u", 1, &a), -EADDRINUSE);
	p = (struct aaa_profile){ .n_routes = 1 };
	p.routes[0] = prefix("0.0.0.0/0");
	assert_int_equal(take(&b, &p, "u", 1, &a), -EADDRNOTAVAIL);
	clear(&b);
}

/* Of a pool that is full there is nothing; of the others there is. Without any there is no session. */
static void test_a_full_pool(void **state)
{
	struct bench b;
	struct assignment a;
	make(&b);
	for (uint64_t i = 0; i < 5; i++) {
		char user[4] = { 'u', (char)('0' + i), '\0' };
		assert_int_equal(take(&b, NULL, user, i, &a), 0);
		assignment_clear(&a);
	}
	size_t before = in_use(&b);
	assert_int_equal(take(&b, NULL, "late", 9, &a), 1);
	assert_non_null(strstr(b.err.text, "in use"));
	assert_true(!a.ipv4 && a.ipv6);
	assert_int_equal(a.n_framed, 1);
	assert_int_equal(a.n_delegated, 1);
	assert_int_equal(in_use(&b), before + 2);
	assignment_clear(&a);
	before = in_use(&b);
	b.o.ipv6 = false;
	assert_int_equal(take(&b, NULL, "later", 10, &a), -ENOSPC);
	assert_non_null(strstr(b.err.text, "in use"));
	assert_int_equal(in_use(&b), before);
	clear(&b);
}

/* A realm with routes of its own: its AAA gives from those alone, and nobody else's does. */
static void test_realms(void **state)
{
	static const struct {
		const char *user, *given;
		int result;
	} cases[] = {
		{ "u@home.example", "192.0.2.16/32", 0 },
		{ "u@HOME.example", "192.0.2.16/32", 0 },
		{ "u@other@home.example", "192.0.2.16/32", 0 },
		{ "u@home.example", "192.0.2.32/32", -EADDRNOTAVAIL }, /* behind its route */
		{ "u@home.example", "10.77.0.5/32", -EADDRNOTAVAIL },  /* everybody else's route */
		{ "u@Home.Example", "10.9.0.3/32", -EADDRNOTAVAIL },   /* the site's pool */
		{ "u", "192.0.2.16/32", -EADDRNOTAVAIL },
		{ "u@", "192.0.2.16/32", -EADDRNOTAVAIL },
		{ "home.example", "192.0.2.16/32", -EADDRNOTAVAIL },
		{ "u@other.example", "192.0.2.16/32", -EADDRNOTAVAIL },
		{ "u@other.example", "10.77.0.5/32", 0 },
		{ "u@other.example", "10.9.0.3/32", 0 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct bench b;
		struct assignment a;
		struct aaa_profile p = { .has = AAA_HAS_IPV4, .ipv4 = prefix(cases[i].given).address };
		make(&b);
		b.o.routes[b.o.n_routes++] =
		        (struct softwire_route){ prefix("192.0.2.16/28"), "home.example" };
		assert_int_equal(take(&b, &p, cases[i].user, 1, &a), cases[i].result);
		if (cases[i].result == 0)
			assignment_clear(&a);
		clear(&b);
	}
	struct bench b;
	struct assignment a;
	struct aaa_profile p = { .has = AAA_HAS_IPV4, .ipv4 = prefix("203.0.113.9/32").address };
	make(&b);
	assert_int_equal(take(&b, &p, "u@far.example", 1, &a), -EADDRNOTAVAIL);
	assert_non_null(strstr(b.err.text, "add \"route = 203.0.113.9/32 far.example\""));
	clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_the_pools),
		cmocka_unit_test(test_from_aaa),
		cmocka_unit_test(test_what_aaa_cannot_give),
		cmocka_unit_test(test_a_full_pool),
		cmocka_unit_test(test_realms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
