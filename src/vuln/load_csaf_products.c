/* SPDX-License-Identifier: ISC */
#include "vuln/load_csaf.h"

#include "posture/purl.h"
#include "vuln/codename.h"
#include "vuln/inventory_sbom.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void csaf_products_clear(struct csaf_products *p)
{
	table_free(p->by_id, free);
	table_free(p->groups, NULL);
	*p = (struct csaf_products){ 0 };
}

static const char *helper(const json_t *product, const char *name)
{
	return json_string_value(
	        json_object_get(json_object_get(product, "product_identification_helper"), name));
}

static struct csaf_product *add_product(
        struct csaf_products *p, const json_t *product, const char *range, struct error *why)
{
	const char *id = load_json_text(product, "product_id");
	if (!*id) {
		(void)error_set(why, -EINVAL, "a product without product_id");
		return NULL;
	}
	if (table_get_string(p->by_id, id)) { /* 6.1.2: two meanings of one name */
		(void)error_set(why, -EINVAL, "product_id \"%.80s\" is defined twice", id);
		return NULL;
	}
	if (table_count(p->by_id) >= CSAF_PRODUCTS_MAX) {
		(void)error_set(why, -EINVAL, "more than %d products", CSAF_PRODUCTS_MAX);
		return NULL;
	}
	struct csaf_product *entry = xcalloc(1, sizeof(*entry));
	entry->purl = helper(product, "purl");
	entry->cpe = helper(product, "cpe");
	entry->range = range;
	table_set_string(p->by_id, id, entry);
	return entry;
}

