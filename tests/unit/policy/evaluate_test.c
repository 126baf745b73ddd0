/* SPDX-License-Identifier: ISC */
#include "policy/evaluation.h"
#include "tests/unit/policy/scripted_index.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DAY 86400000LL
#define NOW (1000 * DAY)
#define FRAME \
	"define server { address 2001:db8::2 tcp 271 }\n" \
	"segment quarantine default { allow to server }\n" \
	"segment isolated { allow to server }\n" \
	"segment guest level 1 { allow to server }\n" \
	"segment staff level 2 { allow to any }\n" \
	"inspect every 30 min certificate lifetime 45 min\n"

static struct policy *policy_of(const char *text)
{
	struct policy *p = NULL;
	struct error err = { "" };
	char *whole FREE_ON_EXIT = xasprintf("%s%s", FRAME, text);
	assert_int_equal(policy_parse("p", whole, strlen(whole), NULL, NULL, &p, &err), 0);
	return p;
}

static struct posture *healthy(void)
{
	static const struct posture_package packages[] = {
		{ "deb", "openssl", "3.0.15-1", "amd64", "openssl", "3.0.15-1" },
		{ "deb", "libssl3", "3.0.15-1", "amd64", "openssl", "3.0.15-1" },
		{ "deb", "libc6", "2.36-9", "amd64", "glibc", "2.36-9" },
		{ "deb", "libc6", "2.36-7", "i386", "glibc", "2.36-7" },
		{ "npm", "left-pad", "1.2.0-alpha", NULL, "left-pad", "1.2.0-alpha" },
	};
	struct posture *p = posture_new();
	p->os_id = "debian";
	p->os_version = "12";
	p->os_codename = "bookworm";
	p->architecture = "amd64";
	p->kernel_running = p->kernel_installed = "6.1.0-29-amd64";
	for (size_t i = 0; i < ARRAY_LENGTH(packages); i++)
		assert_int_equal(posture_add_package(p, &packages[i]), 0);
	p->packages_known = p->updates_known = p->network_known = true;
	assert_int_equal(
	        posture_add_update(p, &(struct posture_update){ "openssl", "3.0.15-1", "3.0.17-1" }), 0);
	p->updates_checked = NOW - 2 * DAY;
	p->forwarding_v4 = p->firewall_active = TRI_YES;
	p->forwarding_v6 = TRI_NO;
	return p;
}

static struct posture *unknown_posture(void)
{
	struct posture *p = posture_new();
	(void)posture_add_unknown(
	        p, "firewall.active", "cannot ask the kernel: %s", "Operation not permitted");
	(void)posture_add_unknown(p, "packages", "no dpkg status file");
	(void)posture_add_unknown(p, "network", "netlink is closed");
	return p;
}

/* YES where the expression admits, NO where its negation rejects, UNKNOWN where neither. */
static enum tristate value_of(const char *expression, const struct policy_input *in)
{
	char *text FREE_ON_EXIT =
	        xasprintf("require r { %s }\nreject when not r\nadmit to staff when r\notherwise isolated\n",
	                expression);
	struct policy *p = policy_of(text);
	struct policy_decision d;
	policy_evaluate(p, in, &d);
	enum tristate v = d.compliant ? TRI_YES : d.rejected ? TRI_NO : TRI_UNKNOWN;
	assert_string_equal(d.segment->name,
	        v == TRI_YES          ? "staff"
	                : v == TRI_NO ? "quarantine"
	                              : "isolated");
	assert_true(v == TRI_YES ? d.n_findings == 0 : d.n_findings > 0);
	policy_decision_clear(&d);
	policy_free(p);
	return v;
}

