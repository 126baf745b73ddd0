/* SPDX-License-Identifier: ISC */
#include "server/verdict.h"
#include "tests/unit/server/site_bed.h"

#include <errno.h>
#include <string.h>

#define STRICT \
	"define server { address 2001:db8::2 tcp 271 }\n" \
	"segment quarantine default { allow to server }\n" \
	"otherwise quarantine\n" \
	"inspect every 30 min certificate lifetime 45 min\n"

/* ---- judging ---- */

static void test_admission_waits_for_the_disk(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	bed_inspect(b, T0, &o);
	assert_true(o.compliant);
	assert_string_equal(o.segment, "staff");
	assert_int_equal(o.level, 2);
	assert_int_equal(o.expires, T0 + 45 * MIN_MS);
	assert_int_equal(o.next_inspection, T0 + 30 * MIN_MS);
	assert_non_null(o.certificate);
	bed_expect(b, ""); /* nobody is told before */
	assert_string_equal(site_segment(b->site, &b->port->handed, T0)->name, "quarantine");
	bed_commit(b);
	bed_expect(b, "place:staff ");
	site_outcome_clear(&o);
}

static void test_demotion_does_not_wait(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	bed_admit(b, T0);
	b->index.matches = &bed_hole;
	b->index.n_matches = 1;
	b->index.generation++;
	bed_inspect(b, T0 + MIN_MS, &o);
	bed_expect(b, "place:isolated! ");
	assert_false(o.compliant);
	assert_int_equal(o.decision.n_findings, 1);
	assert_int_equal(b->site->counters.demotions, 1);
	site_outcome_clear(&o);
	bed_commit(b);
	bed_expect(b, "");
}

static void test_no_attachment_no_placement(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	site_take_posture(
	        b->site, b->alice, site_posture_new(b->site->catalogue, bed_posture("openssl")), true, T0);
	site_judge(b->site, b->alice, NULL, "inspection", NULL, T0, &o);
	assert_true(o.decision.compliant);
	assert_false(o.compliant);
	assert_null(o.certificate);
	assert_string_equal(o.segment, "quarantine");
	assert_string_equal(o.note, "not attached to a known enforcement point");
	site_outcome_clear(&o);
	bed_commit(b);
	bed_expect(b, "event:inspection ");
}

static void test_unsigned_posture_admits_nobody(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	site_take_posture(
	        b->site, b->alice, site_posture_new(b->site->catalogue, bed_posture("openssl")), false, T0);
	site_judge(b->site, b->alice, b->port, "inspection", NULL, T0, &o);
	assert_false(o.compliant);
	assert_string_equal(o.segment, "quarantine");
	assert_null(o.certificate);
	char *findings = verdict_findings(&o);
	assert_non_null(strstr(findings, "signed posture"));
	free(findings);
	site_outcome_clear(&o);
}

static void test_nothing_known_nothing_given(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	site_judge(b->site, b->alice, b->port, "inspection", NULL, T0, &o); /* no posture */
	assert_false(o.compliant);
	assert_null(o.certificate);
	site_outcome_clear(&o);
	site_set_index(b->site, NULL, T0); /* no vulnerability information */
	bed_inspect(b, T0, &o);
	assert_false(o.compliant);
	assert_string_equal(o.segment, "isolated");
	site_outcome_clear(&o);
}

static void test_rejected(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	const uint8_t thumbprint[32] = { 0x66 };
	struct site_node *mallory = site_see_node(b->site, "mallory", thumbprint, "66", T0);
	site_take_posture(
	        b->site, mallory, site_posture_new(b->site->catalogue, bed_posture("openssl")), true, T0);
	site_judge(b->site, mallory, b->port, "inspection", NULL, T0, &o);
	assert_true(o.rejected);
	assert_string_equal(o.segment, "quarantine");
	assert_null(o.certificate);
	site_outcome_clear(&o);
}

static void test_a_turn_that_fails_decides_nothing(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	bed_commit(b);
	bed_inspect(b, T0, &o);
	store_put_posture(b->store, "alice",
	        &(struct store_posture){
	                .json = "", .length = STORE_POSTURE_MAX + 1 }); /* poisons the turn */
	assert_true(store_commit(b->store, NULL) < 0);
	bed_expect(b, "");
	assert_string_equal(site_segment(b->site, &b->port->decided, T0)->name, "quarantine");
	assert_int_equal(b->port->decided.certificate[0], '\0');
	site_outcome_clear(&o);
}

