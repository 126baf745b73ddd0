/* SPDX-License-Identifier: ISC */
/* Binaries without a word of their source are judged by the source that a suite's indexes know. */
#include "tests/unit/vuln/load_fixture.h"
#include "vuln/built_from.h"

#include <string.h>

#define RECORD \
	"{\"id\":\"CVE-2026-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{" \
	"\"ecosystem\":" \
	"\"Debian:12\",\"name\":\"bar\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":" \
	"\"0\"}," \
	"{\"fixed\":\"1:2-3\"}]}]}]}"

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
	assert_int_equal(vuln_update_commit(f->update, 1700000000000, NULL, NULL, &result, &f->err), 0);
	assert_int_equal(vuln_index_open(dir, &index, &f->err), 0);
	assert_int_equal(vuln_match_all(index, &p, &sink, NULL, &f->err), 0);
	vuln_index_close(index);
	assert_non_null(said);
	assert_non_null(strstr(said, "other versions"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, load_set_up, load_tear_down)
	const struct CMUnitTest tests[] = { cmocka_unit_test(versions), TEST(judged_by_the_source),
		TEST(not_judged_is_no_pass) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
