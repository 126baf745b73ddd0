/* SPDX-License-Identifier: ISC */
/*
 * What would become of the site if these advisories or this policy were in force: every node that they may
 * concern is judged by them, from what is stored of it, and nothing is decided, written or told. What would
 * stand between a verdict and its placement (monitor mode, grace, the brake) is said with it.
 */
#pragma once

#include "server/overlay.h"
#include "server/site.h"

#define SIMULATION_MOVES_MAX 10000 /* that are listed; all are counted */

struct simulation;

/* Policy and overlay are taken over; either may be NULL, for what there is. The site must not get another
 * policy or index before it ends. */
struct simulation *simulation_new(
        struct site *site, struct policy *policy, struct overlay *overlay, time_ms now);
struct simulation *simulation_free(struct simulation *s); /* NULL in, NULL out */
/* Judges at most so many nodes; true while there are more. */
bool simulation_work(struct simulation *s, size_t most);
/* What was found; schema Simulation. */
json_t *simulation_to_json(struct simulation *s);
