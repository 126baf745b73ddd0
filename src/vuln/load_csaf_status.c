/* SPDX-License-Identifier: ISC */
#include "vuln/load_csaf_status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define JUSTIFICATION_MAX 200
#define JOINED_MAX 65536 /* fixes and ranges of one package that are compared with each other */

/* The status lists, and which of them deny each other (6.1.6 of the standard). */
enum meaning { AFFECTED, FIRST_AFFECTED, LAST_AFFECTED, NOT_AFFECTED, FIXED, OPEN };
static const struct status_list {
	const char *name;
	enum meaning meaning;
	int side; /* of two different ones a product can only be in one */
} status_lists[] = {
	{ "known_affected", AFFECTED, 1 },
	{ "first_affected", FIRST_AFFECTED, 1 },
	{ "last_affected", LAST_AFFECTED, 1 },
	{ "known_not_affected", NOT_AFFECTED, 2 },
	{ "fixed", FIXED, 3 },
	{ "first_fixed", FIXED, 3 },
	{ "under_investigation", OPEN, 4 },
};

/* What is said of one package of one ecosystem. */
struct package_view {
	char *ecosystem, *name;
	enum version_ecosystem order;
	bool all;                         /* versions are affected, as far as nothing is fixed */
	json_t *affected, *first, *fixed; /* versions */
	json_t *ranges;                   /* that are affected, as struct csaf_versions has them */
	json_t *last;                     /* version -> the event of OSV that it is */
	json_t *spared; /* justification -> { "ranges", "versions" } as above, or true for all of them */
};

struct view {
	const struct csaf_products *products;
	const struct product_map *map;
	const json_t *vulnerability;
	struct table *packages; /* "ecosystem NUL name" -> struct package_view */
	struct table *sides;    /* product_id -> its side, as a pointer to the status list */
	struct csaf_statement_counts *counts;
};

static void free_package_view(void *p_)
{
	struct package_view *p = p_;
	free(p->ecosystem);
	free(p->name);
	json_decref(p->affected);
	json_decref(p->first);
	json_decref(p->ranges);
	json_decref(p->last);
	json_decref(p->fixed);
	json_decref(p->spared);
	free(p);
}

static struct package_view *view_of(struct view *v, const struct csaf_package *package)
{
	char *key FREE_ON_EXIT = xasprintf("%s\n%s", package->ecosystem, package->name);
	struct package_view *p = table_get_string(v->packages, key);
	if (p)
		return p;
	p = xcalloc(1, sizeof(*p));
	p->ecosystem = xstrdup(package->ecosystem);
	p->name = xstrdup(package->name);
	p->order = package->order;
	p->ranges = json_object();
	p->affected = json_object();
	p->first = json_object();
	p->last = json_object();
	p->fixed = json_object();
	p->spared = json_object();
	table_set_string(v->packages, key, p);
	return p;
}

static bool lists_product(const json_t *holder, const char *id, const struct csaf_products *products)
{
	const json_t *item, *member, *ids = json_object_get(holder, "product_ids");
	const json_t *groups = json_object_get(holder, "group_ids");
	size_t i, k;
	json_array_foreach(ids, i, item)
		if (json_is_string(item) && strcmp(json_string_value(item), id) == 0)
			return true;
	json_array_foreach(groups, i, item) {
		const char *group = json_string_value(item);
		const json_t *members = group ? table_get_string(products->groups, group) : NULL;
		json_array_foreach(members, k, member)
			if (json_is_string(member) && strcmp(json_string_value(member), id) == 0)
				return true;
	}
	return false;
}

/* A flag's label (3.2.3.5), else the words of the impact; one of either without products is for all. */
static char *justification_of(const struct view *v, const char *id)
{
	const json_t *item, *flags = json_object_get(v->vulnerability, "flags");
	const json_t *threats = json_object_get(v->vulnerability, "threats");
	const char *words = "";
	size_t i;
	json_array_foreach(flags, i, item) {
		bool all = !json_object_get(item, "product_ids") && !json_object_get(item, "group_ids");
		if (*load_json_text(item, "label") && (all || lists_product(item, id, v->products)))
			words = load_json_text(item, "label");
	}
	for (size_t k = 0; !*words && k < json_array_size(threats); k++) {
		item = json_array_get(threats, k);
		bool all = !json_object_get(item, "product_ids") && !json_object_get(item, "group_ids");
		if (strcmp(load_json_text(item, "category"), "impact") == 0 &&
		        (all || lists_product(item, id, v->products)))
			words = load_json_text(item, "details");
	}
	size_t n = strnlen(words, JUSTIFICATION_MAX);
	while (n > 0 && n == JUSTIFICATION_MAX && ((unsigned char)words[n] & 0xc0) == 0x80)
		n--;
	return xstrndup(words, n);
}

static void spare(struct package_view *p, const char *justification, const struct csaf_versions *versions)
{
	json_t *there = json_object_get(p->spared, justification);
	if (versions->all || json_is_true(there)) {
		json_object_set_new(p->spared, justification, json_true());
		return;
	}
	if (!there) {
		there = json_pack("{s:{}, s:{}}", "ranges", "versions");
		json_object_set_new(p->spared, justification, there);
	}
	json_object_update(json_object_get(there, "ranges"), versions->ranges);
	json_object_update(json_object_get(there, "versions"), versions->versions);
}

