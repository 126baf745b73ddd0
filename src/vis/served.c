/* SPDX-License-Identifier: ISC */
#include "vis/served.h"
#include "base/cursor.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct served *served_new(const char *name, const char *dir)
{
	struct served *s = xcalloc(1, sizeof(*s));
	s->name = xstrdup(name);
	s->dir = xstrdup(dir);
	return s;
}

struct served *served_free(struct served *s)
{
	if (!s)
		return NULL;
	if (s->bytes)
		tree_index_clear(&s->index);
	free(s->bytes);
	free(s->name);
	free(s->dir);
	free(s);
	return NULL;
}

static uint64_t newest_root(const char *dir)
{
	uint64_t newest = 0;
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		const char *at = e->d_name;
		uint64_t version;
		if (text_take_number(&at, &version) && strcmp(at, ".root.json") == 0)
			newest = MAX(newest, version);
	}
	if (d)
		closedir(d);
	return newest;
}

static int load_root(const struct served *s, struct tree_root *ret, struct error *err)
{
	uint64_t version = newest_root(s->dir);
	char *path FREE_ON_EXIT = xasprintf("%s/%" PRIu64 ".root.json", s->dir, version);
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	if (version == 0)
		return error_set(err, -ENOENT, "%s: there is no root", s->dir);
	int r = file_read(path, TREE_ROOT_MAX, &text, &length, err);
	if (r == 0)
		r = tree_root_open(text, length, ret, err);
	return r ? error_prefix(err, r < 0 ? r : -EBADMSG, "%s", path) : 0;
}

int served_load(struct served *s, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/index.json", s->dir);
	char *bytes FREE_ON_EXIT = NULL;
	size_t length;
	struct tree_root root;
	struct tree_index index;
	int r = file_read(path, TREE_INDEX_MAX, &bytes, &length, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0 || (s->bytes && length == s->length && memcmp(bytes, s->bytes, length) == 0))
		return r;
	r = load_root(s, &root, err);
	if (r < 0)
		return r;
	r = tree_index_open(&root, bytes, length, &index, err);
	tree_root_clear(&root);
	if (r)
		return error_prefix(err, r < 0 ? r : -EBADMSG, "%s", path);
	if (s->bytes)
		tree_index_clear(&s->index);
	free(s->bytes);
	s->bytes = TAKE_POINTER(bytes);
	s->length = length;
	s->index = index;
	return 1;
}

/* Deltas that go on without a gap from a point at or before `from`; *ret_snapshot where that needs it too. */
static size_t deltas_since(
        const struct tree_shard *shard, uint64_t from, const struct tree_delta **ret, bool *ret_snapshot)
{
	size_t first = 0;
	*ret_snapshot = false;
	if (shard->generation <= from || shard->withdrawn)
		return 0;
	while (first < shard->n_deltas && shard->deltas[first].to <= from)
		first++;
	if (from == 0 || first == shard->n_deltas || shard->deltas[first].from > from) {
		*ret_snapshot = true;
		first = 0;
		while (first < shard->n_deltas && shard->deltas[first].to <= shard->snapshot_generation)
			first++;
	}
	*ret = &shard->deltas[first];
	return shard->n_deltas - first;
}

/* Reads a file behind those that the event has; false where it does not fit, or is not there. */
static bool add_file(const struct served *s, const struct tree_file *file, struct push_event *e, size_t *used)
{
	char name[TREE_PATH_SIZE];
	char *path FREE_ON_EXIT = NULL, *data FREE_ON_EXIT = NULL;
	size_t length;
	if (e->n_files == PUSH_FILES_MAX || file->length > PUSH_FILE_MAX ||
	        file->length > PUSH_FILES_TOTAL - *used)
		return false;
	path = xasprintf("%s/%s", s->dir, tree_file_path(file, name));
	if (file_read(path, PUSH_FILE_MAX, &data, &length, NULL) < 0 || length != file->length)
		return false;
	memcpy((char *)e->memory + *used, data, length);
	e->files[e->n_files++] = (struct push_blob){ (char *)e->memory + *used, length };
	*used += length;
	return true;
}

void served_event(const struct served *s, struct tree_point from, struct push_event *ret)
{
	struct push_event e = { .is_index = true,
		.path = s->path,
		.point = s->index.point,
		.index = { s->bytes, s->length },
		.memory = xmalloc(PUSH_FILES_TOTAL) };
	const uint64_t known = from.epoch == s->index.point.epoch ? from.generation : 0;
	size_t used = 0;
	snprintf(e.repository, sizeof(e.repository), "%s", s->name);
	for (size_t i = 0; i < s->index.n_shards; i++) {
		const struct tree_delta *deltas = NULL;
		bool snapshot;
		const size_t n = deltas_since(&s->index.shards[i], known, &deltas, &snapshot);
		if (snapshot && !add_file(s, &s->index.shards[i].snapshot, &e, &used))
			continue;
		for (size_t k = 0; k < n; k++)
			if (!add_file(s, &deltas[k].file, &e, &used))
				break;
	}
	*ret = e;
}

static bool is_file(const struct tree_file *f, const char *file)
{
	char path[TREE_PATH_SIZE];
	return strcmp(tree_file_path(f, path) + strlen("files/"), file) == 0;
}

bool served_names(const struct served *s, const char *file)
{
	bool found = false;
	for (size_t i = 0; s->bytes && i < s->index.n_shards && !found; i++) {
		const struct tree_shard *shard = &s->index.shards[i];
		found = !shard->withdrawn && is_file(&shard->snapshot, file);
		for (size_t k = 0; k < shard->n_deltas && !found; k++)
			found = is_file(&shard->deltas[k].file, file);
	}
	return found;
}
