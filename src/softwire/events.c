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
	time_ms second; /* of the limit */
	unsigned in_second;
	uint64_t left_out;
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

static void keep(struct events *e, enum log_level level, const char *kind, const char *text)
{
	struct event_entry *entry = &e->entries[e->count++ % EVENTS_MAX];
	log_line(level, "%s", text);
	free(entry->text);
	*entry = (struct event_entry){ clock_wall_ms(), kind, xstrdup(text) };
}

/* Whether there is room for one more in this second. */
static bool has_room(struct events *e)
{
	char text[EVENT_TEXT_MAX];
	const time_ms second = clock_monotonic_ms() / 1000;
	if (second != e->second) {
		e->second = second;
		e->in_second = 0;
		if (e->left_out) {
			snprintf(text, sizeof(text), "%llu more events are not shown",
			        (unsigned long long)e->left_out);
			e->left_out = 0;
			keep(e, LOG_LEVEL_WARNING, "limited", text);
		}
	}
	if (++e->in_second <= EVENTS_A_SECOND)
		return true;
	e->left_out++;
	return false;
}

void events_note(struct events *e, enum log_level level, const char *kind, const char *format, ...)
{
	char text[EVENT_TEXT_MAX];
	va_list args;
	if (!has_room(e))
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c >= 0x7f)
			*c = '?';
	keep(e, level, kind, text);
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
