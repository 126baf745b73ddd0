/* SPDX-License-Identifier: ISC */
/* What a hostile node, or bad luck at a bad moment, must not bring about. */
#include "posture/catalogue.h"
#include "proto/patnc/swima.h"
#include "tests/unit/server/node_play.h"

#include <string.h>

static const uint8_t any_digest[32] = { 1 };

/* The policy is another one between the judgement and the result: the findings are told all the same. */
static void test_policy_changes_before_the_result(void **state)
{
	struct play p;
	struct bed *b = *state;
	bed_now = T0;
	b->index.matches = &bed_hole;
	b->index.n_matches = 1;
	play_meet(&p, b);
	play_hello(&p, NULL, any_digest, PBTNC_CDATA);
	play_serve(&p, b->port);
	play_posture(&p, p.key, p.exporter, p.nonce);
	inspection_found_place(p.i, b->port, bed_now);
	bed_commit(b);
	assert_true(p.wants_applied);
	site_set_policy(b->site,
	        bed_policy("define server { address 2001:db8::2 tcp 271 }\n"
	                   "segment quarantine default { allow to server }\n"
	                   "otherwise quarantine\n"
	                   "inspect every 30 min certificate lifetime 45 min\n"),
	        bed_now);
	inspection_applied(p.i, bed_now);
	play_hear(&p);
	assert_int_equal(p.results, 1);
	assert_non_null(strstr(p.decision, "DSA-1"));
	assert_non_null(strstr(p.decision, "\"segment\":\"isolated\""));
	play_part(&p);
}

/* A signed posture without a single package is no evidence that nothing is wrong. */
static void test_empty_inventory(void **state)
{
	struct play p;
	struct saying s;
	struct bed *b = *state;
	struct posture *posture = posture_new();
	posture->os_id = "debian";
	posture->os_version = "12";
	posture->packages_known = true;
	bed_now = T0;
	play_meet(&p, b);
	play_hello(&p, NULL, any_digest, PBTNC_CDATA);
	play_serve(&p, b->port);
	play_begin(&s, &p);
	assert_int_equal(posture_write_messages(posture, &p.wants, &p.next_id, play_add, &s), 0);
	play_sign(&s, p.key, p.exporter, p.nonce);
	play_post(&s, PBTNC_CDATA);
	posture_free(posture);
	play_serve(&p, b->port);
	assert_int_equal(p.results, 1);
	assert_int_equal(p.recommendation, PBTNC_ACCESS_QUARANTINED);
	assert_string_equal(b->port->decided.segment, "isolated");
	play_part(&p);
}

/* The same where the posture comes another way, as from the store. */
static void test_no_packages_are_not_judged_well(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	struct posture *posture = posture_new();
	posture->packages_known = true;
	assert_int_equal(
	        site_take_posture(b->site, b->alice, site_posture_new(b->site->catalogue, posture), true, T0),
	        0);
	site_judge(b->site, b->alice, b->port, "inspection", NULL, T0, &o);
	assert_false(o.compliant);
	assert_int_equal(o.decision.n_findings, 1);
	assert_non_null(strstr(o.decision.findings[0].text, "the inventory is empty"));
	site_outcome_clear(&o);
}

/* n packages that are not the same, but all have the same n_matches holes. */
static void come_with_holes(struct bed *b, size_t n, size_t n_matches, struct site_outcome *o)
{
	struct posture *posture = bed_posture("bash");
	struct scripted_match many[16];
	while (n--) {
		char version[24];
		snprintf(version, sizeof(version), "1.0-%zu", n);
		const char *own = posture_string(posture, version);
		const struct posture_package one = { "deb", "openssl", own, "amd64", "openssl", own };
		assert_int_equal(posture_add_package(posture, &one), 0);
	}
	for (size_t i = 0; i < n_matches; i++)
		many[i] = bed_hole;
	b->index.matches = many;
	b->index.n_matches = n_matches;
	assert_int_equal(
	        site_take_posture(b->site, b->alice, site_posture_new(b->site->catalogue, posture), true, T0),
	        0);
	site_judge(b->site, b->alice, b->port, "inspection", NULL, T0, o);
	b->index.n_matches = 0;
}

/* Many packages that claim to be of one source with many advisories: the server is not kept from the others.
 */
static void test_matches_have_an_end(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	come_with_holes(b, POSTURE_PACKAGES_MAX - 1, 8, &o); /* more than may be new: they have no numbers */
	assert_false(o.compliant);
	assert_int_equal(o.decision.n_findings + o.decision.n_omitted, POLICY_MATCHES_MAX);
	site_outcome_clear(&o);
	come_with_holes(b, CATALOGUE_NEW_PACKAGES_MAX - 1, 16, &o);
	assert_non_null(b->alice->package_ids);
	assert_false(o.compliant);
	assert_in_range(o.decision.n_findings + o.decision.n_omitted, POLICY_MATCHES_MAX,
	        POLICY_MATCHES_MAX + 2 * 16);
	site_outcome_clear(&o);
}

struct part {
	struct saying saying;
	bool ours;
};

static int add_part(uint32_t vendor, uint32_t subtype, const void *body, size_t length, void *context)
{
	struct part *part = context;
	return (vendor == PRATIQUE_PEN) == part->ours ? play_add(vendor, subtype, body, length, &part->saying)
	                                              : 0;
}

