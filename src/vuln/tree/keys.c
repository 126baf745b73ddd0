/* SPDX-License-Identifier: ISC */
#include "vuln/tree/keys.h"

#include "base/file.h"
#include "crypto/openssl.h"
#include "vuln/tree/envelope.h"
#include "vuln/tree/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#define PUBLIC_FILE_MAX 16384
#define PUBLIC_MODE 0644
#define HOLDER_PREFIX "Holder: "

static bool good_holder(const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++)
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	return n > 0 && n < sizeof(((struct tree_key *)NULL)->holder);
}

int tree_key_write(const char *path, EVP_PKEY *key, const char *holder, struct error *err)
{
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new(BIO_s_mem());
	char *text;
	if (!good_holder(holder))
		return error_set(err, -EINVAL, "\"%s\" is no name of a key's holder", holder);
	if (!bio || BIO_printf(bio, HOLDER_PREFIX "%s\n", holder) < 0 || PEM_write_bio_PUBKEY(bio, key) != 1)
		return openssl_error(err, -EIO, "%s: cannot encode the key", path);
	long length = BIO_get_mem_data(bio, &text);
	return file_replace(path, text, (size_t)length, PUBLIC_MODE, err);
}

static void take_holder(const char *path, const char *text, struct tree_key *key)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t n = strcspn(name, ".");
	if (strncmp(text, HOLDER_PREFIX, strlen(HOLDER_PREFIX)) == 0) {
		name = text + strlen(HOLDER_PREFIX);
		n = strcspn(name, "\r\n");
	}
	snprintf(key->holder, sizeof(key->holder), "%.*s", (int)MIN(n, sizeof(key->holder) - 1), name);
	if (!good_holder(key->holder))
		key->holder[0] = '\0';
}

int tree_key_read(const char *path, struct tree_key *ret, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	struct tree_key key = { .key = NULL };
	enum key_kind kind;
	size_t n;
	int r = file_read(path, PUBLIC_FILE_MAX, &text, &n, err);
	if (r < 0)
		return r;
	if (strstr(text, "PRIVATE KEY-----")) { /* OpenSSL would ask for its passphrase */
		OPENSSL_cleanse(text, n);
		return error_set(err, -EINVAL, "%s: a private key; its public one is wanted", path);
	}
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new_mem_buf(text, (int)n);
	key.key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	if (!key.key)
		return openssl_error(err, -EINVAL, "%s: not a public key in PEM", path);
	if (key_get_kind(key.key, &kind) < 0 || kind != KEY_ED25519 || key_thumbprint(key.key, key.id) < 0) {
		tree_key_clear(&key);
		return error_set(err, -EINVAL, "%s: not an Ed25519 key", path);
	}
	take_holder(path, text, &key);
	*ret = key;
	return 0;
}

void tree_key_clear(struct tree_key *key)
{
	EVP_PKEY_free(key->key);
	memset(key, 0, sizeof(*key));
}

int tree_root_grant(
        struct tree_root *root, enum tree_role_name role, const struct tree_key *key, struct error *err)
{
	struct tree_role *r = &root->roles[role];
	size_t at = 0;
	while (at < root->n_keys && memcmp(root->keys[at].id, key->id, sizeof(key->id)) != 0)
		at++;
	if (at == TREE_KEYS_MAX)
		return error_set(err, -E2BIG, "more than %d keys", TREE_KEYS_MAX);
	if (at == root->n_keys) {
		root->keys[root->n_keys++] = *key;
		EVP_PKEY_up_ref(key->key);
	}
	for (size_t i = 0; i < r->n_keys; i++)
		if (r->keys[i] == at)
			return 0;
	r->keys[r->n_keys++] = at;
	return 0;
}

static bool is_meant(const struct tree_key *key, const char *who)
{
	char id[2 * KEY_THUMBPRINT_SIZE + 1];
	hex_format(key->id, sizeof(key->id), id);
	size_t n = strlen(who);
	return strcmp(key->holder, who) == 0 || (n >= 8 && strncmp(id, who, n) == 0);
}

size_t tree_root_withdraw(struct tree_root *root, enum tree_role_name role, const char *who)
{
	struct tree_role *r = &root->roles[role];
	size_t kept = 0, n = r->n_keys;
	for (size_t i = 0; i < n; i++)
		if (!is_meant(&root->keys[r->keys[i]], who))
			r->keys[kept++] = r->keys[i];
	r->n_keys = kept;
	return n - kept;
}

static bool has_role(const struct tree_root *root, size_t key)
{
	for (enum tree_role_name role = 0; role < TREE_N_ROLES; role++)
		for (size_t i = 0; i < root->roles[role].n_keys; i++)
			if (root->roles[role].keys[i] == key)
				return true;
	return false;
}

static void drop_key(struct tree_root *root, size_t key)
{
	EVP_PKEY_free(root->keys[key].key);
	memmove(&root->keys[key], &root->keys[key + 1], (root->n_keys - key - 1) * sizeof(*root->keys));
	root->n_keys--;
	for (enum tree_role_name role = 0; role < TREE_N_ROLES; role++)
		for (size_t i = 0; i < root->roles[role].n_keys; i++)
			root->roles[role].keys[i] -= root->roles[role].keys[i] > key;
}

int tree_root_complete(struct tree_root *root, struct error *err)
{
	for (size_t i = root->n_keys; i > 0; i--)
		if (!has_role(root, i - 1))
			drop_key(root, i - 1);
	for (enum tree_role_name role = 0; role < TREE_N_ROLES; role++) {
		const struct tree_role *r = &root->roles[role];
		if (r->threshold == 0 || r->threshold > r->n_keys)
			return error_set(err, -EINVAL,
			        "the role \"%s\" would have %zu keys and a threshold of %zu",
			        tree_role_text(role), r->n_keys, r->threshold);
	}
	return tree_name_good(root->repository)
	        ? 0
	        : error_set(err, -EINVAL,
	                  "\"%s\" is no name of a repository: letters, digits, '.', '-' and '_'",
	                  root->repository);
}

/* Counts instead of refusing: which of the role's keys have signed the envelope. */
static size_t count_signers(const struct envelope *e, const struct tree_root *root)
{
	size_t n = 0;
	for (size_t i = 0; i < root->roles[TREE_ROLE_ROOT].n_keys; i++)
		n += envelope_signed_by(e, &root->keys[root->roles[TREE_ROLE_ROOT].keys[i]]);
	return n;
}

int tree_root_signing(const struct tree_root *before, const char *bytes, size_t length,
        struct tree_root *ret_root, struct tree_signing *ret, struct error *err)
{
	struct envelope e = { .type = NULL };
	struct tree_root root = { .version = 0 };
	int r = tree_root_read(bytes, length, &e, &root, err);
	if (r == 0 && before &&
	        (strcmp(before->repository, root.repository) != 0 || root.version != before->version + 1)) {
		error_set(err, -EINVAL,
		        "it is root %" PRIu64 " of %s, which does not follow root %" PRIu64 " of %s",
		        root.version, root.repository, before->version, before->repository);
		r = TREE_SKIPPED;
	}
	if (r == 0) {
		*ret = (struct tree_signing){ .by_new = count_signers(&e, &root),
			.of_new = root.roles[TREE_ROLE_ROOT].threshold,
			.by_old = before ? count_signers(&e, before) : 0,
			.of_old = before ? before->roles[TREE_ROLE_ROOT].threshold : 0 };
		*ret_root = root;
	} else {
		tree_root_clear(&root);
	}
	envelope_clear(&e);
	return r;
}
