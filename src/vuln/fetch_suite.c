/* SPDX-License-Identifier: ISC */
/*
 * A suite of an archive behind a URL (fetch_mirror.h). Its Release file is accepted when its signature is
 * right, it is of this suite, has not expired, is no older than the one that was accepted before, and all its
 * indexes are here. An index that is here already is not fetched again, whatever the server says of its age;
 * one that is fetched is asked for by its digest where the archive has such names, so that a server that
 * changes meanwhile does not matter.
 */
#include "vuln/fetch_mirror.h"
#include "vuln/suite_files.h"

#include <errno.h>
#include <string.h>

struct mirror {
	struct fetch_mirror m;
	const struct load_source *s;
};

static char *name_in_archive(const struct mirror *m, const char *name)
{
	return xasprintf("dists/%s/%s", m->s->suite, name);
}

static int fetch_release_file(const struct mirror *m, const char *name, struct error *err)
{
	char *path FREE_ON_EXIT = name_in_archive(m, name);
	return fetch_mirror_get(&m->m, path, path, RELEASE_FILE_MAX, err);
}

static void forget_release(const struct mirror *m)
{
	for (const char *const *name = suite_release_names; *name; name++) {
		char *path FREE_ON_EXIT = name_in_archive(m, *name);
		fetch_mirror_forget(&m->m, path);
	}
}

static int fetch_release(const struct mirror *m, struct error *err)
{
	int r = fetch_release_file(m, "InRelease", err);
	if (r != FETCH_ABSENT)
		return r < 0 ? r : 0;
	r = fetch_release_file(m, "Release", err);
	if (r == FETCH_ABSENT)
		return error_set(err, -ENOENT,
		        "%s/dists/%s: neither an InRelease nor a Release file is there", m->m.base,
		        m->s->suite);
	if (r >= 0 && m->s->keyring)
		r = fetch_release_file(m, "Release.gpg", err);
	return r < 0 ? r : 0;
}

/* Whoever serves an older one would undo what was known; one of the future would forbid all that follow. */
static int refuse_other_times(const struct mirror *m, const struct release_file *release, struct error *err)
{
	char is[CLOCK_TEXT_SIZE], was[CLOCK_TEXT_SIZE];
	struct release_file before;
	if (!release->date)
		return error_set(err, -EBADMSG, "%s: the Release file has no date", m->m.base);
	if (m->s->now && release->date > m->s->now + FETCH_AHEAD_MAX_MS)
		return error_set(err, -EBADMSG, "%s: the Release file is of %s, which is not yet", m->m.base,
		        clock_format(release->date, is));
	if (suite_open(m->s, m->m.current, NULL, 0, &before, NULL) < 0)
		return 0;
	time_ms last = before.date;
	release_file_clear(&before);
	if (release->date >= last)
		return 0;
	return error_set(err, -ESTALE, "%s: the Release file is of %s, and one of %s was accepted before",
	        m->m.base, clock_format(release->date, is), clock_format(last, was));
}

/* By the name of its digest, else by its own. An outcome of fetch_file(). */
static int fetch_listed(const struct mirror *m, const struct release_file *release, const char *listed,
        const struct release_entry *entry, struct error *err)
{
	const char *slash = strrchr(listed, '/');
	char *name FREE_ON_EXIT = name_in_archive(m, listed);
	char *by_hash FREE_ON_EXIT = xasprintf("dists/%s/%.*s/by-hash/SHA256/%.*s", m->s->suite,
	        (int)(slash - listed), listed, RELEASE_HASH_DIGITS, entry->hash);
	fetch_mirror_forget(&m->m, name);
	int r = release->by_hash ? fetch_mirror_get(&m->m, by_hash, name, (int64_t)entry->size, err)
	                         : FETCH_ABSENT;
	return r == FETCH_ABSENT ? fetch_mirror_get(&m->m, name, name, (int64_t)entry->size, err) : r;
}

