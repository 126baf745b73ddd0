/* SPDX-License-Identifier: ISC */
/* Policies over a real index: OSV records in, decisions out, with the index open all along. */
#include "policy/policy.h"
#include "tests/unit/test.h"
#include "vuln/update.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DAY 86400000LL
#define NOW 1790000000000LL /* 2026-09-21 */

static const char site_policy[] =
        "define server { address 2001:db8::2 tcp 271 }\n"
        "segment quarantine default { allow to server }\n"
        "segment isolated { allow to server }\n"
        "segment staff level 2 { allow to any }\n"
        "require patched { no advisory where severity >= high and fixed, older than 3 days }\n"
        "require fresh { advisories.age < 1 day }\n"
        "admit to staff when patched, fresh\n"
        "otherwise isolated\n"
        "inspect every 30 min certificate lifetime 45 min\n";

struct site {
	char folder[64];
	struct vuln_update *update;
	struct vuln_index *index;
	struct policy *policy;
	struct posture *posture;
};

static void publish_as(struct site *s, const char *source, time_ms now, const char *json)
{
	struct vuln_update_result result;
	struct error err = { "" };
	if (vuln_update_put(s->update, source, json, strlen(json), &err) < 0 ||
	        vuln_update_commit(s->update, now, NULL, NULL, &result, &err) < 0)
		fail_msg("%s", err.text);
}

static void publish(struct site *s, time_ms now, const char *json)
{
	publish_as(s, "debian", now, json);
}

static void advisory(struct site *s, time_ms now, const char *id, const char *published, const char *severity,
        const char *fixed)
{
	char *event FREE_ON_EXIT = fixed ? xasprintf(",{\"fixed\":\"%s\"}", fixed) : xstrdup("");
	char *json FREE_ON_EXIT = xasprintf(
	        "{\"id\":\"%s\",\"modified\":\"%s\",\"published\":\"%s\",\"aliases\":[\"CVE-2026-1\"],"
	        "\"affected\":[{\"package\":{\"ecosystem\":\"Debian:12\",\"name\":\"openssl\"},%s"
	        "\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"}%s]}]}]}",
	        id, published, published, severity, event);
	publish(s, now, json);
}

static int setup(void **state)
{
	static const struct posture_package packages[] = {
		{ "deb", "openssl", "3.0.15-1", "amd64", "openssl", "3.0.15-1" },
		{ "deb", "libssl3", "3.0.15-1", "amd64", "openssl", "3.0.15-1" },
		{ "deb", "adduser", "3.134", "all", "adduser", "3.134" },
	};
	struct site *s = xcalloc(1, sizeof(*s));
	struct error err = { "" };
	strcpy(s->folder, "/tmp/pratique-policy-XXXXXX");
	s->posture = posture_new();
	s->posture->os_id = "debian";
	s->posture->os_version = "12";
	s->posture->os_codename = "bookworm";
	for (size_t i = 0; i < ARRAY_LENGTH(packages); i++)
		(void)posture_add_package(s->posture, &packages[i]);
	s->posture->packages_known = true;
	*state = s;
	if (!mkdtemp(s->folder) || vuln_update_open(s->folder, &s->update, &err) < 0 ||
	        policy_parse("p", site_policy, strlen(site_policy), NULL, NULL, &s->policy, &err) < 0) {
		print_message("%s\n", err.text);
		return -1;
	}
	/* known to the index, of no package that the node has */
	publish(s, NOW,
	        "{\"id\":\"DSA-0\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":"
	        "\"Debian:12\",\"name\":\"zlib\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{"
	        "\"introduced\":\"0\"}]}]}]}");
	return vuln_index_open(s->folder, &s->index, &err);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct site *s = *state;
	vuln_index_close(s->index);
	vuln_update_close(s->update);
	policy_free(s->policy);
	posture_free(s->posture);
	int r = nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(s);
	return r;
}

static void decide(struct site *s, time_ms now, struct policy_decision *ret)
{
	policy_evaluate(s->policy,
	        &(struct policy_input){
	                .node = "alice", .posture = s->posture, .index = s->index, .now = now },
	        ret);
}

