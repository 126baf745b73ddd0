/* SPDX-License-Identifier: ISC */
/*
 * The security suite in apt's own package lists as a source of advisories: "an installed version below the
 * suite's is affected". Judged by binary package, because that is what the list names. One advisory is one
 * source package at one version: DEBIAN-SECURITY:bookworm:openssl:3.0.15-1~deb12u1. Nothing says how severe
 * it is.
 */
#include "base/file.h"
#include "base/table.h"
#include "posture/dpkg.h"
#include "posture/os_release.h"
#include "vuln/load_private.h"
#include "vuln/release_file.h"
#include "vuln/rule.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#define LISTS "var/lib/apt/lists"
#define LIST_MAX (512u << 20)

/* What the suite's Release file says of it. */
struct suite {
	char origin[64], codename[64], version[32];
	time_ms date;
};

/* The newest version of one binary package, and the source that it is built from. */
struct newest {
	char *source, *source_version, *version;
};

/* All binaries of one source at one version. */
struct binary {
	char *name;
	const char *version; /* in struct newest */
};
struct group {
	char *source, *version;
	struct binary *binaries;
	size_t n, capacity;
};

static void free_newest(void *n_)
{
	struct newest *n = n_;
	free(n->source);
	free(n->source_version);
	free(n->version);
	free(n);
}

static void free_group(void *g_)
{
	struct group *g = g_;
	for (size_t i = 0; i < g->n; i++)
		free(g->binaries[i].name);
	free(g->binaries);
	free(g->source);
	free(g->version);
	free(g);
}

/* "NAME (VERSION)", "NAME" or nothing. */
static void take_source(const struct dpkg_stanza *s, struct newest *ret)
{
	struct dpkg_value source = s->source.text ? s->source : s->package;
	const char *open = memchr(source.text, '(', source.length);
	size_t n = open ? (size_t)(open - source.text) : source.length;
	while (n > 0 && source.text[n - 1] == ' ')
		n--;
	ret->source = xstrndup(source.text, n);
	if (!open) {
		ret->source_version = xstrndup(s->version.text, s->version.length);
		return;
	}
	const char *end = memchr(open, ')', source.length - (size_t)(open - source.text));
	ret->source_version = xstrndup(open + 1, end ? (size_t)(end - open - 1) : 0);
}

static void take_stanza(
        struct load_reading *reading, struct table *binaries, const struct dpkg_stanza *s, const char *path)
{
	int order;
	struct error why;
	struct newest *old = table_get(binaries, s->package.text, s->package.length);
	char *version = xstrndup(s->version.text, s->version.length);
	if (version_compare(VERSION_DPKG, version, old ? old->version : version, &order, &why) < 0) {
		load_note_refused(reading->l->report, path, why.text);
		free(version);
		return;
	}
	if (old && order <= 0) {
		free(version);
		return;
	}
	struct newest *n = xcalloc(1, sizeof(*n));
	n->version = version;
	take_source(s, n);
	old = table_set(binaries, s->package.text, s->package.length, n);
	if (old)
		free_newest(old);
}

static void take_stanzas(struct load_reading *reading, struct table *binaries, const char *path,
        const char *text, size_t length)
{
	struct dpkg_scanner scanner = dpkg_scan(text, length);
	struct dpkg_stanza stanza;
	while (dpkg_next_stanza(&scanner, &stanza)) {
		if (!stanza.package.text || !stanza.version.text || stanza.package.length >= PACKAGE_NAME_MAX)
			load_note_refused(reading->l->report, path, "a stanza without package or version");
		else
			take_stanza(reading, binaries, &stanza, path);
	}
}

/* "HOST_dists_SUITE_main_binary-amd64_Packages.lz4" behind the suite, as the Release file calls it. */
static char *path_in_release(const char *rest)
{
	const char *end = strstr(rest, "_Packages");
	if (!end)
		return xstrdup(rest);
	char *path = xstrndup(rest, (size_t)(end - rest) + strlen("_Packages"));
	for (char *c = path; *c; c++)
		if (*c == '_')
			*c = '/';
	return path;
}

static void set_text(char *to, size_t size, const char *from)
{
	if (*from)
		snprintf(to, size, "%s", from);
}

/* The release file beside a list: "..._dists_SUITE_" and InRelease or Release; a suite's name may hold a
 * slash, which is an underscore here. -ENOENT: there is none. *ret_rest: what follows the suite in the list's
 * name. */
