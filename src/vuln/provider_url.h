/* SPDX-License-Identifier: ISC */
/*
 * The URLs that a CSAF provider's lists name. They are a stranger's: each must be of the provider's own
 * origin or of a host that the administrator listed, must not lead from https to http, and its path must be
 * plain, so that it is a path below a folder of ours as well: no "." and "..", nothing encoded, nothing
 * hidden, no control characters.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>

#define PROVIDER_URL_MAX 2048
#define PROVIDER_PATH_MAX 1024   /* bytes of a path */
#define PROVIDER_SEGMENT_MAX 200 /* of one part of it: suffixes of ours come behind it */
#define PROVIDER_SEGMENTS_MAX 32

/* Who may be asked: the origin of this URL, and hosts ("www.example.com", "[::1]:8443"), NULL-terminated;
 * NULL: no others. */
struct provider_origin {
	const char *url;
	const char *const *hosts;
};

/* -EPERM with the reason. */
int provider_url_check(const struct provider_origin *origin, const char *url, struct error *why);
/* What href means at base, where a list is or a folder that ends with a slash: relative to base's folder, or
 * a URL itself. Caller frees. -EPERM with the reason where it may not be followed. */
int provider_url_resolve(const struct provider_origin *origin, const char *base, const char *href,
        char **ret_url, struct error *why);
/* HOST/PATH, for a checked URL, as a path below a folder. Caller frees. -EPERM where the path is not plain.
 */
int provider_url_path(const char *url, char **ret_path, struct error *why);
/* How much of a URL is its origin: "https://www.example.com:8443". */
size_t provider_url_origin_length(const char *url);
