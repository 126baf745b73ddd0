/* SPDX-License-Identifier: ISC */
/* JSON to posture. What is absent is not known; keys that we do not know are ignored. */
#include "posture/json.h"

#include <errno.h>
#include <string.h>

int posture_get_string(struct posture *p, const json_t *object, const char *where, const char *key,
        const char **ret, struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return error_set(err, -EINVAL, "%s.%s is not a string", where, key);
	if (json_string_length(value) > POSTURE_STRING_MAX)
		return error_set(
		        err, -EINVAL, "%s.%s is longer than %d bytes", where, key, POSTURE_STRING_MAX);
	*ret = posture_string_n(p, json_string_value(value), json_string_length(value));
	return 0;
}

int posture_need_string(struct posture *p, const json_t *object, const char *where, const char *key,
        const char **ret, struct error *err)
{
	*ret = NULL;
	int r = posture_get_string(p, object, where, key, ret, err);
	if (r == 0 && (!*ret || !**ret))
		r = error_set(err, -EINVAL, "%s without %s", where, key);
	return r;
}

int posture_get_time(const json_t *object, const char *key, time_ms *ret, struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value) || clock_parse(json_string_value(value), ret) < 0)
		return error_set(err, -EINVAL, "%s is not a time such as 2026-11-21T20:54:00Z", key);
	return 0;
}

int posture_get_tristate(const json_t *object, const char *key, enum tristate *ret, struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return error_set(err, -EINVAL, "%s is neither true nor false", key);
	*ret = json_is_true(value) ? TRI_YES : TRI_NO;
	return 0;
}

int posture_get_count(const json_t *object, const char *key, struct posture_count *ret, struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return 0;
	json_int_t n = json_integer_value(value);
	if (!json_is_integer(value) || n < 0 || n > UINT32_MAX)
		return error_set(err, -EINVAL, "%s is not a number from 0 to %u", key, UINT32_MAX);
	*ret = (struct posture_count){ .known = true, .value = (uint32_t)n };
	return 0;
}

int posture_get_array(
        const json_t *object, const char *key, size_t most, const json_t **ret, struct error *err)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_array(value))
		return error_set(err, -EINVAL, "%s is not a list", key);
	if (json_array_size(value) > most)
		return error_set(err, -EINVAL, "%s has %zu entries; %zu are allowed", key,
		        json_array_size(value), most);
	*ret = value;
	return 1;
}

static int package_from_json(struct posture *p, const json_t *o, struct error *err)
{
	struct posture_package package = { 0 };
	const char *const where = "packages[]";
	int r = posture_need_string(p, o, where, "type", &package.type, err);
	if (r == 0)
		r = posture_need_string(p, o, where, "name", &package.name, err);
	if (r == 0)
		r = posture_need_string(p, o, where, "version", &package.version, err);
	if (r == 0)
		r = posture_get_string(p, o, where, "architecture", &package.architecture, err);
	package.source = package.name;
	package.source_version = package.version;
	if (r == 0)
		r = posture_get_string(p, o, where, "source", &package.source, err);
	if (r == 0)
		r = posture_get_string(p, o, where, "source_version", &package.source_version, err);
	return r < 0 ? r : posture_add_package(p, &package);
}

static int update_from_json(struct posture *p, const json_t *o, struct error *err)
{
	struct posture_update update = { 0 };
	const char *const where = "updates.security[]";
	int r = posture_need_string(p, o, where, "package", &update.package, err);
	if (r == 0)
		r = posture_need_string(p, o, where, "installed", &update.installed, err);
	if (r == 0)
		r = posture_need_string(p, o, where, "available", &update.available, err);
	return r < 0 ? r : posture_add_update(p, &update);
}

static int outdated_from_json(struct posture *p, const json_t *o, struct error *err)
{
	struct posture_outdated outdated = { 0 };
	const char *const where = "processes.outdated[]";
	const json_t *processes = json_object_get(o, "processes");
	int r = posture_need_string(p, o, where, "program", &outdated.program, err);
	if (r == 0)
		r = posture_get_string(p, o, where, "package", &outdated.package, err);
	if (r == 0)
		r = posture_need_string(p, o, where, "replaced", &outdated.replaced, err);
	if (r < 0)
		return r;
	json_int_t n = json_integer_value(processes);
	if (!json_is_integer(processes) || n < 1 || n > UINT32_MAX)
		return error_set(err, -EINVAL, "%s.processes is not a number above 0", where);
	outdated.processes = (uint32_t)n;
	return posture_add_outdated(p, &outdated);
}

static int unlisted_from_json(struct posture *p, const json_t *o, const char *where,
        int (*add)(struct posture *, const struct posture_unlisted *), struct error *err)
{
	struct posture_unlisted unlisted = { 0 };
	int r = posture_need_string(p, o, where, "program", &unlisted.program, err);
	if (r == 0)
		r = posture_need_string(p, o, where, "how", &unlisted.how, err);
	return r < 0 ? r : add(p, &unlisted);
}

