/* SPDX-License-Identifier: ISC */
#include "vuln/load_provider.h"

#include "base/file.h"
#include "vuln/provider_mirror.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define METADATA "provider-metadata.json"
#define WELL_KNOWN "/.well-known/"

static bool ends_with(const char *s, size_t n, const char *suffix)
{
	size_t n_suffix = strlen(suffix);
	return n >= n_suffix && strncmp(s + n - n_suffix, suffix, n_suffix) == 0;
}

enum address { METADATA_FILE, SECURITY_TXT, HOST, OTHER };

static enum address address_of(const char *url)
{
	size_t n = strcspn(url, "?#"), origin = provider_url_origin_length(url);
	if (!origin)
		return OTHER;
	if (n == origin || (n == origin + 1 && url[n - 1] == '/'))
		return HOST;
	return ends_with(url, n, "/" METADATA)       ? METADATA_FILE
	        : ends_with(url, n, "/security.txt") ? SECURITY_TXT
	                                             : OTHER;
}

bool load_is_provider(const char *url)
{
	return address_of(url) != OTHER;
}

/* A file of the provider's own, into folder/.NAME: its text, which the caller frees. A fetch outcome. */
static int fetch_text(struct provider_mirror *m, const char *url, const char *name, size_t limit,
        char **ret_text, size_t *ret_length, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/.%s", m->folder, name);
	provider_mirror_set_manner(m, (struct fetch_manner){ .whole = false });
	int r = provider_mirror_check(m, err);
	if (r < 0)
		return r;
	r = fetch_file(m->fetch, url, path, (int64_t)limit, err);
	if (r < 0 || r == FETCH_ABSENT)
		return r;
	int read = file_read(path, limit, ret_text, ret_length, err);
	return read < 0 ? read : r;
}

/* Where security.txt leads; it may be another host, which must be listed. */
static int follow_security_txt(struct provider_mirror *m, const char *url, char **ret_url, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length = 0;
	struct error why;
	int r = fetch_text(m, url, "security.txt", PROVIDER_METADATA_MAX, &text, &length, err);
	if (r < 0)
		return r;
	char *to FREE_ON_EXIT = text ? provider_of_security_txt(text, length) : NULL;
	if (!to)
		return error_set(err, -ENOENT, "%s: it names no CSAF provider", url);
	if (provider_url_check(&m->origin, to, &why) < 0)
		return error_set(err, -EPERM, "%s: %s", url, why.text);
	*ret_url = TAKE_POINTER(to);
	return 0;
}

static int fetch_metadata_at(
        struct provider_mirror *m, const char *url, struct provider_metadata *ret, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length = 0;
	struct error why;
	m->origin.url = url;
	int r = fetch_text(m, url, METADATA, PROVIDER_METADATA_MAX, &text, &length, err);
	if (r < 0)
		return r;
	if (!text)
		return error_set(err, -ENOENT, "%s: the server does not have it", url);
	r = provider_metadata_read(text, length, ret, &why);
	return r < 0 ? error_set(err, r, "%s: %s", url, why.text) : 0;
}

/* The three ways of CSAF 2.0, 7.1.8 to 7.1.10, from a host's name. */
static int find_by_host(struct provider_mirror *m, const char *from, struct provider_metadata *ret,
        char **ret_url, struct error *err)
{
	size_t n = provider_url_origin_length(from);
	const char *host = strstr(from, "://") + 3;
	char *known = xasprintf("%.*s" WELL_KNOWN "csaf/" METADATA, (int)n, from);
	*ret_url = known;
	int r = fetch_metadata_at(m, known, ret, err);
	if (r != -ENOENT)
		return r;
	char *security FREE_ON_EXIT = xasprintf("%.*s" WELL_KNOWN "security.txt", (int)n, from), *to = NULL;
	m->origin.url = security;
	r = follow_security_txt(m, security, &to, err);
	if (r == -ENOENT)
		to = xasprintf("%.*scsaf.data.security.%.*s/" METADATA, (int)(host - from), from,
		        (int)(n - (size_t)(host - from)), host);
	else if (r < 0)
		return r;
	free(known);
	*ret_url = to;
	return fetch_metadata_at(m, to, ret, err);
}

static int find(struct provider_mirror *m, const struct load_source *s, struct provider_metadata *ret,
        char **ret_url, struct error *err)
{
	m->origin = (struct provider_origin){ s->from, s->hosts };
	int r = 0;
	switch (address_of(s->from)) {
	case HOST:
		return find_by_host(m, s->from, ret, ret_url, err);
	case SECURITY_TXT:
		r = follow_security_txt(m, s->from, ret_url, err);
		break;
	default:
		*ret_url = xstrdup(s->from);
		break;
	}
	return r == 0 ? fetch_metadata_at(m, *ret_url, ret, err) : r;
}

/* The keys that the provider names prove nothing: they are for a person to compare. */
static void hint_at_keys(struct provider_mirror *m, const struct provider_metadata *metadata)
{
	const struct load_source *s = m->source;
	struct proof_keys *keys = NULL;
	if (!s->fetched || (s->keyring && proof_keys_open(s->keyring, &keys, NULL) < 0))
		return;
	for (size_t i = 0; i < metadata->n_keys; i++) {
		const struct provider_key *k = &metadata->keys[i];
		if (keys && proof_keys_have(keys, k->fingerprint))
			continue;
		char *hint FREE_ON_EXIT = keys
		        ? xasprintf("%s: fingerprint mismatch: %s says that it signs with the OpenPGP key %s "
		                    "(%s), which "
		                    "is not in %s",
		                  s->name, metadata->publisher, k->fingerprint, k->url, s->keyring)
		        : xasprintf("%s: %s says that it signs with the OpenPGP key %s (%s); without a "
		                    "keyring no "
		                    "signature is looked at",
		                  s->name, metadata->publisher, k->fingerprint, k->url);
		load_note_hint(s->fetched, hint);
	}
	proof_keys_close(keys);
}

