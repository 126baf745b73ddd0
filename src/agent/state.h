/* SPDX-License-Identifier: ISC */
/*
 * What the agent keeps over restarts, in a folder that only root reads: one file an attachment with its
 * quarantine certificate, what posture it is for, and when it ends. The network half cannot reach it.
 */
#pragma once

#include "ipc/ipc.h"

/* Makes the folder, 0700. */
int state_open(const char *directory, struct error *err);
/* The certificate's text empty: the file is removed. */
int state_keep_certificate(const char *directory, const struct ipc_certificate *c, struct error *err);
/* interface "" is the default one. 0 with *ret, which the caller clears by ipc_body_clear(IPC_CERTIFICATE,
 * ret); -ENOENT where none is kept; -EBADMSG for a file that is damaged. */
int state_load_certificate(
        const char *directory, const char *interface, struct ipc_certificate *ret, struct error *err);
