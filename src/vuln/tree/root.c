/* SPDX-License-Identifier: ISC */
/* root.json: {"format", "role", "repository", "version", "epoch", "expires", "keys": [{"id", "public",
 * "holder"}], "roles": {"root": {"threshold", "keys": [id]}, "index": ...}} */
#include "vuln/tree/envelope.h"

#include "crypto/base64.h"
#include "vuln/tree/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define PUBLIC_SIZE 32 /* RFC 8032 5.1.5 */

void tree_root_clear(struct tree_root *root)
{
	for (size_t i = 0; i < root->n_keys; i++)
		EVP_PKEY_free(root->keys[i].key);
	memset(root, 0, sizeof(*root));
}

static size_t find_key(const struct tree_root *root, const uint8_t id[KEY_THUMBPRINT_SIZE])
{
	size_t i = 0;
	while (i < root->n_keys && memcmp(root->keys[i].id, id, KEY_THUMBPRINT_SIZE) != 0)
		i++;
	return i;
}

/* The id is computed from the key, so that none can stand for another. */
static bool read_key(const json_t *json, struct tree_root *root, struct error *err)
{
	struct fields f = fields_begin(json, "key", err);
	struct tree_key *key = &root->keys[root->n_keys];
	uint8_t public[PUBLIC_SIZE], id[KEY_THUMBPRINT_SIZE];
	char text[BASE64_SIZE(PUBLIC_SIZE)];
	size_t n = 0;
	fields_hex(&f, "id", id, sizeof(id));
	fields_text(&f, "public", text, sizeof(text), false);
	fields_text(&f, "holder", key->holder, sizeof(key->holder), true);
	if (!fields_end(&f))
		return false;
	if (base64_decode(text, strlen(text), public, sizeof(public), &n) < 0 || n != PUBLIC_SIZE) {
		fields_fail(&f, "\"public\" is not the base64 of %d bytes", PUBLIC_SIZE);
		return false;
	}
	key->key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, sizeof(public));
	root->n_keys++;
	if (!key->key || key_thumbprint(key->key, key->id) < 0 || memcmp(key->id, id, sizeof(id)) != 0)
		fields_fail(&f, "\"id\" is not the SHA-256 of its key");
	else if (find_key(root, id) != root->n_keys - 1)
		fields_fail(&f, "it is there twice");
	return !f.failed;
}

static bool read_role_keys(
        struct fields *f, const json_t *list, struct tree_root *root, struct tree_role *role)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		uint8_t id[KEY_THUMBPRINT_SIZE];
		const char *text = json_string_value(json_array_get(list, i));
		size_t at = text && hex_parse(text, id, sizeof(id)) ? find_key(root, id) : root->n_keys;
		if (at == root->n_keys)
			fields_fail(f, "it names a key that is not among the keys");
		for (size_t j = 0; j < role->n_keys; j++)
			if (role->keys[j] == at)
				fields_fail(f, "it names a key twice");
		if (f->failed)
			return false;
		role->keys[role->n_keys++] = at;
	}
	return true;
}

static bool read_role(
        struct fields *roles, struct tree_root *root, enum tree_role_name name, struct error *err)
{
	struct tree_role *role = &root->roles[name];
	const json_t *json = fields_object(roles, tree_role_text(name));
	if (!json)
		return false;
	struct fields f = fields_begin(json, "role", err);
	role->threshold = (size_t)fields_number(&f, "threshold", 1);
	const json_t *list = fields_array(&f, "keys", TREE_KEYS_MAX);
	if (!fields_end(&f) || !read_role_keys(&f, list, root, role))
		return false;
	if (role->threshold > role->n_keys)
		fields_fail(&f, "its threshold is %zu, but it has %zu keys", role->threshold, role->n_keys);
	return !f.failed;
}

static bool read_payload(const json_t *json, struct tree_root *root, struct error *err)
{
	struct fields f = fields_begin(json, "root", err);
	char role[16];
	uint64_t format = fields_number(&f, "format", 1);
	fields_text(&f, "role", role, sizeof(role), false);
	fields_text(&f, "repository", root->repository, sizeof(root->repository), false);
	root->version = fields_number(&f, "version", 1);
	root->epoch = fields_number(&f, "epoch", 1);
	root->expires = fields_time(&f, "expires");
	const json_t *keys = fields_array(&f, "keys", TREE_KEYS_MAX);
	const json_t *roles = fields_object(&f, "roles");
	if (!fields_end(&f))
		return false;
	if (format != TREE_FORMAT || strcmp(role, "root") != 0 || !tree_name_good(root->repository)) {
		fields_fail(&f, "its format is not %d, its role not root, or its repository no name",
		        TREE_FORMAT);
		return false;
	}
	for (size_t i = 0; i < json_array_size(keys); i++)
		if (!read_key(json_array_get(keys, i), root, err))
			return false;
	struct fields r = fields_begin(roles, "roles", err);
	for (enum tree_role_name name = 0; name < TREE_N_ROLES; name++)
		if (!read_role(&r, root, name, err))
			return false;
	return fields_end(&r);
}

