/* SPDX-License-Identifier: ISC */
/* What a follower knows, for the files follow*.c. */
#pragma once

#include "vuln/tree/follow.h"
#include "vuln/tree/lines.h"

#define HELD_MAX ((size_t)64 << 20) /* bytes of the file `held` */
#define HELD_FILES_MAX 256          /* of one shard: then a snapshot is fetched */
#define HELD_MARK_SIZE 65           /* hexadecimal SHA-256, and the NUL */

/* A shard as it is made of files: a snapshot and deltas, applied in this order. */
struct held_shard {
	char name[TREE_NAME_SIZE];
	uint64_t generation;
	struct tree_file *files;
	size_t n;
	size_t n_old; /* of a plan: so many are those of what is held now, and then come new ones */
};
struct held {
	struct tree_point point;
	struct held_shard *shards; /* sorted by name */
	size_t n;
};
void held_clear(struct held *h);
struct held_shard *held_find(const struct held *h, const char *shard);
struct held_shard *held_add(struct held *h, const char *shard);
char *held_format(const struct held *h); /* the caller frees */
int held_parse(const char *text, size_t length, struct held *ret, struct error *err);

enum follow_phase { FOLLOW_IDLE, FOLLOW_ROOTS, FOLLOW_INDEX, FOLLOW_FILES };

struct tree_follow {
	char *name, *dir, *tree; /* tree: DIR/tree */
	char **shards;           /* NULL: all */
	size_t n_shards;
	int64_t skew;
	uint32_t precedence;
	bool required, partial;
	struct tree_root root;
	struct tree_point seen;

	/* The index whose files are all here. */
	struct tree_index index;
	char *bytes;
	size_t length;
	/* What is in the index of vulnerabilities, and what is to be. */
	struct held held, plan;
	char mark[HELD_MARK_SIZE], plan_mark[HELD_MARK_SIZE];

	/* The round. */
	enum follow_phase phase;
	unsigned n_roots;
	bool again;   /* the index was judged by an older root once already in this round */
	char *pushed; /* an index that waits for newer roots */
	size_t pushed_length;
	struct tree_index next; /* verified, its files are being fetched */
	bool has_next;
	char *next_bytes;
	size_t next_length;
	struct held next_plan;
	time_ms now; /* of the last thing that came */
	/* What is asked for. */
	bool asking;
	char path[TREE_PATH_SIZE];
	struct tree_file file;
	struct writer got; /* a root or an index */
	int fd;            /* a file */
	uint64_t offset;

	struct tree_follow_status status;
};

/* Why the round ended; returns code. */
int follow_refuse(struct tree_follow *f, int code, const struct error *why);

/* Disk (follow_disk.c). */
int follow_load(struct tree_follow *f, const char *root_file, struct error *err);
int follow_save_root(struct tree_follow *f, const void *bytes, size_t length, struct error *err);
int follow_save_seen(struct tree_follow *f, struct error *err);
int follow_save_index(struct tree_follow *f, struct error *err);
int follow_save_held(struct tree_follow *f, struct error *err);
bool follow_has_file(const struct tree_follow *f, const struct tree_file *file);
char *follow_part_path(const struct tree_follow *f, const struct tree_file *file);
int follow_open_part(struct tree_follow *f, struct error *err); /* f->fd and f->offset */
int follow_finish_part(struct tree_follow *f, struct error *err);
/* Takes the file away unless it is whole and unaltered. */
void follow_drop_bad(const struct tree_follow *f, const struct tree_file *file);
/* Before f->next takes the place of f->index: the time of files that only the latter names begins. */
void follow_retire(const struct tree_follow *f);
void follow_prune(const struct tree_follow *f);

/* Which files make the shards of an index (follow_plan.c). */
bool follow_wants_shard(const struct tree_follow *f, const char *shard);
void follow_make_plan(const struct tree_follow *f, const struct tree_index *index, struct held *ret);
void held_mark(const struct held *h, char mark[HELD_MARK_SIZE]);
