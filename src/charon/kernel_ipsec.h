/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * charon's IPsec stack: the data plane. SAs are ESP in transport mode; there are no policies, because the
 * data plane has the SPD and knows an SA's owner by the CHILD message. Nothing here waits for an answer: the
 * counters of an SA are those of the last answer, and each query asks for the next one.
 */
#pragma once

#include "charon/children.h"
#include <kernel/kernel_ipsec.h>

#define KERNEL_IPSEC_SA_MAX 400000 /* SPIs given out; two an SA while it is rekeyed */

/* Both are borrowed. */
kernel_ipsec_t *pratique_kernel_ipsec_create(struct link *link, struct children *children);
/* The data plane's answer to SA_ASK; in the link's thread. */
void pratique_kernel_ipsec_used(kernel_ipsec_t *ipsec, const struct ipc_sa_used *used);
