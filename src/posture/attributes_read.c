/* SPDX-License-Identifier: ISC */
/*
 * PA-TNC messages to posture. Our own attributes say everything and win; standard attributes fill what they
 * leave open, which is how the agents of third parties are understood. A package is only taken where it is
 * named exactly: by a purl, or by the name and version of Installed Packages on a distribution whose package
 * manager is known. Other software identifiers are counted and reported as unknown.
 */
#include "posture/attributes.h"

#include "posture/catalogue.h"
#include "posture/purl.h"
#include "proto/patnc/pratique.h"
#include "proto/patnc/swima.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Distributions by the beginning of their product name, and the purl type of their packages. */
static const struct distribution {
	const char *word, *os_id, *package_type;
	bool major_only; /* point releases are the same os_version: Debian 12.9 is 12 */
} distributions[] = {
	{ "Debian", "debian", "deb", true },
	{ "Ubuntu", "ubuntu", "deb", false },
	{ "Fedora", "fedora", "rpm", true },
	{ "CentOS", "centos", "rpm", true },
	{ "Rocky", "rocky", "rpm", true },
	{ "AlmaLinux", "almalinux", "rpm", true },
	{ "Red Hat Enterprise", "rhel", "rpm", true },
	{ "openSUSE Leap", "opensuse-leap", "rpm", false },
	{ "Alpine", "alpine", "apk", false },
};

struct posture_reader {
	struct posture_catalogue *catalogue; /* NULL: packages have no numbers */
	struct posture *p;
	size_t bytes;
	/* From standard attributes. */
	const char *product, *version, *build, *configuration;
	enum tristate forwarding, firewall;
	struct posture_package *listed; /* Installed Packages: name and version only */
	size_t n_listed, listed_capacity;
	bool listed_known, inventory_known, ours;
	uint32_t unnamed; /* software identifiers that are not purls */
};

static void reader_clear(struct posture_reader *r)
{
	posture_free(r->p);
	free(r->listed);
	*r = (struct posture_reader){ .catalogue = r->catalogue };
}

struct posture_reader *posture_reader_new(struct posture_catalogue *catalogue)
{
	struct posture_reader *r = xcalloc(1, sizeof(*r));
	r->catalogue = catalogue;
	r->p = posture_new();
	return r;
}

struct posture_reader *posture_reader_free(struct posture_reader *r)
{
	if (r) {
		reader_clear(r);
		free(r);
	}
	return NULL;
}

static const char *keep(struct posture_reader *r, struct patnc_text t)
{
	return t.length ? posture_string_n(r->p, t.at, t.length) : NULL;
}

/* One handler an attribute: 0 or -EBADMSG (for -E2BIG see read_list). */

static int read_product(struct posture_reader *r, const struct patnc_attribute *a)
{
	struct patnc_product product;
	if (patnc_get_product_information(a, &product) < 0)
		return -EBADMSG;
	r->product = keep(r, product.name);
	return 0;
}

static int read_string_version(struct posture_reader *r, const struct patnc_attribute *a)
{
	struct patnc_string_version version;
	if (patnc_get_string_version(a, &version) < 0)
		return -EBADMSG;
	r->version = keep(r, version.version);
	r->build = keep(r, version.build);
	r->configuration = keep(r, version.configuration);
	return 0;
}

static int read_forwarding(struct posture_reader *r, const struct patnc_attribute *a)
{
	enum patnc_forwarding forwarding;
	if (patnc_get_forwarding_enabled(a, &forwarding) < 0)
		return -EBADMSG;
	r->forwarding = forwarding == PATNC_FORWARDING_YES ? TRI_YES
	        : forwarding == PATNC_FORWARDING_NO        ? TRI_NO
	                                                   : TRI_UNKNOWN;
	return 0;
}

static int read_firewall_status(struct posture_reader *r, const struct patnc_attribute *a)
{
	struct patnc_operational_status status;
	if (patnc_get_operational_status(a, &status) < 0)
		return -EBADMSG;
	r->firewall = status.status == PATNC_OPERATIONAL ? TRI_YES
	        : status.status == PATNC_STATUS_UNKNOWN  ? TRI_UNKNOWN
	                                                 : TRI_NO;
	return 0;
}

static int read_installed_packages(struct posture_reader *r, const struct patnc_attribute *a)
{
	struct patnc_list list;
	struct patnc_package package;
	if (patnc_get_installed_packages(a, &list) < 0)
		return -EBADMSG;
	r->listed_known = true;
	while (patnc_next_package(&list, &package)) {
		if (r->n_listed == POSTURE_PACKAGES_MAX)
			return -E2BIG;
		ARRAY_RESERVE_ONE(r->listed, r->n_listed, r->listed_capacity);
		r->listed[r->n_listed++] = (struct posture_package){ .name = keep(r, package.name),
			.version = keep(r, package.version) };
	}
	return 0;
}

