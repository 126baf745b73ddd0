/* SPDX-License-Identifier: ISC */
/* What a repository needs to know of an OSV record: its id and which ecosystems it names. */
#pragma once

#include "vuln/record.h"
#include "vuln/tree/metadata.h"

#include <jansson.h>

/* "" where it has none that a line may hold. */
void members_id(const json_t *record, char ret[RECORD_ID_MAX]);
/* Calls fn with the ecosystem of each affected package, as it is written there; one may come several times.
 */
void members_each_ecosystem(
        const json_t *record, void (*fn)(const char *ecosystem, void *context), void *context);
/* Whether it belongs to the shard. */
bool members_in_shard(const json_t *record, const char *shard);
/* Takes away the affected packages for which keep says false; whether there were any. */
bool members_filter(json_t *record, bool (*keep)(const char *ecosystem, void *context), void *context);
