/* SPDX-License-Identifier: ISC */
#include "vuln/tree/lines.h"

#include "crypto/openssl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define BLOCK_SIZE ((size_t)128 << 10)
#define WINDOW_LOG_MAX 24 /* what reading a file may cost in memory: 16 MiB, and a line */
#define LINE_FIRST_ROOM ((size_t)16 << 10)

static const char put_op[] = "{\"op\":\"put\",\"source\":\"",
                  remove_op[] = "{\"op\":\"remove\",\"source\":\"", id_member[] = "\",\"id\":\"",
                  record_member[] = "\",\"record\":", end_of_removal[] = "\"}";

/* ---- one line ---- */

bool line_name_good(const char *name, size_t size)
{
	size_t n = strnlen(name, size);
	for (size_t i = 0; i < n; i++)
		if (name[i] < 0x20 || name[i] > 0x7e || name[i] == '"' || name[i] == '\\')
			return false;
	return n > 0 && n < size;
}

static bool skip(const char **at, const char *end, const char *what, size_t n)
{
	if ((size_t)(end - *at) < n || memcmp(*at, what, n) != 0)
		return false;
	*at += n;
	return true;
}

static bool take_name(const char **at, const char *end, char *ret, size_t size)
{
	const char *quote = memchr(*at, '"', (size_t)(end - *at));
	size_t n = quote ? (size_t)(quote - *at) : size;
	if (n >= size)
		return false;
	memcpy(ret, *at, n);
	ret[n] = '\0';
	*at += n;
	return strlen(ret) == n && line_name_good(ret, size);
}

size_t line_key(const char *source, const char *id, char key[LINE_KEY_SIZE])
{
	size_t n = strlen(id) + 1;
	memcpy(key, id, n);
	memcpy(key + n, source, strlen(source) + 1);
	return n + strlen(source);
}

#define SKIP(at, end, what) skip(at, end, what, sizeof(what) - 1)

bool line_parse(const char *text, size_t length, struct line *ret)
{
	struct line line = { .record = NULL };
	const char *at = text, *end = text + length;
	bool puts = SKIP(&at, end, put_op);
	if (!puts && !SKIP(&at, end, remove_op))
		return false;
	if (!take_name(&at, end, line.source, sizeof(line.source)) || !SKIP(&at, end, id_member) ||
	        !take_name(&at, end, line.id, sizeof(line.id)))
		return false;
	if (puts) {
		if (!SKIP(&at, end, record_member) || end - at < 3 || *at != '{' || end[-1] != '}')
			return false;
		line.record = at;
		line.length = (size_t)(end - at) - 1;
	} else if (!SKIP(&at, end, end_of_removal) || at != end) {
		return false;
	}
	*ret = line;
	return true;
}

/* ---- writing ---- */

struct line_writer {
	char *dir, *path;
	int fd;
	ZSTD_CStream *zstd;
	EVP_MD_CTX *hash;
	struct tree_file file;
	bool failed;
	char out[BLOCK_SIZE];
};

struct line_writer *line_writer_drop(struct line_writer *w)
{
	if (!w)
		return NULL;
	if (w->fd >= 0)
		close(w->fd);
	if (w->path)
		(void)unlink(w->path);
	ZSTD_freeCStream(w->zstd);
	EVP_MD_CTX_free(w->hash);
	free(w->path);
	free(w->dir);
	free(w);
	return NULL;
}

int line_writer_open(const char *dir, struct line_writer **ret, struct error *err)
{
	struct line_writer *w = xcalloc(1, sizeof(*w));
	w->dir = xstrdup(dir);
	w->path = xasprintf("%s/files/.new-XXXXXX", dir);
	w->fd = mkostemp(w->path, O_CLOEXEC);
	w->zstd = ZSTD_createCStream();
	w->hash = EVP_MD_CTX_new();
	int r = 0;
	if (w->fd < 0) {
		r = error_set(err, -errno, "%s: %s", w->path, strerror(errno));
		free(TAKE_POINTER(w->path));
	} else if (fchmod(w->fd, 0644) < 0) {
		r = error_set(err, -errno, "%s: %s", w->path, strerror(errno));
	} else if (!w->zstd || !w->hash || EVP_DigestInit_ex(w->hash, EVP_sha256(), NULL) != 1 ||
	        ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, 9)) ||
	        ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_windowLog, WINDOW_LOG_MAX - 1))) {
		r = error_set(err, -ENOMEM, "%s: cannot set up the compression", w->path);
	}
	if (r < 0)
		line_writer_drop(w);
	else
		*ret = w;
	return r;
}

