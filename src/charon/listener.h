/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells the data plane what charon's IKE_SAs come to: CHILD with the identities that were authenticated,
 * through rekeyings of both kinds; IKE_FAILED with the reason. Refuses EAP methods that derive no key, which
 * would leave the two authentications unbound (RFC 7296, 2.16; softwire draft 3.2), and certificates of
 * another role than a peer's: the site's servers and operators are no initiators, its nodes no concentrators.
 * An IKE_SA whose last
 * CHILD_SA has gone is of no use and ended.
 */
#pragma once

#include "charon/children.h"
#include "charon/kernel_peers.h"
#include <bus/listeners/listener.h>

#define LISTENER_ATTEMPTS_MAX 256 /* IKE_SAs that we began and that are not up yet */

struct pratique_listener;

/* All are borrowed; kernel: NULL unless in kernel mode; role: the OU that a peer's certificate must have,
 * NULL: any. Registers itself with charon's bus. */
struct pratique_listener *pratique_listener_create(
        struct link *link, struct children *children, struct kernel_peers *kernel, const char *role);
struct pratique_listener *pratique_listener_free(struct pratique_listener *l);
/* The attempts to bring up that CHILD_SA end in silence: another one takes their place. */
void pratique_listener_forget(struct pratique_listener *l, const char *child);
