/* SPDX-License-Identifier: ISC */
/* What a policy says for bad days: its words, and what waivers and emergencies make of a decision. */
#include "tests/unit/policy/refused.h"
#include "tests/unit/policy/scripted_index.h"

#define DAY 86400000LL
#define NOW (20000 * DAY) /* 2024-10-04 */
#define SOFT \
	"segment guest level 1 { allow to server }\n" \
	"segment staff level 2 { allow to any demote after 15 min }\n" \
	"role \"employee\" { node \"alice\", \"cnc-7\" }\n" \
	"require patched { no advisory }\n" \
	"require firewall { firewall.active }\n" \
	"admit role \"employee\" to staff when patched, firewall\n" \
	"admit to guest when firewall\n"
#define BRAKE "brake demotions above 10% per 5 min\n"

static struct policy *policy_of(const char *text)
{
	struct policy *p = NULL;
	struct error err = { "" };
	char *whole FREE_ON_EXIT = xasprintf("%s%s%s", BASE, SOFT, text);
	if (policy_parse("p", whole, strlen(whole), NULL, NULL, &p, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

static void modes(void **state)
{
	struct policy *p = policy_of(BRAKE "mode monitor in guest mode enforce for role \"pilot\", \"lab\"\n"
	                                   "mode monitor in staff for role \"printer\"\n");
	assert_string_equal(policy_monitor_segment(p, NULL)->name, "guest");
	assert_string_equal(policy_monitor_segment(p, "employee")->name, "guest");
	assert_string_equal(policy_monitor_segment(p, "printer")->name, "staff");
	assert_null(policy_monitor_segment(p, "lab"));
	policy_free(p);
	p = policy_of("mode enforce\n");
	assert_null(policy_monitor_segment(p, NULL));
	assert_null(policy_brake(p));
	assert_int_equal(policy_segment_by_name(p, "staff")->demote_ms, 15 * 60000);
	policy_free(p);
}

static void brakes(void **state)
{
	static const struct {
		const char *text;
		struct policy_brake brake;
	} cases[] = {
		{ "brake demotions above 10% per 5 min", { 10, 3, 300000, DAY } },
		{ "brake demotions above 25% or 40 nodes per 1 hour hold 2 days",
		        { 25, 40, 3600000, 2 * DAY } },
		{ "brake demotions above 0% or 0 nodes per 10 s hold 8 hours", { 0, 0, 10000, DAY / 3 } },
		{ "brake demotions above 5 nodes per 5 min", { 0, 5, 300000, DAY } },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct policy *p = policy_of(cases[i].text);
		assert_memory_equal(policy_brake(p), &cases[i].brake, sizeof(cases[i].brake));
		policy_free(p);
	}
}

static void paces(void **state)
{
	struct policy *p = policy_of("inspect after advisories\n");
	assert_int_equal(policy_reinspect_pace(p)->nodes, 100);
	assert_int_equal(policy_reinspect_pace(p)->per_ms, 1000);
	policy_free(p);
	p = policy_of("inspect after advisories 20 nodes per 1 min\n");
	char *text FREE_ON_EXIT = policy_describe(p, NOW);
	assert_int_equal(policy_reinspect_pace(p)->nodes, 20);
	assert_non_null(
	        strstr(text, "\ninspect after advisories: all nodes are asked again, 20 nodes per 1 min\n"));
	policy_free(p);
	p = policy_of("");
	assert_null(policy_reinspect_pace(p));
	assert_int_equal(policy_asking_pace(p)->nodes, 200);
	assert_int_equal(policy_asking_pace(p)->per_ms, 1000);
	policy_free(p);
	p = policy_of("inspect rate 7 nodes per 30 s\n");
	char *rate FREE_ON_EXIT = policy_describe(p, NOW);
	assert_null(policy_reinspect_pace(p));
	assert_int_equal(policy_asking_pace(p)->nodes, 7);
	assert_int_equal(policy_asking_pace(p)->per_ms, 30000);
	assert_non_null(
	        strstr(rate, "\ninspect rate: who has another decision is asked again, 7 nodes per 30 s\n"));
	policy_free(p);
}

static void refused_words(void **state)
{
	static const struct row rows[] = {
		{ BASE "mode monitor in nowhere\n" BRAKE,
		        "p:5:17: there is no segment `nowhere`\n"
		        "    mode monitor in nowhere\n"
		        "                    ^\n" },
		{ BASE "mode monitor in quarantine\n" BRAKE,
		        "p:5:17: nodes that are only watched go on as before: segment `quarantine` has no "
		        "level, and "
		        "keeps them from that\n"
		        "    mode monitor in quarantine\n"
		        "                    ^\n" },
		{ BASE "mode enforce mode enforce for role \"a\" mode enforce for role \"b\", \"a\"\n",
		        "p:5:40: its mode was already said in line 5\n"
		        "    mode enforce mode enforce for role \"a\" mode enforce for role \"b\", \"a\"\n"
		        "                                           ^\n" },
		{ BASE "brake demotions above 101% per 2 days hold 8 days\n" BRAKE,
		        "p:6:1: the brake was already set in line 5\n"
		        "    brake demotions above 10% per 5 min\n"
		        "    ^\n" },
		{ BASE "brake demotions above 101% per 2 days hold 8 days\n",
		        "p:5:1: a share is at most 100%\n"
		        "    brake demotions above 101% per 2 days hold 8 days\n"
		        "    ^\n"
		        "p:5:1: a brake counts for a time from one second to one day\n"
		        "    brake demotions above 101% per 2 days hold 8 days\n"
		        "    ^\n"
		        "p:5:1: a brake holds for a time from one minute to seven days\n"
		        "    brake demotions above 101% per 2 days hold 8 days\n"
		        "    ^\n" },
		{ BASE "inspect after advisories 0 nodes per 2 hours\n",
		        "p:5:1: between 1 and 100000 nodes can be asked at a time\n"
		        "    inspect after advisories 0 nodes per 2 hours\n"
		        "    ^\n"
		        "p:5:1: the pace is given for a time from one second to one hour\n"
		        "    inspect after advisories 0 nodes per 2 hours\n"
		        "    ^\n" },
		{ BASE "inspect after advisories inspect after advisories\n",
		        "p:5:26: this was already said in line 5\n"
		        "    inspect after advisories inspect after advisories\n"
		        "                             ^\n" },
		{ BASE "require a { source \"debian\" name = 1 day, source \"debian\" age < 3 }\n",
		        "p:5:29: of a source the policy can ask its `age`: write source \"debian\" age < 1 "
		        "day\n"
		        "    require a { source \"debian\" name = 1 day, source \"debian\" age < 3 }\n"
		        "                                ^\n" },
		{ BASE "require a { source \"debian\" age < 3 }\n",
		        "p:5:35: the age of a source is a length of time: compare it with one, as in 1 day\n"
		        "    require a { source \"debian\" age < 3 }\n"
		        "                                      ^\n" },
		{ BASE "segment x { demote after 8 days demote after 1 min }\n",
		        "p:5:33: segment `x` already says when it demotes\n"
		        "    segment x { demote after 8 days demote after 1 min }\n"
		        "                                    ^\n" },
		{ BASE "segment x { allow to server demote after 8 days }\n",
		        "p:5:29: a node may keep a segment for at most seven days\n"
		        "    segment x { allow to server demote after 8 days }\n"
		        "                                ^\n"
		        "p:5:29: nodes are not demoted from segment `x`: it has no level\n"
		        "    segment x { allow to server demote after 8 days }\n"
		        "                                ^\n" },
		{ BASE "waive fit for any until 2027-02-29 by \"ops\" because \"x\"\n",
		        "p:5:25: there is no such day: a date is written as in 2027-01-31\n"
		        "    waive fit for any until 2027-02-29 by \"ops\" because \"x\"\n"
		        "                            ^\n" },
		{ BASE "waive fit for any until 2027-02-28 by \"ops\" because \"x\"\n",
		        "p:5:7: there is no requirement `fit`\n"
		        "    waive fit for any until 2027-02-28 by \"ops\" because \"x\"\n"
		        "          ^\n" },
		{ BASE "waive fit for any until 2027-02-28 by \"ops\" because \"\"\n",
		        "p:5:53: this name is empty\n"
		        "    waive fit for any until 2027-02-28 by \"ops\" because \"\"\n"
		        "                                                        ^\n" },
		{ BASE "waive fit for any until 31 by \"ops\" because \"x\"\n",
		        "p:5:25: `31` was not expected here: this wants a date\n"
		        "    waive fit for any until 31 by \"ops\" because \"x\"\n"
		        "                            ^\n" },
		{ BASE "waive fit for any until 2027-02-28 because \"x\"\n",
		        "p:5:36: `because` was not expected here: this wants `by`\n"
		        "    waive fit for any until 2027-02-28 because \"x\"\n"
		        "                                       ^\n" },
	};
	refused(rows, ARRAY_LENGTH(rows));
}

static void warned(void **state)
{
	struct error err = { "" };
	int r;
	char *said FREE_ON_EXIT = checker_said(BASE SOFT "mode monitor in staff\n", &r, &err);
	assert_int_equal(r, 0);
	assert_non_null(
	        strstr(said, "p:12:1: warning: without a `brake`, nodes that are not compliant lose"));
}

/* ---- decisions ---- */

static struct posture *one_package(enum tristate firewall)
{
	struct posture *p = posture_new();
	struct posture_package package = { "deb", "openssl", "1.0-1", "amd64", "openssl", "1.0-1" };
	assert_int_equal(posture_add_package(p, &package), 0);
	p->os_id = "debian";
	p->os_version = "12";
	p->packages_known = true;
	p->firewall_active = firewall;
	return p;
}

static const struct scripted_match holes[] = {
	{ .package = "openssl", .id = "DSA-1", .fixed = "2", .source = "debian", .aliases = { "CVE-1" } },
	{ .package = "openssl", .id = "DSA-2", .fixed = "2", .source = "emergency" },
};

static void judge(const struct policy *p, const char *node, enum tristate firewall, size_t n, time_ms now,
        struct policy_decision *d)
{
	struct vuln_index index = { .matches = holes, .n_matches = n, .generation = 1, .updated = now };
	struct posture *posture = one_package(firewall);
	policy_evaluate(p,
	        &(struct policy_input){ .node = node,
	                .role = policy_node_role(p, node),
	                .posture = posture,
	                .index = &index,
	                .now = now },
	        d);
	posture_free(posture);
}

static void put_in(const struct policy *p, const char *node, enum tristate firewall, size_t n, time_ms now,
        const char *segment, const char *waived)
{
	struct policy_decision d;
	judge(p, node, firewall, n, now, &d);
	assert_string_equal(d.segment->name, segment);
	assert_string_equal(d.n_waived ? d.waived[0].text : "", waived);
	policy_decision_clear(&d);
}

static void requirement_waived(void **state)
{
	struct policy *p = policy_of(
	        "waive patched for node \"cnc-7\" until 2024-10-04 by \"ops\" because \"ticket 1\"\n");
	static const char said[] =
	        "1 advisory matches; requirement patched wants no advisory; waived until the end of "
	        "2024-10-04 by ops: ticket 1";
	put_in(p, "cnc-7", TRI_YES, 1, NOW, "staff", said);
	put_in(p, "cnc-7", TRI_YES, 0, NOW, "staff", "");             /* not needed, not said */
	put_in(p, "cnc-7", TRI_NO, 1, NOW, "quarantine", said);       /* nothing else is waived */
	put_in(p, "alice", TRI_YES, 1, NOW, "guest", "");             /* nor for others */
	put_in(p, "cnc-7", TRI_YES, 1, NOW + DAY - 1, "staff", said); /* to the end of that day */
	put_in(p, "cnc-7", TRI_YES, 1, NOW + DAY, "guest", "");
	assert_true(policy_waiver_ended(p, "cnc-7", NOW, NOW + DAY));
	assert_false(policy_waiver_ended(p, "cnc-7", NOW, NOW + DAY - 1));
	assert_false(policy_waiver_ended(p, "cnc-7", NOW + DAY, NOW + 2 * DAY));
	assert_false(policy_waiver_ended(p, "alice", NOW, NOW + DAY));
	policy_free(p);
}

static void advisory_waived(void **state)
{
	struct policy *p = policy_of("waive advisory \"CVE-1\" for role \"employee\" until 2024-12-31 by "
	                             "\"ops\" because \"not reachable\"\n");
	put_in(p, "alice", TRI_YES, 1, NOW, "staff",
	        "advisory DSA-1 affects 1 package; waived until the end of 2024-12-31 by ops: not reachable");
	struct policy_decision d;
	judge(p, "alice", TRI_YES, 2, NOW, &d); /* the other one counts */
	assert_string_equal(d.segment->name, "guest");
	assert_int_equal(d.n_findings, 1);
	assert_string_equal(d.findings[0].advisory, "DSA-2");
	json_t *j = policy_findings_to_json(&d);
	assert_int_equal(json_array_size(j), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(j, 1), "kind")), "waived");
	assert_string_equal(
	        json_string_value(json_object_get(json_array_get(j, 1), "until")), "2025-01-01T00:00:00Z");
	json_decref(j);
	policy_decision_clear(&d);
	policy_free(p);
}

static void waivers_reported(void **state)
{
	char *said = NULL;
	struct policy *p = policy_of(
	        "waive patched, firewall for node \"a\", \"b\" until 2024-10-03 by \"ops\" because \"x\"\n"
	        "waive advisory \"X\" for any until 2024-10-10 by \"ops\" because \"x\"\n"
	        "waive patched for any until 2024-10-11 by \"ops\" because \"x\"\n");
	policy_report_waivers(p, "p", NOW, keep_report, &said);
	assert_string_equal(said,
	        "p:12:1: warning: the waiver of patched, firewall for node a, b by ops does not count any "
	        "more: it "
	        "ended with 2024-10-03\n"
	        "p:13:1: warning: the waiver of advisory X for any by ops ends soon, with 2024-10-10\n");
	free(said);
	char *text FREE_ON_EXIT = policy_describe(p, NOW);
	assert_non_null(
	        strstr(text, "waived no more: patched, firewall for node a, b until the end of 2024-10-03"));
	assert_non_null(strstr(text, "\nwaived: advisory X for any until the end of 2024-10-10 by ops: x\n"));
	policy_free(p);
}

static void emergencies(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		bool emergency;
	} cases[] = {
		{ "", 2, false },
		{ "emergency advisory \"CVE-9\"\n", 2, false },
		{ "emergency advisory \"CVE-9\" emergency advisory \"CVE-8\", \"CVE-1\"\n", 1, true },
		{ "emergency source \"emergency\"\n", 1, false },
		{ "emergency source \"emergency\"\n", 2, true },
		/* whoever waived it took it upon himself */
		{ "emergency advisory \"DSA-1\"\n"
		  "waive advisory \"DSA-1\" for any until 2024-12-31 by \"ops\" because \"x\"\n",
		        2, false },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct policy *p = policy_of(cases[i].text);
		struct policy_decision d;
		judge(p, "alice", TRI_YES, cases[i].n, NOW, &d);
		if (d.emergency != cases[i].emergency)
			fail_msg("case %zu", i);
		policy_decision_clear(&d);
		judge(p, "alice", TRI_YES, 0, NOW, &d);
		assert_false(d.emergency);
		policy_decision_clear(&d);
		policy_free(p);
	}
}

