/* SPDX-License-Identifier: ISC */
/*
 * Update status: which installed packages have a newer version in the security suite, as far as this host's
 * own package lists tell. A suite is a security suite if its Release file says so in Label, Suite or
 * Codename; its Packages files are those whose names begin like the Release file's (the way apt names what it
 * has fetched). The lists are plain or compressed; libarchive tells which.
 */
#include "agent/collect.h"

#include "base/table.h"
#include "posture/dpkg.h"
#include "vuln/vuln.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTS_PATH "/var/lib/apt/lists"
#define LISTS_MAX 4096 /* files in the folder that are looked at */
#define SUITES_MAX 32  /* security suites */
#define RELEASE_FILE_MAX (4u << 20)
#define RELEASE_FIELDS_MAX 4096 /* bytes at the beginning that the fields are looked for in */
#define PACKAGES_TEXT_MAX (256u << 20)
#define SUCCESS_STAMP "/var/lib/apt/periodic/update-success-stamp"

/* One installed package and the newest version that the lists offer; packages of one name hang together. */
struct candidate {
	const struct posture_package *package;
	const char *available;
	struct candidate *next;
};

struct lists {
	char *names[LISTS_MAX];
	size_t n_names;
	char *suites[SUITES_MAX]; /* common beginning of the files' names, with the last '_' */
	size_t n_suites;
	time_ms oldest; /* of the suites' Release files */
};

static void lists_clear(struct lists *l)
{
	for (size_t i = 0; i < l->n_names; i++)
		free(l->names[i]);
	for (size_t i = 0; i < l->n_suites; i++)
		free(l->suites[i]);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && strcmp(s + n - m, end) == 0;
}

static int lists_read_names(const struct root *root, struct lists *l, struct error *err)
{
	DIR *dir;
	int r = root_open_directory(root, LISTS_PATH, &dir, err);
	if (r < 0)
		return r;
	for (struct dirent *e; (e = readdir(dir)) && l->n_names < LISTS_MAX;)
		if (strstr(e->d_name, "Release") || strstr(e->d_name, "_Packages"))
			l->names[l->n_names++] = xstrdup(e->d_name);
	closedir(dir);
	return 0;
}

/* Label, Suite or Codename with the word in it: Debian-Security, stable-security, bookworm-security. */
static bool release_is_security(const char *text)
{
	static const char *const fields[] = { "Label:", "Suite:", "Codename:" };
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
			size_t n = strcspn(line, "\n");
			if (strncasecmp(line, fields[i], strlen(fields[i])) != 0)
				continue;
			char *value FREE_ON_EXIT = xstrndup(line, n);
			if (strcasestr(value, "security"))
				return true;
		}
	}
	return false;
}

static void lists_take_suite(const struct root *root, struct lists *l, const char *name, const char *end)
{
	char *path FREE_ON_EXIT = xasprintf(LISTS_PATH "/%s", name), *text FREE_ON_EXIT = NULL;
	struct stat st;
	int fd;
	if (l->n_suites == SUITES_MAX ||
	        root_read_file(root, path, RELEASE_FILE_MAX, &text, NULL, NULL) < 0 ||
	        root_open_file(root, path, &fd, NULL) < 0)
		return;
	int r = fstat(fd, &st);
	close(fd);
	if (strlen(text) > RELEASE_FIELDS_MAX)
		text[RELEASE_FIELDS_MAX] = '\0';
	if (r < 0 || !release_is_security(text))
		return;
	l->suites[l->n_suites++] = xstrndup(name, strlen(name) - strlen(end) + 1);
	time_ms fetched = (time_ms)st.st_mtim.tv_sec * 1000;
	if (l->oldest == 0 || fetched < l->oldest)
		l->oldest = fetched;
}

static void lists_find_suites(const struct root *root, struct lists *l)
{
	static const char *const ends[] = { "_InRelease", "_Release" };
	for (size_t i = 0; i < l->n_names; i++)
		for (size_t e = 0; e < ARRAY_LENGTH(ends); e++)
			if (ends_with(l->names[i], ends[e]))
				lists_take_suite(root, l, l->names[i], ends[e]);
}

static bool lists_is_packages_of_suite(const struct lists *l, const char *name)
{
	const char *at = strstr(name, "_Packages");
	if (!at || (at[strlen("_Packages")] != '\0' && at[strlen("_Packages")] != '.'))
		return false;
	for (size_t i = 0; i < l->n_suites; i++)
		if (strncmp(name, l->suites[i], strlen(l->suites[i])) == 0)
			return true;
	return false;
}

/* The whole decompressed file; caller frees. */
static int unpack(struct archive *a, const char *name, char **ret, size_t *ret_length, struct error *err)
{
	struct archive_entry *entry;
	int r = archive_read_next_header(a, &entry);
	size_t length = 0, capacity = 1u << 20;
	char *text FREE_ON_EXIT = xmalloc(capacity);
	while (r == ARCHIVE_OK) {
		la_ssize_t n = archive_read_data(a, text + length, capacity - length);
		if (n < 0)
			return error_set(err, -EBADMSG, "%s: %s", name, archive_error_string(a));
		if (n == 0)
			break;
		length += (size_t)n;
		if (length > PACKAGES_TEXT_MAX)
			return error_set(
			        err, -EFBIG, "%s: more than %u bytes unpacked", name, PACKAGES_TEXT_MAX);
		if (length == capacity) {
			capacity *= 2;
			text = xrealloc_array(text, capacity, 1);
		}
	}
	if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
		return error_set(err, -EBADMSG, "%s: %s", name, archive_error_string(a));
	*ret = TAKE_POINTER(text);
	*ret_length = length;
	return 0;
}

