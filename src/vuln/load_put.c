/* SPDX-License-Identifier: ISC */
/* Records into the update, and what is counted of them. */
#include "vuln/load_private.h"
#include "vuln/plain.h"

#include <errno.h>
#include <string.h>

#define PROGRESS_EVERY 256 /* records */

void load_report_clear(struct load_report *report)
{
	for (size_t i = 0; i < LOAD_KEPT; i++) {
		free(report->first_refused[i]);
		free(report->first_unmapped[i]);
		free(report->first_hint[i]);
	}
	memset(report, 0, sizeof(*report));
}

int load_report_check(const struct load_report *report, struct error *err)
{
	if (report->read == 0 || report->refused < report->read || report->refused == report->unproven)
		return 0;
	return error_set(err, -EBADMSG, "all of it is refused, so what was loaded before stays: %s",
	        report->first_refused[0]);
}

/* Names come from archives of strangers, and go to logs and terminals. */
static char *reason(const char *what, const char *why)
{
	char *text = xasprintf("%s: %s", what, why);
	text_make_plain(text);
	return text;
}

void load_note_refused(struct load_report *report, const char *what, const char *why)
{
	if (report->refused < LOAD_KEPT)
		report->first_refused[report->refused] = reason(what, why);
	report->read++;
	report->refused++;
}

void load_note_unmapped(struct load_report *report, const char *what, const char *why)
{
	if (report->unmapped < LOAD_KEPT)
		report->first_unmapped[report->unmapped] = reason(what, why);
	report->read++;
	report->unmapped++;
}

void load_note_hint(struct load_report *report, const char *text)
{
	if (report->hints < LOAD_KEPT)
		report->first_hint[report->hints] = xstrdup(text);
	report->hints++;
}

void load_progress(struct load_reading *r)
{
	if (r->l->progress && r->l->report->read % PROGRESS_EVERY == 0)
		r->l->progress(r->l->report, r->l->context);
}

static const struct osv_counts *counts_of(const struct load *l)
{
	return l->update ? vuln_update_counts(l->update) : &l->check->counts;
}

static int put(struct load_reading *r, const char *text, size_t length, struct error *why)
{
	const struct load *l = r->l;
	return l->update ? vuln_update_put(l->update, r->source->name, text, length, why)
	                 : osv_parse_text(l->check, r->source->name, text, length, why);
}

void load_remove(struct load_reading *r, const char *id)
{
	if (r->l->update)
		vuln_update_remove(r->l->update, r->source->name, id);
}

void load_keep(struct load_reading *r, const char *id)
{
	if (r->l->update)
		vuln_update_keep(r->l->update, r->source->name, id);
}

void load_refuse_document(struct load_reading *r, const char *where, const char *why)
{
	const char *slash = strrchr(where, '/'), *name = slash ? slash + 1 : where,
	           *dot = strstr(name, ".json");
	char *id FREE_ON_EXIT = dot ? xstrndup(name, (size_t)(dot - name)) : xstrdup(name);
	load_note_refused(r->l->report, where, why);
	load_keep(r, id);
}

time_ms load_stored_time(struct load_reading *r, const char *id)
{
	struct writer bytes = wr_make(RECORD_MAX);
	struct record record;
	time_ms modified = 0;
	if (r->l->update && vuln_update_stored(r->l->update, r->source->name, id, &bytes) == 0 &&
	        record_read(bytes.data, bytes.length, &record) == 0)
		modified = record.modified;
	wr_free(&bytes);
	return modified;
}

int load_put_record(struct load_reading *r, const void *record, size_t length, struct error *why)
{
	int result = r->l->update ? vuln_update_put_record(r->l->update, record, length, why) : 0;
	if (result < 0)
		return result;
	r->l->report->read++;
	r->l->report->mapped++;
	load_progress(r);
	return 0;
}

int load_put_text(
        struct load_reading *r, const char *where, const char *text, size_t length, struct error *err)
{
	struct load_report *report = r->l->report;
	const struct osv_counts *counts = counts_of(r->l);
	uint64_t unmapped = counts->unmapped, withdrawn = counts->withdrawn;
	struct error why;
	if (put(r, text, length, &why) < 0) {
		json_t *record = json_loadb(text, length, 0, NULL);
		load_refuse_document(r, where, why.text);
		if (*load_json_text(record, "id"))
			load_keep(r, load_json_text(record, "id"));
		json_decref(record);
	} else if (counts->unmapped != unmapped) {
		load_note_unmapped(report, where, OSV_UNMAPPED);
	} else {
		report->read++;
		report->mapped++;
	}
	report->withdrawn += counts->withdrawn - withdrawn;
	load_progress(r);
	if (report->read > LOAD_RECORDS_MAX)
		return error_set(err, -E2BIG, "more than %llu records", (unsigned long long)LOAD_RECORDS_MAX);
	return 0;
}

