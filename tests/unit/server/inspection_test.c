/* SPDX-License-Identifier: ISC */
/* Whole conversations of the server with a node that is played by the test. */
#include "proto/patnc/swima.h"
#include "tests/unit/server/node_play.h"

#include <string.h>

static void test_whole_inspection(void **state)
{
	struct play p;
	bed_now = T0;
	play_meet(&p, *state);
	play_inspection(&p);
	assert_int_equal(p.results, 1);
	assert_int_equal(p.assessment, PBTNC_COMPLIANT);
	assert_int_equal(p.recommendation, PBTNC_ACCESS_ALLOWED);
	assert_non_null(p.certificate);
	assert_non_null(strstr(p.decision, "\"segment\":\"staff\""));
	assert_non_null(
	        strstr(p.reasons, "Segment staff zugelassen")); /* in the language that it likes best */
	assert_string_equal(p.remedies, "");
	assert_true(p.b->alice->posture_signed);
	bed_expect(p.b, "place:staff ");
	play_part(&p);
}

static void test_findings_are_told(void **state)
{
	struct play p;
	struct bed *b = *state;
	bed_now = T0;
	b->index.matches = &bed_hole;
	b->index.n_matches = 1;
	play_meet(&p, b);
	play_inspection(&p);
	assert_int_equal(p.assessment, PBTNC_SIGNIFICANT_DIFFERENCES);
	assert_int_equal(p.recommendation, PBTNC_ACCESS_QUARANTINED);
	assert_non_null(strstr(p.decision, "DSA-1"));
	assert_non_null(strstr(p.remedies, "openssl von 1.0-1 auf 1.0-2 oder neuer"));
	assert_non_null(strstr(p.remedies, "https://help.example/"));
	play_part(&p);
}

static void test_certificate_in_one_exchange(void **state)
{
	struct play p;
	struct bed *b = *state;
	bed_now = T0;
	play_meet(&p, b);
	play_inspection(&p);
	char *first FREE_ON_EXIT = xstrdup(p.certificate);
	bed_now = T0 + 20 * MIN_MS;
	unsigned requests = p.requests;
	play_hello(&p, first, b->alice->posture_digest, PBTNC_CRETRY);
	play_serve(&p, b->port);
	assert_int_equal(p.results, 2);
	assert_int_equal(p.requests, requests);
	assert_int_equal(b->site->counters.assessments_short, 1);
	assert_string_not_equal(p.certificate, first);
	assert_int_equal(b->port->decided.expires, bed_now + 45 * MIN_MS);
	/* the first one is not the last one any more: a whole inspection */
	play_hello(&p, first, b->alice->posture_digest, PBTNC_CRETRY);
	play_serve(&p, b->port);
	assert_int_equal(p.results, 2);
	assert_true(p.may_send);
	play_part(&p);
}

/* Soon after a decision its certificate is affirmed: nothing is judged, stored, signed or placed. */
static void test_certificate_is_affirmed(void **state)
{
	struct play p;
	struct bed *b = *state;
	bed_now = T0;
	play_meet(&p, b);
	play_inspection(&p);
	char *first FREE_ON_EXIT = xstrdup(p.certificate);
	const struct site_placement before = b->port->decided;
	const uint64_t judgements = b->site->counters.judgements;
	bed_now = T0 + 14 * MIN_MS;
	play_hello(&p, first, b->alice->posture_digest, PBTNC_CRETRY);
	assert_true(p.wants_place);
	inspection_found_place(p.i, b->port, bed_now);
	play_hear(&p);
	assert_int_equal(p.results, 2);
	assert_int_equal(p.recommendation, PBTNC_ACCESS_ALLOWED);
	assert_string_equal(p.certificate, first);
	assert_false(store_has_work(b->store));
	assert_memory_equal(&before, &b->port->decided, sizeof(before));
	assert_int_equal(b->site->counters.judgements, judgements);
	assert_int_equal(b->site->counters.affirmed, 1);
	play_part(&p);
}

