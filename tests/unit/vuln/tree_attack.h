/* SPDX-License-Identifier: ISC */
/* A repository with one record, a follower that has it, and an attack on the two. */
#pragma once

#include "tests/unit/vuln/tree_site.h"

#define KNOWN "A-1@up/own=1" /* child_records() of what is there before */

struct attack {
	struct site *site;
	struct child *child;
};
int attack_setup(void **state);
int attack_teardown(void **state);

char *path_in(const struct site *s, const char *name); /* the caller frees */
char *read_text(const char *path, size_t *ret_length); /* the caller frees */
void write_text(const char *path, const void *text, size_t length);
void copy_file(const char *from, const char *to);

/* The round is refused for this reason, with words, is counted once, and changes nothing. */
void expect_refused(struct attack *a, time_ms now, enum tree_refusal refusal);
/* The publisher goes on, and so does the follower. */
void expect_goes_on(struct attack *a, time_ms now);

/* The next root, with index key i alone. */
struct tree_root rotated(struct site *s, size_t i);
void put_rotated(struct site *s, size_t i);
/* The standing index: to be changed, and signed anew. */
struct tree_index copy_index(const struct site *s);
/* Of a mirror: 404 for whatever has mirror.path in its path. */
char *withholding_answer(struct mirror *m, const char *path, uint64_t offset, size_t *ret_length);
