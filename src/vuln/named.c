/* SPDX-License-Identifier: ISC */
#include "vuln/named.h"

#include "base/table.h"
#include "base/url.h"
#include "posture/purl.h"
#include "vuln/ecosystem.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX (2 * POSTURE_STRING_MAX + 2)
#define TYPES_MAX 16 /* purl types of one node's packages that ecosystems are looked at for */

/* What the sources are for, each with a bit for each source. */
struct collection {
	const struct posture *posture;
	struct table *packages;   /* type, NUL, name -> bits */
	struct table *ecosystems; /* "Debian:12", "Debian" -> bits */
	struct {
		const char *type;
		uintptr_t bits; /* by its ecosystem */
	} types[TYPES_MAX];
	size_t n_types;
	const struct posture_package *first[POSTURE_SOURCES_MAX];
	size_t n_packages[POSTURE_SOURCES_MAX];
};

static void add_bit(struct table *t, const void *key, size_t length, uintptr_t bit)
{
	const uintptr_t before = (uintptr_t)table_get(t, key, length);
	(void)table_set(t, key, length, (void *)(before | bit)); // NOLINT(performance-no-int-to-ptr)
}

static size_t package_key(char key[KEY_MAX], const char *type, const char *name)
{
	const size_t n_type = strnlen(type, POSTURE_STRING_MAX), n_name = strnlen(name, POSTURE_STRING_MAX);
	memcpy(key, type, n_type);
	key[n_type] = '\0';
	memcpy(key + n_type + 1, name, n_name);
	return n_type + 1 + n_name;
}

static void add_software(struct collection *c, const char *software, uintptr_t bit)
{
	char key[KEY_MAX], type[POSTURE_STRING_MAX + 1], name[POSTURE_STRING_MAX + 1],
	        canonical[ECOSYSTEM_NAME_MAX];
	enum version_ecosystem order;
	if (strncmp(software, "pkg:", 4) != 0) {
		if (ecosystem_canonical(software, canonical, &order) == 0)
			add_bit(c->ecosystems, canonical, strlen(canonical), bit);
	} else if (purl_package_name(software, type, name) == 0) {
		add_bit(c->packages, key, package_key(key, type, name), bit);
	}
}

/* By the release, and by the ecosystem of all releases. */
static uintptr_t bits_of_type(struct collection *c, const char *type)
{
	char ecosystem[ECOSYSTEM_NAME_MAX];
	enum version_ecosystem order;
	enum ecosystem_naming naming;
	uintptr_t bits = 0;
	for (size_t i = 0; i < c->n_types; i++)
		if (strcmp(c->types[i].type, type) == 0)
			return c->types[i].bits;
	if (c->n_types == TYPES_MAX)
		return 0;
	if (table_count(c->ecosystems) &&
	        ecosystem_of_package(type, c->posture->os_id, c->posture->os_version, ecosystem, &order,
	                &naming, NULL) == 0)
		bits = (uintptr_t)table_get_string(c->ecosystems, ecosystem) |
		        (uintptr_t)table_get(c->ecosystems, ecosystem, strcspn(ecosystem, ":"));
	c->types[c->n_types].type = type;
	c->types[c->n_types++].bits = bits;
	return bits;
}

static bool comes_first(const struct posture_package *a, const struct posture_package *b)
{
	const int order = strcmp(a->name, b->name);
	return order < 0 || (order == 0 && strcmp(a->version, b->version) < 0);
}

static void look_at(struct collection *c, const struct posture_package *package)
{
	char key[KEY_MAX];
	uintptr_t bits = bits_of_type(c, package->type);
	bits |= (uintptr_t)table_get(c->packages, key, package_key(key, package->type, package->name));
	if (package->source)
		bits |= (uintptr_t)table_get(
		        c->packages, key, package_key(key, package->type, package->source));
	for (size_t i = 0; bits; i++, bits >>= 1) {
		if (!(bits & 1))
			continue;
		c->n_packages[i]++;
		if (!c->first[i] || comes_first(package, c->first[i]))
			c->first[i] = package;
	}
}

static size_t first_of_url(const struct posture *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(p->sources[k].url, p->sources[i].url) == 0)
			return k;
	return i;
}

void vuln_named_collect(const struct posture *p, struct vuln_named_list *ret)
{
	struct collection c = { .posture = p };
	vuln_named_clear(ret);
	if (p->n_sources == 0)
		return;
	c.packages = table_new();
	c.ecosystems = table_new();
	for (size_t i = 0; i < p->n_sources; i++)
		for (size_t k = 0; k < p->sources[i].n_software; k++)
			add_software(&c, p->sources[i].software[k], (uintptr_t)1 << first_of_url(p, i));
	for (size_t i = 0; i < p->n_packages; i++)
		look_at(&c, &p->packages[i]);
	ret->items = xcalloc(p->n_sources, sizeof(*ret->items));
	for (size_t i = 0; i < p->n_sources; i++) {
		if (!c.first[i])
			continue;
		ret->items[ret->n++] = (struct vuln_named){ .url = xstrdup(p->sources[i].url),
			.package = xasprintf("%s %s", c.first[i]->name, c.first[i]->version),
			.n_packages = c.n_packages[i] };
	}
	table_free(c.packages, NULL);
	table_free(c.ecosystems, NULL);
}

void vuln_named_clear(struct vuln_named_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].url);
		free(list->items[i].package);
	}
	free(list->items);
	*list = (struct vuln_named_list){ 0 };
}

/* ---- the index ---- */

struct vuln_origins {
	struct table *names; /* by URL -> char * */
};

static int add_origin(const struct vuln_source *s, void *origins)
{
	const struct vuln_origins *o = origins;
	char url[URL_MAX + 1];
	if (s->loaded && url_canonical(s->origin, url, NULL) == 0 && !table_get_string(o->names, url))
		(void)table_set_string(o->names, url, xstrdup(s->name));
	return 0;
}

struct vuln_origins *vuln_origins_read(struct vuln_index *index)
{
	struct vuln_origins *o = xcalloc(1, sizeof(*o));
	o->names = table_new();
	return vuln_index_each_source(index, add_origin, o, NULL) < 0 ? vuln_origins_free(o) : o;
}

struct vuln_origins *vuln_origins_free(struct vuln_origins *o)
{
	if (!o)
		return NULL;
	table_free(o->names, free);
	free(o);
	return NULL;
}

const char *vuln_origins_find(const struct vuln_origins *o, const char *url)
{
	return table_get_string(o->names, url);
}

char *vuln_named_missing(const struct vuln_origins *origins, const struct vuln_named_list *list)
{
	char *text = NULL;
	for (size_t i = 0; i < list->n && !text; i++) {
		const struct vuln_named *named = &list->items[i];
		char more[40] = "";
		if (origins && vuln_origins_find(origins, named->url))
			continue;
		if (named->n_packages > 1)
			snprintf(more, sizeof(more), " (and %zu more)", named->n_packages - 1);
		text = xasprintf(
		        "%.300s%s cannot be judged: the node names %s as a source about it, of which "
		        "nothing is here",
		        named->package, more, named->url);
	}
	return text;
}