static int write_out(struct line_writer *w, const char *bytes, size_t length, struct error *err)
{
	if (EVP_DigestUpdate(w->hash, bytes, length) != 1)
		return openssl_error(err, -EIO, "%s: cannot hash", w->path);
	w->file.length += length;
	while (length) {
		ssize_t n = write(w->fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, -errno, "%s: %s", w->path, strerror(errno));
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

static int compress(
        struct line_writer *w, const char *bytes, size_t length, ZSTD_EndDirective how, struct error *err)
{
	ZSTD_inBuffer in = { bytes, length, 0 };
	size_t left;
	w->file.unpacked += length;
	do {
		ZSTD_outBuffer out = { w->out, sizeof(w->out), 0 };
		left = ZSTD_compressStream2(w->zstd, &out, &in, how);
		int r = ZSTD_isError(left) ? error_set(err, -EIO, "%s: %s", w->path, ZSTD_getErrorName(left))
		                           : write_out(w, w->out, out.pos, err);
		if (r < 0)
			return r;
	} while (in.pos < in.size || (how == ZSTD_e_end && left));
	return 0;
}

int line_writer_put(struct line_writer *w, const struct line *line, struct error *err)
{
	struct iovec_text {
		const char *text;
		size_t length;
	} parts[] = {
		{ line->record ? put_op : remove_op,
		        line->record ? sizeof(put_op) - 1 : sizeof(remove_op) - 1 },
		{ line->source, strlen(line->source) },
		{ id_member, sizeof(id_member) - 1 },
		{ line->id, strlen(line->id) },
		{ line->record ? record_member : end_of_removal,
		        line->record ? sizeof(record_member) - 1 : sizeof(end_of_removal) - 1 },
		{ line->record, line->record ? line->length : 0 },
		{ line->record ? "}\n" : "\n", line->record ? 2 : 1 },
	};
	int r = w->file.records >= TREE_RECORDS_MAX ||
	                w->file.unpacked + line->length > TREE_UNPACKED_MAX - 4096
	        ? error_set(err, -E2BIG, "%s: more than a file may hold", w->path)
	        : 0;
	for (size_t i = 0; i < ARRAY_LENGTH(parts) && r == 0; i++)
		r = compress(w, parts[i].text, parts[i].length, ZSTD_e_continue, err);
	w->file.records++;
	w->failed = w->failed || r < 0;
	return r;
}

static int put_in_place(struct line_writer *w, struct error *err)
{
	char name[TREE_PATH_SIZE];
	unsigned size = sizeof(w->file.sha256);
	if (EVP_DigestFinal_ex(w->hash, w->file.sha256, &size) != 1)
		return openssl_error(err, -EIO, "%s: cannot hash", w->path);
	char *path FREE_ON_EXIT = xasprintf("%s/%s", w->dir, tree_file_path(&w->file, name));
	if (fsync(w->fd) < 0 || rename(w->path, path) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	free(TAKE_POINTER(w->path));
	return 0;
}

int line_writer_finish(struct line_writer *w, struct tree_file *ret, struct error *err)
{
	int r = w->failed ? error_set(err, -EIO, "%s: writing it failed", w->path)
	                  : compress(w, "", 0, ZSTD_e_end, err);
	if (r == 0 && w->file.length > TREE_FILE_MAX)
		r = error_set(err, -E2BIG, "%s: larger than a file may be", w->path);
	if (r == 0)
		r = put_in_place(w, err);
	if (r == 0)
		*ret = w->file;
	line_writer_drop(w);
	return r;
}

/* ---- reading ---- */

struct line_reader {
	const struct tree_file *file;
	line_fn fn;
	void *context;
	ZSTD_DStream *zstd;
	uint64_t unpacked, records;
	char *line; /* what came of a line so far */
	size_t length, capacity;
	bool frame_open;
	char out[BLOCK_SIZE];
};

struct line_reader *line_reader_new(const struct tree_file *file, line_fn fn, void *context)
{
	struct line_reader *r = xcalloc(1, sizeof(*r));
	r->file = file;
	r->fn = fn;
	r->context = context;
	r->zstd = ZSTD_createDStream();
	if (r->zstd)
		(void)ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	return r;
}

struct line_reader *line_reader_free(struct line_reader *r)
{
	if (!r)
		return NULL;
	ZSTD_freeDStream(r->zstd);
	free(r->line);
	free(r);
	return NULL;
}

static int append(struct line_reader *r, const char *text, size_t length, struct error *err)
{
	if (r->length + length > LINE_SIZE_MAX) {
		error_set(err, -EFBIG, "a line is longer than %zu bytes", LINE_SIZE_MAX);
		return TREE_MALFORMED;
	}
	if (r->length + length > r->capacity) {
		r->capacity = MAX(MAX(2 * r->capacity, LINE_FIRST_ROOM), r->length + length);
		r->line = xrealloc_array(r->line, r->capacity, 1);
	}
	memcpy(r->line + r->length, text, length);
	r->length += length;
	return 0;
}

static int take_line(struct line_reader *r, const char *text, size_t length, struct error *err)
{
	struct line line;
	r->records++;
	if (r->records > r->file->records) {
		error_set(err, -E2BIG, "more than the %" PRIu64 " lines announced", r->file->records);
		return TREE_ENDLESS;
	}
	if (!line_parse(text, length, &line)) {
		error_set(err, -EINVAL, "line %" PRIu64 " is none of a snapshot or delta", r->records);
		return TREE_MALFORMED;
	}
	return r->fn(&line, r->context, err);
}

/* Whole lines are read where they lie; only the last, cut one is copied. */
static int take_text(struct line_reader *r, const char *text, size_t length, struct error *err)
{
	while (length) {
		const char *end = memchr(text, '\n', length);
		size_t n = end ? (size_t)(end - text) : length;
		int code = 0;
		if (!end || r->length)
			code = append(r, text, n, err);
		if (code == 0 && end) {
			code = r->length ? take_line(r, r->line, r->length, err) : take_line(r, text, n, err);
			r->length = 0;
		}
		if (code)
			return code;
		text += n + (end != NULL);
		length -= n + (end != NULL);
	}
	return 0;
}

int line_reader_take(struct line_reader *r, const void *bytes, size_t length, struct error *err)
{
	ZSTD_inBuffer in = { bytes, length, 0 };
	bool full = true;
	if (!r->zstd)
		return error_set(err, -ENOMEM, "cannot set up the decompression");
	while (in.pos < in.size || full) {
		ZSTD_outBuffer out = { r->out, sizeof(r->out), 0 };
		size_t left = ZSTD_decompressStream(r->zstd, &out, &in);
		if (ZSTD_isError(left)) {
			error_set(err, -EBADMSG, "it is not compressed with zstd as it should be: %s",
			        ZSTD_getErrorName(left));
			return TREE_MALFORMED;
		}
		r->frame_open = left != 0;
		r->unpacked += out.pos;
		if (r->unpacked > r->file->unpacked) {
			error_set(err, -EFBIG, "it unpacks to more than the %" PRIu64 " bytes announced",
			        r->file->unpacked);
			return TREE_ENDLESS;
		}
		int code = take_text(r, r->out, out.pos, err);
		if (code)
			return code;
		full = out.pos == out.size;
	}
	return 0;
}

int line_reader_end(struct line_reader *r, struct error *err)
{
	if (!r->frame_open && r->length == 0 && r->unpacked == r->file->unpacked &&
	        r->records == r->file->records)
		return 0;
	error_set(err, -EBADMSG,
	        "it ends after %" PRIu64 " bytes and %" PRIu64 " lines; %" PRIu64 " and %" PRIu64
	        " were announced",
	        r->unpacked, r->records, r->file->unpacked, r->file->records);
	return TREE_CUT;
}
