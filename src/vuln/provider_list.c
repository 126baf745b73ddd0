/* SPDX-License-Identifier: ISC */
#include "vuln/provider_list.h"

#include "vuln/load_private.h"

#include <errno.h>
#include <string.h>

#define FIELD_MAX 2048

void provider_list_open(struct provider_list *l)
{
	l->documents = table_new();
	l->n_refused = 0;
}

static void free_document(void *document)
{
	struct provider_document *d = document;
	free(d->url);
	free(d);
}

void provider_list_close(struct provider_list *l)
{
	table_free(l->documents, free_document);
	l->documents = NULL;
}

static int refuse(struct provider_list *l, const char *what, const char *why, struct error *err)
{
	if (++l->n_refused > PROVIDER_REFUSED_MAX)
		return error_set(
		        err, -E2BIG, "more than %d entries that may not be followed", PROVIDER_REFUSED_MAX);
	if (l->refuse)
		l->refuse(what, why, l->context);
	return 0;
}

static bool is_json(const char *name)
{
	size_t n = strlen(name);
	return n > 5 && strcmp(name + n - 5, ".json") == 0;
}

/* href as it stands in the list at url; what may not be followed is refused and the rest taken. */
static int take(
        struct provider_list *l, const char *url, const char *href, time_ms updated, struct error *err)
{
	char *at FREE_ON_EXIT = NULL, *path FREE_ON_EXIT = NULL;
	struct error why;
	int r = provider_url_resolve(l->origin, url, href, &at, &why);
	if (r == 0)
		r = provider_url_path(at, &path, &why);
	if (r == 0 && !is_json(path))
		r = error_set(&why, -EPERM, "it is no .json document");
	if (r < 0 || !path)
		return refuse(l, href, why.text, err);
	struct provider_document *d = table_get_string(l->documents, path);
	if (d) {
		d->updated = MAX(d->updated, updated);
		return 0;
	}
	if (table_count(l->documents) >= PROVIDER_DOCUMENTS_MAX)
		return error_set(err, -E2BIG, "more than %d documents", PROVIDER_DOCUMENTS_MAX);
	d = xmalloc(sizeof(*d));
	*d = (struct provider_document){ TAKE_POINTER(at), updated };
	table_set_string(l->documents, path, d);
	return 0;
}

/* One field of RFC 4180, with or without quotes, and what separates it from the next. False where it is none.
 */
static bool take_field(const char **at, const char *end, char ret[FIELD_MAX])
{
	const char *c = *at;
	size_t n = 0;
	bool quoted = c < end && *c == '"';
	for (c += quoted; c < end; c++) {
		if (quoted && *c == '"' && !(c + 1 < end && c[1] == '"'))
			break;
		if (!quoted && *c == ',')
			break;
		c += quoted && *c == '"';
		if (n + 1 >= FIELD_MAX || !*c)
			return false;
		ret[n++] = *c;
	}
	if (quoted && (c >= end || *c++ != '"'))
		return false;
	if (c < end && *c++ != ',')
		return false;
	ret[n] = '\0';
	*at = c;
	return true;
}

