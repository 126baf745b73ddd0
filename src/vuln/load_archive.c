/* SPDX-License-Identifier: ISC */
/*
 * Documents in archives. Nothing is unpacked to the disk: an entry's name is a name in words only, and still
 * one that leads out of the archive is refused, for it is nobody's honest mistake. The proofs of documents
 * may stand behind them, so an archive of a source that wants proofs is read twice: proofs first.
 */
#include "vuln/load_private.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK_SIZE 65536

/* total: bytes that were unpacked so far. */
static bool is_bomb(struct archive *a, uint64_t total)
{
	uint64_t packed = (uint64_t)MAX(archive_filter_bytes(a, -1), 1);
	return total > LOAD_TOTAL_MAX || (total > LOAD_RATIO_FREE && total / packed > LOAD_RATIO_MAX);
}

/* The bytes of an entry, within limits that hold for the whole archive. -EFBIG: it is larger than limit;
 * -E2BIG: the archive unpacks too well or too large; -EIO: it is broken. */
static int read_entry(struct archive *a, struct writer *w, uint64_t *total)
{
	wr_reset(w);
	for (;;) {
		char block[BLOCK_SIZE];
		ssize_t n = archive_read_data(a, block, sizeof(block));
		if (n == 0)
			break;
		if (n < 0)
			return -EIO;
		*total += (uint64_t)n;
		if (is_bomb(a, *total))
			return -E2BIG;
		wr_bytes(w, block, (size_t)n);
		if (wr_failed(w))
			return -EFBIG;
	}
	size_t length = w->length;
	wr_u8(w, 0);
	w->length = length;
	return wr_failed(w) ? -EFBIG : 0;
}

static int complain(const char *path, struct archive *a, int r, struct error *err)
{
	if (r == -E2BIG)
		return error_set(err, r,
		        "%s: it unpacks to more than %llu bytes, or to more than %d times its size", path,
		        (unsigned long long)LOAD_TOTAL_MAX, LOAD_RATIO_MAX);
	return error_set(
	        err, r, "%s: %s", path, archive_error_string(a) ? archive_error_string(a) : strerror(-r));
}

static struct archive *open_archive(const char *path, bool raw, struct error *err)
{
	struct archive *a = archive_read_new();
	if (!a) {
		(void)error_set(err, -ENOMEM, "%s: out of memory", path);
		return NULL;
	}
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_lz4(a);
	if (raw) {
		archive_read_support_format_raw(a);
		archive_read_support_format_empty(a);
	} else {
		archive_read_support_format_tar(a);
		archive_read_support_format_zip(a);
	}
	if (archive_read_open_filename(a, path, BLOCK_SIZE) == ARCHIVE_OK)
		return a;
	(void)error_set(err, -EINVAL, "%s: %s%s", path,
	        raw ? ""
	            : "neither a folder nor a .zip or .tar file, nor by its name a document of the kind "
	              "(--kind): ",
	        archive_error_string(a));
	archive_read_free(a);
	return NULL;
}

int load_unpack(const char *path, size_t limit, char **ret_text, size_t *ret_length, struct error *err)
{
	struct archive_entry *entry;
	struct archive *a = open_archive(path, true, err);
	struct writer w = wr_make(limit + 1);
	uint64_t total = 0;
	if (!a)
		return -EBADMSG;
	int code = archive_read_next_header(a, &entry);
	int r = code == ARCHIVE_OK || code == ARCHIVE_WARN ? read_entry(a, &w, &total)
	        : code == ARCHIVE_EOF                      ? 0
	                                                   : -EIO;
	if (r == -EFBIG)
		error_set(err, r, "%s: unpacked, it is larger than %zu bytes", path, limit);
	else if (r < 0)
		(void)complain(path, a, r, err);
	r = r < 0 && r != -EFBIG ? -EBADMSG : r;
	archive_read_free(a);
	if (r == 0) {
		if (w.length == 0)
			wr_u8(&w, 0), w.length = 0;
		*ret_length = w.length;
		size_t ignored;
		*ret_text = (char *)wr_take(&w, &ignored);
	}
	wr_free(&w);
	return r;
}

/* A name of this archive's own: relative, and never upwards. */
static bool stays_inside(const char *name)
{
	if (*name == '/' || strchr(name, '\\'))
		return false;
	for (const char *at = name; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
			return false;
	}
	return true;
}

static bool is_archive_name(const char *name)
{
	static const char *const endings[] = { ".zip", ".tar", ".tgz", ".txz", ".tar.gz", ".tar.xz",
		".tar.bz2", ".tar.zst" };
	size_t n = strlen(name);
	for (size_t i = 0; i < ARRAY_LENGTH(endings); i++)
		if (n > strlen(endings[i]) && strcmp(name + n - strlen(endings[i]), endings[i]) == 0)
			return true;
	return false;
}

static const struct load_sidecar *find_sidecar(const char *name, void *reading)
{
	const struct load_reading *r = reading;
	return r->sidecars ? table_get_string(r->sidecars, name) : NULL;
}

static int keep_sidecar(struct load_reading *r, const char *name, const struct writer *w, struct error *err)
{
	if (table_count(r->sidecars) >= LOAD_SIDECARS_MAX ||
	        r->sidecar_bytes + w->length > LOAD_SIDECAR_BYTES_MAX)
		return error_set(err, -E2BIG, "%s: more than %d proofs or %u bytes of them", r->source->from,
		        LOAD_SIDECARS_MAX, LOAD_SIDECAR_BYTES_MAX);
	struct load_sidecar *s = xmalloc(sizeof(*s) + w->length);
	s->length = w->length;
	if (w->length)
		memcpy(s->bytes, w->data, w->length);
	r->sidecar_bytes += w->length;
	free(table_set_string(r->sidecars, name, s));
	return 0;
}

