/* SPDX-License-Identifier: ISC */
/* The anti-replay window by itself: RFC 4303 3.4.3 and appendix A2. */
#include "proto/esp/replay.h"
#include "tests/unit/test.h"

#include <string.h>

#define LOW_MAX UINT64_C(0xffffffff)
#define HIGH(n) ((uint64_t)(n) << 32)
#define STEPS_MAX 8

struct step {
	uint64_t sequence;
	bool accepted;
};

static const struct {
	const char *what;
	uint32_t window;
	uint64_t top;
	struct step steps[STEPS_MAX]; /* up to the first 0 that is not the first */
} rows[] = {
	{ "zero is never sent", 32, 0, { { 0, false }, { 1, true } } },
	{ "in order, and twice", 32, 0,
	        { { 1, true }, { 2, true }, { 2, false }, { 1, false }, { 3, true } } },
	{ "out of order within the window", 32, 0,
	        { { 40, true }, { 9, true }, { 9, false }, { 39, true }, { 10, true } } },
	{ "left of the window", 32, 0,
	        { { 40, true }, { 8, false }, { 9, true }, { 41, true }, { 9, false }, { 10, true } } },
	{ "just inside of 64", 64, 0,
	        { { 64, true }, { 1, true }, { 65, true }, { 1, false }, { 2, true } } },
	{ "a jump by the window", 64, 0,
	        { { 1, true }, { 65, true }, { 1, false }, { 2, true }, { 64, true }, { 65, false } } },
	{ "a jump by the whole ring", 64, 0,
	        { { 5, true }, { 8192 + 5, true }, { 8192 + 4, true }, { 8192 + 5, false },
	                { 8192 - 58, true }, { 8192 - 59, false } } },
	{ "a jump by very much", 4096, 0,
	        { { 7, true }, { LOW_MAX, true }, { LOW_MAX - 4095, true }, { LOW_MAX - 4096, false },
	                { LOW_MAX - 64, true }, { LOW_MAX - 64, false } } },
	{ "an odd window", 100, 0,
	        { { 1000, true }, { 900, false }, { 901, true }, { 901, false }, { 999, true } } },
	{ "taken over: nothing old comes back", 64, 1000,
	        { { 1000, false }, { 990, false }, { 1001, true }, { 999, false }, { 1064, true },
	                { 1002, true } } },
	{ "taken over within a word", 64, 100,
	        { { 101, true }, { 127, true }, { 128, true }, { 102, true }, { 99, false } } },
	{ "a jump by everything, which must not take its time", 64, 0,
	        { { UINT64_MAX, true }, { UINT64_MAX - 63, true }, { UINT64_MAX - 64, false } } },
	{ "the last one", 64, HIGH(LOW_MAX) + LOW_MAX - 1, { { UINT64_MAX, true }, { UINT64_MAX, false } } },
};

static void test_steps(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct esp_replay r;
		esp_replay_init(&r, rows[i].window, true, rows[i].top);
		for (size_t n = 0; n < STEPS_MAX && (n == 0 || rows[i].steps[n].sequence); n++) {
			const struct step *step = &rows[i].steps[n];
			bool is_new = esp_replay_is_new(&r, step->sequence);
			if (is_new != step->accepted ||
			        esp_replay_accept(&r, step->sequence) != step->accepted)
				fail_msg("%s: step %zu", rows[i].what, n);
		}
	}
}

