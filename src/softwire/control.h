/* SPDX-License-Identifier: ISC */
/*
 * The control process: no capability; L2TP, PPP, addressing and AAA of every session, on one event loop with
 * one timer. What belongs to one role is in concentrator.c or initiator.c, behind struct control_role.
 */
#pragma once

#include "net/ipc_packet.h"
#include "proto/l2tp/l2tp.h"
#include "softwire/checkpoint.h"
#include "softwire/options.h"
#include "softwire/timers.h"

#define CONTROL_END_MS 5000      /* for an orderly end; the keeper waits a little longer */
#define CONTROL_HISTORY_MAX 1024 /* events that the API remembers */

struct control_descriptors {
	int dataplane, keeper, checkpoint;
};

/* The process. Returns 0 after SIGTERM. Takes the descriptors over. */
int control_run(
        const struct softwire_options *o, const struct control_descriptors *descriptors, struct error *err);
