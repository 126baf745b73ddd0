/* SPDX-License-Identifier: ISC */
/* Monitor mode, grace and waivers, and that a restart changes nothing of them. */
#include "server/verdict.h"
#include "tests/unit/server/crowd.h"

#include <string.h>

#define MONITOR CROWD_BASE CROWD_STAFF CROWD_BRAKE "mode monitor in guest\n"
#define ENFORCE CROWD_BASE CROWD_STAFF CROWD_BRAKE
#define GRACE CROWD_BASE CROWD_GRACE

static const struct crowd_state no_firewall = { .is_signed = true }, not_signed = { .firewall = true },
                                with_telnetd = { .firewall = true, .telnetd = true, .is_signed = true };

/* ---- monitor ---- */

static void test_monitor_moves_nobody(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, MONITOR);
	assert_string_equal(site_floor(c.bed->site)->name, "guest");
	assert_int_equal(crowd_in(&c, "guest"), CROWD); /* before anything is known */
	crowd_wait(&c, 1000);
	crowd_come(&c, 0, crowd_good);
	crowd_come(&c, 1, no_firewall);
	crowd_come(&c, 2, with_telnetd);
	crowd_come(&c, 3, not_signed);
	assert_int_equal(crowd_in(&c, "guest"), CROWD);
	assert_string_equal(c.ports[0]->keep.verdict, "staff");
	assert_string_equal(c.ports[1]->keep.verdict, "isolated");
	assert_string_equal(c.ports[2]->keep.verdict, "quarantine");
	assert_int_equal(c.ports[2]->keep.by, SITE_KEPT_MONITOR);
	/* certificates run out, agents die: nobody notices on the network */
	for (int i = 0; i < 200; i++) {
		crowd_wait(&c, 5 * MIN_MS);
		assert_int_equal(crowd_in(&c, "guest"), CROWD);
		for (size_t k = 0; k < CROWD; k++)
			assert_true(c.ports[k]->decided.expires >
			        c.now); /* so that it is known after a restart */
	}
	assert_int_equal(c.bed->site->counters.demotions, 0);
}

static void test_monitor_says_what_would_be(void **state)
{
	struct crowd c;
	struct site_outcome o;
	crowd_open(&c, *state, MONITOR);
	assert_int_equal(
	        site_take_posture(c.bed->site, c.nodes[1],
	                site_posture_new(c.bed->site->catalogue, bed_posture("openssl")), true, c.now),
	        0);
	site_judge(c.bed->site, c.nodes[1], c.ports[1], "inspection", NULL, c.now, &o);
	assert_string_equal(o.segment, "guest");
	assert_string_equal(o.would_be, "isolated");
	assert_false(o.compliant);
	char *sent = verdict_decision(&o, "n1");
	assert_non_null(
	        strstr(sent, "\"would_be\":\"isolated\",\"kept_by\":\"monitor\",\"kept_until\":null"));
	free(sent);
	site_outcome_clear(&o);
	bed_commit(c.bed);
	assert_non_null(strstr(c.bed->log, "event:kept "));
}

/* Whoever was in a better segment when the mode began stays there. */
static void test_monitor_begins(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, ENFORCE);
	for (size_t i = 0; i < 5; i++)
		crowd_come(&c, i, crowd_good);
	crowd_come(&c, 5, no_firewall);
	assert_int_equal(crowd_in(&c, "staff"), 5);
	assert_int_equal(crowd_in(&c, "isolated"), 1);
	crowd_policy(&c, MONITOR);
	crowd_wait(&c, 1000);
	assert_int_equal(crowd_in(&c, "staff"), 5);
	assert_int_equal(crowd_in(&c, "guest"), 5);
	crowd_advisory(&c, "DSA-1", "debian");
	for (int i = 0; i < 20; i++)
		crowd_wait(&c, 10 * MIN_MS);
	assert_int_equal(crowd_in(&c, "staff"), 5);
	assert_string_equal(c.ports[0]->keep.verdict, "isolated");
	crowd_restart(&c, NULL);
	assert_int_equal(crowd_in(&c, "staff"), 5);
}

