/* SPDX-License-Identifier: ISC */
/* `pratique vuln show`: one vulnerability as every source in the index has it, which of them stands, and what
 * it was. */
#include "ctl/ctl.h"
#include "vuln/show.h"
#include "vuln/standing.h"

#include <errno.h>

#define WORDS "vuln show"

struct output {
	bool json;
	struct vuln_index *index;
	size_t n;
	struct error *err;
};

static const char *fix_of(const struct record_affected *a)
{
	if (a->status == VULN_NOT_AFFECTED)
		return NULL;
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

static json_t *time_to_json(time_ms t)
{
	char text[CLOCK_TEXT_SIZE];
	return t ? json_string(clock_format(t, text)) : json_null();
}

static json_t *affected_to_json(const struct record *r)
{
	json_t *list = json_array();
	struct reader rest = r->affected;
	struct record_affected a;
	while (record_next_affected(&rest, &a)) {
		json_t *o = json_pack("{s:s, s:s, s:s, s:s?, s:s}", "ecosystem", a.ecosystem, "package",
		        a.package, "status", vuln_status_name(a.status), "fixed", fix_of(&a), "severity",
		        vuln_severity_name(a.severity ? a.severity : r->severity));
		if (*a.justification)
			json_object_set_new(o, "justification", json_string(a.justification));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *events_to_json(unsigned events)
{
	json_t *list = json_array();
	for (unsigned bit = 1; bit <= VULN_REMOVED; bit <<= 1)
		if (events & bit)
			json_array_append_new(list, json_string(vuln_event_name(bit)));
	return list;
}

static int form_to_json(const struct vuln_form *form, void *context)
{
	json_t *o = json_object();
	json_object_set_new(o, "events", events_to_json(form->events));
	json_object_set_new(o, "when", time_to_json(form->when));
	json_object_set_new(o, "generation", json_integer((json_int_t)form->generation));
	json_object_set_new(o, "modified", time_to_json(form->modified));
	json_object_set_new(o, "record", json_loadb(form->text, form->length, 0, NULL));
	json_array_append_new(context, o);
	return 0;
}

static int print_json(struct output *o, const struct standing_record *s)
{
	const struct record *r = s->record;
	json_t *history = json_array();
	int code = vuln_index_history(o->index, s->id, s->source, form_to_json, history, o->err);
	json_t *object = json_pack("{s:s, s:s, s:s, s:i, s:b, s:b, s:o}", "id", s->id, "source", s->source,
	        "trust", vuln_trust_name(s->trust), "precedence", (int)s->precedence, "stands", s->stands,
	        "present", r != NULL, "history", history);
	if (s->why)
		json_object_set_new(object, "why", json_string(s->why));
	if (r) {
		json_object_set_new(object, "summary", json_string(r->summary));
		json_object_set_new(object, "withdrawn", json_boolean(r->withdrawn));
		json_object_set_new(object, "severity", json_string(vuln_severity_name(r->severity)));
		json_object_set_new(object, "published", time_to_json(r->published));
		json_object_set_new(object, "modified", time_to_json(r->modified));
		json_object_set_new(object, "aliases", names_to_json(r->aliases));
		json_object_set_new(object, "related", names_to_json(r->related));
		json_object_set_new(object, "affected", affected_to_json(r));
	}
	if (code == 0 && (json_dumpf(object, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF))
		code = error_set(o->err, -EIO, "the output cannot be written");
	json_decref(object);
	return code;
}

static void print_names(const char *label, struct reader names)
{
	for (const char *name; (name = record_next_name(&names)); label = "")
		printf("%-11s %s\n", label, name);
}

static void print_affected(const struct record *r)
{
	struct reader rest = r->affected;
	struct record_affected a;
	for (const char *label = "affected"; record_next_affected(&rest, &a); label = "") {
		printf("%-11s %s %s, ", label, a.ecosystem, a.package);
		if (a.status == VULN_NOT_AFFECTED)
			printf("not affected%s%s\n", *a.justification ? ": " : "", a.justification);
		else
			printf("fixed: %s\n", fix_of(&a) ? fix_of(&a) : "no");
	}
}

static int print_form(const struct vuln_form *form, void *context)
{
	const char **label = context;
	char when[CLOCK_TEXT_SIZE], modified[CLOCK_TEXT_SIZE];
	printf("%-11s %s", *label, clock_format(form->when, when));
	for (unsigned bit = 1; bit <= VULN_REMOVED; bit <<= 1)
		if (form->events & bit)
			printf(" %s", vuln_event_name(bit));
	printf(", the form of %s until then (generation %llu)\n", clock_format(form->modified, modified),
	        (unsigned long long)form->generation);
	*label = "";
	return 0;
}

static int print_text(struct output *o, const struct standing_record *s)
{
	const struct record *r = s->record;
	char when[CLOCK_TEXT_SIZE];
	const char *label = "history";
	printf("%s%s%s\n", o->n ? "\n" : "", s->id, !r ? " (cancelled)" : r->withdrawn ? " (withdrawn)" : "");
	printf("%-11s %s, precedence %u, trust: %s\n", "source", s->source, s->precedence,
	        vuln_trust_name(s->trust));
	printf("%-11s %s%s%s\n", "stands", s->stands ? "yes" : "no", s->why ? ": " : "",
	        s->why ? s->why : "");
	if (r) {
		printf("%-11s %s\n%-11s %s\n", "summary", r->summary, "severity",
		        vuln_severity_name(r->severity));
		printf("%-11s %s\n", "published",
		        r->published ? clock_format(r->published, when) : "not known");
		printf("%-11s %s\n", "modified", clock_format(r->modified, when));
		print_names("aliases", r->aliases);
		print_names("related", r->related);
		print_affected(r);
	}
	return vuln_index_history(o->index, s->id, s->source, print_form, &label, o->err);
}

static int print_record(const struct standing_record *s, void *context)
{
	struct output *o = context;
	int r = o->json ? print_json(o, s) : print_text(o, s);
	o->n++;
	return r;
}

/* The text of one source's record as it came. */
static int print_raw(struct vuln_index *index, const char *id, const char *source, struct error *err)
{
	char *text;
	size_t length;
	int r = vuln_index_text(index, id, source, &text, &length, err);
	if (r < 0)
		return r;
	if (fwrite(text, 1, length, stdout) != length || putchar('\n') == EOF)
		r = error_set(err, -EIO, "the output cannot be written");
	free(text);
	return r;
}

int ctl_vuln_show(int argc, char **argv)
{
	const char *dir = NULL, *raw = NULL;
	bool json = false;
	const struct command_option options[] = {
		{ 0, "index", "DIR", "the index, made by `pratique vuln index`", COMMAND_TEXT, &dir, 1 },
		{ 0, "raw", "SOURCE", "the record as this source wrote it, OSV JSON, and nothing else",
		        COMMAND_TEXT, &raw },
		{ 'j', "json", NULL, "one JSON object a line and record", COMMAND_FLAG, &json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = WORDS,
		.synopsis = "--index DIR [--json | --raw SOURCE] ID",
		.about = "Shows a vulnerability as each source in the index has it, under whichever ids: the "
		         "record "
		         "that stands\n"
		         "first, and why; then the others; and what each was before it was modified, "
		         "withdrawn, aliased,\n"
		         "merged or cancelled.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 shown, 1 failed or no such advisory, 2 wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique vuln show --index index CVE-2024-3094\n"
		           "  pratique vuln show --index index --raw debian CVE-2024-3094 | jq .affected",
		.least = 1,
		.most = 1,
		.argument = "one ID",
	};
	char **ids;
	struct error err = { "the output cannot be written" };
	struct output output = { .err = &err };
	int code = command_line_parse(&line, argc, argv, &ids);
	if (code != COMMAND_GO_ON)
		return code;
	if (raw && json)
		return ctl_usage(WORDS, "--raw and --json do not go together");
	if (vuln_index_open(dir, &output.index, &err) < 0)
		return ctl_fail(WORDS, "%s", err.text);
	output.json = json;
	int r = raw ? print_raw(output.index, ids[0], raw, &err)
	            : vuln_index_standing(output.index, ids[0], print_record, &output, &err);
	vuln_index_close(output.index);
	return r < 0 ? ctl_fail(WORDS, "%s", err.text) : CTL_OK;
}
