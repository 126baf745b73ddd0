/* SPDX-License-Identifier: ISC */
#include "posture/os_release.h"
#include "tests/unit/test.h"

#include <string.h>

static void assert_same(const char *got, const char *want)
{
	if (want) {
		assert_non_null(got);
		assert_string_equal(got, want);
	} else {
		assert_null(got);
	}
}

static void reads_the_table(void **state)
{
	static const struct {
		const char *text, *id, *version, *codename, *name;
	} rows[] = {
		{ "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian "
		  "GNU/Linux\"\nVERSION_ID=\"12\"\n"
		  "VERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n",
		        "debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)" },
		{ "ID=alpine\nNAME='Alpine Linux'\nVERSION_ID=3.19.1", "alpine", "3.19.1", NULL,
		        "Alpine Linux" },
		{ "# ID=comment\n\n  ID=indented  \n", "indented", NULL, NULL, NULL },
		{ "NAME=\"a \\\"b\\\" \\$c \\n\"\n", NULL, NULL, NULL, "a \"b\" $c \\n" },
		{ "NAME='a \\b'\n", NULL, NULL, NULL, "a \\b" },
		{ "NAME=a\\ b'c 'd\n", NULL, NULL, NULL, "a bc d" },
		{ "ID=\"open\nVERSION_ID=1\n", NULL, "1", NULL, NULL },
		{ "ID=two words\nID_LIKE=debian\nXID=x\n", NULL, NULL, NULL, NULL },
		{ "ID=\nID\n=\n", NULL, NULL, NULL, NULL },
		{ "ID=first\nID=last\n", "last", NULL, NULL, NULL },
		{ "NAME=\"escape \x1b[2J\"\n", NULL, NULL, NULL, "escape ?[2J" },
		{ "", NULL, NULL, NULL, NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = posture_new();
		os_release_read_text(rows[i].text, strlen(rows[i].text), p);
		assert_same(p->os_id, rows[i].id);
		assert_same(p->os_version, rows[i].version);
		assert_same(p->os_codename, rows[i].codename);
		assert_same(p->os_name, rows[i].name);
		posture_free(p);
	}
}

static void a_value_of_any_length_fits_or_is_skipped(void **state)
{
	for (size_t n = POSTURE_STRING_MAX - 8; n < POSTURE_STRING_MAX + 8; n++) {
		char text[POSTURE_STRING_MAX + 16] = "ID=";
		memset(text + 3, 'x', n);
		struct posture *p = posture_new();
		os_release_read_text(text, 3 + n, p);
		assert_true(!p->os_id || strlen(p->os_id) == n);
		assert_true((p->os_id != NULL) == (n < POSTURE_STRING_MAX));
		posture_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_table),
		cmocka_unit_test(a_value_of_any_length_fits_or_is_skipped),
	};
	return cmocka_run_group_tests_name("os_release", tests, NULL, NULL);
}
