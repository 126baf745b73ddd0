/* SPDX-License-Identifier: ISC */
/*
 * The follower's state. What may not be lost is replaced atomically and synced: the floor (`trusted`) and the
 * roots before anything is believed because of them, `held` when the index of vulnerabilities has it.
 */
#include "vuln/tree/follow_state.h"

#include "base/file.h"
#include "base/table.h"
#include "crypto/openssl.h"
#include "vuln/tree/fields.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_MODE 0600
#define SERVED_MODE 0644
#define DIRECTORY_MODE 0755
#define BLOCK_SIZE ((size_t)128 << 10)
#define SEEN_MAX 128

/* The roots that follow the trusted one and were fetched earlier. One that is not good any more, because the
 * administrator vouches for another, is fetched anew. */
static int load_roots(struct tree_follow *f, const char *root_file, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t n;
	int r = file_read(root_file, TREE_ROOT_MAX, &text, &n, err);
	if (r < 0)
		return r;
	r = tree_root_open(text, n, &f->root, err);
	if (r)
		return error_prefix(err, r < 0 ? r : -EBADMSG, "%s: it is no root to trust", root_file);
	r = follow_save_root(f, text, n, err);
	for (unsigned i = 0; r == 0 && i < TREE_ROOT_CHAIN_MAX; i++) {
		struct tree_root next;
		char *path FREE_ON_EXIT = xasprintf("%s/%" PRIu64 ".root.json", f->tree, f->root.version + 1);
		char *bytes FREE_ON_EXIT = NULL;
		if (file_read(path, TREE_ROOT_MAX, &bytes, &n, NULL) < 0 ||
		        tree_root_open_next(&f->root, bytes, n, &next, NULL))
			break;
		tree_root_clear(&f->root);
		f->root = next;
	}
	return r;
}

