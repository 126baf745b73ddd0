/* SPDX-License-Identifier: ISC */
#include "vuln/inventory.h"

#include "base/file.h"
#include "posture/apk.h"
#include "posture/dpkg.h"
#include "posture/os_release.h"
#include "posture/rpm.h"
#include "vuln/inventory_sbom.h"

#include <errno.h>
#include <string.h>

void inventory_report_clear(struct inventory_report *report)
{
	for (size_t i = 0; i < INVENTORY_UNMAPPED_KEPT; i++)
		free(report->first_unmapped[i]);
	memset(report, 0, sizeof(*report));
}

void inventory_note_unmapped(struct inventory_report *report, const char *name, const char *reason)
{
	if (report->unmapped < INVENTORY_UNMAPPED_KEPT)
		report->first_unmapped[report->unmapped] = xasprintf("%.200s: %.200s", name, reason);
	report->unmapped++;
}

int inventory_set_distribution(struct posture *p, const char *distribution, struct error *err)
{
	const char *colon = strchr(distribution, ':');
	if (!colon || colon == distribution || !colon[1] || strlen(distribution) > POSTURE_STRING_MAX)
		return error_set(
		        err, -EINVAL, "\"%.80s\" is not a distribution like debian:12", distribution);
	p->os_id = posture_string_n(p, distribution, (size_t)(colon - distribution));
	p->os_version = posture_string(p, colon + 1);
	return 0;
}

#define INVENTORY_KINDS \
	"neither posture, CycloneDX or SPDX JSON, nor a dpkg status file, apk's database, the list of an " \
	"rpm " \
	"database, nor purls one a line"

static int read_lines(const char *text, size_t length, struct posture *p, struct inventory_report *report,
        struct error *err)
{
	const char *end = text + length;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		const char *line = text;
		text += n + (newline != NULL);
		while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == ' ' || line[n - 1] == '\t'))
			n--;
		if (n == 0 || *line == '#')
			continue;
		char *purl FREE_ON_EXIT = xstrndup(line, n);
		int r = inventory_add_purl(p, purl, NULL, report, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_json(const char *text, size_t length, struct posture **ret, struct inventory_report *report,
        struct error *err)
{
	json_error_t json_err;
	json_t *json = json_loadb(text, length, 0, &json_err);
	int r;
	if (!json)
		return error_set(err, -EINVAL, "line %d: %s", json_err.line, json_err.text);
	if (json_object_get(json, "bomFormat") || json_object_get(json, "components")) {
		*ret = posture_new();
		r = inventory_read_cyclonedx(json, *ret, report, err);
	} else if (json_object_get(json, "spdxVersion")) {
		*ret = posture_new();
		r = inventory_read_spdx(json, *ret, report, err);
	} else if (json_object_get(json, "packages") || json_object_get(json, "unknown")) {
		r = posture_from_json(json, ret, err);
	} else {
		r = error_set(err, -EINVAL, INVENTORY_KINDS);
	}
	json_decref(json);
	return r;
}

/* Its first line has five tabs. */
static bool is_rpm_list(const char *text, size_t length)
{
	const char *newline = memchr(text, '\n', length), *end = newline ? newline : text + length;
	size_t tabs = 0;
	for (const char *c = text; c < end; c++)
		tabs += *c == '\t';
	return tabs == 5;
}

static int read_any(const char *text, size_t length, struct posture **ret, struct inventory_report *report,
        struct error *err)
{
	size_t skip = 0;
	while (skip < length && strchr(" \t\r\n", text[skip]))
		skip++;
	if (skip < length && text[skip] == '{')
		return read_json(text, length, ret, report, err);
	*ret = posture_new();
	if (length - skip >= 4 && (memcmp(text + skip, "pkg:", 4) == 0 || text[skip] == '#')) {
		(*ret)->packages_known = true;
		return read_lines(text, length, *ret, report, err);
	}
	if (length - skip >= 8 && memcmp(text + skip, "Package:", 8) == 0)
		return dpkg_read_status_text("inventory", text, length, *ret, err);
	(*ret)->packages_known = true;
	if (length - skip >= 2 && text[skip + 1] == ':' && strchr("CP", text[skip]))
		return apk_read_installed("inventory", text, length, *ret, err);
	if (is_rpm_list(text, length))
		return rpm_read_list("inventory", text, length, *ret, err);
	return error_set(err, -EINVAL, INVENTORY_KINDS);
}

int inventory_read_text(const char *text, size_t length, const char *distribution, struct posture **ret,
        struct inventory_report *report, struct error *err)
{
	struct posture *p = NULL;
	report->overruled = distribution != NULL;
	int r = read_any(text, length, &p, report, err);
	if (r == 0 && p && distribution)
		r = inventory_set_distribution(p, distribution, err);
	if (r < 0 || !p) {
		posture_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

/* The os-release of the root that a database lies in. */
static void take_os_release(const char *path, struct posture *p)
{
	static const char *const places[] = { "/var/lib/dpkg/status", "/usr/lib/apk/db/installed",
		"/lib/apk/db/installed" };
	size_t n = strlen(path), n_place = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(places) && n_place == 0; i++) {
		size_t m = strlen(places[i]);
		if (n >= m && strcmp(path + n - m, places[i]) == 0)
			n_place = m;
	}
	if (n_place == 0)
		return;
	char *release FREE_ON_EXIT = xasprintf("%.*s/etc/os-release", (int)(n - n_place), path);
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	if (file_read(release, OS_RELEASE_FILE_MAX, &text, &length, NULL) == 0)
		os_release_read_text(text, length, p);
}

int inventory_read(const char *path, const char *distribution, struct posture **ret,
        struct inventory_report *report, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	*ret = NULL;
	int r = file_read(path, INVENTORY_MAX, &text, &length, err);
	if (r < 0)
		return r;
	r = inventory_read_text(text, length, distribution, ret, report, err);
	if (r < 0)
		return error_prefix(err, r, "%s", path);
	if (*ret && !(*ret)->os_id)
		take_os_release(path, *ret);
	return 0;
}
