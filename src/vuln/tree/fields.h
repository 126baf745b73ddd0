/* SPDX-License-Identifier: ISC */
/*
 * Members of a JSON object, read strictly: each has one kind and a limit, and none is left over. A sticky
 * error: after the first wrong member the rest reads as empty, and fields_end() says so. For the files of
 * this folder.
 */
#pragma once

#include "base/clock.h"

#include <jansson.h>
#include <stdbool.h>

struct fields {
	const json_t *object;
	size_t taken;
	bool failed;
	struct error *err;
	const char *what; /* "root", "shard": for the words */
};

/* The document, or NULL with the reason: no duplicates, nothing behind it. The caller decrefs. */
json_t *fields_parse(const void *bytes, size_t length, const char *what, struct error *err);
struct fields fields_begin(const json_t *object, const char *what, struct error *err);
void fields_fail(struct fields *f, const char *format, ...) PRINTF_LIKE(2, 3);
/* No control characters: what is printed stays one line and moves no cursor. */
bool fields_printable(const char *text, size_t length);
/* A text of at most size - 1 bytes without control characters; at least one unless it may be empty. */
void fields_text(struct fields *f, const char *name, char *ret, size_t size, bool may_be_empty);
/* least .. TREE_NUMBER_MAX - 1 */
uint64_t fields_number(struct fields *f, const char *name, uint64_t least);
bool fields_flag(struct fields *f, const char *name); /* may be absent: false */
time_ms fields_time(struct fields *f, const char *name);
/* Exactly size bytes, in lower-case hexadecimal. */
void fields_hex(struct fields *f, const char *name, uint8_t *ret, size_t size);
const json_t *fields_object(struct fields *f, const char *name);
const json_t *fields_array(struct fields *f, const char *name, size_t most); /* at most so many elements */
bool fields_has(const struct fields *f, const char *name);
/* False where anything was wrong, or a member was not asked for. */
bool fields_end(struct fields *f);

/* Lower-case hexadecimal; text has room for 2 * size + 1. */
const char *hex_format(const uint8_t *bytes, size_t size, char *text);
bool hex_parse(const char *text, uint8_t *ret, size_t size);
