/* SPDX-License-Identifier: ISC */
/* What packages are judged as: backports, rebuilds, fixes for subscribers, and the ecosystems of languages.
 */
#include "tests/unit/vuln/match_bed.h"

#include "vuln/needs.h"

#define NO_14 \
	"it is a backport from Debian:14, of which the index has no advisories: load a source that has " \
	"them, as Debian's whole export"

/* A backport is the next release's source, whatever is known of its own release's. */
static void backports_are_judged_where_they_are_from(void **state)
{
	struct fixture *f = *state;
	put_in(f, "Debian:12", "A-1", "p", "[{\"introduced\":\"0\"}]", "");
	put_in(f, "Debian:13", "A-2", "p", "[{\"introduced\":\"0\"},{\"fixed\":\"2.0-3\"}]", "");
	commit(f);
	install(f, "deb", "p-bin", "2.0-2~bpo12+1", "p", "2.0-2~bpo12+1");
	EXPECT(f, "p-bin A-2 2.0-3 unknown test (a backport of 2.0-2 in Debian:13)");
	f->packages[0].source_version = "2.0-3~bpo12+1";
	EXPECT_NOTHING(f);
	f->packages[0].source_version = "1.0-1";
	EXPECT(f, "p-bin A-1 - unknown test ");
	f->packages[0].source_version = "2.0-2~bpo22.04.1"; /* Ubuntu's, which says nothing of its origin */
	EXPECT(f, "p-bin A-1 - unknown test ");
	f->posture.os_version = "13";
	f->packages[0].source_version = "3.0-2~bpo13+1";
	EXPECT(f, "p-bin: " NO_14);
}

static void expect_needs(struct fixture *f, const char *text)
{
	char needs[NEEDS_MAX][ECOSYSTEM_NAME_MAX], said[256] = "";
	const size_t n = vuln_needs(f->index, &f->posture, needs);
	for (size_t i = 0, at = 0; i < n; i++)
		at += (size_t)snprintf(said + at, sizeof(said) - at, "%s ", needs[i]);
	assert_string_equal(said, text);
}

/* What the index lacks is asked for: of the packages' own release, and of those that backports are from. */
static void what_is_needed(void **state)
{
	struct fixture *f = *state;
	put_in(f, "Debian:12", "A-1", "p", "[{\"introduced\":\"0\"}]", "");
	commit(f);
	install(f, "deb", "p", "1.0-1", "p", "1.0-1");
	expect_needs(f, "");
	install(f, "deb", "q", "2.0-2~bpo12+1", "q", "2.0-2~bpo12+1");
	install(f, "deb", "r", "2.0-2~bpo12+1", NULL, NULL);
	install(f, "deb", "s", "2.0-2~bpo11+1", "s", "2.0-2~bpo11+1"); /* of the release before */
	install(f, "pypi", "t", "1", NULL, NULL);
	install(f, "strange", "u", "1~bpo12+1", NULL, NULL);
	expect_needs(f, "Debian:13 PyPI ");
	f->posture.os_version = "13";
	expect_needs(f, "Debian:13 PyPI ");
	put_in(f, "Debian:13", "A-2", "p", "[{\"introduced\":\"0\"}]", "");
	commit(f);
	expect_needs(f, "PyPI ");
	f->packages[1].source_version = "2.0-2~bpo13+1";
	expect_needs(f, "Debian:14 PyPI ");
}

/* What was built again unchanged is the source that it was built from: a list names that. */
static void rebuilds_are_what_was_built(void **state)
{
	struct fixture *f = *state;
	put(f, "test",
	        "{\"id\":\"A-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":\"Debian:12\",\"name\":\"p\"},\"versions\":[\"1.2-3\"]}]}");
	commit(f);
	install(f, "deb", "p", "1.2-3+b1", "p", "1.2-3+b1");
	EXPECT(f, "p A-1 - unknown test ");
	f->packages[0].source_version = "1.2-3+deb12u1";
	EXPECT_NOTHING(f);
}