static int listening_from_json(struct posture *p, const json_t *o, struct error *err)
{
	return unlisted_from_json(p, o, "software.listening[]", posture_add_listening, err);
}

static int starting_from_json(struct posture *p, const json_t *o, struct error *err)
{
	return unlisted_from_json(p, o, "software.starting[]", posture_add_starting, err);
}

static int unknown_from_json(struct posture *p, const json_t *o, struct error *err)
{
	const char *field = NULL, *reason = NULL;
	int r = posture_need_string(p, o, "unknown[]", "field", &field, err);
	if (r == 0)
		r = posture_need_string(p, o, "unknown[]", "reason", &reason, err);
	return r < 0 ? r : posture_add_unknown(p, field, "%s", reason);
}

/* Unlike ip_prefix_parse() host bits stay. */
static int parse_address(const char *text, struct ip_prefix *ret)
{
	char copy[IP_TEXT_SIZE];
	size_t n = strcspn(text, "/");
	char *end;
	if (n >= sizeof(copy) || text[n] != '/' || text[n + 1] < '0' || text[n + 1] > '9')
		return -EINVAL;
	memcpy(copy, text, n);
	copy[n] = '\0';
	unsigned long length = strtoul(text + n + 1, &end, 10);
	if (ip_parse(copy, &ret->address) < 0 || *end)
		return -EINVAL;
	bool v4 = ip_is_v4(&ret->address);
	if (length > (v4 ? 32 : 128))
		return -EINVAL;
	ret->length = (uint8_t)(length + (v4 ? 96 : 0));
	return 0;
}

static int kind_from_json(
        struct posture *p, const json_t *o, struct posture_interface *interface, struct error *err)
{
	const char *const where = "network.interfaces[]";
	int r = posture_get_string(p, o, where, "kind", &interface->kind, err);
	if (r == 0)
		r = posture_get_string(p, o, where, "master", &interface->master, err);
	if (r == 0)
		r = posture_get_string(p, o, where, "wireless_mode", &interface->wireless_mode, err);
	if (r == 0)
		r = posture_get_tristate(o, "point_to_point", &interface->point_to_point, err);
	if (r == 0)
		r = posture_get_tristate(o, "proxy_arp", &interface->proxy_v4, err);
	if (r == 0)
		r = posture_get_tristate(o, "proxy_nd", &interface->proxy_v6, err);
	return r;
}

static int interface_from_json(struct posture *p, const json_t *o, struct error *err)
{
	struct posture_interface interface = { 0 };
	const char *mac = NULL;
	const json_t *addresses = NULL;
	enum tristate up = TRI_NO;
	int r = posture_need_string(p, o, "network.interfaces[]", "name", &interface.name, err);
	if (r == 0)
		r = posture_get_string(p, o, "network.interfaces[]", "mac", &mac, err);
	if (r == 0)
		r = posture_get_tristate(o, "up", &up, err);
	if (r == 0)
		r = kind_from_json(p, o, &interface, err);
	if (r < 0)
		return r;
	interface.up = up == TRI_YES;
	interface.has_mac = mac;
	if (mac && mac_parse(mac, &interface.mac) < 0)
		return error_set(err, -EINVAL, "%s is not a MAC address", mac);
	r = posture_add_interface(p, &interface);
	if (r == 0)
		r = posture_get_array(o, "addresses", POSTURE_ADDRESSES_MAX, &addresses, err);
	for (size_t i = 0; r > 0 && i < json_array_size(addresses); i++) {
		const char *text = json_string_value(json_array_get(addresses, i));
		struct ip_prefix address;
		if (!text || parse_address(text, &address) < 0)
			return error_set(
			        err, -EINVAL, "network.interfaces[].addresses: not an address/length");
		(void)posture_add_address(p, p->n_interfaces - 1, &address); /* the limit is the array's */
	}
	return MIN(r, 0);
}

static int route_from_json(struct posture *p, const json_t *o, struct error *err)
{
	struct posture_route route = { 0 };
	const char *family = "", *gateway = NULL, *const where = "network.default_routes[]";
	int r = posture_need_string(p, o, where, "family", &family, err);
	if (r == 0)
		r = posture_get_string(p, o, where, "gateway", &gateway, err);
	if (r == 0)
		r = posture_get_string(p, o, where, "interface", &route.interface, err);
	if (r < 0)
		return r;
	route.v4 = family && strcmp(family, "ipv4") == 0;
	if (!route.v4 && (!family || strcmp(family, "ipv6") != 0))
		return error_set(err, -EINVAL, "%s.family is ipv4 or ipv6", where);
	if (gateway && ip_parse(gateway, &route.gateway) < 0)
		return error_set(err, -EINVAL, "%s.gateway: %.64s is not an address", where, gateway);
	return posture_add_route(p, &route);
}