/* One that nobody has sent before, or in other words. */
static int read_new_record(struct posture_reader *r, const struct swima_record *record)
{
	struct posture_package package;
	const struct patnc_text *text = &record->identifier;
	if (record->model_vendor != PRATIQUE_PEN || record->model_type != PRATIQUE_MODEL_PURL ||
	        purl_parse(text->at, text->length, r->p, &package, NULL) < 0) {
		r->unnamed += r->unnamed < POSTURE_REFUSED_IDENTIFIERS_MAX;
		return 0;
	}
	const struct posture_package *known = NULL;
	if (r->catalogue)
		known = catalogue_add(r->catalogue, r->p, &package, text->at, text->length);
	return posture_add_package(r->p, known ? known : &package);
}

/* Most records are what other hosts of the site have sent, byte by byte. The first that is not ends the walk
 * and is in *record, with a result of 1. */
static int read_known_records(struct posture_reader *r, struct swima_list *list, struct swima_record *record)
{
	int result = 0;
	catalogue_begin(r->catalogue);
	while (result == 0 && swima_next_record(list, record)) {
		const struct patnc_text *text = &record->identifier;
		const struct posture_package *known = NULL;
		if (record->model_vendor == PRATIQUE_PEN && record->model_type == PRATIQUE_MODEL_PURL)
			known = catalogue_find(r->catalogue, text->at, text->length);
		result = known ? posture_add_package(r->p, known) : 1;
	}
	catalogue_end(r->catalogue);
	return result;
}

static int read_inventory(struct posture_reader *r, const struct patnc_attribute *a)
{
	struct swima_list list;
	struct swima_record record;
	int result = 0;
	if (swima_get_list(a, &list) < 0)
		return -EBADMSG;
	r->inventory_known = true;
	/* Not before: a reader may wait for long, and what is attached keeps packages. */
	if (r->catalogue && !r->p->catalogue)
		catalogue_attach(r->catalogue, r->p);
	while (result == 0) {
		result = r->catalogue ? read_known_records(r, &list, &record)
		                      : swima_next_record(&list, &record);
		if (result <= 0)
			return result;
		result = read_new_record(r, &record);
	}
	return result;
}

static int read_json(struct posture_reader *r, const struct patnc_attribute *a)
{
	struct patnc_text text;
	json_error_t where;
	if (pratique_get_text(a, &text) < 0)
		return -EBADMSG;
	json_t *json = json_loadb(text.at, text.length, JSON_REJECT_DUPLICATES, &where);
	if (!json)
		return -EBADMSG;
	int result = 0;
	if (json_object_get(json, "packages")) /* these are SWIMA's alone: one place says each thing */
		result = -EBADMSG;
	else if (posture_merge_json(r->p, json, NULL) < 0)
		result = -EBADMSG;
	json_decref(json);
	r->ours |= result == 0;
	return result;
}

static const struct {
	uint32_t vendor, subtype, type;
	int (*read)(struct posture_reader *r, const struct patnc_attribute *a);
} handlers[] = {
	{ PATNC_VENDOR_IETF, PATNC_SUBTYPE_OPERATING_SYSTEM, PATNC_PRODUCT_INFORMATION, read_product },
	{ PATNC_VENDOR_IETF, PATNC_SUBTYPE_OPERATING_SYSTEM, PATNC_STRING_VERSION, read_string_version },
	{ PATNC_VENDOR_IETF, PATNC_SUBTYPE_OPERATING_SYSTEM, PATNC_FORWARDING_ENABLED, read_forwarding },
	{ PATNC_VENDOR_IETF, PATNC_SUBTYPE_OPERATING_SYSTEM, PATNC_INSTALLED_PACKAGES,
	        read_installed_packages },
	{ PATNC_VENDOR_IETF, PATNC_SUBTYPE_FIREWALL, PATNC_OPERATIONAL_STATUS, read_firewall_status },
	{ PATNC_VENDOR_IETF, PATNC_SUBTYPE_SWIMA, PATNC_SOFTWARE_IDENTIFIER_INVENTORY, read_inventory },
	{ PATNC_VENDOR_IETF, PATNC_SUBTYPE_SWIMA, PATNC_SOFTWARE_INVENTORY, read_inventory },
	{ PRATIQUE_PEN, PRATIQUE_SUBTYPE, PRATIQUE_SYSTEM, read_json },
	{ PRATIQUE_PEN, PRATIQUE_SUBTYPE, PRATIQUE_NETWORK_CONFIGURATION, read_json },
	{ PRATIQUE_PEN, PRATIQUE_SUBTYPE, PRATIQUE_SECURITY_CONFIGURATION, read_json },
	{ PRATIQUE_PEN, PRATIQUE_SUBTYPE, PRATIQUE_PREVENTION_SOURCES, read_json },
};

/* The attribute types of the handlers: the vendor of the subtype is the attribute's, here. */
static int read_attribute(
        struct posture_reader *r, uint32_t vendor, uint32_t subtype, const struct patnc_attribute *a)
{
	for (size_t i = 0; i < ARRAY_LENGTH(handlers); i++)
		if (handlers[i].vendor == vendor && handlers[i].subtype == subtype && a->vendor == vendor &&
		        handlers[i].type == a->type)
			return handlers[i].read(r, a);
	return 0;
}

