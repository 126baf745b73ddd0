/* SPDX-License-Identifier: ISC */
/* Accounts with an empty password. The hashes of shadow(5) pass through one buffer, which is wiped. */
#include "agent/collect.h"

#include "posture/accounts.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct secret {
	char *data;
	size_t length, size;
};

static void secret_clear(struct secret *s)
{
	if (!s->data)
		return;
	explicit_bzero(s->data, s->size);
	free(s->data);
}

/* Into one piece of memory from the beginning, so that nothing of it stays behind where a buffer has grown.
 */
static int read_secret(const struct root *root, const char *path, struct secret *ret, struct error *err)
{
	int fd, r = root_open_file(root, path, &fd, err);
	struct stat st;
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > ACCOUNTS_FILE_MAX) {
		close(fd);
		return error_set(err, -EINVAL, "%s%s is no file, or larger than %u bytes", root->path, path,
		        ACCOUNTS_FILE_MAX);
	}
	ret->size = (size_t)st.st_size + 1;
	ret->data = xmalloc(ret->size);
	for (ssize_t n = 1; n > 0 && ret->length < (size_t)st.st_size;
	        ret->length += (size_t)MAX(n, (ssize_t)0)) {
		n = read(fd, ret->data + ret->length, (size_t)st.st_size - ret->length);
		if (n < 0)
			r = error_set(err, -errno, "%s%s: %s", root->path, path, strerror(errno));
	}
	close(fd);
	return r;
}

void collect_accounts(const struct root *root, struct posture *p)
{
	struct secret passwd CLEANUP(secret_clear) = { 0 }, shadow CLEANUP(secret_clear) = { 0 };
	struct error err;
	int r = read_secret(root, "/etc/passwd", &passwd, &err);
	if (r == 0)
		r = read_secret(root, "/etc/shadow", &shadow, &err);
	if (r < 0)
		(void)posture_add_unknown(p, "accounts.passwordless", "%s", err.text);
	else
		accounts_read_text(p, passwd.data, passwd.length, shadow.data, shadow.length);
}
