/* SPDX-License-Identifier: ISC */
/* From hand-written OSV records to matches: update, index and matcher together. */
#include "tests/unit/vuln/match_bed.h"
#include "vuln/listing.h"

static void below_fixed(void **state)
{
	struct fixture *f = *state;
	put_simple(f, "A-1", "openssl", "[{\"introduced\":\"0\"},{\"fixed\":\"3.0.15-1\"}]",
	        ",\"aliases\":[\"CVE-1\",\"CVE-2\"],\"database_specific\":{\"severity\":\"HIGH\"}");
	put_simple(f, "A-2", "openssl", "[{\"introduced\":\"0\"},{\"fixed\":\"3.0.10-1\"}]", "");
	put_simple(f, "A-3", "openssl", "[{\"introduced\":\"0\"}]", "");
	put_simple(f, "A-4", "openssl", "[{\"introduced\":\"0\"},{\"fixed\":\"3.0.20-1\"}]", "");
	assert_int_equal(commit(f).generation, 1);
	install(f, "deb", "libssl3", "3.0.12-1", "openssl", "3.0.12-1");
	EXPECT(f, "libssl3 A-3 - unknown test ", "libssl3 A-4 3.0.20-1 unknown test ",
	        "libssl3 A-1 3.0.15-1 high test CVE-1,CVE-2,");
	f->packages[0].source_version = "3.0.15-1";
	EXPECT(f, "libssl3 A-3 - unknown test ", "libssl3 A-4 3.0.20-1 unknown test ");
	f->packages[0].source_version = "3.0.21-1";
	EXPECT(f, "libssl3 A-3 - unknown test ");
}

static void events_of_every_kind(void **state)
{
	struct fixture *f = *state;
	put_simple(f, "A-1", "p",
	        "[{\"fixed\":\"2\"},{\"introduced\":\"1\"},{\"introduced\":\"3\"},{\"last_affected\":\"4\"}]",
	        "");
	put_simple(f, "A-2", "p", "[{\"introduced\":\"0\"},{\"limit\":\"3\"}]", "");
	commit(f);
	static const struct {
		const char *version;
		bool first, second;
	} rows[] = { { "0.5", false, true }, { "1", true, true }, { "1.9", true, true }, { "2", false, true },
		{ "2.9", false, true }, { "3", true, false }, { "4", true, false }, { "4-0", true, false },
		{ "4.0.1", false, false } };
	install(f, "deb", "p", "1", "p", "1");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		f->packages[0].source_version = rows[i].version;
		struct found found = match(f);
		size_t n = 0;
		if (rows[i].first)
			assert_non_null(strstr(found.text[n++], "A-1"));
		if (rows[i].second)
			assert_non_null(strstr(found.text[n++], "A-2"));
		if (found.n != n)
			fail_msg("version %s: %zu matches", rows[i].version, found.n);
	}
}

static void range_or_listed(void **state)
{
	struct fixture *f = *state;
	put(f, "test",
	        "{\"id\":\"A-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":\"Debian:12\","
	        "\"name\":\"p\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"},{"
	        "\"fixed\":\"2\"}]}],"
	        "\"versions\":[\"1\",\"5.0-1\",\"not a version\"]}]}");
	commit(f);
	install(f, "deb", "p", "1.5", "p", "1.5");
	EXPECT(f, "p A-1 2 unknown test ");
	f->packages[0].source_version = "5.0-1";
	EXPECT(f, "p A-1 - unknown test ");
	f->packages[0].source_version = "5.0-2";
	EXPECT_NOTHING(f);
	assert_int_equal(vuln_update_counts(f->update)->versions_invalid, 1);
}

