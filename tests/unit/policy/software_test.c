/* SPDX-License-Identifier: ISC */
/* What a policy asks of programs: those that run replaced files, and those of no package. */
#include "policy/fields.h"
#include "tests/unit/policy/refused.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#define NOW 1790000000000LL
#define FRAME \
	SERVER QUARANTINE \
	        "segment isolated { allow to server }\nsegment staff level 2 { allow to any }\n" TIMES

static struct posture *workstation(void)
{
	struct posture *p = posture_new();
	(void)posture_add_outdated(
	        p, &(struct posture_outdated){ "/usr/sbin/sshd", "openssh-server", "libssl3", 3 });
	(void)posture_add_listening(p, &(struct posture_unlisted){ "/opt/a", "tcp [::]:80" });
	(void)posture_add_listening(p, &(struct posture_unlisted){ "/opt/b", "tcp [::]:81" });
	(void)posture_add_starting(p, &(struct posture_unlisted){ "/opt/b", "unit b.service" });
	p->outdated_known = p->listening_known = p->starting_known = true;
	return p;
}

/* YES where the requirement admits, NO where its negation rejects; *ret_words: the first finding. */
static enum tristate value_of(const struct posture *posture, const char *expression, char words[1024])
{
	char *text FREE_ON_EXIT = xasprintf(FRAME
	        "require r { %s }\nreject when not r\nadmit to staff when r\notherwise isolated\n",
	        expression);
	const struct policy_input in = { .node = "a", .posture = posture, .now = NOW };
	struct policy *p = NULL;
	struct policy_decision d;
	struct error err = { "" };
	if (policy_parse("p", text, strlen(text), NULL, NULL, &p, &err) < 0)
		fail_msg("%s", err.text);
	policy_evaluate(p, &in, &d);
	enum tristate v = d.compliant ? TRI_YES : d.rejected ? TRI_NO : TRI_UNKNOWN;
	snprintf(words, 1024, "%s", d.n_findings ? d.findings[0].text : "");
	policy_decision_clear(&d);
	policy_free(p);
	return v;
}

static void counts(void **state)
{
	static const struct {
		const char *expression;
		enum tristate value;
	} rows[] = {
		{ "processes.outdated = 1", TRI_YES }, /* programs, not processes */
		{ "processes.outdated = 0", TRI_NO }, { "software.listening = 2", TRI_YES },
		{ "software.starting <= 0", TRI_NO },
		{ "software.unlisted = 2", TRI_YES }, /* one does both */
	};
	struct posture *known = workstation(), *unknown = posture_new();
	char words[1024];
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		assert_int_equal(value_of(known, rows[i].expression, words), rows[i].value);
		assert_int_equal(value_of(unknown, rows[i].expression, words), TRI_UNKNOWN);
	}
	/* One half that is not known is enough for the sum not to be. */
	known->starting_known = false;
	assert_int_equal(value_of(known, "software.listening = 2", words), TRI_YES);
	assert_int_equal(value_of(known, "software.unlisted = 2", words), TRI_UNKNOWN);
	posture_free(known);
	posture_free(unknown);
}

/* A finding names what was counted, and why it is not known. */
static void words(void **state)
{
	struct posture *p = workstation();
	char text[1024];
	(void)value_of(p, "processes.outdated = 0", text);
	assert_non_null(strstr(
	        text, "the number of programs that run replaced files is 1 (/usr/sbin/sshd: libssl3)"));
	(void)value_of(p, "software.unlisted = 0", text);
	assert_non_null(strstr(text,
	        "listen or start at boot is 2 (/opt/a: tcp [::]:80; /opt/b: tcp [::]:81; "
	        "/opt/b: unit b.service)"));
	for (int i = 0; i < 5; i++)
		(void)posture_add_outdated(
		        p, &(struct posture_outdated){ "/usr/bin/x", NULL, "\x1b[31m", 1 });
	(void)value_of(p, "processes.outdated = 0", text);
	assert_non_null(strstr(text, "is 6 (/usr/sbin/sshd: libssl3; /usr/bin/x: "));
	assert_non_null(strstr(text, " and more)"));
	posture_free(p);
	p = posture_new();
	(void)posture_add_unknown(p, "software", "no file lists");
	(void)posture_add_unknown(p, "processes.outdated", "not the running system");
	(void)value_of(p, "software.listening = 0", text);
	assert_non_null(strstr(text, "software.listening is unknown (no file lists)"));
	(void)value_of(p, "processes.outdated = 0", text);
	assert_non_null(strstr(text, "(not the running system)"));
	posture_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests_name("software", tests, NULL, NULL);
}
