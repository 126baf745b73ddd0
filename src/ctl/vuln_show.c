/* SPDX-License-Identifier: ISC */
/* `pratique vuln show`: one advisory as the index has it. */
#include "ctl/ctl.h"
#include "vuln/show.h"

#include <errno.h>
#define WORDS "vuln show"

/* The fix, or how it is told where it is more than one version. */
static const char *fix_of(const struct record_affected *a)
{
	if (a->kind == RULE_BELOW)
		return a->fixed;
	return a->kind == RULE_ALWAYS ? NULL : "(several ranges)";
}

static json_t *names_to_json(struct reader names)
{
	json_t *list = json_array();
	for (const char *name; (name = record_next_name(&names));)
		json_array_append_new(list, json_string(name));
	return list;
}

static int print_json(const struct record *r)
{
	char published[CLOCK_TEXT_SIZE], modified[CLOCK_TEXT_SIZE];
	json_t *affected = json_array();
	struct reader rest = r->affected;
	struct record_affected a;
	while (record_next_affected(&rest, &a))
		json_array_append_new(affected,
		        json_pack("{s:s, s:s, s:s?, s:s}", "ecosystem", a.ecosystem, "package", a.package,
		                "fixed", fix_of(&a), "severity",
		                vuln_severity_name(a.severity ? a.severity : r->severity)));
	json_t *object = json_pack("{s:s, s:s, s:s, s:b, s:s, s:s?, s:s, s:o, s:o, s:o}", "id", r->id,
	        "source", r->source, "summary", r->summary, "withdrawn", r->withdrawn, "severity",
	        vuln_severity_name(r->severity), "published",
	        r->published ? clock_format(r->published, published) : NULL, "modified",
	        clock_format(r->modified, modified), "aliases", names_to_json(r->aliases), "related",
	        names_to_json(r->related), "affected", affected);
	if (!object)
		return -EINVAL;
	int code = json_dumpf(object, stdout, JSON_COMPACT);
	json_decref(object);
	return code < 0 || putchar('\n') == EOF ? -EIO : 0;
}

static void print_names(const char *label, struct reader names)
{
	for (const char *name; (name = record_next_name(&names)); label = "")
		printf("%-11s %s\n", label, name);
}

static int print_text(const struct record *r)
{
	char when[CLOCK_TEXT_SIZE];
	struct reader rest = r->affected;
	struct record_affected a;
	printf("%s%s\n%-11s %s\n%-11s %s\n%-11s %s\n", r->id, r->withdrawn ? " (withdrawn)" : "", "source",
	        r->source, "summary", r->summary, "severity", vuln_severity_name(r->severity));
	printf("%-11s %s\n", "published", r->published ? clock_format(r->published, when) : "not known");
	printf("%-11s %s\n", "modified", clock_format(r->modified, when));
	print_names("aliases", r->aliases);
	print_names("related", r->related);
	for (const char *label = "affected"; record_next_affected(&rest, &a); label = "")
		printf("%-11s %s %s, fixed: %s\n", label, a.ecosystem, a.package,
		        fix_of(&a) ? fix_of(&a) : "no");
	return 0;
}

static int print_record(const struct record *r, void *json)
{
	return *(bool *)json ? print_json(r) : print_text(r);
}

int ctl_vuln_show(int argc, char **argv)
{
	const char *dir = NULL;
	bool json = false;
	const struct command_option options[] = {
		{ 0, "index", "DIR", "the index, made by `pratique vuln index`", COMMAND_TEXT, &dir, 1 },
		{ 'j', "json", NULL, "one JSON object a line and source", COMMAND_FLAG, &json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = WORDS,
		.synopsis = "--index DIR [--json] ID",
		.about = "Shows the advisory ID as each source in the index has it.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 shown, 1 failed or no such advisory, 2 wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique vuln show --index index CVE-2024-3094",
		.least = 1,
		.most = 1,
		.argument = "one ID",
	};
	char **ids;
	struct vuln_index *index;
	struct error err = { "the output cannot be written" };
	int code = command_line_parse(&line, argc, argv, &ids);
	if (code != COMMAND_GO_ON)
		return code;
	if (vuln_index_open(dir, &index, &err) < 0)
		return ctl_fail(WORDS, "%s", err.text);
	int r = vuln_index_show(index, ids[0], print_record, &json, &err);
	vuln_index_close(index);
	return r < 0 ? ctl_fail(WORDS, "%s", err.text) : CTL_OK;
}
