/* SPDX-License-Identifier: ISC */
/*
 * Ubuntu's security notices in the form of usn-db's database.json, {number: notice}, or one notice a file:
 * which source packages are fixed in which version of which release, and which CVEs that is about.
 */
#include "vuln/load_private.h"

#include "vuln/codename.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int add_release(json_t *affected, const char *codename, const json_t *release,
        struct load_report *report, struct error *why)
{
	const char *number = codename_release("ubuntu", codename), *package;
	json_t *sources = json_object_get(release, "sources"), *source;
	if (!json_is_object(sources) || !number) {
		report->statements_unmapped++;
		return 0;
	}
	char *ecosystem FREE_ON_EXIT = xasprintf("Ubuntu:%s", number);
	json_object_foreach(sources, package, source) {
		const char *version = load_json_text(source, "version");
		if (!*version)
			return error_set(why, -EINVAL, "%s: %.80s has no version", codename, package);
		json_array_append_new(affected, load_make_affected(ecosystem, package, version));
	}
	return 0;
}

/* The notice is about CVEs, and is none of them. */
static json_t *related_of(const json_t *notice)
{
	const json_t *cve, *cves = json_object_get(notice, "cves");
	json_t *list = json_array();
	size_t i;
	json_array_foreach(cves, i, cve)
		if (json_is_string(cve) && load_is_id(json_string_value(cve)))
			json_array_append(list, (json_t *)(uintptr_t)cve);
	return list;
}

/* Seconds since the epoch, with a fraction. */
static int set_times(json_t *record, const json_t *notice, struct error *why)
{
	char text[CLOCK_TEXT_SIZE];
	const json_t *timestamp = json_object_get(notice, "timestamp");
	double seconds = json_number_value(timestamp);
	if (!json_is_number(timestamp) || !(seconds > 0 && seconds < 1e11))
		return error_set(why, -EINVAL, "\"timestamp\" is missing or no time");
	clock_format((time_ms)seconds * 1000, text);
	json_object_set_new(record, "published", json_string(text));
	json_object_set_new(record, "modified", json_string(text));
	return 0;
}

static int gather(struct load_reading *r, const char *number, const json_t *notice, struct error *why)
{
	const char *codename, *title = load_json_text(notice, "title"),
	                      *details = load_json_text(notice, "description");
	json_t *releases = json_object_get(notice, "releases"), *release, *affected = json_array();
	char *id FREE_ON_EXIT =
	        strncmp(number, "USN-", 4) == 0 ? xstrdup(number) : xasprintf("USN-%s", number);
	json_t *record =
	        json_pack("{s:s, s:s, s:o}", "schema_version", "1.6.0", "id", id, "affected", affected);
	int result = json_is_object(releases) && load_is_id(id)
	        ? set_times(record, notice, why)
	        : error_set(why, -EINVAL, "no number of a notice, or no \"releases\"");
	json_object_foreach(releases, codename, release)
		if (result == 0)
			result = add_release(affected, codename, release, r->l->report, why);
	if (result < 0) {
		json_decref(record);
		return result;
	}
	json_object_set_new(record, "related", related_of(notice));
	if (*title)
		json_object_set_new(record, "summary", json_string(title));
	if (*details)
		json_object_set_new(record, "details", json_string(details));
	return load_gather(r, record, why);
}

static int gather_counted(struct load_reading *r, const char *number, const json_t *notice, struct error *err)
{
	struct error why;
	int result = gather(r, number, notice, &why);
	if (result == -E2BIG)
		return error_set(err, result, "%s", why.text);
	if (result < 0)
		load_note_refused(r->l->report, *number ? number : "a notice", why.text);
	return 0;
}

/* A file of one notice has its members where a database has numbers. */
static bool is_one_notice(const struct load_document *d)
{
	return d->length < OSV_RECORD_MAX && strstr(d->text, "\"id\"") && strstr(d->text, "\"timestamp\"");
}

static int read_one(
        struct load_reading *r, const struct load_document *d, bool *ret_is_one, struct error *why)
{
	json_t *json = load_parse_json(d->text, d->length, why);
	*ret_is_one = json_is_string(json_object_get(json, "id")) && json_object_get(json, "releases");
	int result = *ret_is_one ? gather_counted(r, load_json_text(json, "id"), json, why) : 0;
	json_decref(json);
	return result;
}

int load_read_usn(struct load_reading *r, const struct load_document *d, struct error *why)
{
	struct load_members members;
	json_t *number, *notice;
	bool one = false;
	int result = is_one_notice(d) ? read_one(r, d, &one, why) : 0;
	if (result < 0 || one)
		return result;
	result = load_members_begin(d->text, d->length, &members, why);
	while (result == 0) {
		int more = load_next_member(&members, &number, &notice, why);
		if (more <= 0)
			return more;
		result = gather_counted(r, json_string_value(number), notice, why);
		json_decref(number);
		json_decref(notice);
	}
	return result;
}
