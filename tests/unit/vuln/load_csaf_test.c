/* SPDX-License-Identifier: ISC */
/* CSAF and VEX documents, written here after the standard's own examples: which packages they come to, and
 * which documents are refused. */
#include "base/cursor.h"
#include "tests/unit/vuln/load_fixture.h"

#include <jansson.h>
#include <string.h>

#define HEAD \
	"{\"document\":{\"category\":\"csaf_vex\",\"csaf_version\":\"2.0\",\"title\":\"t\",\"publisher\":{" \
	"\"category\":" \
	"\"vendor\",\"name\":\"Example\",\"namespace\":\"https://" \
	"example.com\"},\"tracking\":{\"id\":\"EX-1\",\"status\":" \
	"\"final\",\"version\":\"1\",\"initial_release_date\":\"2026-01-01T00:00:00Z\",\"current_release_" \
	"date\":" \
	"\"2026-01-02T00:00:00Z\",\"revision_history\":[]}},"
#define TREE(products) "\"product_tree\":{\"full_product_names\":[" products "]},"
#define PRODUCT(id, purl) \
	"{\"name\":\"" id "\",\"product_id\":\"" id "\",\"product_identification_helper\":{\"purl\":\"" purl \
	"\"}}"
#define VULNERABILITY(cve, rest) "{\"cve\":\"" cve "\"," rest "}"
#define DOCUMENT(products, vulnerabilities) HEAD TREE(products) "\"vulnerabilities\":[" vulnerabilities "]}"

#define OLD PRODUCT("old", "pkg:deb/debian/foo@1.0?arch=source&distro=bookworm")
#define NEW PRODUCT("new", "pkg:deb/debian/foo@2.0?arch=source&distro=bookworm")
#define ANY PRODUCT("any", "pkg:deb/debian/foo?distro=debian-12")
#define STATUS(s) "\"product_status\":{" s "}"

static void expect_match(struct load_fixture *f, const char *version, const char *ids)
{
	char *found FREE_ON_EXIT = load_match(f, "debian", "12", "deb", "foo", version);
	assert_string_equal(found, ids);
}

static void load_one(struct load_fixture *f, const char *text, uint64_t mapped, uint64_t unmapped)
{
	load_write(f, "d/a.json", text, SIZE_MAX);
	load_expect(f, "csaf", "d", mapped, unmapped, 0);
}

/* What was fixed in a version was there before it. */
static void fixed(void **state)
{
	struct load_fixture *f = *state;
	load_one(f, DOCUMENT(NEW, VULNERABILITY("CVE-2026-1", STATUS("\"fixed\":[\"new\"]"))), 1, 0);
	expect_match(f, "1.5", "EX-1 (fixed 2.0)");
	expect_match(f, "2.0", "");
}

static void known_affected(void **state)
{
	struct load_fixture *f = *state;
	load_one(f, DOCUMENT(OLD, VULNERABILITY("CVE-2026-1", STATUS("\"known_affected\":[\"old\"]"))), 1, 0);
	expect_match(f, "1.0", "EX-1");
	expect_match(f, "1.1", "");
	load_one(f, DOCUMENT(ANY, VULNERABILITY("CVE-2026-1", STATUS("\"known_affected\":[\"any\"]"))), 1, 0);
	expect_match(f, "1.1", "EX-1");
	load_one(f,
	        DOCUMENT(ANY "," NEW,
	                VULNERABILITY(
	                        "CVE-2026-1", STATUS("\"known_affected\":[\"any\"],\"fixed\":[\"new\"]"))),
	        1, 0);
	expect_match(f, "1.1", "EX-1 (fixed 2.0)");
	expect_match(f, "2.1", "");
	load_one(f,
	        DOCUMENT(OLD "," NEW,
	                VULNERABILITY("CVE-2026-1",
	                        STATUS("\"first_affected\":[\"old\"],\"first_fixed\":[\"new\"]"))),
	        1, 0);
	expect_match(f, "0.9", "");
	expect_match(f, "1.9", "EX-1 (fixed 2.0)");
	load_one(f, DOCUMENT(OLD, VULNERABILITY("CVE-2026-1", STATUS("\"last_affected\":[\"old\"]"))), 1, 0);
	expect_match(f, "0.9", "EX-1");
	expect_match(f, "1.0", "EX-1");
	expect_match(f, "1.0+1", "");
}