/* Ubuntu's fixes for subscribers count for all; who has one is judged by them alone. */
static void extended_fixes_of_ubuntu(void **state)
{
	struct fixture *f = *state;
	f->posture.os_id = "ubuntu";
	f->posture.os_version = "18.04";
	put_in(f, "Ubuntu:18.04:LTS", "A-1", "p", "[{\"introduced\":\"0\"}]", "");
	put_in(f, "Ubuntu:Pro:18.04:LTS", "A-1b", "p",
	        "[{\"introduced\":\"0\"},{\"fixed\":\"1-1ubuntu1+esm1\"}]", "");
	commit(f);
	install(f, "deb", "p", "1-1ubuntu1", "p", "1-1ubuntu1");
	EXPECT(f, "p A-1 - unknown test ", "p A-1b 1-1ubuntu1+esm1 unknown test ");
	f->packages[0].source_version = "1-1ubuntu1+esm1";
	EXPECT_NOTHING(f);
	f->packages[0].source_version = "1-1ubuntu1+esm0";
	EXPECT(f, "p A-1b 1-1ubuntu1+esm1 unknown test ");
}

/* Packages of languages: names as the purl and as the advisory spell them, and each in its own order. */
static void other_ecosystems(void **state)
{
	static const struct {
		const char *ecosystem, *advised, *fixed, *type, *name, *affected, *safe;
	} rows[] = {
		{ "Maven", "org.a:b", "2.17.0", "maven", "org.a/b", "2.17.0-rc1", "2.17.0.Final" },
		{ "NuGet", "Newtonsoft.Json", "13.0.1", "nuget", "newtonsoft.JSON", "13.0.1-beta2",
		        "13.0.1.0" },
		{ "RubyGems", "rack", "2.2.6.4", "gem", "rack", "2.2.6.4.pre", "2.2.10" },
		{ "Packagist", "laravel/framework", "8.0.1", "composer", "Laravel/Framework", "8.0.1RC1",
		        "v8.0.1" },
		{ "Pub", "http", "0.13.3", "pub", "http", "0.13.3-dev", "0.13.3+1" },
		{ "Hex", "plug", "1.3.2", "hex", "plug", "1.3.2-rc.1", "1.10.0" },
		{ "Hackage", "aeson", "2.0.1.0", "hackage", "aeson", "1.5.6.0", "2.0.1.0" },
		{ "CRAN", "commonmark", "1.8-1", "cran", "commonmark", "1.8-0", "1.8.1" },
		{ "ConanCenter", "openssl", "1.1.1l", "conan", "openssl", "1.1.1k", "1.1.1m" },
		{ "Go", "github.com/Azure/x", "1.2.3", "golang", "github.com/azure/x", "v1.2.2", "v1.2.3" },
		{ "crates.io", "tokio", "1.8.4", "cargo", "tokio", "1.8.3", "1.8.4" },
		{ "SwiftURL", "github.com/A/B", "1.0.1", "swift", "github.com/a/b", "1.0.0", "1.0.1" },
		{ "GitHub Actions", "tj/Changed", "46.0.1", "githubactions", "tj/changed", "45.0.7",
		        "46.0.1" },
		{ "Bitnami", "redis", "7.0.8", "bitnami", "redis", "7.0.7", "7.0.8" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char events[128];
		snprintf(
		        events, sizeof(events), "[{\"introduced\":\"0\"},{\"fixed\":\"%s\"}]", rows[i].fixed);
		put_in(f, rows[i].ecosystem, rows[i].ecosystem[0] == 'G' ? "A-G" : "A-1", rows[i].advised,
		        events, "");
		commit(f);
		f->posture.n_packages = 0;
		install(f, rows[i].type, rows[i].name, rows[i].affected, rows[i].name, rows[i].affected);
		struct found found = match(f);
		if (found.n != 1 || !strstr(found.text[0], rows[i].fixed))
			fail_msg("%s %s: %zu matches, %s", rows[i].ecosystem, rows[i].affected, found.n,
			        found.n ? found.text[0] : "");
		f->packages[0].version = f->packages[0].source_version = rows[i].safe;
		found = match(f);
		if (found.n != 0)
			fail_msg("%s %s: %s", rows[i].ecosystem, rows[i].safe, found.text[0]);
	}
}

static int take_id(const struct vuln_match *m, void *context)
{
	char *text = context;
	const size_t n = strlen(text);
	snprintf(text + n, 256 - n, "%s%s%s", m->id, m->judged_as ? " as " : "",
	        m->judged_as ? m->judged_as : "");
	strncat(text, ";", 255 - strlen(text));
	return 0;
}

/* What a query that names no node finds, "ID[ as WHAT];" each; what it cannot judge comes in brackets. */
static void expect_asked(struct fixture *f, const char *ecosystem, const char *package, const char *version,
        const char *source_version, const char *expected)
{
	char text[256] = "";
	struct error err;
	const struct vuln_query q = { .ecosystem = ecosystem,
		.package = package,
		.version = version,
		.source_version = source_version };
	int r = vuln_index_query(f->index, &q, take_id, text, NULL, &err);
	if (r != 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "[%d %s]", r > 0, err.text);
	assert_string_equal(text, expected);
}

/* As the matcher judges the same package on a node. */
static void queries_are_judged_alike(void **state)
{
	struct fixture *f = *state;
	put_in(f, "Debian:12", "A-1", "p", "[{\"introduced\":\"0\"}]", "");
	put_in(f, "Debian:13", "A-2", "p", "[{\"introduced\":\"0\"},{\"fixed\":\"2.0-3\"}]", "");
	put_in(f, "Debian", "A-3", "p", "[{\"introduced\":\"0\"},{\"fixed\":\"2.0-2\"}]", "");
	put_in(f, "Debian:12", "A-4", "linux", "[{\"introduced\":\"0\"},{\"fixed\":\"6.1.9-1\"}]", "");
	put(f, "test",
	        "{\"id\":\"A-5\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":\"Debian:12\",\"name\":\"r\"},\"versions\":[\"1.2-3\"]}]}");
	put_in(f, "Ubuntu:18.04:LTS", "A-6", "u", "[{\"introduced\":\"0\"}]", "");
	put_in(f, "Ubuntu:Pro:18.04:LTS", "A-7", "u",
	        "[{\"introduced\":\"0\"},{\"fixed\":\"1-1ubuntu1+esm1\"}]", "");
	commit(f);
	expect_asked(f, "Debian:12", "p", "2.0-2~bpo12+1", NULL, "A-2 as a backport of 2.0-2 in Debian:13;");
	expect_asked(f, "Debian", "p", "2.0-2~bpo12+1", NULL, "A-2 as a backport of 2.0-2 in Debian:13;");
	expect_asked(f, "Debian:12", "p", "2.0-3~bpo12+1", NULL, "");
	expect_asked(f, "Debian:12", "p", "9", "2.0-2~bpo12+1", "A-2 as a backport of 2.0-2 in Debian:13;");
	expect_asked(f, "Debian:12", "p", "1.0-1", NULL, "A-1;A-3;");
	expect_asked(f, "Debian:12", "p", NULL, NULL, "A-1;A-3;");
	expect_asked(f, "Debian:13", "p", "1.0-2~bpo13+1", NULL, "A-2;A-3;[1 " NO_14 "]");
	expect_asked(f, "Debian:12", "linux-signed-amd64", "6.1.8+1", NULL, "A-4;");
	expect_asked(f, "Debian:12", "linux-signed-amd64", "6.1.9+1", NULL, "");
	expect_asked(f, "Debian:12", "linux-signed-amd64", "6.1.9", NULL,
	        "[0 the version of the signed source has another form]");
	expect_asked(f, "Debian:12", "r", "1.2-3+b1", NULL, "A-5;");
	expect_asked(f, "Debian:12", "r", "1.2-4+b1", NULL, "");
	expect_asked(f, "Ubuntu:18.04:LTS", "u", "1-1ubuntu1", NULL, "A-6;A-7;");
	expect_asked(f, "Ubuntu:18.04:LTS", "u", "1-1ubuntu1+esm0", NULL, "A-7;");
	expect_asked(f, "Ubuntu:18.04:LTS", "u", "1-1ubuntu1+esm1", NULL, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_INDEX(backports_are_judged_where_they_are_from),
		WITH_INDEX(what_is_needed),
		WITH_INDEX(rebuilds_are_what_was_built),
		WITH_INDEX(extended_fixes_of_ubuntu),
		WITH_INDEX(other_ecosystems),
		WITH_INDEX(queries_are_judged_alike),
	};
	return cmocka_run_group_tests_name("match_origin", tests, NULL, NULL);
}
