/* SPDX-License-Identifier: ISC */
#include "softwire/events.h"
#include "tests/unit/test.h"

#include <string.h>

static const char *text_of(const json_t *list, size_t i)
{
	return json_string_value(json_object_get(json_array_get(list, i), "text"));
}

/* The newest ones, oldest of them first; what a peer put into them moves no cursor. */
static void the_last_ones(void **state)
{
	struct events *e = events_new();
	for (int i = 0; i < 5; i++)
		events_note(e, LOG_LEVEL_DEBUG, "test", "number %d\033[2J\n\x80", i);
	json_t *list = events_to_json(e, 2);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text_of(list, 0), "number 3?[2J??");
	assert_string_equal(text_of(list, 1), "number 4?[2J??");
	json_decref(list);
	events_free(e);
}

/* A flood of them fills neither the log nor the list. */
static void a_flood(void **state)
{
	struct events *e = events_new();
	for (int i = 0; i < 100000; i++)
		events_note(e, LOG_LEVEL_DEBUG, "flood", "once more");
	json_t *list = events_to_json(e, EVENTS_MAX);
	/* It may have begun in one second and ended some later. */
	assert_true(json_array_size(list) >= EVENTS_A_SECOND);
	assert_true(json_array_size(list) < EVENTS_MAX);
	json_decref(list);
	events_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_ones),
		cmocka_unit_test(a_flood),
	};
	log_open("events_test", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
