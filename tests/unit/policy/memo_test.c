/* SPDX-License-Identifier: ISC */
/* Packages that mean nothing are not looked up again, and nothing else is left out. */
#include "policy/evaluation.h"
#include "tests/unit/policy/scripted_index.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#define DAY 86400000LL
#define NOW (1000 * DAY)
#define FRAME \
	"define server { address 2001:db8::2 tcp 271 }\n" \
	"segment quarantine default { allow to server }\n" \
	"segment isolated { allow to server }\n" \
	"segment staff level 2 { allow to any }\n" \
	"inspect every 30 min certificate lifetime 45 min\n"
#define HIGH FRAME "require patched { no advisory where severity >= high and fixed }\n" REST
#define OLD FRAME "require patched { no advisory where older than 7 days }\n" REST
#define REST "admit to staff when patched\notherwise isolated\n"

static const struct scripted_match matches[] = {
	{ "openssl", "DSA-1", "2", "a", VULN_SEVERITY_HIGH, NOW - 100 * DAY, NOW, { "CVE-1" } },
	{ "bash", "DSA-2", "2", "a", VULN_SEVERITY_LOW, NOW - 2 * DAY, NOW, { "CVE-2" } },
};

struct bed {
	struct policy *policy;
	struct vuln_index index;
	struct policy_memo *memo;
	struct posture *posture;
};

static struct policy *policy_of(const char *text)
{
	struct policy *p = NULL;
	struct error err = { "" };
	if (policy_parse("p", text, strlen(text), NULL, NULL, &p, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

static void set_up(struct bed *b, const char *policy)
{
	static const char *const names[] = { "openssl", "bash", "dash", "zsh" };
	*b = (struct bed){ .policy = policy_of(policy), .memo = policy_memo_new(), .posture = posture_new() };
	b->index = (struct vuln_index){
		.matches = matches, .n_matches = ARRAY_LENGTH(matches), .generation = 7, .can_skip = true
	};
	b->posture->os_id = "debian";
	b->posture->os_version = "12";
	b->posture->packages_known = true;
	for (uint32_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const struct posture_package one = { "deb", names[i], "1", "amd64", names[i], "1", 100 + i };
		assert_int_equal(posture_add_package(b->posture, &one), 0);
	}
}

static void tear_down(struct bed *b)
{
	policy_free(b->policy);
	policy_memo_free(b->memo);
	posture_free(b->posture);
}

/* How many packages were looked up; the decision is that of an evaluation that looks all of them up. */
static size_t evaluate(struct bed *b, time_ms now)
{
	struct policy_decision with, without;
	struct policy_input in = {
		.node = "alice", .posture = b->posture, .index = &b->index, .unique = TRI_YES, .now = now
	};
	policy_evaluate(b->policy, &in, &without);
	in.memo = b->memo;
	b->index.looked_up = 0;
	policy_evaluate(b->policy, &in, &with);
	json_t *a = policy_decision_to_json(&with), *c = policy_decision_to_json(&without);
	assert_true(json_equal(a, c));
	assert_int_equal(with.advisory_generation, b->index.generation);
	json_decref(a);
	json_decref(c);
	policy_decision_clear(&with);
	policy_decision_clear(&without);
	return b->index.looked_up;
}

static void test_what_means_nothing(void **state)
{
	struct bed b;
	set_up(&b, HIGH);
	assert_int_equal(evaluate(&b, NOW), 4);
	assert_int_equal(evaluate(&b, NOW), 1); /* openssl is a finding each time */
	b.posture->packages[2].id = 0;          /* without a number nothing is known of it */
	assert_int_equal(evaluate(&b, NOW), 2);
	assert_int_equal(evaluate(&b, NOW), 2);
	tear_down(&b);
}

static void test_what_it_depends_on(void **state)
{
	struct bed b;
	set_up(&b, HIGH);
	assert_int_equal(evaluate(&b, NOW), 4);
	b.index.generation++;
	assert_int_equal(evaluate(&b, NOW), 4);
	assert_int_equal(evaluate(&b, NOW), 1);
	b.posture->os_version = "11";
	assert_int_equal(evaluate(&b, NOW), 4);
	b.posture->os_id = "ubuntu";
	assert_int_equal(evaluate(&b, NOW), 4);
	b.posture->os_id = NULL;
	assert_int_equal(evaluate(&b, NOW), 4);
	assert_int_equal(evaluate(&b, NOW), 4); /* a release that is not known has no view */
	b.posture->os_id = "debian";
	b.posture->os_version = "12";
	policy_free(b.policy);
	b.policy = policy_of(HIGH "\n# another\nrole \"x\" { node \"y\" }\n");
	assert_int_equal(evaluate(&b, NOW), 4);
	assert_int_equal(evaluate(&b, NOW), 1);
	policy_memo_forget(b.memo, 103);
	assert_int_equal(evaluate(&b, NOW), 2);
	policy_memo_clear(b.memo);
	assert_int_equal(evaluate(&b, NOW), 4);
	/* More releases than it has room for. */
	for (int i = 0; i < 100; i++) {
		char version[8] = { (char)('0' + i / 10), (char)('0' + i % 10) };
		b.posture->os_version = version;
		assert_int_equal(evaluate(&b, NOW), 4);
		assert_int_equal(evaluate(&b, NOW), 1);
	}
	tear_down(&b);
}

/* What is no finding today can be one tomorrow. */
static void test_time(void **state)
{
	struct bed b;
	set_up(&b, OLD);
	assert_int_equal(evaluate(&b, NOW), 4);
	assert_int_equal(evaluate(&b, NOW), 2); /* openssl, and bash, which is not old enough yet */
	assert_int_equal(evaluate(&b, NOW + 10 * DAY), 2);
	tear_down(&b);
}

/* What could not be judged is never a pass, and a look that failed says nothing. */
static void test_what_is_not_known(void **state)
{
	struct bed b;
	set_up(&b, HIGH);
	b.index.unjudged = "dash";
	assert_int_equal(evaluate(&b, NOW), 4);
	assert_int_equal(evaluate(&b, NOW), 2);
	b.index.unjudged = NULL;
	assert_int_equal(evaluate(&b, NOW), 2);
	assert_int_equal(evaluate(&b, NOW), 1);
	tear_down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_means_nothing),
		cmocka_unit_test(test_what_it_depends_on),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_what_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
