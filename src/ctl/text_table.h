/* SPDX-License-Identifier: ISC */
/* Tables for people: columns as wide as they need to be, colour on a terminal, and no byte that could move
 * its cursor. */
#pragma once

#include "base/defs.h"
#include <stdio.h>

#define TEXT_RED "\033[31m"
#define TEXT_GREEN "\033[32m"
#define TEXT_YELLOW "\033[33m"
#define TEXT_BOLD "\033[1m"
#define TEXT_DIM "\033[2m"
#define TEXT_PLAIN "\033[0m"
#define TEXT_COLUMNS_MAX 12

struct text_table;

/* headings: NULL-terminated, at most TEXT_COLUMNS_MAX, kept by reference. */
struct text_table *text_table_new(const char *const *headings);
/* The next cell, row by row; colour may be NULL. */
void text_table_cell(struct text_table *t, const char *colour, const char *format, ...) PRINTF_LIKE(3, 4);
/* Prints it (nothing but the headings where there are no rows) and frees it. */
void text_table_print(struct text_table *t, FILE *out);
/* One text, made harmless; caller frees. */
char *text_harmless(const char *s);
/* text in a colour where out wants it. */
void text_print(FILE *out, const char *colour, const char *format, ...) PRINTF_LIKE(3, 4);
