/* SPDX-License-Identifier: ISC */
/* Declared products: what is found by which words, what is wrong with a file of them, and which versions a
 * publisher's ranges are. */
#include "tests/unit/test.h"
#include "tests/unit/vuln/load_fixture.h"
#include "vuln/load_csaf_range.h"
#include "vuln/product_map.h"

#include <stdio.h>
#include <string.h>

static const char good[] = "# what they are here\n"
                           "product control {\n"
                           "\tvendor = CODESYS GmbH\n"
                           "\tvendor = 3S-Smart Software Solutions GmbH\n"
                           "\tname = CODESYS Control  for Linux SL\n"
                           "\tcpe = cpe:2.3:a:codesys:control_for_linux\n"
                           "\tcpe = cpe:/a:codesys:control_for_linux\n"
                           "\tpackage = Debian:12 codesyscontrol\n"
                           "\tpackage = Rocky Linux:9 codesyscontrol\n"
                           "\tstrip = V\n"
                           "}\n"
                           "product other {\n"
                           "\tcpe = cpe:2.3:a:codesys:other\n"
                           "\tpackage = PyPI Other_Name\n"
                           "}\n";

static struct product_map *open_map(struct load_fixture *f, const char *text)
{
	struct product_map *map = NULL;
	char *path FREE_ON_EXIT = xasprintf("%s/products", f->root);
	load_write(f, "products", text, SIZE_MAX);
	(void)product_map_open(path, &map, NULL, &f->err);
	return map;
}

static void found(void **state)
{
	static const struct {
		const char *vendor, *name, *cpe;
		size_t n;
	} rows[] = {
		{ "CODESYS GmbH", "CODESYS Control for Linux SL", NULL, 2 },
		{ " codesys gmbh ", "codesys\tControl for LINUX sl", NULL, 2 },
		{ "3S-Smart Software Solutions GmbH", "CODESYS Control for Linux SL", "cpe:/o:x", 2 },
		{ "CODESYS GmbH", "CODESYS Control for Linux", NULL, 0 },
		{ "CODESYS", "CODESYS Control for Linux SL", NULL, 0 },
		{ "CODESYS GmbH", NULL, NULL, 0 },
		{ NULL, "CODESYS Control for Linux SL", NULL, 0 },
		{ NULL, NULL, "cpe:2.3:a:codesys:control_for_linux:4.3:*:*:*:*:*:*:*", 2 },
		{ NULL, NULL, "cpe:2.3:a:codesys:control_for_linux", 2 },
		{ NULL, NULL, "cpe:2.3:a:codesys:control_for_linux_arm:4.3:*:*:*:*:*:*:*", 0 },
		{ NULL, NULL, "cpe:2.3:a:codesys:control_for_linux\\:4.3", 0 },
		{ NULL, NULL, "cpe:/a:CODESYS:control_for_linux:4.3", 2 },
		{ "somebody", "else", "cpe:2.3:a:codesys:other:1", 1 },
		{ NULL, NULL, "cpe:2.3:a:codesys", 0 },
		{ NULL, NULL, "", 0 },
		{ NULL, NULL, "cpe:2.3::::::::::::::::::::::::", 0 },
	};
	struct load_fixture *f = *state;
	struct product_map *map = open_map(f, good);
	if (!map)
		fail_msg("%s", f->err.text);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct product *p = product_map_find(map, rows[i].vendor, rows[i].name, rows[i].cpe);
		if ((p ? p->n_packages : 0) != rows[i].n)
			fail_msg("row %zu: %zu packages", i, p ? p->n_packages : 0);
	}
	const struct product *p = product_map_find(map, "CODESYS GmbH", "CODESYS Control for Linux SL", NULL);
	assert_string_equal(p->packages[1].ecosystem, "Rocky Linux:9");
	assert_string_equal(p->packages[1].name, "codesyscontrol");
	assert_int_equal(p->packages[1].order, VERSION_RPM);
	assert_string_equal(p->strip, "V");
	p = product_map_find(map, NULL, NULL, "cpe:2.3:a:codesys:other");
	assert_string_equal(p->packages[0].name, "other-name"); /* as PyPI's advisories have it */
	char *long_name FREE_ON_EXIT = xmalloc(100001);
	memset(long_name, 'a', 100000);
	long_name[100000] = '\0';
	assert_null(product_map_find(map, long_name, long_name, long_name));
	assert_null(product_map_find(NULL, "a", "b", NULL));
	product_map_close(map);
}

