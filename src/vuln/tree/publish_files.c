/* SPDX-License-Identifier: ISC */
/*
 * The files of a shard. Deltas are small and many; when they have grown to half of the snapshot they become a
 * new one, and when they are many the older of them become one. Both only read files that are there and write
 * new ones, so that whoever follows the index of a moment ago is not disturbed.
 */
#include "vuln/tree/envelope.h"
#include "vuln/tree/publish_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MERGE_AT 32                          /* deltas above the snapshot */
#define MERGE_COUNT 16                       /* of the oldest of them into one */
#define OLDER_MAX 16                         /* deltas that lead to the snapshot */
#define SNAPSHOT_LEAST ((uint64_t)256 << 10) /* bytes of deltas for which it does not pay */

static int copy_line(const struct line *line, void *context, struct error *err)
{
	return line_writer_put(context, line, err);
}

/* A snapshot has nothing to remove. */
static int copy_record(const struct line *line, void *context, struct error *err)
{
	return line->record ? line_writer_put(context, line, err) : 0;
}

static int merge(struct tree_publisher *p, const struct tree_file *files, size_t n, line_fn fn,
        struct tree_file *ret, struct error *err)
{
	struct line_writer *w;
	int r = line_writer_open(p->dir, &w, err);
	if (r < 0)
		return r;
	r = lines_read_chain(p->dir, files, n, fn, w, err);
	if (r == 0)
		return line_writer_finish(w, ret, err);
	line_writer_drop(w);
	return r < 0 ? r : -EBADMSG;
}

static size_t first_above_snapshot(const struct tree_shard *v)
{
	size_t i = 0;
	while (i < v->n_deltas && v->deltas[i].from < v->snapshot_generation)
		i++;
	return i;
}

static int make_snapshot(struct tree_publisher *p, struct tree_shard *v, struct error *err)
{
	size_t first = first_above_snapshot(v), n = 0;
	struct tree_file *files FREE_ON_EXIT = xcalloc(v->n_deltas - first + 1, sizeof(*files));
	files[n++] = v->snapshot;
	for (size_t i = first; i < v->n_deltas; i++)
		files[n++] = v->deltas[i].file;
	int r = merge(p, files, n, copy_record, &v->snapshot, err);
	if (r == 0)
		v->snapshot_generation = v->generation;
	return r;
}

static int merge_deltas(struct tree_publisher *p, struct tree_shard *v, size_t first, struct error *err)
{
	struct tree_file files[MERGE_COUNT], file;
	for (size_t i = 0; i < MERGE_COUNT; i++)
		files[i] = v->deltas[first + i].file;
	int r = merge(p, files, MERGE_COUNT, copy_line, &file, err);
	if (r < 0)
		return r;
	v->deltas[first].to = v->deltas[first + MERGE_COUNT - 1].to;
	v->deltas[first].file = file;
	memmove(&v->deltas[first + 1], &v->deltas[first + MERGE_COUNT],
	        (v->n_deltas - first - MERGE_COUNT) * sizeof(*v->deltas));
	v->n_deltas -= MERGE_COUNT - 1;
	return 0;
}

/* Older deltas only pay for who lacks less than a snapshot. */
static void drop_older(struct tree_shard *v)
{
	uint64_t bytes = 0;
	size_t older = first_above_snapshot(v), keep = 0;
	while (keep < older && keep < OLDER_MAX) {
		bytes += v->deltas[older - keep - 1].file.length;
		if (bytes > v->snapshot.length)
			break;
		keep++;
	}
	size_t drop = older - keep;
	memmove(v->deltas, v->deltas + drop, (v->n_deltas - drop) * sizeof(*v->deltas));
	v->n_deltas -= drop;
}

static int tidy(struct tree_publisher *p, struct tree_shard *v, struct error *err)
{
	size_t first = first_above_snapshot(v);
	uint64_t bytes = 0;
	int r = 0;
	for (size_t i = first; i < v->n_deltas; i++)
		bytes += v->deltas[i].file.length;
	if (bytes > MAX(SNAPSHOT_LEAST, v->snapshot.length / 2))
		r = make_snapshot(p, v, err);
	else if (v->n_deltas - first >= MERGE_AT)
		r = merge_deltas(p, v, first, err);
	drop_older(v);
	return r;
}

static void begin_with_snapshot(struct tree_shard *v, const struct tree_file *file, uint64_t to)
{
	v->n_deltas = 0;
	v->snapshot = *file;
	v->snapshot_generation = to;
}

