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
#include "vuln/rule.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define LISTS "var/lib/apt/lists"
#define LIST_MAX (512u << 20)
#define RELEASE_MAX (4u << 20)

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

/* Lists may be packed in any of apt's ways. */
static int take_list(
        struct load_reading *reading, struct table *binaries, const char *path, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	int r = load_unpack(path, LIST_MAX, &text, &length, err);
	if (r < 0)
		return r;
	struct dpkg_scanner scanner = dpkg_scan(text, length);
	struct dpkg_stanza stanza;
	while (dpkg_next_stanza(&scanner, &stanza)) {
		if (!stanza.package.text || !stanza.version.text || stanza.package.length >= PACKAGE_NAME_MAX)
			load_note_refused(reading->l->report, path, "a stanza without package or version");
		else
			take_stanza(reading, binaries, &stanza, path);
	}
	return 0;
}

static void take_field(const char *line, const char *name, char *ret, size_t size)
{
	size_t n = strlen(name);
	if (strncmp(line, name, n) == 0 && line[n] == ':') {
		line += n + 1 + strspn(line + n + 1, " \t");
		snprintf(ret, size, "%.*s", (int)strcspn(line, "\r\n"), line);
	}
}

/* Signed or not, the fields stand at the beginning of a line before the lists of files. */
static void take_release(const char *text, struct suite *ret)
{
	char date[64] = "", codename[64] = "";
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		take_field(line, "Origin", ret->origin, sizeof(ret->origin));
		take_field(line, "Codename", codename, sizeof(codename));
		take_field(line, "Version", ret->version, sizeof(ret->version));
		take_field(line, "Date", date, sizeof(date));
	}
	codename[strcspn(codename, "-/")] = '\0'; /* bookworm-security, bullseye/updates */
	if (*codename)
		snprintf(ret->codename, sizeof(ret->codename), "%s", codename);
	struct tm tm = { 0 };
	if (strptime(date, "%a, %d %b %Y %H:%M:%S", &tm))
		ret->date = (time_ms)timegm(&tm) * 1000;
}

/* The release file beside a list: "..._dists_SUITE_" and InRelease or Release. */
static void find_release(const char *folder, const char *list, struct suite *ret)
{
	const char *suite = strstr(list, "_dists_");
	static const char *const names[] = { "InRelease", "Release" };
	if (!suite)
		return;
	suite += strlen("_dists_");
	size_t n = (size_t)(suite - list) + strcspn(suite, "_");
	snprintf(ret->codename, sizeof(ret->codename), "%.*s", (int)strcspn(suite, "_-"), suite);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		char *path FREE_ON_EXIT = xasprintf("%s/%.*s_%s", folder, (int)n, list, names[i]);
		char *text FREE_ON_EXIT = NULL;
		size_t length;
		if (file_read(path, RELEASE_MAX, &text, &length, NULL) == 0) {
			take_release(text, ret);
			return;
		}
	}
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
	struct record_head head = {
		.id = id, .source = reading->source->name, .summary = summary, .modified = suite->date
	};
	wr_reset(&rw->w);
	record_begin(rw, &head);
	for (i = 0; i < g->n; i++) {
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
			char *path FREE_ON_EXIT = xasprintf("%s/%s", folder, entries[i]->d_name);
			if (lists++ == 0)
				find_release(folder, entries[i]->d_name, &suite);
			r = take_list(reading, binaries, path, err);
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
