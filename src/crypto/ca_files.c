/* SPDX-License-Identifier: ISC */
/* The CA's directory: its lock, its keys and certificates, and its lists of lines that are appended to. */
#include "crypto/ca_files.h"
#include "base/file.h"
#include "crypto/openssl.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_FILE_MAX (64u << 20)

/* Whoever runs a command on the directory, what it makes there is the directory's owner's: the server's. */
int ca_files_give(const char *dir, const char *path, struct error *err)
{
	struct stat st;
	if (geteuid() != 0)
		return 0;
	if (stat(dir, &st) < 0 || lchown(path, st.st_uid, st.st_gid) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

int ca_files_lock(const char *dir, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX) < 0) {
		int code = -errno;
		close(fd);
		return error_set(err, code, "%s: %s", path, strerror(-code));
	}
	int r = ca_files_give(dir, path, err);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

void ca_files_unlock(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void ca_files_id(X509 *ca, char ret[CA_ID_SIZE])
{
	uint8_t thumbprint[KEY_THUMBPRINT_SIZE] = { 0 };
	(void)key_thumbprint(X509_get0_pubkey(ca), thumbprint);
	for (size_t i = 0; i < CA_ID_SIZE / 2; i++)
		snprintf(ret + 2 * i, 3, "%02x", thumbprint[i]);
}

int ca_files_key_of(const char *dir, X509 *ca, EVP_PKEY **ret, struct error *err)
{
	static const char *const names[] = { "ca.key", "next.key" };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		char *path FREE_ON_EXIT = xasprintf("%s/%s", dir, names[i]);
		EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
		int r = access(path, F_OK) < 0 && i > 0 ? -ENOENT : key_load(path, &key, err);
		if (r < 0 && r != -ENOENT)
			return r;
		if (key && X509_check_private_key(ca, key) == 1) {
			*ret = TAKE_POINTER(key);
			return 0;
		}
	}
	return openssl_error(err, -ENOENT, "%s: there is no key for the CA that ca.pem names", dir);
}

int ca_files_load(const char *dir, EVP_PKEY **ret_key, struct bundle *ret, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/ca.pem", dir);
	struct bundle b = { 0 };
	int r = bundle_load(path, &b, err);
	if (r == 0)
		r = ca_files_key_of(dir, b.certificates[0], ret_key, err);
	if (r < 0) {
		bundle_clear(&b);
		return r;
	}
	*ret = b;
	return 0;
}

int ca_files_save_bundle(const char *dir, const struct bundle *b, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/ca.pem", dir), *text FREE_ON_EXIT = bundle_format(b, err);
	int r = text ? file_replace(path, text, strlen(text), 0644, err) : -EIO;
	return r < 0 ? r : ca_files_give(dir, path, err);
}

int ca_list_read(const char *dir, const char *name, char **ret, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", dir, name);
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		*ret = xstrdup("");
		return 0;
	}
	return file_read(path, LIST_FILE_MAX, ret, NULL, err);
}

/* A write that was cut short by a full disk or a crash leaves half a line, which must not become part of the
 * next. */
static const char *list_separator(int fd)
{
	char last = '\n';
	off_t size = lseek(fd, 0, SEEK_END);
	if (size > 0 && pread(fd, &last, 1, size - 1) != 1)
		last = '\0';
	return last == '\n' ? "" : "\n";
}

int ca_list_append(const char *dir, const char *name, const char *line, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	char *text FREE_ON_EXIT = xasprintf("%s%s", list_separator(fd), line);
	ssize_t n = write(fd, text, strlen(text));
	int code = n < 0 ? -errno : (size_t)n < strlen(text) ? -ENOSPC : fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return code < 0 ? error_set(err, code, "%s: %s", path, strerror(-code))
	                : ca_files_give(dir, path, err);
}

bool ca_list_next(char **text, struct ca_list_line *ret)
{
	char *line;
	while ((line = strsep(text, "\n"))) {
		size_t n = 0;
		memset(ret, 0, sizeof(*ret));
		for (char *word; n < CA_LIST_FIELDS && (word = strsep(&line, " "));)
			ret->fields[n++] = word;
		if (n >= CA_LIST_FIELDS_MIN)
			return true;
	}
	return false;
}

bool ca_list_has(const char *list, const char *serial)
{
	size_t length = strlen(serial);
	for (const char *at = list; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (strncmp(at, serial, length) == 0 && at[length] == ' ')
			return true;
	return false;
}
