/* SPDX-License-Identifier: ISC */
/*
 * The updateinfo of an RPM repository, which its repomd.xml leads to: in a folder that has
 * repodata/repomd.xml, or behind a URL that is none of a document, from where it comes into such a folder
 * (fetch_mirror.h).
 *
 * A repomd.xml says no time until which it holds: one whose updateinfo is older than the accepted one's is
 * refused, but who serves the same for ever is not found out.
 */
#include "base/file.h"
#include "vuln/fetch_mirror.h"
#include "vuln/load_private.h"
#include "vuln/repomd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPOMD "repodata/repomd.xml"
#define UPDATEINFO "updateinfo"
#define UPDATEINFO_PACKED_MAX ((uint64_t)256 << 20)
#define UPDATEINFO_MAX ((uint64_t)512 << 20)

/* ---- in a folder ---- */

/* The signature counts where there are keys. */
static int check_signature(
        const char *path, const char *text, size_t length, const struct proof_keys *keys, struct error *err)
{
	char signer[PROOF_FINGERPRINT_SIZE];
	char *beside FREE_ON_EXIT = xasprintf("%s.asc", path), *signature FREE_ON_EXIT = NULL;
	size_t signature_length;
	if (!keys)
		return 0;
	if (file_read(beside, PROOF_SIGNATURE_MAX, &signature, &signature_length, err) < 0)
		return error_set(err, -EBADMSG, "it is not signed (no repomd.xml.asc beside it)");
	return proof_verify_detached(keys, signature, signature_length, text, length, signer, err);
}

static int open_repomd(
        const char *root, const struct proof_keys *keys, struct repomd_data *ret, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/" REPOMD, root), *text FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(path, REPOMD_MAX, &text, &length, err);
	if (r < 0)
		return r;
	r = check_signature(path, text, length, keys, err);
	if (r == 0)
		r = repomd_read(text, length, UPDATEINFO, ret, err);
	if (r == 0 && (ret->size > UPDATEINFO_PACKED_MAX || ret->open_size > UPDATEINFO_MAX))
		r = error_set(err, -EFBIG, "an updateinfo of more than %llu bytes",
		        (unsigned long long)UPDATEINFO_MAX);
	return r < 0 ? error_prefix(err, r, "%s", path) : 0;
}

static uint64_t packed_limit(const struct repomd_data *data)
{
	return data->size ? data->size : UPDATEINFO_PACKED_MAX;
}

static int check_packed(const char *path, const struct repomd_data *data, struct error *err)
{
	char *bytes FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(path, packed_limit(data), &bytes, &length, err);
	if (r < 0 && r != -EFBIG)
		return r;
	if (r == -EFBIG || (data->size && length != data->size) ||
	        !repomd_digest_is(&data->packed, bytes, length))
		return error_set(err, -EBADMSG, "%s is not the one that repomd.xml leads to", path);
	return 0;
}

static int read_updateinfo(const char *root, const struct repomd_data *data, char **ret_text,
        size_t *ret_length, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", root, data->href);
	int r = check_packed(path, data, err);
	if (r == 0)
		r = load_unpack(
		        path, data->open_size ? data->open_size : UPDATEINFO_MAX, ret_text, ret_length, err);
	if (r == 0 && *data->open.hex && !repomd_digest_is(&data->open, *ret_text, *ret_length))
		r = error_set(
		        err, -EBADMSG, "%s: unpacked, it is not the one that repomd.xml leads to", path);
	return r;
}

static int load_repository(struct load_reading *reading, struct error *err)
{
	const char *root = reading->source->from;
	struct repomd_data data = { .href = "" };
	char *text FREE_ON_EXIT = NULL;
	size_t length = 0;
	int r = open_repomd(root, reading->keys, &data, err);
	if (r == 0)
		r = read_updateinfo(root, &data, &text, &length, err);
	if (r == 0)
		r = load_count(reading, length, err);
	if (r < 0)
		return r;
	const struct load_document d = {
		.where = data.href, .text = text, .length = length, .modified = data.timestamp
	};
	reading->newest = data.timestamp;
	r = load_read_updateinfo(reading, &d, err);
	if (r < 0)
		return error_prefix(err, r, "%s/%s", root, data.href);
	reading->l->report->signed_ += reading->keys != NULL;
	reading->l->report->checked += !reading->keys;
	return 0;
}

int load_updateinfo(struct load_reading *reading, struct error *err)
{
	struct stat st;
	char *repomd FREE_ON_EXIT = xasprintf("%s/" REPOMD, reading->source->from);
	int r = stat(repomd, &st) == 0 ? load_repository(reading, err) : load_walk(reading, err);
	return r == 0 ? load_put_gathered(reading, err) : r;
}

/* ---- behind a URL ---- */

