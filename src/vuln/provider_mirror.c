/* SPDX-License-Identifier: ISC */
#include "vuln/provider_mirror.h"

#include "base/file.h"
#include "vuln/plain.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE ".provider.json"
#define REFUSED "refused.txt"
#define LIST "list-"

int provider_mirror_open(struct provider_mirror *m, struct fetch *f, const struct load_source *s,
        const char *folder, struct error *err)
{
	*m = (struct provider_mirror){ .fetch = f,
		.source = s,
		.folder = folder,
		.tree = xasprintf("%s/tree", folder),
		.origin = { s->from, s->hosts },
		.refused = wr_make(PROVIDER_REFUSED_BYTES_MAX),
		.end = clock_monotonic_ms() + (time_ms)PROVIDER_SECONDS_MAX * 1000 };
	m->list = (struct provider_list){
		.origin = &m->origin, .refuse = provider_mirror_refuse, .context = m
	};
	provider_list_open(&m->list);
	m->state.kept = table_new();
	m->lists = table_new();
	int r = provider_set_open(&m->set, folder, m->tree, err);
	return r == 0 ? file_make_directory(m->tree, 0755, err) : r;
}

void provider_mirror_close(struct provider_mirror *m)
{
	fetch_set_manner(m->fetch, &(struct fetch_manner){ .whole = false });
	provider_set_close(&m->set);
	provider_list_close(&m->list);
	provider_state_clear(&m->state);
	table_free(m->lists, NULL);
	wr_free(&m->refused);
	free(m->tree);
}

static int may(const char *url, void *mirror, struct error *why)
{
	return provider_url_check(&((struct provider_mirror *)mirror)->origin, url, why);
}

void provider_mirror_set_manner(struct provider_mirror *m, struct fetch_manner manner)
{
	manner.may = may;
	manner.context = m;
	fetch_set_manner(m->fetch, &manner);
}

char *provider_mirror_list_name(struct provider_mirror *m, const char *url)
{
	static const uint64_t key[2] = { 0x7072617469717565, 0x6c69737400000001 };
	char *name = xasprintf(LIST "%016llx", (unsigned long long)hash_bytes(key, url, strlen(url)));
	table_set_string(m->lists, name, m);
	return name;
}

void provider_mirror_refuse(const char *what, const char *why, void *mirror)
{
	struct provider_mirror *m = mirror;
	char *line FREE_ON_EXIT = xasprintf("%.2048s: %s", what, why);
	text_make_plain(line);
	size_t n = strlen(line);
	if (m->refused.length + n + 1 <= PROVIDER_REFUSED_BYTES_MAX) {
		wr_bytes(&m->refused, line, n);
		wr_u8(&m->refused, '\n');
	}
	if (m->source->fetched)
		load_note_refused(m->source->fetched, what, why);
}

static void forget(struct provider_mirror *m, const char *path)
{
	char *local FREE_ON_EXIT = xasprintf("%s/%s", m->tree, path);
	(void)unlink(local);
	for (const char *const *suffix = provider_proofs; *suffix; suffix++) {
		char *proof FREE_ON_EXIT = xasprintf("%s%s", local, *suffix);
		(void)unlink(proof);
	}
	free(table_remove_string(m->state.kept, path));
}

int provider_mirror_check(const struct provider_mirror *m, struct error *err)
{
	if (m->total > (int64_t)LOAD_TOTAL_MAX)
		return error_set(err, -EFBIG, "%s: its documents are more than %lld bytes", m->origin.url,
		        (long long)LOAD_TOTAL_MAX);
	if (fetch_bytes(m->fetch) > PROVIDER_BYTES_MAX)
		return error_set(err, -EFBIG, "%s: more than %lld bytes; the next look goes on",
		        m->origin.url, (long long)PROVIDER_BYTES_MAX);
	if (clock_monotonic_ms() > m->end)
		return error_set(err, -ETIMEDOUT, "%s: more than %d seconds; the next look goes on",
		        m->origin.url, PROVIDER_SECONDS_MAX);
	return 0;
}

/* What is fetched, where it is to be here, and whether it is another one than was here. */
struct provider_way {
	const char *url, *local;
	bool fresh;
};

/* A document (suffix "") or a proof of it, into the set; whole: whatever is here. */
static int fetch_one(struct provider_mirror *m, const struct provider_way *w, const char *suffix, bool whole,
        int64_t limit, struct error *err)
{
	char *url FREE_ON_EXIT = xasprintf("%s%s", w->url, suffix),
	          *here FREE_ON_EXIT = xasprintf("%s%s", w->local, suffix),
	          *to FREE_ON_EXIT = provider_set_file(&m->set, suffix);
	provider_mirror_set_manner(m, (struct fetch_manner){ .whole = whole, .many = true, .have = here });
	int r = fetch_file(m->fetch, url, to, limit, err);
	provider_mirror_set_manner(m, (struct fetch_manner){ .many = true });
	return r;
}

