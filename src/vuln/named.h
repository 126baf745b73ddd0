/* SPDX-License-Identifier: ISC */
/*
 * The sources of prevention information that a node's posture names (quarantine draft, 5.1), held against
 * what the node has and what the index has. What such a source is for is not known as long as the index has
 * nothing from there.
 */
#pragma once

#include "vuln/vuln.h"

/* One that is for something that the node has. */
struct vuln_named {
	char *url;     /* in its one form */
	char *package; /* that it is for, the first by name: "acme-agent 1.2-1" */
	size_t n_packages;
};
struct vuln_named_list {
	struct vuln_named *items; /* each URL once, in the order of the posture */
	size_t n;
};

/* Of everything that the posture names; frees what was in ret before. */
void vuln_named_collect(const struct posture *p, struct vuln_named_list *ret);
void vuln_named_clear(struct vuln_named_list *list);

/* All URLs that the index's sources were loaded from, in their one form, to look several up. */
struct vuln_origins;
/* NULL where the index cannot be read. */
struct vuln_origins *vuln_origins_read(struct vuln_index *index);
struct vuln_origins *vuln_origins_free(struct vuln_origins *o); /* NULL in, NULL out */
/* The name of the source that is from there; NULL: none is. */
const char *vuln_origins_find(const struct vuln_origins *o, const char *url);

/* Why not all is known of the node's packages, as one sentence, which the caller frees; NULL: no source that
 * the node names is missing. origins NULL: none is there. */
char *vuln_named_missing(const struct vuln_origins *origins, const struct vuln_named_list *list);
