/* SPDX-License-Identifier: ISC */
#include "agent/root.h"

#include "base/file.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINE_FILE_MAX 4096

int root_open(const char *path, struct root *ret, struct error *err)
{
	bool live = !*path || strcmp(path, "/") == 0;
	*ret = (struct root){ .path = xstrdup(live ? "" : path), .live = live };
	ret->fd = open(live ? "/" : path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret->fd < 0 ? error_set(err, -errno, "%s: %s", path, strerror(errno)) : 0;
}

void root_close(struct root *root)
{
	if (root->fd >= 0)
		close(root->fd);
	root->fd = -1;
	free(TAKE_POINTER(root->path));
}

/* The root of another system is data: its links are resolved inside it (openat2(2), RESOLVE_IN_ROOT). */
static int open_with(const struct root *root, const char *path, int flags)
{
	const struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = root->live ? 0 : RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd = root->live ? open(path, (int)how.flags)
	                    : (int)syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

/* What another root calls a file may be a device, and to open some devices is to use them: only files and
 * folders are opened, the very ones that were looked at. */
static int open_checked(const struct root *root, const char *path, int flags)
{
	char shown[64];
	struct stat st;
	int fd = open_with(root, path, O_PATH);
	if (fd < 0)
		return fd;
	int r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? 0 : -ENODEV;
	snprintf(shown, sizeof(shown), "/proc/self/fd/%d", fd);
	if (r == 0) {
		r = open(shown, flags | O_CLOEXEC);
		r = r < 0 ? -errno : r;
	}
	close(fd);
	return r;
}

static int open_in(const struct root *root, const char *path, int flags, struct error *err)
{
	flags |= O_RDONLY | O_NONBLOCK | O_NOCTTY;
	int fd = root->live ? open_with(root, path, flags) : open_checked(root, path, flags);
	return fd < 0 ? error_set(err, fd, "%s%s: %s", root->path, path, strerror(-fd)) : fd;
}

int root_open_file(const struct root *root, const char *path, int *ret_fd, struct error *err)
{
	int fd = open_in(root, path, 0, err);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int root_read_file(const struct root *root, const char *path, size_t limit, char **ret_data,
        size_t *ret_length, struct error *err)
{
	int fd = open_in(root, path, 0, err);
	if (fd < 0)
		return fd;
	char *shown FREE_ON_EXIT = xasprintf("%s%s", root->path, path);
	int r = file_read_descriptor(fd, shown, limit, ret_data, ret_length, err);
	close(fd);
	return r;
}

int root_read_line(const struct root *root, const char *path, char **ret, struct error *err)
{
	char *data FREE_ON_EXIT = NULL;
	int r = root_read_file(root, path, LINE_FILE_MAX, &data, NULL, err);
	if (r < 0)
		return r;
	char *line = data + strspn(data, " \t");
	size_t n = strcspn(line, "\n");
	while (n > 0 && isspace((unsigned char)line[n - 1]))
		n--;
	if (n == 0)
		return error_set(err, -ENODATA, "%s%s is empty", root->path, path);
	*ret = xstrndup(line, n);
	return 0;
}

int root_open_directory(const struct root *root, const char *path, DIR **ret, struct error *err)
{
	int fd = open_in(root, path, O_DIRECTORY, err);
	if (fd < 0)
		return fd;
	DIR *dir = fdopendir(fd);
	if (!dir) {
		int r = error_set(err, -errno, "%s%s: %s", root->path, path, strerror(errno));
		close(fd);
		return r;
	}
	*ret = dir;
	return 0;
}

bool root_has(const struct root *root, const char *path)
{
	int fd = open_with(root, path, O_PATH | O_NOFOLLOW);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int root_stat(const struct root *root, const char *path, struct stat *ret)
{
	int fd = open_with(root, path, O_PATH);
	if (fd < 0)
		return fd;
	int r = fstat(fd, ret) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* The path of an open descriptor, as the kernel knows it. */
static int path_of(int fd, char ret[PATH_MAX])
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, ret, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return *ret == '/' ? 0 : -ENOENT;
}

int root_resolve(const struct root *root, const char *path, char **ret)
{
	char whole[PATH_MAX], base[PATH_MAX];
	int fd = open_with(root, path, O_PATH);
	if (fd < 0)
		return fd;
	int r = path_of(fd, whole);
	close(fd);
	if (r == 0)
		r = path_of(root->fd, base);
	if (r < 0)
		return r;
	size_t n = strcmp(base, "/") == 0 ? 0 : strlen(base);
	if (strncmp(whole, base, n) != 0 || (whole[n] != '/' && whole[n] != '\0'))
		return -EXDEV;
	*ret = xstrdup(whole[n] ? whole + n : "/");
	return 0;
}
