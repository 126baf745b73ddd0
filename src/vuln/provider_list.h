/* SPDX-License-Identifier: ISC */
/*
 * What a CSAF provider says that there is: the documents of its changes.csv, its index.txt and its ROLIE
 * feeds (CSAF 2.0, sections 7.1.12 to 7.1.15; RFC 8322), by their URLs and when they changed last. Nobody's
 * order is trusted: a changes.csv is read whole, whether it is sorted or not, and of two times the later one
 * stands.
 */
#pragma once

#include "base/clock.h"
#include "base/table.h"
#include "vuln/provider_url.h"

#define PROVIDER_LIST_MAX (64u << 20) /* bytes of one list or of one page of a feed */
#define PROVIDER_DOCUMENTS_MAX 200000 /* of one provider */
#define PROVIDER_REFUSED_MAX 100000   /* entries that may not be followed; more, and the list is refused */

struct provider_document {
	char *url;
	time_ms updated; /* 0: nobody says */
};
struct provider_list {
	const struct provider_origin *origin;
	struct table *documents; /* path below a folder -> struct provider_document */
	size_t n_refused;
	/* An entry that is not followed, and why. */
	void (*refuse)(const char *what, const char *why, void *context);
	void *context;
};
void provider_list_open(struct provider_list *l);
void provider_list_close(struct provider_list *l);

/* Lists of a folder; url is the list's. -E2BIG with the reason above a limit, -EINVAL for what is no such
 * list at all. */
int provider_list_changes(
        struct provider_list *l, const char *url, const char *text, size_t length, struct error *err);
int provider_list_index(
        struct provider_list *l, const char *url, const char *text, size_t length, struct error *err);
/* One page of a feed, and where the next one is: the caller's to free, NULL where it is the last. */
int provider_list_feed(struct provider_list *l, const char *url, const char *text, size_t length,
        char **ret_next, struct error *err);
