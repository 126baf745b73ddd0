/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CHILD_SAs that are up, by reqid, which our configuration makes one peer's through all rekeyings (each
 * has a mark of its own). The data plane is told of every new SA of such a CHILD_SA at once, by another
 * CHILD, so that no packet meets an SA whose owner is not known, and no old SA goes before the new one has an
 * owner: charon itself tells of a rekeying only when it is over.
 */
#pragma once

#include "charon/link.h"

#define CHILDREN_SAS_MAX 4 /* a direction, of one CHILD_SA: rekeyings that collide have three */

struct children;

/* link is borrowed. */
struct children *children_new(struct link *link);
struct children *children_free(struct children *c);

/* Charon says that this CHILD_SA is up, or rekeyed, or has another IKE_SA now: remembered and told, with SAs
 * that are there: of a rekeying that the peer began the outbound one is yet to come. */
void children_up(struct children *c, const struct ipc_child *m);
/* Forgotten and told. */
void children_down(struct children *c, const struct ipc_child *m);
/* After SA_ADD and before SA_REMOVE. */
void children_add_sa(struct children *c, uint32_t reqid, uint32_t spi, bool inbound);
void children_remove_sa(struct children *c, uint32_t reqid, uint32_t spi, bool inbound);
