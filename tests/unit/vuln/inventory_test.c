/* SPDX-License-Identifier: ISC */
#include "tests/unit/test.h"
#include "vuln/inventory.h"

#include <errno.h>
#include <string.h>

static struct posture *read_text(const char *text, const char *distribution, struct inventory_report *report)
{
	struct posture *p;
	struct error err;
	memset(report, 0, sizeof(*report));
	if (inventory_read_text(text, strlen(text), distribution, &p, report, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

static void expect_package(const struct posture *p, size_t i, const char *type, const char *name,
        const char *version, const char *source, const char *source_version)
{
	assert_true(i < p->n_packages);
	assert_string_equal(p->packages[i].type, type);
	assert_string_equal(p->packages[i].name, name);
	assert_string_equal(p->packages[i].version, version);
	assert_string_equal(p->packages[i].source, source);
	assert_string_equal(p->packages[i].source_version, source_version);
}

static void purls(void **state)
{
	struct inventory_report report;
	struct posture *p = read_text(
	        "# a comment\n\n"
	        "pkg:deb/debian/libssl3@3.0.15-1?arch=amd64&distro=bookworm&upstream=openssl\r\n"
	        "pkg:deb/debian/linux-image-6.1.0-1@6.1.1-1?upstream=linux-signed-amd64%406.1.1%2B1\n"
	        "pkg:npm/%40angular/core@17.0.0\n"
	        "pkg:golang/github.com/pkg/errors@v0.9.1\n"
	        "pkg:pypi/Django\n"
	        "not a purl",
	        NULL, &report);
	assert_int_equal(p->n_packages, 4);
	expect_package(p, 0, "deb", "libssl3", "3.0.15-1", "openssl", "3.0.15-1");
	expect_package(p, 1, "deb", "linux-image-6.1.0-1", "6.1.1-1", "linux-signed-amd64", "6.1.1+1");
	expect_package(p, 2, "npm", "@angular/core", "17.0.0", "@angular/core", "17.0.0");
	expect_package(p, 3, "golang", "github.com/pkg/errors", "v0.9.1", "github.com/pkg/errors", "v0.9.1");
	assert_string_equal(p->os_id, "debian");
	assert_string_equal(p->os_version, "12");
	assert_int_equal(report.unmapped, 2);
	assert_non_null(strstr(report.first_unmapped[0], "pkg:pypi/Django: "));
	inventory_report_clear(&report);
	posture_free(p);
}

static void cyclonedx(void **state)
{
	struct inventory_report report;
	struct posture *p =
	        read_text("{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"components\":["
	                  "{\"type\":\"operating-system\",\"name\":\"debian\",\"version\":\"12.5\"},"
	                  "{\"type\":\"library\",\"name\":\"libssl3\",\"purl\":\"pkg:deb/debian/"
	                  "libssl3@3.0.11-1?arch=amd64&distro=debian-12.5\","
	                  "\"properties\":[{\"name\":\"aquasecurity:trivy:SrcName\",\"value\":\"openssl\"},"
	                  "{\"name\":\"aquasecurity:trivy:SrcEpoch\",\"value\":\"1\"},"
	                  "{\"name\":\"aquasecurity:trivy:SrcVersion\",\"value\":\"3.0.11\"},"
	                  "{\"name\":\"aquasecurity:trivy:SrcRelease\",\"value\":\"1\"}]},"
	                  "{\"type\":\"application\",\"name\":\"outer\",\"components\":[{\"type\":"
	                  "\"library\",\"name\":\"inner\","
	                  "\"purl\":\"pkg:pypi/inner@1.0\"}]},"
	                  "{\"type\":\"file\",\"name\":\"/etc/passwd\"}]}",
	                NULL, &report);
	assert_int_equal(p->n_packages, 2);
	expect_package(p, 0, "deb", "libssl3", "3.0.11-1", "openssl", "1:3.0.11-1");
	expect_package(p, 1, "pypi", "inner", "1.0", "inner", "1.0");
	assert_string_equal(p->os_id, "debian");
	assert_string_equal(p->os_version, "12.5");
	assert_int_equal(report.unmapped, 1);
	assert_string_equal(report.first_unmapped[0], "outer: no purl");
	inventory_report_clear(&report);
	posture_free(p);
}

static void spdx(void **state)
{
	struct inventory_report report;
	struct posture *p = read_text(
	        "{\"spdxVersion\":\"SPDX-2.3\",\"packages\":["
	        "{\"name\":\"rocky\",\"versionInfo\":\"9.4\",\"primaryPackagePurpose\":\"OPERATING-SYSTEM\"},"
	        "{\"name\":\"bash\",\"externalRefs\":[{\"referenceType\":\"cpe23Type\",\"referenceLocator\":"
	        "\"cpe:2.3:a:x\"},"
	        "{\"referenceType\":\"purl\",\"referenceLocator\":\"pkg:rpm/rocky/"
	        "bash@5.1.8-9.el9?arch=x86_64\"}]},"
	        "{\"name\":\"mystery\"}]}",
	        "rocky:8", &report);
	assert_int_equal(p->n_packages, 1);
	assert_string_equal(p->packages[0].name, "bash");
	assert_string_equal(p->os_version, "8");
	assert_int_equal(report.unmapped, 1);
	assert_string_equal(report.first_unmapped[0], "mystery: no purl");
	inventory_report_clear(&report);
	posture_free(p);
}

static void dpkg_status(void **state)
{
	struct inventory_report report;
	struct posture *p =
	        read_text("Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\n"
	                  "Source: openssl (3.0.15-1)\nVersion: 3.0.15-1+b1\n\n"
	                  "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n",
	                "debian:12", &report);
	assert_int_equal(p->n_packages, 1);
	expect_package(p, 0, "deb", "libssl3", "3.0.15-1+b1", "openssl", "3.0.15-1");
	assert_true(p->packages_known);
	posture_free(p);
}

static void other_package_managers(void **state)
{
	struct inventory_report report;
	struct posture *p = read_text("C:Q1x=\nP:libssl3\nV:3.1.4-r1\nA:x86_64\no:openssl\n\nP:b\nV:1-r0\n",
	        "alpine:3.18.4", &report);
	assert_true(p->packages_known);
	assert_int_equal(p->n_packages, 2);
	expect_package(p, 0, "apk", "libssl3", "3.1.4-r1", "openssl", "3.1.4-r1");
	posture_free(p);
	p = read_text("openssl-libs\t1\t3.0.7\t25.el9\tx86_64\topenssl-3.0.7-25.el9.src.rpm\n", "rocky:9.3",
	        &report);
	assert_true(p->packages_known);
	assert_int_equal(p->n_packages, 1);
	expect_package(p, 0, "rpm", "openssl-libs", "1:3.0.7-25.el9", "openssl", "1:3.0.7-25.el9");
	posture_free(p);
}

/* The distribution of a purl is found whatever its vendor calls itself. */
static void distributions_of_purls(void **state)
{
	static const struct {
		const char *purl, *os_id, *os_version;
	} rows[] = {
		{ "pkg:rpm/redhat/a@1-1?distro=rhel-9.3", "rhel", "9.3" },
		{ "pkg:rpm/redhat/a@1-1?distro=9", "rhel", "9" },
		{ "pkg:rpm/opensuse/a@1-1?distro=opensuse-leap-15.5", "opensuse-leap", "15.5" },
		{ "pkg:rpm/suse/a@1-1?distro=sles-15.5", "sles", "15.5" },
		{ "pkg:apk/alpine/a@1-r1?distro=alpine-3.18.4", "alpine", "3.18.4" },
		{ "pkg:deb/debian/a@1-1?distro=debian-12", "debian", "12" },
		{ "pkg:deb/ubuntu/a@1-1?distro=jammy", "ubuntu", "22.04" },
		{ "pkg:rpm/openEuler/a@1-1?distro=openEuler-22.03-LTS-SP3", "openEuler", "22.03-LTS-SP3" },
		{ "pkg:rpm/rocky-linux/a@1-1?distro=rocky-linux-9", "rocky-linux", "9" },
		{ "pkg:deb/debian/a@1-1?distro=sid", NULL, NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct inventory_report report;
		struct posture *p = read_text(rows[i].purl, NULL, &report);
		assert_int_equal(p->os_id != NULL, rows[i].os_id != NULL);
		if (rows[i].os_id) {
			assert_string_equal(p->os_id, rows[i].os_id);
			assert_string_equal(p->os_version, rows[i].os_version);
		}
		posture_free(p);
	}
}

/* A posture is of one system: what is of another is not judged by the first one's advisories. */
static void purls_of_two_distributions(void **state)
{
	static const char text[] = "pkg:deb/debian/a@1-1?distro=debian-12\n"
	                           "pkg:deb/debian/b@1-1?distro=bookworm\n"
	                           "pkg:deb/debian/c@1-1?distro=debian-12.5\n"
	                           "pkg:deb/debian/d@1-1?distro=debian-13\n"
	                           "pkg:rpm/rocky/e@1-1?distro=rocky-9\n";
	struct inventory_report report;
	struct posture *p = read_text(text, NULL, &report);
	assert_int_equal(p->n_packages, 3);
	assert_int_equal(report.unmapped, 2);
	assert_non_null(strstr(report.first_unmapped[0], "it is of debian 13"));
	inventory_report_clear(&report);
	posture_free(p);
	p = read_text(text, "debian:13", &report);
	assert_int_equal(p->n_packages, 5);
	assert_int_equal(report.unmapped, 0);
	inventory_report_clear(&report);
	posture_free(p);
}

static void our_own_posture(void **state)
{
	struct inventory_report report;
	struct posture *p = posture_new();
	struct error err;
	p->os_id = "debian";
	p->os_version = "12";
	p->packages_known = true;
	assert_int_equal(posture_add_package(p,
	                         &(struct posture_package){ .type = "deb",
	                                 .name = "libssl3",
	                                 .version = "3.0.15-1",
	                                 .architecture = "amd64",
	                                 .source = "openssl",
	                                 .source_version = "3.0.15-1" }),
	        0);
	json_t *json = posture_to_json(p);
	char *text = json_dumps(json, 0);
	struct posture *back = read_text(text, NULL, &report);
	expect_package(back, 0, "deb", "libssl3", "3.0.15-1", "openssl", "3.0.15-1");
	assert_string_equal(back->os_version, "12");
	assert_int_equal(inventory_set_distribution(back, "ubuntu", &err), -EINVAL);
	assert_int_equal(inventory_set_distribution(back, "ubuntu:22.04", &err), 0);
	assert_string_equal(back->os_id, "ubuntu");
	free(text);
	json_decref(json);
	posture_free(back);
	posture_free(p);
}

static void what_is_none_of_these(void **state)
{
	static const char *const texts[] = { "", "hello", "{", "[]", "\177ELF",
		"{\"bomFormat\":1,\"components\":" };
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct posture *p;
		struct inventory_report report = { 0 };
		struct error err = { "" };
		if (inventory_read_text(texts[i], strlen(texts[i]), NULL, &p, &report, &err) == 0)
			fail_msg("taken: %s", texts[i]);
		assert_true(strlen(err.text) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(purls),
		cmocka_unit_test(cyclonedx),
		cmocka_unit_test(spdx),
		cmocka_unit_test(dpkg_status),
		cmocka_unit_test(other_package_managers),
		cmocka_unit_test(distributions_of_purls),
		cmocka_unit_test(purls_of_two_distributions),
		cmocka_unit_test(our_own_posture),
		cmocka_unit_test(what_is_none_of_these),
	};
	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
