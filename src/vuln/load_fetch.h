/* SPDX-License-Identifier: ISC */
/*
 * Sources that are URLs: fetched into a folder of the cache before they are read, as files are. Only http and
 * https, certificates verified, redirects few and never from https to http, sizes and times bounded. A file
 * that has not changed (ETag, Last-Modified) is not fetched again; one that is fetched takes the old one's
 * place when it is whole. What was there stays where fetching fails.
 */
#pragma once

#include "vuln/load.h"

#define FETCH_SECONDS_MAX 600 /* for one file */
#define FETCH_CONNECT_SECONDS_MAX 20
#define FETCH_SLOW_BYTES 1000 /* a second, for FETCH_SLOW_SECONDS_MAX: too slow */
#define FETCH_SLOW_SECONDS_MAX 60
#define FETCH_REDIRECTS_MAX 5
#define FETCH_FILE_MAX ((int64_t)4 << 30) /* bytes as they come */
#define FETCH_URL_MAX 2048

/* Where the source is then: a file in s->cache, which the caller frees; the caller's own s->from where that
 * is no URL (NULL). Its .asc, .sha512 and .sha256 are fetched too, where there are any. */
int load_fetch(const struct load_source *s, char **ret_from, struct error *err);
