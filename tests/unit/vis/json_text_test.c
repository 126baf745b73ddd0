/* SPDX-License-Identifier: ISC */
#include "tests/unit/test.h"
#include "vis/json_text.h"

#include <jansson.h>
#include <string.h>

static char *written(struct writer *w)
{
	size_t length;
	wr_u8(w, '\0');
	return (char *)wr_take(w, &length);
}

/* Whatever a string holds, what is written is JSON, and says the same where the string is UTF-8. */
static void strings(void **state)
{
	static const struct {
		const char *text, *read;
	} rows[] = {
		{ "", NULL },
		{ "plain", NULL },
		{ "\"quoted\" \\ back/slash", NULL },
		{ "\x01\n\t\x1f\x7f", NULL },
		{ "zw\xc3\xb6lf \xe2\x82\xac \xf0\x9f\x8c\x8d \xed\x9f\xbf", NULL },
		{ "\xff", "?" },
		{ "a\xc3", "a?" },
		{ "\xc0\xaf", "??" },
		{ "\xe0\x80\x80", "???" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80", "????" },
		{ "\xf0\x9f\x8c", "???" },
		{ "\x80z", "?z" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct writer w = wr_make(1000);
		json_put_string(&w, rows[i].text);
		char *text FREE_ON_EXIT = written(&w);
		json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
		if (!json)
			fail_msg("row %zu: %s", i, text);
		assert_string_equal(json_string_value(json), rows[i].read ? rows[i].read : rows[i].text);
		json_decref(json);
	}
}

static void objects(void **state)
{
	struct writer w = wr_make(1000);
	json_put(&w, "{");
	json_put_member(&w, true, "a", "1");
	json_put_member(&w, false, "b", NULL);
	json_put(&w, ",\"t\":[");
	json_put_time(&w, 0);
	json_put(&w, ",");
	json_put_time(&w, 1767225600000);
	json_put(&w, ",");
	json_put_time(&w, 1767225600007);
	json_put(&w, "]}");
	char *text FREE_ON_EXIT = written(&w);
	assert_string_equal(text,
	        "{\"a\":\"1\",\"b\":null,\"t\":[null,\"2026-01-01T00:00:00Z\",\"2026-01-01T00:00:00.007Z\"]"
	        "}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings),
		cmocka_unit_test(objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
