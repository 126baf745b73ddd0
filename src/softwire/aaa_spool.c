/* SPDX-License-Identifier: ISC */
#include "softwire/aaa_spool.h"

#include "base/cursor.h"
#include "base/table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define POSITION_SLOT 32 /* bytes; two of them, written in turn, so that one is always whole */

/* One file: its name is the number of its first record. */
struct segment {
	TAILQ_ENTRY(segment) next;
	uint64_t first, count;
	off_t size;
};

struct aaa_spool {
	char *directory;
	uint64_t max, bytes, lost;
	TAILQ_HEAD(segments, segment) segments;
	int write_fd, read_fd, position_fd;
	struct segment *reading; /* read_fd is its file; NULL: none is open */
	off_t read_at;
	uint64_t read_number;           /* of the record at read_at */
	uint64_t done;                  /* all below are done */
	bool is_done[AAA_SPOOL_WINDOW]; /* number % window, from done on */
	uint64_t position_turn;
	int behind[AAA_SPOOL_SYNC_MAX -
	        1]; /* files before the last one, and the folder, that wait for a sync */
	size_t n_behind;
	off_t peeked; /* where the record after the peeked one begins; 0: none was */
	bool is_dirty;
};

static char *path_of(const struct aaa_spool *s, uint64_t first)
{
	return xasprintf("%s/records-%016" PRIx64, s->directory, first);
}

static uint64_t position_sum(uint64_t turn, uint64_t done)
{
	const uint64_t pair[2] = { turn, done }, key[2] = { 1, 2 };
	return hash_bytes(key, pair, sizeof(pair));
}

static void write_position(struct aaa_spool *s)
{
	uint64_t slot[POSITION_SLOT / 8] = { ++s->position_turn, s->done };
	slot[2] = position_sum(slot[0], slot[1]);
	/* Not being able to write it costs no more than telling something twice. */
	(void)!pwrite(s->position_fd, slot, sizeof(slot), (off_t)(s->position_turn % 2) * POSITION_SLOT);
}

static int read_position(struct aaa_spool *s)
{
	char *path FREE_ON_EXIT = xasprintf("%s/position", s->directory);
	s->position_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->position_fd < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		uint64_t slot[POSITION_SLOT / 8];
		if (pread(s->position_fd, slot, sizeof(slot), i * POSITION_SLOT) != (ssize_t)sizeof(slot) ||
		        slot[2] != position_sum(slot[0], slot[1]) || slot[0] < s->position_turn)
			continue;
		s->position_turn = slot[0];
		s->done = slot[1];
	}
	return 0;
}

static void insert_sorted(struct aaa_spool *s, struct segment *new)
{
	struct segment *at;
	TAILQ_FOREACH(at, &s->segments, next)
	if (at->first > new->first) {
		TAILQ_INSERT_BEFORE(at, new, next);
		return;
	}
	TAILQ_INSERT_TAIL(&s->segments, new, next);
}

static int list_files(struct aaa_spool *s)
{
	DIR *dir = opendir(s->directory);
	if (!dir)
		return -errno;
	for (struct dirent *e; (e = readdir(dir));) {
		char *end;
		if (strncmp(e->d_name, "records-", 8) != 0 || strlen(e->d_name) != 24)
			continue;
		struct segment *new = xcalloc(1, sizeof(*new));
		new->first = strtoull(e->d_name + 8, &end, 16);
		if (*end)
			free(new);
		else
			insert_sorted(s, new);
	}
	closedir(dir);
	return 0;
}

/* Counts the records of a file and cuts off what a crash left behind the last whole one. */
static int scan(struct aaa_spool *s, struct segment *g, aaa_spool_fn *on_record, void *user)
{
	char *path FREE_ON_EXIT = path_of(s, g->first);
	uint8_t *record FREE_ON_EXIT = xmalloc(AAA_RECORD_MAX);
	size_t length;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (aaa_record_read(fd, &g->size, record, &length) == 0) {
		g->count++;
		if (on_record)
			on_record(user, record, length);
	}
	int r = ftruncate(fd, g->size) < 0 ? -errno : 0;
	close(fd);
	s->bytes += (uint64_t)g->size;
	const struct segment *after = TAILQ_NEXT(g, next);
	if (after && after->first > g->first + g->count)
		s->lost += after->first - g->first - g->count;
	return r;
}

