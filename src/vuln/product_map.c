/* SPDX-License-Identifier: ISC */
#include "vuln/product_map.h"

#include "base/config.h"
#include "base/cursor.h"
#include "base/table.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define CPE22 "cpe:/"
#define CPE23 "cpe:2.3:"
#define CPE_PARTS_MAX 16

/* One section. */
struct declared {
	struct config_named named;
	struct config_list vendors, names, cpes, packages;
	char *strip, *prefix;
	struct product product;
	struct product_package *list; /* product.packages */
};

struct product_map {
	struct config_items items;
	struct table *by_name; /* "vendor\nname" -> struct declared */
	struct table *by_cpe;  /* what it begins with -> struct declared */
};

#define OPTION(field, word, kind, default_value, text) \
	{ \
		.name = word, .type = kind, .offset = offsetof(struct declared, field), \
		.fallback = default_value, .help = text \
	}
static const struct config_option options[] = {
	OPTION(vendors, "vendor", CONFIG_LIST, NULL, "as the branch \"vendor\" has it"),
	OPTION(names, "name", CONFIG_LIST, NULL, "as the branch \"product_name\" has it"),
	OPTION(cpes, "cpe", CONFIG_LIST, NULL, "the CPE, or what it begins with"),
	OPTION(packages, "package", CONFIG_LIST, NULL, "ECOSYSTEM PACKAGE"),
	OPTION(strip, "strip", CONFIG_STRING, "", "what the publisher's versions begin with"),
	OPTION(prefix, "prefix", CONFIG_STRING, "", "what the package's versions begin with"),
};
static const struct config_section section = { "product", options, ARRAY_LENGTH(options),
	offsetof(struct product_map, items), sizeof(struct declared), PRODUCT_MAP_MAX };

/* Small letters, runs of blanks as one, none at the ends. False where it is empty or too long. */
static bool fold(const char *text, struct writer *w)
{
	size_t before = w->length, n = strnlen(text, PRODUCT_NAME_MAX + 1);
	bool blank = false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (isspace(c)) {
			blank = true;
			continue;
		}
		if (blank && w->length > before)
			wr_u8(w, ' ');
		blank = false;
		wr_u8(w, (uint8_t)tolower(c));
	}
	return n <= PRODUCT_NAME_MAX && w->length > before;
}

static bool name_key(const char *vendor, const char *name, struct writer *w)
{
	wr_reset(w);
	if (!fold(vendor, w))
		return false;
	wr_u8(w, '\n');
	return fold(name, w) && !wr_failed(w);
}

/* Where the parts of a CPE are: after the prefix, between colons that no backslash escapes. */
struct cpe_parts {
	const char *at[CPE_PARTS_MAX], *end[CPE_PARTS_MAX];
	size_t n;
};

static bool split_cpe(const char *cpe, struct cpe_parts *ret)
{
	const char *at = cpe;
	bool uri = strncasecmp(cpe, CPE22, strlen(CPE22)) == 0;
	if (!uri && strncasecmp(cpe, CPE23, strlen(CPE23)) != 0)
		return false;
	at += strlen(uri ? CPE22 : CPE23);
	*ret = (struct cpe_parts){ .n = 0 };
	if (strnlen(cpe, PRODUCT_NAME_MAX + 1) > PRODUCT_NAME_MAX)
		return false;
	for (const char *begin = at;; at++) {
		if (*at == '\\' && at[1]) {
			at++;
			continue;
		}
		if (*at && *at != ':')
			continue;
		if (ret->n == CPE_PARTS_MAX)
			return false;
		ret->at[ret->n] = begin;
		ret->end[ret->n++] = at;
		begin = at + 1;
		if (!*at)
			return true;
	}
}

/* Part, vendor and product: what names less would be every product of a vendor. */
static bool names_product(const struct cpe_parts *p)
{
	bool named = p->n >= 3;
	for (size_t i = 0; named && i < 3; i++)
		named = p->end[i] > p->at[i] && *p->at[i] != '*';
	return named;
}

static void check_package(struct declared *d, const char *text, const char *file, struct error_report *r)
{
	struct product_package *p = &d->list[d->product.n_packages];
	const char *blank = strrchr(text, ' ');
	size_t n = blank ? (size_t)(blank - text) : 0;
	while (n > 0 && text[n - 1] == ' ')
		n--;
	char *ecosystem FREE_ON_EXIT = xstrndup(text, n);
	if (n == 0)
		error_report_add(
		        r, "%s:%d: package: \"%s\" is not ECOSYSTEM PACKAGE", file, d->named.line, text);
	else if (ecosystem_canonical(ecosystem, p->ecosystem, &p->order) < 0)
		error_report_add(r, "%s:%d: package: \"%s\" is no ecosystem that is known here", file,
		        d->named.line, ecosystem);
	else if (ecosystem_package_name(p->ecosystem, blank + 1, p->name) < 0)
		error_report_add(
		        r, "%s:%d: package: \"%s\" is no name of a package", file, d->named.line, blank + 1);
	else
		d->product.n_packages++;
}

static void claim(struct table *t, const struct writer *key, struct declared *d, const char *what,
        const char *file, struct error_report *r)
{
	const struct declared *other = table_set(t, key->data, key->length, d);
	if (other && other != d)
		error_report_add(r, "%s:%d: %s: product %s (line %d) has it already", file, d->named.line,
		        what, other->named.name, other->named.line);
}