/* The first batch brings an inventory without our attributes and without a signature, the second one is
 * signed and brings the rest: what the signature does not cover does not become signed by it. */
static void test_signature_of_another_batch(void **state)
{
	struct play p;
	struct part part = { .ours = false };
	struct bed *b = *state;
	struct posture *posture = bed_posture("openssl");
	const struct posture_wants wants = { .inventory = true, .inventory_id = 1 };
	bed_now = T0;
	play_meet(&p, b);
	play_begin(&part.saying, &p);
	assert_int_equal(posture_write_messages(posture, &wants, &p.next_id, add_part, &part), 0);
	play_post(&part.saying, PBTNC_CDATA);
	play_serve(&p, b->port);
	assert_true(p.may_send && p.has_nonce);
	part.ours = true;
	play_begin(&part.saying, &p);
	assert_int_equal(posture_write_messages(posture, &wants, &p.next_id, add_part, &part), 0);
	play_sign(&part.saying, p.key, p.exporter, p.nonce);
	play_post(&part.saying, PBTNC_CDATA);
	play_serve(&p, b->port);
	assert_int_equal(p.results, 1);
	assert_int_equal(p.recommendation, PBTNC_ACCESS_QUARANTINED);
	assert_false(b->alice->posture_signed);
	assert_string_equal(b->port->decided.segment, "quarantine");
	posture_free(posture);
	play_part(&p);
}

/* Who has gone is not placed from afar: whoever appears there next may be somebody else. */
static void test_absent_is_not_placed(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	b->index.matches = &bed_hole;
	b->index.n_matches = 1;
	bed_inspect(b, T0, &o);
	site_outcome_clear(&o);
	bed_commit(b);
	bed_expect(b, "place:isolated ");
	site_set_present(b->site, b->port, false, T0);
	bed_expect(b, "place:quarantine! ");
	b->index.n_matches = 0; /* the advisory is withdrawn */
	site_judge_again(b->site, b->alice, "advisories", T0 + 1000);
	bed_commit(b);
	bed_expect(b, "");
	assert_string_equal(site_segment(b->site, &b->port->handed, T0 + 1000)->name, "quarantine");
	site_set_present(b->site, b->port, true, T0 + 2000);
	bed_commit(b);
	assert_string_equal(site_segment(b->site, &b->port->handed, T0 + 2000)->name, "quarantine");
}

/* The same within one turn: judged, and gone before the turn is on the disk. */
static void test_gone_before_the_disk(void **state)
{
	struct bed *b = *state;
	struct site_outcome o;
	bed_inspect(b, T0, &o);
	site_outcome_clear(&o);
	site_set_present(b->site, b->port, false, T0);
	bed_commit(b);
	bed_expect(b, "");
	assert_string_equal(site_segment(b->site, &b->port->handed, T0)->name, "quarantine");
}

/* A clock that is set back does not prolong an admission. */
static void test_clock_is_set_back(void **state)
{
	struct bed *b = *state;
	const time_ms earlier = T0 - 86400000LL;
	bed_admit(b, T0);
	site_tick(b->site, T0 + 1000);
	bed_now = earlier;
	site_tick(b->site, earlier);
	assert_true(b->port->decided.expires <= earlier + 45 * MIN_MS);
	assert_true(b->port->handed.expires <= earlier + 45 * MIN_MS);
	assert_true(b->port->next_inspection <= earlier + 30 * MIN_MS);
	b->log[0] = '\0';
	bed_now = earlier + 46 * MIN_MS;
	site_tick(b->site, bed_now);
	bed_commit(b);
	bed_expect(b, "place:quarantine ");
}

/* Nor does it keep anybody from being inspected. */
static void test_clock_is_set_back_among_assessments(void **state)
{
	struct bed *b = *state;
	while (site_may_begin(b->site, b->alice, T0))
		;
	assert_false(site_may_begin(b->site, b->alice, T0 + 1000));
	assert_true(site_may_begin(b->site, b->alice, T0 - 86400000LL));
}

/* An inspection of a revoked node that was under way comes to nothing. */
static void test_revoked_while_inspected(void **state)
{
	struct play p;
	struct bed *b = *state;
	bed_now = T0;
	play_meet(&p, b);
	play_hello(&p, NULL, any_digest, PBTNC_CDATA);
	play_serve(&p, b->port);
	play_posture(&p, p.key, p.exporter, p.nonce);
	(void)site_revoke(b->site, b->alice, "stolen", bed_now);
	inspection_found_place(p.i, b->port, bed_now);
	bed_commit(b);
	assert_string_equal(site_segment(b->site, &b->port->handed, T0)->name, "quarantine");
	play_part(&p);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_policy_changes_before_the_result),
		TEST(test_empty_inventory),
		TEST(test_no_packages_are_not_judged_well),
		TEST(test_matches_have_an_end),
		TEST(test_signature_of_another_batch),
		TEST(test_absent_is_not_placed),
		TEST(test_gone_before_the_disk),
		TEST(test_clock_is_set_back),
		TEST(test_clock_is_set_back_among_assessments),
		TEST(test_revoked_while_inspected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
