/* SPDX-License-Identifier: ISC */
/*
 * The collectors: each reads one side of the host into a posture. None of them fails: what cannot be read is
 * absent and listed in the posture's unknowns with the reason.
 */
#pragma once

#include "agent/root.h"
#include "posture/posture.h"

/* Everything, in the order below. Caller frees. */
struct posture *collect_posture(const struct root *root);

/* collect_system.c: os, architecture (after the packages), kernel, machine id, product. */
void collect_os(const struct root *root, struct posture *p);
void collect_packages(const struct root *root, struct posture *p);
void collect_system(const struct root *root, struct posture *p);
/* collect_updates.c: installed versions against the security suite's package lists that apt has fetched. */
void collect_updates(const struct root *root, struct posture *p);
/* collect_network.c: interfaces, addresses and default routes by rtnetlink, forwarding from /proc/sys. */
void collect_network(const struct root *root, struct posture *p);
/* collect_firewall.c: whether the kernel filters what comes in, by nfnetlink. */
void collect_firewall(const struct root *root, struct posture *p);