/* Each of these is a reason to judge, or to inspect. */
static void test_what_is_not_affirmed(void **state)
{
	static const uint8_t other_digest[32] = { 9 }, other_key[32] = { 8 };
	struct bed *b = *state;
	for (int reason = 0; reason < 9; reason++) {
		struct play p;
		bed_now += 60 * MIN_MS;
		play_meet(&p, b);
		play_inspection(&p);
		const uint64_t affirmed = b->site->counters.affirmed;
		const uint8_t *digest = b->alice->posture_digest;
		uint8_t thumbprint[32];
		memcpy(thumbprint, b->alice->thumbprint, sizeof(thumbprint));
		bed_now += MIN_MS;
		switch (reason) {
		case 0:
			bed_now += 15 * MIN_MS;
			break;
		case 1:
			b->index.generation++;
			break;
		case 2:
			b->alice->again = "test";
			break;
		case 3:
			digest = other_digest;
			break;
		case 4:
			b->port->findings_hash++;
			break;
		case 5:
			b->alice->doubtful_until = bed_now + MIN_MS;
			break;
		case 6:
			b->port->retry_asked = true;
			break;
		case 7: /* another key: its bytes are not enough any more, and the claims are of the old one
		         */
			memcpy(b->alice->thumbprint, other_key, sizeof(other_key));
			break;
		default:
			p.certificate[strlen(p.certificate) - 2] ^= 1;
		}
		play_hello(&p, p.certificate, digest, PBTNC_CRETRY);
		play_serve(&p, b->port);
		assert_int_equal(b->site->counters.affirmed, affirmed);
		memcpy(b->alice->thumbprint, thumbprint, sizeof(thumbprint));
		b->alice->again = NULL;
		b->alice->doubtful_until = 0;
		play_part(&p);
	}
}

/* An advisory came meanwhile: the certificate is accepted, and the stored posture judged by what is known
 * now. */
static void test_certificate_is_judged_anew(void **state)
{
	struct play p;
	struct bed *b = *state;
	bed_now = T0;
	play_meet(&p, b);
	play_inspection(&p);
	b->index.matches = &bed_hole;
	b->index.n_matches = 1;
	b->index.generation++;
	play_hello(&p, p.certificate, b->alice->posture_digest, PBTNC_CRETRY);
	play_serve(&p, b->port);
	assert_int_equal(p.results, 2);
	assert_int_equal(p.recommendation, PBTNC_ACCESS_QUARANTINED);
	assert_string_equal(b->port->decided.segment, "isolated");
	play_part(&p);
}

/* What is not signed with the node's key over this connection and this nonce admits nobody. */
static void test_signatures(void **state)
{
	static const uint8_t digest[32] = { 1 }, other_exporter[32] = { 2 }, other_nonce[32] = { 3 };
	struct play p;
	EVP_PKEY *other_key = NULL;
	assert_int_equal(key_generate(KEY_P256, &other_key, NULL), 0);
	for (int wrong = 0; wrong < 4; wrong++) {
		bed_now = T0;
		play_meet(&p, *state);
		play_hello(&p, NULL, digest, PBTNC_CDATA);
		play_serve(&p, p.b->port);
		uint64_t refused = p.b->site->counters.signatures_refused;
		play_posture(&p,
		        wrong == 0           ? NULL
		                : wrong == 1 ? other_key
		                             : p.key,
		        wrong == 2 ? other_exporter : p.exporter, wrong == 3 ? other_nonce : p.nonce);
		play_serve(&p, p.b->port);
		assert_int_equal(p.results, 1);
		assert_int_equal(p.recommendation, PBTNC_ACCESS_QUARANTINED);
		assert_null(p.certificate);
		assert_non_null(strstr(p.decision, "signed posture"));
		assert_int_equal(p.b->site->counters.signatures_refused, refused + 1);
		assert_string_equal(site_segment(p.b->site, &p.b->port->handed, T0)->name, "quarantine");
		play_part(&p);
	}
	EVP_PKEY_free(other_key);
}

