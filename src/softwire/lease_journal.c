/* SPDX-License-Identifier: ISC */
#include "softwire/lease_journal.h"
#include "base/file.h"
#include "base/table.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER "pratique leases 1\n"
#define WAITING_MAX (16u << 20) /* more than that is no journal any more: all is written anew */
#define SLACK_LINES 4096
#define RETRY_MS 1000

static uint32_t line_check(const char *text, size_t length)
{
	static const uint64_t key[2] = { 0x7072617469717565,
		0x6c65617365730001 }; /* against accidents only */
	return (uint32_t)hash_bytes(key, text, length);
}

void lease_journal_write_line(struct writer *w, const struct lease *l)
{
	char line[LEASE_LINE_MAX], prefix[IP_TEXT_SIZE];
	int n = snprintf(line, sizeof(line), "%c ", l->in_use ? '+' : '-');
	for (size_t i = 0; i < LEASE_IDENTITY_SIZE; i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%02x", l->identity[i]);
	n += snprintf(line + n, sizeof(line) - (size_t)n, " %s %" PRId64,
	        ip_prefix_format(&l->prefix, prefix), l->used / 1000);
	n += snprintf(line + n, sizeof(line) - (size_t)n, " %08x\n", line_check(line, (size_t)n));
	wr_bytes(w, line, (size_t)n);
}

static bool read_identity(const char *hex, uint8_t identity[LEASE_IDENTITY_SIZE])
{
	for (size_t i = 0; i < LEASE_IDENTITY_SIZE; i++) {
		unsigned byte;
		/* NOLINTNEXTLINE(cert-err34-c): two digits */
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return false;
		identity[i] = (uint8_t)byte;
	}
	return true;
}

/* line: without its end. */
static bool read_line(const char *line, size_t length, struct lease_record *ret)
{
	char text[LEASE_LINE_MAX], hex[2 * LEASE_IDENTITY_SIZE + 1], prefix[IP_TEXT_SIZE], sign;
	uint32_t check;
	int64_t seconds;
	if (length >= sizeof(text) || length < 10)
		return false;
	memcpy(text, line, length);
	text[length] = '\0';
	/* NOLINTNEXTLINE(cert-err34-c): what is read is only believed with the right check behind it */
	if (sscanf(text, "%c %32[0-9a-f] %63s %" SCNd64 " %8x", &sign, hex, prefix, &seconds, &check) != 5 ||
	        check != line_check(text, length - 9) || (sign != '+' && sign != '-') || strlen(hex) != 32)
		return false;
	*ret = (struct lease_record){ .in_use = sign == '+', .used = seconds * 1000 };
	return read_identity(hex, ret->identity) && ip_prefix_parse(prefix, &ret->prefix) == 0;
}

static int read_all(struct lease_journal *j, void (*on_record)(const struct lease_record *record, void *user),
        void *user, struct error *err)
{
	char *data FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(j->path, LEASE_JOURNAL_MAX, &data, &length, err);
	if (r == -ENOENT) {
		j->rewrite = true;
		return 0;
	}
	if (r < 0)
		return r;
	if (length < strlen(HEADER) ? memcmp(data, HEADER, length) != 0
	                            : memcmp(data, HEADER, strlen(HEADER)) != 0)
		return error_set(err, -EPROTO, "%s: this is not a journal of leases; move it away", j->path);
	j->rewrite = length < strlen(HEADER) || data[length - 1] != '\n';
	for (size_t at = strlen(HEADER); at < length;) {
		const char *end = memchr(data + at, '\n', length - at);
		size_t n = end ? (size_t)(end - data) - at : length - at;
		struct lease_record record;
		if (end && read_line(data + at, n, &record))
			on_record(&record, user);
		else
			j->rewrite = true;
		j->lines++;
		at += n + 1;
	}
	return 0;
}

static int open_file(struct lease_journal *j, struct error *err)
{
	j->fd = open(j->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	return j->fd < 0 ? error_set(err, -errno, "%s: %s", j->path, strerror(errno)) : 0;
}

int lease_journal_open(struct lease_journal *j, const char *path,
        void (*on_record)(const struct lease_record *record, void *user), void *user, struct error *err)
{
	*j = (struct lease_journal){ .path = xstrdup(path), .fd = -1, .waiting = wr_make(WAITING_MAX) };
	if (!path)
		return 0;
	int r = read_all(j, on_record, user, err);
	if (r == 0 && !j->rewrite)
		r = open_file(j, err);
	if (r < 0)
		lease_journal_close(j);
	return r;
}

void lease_journal_close(struct lease_journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
	wr_free(&j->waiting);
	free(j->path);
	j->path = NULL;
}

void lease_journal_add(struct lease_journal *j, const struct lease *l)
{
	if (!j->path || j->rewrite)
		return;
	lease_journal_write_line(&j->waiting, l);
	j->lines++;
	if (wr_failed(&j->waiting))
		j->rewrite = true;
}

static int append(struct lease_journal *j, int *ret_fd, struct error *err)
{
	const uint8_t *data = j->waiting.data;
	for (size_t left = j->waiting.length; left;) {
		ssize_t n = write(j->fd, data, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set(
			        err, n < 0 ? -errno : -EIO, "%s: %s", j->path, strerror(n < 0 ? errno : EIO));
		data += n;
		left -= (size_t)n;
	}
	if (ret_fd && (*ret_fd = fcntl(j->fd, F_DUPFD_CLOEXEC, 0)) >= 0)
		return 0;
	if (fdatasync(j->fd) < 0)
		return error_set(err, -errno, "%s: %s", j->path, strerror(errno));
	return 0;
}

static int write_anew(struct lease_journal *j, size_t n,
        void (*all)(struct lease_journal *, struct writer *, void *), void *user, struct error *err)
{
	struct writer w = wr_make(LEASE_JOURNAL_MAX);
	wr_bytes(&w, HEADER, strlen(HEADER));
	all(j, &w, user);
	int r = wr_failed(&w) ? error_set(err, -EFBIG, "%s: more leases than the journal holds", j->path)
	                      : file_replace(j->path, w.data, w.length, 0600, err);
	wr_free(&w);
	if (r < 0)
		return r;
	if (j->fd >= 0)
		close(j->fd);
	r = open_file(j, err);
	j->lines = n;
	return r;
}

int lease_journal_commit(struct lease_journal *j, size_t n, time_ms now,
        void (*all)(struct lease_journal *j, struct writer *w, void *user), void *user, int *ret_fd,
        struct error *err)
{
	if (ret_fd)
		*ret_fd = -1;
	if (!j->path || now < j->retry)
		return 0;
	j->rewrite |= j->lines > 2 * n + SLACK_LINES;
	int r = j->rewrite ? write_anew(j, n, all, user, err) : append(j, ret_fd, err);
	j->rewrite = r < 0; /* a line may be half there */
	j->retry = r < 0 ? now + RETRY_MS : 0;
	wr_reset(&j->waiting);
	return r;
}

void lease_journal_failed(struct lease_journal *j, time_ms now)
{
	j->rewrite = true;
	j->retry = now + RETRY_MS;
}
