/* SPDX-License-Identifier: ISC */
/*
 * A suite of an archive behind a URL, into a folder that then looks like that archive as far as it matters.
 *
 *   FOLDER/next/dists/SUITE/InRelease      as the server has it now
 *   FOLDER/current/dists/SUITE/InRelease   the one that was accepted last, and the indexes that it lists
 *
 * A Release file is accepted when its signature is right, it is of this suite, has not expired, is no older
 * than the one that was accepted before, and all its indexes are here. An index that is here already is not
 * fetched again, whatever the server says of its age; one that is fetched is asked for by its digest where
 * the archive has such names, so that a server that changes meanwhile does not matter.
 */
#include "vuln/suite_files.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AHEAD_MAX_MS 86400000 /* how far the publisher's clock may be before ours */

struct mirror {
	struct fetch *f;
	const struct load_source *s;
	char *base;           /* of URLs: "http://deb.example/debian-security/dists/bookworm-security" */
	char *next, *current; /* roots of archives */
};

static int make_folder_of(const char *path, struct error *err)
{
	char *folder FREE_ON_EXIT = xstrdup(path);
	*strrchr(folder, '/') = '\0';
	return file_make_directory(folder, 0755, err);
}

static char *file_in(const struct mirror *m, const char *root, const char *name)
{
	return xasprintf("%s/dists/%s/%s", root, m->s->suite, name);
}

/* One of the Release files; what the server does not have is not kept from earlier. */
static int fetch_release_file(const struct mirror *m, const char *name, struct error *err)
{
	char *url FREE_ON_EXIT = xasprintf("%s/%s", m->base, name),
	          *path FREE_ON_EXIT = file_in(m, m->next, name);
	int r = make_folder_of(path, err);
	if (r == 0)
		r = fetch_file(m->f, url, path, RELEASE_FILE_MAX, err);
	if (r == FETCH_ABSENT)
		fetch_forget(path);
	return r;
}

static void forget_release(const struct mirror *m)
{
	for (const char *const *name = suite_release_names; *name; name++) {
		char *path FREE_ON_EXIT = file_in(m, m->next, *name);
		fetch_forget(path);
	}
}

static int fetch_release(const struct mirror *m, struct error *err)
{
	int r = fetch_release_file(m, "InRelease", err);
	if (r != FETCH_ABSENT)
		return r < 0 ? r : 0;
	r = fetch_release_file(m, "Release", err);
	if (r == FETCH_ABSENT)
		return error_set(
		        err, -ENOENT, "%s: neither an InRelease nor a Release file is there", m->base);
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
		return error_set(err, -EBADMSG, "%s: the Release file has no date", m->base);
	if (m->s->now && release->date > m->s->now + AHEAD_MAX_MS)
		return error_set(err, -EBADMSG, "%s: the Release file is of %s, which is not yet", m->base,
		        clock_format(release->date, is));
	if (suite_open(m->s, m->current, NULL, 0, &before, NULL) < 0)
		return 0;
	time_ms last = before.date;
	release_file_clear(&before);
	if (release->date >= last)
		return 0;
	return error_set(err, -ESTALE, "%s: the Release file is of %s, and one of %s was accepted before",
	        m->base, clock_format(release->date, is), clock_format(last, was));
}

/* By the name of its digest, else by its own. An outcome of fetch_file(). */
static int fetch_listed(const struct mirror *m, const struct release_file *release, const char *listed,
        const struct release_entry *entry, const char *to, struct error *err)
{
	const char *slash = strrchr(listed, '/');
	char *by_hash FREE_ON_EXIT = xasprintf("%s/%.*s/by-hash/SHA256/%.*s", m->base, (int)(slash - listed),
	        listed, RELEASE_HASH_DIGITS, entry->hash);
	char *by_name FREE_ON_EXIT = xasprintf("%s/%s", m->base, listed);
	int r = make_folder_of(to, err);
	fetch_forget(to);
	if (r == 0)
		r = release->by_hash ? fetch_file(m->f, by_hash, to, (int64_t)entry->size, err)
		                     : FETCH_ABSENT;
	return r == FETCH_ABSENT ? fetch_file(m->f, by_name, to, (int64_t)entry->size, err) : r;
}

