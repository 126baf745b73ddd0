/* SPDX-License-Identifier: ISC */
#include "tests/unit/test.h"

#include "tests/unit/directory.h"
#include "tests/unit/vuln/tree_site.h"

#include <inttypes.h>
#include <string.h>

static EVP_PKEY *new_key(void)
{
	EVP_PKEY *key = NULL;
	assert_int_equal(key_generate(KEY_ED25519, &key, NULL), 0);
	return key;
}

void site_add_key(struct tree_root *root, enum tree_role_name role, EVP_PKEY *key)
{
	size_t at = 0;
	while (at < root->n_keys && EVP_PKEY_eq(root->keys[at].key, key) != 1)
		at++;
	if (at == root->n_keys) {
		EVP_PKEY_up_ref(key);
		root->keys[root->n_keys].key = key;
		key_thumbprint(key, root->keys[root->n_keys].id);
		snprintf(root->keys[root->n_keys].holder, sizeof(root->keys[0].holder), "holder %zu", at);
		root->n_keys++;
	}
	root->roles[role].keys[root->roles[role].n_keys++] = at;
}

void site_drop_key(struct tree_root *root, enum tree_role_name role, EVP_PKEY *key)
{
	struct tree_role *r = &root->roles[role];
	for (size_t i = 0; i < r->n_keys; i++)
		if (EVP_PKEY_eq(root->keys[r->keys[i]].key, key) == 1) {
			memmove(&r->keys[i], &r->keys[i + 1], (r->n_keys - i - 1) * sizeof(*r->keys));
			r->n_keys--;
			return;
		}
}

char *site_sign_payload(
        enum tree_role_name role, const char *repository, const char *payload, EVP_PKEY *const *keys)
{
	char *text = tree_envelope_make(role, repository, payload);
	for (; *keys; keys++) {
		char *more;
		assert_int_equal(tree_envelope_sign(text, strlen(text), *keys, &more, NULL), 0);
		free(text);
		text = more;
	}
	return text;
}

char *site_sign(const struct tree_root *root, EVP_PKEY *const *keys)
{
	char *payload FREE_ON_EXIT = tree_root_format(root);
	return site_sign_payload(TREE_ROLE_ROOT, root->repository, payload, keys);
}

char *site_root_path(const struct site *s, uint64_t version)
{
	return xasprintf("%s/%" PRIu64 ".root.json", s->dir, version);
}

