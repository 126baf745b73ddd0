/* SPDX-License-Identifier: ISC */
#include "vuln/load.h"

#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define APT_PREFIX "apt:"
#define PROGRESS_EVERY 256 /* records */
#define BLOCK_SIZE 65536

static const char *const suffixes[] = { ".gz", ".xz", ".bz2", ".zst", ".lz4", ".tar", ".tgz", ".txz", ".zip",
	".json" };

void load_report_clear(struct load_report *report)
{
	for (size_t i = 0; i < LOAD_REFUSED_KEPT; i++)
		free(report->first_refused[i]);
	memset(report, 0, sizeof(*report));
}

void load_note_refused(struct load_report *report, const char *what, const char *why)
{
	if (report->refused < LOAD_REFUSED_KEPT)
		report->first_refused[report->refused] = xasprintf("%s: %s", what, why);
	report->refused++;
}

static bool ends_with(const char *s, size_t n, const char *suffix)
{
	size_t n_suffix = strlen(suffix);
	return n > n_suffix && strncmp(s + n - n_suffix, suffix, n_suffix) == 0;
}

/* The last part of the path without what says how it is packed. */
static char *name_of_path(const char *path)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	const char *slash = memrchr(path, '/', n);
	const char *name = slash && n > 1 ? slash + 1 : path;
	n -= (size_t)(name - path);
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++)
		if (ends_with(name, n, suffixes[i]))
			n -= strlen(suffixes[i]);
	return xstrndup(name, MIN(n, (size_t)RECORD_SOURCE_MAX - 1));
}

char *load_source_name(const char *spec, const char **ret_path)
{
	size_t n = strcspn(spec, "=/:");
	*ret_path = spec;
	if (n > 0 && n < RECORD_SOURCE_MAX && spec[n] == '=') {
		*ret_path = spec + n + 1;
		return xstrndup(spec, n);
	}
	if (strncmp(spec, APT_PREFIX, strlen(APT_PREFIX)) == 0)
		return xstrdup("debian-security (apt)");
	return name_of_path(spec);
}

static int put_text(
        const struct load *l, const char *source, const char *where, const char *text, size_t length)
{
	struct error why;
	l->report->read++;
	if (vuln_update_put(l->update, source, text, length, &why) < 0)
		load_note_refused(l->report, where, why.text);
	else
		l->report->loaded++;
	l->report->withdrawn = vuln_update_counts(l->update)->withdrawn;
	if (l->progress && l->report->read % PROGRESS_EVERY == 0)
		l->progress(l->report, l->context);
	return l->report->read > LOAD_RECORDS_MAX ? -E2BIG : 0;
}

static int load_file(
        const struct load *l, const char *source, const char *path, uint64_t *total, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	struct error why;
	int r = file_read(path, OSV_RECORD_MAX, &text, &length, &why);
	if (r < 0) {
		l->report->read++;
		load_note_refused(l->report, path, why.text);
		return 0;
	}
	*total += length;
	r = *total > LOAD_TOTAL_MAX ? -E2BIG : put_text(l, source, path, text, length);
	return r < 0 ? error_set(err, r, "%s: more than %llu records or %llu bytes", source,
	                       (unsigned long long)LOAD_RECORDS_MAX, (unsigned long long)LOAD_TOTAL_MAX)
	             : 0;
}

/* Symbolic links are not followed, so that a folder cannot lead out of itself. */
static int load_folder(const struct load *l, const char *source, const char *path, int depth, uint64_t *total,
        struct error *err)
{
	struct dirent **entries;
	if (depth > LOAD_DEPTH_MAX)
		return error_set(err, -ELOOP, "%s: more than %d folders deep", path, LOAD_DEPTH_MAX);
	int n = scandir(path, &entries, NULL, alphasort), r = 0;
	if (n < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		struct stat st;
		char *child FREE_ON_EXIT = xasprintf("%s/%s", path, entries[i]->d_name);
		bool hidden = entries[i]->d_name[0] == '.';
		free(entries[i]);
		if (r < 0 || hidden || lstat(child, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			r = load_folder(l, source, child, depth + 1, total, err);
		else if (S_ISREG(st.st_mode) && ends_with(child, strlen(child), ".json"))
			r = load_file(l, source, child, total, err);
	}
	free(entries);
	return r;
}

/* The data of one archive entry; -EFBIG above the limit of a record. */
static int read_entry(struct archive *a, struct writer *w)
{
	wr_reset(w);
	for (;;) {
		char block[BLOCK_SIZE];
		ssize_t n = archive_read_data(a, block, sizeof(block));
		if (n == 0)
			return wr_failed(w) ? -EFBIG : 0;
		if (n < 0)
			return -EIO;
		wr_bytes(w, block, (size_t)n);
		if (wr_failed(w))
			return -EFBIG;
	}
}

static int load_entries(const struct load *l, const char *source, struct archive *a, struct writer *w,
        const char *path, struct error *err)
{
	struct archive_entry *entry;
	uint64_t total = 0;
	int code;
	while ((code = archive_read_next_header(a, &entry)) == ARCHIVE_OK || code == ARCHIVE_WARN) {
		const char *name = archive_entry_pathname(entry);
		if (archive_entry_filetype(entry) != AE_IFREG || !name ||
		        !ends_with(name, strlen(name), ".json"))
			continue;
		int r = read_entry(a, w);
		if (r == -EFBIG) {
			l->report->read++;
			load_note_refused(l->report, name, "larger than a record may be");
		} else if (r < 0) {
			return error_set(err, r, "%s: %s: %s", path, name, archive_error_string(a));
		} else if (put_text(l, source, name, (const char *)w->data, w->length) < 0) {
			return error_set(err, -E2BIG, "%s: more records than are allowed", path);
		}
		total += w->length;
		if (total > LOAD_TOTAL_MAX)
			return error_set(err, -E2BIG, "%s: unpacks to more than %llu bytes", path,
			        (unsigned long long)LOAD_TOTAL_MAX);
	}
	if (code != ARCHIVE_EOF)
		return error_set(err, -EIO, "%s: %s", path, archive_error_string(a));
	return 0;
}

static int load_archive(const struct load *l, const char *source, const char *path, struct error *err)
{
	struct archive *a = archive_read_new();
	struct writer w = wr_make(OSV_RECORD_MAX);
	if (!a)
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	archive_read_support_filter_all(a);
	archive_read_support_format_tar(a);
	archive_read_support_format_zip(a);
	int r;
	if (archive_read_open_filename(a, path, BLOCK_SIZE) != ARCHIVE_OK)
		r = error_set(err, -EINVAL, "%s: neither a folder nor a .json, .zip or .tar file: %s", path,
		        archive_error_string(a));
	else
		r = load_entries(l, source, a, &w, path, err);
	archive_read_free(a);
	wr_free(&w);
	return r;
}

int load_source(const struct load *l, const char *spec, struct error *err)
{
	const char *path;
	char *name FREE_ON_EXIT = load_source_name(spec, &path);
	struct stat st;
	uint64_t total = 0;
	if (strncmp(path, APT_PREFIX, strlen(APT_PREFIX)) == 0)
		return load_apt(l, name, path + strlen(APT_PREFIX), err);
	if (stat(path, &st) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return load_folder(l, name, path, 0, &total, err);
	if (ends_with(path, strlen(path), ".json"))
		return load_file(l, name, path, &total, err);
	return load_archive(l, name, path, err);
}
