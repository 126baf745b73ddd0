/* SPDX-License-Identifier: ISC */
/* What VISes tell each other: what is written reads back, and what is malformed does not. */
#include "net/push_event.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct push_path path_of(const char *const *names, size_t n)
{
	struct push_path p = { .n = 0 }, longer;
	for (size_t i = n; i > 0; i--) {
		assert_int_equal(push_path_extend(&p, names[i - 1], &longer, NULL), 0);
		p = longer;
	}
	return p;
}

static const char *const two[] = { "mid", "root" };

/* Writes it and reads it back; the text of the data is in w. */
static int there_and_back(const struct push_event *e, struct writer *w, struct push_event *ret)
{
	assert_int_equal(push_event_write(w, e), 0);
	const struct sse_event sse = { e->is_index ? PUSH_TYPE_INDEX : PUSH_TYPE_PATH, "",
		(const char *)w->data, w->length };
	return push_event_read(&sse, ret, NULL);
}

static void an_index_comes_back_byte_for_byte(void **state)
{
	static const char index[] = "{\"payload\":\"e30=\",\"signatures\":[]}";
	static const uint8_t delta[] = { 0, 1, 2, 10, 13, 255 };
	struct push_event e = { .is_index = true,
		.path = path_of(two, 2),
		.repository = "central",
		.point = { 1, 403 },
		.index = { index, sizeof(index) - 1 },
		.files = { { delta, sizeof(delta) }, { delta, 1 } },
		.n_files = 2 };
	struct push_event got;
	struct writer w CLEANUP(wr_free) = wr_make(SSE_EVENT_MAX);
	assert_int_equal(there_and_back(&e, &w, &got), 0);
	assert_string_equal(got.repository, "central");
	assert_int_equal(tree_point_order(got.point, e.point), 0);
	assert_int_equal(got.path.n, 2);
	assert_string_equal(got.path.names[1], "root");
	assert_int_equal(got.index.length, sizeof(index) - 1);
	assert_memory_equal(got.index.bytes, index, sizeof(index) - 1);
	assert_int_equal(got.n_files, 2);
	assert_int_equal(got.files[0].length, sizeof(delta));
	assert_memory_equal(got.files[0].bytes, delta, sizeof(delta));
	assert_int_equal(got.files[1].length, 1);
	push_event_clear(&got);
}

static void what_does_not_fit_is_left_out(void **state)
{
	static char large[PUSH_FILE_MAX + 1], index[] = "{\n}";
	struct push_event e = { .is_index = true, .repository = "central", .index = { index, 3 } }, got;
	struct writer w CLEANUP(wr_free) = wr_make(SSE_EVENT_MAX);
	e.files[0] = (struct push_blob){ large, 10 };
	e.files[1] = (struct push_blob){ large, sizeof(large) };
	e.files[2] = (struct push_blob){ large, 10 };
	e.n_files = 3;
	assert_int_equal(there_and_back(&e, &w, &got), 0);
	assert_int_equal(got.n_files, 1);
	assert_int_equal(got.index.length, 0); /* it would be two lines */
	push_event_clear(&got);
	wr_reset(&w);
	for (e.n_files = 0; e.n_files < PUSH_FILES_MAX; e.n_files++)
		e.files[e.n_files] = (struct push_blob){ large, PUSH_FILE_MAX };
	assert_int_equal(there_and_back(&e, &w, &got), 0);
	assert_int_equal(got.n_files, PUSH_FILES_TOTAL / PUSH_FILE_MAX);
	push_event_clear(&got);
}

static void a_path_comes_back(void **state)
{
	struct push_event e = { .path = path_of(two, 2) }, got;
	struct writer w CLEANUP(wr_free) = wr_make(1000);
	assert_int_equal(there_and_back(&e, &w, &got), 0);
	assert_memory_equal(w.data, "{\"path\":[\"mid\",\"root\"]}", w.length);
	assert_int_equal(got.path.n, 2);
	assert_false(got.is_index);
	push_event_clear(&got);
}

static void loops_and_depth_are_refused(void **state)
{
	struct push_path p = path_of(two, 2), longer;
	struct error err;
	char text[PUSH_PATH_TEXT_SIZE], name[16];
	assert_int_equal(push_path_extend(&p, "root", &longer, &err), -ELOOP);
	assert_non_null(strstr(err.text, "mid < root"));
	assert_int_equal(push_path_extend(&p, "mid", &longer, &err), -ELOOP);
	for (p.n = 0; p.n < PUSH_PATH_MAX; p = longer) {
		snprintf(name, sizeof(name), "vis-%zu", p.n);
		assert_int_equal(push_path_extend(&p, name, &longer, &err), 0);
	}
	assert_int_equal(push_path_extend(&p, "one-more", &longer, &err), -ELOOP);
	assert_true(strlen(push_path_format(&p, text)) < sizeof(text));
}

