/* SPDX-License-Identifier: ISC */
/*
 * updateinfo.xml of an RPM repository: one <update> a record, whose packages are fixed in the versions of its
 * <pkglist>. It does not say of which distribution it is, so the source does. Updates that are no security
 * updates are known, and map to nothing.
 *
 * What libraries make of <reference type="cve"> is the alias here as "related": an
 * update is about CVEs, and is none of them.
 */
#include "vuln/load_private.h"
#include "vuln/xml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REFERENCES_MAX 512 /* of one update */

struct parse {
	struct load_reading *r;
	const char *ecosystem;
	bool by_source;
	json_t *update; /* its fields as texts; NULL: outside */
	json_t *affected, *related;
	json_t *seen; /* packages that are there */
	char *wrong;  /* of the update at hand */
};

static void set_field(struct parse *p, const char *name, const char *value)
{
	json_object_set_new(p->update, name, json_string(value));
}

static void begin_update(struct parse *p, const char **attributes)
{
	p->update = json_object();
	p->affected = json_array();
	p->related = json_array();
	p->seen = json_object();
	set_field(p, "type", xml_attribute(attributes, "type"));
	set_field(p, "status", xml_attribute(attributes, "status"));
}

/* "foo" of "foo-1.2-3.src.rpm". */
static char *source_name(const char *file)
{
	size_t n = strlen(file);
	for (int dashes = 0; n > 0; n--)
		if (file[n - 1] == '-' && ++dashes == 2)
			return xstrndup(file, n - 1);
	return NULL;
}

static void take_package(struct parse *p, const char **attributes)
{
	const char *name = xml_attribute(attributes, "name"), *epoch = xml_attribute(attributes, "epoch");
	const char *version = xml_attribute(attributes, "version"),
	           *release = xml_attribute(attributes, "release");
	const char *file = xml_attribute(attributes, "src");
	char *source FREE_ON_EXIT = p->by_source && *file ? source_name(file) : NULL;
	if (!*name || !*version || !*release) {
		if (!p->wrong)
			p->wrong = xstrdup("a package without name, version or release");
		return;
	}
	bool has_epoch = *epoch && strcmp(epoch, "0") != 0;
	char *fixed FREE_ON_EXIT =
	        xasprintf("%s%s%s-%s", has_epoch ? epoch : "", has_epoch ? ":" : "", version, release);
	char *key FREE_ON_EXIT = xasprintf("%s %s", source ? source : name, fixed);
	if (json_object_get(p->seen, key)) /* of another architecture */
		return;
	json_object_set_new(p->seen, key, json_true());
	json_array_append_new(p->affected, load_make_affected(p->ecosystem, source ? source : name, fixed));
}

static void take_reference(struct parse *p, const char **attributes)
{
	const char *id = xml_attribute(attributes, "id");
	if (strcmp(xml_attribute(attributes, "type"), "cve") == 0 && load_is_id(id) &&
	        json_array_size(p->related) < REFERENCES_MAX)
		json_array_append_new(p->related, json_string(id));
}

static void on_start(struct xml *x, int depth, const char *name, const char **attributes, void *user)
{
	struct parse *p = user;
	if (depth == 1) {
		if (strcmp(name, "updates") != 0)
			xml_stop(x, -EINVAL, "the first element is not <updates>");
	} else if (depth == 2 && strcmp(name, "update") == 0) {
		begin_update(p, attributes);
	} else if (!p->update) {
		return;
	} else if (strcmp(name, "package") == 0) {
		take_package(p, attributes);
	} else if (strcmp(name, "reference") == 0) {
		take_reference(p, attributes);
	} else if (depth == 3 && (strcmp(name, "issued") == 0 || strcmp(name, "updated") == 0)) {
		set_field(p, name, xml_attribute(attributes, "date"));
	}
}

