/* SPDX-License-Identifier: ISC */
/* Version orders against our own tables; those of third parties are in shared_version_test.c. */
#include "tests/unit/vuln/version_row.h"

#include <errno.h>
#include <limits.h>

struct row {
	enum version_ecosystem e;
	const char *a;
	const char *order;
	const char *b;
};

static const struct row rows[] = {
	{ VERSION_DPKG, "1.0", "=", "1.0-0" },
	{ VERSION_DPKG, "0:1.0", "=", "1.0" },
	{ VERSION_DPKG, "1.0~rc1", "<", "1.0" },
	{ VERSION_DPKG, "1.0~~", "<", "1.0~" },
	{ VERSION_DPKG, "1.0", "<", "1.0a" },
	{ VERSION_DPKG, "1.0a", "<", "1.0+" },
	{ VERSION_DPKG, "1.0-1+deb12u9", "<", "1.0-1+deb12u10" },
	{ VERSION_DPKG, "9.9", "<", "1:0.1" },
	{ VERSION_DPKG, "1.010", "=", "1.10" },
	{ VERSION_DPKG, "1-1-1", ">", "1-1" },
	{ VERSION_DPKG, "1.2-1~bpo1", "<", "1.2-1" },
	{ VERSION_DPKG, " 1.0 ", "=", "1.0" },
	{ VERSION_RPM, "1.0~rc1", "<", "1.0" },
	{ VERSION_RPM, "1.0^git1", ">", "1.0" },
	{ VERSION_RPM, "1.0^git1", "<", "1.0.1" },
	{ VERSION_RPM, "1.a", "<", "1.1" },
	{ VERSION_RPM, "1.0", "=", "1_0" },
	{ VERSION_RPM, "1-1", ">", "1" },
	{ VERSION_RPM, "1:1-1", ">", "2-1" },
	{ VERSION_RPM, "0:1-1", "=", "1-1" },
	{ VERSION_RPM, "4.18.0-193.el8", "<", "4.18.0-193.1.2.el8_2" },
	{ VERSION_APK, "1.2_rc1", "<", "1.2" },
	{ VERSION_APK, "1.2_p1", ">", "1.2" },
	{ VERSION_APK, "1.2-r9", "<", "1.2-r10" },
	{ VERSION_APK, "1.2-r9", "<", "1.2.0" },
	{ VERSION_APK, "1.10", ">", "1.9" },
	{ VERSION_APK, "1.05", "<", "1.1" },
	{ VERSION_APK, "8.2.0015", "<", "8.2.002" },
	{ VERSION_APK, "1.2b", ">", "1.2" },
	{ VERSION_APK, "1.2~abc-r0", ">", "1.2-r5" },
	{ VERSION_APK, "6.6.2p1", "<", "6.6.2p2" },
	{ VERSION_SEMVER, "1.0.0-alpha", "<", "1.0.0-alpha.1" },
	{ VERSION_SEMVER, "1.0.0-alpha.1", "<", "1.0.0-alpha.beta" },
	{ VERSION_SEMVER, "1.0.0-rc.1", "<", "1.0.0" },
	{ VERSION_SEMVER, "1.0.0-2", "<", "1.0.0-10" },
	{ VERSION_SEMVER, "1.0.0-10", "<", "1.0.0-a" },
	{ VERSION_SEMVER, "1.0.0+a", "=", "1.0.0+b" },
	{ VERSION_SEMVER, "v1.10.0", ">", "1.9.9" },
	{ VERSION_PYPI, "1.0", "=", "1.0.0" },
	{ VERSION_PYPI, "1.0.dev1", "<", "1.0a1" },
	{ VERSION_PYPI, "1.0a1.dev1", "<", "1.0a1" },
	{ VERSION_PYPI, "1.0c1", "=", "1.0rc1" },
	{ VERSION_PYPI, "1.0-1", "=", "1.0.post1" },
	{ VERSION_PYPI, "1.0.post1.dev1", "<", "1.0.post1" },
	{ VERSION_PYPI, "1!0", ">", "99" },
	{ VERSION_PYPI, "1.0+abc.5", "<", "1.0+abc.10" },
	{ VERSION_PYPI, "1.0+abc", "<", "1.0+5" },
	{ VERSION_PYPI, "V1.0-ALPHA_1", "=", "1a1" },
};