/* 1 where the document has such a proof, 0 where it has none, negative where nobody goes on. What the server
 * fails to say goes to *failed, with words: it takes nothing away from a document that is the same. */
static int take_proof(struct provider_mirror *m, const struct provider_way *w, const char *suffix,
        int *failed, struct error *why)
{
	char *here FREE_ON_EXIT = xasprintf("%s%s", w->local, suffix);
	int r = fetch_one(m, w, suffix, w->fresh, PROOF_SIGNATURE_MAX, why);
	if (r == -EIO)
		return r;
	if (r == FETCH_ABSENT)
		return provider_set_drop(&m->set, suffix, why);
	if (r < 0)
		*failed = r;
	return r >= 0 || (!w->fresh && access(here, F_OK) == 0);
}

/* One digest is enough; signatures where somebody looks at them. A new document does without what is not to
 * be had, but not without what its source's trust demands. */
static int fetch_proofs(struct provider_mirror *m, const struct provider_way *w, struct error *why)
{
	const enum vuln_trust trust = m->source->trust;
	int failed = 0, r = 0, signature = 0;
	/* A former document's, whichever they are. */
	for (const char *const *suffix = provider_proofs; w->fresh && r == 0 && *suffix; suffix++)
		r = provider_set_drop(&m->set, *suffix, why);
	int digest = r == 0 ? take_proof(m, w, ".sha512", &failed, why) : r;
	if (digest == 0)
		digest = take_proof(m, w, ".sha256", &failed, why);
	if (digest >= 0 && m->source->keyring)
		signature = take_proof(m, w, ".asc", &failed, why);
	if (digest < 0 || signature < 0)
		return MIN(digest, signature);
	bool enough =
	        trust >= VULN_TRUST_SIGNED ? signature : trust < VULN_TRUST_CHECKSUM || digest || signature;
	return enough ? 0 : failed;
}

