/* SPDX-License-Identifier: ISC */
/*
 * The file of a backup: lines of text, and then the members one after the other.
 *
 *     pratique-backup 1
 *     created 2026-11-22T04:00:00Z
 *     version 0.1.0
 *     schema 2
 *     generation 1048576
 *     member pratique.db 94208 SHA-256
 *     end SHA-256 of the lines above
 */
#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536
#define FIRST_WORD "pratique-backup"

struct archive {
	int fd;
	char *path;
	struct archive_header header;
};

/* ---- the header ---- */

static void put_hex(const uint8_t hash[32], char text[65])
{
	for (size_t i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

static int read_hex(const char *text, uint8_t hash[32])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < 64; i++) {
		const char *d = text[i] ? strchr(digits, text[i]) : NULL;
		if (!d)
			return -EBADMSG;
		hash[i / 2] = (uint8_t)((i % 2 ? hash[i / 2] : 0) | ((d - digits) << (i % 2 ? 0 : 4)));
	}
	return text[64] ? -EBADMSG : 0;
}

static int read_number(const char *text, uint64_t *ret)
{
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n > 18 || text[n])
		return -EBADMSG;
	*ret = strtoull(text, NULL, 10);
	return 0;
}

/* No way out of the folder that it is unpacked into. */
static bool name_is_good(const char *name)
{
	const char *slash = strchr(name, '/');
	size_t n = strlen(name);
	return n && n <= ARCHIVE_NAME_MAX && name[0] >= 'a' && name[0] <= 'z' &&
	        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_/") == n && !strstr(name, "..") &&
	        (!slash || (slash[1] >= 'a' && slash[1] <= 'z' && !strchr(slash + 1, '/')));
}

static int read_member(char *words, struct archive_header *h)
{
	char *name = strsep(&words, " "), *length = strsep(&words, " ");
	if (!length || !words || h->n_members == ARCHIVE_MEMBERS_MAX || !name_is_good(name))
		return -EBADMSG;
	for (size_t i = 0; i < h->n_members; i++)
		if (strcmp(h->members[i].name, name) == 0)
			return -EBADMSG;
	struct archive_member *m = &h->members[h->n_members++];
	snprintf(m->name, sizeof(m->name), "%s", name);
	return read_number(length, &m->length) < 0 ? -EBADMSG : read_hex(words, m->hash);
}

static int read_line(char *line, struct archive_header *h)
{
	const char *word = strsep(&line, " ");
	uint64_t number;
	if (!line)
		return -EBADMSG;
	if (strcmp(word, "member") == 0)
		return read_member(line, h);
	if (strcmp(word, "created") == 0) {
		time_ms at;
		snprintf(h->created, sizeof(h->created), "%s", line);
		return strlen(line) < sizeof(h->created) && clock_parse(line, &at) == 0 ? 0 : -EBADMSG;
	}
	if (strcmp(word, "version") == 0) {
		snprintf(h->version, sizeof(h->version), "%s", line);
		return strspn(line, "0123456789abcdefghijklmnopqrstuvwxyz.-+~") == strlen(line) ? 0
		                                                                                : -EBADMSG;
	}
	if (strcmp(word, "schema") == 0 && read_number(line, &number) == 0 && number < 1000000) {
		h->schema = (int64_t)number;
		return 0;
	}
	return strcmp(word, "generation") == 0 ? read_number(line, &h->generation) : -EBADMSG;
}

static int read_end(const char *text, const char *start, size_t length)
{
	uint8_t said[32], is[32];
	if (read_hex(text, said) < 0 || EVP_Digest(start, length, is, NULL, EVP_sha256(), NULL) != 1)
		return -EBADMSG;
	return memcmp(said, is, sizeof(is)) == 0 ? 0 : -EBADMSG;
}

static int lay_out(struct archive_header *h)
{
	uint64_t at = h->length;
	for (size_t i = 0; i < h->n_members; i++) {
		h->members[i].offset = at;
		at += h->members[i].length; /* each below 10^18, and 16 of them */
		if (at > INT64_MAX)
			return -EBADMSG;
	}
	return h->n_members && h->schema && *h->created && *h->version ? 0 : -EBADMSG;
}

static int read_lines(char *text, const char *bytes, struct archive_header *h)
{
	for (char *rest = text, *line; (line = strsep(&rest, "\n")) && rest;) {
		if (strncmp(line, "end ", 4) == 0) {
			h->length = (size_t)(rest - text);
			int code = read_end(line + 4, bytes, (size_t)(line - text));
			return code < 0 ? code : lay_out(h);
		}
		if (line != text && read_line(line, h) < 0)
			return -EBADMSG;
	}
	return -EBADMSG;
}