/* Something is added behind the signature, or before another one: neither covers the whole. */
static void test_signature_covers_all(void **state)
{
	static const uint8_t digest[32] = { 1 };
	for (int twice = 0; twice < 2; twice++) {
		struct play p;
		struct saying s;
		struct posture *posture = bed_posture("openssl");
		bed_now = T0;
		play_meet(&p, *state);
		play_hello(&p, NULL, digest, PBTNC_CDATA);
		play_serve(&p, p.b->port);
		play_begin(&s, &p);
		play_sign(&s, p.key, p.exporter, p.nonce);
		assert_int_equal(posture_write_messages(posture, &p.wants, &p.next_id, play_add, &s), 0);
		if (twice)
			play_sign(&s, p.key, p.exporter, p.nonce);
		play_post(&s, PBTNC_CDATA);
		posture_free(posture);
		play_serve(&p, p.b->port);
		assert_int_equal(p.recommendation, PBTNC_ACCESS_QUARANTINED);
		assert_false(p.b->alice->posture_signed);
		play_part(&p);
	}
}

/* Posture that comes with the first batch is not covered by the signature over the second. */
static void test_early_posture_does_not_count(void **state)
{
	struct play p;
	struct saying s;
	struct bed *b = *state;
	struct posture *early = bed_posture("openssl"), *late = bed_posture("bash");
	bed_now = T0;
	b->index.matches = &bed_hole;
	b->index.n_matches = 1;
	play_meet(&p, b);
	p.wants.inventory = true;
	play_begin(&s, &p);
	assert_int_equal(posture_write_messages(early, &p.wants, &p.next_id, play_add, &s), 0);
	play_post(&s, PBTNC_CDATA);
	play_serve(&p, b->port);
	play_begin(&s, &p);
	assert_int_equal(posture_write_messages(late, &p.wants, &p.next_id, play_add, &s), 0);
	play_sign(&s, p.key, p.exporter, p.nonce);
	play_post(&s, PBTNC_CDATA);
	play_serve(&p, b->port);
	assert_int_equal(site_node_posture(b->site, b->alice)->n_packages, 1);
	assert_string_equal(site_node_posture(b->site, b->alice)->packages[0].name, "bash");
	posture_free(early);
	posture_free(late);
	play_part(&p);
}

/* Somebody else's client: standard attributes only. It is understood, and kept out. */
static void test_third_party(void **state)
{
	struct play p;
	struct saying s;
	struct writer w = wr_make(4096);
	bed_now = T0;
	play_meet(&p, *state);
	play_begin(&s, &p);
	patnc_begin_message(&w, p.next_id++);
	patnc_put_product_information(&w, &(struct patnc_product){ .name = patnc_text("Debian 12") });
	assert_int_equal(play_add(0, PATNC_SUBTYPE_OPERATING_SYSTEM, w.data, w.length, &s), 0);
	play_post(&s, PBTNC_CDATA);
	play_serve(&p, p.b->port);
	assert_true(p.may_send && p.wants.installed_packages && p.wants.inventory);
	play_begin(&s, &p);
	wr_reset(&w);
	patnc_begin_message(&w, p.next_id++);
	size_t at = patnc_begin_installed_packages(&w);
	patnc_put_package(&w, &(struct patnc_package){ patnc_text("openssl"), patnc_text("1.0-1") });
	patnc_end_installed_packages(&w, at, 1);
	assert_int_equal(play_add(0, PATNC_SUBTYPE_OPERATING_SYSTEM, w.data, w.length, &s), 0);
	play_post(&s, PBTNC_CDATA);
	wr_free(&w);
	play_serve(&p, p.b->port);
	assert_int_equal(p.results, 1);
	assert_int_equal(p.recommendation, PBTNC_ACCESS_QUARANTINED);
	assert_null(p.certificate);
	assert_null(p.decision); /* it would not know what to do with them */
	assert_non_null(strstr(p.reasons, "not signed"));
	play_part(&p);
}

