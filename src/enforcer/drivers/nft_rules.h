/* SPDX-License-Identifier: ISC */
/* The rule set as text for libnftables: pure functions of the links and the policy's segments. */
#pragma once

#include "enforcer/element.h"
#include "ipc/ipc.h"
#include <inttypes.h>
#include <stdio.h>

#define NFT_ELEMENTS_MAX 131072 /* of each set or map */
#define NFT_OPENINGS_RATE 32    /* connections that such an address opens a second, after a burst */
#define NFT_OPENINGS_BURST 256
#define NFT_CONNECTIONS_MAX 1024 /* open at once by one MAC address in the default segment */
#define NFT_SIGHTINGS_MAX 1024   /* of each set that packets fill */
#define NFT_WANTED_SECONDS 3     /* so long an address that a packet asked for is not asked for again */
#define NFT_WAKE_GROUP 28785     /* NFLOG group that tells the driver of new ones; see nft_wake.h */
#define NFT_WAKES_PER_SECOND 100

/* A counter that counts nothing: its name tells after a restart which policy's marks the elements have. */
#define NFT_POLICY_COUNTER "policy_%016" PRIx64
#define NFT_POLICY_PREFIX "policy_"

/* The family of the table in which a link's senders are judged: "bridge", "netdev" for a routed interface,
 * and "inet" for softwires. */
const char *nft_link_family(const struct link *l);

/* Tables, sets, maps and counters; what exists already stays as it is, with its elements. */
void nft_rules_declare(FILE *out, const struct links *links, const struct ipc_segments *policy);
/* Empties the chains and fills them anew. */
void nft_rules_write(
        FILE *out, const struct links *links, const struct ipc_segments *policy, uint16_t log_group);
/* Whether these rules use a chain or a counter of the inet table with this name. */
bool nft_rules_has_name(const struct ipc_segments *policy, const char *name);
/* Whether name is prefix and a number up to max behind it. */
bool nft_rules_numbered(const char *name, const char *prefix, int base, uint64_t max, uint64_t *ret);
/* The segments before any policy: one, which reaches nothing. Static. */
const struct ipc_segments *nft_rules_initial(void);
const struct ipc_segment *nft_rules_default_segment(const struct ipc_segments *policy);