/* What happens to everybody when decisions are carried out for the first time. */
static void enforcement_begins(struct crowd *c, bool by_restart)
{
	struct bed *b = c->bed;
	crowd_wait(c, 1000);
	crowd_come(c, 0, crowd_good);
	for (size_t i = 1; i < 5; i++)
		crowd_come(c, i, no_firewall);
	/* 5 to 9 are printers */
	if (by_restart)
		crowd_restart(c, ENFORCE);
	else
		crowd_policy(c, ENFORCE);
	assert_string_equal(site_floor(b->site)->name, "quarantine");
	crowd_wait(c, 500);
	assert_int_equal(
	        crowd_in(c, "guest") + crowd_in(c, "staff"), CROWD - 2); /* the brake: no more than two */
	assert_int_equal(crowd_in(c, "staff"), 1);                       /* admitted as decided */
	assert_int_equal(site_held(b->site), 7);
	crowd_wait(c, 4 * MIN_MS);
	assert_int_equal(site_held(b->site), 7);
	crowd_wait(c, HOUR_MS - 20 * MIN_MS); /* those that have agents come again */
	crowd_come(c, 0, crowd_good);
	for (size_t i = 1; i < 5; i++)
		crowd_come(c, i, no_firewall);
	crowd_wait(c, 20 * MIN_MS);
	assert_int_equal(crowd_in(c, "guest"), 7);
	assert_int_equal(site_release(b->site, NULL, "user 0", c->now), 7);
	crowd_work(c);
	crowd_wait(c, 1000);
	assert_int_equal(crowd_in(c, "guest"), 0);
	assert_int_equal(crowd_in(c, "staff"), 1);
	assert_int_equal(site_held(b->site), 0);
}

static void test_enforcement_begins_by_reload(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, MONITOR);
	enforcement_begins(&c, false);
}

static void test_enforcement_begins_by_restart(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, MONITOR);
	enforcement_begins(&c, true);
}

/* A device that nobody ever proved keeps nothing once it was away. */
static void test_held_device_goes(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, MONITOR);
	crowd_wait(&c, 1000);
	crowd_policy(&c, ENFORCE);
	crowd_wait(&c, 1000);
	size_t i = 0;
	while (i < CROWD && c.ports[i]->keep.by != SITE_KEPT_BRAKE)
		i++;
	assert_in_range(i, 0, CROWD - 1);
	site_set_present(c.bed->site, c.ports[i], false, c.now);
	site_set_present(c.bed->site, c.ports[i], true, c.now + 1);
	crowd_wait(&c, 1000);
	assert_string_equal(crowd_segment(&c, i), "quarantine");
	assert_int_equal(c.ports[i]->keep.by, SITE_NOT_KEPT);
}

static void test_modes_of_roles(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, MONITOR "mode enforce for role \"pilot\"\n");
	crowd_wait(&c, 1000);
	crowd_come(&c, 0, no_firewall);
	crowd_come(&c, 9, no_firewall);
	assert_string_equal(crowd_segment(&c, 0), "guest");
	assert_string_equal(crowd_segment(&c, 9), "isolated");
	for (int i = 0; i < 20; i++)
		crowd_wait(&c, 5 * MIN_MS); /* it does not come again */
	assert_string_equal(crowd_segment(&c, 9), "quarantine");
	crowd_come(&c, 9, crowd_good);
	assert_string_equal(crowd_segment(&c, 9), "staff");
	/* and the other way round */
	crowd_policy(&c, ENFORCE "mode monitor in guest for role \"pilot\"\n");
	crowd_come(&c, 9, no_firewall);
	crowd_come(&c, 1, no_firewall);
	assert_string_equal(crowd_segment(&c, 9), "staff");
	assert_string_equal(crowd_segment(&c, 1), "isolated");
	crowd_wait(&c, 44 * MIN_MS + 59000);
	crowd_wait(&c, 10 * MIN_MS);
	assert_string_equal(crowd_segment(&c, 9), "staff");
}

static void test_revoked_is_revoked_in_every_mode(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, MONITOR);
	crowd_wait(&c, 1000);
	crowd_come(&c, 4, crowd_good);
	site_revoke(c.bed->site, c.nodes[4], "stolen", c.now);
	bed_expect(c.bed, "place:quarantine! ");
	for (int i = 0; i < 20; i++) {
		crowd_wait(&c, 10 * MIN_MS);
		assert_string_equal(crowd_segment(&c, 4), "quarantine");
	}
	site_set_present(c.bed->site, c.ports[4], false, c.now);
	site_set_present(c.bed->site, c.ports[4], true, c.now);
	crowd_wait(&c, 1000);
	assert_string_equal(crowd_segment(&c, 4), "quarantine");
	crowd_restart(&c, NULL);
	crowd_wait(&c, 1000);
	assert_string_equal(crowd_segment(&c, 4), "quarantine");
}

