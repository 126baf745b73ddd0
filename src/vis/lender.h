/* SPDX-License-Identifier: ISC */
/*
 * Files of a followed repository that the VISes below ask for and we ourselves have no need of: snapshots
 * older or newer than the way that we came, shards that nobody asks us about. Each is fetched from above once
 * however many ask, is what the signed index names or is nothing, and lies beside our own for as long as an
 * index names it.
 */
#pragma once

#include "vis/pull.h"

#define LENDER_QUEUE_MAX 256

struct lender;
/* on_lent: one is there. */
struct lender *lender_new(struct event_base *base, const char *repository, const struct tree_follow *follow,
        void (*on_lent)(void *user), void *user);
struct lender *lender_free(struct lender *l);                               /* NULL in, NULL out */
void lender_set_source(struct lender *l, const struct pull_source *source); /* NULL: nowhere */
/* file: "SHA256.zst". Nothing happens where the index has none of that name, or it is under way. */
void lender_want(struct lender *l, const char *file);
