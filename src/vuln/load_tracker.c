/* SPDX-License-Identifier: ISC */
/*
 * The JSON of Debian's security tracker, {source: {CVE: {description, releases: {codename: {status,
 * fixed_version, urgency, nodsa}}}}}, as one record a CVE. "resolved" in version 0 means that the release
 * never was affected, and is said as that; "undetermined" says nothing.
 */
#include "vuln/load_private.h"

#include "vuln/codename.h"

#include <errno.h>
#include <string.h>

#define NEVER_AFFECTED "never affected in this release"

/* -EINVAL with the reason. 0 where nothing follows from it. */
static int add_release(json_t *affected, const char *source, const char *codename, const json_t *release,
        struct load_report *report, struct error *why)
{
	const char *number = codename_release("debian", codename),
	           *status = load_json_text(release, "status");
	const char *fixed = load_json_text(release, "fixed_version"),
	           *urgency = load_json_text(release, "urgency");
	bool resolved = strcmp(status, "resolved") == 0, open = strcmp(status, "open") == 0;
	if (!resolved && !open && strcmp(status, "undetermined") != 0)
		return error_set(why, -EINVAL, "%s: status \"%.40s\"", codename, status);
	if (!number || (!resolved && !open)) {
		report->statements_unmapped++;
		return 0;
	}
	if (resolved && !*fixed)
		return error_set(why, -EINVAL, "%s: resolved, but not in which version", codename);
	char *ecosystem FREE_ON_EXIT = xasprintf("Debian:%s", number);
	bool never = resolved && strcmp(fixed, "0") == 0;
	json_t *entry = load_make_affected(ecosystem, source, resolved && !never ? fixed : NULL);
	if (never)
		load_say_not_affected(entry, NEVER_AFFECTED);
	else if (*urgency)
		json_object_set_new(entry, "ecosystem_specific", json_pack("{s:s}", "urgency", urgency));
	json_array_append_new(affected, entry);
	return 0;
}

static int gather(
        struct load_reading *r, const char *source, const char *id, const json_t *issue, struct error *why)
{
	const char *description = load_json_text(issue, "description"), *codename;
	json_t *affected = json_array(), *releases = json_object_get(issue, "releases"), *release;
	int result = json_is_object(releases) && load_is_id(id)
	        ? 0
	        : error_set(why, -EINVAL, "it is no id, or there are no releases");
	json_object_foreach(releases, codename, release)
		if (result == 0)
			result = add_release(affected, source, codename, release, r->l->report, why);
	if (result < 0) {
		json_decref(affected);
		return result;
	}
	json_t *record =
	        json_pack("{s:s, s:s, s:o}", "schema_version", "1.6.0", "id", id, "affected", affected);
	if (*description)
		json_object_set_new(record, "details", json_string(description));
	return load_gather(r, record, why);
}

static int gather_source(struct load_reading *r, const char *source, json_t *issues, struct error *err)
{
	const char *id;
	json_t *issue;
	struct error why;
	if (!json_is_object(issues)) {
		load_note_refused(r->l->report, source, "it is not an object");
		return 0;
	}
	json_object_foreach(issues, id, issue) {
		int result = gather(r, source, id, issue, &why);
		char *where FREE_ON_EXIT = xasprintf("%.100s: %.100s", source, id);
		if (result == -E2BIG)
			return error_set(err, result, "%s", why.text);
		if (result < 0)
			load_note_refused(r->l->report, where, why.text);
	}
	return 0;
}

int load_read_tracker(struct load_reading *r, const struct load_document *d, struct error *why)
{
	struct load_members members;
	json_t *source, *issues;
	int result = load_members_begin(d->text, d->length, &members, why), more = 1;
	while (result == 0 && more > 0) {
		more = load_next_member(&members, &source, &issues, why);
		if (more <= 0)
			return more;
		result = gather_source(r, json_string_value(source), issues, why);
		json_decref(source);
		json_decref(issues);
	}
	return result;
}
