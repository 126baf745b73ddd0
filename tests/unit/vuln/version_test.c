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
	{ VERSION_MAVEN, "1", "=", "1.0.0-ga" },
	{ VERSION_MAVEN, "1.0.RC1", "<", "1.0.Final" },
	{ VERSION_MAVEN, "1-rc-2", "=", "1.0.0CR2" },
	{ VERSION_MAVEN, "1-alpha2", "<", "1-alpha10" },
	{ VERSION_MAVEN, "1a", ">", "1a1" },
	{ VERSION_MAVEN, "1-sp", ">", "1" },
	{ VERSION_MAVEN, "1-SNAPSHOT", ">", "1-rc" },
	{ VERSION_MAVEN, "1-jre", "<", "1-1" },
	{ VERSION_MAVEN, "1-1", "<", "1.1" },
	{ VERSION_MAVEN, "2.0.0.1", ">", "2" },
	{ VERSION_GEM, "1.0", "=", "1" },
	{ VERSION_GEM, "1.0.0.pre1", "<", "1.0.0" },
	{ VERSION_GEM, "1.0-1", "<", "1.0" },
	{ VERSION_GEM, "1.a.0.b", "<", "1.a" },
	{ VERSION_GEM, "1.a.0.1", ">", "1.a" },
	{ VERSION_GEM, "1.a.0.1", "<", "1.a.1" },
	{ VERSION_GEM, "1.0.0.0.1", ">", "1" },
	{ VERSION_NUGET, "1.0", "=", "1.0.0.0+x" },
	{ VERSION_NUGET, "1.0.0.1", ">", "1.0.0" },
	{ VERSION_NUGET, "1.0-RC.2", "<", "1.0-rc.10" },
	{ VERSION_PACKAGIST, "1.0-dev", "<", "1.0a1" },
	{ VERSION_PACKAGIST, "1.0rc1", "<", "1.0" },
	{ VERSION_PACKAGIST, "1.0pl1", ">", "1.0" },
	{ VERSION_PACKAGIST, "1.0pl1", ">", "1.0.1" },
	{ VERSION_PACKAGIST, "v1.0", "=", "1-0" },
	{ VERSION_HACKAGE, "1.0", "<", "1.0.0" },
	{ VERSION_HACKAGE, "1.10", ">", "1.9" },
	{ VERSION_CRAN, "1.0-2", "=", "1.0.2" },
	{ VERSION_CRAN, "0.9", "<", "0.75" },
	{ VERSION_PUB, "1.0.0+1", "<", "1.0.0+2" },
	{ VERSION_PUB, "1.0.0", "<", "1.0.0+0" },
	{ VERSION_PUB, "1.0.0-a+z", "<", "1.0.0" },
	{ VERSION_ALPM, "1.0", "=", "1.0-2" },
	{ VERSION_ALPM, "1.0-1", "<", "1.0-2" },
	{ VERSION_ALPM, "1.0rc1", "<", "1.0" },
	{ VERSION_ALPM, "1.0.rc1", ">", "1.0" },
	{ VERSION_ALPM, "1:0.1", ">", "9" },
	{ VERSION_GENTOO, "1.01", "<", "1.1" },
	{ VERSION_GENTOO, "1.010", "=", "1.01" },
	{ VERSION_GENTOO, "1_rc2", "<", "1" },
	{ VERSION_GENTOO, "1_p", "=", "1_p0" },
	{ VERSION_GENTOO, "1-r0", "=", "1" },
	{ VERSION_CONAN, "1.1.1k", "<", "1.1.1l" },
	{ VERSION_CONAN, "9d", "<", "10" },
	{ VERSION_CONAN, "1.0-pre", "<", "1" },
	{ VERSION_CONAN, "1.0+b", ">", "1" },
	{ VERSION_OPENSSL, "1.0.2z", "<", "1.0.2za" },
	{ VERSION_OPENSSL, "1.1.1-pre9", "<", "1.1.1" },
	{ VERSION_OPENSSL, "1.1.1a-dev", ">", "1.1.1" },
	{ VERSION_NGINX, "1.9.10", ">", "1.9.9" },
	{ VERSION_INTDOT, "1.2", "<", "1.2.0" },
	{ VERSION_DATETIME, "2024-02-29T23:59:60Z", "=", "2024-03-01T00:00:00Z" },
	{ VERSION_DATETIME, "0000-01-01T00:00:00+23:59", "<", "0000-01-01T00:00:00Z" },
	{ VERSION_DATETIME, "2024-01-01T00:00:00.5Z", "<", "2024-01-01T00:00:00.51Z" },
	{ VERSION_LEXICOGRAPHIC, "10", "<", "9" },
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
	{ VERSION_MAVEN, "1 0" },
	{ VERSION_GEM, "a" },
	{ VERSION_GEM, "1." },
	{ VERSION_GEM, "1_0" },
	{ VERSION_NUGET, "1.2.3.4.5" },
	{ VERSION_NUGET, "1..2" },
	{ VERSION_PACKAGIST, "1.#" },
	{ VERSION_HACKAGE, "1.0-1" },
	{ VERSION_CRAN, "1.0a" },
	{ VERSION_PUB, "1.2" },
	{ VERSION_ALPM, "1." },
	{ VERSION_ALPM, "1-" },
	{ VERSION_GENTOO, "1_q" },
	{ VERSION_GENTOO, "1-1" },
	{ VERSION_OPENSSL, "1.0.2k-fips" },
	{ VERSION_INTDOT, "1.x" },
	{ VERSION_DATETIME, "2023-02-29T00:00:00Z" },
	{ VERSION_DATETIME, "2024-01-01" },
	{ VERSION_DATETIME, "2024-01-01T00:00:00" },
	{ VERSION_LEXICOGRAPHIC, "a\tb" },
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

