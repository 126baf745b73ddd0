/* SPDX-License-Identifier: ISC */
#include "vis/lender.h"

#include "crypto/openssl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define MODE 0644

struct loan {
	struct tree_file file;
	STAILQ_ENTRY(loan) next;
};

struct lender {
	struct event_base *base;
	char *repository;
	const struct tree_follow *follow;
	void (*on_lent)(void *user);
	void *user;
	struct pull_source source;
	size_t n;
	STAILQ_HEAD(, loan) queue; /* the first is under way where there is a pull */
	struct pull *pull;
	int fd; /* of what is under way */
	char *part;
	uint64_t length;
	EVP_MD_CTX *hash;
};

static void begin(struct lender *l);

/* ---- one file ---- */

static void drop_part(struct lender *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	if (l->part)
		(void)unlink(l->part);
	free(l->part);
	l->part = NULL;
}

static void drop_first(struct lender *l)
{
	struct loan *loan = STAILQ_FIRST(&l->queue);
	STAILQ_REMOVE_HEAD(&l->queue, next);
	l->n--;
	free(loan);
}

static int open_part(struct lender *l, const struct tree_file *file)
{
	char name[TREE_PATH_SIZE];
	/* Beside the others, with a name that is none of theirs. */
	l->part = xasprintf(
	        "%s/files/.%s", tree_follow_served(l->follow), tree_file_path(file, name) + strlen("files/"));
	l->fd = open(l->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, MODE);
	l->length = 0;
	return l->fd >= 0 && EVP_DigestInit_ex(l->hash, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

/* It is what the index names: it comes to the others. */
static bool finish_part(struct lender *l, const struct tree_file *file)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char name[TREE_PATH_SIZE];
	char *path FREE_ON_EXIT =
	        xasprintf("%s/%s", tree_follow_served(l->follow), tree_file_path(file, name));
	const bool good = l->length == file->length && EVP_DigestFinal_ex(l->hash, digest, NULL) == 1 &&
	        memcmp(digest, file->sha256, sizeof(file->sha256)) == 0 && rename(l->part, path) == 0;
	if (good)
		free(TAKE_POINTER(l->part));
	return good;
}

static int on_data(const void *bytes, size_t length, void *user)
{
	struct lender *l = user;
	const struct tree_file *file = &STAILQ_FIRST(&l->queue)->file;
	l->length += length;
	if (l->length <= file->length && write(l->fd, bytes, length) == (ssize_t)length &&
	        EVP_DigestUpdate(l->hash, bytes, length) == 1)
		return 0;
	l->pull = NULL; /* it ends */
	drop_part(l);
	drop_first(l);
	begin(l);
	return -EIO;
}

static void on_restart(void *user)
{
	struct lender *l = user;
	l->length = 0;
	if (ftruncate(l->fd, 0) < 0 || lseek(l->fd, 0, SEEK_SET) < 0 ||
	        EVP_DigestInit_ex(l->hash, EVP_sha256(), NULL) != 1)
		l->length = UINT64_MAX / 2; /* no length is right any more */
}

static void on_end(enum tree_fetch how, const char *reason, void *user)
{
	struct lender *l = user;
	l->pull = NULL;
	const bool lent = how == TREE_FETCHED && finish_part(l, &STAILQ_FIRST(&l->queue)->file);
	drop_part(l);
	drop_first(l);
	begin(l);
	if (lent)
		l->on_lent(l->user);
}

static const struct pull_handlers handlers = { on_data, on_restart, on_end };

static void begin(struct lender *l)
{
	while (!l->pull && l->source.tls && !STAILQ_EMPTY(&l->queue)) {
		const struct tree_file *file = &STAILQ_FIRST(&l->queue)->file;
		char path[TREE_PATH_SIZE];
		const struct tree_request request = {
			.path = tree_file_path(file, path), .most = file->length, .immutable = true
		};
		if (open_part(l, file) == 0 &&
		        pull_new(l->base, &l->source, l->repository, &request, &handlers, l, &l->pull,
		                NULL) == 0)
			return;
		drop_part(l);
		drop_first(l);
	}
}

/* ---- from outside ---- */

static const struct tree_file *find_in_shard(const struct tree_shard *s, const char *file)
{
	char path[TREE_PATH_SIZE];
	if (!s->withdrawn && strcmp(tree_file_path(&s->snapshot, path) + strlen("files/"), file) == 0)
		return &s->snapshot;
	for (size_t i = 0; i < s->n_deltas; i++)
		if (strcmp(tree_file_path(&s->deltas[i].file, path) + strlen("files/"), file) == 0)
			return &s->deltas[i].file;
	return NULL;
}

static const struct tree_file *find(const struct lender *l, const char *file)
{
	const struct tree_index *index = tree_follow_index(l->follow);
	const struct tree_file *found = NULL;
	for (size_t i = 0; index && i < index->n_shards && !found; i++)
		found = find_in_shard(&index->shards[i], file);
	return found;
}

static bool is_queued(const struct lender *l, const struct tree_file *file)
{
	const struct loan *loan;
	STAILQ_FOREACH(loan, &l->queue, next)
	if (memcmp(loan->file.sha256, file->sha256, sizeof(file->sha256)) == 0)
		return true;
	return false;
}

void lender_want(struct lender *l, const char *file)
{
	const struct tree_file *found = find(l, file);
	if (!found || is_queued(l, found) || l->n == LENDER_QUEUE_MAX)
		return;
	struct loan *loan = xcalloc(1, sizeof(*loan));
	loan->file = *found;
	STAILQ_INSERT_TAIL(&l->queue, loan, next);
	l->n++;
	begin(l);
}

void lender_set_source(struct lender *l, const struct pull_source *source)
{
	if (l->pull) {
		l->pull = pull_free(l->pull);
		drop_part(l);
	}
	pull_source_set(&l->source, source);
	begin(l);
}

struct lender *lender_new(struct event_base *base, const char *repository, const struct tree_follow *follow,
        void (*on_lent)(void *user), void *user)
{
	struct lender *l = xcalloc(1, sizeof(*l));
	*l = (struct lender){ .base = base,
		.repository = xstrdup(repository),
		.follow = follow,
		.on_lent = on_lent,
		.user = user,
		.fd = -1,
		.hash = EVP_MD_CTX_new() };
	STAILQ_INIT(&l->queue);
	return l;
}

struct lender *lender_free(struct lender *l)
{
	if (!l)
		return NULL;
	pull_free(l->pull);
	drop_part(l);
	while (!STAILQ_EMPTY(&l->queue))
		drop_first(l);
	pull_source_set(&l->source, NULL);
	EVP_MD_CTX_free(l->hash);
	free(l->repository);
	free(l);
	return NULL;
}
