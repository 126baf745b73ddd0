/* SPDX-License-Identifier: ISC */
/*
 * Snapshots and deltas: zstd-compressed lines of JSON, each the state of one record. The order of members and
 * their spacing are fixed, so that the record's own bytes are told without being read:
 *
 *   {"op":"put","source":"SOURCE","id":"ID","record":{...}}
 *   {"op":"remove","source":"SOURCE","id":"ID"}
 *
 * Of several lines of one record, in one file or in a chain of them, the last counts.
 */
#pragma once

#include "vuln/record.h"
#include "vuln/tree/metadata.h"

#define LINE_RECORD_MAX ((size_t)32 << 20) /* bytes of a record */
#define LINE_SIZE_MAX (LINE_RECORD_MAX + 1024)
#define LINE_KEY_SIZE (RECORD_SOURCE_MAX + RECORD_ID_MAX)

struct line {
	char source[RECORD_SOURCE_MAX], id[RECORD_ID_MAX];
	const char *record; /* JSON; NULL: a removal. Not ended by a NUL */
	size_t length;
};
/* False where it is none of the two. */
bool line_parse(const char *text, size_t length, struct line *ret);
/* "ID NUL SOURCE", by which records are told apart; returns its length. */
size_t line_key(const char *source, const char *id, char key[LINE_KEY_SIZE]);
/* A source or id that may stand in a line: printable ASCII without quotes and backslashes, not empty. */
bool line_name_good(const char *name, size_t size);

/* Writes a file below DIR/files. The record must be one line. */
struct line_writer;
int line_writer_open(const char *dir, struct line_writer **ret, struct error *err);
int line_writer_put(struct line_writer *w, const struct line *line, struct error *err);
/* On the disk under its name; the writer is gone, also after a failure. */
int line_writer_finish(struct line_writer *w, struct tree_file *ret, struct error *err);
struct line_writer *line_writer_drop(struct line_writer *w); /* NULL in, NULL out; nothing is left */

/* Reads from memory or from a disk, in pieces of any size. It never holds more than a line and the window. */
struct line_reader;
typedef int (*line_fn)(
        const struct line *line, void *context, struct error *err); /* not 0: stops, is returned */
struct line_reader *line_reader_new(const struct tree_file *file, line_fn fn, void *context);
/* 0, what fn returned, TREE_MALFORMED, TREE_ENDLESS or TREE_CUT against what `file` announces. */
int line_reader_take(struct line_reader *r, const void *bytes, size_t length, struct error *err);
int line_reader_end(struct line_reader *r, struct error *err);
struct line_reader *line_reader_free(struct line_reader *r); /* NULL in, NULL out */
/* A whole file of DIR; its checksum is verified on the way, TREE_ALTERED, but fn has been called by then. A
 * file that is not there is -ENOENT. */
int lines_read(const char *dir, const struct tree_file *file, line_fn fn, void *context, struct error *err);
/* A chain of files, oldest first: fn sees the last line of each record only. */
int lines_read_chain(const char *dir, const struct tree_file *files, size_t n, line_fn fn, void *context,
        struct error *err);
/* Only whether it is there, whole and unaltered. */
int lines_check(const char *dir, const struct tree_file *file, struct error *err);
