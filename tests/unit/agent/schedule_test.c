/* SPDX-License-Identifier: ISC */
#include "agent/schedule.h"
#include "agent/settle.h"
#include "tests/unit/test.h"

#include <string.h>

#define HOUR 3600000

static const uint8_t digest_a[32] = { 1 }, digest_b[32] = { 2 };

static void assert_next(const struct schedule *s, time_ms now, enum schedule_action want)
{
	time_ms at;
	assert_int_equal(schedule_next(s, now, &at), want);
}

static time_ms next_time(const struct schedule *s, time_ms now)
{
	time_ms at;
	assert_int_equal(schedule_next(s, now, &at), SCHEDULE_WAIT);
	return at;
}

/* Up to the first decision, with digest a presented at time 0. */
static struct schedule decided(int64_t expires_in, int64_t next_in)
{
	struct schedule s;
	schedule_init(&s, 0);
	assert_next(&s, 0, SCHEDULE_CONNECT);
	schedule_connecting(&s);
	assert_next(&s, HOUR, SCHEDULE_WAIT);
	schedule_connected(&s, 0);
	assert_next(&s, 0, SCHEDULE_INSPECT);
	schedule_assessing(&s, 0);
	schedule_presented(&s, digest_a);
	schedule_decided(&s, 0, expires_in, next_in);
	return s;
}

static void inspects_at_the_time_that_the_decision_names(void **state)
{
	struct schedule s = decided(45 * 60000, 30 * 60000);
	assert_int_equal(next_time(&s, 0), 30 * 60000);
	assert_next(&s, 30 * 60000 - 1, SCHEDULE_WAIT);
	assert_next(&s, 30 * 60000, SCHEDULE_INSPECT);
}

static void never_waits_until_the_certificate_has_expired(void **state)
{
	static const struct {
		int64_t expires_in, next_in, want;
	} rows[] = {
		{ 60000, 0, 45000 },                  /* none named */
		{ 60000, 600000, 45000 },             /* later than the expiry */
		{ 500, 0, SCHEDULE_INTERVAL_MIN_MS }, /* not in a loop without a pause */
		{ 60000, 1, SCHEDULE_INTERVAL_MIN_MS },
		{ 100 * (int64_t)HOUR, 90 * (int64_t)HOUR, SCHEDULE_INTERVAL_MAX_MS },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct schedule s = decided(rows[i].expires_in, rows[i].next_in);
		assert_int_equal(next_time(&s, 0), rows[i].want);
	}
}

static void only_another_posture_is_a_reason(void **state)
{
	struct schedule s = decided(HOUR, HOUR / 2);
	schedule_posture(&s, digest_a, 0);
	assert_next(&s, 1, SCHEDULE_WAIT);
	schedule_posture(&s, digest_b, 0);
	assert_next(&s, 1, SCHEDULE_INSPECT);
	/* It went back to what the server knows. */
	schedule_posture(&s, digest_a, 0);
	assert_next(&s, 2, SCHEDULE_WAIT);
}

static void a_change_during_an_assessment_is_not_lost(void **state)
{
	struct schedule s = decided(HOUR, HOUR / 2);
	schedule_assessing(&s, 10);
	schedule_presented(&s, digest_a);
	schedule_posture(&s, digest_b, 0);
	assert_next(&s, 20, SCHEDULE_WAIT);
	schedule_decided(&s, 30, HOUR, HOUR / 2);
	assert_next(&s, 30, SCHEDULE_INSPECT);
	schedule_assessing(&s, 30);
	schedule_presented(&s, digest_b);
	schedule_decided(&s, 40, HOUR, HOUR / 2);
	assert_next(&s, 40, SCHEDULE_WAIT);
}

static void tries_again_ever_slower_within_bounds(void **state)
{
	struct schedule s;
	time_ms now = 0;
	schedule_init(&s, now);
	for (uint32_t i = 0; i < 20; i++) {
		assert_next(&s, now, SCHEDULE_CONNECT);
		schedule_connecting(&s);
		schedule_disconnected(&s, now, i * 397);
		time_ms at = next_time(&s, now);
		assert_in_range(at - now, SCHEDULE_BACKOFF_MIN_MS, SCHEDULE_BACKOFF_MAX_MS);
		if (i > 5)
			assert_true(at - now >= SCHEDULE_BACKOFF_MAX_MS * 3 / 4);
		now = at;
	}
	/* A decision makes the next loss cheap again; a connection alone does not. */
	schedule_connecting(&s);
	schedule_connected(&s, now);
	schedule_disconnected(&s, now, 0);
	assert_int_equal(next_time(&s, now), now + SCHEDULE_BACKOFF_MAX_MS);
	schedule_connected(&s, now);
	schedule_decided(&s, now, HOUR, 0);
	schedule_disconnected(&s, now, 0);
	assert_int_equal(next_time(&s, now), now + SCHEDULE_BACKOFF_MIN_MS);
}

static void an_assessment_that_hangs_is_given_up(void **state)
{
	struct schedule s = decided(HOUR, HOUR / 2);
	schedule_assessing(&s, 1000);
	assert_next(&s, 1000 + SCHEDULE_ASSESSMENT_MS - 1, SCHEDULE_WAIT);
	assert_next(&s, 1000 + SCHEDULE_ASSESSMENT_MS, SCHEDULE_DISCONNECT);
}

