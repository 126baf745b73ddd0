/* SPDX-License-Identifier: ISC */
/* An index of hand-written OSV records in a folder of its own, a posture, and what matches. */
#pragma once

#include "tests/unit/test.h"
#include "vuln/update.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOW 1700000000000
#define FOUND_MAX 64

struct fixture {
	char dir[64];
	struct vuln_update *update;
	struct vuln_index *index;
	struct posture posture;
	struct posture_package packages[8];
};

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err;
	strcpy(f->dir, "vuln-match-test-XXXXXX");
	if (!mkdtemp(f->dir) || vuln_update_open(f->dir, &f->update, &err) < 0)
		return -1;
	f->posture.os_id = "debian";
	f->posture.os_version = "12";
	f->posture.packages = f->packages;
	f->posture.packages_known = true;
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	vuln_index_close(f->index);
	vuln_update_close(f->update);
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline void put(struct fixture *f, const char *source, const char *json)
{
	struct error err;
	if (vuln_update_put(f->update, source, json, strlen(json), &err) < 0)
		fail_msg("%s", err.text);
}

static inline struct vuln_update_result commit(struct fixture *f)
{
	struct vuln_update_result result;
	struct error err;
	if (vuln_update_commit(f->update, NOW, NULL, NULL, &result, &err) < 0)
		fail_msg("%s", err.text);
	if (!f->index && vuln_index_open(f->dir, &f->index, &err) < 0)
		fail_msg("%s", err.text);
	return result;
}

static inline void install(struct fixture *f, const char *type, const char *name, const char *version,
        const char *source, const char *source_version)
{
	f->packages[f->posture.n_packages++] = (struct posture_package){ .type = type,
		.name = name,
		.version = version,
		.architecture = "amd64",
		.source = source,
		.source_version = source_version };
}

/* Matches as "package id fixed severity source alias,alias", sorted as they come; unjudged as "package:
 * reason". */
struct found {
	char text[FOUND_MAX][256];
	size_t n;
};

static inline int take_match(const struct vuln_match *m, void *context)
{
	struct found *found = context;
	assert_true(found->n < FOUND_MAX);
	int n = snprintf(found->text[found->n], 256, "%s %s %s %s %s ", m->package->name, m->id,
	        m->fixed ? m->fixed : "-", vuln_severity_name(m->severity), m->source);
	for (const char *const *alias = m->aliases; *alias; alias++)
		n += snprintf(found->text[found->n] + n, 256 - (size_t)n, "%s,", *alias);
	found->n++;
	if (m->judged_as)
		snprintf(found->text[found->n - 1] + n, 256 - (size_t)n, "(%s)", m->judged_as);
	char *purl FREE_ON_EXIT = posture_purl(m->posture, m->package);
	assert_non_null(purl);
	return 0;
}

static inline int take_unjudged(const struct posture_package *package, const char *reason, void *context)
{
	struct found *found = context;
	snprintf(found->text[found->n++], 256, "%s: %s", package->name, reason);
	return 0;
}

static inline struct found match(struct fixture *f)
{
	struct found found = { .n = 0 };
	struct vuln_match_sink sink = { .match = take_match, .unjudged = take_unjudged, .context = &found };
	struct error err;
	if (vuln_match_all(f->index, &f->posture, &sink, NULL, &err) < 0)
		fail_msg("%s", err.text);
	return found;
}

static inline void expect(struct fixture *f, const char *const *lines)
{
	struct found found = match(f);
	size_t n = 0;
	for (; lines[n]; n++) {
		if (n >= found.n)
			fail_msg("missing: %s", lines[n]);
		assert_string_equal(found.text[n], lines[n]);
	}
	if (found.n > n)
		fail_msg("more than expected: %s", found.text[n]);
}
#define EXPECT(f, ...) expect(f, (const char *const[]){ __VA_ARGS__, NULL })
#define EXPECT_NOTHING(f) expect(f, (const char *const[]){ NULL })

/* An advisory with one affected package; the events as JSON. */
static inline void put_in(struct fixture *f, const char *ecosystem, const char *id, const char *package,
        const char *events, const char *more)
{
	char json[4096];
	snprintf(json, sizeof(json),
	        "{\"id\":\"%s\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":\"%s\","
	        "\"name\":\"%s\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":%s}]}]%s}",
	        id, ecosystem, package, events, more);
	put(f, "test", json);
}

static inline void put_simple(
        struct fixture *f, const char *id, const char *package, const char *events, const char *more)
{
	put_in(f, "Debian:12", id, package, events, more);
}

#define WITH_INDEX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