static int take_page(struct provider_mirror *m, const char *url, char **ret_next, struct error *err)
{
	char *text FREE_ON_EXIT = NULL, *name FREE_ON_EXIT = provider_mirror_list_name(m, url);
	size_t length = 0;
	struct error why;
	int r = fetch_text(m, url, name, PROVIDER_LIST_MAX, &text, &length, err);
	if (r < 0)
		return r;
	if (!text)
		return error_set(err, -ENOENT, "%s: the server does not have it", url);
	r = provider_list_feed(&m->list, url, text, length, ret_next, &why);
	return r < 0 ? error_set(err, r, "%s: %s", url, why.text) : 0;
}

static int take_feed(struct provider_mirror *m, const char *url, struct error *err)
{
	struct table *seen = table_new();
	char *at = xstrdup(url);
	int r = 0;
	while (r == 0 && at) {
		char *next = NULL;
		if (table_set_string(seen, at, m))
			r = error_set(err, -ELOOP, "%s: its pages lead in a circle", url);
		else if (table_count(seen) > PROVIDER_PAGES_MAX)
			r = error_set(err, -E2BIG, "%s: more than %d pages", url, PROVIDER_PAGES_MAX);
		else
			r = take_page(m, at, &next, err);
		free(at);
		at = next;
	}
	free(at);
	table_free(seen, NULL);
	return r;
}

static int take_folder(struct provider_mirror *m, const char *url, struct error *err)
{
	static const struct {
		const char *name;
		int (*take)(struct provider_list *l, const char *url, const char *text, size_t length,
		        struct error *err);
	} lists[] = { { "changes.csv", provider_list_changes }, { "index.txt", provider_list_index } };
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		char *list FREE_ON_EXIT = xasprintf("%s%s", url, lists[i].name), *text FREE_ON_EXIT = NULL;
		char *name FREE_ON_EXIT = provider_mirror_list_name(m, list);
		size_t length = 0;
		struct error why;
		int r = fetch_text(m, list, name, PROVIDER_LIST_MAX, &text, &length, err);
		if (r < 0)
			return r;
		if (!text)
			continue;
		r = lists[i].take(&m->list, list, text, length, &why);
		return r < 0 ? error_set(err, r, "%s: %s", list, why.text) : 0;
	}
	return error_set(err, -ENOENT, "%s: neither changes.csv nor index.txt is there", url);
}

/* CLEAR is what WHITE has been called since TLP 2.0. */
static bool is_wanted(const struct load_source *s, const char *label)
{
	bool wanted = false;
	for (const char *const *l = s->labels; l && *l; l++)
		wanted |= load_label_is(*l, label);
	return wanted;
}

/* A list that may not be followed is refused, and the others stand. */
static int take_list(struct provider_mirror *m, const char *url, bool feed, size_t *taken, struct error *err)
{
	struct error why;
	if (provider_url_check(&m->origin, url, &why) < 0) {
		provider_mirror_refuse(url, why.text, m);
		return 0;
	}
	++*taken;
	return feed ? take_feed(m, url, err) : take_folder(m, url, err);
}

/* Feeds where there are any with our labels, else folders: who offers both offers the same. */
static int take_lists(struct provider_mirror *m, const struct provider_metadata *metadata, struct error *err)
{
	size_t taken = 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i < metadata->n_feeds; i++)
		if (is_wanted(m->source, metadata->feeds[i].label))
			r = take_list(m, metadata->feeds[i].url, true, &taken, err);
	for (size_t i = 0; r == 0 && taken == 0 && i < metadata->n_folders; i++)
		r = take_list(m, metadata->folders[i], false, &taken, err);
	if (r == 0 && taken == 0)
		r = error_set(err, -ENOENT,
		        "%s: it has no list of documents that may be followed: %zu feeds of other labels or "
		        "hosts, "
		        "%zu folders",
		        m->origin.url, metadata->n_feeds, metadata->n_folders);
	return r;
}

static int fetch_provider(struct provider_mirror *m, struct error *err)
{
	struct provider_metadata metadata = { 0 };
	char *url FREE_ON_EXIT = NULL;
	int r = find(m, m->source, &metadata, &url, err);
	if (r == 0) {
		hint_at_keys(m, &metadata);
		r = take_lists(m, &metadata, err);
	}
	provider_metadata_clear(&metadata);
	return r == 0 ? provider_mirror_update(m, url, err) : r;
}

int load_fetch_csaf(
        struct fetch *f, const struct load_source *s, const char *folder, char **ret_from, struct error *err)
{
	if (!load_is_provider(s->from))
		return load_fetch_document(f, s, folder, ret_from, err);
	struct provider_mirror m;
	int r = provider_mirror_open(&m, f, s, folder, err);
	if (r == 0)
		r = fetch_provider(&m, err);
	if (r == 0)
		*ret_from = xstrdup(m.tree);
	provider_mirror_close(&m);
	return r;
}
