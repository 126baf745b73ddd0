/* SPDX-License-Identifier: ISC */
/* Binaries without a word of their source are judged by the source that a suite's indexes know. */
#include "tests/unit/vuln/load_fixture.h"
#include "vuln/built_from.h"
#include "vuln/journal.h"

#include <string.h>

#define RECORD_OF(id, package, fixed) \
	"{\"id\":\"" id \
	"\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{\"ecosystem\":" \
	"\"Debian:12\",\"name\":\"" package "\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[" \
	"{\"introduced\":\"0\"},{\"fixed\":\"" fixed "\"}]}]}]}"
#define RECORD RECORD_OF("CVE-2026-1", "bar", "1:2-3")

static void expect(struct load_fixture *f, const char *name, const char *version, const char *ids)
{
	char *found FREE_ON_EXIT = load_match(f, "debian", "12", "deb", name, version);
	if (strcmp(found, ids) != 0)
		fail_msg("%s %s: \"%s\", not \"%s\"", name, version, found, ids);
}

static void versions(void **state)
{
	static const struct {
		const char *binary, *source;
	} rows[] = { { "1.2-3", "1.2-3" }, { "1.2-3+b1", "1.2-3" }, { "1:1.2-3+b12", "1:1.2-3" },
		{ "1.2-3+deb12u1+b2", "1.2-3+deb12u1" }, { "1.2-3+b", "1.2-3+b" }, { "1.2-3+c1", "1.2-3+c1" },
		{ "1.2-3b1", "1.2-3b1" }, { "+b1", "+b1" }, { "", "" }, { "1", "1" } };
	char version[VERSION_MAX + 1];
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		built_from_version(rows[i].binary, version);
		assert_string_equal(version, rows[i].source);
	}
}

static void judged_by_the_source(void **state)
{
	struct load_fixture *f = *state;
	assert_int_equal(vuln_update_put(f->update, "s", RECORD, strlen(RECORD), &f->err), 0);
	expect(f, "libbar1", "1:2-2", "");
	vuln_update_put_built(f->update, "suite", "Debian:12", "libbar1", "bar");
	expect(f, "libbar1", "1:2-2", "CVE-2026-1 (fixed 1:2-3)");
	expect(f, "libbar1", "1:2-2+b1", "CVE-2026-1 (fixed 1:2-3)");
	expect(f, "libbar1", "1:2-3+b1", "");
	expect(f, "libbar2", "1:2-2", "");
	/* Whoever replaces itself says it again, or it is not known any more. */
	vuln_update_replace_source(f->update, "other");
	expect(f, "libbar1", "1:2-2", "CVE-2026-1 (fixed 1:2-3)");
	vuln_update_replace_source(f->update, "suite");
	vuln_update_put_built(f->update, "suite", "Debian:12", "libbar2", "bar");
	expect(f, "libbar1", "1:2-2", "");
	expect(f, "libbar2", "1:2-2", "CVE-2026-1 (fixed 1:2-3)");
	/* A source with versions of its own judges nothing by the binary's. */
	vuln_update_put_built(f->update, "suite", "Debian:12", "libbar2", "");
	expect(f, "libbar2", "1:2-2", "");
}

static int note_unjudged(const struct posture_package *package, const char *reason, void *said)
{
	*(char **)said = xstrdup(reason);
	return 0;
}

static void not_judged_is_no_pass(void **state)
{
	struct load_fixture *f = *state;
	struct vuln_update_result result;
	struct vuln_index *index = NULL;
	char *dir FREE_ON_EXIT = xasprintf("%s/index", f->root), *said FREE_ON_EXIT = NULL;
	struct posture_package package = { .type = "deb",
		.name = "libbar1",
		.version = "1-1",
		.source = "libbar1",
		.source_version = "1-1" };
	const struct posture p = { .os_id = "debian",
		.os_version = "12",
		.packages = &package,
		.n_packages = 1,
		.packages_known = true };
	const struct vuln_match_sink sink = { .unjudged = note_unjudged, .context = &said };
	assert_int_equal(vuln_update_put(f->update, "s", RECORD, strlen(RECORD), &f->err), 0);
	vuln_update_put_built(f->update, "suite", "Debian:12", "libbar1", "");
	vuln_update_put_built(f->update, "another", "Debian:12", "libbar1", "bar");
	assert_int_equal(vuln_update_commit(f->update, 1700000000000, NULL, NULL, &result, &f->err), 0);
	assert_int_equal(vuln_index_open(dir, &index, &f->err), 0);
	assert_int_equal(vuln_match_all(index, &p, &sink, NULL, &f->err), 0);
	vuln_index_close(index);
	assert_non_null(said);
	assert_non_null(strstr(said, "other versions"));
}