static void one_match_from_a_record_that_names_a_package_twice(void **state)
{
	struct fixture *f = *state;
	put(f, "test",
	        "{\"id\":\"A-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":["
	        "{\"package\":{\"ecosystem\":\""
	        "AlmaLinux:8\",\"name\":\"p\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":"
	        "[{\"introduced\":\"0\"},{\"fixed\":\"0:1-2\"}]}],\"versions\":[\"9-9\"]},"
	        "{\"package\":{\"ecosystem\":\""
	        "AlmaLinux:8\",\"name\":\"p\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":"
	        "[{\"introduced\":\"0\"},{\"fixed\":\"0:1-5\"}]}],\"versions\":[\"8-8\"]}]}");
	commit(f);
	f->posture.os_id = "almalinux";
	f->posture.os_version = "8.10";
	install(f, "rpm", "p", "0:1-1", "p", "0:1-1");
	EXPECT(f, "p A-1 0:1-2 unknown test ");
	f->packages[0].version = "1-3";
	EXPECT(f, "p A-1 0:1-5 unknown test ");
	f->packages[0].version = "1-5";
	EXPECT_NOTHING(f);
	f->packages[0].version = "8-8";
	EXPECT(f, "p A-1 - unknown test ");
	f->packages[0].version = "9-9";
	EXPECT(f, "p A-1 - unknown test ");
}

/* Rocky's advisories name the source and its epoch, AlmaLinux's each package. */
static void rocky_names_the_source(void **state)
{
	struct fixture *f = *state;
	put(f, "test",
	        "{\"id\":\"A-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":["
	        "{\"package\":{\"ecosystem\":\"Rocky Linux:9\",\"name\":\"openssl\"},\"ranges\":[{\"type\":"
	        "\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"1:3.0.7-25.el9_3\"}]}]}]}");
	commit(f);
	f->posture.os_id = "rocky";
	f->posture.os_version = "9.3";
	install(f, "rpm", "openssl-libs", "1:3.0.7-24.el9", "openssl", "1:3.0.7-24.el9");
	EXPECT(f, "openssl-libs A-1 1:3.0.7-25.el9_3 unknown test ");
	f->packages[0].source_version = "1:3.0.7-25.el9_3";
	EXPECT_NOTHING(f);
}

static void signed_kernels_are_linux(void **state)
{
	struct fixture *f = *state;
	put_simple(f, "A-1", "linux", "[{\"introduced\":\"0\"},{\"fixed\":\"6.1.150-1\"}]", "");
	put_simple(f, "A-2", "grub2", "[{\"introduced\":\"0\"},{\"fixed\":\"2.06-13+deb12u2\"}]", "");
	put_simple(f, "A-3", "shim", "[{\"introduced\":\"0\"},{\"fixed\":\"15.8-1~deb12u2\"}]", "");
	commit(f);
	install(f, "deb", "linux-image-6.1.0-39-amd64", "6.1.148-1", "linux-signed-amd64", "6.1.148+1");
	install(f, "deb", "grub-efi-amd64-signed", "1+2.06+13+deb12u1", "grub-efi-amd64-signed",
	        "1+2.06+13+deb12u1");
	install(f, "deb", "shim-signed", "1.44~1+deb12u1+15.8-1~deb12u1", "shim-signed", "1.44~1+deb12u1");
	install(f, "deb", "linux-image-odd", "6.1.148-1", "linux-signed-amd64", "6.1.148");
	EXPECT(f, "linux-image-6.1.0-39-amd64 A-1 6.1.150-1 unknown test ",
	        "grub-efi-amd64-signed A-2 2.06-13+deb12u2 unknown test ",
	        "shim-signed A-3 15.8-1~deb12u2 unknown test ",
	        "linux-image-odd: the version of the signed source has another form");
	f->packages[0].source_version = "6.1.150+1";
	f->packages[1].source_version = "1+2.06+13+deb12u2";
	f->packages[2].version = "1.44~1+deb12u1+15.8-1~deb12u2";
	f->posture.n_packages = 3;
	EXPECT_NOTHING(f);
}

static void severity_from_aliases(void **state)
{
	struct fixture *f = *state;
	const char *events = "[{\"introduced\":\"0\"}]";
	put_simple(f, "DSA-1", "p", events, ",\"aliases\":[\"CVE-1\"]");
	put_simple(f, "DSA-2", "p", events, ",\"related\":[\"CVE-1\",\"CVE-2\"]");
	commit(f);
	install(f, "deb", "p", "1", "p", "1");
	EXPECT(f, "p DSA-1 - unknown test CVE-1,", "p DSA-2 - unknown test ");
	put(f, "nvd",
	        "{\"id\":\"CVE-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"severity\":[{\"type\":\"CVSS_V3\","
	        "\"score\":"
	        "\"CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:N/A:N\"}]}");
	struct vuln_update_result result = commit(f);
	assert_int_equal(result.records_put, 1);
	assert_int_equal(result.keys_changed, 1);
	/* CVE-2 is not known, and might be worse than CVE-1. */
	EXPECT(f, "p DSA-1 - low test CVE-1,", "p DSA-2 - unknown test ");
	put_simple(f, "CVE-2", "q", events, ",\"database_specific\":{\"severity\":\"CRITICAL\"}");
	commit(f);
	EXPECT(f, "p DSA-1 - low test CVE-1,", "p DSA-2 - critical test ");
	vuln_update_remove(f->update, "nvd", "CVE-1");
	commit(f);
	EXPECT(f, "p DSA-1 - unknown test CVE-1,", "p DSA-2 - critical test ");
	assert_int_equal(vuln_severity_rank(VULN_SEVERITY_UNKNOWN), VULN_SEVERITY_HIGH);
}

static void generations_count_changes(void **state)
{
	struct fixture *f = *state;
	const char *events = "[{\"introduced\":\"0\"},{\"fixed\":\"2\"}]";
	put_simple(f, "A-1", "p", events, "");
	put_simple(f, "A-2", "q", events, "");
	assert_int_equal(commit(f).generation, 1);
	assert_int_equal(vuln_index_generation(f->index), 1);
	assert_int_equal(vuln_index_count(f->index), 2);
	assert_true(vuln_index_updated(f->index) == NOW);
	put_simple(f, "A-1", "p", events, "");
	assert_int_equal(commit(f).generation, 1);
	vuln_update_replace_all(f->update);
	put_simple(f, "A-1", "p", events, ",\"withdrawn\":\"2026-02-01T00:00:00Z\"");
	struct vuln_update_result result = commit(f);
	assert_int_equal(result.generation, 2);
	assert_int_equal(result.records_removed, 1);
	assert_int_equal(result.keys_changed, 2);
	assert_int_equal(vuln_index_generation(f->index), 2);
	assert_int_equal(vuln_index_count(f->index), 0);
	install(f, "deb", "p", "1", "p", "1");
	EXPECT(f, "p: the index has no advisories for Debian:12");
	vuln_update_cover(f->update, "test", INDEX_BY_ADVISORY, "Debian:12");
	commit(f);
	EXPECT_NOTHING(f);
	vuln_update_replace_source(f->update, "test");
	commit(f);
	EXPECT(f, "p: the index has no advisories for Debian:12");
}

static void count_changed(const char *ecosystem, const char *package, void *context)
{
	snprintf(context, 64, "%s %s", ecosystem, package);
}

static void changes_are_named(void **state)
{
	struct fixture *f = *state;
	struct vuln_update_result result;
	char changed[64] = "";
	put_simple(f, "A-1", "p", "[{\"introduced\":\"0\"}]", "");
	assert_int_equal(vuln_update_commit(f->update, NOW, count_changed, changed, &result, NULL), 0);
	assert_string_equal(changed, "Debian:12 p");
}

static void sources_keep_apart(void **state)
{
	struct fixture *f = *state;
	const char *record = "{\"id\":\"A-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{"
	                     "\"package\":{\"ecosystem\":"
	                     "\"PyPI\",\"name\":\"Foo_Bar\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":["
	                     "{\"introduced\":"
	                     "\"0\"},{\"fixed\":\"2.0\"}]}]}]}";
	put(f, "one", record);
	put(f, "two", record);
	commit(f);
	install(f, "pypi", "foo.bar", "1.0rc1", "foo.bar", "1.0rc1");
	EXPECT(f, "foo.bar A-1 2.0 unknown one ");
	vuln_update_replace_source(f->update, "one");
	commit(f);
	EXPECT(f, "foo.bar A-1 2.0 unknown two ");
}

static void what_cannot_be_judged_is_said(void **state)
{
	struct fixture *f = *state;
	put_simple(f, "A-1", "p", "[{\"introduced\":\"0\"}]", "");
	commit(f);
	install(f, "deb", "p", "1_0", "p", "1_0");
	install(f, "npm", "left-pad", "1.0.0", "left-pad", "1.0.0");
	install(f, "brew", "x", "1", "x", "1");
	EXPECT(f, "p: its version is not valid", "left-pad: the index has no advisories for npm",
	        "x: packages of type \"brew\" are not supported");
	f->posture.os_version = "13";
	f->posture.n_packages = 1;
	EXPECT(f, "p: the index has no advisories for Debian:13");
	f->posture.os_version = NULL;
	EXPECT(f, "p: the release of debian is not known");
	f->posture.os_id = "slackware";
	EXPECT(f, "p: deb packages of distribution \"slackware\" are not supported");
}

/* A record that names one package so often that its rules do not fit into one: everything is affected, and
 * other records go on. */
static void too_many_rules_affect_everything(void **state)
{
	struct fixture *f = *state;
	char *json;
	size_t length;
	FILE *out = open_memstream(&json, &length);
	fputs("{\"id\":\"A-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[", out);
	for (int i = 0; i < 70; i++) {
		fprintf(out, "%s{\"package\":{\"ecosystem\":\"Debian:12\",\"name\":\"p\"},\"ranges\":[",
		        i ? "," : "");
		for (int range = 0; range < 1000; range++)
			fprintf(out,
			        "%s{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"1\"},{\"fixed\":"
			        "\"2\"}]}",
			        range ? "," : "");
		fputs("]}", out);
	}
	fputs("]}", out);
	fclose(out);
	put(f, "test", json);
	free(json);
	put_simple(f, "A-2", "p", "[{\"introduced\":\"0\"},{\"fixed\":\"9\"}]", "");
	commit(f);
	install(f, "deb", "p", "5", "p", "5");
	EXPECT(f, "p A-1 - unknown test ", "p A-2 9 unknown test ");
}

/* One advisory for all releases counts in each, and makes none of them known. */
static void an_advisory_of_all_releases(void **state)
{
	struct fixture *f = *state;
	put(f, "test",
	        "{\"id\":\"A-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":\"Debian\",\"name\":\"p\"},\"ranges\":[{\"type\":\"ECOSYSTEM\","
	        "\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"2\"}]}]}]}");
	put_simple(f, "A-2", "q", "[{\"introduced\":\"0\"}]", "");
	commit(f);
	install(f, "deb", "p", "1", "p", "1");
	EXPECT(f, "p A-1 2 unknown test ");
	f->posture.os_version = "13";
	EXPECT(f, "p: the index has no advisories for Debian:13", "p A-1 2 unknown test ");
}

static void say_partial(struct fixture *f, bool partial)
{
	vuln_update_put_source(f->update,
	        &(struct vuln_source){
	                .name = "vendor", .precedence = 100, .required = true, .partial = partial });
}

/* A vendor's feed knows its own packages: what it does not name is not known by it, as long as nobody else
 * knows the release. */
static void a_partial_source_knows_what_it_names(void **state)
{
	struct fixture *f = *state;
	const char *const record =
	        "{\"id\":\"V-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":\"Debian:12\",\"name\":\"acme\"},\"ranges\":[{\"type\":\"ECOSYSTEM\","
	        "\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"2\"}]}]}]}";
	say_partial(f, true);
	put(f, "vendor", record);
	commit(f);
	install(f, "deb", "acme", "1", "acme", "1");
	install(f, "deb", "openssl", "1", "openssl", "1");
	EXPECT(f, "acme V-1 2 unknown vendor ", "openssl: the index has no advisories for Debian:12");
	assert_false(vuln_index_knows(f->index, "Debian:12"));
	f->packages[0].version = f->packages[0].source_version = "2";
	EXPECT(f, "openssl: the index has no advisories for Debian:12");
	/* It is a source of all of it after all, and again not: then what others say counts. */
	say_partial(f, false);
	commit(f);
	EXPECT_NOTHING(f);
	say_partial(f, true);
	commit(f);
	EXPECT(f, "openssl: the index has no advisories for Debian:12");
	put_simple(f, "A-1", "zlib", "[{\"introduced\":\"0\"}]", "");
	commit(f);
	EXPECT_NOTHING(f);
	vuln_update_remove(f->update, "test", "A-1");
	commit(f);
	EXPECT(f, "openssl: the index has no advisories for Debian:12");
}

/* What is only excused is not known of; and what is excused in all releases is in each. */
static void excuses_make_nothing_known(void **state)
{
	struct fixture *f = *state;
	const char *vex =
	        "{\"id\":\"A-1\",\"modified\":\"2026-01-02T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":\"%s\",\"name\":\"p\"},\"database_specific\":{\"pratique\":{\"status\":"
	        "\"not_affected\"}}}]}";
	char *release FREE_ON_EXIT = xasprintf(vex, "Debian:13"),
	              *all FREE_ON_EXIT = xasprintf(vex, "Debian");
	put_simple(f, "A-1", "p", "[{\"introduced\":\"0\"}]", "");
	put(f, "vendor", release);
	commit(f);
	install(f, "deb", "p", "1", "p", "1");
	EXPECT(f, "p A-1 - unknown test ");
	f->posture.os_version = "13";
	EXPECT(f, "p: the index has no advisories for Debian:13");
	put(f, "vendor", all);
	commit(f);
	EXPECT(f, "p: the index has no advisories for Debian:13");
	f->posture.os_version = "12";
	EXPECT_NOTHING(f);
	vuln_update_remove(f->update, "vendor", "A-1");
	commit(f);
	EXPECT(f, "p A-1 - unknown test ");
}

static void a_name_that_no_index_holds(void **state)
{
	struct fixture *f = *state;
	char name[600];
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	put_simple(f, "A-1", "p", "[{\"introduced\":\"0\"}]", "");
	commit(f);
	install(f, "deb", "p1", "1", name, "1");
	install(f, "deb", "p2", "1", "p", "1");
	EXPECT(f, "p1: its name is too long to be looked up", "p2 A-1 - unknown test ");
}

static void an_index_that_is_none(void **state)
{
	struct vuln_index *index;
	struct error err;
	assert_int_equal(vuln_index_open("there-is-no-such-folder", &index, &err), -ENOENT);
	assert_non_null(strstr(err.text, "there-is-no-such-folder"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_INDEX(below_fixed),
		WITH_INDEX(events_of_every_kind),
		WITH_INDEX(range_or_listed),
		WITH_INDEX(one_match_from_a_record_that_names_a_package_twice),
		WITH_INDEX(rocky_names_the_source),
		WITH_INDEX(signed_kernels_are_linux),
		WITH_INDEX(severity_from_aliases),
		WITH_INDEX(generations_count_changes),
		WITH_INDEX(changes_are_named),
		WITH_INDEX(sources_keep_apart),
		WITH_INDEX(what_cannot_be_judged_is_said),
		WITH_INDEX(an_advisory_of_all_releases),
		WITH_INDEX(a_partial_source_knows_what_it_names),
		WITH_INDEX(excuses_make_nothing_known),
		WITH_INDEX(a_name_that_no_index_holds),
		WITH_INDEX(too_many_rules_affect_everything),
		cmocka_unit_test(an_index_that_is_none),
	};
	return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