static int read_list(
        const struct root *root, const char *name, char **ret, size_t *ret_length, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf(LISTS_PATH "/%s", name);
	int fd, r = root_open_file(root, path, &fd, err);
	if (r < 0)
		return r;
	struct archive *a = archive_read_new();
	archive_read_support_filter_all(a);
	archive_read_support_format_raw(a);
	archive_read_support_format_empty(a);
	if (archive_read_open_fd(a, fd, 65536) == ARCHIVE_OK)
		r = unpack(a, name, ret, ret_length, err);
	else
		r = error_set(err, -EBADMSG, "%s: %s", name, archive_error_string(a));
	archive_read_free(a);
	close(fd);
	return r;
}

/* Packages of one name may be installed for several architectures; "all" replaces and is replaced by any. */
static bool same_architecture(const struct posture_package *package, struct dpkg_value offered)
{
	const char *own = package->architecture;
	if (!own || !offered.text || strcmp(own, "all") == 0)
		return true;
	return (offered.length == strlen(own) && memcmp(own, offered.text, offered.length) == 0) ||
	        (offered.length == 3 && memcmp(offered.text, "all", 3) == 0);
}

static void judge_stanza(const struct table *installed, const struct dpkg_stanza *s, struct posture *p)
{
	if (s->broken || !s->package.text || !s->version.text || s->version.length > POSTURE_STRING_MAX)
		return;
	struct candidate *c = table_get(installed, s->package.text, s->package.length);
	if (!c)
		return;
	const char *offered = NULL;
	for (; c; c = c->next) {
		const char *current = c->available ? c->available : c->package->version;
		int order;
		if (!same_architecture(c->package, s->architecture))
			continue;
		if (!offered)
			offered = posture_string_n(p, s->version.text, s->version.length);
		if (version_compare(VERSION_DPKG, offered, current, &order, NULL) == 0 && order > 0)
			c->available = offered;
	}
}

static struct table *index_installed(const struct posture *p, struct candidate *candidates)
{
	struct table *t = table_new();
	for (size_t i = 0; i < p->n_packages; i++) {
		if (strcmp(p->packages[i].type, "deb") != 0)
			continue;
		struct candidate *c = &candidates[i];
		c->package = &p->packages[i];
		c->next = table_get_string(t, c->package->name);
		(void)table_set_string(t, c->package->name, c);
	}
	return t;
}

static int judge_lists(const struct root *root, const struct lists *l, const struct table *installed,
        struct posture *p, struct error *err)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n_names; i++) {
		char *text FREE_ON_EXIT = NULL;
		size_t length = 0;
		if (!lists_is_packages_of_suite(l, l->names[i]))
			continue;
		int r = read_list(root, l->names[i], &text, &length, err);
		if (r < 0)
			return r;
		struct dpkg_scanner scanner = dpkg_scan(text, length);
		struct dpkg_stanza stanza;
		while (dpkg_next_stanza(&scanner, &stanza))
			judge_stanza(installed, &stanza, p);
		n++;
	}
	if (n == 0)
		return error_set(err, -ENOENT,
		        "%s" LISTS_PATH " has no package list of a security suite; run apt-get update",
		        root->path);
	return 0;
}

static void take_updates(struct posture *p, const struct candidate *candidates)
{
	for (size_t i = 0; i < p->n_packages; i++) {
		const struct candidate *c = &candidates[i];
		if (!c->available)
			continue;
		/* The list of updates has the limit that the list of packages has. */
		(void)posture_add_update(p,
		        &(struct posture_update){ .package = c->package->name,
		                .installed = c->package->version,
		                .available = c->available });
	}
	p->updates_known = true;
}

/* apt keeps the server's time on what it fetches; where a stamp of the last successful update is kept, it is
 * the better witness. */
static time_ms time_checked(const struct root *root, const struct lists *l)
{
	struct stat st;
	int fd;
	if (root_open_file(root, SUCCESS_STAMP, &fd, NULL) < 0)
		return l->oldest;
	time_ms stamp = fstat(fd, &st) < 0 ? 0 : (time_ms)st.st_mtim.tv_sec * 1000;
	close(fd);
	return MAX(stamp, l->oldest);
}

/* Packages that no package list of this host is about. */
static size_t count_others(const struct posture *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n_packages; i++)
		n += strcmp(p->packages[i].type, "deb") != 0;
	return n;
}

void collect_updates(const struct root *root, struct posture *p)
{
	struct error err;
	if (!p->packages_known) {
		(void)posture_add_unknown(p, "updates", "the installed packages are not known");
		return;
	}
	if (count_others(p) > 0) {
		(void)posture_add_unknown(p, "updates",
		        "%zu packages are not dpkg's, and only its package lists are read", count_others(p));
		return;
	}
	struct lists *l = xcalloc(1, sizeof(*l));
	struct candidate *candidates FREE_ON_EXIT =
	        xcalloc(p->n_packages ? p->n_packages : 1, sizeof(*candidates));
	struct table *installed = index_installed(p, candidates);
	int r = lists_read_names(root, l, &err);
	if (r == 0) {
		lists_find_suites(root, l);
		r = judge_lists(root, l, installed, p, &err);
	}
	if (r == 0) {
		take_updates(p, candidates);
		p->updates_checked = time_checked(root, l);
	} else {
		(void)posture_add_unknown(p, "updates", "%s", err.text);
	}
	table_free(installed, NULL);
	lists_clear(l);
	free(l);
}
