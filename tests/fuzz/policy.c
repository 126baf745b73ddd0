/* SPDX-License-Identifier: ISC */
/* Bytes as a policy file; where they are one, it is described, shown as JSON and asked about two nodes. */
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1790000000000LL

/* Knows some things and not others, so that all three values come up. */
static struct posture *node(void)
{
	static const struct posture_package packages[] = {
		{ "deb", "openssl", "3.0.15-1", "amd64", "openssl", "3.0.15-1" },
		{ "deb", "libc6", "2.36-9", "amd64", "glibc", "2.36-9" },
		{ "deb", "libc6", "2.36-7", "i386", "glibc", "2.36-7" },
	};
	struct posture *p = posture_new();
	p->os_id = "debian";
	p->os_version = "12";
	p->kernel_running = "6.1.0-28-amd64";
	for (size_t i = 0; i < ARRAY_LENGTH(packages); i++)
		(void)posture_add_package(p, &packages[i]);
	p->packages_known = true;
	p->updates_known = true;
	p->firewall_active = TRI_YES;
	p->forwarding_v4 = TRI_NO;
	(void)posture_add_unknown(p, "kernel.installed", "no image was found");
	return p;
}

static void evaluate(const struct policy *policy, const char *name, const struct posture *posture)
{
	struct policy_input input = {
		.node = name, .role = policy_node_role(policy, name), .posture = posture, .now = NOW
	};
	struct policy_decision decision;
	policy_evaluate(policy, &input, &decision);
	/* What is not certain never admits, and what is not admitted is told why. */
	if (!decision.segment || !decision.rule || (!posture && decision.compliant) ||
	        (posture && !decision.compliant && decision.n_findings == 0))
		abort();
	json_decref(policy_decision_to_json(&decision));
	policy_decision_clear(&decision);
}

static void count_report(const char *text, void *context)
{
	*(size_t *)context += strlen(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *policy = NULL;
	struct error err = { "" };
	size_t said = 0;
	int r = policy_parse("policy", (const char *)data, size, count_report, &said, &policy, &err);
	if (r < 0) {
		if (policy || err.text[0] == '\0')
			abort();
		return 0;
	}
	struct posture *posture = node();
	free(policy_describe(policy, NOW));
	json_decref(policy_to_json(policy));
	evaluate(policy, "alice", posture);
	evaluate(policy, "alice", NULL);
	posture_free(posture);
	policy_free(policy);
	return 0;
}
