/* SPDX-License-Identifier: ISC */
/*
 * The privileged half of the agent: reads the host, watches it, keeps what must survive, starts the network
 * half and starts it again. It has no connection to anybody; all that it reads are typed messages from its
 * own child.
 */
#pragma once

#include "agent/options.h"

/* Until a signal ends it. Returns the exit code. */
int collector_run(const struct agent_options *options);