static void test_malformed_posture(void **state)
{
	static const uint8_t digest[32] = { 1 };
	struct play p;
	struct saying s;
	bed_now = T0;
	play_meet(&p, *state);
	play_hello(&p, NULL, digest, PBTNC_CDATA);
	play_serve(&p, p.b->port);
	play_begin(&s, &p);
	assert_int_equal(
	        play_add(0, PATNC_SUBTYPE_SWIMA, "\x01\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x0e\0\0\0\x01", 20, &s),
	        0);
	play_sign(&s, p.key, p.exporter, p.nonce);
	play_post(&s, PBTNC_CDATA);
	play_serve(&p, p.b->port);
	assert_int_equal(p.results, 1);
	assert_int_equal(p.errors, 1);
	assert_int_equal(p.assessment, PBTNC_ASSESSMENT_ERROR);
	assert_int_equal(p.recommendation, PBTNC_ACCESS_QUARANTINED);
	assert_int_equal(p.b->alice->inspected, 0);
	play_part(&p);
}

static void test_malformed_batch(void **state)
{
	struct play p;
	bed_now = T0;
	play_meet(&p, *state);
	inspection_receive(p.i, "garbage", 7, T0);
	assert_true(p.is_ended);
	assert_int_equal(p.b->site->counters.protocol_errors, 1);
	assert_int_equal(p.n_mail, 1); /* the PB-Error that says so */
	inspection_receive(p.i, "garbage", 7, T0);
	assert_int_equal(p.b->site->counters.protocol_errors, 1);
	play_part(&p);
}

static void test_no_place(void **state)
{
	static const uint8_t digest[32] = { 1 };
	struct play p;
	bed_now = T0;
	play_meet(&p, *state);
	play_hello(&p, NULL, digest, PBTNC_CDATA);
	play_serve(&p, NULL);
	play_posture(&p, p.key, p.exporter, p.nonce);
	play_serve(&p, NULL);
	assert_int_equal(p.assessment, PBTNC_COMPLIANT);
	assert_int_equal(p.recommendation, PBTNC_ACCESS_QUARANTINED);
	assert_null(p.certificate);
	assert_non_null(strstr(p.decision, "not attached to a known enforcement point"));
	play_part(&p);
}

static void test_result_waits_for_disk_and_enforcer(void **state)
{
	static const uint8_t digest[32] = { 1 };
	struct play p;
	bed_now = T0;
	play_meet(&p, *state);
	play_hello(&p, NULL, digest, PBTNC_CDATA);
	play_serve(&p, p.b->port);
	play_posture(&p, p.key, p.exporter, p.nonce);
	inspection_found_place(p.i, p.b->port, bed_now);
	assert_int_equal(p.n_mail, 0);
	bed_commit(p.b);
	assert_true(p.wants_applied);
	assert_int_equal(p.n_mail, 0);
	inspection_applied(p.i, bed_now);
	assert_int_equal(p.n_mail, 1);
	play_part(&p);
}

static void test_what_is_not_stored_is_not_said(void **state)
{
	static const uint8_t digest[32] = { 1 };
	struct play p;
	bed_now = T0;
	play_meet(&p, *state);
	play_hello(&p, NULL, digest, PBTNC_CDATA);
	play_serve(&p, p.b->port);
	play_posture(&p, p.key, p.exporter, p.nonce);
	inspection_found_place(p.i, p.b->port, bed_now);
	store_put_posture(
	        p.b->store, "alice", &(struct store_posture){ .json = "", .length = STORE_POSTURE_MAX + 1 });
	assert_true(store_commit(p.b->store, NULL) < 0);
	assert_int_equal(p.n_mail, 0);
	assert_true(p.is_ended);
	play_part(&p);
}