/* Each object of the list through one of the readers above; *ret_known says that the list is there. */
static int list_from_json(struct posture *p, const json_t *object, const char *key, size_t most,
        int (*read)(struct posture *, const json_t *, struct error *), bool *ret_known, struct error *err)
{
	const json_t *list = NULL;
	int r = posture_get_array(object, key, most, &list, err);
	if (r <= 0)
		return r;
	*ret_known = true;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		if (!json_is_object(o))
			return error_set(err, -EINVAL, "%s[%zu] is not an object", key, i);
		r = read(p, o, err);
		if (r == -E2BIG)
			return error_set(err, -EINVAL, "%s: more than %zu in all", key, most);
		if (r < 0)
			return error_prefix(err, r, "%s[%zu]", key, i);
	}
	return 0;
}

/* Members that hold others are objects, where they are there. */
static int check_members(const json_t *json, struct error *err)
{
	static const char *const names[] = { "os", "kernel", "product", "updates", "processes", "software",
		"network", "firewall", "settings", "sshd", "accounts", "antivirus", "mac", "audit" };
	const json_t *forwarding = json_object_get(json_object_get(json, "network"), "forwarding");
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const json_t *member = json_object_get(json, names[i]);
		if (member && !json_is_object(member))
			return error_set(err, -EINVAL, "%s is not an object", names[i]);
	}
	if (forwarding && !json_is_object(forwarding))
		return error_set(err, -EINVAL, "network.forwarding is not an object");
	return 0;
}

static int strings_from_json(struct posture *p, const json_t *json, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LENGTH(posture_string_fields); i++) {
		const struct posture_string_field *f = &posture_string_fields[i];
		const json_t *object = f->object ? json_object_get(json, f->object) : json;
		const char **to = (const char **)((char *)p + f->offset);
		int r = object
		        ? posture_get_string(p, object, f->object ? f->object : "posture", f->key, to, err)
		        : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int programs_from_json(struct posture *p, const json_t *json, struct error *err)
{
	const json_t *software = json_object_get(json, "software");
	int r = list_from_json(p, json_object_get(json, "processes"), "outdated", POSTURE_PROGRAMS_MAX,
	        outdated_from_json, &p->outdated_known, err);
	if (r == 0)
		r = list_from_json(p, software, "listening", POSTURE_PROGRAMS_MAX, listening_from_json,
		        &p->listening_known, err);
	if (r == 0)
		r = list_from_json(p, software, "starting", POSTURE_PROGRAMS_MAX, starting_from_json,
		        &p->starting_known, err);
	return r;
}

static int read_all(struct posture *p, const json_t *json, struct error *err)
{
	const json_t *updates = json_object_get(json, "updates"), *network = json_object_get(json, "network");
	const json_t *forwarding = json_object_get(network, "forwarding");
	bool routes_known, unknowns_known, sources_known;
	int r = check_members(json, err);
	if (r == 0)
		r = strings_from_json(p, json, err);
	if (r == 0)
		r = posture_get_time(json, "collected", &p->collected, err);
	if (r == 0)
		r = list_from_json(p, json, "packages", POSTURE_PACKAGES_MAX, package_from_json,
		        &p->packages_known, err);
	if (r == 0)
		r = posture_get_time(updates, "checked", &p->updates_checked, err);
	if (r == 0)
		r = list_from_json(p, updates, "security", POSTURE_PACKAGES_MAX, update_from_json,
		        &p->updates_known, err);
	if (r == 0)
		r = programs_from_json(p, json, err);
	if (r == 0)
		r = list_from_json(p, network, "interfaces", POSTURE_INTERFACES_MAX, interface_from_json,
		        &p->network_known, err);
	if (r == 0)
		r = list_from_json(p, network, "default_routes", POSTURE_ROUTES_MAX, route_from_json,
		        &routes_known, err);
	if (r == 0)
		r = posture_get_tristate(forwarding, "ipv4", &p->forwarding_v4, err);
	if (r == 0)
		r = posture_get_tristate(forwarding, "ipv6", &p->forwarding_v6, err);
	if (r == 0)
		r = posture_get_tristate(network, "masquerade", &p->masquerade, err);
	if (r == 0)
		r = posture_get_count(network, "routing_rules", &p->routing_rules, err);
	if (r == 0)
		r = posture_get_count(network, "ipsec_policies", &p->ipsec_policies, err);
	if (r == 0)
		r = posture_security_from_json(p, json, err);
	if (r == 0)
		r = list_from_json(p, json, "sources", POSTURE_SOURCES_MAX, posture_source_from_json,
		        &sources_known, err);
	if (r == 0)
		r = list_from_json(
		        p, json, "unknown", POSTURE_UNKNOWNS_MAX, unknown_from_json, &unknowns_known, err);
	return r;
}

int posture_merge_json(struct posture *p, const json_t *json, struct error *err)
{
	if (!json_is_object(json))
		return error_set(err, -EINVAL, "a posture is a JSON object");
	return read_all(p, json, err);
}

int posture_from_json(const json_t *json, struct posture **ret, struct error *err)
{
	struct posture *p = posture_new();
	int r = posture_merge_json(p, json, err);
	if (r < 0) {
		posture_free(p);
		return r;
	}
	*ret = p;
	return 0;
}
