/* SPDX-License-Identifier: ISC */
/*
 * The catalogue: every distinct package of a site once, with a number. The hosts of a site mostly have the
 * same packages, so what a node has is a list of numbers: a few kilobytes, quick to compare, to store and to
 * search, and what is known about a package is found by its number.
 *
 * Any thread may look packages up and add them, for a posture that was attached before; a package stays while
 * a posture that got it lives, or while it is referred to. References, and what follows from them, are one
 * thread's alone: the loop's.
 *
 * Nobody grows it without bound: it has a limit of packages and one of bytes, one inventory may bring so many
 * that are new, and packages that nobody has any more are collected. A posture whose packages found no room
 * is whole all the same; its packages have no numbers.
 */
#pragma once

#include "posture/posture.h"

#define CATALOGUE_PACKAGES_MAX (1u << 20)
#define CATALOGUE_BYTES_MAX ((size_t)256 << 20)
#define CATALOGUE_NEW_PACKAGES_MAX 16384 /* of one posture */
#define CATALOGUE_NEW_BYTES_MAX ((size_t)4 << 20)
#define CATALOGUE_UNUSED_MAX 65536   /* more of them are collected */
#define CATALOGUE_COLLECTED_MAX 2048 /* by one call */

struct posture_catalogue *catalogue_new(void);
/* No posture is attached any more. NULL in, NULL out. */
struct posture_catalogue *catalogue_free(struct posture_catalogue *c);

/* ---- any thread ---- */

/* What p gets from c from now on stays until p is freed. p is attached once, and not for longer than a
 * conversation may take: nothing is collected meanwhile. */
void catalogue_attach(struct posture_catalogue *c, struct posture *p);
void catalogue_detach(struct posture *p); /* posture_free() does */
/* Between begin and end nothing is added, so many texts are looked up in a row; short, and without other
 * calls of this file. text: as somebody wrote the package (a package URL); NULL where it was never seen. */
void catalogue_begin(struct posture_catalogue *c);
void catalogue_end(struct posture_catalogue *c);
const struct posture_package *catalogue_find(struct posture_catalogue *c, const char *text, size_t length);
/* Finds the package by what it is, or adds a copy, and remembers the text for it (NULL: none) unless it has
 * one. p is attached. NULL where there is no room: the package has no number. */
const struct posture_package *catalogue_add(struct posture_catalogue *c, struct posture *p,
        const struct posture_package *package, const char *text, size_t length);

/* ---- the loop's thread ---- */

/* What the disk has, in the order of the numbers, before anything else is added. -EINVAL for a number that
 * cannot be or is out of order, a package without type, name, version, source or source version, or with one
 * that is too long; -ENOSPC where there is no room. Two numbers may mean one package. */
int catalogue_restore(struct posture_catalogue *c, uint32_t id, const struct posture_package *package);
/* NULL where there is none. The caller refers to it, or a posture that he has got it. */
const struct posture_package *catalogue_package(const struct posture_catalogue *c, uint32_t id);
/* Above all numbers that were ever given. */
uint32_t catalogue_limit(struct posture_catalogue *c);
void catalogue_refer(struct posture_catalogue *c, uint32_t id);
void catalogue_drop(struct posture_catalogue *c, uint32_t id);
/* Whether it is on the disk, for who keeps it there. */
bool catalogue_is_stored(const struct posture_catalogue *c, uint32_t id);
void catalogue_set_stored(struct posture_catalogue *c, uint32_t id, bool is_stored);

struct catalogue_size {
	size_t packages, referred, bytes;
	uint64_t refused; /* packages that found no room */
};
struct catalogue_size catalogue_size(struct posture_catalogue *c);
/* Takes out what nobody has any more, where that is more than CATALOGUE_UNUSED_MAX and what is referred to
 * together, or where there is little room left; gone (may be NULL) is told each number, which may be given
 * again afterwards. Takes some calls, and waits for the postures that were attached at the first. */
void catalogue_collect(struct posture_catalogue *c, void (*gone)(uint32_t id, bool was_stored, void *context),
        void *context);
