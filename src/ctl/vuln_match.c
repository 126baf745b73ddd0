/* SPDX-License-Identifier: ISC */
/* `pratique vuln match`: which advisories affect the packages of an inventory. */
#include "ctl/ctl.h"
#include "ctl/text_table.h"
#include "vuln/inventory.h"
#include "vuln/vuln.h"

#include <errno.h>
#include <string.h>

#define WORDS "vuln match"
#define UNJUDGED_KEPT 5

struct output {
	bool json;
	size_t n_matches, n_packages, n_unjudged;
	const struct posture_package *last;
	char *first_unjudged[UNJUDGED_KEPT];
};

/* What other sources and ids say of it. */
static json_t *views_to_json(const struct vuln_match *m)
{
	json_t *list = json_array();
	for (size_t i = 0; i < m->n_views; i++) {
		const struct vuln_view *v = &m->views[i];
		json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?}", "id", v->id, "source", v->source,
		        "trust", vuln_trust_name(v->trust), "status", vuln_status_name(v->status), "severity",
		        vuln_severity_name(v->severity), "fixed", v->fixed);
		if (*v->justification)
			json_object_set_new(o, "justification", json_string(v->justification));
		json_array_append_new(list, o);
	}
	return list;
}

static int print_json(const struct vuln_match *m)
{
	json_t *aliases = json_array();
	for (const char *const *alias = m->aliases; *alias; alias++)
		json_array_append_new(aliases, json_string(*alias));
	char *purl FREE_ON_EXIT = posture_purl(m->posture, m->package);
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s?, s:s, s:s, s:s}", "purl", purl,
	        "package", m->package->name, "source_package", m->matched_name, "version",
	        m->package->version, "id", m->id, "aliases", aliases, "fixed", m->fixed, "severity",
	        vuln_severity_name(m->severity), "source", m->source, "trust", vuln_trust_name(m->trust));
	if (!object)
		return -EINVAL;
	if (m->judged_as)
		json_object_set_new(object, "judged_as", json_string(m->judged_as));
	if (m->conflict)
		json_object_set_new(object, "conflict", json_string(m->conflict));
	if (m->n_views)
		json_object_set_new(object, "others", views_to_json(m));
	int r = json_dumpf(object, stdout, JSON_COMPACT);
	json_decref(object);
	return r < 0 || putchar('\n') == EOF ? -EIO : 0;
}

static const char *trust_words(enum vuln_trust trust)
{
	return trust == VULN_TRUST_NONE ? "unsigned" : vuln_trust_name(trust);
}

static int print_match(const struct vuln_match *m, void *context)
{
	struct output *o = context;
	o->n_packages += o->last != m->package;
	o->last = m->package;
	if (o->json) {
		o->n_matches++;
		return print_json(m);
	}
	if (o->n_matches++ == 0)
		printf("%-32s %-24s %-24s %-9s %-20s %s\n", "PACKAGE", "INSTALLED", "FIXED", "SEVERITY",
		        "ADVISORY", "SOURCE");
	/* Names come from strangers. */
	char *name FREE_ON_EXIT = text_harmless(m->package->name);
	char *version FREE_ON_EXIT = text_harmless(m->package->version);
	char *conflict FREE_ON_EXIT = m->conflict ? text_harmless(m->conflict) : NULL;
	int n = printf("%-32s %-24s %-24s %-9s %-20s %s (%s)\n", name, version,
	        m->fixed ? m->fixed : "(no fix)", vuln_severity_name(m->severity), m->id, m->source,
	        trust_words(m->trust));
	if (n >= 0 && m->judged_as)
		n = printf("  judged as %s\n", m->judged_as);
	if (n >= 0 && conflict)
		n = printf("  %s\n", conflict);
	return n < 0 ? -EIO : 0;
}

static int note_unjudged(const struct posture_package *package, const char *reason, void *context)
{
	struct output *o = context;
	if (o->n_unjudged < UNJUDGED_KEPT)
		o->first_unjudged[o->n_unjudged] =
		        xasprintf("%s %s: %s", package->name, package->version, reason);
	o->n_unjudged++;
	return 0;
}

static void print_harmless(const char *what, const char *text)
{
	char *shown FREE_ON_EXIT = text_harmless(text);
	fprintf(stderr, "%s: %s\n", what, shown);
}

