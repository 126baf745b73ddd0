/* SPDX-License-Identifier: ISC */
/*
 * Sources that are URLs: fetched into a folder of the cache before they are read, as files are
 * (fetch_file.h). A kind whose URL stands for more than one document has a fetch of its own in its row of
 * load_kinds.
 */
#pragma once

#include "vuln/fetch_file.h"
#include "vuln/load.h"

/* Where the source is then: a file or folder in s->cache, which the caller frees; the caller's own s->from
 * where that is no URL (NULL). */
int load_fetch(const struct load_source *s, char **ret_from, struct error *err);
/* One document at s->from, with its .asc, .sha512 and .sha256 where there are any. */
int load_fetch_document(
        struct fetch *f, const struct load_source *s, const char *folder, char **ret_from, struct error *err);
