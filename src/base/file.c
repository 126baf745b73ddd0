/* SPDX-License-Identifier: ISC */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int file_read(const char *path, size_t limit, char **ret_data, size_t *ret_length, struct error *err)
{
	int fd CLEANUP(close_fd) = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	return file_read_descriptor(fd, path, limit, ret_data, ret_length, err);
}

int file_read_descriptor(
        int fd, const char *path, size_t limit, char **ret_data, size_t *ret_length, struct error *err)
{
	size_t length = 0, capacity = 4096;
	char *data FREE_ON_EXIT = xmalloc(capacity + 1);
	for (;;) {
		ssize_t n = read(fd, data + length, capacity - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, -errno, "%s: %s", path, strerror(errno));
		if (n == 0)
			break;
		length += (size_t)n;
		if (length > limit)
			return error_set(err, -EFBIG, "%s: larger than %zu bytes", path, limit);
		if (length == capacity) {
			capacity *= 2;
			data = xrealloc_array(data, capacity + 1, 1);
		}
	}
	data[length] = '\0';
	*ret_data = TAKE_POINTER(data);
	if (ret_length)
		*ret_length = length;
	return 0;
}

static int write_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t n = write(fd, data, length);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			length -= (size_t)n;
		}
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static void sync_directory_of(const char *path)
{
	char *copy FREE_ON_EXIT = xstrdup(path);
	int fd CLEANUP(close_fd) = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

int file_replace(const char *path, const void *data, size_t length, mode_t mode, struct error *err)
{
	char *temporary FREE_ON_EXIT = xasprintf("%s.XXXXXX", path);
	int fd CLEANUP(close_fd) = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", temporary, strerror(errno));
	int r = fchmod(fd, mode) < 0 ? -errno : write_all(fd, data, length);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(temporary);
		return error_set(err, r, "%s: %s", path, strerror(-r));
	}
	sync_directory_of(path);
	return 0;
}

int file_check_private(const char *path, struct error *err)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EPERM, "%s: not a regular file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0)
		return error_set(err, -EPERM, "%s: owned by user %u; chown it to the user of this program",
		        path, st.st_uid);
	if (st.st_mode & 077)
		return error_set(err, -EPERM, "%s: mode %04o lets others read a secret; chmod 600 it", path,
		        st.st_mode & 07777);
	return 0;
}

int file_make_directory(const char *path, mode_t mode, struct error *err)
{
	char *copy FREE_ON_EXIT = xstrdup(path);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode | 0755) < 0 && errno != EEXIST)
			return error_set(err, -errno, "%s: %s", copy, strerror(errno));
		*p = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return error_set(err, -errno, "%s: %s", copy, strerror(errno));
	return 0;
}