static void test_a_demotion_is_stored_in_the_end(void **state)
{
	struct bed *b = *state;
	bed_admit(b, T0);
	site_drop(b->site, b->port, "test", "a test", T0);
	store_put_posture(
	        b->store, "alice", &(struct store_posture){ .json = "", .length = STORE_POSTURE_MAX + 1 });
	assert_true(store_commit(b->store, NULL) < 0);
	bed_expect(b, "place:quarantine! "); /* it holds all the same */
	assert_true(b->port->unsaved);
	site_tick(b->site, T0 + 1000);
	bed_commit(b);
	bed_close(b);
	bed_open(b);
	assert_string_equal(site_segment(b->site, &b->port->handed, T0 + 1000)->name, "quarantine");
}

static void test_restart_resumes(void **state)
{
	struct bed *b = *state;
	bed_admit(b, T0);
	struct site_placement before = b->port->decided;
	bed_close(b);
	bed_open(b);
	assert_non_null(b->port);
	assert_ptr_equal(b->port->node, b->alice);
	memset(before.certificate_seal, 0, sizeof(before.certificate_seal));
	before.policy_fingerprint = before.advisory_generation = 0;
	assert_memory_equal(&b->port->handed, &before, sizeof(before));
	assert_string_equal(site_segment(b->site, &b->port->handed, T0 + MIN_MS)->name, "staff");
	assert_string_equal(site_segment(b->site, &b->port->handed, T0 + 45 * MIN_MS)->name, "quarantine");
	/* what is stored is enough to judge again */
	b->index.matches = &bed_hole;
	b->index.n_matches = 1;
	site_advisories_changed(b->site, &(struct site_key){ "Debian:12", "openssl" }, 1, false, T0 + MIN_MS);
	bed_now = T0 + MIN_MS;
	site_work(b->site, bed_now, 10);
	bed_expect(b, "work place:isolated! ");
}

/* ---- advisories, policy ---- */

static void test_advisory_reaches_those_who_have_the_package(void **state)
{
	struct bed *b = *state;
	int session;
	bed_admit(b, T0);
	b->port->session = &session;
	bed_now = T0 + 10;
	b->index.matches = &bed_hole;
	b->index.n_matches = 1;
	b->index.passes = 0;
	site_advisories_changed(b->site, &(struct site_key){ "Debian:12", "nginx" }, 1, false, T0 + 10);
	assert_int_equal(site_waiting(b->site), 0);
	site_advisories_changed(b->site, &(struct site_key){ "Debian:12", "OpenSSL" }, 1, false, T0 + 10);
	assert_false(site_work(b->site, T0 + 10, 10));
	bed_expect(b, "work place:isolated! ");
	assert_int_equal(b->port->decided.certificate[0], '\0');
	assert_int_equal(
	        b->port->decided.expires, T0 + 45 * MIN_MS); /* no longer than the inspection made it */
	bed_commit(b);
	bed_expect(b, "retry ");                                  /* when it is on the disk */
	site_advisories_changed(b->site, NULL, 0, true, T0 + 20); /* the same again: nothing moves */
	site_work(b->site, T0 + 20, 10);
	bed_expect(b, "work ");
	b->port->session = NULL;
}

static void test_withdrawn_advisory_admits_again_but_no_longer(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	b->index.matches = &bed_hole;
	b->index.n_matches = 1;
	bed_inspect(b, T0, &o);
	site_outcome_clear(&o);
	bed_commit(b);
	bed_expect(b, "place:isolated ");
	b->index.n_matches = 0;
	bed_now = T0 + MIN_MS;
	site_advisories_changed(b->site, NULL, 0, true, bed_now);
	site_work(b->site, bed_now, 10);
	bed_expect(b, "work ");
	bed_commit(b);
	bed_expect(b, "place:staff ");
	assert_int_equal(b->port->decided.expires, T0 + 45 * MIN_MS);
}

