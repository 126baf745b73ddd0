/* SPDX-License-Identifier: ISC */
/* `pratique policy check` and `pratique policy evaluate`: the policy without any server. */
#include "policy/policy.h"
#include "base/file.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <string.h>

#define CHECK "policy check"
#define EVALUATE "policy evaluate"
#define POSTURE_FILE_MAX (64u << 20)

static void print_json(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

static void print_report(const char *text, void *context)
{
	fprintf(stderr, "%s\n", text);
}

static void keep_report(const char *text, void *context)
{
	json_t *message = json_string(text);
	json_array_append_new(context, message ? message : json_string("(a message that is not UTF-8)"));
}

static int check_as_json(const char *path)
{
	struct policy *policy = NULL;
	struct error err = { "" };
	json_t *messages = json_array();
	int r = policy_load(path, keep_report, messages, &policy, &err);
	json_t *out = r < 0 ? json_object() : policy_to_json(policy);
	if (r == 0)
		policy_report_waivers(policy, path, clock_wall_ms(), keep_report, messages);
	if (r < 0 && json_array_size(messages) == 0)
		keep_report(err.text, messages);
	json_object_set_new(out, "valid", json_boolean(r >= 0));
	json_object_set_new(out, "messages", messages);
	print_json(out);
	policy_free(policy);
	return r < 0 ? CTL_FAILURE : CTL_OK;
}

static int check_for_people(const char *path)
{
	struct policy *policy = NULL;
	struct error err = { "" };
	size_t n;
	int r = policy_load(path, print_report, NULL, &policy, &err);
	if (r == -EINVAL)
		return ctl_fail(CHECK, "%s is refused", path);
	if (r < 0)
		return ctl_fail(CHECK, "%s", err.text);
	policy_report_waivers(policy, path, clock_wall_ms(), print_report, NULL);
	char *text FREE_ON_EXIT = policy_describe(policy, clock_wall_ms());
	(void)policy_segments(policy, &n);
	printf("%s: good, with %zu segment%s\n\n%s", path, n, n == 1 ? "" : "s", text);
	policy_free(policy);
	return CTL_OK;
}

int ctl_policy_check(int argc, char **argv)
{
	bool json = false;
	const struct command_option options[] = { { 'j', "json", NULL,
		"print the segments and their rules, and all messages, as JSON", COMMAND_FLAG, &json } };
	const struct command_line line = {
		.program = "pratique",
		.words = CHECK,
		.synopsis = "[--json] FILE",
		.about = "Reads a site policy, reports everything that is wrong with it, and says what it "
		         "means: each\n"
		         "segment with what its nodes may open and what may be opened to them, and who goes "
		         "where.\n"
		         "Waivers that have ended, or will within a week, are told of.\n"
		         "The language is described in pratique-policy(5).",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 the policy is good (warnings do not matter), 1 it is refused, 2 "
		           "wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique policy check /etc/pratique/policy\n"
		           "  pratique policy check --json policy | jq '.segments[].name'",
		.least = 1,
		.most = 1,
		.argument = "one FILE",
	};
	char **files;
	int code = command_line_parse(&line, argc, argv, &files);
	if (code != COMMAND_GO_ON)
		return code;
	return json ? check_as_json(files[0]) : check_for_people(files[0]);
}

struct evaluate_options {
	const char *policy, *posture, *index, *node, *role;
	bool json;
};

static int posture_load(const char *path, struct posture **ret, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	json_error_t where;
	int r = file_read(path, POSTURE_FILE_MAX, &text, &length, err);
	if (r < 0)
		return r;
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
	if (!json)
		return error_set(err, -EINVAL, "%s:%d:%d: %s", path, where.line, where.column, where.text);
	r = posture_from_json(json, ret, err);
	json_decref(json);
	return r < 0 ? error_prefix(err, r, "%s", path) : 0;
}

static void print_decision(const struct policy_decision *d)
{
	printf("segment   %s%s\nrule      %s\nfindings  %zu\n", d->segment->name,
	        d->rejected ? " (rejected)" : "", d->rule, d->n_findings + d->n_omitted);
	for (size_t i = 0; i < d->n_findings; i++)
		printf("  %s: %s\n", d->findings[i].requirement, d->findings[i].text);
	if (d->n_omitted)
		printf("  and %zu more\n", d->n_omitted);
	if (d->n_waived)
		printf("waived    %zu\n", d->n_waived);
	for (size_t i = 0; i < d->n_waived; i++)
		printf("  %s: %s\n",
		        d->waived[i].requirement ? d->waived[i].requirement : d->waived[i].advisory,
		        d->waived[i].text);
	if (d->emergency)
		puts("emergency the brake and `demote after` do not hold this");
}

static int evaluate(const struct evaluate_options *o)
{
	struct policy *policy = NULL;
	struct posture *posture CLEANUP(posture_free_pointer) = NULL;
	struct vuln_index *index = NULL;
	struct policy_decision decision;
	struct error err = { "" };
	int r = policy_load(o->policy, NULL, NULL, &policy, &err);
	if (r == 0)
		r = posture_load(o->posture, &posture, &err);
	if (r == 0 && o->index)
		r = vuln_index_open(o->index, &index, &err);
	if (r == 0) {
		struct policy_input input = { .node = o->node,
			.role = o->role ? o->role : policy_node_role(policy, o->node),
			.posture = posture,
			.index = index,
			.now = clock_wall_ms() };
		policy_evaluate(policy, &input, &decision);
		if (o->json)
			print_json(policy_decision_to_json(&decision));
		else
			print_decision(&decision);
		policy_decision_clear(&decision);
	}
	vuln_index_close(index);
	policy_free(policy);
	return r < 0 ? ctl_fail(EVALUATE, "%s", err.text) : CTL_OK;
}

int ctl_policy_evaluate(int argc, char **argv)
{
	struct evaluate_options o = { 0 };
	const struct command_option options[] = {
		{ 'p', "policy", "FILE", "the site policy", COMMAND_TEXT, &o.policy, 1 },
		{ 'P', "posture", "FILE", "what `pratique-agent inspect --json` printed", COMMAND_TEXT,
		        &o.posture, 1 },
		{ 'i', "index", "DIR",
		        "vulnerability index; without it what asks about advisories is unknown", COMMAND_TEXT,
		        &o.index },
		{ 'n', "node", "NAME", "the node's name; its role comes from the policy", COMMAND_TEXT,
		        &o.node },
		{ 'r', "role", "ROLE", "the node's role, whatever the policy says", COMMAND_TEXT, &o.role },
		{ 'j', "json", NULL, "print the decision as JSON", COMMAND_FLAG, &o.json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = EVALUATE,
		.synopsis = "--policy FILE --posture FILE [OPTIONS]",
		.about = "Says where a policy would put a node, and every reason that keeps it from a better "
		         "segment.\n"
		         "Contacts nobody.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 a decision was made, 1 it could not be made, 2 wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique-agent inspect --json > posture.json\n"
		           "  pratique policy evaluate --policy policy --posture posture.json --node bob\n"
		           "  pratique policy evaluate --policy policy --posture posture.json --index "
		           "/var/lib/pratique/vis/index --role employee --json",
	};
	int code = command_line_parse(&line, argc, argv, NULL);
	return code != COMMAND_GO_ON ? code : evaluate(&o);
}