/* The envelope and what it holds; that it may be believed is the caller's to find out. */
int tree_root_read(
        const void *bytes, size_t length, struct envelope *e, struct tree_root *ret, struct error *err)
{
	struct tree_root root = { .version = 0 };
	int r = envelope_open(bytes, length, TREE_ROOT_MAX, e, err);
	if (r)
		return r;
	const char *repository = envelope_repository(e, TREE_ROLE_ROOT);
	if (!repository) {
		error_set(err, -EBADMSG, "it is \"%.120s\" and no root", e->type);
		return TREE_FOREIGN;
	}
	json_t *json = fields_parse(e->payload, e->payload_length, "root", err);
	bool good = json && read_payload(json, &root, err);
	json_decref(json);
	if (good && strcmp(root.repository, repository) != 0) {
		error_set(err, -EBADMSG, "its envelope is of %s, what it holds of %s", repository,
		        root.repository);
		tree_root_clear(&root);
		return TREE_FOREIGN;
	}
	if (!good) {
		tree_root_clear(&root);
		return TREE_MALFORMED;
	}
	*ret = root;
	return 0;
}

static int check_next(const struct tree_root *trusted, const struct tree_root *next, struct error *err)
{
	if (strcmp(next->repository, trusted->repository) != 0) {
		error_set(err, -EBADMSG, "it is the root of %s, not of %s", next->repository,
		        trusted->repository);
		return TREE_FOREIGN;
	}
	if (next->version <= trusted->version) {
		error_set(err, -EBADMSG, "it is root %" PRIu64 ", and root %" PRIu64 " is trusted already",
		        next->version, trusted->version);
		return TREE_ROLLED_BACK;
	}
	if (next->version != trusted->version + 1) {
		error_set(err, -EBADMSG, "it is root %" PRIu64 " where root %" PRIu64 " comes next",
		        next->version, trusted->version + 1);
		return TREE_SKIPPED;
	}
	if (next->epoch >= trusted->epoch)
		return 0;
	error_set(
	        err, -EBADMSG, "its epoch is %" PRIu64 ", lower than %" PRIu64, next->epoch, trusted->epoch);
	return TREE_ROLLED_BACK;
}

/* Without a trusted one it stands for itself. */
static int open_after(const struct tree_root *trusted, const void *bytes, size_t length,
        struct tree_root *ret, struct error *err)
{
	struct envelope e = { .type = NULL };
	struct tree_root root = { .version = 0 };
	int r = tree_root_read(bytes, length, &e, &root, err);
	if (r == 0 && trusted)
		r = check_next(trusted, &root, err);
	if (r == 0 && trusted)
		r = envelope_check_signatures(&e, trusted, TREE_ROLE_ROOT, err);
	if (r == 0)
		r = envelope_check_signatures(&e, &root, TREE_ROLE_ROOT, err);
	envelope_clear(&e);
	if (r == 0)
		*ret = root;
	else
		tree_root_clear(&root);
	return r;
}

int tree_root_open(const void *bytes, size_t length, struct tree_root *ret, struct error *err)
{
	return open_after(NULL, bytes, length, ret, err);
}

int tree_root_open_next(const struct tree_root *trusted, const void *bytes, size_t length,
        struct tree_root *ret, struct error *err)
{
	return open_after(trusted, bytes, length, ret, err);
}

int tree_root_check_time(const struct tree_root *root, time_ms now, int64_t skew, struct error *err)
{
	char text[CLOCK_TEXT_SIZE];
	if (now <= root->expires + skew)
		return 0;
	error_set(err, -ETIME, "root %" PRIu64 " expired at %s and none follows it", root->version,
	        clock_format(root->expires, text));
	return TREE_EXPIRED;
}

/* ---- writing ---- */

static json_t *format_key(const struct tree_key *key)
{
	uint8_t public[PUBLIC_SIZE];
	size_t n = sizeof(public);
	char id[2 * KEY_THUMBPRINT_SIZE + 1], text[BASE64_SIZE(PUBLIC_SIZE)];
	if (EVP_PKEY_get_raw_public_key(key->key, public, &n) != 1)
		n = 0;
	base64_encode(public, n, text);
	return json_pack("{s:s, s:s, s:s}", "id", hex_format(key->id, sizeof(key->id), id), "public", text,
	        "holder", key->holder);
}

static json_t *format_role(const struct tree_root *root, const struct tree_role *role)
{
	json_t *keys = json_array();
	for (size_t i = 0; i < role->n_keys; i++) {
		char id[2 * KEY_THUMBPRINT_SIZE + 1];
		hex_format(root->keys[role->keys[i]].id, KEY_THUMBPRINT_SIZE, id);
		json_array_append_new(keys, json_string(id));
	}
	return json_pack("{s:I, s:o}", "threshold", (json_int_t)role->threshold, "keys", keys);
}

char *tree_root_format(const struct tree_root *root)
{
	char expires[CLOCK_TEXT_SIZE];
	json_t *keys = json_array(), *roles = json_object();
	for (size_t i = 0; i < root->n_keys; i++)
		json_array_append_new(keys, format_key(&root->keys[i]));
	for (enum tree_role_name name = 0; name < TREE_N_ROLES; name++)
		json_object_set_new(roles, tree_role_text(name), format_role(root, &root->roles[name]));
	json_t *json = json_pack("{s:i, s:s, s:s, s:I, s:I, s:s, s:o, s:o}", "format", TREE_FORMAT, "role",
	        "root", "repository", root->repository, "version", (json_int_t)root->version, "epoch",
	        (json_int_t)root->epoch, "expires", clock_format(root->expires, expires), "keys", keys,
	        "roles", roles);
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}