/* "REPOSITORY EPOCH.GENERATION": a directory belongs to one repository for ever. */
static int load_seen(struct tree_follow *f, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/trusted", f->dir);
	char *text FREE_ON_EXIT = NULL;
	int r = file_read(path, SEEN_MAX + TREE_NAME_SIZE, &text, NULL, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	char *space = strchr(text, ' ');
	if (!space || tree_point_parse(space + 1, &f->seen) < 0)
		return error_set(err, -EBADMSG,
		        "%s: it is not what a follower writes; remove %s to begin anew", path, f->dir);
	*space = '\0';
	if (strcmp(text, f->root.repository) == 0)
		return 0;
	return error_set(err, -EINVAL, "%s follows the repository %s, but the root file is of %s", f->dir,
	        text, f->root.repository);
}

int follow_save_seen(struct tree_follow *f, struct error *err)
{
	char point[TREE_POINT_SIZE];
	char *path FREE_ON_EXIT = xasprintf("%s/trusted", f->dir);
	char *text FREE_ON_EXIT = xasprintf("%s %s\n", f->root.repository, tree_point_format(f->seen, point));
	return file_replace(path, text, strlen(text), STATE_MODE, err);
}

/* One that the newest root does not allow any more is not there. */
static void load_index(struct tree_follow *f)
{
	char *path FREE_ON_EXIT = xasprintf("%s/index.json", f->tree);
	char *bytes FREE_ON_EXIT = NULL;
	size_t n;
	if (file_read(path, TREE_INDEX_MAX, &bytes, &n, NULL) < 0 ||
	        tree_index_open(&f->root, bytes, n, &f->index, NULL))
		return;
	f->bytes = TAKE_POINTER(bytes);
	f->length = n;
	f->status.time = f->index.time;
	f->status.expires = f->index.expires;
}

/* What cannot be read is not held: it is fetched and applied anew. */
static void load_held(struct tree_follow *f)
{
	char *path FREE_ON_EXIT = xasprintf("%s/held", f->dir);
	char *text FREE_ON_EXIT = NULL;
	size_t n;
	if (file_read(path, HELD_MAX, &text, &n, NULL) == 0)
		(void)held_parse(text, n, &f->held, NULL);
	held_mark(&f->held, f->mark);
}

static bool plan_is_here(const struct tree_follow *f, const struct held *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		for (size_t j = 0; j < plan->shards[i].n; j++)
			if (!follow_has_file(f, &plan->shards[i].files[j]))
				return false;
	return true;
}

int follow_load(struct tree_follow *f, const char *root_file, struct error *err)
{
	char *files FREE_ON_EXIT = xasprintf("%s/files", f->tree);
	char *parts FREE_ON_EXIT = xasprintf("%s/parts", f->dir);
	int r = file_make_directory(files, DIRECTORY_MODE, err);
	if (r == 0)
		r = file_make_directory(parts, DIRECTORY_MODE, err);
	if (r == 0)
		r = load_roots(f, root_file, err);
	if (r == 0)
		r = load_seen(f, err);
	if (r < 0)
		return r;
	load_held(f);
	load_index(f);
	if (f->bytes)
		follow_make_plan(f, &f->index, &f->plan);
	if (!f->bytes || !plan_is_here(f, &f->plan)) {
		held_clear(&f->plan);
		f->plan.point = f->held.point;
		memcpy(f->plan_mark, f->mark, sizeof(f->mark));
	} else {
		held_mark(&f->plan, f->plan_mark);
	}
	f->status.held = f->held.point;
	f->status.seen = f->seen;
	return 0;
}

int follow_save_root(struct tree_follow *f, const void *bytes, size_t length, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%" PRIu64 ".root.json", f->tree, f->root.version);
	return file_replace(path, bytes, length, SERVED_MODE, err);
}

int follow_save_index(struct tree_follow *f, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/index.json", f->tree);
	return file_replace(path, f->bytes, f->length, SERVED_MODE, err);
}

int follow_save_held(struct tree_follow *f, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/held", f->dir);
	char *text FREE_ON_EXIT = held_format(&f->held);
	return file_replace(path, text, strlen(text), STATE_MODE, err);
}

/* ---- files ---- */

bool follow_has_file(const struct tree_follow *f, const struct tree_file *file)
{
	char name[TREE_PATH_SIZE];
	struct stat st;
	char *path FREE_ON_EXIT = xasprintf("%s/%s", f->tree, tree_file_path(file, name));
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == file->length;
}

char *follow_part_path(const struct tree_follow *f, const struct tree_file *file)
{
	char hex[2 * sizeof(file->sha256) + 1];
	return xasprintf("%s/parts/%s", f->dir, hex_format(file->sha256, sizeof(file->sha256), hex));
}

int follow_open_part(struct tree_follow *f, struct error *err)
{
	char *path FREE_ON_EXIT = follow_part_path(f, &f->file);
	struct stat st;
	f->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, SERVED_MODE);
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if ((uint64_t)st.st_size > f->file.length && ftruncate(f->fd, 0) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	f->offset = (uint64_t)st.st_size > f->file.length ? 0 : (uint64_t)st.st_size;
	return 0;
}

static int hash_part(struct tree_follow *f, uint8_t ret[EVP_MAX_MD_SIZE], struct error *err)
{
	EVP_MD_CTX *hash CLEANUP(md_free_pointer) = EVP_MD_CTX_new();
	char *block FREE_ON_EXIT = xmalloc(BLOCK_SIZE);
	off_t at = 0;
	bool good = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;
	for (ssize_t n; good && (n = pread(f->fd, block, BLOCK_SIZE, at)) != 0; at += n) {
		if (n < 0)
			return error_set(err, -errno, "%s: %s", f->path, strerror(errno));
		good = EVP_DigestUpdate(hash, block, (size_t)n) == 1;
	}
	good = good && EVP_DigestFinal_ex(hash, ret, NULL) == 1;
	return good ? 0 : openssl_error(err, -EIO, "%s: cannot hash", f->path);
}

/* Whole and unaltered it comes to the others; altered it goes, so that it is not resumed. */
int follow_finish_part(struct tree_follow *f, struct error *err)
{
	char *part FREE_ON_EXIT = follow_part_path(f, &f->file);
	char *path FREE_ON_EXIT = xasprintf("%s/%s", f->tree, f->path);
	uint8_t digest[EVP_MAX_MD_SIZE];
	if (f->offset < f->file.length) {
		error_set(err, -EBADMSG, "%s: it ends after %" PRIu64 " of %" PRIu64 " bytes", f->path,
		        f->offset, f->file.length);
		return TREE_CUT;
	}
	int r = hash_part(f, digest, err);
	if (r < 0)
		return r;
	if (memcmp(digest, f->file.sha256, sizeof(f->file.sha256)) != 0) {
		(void)unlink(part);
		error_set(err, -EBADMSG, "%s: its bytes are not those that the index names", f->path);
		return TREE_ALTERED;
	}
	if (fsync(f->fd) < 0 || rename(part, path) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* ---- what nobody needs ---- */

void follow_drop_bad(const struct tree_follow *f, const struct tree_file *file)
{
	char name[TREE_PATH_SIZE];
	char *path FREE_ON_EXIT = xasprintf("%s/%s", f->tree, tree_file_path(file, name));
	if (lines_check(f->tree, file, NULL) > 0)
		(void)unlink(path);
}

static void name_file(struct table *names, const struct tree_file *file)
{
	char hex[2 * sizeof(file->sha256) + 1];
	table_set_string(names, hex_format(file->sha256, sizeof(file->sha256), hex), names);
}

static void name_held(struct table *names, const struct held *h)
{
	for (size_t i = 0; i < h->n; i++)
		for (size_t j = 0; j < h->shards[i].n; j++)
			name_file(names, &h->shards[i].files[j]);
}

static void name_index(struct table *names, const struct tree_index *index)
{
	for (size_t i = 0; i < index->n_shards; i++) {
		const struct tree_shard *s = &index->shards[i];
		name_file(names, &s->snapshot);
		for (size_t j = 0; j < s->n_deltas; j++)
			name_file(names, &s->deltas[j].file);
	}
}

/* It is the file's own last change, so that its time runs over restarts too. */
void follow_retire(const struct tree_follow *f)
{
	struct table *old = table_new(), *next = table_new();
	name_index(old, &f->index);
	name_index(next, &f->next);
	TABLE_FOREACH(it, old) {
		char *path FREE_ON_EXIT =
		        xasprintf("%s/files/%.*s.zst", f->tree, (int)it.key_length, (const char *)it.key);
		if (!table_get(next, it.key, it.key_length))
			(void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
	}
	table_free(old, NULL);
	table_free(next, NULL);
}

/* What changed last after this moment stays. */
static void prune_directory(const char *path, struct table *names, time_ms since)
{
	DIR *dir = opendir(path);
	if (!dir)
		return;
	for (struct dirent *e; (e = readdir(dir));) {
		struct stat st;
		if (e->d_name[0] == '.' ||
		        table_get(names, e->d_name, strnlen(e->d_name, 2 * KEY_THUMBPRINT_SIZE)) ||
		        fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		        (time_ms)st.st_ctim.tv_sec * 1000 >= since)
			continue;
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	closedir(dir);
}

void follow_prune(const struct tree_follow *f)
{
	char *files FREE_ON_EXIT = xasprintf("%s/files", f->tree);
	char *parts FREE_ON_EXIT = xasprintf("%s/parts", f->dir);
	struct table *names = table_new();
	name_held(names, &f->held);
	name_held(names, &f->plan);
	name_held(names, &f->next_plan);
	name_index(names, &f->index);
	name_index(names, &f->next);
	prune_directory(files, names, f->now - TREE_GRACE_MS);
	prune_directory(parts, names, INT64_MAX);
	table_free(names, NULL);
}
