/* SPDX-License-Identifier: ISC */
/*
 * A follower's round over the network or from a directory, done when the call returns: for processes that do
 * nothing else meanwhile. Each wait has a limit, and a mirror that is alive but slow is given up too.
 */
#pragma once

#include "vuln/tree/follow.h"

#define TREE_PULL_CONNECT_MS 10000
#define TREE_PULL_SILENCE_S 10     /* with less than a byte a millisecond: given up */
#define TREE_PULL_SPEED_LEAST 1000 /* bytes a second: too slow */
#define TREE_PULL_METADATA_S 60    /* for a root or an index, in all */
#define TREE_PULL_REDIRECTS_MAX 5

/* "http://HOST/PATH", "https://..." or a directory. */
struct tree_pull {
	const char *address;
	int silence_s; /* 0: TREE_PULL_SILENCE_S */
};
/* What the last step of the round said, as tree_follow_end() does. */
int tree_pull_run(const struct tree_pull *pull, struct tree_follow *f, struct error *err);
