/* SPDX-License-Identifier: ISC */
#include "vuln/inventory_sbom.h"

#include "posture/purl.h"
#include "vuln/codename.h"
#include "vuln/ecosystem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DISTRIBUTION_SIZE 64 /* as purl_distribution() has it */

/* distro is "debian-12", "12" or "bookworm"; also where os-release has another name for the system than the
 * name space has: "rhel-9.3" in redhat, "opensuse-leap-15.5" in opensuse, "openEuler-22.03-LTS-SP3". */
static bool read_distribution(const char *namespace, const char *distro, char ret_id[DISTRIBUTION_SIZE],
        char ret_version[DISTRIBUTION_SIZE])
{
	const char *version = distro, *dash = strchr(distro, '-');
	if (!*namespace || !*distro)
		return false;
	while (dash && !(dash[1] >= '0' && dash[1] <= '9'))
		dash = strchr(dash + 1, '-');
	if (dash && dash > distro) {
		snprintf(ret_id, DISTRIBUTION_SIZE, "%.*s", (int)(dash - distro), distro);
		snprintf(ret_version, DISTRIBUTION_SIZE, "%s", dash + 1);
		return true;
	}
	const char *number = codename_release(namespace, version);
	if (number)
		version = number;
	if (*version < '0' || *version > '9')
		return false;
	snprintf(ret_id, DISTRIBUTION_SIZE, "%s", strcmp(namespace, "redhat") == 0 ? "rhel" : namespace);
	snprintf(ret_version, DISTRIBUTION_SIZE, "%s", version);
	return true;
}

/* Of another release than the inventory is: "12" and "12.5" of Debian are one. */
static bool is_elsewhere(const struct posture *p, const char *type, const char *id, const char *version)
{
	char there[ECOSYSTEM_NAME_MAX], here[ECOSYSTEM_NAME_MAX];
	enum version_ecosystem order;
	enum ecosystem_naming naming;
	if (ecosystem_of_package(type, id, version, there, &order, &naming, NULL) < 0)
		return false;
	return ecosystem_of_package(type, p->os_id, p->os_version, here, &order, &naming, NULL) < 0 ||
	        strcmp(here, there) != 0;
}

int inventory_add_purl(struct posture *p, const char *purl, const struct inventory_source *source,
        struct inventory_report *report, struct error *err)
{
	struct posture_package package;
	struct error why;
	char namespace[DISTRIBUTION_SIZE], distro[DISTRIBUTION_SIZE], id[DISTRIBUTION_SIZE],
	        version[DISTRIBUTION_SIZE];
	if (purl_parse(purl, strlen(purl), p, &package, &why) < 0) {
		inventory_note_unmapped(report, purl, why.text);
		return 0;
	}
	if (source && source->name) {
		package.source = posture_string(p, source->name);
		package.source_version =
		        source->version ? posture_string(p, source->version) : package.version;
	}
	if (purl_distribution(purl, namespace, distro) == 0 &&
	        read_distribution(namespace, distro, id, version)) {
		if (!p->os_version) {
			p->os_id = posture_string(p, id);
			p->os_version = posture_string(p, version);
		} else if (!report->overruled && is_elsewhere(p, package.type, id, version)) {
			error_set(&why, -EINVAL, "it is of %s %s, and what comes before it of %s %s", id,
			        version, p->os_id, p->os_version);
			inventory_note_unmapped(report, purl, why.text);
			return 0;
		}
	}
	int r = posture_add_package(p, &package);
	return r < 0 ? error_set(err, r, "more than %d packages", POSTURE_PACKAGES_MAX) : 0;
}

static const char *text_of(const json_t *json, const char *field)
{
	const char *text = json_string_value(json_object_get(json, field));
	return text && strlen(text) <= POSTURE_STRING_MAX ? text : NULL;
}

static void take_system(struct posture *p, const char *name, const char *version)
{
	if (p->os_id || !name || !version)
		return;
	p->os_id = posture_string(p, name);
	p->os_version = posture_string(p, version);
}

