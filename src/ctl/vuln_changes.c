/* SPDX-License-Identifier: ISC */
#include "ctl/vuln_changes.h"

#include "base/cursor.h"
#include "ctl/ctl.h"
#include "ctl/text_table.h"
#include "vuln/changes.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static const enum vuln_event all_events[] = { VULN_ADDED, VULN_MODIFIED, VULN_WITHDRAWN, VULN_RESTORED,
	VULN_ALIASED, VULN_MERGED, VULN_REMOVED };

struct shown {
	uint64_t from, to;
	json_t *records; /* NULL: for people */
	size_t counts[ARRAY_LENGTH(all_events)];
	struct vuln_changes_kept kept;
};

static const char *colour_of(unsigned events)
{
	return events & (VULN_REMOVED | VULN_WITHDRAWN) ? TEXT_RED
	        : events & VULN_ADDED                   ? TEXT_GREEN
	                                                : TEXT_YELLOW;
}

static char sign_of(unsigned events)
{
	const bool gone = events & VULN_REMOVED, new = events &VULN_ADDED;
	return new == gone ? '~' : new ? '+' : '-';
}

static void print_change(const struct vuln_record_change *c)
{
	char *id FREE_ON_EXIT = text_harmless(c->id), *source FREE_ON_EXIT = text_harmless(c->source);
	char when[CLOCK_TEXT_SIZE];
	const char *separator = "";
	text_print(stdout, colour_of(c->events), "%c %s", sign_of(c->events), id);
	printf("  (%s)  ", source);
	for (size_t i = 0; i < ARRAY_LENGTH(all_events); i++)
		if (c->events & all_events[i]) {
			printf("%s%s", separator, vuln_event_name(all_events[i]));
			separator = ", ";
		}
	printf("; generation %" PRIu64 ", %s\n", c->generation, clock_format(c->when, when));
}

static json_t *change_to_json(const struct vuln_record_change *c)
{
	char when[CLOCK_TEXT_SIZE];
	json_t *events = json_array();
	for (size_t i = 0; i < ARRAY_LENGTH(all_events); i++)
		if (c->events & all_events[i])
			json_array_append_new(events, json_string(vuln_event_name(all_events[i])));
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:s}", "id", c->id, "source", c->source, "events", events,
	        "times", (json_int_t)c->times, "generation", (json_int_t)c->generation, "when",
	        clock_format(c->when, when));
}

static int take(const struct vuln_record_change *c, void *shown_)
{
	struct shown *s = shown_;
	for (size_t i = 0; i < ARRAY_LENGTH(all_events); i++)
		s->counts[i] += (c->events & all_events[i]) != 0;
	if (s->records)
		return json_array_append_new(s->records, change_to_json(c)) < 0 ? -EILSEQ : 0;
	print_change(c);
	return 0;
}

static bool forms_missing(const struct shown *s)
{
	return s->kept.forms_from > s->from + 1;
}

static bool added_missing(const struct shown *s)
{
	return s->kept.added_from == 0 || s->kept.added_from > s->from + 1;
}

static void print_end(const struct shown *s)
{
	const char *separator = "";
	printf("generation %" PRIu64 " to %" PRIu64 ": ", s->from, s->to);
	for (size_t i = 0; i < ARRAY_LENGTH(all_events); i++)
		if (s->counts[i]) {
			printf("%s%zu %s", separator, s->counts[i], vuln_event_name(all_events[i]));
			separator = ", ";
		}
	puts(*separator ? "" : "nothing changed that is known of");
	if (s->kept.unnamed)
		printf("%" PRIu64 " more were added by updates of too many to keep their names\n",
		        s->kept.unnamed);
	if (added_missing(s) && s->kept.added_from)
		printf("which records were added is known from generation %" PRIu64 " on\n",
		        s->kept.added_from);
	else if (added_missing(s))
		puts("which records were added is not known: the index was last changed by an older version");
	if (forms_missing(s))
		printf("older forms were let go of: of changes before generation %" PRIu64
		       " some are not known any more\n",
		        s->kept.forms_from);
}

static void print_json(struct shown *s)
{
	json_t *counts = json_object();
	for (size_t i = 0; i < ARRAY_LENGTH(all_events); i++)
		json_object_set_new(
		        counts, vuln_event_name(all_events[i]), json_integer((json_int_t)s->counts[i]));
	json_t *j = json_pack("{s:I, s:I, s:I, s:o, s:I, s:b, s:I, s:b, s:I, s:O}", "from",
	        (json_int_t)s->from, "to", (json_int_t)s->to, "now", (json_int_t)s->kept.generation, "counts",
	        counts, "unnamed", (json_int_t)s->kept.unnamed, "added_complete", (int)!added_missing(s),
	        "added_known_from", (json_int_t)s->kept.added_from, "changes_complete",
	        (int)!forms_missing(s), "changes_known_from", (json_int_t)s->kept.forms_from, "records",
	        s->records);
	(void)json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(j);
}

static int parse(const char *text, struct shown *s)
{
	const char *at = text;
	s->to = UINT64_MAX;
	if (!text_take_number(&at, &s->from))
		return -EINVAL;
	if (*at == ':' && (at++, !text_take_number(&at, &s->to)))
		return -EINVAL;
	return *at || s->to < s->from ? -EINVAL : 0;
}

int ctl_vuln_changes(const char *words, const char *dir, const char *generations, bool json)
{
	struct shown s = { .records = NULL };
	struct vuln_index *index;
	struct error err;
	if (parse(generations, &s) < 0)
		return ctl_usage(words, "--generations is FROM or FROM:TO, two numbers, the lower one first");
	if (vuln_index_open(dir, &index, &err) < 0)
		return ctl_fail(words, "%s", err.text);
	const uint64_t now = vuln_index_generation(index);
	if (s.from > now || (s.to != UINT64_MAX && s.to > now)) {
		vuln_index_close(index);
		return ctl_fail(
		        words, "%s is at generation %" PRIu64 "; there is nothing after it", dir, now);
	}
	s.to = MIN(s.to, now);
	s.records = json ? json_array() : NULL;
	int r = vuln_index_record_changes(index, s.from, s.to, take, &s, &s.kept, &err);
	if (r == 0 && json)
		print_json(&s);
	else if (r == 0)
		print_end(&s);
	json_decref(s.records);
	vuln_index_close(index);
	return r < 0 ? ctl_fail(words, "%s", r == -EILSEQ ? "a name is not UTF-8" : err.text) : CTL_OK;
}
