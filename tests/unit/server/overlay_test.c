/* SPDX-License-Identifier: ISC */
/* An index with advisories over it says what the same index says when they are really in it. */
#include "server/overlay.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"
#include "vuln/update.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PACKAGES 8
#define RECORDS 60

struct fixture {
	char *root;
	uint32_t seed;
};

static uint32_t next(struct fixture *f, uint32_t below)
{
	f->seed = f->seed * 1664525 + 1013904223;
	return (f->seed >> 8) % below;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	return (f->root = directory_make()) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	directory_remove(f->root);
	free(f);
	return 0;
}

/* Some have their severity from an alias or a CVE that they name, some say it, some are withdrawn. */
static char *make_record(struct fixture *f, const char *id)
{
	static const char *const severities[] = { "", "", "LOW", "HIGH", "CRITICAL" };
	char severity[80] = "", names[80] = "", affected[200] = "";
	const char *word = severities[next(f, ARRAY_LENGTH(severities))];
	if (*word)
		snprintf(severity, sizeof(severity), ",\"database_specific\":{\"severity\":\"%s\"}", word);
	switch (next(f, 3)) {
	case 0:
		snprintf(names, sizeof(names), ",\"aliases\":[\"CVE-2026-%u\"]", next(f, 6));
		break;
	case 1:
		snprintf(names, sizeof(names), ",\"related\":[\"CVE-2026-%u\"]", next(f, 6));
		break;
	}
	const unsigned where = next(f, 4);
	if (where)
		snprintf(affected, sizeof(affected),
		        "{\"package\":{\"ecosystem\":\"%s\",\"name\":\"p%u\"},\"ranges\":[{\"type\":"
		        "\"ECOSYSTEM\","
		        "\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"%u\"}]}]}",
		        where == 1           ? "Debian"
		                : where == 2 ? "PyPI"
		                             : "Debian:12",
		        next(f, PACKAGES), next(f, 5));
	return xasprintf("{\"id\":\"%s\",\"modified\":\"2026-0%u-01T00:00:00Z\"%s%s%s,\"affected\":[%s]}", id,
	        1 + next(f, 9), next(f, 8) ? "" : ",\"withdrawn\":\"2026-11-01T00:00:00Z\"", severity, names,
	        affected);
}

static void put(struct vuln_update *u, const char *source, const char *text)
{
	struct error err = { "" };
	if (vuln_update_put(u, source, text, strlen(text), &err) < 0)
		fail_msg("%s: %s", text, err.text);
}

static void commit(struct vuln_update *u)
{
	struct vuln_update_result result;
	struct error err = { "" };
	if (vuln_update_commit(u, 1, NULL, NULL, &result, &err) < 0)
		fail_msg("%s", err.text);
	vuln_update_close(u);
}

static struct vuln_update *begin(const char *dir)
{
	struct vuln_update *u = NULL;
	struct error err = { "" };
	if (vuln_update_open(dir, &u, &err) < 0)
		fail_msg("%s", err.text);
	vuln_update_put_source(u,
	        &(struct vuln_source){
	                .name = "second", .precedence = 7, .trust = VULN_TRUST_SIGNED, .loaded = 1 });
	vuln_update_cover(u, "first", INDEX_BY_ADVISORY, "Debian:12");
	vuln_update_cover(u, "first", INDEX_BY_ADVISORY, "PyPI");
	return u;
}

static struct vuln_index *open_index(const char *dir)
{
	struct vuln_index *index = NULL;
	struct error err = { "" };
	if (vuln_index_open(dir, &index, &err) < 0)
		fail_msg("%s", err.text);
	return index;
}

struct said {
	FILE *out;
};

static int say(const struct vuln_match *m, void *context)
{
	struct said *s = context;
	fprintf(s->out, "%s %s: %s %s %s severity %d, %zu views\n", m->package->type, m->package->name, m->id,
	        m->source, m->fixed ? m->fixed : "-", (int)m->severity, m->n_views);
	return 0;
}

static int say_unjudged(const struct posture_package *package, const char *reason, void *context)
{
	struct said *s = context;
	fprintf(s->out, "%s %s: %s\n", package->type, package->name, reason);
	return 0;
}

/* What the index says of every package; of those alone that the overlay means, where there is one. */
static char *all_of(struct vuln_index *index, const struct overlay *o)
{
	char *text = NULL;
	size_t length;
	struct said s = { open_memstream(&text, &length) };
	const struct vuln_match_sink sink = { .match = say, .unjudged = say_unjudged, .context = &s };
	for (unsigned i = 0; i < 2 * PACKAGES; i++)
		for (unsigned v = 0; v < 4; v++) {
			char name[8], version[8];
			snprintf(name, sizeof(name), "p%u", i / 2);
			snprintf(version, sizeof(version), "%u", v);
			struct posture_package one = { i % 2 ? "deb" : "pypi", name, version, "amd64", name,
				version, 0 };
			struct posture p = { .os_id = "debian",
				.os_version = "12",
				.packages = &one,
				.n_packages = 1,
				.packages_known = true };
			if (!o || overlay_is_meant(&one, o))
				assert_int_equal(vuln_match_all(index, &p, &sink, NULL, NULL), 0);
		}
	fclose(s.out);
	return text;
}

