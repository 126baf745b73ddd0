/* SPDX-License-Identifier: ISC */
#include "tests/unit/test.h"
#include "vuln/ecosystem.h"

#include <errno.h>
#include <string.h>

static void advisories_have_keys(void **state)
{
	static const struct {
		const char *osv, *key; /* NULL: not judged */
		enum version_ecosystem order;
	} rows[] = {
		{ "Debian:12", "Debian:12", VERSION_DPKG },
		{ "Ubuntu:22.04:LTS", "Ubuntu:22.04", VERSION_DPKG },
		{ "Alpine:v3.18", "Alpine:v3.18", VERSION_APK },
		{ "AlmaLinux:9", "AlmaLinux:9", VERSION_RPM },
		{ "Rocky Linux:9", "Rocky Linux:9", VERSION_RPM },
		{ "Red Hat:enterprise_linux:9::appstream", "Red Hat:enterprise_linux:9", VERSION_RPM },
		{ "Red Hat:rhel_eus:9.2::baseos", "Red Hat:rhel_eus:9.2::baseos", VERSION_RPM },
		{ "openSUSE:Leap 15.5", "openSUSE:Leap 15.5", VERSION_RPM },
		{ "openSUSE:Tumbleweed", "openSUSE:Tumbleweed", VERSION_RPM },
		{ "SUSE:Linux Enterprise Server 15 SP5", "SUSE:15 SP5", VERSION_RPM },
		{ "SUSE:Linux Enterprise Server 15 SP4-LTSS", "SUSE:15 SP4", VERSION_RPM },
		{ "SUSE:Linux Enterprise Module for Basesystem 15 SP5", "SUSE:15 SP5", VERSION_RPM },
		{ "SUSE:Linux Enterprise Server 15", "SUSE:15", VERSION_RPM },
		{ "SUSE:Linux Enterprise Server 12-LTSS", "SUSE:12", VERSION_RPM },
		{ "SUSE:Linux Enterprise Micro 5.5", "SUSE:Linux Enterprise Micro 5.5", VERSION_RPM },
		{ "SUSE:Linux Enterprise", "SUSE:Linux Enterprise", VERSION_RPM },
		{ "SUSE:Enterprise Storage 7", "SUSE:Enterprise Storage 7", VERSION_RPM },
		{ "Ubuntu:Pro:18.04:LTS", "Ubuntu:Pro:18.04", VERSION_DPKG },
		{ "openEuler:22.03-LTS-SP3", "openEuler:22.03-LTS-SP3", VERSION_RPM },
		{ "Mageia:9", "Mageia:9", VERSION_RPM },
		{ "Photon OS:5.0", "Photon OS:5.0", VERSION_RPM },
		{ "Alpaquita:stream", "Alpaquita:stream", VERSION_APK },
		{ "Maven", "Maven", VERSION_MAVEN },
		{ "Packagist:https://packages.drupal.org/8", "Packagist:https://packages.drupal.org/8",
		        VERSION_PACKAGIST },
		{ "OSS-Fuzz", NULL, 0 },
		{ "Android", NULL, 0 },
		{ "", NULL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char key[ECOSYSTEM_NAME_MAX];
		enum version_ecosystem order;
		int r = ecosystem_canonical(rows[i].osv, key, &order);
		assert_int_equal(r == 0, rows[i].key != NULL);
		if (!rows[i].key)
			continue;
		assert_string_equal(key, rows[i].key);
		assert_int_equal(order, rows[i].order);
	}
}

/* Where a node's packages are looked up; what has no place has a reason. */
static void packages_have_places(void **state)
{
	static const struct {
		const char *type, *os_id, *os_version, *key;
		enum ecosystem_naming naming;
	} rows[] = {
		{ "deb", "debian", "12", "Debian:12", ECOSYSTEM_BY_SOURCE },
		{ "deb", "ubuntu", "22.04", "Ubuntu:22.04", ECOSYSTEM_BY_SOURCE },
		{ "apk", "alpine", "3.18.4", "Alpine:v3.18", ECOSYSTEM_BY_SOURCE },
		{ "apk", "wolfi", "20230201", "Wolfi", ECOSYSTEM_BY_SOURCE },
		{ "rpm", "rocky", "9.3", "Rocky Linux:9", ECOSYSTEM_BY_SOURCE },
		{ "rpm", "almalinux", "9.3", "AlmaLinux:9", ECOSYSTEM_BY_NAME },
		{ "rpm", "rhel", "8.10", "Red Hat:enterprise_linux:8", ECOSYSTEM_BY_NAME },
		{ "rpm", "opensuse-leap", "15.5", "openSUSE:Leap 15.5", ECOSYSTEM_BY_SOURCE },
		{ "rpm", "opensuse-tumbleweed", "20240801", "openSUSE:Tumbleweed", ECOSYSTEM_BY_SOURCE },
		{ "rpm", "sles", "15.5", "SUSE:15 SP5", ECOSYSTEM_BY_SOURCE },
		{ "rpm", "sles", "15", "SUSE:15", ECOSYSTEM_BY_SOURCE },
		{ "rpm", "sles", NULL, NULL, 0 },
		{ "rpm", "fedora", "40", "Fedora:40", ECOSYSTEM_BY_NAME },
		{ "rpm", "openEuler", "22.03-LTS-SP3", "openEuler:22.03-LTS-SP3", ECOSYSTEM_BY_SOURCE },
		{ "rpm", "openeuler", "22.03 (LTS)", NULL, 0 },
		{ "rpm", "mageia", "9", "Mageia:9", ECOSYSTEM_BY_SOURCE },
		{ "rpm", "photon", "5.0", "Photon OS:5.0", ECOSYSTEM_BY_SOURCE },
		{ "rpm", "azurelinux", "3.0", "Azure Linux:3", ECOSYSTEM_BY_SOURCE },
		{ "rpm", "amzn", "2023", "Amazon Linux:2023", ECOSYSTEM_BY_NAME },
		{ "rpm", "sle-micro", "5.5", "SUSE:Linux Enterprise Micro 5.5", ECOSYSTEM_BY_SOURCE },
		{ "apk", "alpaquita", "stream", "Alpaquita:stream", ECOSYSTEM_BY_SOURCE },
		{ "apk", "alpaquita", "23.1", "Alpaquita:23", ECOSYSTEM_BY_SOURCE },
		{ "apk", "chainguard", NULL, "Chainguard", ECOSYSTEM_BY_SOURCE },
		{ "maven", NULL, NULL, "Maven", ECOSYSTEM_BY_NAME },
		{ "composer", "debian", "12", "Packagist", ECOSYSTEM_BY_NAME },
		{ "rpm", "debian", "12", NULL, 0 },
		{ "rpm", NULL, NULL, NULL, 0 },
		{ "apk", "alpine", "3.21_alpha20240923", NULL, 0 },
		{ "apk", "alpine", "edge", NULL, 0 },
		{ "snap", "ubuntu", "22.04", NULL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char key[ECOSYSTEM_NAME_MAX];
		enum version_ecosystem order;
		enum ecosystem_naming naming;
		struct error err = { "" };
		int r = ecosystem_of_package(
		        rows[i].type, rows[i].os_id, rows[i].os_version, key, &order, &naming, &err);
		assert_int_equal(r, rows[i].key ? 0 : -ENOTSUP);
		if (!rows[i].key) {
			assert_true(strlen(err.text) > 0);
			continue;
		}
		assert_string_equal(key, rows[i].key);
		assert_int_equal(naming, rows[i].naming);
	}
}

static void names_have_one_spelling(void **state)
{
	static const struct {
		const char *ecosystem, *name, *key;
	} rows[] = {
		{ "PyPI", "Zope.Interface__X", "zope-interface-x" },
		{ "NuGet", "Newtonsoft.Json", "newtonsoft.json" },
		{ "Maven", "org.apache/commons", "org.apache:commons" },
		{ "Maven", "org.apache:commons", "org.apache:commons" },
		{ "npm", "@Scope/Name", "@Scope/Name" },
		{ "Debian:12", "OpenSSL", "OpenSSL" },
	};
	char key[PACKAGE_NAME_MAX], longest[PACKAGE_NAME_MAX + 1];
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		assert_int_equal(ecosystem_package_name(rows[i].ecosystem, rows[i].name, key), 0);
		assert_string_equal(key, rows[i].key);
	}
	memset(longest, 'a', sizeof(longest));
	longest[PACKAGE_NAME_MAX] = '\0';
	assert_int_equal(ecosystem_package_name("npm", longest, key), -EINVAL);
	assert_int_equal(ecosystem_package_name("npm", "a\nb", key), -EINVAL);
	assert_int_equal(ecosystem_package_name("npm", "", key), -EINVAL);
}

static void types_have_orders(void **state)
{
	enum version_ecosystem e;
	assert_int_equal(ecosystem_order_of_type("gem", &e), 0);
	assert_int_equal(e, VERSION_GEM);
	assert_int_equal(ecosystem_order_of_type("apk", &e), 0);
	assert_int_equal(e, VERSION_APK);
	assert_int_equal(ecosystem_order_of_type("snap", &e), -ENOENT);
}

/* Versions that say where they come from. */
static void versions_tell_their_origin(void **state)
{
	static const struct {
		const char *ecosystem, *version, *origin, *origin_version, *rebuilt;
	} rows[] = {
		{ "Debian:12", "2.0-2~bpo12+1", "Debian:13", "2.0-2", NULL },
		{ "Debian:11", "2.0~bpo11+1~1", "Debian:12", "2.0", NULL },
		{ "Debian:12", "2.0~bpo", NULL, NULL, NULL },
		{ "Debian:12", "2.0~bpo12.1", NULL, NULL, NULL },
		{ "Debian:12", "2.0~bpo4294967296+1", NULL, NULL, NULL },
		{ "Debian:12", "~bpo12+1", NULL, NULL, NULL },
		{ "Ubuntu:22.04", "2.0-2~bpo12+1", NULL, NULL, NULL },
		{ "Debian:12", "1.2-3+b10", NULL, NULL, "1.2-3" },
		{ "Debian:12", "1.2-3+deb12u1", NULL, NULL, NULL },
		{ "Debian:12", "1.2-3+b", NULL, NULL, NULL },
		{ "Debian:12", "+b1", NULL, NULL, NULL },
		{ "Ubuntu:22.04", "1.2-3+b1", NULL, NULL, NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct backport backport;
		char rebuilt[VERSION_MAX + 1];
		assert_int_equal(ecosystem_backport(rows[i].ecosystem, rows[i].version, &backport),
		        rows[i].origin != NULL);
		if (rows[i].origin) {
			assert_string_equal(backport.ecosystem, rows[i].origin);
			assert_string_equal(backport.version, rows[i].origin_version);
		}
		assert_int_equal(ecosystem_rebuild(rows[i].ecosystem, rows[i].version, rebuilt),
		        rows[i].rebuilt != NULL);
		if (rows[i].rebuilt)
			assert_string_equal(rebuilt, rows[i].rebuilt);
	}
	assert_true(ecosystem_is_extended("1.0-1ubuntu1~esm2"));
	assert_false(ecosystem_is_extended("1.0-1ubuntu1"));
	assert_false(ecosystem_is_extended("1.0esmart"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advisories_have_keys),
		cmocka_unit_test(packages_have_places),
		cmocka_unit_test(names_have_one_spelling),
		cmocka_unit_test(types_have_orders),
		cmocka_unit_test(versions_tell_their_origin),
	};
	return cmocka_run_group_tests_name("ecosystem", tests, NULL, NULL);
}
