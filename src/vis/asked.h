/* SPDX-License-Identifier: ISC */
/*
 * Sources on demand: which of the administrator's list were asked for, by an ecosystem that is lacking or by
 * the URL that nodes name (quarantine draft, 5.1). What was asked for is on the disk before it is loaded.
 * Nodes' URLs are held against the list, shown and counted; what is fetched is always the list's own address.
 */
#pragma once

#include "vis/vis.h"
#include "vuln/asked.h"

struct metrics;
struct asked;
/* Reads what was asked for before. load is called for each source that is asked for the first time. */
struct asked *asked_open(const struct vis_config *config,
        void (*load)(size_t source, const char *why, void *user), void *user);
struct asked *asked_close(struct asked *a); /* NULL in, NULL out */

/* Whether somebody has asked for it, or for what is always wanted. */
bool asked_is_wanted(const struct asked *a, size_t source);
/* It was loaded before, so somebody has. */
void asked_note(struct asked *a, size_t source);
/* Somebody needs what is known about this ecosystem. */
void asked_ecosystem(struct asked *a, const char *ecosystem);
/* A subscriber has said what its nodes name now, in place of what it said before; it is told what is listed.
 */
struct subscribers;
struct subscriber;
void asked_named(struct asked *a, struct subscribers *all, struct subscriber *from);

void asked_fill_metrics(const struct asked *a, struct metrics *m);
