/* SPDX-License-Identifier: ISC */
/*
 * The security suite in apt's own package lists, as they are found under a root. Suites by their address are
 * load_suite.c's.
 */
#include "base/file.h"
#include "posture/os_release.h"
#include "vuln/suite_records.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define APT_PREFIX "apt:"
#define LISTS "var/lib/apt/lists"

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
static int take_list(struct load_reading *reading, struct suite *suite, const char *folder, const char *name,
        struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", folder, name), *text FREE_ON_EXIT = NULL;
	size_t length;
	const char *rest = "";
	struct release_file release = { .text = NULL };
	int r = find_release(reading, folder, name, &release, &rest, err);
	if (r < 0 && (reading->keys || r == -ESTALE))
		return r;
	r = load_unpack(path, SUITE_LIST_MAX, &text, &length, err);
	if (r == 0 && release.is_signed) {
		char *listed FREE_ON_EXIT = path_in_release(rest);
		r = release_file_check(&release, listed, text, length, err);
		reading->l->report->signed_ += r == 0;
	}
	if (r == 0) {
		suite_take_release(suite, &release);
		r = suite_take_packages(reading, suite, path, text, length, err);
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

static bool is_security_list(const char *name)
{
	return strstr(name, "security") && strstr(name, "_Packages") && strstr(name, "_binary-");
}

static int take_lists(struct load_reading *reading, const char *root, struct suite *suite, struct error *err)
{
	char *folder FREE_ON_EXIT = xasprintf("%s/" LISTS, root);
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, alphasort), r = 0;
	if (n < 0)
		return error_set(err, -errno, "%s: %s", folder, strerror(errno));
	size_t lists = 0;
	for (int i = 0; i < n; i++) {
		if (r == 0 && is_security_list(entries[i]->d_name)) {
			lists++;
			r = take_list(reading, suite, folder, entries[i]->d_name, err);
		}
		free(entries[i]);
	}
	free(entries);
	if (r == 0 && lists == 0)
		r = error_set(err, -ENOENT, "%s: no list of a security suite; run `apt-get update`", folder);
	return r;
}

int load_apt(struct load_reading *reading, struct error *err)
{
	const char *from = reading->source->from;
	struct suite suite = { .date = 0 };
	int r;
	if (strncmp(from, APT_PREFIX, strlen(APT_PREFIX)) != 0)
		return load_suite(reading, err);
	r = take_lists(reading, from + strlen(APT_PREFIX), &suite, err);
	if (r == 0) {
		complete_suite(from + strlen(APT_PREFIX), &suite);
		r = suite_put(reading, &suite, err);
	}
	suite_clear(&suite);
	return r;
}
