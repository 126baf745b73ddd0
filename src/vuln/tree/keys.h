/* SPDX-License-Identifier: ISC */
/*
 * The people's side of a repository: public keys that they hand to each other, and roots that are drawn up by
 * one, signed by several, each where his key is, and put together again.
 */
#pragma once

#include "vuln/tree/metadata.h"

/* A public key with its holder's name, as a PEM file that OpenSSL reads too. */
int tree_key_write(const char *path, EVP_PKEY *key, const char *holder, struct error *err);
/* Of such a file; -EINVAL for anything but an Ed25519 key. The holder is the file's name where it says none.
 */
int tree_key_read(const char *path, struct tree_key *ret, struct error *err);
void tree_key_clear(struct tree_key *key);

/* Gives the key the role, unless it has it. The key is copied. -E2BIG. */
int tree_root_grant(
        struct tree_root *root, enum tree_role_name role, const struct tree_key *key, struct error *err);
/* Takes the keys whose id begins so, or whose holder this is, out of the role; how many. */
size_t tree_root_withdraw(struct tree_root *root, enum tree_role_name role, const char *who);
/* What of it could not be signed or read: thresholds that the keys do not meet, keys without a role. */
int tree_root_complete(struct tree_root *root, struct error *err);

/* How far the signatures under a root are. before: the root that it follows; NULL: it is the first. */
struct tree_signing {
	size_t by_new, by_old; /* keys of its own root role, and of the one before, that have signed */
	size_t of_new, of_old; /* thresholds; of_old 0: the first */
};
int tree_root_signing(const struct tree_root *before, const char *bytes, size_t length,
        struct tree_root *ret_root, struct tree_signing *ret, struct error *err);