static void test_kernel_packages_are_called_linux(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	struct posture *p = bed_posture("bash");
	struct posture_package kernel = { "deb", "linux-image-6.1.0-41-amd64", "6.1.158-1", "amd64",
		"linux-signed-amd64", "6.1.158+1" };
	assert_int_equal(posture_add_package(p, &kernel), 0);
	site_take_posture(b->site, b->alice, site_posture_new(b->site->catalogue, p), true, T0);
	site_judge(b->site, b->alice, b->port, "inspection", NULL, T0, &o);
	site_outcome_clear(&o);
	assert_true(bed_concerns(b, b->alice, "linux"));
	assert_true(bed_concerns(b, b->alice, "linux-signed-amd64"));
	assert_true(bed_concerns(b, b->alice, "Bash"));
	assert_false(bed_concerns(b, b->alice, "dash"));
}

static void test_policy_change_judges_everybody(void **state)
{
	struct bed *b = *state;
	bed_admit(b, T0);
	bed_now = T0 + MIN_MS;
	site_set_policy(b->site, bed_policy(STRICT), bed_now);
	/* the segment is gone from the policy: the default at once, before anybody was judged */
	assert_string_equal(site_segment(b->site, &b->port->handed, bed_now)->name, "quarantine");
	assert_int_equal(site_waiting(b->site), 1);
	site_work(b->site, bed_now, 10);
	assert_string_equal(b->port->decided.segment, "quarantine");
	assert_false(b->port->decided.compliant);
}

/* ---- the clock ---- */

static void test_reinspection_and_expiry(void **state)
{
	struct bed *b = *state;
	int session;
	bed_admit(b, T0);
	b->port->session = &session;
	bed_now = T0 + 30 * MIN_MS - 1;
	site_tick(b->site, bed_now);
	bed_expect(b, "");
	site_tick(b->site, T0 + 30 * MIN_MS);
	site_tick(b->site, T0 + 31 * MIN_MS); /* asked once */
	bed_expect(b, "retry ");
	bed_commit(b);
	bed_now = T0 + 45 * MIN_MS;
	site_tick(b->site, bed_now);
	assert_string_equal(b->port->decided.segment, "");
	assert_int_equal(b->port->decided.certificate[0], '\0');
	bed_commit(b);
	assert_string_equal(site_segment(b->site, &b->port->handed, bed_now)->name, "quarantine");
	b->port->session = NULL;
}

static void test_disconnected_node_keeps_its_certificate(void **state)
{
	struct bed *b = *state;
	bed_admit(b, T0);
	bed_now = T0 + 44 * MIN_MS;
	site_tick(b->site, bed_now);
	bed_expect(b, "");
	assert_string_equal(site_segment(b->site, &b->port->handed, bed_now)->name, "staff");
}

static void test_gone_attachments_are_forgotten(void **state)
{
	struct bed *b = *state;
	bed_admit(b, T0);
	b->port->present = false;
	site_tick(b->site, T0 + 46 * MIN_MS);
	assert_int_equal(table_count(b->site->attachments), 1);
	site_tick(b->site, T0 + SITE_ABSENT_KEEP_MS + 1); /* the turn still speaks of it */
	assert_int_equal(table_count(b->site->attachments), 1);
	bed_commit(b);
	site_tick(b->site, T0 + SITE_ABSENT_KEEP_MS + 2);
	assert_int_equal(table_count(b->site->attachments), 0);
	assert_null(b->alice->attachments);
	assert_null(b->alice->posture); /* it is in the store */
	assert_non_null(site_node_posture(b->site, b->alice));
}

/* ---- revocation ---- */

static void test_revocation_and_enrolment(void **state)
{
	struct bed *b = *state;
	struct error err;
	int session;
	const uint8_t old[32] = { 0xa1 }, renewed[32] = { 0xa2 };
	bed_admit(b, T0);
	b->port->session = &session;
	bed_now = T0 + MIN_MS;
	assert_int_equal(site_check_identity(b->site, "alice", old, "0a", &err), 0);
	assert_int_equal(site_revoke(b->site, b->alice, "stolen", bed_now), 1);
	bed_expect(b, "place:quarantine! disconnect ");
	bed_commit(b);
	bed_expect(b, "event:revocation ");
	b->port->session = NULL;
	assert_int_equal(site_check_identity(b->site, "alice", old, "0a", &err), -EACCES);
	assert_int_equal(site_check_identity(b->site, "alice", renewed, "0b", &err), -EACCES);
	struct identity who = { .name = "alice", .role = ROLE_NODE, .serial = "0b" };
	memcpy(who.thumbprint, b->alice->thumbprint, 32);
	assert_int_equal(
	        site_enrolled(b->site, &who, NULL, bed_now, NULL, &err), -EACCES); /* the stolen key */
	memcpy(who.thumbprint, renewed, 32);
	assert_int_equal(site_enrolled(b->site, &who, NULL, bed_now, NULL, &err), 0);
	bed_commit(b);
	bed_close(b);
	bed_open(b);
	assert_int_equal(site_check_identity(b->site, "alice", renewed, "0b", &err), 0);
	assert_int_equal(site_check_identity(b->site, "alice", renewed, "0a", &err),
	        -EACCES); /* that serial never again */
	assert_int_equal(site_check_identity(b->site, "alice", old, "0c", &err), -EACCES); /* nor that key */
}

