/* SPDX-License-Identifier: ISC */
#include "vis/push_files.h"
#include "base/cursor.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LENGTH 68 /* 64 hex digits and ".zst" */

/* An answer that waits for a file. */
struct waiting {
	struct push_files *of;
	struct http_request *request;
	char *path;
	struct event *timer;
	LIST_ENTRY(waiting) next;
};

struct push_files {
	struct event_base *base;
	struct ipc_packet *parent;
	size_t n;
	LIST_HEAD(, waiting) waiting;
};

struct push_files *push_files_new(struct event_base *base, struct ipc_packet *parent)
{
	struct push_files *p = xcalloc(1, sizeof(*p));
	p->base = base;
	p->parent = parent;
	LIST_INIT(&p->waiting);
	return p;
}

/* Takes the answer out of those that wait. */
static struct http_request *end_waiting(struct waiting *w)
{
	struct http_request *r = w->request;
	LIST_REMOVE(w, next);
	w->of->n--;
	event_free(w->timer);
	free(w->path);
	free(w);
	return r;
}

struct push_files *push_files_free(struct push_files *p)
{
	if (!p)
		return NULL;
	for (struct waiting *w = LIST_FIRST(&p->waiting), *next; w; w = next) {
		next = LIST_NEXT(w, next);
		struct http_request *r = end_waiting(w);
		http_request_on_gone(r, NULL, NULL);
		http_reply_error(r, 503, "going away");
	}
	free(p);
	return NULL;
}

/* ---- ranges ---- */

struct range {
	uint64_t first, last;
};

/* "bytes=FIRST-[LAST]" (RFC 9110 14.1.2); what is another form is as if it were not there. False: there is
 * nothing at FIRST. */
static bool find_range(const struct http_request *r, uint64_t size, struct range *ret, bool *ret_given)
{
	const char *field = http_request_field(r, "Range");
	uint64_t first = 0, last = UINT64_MAX;
	*ret_given = field && text_take(&field, "bytes=") && text_take_number(&field, &first) &&
	        text_take(&field, "-");
	if (*ret_given && *field)
		*ret_given = text_take_number(&field, &last) && !*field && last >= first;
	if (!*ret_given) {
		first = 0;
		last = UINT64_MAX;
	}
	if (size == 0 || first >= size)
		return !*ret_given;
	last = MIN(last, size - 1);
	if (*ret_given)
		last = MIN(last, first + PUSH_PIECE_MAX - 1);
	*ret = (struct range){ first, last };
	return true;
}

static int read_range(int fd, const struct range *range, uint8_t *to)
{
	for (uint64_t at = range->first; at <= range->last;) {
		ssize_t n = pread(fd, to + (at - range->first), (size_t)(range->last + 1 - at), (off_t)at);
		if (n == 0 || (n < 0 && errno != EINTR))
			return -EIO;
		at += n > 0 ? (uint64_t)n : 0;
	}
	return 0;
}

static void send_open_file(struct http_request *r, int fd, uint64_t size)
{
	struct range range = { 0, 0 };
	bool given;
	char text[96];
	if (!find_range(r, size, &range, &given)) {
		snprintf(text, sizeof(text), "bytes */%" PRIu64, size);
		http_reply_field(r, "Content-Range", text);
		http_reply_error(r, 416, "there is nothing at that place");
		return;
	}
	const uint64_t length = size ? range.last - range.first + 1 : 0;
	if (length > PUSH_PIECE_MAX) {
		http_reply_error(r, 413, "the file has %" PRIu64 " bytes; ask for ranges of it", size);
		return;
	}
	uint8_t *data FREE_ON_EXIT = xmalloc((size_t)length + 1);
	if (length && read_range(fd, &range, data) < 0) {
		http_reply_error(r, 500, "the file cannot be read");
		return;
	}
	if (given) {
		snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range.first,
		        range.last, size);
		http_reply_field(r, "Content-Range", text);
	}
	http_reply_field(r, "Accept-Ranges", "bytes");
	http_reply_field(r, "Cache-Control", "public, max-age=31536000, immutable");
	http_reply(r, given ? 206 : 200, "application/zstd", data, (size_t)length);
}