static void remove_first(struct aaa_spool *s)
{
	struct segment *g = TAILQ_FIRST(&s->segments);
	char *path FREE_ON_EXIT = path_of(s, g->first);
	(void)unlink(path);
	s->bytes -= (uint64_t)g->size;
	if (s->reading == g)
		s->reading = NULL;
	TAILQ_REMOVE(&s->segments, g, next);
	free(g);
}

/* The last file stays: it is being written. */
static void remove_done(struct aaa_spool *s)
{
	struct segment *g;
	while ((g = TAILQ_FIRST(&s->segments)) && TAILQ_NEXT(g, next) &&
	        TAILQ_NEXT(g, next)->first <= s->done)
		remove_first(s);
}

static uint64_t next_number(const struct aaa_spool *s)
{
	const struct segment *last = TAILQ_LAST(&s->segments, segments);
	return last ? last->first + last->count : s->done;
}

/* For the next sync; at once where there is no room. */
static void leave_behind(struct aaa_spool *s, int fd)
{
	if (fd < 0)
		return;
	s->is_dirty = true;
	if (s->n_behind < ARRAY_LENGTH(s->behind)) {
		s->behind[s->n_behind++] = fd;
		return;
	}
	(void)fdatasync(fd);
	close(fd);
}

static int open_last(struct aaa_spool *s, bool new)
{
	struct segment *g = TAILQ_LAST(&s->segments, segments);
	char *path FREE_ON_EXIT = path_of(s, g->first);
	int fd = open(path, O_RDWR | O_CLOEXEC | (new ? O_CREAT | O_EXCL : 0), 0600);
	if (fd < 0)
		return -errno;
	if (s->write_fd >= 0)
		leave_behind(s, s->write_fd);
	s->write_fd = fd;
	if (new)
		leave_behind(s, open(s->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	return 0;
}

static int add_segment(struct aaa_spool *s)
{
	struct segment *new = xcalloc(1, sizeof(*new));
	new->first = next_number(s);
	TAILQ_INSERT_TAIL(&s->segments, new, next);
	int r = open_last(s, true);
	if (r < 0) {
		TAILQ_REMOVE(&s->segments, new, next);
		free(new);
	}
	return r;
}

int aaa_spool_open(const char *directory, uint64_t max, aaa_spool_fn *on_record, void *user,
        struct aaa_spool **ret, struct error *err)
{
	struct aaa_spool *s = xcalloc(1, sizeof(*s));
	struct segment *g;
	TAILQ_INIT(&s->segments);
	s->directory = xstrdup(directory);
	s->max = max;
	s->write_fd = s->read_fd = s->position_fd = -1;
	int r = read_position(s);
	if (r == 0)
		r = list_files(s);
	TAILQ_FOREACH(g, &s->segments, next)
	if (r == 0)
		r = scan(s, g, on_record, user);
	if (r == 0) {
		g = TAILQ_FIRST(&s->segments);
		if (g && s->done < g->first)
			s->done = g->first;
		if (next_number(s) < s->done) /* the power went before the records were on disk */
			s->done = next_number(s);
		remove_done(s);
		s->read_number = s->done;
		r = TAILQ_EMPTY(&s->segments) ? add_segment(s) : open_last(s, false);
	}
	if (r < 0) {
		aaa_spool_close(s);
		return error_set(err, r, "%s: %s", directory, strerror(-r));
	}
	*ret = s;
	return 0;
}

struct aaa_spool *aaa_spool_close(struct aaa_spool *s)
{
	struct segment *g;
	if (!s)
		return NULL;
	(void)aaa_spool_sync(s);
	while ((g = TAILQ_FIRST(&s->segments))) {
		TAILQ_REMOVE(&s->segments, g, next);
		free(g);
	}
	const int fds[] = { s->write_fd, s->read_fd, s->position_fd };
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(s->directory);
	free(s);
	return NULL;
}

int aaa_spool_append(struct aaa_spool *s, const void *record, size_t length)
{
	struct segment *g = TAILQ_LAST(&s->segments, segments);
	bool worthless = aaa_spool_waiting(s) == 0 && g->size >= AAA_SPOOL_FILE / 16;
	if (!worthless && s->bytes + length > s->max)
		return -ENOSPC;
	if (worthless || g->size >= AAA_SPOOL_FILE) {
		int r = add_segment(s);
		if (r < 0)
			return r;
		g = TAILQ_LAST(&s->segments, segments);
		remove_done(s);
	}
	off_t before = g->size;
	int r = aaa_record_append(s->write_fd, &g->size, record, length);
	if (r < 0)
		return r;
	g->count++;
	s->bytes += (uint64_t)(g->size - before);
	s->is_dirty = true;
	return 0;
}

/* Opens the file with the record read_number, and finds its place in it. */
static int seek(struct aaa_spool *s)
{
	uint8_t *record FREE_ON_EXIT = xmalloc(AAA_RECORD_MAX);
	struct segment *g;
	size_t length;
	TAILQ_FOREACH(g, &s->segments, next)
	if (s->read_number < g->first + g->count)
		break;
	if (!g)
		return -ENODATA;
	if (s->read_number < g->first) { /* what was damaged before it is lost, and counted as such */
		if (s->done != s->read_number)
			return -ENODATA; /* first those before the gap */
		s->done = s->read_number = g->first;
		write_position(s);
	}
	char *path FREE_ON_EXIT = path_of(s, g->first);
	if (s->read_fd >= 0)
		close(s->read_fd);
	s->read_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s->read_fd < 0)
		return -ENODATA;
	s->reading = g;
	s->read_at = 0;
	for (uint64_t n = g->first; n < s->read_number; n++)
		if (aaa_record_read(s->read_fd, &s->read_at, record, &length) < 0)
			return -ENODATA;
	return 0;
}

int aaa_spool_peek(struct aaa_spool *s, uint8_t ret[AAA_RECORD_MAX], size_t *ret_length, uint64_t *ret_number)
{
	s->peeked = 0;
	if (s->read_number >= next_number(s) || s->read_number - s->done >= AAA_SPOOL_WINDOW)
		return -ENODATA;
	const struct segment *g = s->reading;
	if (!g || s->read_number < g->first || s->read_number >= g->first + g->count) {
		int r = seek(s);
		if (r < 0)
			return r;
	}
	off_t at = s->read_at;
	int r = aaa_record_read(s->read_fd, &at, ret, ret_length);
	if (r == 0) {
		s->peeked = at;
		*ret_number = s->read_number;
	}
	return r;
}

void aaa_spool_take(struct aaa_spool *s)
{
	s->read_at = s->peeked;
	s->read_number++;
}

void aaa_spool_done(struct aaa_spool *s, uint64_t number)
{
	if (number < s->done || number - s->done >= AAA_SPOOL_WINDOW)
		return;
	s->is_done[number % AAA_SPOOL_WINDOW] = true;
	if (number != s->done)
		return;
	while (s->is_done[s->done % AAA_SPOOL_WINDOW]) {
		s->is_done[s->done % AAA_SPOOL_WINDOW] = false;
		s->done++;
	}
	write_position(s);
	remove_done(s);
}

size_t aaa_spool_begin_sync(struct aaa_spool *s, int ret_fds[AAA_SPOOL_SYNC_MAX])
{
	size_t n = s->n_behind;
	if (!s->is_dirty || s->write_fd < 0)
		return 0;
	memcpy(ret_fds, s->behind, n * sizeof(int));
	s->n_behind = 0;
	s->is_dirty = false;
	ret_fds[n] = fcntl(s->write_fd, F_DUPFD_CLOEXEC, 0);
	if (ret_fds[n] >= 0)
		return n + 1;
	(void)fdatasync(s->write_fd);
	return n;
}

int aaa_spool_sync(struct aaa_spool *s)
{
	int fds[AAA_SPOOL_SYNC_MAX], r = 0;
	for (size_t i = 0, n = aaa_spool_begin_sync(s, fds); i < n; i++) {
		if (fdatasync(fds[i]) < 0)
			r = -errno;
		close(fds[i]);
	}
	return r;
}

uint64_t aaa_spool_next(const struct aaa_spool *s)
{
	return next_number(s);
}

uint64_t aaa_spool_waiting(const struct aaa_spool *s)
{
	return next_number(s) - s->done;
}

uint64_t aaa_spool_bytes(const struct aaa_spool *s)
{
	return s->bytes;
}

uint64_t aaa_spool_lost(const struct aaa_spool *s)
{
	return s->lost;
}
