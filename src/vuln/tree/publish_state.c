/* SPDX-License-Identifier: ISC */
/* What was published last, read back from the files of the directory. */
#include "vuln/tree/publish_state.h"
#include "vuln/tree/envelope.h"

#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

void publish_clear_shards(struct tree_publisher *p)
{
	for (size_t i = 0; i < p->n_shards; i++) {
		struct publish_shard *s = &p->shards[i];
		line_writer_drop(s->delta);
		table_free(s->records, free);
		table_free(s->ecosystems, NULL);
		tree_shard_clear(&s->v);
	}
	p->n_shards = 0;
	table_free(p->stamps, free);
	p->stamps = table_new();
}

struct publish_shard *publish_find_shard(struct tree_publisher *p, const char *name, bool add)
{
	for (size_t i = 0; i < p->n_shards; i++)
		if (strcmp(p->shards[i].v.name, name) == 0)
			return &p->shards[i];
	if (!add || p->n_shards == TREE_SHARDS_MAX || strlen(name) >= TREE_NAME_SIZE)
		return NULL;
	ARRAY_RESERVE_ONE(p->shards, p->n_shards, p->shards_capacity);
	struct publish_shard *s = &p->shards[p->n_shards++];
	memset(s, 0, sizeof(*s));
	memcpy(s->v.name, name, strlen(name));
	s->records = table_new();
	s->ecosystems = table_new();
	return s;
}

static char *root_path(const struct tree_publisher *p, uint64_t version)
{
	return xasprintf("%s/%" PRIu64 ".root.json", p->dir, version);
}

/* -ENOENT where there is none of this version. `before`: NULL for the first that is there. */
static int load_root(struct tree_publisher *p, uint64_t version, const struct tree_root *before,
        struct tree_root *ret, struct error *err)
{
	char *path FREE_ON_EXIT = root_path(p, version);
	char *text FREE_ON_EXIT = NULL;
	size_t n;
	int r = file_read(path, TREE_ROOT_MAX, &text, &n, err);
	if (r < 0)
		return r;
	r = before ? tree_root_open_next(before, text, n, ret, err) : tree_root_open(text, n, ret, err);
	if (r == 0 && ret->version != version) {
		r = error_set(err, -EBADMSG, "it is root %" PRIu64, ret->version);
		tree_root_clear(ret);
	}
	return r ? error_prefix(err, r < 0 ? r : -EBADMSG, "%s", path) : 0;
}

int publish_load_roots(struct tree_publisher *p, struct error *err)
{
	for (;;) {
		struct tree_root next;
		int r = load_root(p, p->root.version + 1, p->root.version ? &p->root : NULL, &next, err);
		if (r == -ENOENT && p->root.version)
			return 0;
		if (r < 0)
			return r;
		tree_root_clear(&p->root);
		p->root = next;
	}
}

static int note_record(const struct line *line, void *context, struct error *err)
{
	struct publish_shard *s = context;
	char key[LINE_KEY_SIZE];
	size_t n = line_key(line->source, line->id, key);
	uint8_t digest[32];
	if (!line->record) {
		free(table_remove(s->records, key, n));
		return 0;
	}
	struct published *known = xcalloc(1, sizeof(*known));
	sha256_bytes(line->record, line->length, digest);
	memcpy(known->digest, digest, DIGEST_SIZE);
	free(table_set(s->records, key, n, known));
	return 0;
}

/* A shard whose files cannot be read begins anew with a snapshot. */
static void load_shard(struct tree_publisher *p, const struct tree_shard *v)
{
	struct publish_shard *s = publish_find_shard(p, v->name, true);
	tree_shard_copy(v, &s->v);
	for (size_t i = 0; i < v->n_ecosystems; i++)
		table_set_string(s->ecosystems, v->ecosystems[i], p);
	if (v->withdrawn)
		return;
	int r = lines_read(p->dir, &v->snapshot, note_record, s, NULL);
	for (size_t i = 0; i < v->n_deltas && r == 0; i++)
		if (v->deltas[i].from >= v->snapshot_generation)
			r = lines_read(p->dir, &v->deltas[i].file, note_record, s, NULL);
	if (r == 0)
		return;
	s->rebuild = true;
	table_free(s->records, free);
	s->records = table_new();
}

/* It was signed under the root that it names, which may not be the newest. */
static int load_index(struct tree_publisher *p, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/index.json", p->dir);
	char *text FREE_ON_EXIT = NULL;
	size_t n;
	int r = file_read(path, TREE_INDEX_MAX, &text, &n, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	for (uint64_t version = p->root.version; version > 0; version--) {
		struct tree_root root;
		r = version == p->root.version ? 0 : load_root(p, version, NULL, &root, err);
		if (r < 0)
			return r;
		r = tree_index_open(version == p->root.version ? &p->root : &root, text, n, &p->index, err);
		if (version != p->root.version)
			tree_root_clear(&root);
		if (r <= 0)
			break;
	}
	p->has_index = r == 0;
	return r ? error_prefix(err, r < 0 ? r : -EBADMSG, "%s", path) : 0;
}

int publish_load(struct tree_publisher *p, struct error *err)
{
	publish_clear_shards(p);
	tree_index_clear(&p->index);
	p->has_index = p->replace_all = false;
	p->lost = true;
	p->round++;
	int r = publish_load_roots(p, err);
	if (r == 0)
		r = load_index(p, err);
	for (size_t i = 0; r == 0 && i < p->index.n_shards; i++)
		load_shard(p, &p->index.shards[i]);
	p->lost = r < 0;
	return r;
}