static void an_advisory_isolates(void **state)
{
	struct site *s = *state;
	struct policy_decision d;
	decide(s, NOW, &d);
	assert_string_equal(d.segment->name, "staff");
	assert_true(d.compliant);
	uint64_t before = d.advisory_generation;
	assert_true(before > 0);
	policy_decision_clear(&d);

	/* severity unknown counts as high; both binaries of the source are affected */
	advisory(s, NOW, "DSA-1", "2026-09-01T00:00:00Z", "", "3.0.16-1");
	decide(s, NOW, &d);
	assert_string_equal(d.segment->name, "isolated");
	assert_true(d.advisory_generation > before);
	assert_int_equal(d.n_findings, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct policy_finding *f = &d.findings[i];
		assert_int_equal(f->kind, POLICY_FINDING_ADVISORY);
		assert_string_equal(f->requirement, "patched");
		assert_string_equal(f->package, i == 0 ? "openssl" : "libssl3");
		assert_string_equal(f->source_package, "openssl");
		assert_string_equal(f->installed, "3.0.15-1");
		assert_string_equal(f->fixed, "3.0.16-1");
		assert_string_equal(f->advisory, "DSA-1");
		assert_string_equal(f->aliases, "CVE-2026-1");
		assert_string_equal(f->source, "debian");
		assert_non_null(strstr(f->purl, "pkg:deb/debian/"));
	}
	policy_decision_clear(&d);

	/* the updates are installed */
	for (size_t i = 0; i < 2; i++)
		s->posture->packages[i].version = s->posture->packages[i].source_version = "3.0.16-1";
	decide(s, NOW, &d);
	assert_string_equal(d.segment->name, "staff");
	assert_int_equal(d.n_findings, 0);
	policy_decision_clear(&d);
}

static void conditions_on_records(void **state)
{
	static const struct {
		const char *published, *severity, *fixed, *segment;
	} rows[] = {
		{ "2026-09-01T00:00:00Z", "", NULL, "staff" },       /* no fix: nothing to ask of the node */
		{ "2026-09-20T00:00:00Z", "", "3.0.16-1", "staff" }, /* too young */
		{ "2026-09-01T00:00:00Z", "", "3.0.15-1", "staff" }, /* already fixed */
		{ "2026-09-01T00:00:00Z", "", "3.0.16-1", "isolated" },
		{ "2026-09-01T00:00:00Z", "\"ecosystem_specific\":{\"urgency\":\"low\"},", "3.0.16-1",
		        "staff" },
		{ "2026-09-01T00:00:00Z", "\"ecosystem_specific\":{\"urgency\":\"high\"},", "3.0.16-1",
		        "isolated" },
	};
	struct site *s = *state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct policy_decision d;
		advisory(s, NOW, "DSA-1", rows[i].published, rows[i].severity, rows[i].fixed);
		decide(s, NOW, &d);
		if (strcmp(d.segment->name, rows[i].segment) != 0)
			fail_msg("row %zu: %s", i, d.segment->name);
		policy_decision_clear(&d);
	}
}

static void stale_index(void **state)
{
	struct site *s = *state;
	struct policy_decision d;
	decide(s, NOW + 2 * DAY, &d);
	assert_string_equal(d.segment->name, "isolated");
	assert_int_equal(d.n_findings, 1);
	assert_string_equal(d.findings[0].text,
	        "the age of the vulnerability information is 2 days; requirement fresh wants advisories.age "
	        "< 1 day");
	policy_decision_clear(&d);
}

