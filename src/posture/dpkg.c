/* SPDX-License-Identifier: ISC */
#include "posture/dpkg.h"

#include "base/file.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

#define NAME_MAX_LENGTH 255
#define VERSION_MAX_LENGTH 255

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct dpkg_value trim(const char *from, const char *to)
{
	while (from < to && is_blank(*from))
		from++;
	while (from < to && is_blank(to[-1]))
		to--;
	return (struct dpkg_value){ .text = from, .length = (size_t)(to - from) };
}

static struct dpkg_value *field_of(struct dpkg_stanza *s, const char *name, size_t n)
{
	struct {
		const char *name;
		size_t length;
		struct dpkg_value *value;
	} const fields[] = { { "Package", 7, &s->package }, { "Status", 6, &s->status },
		{ "Architecture", 12, &s->architecture }, { "Version", 7, &s->version },
		{ "Source", 6, &s->source }, { "Binary", 6, &s->binary },
		{ "Package-List", 12, &s->package_list },
		{ "Extra-Source-Only", 17, &s->extra_source_only } };
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
		if (n == fields[i].length && strncasecmp(name, fields[i].name, n) == 0)
			return fields[i].value;
	return NULL;
}

/* One line that starts a field; the caller has dealt with blank and continuation lines. The field where more
 * lines belong to it, else NULL. */
static struct dpkg_value *read_field(struct dpkg_stanza *s, const char *line, const char *end)
{
	const char *colon = memchr(line, ':', (size_t)(end - line));
	if (!colon) {
		s->broken = "a line without a colon";
		return NULL;
	}
	if (!strchr("PSAVBEpsavbe", *line) || !*line)
		return NULL;
	struct dpkg_value *value = field_of(s, line, (size_t)(colon - line));
	if (!value)
		return NULL;
	if (value->text)
		s->broken = "a field that is there twice";
	*value = trim(colon + 1, end);
	return value == &s->binary || value == &s->package_list ? value : NULL;
}

bool dpkg_next_stanza(struct dpkg_scanner *s, struct dpkg_stanza *ret)
{
	bool started = false;
	struct dpkg_value *list = NULL;
	*ret = (struct dpkg_stanza){ 0 };
	while (s->at < s->end) {
		const char *line = s->at, *newline = memchr(line, '\n', (size_t)(s->end - line));
		const char *end = newline ? newline : s->end;
		bool continues = end > line && (*line == ' ' || *line == '\t');
		bool blank = !continues && trim(line, end).length == 0;
		s->at = newline ? newline + 1 : s->end;
		unsigned int number = s->line++;
		if (blank && started)
			return true;
		if (blank)
			continue;
		if (!started) {
			started = true;
			ret->line = number;
		}
		if (!continues)
			list = read_field(ret, line, end);
		else if (list)
			list->length = (size_t)(end - list->text);
	}
	return started;
}

static bool value_is(struct dpkg_value v, const char *text)
{
	return v.length == strlen(text) && memcmp(v.text, text, v.length) == 0;
}

/* Cuts the first word off v. */
static struct dpkg_value take_word(struct dpkg_value *v)
{
	const char *at = v->text, *end = v->text + v->length;
	while (at < end && !is_blank(*at))
		at++;
	struct dpkg_value word = { .text = v->text, .length = (size_t)(at - v->text) };
	*v = trim(at, end);
	return word;
}

enum presence { PRESENCE_UNKNOWN, PRESENCE_ON_DISK, PRESENCE_GONE };

/* Status: WANT ERROR STATE, dpkg-query(1) "Package states". */
static enum presence presence_of(struct dpkg_value status)
{
	static const char *const on_disk[] = { "installed", "unpacked", "half-configured", "half-installed",
		"triggers-awaited", "triggers-pending" };
	if (!status.text)
		return PRESENCE_UNKNOWN;
	(void)take_word(&status);
	(void)take_word(&status);
	if (value_is(status, "not-installed") || value_is(status, "config-files"))
		return PRESENCE_GONE;
	for (size_t i = 0; i < ARRAY_LENGTH(on_disk); i++)
		if (value_is(status, on_disk[i]))
			return PRESENCE_ON_DISK;
	return PRESENCE_UNKNOWN;
}

