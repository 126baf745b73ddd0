/* SPDX-License-Identifier: ISC */
/* Documents in folders and single files, and the proofs beside them. */
#include "vuln/load_private.h"

#include "base/file.h"
#include "vuln/proof_memory.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const packings[] = { ".gz", ".bz2", ".xz", ".zst", ".lz4" };

static bool ends_with(const char *s, size_t n, const char *suffix)
{
	size_t n_suffix = strlen(suffix);
	return n > n_suffix && strncmp(s + n - n_suffix, suffix, n_suffix) == 0;
}

bool load_is_document(const struct load_kind *kind, const char *name, bool *ret_packed)
{
	size_t n = strlen(name);
	*ret_packed = false;
	for (size_t i = 0; i < ARRAY_LENGTH(packings) && !*ret_packed; i++)
		if (ends_with(name, n, packings[i])) {
			n -= strlen(packings[i]);
			*ret_packed = true;
		}
	for (const char *const *e = kind->endings; *e; e++)
		if (ends_with(name, n, *e))
			return true;
	return false;
}

bool load_is_sidecar(const char *name)
{
	size_t n = strlen(name);
	return ends_with(name, n, ".asc") || ends_with(name, n, ".sha512") || ends_with(name, n, ".sha256");
}

int load_count(struct load_reading *r, uint64_t n, struct error *err)
{
	r->bytes += n;
	if (r->bytes > LOAD_TOTAL_MAX)
		return error_set(err, -E2BIG, "%s: more than %llu bytes", r->source->from,
		        (unsigned long long)LOAD_TOTAL_MAX);
	if (++r->entries > LOAD_ENTRIES_MAX)
		return error_set(err, -E2BIG, "%s: more than %llu files", r->source->from,
		        (unsigned long long)LOAD_ENTRIES_MAX);
	return 0;
}

static int check_digests(struct load_reading *r, const struct load_document *d, load_sidecar_fn sidecar,
        void *context, bool *ret_checked, struct error *why)
{
	static const struct {
		const char *suffix;
		enum proof_digest kind;
	} digests[] = { { ".sha512", PROOF_SHA512 }, { ".sha256", PROOF_SHA256 } };
	for (size_t i = 0; i < ARRAY_LENGTH(digests); i++) {
		char *name FREE_ON_EXIT = xasprintf("%s%s", d->where, digests[i].suffix);
		const struct load_sidecar *s = sidecar(name, context);
		int result = s ? proof_check_digest_file(digests[i].kind, s->bytes, s->length, d->where,
		                         d->text, d->length, why)
		               : 0;
		if (result < 0)
			return result;
		*ret_checked |= s != NULL;
	}
	return 0;
}

/* What there is of proof is right, and there is as much as the source's trust demands. */
static int check_proofs(struct load_reading *r, const struct load_document *d, load_sidecar_fn sidecar,
        void *context, struct error *why)
{
	char signer[PROOF_FINGERPRINT_SIZE];
	bool checked = false;
	int result = check_digests(r, d, sidecar, context, &checked, why);
	if (result < 0)
		return result;
	char *name FREE_ON_EXIT = xasprintf("%s.asc", d->where);
	const struct load_sidecar *s = r->keys ? sidecar(name, context) : NULL;
	struct proof_memory_key key;
	bool known = s && proof_memory_has(r->memory, s->bytes, s->length, d->text, d->length, &key);
	if (s && !known)
		result = proof_verify_detached(r->keys, s->bytes, s->length, d->text, d->length, signer, why);
	if (result < 0)
		return result;
	if (s && !known)
		proof_memory_add(r->memory, &key);
	r->l->report->remembered += known;
	if (r->source->trust >= VULN_TRUST_SIGNED && !s)
		return error_set(why, -ENOENT, "it is not signed (no .asc beside it)");
	if (r->source->trust >= VULN_TRUST_CHECKSUM && !s && !checked)
		return error_set(why, -ENOENT, "it has no checksum (no .sha512 or .sha256 beside it)");
	r->l->report->signed_ += s != NULL;
	r->l->report->checked += !s && checked;
	return 0;
}

