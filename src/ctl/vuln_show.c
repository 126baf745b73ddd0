/* SPDX-License-Identifier: ISC */
/* `pratique vuln show`: one advisory as the index has it. */
#include "ctl/ctl.h"
#include "vuln/show.h"

#include <errno.h>
#include <getopt.h>

#define WORDS "vuln show"

static void print_help(void)
{
	puts("usage: pratique vuln show --index DIR [--json] ID\n\n"
	     "Shows the advisory ID as each source in the index has it.\n\n"
	     "Options:\n"
	     "      --index DIR   the index, made by `pratique vuln index`\n"
	     "      --json        one JSON object a line and source\n"
	     "  -h, --help        this text\n\n"
	     "Exit status: 0 shown, 1 failed or no such advisory, 2 wrong usage.\n\n"
	     "Examples:\n"
	     "  pratique vuln show --index index CVE-2024-3094");
}

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
	static const struct option options[] = { { "index", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	const char *dir = NULL;
	bool json = false;
	for (int o; (o = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
		if (o == 'i') {
			dir = optarg;
		} else if (o == 'j') {
			json = true;
		} else if (o == 'h') {
			print_help();
			return CTL_OK;
		} else {
			return ctl_usage(WORDS, "wrong options");
		}
	}
	if (!dir || argc - optind != 1)
		return ctl_usage(WORDS, "--index DIR and one ID are needed");
	struct vuln_index *index;
	struct error err = { "the output cannot be written" };
	if (vuln_index_open(dir, &index, &err) < 0)
		return ctl_fail(WORDS, "%s", err.text);
	int r = vuln_index_show(index, argv[optind], print_record, &json, &err);
	vuln_index_close(index);
	return r < 0 ? ctl_fail(WORDS, "%s", err.text) : CTL_OK;
}
