/* SPDX-License-Identifier: ISC */
#include "vuln/update.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LOCK_NAME "vis.lock"

static int complain(const char *dir, const char *path, int fd, int code, struct error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if ((code == -EAGAIN || code == -EACCES) && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		return error_set(err, -EBUSY,
		        "another pratique-vis (process %d) keeps the index %s, and it alone changes it: give "
		        "it "
		        "the sources (vis.conf), stop it, or take another index",
		        (int)lock.l_pid, dir);
	return error_set(err, code, "%s: cannot be locked: %s", path, strerror(-code));
}

int vuln_index_lock(const char *dir, bool make, int *ret_fd, struct error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char *path FREE_ON_EXIT = xasprintf("%s/" LOCK_NAME, dir);
	int r = make ? file_make_directory(dir, 0755, err) : 0;
	if (r < 0)
		return r;
	int fd = open(path, O_RDWR | (make ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 && !make && errno == ENOENT) {
		*ret_fd = -1;
		return 0;
	}
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fcntl(fd, F_SETLK, &lock) < 0) {
		r = complain(dir, path, fd, -errno, err);
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}