static void kleene(void **state)
{
	static const enum tristate u = TRI_UNKNOWN, n = TRI_NO, y = TRI_YES;
	const struct {
		enum tristate a, b, and, or ;
	} rows[] = { { u, u, u, u }, { u, n, n, u }, { u, y, u, y }, { n, u, n, u }, { n, n, n, n },
		{ n, y, n, y }, { y, u, u, y }, { y, n, n, y }, { y, y, y, y } };
	/* firewall.active is unknown, forwarding.v6 is no, forwarding.v4 is yes */
	static const char *const term[] = {
		[TRI_UNKNOWN] = "firewall.active", [TRI_NO] = "forwarding.v6", [TRI_YES] = "forwarding.v4"
	};
	struct posture *p = healthy();
	p->firewall_active = TRI_UNKNOWN;
	struct policy_input in = { .node = "a", .posture = p, .now = NOW };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *and FREE_ON_EXIT = xasprintf("%s and %s", term[rows[i].a], term[rows[i].b]);
		char *comma FREE_ON_EXIT = xasprintf("%s, %s", term[rows[i].a], term[rows[i].b]);
		char * or FREE_ON_EXIT = xasprintf("%s or %s", term[rows[i].a], term[rows[i].b]);
		assert_int_equal(policy_and(rows[i].a, rows[i].b), rows[i].and);
		assert_int_equal(policy_or(rows[i].a, rows[i].b), rows[i].or);
		assert_int_equal(value_of(and, &in), rows[i].and);
		assert_int_equal(value_of(comma, &in), rows[i].and);
		assert_int_equal(value_of(or, &in), rows[i].or);
	}
	assert_int_equal(policy_not(u), u);
	assert_int_equal(policy_not(n), y);
	assert_int_equal(policy_not(y), n);
	assert_int_equal(value_of("not firewall.active", &in), u);
	/* and before or before the comma */
	assert_int_equal(value_of("forwarding.v4 or forwarding.v4 and forwarding.v6", &in), y);
	assert_int_equal(value_of("(forwarding.v4 or forwarding.v4) and forwarding.v6", &in), n);
	assert_int_equal(value_of("forwarding.v4 or forwarding.v4, forwarding.v6", &in), n);
	assert_int_equal(value_of("not forwarding.v6 and forwarding.v4", &in), y);
	posture_free(p);
}

