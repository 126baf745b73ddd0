/* SPDX-License-Identifier: ISC */
/* OSV records, one a document, a list of them, or one a line of a log of changes. */
#include "vuln/load_private.h"

#include <errno.h>
#include <string.h>

static int take_list(struct load_reading *r, const struct load_document *d, struct error *why)
{
	json_t *list = load_parse_json(d->text, d->length, why), *record;
	int result = list ? 0 : -EBADMSG;
	size_t i;
	json_array_foreach(list, i, record) {
		char *where FREE_ON_EXIT = xasprintf("%s[%zu]", d->where, i);
		if (result == 0)
			result = load_put(r, where, record, why);
	}
	json_decref(list);
	return result;
}

int load_read_osv(struct load_reading *r, const struct load_document *d, struct error *why)
{
	const bool list = d->length <= OSV_RECORD_MAX && d->text[strspn(d->text, " \t\r\n")] == '[';
	return list ? take_list(r, d, why) : load_put_text(r, d->where, d->text, d->length, why);
}

/* The log of one file: what each path held last. */
struct log {
	struct load_reading *r;
	const struct load_document *d;
	struct table *ids; /* path -> char * */
};

static int put_change(struct log *log, const char *where, const char *path, json_t *record, struct error *err)
{
	uint64_t refused = log->r->l->report->refused;
	int result = load_put(log->r, where, record, err);
	if (result == 0 && log->r->l->report->refused == refused) {
		char *id = xstrdup(load_json_text(record, "id"));
		char *old = table_set_string(log->ids, path, id);
		if (old && strcmp(old, id) != 0)
			load_remove(log->r, old);
		free(old);
	}
	return result;
}

/* What a log takes back: as mapped as it was. */
static void remove_change(struct log *log, const char *where, const char *path)
{
	struct load_report *report = log->r->l->report;
	char *id = table_remove_string(log->ids, path);
	if (!id) {
		load_note_refused(report, where, "it removes what the log has not put");
		return;
	}
	load_remove(log->r, id);
	report->read++;
	report->mapped++;
	report->removed++;
	free(id);
}

static int take_line(struct log *log, const char *line, size_t length, size_t number, struct error *err)
{
	struct load_report *report = log->r->l->report;
	char *where FREE_ON_EXIT = xasprintf("%s:%zu", log->d->where, number);
	struct error why;
	json_t *change = length <= OSV_RECORD_MAX ? load_parse_json(line, length, &why) : NULL;
	json_t *record = json_object_get(change, "record");
	const char *op = load_json_text(change, "op"), *path = load_json_text(change, "path");
	int result = 0;
	if (!change)
		load_note_refused(report, where, length <= OSV_RECORD_MAX ? why.text : "too long a line");
	else if (!*path)
		load_note_refused(report, where, "\"path\" is missing");
	else if (strcmp(op, "D") == 0)
		remove_change(log, where, path);
	else if ((strcmp(op, "A") == 0 || strcmp(op, "M") == 0) && json_is_object(record))
		result = put_change(log, where, path, record, err);
	else
		load_note_refused(report, where, "\"op\" is not A, M or D, or there is no record");
	json_decref(change);
	return result;
}

int load_read_log(struct load_reading *r, const struct load_document *d, struct error *why)
{
	struct log log = { r, d, table_new() };
	const char *at = d->text, *end = d->text + d->length;
	int result = 0;
	for (size_t number = 1; result == 0 && at < end; number++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((newline ? newline : end) - at);
		if (n > 0)
			result = take_line(&log, at, n, number, why);
		at += n + 1;
	}
	table_free(log.ids, free);
	return result;
}
