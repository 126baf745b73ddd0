/* SPDX-License-Identifier: ISC */
/* One bad advisory does not take the site down; what an operator orders; and that a kill at any moment
 * changes nothing. */
#include "server/keep.h"
#include "tests/unit/server/crowd.h"

#include <string.h>

#define BRAKE CROWD_BASE CROWD_STAFF CROWD_BRAKE /* of ten: two in five minutes, held for four hours */

static const struct crowd_state no_firewall = { .is_signed = true },
                                with_telnetd = { .firewall = true, .telnetd = true, .is_signed = true };

static size_t held(const struct crowd *c)
{
	size_t n = 0;
	for (size_t i = 0; i < CROWD; i++)
		n += c->ports[i]->keep.by == SITE_KEPT_BRAKE;
	assert_int_equal(n, site_held(c->bed->site));
	return n;
}

/* Everybody who is connected comes every half hour, with the same posture. */
static void live(struct crowd *c, int64_t ms)
{
	for (int64_t done = 0; done < ms;) {
		const int64_t step = MIN(20 * MIN_MS, ms - done);
		crowd_wait(c, step);
		done += step;
		crowd_all_come(c);
	}
}

static void test_mass_demotion_is_held(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, BRAKE);
	crowd_all_come(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	assert_int_equal(crowd_in(&c, "isolated"), 2);
	assert_int_equal(crowd_in(&c, "staff"), 8);
	assert_int_equal(held(&c), 8);
	assert_int_equal(c.bed->site->counters.brakes, 1);
	crowd_all_come(&c); /* it is still the advisory */
	assert_int_equal(crowd_in(&c, "staff"), 8);
	live(&c, 3 * HOUR_MS);
	assert_int_equal(crowd_in(&c, "staff"), 8);
	crowd_advisory(&c, NULL, NULL); /* withdrawn */
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	assert_int_equal(held(&c), 0);
}

/* What was held long enough goes, no faster than the brake allows. */
static void test_hold_has_an_end(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, BRAKE);
	crowd_all_come(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	live(&c, 4 * HOUR_MS - MIN_MS);
	assert_int_equal(crowd_in(&c, "isolated"), 2);
	crowd_wait(&c, MIN_MS);
	assert_int_equal(crowd_in(&c, "isolated"), 4);
	crowd_wait(&c, 4 * MIN_MS + 50000);
	assert_int_equal(crowd_in(&c, "isolated"), 4);
	crowd_wait(&c, 10000);
	assert_int_equal(crowd_in(&c, "isolated"), 6);
	crowd_wait(&c, 10 * MIN_MS);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD);
	assert_int_equal(held(&c), 0);
}

static void test_an_operator_releases(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, BRAKE);
	crowd_all_come(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	size_t one = 0;
	while (c.ports[one]->keep.by != SITE_KEPT_BRAKE)
		one++;
	assert_int_equal(site_release(c.bed->site, c.nodes[one]->name, "user 0", c.now), 1);
	crowd_work(&c);
	assert_string_equal(crowd_segment(&c, one), "isolated");
	assert_int_equal(held(&c), 7);
	assert_int_equal(site_release(c.bed->site, NULL, "user 0", c.now), 7);
	bed_commit(c.bed);
	crowd_restart(&c, NULL); /* the order is as durable as its answer */
	assert_int_equal(crowd_in(&c, "isolated"), CROWD);
	assert_int_equal(site_release(c.bed->site, NULL, "user 0", c.now), 0);
}

static void test_an_operator_discards(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, BRAKE);
	crowd_all_come(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	assert_int_equal(site_dismiss(c.bed->site, NULL, "user 0", c.now), 8);
	crowd_work(&c);
	assert_int_equal(held(&c), 0);
	crowd_all_come(&c);
	assert_int_equal(crowd_in(&c, "staff"), 8);
	crowd_restart(&c, NULL);
	assert_int_equal(held(&c), 0);
	live(&c, 4 * HOUR_MS - MIN_MS);
	assert_int_equal(crowd_in(&c, "staff"), 8);
	for (size_t i = 0; i < CROWD; i++)
		if (c.ports[i]->keep.by == SITE_KEPT_DISMISSED)
			assert_string_equal(c.ports[i]->keep.ordered_by, "user 0");
	crowd_wait(&c, 2 * MIN_MS); /* then the brake asks again */
	assert_int_equal(crowd_in(&c, "isolated"), 4);
	assert_int_equal(held(&c), 6);
	/* a discarded one may be released all the same */
	assert_int_equal(site_dismiss(c.bed->site, NULL, "user 0", c.now), 6);
	assert_int_equal(site_release(c.bed->site, NULL, "user 1", c.now), 6);
	crowd_work(&c);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD);
}

static void test_emergency_is_not_held(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, BRAKE "emergency advisory \"CVE-9\" emergency source \"emergency\"\n");
	crowd_all_come(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	assert_int_equal(held(&c), 8);
	crowd_advisory(&c, "DSA-1", "emergency"); /* the one that is held becomes one */
	assert_int_equal(crowd_in(&c, "isolated"), CROWD);
	assert_int_equal(held(&c), 0);
	crowd_advisory(&c, NULL, NULL);
	crowd_all_come(&c);
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	crowd_wait(&c, 10 * MIN_MS);
	crowd_advisory(&c, "CVE-9", "debian");
	assert_int_equal(crowd_in(&c, "isolated"), CROWD);
}

