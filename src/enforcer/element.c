/* SPDX-License-Identifier: ISC */
#include "enforcer/element.h"

#include <string.h>

int element_compare(const struct element *a, const struct element *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->link != b->link)
		return a->link < b->link ? -1 : 1;
	int r = strncmp(a->port, b->port, sizeof(a->port));
	if (r == 0)
		r = memcmp(&a->mac, &b->mac, sizeof(a->mac));
	if (r == 0)
		r = memcmp(&a->ip, &b->ip, sizeof(a->ip));
	return r ? r : (int)a->length - (int)b->length;
}

static int compare(const void *a, const void *b)
{
	return element_compare(a, b);
}

void element_sort(struct element *elements, size_t count)
{
	if (count)
		qsort(elements, count, sizeof(*elements), compare);
}

bool element_port_valid(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@:");
	return n > 0 && n < IFNAMSIZ && name[n] == '\0';
}

void element_changes_add(struct element_changes *c, bool add, const struct element *e)
{
	ARRAY_RESERVE_ONE(c->items, c->count, c->capacity);
	c->items[c->count++] = (struct element_change){ add, *e };
}

void element_changes_clear(struct element_changes *c)
{
	free(c->items);
	*c = (struct element_changes){ 0 };
}

static bool same_value(const struct element *a, const struct element *b, time_ms tolerance)
{
	time_ms apart = a->expires > b->expires ? a->expires - b->expires : b->expires - a->expires;
	return a->mark == b->mark && apart <= tolerance;
}

void element_diff(const struct element *from, size_t n_from, const struct element *to, size_t n_to,
        time_ms tolerance, struct element_changes *ret)
{
	for (size_t i = 0, j = 0; i < n_from || j < n_to;) {
		int order = i == n_from ? 1 : j == n_to ? -1 : element_compare(&from[i], &to[j]);
		if (order != 0 || !same_value(&from[i], &to[j], tolerance)) {
			if (order <= 0)
				element_changes_add(ret, false, &from[i]);
			if (order >= 0)
				element_changes_add(ret, true, &to[j]);
		}
		i += order <= 0;
		j += order >= 0;
	}
}
