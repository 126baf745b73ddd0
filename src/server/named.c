/* SPDX-License-Identifier: ISC */
#include "server/named.h"

#include "server/again.h"

#include <string.h>

struct entry {
	uint64_t serial; /* a URL that was forgotten and came again is another entry */
	size_t nodes;
	char *source, *listed; /* as in struct named_url */
	bool looked, sent, told;
};

struct named {
	struct table *urls;           /* -> struct entry */
	struct vuln_origins *origins; /* as named_origins() */
	uint64_t serial, changes;
	size_t refused;
};

struct named *named_new(void)
{
	struct named *n = xcalloc(1, sizeof(*n));
	n->urls = table_new();
	return n;
}

static void free_entry(void *entry_)
{
	struct entry *e = entry_;
	free(e->source);
	free(e->listed);
	free(e);
}

struct named *named_free(struct named *n)
{
	if (!n)
		return NULL;
	table_free(n->urls, free_entry);
	vuln_origins_free(n->origins);
	free(n);
	return NULL;
}

/* ---- who names what ---- */

static bool is_worth_less(const struct entry *e, const struct entry *than)
{
	return !than || e->nodes < than->nodes || (e->nodes == than->nodes && e->serial < than->serial);
}

/* Of those that nothing comes of, the one that the fewest nodes name makes room: so nobody keeps out what is
 * on the list by naming what is not. */
static bool make_room(struct named *n)
{
	const struct entry *least = NULL;
	const void *key = NULL;
	size_t length = 0;
	TABLE_FOREACH(it, n->urls) {
		const struct entry *e = it.value;
		if (e->source || e->listed || !e->told || !is_worth_less(e, least))
			continue;
		least = e;
		key = it.key;
		length = it.key_length;
	}
	if (!least)
		return false;
	n->refused += least->nodes;
	free_entry(table_remove(n->urls, key, length));
	return true;
}

static struct entry *see(struct named *n, const char *url)
{
	struct entry *e = table_get_string(n->urls, url);
	if (e)
		return e;
	if (table_count(n->urls) >= NAMED_MAX && !make_room(n))
		return NULL;
	e = xcalloc(1, sizeof(*e));
	e->serial = ++n->serial;
	(void)table_set_string(n->urls, url, e);
	return e;
}

/* The one that the node was counted for; NULL where there was no room, or it has gone since. */
static struct entry *counted(const struct named *n, const struct site_node *node, size_t i)
{
	struct entry *e = table_get_string(n->urls, node->named.items[i].url);
	return e && e->serial == node->named_serials[i] ? e : NULL;
}

static void leave(struct named *n, struct site_node *node)
{
	for (size_t i = 0; i < node->named.n; i++) {
		struct entry *e = counted(n, node, i);
		if (!e)
			n->refused -= MIN(n->refused, (size_t)1);
		else if (--e->nodes == 0)
			free_entry(table_remove_string(n->urls, node->named.items[i].url));
		n->changes++;
	}
}

static bool same_urls(const struct vuln_named_list *a, const struct vuln_named_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i].url, b->items[i].url) != 0)
			return false;
	return true;
}

/* False where there is no room. *ret_is_new: whether the index has it is not known yet. */
static bool join(struct named *n, struct site_node *node, size_t i, bool *ret_is_new)
{
	struct entry *e = see(n, node->named.items[i].url);
	if (!e)
		return false;
	e->nodes++;
	node->named_serials[i] = e->serial;
	n->changes++;
	*ret_is_new |= !e->looked;
	return true;
}

/* Those for which there was no room, or which have made it for others: there may be now. */
static bool join_late(struct named *n, struct site_node *node)
{
	bool is_new = false;
	for (size_t i = 0; i < node->named.n; i++)
		if (!counted(n, node, i) && join(n, node, i, &is_new))
			n->refused -= MIN(n->refused, (size_t)1);
	return is_new;
}