static int order_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void take_ecosystems(const struct publish_shard *s, struct tree_shard *v)
{
	for (size_t i = 0; i < v->n_ecosystems; i++)
		free(v->ecosystems[i]);
	free(v->ecosystems);
	v->n_ecosystems = 0;
	v->ecosystems = xcalloc(table_count(s->ecosystems) + 1, sizeof(*v->ecosystems));
	TABLE_FOREACH(it, s->ecosystems)
		v->ecosystems[v->n_ecosystems++] = xstrndup(it.key, it.key_length);
	qsort(v->ecosystems, v->n_ecosystems, sizeof(*v->ecosystems), order_names);
}

/* v is as the shard was; it becomes what it is with the new file. */
static int add_file(struct tree_publisher *p, struct tree_shard *v, const struct tree_file *file, bool fresh,
        uint64_t to, struct error *err)
{
	if (fresh) {
		begin_with_snapshot(v, file, to);
	} else {
		v->deltas = xrealloc_array(v->deltas, v->n_deltas + 1, sizeof(*v->deltas));
		v->deltas[v->n_deltas++] =
		        (struct tree_delta){ .from = v->generation, .to = to, .file = *file };
	}
	v->generation = to;
	v->withdrawn = v->records == 0;
	if (v->withdrawn)
		begin_with_snapshot(v, &(struct tree_file){ .length = 0 }, 0);
	/* What was put and taken away again within one commit is no part of a snapshot. */
	else if (fresh && file->records != v->records)
		return make_snapshot(p, v, err);
	else if (!fresh)
		return tidy(p, v, err);
	return 0;
}

int publish_finish_shard(struct tree_publisher *p, struct publish_shard *s, uint64_t to, uint64_t *bytes,
        struct tree_shard *ret, struct error *err)
{
	struct tree_shard v;
	struct tree_file file = { .length = 0 };
	bool fresh = s->v.generation == 0 || s->v.withdrawn || s->rebuild;
	int r = 0;
	/* Of a shard that is empty now, that it is says everything. */
	if (table_count(s->records) == 0)
		s->delta = line_writer_drop(s->delta);
	else
		r = line_writer_finish(TAKE_POINTER(s->delta), &file, err);
	if (r < 0)
		return r;
	tree_shard_copy(&s->v, &v);
	v.records = table_count(s->records);
	take_ecosystems(s, &v);
	r = add_file(p, &v, &file, fresh, to, err);
	*bytes += file.length;
	if (r < 0)
		tree_shard_clear(&v);
	else
		*ret = v;
	return r;
}

/* ---- what is left over ---- */

static struct table *name_files(const struct tree_index *index)
{
	struct table *names = table_new();
	char path[TREE_PATH_SIZE];
	for (size_t i = 0; i < index->n_shards; i++) {
		const struct tree_shard *v = &index->shards[i];
		if (v->withdrawn)
			continue;
		table_set_string(names, strchr(tree_file_path(&v->snapshot, path), '/') + 1, names);
		for (size_t j = 0; j < v->n_deltas; j++)
			table_set_string(
			        names, strchr(tree_file_path(&v->deltas[j].file, path), '/') + 1, names);
	}
	return names;
}

/* From now on their time runs. */
void publish_retire(const struct tree_publisher *p, const struct tree_index *before)
{
	struct table *old = name_files(before), *new = name_files(&p->index);
	TABLE_FOREACH(it, old) {
		char *path FREE_ON_EXIT =
		        xasprintf("%s/files/%.*s", p->dir, (int)it.key_length, (const char *)it.key);
		if (!table_get(new, it.key, it.key_length))
			(void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
	}
	table_free(old, NULL);
	table_free(new, NULL);
}

void publish_prune(const struct tree_publisher *p, time_ms now)
{
	char *path FREE_ON_EXIT = xasprintf("%s/files", p->dir);
	DIR *dir = opendir(path);
	if (!dir)
		return;
	struct table *names = name_files(&p->index);
	for (struct dirent *e; (e = readdir(dir));) {
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		        table_get_string(names, e->d_name) ||
		        fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		/* Its last change of any kind; an index that still names it has expired since. */
		if (e->d_name[0] == '.' || (time_ms)st.st_ctim.tv_sec * 1000 + 2 * p->lifetime < now)
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
	table_free(names, NULL);
}
