/* SPDX-License-Identifier: ISC */
#include "softwire/link_item.h"
#include "base/cursor.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (256u << 10)

static const char *const kind_names[LINK_ITEM_N_KINDS] = {
	[LINK_ITEM_SETTING] = "setting",
	[LINK_ITEM_ADDRESS] = "address",
	[LINK_ITEM_UNREACHABLE] = "unreachable",
	[LINK_ITEM_PIN] = "pin",
	[LINK_ITEM_ROUTE] = "route",
	[LINK_ITEM_DNS] = "dns",
};

static bool same(const struct link_item *a, const struct link_item *b)
{
	if (a->kind != b->kind || strcmp(a->interface, b->interface) != 0 || strcmp(a->name, b->name) != 0)
		return false;
	if (a->kind == LINK_ITEM_SETTING || a->kind == LINK_ITEM_DNS)
		return true;
	return a->prefix.length == b->prefix.length && ip_equal(&a->prefix.address, &b->prefix.address) &&
	        link_way_equal(&a->way, &b->way);
}

const struct link_item *link_items_find(const struct link_items *l, const struct link_item *item)
{
	for (size_t i = 0; i < l->n; i++)
		if (same(&l->items[i], item))
			return &l->items[i];
	return NULL;
}

int link_items_add(struct link_items *l, const struct link_item *item)
{
	if (link_items_find(l, item))
		return 0;
	if (l->n == LINK_ITEMS_MAX)
		return -ENOSPC;
	l->items[l->n++] = *item;
	return 0;
}

void link_items_remove(struct link_items *l, size_t i)
{
	l->n--;
	memmove(&l->items[i], &l->items[i + 1], (l->n - i) * sizeof(l->items[0]));
}

/* "KIND INTERFACE PREFIX NAME BEFORE VALUE", "-" for what a kind has not. */
static void write_item(struct writer *w, const struct link_item *i)
{
	char line[256], prefix[IP_TEXT_SIZE] = "-";
	if (i->kind != LINK_ITEM_SETTING && i->kind != LINK_ITEM_DNS)
		ip_prefix_format(&i->prefix, prefix);
	int n = snprintf(line, sizeof(line), "%s %s %s %s %s %s\n", kind_names[i->kind],
	        *i->interface ? i->interface : "-", prefix, *i->name ? i->name : "-",
	        *i->before ? i->before : "-", *i->value ? i->value : "-");
	wr_bytes(w, line, (size_t)n);
}

int link_items_save(const struct link_items *l, const char *path, struct error *err)
{
	if (l->n == 0)
		return unlink(path) < 0 && errno != ENOENT
		        ? error_set(err, -errno, "%s: %s", path, strerror(errno))
		        : 0;
	struct writer w = wr_make(FILE_MAX);
	for (size_t i = 0; i < l->n; i++)
		write_item(&w, &l->items[i]);
	int r = file_replace(path, w.data, w.length, 0600, err);
	wr_free(&w);
	return r;
}

static void undash(char *text)
{
	if (strcmp(text, "-") == 0)
		*text = '\0';
}

static bool read_address_prefix(const char *text, struct ip_prefix *ret)
{
	char copy[IP_TEXT_SIZE];
	unsigned length;
	int used = 0;
	/* An address with a length: host bits are allowed. */
	/* NOLINTNEXTLINE(cert-err34-c): three digits */
	if (sscanf(text, "%63[0-9a-fA-F:.]/%3u%n", copy, &length, &used) != 2 || text[used] ||
	        ip_parse(copy, &ret->address) < 0)
		return false;
	length += ip_is_v4(&ret->address) ? 96 : 0;
	ret->length = (uint8_t)length;
	return length <= 128;
}

static bool read_item(const char *line, struct link_item *ret)
{
	char kind[16], prefix[IP_TEXT_SIZE];
	struct link_item i = { .kind = LINK_ITEM_N_KINDS };
	if (sscanf(line, "%15s %15s %63s %31s %31s %31s", kind, i.interface, prefix, i.name, i.before,
	            i.value) != 6)
		return false;
	for (size_t k = 0; k < LINK_ITEM_N_KINDS; k++)
		if (strcmp(kind, kind_names[k]) == 0)
			i.kind = (enum link_item_kind)k;
	undash(i.interface);
	undash(i.name);
	undash(i.before);
	undash(i.value);
	if (i.kind == LINK_ITEM_N_KINDS || strchr(i.interface, '/') || strchr(i.name, '/') ||
	        i.name[0] == '.' || i.interface[0] == '.')
		return false;
	bool has_prefix = i.kind != LINK_ITEM_SETTING && i.kind != LINK_ITEM_DNS;
	if (has_prefix && !read_address_prefix(prefix, &i.prefix))
		return false;
	*ret = i;
	return true;
}

int link_items_load(const char *path, struct link_items *ret, struct error *err)
{
	char *data FREE_ON_EXIT = NULL, *save = NULL;
	size_t length;
	ret->n = 0;
	int r = file_read(path, FILE_MAX, &data, &length, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	for (char *line = strtok_r(data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct link_item item;
		if (read_item(line, &item))
			(void)link_items_add(ret, &item);
	}
	return 0;
}