/* False: it is not there, and r is not answered. */
static bool send_path(struct http_request *r, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	const bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	if (good)
		send_open_file(r, fd, (uint64_t)st.st_size);
	close(fd);
	return good;
}

/* ---- what we do not hold yet ---- */

static void on_late(evutil_socket_t fd, short what, void *user)
{
	struct http_request *r = end_waiting(user);
	http_request_on_gone(r, NULL, NULL);
	http_reply_error(r, 504, "it is not here, and did not come from above in time");
}

static void on_gone(void *user)
{
	(void)end_waiting(user);
}

static void wait_for(
        struct push_files *p, struct http_request *r, char *path, const char *repository, const char *file)
{
	const struct timeval late = { PUSH_WAIT_MS / 1000, PUSH_WAIT_MS % 1000 * 1000 };
	const struct ipc_lend lend = { .repository = (char *)repository, .file = (char *)file };
	if (p->n == PUSH_WAITING_MAX) {
		free(path);
		http_reply_error(r, 503, "%d answers wait for files already", PUSH_WAITING_MAX);
		return;
	}
	struct waiting *w = xcalloc(1, sizeof(*w));
	*w = (struct waiting){ .of = p, .request = r, .path = path };
	w->timer = event_new(p->base, -1, 0, on_late, w);
	event_add(w->timer, &late);
	LIST_INSERT_HEAD(&p->waiting, w, next);
	p->n++;
	http_request_on_gone(r, on_gone, w);
	(void)ipc_packet_send(p->parent, IPC_LEND, &lend, NULL);
}

void push_files_changed(struct push_files *p)
{
	for (struct waiting *w = LIST_FIRST(&p->waiting), *next; w; w = next) {
		next = LIST_NEXT(w, next);
		char *path FREE_ON_EXIT = xstrdup(w->path);
		if (access(path, R_OK) < 0)
			continue;
		struct http_request *r = end_waiting(w);
		http_request_on_gone(r, NULL, NULL);
		if (!send_path(r, path))
			http_reply_error(r, 503, "it went away again");
	}
}

/* ---- routes ---- */

static bool is_file_name(const char *file)
{
	return strlen(file) == NAME_LENGTH && strspn(file, "0123456789abcdef") == 64 &&
	        strcmp(file + 64, ".zst") == 0;
}

static bool is_metadata_name(const char *file)
{
	const size_t digits = strspn(file, "0123456789");
	return strcmp(file, "index.json") == 0 ||
	        (digits > 0 && digits < 20 && strcmp(file + digits, ".root.json") == 0);
}

void push_files_metadata(struct http_request *r, const struct served *repository, const char *file)
{
	char *path FREE_ON_EXIT =
	        repository && is_metadata_name(file) ? xasprintf("%s/%s", repository->dir, file) : NULL;
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	int e = path ? file_read(path, TREE_INDEX_MAX, &text, &length, NULL) : -ENOENT;
	if (e < 0) {
		http_reply_error(r, e == -ENOENT ? 404 : 500,
		        e == -ENOENT ? "there is no such file" : "the file cannot be read");
		return;
	}
	http_reply_field(r, "Cache-Control", "no-cache");
	http_reply(r, 200, "application/json", text, length);
}

void push_files_send(
        struct push_files *p, struct http_request *r, const struct served *repository, const char *file)
{
	if (!repository || !is_file_name(file)) {
		http_reply_error(r, 404, "there is no such file");
		return;
	}
	char *path = xasprintf("%s/files/%s", repository->dir, file);
	const bool sent = send_path(r, path);
	if (!sent && served_names(repository, file)) {
		wait_for(p, r, path, repository->name, file);
		return;
	}
	free(path);
	if (!sent)
		http_reply_error(r, 404, "there is no such file in the newest index");
}
