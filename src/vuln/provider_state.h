/* SPDX-License-Identifier: ISC */
/*
 * What a provider's mirror holds, so that what has not changed is not asked for: which time the provider gave
 * for each document when it was fetched, and how large the file was. It lies beside the mirror; one that is
 * lost or broken costs a whole round and nothing else.
 */
#pragma once

#include "base/clock.h"
#include "base/table.h"

#include <stdbool.h>

struct provider_kept {
	time_ms updated;
	int64_t size;
};
/* Which proofs were looked for, at least, when the documents were fetched. */
struct provider_demand {
	int trust; /* enum vuln_trust */
	bool signatures;
};
struct provider_state {
	time_ms whole; /* when each document was asked about last; 0: never */
	struct provider_demand demand;
	struct table *kept; /* path below the mirror -> struct provider_kept */
};

/* An empty one where there is none, or one of another provider. */
void provider_state_read(const char *path, const char *url, struct provider_state *ret);
int provider_state_write(
        const char *path, const char *url, const struct provider_state *s, struct error *err);
void provider_state_clear(struct provider_state *s);
void provider_state_set(struct provider_state *s, const char *path, time_ms updated, int64_t size);