static int fetch_packed(const struct mirror *m, const struct release_file *release, const char *listed,
        const struct release_entry *entry, struct error *err)
{
	char *name FREE_ON_EXIT = name_in_archive(m, listed),
	           *next FREE_ON_EXIT = xasprintf("%s/%s", m->m.next, name);
	if (entry->size > SUITE_INDEX_MAX)
		return error_set(err, -EFBIG, "%s/%s: an index of more than %llu bytes", m->m.base, name,
		        (unsigned long long)SUITE_INDEX_MAX);
	int r = fetch_listed(m, release, listed, entry, err);
	if (r < 0 || r == FETCH_ABSENT)
		return r;
	if (suite_check_file(next, entry, NULL) == 0)
		return fetch_mirror_move(&m->m, name, err);
	fetch_mirror_forget(&m->m, name);
	return error_set(err, -EBADMSG, "%s/%s: what the server sends is not what the Release file lists",
	        m->m.base, name);
}

static bool is_here(const struct mirror *m, const struct release_file *release, const char *base)
{
	struct release_entry entry;
	for (const char *const *packing = suite_packings; *packing; packing++) {
		char *listed FREE_ON_EXIT = xasprintf("%s%s", base, *packing);
		char *path FREE_ON_EXIT = xasprintf("%s/dists/%s/%s", m->m.current, m->s->suite, listed);
		if (release_file_find(release, listed, &entry) && entry.size <= SUITE_INDEX_MAX &&
		        suite_check_file(path, &entry, NULL) == 0)
			return true;
	}
	return false;
}

static int fetch_index(
        const struct mirror *m, const struct release_file *release, const char *base, struct error *err)
{
	struct release_entry entry;
	int r = FETCH_ABSENT;
	if (is_here(m, release, base))
		return 0;
	for (const char *const *packing = suite_packings; r == FETCH_ABSENT && *packing; packing++) {
		char *listed FREE_ON_EXIT = xasprintf("%s%s", base, *packing);
		if (release_file_find(release, listed, &entry))
			r = fetch_packed(m, release, listed, &entry, err);
	}
	if (r == FETCH_ABSENT)
		return error_set(err, -ENOENT,
		        "%s/dists/%s/%s: it is listed, and the server does not have it", m->m.base,
		        m->s->suite, base);
	return r;
}

static int fetch_indexes(const struct mirror *m, const struct release_file *release, struct error *err)
{
	struct suite_indexes indexes;
	int r = suite_find_indexes(m->s, release, &indexes, err);
	if (r < 0)
		return error_prefix(err, r, "%s", m->m.base);
	for (size_t i = 0; r == 0 && i < indexes.n; i++)
		r = fetch_index(m, release, indexes.items[i].base, err);
	suite_clear_indexes(&indexes);
	return r;
}

static int accept_release(const struct mirror *m, struct error *err)
{
	int r = 0;
	for (const char *const *name = suite_release_names; r == 0 && *name; name++) {
		char *path FREE_ON_EXIT = name_in_archive(m, *name);
		r = fetch_mirror_accept(&m->m, path, RELEASE_FILE_MAX, err);
	}
	return r;
}

static int mirror_suite(const struct mirror *m, const struct proof_keys *keys, struct error *err)
{
	struct release_file release;
	int r = fetch_release(m, err);
	if (r < 0)
		return r;
	r = suite_open(m->s, m->m.next, keys, m->s->now, &release, err);
	if (r < 0)
		(void)error_prefix(err, r, "%s", m->m.base);
	bool opened = r == 0;
	if (opened)
		r = refuse_other_times(m, &release, err);
	if (r < 0)
		forget_release(m);
	if (r == 0)
		r = fetch_indexes(m, &release, err);
	if (r == 0)
		r = accept_release(m, err);
	if (opened)
		release_file_clear(&release);
	return r;
}

int load_fetch_suite(
        struct fetch *f, const struct load_source *s, const char *folder, char **ret_from, struct error *err)
{
	struct proof_keys *keys = NULL;
	struct mirror m = { .s = s };
	if (!s->suite || !load_is_suite_name(s->suite))
		return error_set(
		        err, -EINVAL, "%s: of an archive a suite must be named (bookworm-security)", s->from);
	int r = load_open_keys(s, &keys, err);
	if (r == 0)
		r = fetch_mirror_open(f, s->from, folder, &m.m, err);
	if (r == 0)
		r = mirror_suite(&m, keys, err);
	if (r == 0)
		*ret_from = TAKE_POINTER(m.m.current);
	fetch_mirror_close(&m.m);
	proof_keys_close(keys);
	return r;
}
