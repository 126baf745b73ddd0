/* SPDX-License-Identifier: ISC */
/* `pratique vuln keys root|rotate|revoke|sign|assemble`: roots are drawn up, signed, and put together. */
#include "ctl/vuln_keys.h"

#include "base/file.h"
#include "crypto/secret.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define ROOT_MODE 0644
#define DAY_MS ((time_ms)86400 * 1000)

static int grant(struct tree_root *root, enum tree_role_name role, const struct command_texts *files,
        struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < files->n && r == 0; i++) {
		struct tree_key key;
		r = tree_key_read(files->items[i], &key, err);
		if (r < 0)
			break;
		r = tree_root_grant(root, role, &key, err);
		tree_key_clear(&key);
	}
	return r;
}

static int write_root(const struct keys_options *o, struct tree_root *root, struct error *err)
{
	if (o->threshold)
		root->roles[TREE_ROLE_ROOT].threshold = (size_t)o->threshold;
	if (o->index_threshold)
		root->roles[TREE_ROLE_INDEX].threshold = (size_t)o->index_threshold;
	root->expires = clock_wall_ms() + o->days * DAY_MS;
	int r = tree_root_complete(root, err);
	if (r < 0)
		return r;
	if (access(o->out, F_OK) == 0)
		return error_set(err, -EEXIST, "%s is there already", o->out);
	char *payload FREE_ON_EXIT = tree_root_format(root);
	char *text FREE_ON_EXIT = tree_envelope_make(TREE_ROLE_ROOT, root->repository, payload);
	r = file_replace(o->out, text, strlen(text), ROOT_MODE, err);
	if (r < 0)
		return r;
	keys_print_root(stdout, root);
	printf("%s: not signed yet; each who signs: pratique vuln keys sign --key KEY %s\n", o->out, o->out);
	return 0;
}

int keys_root(const struct keys_options *o)
{
	struct tree_root root = { .version = 1, .epoch = 1 };
	struct error err;
	if (!o->repository || !o->out || !o->root_keys.n || !o->index_keys.n || !o->threshold || o->n_files ||
	        o->from)
		return ctl_usage(VULN_KEYS,
		        "root takes --repository, --root-key (for each), --threshold, --index-key and --out");
	snprintf(root.repository, sizeof(root.repository), "%s", o->repository);
	root.roles[TREE_ROLE_INDEX].threshold = 1;
	int r = grant(&root, TREE_ROLE_ROOT, &o->root_keys, &err);
	if (r == 0)
		r = grant(&root, TREE_ROLE_INDEX, &o->index_keys, &err);
	if (r == 0)
		r = write_root(o, &root, &err);
	tree_root_clear(&root);
	return r < 0 ? ctl_fail(VULN_KEYS, "%s", err.text) : CTL_OK;
}

static bool keeps_index_keys(
        const struct tree_root *root, const uint8_t (*old)[KEY_THUMBPRINT_SIZE], size_t n_old)
{
	const struct tree_role *role = &root->roles[TREE_ROLE_INDEX];
	for (size_t i = 0; i < n_old; i++) {
		bool found = false;
		for (size_t j = 0; j < role->n_keys && !found; j++)
			found = memcmp(root->keys[role->keys[j]].id, old[i], KEY_THUMBPRINT_SIZE) == 0;
		if (!found)
			return false;
	}
	return true;
}

static size_t note_index_keys(const struct tree_root *root, uint8_t (*ret)[KEY_THUMBPRINT_SIZE])
{
	const struct tree_role *role = &root->roles[TREE_ROLE_INDEX];
	for (size_t i = 0; i < role->n_keys; i++)
		memcpy(ret[i], root->keys[role->keys[i]].id, KEY_THUMBPRINT_SIZE);
	return role->n_keys;
}

/* Where an index key goes, a new epoch begins: what it signed counts no more. */
static int change_keys(const struct keys_options *o, struct tree_root *root, struct error *err)
{
	uint8_t old[TREE_KEYS_MAX][KEY_THUMBPRINT_SIZE];
	size_t n_old = note_index_keys(root, old);
	if (o->index_keys.n)
		root->roles[TREE_ROLE_INDEX].n_keys = 0;
	for (char **who = o->files; *who; who++)
		if (tree_root_withdraw(root, TREE_ROLE_ROOT, *who) +
		                tree_root_withdraw(root, TREE_ROLE_INDEX, *who) ==
		        0)
			return error_set(err, -ENOENT,
			        "no key of %s has the holder \"%s\", or an id that begins so (8 digits at "
			        "least)",
			        o->from, *who);
	int r = grant(root, TREE_ROLE_ROOT, &o->root_keys, err);
	if (r == 0)
		r = grant(root, TREE_ROLE_INDEX, &o->index_keys, err);
	if (r == 0 && !keeps_index_keys(root, old, n_old))
		root->epoch++;
	root->version++;
	return r;
}