int load_put(struct load_reading *r, const char *where, json_t *record, struct error *err)
{
	char *text FREE_ON_EXIT = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
	if (text)
		return load_put_text(r, where, text, strlen(text), err);
	load_note_refused(r->l->report, where, "it cannot be written as JSON");
	return 0;
}

static bool set_time(json_t *record, time_ms when)
{
	char text[CLOCK_TEXT_SIZE];
	return json_object_set_new(record, "modified", json_string(clock_format_ms(when, text))) == 0;
}

/* Whether the record would be, byte for byte, the one that the index has. */
static bool is_stored(struct load_reading *r, const json_t *record)
{
	struct writer stored = wr_make(RECORD_MAX);
	const struct writer *made = &r->scratch.record.w;
	r->scratch.ecosystems = r->source->ecosystems;
	bool same = vuln_update_stored(
	                    r->l->update, r->source->name, load_json_text(record, "id"), &stored) == 0 &&
	        osv_parse(&r->scratch, r->source->name, record, NULL) == 0 && made->length == stored.length &&
	        memcmp(made->data, stored.data, stored.length) == 0;
	wr_free(&stored);
	return same;
}

int load_put_undated(struct load_reading *r, const char *where, json_t *record, struct error *err)
{
	time_ms before = load_stored_time(r, load_json_text(record, "id"));
	time_ms now = r->newest ? r->newest : r->source->now ? r->source->now : clock_wall_ms();
	if (!before || !set_time(record, before) || !is_stored(r, record))
		set_time(record, now);
	return load_put(r, where, record, err);
}

/* One more than a record may have is kept of each list, so that it is refused for it; of what only points
 * elsewhere, no more than somebody reads. */
static void join(json_t *first, json_t *second)
{
	static const struct {
		const char *name;
		size_t most;
	} lists[] = { { "affected", RECORD_AFFECTED_MAX + 1 }, { "aliases", RECORD_ALIASES_MAX + 1 },
		{ "related", RECORD_RELATED_MAX + 1 }, { "references", LOAD_REFERENCES_MAX } };
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		json_t *more = json_object_get(second, lists[i].name),
		       *there = json_object_get(first, lists[i].name);
		size_t k, m;
		json_t *item, *other;
		if (!json_is_array(more))
			continue;
		if (!json_is_array(there)) {
			json_object_set(first, lists[i].name, more);
			continue;
		}
		json_array_foreach(more, k, item) {
			bool known = false;
			if (json_array_size(there) >= lists[i].most)
				break;
			if (i > 0) /* names; packages are joined as they come */
				json_array_foreach(there, m, other)
					known |= json_equal(item, other);
			if (!known)
				json_array_append(there, item);
		}
	}
}

int load_gather(struct load_reading *r, json_t *record, struct error *err)
{
	const char *id = load_json_text(record, "id");
	if (!r->gathered)
		r->gathered = table_new();
	json_t *there = table_get_string(r->gathered, id);
	r->statements += json_array_size(json_object_get(record, "affected"));
	if (r->statements > LOAD_STATEMENTS_MAX ||
	        (!there && table_count(r->gathered) >= LOAD_GATHERED_MAX)) {
		json_decref(record);
		return error_set(err, -E2BIG, "more than %llu records, or %llu packages in them",
		        (unsigned long long)LOAD_GATHERED_MAX, (unsigned long long)LOAD_STATEMENTS_MAX);
	}
	if (there) {
		join(there, record);
		json_decref(record);
		return 0;
	}
	table_set_string(r->gathered, id, record);
	return 0;
}

int load_put_gathered(struct load_reading *r, struct error *err)
{
	int result = 0;
	if (!r->gathered)
		return 0;
	TABLE_FOREACH(it, r->gathered) {
		char *id FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		if (result == 0)
			result = json_object_get(it.value, "modified")
			        ? load_put(r, id, it.value, err)
			        : load_put_undated(r, id, it.value, err);
		json_decref(it.value);
	}
	r->gathered = table_free(r->gathered, NULL);
	return result;
}

json_t *load_parse_json(const char *text, size_t length, struct error *why)
{
	json_error_t json_err;
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &json_err);
	if (!json)
		(void)error_set(why, -EINVAL, "line %d: %s", json_err.line, json_err.text);
	return json;
}

const char *load_json_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}
