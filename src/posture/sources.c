/* SPDX-License-Identifier: ISC */
/* The sources of prevention information that a node names: checked, kept, and as JSON both ways. */
#include "posture/json.h"

#include "base/url.h"
#include "posture/purl_text.h"
#include <errno.h>
#include <string.h>

/* What names of OSV's ecosystems are made of: "Red Hat:enterprise_linux:9::appstream", "crates.io". */
static bool is_ecosystem(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const size_t n = strlen(text);
	return strspn(text, letters) > 0 && text[n - 1] != ' ' &&
	        strspn(text + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:_+-") +
	                1 ==
	        n;
}

/* Which version is installed is said elsewhere, and where from is the source's to say. */
static int package_canonical(const char *text, char **ret, struct error *err)
{
	NOT_CLEARED char buffer[PURL_TEXT_MAX + 1];
	NOT_CLEARED struct purl purl;
	int r = purl_read(text, strlen(text), PURL_STRICT, buffer, &purl, err);
	if (r == 0 && (purl.version || purl.n_qualifiers || purl.subpath))
		r = error_set(err, -EINVAL,
		        "\"%.200s\": a package is wanted here, without version or qualifiers", text);
	if (r == 0)
		*ret = purl_format(&purl);
	return r;
}

int posture_software_canonical(const char *text, char **ret, struct error *err)
{
	char *made FREE_ON_EXIT = NULL;
	int r = 0;
	if (strncmp(text, "pkg:", 4) == 0)
		r = package_canonical(text, &made, err);
	else if (is_ecosystem(text))
		made = xstrdup(text);
	else
		r = error_set(err, -EINVAL,
		        "\"%.200s\" is neither an ecosystem such as PyPI or Debian:12 nor a package URL",
		        text);
	if (!made)
		return r < 0 ? r : -EINVAL;
	if (strlen(made) > POSTURE_SOFTWARE_TEXT_MAX)
		return error_set(
		        err, -EINVAL, "\"%.200s\" is longer than %d bytes", text, POSTURE_SOFTWARE_TEXT_MAX);
	*ret = TAKE_POINTER(made);
	return 0;
}

int posture_add_source(struct posture *p, const char *url, const char *file)
{
	char canonical[URL_MAX + 1];
	if (url_canonical(url, canonical, NULL) < 0 || strcmp(url, canonical) != 0)
		return -EINVAL;
	if (p->n_sources == POSTURE_SOURCES_MAX)
		return -E2BIG;
	ARRAY_RESERVE_ONE(p->sources, p->n_sources, p->sources_capacity);
	p->sources[p->n_sources++] =
	        (struct posture_source){ .url = posture_string(p, url), .file = posture_string(p, file) };
	return 0;
}

int posture_add_software(struct posture *p, const char *software)
{
	char *canonical FREE_ON_EXIT = NULL;
	if (p->n_sources == 0 || posture_software_canonical(software, &canonical, NULL) < 0 || !canonical ||
	        strcmp(software, canonical) != 0)
		return -EINVAL;
	struct posture_source *s = &p->sources[p->n_sources - 1];
	if (s->n_software == POSTURE_SOFTWARE_MAX)
		return -E2BIG;
	s->software = xrealloc_array(s->software, s->n_software + 1, sizeof(*s->software));
	s->software[s->n_software++] = posture_string(p, canonical);
	return 0;
}

void posture_cut_sources(struct posture *p, size_t n)
{
	while (p->n_sources > n)
		free(p->sources[--p->n_sources].software);
}

/* ---- JSON ---- */

json_t *posture_sources_json(const struct posture *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->n_sources; i++) {
		const struct posture_source *s = &p->sources[i];
		json_t *o = json_object(), *software = json_array();
		posture_put_string(o, "url", s->url);
		posture_put_string(o, "file", s->file);
		for (size_t k = 0; k < s->n_software; k++)
			json_array_append_new(software, json_string(s->software[k]));
		json_object_set_new(o, "software", software);
		json_array_append_new(list, o);
	}
	return list;
}

static int software_from_json(struct posture *p, const json_t *o, struct error *err)
{
	const json_t *list = NULL;
	int r = posture_get_array(o, "software", POSTURE_SOFTWARE_MAX, &list, err);
	if (r < 0)
		return r;
	if (json_array_size(list) == 0)
		return error_set(err, -EINVAL, "sources[] without software that it is for");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		if (!text || posture_add_software(p, text) < 0)
			return error_set(err, -EINVAL,
			        "software[%zu] is neither an ecosystem nor a package URL without a version",
			        i);
	}
	return 0;
}

int posture_source_from_json(struct posture *p, const json_t *o, struct error *err)
{
	const char *url = NULL, *file = NULL;
	int r = posture_need_string(p, o, "sources[]", "url", &url, err);
	if (r == 0)
		r = posture_get_string(p, o, "sources[]", "file", &file, err);
	if (r == 0)
		r = posture_add_source(p, url, file);
	if (r == -EINVAL && url)
		return error_set(err, -EINVAL, "url: \"%.200s\" is no URL in its usual form", url);
	return r < 0 ? r : software_from_json(p, o, err);
}
