/* SPDX-License-Identifier: ISC */
/* Any bytes as a list of a CSAF provider's: what is taken from it is of the provider's host, and its path
 * stays below a folder. */
#pragma once

#include "vuln/provider_list.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PROVIDER_FUZZ_LIST "https://vendor.example/csaf/list"

static inline void provider_fuzz_refuse(const char *what, const char *why, void *context)
{
	if (!*why)
		abort();
}

static inline void provider_fuzz_open(struct provider_list *list)
{
	static const struct provider_origin origin = { "https://vendor.example/provider-metadata.json",
		NULL };
	*list = (struct provider_list){ .origin = &origin, .refuse = provider_fuzz_refuse };
	provider_list_open(list);
}

static inline void provider_fuzz_close(struct provider_list *list)
{
	TABLE_FOREACH(it, list->documents) {
		const struct provider_document *d = it.value;
		char *path FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		if (strncasecmp(path, "vendor.example/", 15) != 0 || strstr(path, "/.") ||
		        strchr(path, '%') || strncasecmp(d->url, "https://vendor.example/", 23) != 0)
			abort();
	}
	provider_list_close(list);
}