static void test_refusals_do_not_fill_the_events(void **state)
{
	struct bed *b = *state;
	bed_commit(b);
	for (int i = 0; i < 1000; i++)
		site_note_refusal(b->site, T0, "refused", NULL, "a stranger");
	bed_commit(b);
	assert_int_equal(b->site->counters.events_dropped, 1000 - SITE_REFUSALS_PER_SECOND);
	b->log[0] = '\0';
	site_note_refusal(b->site, T0 + 1000, "refused", NULL, "a stranger");
	bed_commit(b);
	bed_expect(b, "event:refused ");
}

/* What was decided under another policy, while the server was away, is judged again before anything else. */
static void test_start_judges_everybody(void **state)
{
	struct bed *b = *state;
	bed_admit(b, T0);
	bed_close(b);
	bed_open(b);
	b->index.matches = &bed_hole;
	b->index.n_matches = 1;
	bed_now = T0 + MIN_MS;
	site_judge_all(b->site, "start");
	site_work(b->site, bed_now, 10);
	bed_expect(b, "work place:isolated! ");
}

static void test_softwire_sessions(void **state)
{
	struct bed *b = *state;
	struct ip_prefix prefix;
	struct site_session session = { "alice", "alice@home", "", &prefix, 1 };
	assert_int_equal(ip_prefix_parse("2001:db8:5::/64", &prefix), 0);
	site_set_session(b->site, b->port, &session, T0);
	assert_true(site_may_be_at(b->port, b->alice));
	bed_admit(b, T0);
	/* AAA allows no other segment than one to which the policy admits nobody: judged again at once. */
	session.segment = "guest";
	site_set_session(b->site, b->port, &session, T0 + 1);
	bed_expect(b, "place:isolated! ");
	bed_commit(b);
	session.segment = "staff";
	site_set_session(b->site, b->port, &session, T0 + 2);
	bed_commit(b);
	bed_expect(b, "place:staff ");
	/* Until its concentrator has spoken again nothing changes, and nobody else may be inspected there. */
	session.machine = "?";
	site_set_session(b->site, b->port, &session, T0 + 3);
	bed_expect(b, "");
	assert_false(site_may_be_at(b->port, b->alice));
	session.machine = "bob";
	site_set_session(b->site, b->port, &session, T0 + 4);
	bed_expect(b, "place:quarantine! ");
	assert_false(site_may_be_at(b->port, b->alice));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_admission_waits_for_the_disk),
		TEST(test_demotion_does_not_wait),
		TEST(test_no_attachment_no_placement),
		TEST(test_unsigned_posture_admits_nobody),
		TEST(test_nothing_known_nothing_given),
		TEST(test_rejected),
		TEST(test_a_turn_that_fails_decides_nothing),
		TEST(test_a_demotion_is_stored_in_the_end),
		TEST(test_restart_resumes),
		TEST(test_advisory_reaches_those_who_have_the_package),
		TEST(test_withdrawn_advisory_admits_again_but_no_longer),
		TEST(test_kernel_packages_are_called_linux),
		TEST(test_policy_change_judges_everybody),
		TEST(test_reinspection_and_expiry),
		TEST(test_disconnected_node_keeps_its_certificate),
		TEST(test_gone_attachments_are_forgotten),
		TEST(test_revocation_and_enrolment),
		TEST(test_refusals_do_not_fill_the_events),
		TEST(test_start_judges_everybody),
		TEST(test_softwire_sessions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
