/* SPDX-License-Identifier: ISC */
/*
 * A CSAF provider (CSAF 2.0, section 7) as a source: its provider-metadata.json, its lists, and of its
 * documents what has changed, over one connection, into a mirror below the cache, which is then read like any
 * folder of CSAF documents with their proofs beside them.
 *
 * A document is asked for where the provider's lists give another time for it than when it was fetched, and
 * each one is asked about once a day whatever they say; one that they no longer name leaves the mirror. What
 * may not be followed, or is not to be had, is refused by name, and the rest is fetched. Where the metadata
 * or a list cannot be had, the mirror, and so the source, stays as it was; where a proof cannot that the
 * source's trust demands, its document does.
 */
#pragma once

#include "vuln/load_private.h"

#define PROVIDER_SECONDS_MAX 3600             /* for one round; the next one goes on where it ended */
#define PROVIDER_BYTES_MAX ((int64_t)8 << 30) /* of one round */
#define PROVIDER_PAGES_MAX 1000               /* of one feed */
#define PROVIDER_BROKEN_MAX 5                 /* documents in a round that the connection fails for */
#define PROVIDER_WHOLE_MS ((time_ms)86400000) /* how often each document is asked about */
#define PROVIDER_SAVE_EVERY 1000              /* documents */
#define PROVIDER_REFUSED_BYTES_MAX (1u << 20) /* of refused.txt, where all that was refused is named */

/* Whether the URL stands for a provider: .../provider-metadata.json, a security.txt, or nothing but a host.
 */
bool load_is_provider(const char *url);
/* The fetch of kind csaf: of a provider where the URL is one's, else of one document. */
int load_fetch_csaf(
        struct fetch *f, const struct load_source *s, const char *folder, char **ret_from, struct error *err);
