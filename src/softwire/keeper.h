/* SPDX-License-Identifier: ISC */
/*
 * The keeper: the only process of a softwire with a capability (CAP_NET_ADMIN), and one that reads no peer's
 * byte: typed messages of control, and netlink. It opens what wants privileges (resources.h), gives them up,
 * starts the data plane, control and charon, and starts again what dies:
 *
 *   control      again with the same descriptors: the data plane goes on meanwhile, control restores its
 *                sessions from the checkpoint, in both roles
 *   data plane   its keys and sessions are gone: everything is started again
 *   charon       again, by ike_start()'s own rules
 *
 * On SIGHUP control either reads its files again, or, where the configuration has changed, makes room for one
 * that begins with the new configuration and goes on with the sessions as after a crash.
 *
 * An orderly end goes from the inside out: control closes sessions and accounts, charon tells its peers, the
 * data plane carries both until then.
 */
#pragma once

#include "softwire/reload.h"
#include "softwire/resources.h"

#define KEEPER_CONTROL_END_MS 6000 /* for StopCCN, accounting and the like */
#define KEEPER_CHARON_END_MS 4000
#define KEEPER_PLANE_END_MS 1000
#define KEEPER_RESTART_FIRST_MS 50
#define KEEPER_RESTART_LAST_MS 5000
#define KEEPER_STEADY_MS 10000 /* who lived that long is started again without waiting */

/* Runs until SIGTERM; the exit code. source: whence o is, which is read again on SIGHUP; what of it can be
 * changed is exchanged in o. */
int keeper_run(struct softwire_options *o, const struct reload_source *source);
