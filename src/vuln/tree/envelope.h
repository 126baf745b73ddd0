/* SPDX-License-Identifier: ISC */
/* The envelope of metadata.h, for the files of this folder. */
#pragma once

#include "vuln/tree/metadata.h"

struct envelope_signature {
	uint8_t key[KEY_THUMBPRINT_SIZE];
	uint8_t bytes[64];
};
struct envelope {
	char *type;
	uint8_t *payload;
	size_t payload_length;
	struct envelope_signature signatures[TREE_SIGNATURES_MAX];
	size_t n_signatures;
};

/* 0 or TREE_MALFORMED. most: bytes of the envelope. */
int envelope_open(const void *bytes, size_t length, size_t most, struct envelope *ret, struct error *err);
void envelope_clear(struct envelope *e);
/* 0, or TREE_FOREIGN unless it is of this role and repository. */
int envelope_check_type(
        const struct envelope *e, enum tree_role_name role, const char *repository, struct error *err);
/* 0, or TREE_UNSIGNED unless so many of the role's keys have signed; each counts once, whatever else is
 * there. */
int envelope_check_signatures(
        const struct envelope *e, const struct tree_root *root, enum tree_role_name role, struct error *err);
/* What the type says the repository is; NULL where the type is not of this role. */
const char *envelope_repository(const struct envelope *e, enum tree_role_name role);

/* Of index.c: what an envelope holds; nothing says yet that it may be believed. 0 or TREE_MALFORMED. */
int tree_index_read(const void *bytes, size_t length, struct tree_index *ret, struct error *err);
/* Of index.c, for who makes indexes. */
void tree_shard_clear(struct tree_shard *s);
void tree_shard_copy(const struct tree_shard *s, struct tree_shard *ret);

/* Whether a good signature of this key is under it. */
bool envelope_signed_by(const struct envelope *e, const struct tree_key *key);
/* Of root.c: the envelope, which the caller clears in every case, and what it holds; nothing says yet that it
 * may be believed. */
int tree_root_read(
        const void *bytes, size_t length, struct envelope *e, struct tree_root *ret, struct error *err);