void site_put_root(struct site *s, const struct tree_root *root, EVP_PKEY *const *keys)
{
	char *text FREE_ON_EXIT = site_sign(root, keys);
	char *path FREE_ON_EXIT = site_root_path(s, root->version);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

struct tree_root site_next_root(const struct site *s)
{
	struct tree_root root = { .version = 0 };
	uint64_t version = 1;
	for (;; version++) {
		char *path FREE_ON_EXIT = site_root_path(s, version);
		char *text FREE_ON_EXIT = NULL;
		size_t n;
		if (file_read(path, TREE_ROOT_MAX, &text, &n, NULL) < 0)
			break;
		tree_root_clear(&root);
		assert_int_equal(tree_root_open(text, n, &root, NULL), 0);
	}
	root.version = version;
	return root;
}

struct site *site_new(const char *base, const char *name)
{
	struct site *s = xcalloc(1, sizeof(*s));
	struct tree_root root = { .version = 1, .epoch = 1, .expires = SITE_NOW + 365 * SITE_DAY };
	s->base = xstrdup(base);
	s->name = name;
	s->dir = xasprintf("%s/%s", base, name);
	assert_int_equal(file_make_directory(s->dir, 0755, NULL), 0);
	snprintf(root.repository, sizeof(root.repository), "%s", name);
	for (size_t i = 0; i < SITE_KEYS; i++) {
		s->root_keys[i] = new_key();
		s->index_keys[i] = new_key();
	}
	for (size_t i = 0; i < 3; i++)
		site_add_key(&root, TREE_ROLE_ROOT, s->root_keys[i]);
	site_add_key(&root, TREE_ROLE_INDEX, s->index_keys[0]);
	root.roles[TREE_ROLE_ROOT].threshold = 2;
	root.roles[TREE_ROLE_INDEX].threshold = 1;
	site_put_root(s, &root, (EVP_PKEY *const[]){ s->root_keys[0], s->root_keys[1], NULL });
	tree_root_clear(&root);
	return s;
}

struct site *site_free(struct site *s)
{
	tree_publisher_close(s->publisher);
	for (size_t i = 0; i < SITE_KEYS; i++) {
		EVP_PKEY_free(s->root_keys[i]);
		EVP_PKEY_free(s->index_keys[i]);
	}
	free(s->dir);
	free(s->base);
	free(s);
	return NULL;
}

int site_setup(void **state)
{
	char *base FREE_ON_EXIT = directory_make();
	*state = site_new(base, "example.org");
	return 0;
}

int site_setup_open(void **state)
{
	site_setup(state);
	site_open(*state, 1);
	return 0;
}

int site_teardown(void **state)
{
	struct site *s = *state;
	char *base = xstrdup(s->base);
	site_free(s);
	directory_remove(base);
	return 0;
}

void site_open(struct site *s, size_t n_index_keys)
{
	struct error err = { "" };
	s->publisher = tree_publisher_close(s->publisher);
	const struct tree_publish_config config = {
		.dir = s->dir, .keys = s->index_keys, .n_keys = n_index_keys, .lifetime_ms = SITE_DAY
	};
	if (tree_publisher_open(&config, &s->publisher, &err) < 0)
		fail_msg("%s", err.text);
}

void site_put(struct site *s, const char *source, const char *id, const char *ecosystems, const char *version)
{
	char *list FREE_ON_EXIT = xstrdup(ecosystems);
	char *affected FREE_ON_EXIT = xstrdup("");
	struct error err = { "" };
	for (char *save, *e = strtok_r(list, " ", &save); e; e = strtok_r(NULL, " ", &save)) {
		char *more = xasprintf(
		        "%s%s{\"package\": {\"ecosystem\": \"%s\", \"name\": \"tree\"}, \"ranges\": "
		        "[{\"type\": "
		        "\"ECOSYSTEM\", \"events\": [{\"introduced\": \"0\"},\n {\"fixed\": \"%s\"}]}]}",
		        affected, *affected ? "," : "", e, version);
		free(affected);
		affected = more;
	}
	char *text FREE_ON_EXIT = xasprintf("{\"schema_version\": \"1.6.0\", \"id\": \"%s\", \"modified\": "
	                                    "\"2026-01-01T00:00:00Z\", \"affected\": [%s]}",
	        id, affected);
	if (tree_publisher_put(s->publisher, source, text, strlen(text), 0, &err) < 0)
		fail_msg("%s", err.text);
}

struct tree_publish_result site_commit(struct site *s, time_ms now)
{
	static const struct tree_source sources[] = { { .name = "feed", .trust = "none" },
		{ .name = "own", .trust = "signed" } };
	struct tree_publish_result result;
	struct error err = { "" };
	assert_int_equal(tree_publisher_set_sources(s->publisher, sources, ARRAY_LENGTH(sources), NULL), 0);
	if (tree_publisher_commit(s->publisher, now, &result, &err) < 0)
		fail_msg("%s", err.text);
	return result;
}

void site_write_index(struct site *s, const struct tree_index *index, EVP_PKEY *key)
{
	char *payload FREE_ON_EXIT = tree_index_format(index);
	char *text FREE_ON_EXIT = site_sign_payload(
	        TREE_ROLE_INDEX, index->repository, payload, (EVP_PKEY *const[]){ key, NULL });
	char *path FREE_ON_EXIT = xasprintf("%s/index.json", s->dir);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static char *honest(struct mirror *m, const char *path, uint64_t offset, size_t *ret_length)
{
	char *full FREE_ON_EXIT =
	        m->path && strcmp(path, m->path) == 0 ? xstrdup(m->other) : xasprintf("%s/%s", m->dir, path);
	char *bytes = NULL;
	if (file_read(full, TREE_INDEX_MAX, &bytes, ret_length, NULL) < 0)
		return NULL;
	*ret_length = m->cut ? MIN(m->cut, *ret_length) : *ret_length;
	offset = MIN(offset, *ret_length);
	memmove(bytes, bytes + offset, *ret_length - offset);
	*ret_length -= offset;
	return bytes;
}

static int give(struct mirror *m, struct tree_follow *f, const char *bytes, size_t length, time_ms now,
        struct error *err)
{
	size_t piece = m->piece ? m->piece : length + 1;
	for (size_t at = 0; at < length; at += piece) {
		int r = tree_follow_data(f, bytes + at, MIN(piece, length - at), err);
		if (r)
			return r;
	}
	return tree_follow_end(f, TREE_FETCHED, NULL, now, err);
}

int mirror_round(struct mirror *m, struct tree_follow *f, time_ms now, struct error *err)
{
	struct tree_request want;
	int r = 0;
	tree_follow_begin(f);
	for (m->requests = 0; r == 0 && tree_follow_next(f, &want); m->requests++) {
		size_t n = 0;
		char *bytes FREE_ON_EXIT = (m->answer ? m->answer : honest)(m, want.path, want.offset, &n);
		r = bytes ? give(m, f, bytes, n, now, err) : tree_follow_end(f, TREE_ABSENT, NULL, now, err);
	}
	return r;
}

/* ---- a follower ---- */

static void open_child(struct child *c)
{
	char *state FREE_ON_EXIT = xasprintf("%s/state", c->dir);
	char *index FREE_ON_EXIT = xasprintf("%s/index", c->dir);
	const struct tree_follow_config config = {
		.name = "up", .dir = state, .root_file = c->root_file, .shards = c->shards
	};
	if (tree_follow_open(&config, &c->follow, &c->err) < 0 ||
	        vuln_update_open(index, &c->update, &c->err) < 0)
		fail_msg("%s", c->err.text);
}

struct child *child_new(const struct site *s, const char *name, const char *const *shards)
{
	struct child *c = xcalloc(1, sizeof(*c));
	c->dir = xasprintf("%s/%s", s->base, name);
	c->root_file = site_root_path(s, 1);
	c->shards = shards;
	c->mirror.dir = s->dir;
	open_child(c);
	return c;
}

static void close_child(struct child *c)
{
	c->follow = tree_follow_close(c->follow);
	c->update = vuln_update_close(c->update);
}

struct child *child_free(struct child *c)
{
	close_child(c);
	free(c->root_file);
	free(c->dir);
	free(c);
	return NULL;
}

void child_restart(struct child *c)
{
	close_child(c);
	open_child(c);
}

int child_round(struct child *c, time_ms now)
{
	struct vuln_update_result result;
	int r = mirror_round(&c->mirror, c->follow, now, &c->err);
	if (r || !tree_follow_ready(c->follow))
		return r;
	r = tree_follow_apply(c->follow, c->update, &c->err);
	if (r) {
		vuln_update_forget(c->update);
		return r;
	}
	if (vuln_update_commit(c->update, now, NULL, NULL, &result, &c->err) < 0)
		fail_msg("%s", c->err.text);
	return tree_follow_applied(c->follow, &c->err);
}

char *child_records(struct child *c)
{
	char *path FREE_ON_EXIT = xasprintf("%s/index", c->dir);
	char *text = xstrdup("");
	struct index_env env;
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val k, v;
	/* The writer's environment is another one of this process: LMDB wants it closed. */
	c->update = vuln_update_close(c->update);
	assert_int_equal(index_env_open(path, false, &env, NULL), 0);
	assert_int_equal(mdb_txn_begin(env.env, NULL, MDB_RDONLY, &txn), 0);
	assert_int_equal(mdb_cursor_open(txn, env.records, &cursor), 0);
	while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
		struct record record;
		struct record_affected a = { .fixed = "" };
		assert_int_equal(record_read(v.mv_data, v.mv_size, &record), 0);
		(void)record_next_affected(&record.affected, &a);
		char *more =
		        xasprintf("%s%s%s@%s=%s", text, *text ? " " : "", record.id, record.source, a.fixed);
		free(text);
		text = more;
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	index_env_close(&env);
	assert_int_equal(vuln_update_open(path, &c->update, NULL), 0);
	return text;
}
