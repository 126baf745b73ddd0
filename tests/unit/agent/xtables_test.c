/* SPDX-License-Identifier: ISC */
/* Tables of x_tables as the kernel gives them: built here, entry by entry. */
#include "agent/xtables.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
/* behind libc's */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>

struct table {
	struct ipt_getinfo info;
	struct writer entries;
	uint64_t packets; /* counted by every entry that follows */
};

static struct table begin(const char *name)
{
	struct table t = { .entries = wr_make(SIZE_MAX), .info.valid_hooks = 1u << NF_INET_LOCAL_IN };
	strcpy(t.info.name, name);
	return t;
}

/* An entry of IPv4 with that target; "" with a verdict. */
static void add(struct table *t, const char *target, int verdict)
{
	struct xt_standard_target end = { .verdict = verdict };
	const struct ipt_entry entry = { .target_offset = sizeof(entry),
		.next_offset = sizeof(entry) + sizeof(end),
		.counters.pcnt = t->packets,
		.comefrom = (unsigned int)t->packets };
	end.target.u.user.target_size = sizeof(end);
	strcpy(end.target.u.user.name, target);
	wr_bytes(&t->entries, &entry, sizeof(entry));
	wr_bytes(&t->entries, &end, sizeof(end));
}

static void add_policy(struct table *t, int verdict)
{
	t->info.underflow[NF_INET_LOCAL_IN] = (unsigned int)t->entries.length;
	add(t, XT_STANDARD_TARGET, verdict);
}

/* What was read, and the fingerprint, which the caller frees. */
static struct xtables end(struct table *t, struct writer *fingerprint)
{
	struct xtables x = { 0 };
	*fingerprint = wr_make(SIZE_MAX);
	add(t, XT_ERROR_TARGET, 0);
	assert_int_equal(
	        xtables_read_entries(AF_INET, &t->info, t->entries.data, t->entries.length, &x, fingerprint),
	        0);
	wr_free(&t->entries);
	return x;
}

static void an_empty_table(void **state)
{
	struct writer w;
	struct table t = begin("filter");
	add_policy(&t, -NF_ACCEPT - 1);
	struct xtables x = end(&t, &w);
	assert_int_equal(x.rules, 0);
	assert_false(x.filters_input || x.drops_input || x.masquerades);
	wr_free(&w);
}

static void rules_and_policies(void **state)
{
	struct writer w;
	struct table t = begin("filter");
	add(&t, XT_STANDARD_TARGET, -NF_ACCEPT - 1);
	add(&t, "LOG", 0);
	add_policy(&t, -NF_ACCEPT - 1);
	struct xtables x = end(&t, &w);
	assert_int_equal(x.rules, 2);
	assert_true(x.filters_input && !x.drops_input);
	wr_free(&w);
	t = begin("filter");
	add_policy(&t, -NF_DROP - 1);
	x = end(&t, &w);
	assert_int_equal(x.rules, 0);
	assert_true(x.filters_input && x.drops_input);
	wr_free(&w);
	/* Only the filter table filters; a chain of the user's ends with a rule that nobody wrote. */
	t = begin("mangle");
	add_policy(&t, -NF_DROP - 1);
	add(&t, XT_ERROR_TARGET, 0);
	add(&t, XT_STANDARD_TARGET, 0);
	add(&t, XT_STANDARD_TARGET, XT_RETURN);
	x = end(&t, &w);
	assert_int_equal(x.rules, 1);
	assert_false(x.filters_input || x.drops_input);
	wr_free(&w);
}

static void translation(void **state)
{
	static const char *const targets[] = { "MASQUERADE", "SNAT", "NETMAP" };
	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
		struct writer w;
		struct table t = begin("nat");
		add(&t, targets[i], 0);
		add_policy(&t, -NF_ACCEPT - 1);
		assert_true(end(&t, &w).masquerades);
		wr_free(&w);
	}
}

static void counters_do_not_count(void **state)
{
	struct writer w[3];
	for (size_t i = 0; i < ARRAY_LENGTH(w); i++) {
		struct table t = begin("filter");
		t.packets = i == 1 ? 1000 : 0;
		add(&t, i == 2 ? "REJECT" : "DROP", 0);
		add_policy(&t, -NF_ACCEPT - 1);
		(void)end(&t, &w[i]);
	}
	assert_int_equal(w[0].length, w[1].length);
	assert_memory_equal(w[0].data, w[1].data, w[0].length);
	assert_memory_not_equal(w[0].data, w[2].data, w[0].length);
	for (size_t i = 0; i < ARRAY_LENGTH(w); i++)
		wr_free(&w[i]);
}

static void offsets_stay_inside(void **state)
{
	static const struct {
		uint16_t target, next;
	} rows[] = { { 0, 0 }, { sizeof(struct ipt_entry), 0 }, { sizeof(struct ipt_entry), 5000 },
		{ 5000, sizeof(struct ipt_entry) + 64 },
		{ sizeof(struct ipt_entry), sizeof(struct ipt_entry) },
		{ 4, sizeof(struct ipt_entry) + 64 } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct ipt_getinfo info = { .name = "filter" };
		struct xtables x = { 0 };
		struct writer w = wr_make(SIZE_MAX);
		uint8_t bytes[256] = { 0 };
		struct ipt_entry entry = { .target_offset = rows[i].target, .next_offset = rows[i].next };
		memcpy(bytes, &entry, sizeof(entry));
		assert_int_equal(
		        xtables_read_entries(AF_INET, &info, bytes, sizeof(bytes), &x, &w), -EBADMSG);
		assert_int_equal(xtables_read_entries(AF_INET, &info, bytes, 8, &x, &w), -EBADMSG);
		assert_int_equal(
		        xtables_read_entries(AF_INET6, &info, bytes, sizeof(bytes), &x, &w), -EBADMSG);
		assert_int_equal(x.rules, 0);
		wr_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table),
		cmocka_unit_test(rules_and_policies),
		cmocka_unit_test(translation),
		cmocka_unit_test(counters_do_not_count),
		cmocka_unit_test(offsets_stay_inside),
	};
	return cmocka_run_group_tests_name("xtables", tests, NULL, NULL);
}
