/* SPDX-License-Identifier: ISC */
/* Sources that disagree: which stands, and what the match says of the others. And what the index keeps of
 * sources and records: ranks, freshness, texts, older forms. */
#include "tests/unit/test.h"
#include "vuln/show.h"
#include "vuln/update.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOW 1700000000000

struct fixture {
	char dir[64];
	struct vuln_update *update;
	struct vuln_index *index;
	char found[4096];
};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err;
	strcpy(f->dir, "vuln-settle-test-XXXXXX");
	if (!mkdtemp(f->dir) || vuln_update_open(f->dir, &f->update, &err) < 0 ||
	        vuln_index_open(f->dir, &f->index, &err) < 0)
		return -1;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	vuln_index_close(f->index);
	vuln_update_close(f->update);
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void declare(struct fixture *f, const char *name, uint32_t precedence, enum vuln_trust trust)
{
	vuln_update_put_source(f->update,
	        &(struct vuln_source){
	                .name = name, .precedence = precedence, .trust = trust, .required = true });
}

/* modified: the day of January 2026; affected: the entry but for its package, which is Debian:12's p. */
static void put_for(struct fixture *f, const char *source, const char *id, int modified,
        const char *ecosystem, const char *affected, const char *more)
{
	struct error err;
	char *json FREE_ON_EXIT = xasprintf("{\"id\":\"%s\",\"modified\":\"2026-01-%02dT00:00:00Z\","
	                                    "\"affected\":[{\"package\":{\"ecosystem\":"
	                                    "\"%s\",\"name\":\"p\"},%s}]%s}",
	        id, modified, ecosystem, affected, more);
	if (vuln_update_put(f->update, source, json, strlen(json), &err) < 0)
		fail_msg("%s", err.text);
}
static void put(struct fixture *f, const char *source, const char *id, int modified, const char *affected,
        const char *more)
{
	put_for(f, source, id, modified, "Debian:12", affected, more);
}

#define RANGE(events) "\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[" events "]}]"
#define BELOW(fixed) RANGE("{\"introduced\":\"0\"},{\"fixed\":\"" fixed "\"}")
#define ALWAYS RANGE("{\"introduced\":\"0\"}")
#define VEX \
	"\"database_specific\":{\"pratique\":{\"status\":\"not_affected\",\"justification\":\"no such " \
	"code\"}}"

static struct vuln_update_result commit(struct fixture *f)
{
	struct vuln_update_result result;
	struct error err;
	if (vuln_update_commit(f->update, NOW, NULL, NULL, &result, &err) < 0)
		fail_msg("%s", err.text);
	return result;
}

static void add(struct fixture *f, const char *format, ...)
{
	size_t n = strlen(f->found);
	va_list args;
	va_start(args, format);
	vsnprintf(f->found + n, sizeof(f->found) - n, format, args);
	va_end(args);
}

/* "id source fixed severity alias,alias [conflict]" a line. */
static int take_match(const struct vuln_match *m, void *context)
{
	struct fixture *f = context;
	add(f, "%s %s %s %s ", m->id, m->source, m->fixed ? m->fixed : "-", vuln_severity_name(m->severity));
	for (const char *const *alias = m->aliases; *alias; alias++)
		add(f, "%s,", *alias);
	add(f, m->conflict ? " [%s]\n" : "\n", m->conflict);
	return 0;
}