static void posture_fields(void **state)
{
	static const struct {
		const char *expression;
		enum tristate known, unknown; /* on healthy(), on unknown_posture() */
	} rows[] = {
		{ "firewall.active", TRI_YES, TRI_UNKNOWN },
		{ "not firewall.active", TRI_NO, TRI_UNKNOWN },
		{ "forwarding.v4", TRI_YES, TRI_UNKNOWN },
		{ "forwarding.v6", TRI_NO, TRI_UNKNOWN },
		{ "agent.present", TRI_YES, TRI_YES },
		{ "os.id = \"debian\"", TRI_YES, TRI_UNKNOWN },
		{ "os.id != \"debian\"", TRI_NO, TRI_UNKNOWN },
		{ "os.codename = \"trixie\"", TRI_NO, TRI_UNKNOWN },
		{ "architecture = \"amd64\"", TRI_YES, TRI_UNKNOWN },
		{ "os.version >= \"12\"", TRI_YES, TRI_UNKNOWN },
		{ "os.version > \"9\"", TRI_YES, TRI_UNKNOWN }, /* not as text */
		{ "os.version < \"12.1\"", TRI_YES, TRI_UNKNOWN },
		{ "os.version = \"12\"", TRI_YES, TRI_UNKNOWN },
		{ "kernel.running >= \"6.1.0-9-amd64\"", TRI_YES, TRI_UNKNOWN },
		{ "kernel.installed <= \"6.1\"", TRI_NO, TRI_UNKNOWN },
		{ "kernel.current", TRI_YES, TRI_UNKNOWN },
		{ "product.name = \"Roadrunner\"", TRI_UNKNOWN, TRI_UNKNOWN },
		{ "updates.pending = 0", TRI_NO, TRI_UNKNOWN },
		{ "updates.pending < 2", TRI_YES, TRI_UNKNOWN },
		{ "updates.age < 3 days", TRI_YES, TRI_UNKNOWN },
		{ "updates.age <= 48 hours", TRI_YES, TRI_UNKNOWN },
		{ "updates.age < 47 h", TRI_NO, TRI_UNKNOWN },
		{ "interfaces.count <= 1", TRI_YES, TRI_UNKNOWN },
		{ "advisories.age < 1 day", TRI_UNKNOWN, TRI_UNKNOWN },
		{ "package \"openssl\" installed", TRI_YES, TRI_UNKNOWN },
		{ "package \"telnetd\" installed", TRI_NO, TRI_UNKNOWN },
		{ "package \"openssl\" version >= \"3.0.9-1\"", TRI_YES, TRI_UNKNOWN },
		{ "package \"openssl\" version > \"1:0\"", TRI_NO, TRI_UNKNOWN },
		{ "package \"telnetd\" version > \"1\"", TRI_NO, TRI_UNKNOWN },
		{ "package \"libc6\" version >= \"2.36-7\"", TRI_YES, TRI_UNKNOWN },
		/* One of two copies. */
		{ "package \"libc6\" version >= \"2.36-8\"", TRI_UNKNOWN, TRI_UNKNOWN },
		{ "package \"libc6\" version < \"2.36-8\"", TRI_UNKNOWN, TRI_UNKNOWN },
		{ "package \"libc6\" version < \"2.36-7\"", TRI_NO, TRI_UNKNOWN },
		{ "package \"left-pad\" version < \"1.2.0\"", TRI_YES, TRI_UNKNOWN }, /* alpha is before */
		{ "role = \"server\"", TRI_YES, TRI_YES },
		{ "role != \"server\"", TRI_NO, TRI_NO },
		{ "node = \"alice\"", TRI_YES, TRI_YES },
		{ "no advisory", TRI_UNKNOWN, TRI_UNKNOWN },
		{ "advisories < 5", TRI_UNKNOWN, TRI_UNKNOWN },
	};
	struct posture *known = healthy(), *unknown = unknown_posture();
	struct policy_input in = { .node = "alice", .role = "server", .now = NOW };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		in.posture = known;
		if (value_of(rows[i].expression, &in) != rows[i].known)
			fail_msg("%s on a known posture", rows[i].expression);
		in.posture = unknown;
		if (value_of(rows[i].expression, &in) != rows[i].unknown)
			fail_msg("%s on an unknown posture", rows[i].expression);
	}
	/* no role equals none; a time in the future is no age; a version that is none has no order */
	in = (struct policy_input){ .node = "alice", .posture = known, .now = NOW };
	assert_int_equal(value_of("role = \"server\"", &in), TRI_NO);
	assert_int_equal(value_of("role != \"server\"", &in), TRI_YES);
	known->updates_checked = NOW + DAY;
	assert_int_equal(value_of("updates.age < 3 days", &in), TRI_UNKNOWN);
	known->updates_checked = NOW + 60000;
	assert_int_equal(value_of("updates.age < 3 days", &in), TRI_YES);
	known->os_version = "not a version";
	assert_int_equal(value_of("os.version > \"1\"", &in), TRI_UNKNOWN);
	posture_free(known);
	posture_free(unknown);
}

static const struct scripted_match scripted[] = {
	{ "openssl", "DSA-1", "3.0.16-1", "debian", VULN_SEVERITY_CRITICAL, NOW - 5 * DAY, 0,
	        { "CVE-1", "CVE-2" } },
	{ "libssl3", "DSA-1", "3.0.16-1", "debian", VULN_SEVERITY_CRITICAL, NOW - 5 * DAY, 0,
	        { "CVE-1", "CVE-2" } },
	{ "libc6", "CVE-3", NULL, "debian", VULN_SEVERITY_UNKNOWN, 0, NOW - 1 * DAY, { NULL } },
	{ "left-pad", "GHSA-4", "2.0.0", "github", VULN_SEVERITY_LOW, 0, 0, { NULL } },
};

