/* SPDX-License-Identifier: ISC */
#include "server/language.h"
#include "server/verdict.h"
#include "tests/unit/server/site_bed.h"

#include <stdio.h>
#include <string.h>

static void test_languages(void **state)
{
	static const struct {
		const char *accept, *chosen;
	} cases[] = {
		{ NULL, "en" },
		{ "", "en" },
		{ "de", "de" },
		{ "de-CH, fr;q=0.9", "de" },
		{ "fr;q=0.9, de;q=0.95", "de" },
		{ "FR", "fr" },
		{ "ja, ko;q=0.5", "en" },
		{ "ja, fr;q=0.1", "fr" },
		{ "de;q=0, fr;q=0.1", "fr" },
		{ "*", "en" },
		{ "de;q=nonsense", "en" },
		{ "de;q=1e9, fr;q=0.2", "fr" },
		{ " ,,;;, fr ", "fr" },
		{ "dex, d, deutsch", "en" },
	};
	char longest[1024];
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		if (strcmp(language_choose(cases[i].accept)->tag, cases[i].chosen) != 0)
			fail_msg("\"%s\" chose %s", cases[i].accept, language_choose(cases[i].accept)->tag);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "de,", 3);
	longest[sizeof(longest) - 1] = '\0';
	assert_string_equal(language_choose(longest)->tag, "en");
}

/* A decision with so many findings, whose texts are that long. */
static void decide(struct site_outcome *o, struct policy_finding *findings, size_t n, const char *text)
{
	static const struct policy_segment isolated = { .name = "isolated", .mark = 2 };
	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < n; i++)
		findings[i] = (struct policy_finding){ .kind = POLICY_FINDING_ADVISORY,
			.requirement = "patched",
			.text = text,
			.package = "openssl",
			.installed = "1",
			.fixed = i % 2 ? "2" : NULL,
			.advisory = "DSA-1" };
	o->decision.segment = &isolated;
	o->decision.findings = findings;
	o->decision.n_findings = n;
	strcpy(o->segment, "isolated");
}

static void test_json_is_bounded(void **state)
{
	const size_t n = 20000;
	struct policy_finding *findings = xcalloc(n, sizeof(*findings));
	struct site_outcome o;
	char text[1001];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	decide(&o, findings, n, text);
	char *stored = verdict_findings(&o), *sent = verdict_decision(&o, "bob");
	assert_true(strlen(stored) < VERDICT_FINDINGS_MAX + 4096);
	assert_true(strlen(sent) < VERDICT_DECISION_MAX + 4096);
	json_t *list = json_loads(stored, 0, NULL), *decision = json_loads(sent, 0, NULL);
	size_t kept = json_array_size(list) - 1;
	char more[64];
	assert_true(kept > 1000 && kept < n);
	snprintf(more, sizeof(more), "and %zu more findings that are not kept", n - kept);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, kept), "text")), more);
	assert_int_equal(json_array_size(json_object_get(decision, "findings")) +
	                (size_t)json_integer_value(json_object_get(decision, "findings_left_out")),
	        n);
	json_decref(list);
	json_decref(decision);
	free(stored);
	free(sent);
	free(findings);
}

struct said {
	size_t n, longest;
	char last[VERDICT_TEXT_MAX];
};

static void on_text(const struct verdict_text *text, void *context)
{
	struct said *s = context;
	s->n++;
	s->longest = MAX(s->longest, strlen(text->text));
	strcpy(s->last, text->text);
}

static void test_sentences_are_bounded(void **state)
{
	struct policy_finding findings[VERDICT_REASONS_MAX + 10];
	struct site_outcome o;
	struct said reasons = { 0 }, remedies = { 0 };
	char text[3001];
	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "€", 3); /* three bytes: no limit falls between two of them by luck */
	text[3000] = '\0';
	decide(&o, findings, ARRAY_LENGTH(findings), text);
	verdict_each_reason(&o, "fr", on_text, &reasons);
	verdict_each_remedy(&o, NULL, on_text, &remedies);
	assert_int_equal(reasons.n,
	        2 + VERDICT_REASONS_MAX + 1); /* the decision, no place, the findings, and how many more */
	assert_true(reasons.longest < VERDICT_TEXT_MAX);
	assert_int_equal(reasons.longest % 3, 0); /* whole characters */
	assert_string_equal(reasons.last, "Et 10 autres constats.");
	assert_int_equal(remedies.n, VERDICT_REASONS_MAX + 1);
	assert_string_equal(remedies.last, "And 10 more findings.");
}

/* The node is told that it stays, until when, and what would be. */
static void test_kept(void **state)
{
	static const struct {
		enum site_kept by;
		bool compliant;
		const char *says;
	} cases[] = {
		{ SITE_KEPT_GRACE, false,
		        "This host does not meet the policy. It stays in the segment staff until "
		        "2024-10-04T00:00:00Z, "
		        "then it goes to the segment isolated." },
		{ SITE_KEPT_BRAKE, false,
		        "This host does not meet the policy. It stays in the segment staff for now, and "
		        "would be in the "
		        "segment isolated." },
		{ SITE_KEPT_MONITOR, true,
		        "This host meets the policy. It stays in the segment staff for now, and would be in "
		        "the segment "
		        "isolated." },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct site_outcome o = {
			.kept_by = cases[i].by, .kept_until = T0, .compliant = cases[i].compliant
		};
		struct site_attachment here = { 0 };
		struct said reasons = { 0 };
		o.attachment = &here;
		strcpy(o.segment, "staff");
		strcpy(o.would_be, "isolated");
		verdict_each_reason(&o, "en", on_text, &reasons);
		assert_string_equal(reasons.last, cases[i].says);
		char *sent = verdict_decision(&o, "bob");
		json_t *j = json_loads(sent, 0, NULL);
		assert_string_equal(
		        json_string_value(json_object_get(j, "kept_by")), site_kept_name(cases[i].by));
		assert_string_equal(
		        json_string_value(json_object_get(j, "kept_until")), "2024-10-04T00:00:00Z");
		json_decref(j);
		free(sent);
	}
}

/* What is not UTF-8 must not make a finding vanish. */
static void test_bytes_that_are_no_text(void **state)
{
	struct policy_finding finding;
	struct site_outcome o;
	decide(&o, &finding, 1, "caf\xe9");
	o.note = "caf\xe9";
	char *sent = verdict_decision(&o, "bob");
	json_t *j = json_loads(sent, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(j, "note")), "caf?");
	assert_string_equal(
	        json_string_value(json_object_get(json_array_get(json_object_get(j, "findings"), 0), "text")),
	        "caf?");
	json_decref(j);
	free(sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_languages),
		cmocka_unit_test(test_json_is_bounded),
		cmocka_unit_test(test_sentences_are_bounded),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_bytes_that_are_no_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
