/* SPDX-License-Identifier: ISC */
#include "vuln/asked.h"

#include "base/file.h"

#include <errno.h>
#include <string.h>

#define NAME "asked.json"
#define SIZE_LIMIT (1u << 20)

void vuln_asked_clear_urls(struct vuln_asked *a)
{
	for (size_t i = 0; i < a->n_urls; i++) {
		free(a->urls[i].url);
		free(a->urls[i].source);
	}
	free(TAKE_POINTER(a->urls));
	a->n_urls = 0;
	a->refused = 0;
}

void vuln_asked_clear(struct vuln_asked *a)
{
	vuln_asked_clear_urls(a);
	for (size_t i = 0; i < a->n_sources; i++)
		free(a->sources[i]);
	free(a->sources);
	*a = (struct vuln_asked){ 0 };
}

bool vuln_asked_has_source(const struct vuln_asked *a, const char *name)
{
	for (size_t i = 0; i < a->n_sources; i++)
		if (strcmp(a->sources[i], name) == 0)
			return true;
	return false;
}

bool vuln_asked_add_source(struct vuln_asked *a, const char *name)
{
	if (a->n_sources == VULN_ASKED_SOURCES_MAX || vuln_asked_has_source(a, name))
		return false;
	a->sources = xrealloc_array(a->sources, a->n_sources + 1, sizeof(*a->sources));
	a->sources[a->n_sources++] = xstrdup(name);
	return true;
}

/* Where it is, or would be. */
static size_t place_of(const struct vuln_asked *a, const char *url, bool *ret_there)
{
	size_t low = 0, high = a->n_urls;
	*ret_there = false;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		const int order = strcmp(a->urls[middle].url, url);
		*ret_there = order == 0;
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool vuln_asked_add_url(struct vuln_asked *a, const char *url, const char *source, uint32_t nodes)
{
	bool there;
	const size_t at = place_of(a, url, &there);
	if (there) {
		a->urls[at].nodes =
		        nodes > UINT32_MAX - a->urls[at].nodes ? UINT32_MAX : a->urls[at].nodes + nodes;
		return true;
	}
	if (a->n_urls == VULN_ASKED_URLS_MAX)
		return false;
	a->urls = xrealloc_array(a->urls, a->n_urls + 1, sizeof(*a->urls));
	memmove(a->urls + at + 1, a->urls + at, (a->n_urls - at) * sizeof(*a->urls));
	a->urls[at] = (struct vuln_asked_url){ xstrdup(url), xstrdup(source), nodes };
	a->n_urls++;
	return true;
}

/* ---- the file ---- */

static int read_json(const json_t *json, struct vuln_asked *a)
{
	const json_t *sources = json_object_get(json, "sources"), *named = json_object_get(json, "named"), *o;
	size_t i;
	if (!json_is_array(sources) || !json_is_array(named))
		return -EINVAL;
	json_array_foreach(sources, i, o)
		if (!json_is_string(o) || !vuln_asked_add_source(a, json_string_value(o)))
			return -EINVAL;
	json_array_foreach(named, i, o) {
		const json_int_t nodes = json_integer_value(json_object_get(o, "nodes"));
		const char *url = json_string_value(json_object_get(o, "url"));
		if (!url || nodes < 0 || nodes > UINT32_MAX ||
		        !vuln_asked_add_url(
		                a, url, json_string_value(json_object_get(o, "source")), (uint32_t)nodes))
			return -EINVAL;
	}
	a->refused = (uint64_t)json_integer_value(json_object_get(json, "refused"));
	return 0;
}

int vuln_asked_read(const char *index_directory, struct vuln_asked *ret, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/" NAME, index_directory), *text FREE_ON_EXIT = NULL;
	struct vuln_asked a = { 0 };
	size_t length;
	int r = file_read(path, SIZE_LIMIT, &text, &length, err);
	if (r < 0)
		return r;
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	r = read_json(json, &a);
	json_decref(json);
	if (r < 0) {
		vuln_asked_clear(&a);
		return error_set(err, r, "%s: it is not what pratique-vis writes; it may be removed", path);
	}
	*ret = a;
	return 0;
}

static json_t *urls_to_json(const struct vuln_asked *a)
{
	json_t *list = json_array();
	for (size_t i = 0; i < a->n_urls; i++)
		json_array_append_new(list,
		        json_pack("{s:s, s:s?, s:I}", "url", a->urls[i].url, "source", a->urls[i].source,
		                "nodes", (json_int_t)a->urls[i].nodes));
	return list;
}

int vuln_asked_show(const char *index_directory, json_t *object, struct error *err)
{
	struct vuln_asked a CLEANUP(vuln_asked_clear) = { 0 };
	int r = vuln_asked_read(index_directory, &a, err);
	if (r < 0 && r != -ENOENT)
		return r;
	json_object_set_new(object, "named", urls_to_json(&a));
	json_object_set_new(object, "named_refused", json_integer((json_int_t)a.refused));
	return 0;
}

int vuln_asked_write(const char *index_directory, const struct vuln_asked *a, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/" NAME, index_directory);
	json_t *json = json_object(), *sources = json_array();
	for (size_t i = 0; i < a->n_sources; i++)
		json_array_append_new(sources, json_string(a->sources[i]));
	json_object_set_new(json, "sources", sources);
	json_object_set_new(json, "named", urls_to_json(a));
	json_object_set_new(json, "refused", json_integer((json_int_t)a->refused));
	char *text FREE_ON_EXIT = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text ? file_replace(path, text, strlen(text), 0644, err)
	            : error_set(err, -EINVAL, "%s: cannot be written as JSON", path);
}