/* Where the purl has no upstream, some tools say the source in properties. */
static const char *property(const json_t *component, const char *name)
{
	const json_t *item, *list = json_object_get(component, "properties");
	size_t i;
	json_array_foreach(list, i, item) {
		const char *key = text_of(item, "name");
		if (key && strcmp(key, name) == 0)
			return text_of(item, "value");
	}
	return NULL;
}

static void take_source(
        const json_t *component, char version[POSTURE_STRING_MAX], struct inventory_source *ret)
{
	const char *epoch = property(component, "aquasecurity:trivy:SrcEpoch");
	const char *upstream = property(component, "aquasecurity:trivy:SrcVersion");
	const char *release = property(component, "aquasecurity:trivy:SrcRelease");
	ret->name = property(component, "aquasecurity:trivy:SrcName");
	ret->version = NULL;
	if (!ret->name || !upstream)
		return;
	int n = snprintf(version, POSTURE_STRING_MAX, "%s%s%s%s%s", epoch ? epoch : "", epoch ? ":" : "",
	        upstream, release ? "-" : "", release ? release : "");
	ret->version = n < POSTURE_STRING_MAX ? version : NULL;
}

static int add_component(
        const json_t *component, struct posture *p, struct inventory_report *report, struct error *err)
{
	const char *type = text_of(component, "type"), *name = text_of(component, "name");
	const char *purl = json_string_value(json_object_get(component, "purl"));
	char version[POSTURE_STRING_MAX];
	struct inventory_source source;
	if (type && strcmp(type, "operating-system") == 0) {
		take_system(p, name, text_of(component, "version"));
		return 0;
	}
	if (purl) {
		take_source(component, version, &source);
		return inventory_add_purl(p, purl, &source, report, err);
	}
	if (!type || strcmp(type, "file") != 0)
		inventory_note_unmapped(report, name ? name : "a component without name", "no purl");
	return 0;
}

static int add_components(
        const json_t *list, int depth, struct posture *p, struct inventory_report *report, struct error *err)
{
	const json_t *component;
	size_t i;
	if (depth > INVENTORY_DEPTH_MAX)
		return error_set(err, -EINVAL, "components nested deeper than %d", INVENTORY_DEPTH_MAX);
	json_array_foreach(list, i, component) {
		int r = add_component(component, p, report, err);
		if (r == 0)
			r = add_components(
			        json_object_get(component, "components"), depth + 1, p, report, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int inventory_read_cyclonedx(
        const json_t *json, struct posture *p, struct inventory_report *report, struct error *err)
{
	const json_t *subject = json_object_get(json_object_get(json, "metadata"), "component");
	const char *type = text_of(subject, "type");
	if (type && strcmp(type, "operating-system") == 0)
		take_system(p, text_of(subject, "name"), text_of(subject, "version"));
	p->packages_known = true;
	return add_components(json_object_get(json, "components"), 0, p, report, err);
}

static const char *spdx_purl(const json_t *package)
{
	const json_t *ref, *refs = json_object_get(package, "externalRefs");
	size_t i;
	json_array_foreach(refs, i, ref) {
		const char *type = text_of(ref, "referenceType");
		if (type && strcmp(type, "purl") == 0)
			return json_string_value(json_object_get(ref, "referenceLocator"));
	}
	return NULL;
}

int inventory_read_spdx(
        const json_t *json, struct posture *p, struct inventory_report *report, struct error *err)
{
	const json_t *package, *list = json_object_get(json, "packages");
	size_t i;
	p->packages_known = true;
	json_array_foreach(list, i, package) {
		const char *name = text_of(package, "name"),
		           *purpose = text_of(package, "primaryPackagePurpose");
		const char *purl = spdx_purl(package);
		if (purl) {
			int r = inventory_add_purl(p, purl, NULL, report, err);
			if (r < 0)
				return r;
		} else if (purpose && strcmp(purpose, "OPERATING-SYSTEM") == 0) {
			take_system(p, name, text_of(package, "versionInfo"));
		} else if (!purpose || strcmp(purpose, "FILE") != 0) {
			inventory_note_unmapped(report, name ? name : "a package without name", "no purl");
		}
	}
	return 0;
}