/* What an entry is to this reading. */
enum role { PASSED_OVER, DOCUMENT, PROOF, OUTSIDE, NESTED, NAMELESS };

static enum role role_of(const struct load_reading *r, struct archive_entry *entry, const char *name)
{
	bool packed;
	if (name && !stays_inside(name))
		return OUTSIDE;
	if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
		return PASSED_OVER;
	if (!name)
		return NAMELESS;
	if (is_archive_name(name))
		return NESTED;
	if (load_is_document(r->kind, name, &packed))
		return packed ? NESTED : DOCUMENT;
	return load_is_sidecar(name) ? PROOF : PASSED_OVER;
}

static int take_document(struct load_reading *r, struct archive *a, struct archive_entry *entry,
        const char *name, struct writer *w, struct error *err)
{
	uint64_t before = r->bytes, total = before;
	w->limit = r->kind->document_max + 1;
	int result = read_entry(a, w, &total);
	if (result == -EFBIG) {
		load_refuse_document(r, name, "larger than a document of its kind may be");
		return load_count(r, total - before, err);
	}
	if (result < 0)
		return complain(r->source->from, a, result, err);
	const struct load_document d = { .where = name,
		.text = (const char *)w->data,
		.length = w->length,
		.modified =
		        archive_entry_mtime_is_set(entry) ? (time_ms)archive_entry_mtime(entry) * 1000 : 0 };
	result = load_count(r, total - before, err);
	return result == 0 ? load_document(r, &d, find_sidecar, r, err) : result;
}

static int take_proof(
        struct load_reading *r, struct archive *a, const char *name, struct writer *w, struct error *err)
{
	uint64_t total = r->bytes;
	w->limit = PROOF_SIGNATURE_MAX;
	int result = read_entry(a, w, &total);
	if (result == -EFBIG)
		wr_reset(w); /* it is there, and proves nothing */
	else if (result < 0)
		return complain(r->source->from, a, result, err);
	result = load_count(r, total - r->bytes, err);
	return result == 0 ? keep_sidecar(r, name, w, err) : result;
}

/* What is passed over is unpacked all the same, but in a .zip, where it is jumped over. */
static int count_skipped(
        struct load_reading *r, struct archive *a, struct archive_entry *entry, struct error *err)
{
	const bool jumps = (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP;
	return load_count(r, jumps ? 0 : (uint64_t)MAX(archive_entry_size(entry), 0), err);
}

/* The next entry; ARCHIVE_EOF at the end, or a negative errno value: what came before it is known by now. */
static int next_entry(
        struct load_reading *r, struct archive *a, struct archive_entry **ret, struct error *err)
{
	int code = archive_read_next_header(a, ret);
	if (code != ARCHIVE_OK && code != ARCHIVE_WARN && code != ARCHIVE_EOF)
		return complain(r->source->from, a, -EIO, err);
	if (is_bomb(a, r->bytes))
		return complain(r->source->from, a, -E2BIG, err);
	return code == ARCHIVE_EOF ? code : 0;
}

static void note_not_taken(
        struct load_report *report, struct archive_entry *entry, const char *name, enum role role)
{
	if (role == OUTSIDE)
		load_note_refused(report, name, "its name leads out of the archive");
	else if (role == NESTED)
		load_note_refused(report, name, "packed once more within the archive");
	else if (role == NAMELESS)
		load_note_refused(report, "an entry of the archive", "its name has no known encoding");
	else
		report->passed_over += role == PASSED_OVER && archive_entry_filetype(entry) != AE_IFDIR;
}

static int take_entries(
        struct load_reading *r, struct archive *a, bool proofs, struct writer *w, struct error *err)
{
	struct archive_entry *entry;
	int result;
	while ((result = next_entry(r, a, &entry, err)) == 0) {
		const char *name = archive_entry_pathname(entry);
		const enum role role = role_of(r, entry, name);
		if (proofs) {
			result = role == PROOF ? take_proof(r, a, name, w, err)
			                       : count_skipped(r, a, entry, err);
		} else if (role == DOCUMENT) {
			result = take_document(r, a, entry, name, w, err);
		} else {
			result = count_skipped(r, a, entry, err);
			note_not_taken(r->l->report, entry, name, role);
		}
		if (result < 0)
			return result;
	}
	return result == ARCHIVE_EOF ? 0 : result;
}

static int pass(struct load_reading *r, const char *path, bool proofs, struct error *err)
{
	struct archive *a = open_archive(path, false, err);
	struct writer w = { 0 };
	if (!a)
		return -EINVAL;
	int result = take_entries(r, a, proofs, &w, err);
	archive_read_free(a);
	wr_free(&w);
	return result;
}

int load_walk_archive(struct load_reading *r, const char *path, struct error *err)
{
	/* An archive says which encoding its names have, and libarchive knows no others than the locale's. */
	const locale_t letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0),
	               before = letters ? uselocale(letters) : (locale_t)0;
	int result = 0;
	if (r->kind->proofs_beside &&
	        (r->kind->proofs_usual || r->keys || r->source->trust >= VULN_TRUST_CHECKSUM)) {
		r->sidecars = table_new();
		result = pass(r, path, true, err);
		r->bytes = r->entries = 0; /* all of it comes again */
	}
	if (result == 0)
		result = pass(r, path, false, err);
	if (letters) {
		uselocale(before);
		freelocale(letters);
	}
	return result;
}