/* The end of what OSV calls a range: the event's name, and its version in *ret_version; NULL: it has none. */
static const char *end_of_range(const json_t *range, const char **ret_version)
{
	static const char *const ends[] = { "fixed", "last_affected" };
	const json_t *event = json_array_get(json_object_get(range, "events"), 1);
	for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
		*ret_version = json_string_value(json_object_get(event, ends[i]));
		if (*ret_version)
			return ends[i];
	}
	return NULL;
}

/* The last that is affected is one version, as it is or with all its revisions. */
static bool state_last(struct package_view *p, const struct csaf_versions *versions)
{
	const char *key, *version = NULL, *end = NULL;
	json_t *value;
	if (json_object_size(versions->ranges) + json_object_size(versions->versions) != 1)
		return false;
	json_object_foreach(versions->versions, key, value)
		end = "last_affected", version = key;
	if (!end && versions->fixed_from)
		json_object_foreach(versions->ranges, key, value)
			end = end_of_range(value, &version);
	return end && json_object_set_new(p->last, version, json_string(end)) == 0;
}

static bool state(struct view *v, const struct csaf_package *package, const struct csaf_versions *versions,
        enum meaning meaning, const char *id)
{
	struct package_view *p = view_of(v, package);
	const char *from = versions->fixed_from;
	switch (meaning) {
	case NOT_AFFECTED: {
		char *justification FREE_ON_EXIT = justification_of(v, id);
		spare(p, justification, versions);
		return true;
	}
	case AFFECTED:
		p->all |= versions->all;
		json_object_update(p->ranges, versions->ranges);
		json_object_update(p->affected, versions->versions);
		return true;
	case FIXED: /* but in which version? */
		return from && json_object_set_new(p->fixed, from, json_true()) == 0;
	case FIRST_AFFECTED:
		return from && json_object_set_new(p->first, from, json_true()) == 0;
	case LAST_AFFECTED:
		return state_last(p, versions);
	case OPEN:
		break;
	}
	return false;
}

static int take_statement(struct view *v, const struct status_list *list, const char *id, struct error *why)
{
	struct csaf_packages packages;
	const struct csaf_product *product = table_get_string(v->products->by_id, id);
	if (!product) /* 6.1.1 */
		return error_set(why, -EINVAL, "%s names \"%.80s\", which is not defined", list->name, id);
	const struct status_list *before = table_set_string(v->sides, id, (void *)(uintptr_t)list);
	if (before && before->side != list->side)
		return error_set(why, -EINVAL, "\"%.80s\" is both %s and %s", id, before->name, list->name);
	if (++v->counts->statements > CSAF_STATEMENTS_MAX)
		return error_set(why, -EINVAL, "more than %d statements about products", CSAF_STATEMENTS_MAX);
	bool said = false;
	int r = csaf_packages_of(product, v->map, &v->counts->range_bytes, &packages, why);
	if (r == -EINVAL)
		return r;
	for (size_t i = 0; i < packages.n; i++)
		said |= state(v, &packages.items[i], &packages.versions[i], list->meaning, id);
	v->counts->unmapped += !said;
	csaf_packages_clear(&packages);
	return 0;
}

