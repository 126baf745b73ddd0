/* SPDX-License-Identifier: ISC */
/*
 * Alpine's secdb: for each package, which ids are fixed by which version. Version 0 means that the package as
 * Alpine has it never was affected. An item may hold several ids of one vulnerability ("CVE-2017-12135
 * XSA-226"), and words behind them.
 */
#include "vuln/load_private.h"

#include <errno.h>
#include <string.h>

#define NEVER_AFFECTED "never affected as Alpine builds it"
#define IDS_MAX 8 /* in one item */

static int gather_item(struct load_reading *r, const char *ecosystem, const char *package,
        const char *version, const char *item, struct error *why)
{
	char *copy FREE_ON_EXIT = xstrdup(item), *rest = copy, *word;
	json_t *record = NULL, *aliases = json_array();
	while ((word = strsep(&rest, " \t,"))) {
		if (*word == '(')
			break;
		if (!*word || json_array_size(aliases) == IDS_MAX)
			continue;
		if (!load_is_id(word)) {
			json_decref(aliases);
			json_decref(record);
			return error_set(why, -EINVAL, "\"%.80s\" is no id", word);
		}
		if (record)
			json_array_append_new(aliases, json_string(word));
		else
			record = json_pack("{s:s, s:s}", "schema_version", "1.6.0", "id", word);
	}
	if (!record) {
		json_decref(aliases);
		return error_set(why, -EINVAL, "no id in \"%.80s\"", item);
	}
	bool never = strcmp(version, "0") == 0;
	json_t *entry = load_make_affected(ecosystem, package, never ? NULL : version);
	if (never)
		load_say_not_affected(entry, NEVER_AFFECTED);
	json_object_set_new(record, "affected", json_pack("[o]", entry));
	if (json_array_size(aliases) > 0)
		json_object_set(record, "aliases", aliases);
	json_decref(aliases);
	return load_gather(r, record, why);
}

static int gather_package(
        struct load_reading *r, const char *ecosystem, const json_t *package, struct error *err)
{
	const json_t *pkg = json_object_get(package, "pkg"), *item;
	const char *name = load_json_text(pkg, "name"), *version;
	json_t *fixes = json_object_get(pkg, "secfixes"), *items;
	struct error why;
	size_t i;
	if (!*name || (fixes && !json_is_object(fixes))) {
		load_note_refused(r->l->report, *name ? name : "a package", "without name or secfixes");
		return 0;
	}
	json_object_foreach(fixes, version, items)
		json_array_foreach(items, i, item) {
			int result = json_is_string(item)
			        ? gather_item(r, ecosystem, name, version, json_string_value(item), &why)
			        : error_set(&why, -EINVAL, "an id that is not a text");
			if (result == -E2BIG)
				return error_set(err, result, "%s", why.text);
			if (result < 0)
				load_note_refused(r->l->report, name, why.text);
		}
	return 0;
}

/* Alpine says its release; others that use the form do not, and their source must. */
static char *ecosystem_of(const struct load_reading *r, const json_t *json)
{
	const char *release = load_json_text(json, "distroversion");
	const char *const *declared = r->source->ecosystems;
	if (*release)
		return xasprintf("Alpine:%s", release);
	return declared && declared[0] && !declared[1] ? xstrdup(declared[0]) : NULL;
}

int load_read_secdb(struct load_reading *r, const struct load_document *d, struct error *why)
{
	json_t *json = load_parse_json(d->text, d->length, why),
	       *packages = json_object_get(json, "packages"), *package;
	char *ecosystem FREE_ON_EXIT = ecosystem_of(r, json);
	int result = json ? 0 : -EINVAL;
	size_t i;
	if (json && !json_is_array(packages))
		result = error_set(why, -EINVAL, "\"packages\" is not a list: it is no secdb");
	else if (json && !ecosystem)
		result = error_set(why, -EINVAL, "no \"distroversion\", and the source names no ecosystem");
	json_array_foreach(packages, i, package)
		if (result == 0)
			result = gather_package(r, ecosystem, package, why);
	json_decref(json);
	return result;
}