static int fetch_repomd(const struct fetch_mirror *m, bool signature, struct error *err)
{
	int r = fetch_mirror_get(m, REPOMD, REPOMD, REPOMD_MAX, err);
	if (r == FETCH_ABSENT)
		return error_set(err, -ENOENT, "%s/" REPOMD ": the server does not have it", m->base);
	if (r >= 0 && signature)
		r = fetch_mirror_get(m, REPOMD ".asc", REPOMD ".asc", PROOF_SIGNATURE_MAX, err);
	return r < 0 ? r : 0;
}

static int refuse_other_times(
        const struct fetch_mirror *m, const struct repomd_data *data, time_ms now, struct error *err)
{
	char is[CLOCK_TEXT_SIZE], was[CLOCK_TEXT_SIZE];
	struct repomd_data before = { .href = "" };
	if (now && data->timestamp > now + FETCH_AHEAD_MAX_MS)
		return error_set(err, -EBADMSG, "%s: its updateinfo is of %s, which is not yet", m->base,
		        clock_format(data->timestamp, is));
	if (open_repomd(m->current, NULL, &before, NULL) < 0 || data->timestamp >= before.timestamp)
		return 0;
	return error_set(err, -ESTALE, "%s: its updateinfo is of %s, and one of %s was accepted before",
	        m->base, clock_format(data->timestamp, is), clock_format(before.timestamp, was));
}

/* Nothing where it is there already. */
static int fetch_updateinfo(const struct fetch_mirror *m, const struct repomd_data *data, struct error *err)
{
	char *next FREE_ON_EXIT = xasprintf("%s/%s", m->next, data->href);
	char *current FREE_ON_EXIT = xasprintf("%s/%s", m->current, data->href);
	if (check_packed(current, data, NULL) == 0)
		return 0;
	fetch_mirror_forget(m, data->href);
	int r = fetch_mirror_get(m, data->href, data->href, (int64_t)packed_limit(data), err);
	if (r == FETCH_ABSENT)
		return error_set(err, -ENOENT, "%s/%s: the server does not have it", m->base, data->href);
	if (r < 0)
		return r;
	if (check_packed(next, data, NULL) == 0)
		return fetch_mirror_move(m, data->href, err);
	fetch_mirror_forget(m, data->href);
	return error_set(err, -EBADMSG, "%s/%s: what the server sends is not what repomd.xml leads to",
	        m->base, data->href);
}

/* What the accepted one led to, and this one does not, is not kept. */
static void drop_old(const struct fetch_mirror *m, const struct repomd_data *data)
{
	struct repomd_data before = { .href = "" };
	if (open_repomd(m->current, NULL, &before, NULL) < 0 || strcmp(before.href, data->href) == 0)
		return;
	char *path FREE_ON_EXIT = xasprintf("%s/%s", m->current, before.href);
	(void)unlink(path);
}

static int mirror_repository(
        const struct fetch_mirror *m, const struct proof_keys *keys, time_ms now, struct error *err)
{
	struct repomd_data data = { .href = "" };
	int r = fetch_repomd(m, keys != NULL, err);
	if (r < 0)
		return r;
	r = open_repomd(m->next, keys, &data, err);
	if (r < 0)
		(void)error_prefix(err, r, "%s", m->base);
	else
		r = refuse_other_times(m, &data, now, err);
	if (r < 0) {
		fetch_mirror_forget(m, REPOMD);
		fetch_mirror_forget(m, REPOMD ".asc");
		return r;
	}
	r = fetch_updateinfo(m, &data, err);
	if (r < 0)
		return r;
	drop_old(m, &data);
	r = fetch_mirror_accept(m, REPOMD ".asc", PROOF_SIGNATURE_MAX, err);
	return r == 0 ? fetch_mirror_accept(m, REPOMD, REPOMD_MAX, err) : r;
}

/* "https://.../updateinfo.xml.gz" is a document. */
static bool is_document(const char *url)
{
	const char *name = strrchr(url, '/') + 1;
	return strstr(name, ".xml") != NULL;
}

int load_fetch_updateinfo(
        struct fetch *f, const struct load_source *s, const char *folder, char **ret_from, struct error *err)
{
	struct proof_keys *keys = NULL;
	struct fetch_mirror m = { .f = f };
	if (is_document(s->from))
		return load_fetch_document(f, s, folder, ret_from, err);
	int r = load_open_keys(s, &keys, err);
	if (r == 0)
		r = fetch_mirror_open(f, s->from, folder, &m, err);
	if (r == 0)
		r = mirror_repository(&m, keys, s->now, err);
	if (r == 0)
		*ret_from = TAKE_POINTER(m.current);
	fetch_mirror_close(&m);
	proof_keys_close(keys);
	return r;
}
