/* SPDX-License-Identifier: ISC */
/* `pratique vuln publish --repository`: an index of vulnerabilities as a signed repository, without a daemon.
 */
#include "ctl/vuln_repository.h"

#include "base/file.h"
#include "crypto/secret.h"
#include "ctl/ctl.h"
#include "ctl/vuln_keys.h"
#include "vuln/tree/keys.h"
#include "vuln/tree/publish.h"
#include "vuln/vuln.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define WORDS "vuln publish"
#define DIRECTORY_MODE 0755
#define ROOT_MODE 0644

/* The newest root that is in place; version 0: none. */
static int newest_root(const char *dir, struct tree_root *ret, struct error *err)
{
	for (uint64_t version = 1;; version++) {
		char *path FREE_ON_EXIT = xasprintf("%s/%" PRIu64 ".root.json", dir, version);
		char *text FREE_ON_EXIT = NULL;
		struct tree_root root;
		size_t n;
		int r = file_read(path, TREE_ROOT_MAX, &text, &n, err);
		if (r == -ENOENT)
			return 0;
		if (r == 0)
			r = ret->version ? tree_root_open_next(ret, text, n, &root, err)
			                 : tree_root_open(text, n, &root, err);
		if (r)
			return error_prefix(err, r < 0 ? r : -EBADMSG, "%s", path);
		tree_root_clear(ret);
		*ret = root;
	}
}

static int open_root(const char *dir, const char *file, const char *text, size_t n,
        const struct tree_root *before, struct tree_root *ret, struct error *err)
{
	int r = before->version ? tree_root_open_next(before, text, n, ret, err)
	                        : tree_root_open(text, n, ret, err);
	if (r == 0 && !before->version && ret->version != 1)
		r = error_set(err, -EINVAL, "it is root %" PRIu64 ", and %s has none yet", ret->version, dir);
	return r ? error_prefix(err, r < 0 ? r : -EBADMSG, "%s", file) : 0;
}

/* Followers must be able to go from the root before to this one. */
static int install_root(const char *dir, const char *file, struct error *err)
{
	struct tree_root before = { .version = 0 }, root = { .version = 0 };
	char *text FREE_ON_EXIT = NULL;
	size_t n;
	int r = file_make_directory(dir, DIRECTORY_MODE, err);
	if (r == 0)
		r = file_read(file, TREE_ROOT_MAX, &text, &n, err);
	if (r == 0)
		r = newest_root(dir, &before, err);
	if (r == 0)
		r = open_root(dir, file, text, n, &before, &root, err);
	if (r == 0) {
		char *path FREE_ON_EXIT = xasprintf("%s/%" PRIu64 ".root.json", dir, root.version);
		r = file_replace(path, text, n, ROOT_MODE, err);
	}
	if (r == 0)
		printf("%s: root %" PRIu64 " of %s counts from now on\n", dir, root.version, root.repository);
	tree_root_clear(&before);
	tree_root_clear(&root);
	return r;
}

static int load_keys(const struct repository_options *o, EVP_PKEY **keys, struct error *err)
{
	char *passphrase = NULL;
	int r = o->passphrase ? secret_read(o->passphrase, &passphrase, err) : 0;
	for (size_t i = 0; i < o->keys.n && r == 0; i++)
		r = i < TREE_PUBLISH_KEYS_MAX
		        ? keys_load(o->keys.items[i], passphrase, &keys[i], err)
		        : error_set(err, -E2BIG, "more than %d keys", TREE_PUBLISH_KEYS_MAX);
	secret_free(passphrase);
	return r;
}

/* name: for programs, as `vuln verify` has it. */
static void print_result(const struct repository_options *o, const char *name,
        const struct tree_publish_result *r, const struct tree_taken *taken)
{
	char point[TREE_POINT_SIZE];
	printf(o->json ? "{\"repository\": \"%s\", \"generation\": \"%s\", \"records\": %" PRIu64
	                 ", \"put\": %zu, \"removed\": %zu, \"shards_changed\": %zu, \"bytes\": %" PRIu64
	                 ", \"refused\": %" PRIu64 "}\n"
	               : "%s: generation %s, %" PRIu64
	                 " records; %zu put and %zu removed in %zu shards, %" PRIu64 " bytes; %" PRIu64
	                 " refused\n",
	        o->json ? name : o->dir, tree_point_format(r->point, point), taken->records, r->records_put,
	        r->records_removed, r->shards_changed, r->bytes, taken->refused);
	if (taken->refused)
		fprintf(stderr, "refused: %s\n", taken->first_refused);
}

static int publish_index(const struct repository_options *o, struct error *err)
{
	EVP_PKEY *keys[TREE_PUBLISH_KEYS_MAX] = { NULL };
	const struct tree_publish_config config = {
		.dir = o->dir, .keys = keys, .n_keys = o->keys.n, .lifetime_ms = o->lifetime_ms
	};
	struct tree_publisher *p = NULL;
	struct vuln_index *index = NULL;
	struct tree_publish_result result;
	struct tree_taken taken;
	int r = load_keys(o, keys, err);
	if (r == 0)
		r = tree_publisher_open(&config, &p, err);
	if (r == 0)
		r = vuln_index_open(o->index, &index, err);
	if (r == 0)
		r = tree_publisher_take_index(p, index, &taken, err);
	if (r == 0)
		r = tree_publisher_commit(p, clock_wall_ms(), &result, err);
	if (r == 0)
		print_result(o, tree_publisher_root(p)->repository, &result, &taken);
	vuln_index_close(index);
	tree_publisher_close(p);
	for (size_t i = 0; i < TREE_PUBLISH_KEYS_MAX; i++)
		EVP_PKEY_free(keys[i]);
	return r;
}

int repository_publish(const struct repository_options *o)
{
	struct error err;
	int r = 0;
	for (size_t i = 0; i < o->roots.n && r == 0; i++)
		r = install_root(o->dir, o->roots.items[i], &err);
	if (r == 0 && o->index)
		r = publish_index(o, &err);
	return r < 0 ? ctl_fail(WORDS, "%s", err.text) : CTL_OK;
}
