/* SPDX-License-Identifier: ISC */
/* The mirror of a CSAF provider while a round brings it up to date (load_provider.h). */
#pragma once

#include "vuln/load_provider.h"
#include "vuln/provider_list.h"
#include "vuln/provider_metadata.h"
#include "vuln/provider_set.h"
#include "vuln/provider_state.h"

struct provider_mirror {
	struct fetch *fetch;
	const struct load_source *source;
	const char *folder; /* of the cache: metadata, lists and state, hidden */
	char *tree;         /* folder/tree: HOST/PATH of each document, its proofs beside it */
	struct provider_origin origin;
	struct provider_set set; /* on its way into the tree */
	struct provider_list list;
	struct provider_state state;
	struct writer refused; /* lines of tree/refused.txt */
	struct table *lists;   /* names of those that this round fetched */
	time_ms end;           /* monotonic */
	int64_t total;         /* bytes of the documents that are there */
	bool whole;            /* this round asks about each document */
	int broken;
	size_t asked;
};
int provider_mirror_open(struct provider_mirror *m, struct fetch *f, const struct load_source *s,
        const char *folder, struct error *err);
void provider_mirror_close(struct provider_mirror *m);

/* With the origin's rules added. */
void provider_mirror_set_manner(struct provider_mirror *m, struct fetch_manner manner);
/* What a list is kept as: another URL is another file. Caller frees. */
char *provider_mirror_list_name(struct provider_mirror *m, const char *url);
/* What the round may still take: -EFBIG, -ETIMEDOUT. */
int provider_mirror_check(const struct provider_mirror *m, struct error *err);
/* Names what is not followed or not to be had. */
void provider_mirror_refuse(const char *what, const char *why, void *mirror);
/* Fetches what has changed of m->list, takes away what it does not name. */
int provider_mirror_update(struct provider_mirror *m, const char *url, struct error *err);