static int make_folder(const char *local, struct error *err)
{
	char *folder FREE_ON_EXIT = xstrndup(local, (size_t)(strrchr(local, '/') - local));
	struct stat st;
	return stat(folder, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : file_make_directory(folder, 0755, err);
}

/* What is wrong with one document is no reason to go without the others; a connection that fails again and
 * again is. */
static int settle(struct provider_mirror *m, const char *path, const struct provider_document *d, int r,
        struct error *why, struct error *err)
{
	if (r == -EIO && ++m->broken > PROVIDER_BROKEN_MAX)
		return error_set(err, r, "%s", why->text);
	if (r == FETCH_ABSENT) {
		(void)error_set(why, 0, "it is listed, and the server does not have it");
		forget(m, path);
	} else {
		/* Asked for again as a whole the next time; until then what is there stands. */
		free(table_remove_string(m->state.kept, path));
	}
	provider_mirror_refuse(d->url, why->text, m);
	return 0;
}

/* The outcome is the document's. */
static int fetch_set(
        struct provider_mirror *m, const char *path, const struct provider_way *way, struct error *why)
{
	struct provider_way w = *way;
	int r = make_folder(w.local, why);
	if (r == 0)
		r = fetch_one(m, &w, "", w.fresh, OSV_RECORD_MAX, why);
	if (r != FETCH_NEW && r != FETCH_UNCHANGED)
		return r;
	w.fresh = r == FETCH_NEW;
	int placed = fetch_proofs(m, &w, why);
	if (placed == 0)
		placed = provider_set_place(&m->set, path, why);
	return placed < 0 ? placed : r;
}

static int fetch_document(
        struct provider_mirror *m, const char *path, const struct provider_document *d, struct error *err)
{
	char *local FREE_ON_EXIT = xasprintf("%s/%s", m->tree, path);
	const struct provider_kept *kept = table_get_string(m->state.kept, path);
	struct stat st;
	struct error why;
	bool there = kept && stat(local, &st) == 0 && (int64_t)st.st_size == kept->size;
	bool same = there && d->updated == kept->updated;
	if (same && d->updated && !m->whole) {
		m->total += kept->size;
		return 0;
	}
	m->asked++;
	int r = provider_set_begin(&m->set, err);
	if (r < 0)
		return r;
	r = fetch_set(m, path, &(struct provider_way){ d->url, local, !same }, &why);
	if (r >= 0 && r != FETCH_ABSENT && stat(local, &st) < 0)
		r = error_set(&why, -errno, "%s: %s", local, strerror(errno));
	if (r < 0 || r == FETCH_ABSENT)
		return settle(m, path, d, r, &why, err);
	m->total += (int64_t)st.st_size;
	provider_state_set(&m->state, path, d->updated, (int64_t)st.st_size);
	return 0;
}

/* A document or a proof of one that nobody names any more. */
static bool is_named(const struct provider_mirror *m, const char *path)
{
	size_t n = strlen(path);
	if (strcmp(path, REFUSED) == 0)
		return true;
	for (const char *const *suffix = provider_proofs; *suffix; suffix++) {
		size_t k = strlen(*suffix);
		if (n > k && strcmp(path + n - k, *suffix) == 0)
			return table_get(m->list.documents, path, n - k);
	}
	return table_get(m->list.documents, path, n);
}

static int remove_others(struct provider_mirror *m, struct error *err)
{
	char *const roots[] = { m->tree, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!walk)
		return error_set(err, -errno, "%s: %s", m->tree, strerror(errno));
	size_t skip = strlen(m->tree) + 1;
	for (FTSENT *e; (e = fts_read(walk));) {
		if (e->fts_info == FTS_DP && e->fts_level > 0) {
			(void)rmdir(e->fts_path); /* where nothing is left in it */
		} else if (e->fts_info != FTS_D && e->fts_level > 0 && !is_named(m, e->fts_path + skip)) {
			(void)unlink(e->fts_path);
			free(table_remove_string(m->state.kept, e->fts_path + skip));
		}
	}
	fts_close(walk);
	return 0;
}

/* Lists that the provider names no more: it may name others each time. */
static void remove_lists(const struct provider_mirror *m)
{
	struct dirent **entries;
	int n = scandir(m->folder, &entries, NULL, NULL);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		size_t length = strlen(LIST) + 16;
		if (strncmp(name, "." LIST, strlen("." LIST)) == 0 &&
		        !(strlen(name) > length && table_get(m->lists, name + 1, length))) {
			char *path FREE_ON_EXIT = xasprintf("%s/%s", m->folder, name);
			(void)unlink(path);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

/* Where all that was refused is named; as it was where it is the same, so that the source is too. */
static int write_refused(const struct provider_mirror *m, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/" REFUSED, m->tree), *before FREE_ON_EXIT = NULL;
	size_t length = 0;
	if (m->refused.length == 0) {
		(void)unlink(path);
		return 0;
	}
	if (file_read(path, PROVIDER_REFUSED_BYTES_MAX, &before, &length, NULL) == 0 &&
	        length == m->refused.length && memcmp(before, m->refused.data, length) == 0)
		return 0;
	return file_replace(path, m->refused.data, m->refused.length, 0644, err);
}

static int fetch_documents(struct provider_mirror *m, const char *state, const char *url, struct error *err)
{
	size_t saved = 0;
	int r = 0;
	TABLE_FOREACH(it, m->list.documents) {
		char *path FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		if (r == 0)
			r = provider_mirror_check(m, err);
		if (r == 0)
			r = fetch_document(m, path, it.value, err);
		if (r == 0 && m->asked >= saved + PROVIDER_SAVE_EVERY) {
			saved = m->asked;
			r = provider_state_write(state, url, &m->state, err);
		}
	}
	return r;
}

int provider_mirror_update(struct provider_mirror *m, const char *url, struct error *err)
{
	char *state FREE_ON_EXIT = xasprintf("%s/" STATE, m->folder);
	time_ms now = m->source->now ? m->source->now : clock_wall_ms();
	provider_state_clear(&m->state);
	provider_state_read(state, url, &m->state);
	/* Nothing at all is more likely a fault than the end of all advisories. */
	if (table_count(m->list.documents) == 0 && table_count(m->state.kept) > 0)
		return error_set(err, -ENODATA, "%s: it lists no document any more, and had %zu", url,
		        table_count(m->state.kept));
	const struct provider_demand wanted = { m->source->trust, m->source->keyring != NULL },
	                             had = m->state.demand;
	m->whole = now - m->state.whole >= PROVIDER_WHOLE_MS || now < m->state.whole ||
	        wanted.trust > had.trust || (wanted.signatures && !had.signatures);
	m->state.demand =
	        (struct provider_demand){ MIN(wanted.trust, had.trust), wanted.signatures && had.signatures };
	int r = fetch_documents(m, state, url, err);
	if (r == 0)
		r = provider_set_begin(&m->set, err);
	if (r == 0)
		r = remove_others(m, err);
	if (r == 0)
		r = write_refused(m, err);
	if (r == 0)
		remove_lists(m);
	if (r == 0 && m->whole) {
		m->state.whole = now;
		m->state.demand = wanted;
	}
	int written = provider_state_write(state, url, &m->state, r == 0 ? err : NULL);
	return r < 0 ? r : written;
}