static int fetch_packed(const struct mirror *m, const struct release_file *release, const char *listed,
        const struct release_entry *entry, struct error *err)
{
	char *to FREE_ON_EXIT = file_in(m, m->next, listed),
	         *current FREE_ON_EXIT = file_in(m, m->current, listed);
	if (entry->size > SUITE_INDEX_MAX)
		return error_set(err, -EFBIG, "%s/%s: an index of more than %llu bytes", m->base, listed,
		        (unsigned long long)SUITE_INDEX_MAX);
	int r = fetch_listed(m, release, listed, entry, to, err);
	if (r < 0 || r == FETCH_ABSENT)
		return r;
	r = suite_check_file(to, entry, err);
	if (r < 0)
		(void)error_set(err, -EBADMSG,
		        "%s/%s: what the server sends is not what the Release file lists", m->base, listed);
	else
		r = make_folder_of(current, err);
	if (r == 0 && rename(to, current) < 0)
		r = error_set(err, -errno, "%s: %s", current, strerror(errno));
	fetch_forget(to);
	return r;
}

static bool is_here(const struct mirror *m, const struct release_file *release, const char *base)
{
	struct release_entry entry;
	for (const char *const *packing = suite_packings; *packing; packing++) {
		char *listed FREE_ON_EXIT = xasprintf("%s%s", base, *packing);
		char *path FREE_ON_EXIT = file_in(m, m->current, listed);
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
		return error_set(
		        err, -ENOENT, "%s/%s: it is listed, and the server does not have it", m->base, base);
	return r;
}

static int fetch_indexes(const struct mirror *m, const struct release_file *release, struct error *err)
{
	struct suite_indexes indexes;
	int r = suite_find_indexes(m->s, release, &indexes, err);
	if (r < 0)
		return error_prefix(err, r, "%s", m->base);
	for (size_t i = 0; r == 0 && i < indexes.n; i++)
		r = fetch_index(m, release, indexes.items[i].base, err);
	suite_clear_indexes(&indexes);
	return r;
}

/* The Release files of next are those of current. */
static int accept_release(const struct mirror *m, struct error *err)
{
	int r = 0;
	for (const char *const *name = suite_release_names; r == 0 && *name; name++) {
		char *from FREE_ON_EXIT = file_in(m, m->next, *name),
		           *to FREE_ON_EXIT = file_in(m, m->current, *name);
		char *text FREE_ON_EXIT = NULL, *before FREE_ON_EXIT = NULL;
		size_t length, before_length;
		r = file_read(from, RELEASE_FILE_MAX, &text, &length, err);
		bool same = r == 0 && file_read(to, RELEASE_FILE_MAX, &before, &before_length, NULL) == 0 &&
		        before_length == length && memcmp(before, text, length) == 0;
		if (r == -ENOENT)
			r = unlink(to) == 0 || errno == ENOENT ? 0 : -errno;
		else if (r == 0 && !same)
			r = file_replace(to, text, length, 0644, err);
	}
	return r;
}

static int mirror_suite(const struct mirror *m, const struct proof_keys *keys, struct error *err)
{
	struct release_file release;
	int r = fetch_release(m, err);
	if (r < 0)
		return r;
	r = suite_open(m->s, m->next, keys, m->s->now, &release, err);
	if (r < 0)
		(void)error_prefix(err, r, "%s", m->base);
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
	size_t n = strcspn(s->from, "?#");
	if (!s->suite || !load_is_suite_name(s->suite))
		return error_set(
		        err, -EINVAL, "%s: of an archive a suite must be named (bookworm-security)", s->from);
	if (s->from[n])
		return error_set(err, -EINVAL, "%s: an archive's address has no \"%c\"", s->from, s->from[n]);
	while (n > 0 && s->from[n - 1] == '/')
		n--;
	int r = load_open_keys(s, &keys, err);
	if (r < 0)
		return r;
	struct mirror m = { .f = f,
		.s = s,
		.base = xasprintf("%.*s/dists/%s", (int)n, s->from, s->suite),
		.next = xasprintf("%s/next", folder),
		.current = xasprintf("%s/current", folder) };
	r = mirror_suite(&m, keys, err);
	proof_keys_close(keys);
	free(m.base);
	free(m.next);
	if (r == 0)
		*ret_from = TAKE_POINTER(m.current);
	free(m.current);
	return r;
}
