/* SPDX-License-Identifier: ISC */
/* Which upper VIS is asked and when, with a clock that is an argument. */
#include "tests/unit/test.h"
#include "vis/upper_plan.h"

#include <string.h>

static const char *const names[] = { "first", "second", "third" };

static struct upper_plan make(size_t n)
{
	struct upper_plan p;
	upper_plan_init(&p, names, n);
	return p;
}

/* Whom it asks now; "" where nobody is due. */
static const char *due(struct upper_plan *p, time_ms now, int *ret_ms)
{
	const struct upper *u = upper_plan_due(p, now, ret_ms);
	return u ? u->name : "";
}

static void asks_in_order(void **state)
{
	struct upper_plan p = make(3);
	int ms;
	assert_string_equal(due(&p, 1000, &ms), "first");
	assert_string_equal(due(&p, 1000, &ms), ""); /* one at a time */
	upper_plan_ended(&p, UPPER_AWAY, "refused", 1001, 0);
	assert_string_equal(due(&p, 1001, &ms), "second");
	upper_plan_ended(&p, UPPER_AWAY, "refused", 1002, 0);
	assert_string_equal(due(&p, 1002, &ms), "third");
	upper_plan_ended(&p, UPPER_AWAY, "refused", 1003, 0);
	assert_string_equal(due(&p, 1003, &ms), "");
	assert_int_equal(ms, UPPER_FIRST_MS - 2);
	assert_string_equal(due(&p, 1001 + UPPER_FIRST_MS, &ms), "first");
	assert_int_equal(p.items[0].attempts, 2);
	assert_int_equal(p.items[1].ends[UPPER_AWAY], 1);
}

static void pauses_grow_and_are_forgotten(void **state)
{
	struct upper_plan p = make(1);
	time_ms now = 0;
	int ms, longest = 0;
	for (int i = 0; i < 20; i++) {
		assert_string_equal(due(&p, now, &ms), "first");
		/* To be subscribed to for a moment is no merit. */
		if (i % 2)
			upper_plan_subscribed(&p, now);
		upper_plan_ended(&p, UPPER_AWAY, "", now, 0);
		assert_string_equal(due(&p, now, &ms), "");
		assert_true(ms >= longest && ms <= UPPER_LAST_MS);
		longest = ms;
		now += ms;
	}
	assert_int_equal(longest, UPPER_LAST_MS);
	assert_string_equal(due(&p, now, &ms), "first");
	upper_plan_subscribed(&p, now);
	now += UPPER_LAST_MS;
	upper_plan_ended(&p, UPPER_AWAY, "", now, 0);
	(void)due(&p, now, &ms);
	assert_int_equal(ms, UPPER_FIRST_MS);
}

static void chance_shortens_by_a_quarter_at_most(void **state)
{
	struct upper_plan p = make(1);
	int ms;
	(void)due(&p, 0, &ms);
	upper_plan_ended(&p, UPPER_AWAY, "", 0, UINT16_MAX);
	(void)due(&p, 0, &ms);
	assert_int_equal(ms, UPPER_FIRST_MS - UPPER_FIRST_MS / 4);
}

static void who_served_us_is_followed_by_the_first(void **state)
{
	struct upper_plan p = make(3);
	int ms;
	(void)due(&p, 0, &ms);
	upper_plan_ended(&p, UPPER_AWAY, "", 0, 0);
	assert_string_equal(due(&p, 0, &ms), "second");
	upper_plan_subscribed(&p, 0);
	upper_plan_ended(&p, UPPER_AWAY, "killed", 5000, 0);
	assert_string_equal(due(&p, 5000 + UPPER_FIRST_MS, &ms), "first");
	assert_string_equal(p.items[1].reason, "killed");
}

static void who_is_distrusted_is_left_alone(void **state)
{
	static const enum upper_state ways[] = { UPPER_LOOP, UPPER_REFUSED, UPPER_WITHHOLDING };
	for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
		struct upper_plan p = make(2);
		int ms;
		(void)due(&p, 0, &ms);
		upper_plan_subscribed(&p, 0);
		upper_plan_ended(&p, ways[i], "", 10, 0);
		assert_string_equal(due(&p, 10, &ms), "second");
		upper_plan_ended(&p, UPPER_AWAY, "", 20, 0);
		/* Nobody, then the second again; the first when its time is over. */
		assert_string_equal(due(&p, 20, &ms), "");
		assert_int_equal(ms, UPPER_FIRST_MS);
		assert_string_equal(due(&p, 20 + UPPER_FIRST_MS, &ms), "second");
		upper_plan_ended(&p, UPPER_AWAY, "", 200, 0);
		assert_string_equal(due(&p, 10 + UPPER_DISTRUST_MS, &ms), "first");
	}
}

static void nobody_is_left_in_a_hurry(void **state)
{
	struct upper_plan p = make(1);
	int ms;
	(void)due(&p, 0, &ms);
	upper_plan_ended(&p, UPPER_LOOP, "", 0, 0);
	assert_string_equal(due(&p, UPPER_FIRST_MS, &ms), "");
	assert_int_equal(ms, UPPER_DISTRUST_MS - UPPER_FIRST_MS);
	assert_string_equal(due(&p, UPPER_DISTRUST_MS, &ms), "first");
}

/* Attempts that end as the one before do not begin anything. */
static void one_that_stays_away_is_away_since_it_went(void **state)
{
	struct upper_plan p = make(1);
	const struct upper *u = &p.items[0];
	int ms;
	(void)due(&p, 1000, &ms);
	assert_int_equal(u->since, 1000);
	upper_plan_subscribed(&p, 1010);
	upper_plan_subscribed(&p, 1500);
	assert_int_equal(u->since, 1010);
	for (time_ms now = 20000; now < 60000; now += 10000) {
		upper_plan_ended(&p, UPPER_AWAY, "", now, 0);
		assert_int_equal(u->since, 20000);
		(void)due(&p, now + UPPER_LAST_MS, &ms);
		assert_int_equal(u->state, UPPER_CONNECTING);
		assert_int_equal(u->since, 20000);
	}
	upper_plan_ended(&p, UPPER_REFUSED, "", 60000, 0);
	assert_int_equal(u->since, 60000);
}

static void patience_ends_where_there_is_another(void **state)
{
	struct upper_plan one = make(1), two = make(2);
	int ms;
	(void)due(&one, 0, &ms);
	(void)due(&two, 0, &ms);
	assert_false(
	        upper_plan_impatient(&two, UPPER_PATIENCE_MS, UPPER_PATIENCE_MS)); /* not subscribed yet */
	upper_plan_subscribed(&one, 100);
	upper_plan_subscribed(&two, 100);
	assert_false(upper_plan_impatient(&two, 99 + UPPER_PATIENCE_MS, UPPER_PATIENCE_MS));
	assert_true(upper_plan_impatient(&two, 100 + UPPER_PATIENCE_MS, UPPER_PATIENCE_MS));
	assert_false(upper_plan_impatient(&one, 100 + UPPER_PATIENCE_MS, UPPER_PATIENCE_MS));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_in_order),
		cmocka_unit_test(pauses_grow_and_are_forgotten),
		cmocka_unit_test(chance_shortens_by_a_quarter_at_most),
		cmocka_unit_test(who_served_us_is_followed_by_the_first),
		cmocka_unit_test(who_is_distrusted_is_left_alone),
		cmocka_unit_test(nobody_is_left_in_a_hurry),
		cmocka_unit_test(one_that_stays_away_is_away_since_it_went),
		cmocka_unit_test(patience_ends_where_there_is_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
