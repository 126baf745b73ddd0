/* SPDX-License-Identifier: ISC */
#include "vuln/load_fetch.h"

#include "base/file.h"
#include "vuln/load_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_HERE 128

/* The last part of the URL's path, as far as it can be a file's name: its ending says what it is. */
static void name_of_url(const char *url, char ret[NAME_MAX_HERE])
{
	const char *host = strstr(url, "://") + 3;
	size_t n = strcspn(host, "?#");
	const char *slash = memrchr(host, '/', n);
	const char *name = slash ? slash + 1 : "";
	size_t length = slash ? (size_t)(host + n - name) : 0, out = 0;
	for (size_t i = length > NAME_MAX_HERE - 1 ? length - (NAME_MAX_HERE - 1) : 0; i < length; i++)
		ret[out++] = isalnum((unsigned char)name[i]) || strchr("._-", name[i]) ? name[i] : '_';
	ret[out] = '\0';
	while (*ret == '.')
		memmove(ret, ret + 1, strlen(ret));
	if (!*ret)
		snprintf(ret, NAME_MAX_HERE, "feed");
}

/* A name that does not say what it is ("json", of the tracker's /tracker/data/json) is a document of its
 * kind. */
static char *file_of_url(const struct load_source *s, const char *folder)
{
	const struct load_kind *kind = load_kind_find(s->kind ? s->kind : "osv");
	char name[NAME_MAX_HERE];
	name_of_url(s->from, name);
	bool plain = !strchr(name, '.') && kind && kind->endings;
	return xasprintf("%s/%s%s", folder, name, plain ? kind->endings[0] : "");
}

/* The proofs of a file lie beside it; one that is no longer there is not to prove an old one. Nor are those
 * of an old file to be left beside a new one where nobody asks for proofs any more. */
static int fetch_proofs(struct fetch *f, const struct load_source *s, const char *path, struct error *err)
{
	static const char *const suffixes[] = { ".asc", ".sha512", ".sha256" };
	bool wanted = s->trust >= VULN_TRUST_CHECKSUM || s->keyring;
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		char *url FREE_ON_EXIT = xasprintf("%s%s", s->from, suffixes[i]);
		char *to FREE_ON_EXIT = xasprintf("%s%s", path, suffixes[i]);
		int r = wanted ? fetch_file(f, url, to, PROOF_SIGNATURE_MAX, err) : FETCH_ABSENT;
		if (r < 0)
			return r;
		if (r == FETCH_ABSENT)
			fetch_forget(to);
	}
	return 0;
}

int load_fetch_document(
        struct fetch *f, const struct load_source *s, const char *folder, char **ret_from, struct error *err)
{
	char *path FREE_ON_EXIT = file_of_url(s, folder);
	int r = fetch_file(f, s->from, path, FETCH_FILE_MAX, err);
	if (r == FETCH_ABSENT)
		return error_set(err, -ENOENT, "%s: the server does not have it", s->from);
	if (r >= 0)
		r = fetch_proofs(f, s, path, err);
	if (r == 0)
		*ret_from = TAKE_POINTER(path);
	return r;
}

static int fetch_source(const struct load_source *s, const char *folder, char **ret_from, struct error *err)
{
	const struct load_kind *kind = load_kind_find(s->kind ? s->kind : "osv");
	struct fetch *f;
	int r = fetch_open(s->fetching, s->fetching_context, &f, err);
	if (r < 0)
		return r;
	r = kind && kind->fetch ? kind->fetch(f, s, folder, ret_from, err)
	                        : load_fetch_document(f, s, folder, ret_from, err);
	fetch_close(f);
	return r;
}

int load_fetch(const struct load_source *s, char **ret_from, struct error *err)
{
	*ret_from = NULL;
	if (!strstr(s->from, "://"))
		return 0;
	int r = fetch_check_url(s->from, err);
	if (r < 0)
		return r;
	if (!s->cache)
		return error_set(
		        err, -EINVAL, "%s: where what is fetched is to be kept is not said (cache)", s->from);
	char *folder FREE_ON_EXIT = xasprintf("%s/%s", s->cache, s->name);
	r = strchr(s->name, '/') || *s->name == '.' || !*s->name
	        ? error_set(err, -EINVAL, "\"%s\": no name for a folder", s->name)
	        : file_make_directory(folder, 0755, err);
	return r == 0 ? fetch_source(s, folder, ret_from, err) : r;
}
