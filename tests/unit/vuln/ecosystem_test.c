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
		{ "Fedora:40", NULL, 0 },
		{ "openEuler:24.03", NULL, 0 },
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
		{ "rpm", "fedora", "40", NULL, 0 },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advisories_have_keys),
		cmocka_unit_test(packages_have_places),
	};
	return cmocka_run_group_tests_name("ecosystem", tests, NULL, NULL);
}
