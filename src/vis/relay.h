/* SPDX-License-Identifier: ISC */
/*
 * A signed repository that we follow from an upper VIS: what is pushed to us is taken at once, what lacks is
 * fetched, and all of it is verified by vuln/tree's follower before anybody else sees it. Whoever is above us
 * can keep things from us, and nothing else.
 */
#pragma once

#include "net/push_event.h"
#include "vis/pull.h"

#include <event2/event.h>

#define RELAY_AGAIN_MS 1000   /* before a round that failed is begun again */
#define RELAY_FAILURES_MAX 5  /* such rounds in succession; then the upper is to blame */
#define RELAY_ROUND_MS 300000 /* so long, or an index's life, a round may last where something is due */

struct relay;
struct relay_config {
	struct event_base *base;
	struct tree_follow_config follow;
	/* There is something new: verified, and in tree_follow_served(). path: by which VISes it came,
	 * nearest first. */
	void (*on_ready)(struct relay *r, const struct push_path *path, void *user);
	/* What came from the upper is not believed, or does not come; it is time for another one. */
	void (*on_refused)(struct relay *r, enum tree_refusal why, const char *reason, void *user);
	/* A file that relay_lend() asked for is in tree_follow_served(). */
	void (*on_lent)(void *user);
	void *user;
};
int relay_open(const struct relay_config *config, struct relay **ret, struct error *err);
struct relay *relay_close(struct relay *r); /* NULL in, NULL out */

const char *relay_name(const struct relay *r);
struct tree_follow *relay_follow(struct relay *r);
/* From now on, or (NULL) from nobody. */
void relay_set_source(struct relay *r, const struct pull_source *source, const struct push_path *path);
/* An event of this repository, with the path that includes who sent it. */
void relay_take(struct relay *r, const struct push_event *event);
/* Somebody needs this shard: it is held from now on, and fetched as soon as there is an upper. False: the
 * signed index knows of none, or it is held already. */
bool relay_want(struct relay *r, const char *shard);
/* Somebody below us needs a file of the repository ("SHA256.zst") that we have no need of. */
void relay_lend(struct relay *r, const char *file);
/* What the publisher has announced is due and has not come; a sentence, or NULL. */
const char *relay_overdue(const struct relay *r, time_ms now);
