/* SPDX-License-Identifier: ISC */
#include "vuln/provider_metadata.h"

#include "vuln/load_private.h"
#include "vuln/plain.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define FINGERPRINT_MAX 64
#define WORD_MAX 200

/* For logs and terminals. */
static char *word_of(const json_t *object, const char *name)
{
	char *word = xstrndup(load_json_text(object, name), WORD_MAX);
	text_make_plain(word);
	return word;
}

static int read_feeds(struct provider_metadata *m, const json_t *rolie, struct error *why)
{
	const json_t *feed, *feeds = json_object_get(rolie, "feeds");
	size_t i;
	json_array_foreach(feeds, i, feed) {
		const char *url = load_json_text(feed, "url");
		if (!*url)
			return error_set(why, -EINVAL, "a feed without a URL");
		if (m->n_feeds + m->n_folders >= PROVIDER_LISTS_MAX)
			return error_set(why, -EINVAL, "more than %d distributions", PROVIDER_LISTS_MAX);
		m->feeds = xrealloc_array(m->feeds, m->n_feeds + 1, sizeof(*m->feeds));
		m->feeds[m->n_feeds++] =
		        (struct provider_feed){ .url = xstrdup(url), .label = word_of(feed, "tlp_label") };
	}
	return 0;
}

static int read_distributions(struct provider_metadata *m, const json_t *list, struct error *why)
{
	const json_t *item;
	size_t i;
	int r = 0;
	if (list && !json_is_array(list))
		return error_set(why, -EINVAL, "\"distributions\" is not a list");
	json_array_foreach(list, i, item) {
		const char *folder = load_json_text(item, "directory_url");
		if (r == 0 && *folder && m->n_feeds + m->n_folders >= PROVIDER_LISTS_MAX)
			r = error_set(why, -EINVAL, "more than %d distributions", PROVIDER_LISTS_MAX);
		if (r == 0 && *folder) {
			m->folders = xrealloc_array(m->folders, m->n_folders + 1, sizeof(*m->folders));
			m->folders[m->n_folders++] =
			        xasprintf("%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/");
		}
		if (r == 0)
			r = read_feeds(m, json_object_get(item, "rolie"), why);
	}
	return r;
}

/* Without the blanks that people put into them; what is no fingerprint is passed over: it is a hint. */
static void read_keys(struct provider_metadata *m, const json_t *keys)
{
	const json_t *key;
	size_t i;
	json_array_foreach(keys, i, key) {
		const char *text = load_json_text(key, "fingerprint");
		char fingerprint[FINGERPRINT_MAX + 1];
		size_t n = 0;
		for (; *text && n < FINGERPRINT_MAX; text++)
			if (isxdigit((unsigned char)*text))
				fingerprint[n++] = (char)toupper((unsigned char)*text);
			else if (*text != ' ')
				break;
		fingerprint[n] = '\0';
		if (*text || n < 40 || m->n_keys >= PROVIDER_KEYS_MAX)
			continue;
		m->keys = xrealloc_array(m->keys, m->n_keys + 1, sizeof(*m->keys));
		m->keys[m->n_keys++] = (struct provider_key){ .fingerprint = xstrdup(fingerprint),
			.url = word_of(key, "url") };
	}
}

static int read_all(struct provider_metadata *m, const json_t *json, struct error *why)
{
	const json_t *publisher = json_object_get(json, "publisher");
	const char *version = load_json_text(json, "metadata_version"), *role = load_json_text(json, "role");
	if (!json_is_object(json) || strncmp(version, "2.", 2) != 0)
		return error_set(why, -EINVAL, "its metadata_version is \"%.20s\", not 2.x", version);
	if (strcmp(role, "csaf_publisher") != 0 && strcmp(role, "csaf_provider") != 0 &&
	        strcmp(role, "csaf_trusted_provider") != 0)
		return error_set(why, -EINVAL, "its role is \"%.40s\", none of a provider's", role);
	if (!*load_json_text(publisher, "name"))
		return error_set(why, -EINVAL, "it names no publisher");
	m->role = word_of(json, "role");
	m->publisher = word_of(publisher, "name");
	read_keys(m, json_object_get(json, "public_openpgp_keys"));
	int r = read_distributions(m, json_object_get(json, "distributions"), why);
	if (r == 0 && m->n_feeds + m->n_folders == 0)
		r = error_set(
		        why, -EINVAL, "it names no distribution: neither a feed nor a folder of documents");
	return r;
}

int provider_metadata_read(const char *text, size_t length, struct provider_metadata *ret, struct error *why)
{
	json_t *json = load_parse_json(text, length, why);
	*ret = (struct provider_metadata){ 0 };
	int r = json ? read_all(ret, json, why) : -EINVAL;
	if (r < 0)
		provider_metadata_clear(ret);
	json_decref(json);
	return r;
}

void provider_metadata_clear(struct provider_metadata *m)
{
	for (size_t i = 0; i < m->n_folders; i++)
		free(m->folders[i]);
	for (size_t i = 0; i < m->n_feeds; i++) {
		free(m->feeds[i].url);
		free(m->feeds[i].label);
	}
	for (size_t i = 0; i < m->n_keys; i++) {
		free(m->keys[i].fingerprint);
		free(m->keys[i].url);
	}
	free(m->folders);
	free(m->feeds);
	free(m->keys);
	free(m->role);
	free(m->publisher);
	*m = (struct provider_metadata){ 0 };
}

char *provider_of_security_txt(const char *text, size_t length)
{
	const char *end = text + length;
	for (const char *at = text; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		if (stop - at > 5 && strncasecmp(at, "CSAF:", 5) == 0) {
			for (at += 5; at < stop && isspace((unsigned char)*at);)
				at++;
			while (stop > at && isspace((unsigned char)stop[-1]))
				stop--;
			if (stop > at && !memchr(at, '\0', (size_t)(stop - at)))
				return xstrndup(at, (size_t)(stop - at));
		}
		at = newline ? newline + 1 : end;
	}
	return NULL;
}
