/* SPDX-License-Identifier: ISC */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINE_MAX 2048

static struct {
	const char *program;
	enum log_level max;
	bool journal;
} state = { .program = "pratique", .max = LOG_LEVEL_INFO };

void log_open(const char *program, enum log_level max)
{
	state.program = program;
	state.max = max;
	state.journal = getenv("JOURNAL_STREAM") != NULL;
}

bool log_enabled(enum log_level level)
{
	return level <= state.max;
}

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error: ";
	case LOG_LEVEL_WARNING:
		return "warning: ";
	case LOG_LEVEL_DEBUG:
		return "debug: ";
	case LOG_LEVEL_NOTICE:
	case LOG_LEVEL_INFO:
		break;
	}
	return "";
}

/* A peer's bytes may be in the text: nothing but printable characters reaches the terminal or the journal. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text == 0x7f)
			*text = '?';
}

void log_line(enum log_level level, const char *format, ...)
{
	if (!log_enabled(level))
		return;
	char line[LOG_LINE_MAX];
	int n = state.journal ? snprintf(line, sizeof(line), "<%d>", level)
	                      : snprintf(line, sizeof(line), "%s: %s", state.program, level_name(level));
	if (n < 0 || (size_t)n >= sizeof(line) - 2)
		return;
	va_list args;
	va_start(args, format);
	int m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, args);
	va_end(args);
	if (m < 0)
		return;
	make_printable(line);
	size_t length = strlen(line);
	line[length++] = '\n';
	ssize_t ignored = write(STDERR_FILENO, line, length);
	(void)ignored;
}