static const struct {
	enum version_ecosystem e;
	const char *version;
} invalid[] = {
	{ VERSION_DPKG, "" },
	{ VERSION_DPKG, "abc" },
	{ VERSION_DPKG, "1:" },
	{ VERSION_DPKG, ":1" },
	{ VERSION_DPKG, "1-" },
	{ VERSION_DPKG, "1_0" },
	{ VERSION_DPKG, "1 0" },
	{ VERSION_DPKG, "1-0_1" },
	{ VERSION_DPKG, "2147483648:1" },
	{ VERSION_DPKG, "-1:1" },
	{ VERSION_DPKG, "1:~1" },
	{ VERSION_RPM, "" },
	{ VERSION_RPM, "1 2" },
	{ VERSION_RPM, "1\t" },
	{ VERSION_APK, "" },
	{ VERSION_APK, "a" },
	{ VERSION_APK, "1..2" },
	{ VERSION_APK, "1.2_foo" },
	{ VERSION_APK, "1.2-r" },
	{ VERSION_APK, "1.2-1" },
	{ VERSION_APK, "1.0bc" },
	{ VERSION_APK, "1~" },
	{ VERSION_SEMVER, "" },
	{ VERSION_SEMVER, "1" },
	{ VERSION_SEMVER, "1.2" },
	{ VERSION_SEMVER, "1.2.3.4" },
	{ VERSION_SEMVER, "01.2.3" },
	{ VERSION_SEMVER, "1.2.3-" },
	{ VERSION_SEMVER, "1.2.3-01" },
	{ VERSION_SEMVER, "1.2.3-a..b" },
	{ VERSION_SEMVER, "9007199254740992.0.0" },
	{ VERSION_PYPI, "" },
	{ VERSION_PYPI, "abc" },
	{ VERSION_PYPI, "1.0." },
	{ VERSION_PYPI, "1.0+" },
	{ VERSION_PYPI, "1.0-foo" },
	{ VERSION_PYPI, "1!" },
	{ VERSION_PYPI, "1.0+a..b" },
};

static void orders_our_table(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_row(rows[i].e, rows[i].a, rows[i].order[0], rows[i].b);
}

static void refuses_what_the_tool_refuses(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(invalid); i++) {
		struct error err = { "" };
		struct version_key key;
		if (version_key_make(invalid[i].e, invalid[i].version, &key, &err) != -EINVAL)
			fail_msg("%s: \"%s\" was taken", version_ecosystem_name(invalid[i].e),
			        invalid[i].version);
		assert_true(strlen(err.text) > 0);
	}
}

/* The longest version of the densest kinds fits its key; one byte more is refused. */
static void bounds_the_length(void **state)
{
	static const struct {
		enum version_ecosystem e;
		const char *unit;
	} dense[] = { { VERSION_DPKG, "1a" }, { VERSION_DPKG, "1" }, { VERSION_RPM, "1a" },
		{ VERSION_RPM, "1~" }, { VERSION_PYPI, "1." } };
	for (size_t i = 0; i < ARRAY_LENGTH(dense); i++) {
		char text[VERSION_MAX + 2];
		for (size_t at = 0; at <= VERSION_MAX; at++)
			text[at] = dense[i].unit[at % strlen(dense[i].unit)];
		text[VERSION_MAX + 1] = '\0';
		struct version_key key;
		assert_int_equal(version_key_make(dense[i].e, text, &key, NULL), -EINVAL);
		text[VERSION_MAX - 1] = '\0';
		assert_int_equal(version_key_make(dense[i].e, text, &key, NULL), 0);
		assert_true(key.length < VERSION_KEY_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_our_table),
		cmocka_unit_test(refuses_what_the_tool_refuses),
		cmocka_unit_test(bounds_the_length),
	};
	return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
