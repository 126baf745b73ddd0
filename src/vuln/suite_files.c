/* SPDX-License-Identifier: ISC */
#include "vuln/suite_files.h"

#include "base/file.h"

#include <errno.h>
#include <string.h>

#define NAME_MAX_HERE 128 /* of a suite, a component, an architecture */

const char *const suite_packings[] = { ".xz", ".zst", ".gz", ".bz2", ".lz4", "", NULL };
const char *const suite_release_names[] = { "InRelease", "Release", "Release.gpg", NULL };

bool load_is_suite_name(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+~/");
	return n > 0 && n <= NAME_MAX_HERE && !name[n] && *name != '/' && *name != '.' &&
	        name[n - 1] != '/' && !strstr(name, "..") && !strstr(name, "//");
}

static int check_names(const struct load_source *s, struct error *err)
{
	const char *const *const lists[] = { s->components, s->architectures };
	if (!load_is_suite_name(s->suite))
		return error_set(err, -EINVAL, "\"%s\" is no name of a suite", s->suite);
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++)
		for (const char *const *name = lists[i]; name && *name; name++)
			if (!load_is_suite_name(*name))
				return error_set(err, -EINVAL,
				        "\"%s\" is no name of a component or an architecture", *name);
	return 0;
}

static int read_release(const struct load_source *s, const char *root, const char *name, char **ret_path,
        char **ret_text, size_t *ret_length, struct error *err)
{
	char *path = xasprintf("%s/dists/%s/%s", root, s->suite, name);
	int r = file_read(path, RELEASE_FILE_MAX, ret_text, ret_length, err);
	*ret_path = path;
	return r;
}

/* Release, by the signature beside it where signatures count. */
static int open_detached(const struct load_source *s, const char *root, const struct proof_keys *keys,
        time_ms now, struct release_file *ret, struct error *err)
{
	char *path FREE_ON_EXIT = NULL, *text FREE_ON_EXIT = NULL, *beside FREE_ON_EXIT = NULL,
	           *signature FREE_ON_EXIT = NULL;
	size_t length, signature_length;
	int r = read_release(s, root, "Release", &path, &text, &length, err);
	if (r < 0)
		return r;
	if (keys)
		r = read_release(s, root, "Release.gpg", &beside, &signature, &signature_length, err);
	if (r < 0)
		return error_prefix(err, -EBADMSG, "%s is not signed", path);
	r = keys ? release_file_read_detached(text, length, signature, signature_length, keys, now, ret, err)
	         : release_file_read(text, length, NULL, now, ret, err);
	return r < 0 ? error_prefix(err, r, "%s", path) : 0;
}

int suite_open(const struct load_source *s, const char *root, const struct proof_keys *keys, time_ms now,
        struct release_file *ret, struct error *err)
{
	char *path FREE_ON_EXIT = NULL, *text FREE_ON_EXIT = NULL;
	size_t length;
	struct release_file release;
	int r = check_names(s, err);
	if (r < 0)
		return r;
	r = read_release(s, root, "InRelease", &path, &text, &length, err);
	if (r == -ENOENT) {
		r = open_detached(s, root, keys, now, &release, err);
	} else if (r == 0) {
		r = release_file_read(text, length, keys, now, &release, err);
		if (r < 0)
			(void)error_prefix(err, r, "%s", path);
	}
	if (r < 0)
		return r;
	r = release_file_is_of(&release, s->suite, err);
	if (r < 0) {
		release_file_clear(&release);
		return error_prefix(err, r, "%s", path);
	}
	*ret = release;
	return 0;
}

static bool is_listed(const struct release_file *release, const char *base)
{
	struct release_entry entry;
	for (const char *const *packing = suite_packings; *packing; packing++) {
		char *path FREE_ON_EXIT = xasprintf("%s%s", base, *packing);
		if (release_file_find(release, path, &entry))
			return true;
	}
	return false;
}

/* component: of length n. Where it may be missing, nothing happens if it is. */
static int add_index(const struct release_file *release, const char *component, size_t n,
        const char *architecture, bool may_miss, struct suite_indexes *to, struct error *err)
{
	bool sources = strcmp(architecture, SUITE_SOURCES) == 0;
	char *base FREE_ON_EXIT = sources
	        ? xasprintf("%.*s/source/Sources", (int)n, component)
	        : xasprintf("%.*s/binary-%s/Packages", (int)n, component, architecture);
	if (!is_listed(release, base))
		return may_miss ? 0
		                : error_set(err, -ENOENT, "the suite has no %s; its components are \"%s\"",
		                          base, release->components);
	if (to->n == SUITE_INDEXES_MAX)
		return error_set(err, -E2BIG, "more than %d indexes", SUITE_INDEXES_MAX);
	to->items[to->n++] = (struct suite_index){ TAKE_POINTER(base), sources };
	return 0;
}

/* The components that the source names, else all that the suite has ("updates/main" is "main"). */
static int add_components(const struct load_source *s, const struct release_file *release,
        const char *architecture, struct suite_indexes *to, struct error *err)
{
	static const char updates[] = "updates/";
	int r = 0;
	for (const char *const *c = s->components; r == 0 && c && *c; c++)
		r = add_index(release, *c, strlen(*c), architecture, false, to, err);
	if (s->components && *s->components)
		return r;
	const char *at = release->components;
	for (size_t n; r == 0 && *(at += strspn(at, " \t")); at += n) {
		n = strcspn(at, " \t");
		size_t skip = n > strlen(updates) && strncmp(at, updates, strlen(updates)) == 0
		        ? strlen(updates)
		        : 0;
		r = add_index(release, at + skip, n - skip, architecture, true, to, err);
	}
	return r;
}

int suite_find_indexes(const struct load_source *s, const struct release_file *release,
        struct suite_indexes *ret, struct error *err)
{
	static const char *const sources[] = { SUITE_SOURCES, NULL };
	const char *const *a = s->architectures && *s->architectures ? s->architectures : sources;
	int r = 0;
	ret->n = 0;
	for (; r == 0 && *a; a++)
		r = add_components(s, release, *a, ret, err);
	if (r == 0 && ret->n == 0)
		r = error_set(err, -ENOENT, "the suite lists no index of its components \"%s\"",
		        release->components);
	if (r < 0)
		suite_clear_indexes(ret);
	return r;
}

void suite_clear_indexes(struct suite_indexes *indexes)
{
	for (size_t i = 0; i < indexes->n; i++)
		free(indexes->items[i].base);
	indexes->n = 0;
}

int suite_check_file(const char *path, const struct release_entry *entry, struct error *err)
{
	char *bytes FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(path, entry->size, &bytes, &length, err);
	if (r < 0 && r != -EFBIG)
		return r;
	if (r == -EFBIG || length != entry->size ||
	        !proof_digest_is(PROOF_SHA256, entry->hash, RELEASE_HASH_DIGITS, bytes, length))
		return error_set(err, -EBADMSG, "%s is not the one that the Release file lists", path);
	return 0;
}
