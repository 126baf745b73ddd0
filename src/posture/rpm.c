/* SPDX-License-Identifier: ISC */
#include "posture/rpm.h"

#include "base/table.h"
#include <errno.h>
#include <string.h>

#define FIELD_MAX_LENGTH 255

enum { FIELD_NAME, FIELD_EPOCH, FIELD_VERSION, FIELD_RELEASE, FIELD_ARCHITECTURE, FIELD_SOURCE, FIELDS };

struct field {
	const char *text; /* NULL: the header has no such tag */
	size_t length;
};

static bool ends_with(const char *s, size_t n, const char *end)
{
	size_t m = strlen(end);
	return n > m && memcmp(s + n - m, end, m) == 0;
}

static const char *last_dash(const char *from, const char *to)
{
	while (to > from)
		if (*--to == '-')
			return to;
	return NULL;
}

bool rpm_take_source(const char *source, struct posture *p, struct posture_package *package)
{
	size_t n = strlen(source);
	if (!ends_with(source, n, ".src.rpm") && !ends_with(source, n, ".nosrc.rpm"))
		return false;
	n -= strlen(ends_with(source, n, ".nosrc.rpm") ? ".nosrc.rpm" : ".src.rpm");
	const char *release = last_dash(source, source + n);
	const char *version = release ? last_dash(source, release) : NULL;
	if (!version || version == source || version + 1 == release || release + 1 == source + n)
		return false;
	const char *own = strchr(package->version, ':');
	own = own ? own + 1 : package->version;
	size_t length = (size_t)(source + n - version) - 1;
	package->source = posture_string_n(p, source, (size_t)(version - source));
	package->source_version = strlen(own) == length && memcmp(own, version + 1, length) == 0
	        ? package->version
	        : posture_string_n(p, version + 1, length);
	return true;
}

/* False where the line has not six fields. */
static bool split(const char *line, const char *end, struct field ret[FIELDS])
{
	for (size_t i = 0; i < FIELDS; i++) {
		const char *tab = memchr(line, '\t', (size_t)(end - line));
		const char *to = tab ? tab : end;
		if ((tab == NULL) != (i == FIELDS - 1))
			return false;
		size_t n = (size_t)(to - line);
		bool none = n == 6 && memcmp(line, "(none)", 6) == 0;
		ret[i] = none ? (struct field){ 0 } : (struct field){ line, n };
		line = to + 1;
	}
	return true;
}

/* Printable, without blanks, and short. */
static bool is_word(struct field f)
{
	if (!f.text || f.length == 0 || f.length > FIELD_MAX_LENGTH)
		return false;
	for (size_t i = 0; i < f.length; i++)
		if ((unsigned char)f.text[i] <= ' ' || (unsigned char)f.text[i] >= 0x7f)
			return false;
	return true;
}

static bool is_number(struct field f)
{
	for (size_t i = 0; i < f.length; i++)
		if (f.text[i] < '0' || f.text[i] > '9')
			return false;
	return f.length > 0 && f.length <= 10;
}

/* Epoch 0 is none: rpm orders them alike, and people leave it out. */
static const char *full_version(struct posture *p, const struct field f[FIELDS])
{
	char *text FREE_ON_EXIT = xasprintf("%.*s-%.*s", (int)f[FIELD_VERSION].length, f[FIELD_VERSION].text,
	        (int)f[FIELD_RELEASE].length, f[FIELD_RELEASE].text);
	bool zero = !f[FIELD_EPOCH].text || (f[FIELD_EPOCH].length == 1 && *f[FIELD_EPOCH].text == '0');
	if (zero)
		return posture_string(p, text);
	char *whole FREE_ON_EXIT =
	        xasprintf("%.*s:%s", (int)f[FIELD_EPOCH].length, f[FIELD_EPOCH].text, text);
	return posture_string(p, whole);
}

/* NULL, or what is wrong with the line. What is no package leaves ret->name NULL. */
static const char *read_package(
        const char *line, const char *end, struct posture *p, struct posture_package *ret)
{
	struct field f[FIELDS];
	*ret = (struct posture_package){ .type = "rpm" };
	if (!split(line, end, f))
		return "not six fields";
	if (!is_word(f[FIELD_NAME]))
		return "no usable name";
	if (!f[FIELD_ARCHITECTURE].text && f[FIELD_NAME].length == 10 &&
	        memcmp(f[FIELD_NAME].text, "gpg-pubkey", 10) == 0)
		return NULL;
	if (!is_word(f[FIELD_VERSION]) || !is_word(f[FIELD_RELEASE]) ||
	        (f[FIELD_EPOCH].text && !is_number(f[FIELD_EPOCH])))
		return "no usable version";
	if (f[FIELD_ARCHITECTURE].text && !is_word(f[FIELD_ARCHITECTURE]))
		return "a bad architecture";
	ret->version = full_version(p, f);
	if (f[FIELD_ARCHITECTURE].text)
		ret->architecture =
		        posture_string_n(p, f[FIELD_ARCHITECTURE].text, f[FIELD_ARCHITECTURE].length);
	ret->name = ret->source = posture_string_n(p, f[FIELD_NAME].text, f[FIELD_NAME].length);
	ret->source_version = ret->version;
	if (!f[FIELD_SOURCE].text)
		return NULL;
	char *source FREE_ON_EXIT = xstrndup(f[FIELD_SOURCE].text, MIN(f[FIELD_SOURCE].length, (size_t)1024));
	if (is_word(f[FIELD_SOURCE]) && rpm_take_source(source, p, ret))
		return NULL;
	return "a bad source package";
}

/* A source package is named without its epoch. The package whose version and release are the source's own
 * tells it: what else was built from that source has the same. */
static void take_source_epochs(struct posture *p, size_t from)
{
	struct table *versions = table_new();
	for (size_t i = from; i < p->n_packages; i++) {
		struct posture_package *package = &p->packages[i];
		const char *colon = strchr(package->version, ':');
		if (package->source_version != package->version || !colon)
			continue;
		char *key FREE_ON_EXIT = xasprintf("%s %s", package->source, colon + 1);
		(void)table_set_string(versions, key, package);
	}
	for (size_t i = from; i < p->n_packages; i++) {
		struct posture_package *package = &p->packages[i];
		char *key FREE_ON_EXIT = xasprintf("%s %s", package->source, package->source_version);
		const struct posture_package *same = table_get_string(versions, key);
		if (same && package->source_version != package->version)
			package->source_version = same->version;
	}
	table_free(versions, NULL);
}

int rpm_read_list(const char *path, const char *text, size_t length, struct posture *p, struct error *err)
{
	const char *end = text + length, *first_reason = NULL;
	size_t n_broken = 0, line_number = 0, first_line = 0, from = p->n_packages;
	for (const char *at = text; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		struct posture_package package;
		line_number++;
		const char *wrong = read_package(at, newline ? newline : end, p, &package);
		at = newline ? newline + 1 : end;
		if (wrong && n_broken++ == 0) {
			first_line = line_number;
			first_reason = wrong;
		}
		if (!wrong && package.name && posture_add_package(p, &package) < 0)
			return error_set(
			        err, -E2BIG, "%s: more than %d packages", path, POSTURE_PACKAGES_MAX);
	}
	take_source_epochs(p, from);
	if (n_broken)
		(void)posture_add_unknown(p, "packages",
		        "%zu packages of %s cannot be read, the first of them number %zu: %s", n_broken, path,
		        first_line, first_reason);
	return 0;
}
