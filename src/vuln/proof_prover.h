/* SPDX-License-Identifier: ISC */
/*
 * gpgv in another process than the one that wants to know: who reads strangers' bytes need not be able to run
 * programs. A prover is a process with a socket (SOCK_SEQPACKET) that gets descriptors and nothing else:
 * which of them there are says what to run. It looks into none of them.
 */
#pragma once

#include "vuln/proof_gpgv.h"

/* What one run of gpgv has: its files (-1: none), and the most that it may write to one. */
enum {
	PROOF_FD_STATUS,
	PROOF_FD_KEYRING,
	PROOF_FD_MESSAGE,
	PROOF_FD_TEXT,
	PROOF_FD_OUTPUT,
	PROOF_FD_NULL,
	PROOF_FDS
};
struct proof_run {
	int fds[PROOF_FDS]; /* with a text the message is its detached signature, else both in one */
	uint64_t file_max;
};

/* Its exit code, or a negative errno value. -ENOENT: there is no gpgv. */
int proof_run_here(const struct proof_run *run);
int proof_run_there(int prover, const struct proof_run *run);
