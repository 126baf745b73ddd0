/* SPDX-License-Identifier: ISC */
/* A start judges whose answer may have changed while the server was away, and everybody where that cannot be
 * known. */
#include "server/again.h"
#include "tests/unit/server/crowd.h"

#include <errno.h>
#include <string.h>

#define POLICY CROWD_BASE CROWD_STAFF
#define OTHER CROWD_BASE CROWD_STAFF "reject when package \"openssl\" installed\n"

static const struct scripted_match hole = {
	.package = "openssl", .id = "TEST-1", .source = "debian", .severity = VULN_SEVERITY_HIGH, .fixed = "9"
};
static const char *const names[] = { "bash", "openssl" };

/* Half of them have openssl. */
static void come(struct crowd *c, size_t i)
{
	struct site_outcome o;
	struct posture *p = bed_posture(names[i % 2]);
	p->firewall_active = TRI_YES;
	assert_int_equal(site_take_posture(c->bed->site, c->nodes[i],
	                         site_posture_new(c->bed->site->catalogue, p), true, c->now),
	        0);
	site_judge(c->bed->site, c->nodes[i], c->ports[i], "inspection", NULL, c->now, &o);
	site_outcome_clear(&o);
}

static void begin(struct crowd *c, struct bed *b, const char *policy)
{
	b->program = b->index.mark = 1;
	b->index.n_changes = 0;
	crowd_open(c, b, policy);
	site_start(b->site, c->now);
	crowd_work(c);
	for (size_t i = 0; i < CROWD; i++)
		come(c, i);
	crowd_work(c);
	assert_int_equal(crowd_in(c, "staff"), CROWD);
}

/* How many are judged by a start. */
static uint64_t restarted(struct crowd *c)
{
	crowd_restart(c, NULL);
	return c->bed->site->counters.judgements_again;
}

static void publish(struct bed *b, const struct scripted_match *match, const struct scripted_change *change)
{
	b->index.generation++;
	b->index.matches = match;
	b->index.n_matches = match != NULL;
	b->index.changes = change;
	b->index.n_changes = change != NULL;
}

static int count_one(const struct store_decision *d, void *context)
{
	++*(size_t *)context;
	return 0;
}

static size_t count_decisions(struct crowd *c)
{
	size_t n = 0;
	struct error err;
	assert_int_equal(store_each_decision(c->bed->store, NULL, 1000, false, count_one, &n, &err), 0);
	return n;
}

static void rest_at_leisure(struct crowd *c)
{
	while (site_leisure(c->bed->site, c->now, 3))
		;
	crowd_work(c);
}

static void test_nothing_changed(void **state)
{
	struct crowd c;
	begin(&c, *state, POLICY);
	const size_t decisions = count_decisions(&c);
	assert_int_equal(restarted(&c), 0);
	assert_int_equal(restarted(&c), 0);
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
	for (size_t i = 0; i < CROWD; i++)
		assert_false(judged_is_since_start(c.bed->site, c.nodes[i]));
	rest_at_leisure(&c);
	for (size_t i = 0; i < CROWD; i++)
		assert_true(judged_is_since_start(c.bed->site, c.nodes[i]));
	assert_int_equal(c.bed->site->counters.judgements_again, CROWD);
	assert_int_equal(c.bed->site->counters.retries_asked, 0);
	assert_int_equal(count_decisions(&c), decisions); /* the same again is no decision */
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
}

static void test_changed_meanwhile(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	begin(&c, b, POLICY);
	const struct scripted_change change = { b->index.generation + 1, "openssl" };
	publish(b, &hole, &change);
	assert_int_equal(restarted(&c), CROWD / 2);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD / 2);
	assert_int_equal(restarted(&c), 0); /* and that is known too */
	publish(b, NULL, &(struct scripted_change){ b->index.generation + 1, "openssl" });
	assert_int_equal(restarted(&c), 2 * (CROWD / 2)); /* who gets better is put off once */
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
}

