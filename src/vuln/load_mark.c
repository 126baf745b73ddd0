/* SPDX-License-Identifier: ISC */
/* Whether a source may have changed since it was loaded: a hash over the names, sizes and times of its files,
 * of the proofs beside a single one, and of what it is judged by: its keyring and its declared products. */
#include "vuln/load.h"

#include "base/table.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

static const uint64_t mark_key[2] = { 0x7072617469717565, 0x736f757263650001 };

/* Order does not matter, so that no list has to be kept. */
static void add_file(uint64_t *sum, const char *path, const struct stat *st)
{
	char *text FREE_ON_EXIT = xasprintf("%s %lld %lld.%09ld %llu", path, (long long)st->st_size,
	        (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (unsigned long long)st->st_ino);
	*sum += hash_bytes(mark_key, text, strlen(text));
}

static bool add_path(uint64_t *sum, const char *path, int depth)
{
	struct stat st;
	if (depth > LOAD_DEPTH_MAX || (depth == 0 ? stat(path, &st) : lstat(path, &st)) < 0)
		return false;
	if (!S_ISDIR(st.st_mode)) {
		add_file(sum, path, &st);
		return true;
	}
	DIR *dir = opendir(path);
	if (!dir)
		return false;
	bool whole = true;
	for (struct dirent *e; whole && (e = readdir(dir));) {
		char *child FREE_ON_EXIT = xasprintf("%s/%s", path, e->d_name);
		if (e->d_name[0] != '.')
			whole = add_path(sum, child, depth + 1);
	}
	closedir(dir);
	return whole;
}

static void add_proofs(uint64_t *sum, const char *path)
{
	static const char *const suffixes[] = { ".asc", ".sha512", ".sha256" };
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		char *proof FREE_ON_EXIT = xasprintf("%s%s", path, suffixes[i]);
		(void)add_path(sum, proof, 1);
	}
}

char *load_source_mark(const struct load_source *s)
{
	bool apt = strncmp(s->from, "apt:", 4) == 0;
	char *folder FREE_ON_EXIT = apt ? xasprintf("%s/var/lib/apt/lists", s->from + 4) : xstrdup(s->from);
	uint64_t sum = 0;
	if ((s->products && !add_path(&sum, s->products, 0)) ||
	        (s->keyring && !add_path(&sum, s->keyring, 0)))
		return NULL;
	add_proofs(&sum, folder);
	return add_path(&sum, folder, 0) ? xasprintf("%s %016llx", s->from, (unsigned long long)sum) : NULL;
}