static void described(void **state)
{
	struct policy *p =
	        policy_of("mode monitor in staff for role \"printer\"\n"
	                  "brake demotions above 10% per 5 min hold 2 days\n"
	                  "emergency advisory \"CVE-1\", \"CVE-2\" emergency source \"emergency\"\n");
	char *text FREE_ON_EXIT = policy_describe(p, NOW);
	assert_non_null(strstr(text, "segment staff, level 2, demotes after 15 min\n"));
	assert_non_null(strstr(text,
	        "mode monitor in staff for role \"printer\"\n"
	        "brake: demotions above 10% or 3 nodes per 5 min are held for at most 2 days\n"
	        "emergencies: advisories CVE-1, CVE-2 go past the brake and every delay\n"
	        "emergencies: advisories from emergency go past the brake and every delay\n"));
	json_t *j = policy_to_json(p);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "brake"), "nodes")), 3);
	assert_string_equal(
	        json_string_value(json_object_get(json_array_get(json_object_get(j, "modes"), 0), "segment")),
	        "staff");
	json_decref(j);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes),
		cmocka_unit_test(brakes),
		cmocka_unit_test(paces),
		cmocka_unit_test(refused_words),
		cmocka_unit_test(warned),
		cmocka_unit_test(requirement_waived),
		cmocka_unit_test(advisory_waived),
		cmocka_unit_test(waivers_reported),
		cmocka_unit_test(emergencies),
		cmocka_unit_test(described),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