static void advisory_conditions(void **state)
{
	/* libc6 is installed twice: five matches */
	static const struct {
		const char *expression;
		enum tristate value;
	} rows[] = {
		{ "no advisory", TRI_NO },
		{ "advisories = 5", TRI_YES },
		{ "advisories != 5", TRI_NO },
		{ "advisories < 5", TRI_NO },
		{ "advisories <= 5", TRI_YES },
		{ "advisories > 4", TRI_YES },
		{ "advisories >= 6", TRI_NO },
		{ "advisories where fixed = 3", TRI_YES },
		{ "advisories where not fixed = 2", TRI_YES },
		{ "advisories where severity >= high = 4", TRI_YES }, /* unknown counts as high */
		{ "advisories where severity = high = 2", TRI_YES },
		{ "advisories where severity < medium = 1", TRI_YES },
		{ "no advisory where severity = medium", TRI_YES },
		{ "no advisory where severity >= high, older than 3 days", TRI_NO },
		{ "no advisory where severity >= high, older than 6 days", TRI_YES },
		/* GHSA-4 has no date */
		{ "no advisory where severity = low, older than 3 days", TRI_UNKNOWN },
		{ "no advisory where severity = low and not older than 3 days", TRI_UNKNOWN },
		{ "advisories where older than 12 hours = 5", TRI_UNKNOWN },
		{ "advisories where older than 12 hours > 3", TRI_YES },
		{ "advisories where older than 12 hours > 4", TRI_UNKNOWN },
		{ "advisories where older than 12 hours < 6", TRI_YES },
		{ "advisories where older than 12 hours != 6", TRI_YES },
		{ "advisories where id = \"DSA-1\" = 2", TRI_YES },
		{ "advisories where id = \"CVE-2\" = 2", TRI_YES }, /* an alias */
		{ "advisories where id != \"CVE-2\" = 3", TRI_YES },
		{ "advisories where package = \"openssl\" = 2", TRI_YES }, /* binary or source */
		{ "advisories where package = \"libssl3\" = 1", TRI_YES },
		{ "advisories where source = \"github\" = 1", TRI_YES },
		{ "no advisory where source != \"github\" and (severity = low or package = \"x\")", TRI_YES },
		{ "advisories.age < 1 day", TRI_YES },
		{ "advisories.age < 1 hour", TRI_NO },
	};
	struct vuln_index index = { .matches = scripted,
		.n_matches = ARRAY_LENGTH(scripted),
		.generation = 7,
		.updated = NOW - DAY / 2 };
	struct posture *p = healthy();
	struct policy_input in = { .node = "alice", .posture = p, .index = &index, .now = NOW };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (value_of(rows[i].expression, &in) != rows[i].value)
			fail_msg("%s", rows[i].expression);
	/* a damaged index, or packages that are not all known, can still say no but never yes */
	index.failure = -EIO;
	assert_int_equal(value_of("no advisory where severity = critical", &in), TRI_NO);
	assert_int_equal(value_of("no advisory where severity = medium", &in), TRI_UNKNOWN);
	assert_int_equal(value_of("advisories < 100", &in), TRI_UNKNOWN);
	assert_int_equal(value_of("advisories > 4", &in), TRI_YES);
	assert_int_equal(value_of("advisories = 4", &in), TRI_NO);
	assert_int_equal(value_of("advisories != 4", &in), TRI_YES);
	index.failure = 0;
	p->packages_known = false;
	assert_int_equal(value_of("no advisory where severity = medium", &in), TRI_UNKNOWN);
	index.updated = 0;
	assert_int_equal(value_of("advisories.age < 1 day", &in), TRI_UNKNOWN);
	posture_free(p);
}