static void put(struct load_fixture *f, const char *source, const char *binary, const char *package)
{
	vuln_update_replace_source(f->update, source);
	if (binary)
		vuln_update_put_built(f->update, source, "Debian:12", binary, package);
}

static uint64_t commit(struct load_fixture *f)
{
	struct vuln_update_result result;
	assert_int_equal(vuln_update_commit(f->update, 1700000000000, NULL, NULL, &result, &f->err), 0);
	return result.generation;
}

/* Two suites of one release have most packages in common: each speaks for itself. */
static void what_another_suite_says_stays(void **state)
{
	struct load_fixture *f = *state;
	static const char *const suites[] = { "main", "updates", "security" };
	assert_int_equal(vuln_update_put(f->update, "s", RECORD, strlen(RECORD), &f->err), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(suites); i++) {
		put(f, suites[i], "libbar1", "bar");
		expect(f, "libbar1", "1:2-2", "CVE-2026-1 (fixed 1:2-3)");
	}
	for (size_t i = ARRAY_LENGTH(suites); i-- > 1;) {
		put(f, suites[i], NULL, NULL);
		expect(f, "libbar1", "1:2-2", "CVE-2026-1 (fixed 1:2-3)");
	}
	put(f, suites[0], NULL, NULL);
	expect(f, "libbar1", "1:2-2", "");
	/* All of them in one update, and then none. */
	for (size_t i = 0; i < ARRAY_LENGTH(suites); i++)
		put(f, suites[i], "libbar1", "bar");
	expect(f, "libbar1", "1:2-2", "CVE-2026-1 (fixed 1:2-3)");
	put(f, suites[2], NULL, NULL);
	expect(f, "libbar1", "1:2-2", "CVE-2026-1 (fixed 1:2-3)");
	vuln_update_replace_all(f->update);
	assert_int_equal(vuln_update_put(f->update, "s", RECORD, strlen(RECORD), &f->err), 0);
	expect(f, "libbar1", "1:2-2", "");
}

static void the_same_again_is_no_change(void **state)
{
	struct load_fixture *f = *state;
	put(f, "main", "libbar1", "bar");
	const uint64_t first = commit(f);
	put(f, "security", "libbar1", "bar");
	assert_int_equal(commit(f), first);
	for (unsigned i = 0; i < 4; i++) {
		put(f, i % 2 ? "main" : "security", "libbar1", "bar");
		assert_int_equal(commit(f), first);
	}
	put(f, "main", NULL, NULL);
	assert_int_equal(commit(f), first);
	put(f, "security", "libbar1", "foo");
	assert_int_equal(commit(f), first + 1);
	put(f, "main", "libbar1", "bar");
	assert_int_equal(commit(f), first + 2);
	put(f, "main", NULL, NULL);
	assert_int_equal(commit(f), first + 3);
	put(f, "security", NULL, NULL);
	assert_int_equal(commit(f), first + 4);
}

static int note_told(const char *ecosystem, const char *package, void *told_)
{
	char **told = told_, *old FREE_ON_EXIT = *told;
	*told = xasprintf("%s%s ", old ? old : "", package);
	return 0;
}

static void expect_told(
        struct load_fixture *f, struct vuln_index *index, const char *record, const char *names)
{
	char *told FREE_ON_EXIT = NULL;
	struct vuln_moment now, then = vuln_index_moment(index);
	assert_int_equal(vuln_update_put(f->update, "s", record, strlen(record), &f->err), 0);
	assert_int_equal(commit(f), then.generation + 1);
	assert_int_equal(vuln_index_changes(index, &then, note_told, &told, &now, &f->err), 0);
	assert_string_equal(told, names);
}

/* Whoever knows a node's binaries alone learns that their source's advisories changed. */
static void a_source_tells_of_its_binaries(void **state)
{
	struct load_fixture *f = *state;
	struct vuln_index *index;
	char *dir FREE_ON_EXIT = xasprintf("%s/index", f->root);
	assert_int_equal(vuln_update_put(f->update, "s", RECORD, strlen(RECORD), &f->err), 0);
	put(f, "main", "libbar1", "bar");
	vuln_update_put_built(f->update, "main", "Debian:12", "libfoo1", "foo");
	vuln_update_put_built(f->update, "main", "Debian:12", "linux-headers-1", "linux-signed-amd64");
	(void)commit(f);
	assert_int_equal(vuln_index_open(dir, &index, &f->err), 0);
	expect_told(f, index, RECORD_OF("CVE-2026-2", "bar", "2"), "bar libbar1 ");
	expect_told(f, index, RECORD_OF("CVE-2026-3", "linux", "2"), "linux linux-headers-1 ");
	expect_told(f, index, RECORD_OF("CVE-2026-4", "libfoo1", "2"), "libfoo1 ");
	vuln_index_close(index);
}

