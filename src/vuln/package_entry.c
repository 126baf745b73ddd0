/* SPDX-License-Identifier: ISC */
#include "vuln/package_entry.h"

static size_t put_string(struct writer *w, const char *s)
{
	size_t n = strlen(s) + 1;
	wr_bytes(w, s, n);
	return n;
}

void package_entry_write(struct writer *w, const struct record *record,
        const struct record_affected *affected, enum vuln_severity severity)
{
	struct package_entry_head head = { .rule_length = (uint32_t)affected->rule_length,
		.published = record->published,
		.modified = record->modified,
		.kind = (uint8_t)affected->kind,
		.severity = (uint8_t)severity,
		.n_aliases = (uint16_t)record->n_aliases };
	size_t start = w->length;
	wr_zero(w, sizeof(head));
	wr_bytes(w, affected->rule, affected->rule_length);
	head.source_at = (uint16_t)put_string(w, record->id);
	head.summary_at = (uint16_t)(head.source_at + put_string(w, record->source));
	head.fixed_at = (uint16_t)(head.summary_at + put_string(w, record->summary));
	head.aliases_at = (uint16_t)(head.fixed_at + put_string(w, affected->fixed));
	struct reader names = record->aliases;
	for (const char *name; (name = record_next_name(&names));)
		put_string(w, name);
	if (wr_failed(w))
		return;
	head.size = (uint32_t)(w->length - start);
	memcpy(w->data + start, &head, sizeof(head));
}

static int order_entries(const void *a_, const void *b_)
{
	struct package_entry a, b;
	if (!package_entry_read(*(const uint8_t *const *)a_, SIZE_MAX, &a) ||
	        !package_entry_read(*(const uint8_t *const *)b_, SIZE_MAX, &b))
		return 0;
	if (a.head.kind != b.head.kind)
		return a.head.kind < b.head.kind ? -1 : 1;
	int order = 0;
	if (a.head.kind == RULE_BELOW)
		order = version_key_order_bytes(b.rule, b.head.rule_length, a.rule, a.head.rule_length);
	if (!order)
		order = strcmp(a.id, b.id);
	return order ? order : strcmp(a.source, b.source);
}

void package_entries_write(struct writer *w, const uint8_t **entries, size_t n)
{
	if (n)
		qsort(entries, n, sizeof(*entries), order_entries);
	size_t start = w->length;
	wr_zero(w, PACKAGE_ENTRIES_AT);
	uint32_t events_at = 0;
	for (size_t i = 0; i < n; i++) {
		struct package_entry_head head;
		memcpy(&head, entries[i], sizeof(head));
		if (head.kind == RULE_EVENTS && !events_at)
			events_at = (uint32_t)(w->length - start);
		wr_bytes(w, entries[i], head.size);
	}
	if (!events_at)
		events_at = (uint32_t)(w->length - start);
	if (!wr_failed(w))
		memcpy(w->data + start, &events_at, sizeof(events_at));
}
