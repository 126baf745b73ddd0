/* SPDX-License-Identifier: ISC */
/*
 * From one CA key to the next without anybody losing access, in three steps of the administrator:
 *
 *   prepare   there is a new CA; everybody comes to trust both, the old one signs
 *   switch    the new one signs, and who renews moves over to it
 *   retire    the old one is trusted no more, and its key is gone
 *
 * Each is one replacement of ca.pem, before and after which the directory is whole; abort goes one step
 * back. A step that would cost somebody his access is refused with their names, unless it is forced: switch
 * waits for those who have not fetched the new CA yet, retire for those who have not shown a certificate of
 * it, abort for those who hold one already.
 */
#pragma once

#include "crypto/x509.h"

enum ca_phase { CA_STEADY, CA_PREPARED, CA_SWITCHED };
const char *ca_phase_name(enum ca_phase phase);

struct ca_rollover {
	enum ca_phase phase;
	char signer[64 + 1], other[64 + 1]; /* common names; other "" where there is one CA */
	time_ms signer_ends, other_ends;
	char **waiting; /* "node alice": whom the next step, switch or retire, waits for */
	size_t n_waiting;
	size_t n_identities; /* that hold a valid certificate */
};

int ca_rollover_read(const char *dir, time_ms now, struct ca_rollover *ret, struct error *err);
void ca_rollover_clear(struct ca_rollover *r);
/* -EALREADY while one is under way. */
int ca_rollover_prepare(const char *dir, enum key_kind kind, time_ms now, struct error *err);
/* -EPROTO in the wrong phase; -EBUSY where somebody is waited for, and force is not given. */
int ca_rollover_switch(const char *dir, bool force, time_ms now, struct error *err);
int ca_rollover_retire(const char *dir, bool force, time_ms now, struct error *err);
int ca_rollover_abort(const char *dir, bool force, time_ms now, struct error *err);

/* The holder of this certificate was given the CAs of now: he trusts them, and has come as far as what he
 * showed. Written down while a rollover is under way. */
int ca_rollover_note(const char *dir, X509 *certificate, time_ms now, struct error *err);
