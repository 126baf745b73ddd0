/* SPDX-License-Identifier: ISC */
/* Publishing a signed repository: roots that count from now on, and an index of vulnerabilities. */
#pragma once

#include "base/command_line.h"

struct repository_options {
	const char *dir, *index, *passphrase;
	struct command_texts roots, keys;
	int64_t lifetime_ms; /* of the index; 0: as it is by default */
	bool json;
};
/* The exit code; what went wrong was said. */
int repository_publish(const struct repository_options *o);