/* Nobody is affected by what he is said not to be affected by, nor by what is being looked into. */
static void not_affected(void **state)
{
	struct load_fixture *f = *state;
	load_one(f,
	        DOCUMENT(ANY,
	                VULNERABILITY("CVE-2026-1",
	                        STATUS("\"known_not_affected\":[\"any\"]") ",\"flags\":[{\"label\":"
	                                                                   "\"component_not_present\","
	                                                                   "\"product_ids\":[\"any\"]}]")),
	        1, 0);
	expect_match(f, "1.0", "");
	load_one(f, DOCUMENT(ANY, VULNERABILITY("CVE-2026-1", STATUS("\"under_investigation\":[\"any\"]"))),
	        0, 1);
	expect_match(f, "1.0", "");
	assert_int_equal(f->report.statements_unmapped, 1);
}

/* Each vulnerability of a document is a record of its own. */
static void several_vulnerabilities(void **state)
{
	struct load_fixture *f = *state;
	load_one(f,
	        DOCUMENT(OLD "," NEW,
	                VULNERABILITY("CVE-2026-1", STATUS("\"fixed\":[\"new\"]")) "," VULNERABILITY(
	                        "CVE-2026-2",
	                        STATUS("\"known_affected\":[\"old\"]")) ","
	                                                                "{\"title\":\"without a "
	                                                                "name\"," STATUS(
	                                                                        "\"fixed\":[\"old\"]") "}"),
	        1, 0);
	expect_match(f, "1.0", "EX-1:CVE-2026-1 (fixed 2.0) EX-1:CVE-2026-2");
	expect_match(f, "0.5", "EX-1:3 (fixed 1.0) EX-1:CVE-2026-1 (fixed 2.0)");
}

#define RELATION(id, part, whole) \
	"{\"category\":\"default_component_of\",\"full_product_name\":{\"name\":\"n\",\"product_id\":\"" id \
	"\"},\"product_reference\":\"" part "\",\"relates_to_product_reference\":\"" whole "\"}"
#define PLATFORM(id, cpe) \
	"{\"name\":\"p\",\"product_id\":\"" id "\",\"product_identification_helper\":{\"cpe\":\"" cpe "\"}}"

/* A component of a platform is a package of what the platform's CPE says. */
static void components_of_platforms(void **state)
{
	struct load_fixture *f = *state;
	load_one(f,
	        HEAD
	        "\"product_tree\":{\"branches\":[{\"category\":\"vendor\",\"name\":\"Red "
	        "Hat\",\"branches\":[{"
	        "\"category\":\"product_name\",\"name\":\"RHEL\",\"product\":" PLATFORM("BaseOS-9",
	                "cpe:/o:redhat:enterprise_linux:9::baseos") "},{\"category\":\"product_version\","
	                                                            "\"name\":"
	                                                            "\"x\",\"product\":" PRODUCT("foo",
	                                                                    "pkg:rpm/redhat/"
	                                                                    "foo@1.2-3.el9?arch=x86_64&epoch="
	                                                                    "1") "}]}],"
	                                                                         "\"relationships\":"
	                                                                         "[" RELATION("BaseOS-9:foo",
	                                                                                 "foo", "BaseOS-9") "]},\"vulnerabilities\":[" VULNERABILITY("CVE-2026-1",
	                                                                                 STATUS("\"fixed\":["
	                                                                                        "\"BaseOS-9:"
	                                                                                        "foo\"]")) "]"
	                                                                                                   "}",
	        1, 0);
	char *old FREE_ON_EXIT = load_match(f, "rhel", "9.4", "rpm", "foo", "1:1.2-2.el9");
	assert_string_equal(old, "EX-1 (fixed 1:1.2-3.el9)");
	char *fine FREE_ON_EXIT = load_match(f, "rhel", "9.4", "rpm", "foo", "1:1.2-3.el9");
	assert_string_equal(fine, "");
	char *other FREE_ON_EXIT = load_match(f, "rhel", "8.1", "rpm", "foo", "1:1.2-2.el9");
	assert_string_equal(other, "");
}

#define BRANCH(category, name, rest) "{\"category\":\"" category "\",\"name\":\"" name "\"," rest "}"
#define BRANCHES(list) "\"branches\":[" list "]"
#define LEAF(category, name) \
	BRANCH(category, name, "\"product\":{\"name\":\"n\",\"product_id\":\"" name "\"}")
#define DECLARED(leaves, statuses) \
	HEAD "\"product_tree\":{" BRANCHES(BRANCH("vendor", "Example", \
	        BRANCHES(BRANCH("product_name", "Foo Server", \
	                BRANCHES(leaves))))) "},\"vulnerabilities\":[" VULNERABILITY("CVE-2026-1", \
	        STATUS(statuses)) "]}"
#define RANGE(name) LEAF("product_version_range", name)
#define ONE(name) LEAF("product_version", name)

