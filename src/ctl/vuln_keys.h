/* SPDX-License-Identifier: ISC */
/* `pratique vuln keys`: its options, and its actions by file. */
#pragma once

#include "ctl/ctl.h"
#include "vuln/tree/keys.h"

#define VULN_KEYS "vuln keys"

struct keys_options {
	const char *out, *passphrase, *holder, *repository, *from, *key;
	struct command_texts root_keys, index_keys;
	int64_t threshold, index_threshold, days;
	bool json;
	char **files; /* behind the action, NULL-terminated */
	size_t n_files;
};

/* Each returns an exit code and has said what went wrong. */
int keys_new(const struct keys_options *o);
int keys_show(const struct keys_options *o);
int keys_root(const struct keys_options *o);
int keys_rotate(const struct keys_options *o);
int keys_revoke(const struct keys_options *o);
int keys_sign(const struct keys_options *o);
int keys_assemble(const struct keys_options *o);

/* The passphrase in the file that the options name, which the caller gives to secret_free(); NULL: none is.
 */
int keys_passphrase(const struct keys_options *o, char **ret, struct error *err);
/* The private key; where a passphrase is needed, and is NULL, how to give it is said. */
int keys_load(const char *path, const char *passphrase, EVP_PKEY **ret, struct error *err);
/* Reads a root's envelope and its holder's text. */
int keys_read_root(const char *path, char **ret_text, struct tree_root *ret, struct error *err);
/* Who may do what by this root, for people. */
void keys_print_root(FILE *out, const struct tree_root *root);