int archive_header_parse(const char *bytes, size_t length, struct archive_header *ret, struct error *err)
{
	struct archive_header h = { .n_members = 0 };
	uint64_t format;
	size_t n = strnlen(bytes, MIN(length, (size_t)ARCHIVE_HEADER_MAX));
	char *text FREE_ON_EXIT = xstrndup(bytes, n);
	size_t first = strcspn(text, "\n");
	if (strncmp(text, FIRST_WORD " ", sizeof(FIRST_WORD)) != 0 || first > 64)
		return error_set(err, -EBADMSG, "not a backup of pratique");
	char *number FREE_ON_EXIT = xstrndup(text + sizeof(FIRST_WORD), first - sizeof(FIRST_WORD));
	if (read_number(number, &format) < 0)
		return error_set(err, -EBADMSG, "not a backup of pratique");
	if (format != ARCHIVE_FORMAT)
		return error_set(err, -EPROTO,
		        "a backup of format %" PRIu64
		        ", but this program knows format %d: use the program that "
		        "made it",
		        format, ARCHIVE_FORMAT);
	if (read_lines(text, bytes, &h) < 0)
		return error_set(err, -EBADMSG, "the header of the backup is damaged");
	*ret = h;
	return 0;
}

/* ---- bytes ---- */

static int write_all(int fd, const void *data, size_t length)
{
	const char *at = data;
	while (length) {
		ssize_t n = write(fd, at, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

/* length bytes of `from` at offset are hashed, and written to `to` unless that is -1. */
static int copy(int from, uint64_t offset, uint64_t length, int to, uint8_t hash[32])
{
	uint8_t *piece = xmalloc(PIECE);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	int code = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
	while (length && code == 0) {
		ssize_t n = pread(from, piece, (size_t)MIN(length, (uint64_t)PIECE), (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			code = n < 0 ? -errno : -EBADMSG;
			break;
		}
		EVP_DigestUpdate(digest, piece, (size_t)n);
		offset += (uint64_t)n;
		length -= (uint64_t)n;
		if (to >= 0)
			code = write_all(to, piece, (size_t)n);
	}
	if (code == 0)
		EVP_DigestFinal_ex(digest, hash, NULL);
	EVP_MD_CTX_free(digest);
	OPENSSL_cleanse(piece, PIECE);
	free(piece);
	return code;
}

/* ---- writing ---- */

static char *header_text(const struct archive_header *h)
{
	char *text = NULL, hex[65];
	size_t length;
	uint8_t hash[32];
	FILE *out = open_memstream(&text, &length);
	if (!out)
		abort();
	fprintf(out, FIRST_WORD " %d\ncreated %s\nversion %s\nschema %" PRId64 "\ngeneration %" PRIu64 "\n",
	        ARCHIVE_FORMAT, h->created, h->version, h->schema, h->generation);
	for (size_t i = 0; i < h->n_members; i++) {
		put_hex(h->members[i].hash, hex);
		fprintf(out, "member %s %" PRIu64 " %s\n", h->members[i].name, h->members[i].length, hex);
	}
	fflush(out);
	EVP_Digest(text, length, hash, NULL, EVP_sha256(), NULL);
	put_hex(hash, hex);
	fprintf(out, "end %s\n", hex);
	fclose(out);
	return text;
}

static int measure(struct archive_member *m, const char *file, struct error *err)
{
	struct stat st = { 0 };
	int code = 0, fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		code = -errno;
	m->length = (uint64_t)st.st_size;
	if (code == 0)
		code = copy(fd, 0, m->length, -1, m->hash);
	if (fd >= 0)
		close(fd);
	return code < 0 ? error_set(err, code, "%s: %s", file, strerror(-code)) : 0;
}

static int append(int to, const struct archive_member *m, const char *file, struct error *err)
{
	uint8_t hash[32];
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int code = fd < 0 ? -errno : copy(fd, 0, m->length, to, hash);
	if (fd >= 0)
		close(fd);
	if (code == 0 && memcmp(hash, m->hash, sizeof(hash)) != 0)
		return error_set(err, -EAGAIN, "%s: changed while it was copied", file);
	return code < 0 ? error_set(err, code, "%s: %s", file, strerror(-code)) : 0;
}

static int write_parts(int fd, const struct archive_header *h, const char *const *files,
        const struct store_progress *progress, struct error *err)
{
	char *text FREE_ON_EXIT = header_text(h);
	int code = write_all(fd, text, strlen(text));
	if (code < 0)
		return error_set(err, code, "%s", strerror(-code));
	for (size_t i = 0; i < h->n_members && code == 0; i++) {
		code = append(fd, &h->members[i], files[i], err);
		if (progress && progress->copied)
			progress->copied(h->members[i].length, h->members[i].length, progress->context);
	}
	if (code == 0 && fsync(fd) < 0)
		code = error_set(err, -errno, "%s", strerror(errno));
	return code;
}

static int sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir FREE_ON_EXIT =
	        slash ? xstrndup(path, MAX((size_t)(slash - path), (size_t)1)) : xstrdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int code = fd < 0 || fsync(fd) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return code;
}

int archive_write(const char *path, struct archive_header *header, const char *const *files,
        const struct store_progress *progress, struct error *err)
{
	char *temporary FREE_ON_EXIT = xasprintf("%s.XXXXXX", path);
	int code = 0;
	for (size_t i = 0; i < header->n_members && code == 0; i++)
		code = measure(&header->members[i], files[i], err);
	if (code < 0)
		return code;
	int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", temporary, strerror(errno));
	code = write_parts(fd, header, files, progress, err);
	close(fd);
	if (code < 0)
		error_prefix(err, code, "%s", path);
	else if (rename(temporary, path) < 0 || (code = sync_directory_of(path)) < 0)
		code = error_set(err, code < 0 ? code : -errno, "%s: %s", path, strerror(errno));
	if (code < 0)
		unlink(temporary);
	return code;
}

/* ---- reading ---- */

static int check_members(struct archive *a, const struct store_progress *progress, struct error *err)
{
	const struct archive_header *h = &a->header;
	const struct archive_member *last = &h->members[h->n_members - 1];
	struct stat st;
	uint8_t hash[32];
	if (fstat(a->fd, &st) < 0)
		return error_set(err, -errno, "%s: %s", a->path, strerror(errno));
	if ((uint64_t)st.st_size != last->offset + last->length)
		return error_set(err, -EBADMSG,
		        "%s: the backup is %s: %lld bytes, where its header says %" PRIu64, a->path,
		        (uint64_t)st.st_size < last->offset + last->length ? "cut short" : "too long",
		        (long long)st.st_size, last->offset + last->length);
	for (size_t i = 0; i < h->n_members; i++) {
		const struct archive_member *m = &h->members[i];
		int code = copy(a->fd, m->offset, m->length, -1, hash);
		if (code == 0 && memcmp(hash, m->hash, sizeof(hash)) != 0)
			return error_set(err, -EBADMSG,
			        "%s: %s in the backup is damaged: its checksum is another", a->path, m->name);
		if (code < 0)
			return error_set(err, code, "%s: %s", a->path, strerror(-code));
		if (progress && progress->copied)
			progress->copied(m->length, m->length, progress->context);
	}
	return 0;
}

int archive_open(
        const char *path, const struct store_progress *progress, struct archive **ret, struct error *err)
{
	struct archive *a = xcalloc(1, sizeof(*a));
	char *bytes FREE_ON_EXIT = xcalloc(1, ARCHIVE_HEADER_MAX + 1);
	a->path = xstrdup(path);
	a->fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = a->fd < 0 ? -1 : pread(a->fd, bytes, ARCHIVE_HEADER_MAX, 0);
	int code = n < 0 ? error_set(err, -errno, "%s", strerror(errno))
	                 : archive_header_parse(bytes, (size_t)n, &a->header, err);
	if (code < 0)
		error_prefix(err, code, "%s", path);
	else
		code = check_members(a, progress, err);
	if (code < 0)
		archive_close(a);
	else
		*ret = a;
	return code;
}

struct archive *archive_close(struct archive *a)
{
	if (!a)
		return NULL;
	if (a->fd >= 0)
		close(a->fd);
	free(a->path);
	free(a);
	return NULL;
}

const struct archive_header *archive_header(const struct archive *a)
{
	return &a->header;
}

int archive_extract(
        struct archive *a, const struct archive_member *m, const char *path, mode_t mode, struct error *err)
{
	uint8_t hash[32];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0600);
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	int code = copy(a->fd, m->offset, m->length, fd, hash);
	if (code == 0 && memcmp(hash, m->hash, sizeof(hash)) != 0)
		code = -EBADMSG;
	if (code == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		code = -errno;
	close(fd);
	if (code < 0) {
		unlink(path);
		return error_set(err, code, "%s: %s", path, strerror(-code));
	}
	return 0;
}
