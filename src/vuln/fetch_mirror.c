/* SPDX-License-Identifier: ISC */
#include "vuln/fetch_mirror.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int fetch_mirror_open(
        struct fetch *f, const char *url, const char *folder, struct fetch_mirror *ret, struct error *err)
{
	size_t n = strcspn(url, "?#");
	if (url[n])
		return error_set(err, -EINVAL, "%s: an address of many files has no \"%c\"", url, url[n]);
	while (n > 0 && url[n - 1] == '/')
		n--;
	*ret = (struct fetch_mirror){ .f = f,
		.base = xstrndup(url, n),
		.next = xasprintf("%s/next", folder),
		.current = xasprintf("%s/current", folder) };
	return 0;
}

void fetch_mirror_close(struct fetch_mirror *m)
{
	free(m->base);
	free(m->next);
	free(m->current);
	*m = (struct fetch_mirror){ .f = NULL };
}

static int make_folder_of(const char *path, struct error *err)
{
	char *folder FREE_ON_EXIT = xstrdup(path);
	*strrchr(folder, '/') = '\0';
	return file_make_directory(folder, 0755, err);
}

int fetch_mirror_get(
        const struct fetch_mirror *m, const char *name, const char *as, int64_t limit, struct error *err)
{
	char *url FREE_ON_EXIT = xasprintf("%s/%s", m->base, name);
	char *path FREE_ON_EXIT = xasprintf("%s/%s", m->next, as);
	int r = make_folder_of(path, err);
	if (r == 0)
		r = fetch_file(m->f, url, path, limit, err);
	if (r == FETCH_ABSENT)
		fetch_forget(path);
	return r;
}

void fetch_mirror_forget(const struct fetch_mirror *m, const char *name)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", m->next, name);
	fetch_forget(path);
}

int fetch_mirror_move(const struct fetch_mirror *m, const char *name, struct error *err)
{
	char *from FREE_ON_EXIT = xasprintf("%s/%s", m->next, name);
	char *to FREE_ON_EXIT = xasprintf("%s/%s", m->current, name);
	int r = make_folder_of(to, err);
	if (r == 0 && rename(from, to) < 0)
		r = error_set(err, -errno, "%s: %s", to, strerror(errno));
	fetch_forget(from);
	return r;
}

int fetch_mirror_accept(const struct fetch_mirror *m, const char *name, size_t limit, struct error *err)
{
	char *from FREE_ON_EXIT = xasprintf("%s/%s", m->next, name);
	char *to FREE_ON_EXIT = xasprintf("%s/%s", m->current, name);
	char *text FREE_ON_EXIT = NULL, *before FREE_ON_EXIT = NULL;
	size_t length, before_length;
	int r = file_read(from, limit, &text, &length, err);
	if (r == -ENOENT)
		return unlink(to) == 0 || errno == ENOENT
		        ? 0
		        : error_set(err, -errno, "%s: %s", to, strerror(errno));
	if (r < 0)
		return r;
	if (file_read(to, limit, &before, &before_length, NULL) == 0 && before_length == length &&
	        memcmp(before, text, length) == 0)
		return 0;
	r = make_folder_of(to, err);
	return r == 0 ? file_replace(to, text, length, 0644, err) : r;
}
