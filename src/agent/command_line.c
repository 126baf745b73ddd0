/* SPDX-License-Identifier: ISC */
#include "agent/command_line.h"

#include "base/defs.h"
#include <ctype.h>
#include <limits.h>
#include <string.h>

struct writer_of_words {
	struct command_line *c;
	size_t used;
	bool in_word;
};

static void put(struct writer_of_words *w, char byte)
{
	struct command_line *c = w->c;
	if (!w->in_word && c->n < COMMAND_LINE_WORDS_MAX && w->used + 1 < COMMAND_LINE_TEXT_MAX) {
		c->words[c->n++] = c->text + w->used;
		w->in_word = true;
	}
	if (w->in_word && w->used + 1 < COMMAND_LINE_TEXT_MAX)
		c->text[w->used++] = byte;
}

static void end_word(struct writer_of_words *w)
{
	if (!w->in_word)
		return;
	w->c->text[w->used++] = '\0'; /* put() leaves room for it */
	w->in_word = false;
}

void command_line_split(const char *text, size_t length, bool shell, struct command_line *ret)
{
	struct writer_of_words w = { .c = ret };
	char quote = '\0';
	ret->n = 0;
	for (size_t i = 0; i < length; i++) {
		char byte = text[i];
		if (byte == '\\' && quote != '\'' && i + 1 < length)
			put(&w, text[++i]);
		else if (quote ? byte == quote : byte == '"' || byte == '\'')
			quote = quote ? '\0' : byte;
		else if (!quote &&
		        (isspace((unsigned char)byte) || (shell && byte && strchr(";&|()<>", byte))))
			end_word(&w);
		else if (byte)
			put(&w, byte);
	}
	end_word(&w);
}

void command_line_take_arguments(const char *text, size_t length, struct command_line *ret)
{
	struct writer_of_words w = { .c = ret };
	ret->n = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i])
			put(&w, text[i]);
		else
			end_word(&w);
	}
	end_word(&w);
}

bool command_line_is_interpreter(const char *path)
{
	/* python3.11 and the like: digits and dots may follow. */
	static const char *const names[] = { "ash", "bash", "busybox", "dash", "env", "java", "ksh", "lua",
		"node", "nodejs", "perl", "php", "python", "ruby", "sh", "tclsh", "zsh" };
	static const char *const loaders[] = { "ld-linux", "ld-musl", "ld.so" };
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	for (size_t i = 0; i < ARRAY_LENGTH(loaders); i++)
		if (strncmp(name, loaders[i], strlen(loaders[i])) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		size_t n = strlen(names[i]);
		if (strncmp(name, names[i], n) == 0 && strspn(name + n, "0123456789.") == strlen(name + n))
			return true;
	}
	return false;
}

/* Without links, and a regular file; else NULL. */
static char *regular_file(const struct root *root, const char *path)
{
	struct stat st;
	char *resolved = NULL;
	if (strlen(path) >= PATH_MAX || root_stat(root, path, &st) < 0 || !S_ISREG(st.st_mode) ||
	        root_resolve(root, path, &resolved) < 0)
		return NULL;
	return resolved;
}

char *command_line_script(
        const struct root *root, const struct command_line *c, size_t first, const char *folder)
{
	static const char *const inlined[] = { "-c", "-e", "-m" };
	for (size_t i = first + 1; i < c->n; i++) {
		const char *word = c->words[i];
		for (size_t k = 0; k < ARRAY_LENGTH(inlined); k++)
			if (strcmp(word, inlined[k]) == 0)
				return NULL;
		if (*word == '-' || (*word != '/' && !folder))
			continue;
		char *path FREE_ON_EXIT = *word == '/' ? xstrdup(word) : xasprintf("%s/%s", folder, word);
		char *script = regular_file(root, path);
		if (script)
			return script;
	}
	return NULL;
}

char *command_line_program(const struct root *root, const char *word)
{
	static const char *const folders[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin",
		"/sbin", "/bin" };
	if (*word == '/')
		return regular_file(root, word);
	for (size_t i = 0; !strchr(word, '/') && i < ARRAY_LENGTH(folders); i++) {
		char *path FREE_ON_EXIT = xasprintf("%s/%s", folders[i], word);
		char *program = regular_file(root, path);
		if (program)
			return program;
	}
	return NULL;
}