static int find_release(struct load_reading *reading, const char *folder, const char *list,
        struct release_file *ret, const char **ret_rest, struct error *err)
{
	static const char *const names[] = { "InRelease", "Release" };
	const char *suite = strstr(list, "_dists_");
	for (const char *end = suite ? strchr(suite + strlen("_dists_"), '_') : NULL; end;
	        end = strchr(end + 1, '_'))
		for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
			char *path FREE_ON_EXIT =
			        xasprintf("%s/%.*s_%s", folder, (int)(end - list), list, names[i]);
			char *text FREE_ON_EXIT = NULL;
			size_t length;
			int r = file_read(path, RELEASE_FILE_MAX, &text, &length, err);
			if (r == -ENOENT)
				continue;
			*ret_rest = end + 1;
			if (r == 0)
				r = release_file_read(
				        text, length, reading->keys, reading->source->now, ret, err);
			return r < 0 ? error_prefix(err, r, "%s", path) : 0;
		}
	return error_set(err, -ENOENT, "%s/%s: no Release file beside it", folder, list);
}

/* Lists may be packed in any of apt's ways. What a keyring is named for is demanded; else a Release file may
 * be missing or wrong, as long as apt believed it. */
static int take_list(struct load_reading *reading, struct table *binaries, const char *folder,
        const char *name, struct suite *suite, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", folder, name), *text FREE_ON_EXIT = NULL;
	size_t length;
	const char *rest = "";
	struct release_file release = { .text = NULL };
	int r = find_release(reading, folder, name, &release, &rest, err);
	if (r < 0 && (reading->keys || r == -ESTALE))
		return r;
	r = load_unpack(path, LIST_MAX, &text, &length, err);
	if (r == 0 && release.is_signed) {
		char *listed FREE_ON_EXIT = path_in_release(rest);
		r = release_file_check(&release, listed, text, length, err);
		reading->l->report->signed_ += r == 0;
	}
	if (r == 0) {
		set_text(suite->origin, sizeof(suite->origin), release.origin);
		set_text(suite->codename, sizeof(suite->codename), release.codename);
		set_text(suite->version, sizeof(suite->version), release.version);
		suite->date = MAX(suite->date, release.date);
		take_stanzas(reading, binaries, path, text, length);
	}
	release_file_clear(&release);
	return r;
}

/* Where no release file says it, the lists are those of the system that they were found on. */
static void complete_suite(const char *root, struct suite *suite)
{
	char *path FREE_ON_EXIT = xasprintf("%s/etc/os-release", root);
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	if (*suite->version && *suite->codename && *suite->origin)
		return;
	if (file_read(path, OS_RELEASE_FILE_MAX, &text, &length, NULL) < 0)
		return;
	struct posture *p = posture_new();
	os_release_read_text(text, length, p);
	if (!*suite->version && p->os_version)
		snprintf(suite->version, sizeof(suite->version), "%s", p->os_version);
	if (!*suite->codename && p->os_codename)
		snprintf(suite->codename, sizeof(suite->codename), "%s", p->os_codename);
	if (!*suite->origin && p->os_id)
		snprintf(suite->origin, sizeof(suite->origin), "%s", p->os_id);
	posture_free(p);
}

static void write_group(const struct load_reading *reading, const char *id, const char *summary,
        time_ms modified, const char *ecosystem, const struct group *g, struct record_writer *rw)
{
	struct record_head head = {
		.id = id, .source = reading->source->name, .summary = summary, .modified = modified
	};
	wr_reset(&rw->w);
	record_begin(rw, &head);
	for (size_t i = 0; i < g->n; i++) {
		const struct binary *b = &g->binaries[i];
		struct version_key key;
		struct record_affected a = { .by_binary = true,
			.ecosystem = ecosystem,
			.package = b->name,
			.kind = RULE_BELOW,
			.fixed = b->version };
		if (version_key_make(VERSION_DPKG, b->version, &key, NULL) < 0)
			continue;
		a.rule = key.bytes;
		a.rule_length = key.length;
		record_add_affected(rw, &a);
	}
}