/* Nobody was judged since the start when the advisory comes, and the memo knows of no package. */
static void test_changed_before_leisure(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	for (size_t seen = 0; seen <= CROWD; seen += 3) {
		begin(&c, b, POLICY);
		assert_int_equal(restarted(&c), 0);
		if (seen)
			(void)site_leisure(b->site, c.now, seen);
		const struct scripted_change change = { b->index.generation + 1, "openssl" };
		publish(b, &hole, &change);
		const uint64_t judged = b->site->counters.judgements_again;
		site_index_moved(b->site, c.now);
		crowd_work(&c);
		assert_int_equal(b->site->counters.judgements_again - judged, CROWD / 2);
		assert_int_equal(crowd_in(&c, "isolated"), CROWD / 2);
		rest_at_leisure(&c);
		assert_int_equal(crowd_in(&c, "isolated"), CROWD / 2);
		b->index.n_matches = 0;
	}
}

/* ---- everybody is inspected again ---- */

#define EVERYBODY POLICY "inspect after advisories 2 nodes per 10 s\n"

/* How many are asked in a minute; all of them are there. */
static size_t asked_in_a_minute(struct crowd *c)
{
	int session;
	const uint64_t before = c->bed->site->counters.retries_asked;
	for (size_t i = 0; i < CROWD; i++)
		c->ports[i]->session = &session;
	crowd_wait(c, MIN_MS);
	for (size_t i = 0; i < CROWD; i++)
		c->ports[i]->session = NULL;
	return c->bed->site->counters.retries_asked - before;
}

/* Killed while some have been inspected since the advisories changed: the others are asked, though they come
 * with a certificate that is good. When all have been, nobody is. */
static void test_round_goes_on(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	struct site_outcome o;
	b->index.updated = T0 - 1;
	begin(&c, b, EVERYBODY);
	assert_int_equal(restarted(&c), 0);
	assert_int_equal(asked_in_a_minute(&c), 0);
	publish(b, NULL, &(struct scripted_change){ b->index.generation + 1, "nobody-has-it" });
	b->index.updated = c.now;
	site_index_moved(b->site, c.now);
	crowd_work(&c);
	bed_now = ++c.now;
	for (size_t i = 0; i < 3; i++)
		come(&c, i);
	crowd_work(&c);
	assert_int_equal(restarted(&c), 0);
	for (size_t i = 0; i < CROWD; i++) {
		site_judge(b->site, c.nodes[i], c.ports[i], "certificate", NULL, c.now, &o);
		site_outcome_clear(&o);
	}
	assert_int_equal(asked_in_a_minute(&c), CROWD - 3);
	for (size_t i = 3; i < CROWD; i++)
		come(&c, i);
	crowd_work(&c);
	assert_int_equal(asked_in_a_minute(&c), 0);
	assert_int_equal(restarted(&c), 0);
	assert_int_equal(asked_in_a_minute(&c), 0);
	b->index.updated = 0;
}

static void test_another_index_begins_a_round(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	struct vuln_index other = { .generation = 99, .mark = 5 };
	begin(&c, b, EVERYBODY);
	assert_int_equal(asked_in_a_minute(&c), 0);
	site_set_index(b->site, NULL, c.now);
	site_set_index(b->site, &other, c.now);
	crowd_work(&c);
	assert_int_equal(asked_in_a_minute(&c), CROWD);
}

/* It was asked, and its connection ended before it was inspected. */
static void test_asked_and_gone(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	struct site_outcome o;
	begin(&c, b, EVERYBODY);
	publish(b, NULL, &(struct scripted_change){ b->index.generation + 1, "nobody-has-it" });
	site_index_moved(b->site, c.now);
	crowd_work(&c);
	assert_int_equal(asked_in_a_minute(&c), CROWD);
	site_end_session(b->site, c.ports[4]);
	site_judge(b->site, c.nodes[4], c.ports[4], "certificate", NULL, c.now, &o);
	site_outcome_clear(&o);
	assert_int_equal(asked_in_a_minute(&c), 1);
	assert_true(c.ports[4]->retry_asked);
	come(&c, 4);
	assert_int_equal(asked_in_a_minute(&c), 0);
	c.ports[5]->retry_waits = RETRY_SAME + 1; /* so it is not asked for the round, too */
	c.ports[5]->retry_asked = false;
	site_end_session(b->site, c.ports[5]);
	site_judge(b->site, c.nodes[5], c.ports[5], "certificate", NULL, c.now, &o);
	site_outcome_clear(&o);
	assert_int_equal(asked_in_a_minute(&c), 1);
}

