/* SPDX-License-Identifier: ISC */
/*
 * The rules of nf_tables as a whole: how many there are, whether they translate source addresses, and a
 * fingerprint that changes when what they do does: chains, rules and the elements of constant sets count;
 * counters, handles, comments and elements that come and go do not.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>

struct ruleset {
	uint32_t rules;
	bool masquerades;
	char fingerprint[65]; /* SHA-256, hexadecimal */
};

/* -errno of the kernel's answer. */
int ruleset_read(struct ruleset *ret);
