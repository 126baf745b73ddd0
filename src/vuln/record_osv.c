/* SPDX-License-Identifier: ISC */
/* A record as OSV JSON: for sources that write none (apt's package lists). */
#include "vuln/record.h"

#include <jansson.h>

static json_t *names_to_json(struct reader names)
{
	json_t *list = json_array();
	for (const char *name; (name = record_next_name(&names));)
		json_array_append_new(list, json_string(name));
	return list;
}

static void set_time(json_t *object, const char *key, time_ms t)
{
	char text[CLOCK_TEXT_SIZE];
	if (t)
		json_object_set_new(object, key, json_string(clock_format_ms(t, text)));
}

static json_t *range_of(json_t *events)
{
	return json_pack("{s:s, s:o}", "type", "ECOSYSTEM", "events", events);
}

static json_t *simple_range(const char *fixed)
{
	json_t *events = json_pack("[{s:s}]", "introduced", "0");
	if (*fixed)
		json_array_append_new(events, json_pack("{s:s}", "fixed", fixed));
	return range_of(events);
}

static json_t *event_range(struct reader *r)
{
	static const char *const names[] = { [RULE_INTRODUCED] = "introduced",
		[RULE_FIXED] = "fixed",
		[RULE_LAST_AFFECTED] = "last_affected",
		[RULE_LIMIT] = "limit" };
	json_t *events = json_array();
	for (uint16_t n = rd_u16(r); n > 0 && !rd_failed(r); n--) {
		uint8_t kind = rd_u8(r);
		rd_skip(r, rd_u16(r));
		const char *text = (const char *)rd_bytes(r, rd_u16(r));
		if (text && kind < ARRAY_LENGTH(names))
			json_array_append_new(events, json_pack("{s:s}", names[kind], text));
	}
	return range_of(events);
}

static json_t *affected_to_json(const struct record_affected *a)
{
	json_t *ranges = json_array();
	struct reader r = rd_make(a->rule, a->rule_length);
	if (a->kind != RULE_EVENTS)
		json_array_append_new(ranges, simple_range(a->fixed));
	else
		for (uint16_t n = rd_u16(&r); n > 0 && !rd_failed(&r); n--)
			json_array_append_new(ranges, event_range(&r));
	json_t *object = json_pack("{s:{s:s, s:s}, s:o}", "package", "ecosystem", a->ecosystem, "name",
	        a->package, "ranges", ranges);
	if (a->severity)
		json_object_set_new(object, "ecosystem_specific",
		        json_pack("{s:s}", "severity", vuln_severity_name(a->severity)));
	if (a->status == VULN_NOT_AFFECTED)
		json_object_set_new(object, "database_specific",
		        json_pack("{s:{s:s, s:s}}", "pratique", "status", vuln_status_name(a->status),
		                "justification", a->justification));
	return object;
}

char *record_to_osv(const struct record *record)
{
	json_t *object = json_pack("{s:s}", "id", record->id), *affected = json_array();
	struct reader rest = record->affected;
	struct record_affected a;
	set_time(object, "published", record->published);
	set_time(object, "modified", record->modified);
	if (record->withdrawn)
		set_time(object, "withdrawn", record->modified);
	if (*record->summary)
		json_object_set_new(object, "summary", json_string(record->summary));
	if (record->n_aliases)
		json_object_set_new(object, "aliases", names_to_json(record->aliases));
	if (record->n_related)
		json_object_set_new(object, "related", names_to_json(record->related));
	if (record->severity)
		json_object_set_new(object, "database_specific",
		        json_pack("{s:s}", "severity", vuln_severity_name(record->severity)));
	while (record_next_affected(&rest, &a))
		json_array_append_new(affected, affected_to_json(&a));
	json_object_set_new(object, "affected", affected);
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text ? text : xstrdup("{}");
}
