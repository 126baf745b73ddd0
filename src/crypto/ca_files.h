/* SPDX-License-Identifier: ISC */
/* The CA's directory, for the files of this room: its lock, its key and certificate, its lists. */
#pragma once

#include "crypto/x509.h"

/* Takes the lock of the directory; returns a descriptor, or a negative errno value. */
int ca_files_lock(const char *dir, struct error *err);
void ca_files_unlock(int *fd);
int ca_files_load(const char *dir, EVP_PKEY **ret_key, X509 **ret_ca, struct error *err);
/* Writes ca.crl from `revoked`, with a number one higher than the list there was. The lock is held by the
 * caller. */
int ca_files_write_crl(const char *dir, EVP_PKEY *key, X509 *ca, time_ms now, struct error *err);
