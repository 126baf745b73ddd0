/* SPDX-License-Identifier: ISC */
/* A repository for the tests of vuln/tree: its keys, its roots, what it publishes; and a mirror that may lie.
 */
#pragma once

#include "base/file.h"
#include "vuln/tree/follow.h"
#include "vuln/tree/publish.h"
#include "vuln/vuln.h"

#define SITE_KEYS 4
#define SITE_NOW ((time_ms)1800000000 * 1000)
#define SITE_DAY ((time_ms)86400 * 1000)

struct site {
	char *base, *dir; /* dir: what is published */
	const char *name;
	EVP_PKEY *root_keys[SITE_KEYS], *index_keys[SITE_KEYS];
	struct tree_publisher *publisher;
};
/* Root 1: root keys 0, 1, 2 with threshold 2; index key 0. */
struct site *site_new(const char *base, const char *name);
struct site *site_free(struct site *s);
/* For cmocka: the state is a site of its own in a folder of its own, with its publisher or without. */
int site_setup(void **state);
int site_setup_open(void **state);
int site_teardown(void **state);
/* The root that the site would have next: to be changed, signed and put. */
struct tree_root site_next_root(const struct site *s);
void site_add_key(struct tree_root *root, enum tree_role_name role, EVP_PKEY *key);
void site_drop_key(struct tree_root *root, enum tree_role_name role, EVP_PKEY *key);
/* An envelope around the root with the signatures of these keys (NULL-terminated). The caller frees. */
char *site_sign(const struct tree_root *root, EVP_PKEY *const *keys);
char *site_sign_payload(
        enum tree_role_name role, const char *repository, const char *payload, EVP_PKEY *const *keys);
void site_put_root(struct site *s, const struct tree_root *root, EVP_PKEY *const *keys);
/* The first root again, which followers begin with. The caller frees. */
char *site_root_path(const struct site *s, uint64_t version);

void site_open(struct site *s, size_t n_index_keys); /* the publisher */
/* A record of ID that is fixed in VERSION for the package "tree" of each ecosystem (space-separated). */
void site_put(
        struct site *s, const char *source, const char *id, const char *ecosystems, const char *version);
struct tree_publish_result site_commit(struct site *s, time_ms now);
/* The index that stands, changed and signed anew. */
void site_write_index(struct site *s, const struct tree_index *index, EVP_PKEY *key);

/* What a mirror does with a request: the bytes (malloc'ed), or NULL: 404. */
struct mirror {
	const char *dir;
	char *(*answer)(struct mirror *m, const char *path, uint64_t offset, size_t *ret_length);
	const char *path;  /* of the answer that is not the directory's own */
	const char *other; /* what it is instead: a file */
	size_t cut;        /* bytes of the answer that come */
	unsigned requests;
	size_t piece; /* bytes at a time; 0: all at once */
};
/* A round of pull; what the last call said, with its words. */
int mirror_round(struct mirror *m, struct tree_follow *f, time_ms now, struct error *err);

/* A follower with its index of vulnerabilities. */
struct child {
	char *dir, *root_file;
	const char *const *shards;
	struct tree_follow *follow;
	struct vuln_update *update;
	struct mirror mirror;
	struct error err;
};
/* Of root version 1 of the site. */
struct child *child_new(const struct site *s, const char *name, const char *const *shards);
struct child *child_free(struct child *c);
/* As if its process had been killed and started again. */
void child_restart(struct child *c);
/* A round, and where it ends well what came into the index; what the round said. */
int child_round(struct child *c, time_ms now);
/* "ID@SOURCE=fixed version of its first package", for all records by key, space-separated; the caller frees.
 */
char *child_records(struct child *c);
