/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the data plane orders charon to do. Each order is a job of charon's own, because it may wait for an
 * IKE_SA that another thread works on.
 */
#pragma once

#include "charon/listener.h"

/* Brings up the CHILD_SA of that name, on a new IKE_SA: those of the same configuration that are there are
 * given up first, because their address may be gone; of those no IKE_FAILED comes. Where there is no such
 * name yet, IKE_FAILED says so. */
void orders_initiate(struct link *link, struct pratique_listener *listener, const char *child);
/* Ends an IKE_SA, with a DELETE to the peer. */
void orders_terminate(uint32_t unique_id);
/* All of them, with a DELETE each, so that the peers come again at once: a new data plane has no SAs. */
void orders_terminate_all(void);
