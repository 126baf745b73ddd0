/* SPDX-License-Identifier: ISC */
#include "posture/apk.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static const char installed[] =
        "C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\nS:1\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n"
        "Z:Q1x=\nR:libc.musl-x86_64.so.1\n\n"
        "\n"
        "P:libssl3\nV:3.1.4-r1\nA:x86_64\no:openssl\nF:lib\nF:usr\nF:usr/lib\nR:libssl.so.3\n\n"
        "P:.build\nV:20231201.1\nA:noarch\n\n"
        "P:busybox\nV:1.36.1-r5\no:busybox\nF:\nR:init\nF:bin\nR:busybox";

static void reads_packages(void **state)
{
	static const struct posture_package wanted[] = {
		{ "apk", "musl", "1.2.4-r2", "x86_64", "musl", "1.2.4-r2" },
		{ "apk", "libssl3", "3.1.4-r1", "x86_64", "openssl", "3.1.4-r1" },
		{ "apk", ".build", "20231201.1", "noarch", ".build", "20231201.1" },
		{ "apk", "busybox", "1.36.1-r5", NULL, "busybox", "1.36.1-r5" },
	};
	struct posture *p = posture_new();
	assert_int_equal(apk_read_installed("installed", installed, strlen(installed), p, NULL), 0);
	assert_int_equal(p->n_packages, ARRAY_LENGTH(wanted));
	assert_int_equal(p->n_unknowns, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
		const struct posture_package *got = &p->packages[i];
		assert_string_equal(got->type, "apk");
		assert_string_equal(got->name, wanted[i].name);
		assert_string_equal(got->version, wanted[i].version);
		assert_string_equal(got->source, wanted[i].source);
		assert_string_equal(got->source_version, wanted[i].source_version);
		if (wanted[i].architecture)
			assert_string_equal(got->architecture, wanted[i].architecture);
		else
			assert_null(got->architecture);
	}
	posture_free(p);
}

static void lists_files(void **state)
{
	static const char *const wanted[] = { "/lib/ld-musl-x86_64.so.1", "/lib/libc.musl-x86_64.so.1",
		"/usr/lib/libssl.so.3", "/init", "/bin/busybox" };
	struct apk_scanner scanner = apk_scan(installed, strlen(installed));
	struct apk_block block;
	char path[APK_PATH_MAX];
	size_t n = 0;
	while (apk_next_block(&scanner, &block)) {
		struct apk_files files = { .at = block.at, .end = block.end };
		while (apk_next_file(&files, path)) {
			assert_in_range(n, 0, ARRAY_LENGTH(wanted) - 1);
			assert_string_equal(path, wanted[n++]);
		}
	}
	assert_int_equal(n, ARRAY_LENGTH(wanted));
}

/* What cannot be read is counted and named, and the rest is there. */
static void broken_blocks(void **state)
{
	static const struct {
		const char *block, *reason;
	} rows[] = {
		{ "P:a b\nV:1\n", "name" },
		{ "V:1\n", "name" },
		{ "P:a\n", "version" },
		{ "P:a\nV:1 2\n", "version" },
		{ "P:a\nP:b\nV:1\n", "twice" },
		{ "P:a\nV:1\nnothing\n", "colon" },
		{ "P:a\nV:1\nA:x/y\n", "architecture" },
		{ "P:a\nV:1\no:../x\n", "origin" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = posture_new();
		char *text FREE_ON_EXIT = xasprintf("P:good\nV:1\n\n%s\nP:also\nV:2\n", rows[i].block);
		assert_int_equal(apk_read_installed("installed", text, strlen(text), p, NULL), 0);
		assert_int_equal(p->n_packages, 2);
		assert_int_equal(p->n_unknowns, 1);
		assert_string_equal(p->unknowns[0].field, "packages");
		assert_non_null(strstr(p->unknowns[0].reason, "1 entries of installed"));
		assert_non_null(strstr(p->unknowns[0].reason, "line 4"));
		assert_non_null(strstr(p->unknowns[0].reason, rows[i].reason));
		posture_free(p);
	}
}

static void limits(void **state)
{
	size_t n = POSTURE_PACKAGES_MAX + 1, length;
	static const char block[] = "P:a\nV:1\n\n";
	length = n * strlen(block);
	char *text FREE_ON_EXIT = xmalloc(length + 1);
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * strlen(block), block, sizeof(block));
	struct posture *p = posture_new();
	struct error err;
	assert_int_equal(apk_read_installed("installed", text, length, p, &err), -E2BIG);
	posture_free(p);
	/* A path longer than any is passed over, and what follows it is not. */
	char *folder FREE_ON_EXIT = xmalloc(2 * APK_PATH_MAX);
	memset(folder, 'x', 2 * APK_PATH_MAX - 1);
	folder[2 * APK_PATH_MAX - 1] = '\0';
	char *files FREE_ON_EXIT = xasprintf("P:a\nV:1\nF:%s\nR:b\nF:etc\nR:c\n", folder);
	struct apk_files walk = { .at = files, .end = files + strlen(files) };
	char path[APK_PATH_MAX];
	assert_true(apk_next_file(&walk, path));
	assert_string_equal(path, "/etc/c");
	assert_false(apk_next_file(&walk, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_packages),
		cmocka_unit_test(lists_files),
		cmocka_unit_test(broken_blocks),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests_name("apk", tests, NULL, NULL);
}