static int take_statuses(struct view *v, struct error *why)
{
	const json_t *status = json_object_get(v->vulnerability, "product_status"), *item;
	size_t i;
	if (status && !json_is_object(status))
		return error_set(why, -EINVAL, "\"product_status\" is not an object");
	for (size_t k = 0; k < ARRAY_LENGTH(status_lists); k++) {
		const json_t *ids = json_object_get(status, status_lists[k].name);
		if (ids && !json_is_array(ids))
			return error_set(why, -EINVAL, "\"%s\" is not a list", status_lists[k].name);
		json_array_foreach(ids, i, item) {
			int r = json_is_string(item)
			        ? take_statement(v, &status_lists[k], json_string_value(item), why)
			        : error_set(why, -EINVAL, "a product_id that is not a text");
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void put_range(json_t *ranges, const char *introduced, const char *end, const char *version)
{
	json_t *events = json_array();
	json_array_append_new(events, json_pack("{s:s}", "introduced", introduced));
	if (end)
		json_array_append_new(events, json_pack("{s:s}", end, version));
	json_array_append_new(ranges, json_pack("{s:s, s:o}", "type", "ECOSYSTEM", "events", events));
}

static json_t *entry_of(const struct package_view *p)
{
	return json_pack("{s:{s:s, s:s}}", "package", "ecosystem", p->ecosystem, "name", p->name);
}

static bool is_below(const struct package_view *p, const char *a, const char *b, bool or_equal)
{
	int order;
	if (strcmp(a, "0") == 0)
		return true;
	return version_compare_loosely(p->order, a, b, &order, NULL) == 0 &&
	        (order < 0 || (or_equal && order == 0));
}

/* What is fixed in a version ends a range that has no end, where it lies in it. */
static bool end_by_fixes(const struct package_view *p, const char *introduced, json_t *ranges)
{
	const char *version;
	json_t *ignored;
	bool any = false;
	json_object_foreach(p->fixed, version, ignored)
		if (is_below(p, introduced, version, false)) {
			put_range(ranges, introduced, "fixed", version);
			any = true;
		}
	return any;
}

/* A fix that lies behind a range that ends says nothing that the range does not; another one says that what
 * is below it is affected. */
static bool says_nothing_new(const struct package_view *p, const char *fixed)
{
	const char *key, *version;
	json_t *range;
	json_object_foreach(p->ranges, key, range) {
		const char *introduced =
		        load_json_text(json_array_get(json_object_get(range, "events"), 0), "introduced");
		if (end_of_range(range, &version) ? is_below(p, version, fixed, true)
		                                  : is_below(p, introduced, fixed, false))
			return true;
	}
	return false;
}

static void put_ranges(const struct package_view *p, const char *first, json_t *ranges)
{
	const char *key, *version;
	json_t *range;
	/* Who makes both lists long gets what each of them says, unjoined. */
	bool join = json_object_size(p->fixed) * json_object_size(p->ranges) <= JOINED_MAX;
	json_object_foreach(p->ranges, key, range) {
		const char *introduced =
		        load_json_text(json_array_get(json_object_get(range, "events"), 0), "introduced");
		if (!join || end_of_range(range, &version) || !end_by_fixes(p, introduced, ranges))
			json_array_append(ranges, range);
	}
	json_object_foreach(p->fixed, version, range)
		if (!join || !says_nothing_new(p, version))
			put_range(ranges, first, "fixed", version);
	if (json_object_size(p->fixed) > 0)
		return;
	json_object_foreach(p->last, version, range)
		put_range(ranges, first, json_string_value(range), version);
	if (json_object_size(p->last) == 0 && (p->all || json_object_size(p->first) > 0))
		put_range(ranges, first, NULL, NULL);
}

/* Into an entry, as far as there are any. */
static bool set_versions(json_t *entry, json_t *ranges, const json_t *versions)
{
	const char *version;
	json_t *ignored, *list = json_array();
	json_object_foreach((json_t *)versions, version, ignored)
		json_array_append_new(list, json_string(version));
	size_t n = json_array_size(ranges) + json_array_size(list);
	if (json_array_size(ranges) > 0)
		json_object_set(entry, "ranges", ranges);
	if (json_array_size(list) > 0)
		json_object_set(entry, "versions", list);
	json_decref(ranges);
	json_decref(list);
	return n > 0;
}

static void put_affected(const struct package_view *p, json_t *affected)
{
	json_t *ranges = json_array(), *ignored, *entry = entry_of(p);
	const char *version, *first = "0";
	/* From the first version that is known to be affected, where there is one such. */
	json_object_foreach(p->first, version, ignored)
		first = json_object_size(p->first) == 1 ? version : "0";
	put_ranges(p, first, ranges);
	if (set_versions(entry, ranges, p->affected))
		json_array_append(affected, entry);
	json_decref(entry);
}

/* OSV has no way to say it: what it lacks is under database_specific.pratique. */
static void put_spared(const struct package_view *p, json_t *affected)
{
	const char *justification, *key;
	json_t *versions, *range;
	json_object_foreach(p->spared, justification, versions) {
		json_t *entry = entry_of(p), *ranges = json_array();
		if (json_is_true(versions))
			put_range(ranges, "0", NULL, NULL);
		json_object_foreach(json_object_get(versions, "ranges"), key, range)
			json_array_append(ranges, range);
		(void)set_versions(entry, ranges, json_object_get(versions, "versions"));
		load_say_not_affected(entry, justification);
		json_array_append_new(affected, entry);
	}
}

static int order_views(const void *a, const void *b)
{
	const struct package_view *x = *(const struct package_view *const *)a,
	                          *y = *(const struct package_view *const *)b;
	int order = strcmp(x->ecosystem, y->ecosystem);
	return order ? order : strcmp(x->name, y->name);
}

/* In one order, whatever the table's: the same document makes the same record. */
static void put_views(const struct view *v, json_t *affected)
{
	size_t n = table_count(v->packages), i = 0;
	const struct package_view **views FREE_ON_EXIT = xcalloc(n + 1, sizeof(*views));
	TABLE_FOREACH(it, v->packages)
		views[i++] = it.value;
	qsort(views, n, sizeof(*views), order_views);
	for (i = 0; i < n; i++) {
		put_affected(views[i], affected);
		put_spared(views[i], affected);
	}
}

int csaf_statements(const json_t *vulnerability, const struct csaf_products *products,
        const struct product_map *map, json_t *affected, struct csaf_statement_counts *counts,
        struct error *why)
{
	struct view v = { products, map, vulnerability, table_new(), table_new(), counts };
	int r = take_statuses(&v, why);
	if (r == 0)
		put_views(&v, affected);
	table_free(v.packages, free_package_view);
	table_free(v.sides, NULL);
	return r;
}