static void expect(struct fixture *f, const char *version, const char *lines)
{
	struct error err;
	const struct vuln_query q = { .ecosystem = "Debian:12", .package = "p", .version = version };
	f->found[0] = '\0';
	if (vuln_index_query(f->index, &q, take_match, f, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(f->found, lines);
}

static void the_lower_precedence_stands(void **state)
{
	struct fixture *f = *state;
	declare(f, "tracker", 10, VULN_TRUST_NONE);
	put(f, "feed", "CVE-1", 9, BELOW("3"), "");
	put(f, "tracker", "CVE-1", 1, BELOW("2"), "");
	commit(f);
	expect(f, "1",
	        "CVE-1 tracker 2 unknown  [feed says fixed in 3: tracker stands, precedence 10 before "
	        "100]\n");
	expect(f, "2.5", "");
	/* The other way round: its records are settled anew. */
	declare(f, "tracker", 200, VULN_TRUST_NONE);
	assert_int_equal(commit(f).keys_changed, 1);
	expect(f, "2.5",
	        "CVE-1 feed 3 unknown  [tracker says that this version is not affected, fixed in 2: feed "
	        "stands, "
	        "precedence 100 before 200]\n");
}

static void then_trust_then_time_then_name(void **state)
{
	struct fixture *f = *state;
	put(f, "b", "CVE-1", 2, BELOW("2"), "");
	put(f, "a", "CVE-1", 2, BELOW("3"), "");
	commit(f);
	expect(f, "1", "CVE-1 a 3 unknown  [b says fixed in 2: a stands, by its name]\n");
	put(f, "b", "CVE-1", 3, BELOW("2"), "");
	commit(f);
	expect(f, "1", "CVE-1 b 2 unknown  [a says fixed in 3: b stands, its record is the newer one]\n");
	declare(f, "a", 100, VULN_TRUST_SIGNED);
	commit(f);
	expect(f, "1", "CVE-1 a 3 unknown  [b says fixed in 2: a stands, signed before none]\n");
}

static void not_affected_by_vex(void **state)
{
	struct fixture *f = *state;
	put(f, "feed", "CVE-1", 1, ALWAYS, "");
	put(f, "vendor", "CVE-1", 1, VEX, "");
	declare(f, "vendor", 10, VULN_TRUST_SIGNED);
	commit(f);
	expect(f, "1", "");
	declare(f, "vendor", 110, VULN_TRUST_SIGNED);
	commit(f);
	expect(f, "1",
	        "CVE-1 feed - unknown  [vendor says not affected (no such code): feed stands, precedence 100 "
	        "before "
	        "110]\n");
}

static void not_affected_at_some_versions(void **state)
{
	struct fixture *f = *state;
	put(f, "feed", "CVE-1", 1, BELOW("5"), "");
	put(f, "vendor", "CVE-1", 1, "\"versions\":[\"1\",\"2\"]," VEX, "");
	declare(f, "vendor", 10, VULN_TRUST_NONE);
	commit(f);
	expect(f, "1", "");
	expect(f, "3", "CVE-1 feed 5 unknown \n");
	expect(f, "5", "");
	/* The vendor is silent where it says nothing of the version; the one in the middle decides then. */
	put(f, "middle", "CVE-1", 1, BELOW("3"), "");
	declare(f, "middle", 50, VULN_TRUST_NONE);
	commit(f);
	expect(f, "2", "");
	expect(f, "3", "");
	expect(f, "2.5",
	        "CVE-1 middle 3 unknown  [feed says fixed in 5: middle stands, precedence 50 before 100]\n");
}

static void severity_of_who_knows_it(void **state)
{
	struct fixture *f = *state;
	declare(f, "tracker", 10, VULN_TRUST_NONE);
	put(f, "tracker", "CVE-1", 1, BELOW("2"), "");
	put(f, "feed", "CVE-1", 1, BELOW("2"), ",\"database_specific\":{\"severity\":\"HIGH\"}");
	commit(f);
	expect(f, "1", "CVE-1 tracker 2 high \n");
	put(f, "tracker", "CVE-1", 2, BELOW("2"), ",\"database_specific\":{\"severity\":\"LOW\"}");
	commit(f);
	expect(f, "1", "CVE-1 tracker 2 low  [feed says high: tracker stands, precedence 10 before 100]\n");
}

/* What is said of all releases is settled with what is said of one. */
static void all_releases_and_one(void **state)
{
	struct fixture *f = *state;
	put(f, "feed", "CVE-1", 1, ALWAYS, "");
	put_for(f, "vendor", "CVE-1", 1, "Debian", VEX, "");
	declare(f, "vendor", 10, VULN_TRUST_NONE);
	put_for(f, "vendor", "CVE-2", 1, "Debian", ALWAYS, "");
	commit(f);
	expect(f, "1", "CVE-2 vendor - unknown \n");
}

static void a_source_that_goes_frees_the_other(void **state)
{
	struct fixture *f = *state;
	put(f, "feed", "CVE-1", 1, ALWAYS, "");
	put(f, "vendor", "CVE-1", 1, VEX, "");
	declare(f, "vendor", 10, VULN_TRUST_NONE);
	commit(f);
	expect(f, "1", "");
	put(f, "vendor", "CVE-1", 2, VEX, ",\"withdrawn\":\"2026-02-01T00:00:00Z\"");
	struct vuln_update_result result = commit(f);
	assert_int_equal(result.records_withdrawn, 1);
	assert_int_equal(result.keys_changed, 1);
	expect(f, "1", "CVE-1 feed - unknown \n");
}

static int take_source(const struct vuln_source *s, void *context)
{
	add(context, "%s %u %s %d records %d newest %d generation %d loaded %d\n", s->name, s->precedence,
	        vuln_trust_name(s->trust), s->required, (int)s->records,
	        (int)((s->newest - 1767225600000) / 86400000) + 1, (int)s->generation,
	        (int)(s->loaded - NOW));
	return 0;
}

static void sources_are_known(void **state)
{
	struct fixture *f = *state;
	struct vuln_freshness fresh;
	put(f, "feed", "CVE-1", 1, ALWAYS, "");
	put(f, "feed", "CVE-2", 7, ALWAYS, "");
	vuln_update_put_source(f->update,
	        &(struct vuln_source){
	                .name = "own", .precedence = 10, .trust = VULN_TRUST_SIGNED, .loaded = NOW - 5 });
	vuln_update_put_source(f->update,
	        &(struct vuln_source){
	                .name = "slow", .precedence = 100, .freshness_ms = 1000, .required = true });
	commit(f);
	vuln_update_note_loaded(f->update, "slow", NOW - 3000);
	assert_int_equal(commit(f).generation, 1);
	assert_int_equal(vuln_index_each_source(f->index, take_source, f, NULL), 0);
	assert_string_equal(f->found,
	        "feed 100 none 1 records 2 newest 7 generation 1 loaded 0\n"
	        "own 10 signed 0 records 0 newest -20453 generation 0 loaded -5\n"
	        "slow 100 none 1 records 0 newest -20453 generation 0 loaded -3000\n");
	assert_int_equal(vuln_index_freshness(f->index, NOW, &fresh), 0);
	assert_int_equal(fresh.n_sources, 3);
	assert_int_equal(fresh.n_stale, 1);
	assert_string_equal(fresh.stale_source, "slow");
	assert_string_equal(fresh.oldest_source, "slow");
	assert_true(fresh.oldest == NOW - 3000);
}

static int take_form(const struct vuln_form *form, void *context)
{
	add(context, "%u at %d day %d, %s fixed in 2\n", form->events, (int)form->generation,
	        (int)((form->modified - 1767225600000) / 86400000) + 1,
	        strstr(form->text, "\"2\"") ? "" : "not");
	assert_int_equal(strlen(form->text), form->length);
	return 0;
}

static void texts_and_older_forms(void **state)
{
	struct fixture *f = *state;
	struct error err;
	char *text;
	size_t length;
	put(f, "feed", "CVE-1", 1, BELOW("2"), "");
	assert_int_equal(commit(f).records_new, 1);
	put(f, "feed", "CVE-1", 2, BELOW("3"), ",\"aliases\":[\"GHSA-1\"]");
	struct vuln_update_result result = commit(f);
	assert_int_equal(result.records_modified, 1);
	assert_int_equal(result.records_aliased, 1);
	assert_int_equal(vuln_index_text(f->index, "CVE-1", "feed", &text, &length, &err), 0);
	assert_non_null(strstr(text, "GHSA-1"));
	assert_int_equal(strlen(text), length);
	free(text);
	vuln_update_remove(f->update, "feed", "CVE-1");
	assert_int_equal(commit(f).records_removed, 1);
	assert_int_equal(vuln_index_text(f->index, "CVE-1", "feed", &text, &length, &err), -ENOENT);
	assert_int_equal(vuln_index_history(f->index, "CVE-1", "feed", take_form, f, &err), 0);
	assert_string_equal(f->found, "9 at 2 day 1,  fixed in 2\n32 at 3 day 2, not fixed in 2\n");
}

#define ALIAS(id) ",\"aliases\":[\"" id "\"]"

static void aliases_are_one_vulnerability(void **state)
{
	struct fixture *f = *state;
	put(f, "feed", "CVE-1", 1, BELOW("2"), "");
	put(f, "other", "GHSA-1", 1, BELOW("3"), ALIAS("CVE-1"));
	put(f, "third", "X-1", 1, BELOW("2"), ALIAS("GHSA-1"));
	put(f, "third", "X-2", 1, BELOW("2"), ",\"related\":[\"GHSA-1\"]");
	declare(f, "feed", 10, VULN_TRUST_NONE);
	commit(f);
	expect(f, "1",
	        "CVE-1 feed 2 unknown GHSA-1,X-1, [other says fixed in 3: feed stands, precedence 10 before "
	        "100]\n"
	        "X-2 third 2 unknown \n");
	/* What joined them is gone: the records that stay are written anew. */
	vuln_update_remove(f->update, "other", "GHSA-1");
	assert_int_equal(commit(f).keys_changed, 1);
	expect(f, "1", "CVE-1 feed 2 unknown \nX-1 third 2 unknown GHSA-1,\nX-2 third 2 unknown \n");
	put(f, "third", "X-1", 2, BELOW("2"), ALIAS("CVE-1"));
	struct vuln_update_result result = commit(f);
	assert_int_equal(result.records_aliased, 1);
	assert_int_equal(result.records_merged, 1);
	expect(f, "1", "CVE-1 feed 2 unknown X-1,\nX-2 third 2 unknown \n");
}

/* A record that has no package joins two that have. */
static void a_record_between(void **state)
{
	struct fixture *f = *state;
	put(f, "a", "A-1", 1, ALWAYS, "");
	put(f, "b", "B-1", 1, ALWAYS, "");
	commit(f);
	expect(f, "1", "A-1 a - unknown \nB-1 b - unknown \n");
	put_for(f, "c", "C-1", 1, "Debian:11", ALWAYS, ",\"aliases\":[\"A-1\",\"B-1\"]");
	assert_int_equal(commit(f).keys_changed, 2);
	expect(f, "1", "A-1 a - unknown B-1,\n");
}

/* What is said of one CVE excuses no other one, whoever joins them. */
static void two_cves_are_never_one(void **state)
{
	struct fixture *f = *state;
	put(f, "feed", "CVE-1", 1, ALWAYS, "");
	put(f, "feed", "CVE-2", 1, ALWAYS, ALIAS("CVE-1"));
	put(f, "vendor", "CVE-2", 1, VEX, "");
	declare(f, "vendor", 10, VULN_TRUST_NONE);
	put(f, "bad", "B-1", 1, ALWAYS, ",\"aliases\":[\"CVE-1\",\"CVE-2\"]");
	struct vuln_update_result result = commit(f);
	assert_true(result.aliases_refused > 0);
	expect(f, "1", "B-1 bad - unknown CVE-1,CVE-2,\nCVE-1 feed - unknown \n");
}

/* An id that is somebody else's is not moved by a source that stands behind that one. */
static void a_lower_source_moves_no_record(void **state)
{
	struct fixture *f = *state;
	declare(f, "debian", 10, VULN_TRUST_SIGNED);
	declare(f, "vendor", 5, VULN_TRUST_SIGNED);
	put(f, "debian", "DSA-1", 1, ALWAYS, "");
	put(f, "vendor", "CVE-2", 1, VEX, "");
	put(f, "bad", "CVE-2", 1, ALWAYS, ALIAS("DSA-1"));
	put(f, "bad", "DSA-1", 1, ALWAYS, ALIAS("CVE-2"));
	commit(f);
	expect(f, "1", "DSA-1 debian - unknown \n");
}

/* One match that begins so and has so many aliases. */
static void expect_one(struct fixture *f, const char *version, const char *begins, size_t aliases)
{
	struct error err;
	const struct vuln_query q = { .ecosystem = "Debian:12", .package = "p", .version = version };
	size_t n = 0;
	f->found[0] = '\0';
	if (vuln_index_query(f->index, &q, take_match, f, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(strncmp(f->found, begins, strlen(begins)), 0);
	for (const char *c = f->found; *c; c++)
		n += *c == ',';
	assert_int_equal(n, aliases);
	assert_ptr_equal(strchr(f->found, '\n'), f->found + strlen(f->found) - 1);
}

static void too_many_aliases_join_nothing(void **state)
{
	struct fixture *f = *state;
	char id[32], alias[64];
	put(f, "feed", "X-0", 1, ALWAYS, "");
	for (int i = 1; i <= 40; i++) {
		snprintf(id, sizeof(id), "X-%d", i);
		snprintf(alias, sizeof(alias), ",\"aliases\":[\"X-%d\"]", i - 1);
		put(f, "feed", id, 1, BELOW("0.5"), alias);
	}
	assert_int_equal(commit(f).aliases_refused, 0);
	expect_one(f, "0.1", "X-0 feed - unknown ", 40);
	for (int i = 41; i <= 70; i++) {
		snprintf(id, sizeof(id), "X-%d", i);
		snprintf(alias, sizeof(alias), ",\"aliases\":[\"X-%d\"]", i - 1);
		put(f, "feed", id, 1, BELOW("0.5"), alias);
	}
	struct vuln_update_result result = commit(f);
	assert_true(result.aliases_refused > 40);
	expect_one(f, "1", "X-0 feed - unknown ", 0);
	/* And the other way: a link in the middle goes. */
	vuln_update_remove(f->update, "feed", "X-35");
	commit(f);
	expect_one(f, "1", "X-0 feed - unknown ", 34);
}

int main(void)
{
#define WITH_INDEX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_INDEX(the_lower_precedence_stands),
		WITH_INDEX(then_trust_then_time_then_name),
		WITH_INDEX(not_affected_by_vex),
		WITH_INDEX(not_affected_at_some_versions),
		WITH_INDEX(severity_of_who_knows_it),
		WITH_INDEX(all_releases_and_one),
		WITH_INDEX(a_source_that_goes_frees_the_other),
		WITH_INDEX(aliases_are_one_vulnerability),
		WITH_INDEX(a_record_between),
		WITH_INDEX(two_cves_are_never_one),
		WITH_INDEX(a_lower_source_moves_no_record),
		WITH_INDEX(too_many_aliases_join_nothing),
		WITH_INDEX(sources_are_known),
		WITH_INDEX(texts_and_older_forms),
	};
	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
