/* SPDX-License-Identifier: ISC */
/* A segment keeps the mark of its name over policies, and the server is spoken to in its own numbers. */
#include "enforcer/marks.h"
#include "enforcer/segments.h"
#include "policy/policy.h"
#include "tests/unit/test.h"

#include <string.h>

#define SEGMENT(n, m) \
	{ \
		.name = (char[]){ n }, .mark = (m) \
	}

static void names_keep_their_marks(void **state)
{
	struct ipc_segment old[] = { SEGMENT("quarantine", 1), SEGMENT("staff", 2), SEGMENT("guest", 3) };
	struct ipc_rule rule = { .direction = POLICY_TO, .peer = POLICY_PEER_SEGMENT, .peer_mark = 3 };
	struct ipc_segment new[] = { SEGMENT("extra", 1), SEGMENT("quarantine", 2), SEGMENT("guest", 3),
		SEGMENT("more", 4) };
	const struct ipc_segments before = { .segments = old, .n_segments = 3 };
	struct ipc_segments after = { .segments = new, .n_segments = 4 };
	new[1].rules = &rule;
	new[1].n_rules = 1;
	marks_assign(&before, &after);
	assert_int_equal(new[1].mark, 1);
	assert_int_equal(new[2].mark, 3);
	/* Not staff's, which packets under way may still bear. */
	assert_int_equal(new[0].mark, 4);
	assert_int_equal(new[3].mark, 5);
	assert_int_equal(rule.peer_mark, 3);
}

static void the_first_policy_leaves_the_initial_mark(void **state)
{
	struct ipc_segment initial[] = { SEGMENT("quarantine", 255) };
	struct ipc_segment first[] = { SEGMENT("quarantine", 1), SEGMENT("staff", 2) };
	const struct ipc_segments before = { .segments = initial, .n_segments = 1 };
	struct ipc_segments after = { .segments = first, .n_segments = 2 };
	marks_assign(&before, &after);
	assert_int_equal(first[0].mark, 1);
	assert_int_equal(first[1].mark, 2);
}

/* As many as there can be, all of other names: marks are used again, each once. */
static void marks_do_not_run_out(void **state)
{
	struct ipc_segment old[200], new[200];
	char names[400][8];
	bool seen[256] = { false };
	for (unsigned i = 0; i < 200; i++) {
		snprintf(names[i], sizeof(names[i]), "o%u", i);
		snprintf(names[200 + i], sizeof(names[i]), "n%u", i);
		old[i] = (struct ipc_segment){ .name = names[i], .mark = (uint8_t)(i + 1) };
		new[i] = (struct ipc_segment){ .name = names[200 + i], .mark = (uint8_t)(i + 1) };
	}
	const struct ipc_segments before = { .segments = old, .n_segments = 200 };
	struct ipc_segments after = { .segments = new, .n_segments = 200 };
	marks_assign(&before, &after);
	for (size_t i = 0; i < 200; i++) {
		assert_in_range(new[i].mark, 1, 200);
		assert_false(seen[new[i].mark]);
		seen[new[i].mark] = true;
	}
}

static void the_server_hears_its_own_numbers(void **state)
{
	struct ipc_segment sent[] = { SEGMENT("extra", 1), SEGMENT("staff", 2) };
	struct ipc_segment ours[] = { SEGMENT("staff", 7), SEGMENT("extra", 9), SEGMENT("gone", 2) };
	const struct ipc_segments theirs = { .segments = sent, .n_segments = 2 };
	const struct ipc_segments in_force = { .segments = ours, .n_segments = 3 };
	struct ipc_placement placements[] = { { .mark = 2 }, { .mark = 1 }, { .mark = 3 } };
	struct ipc_segment_counter counted[] = { { .mark = 2, .passed_packets = 5 },
		{ .mark = 7, .passed_packets = 6 } };
	struct ipc_counters counters = { .segments = counted, .n_segments = 2 };
	struct marks m;
	marks_learn(&m, &theirs, &in_force);
	marks_from_server(&m, placements, 3);
	assert_int_equal(placements[0].mark, 7);
	assert_int_equal(placements[1].mark, 9);
	assert_int_equal(placements[2].mark, 0);
	marks_to_server(&m, &counters);
	assert_int_equal(counters.n_segments, 1);
	assert_int_equal(counters.segments[0].mark, 2);
	assert_int_equal(counters.segments[0].passed_packets, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_keep_their_marks),
		cmocka_unit_test(the_first_policy_leaves_the_initial_mark),
		cmocka_unit_test(marks_do_not_run_out),
		cmocka_unit_test(the_server_hears_its_own_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