/* A node that worsens by itself is not one of many, not even on a bad day. */
static void test_own_doing_is_not_held(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, BRAKE);
	crowd_all_come(&c);
	for (size_t i = 0; i < CROWD; i++)
		crowd_come(&c, i, no_firewall);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD);
	crowd_all_come(&c);
	crowd_wait(&c, MIN_MS);
	crowd_advisory(&c, "DSA-1", "debian");
	assert_int_equal(held(&c), 8); /* and none of those counted */
	size_t one = 0;
	while (c.ports[one]->keep.by != SITE_KEPT_BRAKE)
		one++;
	crowd_come(&c, one, no_firewall);
	assert_string_equal(crowd_segment(&c, one), "isolated");
	while (c.ports[one]->keep.by != SITE_KEPT_BRAKE)
		one++;
	crowd_come(&c, one, with_telnetd);
	assert_string_equal(crowd_segment(&c, one), "quarantine");
	assert_int_equal(held(&c), 6);
}

/* So are all its attachments, though only one was where the posture changed. */
static void test_own_doing_with_two_attachments(void **state)
{
	struct crowd c;
	struct site_outcome o;
	crowd_open(&c, *state, CROWD_BASE CROWD_STAFF "brake demotions above 0 nodes per 5 min\n");
	crowd_all_come(&c);
	struct site_attachment *second = c.ports[1];
	site_judge(c.bed->site, c.nodes[0], second, "inspection", NULL, c.now, &o);
	site_outcome_clear(&o);
	crowd_work(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	size_t held_before = held(&c);
	crowd_come(&c, 0, no_firewall);
	assert_string_equal(crowd_segment(&c, 0), "isolated");
	site_judge(
	        c.bed->site, c.nodes[0], second, "inspection", NULL, c.now, &o); /* the same posture there */
	site_outcome_clear(&o);
	crowd_work(&c);
	assert_string_equal(crowd_segment(&c, 1), "isolated");
	assert_int_equal(held(&c), held_before - 2);
}

/* A bad posture that is shown from nowhere first is not what the next one is compared with; nor does a kill
 * forget it. */
static void test_own_doing_shown_elsewhere_first(void **state)
{
	struct crowd c;
	struct site_outcome o;
	crowd_open(&c, *state, CROWD_BASE CROWD_STAFF "brake demotions above 0 nodes per 5 min\n");
	crowd_all_come(&c);
	for (size_t i = 0; i < 2; i++) {
		struct posture *p = bed_posture("openssl");
		p->firewall_active = TRI_NO;
		assert_int_equal(site_take_posture(c.bed->site, c.nodes[i],
		                         site_posture_new(c.bed->site->catalogue, p), true, c.now),
		        0);
		site_judge(c.bed->site, c.nodes[i], NULL, "inspection", NULL, c.now, &o);
		site_outcome_clear(&o);
	}
	crowd_work(&c);
	crowd_come(&c, 0, no_firewall);
	assert_string_equal(crowd_segment(&c, 0), "isolated");
	crowd_restart(&c, NULL);
	assert_string_equal(crowd_segment(&c, 1), "isolated");
}

/* A policy that demotes many is braked as an advisory is; so is a rejection that is not the nodes' doing. */
static void test_bad_policy_is_held(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, BRAKE);
	crowd_all_come(&c);
	crowd_policy(&c, BRAKE "reject when package \"openssl\" installed\n");
	assert_int_equal(crowd_in(&c, "quarantine"), 2);
	assert_int_equal(held(&c), 8);
	crowd_policy(&c, BRAKE);
	assert_int_equal(held(&c), 0);
	crowd_all_come(&c);
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	crowd_wait(&c, 10 * MIN_MS);
	crowd_policy(&c, BRAKE "reject when package \"openssl\" installed\n");
	crowd_policy(&c,
	        CROWD_BASE CROWD_STAFF "reject when package \"openssl\" installed\n"); /* no brake any more */
	assert_int_equal(crowd_in(&c, "quarantine"), CROWD);
	assert_int_equal(held(&c), 0);
}

/* The count is in the store: a server that is killed again and again demotes no faster. */
static void test_kills_do_not_open_the_brake(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, BRAKE);
	crowd_all_come(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	for (int i = 0; i < 10; i++) {
		c.now += 20000;
		crowd_restart(&c, NULL);
		assert_int_equal(crowd_in(&c, "isolated"), 2);
		assert_int_equal(held(&c), 8);
	}
	for (size_t i = 0; i < CROWD; i++)
		assert_true(c.ports[i]->keep.held_since <= T0);
}

