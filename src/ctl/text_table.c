/* SPDX-License-Identifier: ISC */
#include "ctl/text_table.h"
#include "ctl/ctl.h"

#include <stdarg.h>
#include <string.h>

struct cell {
	char *text;
	const char *colour;
};

struct text_table {
	const char *const *headings;
	size_t n_columns;
	struct cell *cells;
	size_t n_cells, capacity;
};

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t width(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

char *text_harmless(const char *s)
{
	char *copy = xstrdup(s);
	for (unsigned char *c = (unsigned char *)copy; *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		else if (*c == 0xc2 && c[1] >= 0x80 &&
		        c[1] < 0xa0) /* a C1 control, which some terminals take as ESC */
			c[0] = c[1] = '?';
	}
	return copy;
}

struct text_table *text_table_new(const char *const *headings)
{
	struct text_table *t = xcalloc(1, sizeof(*t));
	t->headings = headings;
	while (headings[t->n_columns] && t->n_columns < TEXT_COLUMNS_MAX)
		t->n_columns++;
	return t;
}

void text_table_cell(struct text_table *t, const char *colour, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	ARRAY_RESERVE_ONE(t->cells, t->n_cells, t->capacity);
	t->cells[t->n_cells++] = (struct cell){ text_harmless(text ? text : ""), colour };
	free(text);
}

static void print_cell(FILE *out, const char *text, const char *colour, size_t room)
{
	if (colour)
		fputs(colour, out);
	fputs(text, out);
	if (colour)
		fputs(TEXT_PLAIN, out);
	for (size_t n = width(text); n < room; n++)
		fputc(' ', out);
}

void text_table_print(struct text_table *t, FILE *out)
{
	size_t room[TEXT_COLUMNS_MAX], n = MAX(t->n_columns, 1u);
	bool colour = ctl_colour(out);
	for (size_t i = 0; i < n; i++)
		room[i] = width(t->headings[i]);
	for (size_t i = 0; i < t->n_cells; i++)
		room[i % n] = MAX(room[i % n], width(t->cells[i].text));
	for (size_t i = 0; i < n; i++)
		print_cell(out, t->headings[i], colour ? TEXT_BOLD : NULL, i + 1 < n ? room[i] + 2 : 0);
	fputc('\n', out);
	for (size_t i = 0; i < t->n_cells; i++) {
		bool last = i % n + 1 == n;
		print_cell(out, t->cells[i].text, colour ? t->cells[i].colour : NULL,
		        last ? 0 : room[i % n] + 2);
		if (last)
			fputc('\n', out);
		free(t->cells[i].text);
	}
	free(t->cells);
	free(t);
}

void text_print(FILE *out, const char *colour, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	char *shown = text_harmless(text ? text : "");
	bool is_coloured = colour && ctl_colour(out);
	fprintf(out, "%s%s%s", is_coloured ? colour : "", shown, is_coloured ? TEXT_PLAIN : "");
	free(shown);
	free(text);
}
