/* SPDX-License-Identifier: ISC */
/*
 * What is logged, by segment: packets that it refuses (`log`) and connections that are opened in it (`log
 * new`), to an NFLOG group, headers only. No node fills a disk with it: what is refused has a limit of the
 * segment's, and what is opened one of the node's too. What the limits leave out is counted (unlogged_M).
 */
#pragma once

#include "ipc/ipc.h"
#include <stdio.h>

#define NFT_LOG_REFUSED_RATE 50 /* a second, of a segment; after twice as many */
#define NFT_LOG_NEW_RATE 50     /* the same for what is opened; after ten times as many */
#define NFT_LOG_NODE_RATE 5     /* a second, of one MAC address or source address; after NFT_LOG_NODE_BURST */
#define NFT_LOG_NODE_BURST 100

void nft_log_declare(FILE *out, const struct ipc_segments *policy);
/* In chain refuse_M. */
void nft_log_refused(FILE *out, const struct ipc_segment *s, uint16_t log_group);
/* Chain opened, where what has passed the judgement comes by. */
void nft_log_opened(FILE *out, const struct ipc_segments *policy, uint16_t log_group);
/* Whether these rules use a chain or counter of the inet table with this name. */
bool nft_log_has_name(const struct ipc_segments *policy, const char *name);
