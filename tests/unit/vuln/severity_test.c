/* SPDX-License-Identifier: ISC */
/* Scores of CVSS vectors: those of the specifications' own examples and of well-known CVEs. */
#include "tests/unit/test.h"
#include "vuln/severity.h"

#include <errno.h>

static const struct {
	const char *vector;
	int tenths; /* negative: an error */
} rows[] = {
	{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98 },
	{ "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98 },
	{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100 },
	{ "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 99 },
	{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61 },
	{ "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 78 },
	{ "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:N/A:N", 37 },
	{ "CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", 16 },
	{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0 },
	{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O", 98 },
	{ "AV:N/AC:L/Au:N/C:N/I:N/A:C", 78 },
	{ "AV:N/AC:L/Au:N/C:C/I:C/A:C", 100 },
	{ "AV:L/AC:H/Au:N/C:C/I:C/A:C", 62 },
	{ "AV:N/AC:M/Au:N/C:N/I:P/A:N", 43 },
	{ "AV:N/AC:L/Au:N/C:N/I:N/A:N", 0 },
	{ "", -EINVAL },
	{ "CVSS:3.1/", -EINVAL },
	{ "CVSS:3.1/AV:N", -EINVAL },
	{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:X", -EINVAL },
	{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/", -EINVAL },
	{ "CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", -EINVAL },
	{ "CVSS:3.1/AV:NN/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", -EINVAL },
	{ "CVSS:9.0/AV:N", -ENOTSUP },
};

static void scores(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int tenths = -1, r = cvss_score(rows[i].vector, &tenths);
		int got = r < 0 ? r : tenths;
		if (got != rows[i].tenths)
			fail_msg("%s: %d, expected %d", rows[i].vector, got, rows[i].tenths);
	}
}

static void ratings(void **state)
{
	assert_int_equal(severity_from_score(0), VULN_SEVERITY_LOW);
	assert_int_equal(severity_from_score(39), VULN_SEVERITY_LOW);
	assert_int_equal(severity_from_score(40), VULN_SEVERITY_MEDIUM);
	assert_int_equal(severity_from_score(69), VULN_SEVERITY_MEDIUM);
	assert_int_equal(severity_from_score(70), VULN_SEVERITY_HIGH);
	assert_int_equal(severity_from_score(89), VULN_SEVERITY_HIGH);
	assert_int_equal(severity_from_score(90), VULN_SEVERITY_CRITICAL);
}

static void words(void **state)
{
	assert_int_equal(severity_from_word("Important"), VULN_SEVERITY_HIGH);
	assert_int_equal(severity_from_word("MODERATE"), VULN_SEVERITY_MEDIUM);
	assert_int_equal(severity_from_word("unimportant"), VULN_SEVERITY_LOW);
	assert_int_equal(severity_from_word("not yet assigned"), VULN_SEVERITY_UNKNOWN);
	assert_int_equal(severity_from_word("end-of-life"), VULN_SEVERITY_UNKNOWN);
	enum vuln_severity s;
	for (int i = VULN_SEVERITY_UNKNOWN; i <= VULN_SEVERITY_CRITICAL; i++) {
		assert_int_equal(vuln_severity_parse(vuln_severity_name((enum vuln_severity)i), &s), 0);
		assert_int_equal(s, i);
	}
	assert_int_equal(vuln_severity_parse("HIGH", &s), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scores),
		cmocka_unit_test(ratings),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests_name("severity", tests, NULL, NULL);
}