/* Killed in the turn in which everything happened: nothing of it was, and it happens again. */
static void test_killed_before_the_commit(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, BRAKE);
	crowd_all_come(&c);
	static const struct scripted_match hole = { .package = "openssl", .id = "DSA-1", .source = "debian" };
	c.bed->index.matches = &hole;
	c.bed->index.n_matches = 1;
	site_advisories_changed(c.bed->site, NULL, 0, true, c.now);
	while (site_work(c.bed->site, c.now, 3))
		;
	crowd_restart(&c, NULL); /* store_close() drops what was not committed */
	assert_int_equal(crowd_in(&c, "isolated"), 2);
	assert_int_equal(held(&c), 8);
	(void)site_release(c.bed->site, NULL, "user 0", c.now);
	crowd_restart(&c, NULL); /* an order that was not answered was not given */
	assert_int_equal(held(&c), 8);
}

static void test_brake_after_grace(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, CROWD_BASE CROWD_GRACE CROWD_BRAKE);
	crowd_all_come(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	assert_int_equal(held(&c), 0);
	live(&c, 2 * HOUR_MS - MIN_MS);
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	crowd_wait(&c, MIN_MS + 10000);
	assert_int_equal(crowd_in(&c, "isolated"), 2);
	assert_int_equal(held(&c), 8);
	crowd_all_come(&c);
	assert_int_equal(crowd_in(&c, "staff"), 8);
}

/* Monitor mode holds everything, and what the brake held is forgotten. */
static void test_brake_into_monitor(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, BRAKE);
	crowd_all_come(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	assert_int_equal(held(&c), 8);
	crowd_policy(&c, BRAKE "mode monitor in guest\n");
	crowd_wait(&c, 1000);
	assert_int_equal(held(&c), 0);
	assert_int_equal(crowd_in(&c, "staff"), 8);
	assert_int_equal(crowd_in(&c, "guest"), 2);
	crowd_wait(&c, 5 * MIN_MS);
	crowd_policy(&c, BRAKE);
	crowd_wait(&c, 1000);
	assert_int_equal(held(&c), 8);
	assert_int_equal(crowd_in(&c, "staff") + crowd_in(&c, "guest"), 8);
}

/* A waiver that ends for many is like an advisory for many. */
static void test_waiver_ends_for_many(void **state)
{
	struct crowd c;
	crowd_open(&c, *state,
	        BRAKE "waive advisory \"DSA-1\" for any until 2024-10-04 by \"ops\" because \"x\"\n");
	crowd_all_come(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	c.now = T0 + DAY_MS - 10 * MIN_MS;
	crowd_all_come(&c);
	crowd_wait(&c, 10 * MIN_MS);
	assert_int_equal(crowd_in(&c, "isolated"), 2);
	assert_int_equal(held(&c), 8);
}

/* Small sites: the least number counts, whatever the share. */
static void test_small_site(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, CROWD_BASE CROWD_STAFF "brake demotions above 10% per 5 min\n");
	for (size_t i = 0; i < 5; i++)
		crowd_come(&c, i, crowd_good);
	crowd_advisory(&c, "DSA-1", "debian");
	assert_int_equal(crowd_in(&c, "isolated"), 3);
	assert_int_equal(held(&c), 2);
}

/* Who is held and goes away loses it as everybody does: nothing outlives a certificate. */
static void test_held_and_gone(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, BRAKE);
	crowd_all_come(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	crowd_wait(&c, 45 * MIN_MS);
	assert_int_equal(crowd_in(&c, "quarantine"), CROWD);
	assert_int_equal(held(&c), 0);
}

/* As it is found by counting all that ever happened, also between two counts of the server's. */
static void test_counts_what_happened(void **state)
{
	struct crowd c;
	time_ms last[CROWD] = { 0 };
	uint32_t seed = 7;
	crowd_open(&c, *state,
	        CROWD_BASE CROWD_STAFF "brake demotions above 10% or 100 nodes per 5 min hold 4 hours\n");
	crowd_all_come(&c);
	for (unsigned step = 0; step < 2000; step++) {
		seed = seed * 1664525 + 1013904223;
		const size_t who = (seed >> 8) % CROWD;
		if ((seed >> 16) % 3 == 0)
			c.now += 1000 + (seed >> 20) % 100 * 1000;
		size_t expected = 100;
		for (size_t i = 0; i < CROWD; i++)
			expected -= last[i] > c.now - 5 * MIN_MS;
		assert_int_equal(brake_room(c.bed->site, c.now), expected);
		brake_count(c.bed->site, c.ports[who], c.now);
		last[who] = c.now;
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_mass_demotion_is_held),
		TEST(test_hold_has_an_end),
		TEST(test_an_operator_releases),
		TEST(test_an_operator_discards),
		TEST(test_emergency_is_not_held),
		TEST(test_own_doing_is_not_held),
		TEST(test_own_doing_with_two_attachments),
		TEST(test_own_doing_shown_elsewhere_first),
		TEST(test_bad_policy_is_held),
		TEST(test_kills_do_not_open_the_brake),
		TEST(test_killed_before_the_commit),
		TEST(test_brake_after_grace),
		TEST(test_brake_into_monitor),
		TEST(test_waiver_ends_for_many),
		TEST(test_small_site),
		TEST(test_held_and_gone),
		TEST(test_counts_what_happened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