static int draw_up_next(const struct keys_options *o)
{
	struct tree_root root = { .version = 0 };
	struct error err;
	int r = keys_read_root(o->from, NULL, &root, &err);
	if (r == 0)
		r = change_keys(o, &root, &err);
	if (r == 0)
		r = write_root(o, &root, &err);
	tree_root_clear(&root);
	return r < 0 ? ctl_fail(VULN_KEYS, "%s", err.text) : CTL_OK;
}

int keys_rotate(const struct keys_options *o)
{
	if (!o->from || !o->out || o->n_files)
		return ctl_usage(VULN_KEYS, "rotate takes --from ROOT and --out ROOT, and no argument");
	return draw_up_next(o);
}

int keys_revoke(const struct keys_options *o)
{
	if (!o->from || !o->out || !o->n_files)
		return ctl_usage(VULN_KEYS, "revoke takes --from ROOT, --out ROOT, and ids or holders");
	return draw_up_next(o);
}

/* ---- signatures ---- */

/* A later root is signed by keys of the one before too, which is not here. */
static void print_signed(const char *file, const struct tree_root *root, EVP_PKEY *key)
{
	const struct tree_role *role = &root->roles[TREE_ROLE_ROOT];
	uint8_t id[KEY_THUMBPRINT_SIZE];
	bool counts = false;
	printf("%s: signed\n", file);
	if (key_thumbprint(key, id) < 0)
		return;
	for (size_t i = 0; i < role->n_keys; i++)
		counts |= memcmp(root->keys[role->keys[i]].id, id, sizeof(id)) == 0;
	if (!counts)
		printf("note: the key is none of its root keys: %s\n",
		        root->version == 1 ? "the signature does not count"
		                           : "the signature counts only if it is one of the root before");
}

static int sign(const struct keys_options *o, struct error *err)
{
	char *text FREE_ON_EXIT = NULL, *more FREE_ON_EXIT = NULL, *passphrase = NULL;
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	struct tree_root root = { .version = 0 };
	int r = keys_read_root(o->files[0], &text, &root, err);
	if (r == 0)
		keys_print_root(stdout, &root);
	if (r == 0)
		r = keys_passphrase(o, &passphrase, err);
	if (r == 0)
		r = keys_load(o->key, passphrase, &key, err);
	secret_free(passphrase);
	if (r == 0)
		r = tree_envelope_sign(text, strlen(text), key, &more, err);
	if (r == 0)
		r = file_replace(o->files[0], more, strlen(more), ROOT_MODE, err);
	if (r == 0)
		print_signed(o->files[0], &root, key);
	tree_root_clear(&root);
	return r;
}

int keys_sign(const struct keys_options *o)
{
	struct error err;
	if (!o->key || o->n_files != 1)
		return ctl_usage(VULN_KEYS, "sign takes --key FILE and one ROOT");
	return sign(o, &err) < 0 ? ctl_fail(VULN_KEYS, "%s", err.text) : CTL_OK;
}

static int assemble(const struct keys_options *o, struct error *err)
{
	char *whole FREE_ON_EXIT = NULL;
	int r = 0;
	for (char **file = o->files; *file && r == 0; file++) {
		char *text FREE_ON_EXIT = NULL, *both = NULL;
		r = file_read(*file, TREE_ROOT_MAX, &text, NULL, err);
		if (r < 0)
			return r;
		r = tree_envelope_merge(whole ? whole : text, text, &both, err);
		if (r < 0)
			return error_prefix(err, r, "%s", *file);
		free(whole);
		whole = both;
	}
	return whole ? file_replace(o->out, whole, strlen(whole), ROOT_MODE, err) : r;
}

int keys_assemble(const struct keys_options *o)
{
	struct error err;
	if (!o->out || !o->n_files)
		return ctl_usage(VULN_KEYS, "assemble takes --out ROOT and the signed copies: ROOT...");
	if (assemble(o, &err) < 0)
		return ctl_fail(VULN_KEYS, "%s", err.text);
	struct keys_options show = *o;
	char *file[] = { (char *)o->out, NULL };
	show.files = file;
	show.n_files = 1;
	return keys_show(&show);
}