static void put_group(struct load_reading *reading, const struct suite *suite, const char *ecosystem,
        const struct group *g, struct record_writer *rw)
{
	char id[RECORD_ID_MAX], summary[RECORD_SUMMARY_MAX], origin[64];
	size_t i = 0;
	for (; suite->origin[i]; i++)
		origin[i] = (char)toupper((unsigned char)suite->origin[i]);
	origin[i] = '\0';
	snprintf(id, sizeof(id), "%s-SECURITY:%s:%s:%s", origin, suite->codename, g->source, g->version);
	snprintf(summary, sizeof(summary), "%s %s is in the security suite of %s", g->source, g->version,
	        suite->codename);
	/* The Release file has a date each day, and what it says of a package is as old as the package. */
	time_ms before = load_stored_time(reading, id);
	write_group(reading, id, summary, before ? before : suite->date, ecosystem, g, rw);
	struct error why = { "more binary packages than a record may have" };
	if (!record_end(rw) || load_put_record(reading, id, rw->w.data, rw->w.length, &why) < 0)
		load_note_refused(reading->l->report, id, why.text);
}

static int order_binaries(const void *a, const void *b)
{
	return strcmp(((const struct binary *)a)->name, ((const struct binary *)b)->name);
}

/* The binaries by source and version. */
static struct table *group_binaries(const struct table *binaries)
{
	struct table *groups = table_new();
	TABLE_FOREACH(it, binaries) {
		const struct newest *n = it.value;
		char *key FREE_ON_EXIT = xasprintf("%s %s", n->source, n->source_version);
		struct group *g = table_get_string(groups, key);
		if (!g) {
			g = xcalloc(1, sizeof(*g));
			g->source = xstrdup(n->source);
			g->version = xstrdup(n->source_version);
			table_set_string(groups, key, g);
		}
		ARRAY_RESERVE_ONE(g->binaries, g->n, g->capacity);
		g->binaries[g->n++] = (struct binary){ xstrndup(it.key, it.key_length), n->version };
	}
	/* The same lists make the same records: only a change raises the generation. */
	TABLE_FOREACH(it, groups) {
		struct group *g = it.value;
		qsort(g->binaries, g->n, sizeof(*g->binaries), order_binaries);
	}
	return groups;
}

static int put_suite(struct load_reading *reading, const char *root, struct suite *suite,
        const struct table *binaries, struct error *err)
{
	char osv[ECOSYSTEM_NAME_MAX], ecosystem[ECOSYSTEM_NAME_MAX];
	enum version_ecosystem order;
	complete_suite(root, suite);
	suite->origin[0] = (char)toupper((unsigned char)suite->origin[0]);
	snprintf(osv, sizeof(osv), "%s:%s", suite->origin, suite->version);
	if (!*suite->version || ecosystem_canonical(osv, ecosystem, &order) < 0 || order != VERSION_DPKG)
		return error_set(err, -ENOTSUP,
		        "the security lists are of \"%s\", which is no release known here", osv);
	struct record_writer rw = { .w = wr_make(RECORD_MAX) };
	struct table *groups = group_binaries(binaries);
	TABLE_FOREACH(it, groups)
		put_group(reading, suite, ecosystem, it.value, &rw);
	if (reading->l->update)
		vuln_update_cover(reading->l->update, reading->source->name, INDEX_BY_BINARY, ecosystem);
	table_free(groups, free_group);
	wr_free(&rw.w);
	return 0;
}

static bool is_security_list(const char *name)
{
	return strstr(name, "security") && strstr(name, "_Packages") && strstr(name, "_binary-");
}

int load_apt(struct load_reading *reading, struct error *err)
{
	const char *root = reading->source->from + strlen("apt:");
	char *folder FREE_ON_EXIT = xasprintf("%s/" LISTS, root);
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, alphasort), r = 0;
	if (n < 0)
		return error_set(err, -errno, "%s: %s", folder, strerror(errno));
	struct table *binaries = table_new();
	struct suite suite = { .date = 0 };
	size_t lists = 0;
	for (int i = 0; i < n; i++) {
		if (r == 0 && is_security_list(entries[i]->d_name)) {
			lists++;
			r = take_list(reading, binaries, folder, entries[i]->d_name, &suite, err);
		}
		free(entries[i]);
	}
	free(entries);
	if (r == 0 && lists == 0)
		r = error_set(err, -ENOENT, "%s: no list of a security suite; run `apt-get update`", folder);
	if (r == 0)
		r = put_suite(reading, root, &suite, binaries, err);
	table_free(binaries, free_newest);
	return r;
}