static const char employee_policy[] =
        "require patched { no advisory where severity >= high and fixed, older than 3 days }\n"
        "require patched-well { no advisory where fixed }\n"
        "require firewall { firewall.active or role = \"server\" }\n"
        "require current { os.id = \"debian\" and os.version >= \"12\", kernel.current }\n"
        "admit role \"employee\", \"boss\" to staff when patched, firewall, current\n"
        "admit role \"employee\" to guest when current\n"
        "reject when package \"telnetd\" installed\n"
        "otherwise isolated\n";

/* "kind requirement: text", one finding a line. */
static void findings_as_text(const struct policy_decision *d, char *out, size_t size)
{
	static const char *const kinds[] = { "?", "advisory", "requirement", "unknown" };
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < d->n_findings; i++)
		used += (size_t)snprintf(out + used, size - used, "%s %s: %s\n", kinds[d->findings[i].kind],
		        d->findings[i].requirement, d->findings[i].text);
}

static void decided(const char *policy, const struct policy_input *in, const char *segment, const char *rule,
        const char *findings)
{
	char text[4096];
	struct policy *p = policy_of(policy);
	struct policy_decision d;
	policy_evaluate(p, in, &d);
	findings_as_text(&d, text, sizeof(text));
	assert_string_equal(d.segment->name, segment);
	assert_string_equal(d.rule, rule);
	assert_string_equal(text, findings);
	policy_decision_clear(&d);
	policy_free(p);
}

static void scenarios(void **state)
{
	static const char admit_staff[] =
	        "admit role \"employee\", \"boss\" to staff when patched, firewall, current";
	struct vuln_index index = { .generation = 7, .updated = NOW };
	struct posture *p = healthy();
	struct policy_input in = {
		.node = "bob", .role = "employee", .posture = p, .index = &index, .now = NOW
	};
	decided(employee_policy, &in, "staff", admit_staff, "");
	in.segment = "elsewhere";
	decided(employee_policy, &in, "isolated", "otherwise isolated",
	        "requirement segment: its authentication allows the segment \"elsewhere\" alone, to "
	        "which the policy does not admit it\n");
	in.segment = "";
	index.matches = scripted;
	index.n_matches = ARRAY_LENGTH(scripted);
	index.passes = 0;
	static const char openssl[] =
	        "advisory patched: openssl 3.0.15-1 has DSA-1 (critical), fixed in 3.0.16-1\n"
	        "advisory patched: libssl3 3.0.15-1 has DSA-1 (critical), fixed in 3.0.16-1\n";
	decided(employee_policy, &in, "guest", "admit role \"employee\" to guest when current", openssl);
	assert_int_equal(index.passes, 1);

	in.role = "boss";
	p->firewall_active = TRI_NO;
	p->os_version = "11";
	char *all FREE_ON_EXIT = xasprintf("%s%s", openssl,
	        "requirement firewall: the firewall is not active and the role is \"boss\"; requirement "
	        "firewall wants firewall.active or role = \"server\"\n"
	        "requirement current: the version of the OS is 11; requirement current wants os.version >= "
	        "\"12\"\n");
	decided(employee_policy, &in, "isolated", "otherwise isolated", all);

	in.role = NULL;
	decided(employee_policy, &in, "isolated", "otherwise isolated",
	        "requirement role: the node has no role, and the policy admits no node without one\n");
	in.role = "visitor";
	decided(employee_policy, &in, "isolated", "otherwise isolated",
	        "requirement role: the policy admits no node with the role \"visitor\"\n");

	in.posture = NULL;
	decided(employee_policy, &in, "quarantine", "not inspected", "");
	posture_free(p);
}

