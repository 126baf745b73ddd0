/* SPDX-License-Identifier: ISC */
/*
 * The publisher's side of a repository, pratique-repository(5): a directory that any web server may serve
 * while it is written. Files that the index names never change and are there before it; index.json and
 * N.root.json appear by rename. Whoever is killed at any point leaves the old state, and what he left over is
 * cleared away later. One publisher at a time (a lock in the directory).
 *
 *   DIR/1.root.json ...   put there by `pratique vuln keys root`; the newest decides
 *   DIR/index.json        the newest index
 *   DIR/files/            snapshots and deltas
 *
 * What was published last is read back from these files: there is no other state. Generations rise by one;
 * the first one of a directory is the time in seconds, so that one which was lost and made anew does not go
 * back.
 */
#pragma once

#include "vuln/tree/metadata.h"

#define TREE_PUBLISH_KEYS_MAX 8
#define TREE_LIFETIME_MS ((int64_t)10 * 60 * 1000) /* of an index, where nothing else is said */

struct tree_publish_config {
	const char *dir;
	EVP_PKEY *const *keys; /* enough for the index role's threshold */
	size_t n_keys;
	int64_t lifetime_ms; /* 0: TREE_LIFETIME_MS */
};

struct tree_publisher;
/* -ENOENT where there is no root yet, -EACCES where the keys are not (any more) those of the newest root,
 * -EBUSY where another one publishes there. */
int tree_publisher_open(
        const struct tree_publish_config *config, struct tree_publisher **ret, struct error *err);
struct tree_publisher *tree_publisher_close(struct tree_publisher *p); /* NULL in, NULL out */

/* What the next commit is to say. A record: OSV JSON, on one line or more. stamp: a number by which the
 * caller tells this form of it from others, 0: none. -EINVAL where it is no record; after any other failure
 * all is to be put anew, as after one of the commit. */
int tree_publisher_put(struct tree_publisher *p, const char *source, const char *text, size_t length,
        uint64_t stamp, struct error *err);
/* Whether this record was put before with the same stamp, and so need not be put again: it stays. */
bool tree_publisher_keep(struct tree_publisher *p, const char *source, const char *id, uint64_t stamp);
void tree_publisher_remove(struct tree_publisher *p, const char *source, const char *id);
/* What is not put until the next commit goes. */
void tree_publisher_replace_all(struct tree_publisher *p);
/* All the sources, for people and precedence. */
int tree_publisher_set_sources(
        struct tree_publisher *p, const struct tree_source *sources, size_t n, struct error *err);

struct tree_publish_result {
	struct tree_point point;
	size_t records_put, records_removed, shards_changed;
	uint64_t bytes; /* of the files that were written */
};
/* Writes the files and then the index. Without changes too, where the index is due to be signed again, the
 * root is a new one or the sources have changed; else nothing happens and ret->point is the one that stands.
 * After a failure the old index stands, and all is to be put anew, beginning with
 * tree_publisher_replace_all(). */
int tree_publisher_commit(
        struct tree_publisher *p, time_ms now, struct tree_publish_result *ret, struct error *err);
/* When the index is to be signed again: at a third of its life. */
time_ms tree_publisher_due(const struct tree_publisher *p);
/* The index that stands; NULL before the first. */
const struct tree_index *tree_publisher_index(const struct tree_publisher *p);
const struct tree_root *tree_publisher_root(const struct tree_publisher *p);

/* What an index of vulnerabilities says, but for what it has from other repositories: those have publishers
 * of their own. All of it, but what is unchanged since the last call is passed over quickly; the caller
 * commits. */
struct vuln_index;
struct tree_taken {
	uint64_t records, refused; /* refused: that no repository can hold */
	char first_refused[256];
};
int tree_publisher_take_index(
        struct tree_publisher *p, struct vuln_index *index, struct tree_taken *ret, struct error *err);