static void run_overlay(struct overlay *o)
{
	const struct posture platform = { .os_id = "debian", .os_version = "12" };
	struct error err = { "" };
	int r;
	overlay_add_platform(o, &platform);
	while ((r = overlay_step(o, &err)) > 0)
		;
	if (r < 0 || overlay_commit(o, &err) < 0 || overlay_open(o, &err) < 0)
		fail_msg("%s", err.text);
}

/* The source of what is tried, where one alone has the id; else that of the overlay. */
static const char *source_of(char owners[][8], size_t n_owners)
{
	return n_owners == 1 ? owners[0] : OVERLAY_SOURCE;
}

static void try_round(struct fixture *f, uint32_t round)
{
	char *base FREE_ON_EXIT = xasprintf("%s/base-%u", f->root, round);
	char *truth FREE_ON_EXIT = xasprintf("%s/truth-%u", f->root, round);
	struct vuln_update *to[2] = { begin(base), begin(truth) };
	char owners[RECORDS][2][8];
	size_t n_owners[RECORDS] = { 0 };
	f->seed = round * 7919 + 1;
	for (unsigned i = 0; i < RECORDS; i++) {
		char id[24];
		snprintf(id, sizeof(id), i < 6 ? "CVE-2026-%u" : "R-%u", i);
		for (unsigned k = 0; k < 2; k++) {
			const char *source = k ? "second" : "first";
			if (next(f, 3) == 0)
				continue;
			char *text FREE_ON_EXIT = make_record(f, id);
			snprintf(owners[i][n_owners[i]++], sizeof(owners[i][0]), "%s", source);
			put(to[0], source, text);
			put(to[1], source, text);
		}
	}
	commit(to[0]);
	struct vuln_index *index = open_index(base);
	struct overlay *o = NULL;
	struct error err = { "" };
	assert_int_equal(overlay_new(index, f->root, &o, &err), 0);
	for (unsigned i = 0; i < 3; i++) {
		const unsigned at = next(f, RECORDS);
		char id[24];
		snprintf(id, sizeof(id), at < 6 ? "CVE-2026-%u" : "R-%u", at);
		char *text FREE_ON_EXIT = make_record(f, id);
		/* Newer than what there is, so that it stands. */
		strstr(text, "2026-0")[3] = '7';
		json_t *record = json_loads(text, 0, NULL);
		if (overlay_add(o, record, NULL, &err) < 0)
			fail_msg("%s", err.text);
		json_decref(record);
		put(to[1], source_of(owners[at], n_owners[at]), text);
	}
	commit(to[1]);
	run_overlay(o);
	struct vuln_index *really = open_index(truth);
	char *tried FREE_ON_EXIT = all_of(overlay_index(o), o), *is FREE_ON_EXIT = all_of(really, o);
	assert_string_equal(tried, is);
	/* And of all the others nothing changes. */
	overlay_free(o);
	vuln_index_close(really);
	vuln_index_close(index);
}

static void test_as_if_it_were_true(void **state)
{
	for (uint32_t round = 0; round < 40; round++)
		try_round(*state, round);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = { "{}", "{\"id\":7}", "{\"id\":\"A\"}",
		"{\"id\":\"A\",\"modified\":\"yesterday\",\"affected\":[]}" };
	char *dir FREE_ON_EXIT = xasprintf("%s/empty", f->root);
	struct error err = { "" };
	struct overlay *o = NULL;
	commit(begin(dir));
	struct vuln_index *index = open_index(dir);
	assert_int_equal(overlay_new(index, f->root, &o, &err), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		json_t *j = json_loads(bad[i], 0, NULL);
		assert_int_equal(overlay_add(o, j, NULL, &err), -EINVAL);
		json_decref(j);
	}
	for (unsigned i = 0; i <= OVERLAY_ADVISORIES_MAX; i++) {
		json_t *j = json_pack("{s:o, s:s, s:[]}", "id", json_sprintf("N-%u", i), "modified",
		        "2026-01-01T00:00:00Z", "affected");
		assert_int_equal(overlay_add(o, j, NULL, &err), i < OVERLAY_ADVISORIES_MAX ? 0 : -E2BIG);
		json_decref(j);
	}
	overlay_free(o);
	assert_int_equal(overlay_new(index, "/nonexistent", &o, &err), -ENOENT);
	vuln_index_close(index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_as_if_it_were_true, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