/* A product that is declared is judged by what the document says of its versions. */
static void declared(void **state)
{
	static const struct {
		const char *document;
		bool mapped;
		const char *affected, *fine; /* versions with blanks between */
	} rows[] = {
		{ DECLARED(RANGE("<V2.0"), "\"known_affected\":[\"<V2.0\"]"), true, "1.9-1", "2.0-1" },
		{ DECLARED(RANGE("<= V2.0"), "\"known_affected\":[\"<= V2.0\"]"), true, "1.9-1 2.0-7",
		        "2.0.1-1" },
		{ DECLARED(RANGE(">=1.0|<2.0"), "\"known_affected\":[\">=1.0|<2.0\"]"), true, "1.0-1 1.9-1",
		        "0.9-1 2.0-1" },
		{ DECLARED(ONE("V1.5"), "\"known_affected\":[\"V1.5\"]"), true, "1.5-1 1.5-2+deb12u1",
		        "1.4-1 1.5.1-1" },
		{ DECLARED(ONE("vers:all/*"), "\"known_affected\":[\"vers:all/*\"]"), true, "1-1 99-1", "" },
		/* What is fixed closes what has no end, and adds nothing to what has one. */
		{ DECLARED(RANGE(">=1.0") "," ONE("2.0"),
		          "\"known_affected\":[\">=1.0\"],\"fixed\":[\"2.0\"]"),
		        true, "1.0-1 1.9-1", "0.9-1 2.0-1" },
		{ DECLARED(RANGE(">=1.0|<2.0") "," ONE("2.0"),
		          "\"known_affected\":[\">=1.0|<2.0\"],\"fixed\":[\"2.0\"]"),
		        true, "1.0-1", "0.9-1 2.0-1" },
		{ DECLARED(RANGE(">=3.0|<3.4") "," ONE("2.8"),
		          "\"known_affected\":[\">=3.0|<3.4\"],\"fixed\":[\"2.8\"]"),
		        true, "2.7-1 3.0-1", "2.8-1 3.4-1" },
		{ DECLARED(RANGE(">=2.0"), "\"fixed\":[\">=2.0\"]"), true, "1.9-1", "2.0-1 3-1" },
		{ DECLARED(ONE("1.0") "," ONE("2.0"),
		          "\"first_affected\":[\"1.0\"],\"last_affected\":[\"2.0\"]"),
		        true, "1.0-1 2.0-9", "0.9-1 2.1-1" },
		/* One that is called affected and not affected, under two names, is affected. */
		{ DECLARED(RANGE("<2.0") "," RANGE(">=1.5|<3.0"),
		          "\"known_affected\":[\"<2.0\"],\"known_not_affected\":[\">=1.5|<3.0\"]"),
		        true, "1.4-1 1.9-1", "2.0-1 2.9-1 3.0-1" },
		/* Not clear: said by nobody. */
		{ DECLARED(RANGE(">= V1.0 < V2.0"), "\"known_affected\":[\">= V1.0 < V2.0\"]"), false, "",
		        "1.5-1" },
		{ DECLARED(RANGE("<V2.0"), "\"fixed\":[\"<V2.0\"]"), false, "", "1.5-1" },
		{ DECLARED(ONE("1.5 and below"), "\"known_affected\":[\"1.5 and below\"]"), false, "",
		        "1.5-1" },
		{ DECLARED(ONE("2.x"), "\"known_not_affected\":[\"2.x\"]"), false, "", "2.5-1" },
	};
	struct load_fixture *f = *state;
	load_write(f, "products",
	        "product foo {\n\tvendor = example\n\tname = foo  server\n\tpackage = Debian:12 foo\n"
	        "\tstrip = V\n}\n",
	        SIZE_MAX);
	f->products = "products";
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		load_one(f, rows[i].document, rows[i].mapped, !rows[i].mapped);
		assert_int_equal(f->report.statements_unmapped != 0, !rows[i].mapped);
		for (int fine = 0; fine < 2; fine++) {
			char *copy FREE_ON_EXIT = xstrdup(fine ? rows[i].fine : rows[i].affected);
			for (char *rest = copy, *version; (version = strsep(&rest, " "));) {
				char *ids FREE_ON_EXIT = *version
				        ? load_match(f, "debian", "12", "deb", "foo", version)
				        : NULL;
				if (ids && (*ids == 0) != (fine == 1))
					fail_msg("row %zu, %s: \"%s\"", i, version, ids);
			}
		}
	}
	/* Another product of the vendor's is not it, and without the file nothing is. */
	load_one(f, DECLARED(RANGE("<V2.0"), "\"known_affected\":[\"<V2.0\"]"), 1, 0);
	f->products = NULL;
	load_one(f, DECLARED(RANGE("<V2.0"), "\"known_affected\":[\"<V2.0\"]"), 0, 1);
	assert_int_equal(f->report.statements_unmapped, 1);
	f->products = "nowhere";
	assert_int_not_equal(load_try(f, "csaf", "d", VULN_TRUST_NONE, NULL), 0);
	assert_non_null(strstr(f->err.text, "nowhere"));
}

