/* SPDX-License-Identifier: ISC */
/* A publisher of a signed repository for the tests: one key for both roles. */
#pragma once

#include "base/file.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"
#include "vuln/tree/publish.h"

#include <stdio.h>
#include <string.h>

struct publishing {
	char *dir;
	EVP_PKEY *key;
	struct tree_publisher *tree;
};

static inline void publisher_write_root(struct publishing *p, const char *repository)
{
	struct tree_root root = {
		.version = 1, .epoch = 1, .expires = clock_wall_ms() + 86400000, .n_keys = 1
	};
	snprintf(root.repository, sizeof(root.repository), "%s", repository);
	root.keys[0].key = p->key;
	assert_int_equal(key_thumbprint(p->key, root.keys[0].id), 0);
	for (size_t i = 0; i < TREE_N_ROLES; i++)
		root.roles[i] = (struct tree_role){ .threshold = 1, .n_keys = 1 };
	char *payload FREE_ON_EXIT = tree_root_format(&root);
	char *envelope FREE_ON_EXIT = tree_envelope_make(TREE_ROLE_ROOT, repository, payload);
	char *signed_root FREE_ON_EXIT = NULL;
	char *path FREE_ON_EXIT = xasprintf("%s/1.root.json", p->dir);
	assert_int_equal(tree_envelope_sign(envelope, strlen(envelope), p->key, &signed_root, NULL), 0);
	assert_int_equal(file_replace(path, signed_root, strlen(signed_root), 0644, NULL), 0);
}

static inline void publisher_begin(struct publishing *p, const char *repository)
{
	struct error err = { "" };
	p->dir = directory_make();
	assert_int_equal(key_generate(KEY_ED25519, &p->key, NULL), 0);
	publisher_write_root(p, repository);
	const struct tree_publish_config config = { .dir = p->dir, .keys = &p->key, .n_keys = 1 };
	if (tree_publisher_open(&config, &p->tree, &err) < 0)
		fail_msg("%s", err.text);
}

/* One record of an ecosystem, published at once. */
static inline struct tree_point publisher_put(
        struct publishing *p, const char *id, const char *ecosystem, const char *fixed)
{
	static const struct tree_source source = { .name = "debian", .trust = "none" };
	struct tree_publish_result result = { 0 };
	struct error err = { "" };
	char *text FREE_ON_EXIT = xasprintf("{\"id\":\"%s\",\"modified\":\"2026-11-22T00:00:00Z\","
	                                    "\"affected\":[{\"package\":{\"ecosystem\":\"%s\","
	                                    "\"name\":\"openssl\"},\"ranges\":[{\"type\":\"ECOSYSTEM\","
	                                    "\"events\":[{\"introduced\":\"0\"},"
	                                    "{\"fixed\":\"%s\"}]}]}]}",
	        id, ecosystem, fixed);
	if (tree_publisher_set_sources(p->tree, &source, 1, &err) != 0 ||
	        tree_publisher_put(p->tree, source.name, text, strlen(text), 0, &err) != 0 ||
	        tree_publisher_commit(p->tree, clock_wall_ms(), &result, &err) != 0)
		fail_msg("%s", err.text);
	return result.point;
}

static inline void publisher_end(struct publishing *p)
{
	tree_publisher_close(p->tree);
	EVP_PKEY_free(p->key);
	directory_remove(p->dir);
}
