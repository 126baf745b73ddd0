/* SPDX-License-Identifier: ISC */
#include "posture/dpkg.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct posture *read_text(const char *text)
{
	struct posture *p = posture_new();
	struct error err;
	assert_int_equal(dpkg_read_status_text("status", text, strlen(text), p, &err), 0);
	assert_true(p->packages_known);
	return p;
}

static void reads_what_is_on_disk(void **state)
{
	struct posture *p =
	        read_text("Package: openssl\nStatus: install ok installed\nArchitecture: amd64\n"
	                  "Version: 3.0.15-1~deb12u1\nDescription: toolkit\n Version: 9 in the text\n\n\n"
	                  "Package: libssl3\nStatus: hold ok half-configured\nSource: openssl\n"
	                  "Architecture: amd64\nMulti-Arch: same\nVersion: 3.0.15-1~deb12u1\n\n"
	                  "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
	                  "Package: never\nStatus: purge ok not-installed\n\n"
	                  "Package: linux-image-6.1.0-28-amd64\nStatus: install ok unpacked\n"
	                  "Source: linux-signed-amd64 (6.1.119+1)\nArchitecture: amd64\nVersion: 6.1.119-1");
	const struct posture_package want[] = {
		{ "deb", "openssl", "3.0.15-1~deb12u1", "amd64", "openssl", "3.0.15-1~deb12u1" },
		{ "deb", "libssl3", "3.0.15-1~deb12u1", "amd64", "openssl", "3.0.15-1~deb12u1" },
		{ "deb", "linux-image-6.1.0-28-amd64", "6.1.119-1", "amd64", "linux-signed-amd64",
		        "6.1.119+1" },
	};
	assert_int_equal(p->n_packages, ARRAY_LENGTH(want));
	for (size_t i = 0; i < ARRAY_LENGTH(want); i++) {
		assert_string_equal(p->packages[i].type, want[i].type);
		assert_string_equal(p->packages[i].name, want[i].name);
		assert_string_equal(p->packages[i].version, want[i].version);
		assert_string_equal(p->packages[i].architecture, want[i].architecture);
		assert_string_equal(p->packages[i].source, want[i].source);
		assert_string_equal(p->packages[i].source_version, want[i].source_version);
	}
	assert_int_equal(p->n_unknowns, 0);
	posture_free(p);
}

#define GOOD "Package: good\nStatus: install ok installed\nVersion: 1.0\n\n"

/* Each of these has one broken stanza between two good ones. */
static void broken_stanzas_are_counted(void **state)
{
	static const struct {
		const char *stanza, *reason;
	} rows[] = {
		{ "Status: install ok installed\nVersion: 1\n", "no usable package name" },
		{ "Package: a b\nStatus: install ok installed\nVersion: 1\n", "no usable package name" },
		{ "Package: \nStatus: install ok installed\nVersion: 1\n", "no usable package name" },
		{ "Package: a\x1b[31m\nStatus: install ok installed\nVersion: 1\n",
		        "no usable package name" },
		{ "Package: a\nVersion: 1\n", "no usable status" },
		{ "Package: a\nStatus: install ok\nVersion: 1\n", "no usable status" },
		{ "Package: a\nStatus: install ok wonderful\nVersion: 1\n", "no usable status" },
		{ "Package: a\nStatus: install ok installed\n", "no usable version" },
		{ "Package: a\nStatus: install ok installed\nVersion: 1 2\n", "no usable version" },
		{ "Package: a\nStatus: install ok installed\nVersion: 1\nVersion: 2\n", "there twice" },
		{ "Package: a\nStatus: install ok installed\nVersion: 1\nnonsense\n", "without a colon" },
		{ "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: a/b\n",
		        "architecture" },
		{ "Package: a\nStatus: install ok installed\nVersion: 1\nSource: b (1\n", "source version" },
		{ "Package: a\nStatus: install ok installed\nVersion: 1\nSource: b ()\n", "source version" },
		{ "Package: a\nStatus: install ok installed\nVersion: 1\nSource: (1)\n",
		        "source package name" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *text = xasprintf(GOOD "%s\n" GOOD, rows[i].stanza);
		struct posture *p = read_text(text);
		assert_int_equal(p->n_packages, 2);
		assert_int_equal(p->n_unknowns, 1);
		assert_string_equal(p->unknowns[0].field, "packages");
		assert_non_null(strstr(p->unknowns[0].reason, "1 entries"));
		assert_non_null(strstr(p->unknowns[0].reason, "line 5"));
		assert_non_null(strstr(p->unknowns[0].reason, rows[i].reason));
		posture_free(p);
		free(text);
	}
}

static void empty_and_blank_files_have_no_packages(void **state)
{
	static const char *const rows[] = { "", "\n", "\n\n \t\n", "\r\n" };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = read_text(rows[i]);
		assert_int_equal(p->n_packages, 0);
		posture_free(p);
	}
}

static void more_packages_than_the_limit_are_refused(void **state)
{
	char *text;
	size_t length;
	FILE *f = open_memstream(&text, &length);
	for (int i = 0; i <= POSTURE_PACKAGES_MAX; i++)
		fprintf(f, "Package: p%d\nStatus: install ok installed\nVersion: 1\n\n", i);
	fclose(f);
	struct posture *p = posture_new();
	struct error err;
	assert_int_equal(dpkg_read_status_text("status", text, length, p, &err), -E2BIG);
	assert_false(p->packages_known);
	posture_free(p);
	free(text);
}

static void a_missing_file_is_an_error_that_names_it(void **state)
{
	struct posture *p = posture_new();
	struct error err;
	assert_int_equal(dpkg_read_status("/nonexistent/status", p, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/status"));
	assert_false(p->packages_known);
	posture_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_on_disk),
		cmocka_unit_test(broken_stanzas_are_counted),
		cmocka_unit_test(empty_and_blank_files_have_no_packages),
		cmocka_unit_test(more_packages_than_the_limit_are_refused),
		cmocka_unit_test(a_missing_file_is_an_error_that_names_it),
	};
	return cmocka_run_group_tests_name("dpkg", tests, NULL, NULL);
}