/* Who says otherwise is in the finding, and in what is kept of it; who stands can excuse. */
static void sources_that_disagree(void **state)
{
	struct site *s = *state;
	struct policy_decision d;
	struct vuln_source vendor = {
		.name = "vendor", .precedence = 200, .trust = VULN_TRUST_SIGNED, .loaded = NOW
	};
	const char *vex =
	        "{\"id\":\"VEX-1\",\"modified\":\"2026-09-20T00:00:00Z\",\"aliases\":[\"CVE-2026-1\"],"
	        "\"affected\":[{\"package\":{\"ecosystem\":\"Debian:12\",\"name\":\"openssl\"},"
	        "\"database_specific\":{\"pratique\":{\"status\":\"not_affected\",\"justification\":"
	        "\"no such code\"}}}]}";
	advisory(s, NOW, "DSA-1", "2026-09-01T00:00:00Z",
	        "\"ecosystem_specific\":{\"severity\":\"critical\"},", "3.0.16-1");
	vuln_update_put_source(s->update, &vendor);
	publish_as(s, "vendor", NOW, vex);
	decide(s, NOW, &d);
	assert_int_equal(d.n_findings, 2);
	assert_string_equal(d.findings[0].text,
	        "openssl 3.0.15-1 has DSA-1 (critical), fixed in 3.0.16-1; vendor says not affected (no such "
	        "code): "
	        "debian stands, precedence 100 before 200");
	json_t *json = policy_findings_to_json(&d);
	const json_t *finding = json_array_get(json, 0);
	assert_string_equal(json_string_value(json_object_get(finding, "source")), "debian");
	assert_string_equal(json_string_value(json_object_get(finding, "trust")), "none");
	assert_string_equal(json_string_value(json_object_get(finding, "conflict")), d.findings[0].conflict);
	json_decref(json);
	policy_decision_clear(&d);
	vendor.precedence = 50;
	vuln_update_put_source(s->update, &vendor);
	publish_as(s, "vendor", NOW, vex);
	decide(s, NOW, &d);
	assert_int_equal(d.n_findings, 0);
	assert_string_equal(d.segment->name, "staff");
	policy_decision_clear(&d);
}

/* A package that is judged as another one says as which. */
static void a_backport_says_as_what(void **state)
{
	static const struct posture_package backport = { "deb", "curl", "8.1-2~bpo12+1", "amd64", "curl",
		"8.1-2~bpo12+1" };
	struct site *s = *state;
	struct policy_decision d;
	(void)posture_add_package(s->posture, &backport);
	publish(s, NOW,
	        "{\"id\":\"DSA-2\",\"modified\":\"2026-09-01T00:00:00Z\",\"published\":\"2026-09-01T00:00:"
	        "00Z\","
	        "\"affected\":[{\"package\":{\"ecosystem\":\"Debian:13\",\"name\":\"curl\"},"
	        "\"ecosystem_specific\":{\"severity\":\"high\"},"
	        "\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"8.1-3\"}"
	        "]}]}]}");
	decide(s, NOW, &d);
	assert_int_equal(d.n_findings, 1);
	assert_string_equal(d.findings[0].text,
	        "curl 8.1-2~bpo12+1 has DSA-2 (high), fixed in 8.1-3; judged as a backport of 8.1-2 in "
	        "Debian:13");
	json_t *json = policy_findings_to_json(&d);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json, 0), "judged_as")),
	        "a backport of 8.1-2 in Debian:13");
	json_decref(json);
	policy_decision_clear(&d);
}

/* What the emergency source calls affected is an emergency, also where another source stands before it. */
static void an_emergency_behind_another_source(void **state)
{
	struct site *s = *state;
	struct policy_decision d;
	struct error err = { "" };
	char *text FREE_ON_EXIT = xasprintf("%semergency source \"emergency\"\n", site_policy);
	const struct vuln_source emergency = { .name = "emergency", .precedence = 200, .loaded = NOW };
	const char *record =
	        "{\"id\":\"CVE-2026-1\",\"modified\":\"2026-09-01T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":\"Debian:12\",\"name\":\"openssl\"},\"ranges\":[{\"type\":\"ECOSYSTEM\","
	        "\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"9\"}]}]}]}";
	policy_free(s->policy);
	s->policy = NULL;
	assert_int_equal(policy_parse("p", text, strlen(text), NULL, NULL, &s->policy, &err), 0);
	publish_as(s, "debian", NOW, record);
	decide(s, NOW, &d);
	assert_int_equal(d.n_findings, 2);
	assert_false(d.emergency);
	policy_decision_clear(&d);
	vuln_update_put_source(s->update, &emergency);
	publish_as(s, "emergency", NOW, record);
	decide(s, NOW, &d);
	assert_int_equal(d.n_findings, 2);
	assert_string_equal(d.findings[0].source, "debian");
	assert_true(d.emergency);
	policy_decision_clear(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_advisory_isolates, setup, teardown),
		cmocka_unit_test_setup_teardown(conditions_on_records, setup, teardown),
		cmocka_unit_test_setup_teardown(stale_index, setup, teardown),
		cmocka_unit_test_setup_teardown(a_backport_says_as_what, setup, teardown),
		cmocka_unit_test_setup_teardown(sources_that_disagree, setup, teardown),
		cmocka_unit_test_setup_teardown(an_emergency_behind_another_source, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
