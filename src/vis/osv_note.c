/* SPDX-License-Identifier: ISC */
#include "vis/osv_note.h"

#include <string.h>

static json_t *time_or_null(time_ms t)
{
	char text[CLOCK_TEXT_SIZE];
	return t ? json_string(clock_format_ms(t, text)) : json_null();
}

json_t *osv_note_of_view(const struct vuln_view *v)
{
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s?, s:s, s:o}", "id", v->id, "source", v->source,
	        "precedence", (int)v->precedence, "trust", vuln_trust_name(v->trust), "status",
	        vuln_status_name(v->status), "severity", vuln_severity_name(v->severity), "fixed", v->fixed,
	        "justification", v->justification ? v->justification : "", "modified",
	        time_or_null(v->modified));
}

char *osv_note_of_match(const struct vuln_match *m)
{
	bool shared = m->conflict || m->judged_as;
	for (size_t i = 0; i < m->n_views && !shared; i++)
		shared = strcmp(m->views[i].id, m->id) == 0;
	if (!shared)
		return NULL;
	json_t *others = json_array();
	for (size_t i = 0; i < m->n_views; i++)
		json_array_append_new(others, osv_note_of_view(&m->views[i]));
	json_t *note =
	        json_pack("{s:s, s:i, s:s, s:o, s:s?}", "source", m->source, "precedence", (int)m->precedence,
	                "trust", vuln_trust_name(m->trust), "others", others, "conflict", m->conflict);
	if (m->judged_as)
		json_object_set_new(note, "judged_as", json_string(m->judged_as));
	char *text = note ? json_dumps(note, JSON_COMPACT) : NULL;
	json_decref(note);
	return text;
}

static bool merge(json_t *record, json_t *note)
{
	json_t *specific = json_object_get(record, "database_specific"), *ours;
	if (!json_is_object(specific)) {
		specific = json_object();
		if (json_object_set_new(record, "database_specific", specific) < 0)
			return false;
	}
	ours = json_object_get(specific, "pratique");
	if (!json_is_object(ours))
		return json_object_set(specific, "pratique", note) == 0;
	return json_object_update(ours, note) == 0;
}

void osv_note_add(struct writer *w, size_t at, const char *text)
{
	json_t *record = json_loadb((const char *)w->data + at, w->length - at, 0, NULL);
	json_t *note = json_loads(text, 0, NULL);
	char *changed = record && note && merge(record, note) ? json_dumps(record, JSON_COMPACT) : NULL;
	if (changed) {
		w->length = at;
		wr_bytes(w, changed, strlen(changed));
	}
	free(changed);
	json_decref(record);
	json_decref(note);
}
