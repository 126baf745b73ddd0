/* SPDX-License-Identifier: ISC */
/* What became of records between two generations, as far as the index keeps it. */
#include "tests/unit/vuln/match_bed.h"
#include "vuln/changes.h"
#include "vuln/history.h"

#define SAID_MAX 1024

static int take_change(const struct vuln_record_change *c, void *context)
{
	static const enum vuln_event all[] = { VULN_ADDED, VULN_MODIFIED, VULN_WITHDRAWN, VULN_RESTORED,
		VULN_ALIASED, VULN_MERGED, VULN_REMOVED };
	char *said = context;
	size_t n = strlen(said);
	n += (size_t)snprintf(said + n, SAID_MAX - n, "%s %s", c->id, c->source);
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++)
		if (c->events & all[i])
			n += (size_t)snprintf(said + n, SAID_MAX - n, " %s", vuln_event_name(all[i]));
	snprintf(said + n, SAID_MAX - n, " x%zu @%d;", c->times, (int)c->generation);
	assert_int_equal(c->when, NOW);
	return 0;
}

static struct vuln_changes_kept expect_changes(
        struct fixture *f, uint64_t from, uint64_t to, const char *expected)
{
	char said[SAID_MAX] = "";
	struct vuln_changes_kept kept;
	struct error err;
	if (vuln_index_record_changes(f->index, from, to, take_change, said, &kept, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(said, expected);
	return kept;
}

static void put_record(struct fixture *f, const char *source, const char *id, const char *more)
{
	char *json FREE_ON_EXIT =
	        xasprintf("{\"id\":\"%s\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
	                  "\"ecosystem\":\"Debian:12\",\"name\":\"p\"},\"versions\":[\"1\"]}]%s}",
	                id, more);
	put(f, source, json);
}

static void what_became_of_records(void **state)
{
	struct fixture *f = *state;
	put_record(f, "a", "A-1", "");
	put_record(f, "a", "A-2", "");
	commit(f);
	put_record(f, "a", "A-1", ",\"summary\":\"another\"");
	put_record(f, "b", "A-1", "");
	commit(f);
	put_record(f, "a", "A-2", ",\"withdrawn\":\"2026-01-02T00:00:00Z\"");
	commit(f);
	assert_int_equal(vuln_index_generation(f->index), 3);
	struct vuln_changes_kept kept = expect_changes(f, 0, UINT64_MAX,
	        "A-1 a added modified x2 @2;A-1 b added x1 @2;A-2 a added modified withdrawn x2 @3;");
	assert_int_equal(kept.generation, 3);
	assert_int_equal(kept.forms_from, 0);
	assert_int_equal(kept.added_from, 1);
	assert_int_equal(kept.unnamed, 0);
	(void)expect_changes(f, 1, 2, "A-1 a modified x1 @2;A-1 b added x1 @2;");
	(void)expect_changes(f, 2, 3, "A-2 a modified withdrawn x1 @3;");
	(void)expect_changes(f, 3, 3, "");
	vuln_update_replace_source(f->update, "a");
	put_record(f, "a", "A-2", "");
	commit(f);
	(void)expect_changes(f, 3, 4, "A-1 a cancelled x1 @4;A-2 a modified restored x1 @4;");
}

/* What does not fit is counted, and said. */
static void what_is_not_kept_is_said(void **state)
{
	struct fixture *f = *state;
	char id[128], summary[64];
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(id, sizeof(id), "A-%0110u", i);
		put_record(f, "a", id, "");
	}
	commit(f);
	put_record(f, "a", "B-1", "");
	commit(f);
	struct vuln_changes_kept kept = expect_changes(f, 0, 2, "B-1 a added x1 @2;");
	assert_int_equal(kept.unnamed, 10000);
	for (unsigned i = 0; i <= HISTORY_FORMS_MAX; i++) {
		snprintf(summary, sizeof(summary), ",\"summary\":\"%u\"", i);
		put_record(f, "a", "B-1", summary);
		commit(f);
	}
	snprintf(summary, sizeof(summary), "B-1 a added modified x%d @%d;", HISTORY_FORMS_MAX + 1,
	        HISTORY_FORMS_MAX + 3);
	kept = expect_changes(f, 1, UINT64_MAX, summary);
	assert_int_equal(kept.unnamed, 0);
	assert_int_equal(kept.forms_from, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_became_of_records, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_kept_is_said, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
