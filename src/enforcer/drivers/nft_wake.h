/* SPDX-License-Identifier: ISC */
/*
 * Being woken by the rule set: a socket on NFT_WAKE_GROUP becomes readable when a packet put an address into
 * the sets of what is to be proven. Nothing of the packet comes with it, and nothing of the message is read:
 * the sets say what is asked for.
 */
#pragma once

#include "base/error.h"

struct mnl_socket;
/* -EBUSY: another program listens on the group. */
int nft_wake_open(struct mnl_socket **ret, struct error *err);
/* Takes what has come, so that the socket is not readable any more. */
void nft_wake_drain(struct mnl_socket *s);
