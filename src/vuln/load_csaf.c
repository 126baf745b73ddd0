/* SPDX-License-Identifier: ISC */
/*
 * CSAF 2.0 (OASIS, 2022) and its VEX profile as OSV: one record a vulnerability of a document, named after
 * the document (and the vulnerability, where there are several), with its CVE as alias. A product that is
 * fixed says that earlier versions of its package are affected; one that is known to be affected says it of
 * its version; one that is not affected says that, with its justification. What is under investigation is
 * said by nobody. A product is a package by its package URL, or because the administrator has declared it to
 * be (product_map.h).
 */
#include "vuln/load_csaf.h"

#include "vuln/load_csaf_status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DETAILS_MAX 16384

static int check_document(const json_t *json, struct error *why)
{
	const json_t *document = json_object_get(json, "document");
	const json_t *tracking = json_object_get(document, "tracking");
	const char *version = load_json_text(document, "csaf_version"),
	           *status = load_json_text(tracking, "status");
	time_ms when;
	if (!json_is_object(document))
		return error_set(why, -EINVAL, "\"document\" is missing: it is not CSAF");
	if (strcmp(version, "2.0") != 0)
		return error_set(why, -EINVAL, "csaf_version is \"%.20s\", not 2.0", version);
	if (!*load_json_text(tracking, "id"))
		return error_set(why, -EINVAL, "document.tracking.id is missing");
	if (clock_parse(load_json_text(tracking, "current_release_date"), &when) < 0)
		return error_set(why, -EINVAL, "document.tracking.current_release_date is not a time");
	if (strcmp(status, "final") != 0 && strcmp(status, "interim") != 0)
		return error_set(why, -EINVAL, "its status is \"%.20s\", neither final nor interim", status);
	return 0;
}

/* A document without a label is as its feed's, which was asked for. */
static int check_label(const json_t *json, const char *const *labels, struct error *why)
{
	const json_t *distribution = json_object_get(json_object_get(json, "document"), "distribution");
	const char *label = load_json_text(json_object_get(distribution, "tlp"), "label");
	for (const char *const *l = labels; *label && l && *l; l++)
		if (load_label_is(*l, label))
			return 0;
	return *label && labels
	        ? error_set(why, -EPERM, "its label is TLP:%.20s, which nobody asked for", label)
	        : 0;
}

