/* SPDX-License-Identifier: ISC */
/*
 * A key and its certificate in two files that are replaced as if they were one. The new ones are written
 * beside the old ones (FILE.new), then the certificate is renamed and last the key; whatever interrupts that,
 * pair_finish() finds two files that belong together.
 */
#pragma once

#include "crypto/x509.h"

/* Finishes a replacement that was interrupted; to be called before the files are loaded. */
int pair_finish(const char *key_path, const char *certificate_path, struct error *err);
/* The new files are the old ones' owner's. */
int pair_replace(const char *key_path, const char *certificate_path, EVP_PKEY *key, X509 *certificate,
        struct error *err);