#define SECTION(lines) "product x {\n" lines "}\n"
#define NAMED "vendor = V\nname = N\n"

/* Each fault with its file and line, and nothing is there after one. */
static void faults(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ SECTION("package = Debian:12 p\n"), "products:1: product x: neither" },
		{ "\n" SECTION("vendor = V\npackage = Debian:12 p\n"), "products:2: product x: vendor and" },
		{ SECTION("name = N\npackage = Debian:12 p\n"), "vendor and name go together" },
		{ SECTION(NAMED), "package: 1 to" },
		{ SECTION(NAMED "package = p\n"), "not ECOSYSTEM PACKAGE" },
		{ SECTION(NAMED "package = Plan9 p\n"), "no ecosystem that is known here" },
		{ SECTION("cpe = cpe:2.3:a:vendor\npackage = Debian:12 p\n"), "cpe:" },
		{ SECTION("cpe = cpe:2.3:a:vendor:*\npackage = Debian:12 p\n"), "cpe:" },
		{ SECTION("cpe = vendor:product\npackage = Debian:12 p\n"), "cpe:" },
		{ SECTION(NAMED "packages = Debian:12 p\n"), "products:4: packages: no such option" },
		{ SECTION(NAMED "package = Debian:12 p\n") "product y {\nvendor = v\nname = n\n"
		                                           "package = Debian:11 p\n}\n",
		        "products:6: n: product x (line 1) has it already" },
		{ "produkt x {\n}\n", "no such section" },
		{ SECTION("vendor =\nname = N\npackage = Debian:12 p\n"), "1 to" },
		{ "name = N\n", "no such option" },
	};
	struct load_fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		assert_null(open_map(f, rows[i].text));
		if (!strstr(f->err.text, rows[i].words))
			fail_msg("row %zu: %s", i, f->err.text);
	}
	struct product_map *map = NULL;
	assert_int_not_equal(product_map_open("/nonexistent", &map, NULL, &f->err), 0);
	assert_non_null(strstr(f->err.text, "/nonexistent"));
}

