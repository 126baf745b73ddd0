/* SPDX-License-Identifier: ISC */
/*
 * The sources of prevention information that the nodes of the site name now (quarantine draft, 5.1): each URL
 * once, with how many nodes name it, whether the index has it, and what pratique-vis said of it. Nothing is
 * fetched here: pratique-vis is told, and has the administrator's list. A URL that no node names any more is
 * forgotten, so that nobody can make this grow by naming ever new ones.
 */
#pragma once

#include "server/site.h"

#define NAMED_MAX 512 /* URLs of the whole site, as many as one message takes */

struct named;
struct named *named_new(void);
struct named *named_free(struct named *n); /* NULL in, NULL out */

/* The node has another posture, which names these; takes the list over. */
void named_set(struct site *site, struct site_node *node, struct vuln_named_list *list);
/* The node counts no more; they are read again from its posture when it is judged. */
void named_forget(struct site *site, struct site_node *node);
/* Who names what the index has now, or has no more, is judged again. */
void named_look(struct site *site);
/* Where the index's sources are from, as named_look() has read it last; NULL: nobody names any, or it could
 * not be read. Until the next look. */
const struct vuln_origins *named_origins(const struct named *n);

/* Rises with every change that pratique-vis is to be told of. */
uint64_t named_changes(const struct named *n);
size_t named_count(const struct named *n);
/* What nodes name and there was no room for. */
size_t named_refused(const struct named *n);
struct named_url {
	const char *url;
	size_t nodes;
	const char *source; /* of the index, that has it; NULL: none */
	const char *listed; /* of pratique-vis's list; NULL: not on it, or not told yet */
	bool told;          /* pratique-vis has said whether it is on its list */
};
/* Of all of them, in no order. */
void named_each(const struct named *n, void (*fn)(const struct named_url *url, void *context), void *context);
/* false where there is none of this URL. */
bool named_find(const struct named *n, const char *url, struct named_url *ret);

/* Pratique-vis was sent all of them; and what it has answered: first that it has, which makes those that were
 * sent unlisted, then each that is on its list. */
void named_note_sent(struct named *n);
void named_begin_listed(struct named *n);
void named_set_listed(struct named *n, const char *url, const char *source);