static const struct {
	const char *what;
	uint32_t window;
	uint64_t top;
	uint32_t low;
	uint64_t inferred; /* 0: there is none */
} inferences[] = {
	{ "the first packet", 64, 0, 1, 1 },
	{ "before the first there is no subspace", 64, 0, 0xffffffff, 0 },
	{ "case B at the beginning: right of the top", 64, 10, 11, 11 },
	{ "case B at the beginning: far right", 64, 10, 0x80000000, 0x80000000 },
	{ "case B at the beginning: what would be in subspace -1", 64, 10, (uint32_t)(10 - 63), 0 },
	{ "case A: within the window", 64, 1000, 937, 937 },
	{ "case A: left of the window means the next subspace", 64, 1000, 936, HIGH(1) + 936 },
	{ "case A: right of the top", 64, 1000, 5000, 5000 },
	{ "case A at its edge: the left edge is number zero, which never was", 64, 63, 0, 0 },
	{ "about to wrap", 64, LOW_MAX, 0, HIGH(1) },
	{ "about to wrap, late packet", 64, LOW_MAX, 0xffffffc0, 0xffffffc0 },
	{ "about to wrap, too late", 64, LOW_MAX, 0xffffffbf, HIGH(1) + 0xffffffbf },
	{ "just wrapped: late one of the elder subspace", 64, HIGH(1) + 5, 0xfffffff0, 0xfffffff0 },
	{ "just wrapped: left edge", 64, HIGH(1) + 5, (uint32_t)(5 - 63), LOW_MAX - 57 },
	{ "just wrapped: left of it is far right", 64, HIGH(1) + 5, (uint32_t)(5 - 64),
	        HIGH(1) + LOW_MAX - 58 },
	{ "just wrapped: right of the top", 64, HIGH(1) + 5, 6, HIGH(1) + 6 },
	{ "number 2^32 itself", 64, HIGH(1), 0, HIGH(1) },
	{ "in the last subspace nothing wraps", 64, HIGH(LOW_MAX) + 1000, 10, 0 },
	{ "the last number", 64, HIGH(LOW_MAX) + 1000, 0xffffffff, UINT64_MAX },
	{ "a long window over the edge", 4096, HIGH(7) + 4094, 0xffffffff, HIGH(6) + LOW_MAX },
	{ "a long window just past it", 4096, HIGH(7) + 4095, 0xffffffff, HIGH(7) + LOW_MAX },
};

static void test_infer(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(inferences); i++) {
		struct esp_replay r;
		uint64_t got = 0;
		esp_replay_init(&r, inferences[i].window, true, inferences[i].top);
		bool there = esp_replay_infer(&r, inferences[i].low, &got);
		uint64_t expected = inferences[i].inferred;
		if (there != (expected != 0) || (there && got != expected))
			fail_msg("%s: %016llx", inferences[i].what, (unsigned long long)got);
	}
}

static void test_infer_without_esn(void **state)
{
	struct esp_replay r;
	uint64_t got;
	esp_replay_init(&r, 64, false, 1000);
	assert_false(esp_replay_infer(&r, 0, &got));
	assert_true(esp_replay_infer(&r, 5, &got));
	assert_int_equal(got, 5);
	assert_true(esp_replay_infer(&r, 0xffffffff, &got));
	assert_int_equal(got, LOW_MAX);
}

/* What a window must be, slowly: a list of all numbers that were accepted. */
static bool model_accept(uint8_t *seen, uint64_t base, uint64_t *top, uint32_t window, uint64_t sequence)
{
	if (sequence == 0 || (*top >= window && sequence <= *top - window) || seen[sequence - base])
		return false;
	seen[sequence - base] = 1;
	*top = MAX(*top, sequence);
	return true;
}

/* Around a change of subspace, through the inference, against the model. */
static void test_against_model(void **state)
{
	static const uint32_t windows[] = { 32, 33, 63, 64, 65, 100, 127, 128, 1000, 4096 };
	enum { SPAN = 40000 };
	for (size_t w = 0; w < ARRAY_LENGTH(windows); w++) {
		uint64_t base = HIGH(3) - SPAN / 2, top = base, random = w + 1;
		uint8_t *seen = xcalloc(SPAN * 2, 1);
		struct esp_replay r;
		esp_replay_init(&r, windows[w], true, top);
		memset(seen, 1, 1);
		while (top < base + SPAN) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
			uint64_t back = (random >> 40) % windows[w],
			         ahead = (random >> 33) % 97 ? 2 : windows[w] * 2;
			uint64_t sequence = MAX(top + ahead - MIN(back, top + ahead - base), base + 1),
			         got = 0;
			if (sequence <= top && top - sequence >= windows[w])
				continue;
			assert_true(esp_replay_infer(&r, (uint32_t)sequence, &got));
			assert_int_equal(got, sequence);
			/* Numbers at or below the first top count as seen; the model has only the top itself
			 * so. */
			assert_int_equal(esp_replay_accept(&r, got),
			        model_accept(seen, base, &top, windows[w], sequence));
			assert_int_equal(r.top, top);
		}
		free(seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_infer),
		cmocka_unit_test(test_infer_without_esn),
		cmocka_unit_test(test_against_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
