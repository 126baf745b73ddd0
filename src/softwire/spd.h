/* SPDX-License-Identifier: ISC */
/*
 * The security policy database of the softwire draft, 3.5.5, as an nft table of its own that is scoped to the
 * outer addresses and touches nothing else on the host:
 *
 *   concentrator   *  -> outer address   IKE (UDP 500, 4500), ESP        BYPASS (they protect themselves)
 *                  *  -> outer address   UDP to 1701                     PROTECT: in clear only from trusted
 *                                                                        addresses on trusted interfaces,
 *                                                                        otherwise dropped and counted
 *                  *  -> outer address   neighbour discovery, ICMP errors about our own packets, what `allow`
 *                                        names; all else dropped and counted
 *   initiator      the concentrator's addresses -> us, likewise
 *   both           our own UDP from or to 1701 in clear never leaves, except to trusted
 *
 * With the table in place nothing that is not protected reaches the socket of L2TP, whoever may have opened
 * it.
 */
#pragma once

#include "softwire/options.h"

#include <stdio.h>

#define SPD_COUNTERS_MAX 16

struct spd;

/* The table as nft would take it. peers: the initiator's concentrators as far as they are known. */
void spd_write(FILE *out, const struct softwire_options *o, const struct ip_address *peers, size_t n_peers);
/* Installs it, replacing what an earlier life has left, in one transaction. */
int spd_new(const struct softwire_options *o, const struct ip_address *peers, size_t n_peers,
        struct spd **ret, struct error *err);
/* The initiator's concentrators are these now. */
int spd_set_peers(struct spd *s, const struct ip_address *peers, size_t n_peers, struct error *err);

/* Installs it anew, in one transaction, after its options have changed; its counters begin at zero. */
int spd_renew(struct spd *s, struct error *err);
/* Puts it back if somebody else has flushed or changed it ("nft flush ruleset", which hosts' firewalls begin
 * with). 1: it was not as we had left it, and is now; 0: it was. */
int spd_keep(struct spd *s, struct error *err);

struct spd_counter {
	char name[64];
	uint64_t packets, bytes;
};
/* Returns how many, or negative. */
int spd_read_counters(struct spd *s, struct spd_counter ret[SPD_COUNTERS_MAX], struct error *err);
/* remove: takes the table away (an orderly end). NULL in, NULL out. */
struct spd *spd_free(struct spd *s, bool remove);
