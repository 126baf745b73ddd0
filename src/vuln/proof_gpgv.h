/* SPDX-License-Identifier: ISC */
/* One run of gpgv, and what its status lines come to; the signatures' shape was checked before (proof.c). */
#pragma once

#include "vuln/proof.h"

/* What gpgv writes: the text that was signed. */
struct proof_output {
	size_t limit;
	char *text; /* the caller's to free */
	size_t length;
};

/* text NULL: the message is clear-signed, and its text comes by output. Else output is NULL. */
int proof_run_gpgv(const struct proof_keys *keys, const void *message, size_t message_length,
        const void *text, size_t length, struct proof_output *output, char ret_signer[PROOF_FINGERPRINT_SIZE],
        struct error *err);

/* What the status lines (doc/DETAILS of GnuPG, "General status codes") come to: 0 and who signed, or
 * -EBADMSG. clearsigned: which classes of signature are allowed. */
int proof_judge_status(
        char *status, bool clearsigned, char ret_signer[PROOF_FINGERPRINT_SIZE], struct error *err);
/* Armoured key blocks as the bytes that they stand for. Caller frees; NULL where they are not whole. */
uint8_t *proof_dearmour_keys(const char *text, size_t length, size_t *ret_length);
