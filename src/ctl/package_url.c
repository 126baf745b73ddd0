/* SPDX-License-Identifier: ISC */
/* `pratique package-url TEXT`: a package URL in its canonical form, and where its package is judged. */
#include "ctl/ctl.h"
#include "posture/purl_text.h"
#include "vuln/ecosystem.h"
#include "vuln/inventory.h"
#include "vuln/version.h"

#include <jansson.h>
#include <string.h>

#define WORDS "package-url"

static bool json;

static const struct command_option url_options[] = {
	{ 'j', "json", NULL, "as a JSON object", COMMAND_FLAG, &json },
};

static const struct command_line url_line = {
	.program = "pratique",
	.words = WORDS,
	.synopsis = "[--json] PURL",
	.about = "Prints a package URL in its canonical form, and on a second line in which ecosystem of "
	         "advisories "
	         "its\n"
	         "package is judged, under which name, and by which order of versions.",
	.options = url_options,
	.n_options = ARRAY_LENGTH(url_options),
	.closing = "The exit status is 2 for what is no package URL, 1 where no ecosystem is known for it.\n"
	           "\n"
	           "Examples:\n"
	           "  pratique package-url 'pkg:PyPI/Zope.Interface@5.0'\n"
	           "  pratique package-url 'pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=bookworm'",
	.least = 1,
	.most = 1,
	.argument = "one package URL",
};

struct place {
	char ecosystem[ECOSYSTEM_NAME_MAX], name[PACKAGE_NAME_MAX];
	enum version_ecosystem order;
	bool known;
	struct error reason;
};

/* The package as an inventory of it alone has it. */
static void find_place(const char *purl, struct place *ret)
{
	struct inventory_report report = { 0 };
	struct posture *p = NULL;
	enum ecosystem_naming naming;
	ret->known = false;
	int r = inventory_read_text(purl, strlen(purl), NULL, &p, &report, &ret->reason);
	if (r == 0 && p->n_packages == 0)
		error_set(&ret->reason, 0, "it names no version");
	if (r == 0 && p->n_packages == 1) {
		const struct posture_package *package = &p->packages[0];
		r = ecosystem_of_package(package->type, p->os_id, p->os_version, ret->ecosystem, &ret->order,
		        &naming, &ret->reason);
		if (r == 0)
			r = ecosystem_package_name(ret->ecosystem,
			        naming == ECOSYSTEM_BY_SOURCE ? package->source : package->name, ret->name);
		ret->known = r == 0;
	}
	inventory_report_clear(&report);
	posture_free(p);
}

static void print_json(const char *canonical, const struct place *place)
{
	json_t *object = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*}", "purl", canonical, "ecosystem",
	        place->known ? place->ecosystem : NULL, "name", place->known ? place->name : NULL, "order",
	        place->known ? version_ecosystem_name(place->order) : NULL, "unjudged",
	        place->known ? NULL : place->reason.text);
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

int ctl_package_url(int argc, char **argv)
{
	char **words;
	struct error err;
	struct place place;
	int code = command_line_parse(&url_line, argc, argv, &words);
	if (code != COMMAND_GO_ON)
		return code;
	char *canonical FREE_ON_EXIT = purl_canonical(words[0], &err);
	if (!canonical) {
		ctl_fail(WORDS, "%s", err.text);
		return CTL_USAGE;
	}
	find_place(canonical, &place);
	if (json) {
		print_json(canonical, &place);
	} else {
		puts(canonical);
		if (place.known)
			printf("%s: %s, by the order of %s\n", place.ecosystem, place.name,
			        version_ecosystem_name(place.order));
		else
			printf("not judged: %s\n", place.reason.text);
	}
	return place.known ? CTL_OK : CTL_FAILURE;
}
