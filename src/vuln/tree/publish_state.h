/* SPDX-License-Identifier: ISC */
/* What a publisher knows, for the files publish*.c. */
#pragma once

#include "base/table.h"
#include "vuln/tree/lines.h"
#include "vuln/tree/publish.h"

#define DIGEST_SIZE 16

/* A record as it was published last: SHA-256 of its text, cut short. */
struct published {
	uint8_t digest[DIGEST_SIZE];
	uint64_t round; /* in which it was put last */
};

struct publish_shard {
	struct tree_shard v;       /* as in the index that stands; generation 0: in none */
	struct table *records;     /* line_key() -> struct published */
	struct line_writer *delta; /* of the next commit; NULL: nothing has changed */
	struct table *ecosystems;  /* names of v.ecosystems, and those that came since -> non-NULL */
	size_t put, removed;       /* in it */
	bool rebuild;              /* files of it are gone: only a snapshot is any good */
};

/* Of a record, whatever shards it is in: what it was put with. */
struct stamped {
	uint64_t stamp, round;
};

struct tree_publisher {
	char *dir;
	EVP_PKEY *keys[TREE_PUBLISH_KEYS_MAX];
	size_t n_keys;
	int64_t lifetime;
	int lock;
	struct tree_root root;
	struct tree_index index; /* that stands; generation 0: none */
	bool has_index;
	struct publish_shard *shards; /* in no order */
	size_t n_shards, shards_capacity;
	struct table *stamps;        /* line_key() -> struct stamped */
	struct tree_source *sources; /* for the next index; NULL: as they are */
	size_t n_sources;
	uint64_t round;
	bool replace_all;
	bool lost;  /* what stands is not known: everything is to be put anew */
	char *line; /* for compact JSON */
	size_t line_capacity;
};

/* Reads root, index and records from the directory; what was put is dropped. */
int publish_load(struct tree_publisher *p, struct error *err);
/* Takes up roots that are newer than p->root. */
int publish_load_roots(struct tree_publisher *p, struct error *err);
struct publish_shard *publish_find_shard(struct tree_publisher *p, const char *name, bool add);
void publish_clear_shards(struct tree_publisher *p);

/* Finishes the shard's delta as part of generation `to`: the files that the next index names are in *ret,
 * whose deltas the caller frees. */
int publish_finish_shard(struct tree_publisher *p, struct publish_shard *s, uint64_t to, uint64_t *bytes,
        struct tree_shard *ret, struct error *err);
/* The files of an index that stood before, and which p->index does not name, are kept from now on for as long
 * as an index lives. */
void publish_retire(const struct tree_publisher *p, const struct tree_index *before);
/* Deletes files that the index does not name any more and nobody may still be fetching. */
void publish_prune(const struct tree_publisher *p, time_ms now);