/* ---- grace ---- */

static void test_grace(void **state)
{
	struct crowd c;
	struct site_outcome o;
	crowd_open(&c, *state, GRACE);
	crowd_all_come(&c);
	crowd_wait(&c, MIN_MS);
	const time_ms until = c.now + 2 * HOUR_MS;
	crowd_come(&c, 0, no_firewall);
	assert_string_equal(crowd_segment(&c, 0), "staff");
	assert_int_equal(c.ports[0]->keep.by, SITE_KEPT_GRACE);
	assert_int_equal(c.ports[0]->keep.until, until);
	for (int i = 1; i < 4; i++) { /* it comes as it should, and is told */
		crowd_wait(&c, 30 * MIN_MS);
		assert_string_equal(crowd_segment(&c, 0), "staff");
		site_judge(c.bed->site, c.nodes[0], c.ports[0], "certificate", NULL, c.now, &o);
		assert_int_equal(o.kept_until, until);
		assert_string_equal(o.would_be, "isolated");
		assert_int_equal(
		        o.expires, MIN(c.now + 45 * MIN_MS, until)); /* no certificate outlives the grace */
		assert_non_null(o.certificate);
		site_outcome_clear(&o);
		bed_commit(c.bed);
		if (i == 2)
			crowd_restart(&c, NULL);
		assert_int_equal(c.ports[0]->keep.until, until);
	}
	crowd_wait(&c, until - c.now - 1);
	assert_string_equal(crowd_segment(&c, 0), "staff");
	crowd_wait(&c, 1);
	assert_string_equal(crowd_segment(&c, 0), "isolated");
	assert_true(c.ports[0]->decided.expires <= c.now + SITE_LEAVE_MS);
	crowd_come(&c, 0, crowd_good);
	assert_string_equal(crowd_segment(&c, 0), "staff");
	assert_int_equal(c.ports[0]->keep.by, SITE_NOT_KEPT);
}

/* A grace gives nothing to one that does not come again: its certificate ends as ever. */
static void test_grace_prolongs_no_certificate(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, GRACE);
	crowd_come(&c, 0, crowd_good);
	crowd_advisory(&c, "DSA-1", "debian");
	assert_string_equal(crowd_segment(&c, 0), "staff");
	crowd_wait(&c, 45 * MIN_MS);
	assert_string_equal(crowd_segment(&c, 0), "quarantine");
	assert_int_equal(c.ports[0]->keep.by, SITE_NOT_KEPT);
}

static void test_grace_is_cut(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, GRACE "emergency advisory \"CVE-9\"\n");
	crowd_all_come(&c);
	for (size_t i = 0; i < 6; i++)
		crowd_come(&c, i, no_firewall);
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	crowd_come(&c, 0, with_telnetd);
	assert_string_equal(crowd_segment(&c, 0), "quarantine"); /* rejected */
	crowd_come(&c, 1, not_signed);
	assert_string_equal(crowd_segment(&c, 1), "quarantine");
	site_revoke(c.bed->site, c.nodes[2], "stolen", c.now);
	assert_string_equal(crowd_segment(&c, 2), "quarantine");
	c.ports[3]->contested = true; /* as its enforcement point says */
	crowd_wait(&c, 500);
	assert_string_equal(crowd_segment(&c, 3), "isolated");
	const uint8_t thumbprint[32] = { 0x77 };
	struct site_node *other = site_see_node(c.bed->site, "n77", thumbprint, NULL, c.now);
	struct site_outcome o;
	site_take_posture(c.bed->site, other,
	        site_posture_new(c.bed->site->catalogue, bed_posture("openssl")), true, c.now);
	site_judge(c.bed->site, other, c.ports[4], "inspection", NULL, c.now, &o);
	assert_string_equal(o.segment, "isolated"); /* what one node had is not another's */
	site_outcome_clear(&o);
	crowd_work(&c);
	assert_int_equal(crowd_in(&c, "staff"), 5);
	crowd_advisory(&c, "CVE-9", "debian");
	assert_int_equal(crowd_in(&c, "staff"), 0);
}