static void suites_that_differ(void **state)
{
	struct load_fixture *f = *state;
	static const char other[] = RECORD_OF("CVE-2026-2", "foo", "1:2-2+deb12u1");
	assert_int_equal(vuln_update_put(f->update, "s", RECORD, strlen(RECORD), &f->err), 0);
	assert_int_equal(vuln_update_put(f->update, "s", other, strlen(other), &f->err), 0);
	/* The one binary is of one of them, whichever: it is judged by both. */
	put(f, "main", "libbar1", "bar");
	put(f, "security", "libbar1", "foo");
	expect(f, "libbar1", "1:2-2", "CVE-2026-1 (fixed 1:2-3) CVE-2026-2 (fixed 1:2-2+deb12u1)");
	expect(f, "libbar1", "1:2-2+b1", "CVE-2026-1 (fixed 1:2-3) CVE-2026-2 (fixed 1:2-2+deb12u1)");
	expect(f, "libbar1", "1:2-2+deb12u1", "CVE-2026-1 (fixed 1:2-3)");
	expect(f, "libbar1", "1:2-3", "");
	/* A suite that says another thing than before says that alone. */
	put(f, "security", "libbar1", "bar");
	expect(f, "libbar1", "1:2-2", "CVE-2026-1 (fixed 1:2-3)");
	/* Of who has both versions nobody else knows better that they are not the same. */
	put(f, "security", "libbar1", "");
	expect(f, "libbar1", "1:2-2", "");
}

/* A suite whose binary is of a source of the same name says so too. */
static void suites_of_which_one_says_itself(void **state)
{
	struct load_fixture *f = *state;
	assert_int_equal(vuln_update_put(f->update, "o", RECORD, strlen(RECORD), &f->err), 0);
	put(f, "main", "bar", "foo");
	expect(f, "bar", "1:2-2", "");
	load_write(f, "lists/var/lib/apt/lists/deb_dists_bookworm-security_main_binary-amd64_Packages",
	        "Package: bar\nVersion: 1:2-1\n\n", SIZE_MAX);
	load_write(f, "lists/var/lib/apt/lists/deb_dists_bookworm-security_Release",
	        "Origin: Debian\nCodename: bookworm-security\nVersion: 12\n", SIZE_MAX);
	load_expect(f, "apt", "apt:lists", 1, 0, 0);
	expect(f, "bar", "1:2-2", "CVE-2026-1 (fixed 1:2-3)");
}

static void values(void **state)
{
	static const struct {
		const char *bytes;
		size_t length, n, n_packages;
		bool whole;
	} rows[] = { { "", 0, 0, 0, true }, { "bar\0a\0", 6, 1, 1, true },
		{ "bar\0a\0bar\0b\0", 12, 2, 1, true }, { "\0a\0bar\0b\0foo\0c\0", 15, 3, 3, true },
		{ "bar\0a", 5, 0, 0, false }, { "bar", 3, 0, 0, false }, { "bar\0", 4, 0, 0, false },
		{ "bar\0a\0foo\0", 10, 1, 1, false } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *bytes FREE_ON_EXIT = xmemdup(rows[i].bytes, rows[i].length);
		struct built_from b = built_from_begin(bytes, rows[i].length);
		size_t n = 0, n_packages = 0;
		while (built_from_next(&b))
			n++;
		assert_int_equal(n, rows[i].n);
		assert_int_equal(b.left == 0, rows[i].whole);
		b = built_from_begin(bytes, rows[i].length);
		while (built_from_next_package(&b))
			n_packages++;
		assert_int_equal(n_packages, rows[i].n_packages);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, load_set_up, load_tear_down)
	const struct CMUnitTest tests[] = { cmocka_unit_test(versions), cmocka_unit_test(values),
		TEST(judged_by_the_source), TEST(what_another_suite_says_stays),
		TEST(the_same_again_is_no_change), TEST(a_source_tells_of_its_binaries),
		TEST(suites_that_differ), TEST(suites_of_which_one_says_itself),
		TEST(not_judged_is_no_pass) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
