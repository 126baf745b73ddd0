/* SPDX-License-Identifier: ISC */
/* Lists a page at a time, in the order of their keys: what comes and goes meanwhile moves nobody else. */
#include "server/api.h"

#include <errno.h>
#include <string.h>

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX 10000

/* The entries are a heap with the greatest key at its top until the page ends. */

static void exchange(struct api_page_entry *a, struct api_page_entry *b)
{
	struct api_page_entry was = *a;
	*a = *b;
	*b = was;
}

static int compare(const struct api_page_entry *a, const struct api_page_entry *b)
{
	return strcmp(a->key, b->key);
}

static void rise(struct api_page *p, size_t at)
{
	for (; at > 0 && compare(&p->entries[at], &p->entries[(at - 1) / 2]) > 0; at = (at - 1) / 2)
		exchange(&p->entries[at], &p->entries[(at - 1) / 2]);
}

static void sink(struct api_page *p)
{
	for (size_t at = 0, child = 1; child < p->n; at = child, child = 2 * at + 1) {
		if (child + 1 < p->n && compare(&p->entries[child + 1], &p->entries[child]) > 0)
			child++;
		if (compare(&p->entries[at], &p->entries[child]) >= 0)
			return;
		exchange(&p->entries[at], &p->entries[child]);
	}
}

bool api_page_begin(struct http_request *r, struct api_page *ret)
{
	int64_t limit;
	*ret = (struct api_page){ 0 };
	int code = http_request_query(r, "after", ret->after, sizeof(ret->after));
	if (code < 0 && code != -ENOENT) {
		http_reply_error(r, 400, "after is what `next` of the page before says");
		return false;
	}
	if (!api_number(r, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX, &limit))
		return false;
	ret->limit = (size_t)limit;
	ret->entries = xcalloc(ret->limit, sizeof(*ret->entries));
	return true;
}

void api_page_offer(struct api_page *p, const char *key, const void *item)
{
	if (strcmp(key, p->after) <= 0)
		return;
	if (p->n < p->limit) {
		p->entries[p->n++] = (struct api_page_entry){ xstrdup(key), item };
		rise(p, p->n - 1);
		return;
	}
	p->more = true;
	if (strcmp(key, p->entries[0].key) > 0)
		return;
	free(p->entries[0].key);
	p->entries[0] = (struct api_page_entry){ xstrdup(key), item };
	sink(p);
}

static int compare_entries(const void *a, const void *b)
{
	return compare(a, b);
}

json_t *api_page_end(struct api_page *p)
{
	qsort(p->entries, p->n, sizeof(*p->entries), compare_entries);
	return api_text(p->more ? p->entries[p->n - 1].key : NULL);
}

void api_page_clear(struct api_page *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->entries[i].key);
	free(p->entries);
}
