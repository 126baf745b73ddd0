/* SPDX-License-Identifier: ISC */
/*
 * The outer world of a softwire in the keeper: charon (ike.h) and, for an initiator, the host's use of the
 * softwire (link.h) and the filter's list of concentrators. What control orders is done here, and control is
 * told when our outer address moves.
 */
#pragma once

#include "net/ipc_packet.h"
#include "softwire/resources.h"

struct outer;

/* on_stopped: after outer_stop(). */
int outer_new(struct event_base *base, const struct softwire_options *o, const struct resources *resources,
        void (*on_stopped)(void *user), void *user, struct outer **ret, struct error *err);
struct outer *outer_free(struct outer *o); /* undoes what was set in the host; NULL in, NULL out */
/* With the processes: charon, as far as it is known for whom. control is borrowed. */
int outer_start(struct outer *o, struct ipc_packet *control, struct error *err);
/* A control process has come (back): it is told where we are. */
void outer_control_started(struct outer *o);
void outer_link(struct outer *o, const struct ipc_link *message);
void outer_set(struct outer *o, const struct ipc_outer *message);
void outer_reload(struct outer *o);
bool outer_reaped(struct outer *o, pid_t pid, int status);
/* charon tells its peers and ends. */
void outer_stop(struct outer *o);
bool outer_is_stopped(const struct outer *o);
/* At once; outer_start() may follow. */
void outer_stop_now(struct outer *o);
