/* SPDX-License-Identifier: ISC */
/*
 * Texts that the front has made and will be asked for again: whole answers, by what was asked, and records as
 * they are unpacked, by their names. All are of one generation of the index, and forgotten with it. What was
 * not asked for longest goes first when there are more than fit; what is being sent lives on until it is
 * sent.
 */
#pragma once

#include "base/defs.h"
#include <stdbool.h>

#define KEPT_MAX (64u << 20)      /* bytes of all texts, with their keys and what it takes to keep them */
#define KEPT_ONE_MAX (4u << 20)   /* a larger text is not kept, */
#define KEPT_KEY_MAX (256u << 10) /* nor one that is asked for at greater length */

struct kept_text {
	const void *bytes;
	size_t length;
	unsigned coding;               /* of an answer: enum coding */
	uint32_t n_queries, n_records; /* that it answers, that are in it whole */
	bool is_cut;                   /* it goes on on another page */
};

struct kept;
struct kept *kept_new(size_t most);     /* bytes; KEPT_MAX in the front */
struct kept *kept_free(struct kept *k); /* NULL in, NULL out */
/* What follows is of this generation; of another one nothing is kept any more. */
void kept_begin(struct kept *k, uint64_t generation);
/* The key of what follows: its kind (a letter), and up to two parts. NULL, 0: not there. */
void kept_key(struct kept *k, char kind, const void *a, size_t n_a, const void *b, size_t n_b);
/* What is kept under the key, valid until the next kept_put() unless it is held; NULL. */
const struct kept_text *kept_find(struct kept *k);
/* Keeps a copy under the key, and returns it; NULL where it does not fit. */
const struct kept_text *kept_put(struct kept *k, const struct kept_text *text);
/* Who holds a text has it until he releases it, whatever becomes of k. */
const struct kept_text *kept_hold(const struct kept_text *text);
void kept_release(void *text);
size_t kept_bytes(const struct kept *k); /* up to what kept_new() was told */