int load_document(struct load_reading *r, const struct load_document *d, load_sidecar_fn sidecar,
        void *context, struct error *err)
{
	struct error why;
	const uint64_t read = r->l->report->read, statements = r->statements;
	r->newest = MAX(r->newest, d->modified);
	const int proof = r->kind->proofs_beside ? check_proofs(r, d, sidecar, context, &why) : 0;
	int result = proof;
	if (proof == -ENOENT && r->kind->is_other && r->kind->is_other(d)) {
		r->l->report->passed_over++;
		return 0;
	}
	if (result == 0)
		result = r->kind->read(r, d, &why);
	if (result == -E2BIG) /* the source, not the document */
		return error_set(err, result, "%s: %s", d->where, why.text);
	const bool gave = r->l->report->read != read || r->statements != statements;
	if (result < 0 && (r->kind->is_database || gave))
		return error_set(err, -EBADMSG, "%s: %s", d->where, why.text);
	if (proof < 0) { /* it goes: what is demanded now, an earlier form may not have had */
		load_note_refused(r->l->report, d->where, why.text);
		r->l->report->unproven++;
	} else if (result < 0) {
		load_refuse_document(r, d->where, why.text);
		if (result == -EBADMSG)
			load_keep(r, NULL);
	}
	if (r->l->report->read != read)
		load_progress(r);
	return 0;
}

/* Beside a file there may be others; a symbolic link is none of them. */
struct beside {
	struct load_sidecar *last;
};

static const struct load_sidecar *read_beside(const char *name, void *context)
{
	struct beside *b = context;
	struct stat st;
	char *bytes FREE_ON_EXIT = NULL;
	size_t length = 0;
	if (lstat(name, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	/* One that is too large or not readable is there, and proves nothing. */
	(void)file_read(name, PROOF_SIGNATURE_MAX, &bytes, &length, NULL);
	free(b->last);
	b->last = xmalloc(sizeof(*b->last) + length + 1);
	b->last->length = bytes ? length : 0;
	if (bytes)
		memcpy(b->last->bytes, bytes, length);
	return b->last;
}

static int walk_file(
        struct load_reading *r, const char *path, bool packed, const struct stat *st, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length = 0;
	struct error why;
	struct beside beside = { NULL };
	int result = packed ? load_unpack(path, r->kind->document_max, &text, &length, &why)
	                    : file_read(path, r->kind->document_max, &text, &length, &why);
	if (result < 0) {
		if (r->kind->is_database)
			return error_set(err, -EBADMSG, "%s: %s", path, why.text);
		load_refuse_document(r, path, why.text);
		return 0;
	}
	const struct load_document d = {
		.where = path, .text = text, .length = length, .modified = (time_ms)st->st_mtime * 1000
	};
	result = load_count(r, length, err);
	if (result == 0)
		result = load_document(r, &d, read_beside, &beside, err);
	free(beside.last);
	return result;
}

/* Symbolic links are not followed, so that a folder cannot lead out of itself. */
static int walk_folder(struct load_reading *r, const char *path, int depth, struct error *err)
{
	struct dirent **entries;
	if (depth > LOAD_DEPTH_MAX)
		return error_set(err, -ELOOP, "%s: more than %d folders deep", path, LOAD_DEPTH_MAX);
	int n = scandir(path, &entries, NULL, alphasort), result = 0;
	if (n < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		struct stat st;
		bool packed, hidden = entries[i]->d_name[0] == '.';
		char *child FREE_ON_EXIT = xasprintf("%s/%s", path, entries[i]->d_name);
		free(entries[i]);
		if (result < 0 || hidden || lstat(child, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			result = walk_folder(r, child, depth + 1, err);
		else if (S_ISREG(st.st_mode) && load_is_document(r->kind, child, &packed))
			result = walk_file(r, child, packed, &st, err);
		else if (!load_is_sidecar(child))
			r->l->report->passed_over++;
	}
	free(entries);
	return result;
}

int load_walk(struct load_reading *r, struct error *err)
{
	struct stat st;
	const char *from = r->source->from;
	bool packed;
	if (stat(from, &st) < 0)
		return error_set(err, -errno, "%s: %s", from, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return walk_folder(r, from, 0, err);
	if (!S_ISREG(st.st_mode)) /* a pipe may never end */
		return error_set(err, -EINVAL, "%s: neither a folder nor a file", from);
	if (load_is_document(r->kind, from, &packed))
		return walk_file(r, from, packed, &st, err);
	return load_walk_archive(r, from, err);
}