static void print_left_out(struct output *o, const struct posture *p, struct inventory_report *report)
{
	for (size_t i = 0; i < INVENTORY_UNMAPPED_KEPT && report->first_unmapped[i]; i++)
		print_harmless("not mapped", report->first_unmapped[i]);
	for (size_t i = 0; i < UNJUDGED_KEPT && o->first_unjudged[i]; i++) {
		print_harmless("not judged", o->first_unjudged[i]);
		free(o->first_unjudged[i]);
	}
	for (size_t i = 0; i < p->n_unknowns; i++)
		if (strncmp(p->unknowns[i].field, "packages", 8) == 0)
			fprintf(stderr, "not known: %s: %s\n", p->unknowns[i].field, p->unknowns[i].reason);
	if (!p->packages_known)
		fputs("not known: the inventory does not say which packages are installed\n", stderr);
	if (report->unmapped || o->n_unjudged)
		fprintf(stderr,
		        "%zu of %zu packages were not judged, %zu more could not be mapped to packages\n",
		        o->n_unjudged, p->n_packages, report->unmapped);
}

static int match(const char *dir, const char *inventory, const char *distribution, bool json)
{
	struct inventory_report report = { 0 };
	struct output output = { .json = json };
	const struct vuln_match_sink sink = {
		.match = print_match, .unjudged = note_unjudged, .context = &output
	};
	struct vuln_index *index;
	struct posture *p;
	struct error err;
	if (vuln_index_open(dir, &index, &err) < 0)
		return ctl_fail(WORDS, "%s", err.text);
	if (vuln_index_generation(index) == 0) {
		vuln_index_close(index);
		return ctl_fail(WORDS,
		        "index %s: nothing was ever put into it; make it with `pratique vuln index`", dir);
	}
	int r = inventory_read(inventory, distribution, &p, &report, &err);
	if (r == 0) {
		r = vuln_match_all(index, p, &sink, NULL, &err);
		print_left_out(&output, p, &report);
		if (r == 0 && !json)
			printf("%zu matches in %zu of %zu packages\n", output.n_matches, output.n_packages,
			        p->n_packages);
		posture_free(p);
	}
	inventory_report_clear(&report);
	vuln_index_close(index);
	return r < 0 ? ctl_fail(WORDS, "%s", err.text) : CTL_OK;
}

int ctl_vuln_match(int argc, char **argv)
{
	const char *dir = NULL, *inventory = NULL, *distribution = NULL;
	bool json = false;
	const struct command_option options[] = {
		{ 0, "index", "DIR", "the index, made by `pratique vuln index`", COMMAND_TEXT, &dir, 1 },
		{ 0, "inventory", "FILE", "the packages", COMMAND_TEXT, &inventory, 1 },
		{ 0, "distro", "ID:VERSION",
		        "the distribution, where FILE does not say it or is to be overruled", COMMAND_TEXT,
		        &distribution },
		{ 'j', "json", NULL,
		        "one JSON object a line with the keys purl package source_package version id\n"
		        "aliases fixed severity source trust; fixed is null where no fix is known; where "
		        "other\n"
		        "sources or ids say anything of it, others; where they disagree, conflict",
		        COMMAND_FLAG, &json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = WORDS,
		.synopsis = "--index DIR --inventory FILE [--distro ID:VERSION] [--json]",
		.about = "Names every advisory of the index that affects a package of the inventory. FILE is "
		         "what\n"
		         "`pratique-agent inspect --json` prints, a dpkg status file, apk's database, what "
		         "`rpm -qa`\n"
		         "prints with the format of pratique(1), a CycloneDX or SPDX document (JSON), or "
		         "purls one a\n"
		         "line (a deb purl without upstream= counts as built from a source of its own "
		         "name).\n\n"
		         "Packages that cannot be judged are counted and named on stderr: they are not "
		         "passes.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing =
		        "Exit status: 0 the inventory was read and matched, whether or not any package is "
		        "affected;\n"
		        "1 failed, 2 wrong usage.\n\n"
		        "Examples:\n"
		        "  pratique vuln match --index index --inventory /var/lib/dpkg/status\n"
		        "  pratique vuln match --index index --inventory bom.json --distro debian:12 --json",
	};
	int code = command_line_parse(&line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	if (distribution && !strchr(distribution, ':'))
		return ctl_usage(WORDS, "--distro \"%s\" is not like debian:12", distribution);
	return match(dir, inventory, distribution, json);
}