/* ---- what is not known ---- */

static void test_everybody(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	begin(&c, b, POLICY);
	assert_int_equal(restarted(&c), 0);
	b->program = 2;
	assert_int_equal(restarted(&c), CROWD);
	assert_int_equal(restarted(&c), 0);
	b->index.mark = 7; /* another index of the same number */
	assert_int_equal(restarted(&c), CROWD);
	assert_int_equal(restarted(&c), 0);
	b->index.generation--;
	assert_int_equal(restarted(&c), CROWD);
	assert_int_equal(restarted(&c), 0);
	c.now -= HOUR_MS; /* the clock was set back */
	assert_int_equal(restarted(&c), CROWD);
	assert_int_equal(restarted(&c), 0);
	crowd_restart(&c, OTHER);
	assert_int_equal(b->site->counters.judgements_again, CROWD);
	assert_int_equal(restarted(&c), 0);
	b->index.mark = 0; /* it has no journal */
	assert_int_equal(restarted(&c), CROWD);
	assert_int_equal(restarted(&c), CROWD);
	b->index.mark = 7;
	b->program = 0; /* nor has the program a number */
	assert_int_equal(restarted(&c), CROWD);
	assert_int_equal(restarted(&c), CROWD);
}

/* An index without a journal, looked at again and again: it is asked for all it knows when it has moved. */
static void test_without_a_journal(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	begin(&c, b, POLICY);
	b->index.mark = 0;
	site_index_moved(b->site, c.now); /* another one, for all that is known */
	crowd_work(&c);
	const size_t asked = b->index.packages;
	const uint64_t judged = b->site->counters.judgements_again;
	for (unsigned i = 0; i < 3; i++) {
		site_index_moved(b->site, c.now);
		crowd_work(&c);
	}
	assert_int_equal(b->index.packages, asked);
	assert_int_equal(b->site->counters.judgements_again, judged);
	publish(b, &hole, NULL);
	site_index_moved(b->site, c.now);
	crowd_work(&c);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD / 2);
}

/* A site without nodes does not let its enforcers wait. */
static void test_nobody(void **state)
{
	struct bed *b = *state;
	b->program = b->index.mark = 1;
	bed_close(b);
	bed_open(b);
	b->log[0] = '\0';
	site_start(b->site, T0);
	assert_non_null(strstr(b->log, "work "));
	assert_true(b->site->start_waits);
	assert_false(site_work(b->site, T0, 1));
	assert_false(b->site->start_waits);
	b->log[0] = '\0';
}

/* Some were judged by another policy, or another index, when the server was killed; then both are as before.
 */
static void test_there_and_back(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	for (unsigned what = 0; what < 2; what++)
		for (size_t steps = 0; steps <= CROWD; steps++) {
			struct vuln_index bad = {
				.matches = &hole, .n_matches = 1, .generation = 99, .mark = 5
			};
			begin(&c, b, POLICY);
			if (what == 0)
				site_set_policy(b->site, bed_policy(OTHER), c.now);
			else
				site_set_index(b->site, &bad, c.now);
			(void)site_work(b->site, c.now, steps);
			bed_commit(b);
			assert_true(restarted(&c) >= CROWD);
			assert_int_equal(crowd_in(&c, "staff"), CROWD);
		}
}

static void lose_turn(struct bed *b)
{
	struct error err;
	store_put_decision(
	        b->store, &(struct store_decision){ .cause = NULL, .segment = NULL, .findings = "[]" });
	assert_true(store_commit(b->store, &err) < 0);
}