int posture_reader_feed(struct posture_reader *r, uint32_t vendor, uint32_t subtype, const void *body,
        size_t length, struct patnc_error *ret_error)
{
	struct patnc_message message;
	struct patnc_attribute attribute;
	if (length > POSTURE_INSPECTION_MAX - r->bytes)
		return -E2BIG;
	r->bytes += length;
	int result = patnc_read_message(body, length, NULL, &message, ret_error);
	while (result == 0 && patnc_next_attribute(&message, &attribute)) {
		result = read_attribute(r, vendor, subtype, &attribute);
		if (result == -EBADMSG)
			*ret_error = patnc_invalid_attribute(&message, &attribute);
	}
	return result;
}

static const struct distribution *find_distribution(const char *product)
{
	for (size_t i = 0; product && i < ARRAY_LENGTH(distributions); i++) {
		size_t n = strlen(distributions[i].word);
		if (strncasecmp(product, distributions[i].word, n) == 0 &&
		        !isalnum((unsigned char)product[n]))
			return &distributions[i];
	}
	return NULL;
}

/* Other agents' String Version: "12.9 x86_64", the version and the machine. */
static void take_version(struct posture_reader *r, const struct distribution *d)
{
	size_t n = strcspn(r->version, " "), version = d && d->major_only ? strcspn(r->version, ". ") : n;
	const char *machine = r->version[n] ? r->version + n + 1 : r->configuration;
	if (!r->p->os_version && version > 0)
		r->p->os_version = posture_string_n(r->p, r->version, version);
	if (!r->p->architecture && machine)
		r->p->architecture = posture_machine_architecture(machine);
}

/* What our own attributes did not say. */
static void take_standard(struct posture_reader *r)
{
	struct posture *p = r->p;
	const struct distribution *d = find_distribution(r->product);
	if (!p->os_name)
		p->os_name = r->product;
	if (!p->os_id && d)
		p->os_id = d->os_id;
	if (r->version)
		take_version(r, d);
	/* One attribute for both families. */
	if (p->forwarding_v4 == TRI_UNKNOWN)
		p->forwarding_v4 = r->forwarding;
	if (p->forwarding_v6 == TRI_UNKNOWN)
		p->forwarding_v6 = r->forwarding;
	if (p->firewall_active == TRI_UNKNOWN)
		p->firewall_active = r->firewall;
}

static void take_listed(struct posture_reader *r)
{
	const struct distribution *d = find_distribution(r->product);
	if (!d) {
		(void)posture_add_unknown(r->p, "packages",
		        "%zu packages of an operating system whose package manager is not known",
		        r->n_listed);
		return;
	}
	size_t unusable = 0;
	for (size_t i = 0; i < r->n_listed; i++) {
		struct posture_package package = r->listed[i];
		if (!package.name || !package.version) {
			unusable++;
			continue;
		}
		package.type = d->package_type;
		package.source = package.name;
		package.source_version = package.version;
		(void)posture_add_package(r->p, &package); /* the list has the same limit */
	}
	if (r->n_listed)
		(void)posture_add_unknown(r->p, "packages",
		        "the agent does not say what its packages are built from, so advisories that name "
		        "another source package are missed");
	if (unusable)
		(void)posture_add_unknown(
		        r->p, "packages", "%zu packages without a name or a version", unusable);
	r->p->packages_known = r->p->n_packages > 0;
	if (r->n_listed == 0)
		(void)posture_add_unknown(r->p, "packages", "the agent's list of packages is empty");
}

static bool has_unknown(const struct posture *p, const char *field)
{
	for (size_t i = 0; i < p->n_unknowns; i++)
		if (strcmp(p->unknowns[i].field, field) == 0)
			return true;
	return false;
}

static void take_packages(struct posture_reader *r)
{
	struct posture *p = r->p;
	if (p->n_packages == 0 && r->listed_known) {
		take_listed(r);
		return;
	}
	if (r->unnamed)
		(void)posture_add_unknown(
		        p, "packages", "%u software identifiers that are not package URLs", r->unnamed);
	p->packages_known = r->inventory_known && p->n_packages > 0;
	if (p->packages_known || has_unknown(p, "packages"))
		return;
	/* There is no system of no packages: whoever says so has not looked, or looked in the wrong place. */
	(void)posture_add_unknown(p, "packages",
	        r->inventory_known ? "the agent's inventory is empty" : "the agent sent no inventory");
}

struct posture *posture_reader_finish(struct posture_reader *r, time_ms now)
{
	if (!r->ours)
		take_standard(r);
	take_packages(r);
	struct posture *p = TAKE_POINTER(r->p);
	p->collected = now / 1000 * 1000;
	reader_clear(r);
	r->p = posture_new();
	return p;
}
