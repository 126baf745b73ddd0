/* SPDX-License-Identifier: ISC */
/*
 * Files by their URLs, one after another, over connections that stay open meanwhile. Only http and https,
 * certificates verified, redirects few and never from https to http, sizes and times bounded. A file that has
 * not changed (ETag, Last-Modified) is not fetched again; one that is fetched takes the old one's place when
 * it is whole, and what was there stays where fetching fails.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>

#define FETCH_SECONDS_MAX 600 /* for one file */
#define FETCH_CONNECT_SECONDS_MAX 20
#define FETCH_SLOW_BYTES 1000 /* a second, for FETCH_SLOW_SECONDS_MAX: too slow */
#define FETCH_SLOW_SECONDS_MAX 60
#define FETCH_REDIRECTS_MAX 5
#define FETCH_FILE_MAX ((int64_t)4 << 30) /* bytes as they come */
#define FETCH_URL_MAX 2048

/* Called now and then while a file comes: the bytes so far, and of all, 0 where that is not known. */
typedef void (*fetch_progress_fn)(const char *url, int64_t got, int64_t total, void *context);

struct fetch;
int fetch_open(
        fetch_progress_fn progress /* may be NULL */, void *context, struct fetch **ret, struct error *err);
struct fetch *fetch_close(struct fetch *f); /* NULL in, NULL out */

/* How the files that follow are fetched; all false and NULL at first. */
struct fetch_manner {
	/* Whether a URL may be asked: the file's own, and each that it is redirected to; -EPERM of
	 * fetch_file() with the reason where not. NULL: all may. */
	int (*may)(const char *url, void *context, struct error *why);
	void *context;
	bool whole; /* as a whole, whatever is there */
	bool many;  /* files that can be fetched anew: neither synced one by one nor with an .etag each, so
	             * that  time alone tells whether one has changed */
	const char *have; /* what is there already lies here, while the new one comes to another path; NULL:
	                   * it lies at the path itself */
};
void fetch_set_manner(struct fetch *f, const struct fetch_manner *manner);
/* Bytes that came in all, however much of them was kept; with what came with redirects where these are
 * followed one by one (may). */
int64_t fetch_bytes(const struct fetch *f);

enum fetch_outcome { FETCH_NEW, FETCH_UNCHANGED, FETCH_ABSENT };
/* Into path, whose folder is there; path.part and path.etag lie beside it. What became of it (enum
 * fetch_outcome), or negative: -EFBIG above limit bytes, -EPROTONOSUPPORT for what is no such URL,
 * -EPERM for one that may not be asked, -EIO where the connection fails, -ENODATA where the server does: by
 * any other status than 200 and those of the outcomes, or by "unchanged" where nobody asked whether it is.
 * Where the server does not have it, path is left as it was. */
int fetch_file(struct fetch *f, const char *url, const char *path, int64_t limit, struct error *err);
/* What was fetched there turned out to be wrong: it is asked for again as a whole. */
void fetch_forget(const char *path);
/* -EPROTONOSUPPORT with the reason. */
int fetch_check_url(const char *url, struct error *err);
