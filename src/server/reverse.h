/* SPDX-License-Identifier: ISC */
/*
 * The reverse index: for each package of the catalogue the nodes that have it, as a compressed set of node
 * numbers, and for each name that an advisory may use the packages that it may mean. A changed advisory finds
 * whom it may concern by it, without a look at any inventory.
 *
 * It is memory alone, made from the nodes' lists at the start. What changes is noted in a log first, which is
 * merged when it is full or when somebody asks: thousands of changes at once cost a tenth of what they cost
 * one by one.
 */
#pragma once

#include "posture/catalogue.h"
#include <roaring/roaring.h>

#define REVERSE_NODES_MAX 0x7fffffffu

struct reverse;

struct reverse *reverse_new(struct posture_catalogue *catalogue); /* not owned */
struct reverse *reverse_free(struct reverse *r);                  /* NULL in, NULL out */

/* The node has the package now; has it no more. The package is in the catalogue at both times. */
void reverse_add(struct reverse *r, uint32_t id, uint32_t node);
void reverse_remove(struct reverse *r, uint32_t id, uint32_t node);
/* The number is no package any more; no node has it. */
void reverse_forget(struct reverse *r, uint32_t id);

/* The packages that an advisory about this name may mean: how many, and a pointer to them that is good until
 * the next change. */
size_t reverse_packages_of(struct reverse *r, const char *name, const uint32_t **ret_ids);
/* Adds the nodes that have the package to a set. */
void reverse_add_nodes(struct reverse *r, uint32_t id, roaring_bitmap_t *to);

struct reverse_size {
	size_t packages, names;
	size_t bytes; /* about */
};
struct reverse_size reverse_size(struct reverse *r);
