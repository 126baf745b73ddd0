/* SPDX-License-Identifier: ISC */
/*
 * The collectors: each reads one side of the host into a posture. None of them fails: what cannot be read is
 * absent and listed in the posture's unknowns with the reason.
 */
#pragma once

#include "agent/ownership.h"
#include "agent/root.h"
#include "posture/posture.h"

/* Everything, in the order below. ownership: answers of an earlier inspection of this root, which spare
 * reading the file lists again; NULL: none. Caller frees. */
struct posture *collect_posture(const struct root *root, struct ownership *ownership);

/* collect_system.c: os, architecture (after the packages), kernel, machine id. */
void collect_os(const struct root *root, struct posture *p);
void collect_system(const struct root *root, struct posture *p);
/* collect_product.c: DMI, and whether the machine is a virtual one. */
void collect_product(const struct root *root, struct posture *p);
/* collect_packages.c: the databases of dpkg, apk and rpm, all that are there. */
void collect_packages(const struct root *root, struct posture *p);
/* collect_software.c: programs that run replaced files; programs outside every package that listen or start
 * at boot. */
void collect_software(const struct root *root, struct ownership *ownership, struct posture *p);
/* collect_updates.c: installed versions against the security suite's package lists that apt has fetched. */
void collect_updates(const struct root *root, struct posture *p);
/* collect_network.c: interfaces, addresses and default routes by rtnetlink, forwarding from /proc/sys. */
void collect_network(const struct root *root, struct posture *p);
/* collect_ways.c, after the network: proxies, policy routing and IPsec policies, by netlink. */
void collect_ways(const struct root *root, struct posture *p);
/* collect_wireless.c, after the network: modes of wireless interfaces, by nl80211. */
void collect_wireless(const struct root *root, struct posture *p);
/* collect_firewall.c: whether the kernel filters what comes in, how, and whether it masquerades. */
void collect_firewall(const struct root *root, struct posture *p);
/* collect_settings.c, collect_sshd.c, collect_accounts.c: what a policy may ask to be set so. */
void collect_settings(const struct root *root, struct posture *p);
void collect_sshd(const struct root *root, struct posture *p);
void collect_accounts(const struct root *root, struct posture *p);
/* collect_security.c: virus scanner, mandatory access control and audit. */
void collect_security(const struct root *root, struct posture *p);

/* collect_sources.c: where packages' vendors and the owner say that there is prevention information. */
void collect_sources(const struct root *root, struct posture *p);

/* The little of all this that changes without anything that can be watched: what processes run, what starts
 * at boot, modes of radios, rules of x_tables, settings, what security software does, and sources in folders
 * that were not there before. For the digest alone, often. Caller frees. */
struct posture *collect_silent(const struct root *root, struct ownership *ownership);
