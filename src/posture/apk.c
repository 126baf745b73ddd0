/* SPDX-License-Identifier: ISC */
#include "posture/apk.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX_LENGTH 255

static const char *line_end(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));
	return newline ? newline : end;
}

static void read_field(struct apk_block *b, const char *line, const char *to)
{
	if (to - line < 2 || line[1] != ':') {
		b->broken = "a line without a letter and a colon";
		return;
	}
	struct apk_value *value = *line == 'P' ? &b->name
	        : *line == 'V'                 ? &b->version
	        : *line == 'A'                 ? &b->architecture
	        : *line == 'o'                 ? &b->origin
	                                       : NULL;
	if (!value)
		return;
	if (value->text)
		b->broken = "a field that is there twice";
	*value = (struct apk_value){ line + 2, (size_t)(to - line) - 2 };
}

bool apk_next_block(struct apk_scanner *s, struct apk_block *ret)
{
	*ret = (struct apk_block){ 0 };
	while (s->at < s->end) {
		const char *line = s->at, *to = line_end(line, s->end);
		unsigned int number = s->line++;
		s->at = to < s->end ? to + 1 : to;
		if (to == line && ret->at)
			return true;
		if (to == line)
			continue;
		if (!ret->at) {
			ret->at = line;
			ret->line = number;
		}
		ret->end = to;
		read_field(ret, line, to);
	}
	return ret->at != NULL;
}

bool apk_next_file(struct apk_files *files, char ret_path[APK_PATH_MAX])
{
	while (files->at && files->at < files->end) {
		const char *line = files->at, *to = line_end(line, files->end);
		files->at = to < files->end ? to + 1 : to;
		if (to - line < 2 || line[1] != ':')
			continue;
		struct apk_value value = { line + 2, (size_t)(to - line) - 2 };
		if (*line == 'F')
			files->folder = value;
		if (*line != 'R' || value.length + files->folder.length + 3 > APK_PATH_MAX ||
		        memchr(line, '\0', (size_t)(to - line)))
			continue;
		snprintf(ret_path, APK_PATH_MAX, "/%.*s%s%.*s", (int)files->folder.length,
		        files->folder.length ? files->folder.text : "", files->folder.length ? "/" : "",
		        (int)value.length, value.text);
		return true;
	}
	return false;
}

static bool is_word(struct apk_value v, const char *punctuation)
{
	if (!v.text || v.length == 0 || v.length > WORD_MAX_LENGTH)
		return false;
	for (size_t i = 0; i < v.length; i++)
		if (!isalnum((unsigned char)v.text[i]) && (!v.text[i] || !strchr(punctuation, v.text[i])))
			return false;
	return true;
}

/* NULL, or what is wrong with the block. */
static const char *read_package(const struct apk_block *b, struct posture *p, struct posture_package *ret)
{
	*ret = (struct posture_package){ .type = "apk" };
	if (b->broken)
		return b->broken;
	/* A name that starts with a dot is virtual: made by `apk add --virtual`, it has no files. */
	if (!is_word(b->name, "+-._"))
		return "no usable package name";
	if (!is_word(b->version, "+-._~:"))
		return "no usable version";
	if (b->architecture.text && !is_word(b->architecture, "-_"))
		return "a bad architecture";
	if (b->origin.text && b->origin.length && !is_word(b->origin, "+-._"))
		return "a bad origin";
	ret->name = ret->source = posture_string_n(p, b->name.text, b->name.length);
	ret->version = ret->source_version = posture_string_n(p, b->version.text, b->version.length);
	if (b->architecture.text)
		ret->architecture = posture_string_n(p, b->architecture.text, b->architecture.length);
	if (b->origin.length)
		ret->source = posture_string_n(p, b->origin.text, b->origin.length);
	return NULL;
}

int apk_read_installed(
        const char *path, const char *text, size_t length, struct posture *p, struct error *err)
{
	struct apk_scanner scanner = apk_scan(text, length);
	struct apk_block block;
	size_t n_broken = 0;
	unsigned int first_line = 0;
	const char *first_reason = NULL;
	while (apk_next_block(&scanner, &block)) {
		struct posture_package package;
		const char *wrong = read_package(&block, p, &package);
		if (wrong && n_broken++ == 0) {
			first_line = block.line;
			first_reason = wrong;
		}
		if (!wrong && posture_add_package(p, &package) < 0)
			return error_set(
			        err, -E2BIG, "%s: more than %d packages", path, POSTURE_PACKAGES_MAX);
	}
	if (n_broken)
		(void)posture_add_unknown(p, "packages",
		        "%zu entries of %s cannot be read, the first at line %u: %s", n_broken, path,
		        first_line, first_reason);
	return 0;
}
