/* SPDX-License-Identifier: ISC */
/* What is wrong with a policy file, and where: "FILE:LINE:COLUMN: text", then the line and a caret below it.
 */
#include "policy/ast.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DIAGNOSE_LINE_MAX 160 /* of a longer line only the part around the column is shown */

/* Copies the line around at into out (size bytes) and the caret's white space into caret. */
static void line_shown(
        const struct policy_parser *p, struct policy_span at, char *out, char *caret, size_t size)
{
	size_t column = at.column - 1, start = at.start - MIN(column, at.start), end = at.start, n = 0;
	while (end < p->length && p->text[end] != '\n')
		end++;
	if (column > DIAGNOSE_LINE_MAX / 2)
		start = at.start - DIAGNOSE_LINE_MAX / 2;
	end = MIN(end, start + DIAGNOSE_LINE_MAX);
	for (size_t i = start; i < end && n + 1 < size; i++, n++) {
		unsigned char c = (unsigned char)p->text[i];
		out[n] = c == '\t' || c >= 0x20 ? (char)c : '?';
		if (c == '\r' || c == 0x7f)
			out[n] = ' ';
	}
	out[n] = '\0';
	n = 0;
	for (size_t i = start; i < at.start && n + 1 < size; i++)
		if (((unsigned char)p->text[i] & 0xc0) != 0x80) /* one column a UTF-8 character */
			caret[n++] = p->text[i] == '\t' ? '\t' : ' ';
	caret[n] = '\0';
}

static void say(struct policy_parser *p, struct policy_span at, const char *kind, const char *text, bool keep)
{
	char line[DIAGNOSE_LINE_MAX + 1], caret[DIAGNOSE_LINE_MAX + 1];
	line_shown(p, at, line, caret, sizeof(line));
	char *whole FREE_ON_EXIT = xasprintf(
	        "%s:%u:%u: %s%s\n    %s\n    %s^", p->name, at.line, at.column, kind, text, line, caret);
	if (p->report)
		p->report(whole, p->context);
	if (keep)
		error_set(p->err, -EINVAL, "%s", whole);
}

void policy_problem(struct policy_parser *p, struct policy_span at, const char *format, ...)
{
	char text[1024];
	va_list ap;
	if (p->stop)
		return;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	say(p, at, "", text, p->n_errors == 0);
	if (++p->n_errors == POLICY_ERRORS_MAX) {
		p->stop = true;
		if (p->report)
			p->report("too many errors; the rest of the file was not looked at", p->context);
	}
}

void policy_warning(struct policy_parser *p, struct policy_span at, const char *format, ...)
{
	char text[1024];
	va_list ap;
	if (p->stop)
		return;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	say(p, at, "warning: ", text, false);
}

struct policy_span policy_end_of_text(const struct policy_parser *p)
{
	struct policy_span at = { .line = 1, .column = 1 };
	size_t end = p->length;
	while (end > 0 && strchr(" \t\r\n", p->text[end - 1]) && p->text[end - 1])
		end--;
	for (size_t i = 0; i < end; i++) {
		at.column++;
		if (p->text[i] == '\n') {
			at.line++;
			at.column = 1;
		}
	}
	at.start = at.end = end;
	return at;
}

const char *policy_span_text(const struct policy_parser *p, struct policy_span at)
{
	char text[POLICY_QUOTE_MAX + 1];
	size_t n = 0;
	bool gap = false, quoted = false;
	for (size_t i = at.start; i < at.end && i < p->length; i++) {
		char c = p->text[i];
		if (c == '"')
			quoted = !quoted;
		if (!quoted && c == '#') {
			while (i + 1 < p->length && p->text[i + 1] != '\n')
				i++;
			c = ' ';
		}
		if (!quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
			gap = n > 0;
			continue;
		}
		if (n + gap + 4 >= sizeof(text)) {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "...");
			break;
		}
		if (gap)
			text[n++] = ' ';
		gap = false;
		text[n++] = c;
	}
	return policy_arena_string_n(p->arena, text, n);
}
