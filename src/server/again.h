/* SPDX-License-Identifier: ISC */
/* Judging again, within the site: who waits for it (again.c), what the advisories' changes come to
 * (changes.c), what a start need not judge (judged.c), and when nodes are told (retry.c). */
#pragma once

#include "server/site.h"
#include <roaring/roaring.h>

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
/* Every node that was not inspected since the index changed last is to be, where the policy wants that. */
void changes_resume_round(struct site *site, time_ms now);
/* Whether this attachment is to be asked to come again in the round that a change began; counts it. */
bool changes_ask(struct site *site, struct site_attachment *a, time_ms now);

struct judged *judged_new(void);
struct judged *judged_free(struct judged *j); /* NULL in, NULL out */
/* Before the first decision of which the note knows nothing: a start would have to judge everybody. */
void judged_forget(struct site *site);
/* Before anything is written that follows from a decision; and after each turn. */
void judged_begin_write(struct site *site);
void judged_end_turn(struct site *site, int result);
/* Nobody waits to be judged. */
void judged_settle(struct site *site);
/* Adds who has the package and was not judged since the start: the memo knows nothing of what they met. */
void judged_doubt_unseen(struct site *site, uint32_t id, roaring_bitmap_t *nodes);

enum retry_class { RETRY_EMERGENCY, RETRY_WORSE, RETRY_MOVED, RETRY_SAME, RETRY_N_CLASSES };
struct retries *retries_new(void);
struct retries *retries_free(struct retries *r); /* NULL in, NULL out */
/* Asks the node that is there to be inspected again when its turn comes, the first class first. */
void retry_soon(struct site *site, struct site_attachment *a, enum retry_class class, time_ms now);
/* Asks those whose turn it is. */
void retries_work(struct site *site, time_ms now);
/* Whether one more is in the pace; counts it. */
bool pace_take(struct site_pace *p, const struct policy_pace *pace, time_ms now);

/* judge.c: false where it would only make the node better off, and may_wait. */
bool judge_again(struct site *site, struct site_node *node, const char *cause, bool may_wait, time_ms now);