void named_set(struct site *site, struct site_node *node, struct vuln_named_list *list)
{
	struct named *n = site->named;
	if (node->has_named && same_urls(&node->named, list)) { /* as before; perhaps for another version */
		vuln_named_clear(&node->named);
		node->named = *list;
		*list = (struct vuln_named_list){ 0 };
		if (join_late(n, node))
			named_look(site);
		return;
	}
	leave(n, node);
	vuln_named_clear(&node->named);
	free(TAKE_POINTER(node->named_serials));
	node->named = *list;
	*list = (struct vuln_named_list){ 0 };
	node->has_named = true;
	if (node->named.n == 0)
		return;
	node->named_serials = xcalloc(node->named.n, sizeof(*node->named_serials));
	bool is_new = false;
	for (size_t i = 0; i < node->named.n; i++) {
		if (join(n, node, i, &is_new))
			continue;
		n->refused++;
		n->changes++;
		site->counters.sources_refused++;
	}
	if (is_new)
		named_look(site);
}

void named_forget(struct site *site, struct site_node *node)
{
	leave(site->named, node);
	vuln_named_clear(&node->named);
	free(TAKE_POINTER(node->named_serials));
	free(TAKE_POINTER(node->facts)); /* what comes next is judged by its posture, which says them again */
	node->has_named = false;
}

/* ---- what the index has ---- */

static bool set_text(char **text, const char *to)
{
	if (*text && to ? strcmp(*text, to) == 0 : !*text && !to)
		return false;
	free(*text);
	*text = xstrdup(to);
	return true;
}

static void judge_who_names(struct site *site, const struct table *moved)
{
	for (size_t i = 0; i < site->n_numbered; i++) {
		struct site_node *node = site->numbered[i];
		bool is_moved = false;
		for (size_t k = 0; node && k < node->named.n && !is_moved; k++)
			is_moved = table_get_string(moved, node->named.items[k].url) != NULL;
		if (is_moved)
			again_add(site, node, "advisories", AGAIN_USUAL);
	}
	if (site_waiting(site))
		site->effects.work(site->context);
}

void named_look(struct site *site)
{
	struct named *n = site->named;
	vuln_origins_free(TAKE_POINTER(n->origins));
	if (table_count(n->urls) == 0)
		return;
	const struct vuln_origins *origins = n->origins = site->index ? vuln_origins_read(site->index) : NULL;
	struct table *moved = table_new();
	TABLE_FOREACH(it, n->urls) {
		struct entry *e = it.value;
		char *url FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		const bool had = e->source != NULL;
		(void)set_text(&e->source, origins ? vuln_origins_find(origins, url) : NULL);
		if (e->looked && had != (e->source != NULL)) /* who names what is new is judged anyhow */
			(void)table_set_string(moved, url, e);
		e->looked = true;
	}
	if (table_count(moved))
		judge_who_names(site, moved);
	table_free(moved, NULL);
}

const struct vuln_origins *named_origins(const struct named *n)
{
	return n->origins;
}

/* ---- for pratique-vis, and for people ---- */

uint64_t named_changes(const struct named *n)
{
	return n->changes;
}

size_t named_count(const struct named *n)
{
	return table_count(n->urls);
}

size_t named_refused(const struct named *n)
{
	return n->refused;
}

static struct named_url show(const char *url, const struct entry *e)
{
	return (struct named_url){
		.url = url, .nodes = e->nodes, .source = e->source, .listed = e->listed, .told = e->told
	};
}

void named_each(const struct named *n, void (*fn)(const struct named_url *url, void *context), void *context)
{
	TABLE_FOREACH(it, n->urls) {
		char *url FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		const struct named_url shown = show(url, it.value);
		fn(&shown, context);
	}
}

bool named_find(const struct named *n, const char *url, struct named_url *ret)
{
	const struct entry *e = table_get_string(n->urls, url);
	if (e)
		*ret = show(url, e);
	return e != NULL;
}

void named_note_sent(struct named *n)
{
	TABLE_FOREACH(it, n->urls)
		((struct entry *)it.value)->sent = true;
}

void named_begin_listed(struct named *n)
{
	TABLE_FOREACH(it, n->urls) {
		struct entry *e = it.value;
		e->told |= e->sent;
		free(TAKE_POINTER(e->listed));
	}
}

void named_set_listed(struct named *n, const char *url, const char *source)
{
	struct entry *e = table_get_string(n->urls, url);
	if (e)
		(void)set_text(&e->listed, source);
}
