/* SPDX-License-Identifier: ISC */
#include "agent/name_set.h"

#include "base/cursor.h"
#include <string.h>

/* Where the name is, or where it belongs. */
static size_t find(const struct name_set *s, const char *name, bool *ret_there)
{
	size_t low = 0, high = s->n;
	*ret_there = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(s->names[middle], name);
		if (order == 0) {
			*ret_there = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void name_set_add(struct name_set *s, const char *name)
{
	bool there;
	size_t at = find(s, name, &there);
	if (there)
		return;
	if (s->n == NAME_SET_MAX) {
		s->cut = true;
		if (at == s->n)
			return;
		free(s->names[--s->n]);
	}
	ARRAY_RESERVE_ONE(s->names, s->n, s->capacity);
	memmove(s->names + at + 1, s->names + at, (s->n - at) * sizeof(*s->names));
	s->names[at] = xstrdup(name);
	s->n++;
}

char *name_set_join(const struct name_set *s, size_t limit)
{
	struct writer w = wr_make(SIZE_MAX);
	bool more = s->cut;
	size_t room = limit - MIN(limit, sizeof(", and more")), length;
	for (size_t i = 0; i < s->n; i++) {
		size_t n = strlen(s->names[i]);
		if (w.length + n + 2 > room) {
			more = true;
			break;
		}
		if (i)
			wr_bytes(&w, ", ", 2);
		wr_bytes(&w, s->names[i], n);
	}
	if (more) {
		const char *words = w.length ? ", and more" : "and more";
		wr_bytes(&w, words, strlen(words));
	}
	wr_u8(&w, '\0');
	return (char *)wr_take(&w, &length);
}

void name_set_clear(struct name_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->names[i]);
	free(s->names);
	*s = (struct name_set){ 0 };
}