static void without_a_placement_it_asks_again_ever_slower(void **state)
{
	struct schedule s = decided(0, 0);
	time_ms now = 0, waited = 0;
	for (int i = 0; i < 10; i++) {
		time_ms at = next_time(&s, now);
		assert_true(at - now >= waited && at - now <= SCHEDULE_UNPLACED_MAX_MS);
		waited = at - now;
		now = at;
		assert_next(&s, now, SCHEDULE_INSPECT);
		schedule_assessing(&s, now);
		schedule_decided(&s, now, 0, 0);
	}
	assert_int_equal(waited, SCHEDULE_UNPLACED_MAX_MS);
	schedule_decided(&s, now, HOUR, 0);
	schedule_decided(&s, now, 0, 0);
	assert_int_equal(next_time(&s, now), now + SCHEDULE_UNPLACED_MIN_MS);
}

static void a_third_partys_recommendation_lasts(void **state)
{
	struct schedule s = decided(0, 0);
	schedule_assessing(&s, 0);
	schedule_recommended(&s, 10);
	assert_int_equal(next_time(&s, 10), 10 + SCHEDULE_INTERVAL_MAX_MS);
	assert_next(&s, 10 + SCHEDULE_INTERVAL_MAX_MS, SCHEDULE_INSPECT);
	schedule_posture(&s, digest_b, 0);
	assert_next(&s, 20, SCHEDULE_INSPECT);
	/* Whoever hangs up after each result is asked ever slower. */
	time_ms now = 20;
	for (int i = 0; i < 10; i++) {
		schedule_recommended(&s, now);
		schedule_disconnected(&s, now, 0);
		now = next_time(&s, now);
		schedule_connecting(&s);
		schedule_connected(&s, now);
	}
	schedule_recommended(&s, now);
	schedule_disconnected(&s, now, 0);
	assert_int_equal(next_time(&s, now), now + SCHEDULE_BACKOFF_MAX_MS);
}

static void package_changes_settle_when_the_locks_are_free(void **state)
{
	struct settle s = { 0 };
	assert_false(settle_check(&s, 0, true));
	assert_int_equal(settle_next(&s, 0), INT64_MAX);
	settle_change(&s, 1000, true);
	assert_int_equal(settle_next(&s, 1000), 1000 + SETTLE_PROBE_MS);
	assert_false(settle_check(&s, 1050, false));
	settle_change(&s, 1200, true);
	assert_false(settle_check(&s, 1400, false));
	assert_true(settle_check(&s, 1450, true));
	assert_false(settle_check(&s, 1450, true));
}

static void quiet_settles_although_a_lock_is_held(void **state)
{
	struct settle s = { 0 };
	settle_change(&s, 1000, true);
	assert_false(settle_check(&s, 1000 + SETTLE_QUIET_MS - 1, false));
	assert_true(settle_check(&s, 1000 + SETTLE_QUIET_MS, false));
}

static void other_changes_wait_for_quiet(void **state)
{
	struct settle s = { 0 };
	settle_change(&s, 1000, false);
	assert_int_equal(settle_next(&s, 1000), 1000 + SETTLE_QUIET_MS);
	assert_false(settle_check(&s, 1050, true));
	settle_change(&s, 1200, false);
	assert_false(settle_check(&s, 1350, true));
	assert_true(settle_check(&s, 1200 + SETTLE_QUIET_MS, true));
}

static void an_endless_burst_is_looked_at_anyway(void **state)
{
	struct settle s = { 0 };
	time_ms now = 0;
	for (; now < SETTLE_LATEST_MS; now += 100) {
		settle_change(&s, now, true);
		assert_false(settle_check(&s, now, false));
	}
	settle_change(&s, now, true);
	assert_true(settle_check(&s, now, false));
}

static void change_without_a_connection_is_a_reason_to_try(void **state)
{
	struct schedule s;
	time_ms at;
	schedule_init(&s, 0);
	schedule_posture(&s, digest_a, 0);
	schedule_connecting(&s);
	for (int i = 0; i < 8; i++)
		schedule_disconnected(&s, 1000, 0);
	assert_int_equal(schedule_next(&s, 2000, &at), SCHEDULE_WAIT);
	schedule_posture(&s, digest_a, 2000); /* the same */
	assert_int_equal(schedule_next(&s, 2000, &at), SCHEDULE_WAIT);
	schedule_posture(&s, digest_b, 2000);
	assert_int_equal(schedule_next(&s, 2000, &at), SCHEDULE_CONNECT);
	schedule_connecting(&s);
	assert_int_equal(schedule_next(&s, 2000, &at), SCHEDULE_WAIT);
	schedule_posture(&s, digest_a, 3000);
	assert_int_equal(schedule_next(&s, 3000, &at), SCHEDULE_DISCONNECT);
	schedule_disconnected(&s, 3000, 0);
	assert_int_equal(schedule_next(&s, 3000 + SCHEDULE_BACKOFF_MIN_MS, &at), SCHEDULE_CONNECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inspects_at_the_time_that_the_decision_names),
		cmocka_unit_test(never_waits_until_the_certificate_has_expired),
		cmocka_unit_test(only_another_posture_is_a_reason),
		cmocka_unit_test(a_change_during_an_assessment_is_not_lost),
		cmocka_unit_test(tries_again_ever_slower_within_bounds),
		cmocka_unit_test(an_assessment_that_hangs_is_given_up),
		cmocka_unit_test(without_a_placement_it_asks_again_ever_slower),
		cmocka_unit_test(a_third_partys_recommendation_lasts),
		cmocka_unit_test(package_changes_settle_when_the_locks_are_free),
		cmocka_unit_test(quiet_settles_although_a_lock_is_held),
		cmocka_unit_test(other_changes_wait_for_quiet),
		cmocka_unit_test(an_endless_burst_is_looked_at_anyway),
		cmocka_unit_test(change_without_a_connection_is_a_reason_to_try),
	};
	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