static void malformed_events_are_refused(void **state)
{
#define HEAD "{\"repository\":\"central\",\"point\":\"1.4\",\"path\":[],\"files\":1}"
#define TWO_NAMES "{\"repository\":\"central\",\"repository\":\"site\","
	static const char *const bad[] = {
		"",
		"{}",
		"[]\n{}",
		HEAD,                    /* no index */
		HEAD "\n{}",             /* a delta lacks */
		HEAD "\n{}\n!!!!",       /* not base64 */
		HEAD "\n{}\nAA==\nAA==", /* one too many */
		"{\"repository\":\"../x\",\"point\":\"1.4\",\"path\":[],\"files\":0}\n{}",
		"{\"repository\":\"central\",\"point\":\"4\",\"path\":[],\"files\":0}\n{}",
		"{\"repository\":\"central\",\"point\":\"1.4\",\"path\":[],\"files\":-1}\n{}",
		"{\"repository\":\"central\",\"point\":\"1.4\",\"path\":[],\"files\":65}\n{}",
		"{\"repository\":\"central\",\"point\":\"1.4\",\"path\":[7],\"files\":0}\n{}",
		"{\"repository\":\"central\",\"point\":\"1.4\",\"path\":[\"a b\"],\"files\":0}\n{}",
		"{\"repository\":\"central\",\"point\":\"1.4\",\"path\":[\"\"],\"files\":0}\n{}",
		TWO_NAMES "\"point\":\"1.4\",\"path\":[],\"files\":0}\n{}",
		"{\"repository\":\"central\",\"point\":\"1.4\",\"files\":0}\n{}",
	};
	struct push_event e;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		const struct sse_event sse = { PUSH_TYPE_INDEX, "", bad[i], strlen(bad[i]) };
		assert_int_equal(push_event_read(&sse, &e, NULL), -EBADMSG);
	}
	const struct sse_event unknown = { "weather", "", "rain", 4 };
	assert_int_equal(push_event_read(&unknown, &e, NULL), -ENOENT);
	const struct sse_event path = { PUSH_TYPE_PATH, "", "{\"path\":\"x\"}", 12 };
	assert_int_equal(push_event_read(&path, &e, NULL), -EBADMSG);
}

static void positions_come_back(void **state)
{
	struct push_positions p = { .n = 0 }, got;
	char text[SSE_ID_MAX + 1];
	assert_true(push_positions_set(&p, "central", (struct tree_point){ 1, 402 }));
	assert_true(push_positions_set(&p, "site", (struct tree_point){ 2, 7 }));
	assert_true(push_positions_set(&p, "central", (struct tree_point){ 1, 403 }));
	assert_string_equal(push_positions_format(&p, text), "central:1.403,site:2.7");
	assert_int_equal(push_positions_parse(text, &got), 0);
	assert_int_equal(push_positions_get(&got, "site").generation, 7);
	assert_int_equal(push_positions_get(&got, "other").epoch, 0);
	assert_int_equal(push_positions_parse("", &got), 0);
	assert_int_equal(got.n, 0);
	static const char *const bad[] = { "central", "central:", ":1.2", "a:1.2,", "a:x", "a b:1.2",
		"a:1.2,,b:1.2" };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(push_positions_parse(bad[i], &got), -EINVAL);
	for (int i = 0; i < PUSH_REPOSITORIES_MAX; i++) {
		snprintf(text, sizeof(text), "r%d", i);
		(void)push_positions_set(&p, text, (struct tree_point){ 1, 1 });
	}
	assert_int_equal(p.n, PUSH_REPOSITORIES_MAX);
	assert_false(push_positions_set(&p, "one-more", (struct tree_point){ 1, 1 }));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_index_comes_back_byte_for_byte),
		cmocka_unit_test(what_does_not_fit_is_left_out),
		cmocka_unit_test(a_path_comes_back),
		cmocka_unit_test(loops_and_depth_are_refused),
		cmocka_unit_test(malformed_events_are_refused),
		cmocka_unit_test(positions_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