static void claim_names(struct product_map *m, struct declared *d, const char *file, struct error_report *r)
{
	struct writer key = wr_make(SIZE_MAX);
	for (size_t i = 0; i < d->vendors.count; i++)
		for (size_t k = 0; k < d->names.count; k++) {
			if (name_key(d->vendors.items[i], d->names.items[k], &key))
				claim(m->by_name, &key, d, d->names.items[k], file, r);
			else
				error_report_add(r, "%s:%d: vendor and name are 1 to %d bytes each", file,
				        d->named.line, PRODUCT_NAME_MAX);
		}
	for (size_t i = 0; i < d->cpes.count; i++) {
		struct cpe_parts parts;
		wr_reset(&key);
		if (split_cpe(d->cpes.items[i], &parts) && names_product(&parts) &&
		        fold(d->cpes.items[i], &key))
			claim(m->by_cpe, &key, d, d->cpes.items[i], file, r);
		else
			error_report_add(r,
			        "%s:%d: cpe: \"%s\" is not cpe:2.3:PART:VENDOR:PRODUCT or "
			        "cpe:/PART:VENDOR:PRODUCT",
			        file, d->named.line, d->cpes.items[i]);
	}
	wr_free(&key);
}

static void check(struct product_map *m, struct declared *d, const char *file, struct error_report *r)
{
	if ((d->vendors.count == 0) != (d->names.count == 0))
		error_report_add(r, "%s:%d: product %s: vendor and name go together", file, d->named.line,
		        d->named.name);
	else if (d->names.count + d->cpes.count == 0)
		error_report_add(r, "%s:%d: product %s: neither vendor and name nor cpe", file, d->named.line,
		        d->named.name);
	if (d->packages.count == 0 || d->packages.count > PRODUCT_PACKAGES_MAX)
		error_report_add(r, "%s:%d: product %s: package: 1 to %d are wanted", file, d->named.line,
		        d->named.name, PRODUCT_PACKAGES_MAX);
	d->list = xcalloc(d->packages.count + 1, sizeof(*d->list));
	for (size_t i = 0; i < d->packages.count; i++)
		check_package(d, d->packages.items[i], file, r);
	d->product.packages = d->list;
	d->product.strip = d->strip;
	d->product.prefix = d->prefix;
	claim_names(m, d, file, r);
}

int product_map_open(
        const char *path, struct product_map **ret, void (*report)(const char *text), struct error *err)
{
	struct product_map *m = xcalloc(1, sizeof(*m));
	struct error_report r = { report, err, 0 };
	m->by_name = table_new();
	m->by_cpe = table_new();
	r.result = config_load_sections(path, NULL, NULL, 0, &section, 1, m, report, err);
	if (r.result < 0)
		r.err = NULL; /* it has the first one */
	for (size_t i = 0; i < m->items.count; i++)
		if (((struct declared *)m->items.items[i])->strip)
			check(m, m->items.items[i], path, &r);
	if (r.result < 0) {
		product_map_close(m);
		return r.result;
	}
	*ret = m;
	return 0;
}

struct product_map *product_map_close(struct product_map *m)
{
	if (!m)
		return NULL;
	for (size_t i = 0; i < m->items.count; i++)
		free(((struct declared *)m->items.items[i])->list);
	table_free(m->by_name, NULL);
	table_free(m->by_cpe, NULL);
	config_clear_sections(&section, 1, m);
	free(m);
	return NULL;
}

static const struct declared *find_cpe(const struct product_map *m, const char *cpe, struct writer *key)
{
	struct cpe_parts parts;
	if (!split_cpe(cpe, &parts))
		return NULL;
	for (size_t n = parts.n; n >= 3; n--) {
		char *begin FREE_ON_EXIT = xstrndup(cpe, (size_t)(parts.end[n - 1] - cpe));
		wr_reset(key);
		const struct declared *d =
		        fold(begin, key) ? table_get(m->by_cpe, key->data, key->length) : NULL;
		if (d)
			return d;
	}
	return NULL;
}

const struct product *product_map_find(
        const struct product_map *m, const char *vendor, const char *name, const char *cpe)
{
	struct writer key = wr_make(SIZE_MAX);
	const struct declared *d = NULL;
	if (!m)
		return NULL;
	if (vendor && name && name_key(vendor, name, &key))
		d = table_get(m->by_name, key.data, key.length);
	if (!d && cpe && table_count(m->by_cpe) > 0)
		d = find_cpe(m, cpe, &key);
	wr_free(&key);
	return d ? &d->product : NULL;
}

bool product_cpe_version(const char *cpe, char **ret_version, bool *ret_all)
{
	struct cpe_parts parts;
	*ret_version = NULL;
	if (!split_cpe(cpe, &parts))
		return false;
	size_t n = parts.n > 3 ? (size_t)(parts.end[3] - parts.at[3]) : 0;
	const char *at = n ? parts.at[3] : "*";
	*ret_all = n == 0 || (n == 1 && *at == '*');
	if (*ret_all)
		return true;
	char *out = xcalloc(n + 1, 1);
	size_t length = 0;
	for (size_t i = 0; i < n; i++) {
		/* Wildcards, NA and escapes of the URI form are no one version. */
		if (at[i] == '*' || at[i] == '?' || at[i] == '%' || (n == 1 && at[i] == '-')) {
			free(out);
			return false;
		}
		i += at[i] == '\\' && i + 1 < n;
		out[length++] = at[i];
	}
	*ret_version = out;
	return true;
}
