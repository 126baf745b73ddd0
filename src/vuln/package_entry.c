/* SPDX-License-Identifier: ISC */
#include "vuln/package_entry.h"

static uint16_t put_string(struct writer *w, size_t start, const char *s)
{
	wr_bytes(w, s, strlen(s) + 1);
	return (uint16_t)(w->length - start);
}

void package_entry_write(struct writer *w, const struct record *record,
        const struct record_affected *affected, const struct package_entry_terms *terms)
{
	struct package_entry_head head = { .rule_length = (uint32_t)affected->rule_length,
		.published = record->published,
		.modified = record->modified,
		.precedence = terms->source->precedence,
		.kind = (uint8_t)affected->kind,
		.severity = (uint8_t)terms->severity,
		.status = (uint8_t)affected->status,
		.trust = (uint8_t)terms->source->trust,
		.flags = terms->source->partial ? ENTRY_PARTIAL : 0,
		.n_aliases = (uint16_t)record->n_aliases };
	size_t start = w->length;
	wr_zero(w, sizeof(head));
	wr_bytes(w, affected->rule, affected->rule_length);
	size_t strings = w->length;
	head.source_at = put_string(w, strings, record->id);
	head.summary_at = put_string(w, strings, record->source);
	head.fixed_at = put_string(w, strings, record->summary);
	head.group_at = put_string(w, strings, affected->fixed);
	if (!terms->group || strcmp(terms->group, record->id) == 0) {
		head.justification_at = head.group_at;
		head.group_at = 0;
	} else {
		head.justification_at = put_string(w, strings, terms->group);
	}
	head.aliases_at = put_string(w, strings, affected->justification);
	struct reader names = record->aliases;
	for (const char *name; (name = record_next_name(&names));)
		(void)put_string(w, strings, name);
	if (wr_failed(w))
		return;
	head.size = (uint32_t)(w->length - start);
	memcpy(w->data + start, &head, sizeof(head));
}