static void unknowns_have_reasons(void **state)
{
	struct posture *p = unknown_posture();
	struct policy_input in = { .node = "bob", .role = "boss", .posture = p, .now = NOW };
	decided(employee_policy, &in, "isolated", "otherwise isolated",
	        "unknown reject: package telnetd is unknown (no dpkg status file); the policy rejects "
	        "package "
	        "\"telnetd\" installed, and admits no node that it may have to reject\n"
	        "unknown patched: the advisories are unknown (there is no vulnerability information); "
	        "requirement patched wants no advisory where severity >= high and fixed, older than 3 days\n"
	        "unknown firewall: firewall.active is unknown (cannot ask the kernel: Operation not "
	        "permitted) and the "
	        "role is \"boss\"; requirement firewall wants firewall.active or role = \"server\"\n"
	        "unknown current: os.id is unknown (the agent did not report it); requirement current wants "
	        "os.id = \"debian\"\n"
	        "unknown current: os.version is unknown (the agent did not report it); requirement current "
	        "wants "
	        "os.version >= \"12\"\n"
	        "unknown current: kernel.current is unknown (the agent did not report it); requirement "
	        "current wants "
	        "kernel.current\n");
	posture_free(p);
}

/* What was found, for every kind of question. */
static void sentences(void **state)
{
	static const struct {
		const char *expression, *found;
	} rows[] = {
		{ "not firewall.active", "the firewall is active" },
		{ "forwarding.v6", "the node does not forward IPv6" },
		{ "not kernel.current", "the newest installed kernel is running" },
		{ "not agent.present", "an agent reported the posture" },
		{ "os.id != \"debian\"", "the OS is \"debian\"" },
		{ "kernel.running < \"6\"", "the running kernel is 6.1.0-29-amd64" },
		{ "updates.pending = 0", "the number of pending security updates is 1" },
		{ "updates.age < 1 day", "the age of the package lists is 2 days" },
		{ "role = \"x\"", "the role is not set" },
		{ "product.name = \"x\"", "product.name is unknown (the agent did not report it)" },
		{ "advisories.age < 20 min", "the age of the vulnerability information is 90 min" },
		{ "package \"telnetd\" installed", "package telnetd is not installed" },
		{ "not package \"openssl\" installed", "package openssl is installed (3.0.15-1)" },
		{ "package \"libc6\" version > \"2.36-8\"", "package libc6 is installed (2.36-9, 2.36-7)" },
		{ "not (no advisory where severity = medium)", "0 advisories match" },
		{ "advisories > 100 or forwarding.v6",
		        "5 advisories match and the node does not forward IPv6" },
		{ "advisories where severity = medium >= 1", "0 advisories match" },
		{ "(forwarding.v6 and firewall.active) or not forwarding.v4",
		        "the node does not forward IPv6 and the node forwards IPv4" },
		{ "forwarding.v6 or forwarding.v6 or forwarding.v6 or forwarding.v6 or forwarding.v6 or "
		  "forwarding.v6 or "
		  "forwarding.v6 or forwarding.v6 or forwarding.v6 or forwarding.v6",
		        "the node does not forward IPv6 and the node does not forward IPv6 and the node does "
		        "not forward IPv6 "
		        "and the node does not forward IPv6 and the node does not forward IPv6 and the node "
		        "does not forward "
		        "IPv6 and the node does not forward IPv6 and the node does not forward IPv6 and "
		        "more" },
	};
	struct vuln_index index = { .matches = scripted,
		.n_matches = ARRAY_LENGTH(scripted),
		.generation = 7,
		.updated = NOW - 90 * 60000 };
	struct posture *p = healthy();
	struct policy_input in = { .node = "bob", .posture = p, .index = &index, .now = NOW };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *text FREE_ON_EXIT = xasprintf(
		        "require r { %s }\nadmit to staff when r\notherwise isolated\n", rows[i].expression);
		char *want FREE_ON_EXIT =
		        xasprintf("%s; requirement r wants %s", rows[i].found, rows[i].expression);
		struct policy *policy = policy_of(text);
		struct policy_decision d;
		policy_evaluate(policy, &in, &d);
		assert_true(d.n_findings >= 1);
		assert_string_equal(d.findings[d.n_findings - 1].text, want);
		policy_decision_clear(&d);
		policy_free(policy);
	}
	posture_free(p);
}