/* What keys cannot order as the tool does: Maven's circle, which its own comparison keeps, and pacman's
 * release. */
static void compares_as_the_tool_does(void **state)
{
	struct version_key rc, release, later;
	check_row(VERSION_MAVEN, "1.0.rc1", '<', "1");
	check_row(VERSION_MAVEN, "1", '<', "1-1");
	check_row(VERSION_MAVEN, "1-1", '<', "1.0.rc1");
	assert_int_equal(version_key_make(VERSION_MAVEN, "1.0.rc1", &rc, NULL), 0);
	assert_int_equal(version_key_make(VERSION_MAVEN, "1", &release, NULL), 0);
	assert_int_equal(version_key_make(VERSION_MAVEN, "1-1", &later, NULL), 0);
	assert_true(version_key_order(&rc, &release) < 0 && version_key_order(&release, &later) < 0 &&
	        version_key_order(&rc, &later) < 0);
	check_row(VERSION_ALPM, "1.0-1", '=', "1.0");
	check_row(VERSION_ALPM, "1.0", '=', "1.0-2");
}

static void orders_loosely_what_is_not_valid(void **state)
{
	static const struct row loose[] = {
		{ VERSION_SEMVER, " =v1.2.3beta", "<", "1.2.3" },
		{ VERSION_SEMVER, "1.2", "=", "1.2.0" },
		{ VERSION_SEMVER, "1.2.3.4", "=", "1.2.3" },
		{ VERSION_PUB, "1.2.3.4", ">", "1.2.3" },
		{ VERSION_PYPI, "2004d", "<", "0.dev0" },
		{ VERSION_PYPI, "1.0-foo", "<", "1.1-foo" },
		{ VERSION_APK, "1.2_foo", "<", "1.2" },
		{ VERSION_APK, "1..2", "<", "1.0" },
		{ VERSION_PACKAGIST, "1.#", "=", "1.5" },
		{ VERSION_PACKAGIST, "1.#", "=", "1" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(loose); i++) {
		int order, back;
		const struct row *row = &loose[i];
		assert_int_equal(version_compare(row->e, row->a, row->b, &order, NULL), -EINVAL);
		assert_int_equal(version_compare_loosely(row->e, row->a, row->b, &order, NULL), 0);
		assert_int_equal(version_compare_loosely(row->e, row->b, row->a, &back, NULL), 0);
		if (order_sign(order) != *row->order || (order < 0) != (back > 0))
			fail_msg("%s %s %s: got %c", row->a, row->order, row->b, order_sign(order));
	}
	int order;
	assert_int_equal(version_compare_loosely(VERSION_DPKG, "1", "a", &order, NULL), -EINVAL);
	assert_int_equal(version_compare_loosely(VERSION_SEMVER, "x", "1.0.0", &order, NULL), -EINVAL);
}

/* The longest version of the densest kinds fits its key; one byte more is refused. */
static void bounds_the_length(void **state)
{
	static const struct {
		enum version_ecosystem e;
		const char *unit;
	} dense[] = { { VERSION_DPKG, "1a" }, { VERSION_DPKG, "1" }, { VERSION_RPM, "1a" },
		{ VERSION_RPM, "1~" }, { VERSION_PYPI, "1." }, { VERSION_MAVEN, "1a" },
		{ VERSION_MAVEN, "1.a" }, { VERSION_MAVEN, "0." }, { VERSION_MAVEN, "1x" },
		{ VERSION_GEM, "1a" }, { VERSION_GEM, "1a0b" }, { VERSION_GEM, "0." },
		{ VERSION_PACKAGIST, "1p" }, { VERSION_HACKAGE, "1." }, { VERSION_CRAN, "1-" },
		{ VERSION_ALPM, "1a" }, { VERSION_ALPM, "1.a" }, { VERSION_GENTOO, "1." },
		{ VERSION_CONAN, "1." }, { VERSION_CONAN, "a." }, { VERSION_OPENSSL, "1." },
		{ VERSION_LEXICOGRAPHIC, "x" } };
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

/* Whatever is repeated up to the limit, a key is whole, or there is none: one that was cut would equal
 * others. */
static void no_key_is_cut(void **state)
{
	static const char *const units[] = { "0", "9", "a", "A", "~", "^", "+", "-", ".", "_", ":", "1.",
		"a.", "0.", "1-", "-1", "-a", "~1", "^1", "1a", "a1", ".0", "_p", "_p1", "alpha", "rc", "1rc",
		"-SNAPSHOT", "-a.", "!", "post1", "dev", "\xc3\xa9", "sp", "ga-", "0-0.", "~~", "#", "1-1.",
		"-0", "x-0" };
	static const char *const fronts[] = { "", "1", "1.2.3-", "0:1-", "1!2" };
	for (unsigned e = 0; e < VERSION_ECOSYSTEMS; e++)
		for (size_t i = 0; i < ARRAY_LENGTH(units) * ARRAY_LENGTH(fronts); i++) {
			const char *unit = units[i / ARRAY_LENGTH(fronts)];
			char text[VERSION_MAX + 1];
			const char *front = fronts[i % ARRAY_LENGTH(fronts)];
			size_t at = strlen(front), n = strlen(unit);
			memcpy(text, front, at);
			for (; at + n <= VERSION_MAX; at += n)
				memcpy(text + at, unit, n);
			text[at] = '\0';
			struct version_key key;
			if (version_key_make_loosely(e, text, &key, NULL) == 0 &&
			        key.length >= VERSION_KEY_MAX)
				fail_msg("%s: \"%.20s...\" has a key that is cut", version_ecosystem_name(e),
				        text);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_our_table),
		cmocka_unit_test(refuses_what_the_tool_refuses),
		cmocka_unit_test(compares_as_the_tool_does),
		cmocka_unit_test(orders_loosely_what_is_not_valid),
		cmocka_unit_test(bounds_the_length),
		cmocka_unit_test(no_key_is_cut),
	};
	return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
