/* SPDX-License-Identifier: ISC */
/*
 * The rules of nf_tables and x_tables as a whole: how many there are, whether they translate source
 * addresses, and a fingerprint that changes when what they do does: chains, rules and the elements of
 * constant sets count; counters, handles, comments and elements that come and go do not.
 */
#pragma once

#include "agent/xtables.h"

struct ruleset {
	uint32_t rules;
	bool masquerades;
	struct xtables v4, v6; /* of x_tables alone */
	char fingerprint[65];  /* SHA-256, hexadecimal */
};

/* -errno of the kernel's answer, told in err. */
int ruleset_read(const struct root *root, struct ruleset *ret, struct error *err);