static void test_grace_begins_once(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, GRACE);
	crowd_come(&c, 0, crowd_good);
	crowd_come(&c, 0, no_firewall);
	const time_ms until = c.ports[0]->keep.until;
	crowd_wait(&c, MIN_MS);
	crowd_advisory(&c, "DSA-1", "debian"); /* another reason is no new grace */
	crowd_come(&c, 0, no_firewall);
	assert_int_equal(c.ports[0]->keep.until, until);
	crowd_policy(&c, CROWD_BASE CROWD_STAFF); /* nor does a policy without it leave one */
	assert_string_equal(crowd_segment(&c, 0), "isolated");
}

/* Doubt about who it is ends a grace, where the policy asks whether it is the only one, and only there. */
static void test_doubt_and_grace(void **state)
{
	struct crowd c;
	crowd_open(&c, *state,
	        GRACE
	        "require one { identity.unique } segment lab level 3 { allow to any demote after 2 hours }\n"
	        "admit role \"pilot\" to lab when one\n");
	crowd_all_come(&c);
	c.nodes[0]->doubtful_until = c.now + HOUR_MS;
	crowd_come(&c, 0, no_firewall);
	assert_string_equal(crowd_segment(&c, 0), "staff");
	assert_int_equal(c.ports[0]->keep.by, SITE_KEPT_GRACE);
	crowd_policy(&c,
	        CROWD_BASE CROWD_GRACE "require one { identity.unique } reject when not identity.unique\n"
	                               "admit role \"x\" to staff when one\n");
	assert_string_equal(crowd_segment(&c, 0), "quarantine");
	assert_int_equal(crowd_in(&c, "staff"), CROWD - 1);
}

/* ---- waivers ---- */

#define WAIVER "waive patched for node \"n7\" until 2024-10-04 by \"ops\" because \"ticket 4711\"\n"

static void test_waiver(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, CROWD_BASE CROWD_STAFF WAIVER); /* T0 is the first moment of that day */
	crowd_all_come(&c);
	crowd_advisory(&c, "DSA-1", "debian");
	assert_int_equal(crowd_in(&c, "staff"), 1);
	assert_string_equal(crowd_segment(&c, 7), "staff");
	crowd_wait(&c, DAY_MS - 20 * MIN_MS);
	crowd_come(&c, 7, crowd_good);
	crowd_wait(&c, 20 * MIN_MS - 1000);
	assert_string_equal(crowd_segment(&c, 7), "staff");
	assert_true(c.ports[7]->decided.expires > c.now + 20 * MIN_MS);
	crowd_wait(&c, 1000); /* its certificate is good for longer, the waiver is not */
	assert_string_equal(crowd_segment(&c, 7), "isolated");
}

/* It ends into a grace where the segment has one. */
static void test_waiver_then_grace(void **state)
{
	struct crowd c;
	crowd_open(&c, *state, GRACE WAIVER);
	crowd_advisory(&c, "DSA-1", "debian");
	crowd_wait(&c, DAY_MS - 10 * MIN_MS);
	crowd_come(&c, 7, crowd_good);
	crowd_wait(&c, 10 * MIN_MS);
	assert_string_equal(crowd_segment(&c, 7), "staff");
	assert_int_equal(c.ports[7]->keep.by, SITE_KEPT_GRACE);
	assert_int_equal(c.ports[7]->keep.until, T0 + DAY_MS + 2 * HOUR_MS);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_monitor_moves_nobody),
		TEST(test_monitor_says_what_would_be),
		TEST(test_monitor_begins),
		TEST(test_enforcement_begins_by_reload),
		TEST(test_enforcement_begins_by_restart),
		TEST(test_held_device_goes),
		TEST(test_modes_of_roles),
		TEST(test_revoked_is_revoked_in_every_mode),
		TEST(test_grace),
		TEST(test_grace_prolongs_no_certificate),
		TEST(test_grace_is_cut),
		TEST(test_grace_begins_once),
		TEST(test_doubt_and_grace),
		TEST(test_waiver),
		TEST(test_waiver_then_grace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