static int read_branches(struct csaf_products *p, const json_t *parent, int depth, struct error *why)
{
	const json_t *branch, *branches = json_object_get(parent, "branches");
	size_t i;
	if (!branches)
		return 0;
	if (!json_is_array(branches))
		return error_set(why, -EINVAL, "\"branches\" is not a list");
	if (depth > CSAF_BRANCHES_DEPTH_MAX)
		return error_set(why, -EINVAL, "branches more than %d deep", CSAF_BRANCHES_DEPTH_MAX);
	json_array_foreach(branches, i, branch) {
		const json_t *product = json_object_get(branch, "product");
		const char *range = strcmp(load_json_text(branch, "category"), "product_version_range") == 0
		        ? load_json_text(branch, "name")
		        : NULL;
		if (product && !add_product(p, product, range, why))
			return -EINVAL;
		int r = read_branches(p, branch, depth + 1, why);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_names(struct csaf_products *p, const json_t *tree, struct error *why)
{
	const json_t *product, *names = json_object_get(tree, "full_product_names");
	size_t i;
	json_array_foreach(names, i, product)
		if (!add_product(p, product, NULL, why))
			return -EINVAL;
	return 0;
}

static const json_t *relations_of(const json_t *tree)
{
	return json_object_get(tree, "relationships");
}

/* First all that are defined, then what they refer to: the order is the author's. */
static int read_relationships(struct csaf_products *p, const json_t *tree, struct error *why)
{
	const json_t *relation;
	size_t i;
	json_array_foreach(relations_of(tree), i, relation)
		if (!add_product(p, json_object_get(relation, "full_product_name"), NULL, why))
			return -EINVAL;
	json_array_foreach(relations_of(tree), i, relation) {
		const char *component = load_json_text(relation, "product_reference");
		const char *platform = load_json_text(relation, "relates_to_product_reference");
		struct csaf_product *entry = table_get_string(p->by_id,
		        load_json_text(json_object_get(relation, "full_product_name"), "product_id"));
		entry->component = table_get_string(p->by_id, component);
		entry->platform = table_get_string(p->by_id, platform);
		if (!entry->component || !entry->platform) /* 6.1.1 */
			return error_set(why, -EINVAL, "a relationship with \"%.80s\", which is not defined",
			        entry->component ? platform : component);
	}
	return 0;
}

static int read_groups(struct csaf_products *p, const json_t *tree, struct error *why)
{
	const json_t *group, *groups = json_object_get(tree, "product_groups");
	size_t i;
	json_array_foreach(groups, i, group) {
		const char *id = load_json_text(group, "group_id");
		json_t *list = json_object_get(group, "product_ids");
		if (!*id || !json_is_array(list))
			return error_set(why, -EINVAL, "a product group without group_id or product_ids");
		if (table_set_string(p->groups, id, list)) /* 6.1.5 */
			return error_set(why, -EINVAL, "group_id \"%.80s\" is defined twice", id);
	}
	return 0;
}

int csaf_products_read(const json_t *document, struct csaf_products *ret, struct error *why)
{
	const json_t *tree = json_object_get(document, "product_tree");
	*ret = (struct csaf_products){ .by_id = table_new(), .groups = table_new() };
	if (!tree)
		return 0;
	if (!json_is_object(tree))
		return error_set(why, -EINVAL, "\"product_tree\" is not an object");
	int r = read_branches(ret, tree, 0, why);
	if (r == 0)
		r = read_names(ret, tree, why);
	if (r == 0)
		r = read_relationships(ret, tree, why);
	return r == 0 ? read_groups(ret, tree, why) : r;
}

void csaf_package_clear(struct csaf_package *p)
{
	free(p->name);
	free(p->version);
	*p = (struct csaf_package){ 0 };
}

/* A product of no one version has a package URL without one: it stands for all of them. */
static char *with_version(const char *purl, bool *ret_versioned)
{
	size_t n = strcspn(purl, "?#");
	const char *at = memrchr(purl, '@', n), *slash = memrchr(purl, '/', n);
	*ret_versioned = at && (!slash || at > slash);
	return *ret_versioned ? xstrdup(purl) : xasprintf("%.*s@0%s", (int)n, purl, purl + n);
}

/* The package of a purl, of the distribution that it says itself or that its platform's CPE says. */
static int package_of_purl(const char *purl, const char *cpe, struct csaf_package *ret, struct error *why)
{
	enum version_ecosystem order;
	enum ecosystem_naming naming;
	bool versioned;
	char *whole FREE_ON_EXIT = with_version(purl, &versioned);
	struct inventory_report report = { 0 };
	struct posture *p = posture_new();
	int r = inventory_add_purl(p, whole, NULL, &report, why);
	if (r == 0 && p->n_packages != 1)
		r = error_set(why, -ENOENT, "%.200s",
		        report.first_unmapped[0] ? report.first_unmapped[0] : "not a package URL");
	if (r == 0 && (!cpe || codename_ecosystem_of_cpe(cpe, ret->ecosystem) < 0))
		r = ecosystem_of_package(
		        p->packages[0].type, p->os_id, p->os_version, ret->ecosystem, &order, &naming, why);
	if (r == 0) {
		ret->name = xstrdup(p->packages[0].source);
		ret->version = versioned ? xstrdup(p->packages[0].source_version) : NULL;
	}
	inventory_report_clear(&report);
	posture_free(p);
	return r < 0 ? -ENOENT : 0;
}

/* A distribution's packages are of a platform's ecosystem; others' are of their own, wherever they are. */
static bool is_of_platform(const char *purl)
{
	static const char *const types[] = { "pkg:rpm/", "pkg:deb/", "pkg:apk/" };
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
		if (strncmp(purl, types[i], strlen(types[i])) == 0)
			return true;
	return false;
}

int csaf_package_of(const struct csaf_product *product, struct csaf_package *ret, struct error *why)
{
	const struct csaf_product *part = product;
	const char *platform = NULL;
	/* "A as a component of B", where A may be one again; a circle ends here as well. */
	for (int depth = 0; part && depth < CSAF_BRANCHES_DEPTH_MAX; depth++, part = part->component) {
		if (!platform && part->platform && part->platform->cpe)
			platform = part->platform->cpe;
		if (!part->purl)
			continue;
		*ret = (struct csaf_package){ .range = part->range };
		return package_of_purl(part->purl, is_of_platform(part->purl) ? platform : NULL, ret, why);
	}
	return error_set(why, -ENOENT, "the product has no package URL");
}
