/* SPDX-License-Identifier: ISC */
/* The syntax of systemd's unit files, systemd.syntax(7): sections, assignments, comments, lines that go on
 * after a backslash. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define UNIT_FILE_MAX (1u << 20)

struct unit_file {
	char *at, *end; /* text that is written into */
	const char *section;
};

struct unit_assignment {
	const char *section, *key; /* with NULs, in the text; section is "" before the first one */
	const char *value;
	size_t value_length;
};

/* text: as file_read() gives it, with a NUL after its length. */
struct unit_file unit_file_open(char *text, size_t length);
/* False at the end. Lines of another form are passed over. */
bool unit_file_next(struct unit_file *f, struct unit_assignment *ret);