/* The next line that is not empty, without its end. */
static bool next_line(const char **at, const char *end, const char **ret_end, const char **ret_line)
{
	while (*at < end) {
		const char *line = *at, *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline ? newline : end;
		*at = newline ? newline + 1 : end;
		while (stop > line && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		*ret_line = line;
		*ret_end = stop;
		if (stop > line)
			return true;
	}
	return false;
}

static char *printable(const char *line, const char *end)
{
	char *text = xstrndup(line, MIN((size_t)(end - line), (size_t)200));
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	return text;
}

/* Rows of which none is right are another kind of file: an error page, for one. */
static int check_rows(size_t rows, size_t right, const char *what, struct error *err)
{
	return rows > 0 && right == 0
	        ? error_set(err, -EINVAL, "it is no %s: none of its %zu lines is one's", what, rows)
	        : 0;
}

int provider_list_changes(
        struct provider_list *l, const char *url, const char *text, size_t length, struct error *err)
{
	const char *at = text, *end = text + length, *line, *line_end;
	char path[FIELD_MAX], when[FIELD_MAX];
	size_t rows = 0, right = 0;
	int r = 0;
	while (r == 0 && next_line(&at, end, &line_end, &line)) {
		const char *field = line;
		time_ms updated;
		rows++;
		if (take_field(&field, line_end, path) && take_field(&field, line_end, when) &&
		        field == line_end && clock_parse(when, &updated) == 0) {
			right++;
			r = take(l, url, path, updated, err);
			continue;
		}
		char *words FREE_ON_EXIT = printable(line, line_end);
		r = refuse(l, words, "it is no line of a changes.csv (PATH,TIME)", err);
	}
	return r == 0 ? check_rows(rows, right, "changes.csv", err) : r;
}

int provider_list_index(
        struct provider_list *l, const char *url, const char *text, size_t length, struct error *err)
{
	const char *at = text, *end = text + length, *line, *line_end;
	size_t rows = 0, before = l->n_refused;
	int r = 0;
	for (; r == 0 && next_line(&at, end, &line_end, &line); rows++) {
		char *path FREE_ON_EXIT = printable(line, line_end);
		r = line_end - line > 200 ? refuse(l, path, "a path of more than 200 bytes", err)
		                          : take(l, url, path, 0, err);
	}
	return r == 0 ? check_rows(rows, rows - (l->n_refused - before), "index.txt", err) : r;
}

/* What the document of an entry is called: the link to itself, else its content. */
static const char *href_of(const json_t *entry)
{
	const json_t *link, *links = json_object_get(entry, "link");
	size_t i;
	json_array_foreach(links, i, link)
		if (strcmp(load_json_text(link, "rel"), "self") == 0 && *load_json_text(link, "href"))
			return load_json_text(link, "href");
	return load_json_text(json_object_get(entry, "content"), "src");
}

static int take_next(
        struct provider_list *l, const char *url, const json_t *feed, char **ret_next, struct error *err)
{
	const json_t *link, *links = json_object_get(feed, "link");
	size_t i;
	json_array_foreach(links, i, link) {
		struct error why;
		const char *href = load_json_text(link, "href");
		if (strcmp(load_json_text(link, "rel"), "next") != 0 || *ret_next)
			continue;
		/* What is behind it would be missed: that is no feed, rather than a short one. */
		if (provider_url_resolve(l->origin, url, href, ret_next, &why) < 0)
			return error_set(err, -EINVAL, "its next page: %s", why.text);
	}
	return 0;
}

int provider_list_feed(struct provider_list *l, const char *url, const char *text, size_t length,
        char **ret_next, struct error *err)
{
	json_t *json = load_parse_json(text, length, err);
	const json_t *feed = json_object_get(json, "feed"), *entries = json_object_get(feed, "entry"), *entry;
	size_t i;
	int r = json ? 0 : -EINVAL;
	*ret_next = NULL;
	if (json && (!json_is_object(feed) || (entries && !json_is_array(entries))))
		r = error_set(err, -EINVAL, "it is no ROLIE feed");
	json_array_foreach(entries, i, entry) {
		const char *href = href_of(entry), *id = load_json_text(entry, "id");
		time_ms updated = 0;
		if (r < 0)
			break;
		char *what FREE_ON_EXIT =
		        printable(*href ? href : id, (*href ? href : id) + strlen(*href ? href : id));
		if (!*href)
			r = refuse(l, what, "an entry of a feed without a document", err);
		else if (clock_parse(load_json_text(entry, "updated"), &updated) < 0)
			r = refuse(l, what, "an entry of a feed without the time of its last change", err);
		else
			r = take(l, url, href, updated, err);
	}
	if (r == 0)
		r = take_next(l, url, feed, ret_next, err);
	json_decref(json);
	return r;
}
