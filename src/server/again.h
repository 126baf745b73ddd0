/* SPDX-License-Identifier: ISC */
/* Judging again, within the site: who waits for it (again.c), and what the advisories' changes come to
 * (changes.c). */
#pragma once

#include "server/site.h"

/* The order in which nodes are judged: as enum policy_change, then who gets better. */
#define AGAIN_LAST POLICY_N_CHANGES
#define AGAIN_USUAL POLICY_CHANGE_OTHER

struct again *again_new(void);
struct again *again_free(struct again *a); /* NULL in, NULL out */
/* Nothing for a node that was not inspected or is attached nowhere. cause is static. */
void again_add(struct site *site, struct site_node *node, const char *cause, unsigned urgency);
/* The next one, with why, taken out; NULL: nobody waits. */
struct site_node *again_take(struct site *site, const char **ret_cause, unsigned *ret_urgency);
size_t again_count(const struct again *a);

struct changes *changes_new(void);
struct changes *changes_free(struct changes *c); /* NULL in, NULL out */
/* Policy or index are others: nothing is known of any package. */
void changes_restart(struct site *site);
bool changes_wait(const struct site *site);
/* Looks up one piece of what changed. */
void changes_work(struct site *site, time_ms now);
/* The answers to the policy's demands on the age of vulnerability information may be others. */
void changes_tick(struct site *site, time_ms now);
/* Whether this attachment is to be asked to come again in the round that a change began; counts it. */
bool changes_ask(struct site *site, struct site_attachment *a, time_ms now);

/* judge.c: false where it would only make the node better off, and may_wait. */
bool judge_again(struct site *site, struct site_node *node, const char *cause, bool may_wait, time_ms now);