/* What was judged in a turn that the disk did not take is not on it. */
static void test_lost_turn(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	begin(&c, b, POLICY);
	const struct scripted_change change = { b->index.generation + 1, "openssl" };
	publish(b, &hole, &change);
	site_index_moved(b->site, c.now);
	while (site_work(b->site, c.now, 3))
		;
	lose_turn(b);
	crowd_wait(&c, 10000); /* the demotions are stored, and so is that nothing is known */
	assert_int_equal(restarted(&c), CROWD);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD / 2);
	assert_int_equal(restarted(&c), 0);
	/* The turn that was to end the note is lost: it ends with the next decision. */
	struct vuln_index bad = { .matches = &hole, .n_matches = 1, .generation = 99, .mark = 5 };
	b->index.n_matches = 0;
	site_set_index(b->site, &bad, c.now);
	lose_turn(b);
	(void)site_work(b->site, c.now, 1);
	bed_commit(b);
	assert_true(restarted(&c) >= CROWD);
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
}

/* The policy is another one before the next tick has ended the note that a lost turn left. */
static void test_lost_turn_and_another_policy(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	struct store_judged note;
	struct error err;
	begin(&c, b, POLICY);
	assert_int_equal(store_get_judged(b->store, &note, &err), 0);
	lose_turn(b);
	site_set_policy(b->site, bed_policy(OTHER), c.now);
	crowd_work(&c);
	assert_int_equal(store_get_judged(b->store, &note, &err), -ENOENT);
	assert_int_equal(crowd_in(&c, "staff"), CROWD / 2);
	assert_true(restarted(&c) >= CROWD);
	assert_int_equal(crowd_in(&c, "staff"), CROWD);
}

/* ---- what is known by itself ---- */

static void test_held_nodes(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	begin(&c, b, POLICY CROWD_BRAKE);
	const struct scripted_change change = { b->index.generation + 1, "openssl" };
	publish(b, &hole, &change);
	site_index_moved(b->site, c.now);
	crowd_work(&c);
	const size_t held = site_held(b->site);
	assert_int_equal(held, 3);
	assert_int_equal(restarted(&c), held);
	assert_int_equal(site_held(b->site), held);
	assert_int_equal(site_release(b->site, NULL, "ops", c.now), held);
	bed_commit(b); /* killed before they were judged */
	assert_int_equal(restarted(&c), held);
	assert_int_equal(site_held(b->site), 0);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD / 2);
}

static void test_waiver_ended(void **state)
{
	struct crowd c;
	struct bed *b = *state;
	/* T0 is 2024-10-04. */
	begin(&c, b,
	        POLICY "waive patched for node \"n1\", \"n2\" until 2024-10-05 by \"a\" because \"b\"\n");
	const struct scripted_change change = { b->index.generation + 1, "openssl" };
	publish(b, &hole, &change);
	site_index_moved(b->site, c.now);
	crowd_work(&c);
	assert_int_equal(crowd_in(&c, "isolated"), CROWD / 2 - 1);
	assert_int_equal(restarted(&c), 0);
	assert_string_equal(crowd_segment(&c, 1), "staff");
	for (size_t i = 0; i < CROWD; i++) { /* they last longer than usual */
		c.ports[i]->decided.expires = c.ports[i]->handed.expires = c.now + 3 * DAY_MS;
		site_save_attachment(b->site, c.ports[i]);
	}
	bed_commit(b);
	bed_now = c.now += 2 * DAY_MS;
	assert_int_equal(restarted(&c), 2);
	assert_string_equal(crowd_segment(&c, 1), "isolated");
	assert_string_equal(crowd_segment(&c, 2), "staff");
}

int main(void)
{
#define IN_BED(test) cmocka_unit_test_setup_teardown(test, bed_setup, bed_teardown)
	const struct CMUnitTest tests[] = {
		IN_BED(test_nothing_changed),
		IN_BED(test_changed_meanwhile),
		IN_BED(test_changed_before_leisure),
		IN_BED(test_round_goes_on),
		IN_BED(test_another_index_begins_a_round),
		IN_BED(test_asked_and_gone),
		IN_BED(test_everybody),
		IN_BED(test_without_a_journal),
		IN_BED(test_nobody),
		IN_BED(test_there_and_back),
		IN_BED(test_lost_turn),
		IN_BED(test_lost_turn_and_another_policy),
		IN_BED(test_held_nodes),
		IN_BED(test_waiver_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