/* "2024-01-31 12:00:00", "2024-01-31", and with a T and a Z; SUSE writes seconds since the epoch. */
static bool read_date(const char *text, time_ms *ret)
{
	char *end, copy[64] = "";
	long long seconds = strtoll(text, &end, 10);
	if (end != text && !*end && seconds > 100000000) {
		*ret = seconds * 1000;
		return true;
	}
	snprintf(copy, sizeof(copy), "%s%s", text, strlen(text) == 19 ? "Z" : "");
	if (copy[10] == ' ')
		copy[10] = 'T';
	return clock_parse(copy, ret) == 0;
}

static json_t *make_record(struct parse *p, const char *id)
{
	char when[CLOCK_TEXT_SIZE];
	time_ms issued = 0, updated = 0;
	const char *title = load_json_text(p->update, "title"),
	           *severity = load_json_text(p->update, "severity");
	const char *details = load_json_text(p->update, "description");
	json_t *record = json_pack("{s:s, s:s, s:O, s:O}", "schema_version", "1.6.0", "id", id, "affected",
	        p->affected, "related", p->related);
	bool has_issued = read_date(load_json_text(p->update, "issued"), &issued);
	bool has_updated = read_date(load_json_text(p->update, "updated"), &updated);
	if (has_issued)
		json_object_set_new(record, "published", json_string(clock_format(issued, when)));
	if (has_issued || has_updated)
		json_object_set_new(
		        record, "modified", json_string(clock_format(MAX(issued, updated), when)));
	if (strcmp(load_json_text(p->update, "status"), "retracted") == 0)
		json_object_set_new(
		        record, "withdrawn", json_string(clock_format(MAX(issued, updated), when)));
	if (*title)
		json_object_set_new(record, "summary", json_string(title));
	if (*details)
		json_object_set_new(record, "details", json_string(details));
	if (*severity)
		json_object_set_new(record, "database_specific", json_pack("{s:s}", "severity", severity));
	return record;
}

static void end_update(struct xml *x, struct parse *p)
{
	const char *id = load_json_text(p->update, "id"), *type = load_json_text(p->update, "type");
	struct load_report *report = p->r->l->report;
	struct error err;
	char *where FREE_ON_EXIT = *id ? xstrdup(id) : xasprintf("the update before line %lu", xml_line(x));
	if (!load_is_id(id))
		load_note_refused(report, where, "without an id");
	else if (p->wrong)
		load_note_refused(report, where, p->wrong);
	else if (strcmp(type, "security") != 0)
		load_note_unmapped(report, where, "no security update");
	else if (load_gather(p->r, make_record(p, id), &err) < 0)
		xml_stop(x, -E2BIG, err.text);
	json_decref(p->update);
	json_decref(p->affected);
	json_decref(p->related);
	json_decref(p->seen);
	free(p->wrong);
	p->update = p->affected = p->related = p->seen = NULL;
	p->wrong = NULL;
}

/* A text that is too long is left out, and its update may do without it. */
static void on_end(struct xml *x, int depth, const char *name, const char *text, void *user)
{
	static const char *const fields[] = { "id", "title", "severity", "description", "summary" };
	struct parse *p = user;
	for (size_t i = 0; p->update && depth == 3 && text && i < ARRAY_LENGTH(fields); i++)
		if (strcmp(name, fields[i]) == 0)
			set_field(p, name, text);
	if (depth == 2 && p->update)
		end_update(x, p);
}

int load_read_updateinfo(struct load_reading *r, const struct load_document *d, struct error *why)
{
	const char *const *declared = r->source->ecosystems;
	if (!declared || !declared[0] || declared[1])
		return error_set(why, -EINVAL,
		        "updateinfo does not say of what it is: the source needs one ecosystem");
	static const struct xml_events events = { on_start, on_end };
	struct parse p = {
		.r = r, .ecosystem = declared[0], .by_source = ecosystem_is_by_source(declared[0])
	};
	int result = xml_read(d->text, d->length, &events, &p, why);
	json_decref(p.update);
	json_decref(p.affected);
	json_decref(p.related);
	json_decref(p.seen);
	free(p.wrong);
	return result;
}