static void cpe_versions(void **state)
{
	static const struct {
		const char *cpe, *version; /* NULL: none that is clear, "*": of all */
	} rows[] = {
		{ "cpe:2.3:a:v:p:1.2:*:*:*:*:*:*:*", "1.2" },
		{ "cpe:2.3:a:v:p:1\\.2\\:3:*", "1.2:3" },
		{ "cpe:/a:v:p:1.2", "1.2" },
		{ "cpe:2.3:a:v:p:*:*", "*" },
		{ "cpe:/a:v:p", "*" },
		{ "cpe:/a:v:p:", "*" },
		{ "cpe:2.3:a:v:p:-:*", NULL },
		{ "cpe:2.3:a:v:p:1.*:*", NULL },
		{ "cpe:/a:v:p:1%02", NULL },
		{ "nothing", NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *version = NULL;
		bool all = false, clear = product_cpe_version(rows[i].cpe, &version, &all);
		const char *is = !clear ? NULL : all ? "*" : version;
		if ((is == NULL) != (rows[i].version == NULL) || (is && strcmp(is, rows[i].version) != 0))
			fail_msg("%s: %s", rows[i].cpe, is ? is : "none");
		free(version);
	}
}

/* As "introduced end version" of each range, and each version, in the order of the objects. */
static char *words_of(const struct csaf_versions *v)
{
	char *text = xstrdup(v->all ? "all" : "");
	const char *key;
	json_t *value;
	json_object_foreach(v->ranges, key, value) {
		char *before = text;
		text = xasprintf("%s[%s] ", before, key);
		free(before);
	}
	json_object_foreach(v->versions, key, value) {
		char *before = text;
		text = xasprintf("%s%s ", before, key);
		free(before);
	}
	return text;
}

static void ranges(void **state)
{
	static const struct {
		enum version_ecosystem order;
		bool declared;
		const char *text, *words; /* NULL: not clear */
		const char *from;         /* fixed_from */
	} rows[] = {
		/* Of all: however it is said. */
		{ VERSION_DPKG, true, "vers:all/*", "all", NULL },
		{ VERSION_DPKG, true, " All versions ", "all", NULL },
		{ VERSION_DPKG, false, "*", "all", NULL },
		/* A publisher's numbers have no packager's revisions. */
		{ VERSION_DPKG, true, "<V4.3.8", "[0|fixed 4.3.8] ", NULL },
		{ VERSION_DPKG, true, "<= 4.3.8", "[0|fixed 4.3.8+~] ", NULL },
		{ VERSION_RPM, true, "<= 4.3.8", "[0|fixed 4.3.8^] ", NULL },
		{ VERSION_APK, true, "<= 4.3.8", "[0|fixed 4.3.8_p] ", NULL },
		{ VERSION_SEMVER, true, "<= 4.3.8", "[0|last_affected 4.3.8] ", NULL },
		{ VERSION_DPKG, true, "<= 4.3.8-2", "[0|last_affected 4.3.8-2] ", NULL },
		{ VERSION_DPKG, true, "4.3.8", "[4.3.8|fixed 4.3.8+~] ", "4.3.8" },
		{ VERSION_SEMVER, true, "=4.3.8", "4.3.8 ", "4.3.8" },
		{ VERSION_DPKG, true, ">1.0|<2.0", "[1.0+~|fixed 2.0] ", NULL },
		{ VERSION_SEMVER, true, ">1.0|<2.0", NULL, NULL },
		{ VERSION_DPKG, true, ">=1.0|<2.0", "[1.0|fixed 2.0] ", NULL },
		{ VERSION_DPKG, true, "<2.0|>=1.0", "[1.0|fixed 2.0] ", NULL },
		{ VERSION_DPKG, true, ">=1.220 | <= 1.281", "[1.220|fixed 1.281+~] ", NULL },
		{ VERSION_DPKG, true, ">=1.0|<1.5|>=2.0|<2.5", "[1.0|fixed 1.5] [2.0|fixed 2.5] ", NULL },
		{ VERSION_DPKG, true, ">= V6.2", "[6.2| ] ", "6.2" },
		{ VERSION_DPKG, true, "vers:all/<V4.3.8", "[0|fixed 4.3.8] ", NULL },
		{ VERSION_DPKG, true, "vers:intdot/>=1.2|<1.4", "[1.2|fixed 1.4] ", NULL },
		{ VERSION_DPKG, true, "vers:intdot/<1.4rc1", NULL, NULL },
		{ VERSION_DPKG, true, "vers:deb/>=1.2-1|<1.4-2", "[1.2-1|fixed 1.4-2] ", NULL },
		{ VERSION_DPKG, true, "vers:npm/<1.4", NULL, NULL },
		{ VERSION_SEMVER, false, "vers:npm/>=1.2.0|<1.4.0", "[1.2.0|fixed 1.4.0] ", NULL },
		{ VERSION_SEMVER, false, "vers:npm/1.2.0|1.3.0", "1.2.0 1.3.0 ", NULL },
		{ VERSION_DPKG, false, "vers:deb/<=1.2", "[0|last_affected 1.2] ", NULL },
		/* What is not clear. */
		{ VERSION_DPKG, true, "", NULL, NULL },
		{ VERSION_DPKG, true, "<", NULL, NULL },
		{ VERSION_DPKG, true, ">= V6.2 < V7.1", NULL, NULL },
		{ VERSION_DPKG, true, ">= V2.3 and < V6.30.016", NULL, NULL },
		{ VERSION_DPKG, true, "vers:all/>=V7.80<V9.40", NULL, NULL },
		{ VERSION_DPKG, true, "All versions < V6.4", NULL, NULL },
		{ VERSION_DPKG, true, "2.3.6 and  below", NULL, NULL },
		{ VERSION_DPKG, true, "< V3.X.17", NULL, NULL },
		{ VERSION_DPKG, true, ">= 2.3x | <= 6.00.327", NULL, NULL },
		{ VERSION_DPKG, true, "< V17 Update 5", NULL, NULL },
		{ VERSION_DPKG, true, "<= 02.07.07(10)", NULL, NULL },
		{ VERSION_DPKG, true, "<=the_first_5_digits_of_serial_number_22081", NULL, NULL },
		{ VERSION_DPKG, true, "!=1.5|<2", NULL, NULL },
		{ VERSION_DPKG, true, "<1||<2", NULL, NULL },
		{ VERSION_DPKG, true, "vers:", NULL, NULL },
		{ VERSION_DPKG, true, "vers:deb", NULL, NULL },
		{ VERSION_DPKG, true, "vers:nothing/<1", NULL, NULL },
		{ VERSION_DPKG, true, "vers:deb/%zz", NULL, NULL },
		{ VERSION_DPKG, true, "No version", NULL, NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct csaf_numbering numbering = { rows[i].order, rows[i].declared, "V", "" };
		struct csaf_versions v;
		struct error why = { "" };
		int r = csaf_versions_of_range(rows[i].text, &numbering, &v, &why);
		char *words FREE_ON_EXIT = r == 0 ? words_of(&v) : NULL;
		if ((r == 0) != (rows[i].words != NULL) || (r == 0 && strcmp(words, rows[i].words) != 0))
			fail_msg("\"%s\": %s", rows[i].text, r == 0 ? words : why.text);
		if (r == 0 &&
		        ((v.fixed_from == NULL) != (rows[i].from == NULL) ||
		                (rows[i].from && strcmp(v.fixed_from, rows[i].from) != 0)))
			fail_msg("\"%s\": from %s", rows[i].text, v.fixed_from);
		if (r < 0 && !*why.text)
			fail_msg("\"%s\": no reason", rows[i].text);
		if (r == 0)
			csaf_versions_clear(&v);
	}
}

/* What stands for "every revision of it" does so in each order that has revisions. */
static void above_all_revisions(void **state)
{
	static const struct {
		enum version_ecosystem order;
		const char *below, *above, *next;
	} rows[] = {
		{ VERSION_DPKG, "4.3.8-99ubuntu1", "4.3.8+~", "4.3.8.1" },
		{ VERSION_DPKG, "4.3.8", "4.3.8+~", "4.3.9~rc1" },
		{ VERSION_RPM, "4.3.8-99.el9", "4.3.8^", "4.3.8.1-1" },
		{ VERSION_RPM, "4.3.8", "4.3.8^", "4.3.9~rc1-1" },
		{ VERSION_APK, "4.3.8-r99", "4.3.8_p", "4.3.8.1-r0" },
		{ VERSION_APK, "4.3.8", "4.3.8_p", "4.3.9_rc1" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int order = 0;
		assert_int_equal(
		        version_compare_loosely(rows[i].order, rows[i].below, rows[i].above, &order, NULL),
		        0);
		if (order >= 0)
			fail_msg("%s is not below %s", rows[i].below, rows[i].above);
		assert_int_equal(
		        version_compare_loosely(rows[i].order, rows[i].above, rows[i].next, &order, NULL), 0);
		if (order >= 0)
			fail_msg("%s is not below %s", rows[i].above, rows[i].next);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, load_set_up, load_tear_down)
	const struct CMUnitTest tests[] = { TEST(found), TEST(faults), cmocka_unit_test(cpe_versions),
		cmocka_unit_test(ranges), cmocka_unit_test(above_all_revisions) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