/* A package URL without a version has those of the range that it stands in. */
static void ranges_of_packages(void **state)
{
	struct load_fixture *f = *state;
#define RANGE_OF(range) \
	HEAD "\"product_tree\":{" BRANCHES(BRANCH("product_version_range", range, \
	        "\"product\":" ANY)) "},\"vulnerabilities\":[" VULNERABILITY("CVE-2026-1", \
	        STATUS("\"known_affected\":[\"any\"]")) "]}"
	load_one(f, RANGE_OF("vers:deb/>=1.0-1|<2.0-1"), 1, 0);
	expect_match(f, "1.0-1", "EX-1 (fixed 2.0-1)");
	expect_match(f, "0.9-1", "");
	load_one(f, RANGE_OF("vers:npm/>=1.0-1|<2.0-1"), 0, 1);
	load_one(f, RANGE_OF("some"), 0, 1);
	assert_int_equal(f->report.statements_unmapped, 1);
}

/* One product with a long range, named again and again. */
static void ranges_without_end(void **state)
{
	struct load_fixture *f = *state;
	struct writer w = wr_make(SIZE_MAX);
	static const char head[] = HEAD "\"product_tree\":{" BRANCHES(
	        BRANCH("product_version_range", "vers:deb/1", "\"product\":" ANY)) "},\"vulnerabilities\":[";
	const char *cut = strstr(head, "vers:deb/1") + 10;
	wr_bytes(&w, head, (size_t)(cut - head));
	for (int i = 0; i < 200; i++)
		wr_bytes(&w, "|111111111111111111", 19);
	wr_bytes(&w, cut, strlen(cut));
	static const char begin[] = "{\"product_status\":{\"known_affected\":[\"any\"";
	wr_bytes(&w, begin, strlen(begin));
	for (int i = 0; i < 20000; i++)
		wr_bytes(&w, ",\"any\"", 6);
	wr_bytes(&w, "]}}]}", 6);
	load_write(f, "d/a.json", (const char *)w.data, SIZE_MAX);
	wr_free(&w);
	load_expect(f, "csaf", "d", 0, 0, 1);
	assert_non_null(strstr(f->report.first_refused[0], "bytes of version ranges"));
}

/* Nothing is guessed: no package URL, no package. */
static void without_a_package(void **state)
{
	struct load_fixture *f = *state;
	load_one(f,
	        DOCUMENT("{\"name\":\"foo 1.0\",\"product_id\":\"x\"}",
	                VULNERABILITY("CVE-2026-1", STATUS("\"known_affected\":[\"x\"]"))),
	        0, 1);
	assert_int_equal(f->report.statements_unmapped, 1);
	assert_non_null(strstr(f->report.first_unmapped[0], "none of its products"));
	load_one(f,
	        DOCUMENT(PRODUCT("x", "pkg:deb/debian/foo@1.0"), /* of which release? */
	                VULNERABILITY("CVE-2026-1", STATUS("\"known_affected\":[\"x\"]"))),
	        0, 1);
	load_one(f,
	        DOCUMENT(
	                PRODUCT("x", "not a purl"), VULNERABILITY("CVE-2026-1", STATUS("\"fixed\":[\"x\"]"))),
	        0, 1);
	/* Fixed, but nobody says in which version. */
	load_one(f, DOCUMENT(ANY, VULNERABILITY("CVE-2026-1", STATUS("\"fixed\":[\"any\"]"))), 0, 1);
}

static void groups(void **state)
{
	struct load_fixture *f = *state;
	load_one(f,
	        HEAD
	        "\"product_tree\":{\"full_product_names\":[" ANY "],\"product_groups\":[{\"group_id\":\"g\","
	        "\"product_ids\":[\"any\",\"any\"]}]},\"vulnerabilities\":[" VULNERABILITY("CVE-2026-1",
	                STATUS("\"known_not_affected\":[\"any\"]") ",\"flags\":[{\"label\":"
	                                                           "\"inline_mitigations_already_exist\","
	                                                           "\"group_ids\":[\"g\"]}]") "]}",
	        1, 0);
}