/* A requirement that refers to others lets them speak for themselves, and each speaks once. */
static void requirements_of_requirements(void **state)
{
	struct posture *p = healthy();
	struct policy_input in = { .node = "bob", .posture = p, .now = NOW };
	p->firewall_active = TRI_NO;
	decided("require firewall { firewall.active }\n"
	        "require router { forwarding.v4 and not forwarding.v6 }\n"
	        "require both { firewall, router }\n"
	        "require either { firewall or not router }\n"
	        "admit to staff when both, firewall, either\n"
	        "otherwise isolated\n",
	        &in, "isolated", "otherwise isolated",
	        "requirement firewall: the firewall is not active; requirement firewall wants "
	        "firewall.active\n"
	        "requirement either: the firewall is not active and the node forwards IPv4 and the node does "
	        "not "
	        "forward IPv6; requirement either wants firewall or not router\n");
	posture_free(p);
}

static void rejections(void **state)
{
	struct posture *p = healthy();
	struct policy_input in = { .node = "bob", .role = "employee", .posture = p, .now = NOW };
	static const char policy[] =
	        "require fit { firewall.active }\nadmit to staff when fit\notherwise isolated\n"
	        "reject role \"guest\" when fit, package \"libc6\" version < \"2.36-10\"\n"
	        "reject when node = \"mallory\" or not agent.present\n";
	decided(policy, &in, "staff", "admit to staff when fit", "");
	in.role = "guest";
	decided(policy, &in, "quarantine",
	        "reject role \"guest\" when fit, package \"libc6\" version < \"2.36-10\"",
	        "requirement reject: the firewall is active and package libc6 is installed (2.36-9, 2.36-7); "
	        "the policy "
	        "rejects fit, package \"libc6\" version < \"2.36-10\"\n");
	in.node = "mallory";
	in.role = NULL;
	in.posture = NULL;
	decided(policy, &in, "quarantine", "reject when node = \"mallory\" or not agent.present",
	        "requirement reject: the node is \"mallory\" and no agent reported a posture; the policy "
	        "rejects node = "
	        "\"mallory\" or not agent.present\n");
	posture_free(p);
}

/* Unknown never rejects, but a node that may have to be rejected is not admitted. */
static void possible_rejection(void **state)
{
	struct posture *p = unknown_posture();
	struct policy_input in = { .node = "bob", .posture = p, .now = NOW };
	decided("require here { agent.present }\nadmit to staff when here\notherwise isolated\n"
	        "reject when firewall.active\n",
	        &in, "isolated", "otherwise isolated",
	        "unknown reject: firewall.active is unknown (cannot ask the kernel: Operation not "
	        "permitted); the policy "
	        "rejects firewall.active, and admits no node that it may have to reject\n");
	posture_free(p);
}

/* What the agent could not read of the package database, and what the index cannot judge, is never a pass. */
static void doubtful_packages(void **state)
{
	static const char policy[] =
	        "require clean { no advisory }\nadmit to staff when clean\notherwise isolated\n";
	struct vuln_index index = { .unjudged = "openssl" };
	struct posture *p = healthy();
	struct policy_input in = { .node = "bob", .posture = p, .index = &index, .now = NOW };
	decided(policy, &in, "isolated", "otherwise isolated",
	        "unknown clean: the advisories are unknown (1 package cannot be judged, the first is openssl "
	        "3.0.15-1: its version is not valid); requirement clean wants no advisory\n");
	index.unjudged = NULL;
	decided(policy, &in, "staff", "admit to staff when clean", "");
	(void)posture_add_unknown(p, "packages", "2 entries cannot be read");
	decided(policy, &in, "isolated", "otherwise isolated",
	        "unknown clean: the advisories are unknown (2 entries cannot be read); requirement clean "
	        "wants no advisory\n");
	assert_int_equal(value_of("package \"telnetd\" installed", &in), TRI_UNKNOWN);
	assert_int_equal(value_of("package \"openssl\" installed", &in), TRI_YES);
	posture_free(p);
}

