/* SPDX-License-Identifier: ISC */
#include "softwire/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct event_entry {
	time_ms when;
	const char *kind;
	char *text;
};

struct events {
	struct event_entry entries[EVENTS_MAX];
	uint64_t count; /* ever */
};

struct events *events_new(void)
{
	return xcalloc(1, sizeof(struct events));
}

struct events *events_free(struct events *e)
{
	for (size_t i = 0; e && i < EVENTS_MAX; i++)
		free(e->entries[i].text);
	free(e);
	return NULL;
}

void events_note(struct events *e, enum log_level level, const char *kind, const char *format, ...)
{
	char text[EVENT_TEXT_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c >= 0x7f)
			*c = '?';
	log_line(level, "%s", text);
	struct event_entry *entry = &e->entries[e->count++ % EVENTS_MAX];
	free(entry->text);
	*entry = (struct event_entry){ clock_wall_ms(), kind, xstrdup(text) };
}

json_t *events_to_json(const struct events *e, size_t max)
{
	char when[CLOCK_TEXT_SIZE];
	json_t *list = json_array();
	uint64_t n = MIN(MIN(e->count, (uint64_t)EVENTS_MAX), (uint64_t)max);
	for (uint64_t i = e->count - n; i < e->count; i++) {
		const struct event_entry *entry = &e->entries[i % EVENTS_MAX];
		json_array_append_new(list,
		        json_pack("{s:s, s:s, s:s}", "when", clock_format(entry->when, when), "kind",
		                entry->kind, "text", entry->text));
	}
	return list;
}