static bool made_of(struct dpkg_value v, const char *punctuation, size_t most)
{
	if (!v.text || v.length == 0 || v.length > most)
		return false;
	for (size_t i = 0; i < v.length; i++)
		if (!isalnum((unsigned char)v.text[i]) && (!v.text[i] || !strchr(punctuation, v.text[i])))
			return false;
	return true;
}

/* Source: NAME or NAME (VERSION), where they differ from the binary's. */
static const char *read_source(struct dpkg_value source, struct posture *p, struct posture_package *package)
{
	if (!source.text)
		return NULL;
	struct dpkg_value name = take_word(&source);
	if (!made_of(name, "+-.", NAME_MAX_LENGTH))
		return "a bad source package name";
	package->source = posture_string_n(p, name.text, name.length);
	if (source.length == 0)
		return NULL;
	if (source.length < 3 || source.text[0] != '(' || source.text[source.length - 1] != ')')
		return "a bad source version";
	struct dpkg_value version = trim(source.text + 1, source.text + source.length - 1);
	if (!made_of(version, ".+-:~", VERSION_MAX_LENGTH))
		return "a bad source version";
	package->source_version = posture_string_n(p, version.text, version.length);
	return NULL;
}

/* NULL, or what is wrong with the stanza. A package that is not on disk leaves ret->name NULL. */
static const char *read_package(const struct dpkg_stanza *s, struct posture *p, struct posture_package *ret)
{
	*ret = (struct posture_package){ .type = "deb" };
	if (s->broken)
		return s->broken;
	if (!made_of(s->package, "+-.", NAME_MAX_LENGTH))
		return "no usable package name";
	enum presence presence = presence_of(s->status);
	if (presence == PRESENCE_UNKNOWN)
		return "no usable status";
	if (presence == PRESENCE_GONE)
		return NULL;
	if (!made_of(s->version, ".+-:~", VERSION_MAX_LENGTH))
		return "no usable version";
	if (s->architecture.text && !made_of(s->architecture, "-", NAME_MAX_LENGTH))
		return "a bad architecture";
	const char *name = posture_string_n(p, s->package.text, s->package.length);
	ret->version = posture_string_n(p, s->version.text, s->version.length);
	if (s->architecture.text)
		ret->architecture = posture_string_n(p, s->architecture.text, s->architecture.length);
	ret->source = name;
	ret->source_version = ret->version;
	const char *wrong = read_source(s->source, p, ret);
	if (!wrong)
		ret->name = name;
	return wrong;
}

int dpkg_read_status_text(
        const char *path, const char *text, size_t length, struct posture *p, struct error *err)
{
	struct dpkg_scanner scanner = dpkg_scan(text, length);
	struct dpkg_stanza stanza;
	size_t n_broken = 0;
	unsigned int first_line = 0;
	const char *first_reason = NULL;
	while (dpkg_next_stanza(&scanner, &stanza)) {
		struct posture_package package;
		const char *wrong = read_package(&stanza, p, &package);
		if (wrong && n_broken++ == 0) {
			first_line = stanza.line;
			first_reason = wrong;
		}
		if (!wrong && package.name && posture_add_package(p, &package) < 0)
			return error_set(
			        err, -E2BIG, "%s: more than %d packages", path, POSTURE_PACKAGES_MAX);
	}
	if (n_broken)
		(void)posture_add_unknown(p, "packages",
		        "%zu entries of %s cannot be read, the first at line %u: %s", n_broken, path,
		        first_line, first_reason);
	p->packages_known = true;
	return 0;
}

int dpkg_read_status(const char *path, struct posture *p, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(path, DPKG_STATUS_FILE_MAX, &text, &length, err);
	return r < 0 ? r : dpkg_read_status_text(path, text, length, p, err);
}