/* Index ids hold neither white space nor control characters. */
static char *clean_id(const char *text)
{
	char *id = xstrndup(text, RECORD_ID_MAX);
	for (char *c = id; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			*c = '_';
	return id;
}

static char *id_of(const json_t *json, const json_t *vulnerability, size_t i, size_t n)
{
	char *document FREE_ON_EXIT = clean_id(
	        load_json_text(json_object_get(json_object_get(json, "document"), "tracking"), "id"));
	const char *cve = load_json_text(vulnerability, "cve");
	if (n <= 1 || strcmp(document, cve) == 0)
		return TAKE_POINTER(document);
	char *last FREE_ON_EXIT = *cve ? clean_id(cve) : xasprintf("%zu", i + 1);
	return xasprintf("%s:%s", document, last);
}

static json_t *aliases_of(const json_t *vulnerability, const char *id)
{
	json_t *list = json_array();
	const char *cve = load_json_text(vulnerability, "cve");
	if (*cve && strcmp(cve, id) != 0)
		json_array_append_new(list, json_string(cve));
	return list;
}

/* The vulnerability's words, else the document's. */
static const char *text_of_notes(const json_t *object)
{
	static const char *const categories[] = { "summary", "description", "details", "general" };
	const json_t *note, *notes = json_object_get(object, "notes");
	size_t i;
	for (size_t k = 0; k < ARRAY_LENGTH(categories); k++)
		json_array_foreach(notes, i, note)
			if (strcmp(load_json_text(note, "category"), categories[k]) == 0 &&
			        *load_json_text(note, "text"))
				return load_json_text(note, "text");
	return "";
}

static void set_text(json_t *record, const char *name, const char *text, size_t most)
{
	if (!*text)
		return;
	size_t n = strnlen(text, most);
	while (n > 0 && n == most && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	json_object_set_new(record, name, json_stringn(text, n));
}

static json_t *severity_of(const json_t *vulnerability)
{
	static const struct {
		const char *field, *type;
	} scores[] = { { "cvss_v4", "CVSS_V4" }, { "cvss_v3", "CVSS_V3" }, { "cvss_v2", "CVSS_V2" } };
	const json_t *score, *all = json_object_get(vulnerability, "scores");
	json_t *list = json_array();
	size_t i;
	json_array_foreach(all, i, score)
		for (size_t k = 0; k < ARRAY_LENGTH(scores) && json_array_size(list) < 16; k++) {
			const char *vector =
			        load_json_text(json_object_get(score, scores[k].field), "vectorString");
			if (*vector)
				json_array_append_new(list,
				        json_pack("{s:s, s:s}", "type", scores[k].type, "score", vector));
		}
	return list;
}

/* The publisher's own word, where there is no score: an impact of one word ("Important"), or the document's.
 */
static const char *word_of(const json_t *json, const json_t *vulnerability)
{
	const json_t *threat, *threats = json_object_get(vulnerability, "threats");
	size_t i;
	json_array_foreach(threats, i, threat) {
		const char *details = load_json_text(threat, "details");
		if (strcmp(load_json_text(threat, "category"), "impact") == 0 && *details &&
		        strlen(details) < 16 && !strchr(details, ' '))
			return details;
	}
	return load_json_text(
	        json_object_get(json_object_get(json, "document"), "aggregate_severity"), "text");
}

static json_t *references_of(const json_t *object)
{
	const json_t *reference, *all = json_object_get(object, "references");
	json_t *list = json_array();
	size_t i;
	json_array_foreach(all, i, reference) {
		const char *url = load_json_text(reference, "url");
		bool self = strcmp(load_json_text(reference, "category"), "self") == 0;
		if (*url && json_array_size(list) < 64)
			json_array_append_new(
			        list, json_pack("{s:s, s:s}", "type", self ? "ADVISORY" : "WEB", "url", url));
	}
	return list;
}

static json_t *make_record(const json_t *json, const json_t *vulnerability, const char *id, json_t *affected)
{
	const json_t *document = json_object_get(json, "document");
	const json_t *tracking = json_object_get(document, "tracking");
	const char *category = load_json_text(document, "category"),
	           *title = load_json_text(vulnerability, "title");
	const char *published = load_json_text(tracking, "initial_release_date");
	const char *modified = load_json_text(tracking, "current_release_date");
	const char *details = text_of_notes(vulnerability), *word = word_of(json, vulnerability);
	time_ms when;
	json_t *record = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "schema_version", "1.6.0", "id", id,
	        "modified", modified, "aliases", aliases_of(vulnerability, id), "affected", affected,
	        "references", references_of(document));
	if (clock_parse(published, &when) == 0)
		json_object_set_new(record, "published", json_string(published));
	/* CSAF 2.1 has documents that take back what an earlier form said. */
	if (strcmp(category, "csaf_withdrawn") == 0 || strcmp(category, "csaf_superseded") == 0)
		json_object_set_new(record, "withdrawn", json_string(modified));
	set_text(record, "summary", *title ? title : load_json_text(document, "title"),
	        RECORD_SUMMARY_MAX * 2);
	set_text(record, "details", *details ? details : text_of_notes(document), DETAILS_MAX);
	json_t *severity = severity_of(vulnerability);
	if (json_array_size(severity) > 0)
		json_object_set(record, "severity", severity);
	else if (*word)
		json_object_set_new(record, "database_specific", json_pack("{s:s}", "severity", word));
	json_decref(severity);
	return record;
}

/* All records of a document, or none. */
static int make_records(struct load_reading *r, const json_t *json, const struct csaf_products *products,
        json_t *ret_records, struct error *why)
{
	const json_t *list = json_object_get(json, "vulnerabilities"), *vulnerability;
	struct csaf_statement_counts counts = { 0 };
	size_t n = json_array_size(list), i;
	if (list && !json_is_array(list))
		return error_set(why, -EINVAL, "\"vulnerabilities\" is not a list");
	if (n > CSAF_VULNERABILITIES_MAX)
		return error_set(why, -EINVAL, "more than %d vulnerabilities", CSAF_VULNERABILITIES_MAX);
	json_array_foreach(list, i, vulnerability) {
		json_t *affected = json_array();
		int result = json_is_object(vulnerability)
		        ? csaf_statements(vulnerability, products, r->products, affected, &counts, why)
		        : error_set(why, -EINVAL, "it is not an object");
		if (result < 0) {
			json_decref(affected);
			return error_prefix(why, result, "vulnerabilities[%zu]", i);
		}
		char *id FREE_ON_EXIT = id_of(json, vulnerability, i, n);
		json_array_append_new(ret_records, make_record(json, vulnerability, id, affected));
	}
	r->l->report->statements_unmapped += counts.unmapped;
	if (n == 0) { /* an advisory without vulnerabilities is known, and says nothing of packages */
		char *id FREE_ON_EXIT = id_of(json, NULL, 0, 1);
		json_array_append_new(ret_records, make_record(json, NULL, id, json_array()));
	}
	return 0;
}

/* The document is what is counted: mapped where one of its records is, refused with all of them where one is.
 */
static int put_records(
        struct load_reading *r, const struct load_document *d, const json_t *records, struct error *err)
{
	struct load_report *report = r->l->report, own = { 0 };
	const struct load l = { .update = r->l->update, .check = r->l->check, .report = &own };
	struct load_reading inner = *r;
	json_t *record;
	size_t i;
	int result = 0;
	inner.l = &l;
	json_array_foreach(records, i, record)
		if (result == 0 && own.refused == 0)
			result = load_put(&inner, d->where, record, err);
	if (own.refused) {
		json_array_foreach(records, i, record)
			load_keep(r, load_json_text(record, "id"));
		load_refuse_document(r, d->where, own.first_refused[0] + strlen(d->where) + 2);
	} else if (own.mapped) {
		report->read++;
		report->mapped++;
	} else {
		load_note_unmapped(report, d->where, "none of its products has a package that is known here");
	}
	report->withdrawn += own.refused == 0 && own.withdrawn > 0;
	load_report_clear(&own);
	return result;
}

/* A provider's own description, feeds and lists lie beside its documents. */
static bool is_of_provider(const json_t *json)
{
	static const char *const members[] = { "feed", "service", "categories", "canonical_url",
		"aggregator" };
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++)
		if (json_object_get(json, members[i]) && !json_object_get(json, "document"))
			return true;
	return false;
}

bool load_is_of_csaf_provider(const struct load_document *d)
{
	json_t *json = load_parse_json(d->text, d->length, NULL);
	bool yes = is_of_provider(json);
	json_decref(json);
	return yes;
}

int load_read_csaf(struct load_reading *r, const struct load_document *d, struct error *why)
{
	struct csaf_products products = { 0 };
	json_t *json = load_parse_json(d->text, d->length, why), *records = json_array();
	int result = json ? 0 : -EINVAL;
	if (json && is_of_provider(json)) {
		r->l->report->passed_over++;
	} else if (json) {
		result = check_document(json, why);
		if (result == 0)
			result = check_label(json, r->source->labels, why);
		if (result == 0)
			result = csaf_products_read(json, &products, why);
		if (result == 0)
			result = make_records(r, json, &products, records, why);
		if (result == 0)
			result = put_records(r, d, records, why);
	}
	csaf_products_clear(&products);
	json_decref(records);
	json_decref(json);
	return result;
}