static void fail_open(void **state)
{
	struct posture *p = unknown_posture();
	struct policy_input in = { .node = "bob", .posture = p, .now = NOW };
	struct policy *policy = policy_of("require fit { firewall.active }\nadmit to staff when fit\n"
	                                  "otherwise fail open to guest\n");
	struct policy_decision d;
	policy_evaluate(policy, &in, &d);
	assert_string_equal(d.segment->name, "guest");
	assert_string_equal(d.rule, "otherwise fail open to guest");
	assert_false(d.compliant);
	assert_int_equal(d.n_findings, 1);
	policy_decision_clear(&d);
	policy_free(policy);
	posture_free(p);
}

static void too_many_findings(void **state)
{
	enum { N = POLICY_FINDINGS_MAX + 7 };
	struct scripted_match *matches = xcalloc(N, sizeof(*matches));
	for (size_t i = 0; i < N; i++)
		matches[i] = (struct scripted_match){ "openssl", "DSA-1", "9", "s", VULN_SEVERITY_HIGH, 1, 1,
			{ NULL } };
	struct vuln_index index = { .matches = matches, .n_matches = N, .generation = 1 };
	struct posture *p = healthy();
	struct policy_input in = { .node = "bob", .posture = p, .index = &index, .now = NOW };
	struct policy *policy =
	        policy_of("require fit { no advisory }\nadmit to staff when fit\notherwise isolated\n");
	struct policy_decision d;
	policy_evaluate(policy, &in, &d);
	assert_string_equal(d.segment->name, "isolated");
	assert_int_equal(d.n_findings, POLICY_FINDINGS_MAX);
	assert_int_equal(d.n_omitted, 7);
	policy_decision_clear(&d);
	policy_free(policy);
	posture_free(p);
	free(matches);
}

static void decision_json(void **state)
{
	struct vuln_index index = { .matches = scripted, .n_matches = 1, .generation = 7, .updated = NOW };
	struct posture *p = healthy();
	struct policy_input in = { .node = "bob", .role = "boss", .posture = p, .index = &index, .now = NOW };
	struct policy *policy = policy_of(employee_policy);
	struct policy_decision d;
	policy_evaluate(policy, &in, &d);
	json_t *json = policy_decision_to_json(&d);
	char *text FREE_ON_EXIT = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text,
	        "{\"segment\":\"isolated\",\"level\":0,\"compliant\":false,\"rejected\":false,"
	        "\"rule\":\"otherwise "
	        "isolated\",\"advisory_generation\":7,\"findings\":[{\"kind\":\"advisory\","
	        "\"requirement\":\"patched\",\"text\":\"openssl 3.0.15-1 has DSA-1 (critical), fixed in "
	        "3.0.16-1\","
	        "\"package\":\"openssl\",\"source_package\":\"openssl\",\"installed\":\"3.0.15-1\",\"fixed\":"
	        "\"3.0.16-1\","
	        "\"advisory\":\"DSA-1\",\"aliases\":[\"CVE-1\",\"CVE-2\"],\"severity\":\"critical\","
	        "\"source\":\"debian\",\"trust\":\"none\","
	        "\"purl\":\"pkg:deb/debian/"
	        "openssl@3.0.15-1?arch=amd64&distro=bookworm\"}],\"emergency\":false,\"findings_omitted\":"
	        "0}");
	json_decref(json);
	policy_decision_clear(&d);
	policy_free(policy);
	posture_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kleene),
		cmocka_unit_test(posture_fields),
		cmocka_unit_test(advisory_conditions),
		cmocka_unit_test(scenarios),
		cmocka_unit_test(unknowns_have_reasons),
		cmocka_unit_test(sentences),
		cmocka_unit_test(requirements_of_requirements),
		cmocka_unit_test(rejections),
		cmocka_unit_test(possible_rejection),
		cmocka_unit_test(doubtful_packages),
		cmocka_unit_test(fail_open),
		cmocka_unit_test(too_many_findings),
		cmocka_unit_test(decision_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