static void refused_documents(void **state)
{
	struct load_fixture *f = *state;
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "[]", "not CSAF" },
		{ "{}", "not CSAF" },
		{ "{\"document\":{\"csaf_version\":\"2.1\"}}", "2.1" },
		{ "{\"document\":{\"csaf_version\":\"2.0\",\"tracking\":{}}}", "tracking.id" },
		{ "{\"document\":{\"csaf_version\":\"2.0\",\"tracking\":{\"id\":\"a\",\"current_release_"
		  "date\":\"x\"}}}",
		        "current_release_date" },
		{ "{\"document\":{\"csaf_version\":\"2.0\",\"tracking\":{\"id\":\"a\",\"current_release_"
		  "date\":"
		  "\"2026-01-01T00:00:00Z\",\"status\":\"draft\"}}}",
		        "draft" },
		{ DOCUMENT(OLD "," OLD, ""), "defined twice" },
		{ DOCUMENT(OLD, VULNERABILITY("CVE-2026-1", STATUS("\"fixed\":[\"nowhere\"]"))),
		        "not defined" },
		{ DOCUMENT(OLD,
		          VULNERABILITY(
		                  "CVE-2026-1", STATUS("\"fixed\":[\"old\"],\"known_affected\":[\"old\"]"))),
		        "both" },
		{ DOCUMENT(OLD,
		          VULNERABILITY("CVE-2026-1",
		                  STATUS("\"known_not_affected\":[\"old\"],\"known_affected\":[\"old\"]"))),
		        "both" },
		{ DOCUMENT(OLD, VULNERABILITY("CVE-2026-1", STATUS("\"fixed\":\"old\""))), "not a list" },
		{ DOCUMENT(OLD, VULNERABILITY("CVE-2026-1", STATUS("\"fixed\":[1]"))), "not a text" },
		{ DOCUMENT(OLD, "1"), "not an object" },
		{ HEAD "\"product_tree\":{\"relationships\":[" RELATION(
		          "a", "b", "c") "]},\"vulnerabilities\":[]}",
		        "not defined" },
		{ HEAD "\"product_tree\":[],\"vulnerabilities\":[]}", "product_tree" },
		{ HEAD "\"product_tree\":{\"branches\":{}}}", "branches" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		load_write(f, "d/a.json", rows[i].text, SIZE_MAX);
		load_expect(f, "csaf", "d", 0, 0, 1);
		if (!strstr(f->report.first_refused[0], rows[i].reason))
			fail_msg("row %zu: %s", i, f->report.first_refused[0]);
	}
}

/* Relationships in a circle, and branches without end, end. */
static void trees_without_end(void **state)
{
	struct load_fixture *f = *state;
	load_one(f,
	        HEAD "\"product_tree\":{\"relationships\":[" RELATION("a", "b", "b") "," RELATION(
	                "b", "a", "a") "]},\"vulnerabilities\":[" VULNERABILITY("CVE-2026-1",
	                STATUS("\"fixed\":[\"a\",\"b\"]")) "]}",
	        0, 1);
	json_t *tree = json_object();
	for (int i = 0; i < 100; i++)
		tree = json_pack("{s:[o]}", "branches", tree);
	char *text FREE_ON_EXIT = json_dumps(tree, 0);
	char *document FREE_ON_EXIT = xasprintf(HEAD "\"product_tree\":%s}", text);
	json_decref(tree);
	load_write(f, "d/a.json", document, SIZE_MAX);
	load_expect(f, "csaf", "d", 0, 0, 1);
}

/* The files that a provider has beside its documents are none. */
static void provider_files(void **state)
{
	struct load_fixture *f = *state;
	load_write(f, "d/provider-metadata.json", "{\"canonical_url\":\"https://example.com\"}", SIZE_MAX);
	load_write(f, "d/feed.json", "{\"feed\":{}}", SIZE_MAX);
	load_write(f, "d/index.txt", "a.json\n", SIZE_MAX);
	load_one(f, DOCUMENT(NEW, VULNERABILITY("CVE-2026-1", STATUS("\"fixed\":[\"new\"]"))), 1, 0);
	assert_int_equal(f->report.passed_over, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, load_set_up, load_tear_down)
	const struct CMUnitTest tests[] = { TEST(fixed), TEST(known_affected), TEST(not_affected),
		TEST(several_vulnerabilities), TEST(components_of_platforms), TEST(without_a_package),
		TEST(declared), TEST(ranges_of_packages), TEST(ranges_without_end), TEST(groups),
		TEST(refused_documents), TEST(trees_without_end), TEST(provider_files) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
