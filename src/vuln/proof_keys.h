/* SPDX-License-Identifier: ISC */
/* What keyring and gpgv's runs share. */
#pragma once

#include "vuln/proof.h"

struct proof_keys {
	char *path;
	int fd;     /* of memory that holds the keyring in the form that gpgv reads */
	int prover; /* proof_keys_ask(); 0: gpgv is run here */
};

/* A descriptor of memory that holds these bytes; a negative errno value where there is none. */
int proof_memory_file(const char *name, const void *bytes, size_t length);
