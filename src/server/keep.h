/* SPDX-License-Identifier: ISC */
/*
 * What stands between a verdict and its placement, within the site: keep.c decides whether an attachment
 * keeps its segment, brake.c counts demotions and says when there have been too many.
 */
#pragma once

#include "server/site.h"

/* ---- keep.c ---- */

/* What was decided, and what may stand against it. */
struct keep_verdict {
	const struct policy_segment *segment;
	const char *cause; /* static */
	bool at_once;      /* nothing may hold it */
	bool no_grace;     /* the brake may hold it, but no grace: it is rejected */
	bool same;         /* the node that was placed there */
	bool resting;      /* nothing was decided: what was placed by monitor mode loses that */
};
/* Where the attachment is put after that verdict; why it may be elsewhere is in a->keep. */
const struct policy_segment *keep_moderate(
        struct site *site, struct site_attachment *a, const struct keep_verdict *v, time_ms now);
/* Nothing stands between the two any more. */
void keep_end(struct site *site, struct site_attachment *a);
/* Writes a->keep to the store, into the turn. */
void keep_save(struct site *site, struct site_attachment *a);
int keep_load(const struct store_keep *record, void *site);
/* The segment of an attachment about which nothing is decided; NULL where monitor mode does not watch it. */
const struct policy_segment *keep_watched(const struct site *site, const struct site_attachment *a);
/* Fills a placement without a verdict: of that segment, for one lifetime of a certificate. */
void keep_rest(struct site *site, struct site_attachment *a, const struct policy_segment *segment,
        struct site_placement *ret, time_ms now);
/* Whether a placement into the default segment needs words: because it is not what unplaced ones get. */
bool keep_must_rest(const struct site *site, const struct site_attachment *a);
/* What is due: an end of grace, a placement without a verdict that must go on or be moved. True where it did
 * something that leaves nothing else to do. */
bool keep_tick(struct site *site, struct site_attachment *a, time_ms now);

/* ---- cause.c ---- */

/* Notes at all attachments of the node whether the verdict (o, before anything is made of it), after an
 * inspection at a or nowhere (NULL), takes something from it by its own doing: for a reason that there was
 * not with the posture before. Asked only where a brake might hold it. At all of them, so that a bad posture
 * that is shown at one does not become what another is compared with. */
void cause_find_own_doing(struct site *site, struct site_node *node, const struct site_attachment *a,
        const struct site_outcome *o, time_ms now);
/* Whether it is worse because somebody else may be the node too. */
bool cause_is_doubt(struct site *site, struct site_node *node, const struct site_attachment *a,
        const struct site_outcome *o, time_ms now);

/* ---- brake.c ---- */

struct brake *brake_new(void);
struct brake *brake_free(struct brake *b); /* NULL in, NULL out */
int brake_load(const char *who, time_ms at, void *site);
/* How many more may be demoted now; SIZE_MAX without a brake. */
size_t brake_room(struct site *site, time_ms now);
/* The same by another policy's brake; NULL: it has none. */
size_t brake_room_by(struct site *site, const struct policy_brake *p, time_ms now);
/* One was. */
void brake_count(struct site *site, const struct site_attachment *a, time_ms now);
/* An attachment is held, or not any more. */
void brake_hold(struct site *site, const struct site_attachment *a, bool held, time_ms now);
/* Judges what was held long enough again, no more than there is room for. */
void brake_tick(struct site *site, time_ms now);
