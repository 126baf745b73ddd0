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

/* above: what the branches say that it stands in; NULL: it stands in none. */
static struct csaf_product *add_product(
        struct csaf_products *p, const json_t *product, const struct csaf_product *above, struct error *why)
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
	if (above)
		*entry = *above;
	entry->purl = helper(product, "purl");
	entry->cpe = helper(product, "cpe");
	table_set_string(p->by_id, id, entry);
	return entry;
}

/* The branch's own word beside what those above it say; the nearest one of a kind stands. */
static struct csaf_product below(const struct csaf_product *above, const json_t *branch)
{
	const char *category = load_json_text(branch, "category");
	const char *name = json_string_value(json_object_get(branch, "name"));
	struct csaf_product here = *above;
	if (strcmp(category, "vendor") == 0)
		here.vendor = name;
	else if (strcmp(category, "product_name") == 0)
		here.name = name;
	else if (strcmp(category, "product_version") == 0)
		here.version = name, here.range = NULL;
	else if (strcmp(category, "product_version_range") == 0)
		here.range = name, here.version = NULL;
	return here;
}

static int read_branches(struct csaf_products *p, const json_t *parent, const struct csaf_product *above,
        int depth, struct error *why)
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
		const struct csaf_product here = below(above, branch);
		if (product && !add_product(p, product, &here, why))
			return -EINVAL;
		int r = read_branches(p, branch, &here, depth + 1, why);
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
	int r = read_branches(ret, tree, &(struct csaf_product){ NULL }, 0, why);
	if (r == 0)
		r = read_names(ret, tree, why);
	if (r == 0)
		r = read_relationships(ret, tree, why);
	return r == 0 ? read_groups(ret, tree, why) : r;
}

void csaf_packages_clear(struct csaf_packages *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->items[i].name);
		csaf_versions_clear(&p->versions[i]);
	}
	free(p->items);
	free(p->versions);
	*p = (struct csaf_packages){ 0 };
}

static struct csaf_package *add_package(struct csaf_packages *p)
{
	p->items = xrealloc_array(p->items, p->n + 1, sizeof(*p->items));
	p->versions = xrealloc_array(p->versions, p->n + 1, sizeof(*p->versions));
	p->versions[p->n] = (struct csaf_versions){ 0 };
	p->items[p->n] = (struct csaf_package){ .name = NULL };
	return &p->items[p->n++];
}

/* A product of no one version has a package URL without one: it stands for all of them. */
static char *with_version(const char *purl, bool *ret_versioned)
{
	size_t n = strcspn(purl, "?#");
	const char *at = memrchr(purl, '@', n), *slash = memrchr(purl, '/', n);
	*ret_versioned = at && (!slash || at > slash);
	return *ret_versioned ? xstrdup(purl) : xasprintf("%.*s@0%s", (int)n, purl, purl + n);
}

/* The package of a purl, of the distribution that it says itself or that its platform's CPE says; version
 * NULL: it gives none. */
static int package_of_purl(
        const char *purl, const char *cpe, struct csaf_package *ret, char **ret_version, struct error *why)
{
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
		r = ecosystem_of_package(p->packages[0].type, p->os_id, p->os_version, ret->ecosystem,
		        &ret->order, &naming, why);
	else if (r == 0)
		r = ecosystem_order_of_type(p->packages[0].type, &ret->order);
	if (r == 0) {
		ret->name = xstrdup(p->packages[0].source);
		*ret_version = versioned ? xstrdup(p->packages[0].source_version) : NULL;
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

static int count_range(const char *text, size_t *range_bytes, struct error *why)
{
	*range_bytes += strnlen(text, CSAF_RANGE_MAX) + 1;
	return *range_bytes > CSAF_RANGE_BYTES_MAX
	        ? error_set(why, -EINVAL, "more than %u bytes of version ranges", CSAF_RANGE_BYTES_MAX)
	        : 0;
}

static void set_all(struct csaf_versions *v)
{
	*v = (struct csaf_versions){ .all = true };
}

/* The version that the purl has, else those of the range: without either it is all that there are. */
static int take_purl(const struct csaf_product *part, const char *platform, size_t *range_bytes,
        struct csaf_packages *ret, struct error *why)
{
	char *version FREE_ON_EXIT = NULL;
	struct csaf_package *package = add_package(ret);
	struct csaf_versions *versions = &ret->versions[0];
	int r = package_of_purl(
	        part->purl, is_of_platform(part->purl) ? platform : NULL, package, &version, why);
	const struct csaf_numbering numbering = { package->order, false, "", "" };
	if (r < 0)
		return r;
	if (version) {
		*versions = (struct csaf_versions){ .ranges = json_object(), .versions = json_object() };
		json_object_set_new(versions->versions, version, json_true());
		versions->fixed_from = TAKE_POINTER(version);
		return 0;
	}
	set_all(versions);
	if (!part->range)
		return 0;
	r = count_range(part->range, range_bytes, why);
	return r == 0 ? csaf_versions_of_range(part->range, &numbering, versions, why) : r;
}

/* Of a product that is declared, what the document says of its versions. */
static int declared_versions(const struct csaf_product *part, const struct csaf_numbering *numbering,
        struct csaf_versions *ret, struct error *why)
{
	char *version FREE_ON_EXIT = NULL;
	bool all = true;
	set_all(ret);
	if (part->range)
		return csaf_versions_of_range(part->range, numbering, ret, why);
	if (part->version)
		return csaf_versions_of_one(part->version, numbering, ret, why);
	if (part->cpe && !product_cpe_version(part->cpe, &version, &all))
		return error_set(why, -ENOENT, "the CPE is of no one version");
	return all ? 0 : csaf_versions_of_one(version, numbering, ret, why);
}

static int take_declared(const struct csaf_product *part, const struct product *product, size_t *range_bytes,
        struct csaf_packages *ret, struct error *why)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < product->n_packages; i++) {
		const struct product_package *p = &product->packages[i];
		const struct csaf_numbering numbering = { p->order, true, product->strip, product->prefix };
		struct csaf_package *package = add_package(ret);
		memcpy(package->ecosystem, p->ecosystem, sizeof(package->ecosystem));
		package->name = xstrdup(p->name);
		package->order = p->order;
		r = count_range(part->range ? part->range : "", range_bytes, why);
		if (r == 0)
			r = declared_versions(part, &numbering, &ret->versions[i], why);
	}
	return r;
}

int csaf_packages_of(const struct csaf_product *product, const struct product_map *map, size_t *range_bytes,
        struct csaf_packages *ret, struct error *why)
{
	const struct csaf_product *part = product;
	const char *platform = NULL;
	int r = -ENOENT;
	bool found = false;
	*ret = (struct csaf_packages){ 0 };
	/* "A as a component of B", where A may be one again; a circle ends here as well. */
	for (int depth = 0; !found && part && depth < CSAF_BRANCHES_DEPTH_MAX;
	        depth++, part = part->component) {
		const struct product *declared =
		        part->purl ? NULL : product_map_find(map, part->vendor, part->name, part->cpe);
		if (!platform && part->platform && part->platform->cpe)
			platform = part->platform->cpe;
		found = part->purl || declared;
		if (part->purl)
			r = take_purl(part, platform, range_bytes, ret, why);
		else if (declared)
			r = take_declared(part, declared, range_bytes, ret, why);
	}
	if (r < 0)
		csaf_packages_clear(ret);
	if (!found)
		return error_set(why, -ENOENT, "the product has no package URL, and none is declared for it");
	return r < 0 && r != -EINVAL ? -ENOENT : r;
}