static void test_retry(void **state)
{
	struct play p;
	bed_now = T0;
	play_meet(&p, *state);
	play_inspection(&p);
	bed_now = T0 + 30 * MIN_MS;
	inspection_retry(p.i, bed_now);
	play_hear(&p);
	assert_int_equal(p.retries, 1);
	assert_true(p.may_send && p.has_nonce); /* what to send comes along */
	inspection_retry(p.i, bed_now);         /* under way already: once more when that has ended */
	assert_int_equal(p.n_mail, 0);
	play_posture(&p, p.key, p.exporter, p.nonce);
	play_serve(&p, p.b->port);
	assert_int_equal(p.results, 2);
	assert_int_equal(p.retries, 2);
	play_posture(&p, p.key, p.exporter, p.nonce);
	play_serve(&p, p.b->port);
	assert_int_equal(p.results, 3);
	assert_int_equal(p.retries, 2);
	assert_int_equal(p.recommendation, PBTNC_ACCESS_ALLOWED);
	play_part(&p);
}

/* Its batch is being read when the server wants it again: that comes after the result. */
static void test_retry_while_reading(void **state)
{
	struct play p;
	bed_now = T0;
	play_meet(&p, *state);
	p.retry_while_reading = true;
	play_inspection(&p);
	assert_int_equal(p.results, 1);
	assert_int_equal(p.retries, 1);
	p.retry_while_reading = false;
	play_posture(&p, p.key, p.exporter, p.nonce);
	play_serve(&p, p.b->port);
	assert_int_equal(p.results, 2);
	assert_int_equal(p.retries, 1);
	play_part(&p);
}

/* A node that never sends a posture is not asked for ever. */
static void test_rounds_end(void **state)
{
	static const uint8_t digest[32] = { 1 };
	struct play p;
	bed_now = T0;
	play_meet(&p, *state);
	play_hello(&p, "a.b.c", digest, PBTNC_CDATA);
	for (int i = 0; i < INSPECTION_ROUNDS_MAX; i++) {
		play_serve(&p, p.b->port);
		assert_false(p.is_ended);
		play_hello(&p, "a.b.c", digest, PBTNC_CDATA);
	}
	play_serve(&p, p.b->port);
	assert_true(p.is_ended);
	assert_int_equal(p.results, 0);
	play_part(&p);
}

/* A node that begins one assessment after the other is sent away, and may come again later. */
static void test_assessments_are_rationed(void **state)
{
	struct play p;
	struct bed *b = *state;
	unsigned n = 1;
	bed_now = T0;
	play_meet(&p, b);
	play_inspection(&p);
	for (; !p.is_ended && n < 100; n++) {
		b->index.generation++; /* so that it has to be judged */
		play_hello(&p, p.certificate, b->alice->posture_digest, PBTNC_CRETRY);
		if (!p.is_ended)
			play_serve(&p, b->port);
	}
	assert_int_equal(p.results, SITE_ASSESSMENT_BURST_MS / SITE_ASSESSMENT_COST_MS);
	assert_int_equal(b->site->counters.assessments_refused, 1);
	play_part(&p);
	play_meet(&p, b);
	play_hello(&p, NULL, b->alice->posture_digest, PBTNC_CDATA);
	assert_true(p.is_ended); /* another connection does not help */
	play_part(&p);
	bed_now = T0 + SITE_ASSESSMENT_COST_MS;
	play_meet(&p, b);
	play_inspection(&p);
	assert_int_equal(p.results, 1);
	play_part(&p);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_whole_inspection),
		TEST(test_findings_are_told),
		TEST(test_certificate_in_one_exchange),
		TEST(test_certificate_is_affirmed),
		TEST(test_what_is_not_affirmed),
		TEST(test_certificate_is_judged_anew),
		TEST(test_signatures),
		TEST(test_signature_covers_all),
		TEST(test_early_posture_does_not_count),
		TEST(test_third_party),
		TEST(test_malformed_posture),
		TEST(test_malformed_batch),
		TEST(test_no_place),
		TEST(test_result_waits_for_disk_and_enforcer),
		TEST(test_what_is_not_stored_is_not_said),
		TEST(test_retry),
		TEST(test_retry_while_reading),
		TEST(test_rounds_end),
		TEST(test_assessments_are_rationed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
