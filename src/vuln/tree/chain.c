/* SPDX-License-Identifier: ISC */
/* Files of lines as they lie on the disk, one by one and in chains. */
#include "vuln/tree/lines.h"

#include "base/table.h"
#include "crypto/openssl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE ((size_t)128 << 10)

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static int check_digest(const struct tree_file *file, EVP_MD_CTX *hash, uint64_t length, struct error *err)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size;
	if (EVP_DigestFinal_ex(hash, digest, &size) != 1)
		return openssl_error(err, -EIO, "cannot hash");
	if (length == file->length && memcmp(digest, file->sha256, sizeof(file->sha256)) == 0)
		return 0;
	error_set(err, -EBADMSG, "its bytes are not those that the index names");
	return TREE_ALTERED;
}

/* r: NULL, where the checksum alone matters. */
static int read_file(int fd, const struct tree_file *file, struct line_reader *r, struct error *err)
{
	char *block FREE_ON_EXIT = xmalloc(BLOCK_SIZE);
	EVP_MD_CTX *hash CLEANUP(md_free_pointer) = EVP_MD_CTX_new();
	uint64_t length = 0;
	if (!hash || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
		return openssl_error(err, -EIO, "cannot hash");
	for (;;) {
		ssize_t n = read(fd, block, BLOCK_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, -errno, "%s", strerror(errno));
		if (n == 0)
			break;
		length += (size_t)n;
		if (length > file->length)
			break;
		int code = EVP_DigestUpdate(hash, block, (size_t)n) == 1 ? 0 : -EIO;
		if (code == 0 && r)
			code = line_reader_take(r, block, (size_t)n, err);
		if (code)
			return code;
	}
	int code = check_digest(file, hash, length, err);
	return code == 0 && r ? line_reader_end(r, err) : code;
}

static int read_named(const char *dir, const struct tree_file *file, struct line_reader *r, struct error *err)
{
	char name[TREE_PATH_SIZE];
	char *path FREE_ON_EXIT = xasprintf("%s/%s", dir, tree_file_path(file, name));
	int fd CLEANUP(close_fd) = open(path, O_RDONLY | O_CLOEXEC);
	int code = fd < 0 ? error_set(err, -errno, "%s", strerror(errno)) : read_file(fd, file, r, err);
	return code ? error_prefix(err, code, "%s", path) : 0;
}

int lines_read(const char *dir, const struct tree_file *file, line_fn fn, void *context, struct error *err)
{
	struct line_reader *r = line_reader_new(file, fn, context);
	int code = read_named(dir, file, r, err);
	line_reader_free(r);
	return code;
}

int lines_check(const char *dir, const struct tree_file *file, struct error *err)
{
	return read_named(dir, file, NULL, err);
}

/* ---- chains ---- */

struct chain {
	struct table *last; /* key -> the serial of its last line */
	uintptr_t serial;   /* of the line at hand, from 1 */
	line_fn fn;
	void *context;
};

static int note_line(const struct line *line, void *context, struct error *err)
{
	struct chain *c = context;
	char key[LINE_KEY_SIZE];
	size_t n = line_key(line->source, line->id, key);
	c->serial++;
	table_set(c->last, key, n, (void *)c->serial);
	return 0;
}

static int pass_line(const struct line *line, void *context, struct error *err)
{
	struct chain *c = context;
	char key[LINE_KEY_SIZE];
	size_t n = line_key(line->source, line->id, key);
	c->serial++;
	return (uintptr_t)table_get(c->last, key, n) == c->serial ? c->fn(line, c->context, err) : 0;
}

/* Twice over the files: which lines are the last of their record, then those. The first time also finds out
 * whether the files are whole, before fn has seen anything. */
int lines_read_chain(const char *dir, const struct tree_file *files, size_t n, line_fn fn, void *context,
        struct error *err)
{
	struct chain c = { .last = table_new(), .fn = fn, .context = context };
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = lines_read(dir, &files[i], note_line, &c, err);
	c.serial = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = lines_read(dir, &files[i], pass_line, &c, err);
	table_free(c.last, NULL);
	return r;
}
