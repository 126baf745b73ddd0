/* SPDX-License-Identifier: ISC */
#include "softwire/aaa_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct aaa_journal {
	char *directory, *path;
	int fd;
	off_t end;
	size_t records;
	bool is_dirty;
	struct writer waiting; /* records that are not in the file yet */
};

static int read_all(struct aaa_journal *j, aaa_journal_fn *on_record, void *user)
{
	uint8_t *record FREE_ON_EXIT = xmalloc(AAA_RECORD_MAX);
	size_t length;
	while (aaa_record_read(j->fd, &j->end, record, &length) == 0) {
		j->records++;
		on_record(user, record, length);
	}
	return ftruncate(j->fd, j->end) < 0 ? -errno : 0;
}

int aaa_journal_open(const char *directory, const char *name, aaa_journal_fn *on_record, void *user,
        struct aaa_journal **ret, struct error *err)
{
	struct aaa_journal *j = xcalloc(1, sizeof(*j));
	j->directory = xstrdup(directory);
	j->path = xasprintf("%s/%s", directory, name);
	j->waiting = wr_make(AAA_JOURNAL_BUFFER);
	j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r = j->fd < 0 ? -errno : read_all(j, on_record, user);
	if (r < 0)
		error_set(err, r, "%s: %s", j->path, strerror(-r));
	else
		r = aaa_record_sync_directory(directory, err);
	if (r < 0) {
		aaa_journal_close(j);
		return r;
	}
	*ret = j;
	return 0;
}

struct aaa_journal *aaa_journal_close(struct aaa_journal *j)
{
	if (!j)
		return NULL;
	(void)aaa_journal_sync(j);
	if (j->fd >= 0)
		close(j->fd);
	wr_free(&j->waiting);
	free(j->directory);
	free(j->path);
	free(j);
	return NULL;
}

/* What waits goes into the file; on failure it is lost, and nothing behind it would make sense of it. */
static int flush(struct aaa_journal *j)
{
	int r = j->waiting.length ? aaa_record_write(j->fd, &j->end, &j->waiting) : 0;
	wr_reset(&j->waiting);
	return r;
}

int aaa_journal_append_later(struct aaa_journal *j, const void *record, size_t length)
{
	int r = 0;
	if (j->waiting.length > AAA_JOURNAL_BUFFER - 2 * AAA_RECORD_MAX)
		r = flush(j);
	if (r == 0)
		r = aaa_record_encode(&j->waiting, record, length);
	j->records += r == 0;
	j->is_dirty = true;
	return r;
}

int aaa_journal_append(struct aaa_journal *j, const void *record, size_t length)
{
	int r = aaa_journal_append_later(j, record, length);
	return r < 0 ? r : flush(j);
}

int aaa_journal_begin_sync(struct aaa_journal *j, int *ret_fd)
{
	*ret_fd = -1;
	if (!j->is_dirty || j->fd < 0)
		return 0;
	int r = flush(j);
	j->is_dirty = false;
	if (r == 0 && (*ret_fd = fcntl(j->fd, F_DUPFD_CLOEXEC, 0)) < 0)
		r = fdatasync(j->fd) < 0 ? -errno : 0;
	return r;
}

int aaa_journal_sync(struct aaa_journal *j)
{
	int fd, r = aaa_journal_begin_sync(j, &fd);
	if (fd < 0)
		return r;
	r = fdatasync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

bool aaa_journal_is_long(const struct aaa_journal *j, size_t live)
{
	return j->end + (off_t)j->waiting.length > AAA_JOURNAL_SHORT && j->records > 4 * live;
}

int aaa_journal_rewrite(
        struct aaa_journal *j, int (*emit)(struct aaa_journal *j, void *user), void *user, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s.new", j->path);
	(void)flush(j);
	struct aaa_journal before = *j;
	j->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	j->end = 0;
	j->records = 0;
	int r = j->fd < 0 ? -errno : emit(j, user);
	if (r == 0)
		r = flush(j);
	if (r == 0 && (fdatasync(j->fd) < 0 || rename(path, j->path) < 0))
		r = -errno;
	if (r < 0) {
		if (j->fd >= 0)
			close(j->fd);
		before.waiting = j->waiting; /* its memory may have moved */
		*j = before;
		wr_reset(&j->waiting);
		(void)unlink(path);
		return error_set(err, r, "%s: %s", path, strerror(-r));
	}
	close(before.fd);
	j->is_dirty = false;
	return aaa_record_sync_directory(j->directory, err);
}
