/* SPDX-License-Identifier: ISC */
/* Posture to JSON. What is not known is left out. */
#include "posture/json.h"

#include "base/cursor.h"
#include <stdio.h>
#include <string.h>

void posture_put_string(json_t *object, const char *key, const char *value)
{
	if (value)
		json_object_set_new(object, key, json_string(value));
}

void posture_put_time(json_t *object, const char *key, time_ms value)
{
	char text[CLOCK_TEXT_SIZE];
	if (value)
		json_object_set_new(object, key, json_string(clock_format(value, text)));
}

void posture_put_tristate(json_t *object, const char *key, enum tristate value)
{
	if (value != TRI_UNKNOWN)
		json_object_set_new(object, key, json_boolean(value == TRI_YES));
}

void posture_put_count(json_t *object, const char *key, const struct posture_count *value)
{
	if (value->known)
		json_object_set_new(object, key, json_integer(value->value));
}

/* The member object of that name, made where it is not there yet. */
static json_t *member_object(json_t *object, const char *key)
{
	json_t *member = json_object_get(object, key);
	if (!member) {
		member = json_object();
		json_object_set_new(object, key, member);
	}
	return member;
}

static json_t *packages_to_json(const struct posture *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->n_packages; i++) {
		const struct posture_package *package = &p->packages[i];
		char *purl FREE_ON_EXIT = posture_purl(p, package);
		json_t *o = json_object();
		posture_put_string(o, "purl", purl);
		posture_put_string(o, "type", package->type);
		posture_put_string(o, "name", package->name);
		posture_put_string(o, "version", package->version);
		posture_put_string(o, "architecture", package->architecture);
		posture_put_string(o, "source", package->source);
		posture_put_string(o, "source_version", package->source_version);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *posture_updates_json(const struct posture *p, size_t from, size_t to)
{
	json_t *updates = json_object();
	posture_put_time(updates, "checked", p->updates_checked);
	if (!p->updates_known)
		return updates;
	json_t *list = json_array();
	for (size_t i = from; i < to; i++) {
		json_t *o = json_object();
		posture_put_string(o, "package", p->updates[i].package);
		posture_put_string(o, "installed", p->updates[i].installed);
		posture_put_string(o, "available", p->updates[i].available);
		json_array_append_new(list, o);
	}
	json_object_set_new(updates, "security", list);
	return updates;
}

static json_t *outdated_to_json(const struct posture *p, size_t from, size_t to)
{
	json_t *list = json_array();
	for (size_t i = from; i < MIN(to, p->n_outdated); i++) {
		json_t *o = json_object();
		posture_put_string(o, "program", p->outdated[i].program);
		posture_put_string(o, "package", p->outdated[i].package);
		posture_put_string(o, "replaced", p->outdated[i].replaced);
		json_object_set_new(o, "processes", json_integer(p->outdated[i].processes));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *unlisted_to_json(const struct posture_unlisted *items, size_t n, size_t from, size_t to)
{
	json_t *list = json_array();
	for (size_t i = from; i < MIN(to, n); i++) {
		json_t *o = json_object();
		posture_put_string(o, "program", items[i].program);
		posture_put_string(o, "how", items[i].how);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *posture_programs_json(const struct posture *p, size_t from, size_t to)
{
	json_t *root = json_object(), *processes = member_object(root, "processes"),
	       *software = member_object(root, "software");
	if (p->outdated_known)
		json_object_set_new(processes, "outdated", outdated_to_json(p, from, to));
	if (p->listening_known)
		json_object_set_new(
		        software, "listening", unlisted_to_json(p->listening, p->n_listening, from, to));
	if (p->starting_known)
		json_object_set_new(
		        software, "starting", unlisted_to_json(p->starting, p->n_starting, from, to));
	return root;
}

static json_t *interface_to_json(const struct posture_interface *interface)
{
	char mac[MAC_TEXT_SIZE], address[IP_TEXT_SIZE];
	json_t *o = json_object(), *addresses = json_array();
	posture_put_string(o, "name", interface->name);
	if (interface->has_mac)
		posture_put_string(o, "mac", mac_format(&interface->mac, mac));
	json_object_set_new(o, "up", json_boolean(interface->up));
	posture_put_string(o, "kind", interface->kind);
	posture_put_string(o, "master", interface->master);
	posture_put_string(o, "wireless_mode", interface->wireless_mode);
	posture_put_tristate(o, "point_to_point", interface->point_to_point);
	posture_put_tristate(o, "proxy_arp", interface->proxy_v4);
	posture_put_tristate(o, "proxy_nd", interface->proxy_v6);
	for (size_t i = 0; i < interface->n_addresses; i++)
		json_array_append_new(
		        addresses, json_string(ip_prefix_format(&interface->addresses[i], address)));
	json_object_set_new(o, "addresses", addresses);
	return o;
}

static json_t *route_to_json(const struct posture_route *route)
{
	static const struct ip_address on_link;
	char gateway[IP_TEXT_SIZE];
	json_t *o = json_object();
	posture_put_string(o, "family", route->v4 ? "ipv4" : "ipv6");
	if (!ip_equal(&route->gateway, &on_link))
		posture_put_string(o, "gateway", ip_format(&route->gateway, gateway));
	posture_put_string(o, "interface", route->interface);
	return o;
}

json_t *posture_network_json(const struct posture *p)
{
	json_t *network = json_object(), *forwarding = json_object();
	if (p->network_known) {
		json_t *interfaces = json_array(), *routes = json_array();
		for (size_t i = 0; i < p->n_interfaces; i++)
			json_array_append_new(interfaces, interface_to_json(&p->interfaces[i]));
		for (size_t i = 0; i < p->n_routes; i++)
			json_array_append_new(routes, route_to_json(&p->routes[i]));
		json_object_set_new(network, "interfaces", interfaces);
		json_object_set_new(network, "default_routes", routes);
	}
	posture_put_tristate(forwarding, "ipv4", p->forwarding_v4);
	posture_put_tristate(forwarding, "ipv6", p->forwarding_v6);
	json_object_set_new(network, "forwarding", forwarding);
	posture_put_tristate(network, "masquerade", p->masquerade);
	posture_put_count(network, "routing_rules", &p->routing_rules);
	posture_put_count(network, "ipsec_policies", &p->ipsec_policies);
	return network;
}

static json_t *unknowns_to_json(const struct posture *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->n_unknowns; i++) {
		json_t *o = json_object();
		posture_put_string(o, "field", p->unknowns[i].field);
		posture_put_string(o, "reason", p->unknowns[i].reason);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *posture_system_json(const struct posture *p)
{
	json_t *root = json_object();
	posture_put_time(root, "collected", p->collected);
	for (size_t i = 0; i < ARRAY_LENGTH(posture_string_fields); i++) {
		const struct posture_string_field *f = &posture_string_fields[i];
		json_t *object = f->object ? member_object(root, f->object) : root;
		posture_put_string(object, f->key, *(const char *const *)((const char *)p + f->offset));
	}
	json_object_set_new(root, "unknown", unknowns_to_json(p));
	return root;
}

/* Everything but the packages. */
static json_t *rest_to_json(const struct posture *p)
{
	json_t *root = posture_system_json(p), *unknown = json_incref(json_object_get(root, "unknown"));
	json_object_del(root, "unknown"); /* comes last, for people */
	json_object_set_new(root, "updates", posture_updates_json(p, 0, p->n_updates));
	json_t *programs = posture_programs_json(p, 0, POSTURE_PROGRAMS_MAX);
	json_object_update(root, programs);
	json_decref(programs);
	json_object_set_new(root, "network", posture_network_json(p));
	json_t *security = posture_security_json(p);
	json_object_update(root, security);
	json_decref(security);
	if (p->n_sources)
		json_object_set_new(root, "sources", posture_sources_json(p));
	json_object_set_new(root, "unknown", unknown);
	return root;
}

json_t *posture_to_json(const struct posture *p)
{
	json_t *root = rest_to_json(p);
	if (p->packages_known)
		json_object_set_new(root, "packages", packages_to_json(p));
	return root;
}

/* ---- as text ---- */

static void write_text(struct writer *w, const char *text)
{
	wr_bytes(w, text, strlen(text));
}

/* RFC 8259 7. */
static void write_escaped(struct writer *w, const char *s)
{
	char escape[8];
	while (*s) {
		size_t n = 0;
		while (s[n] && s[n] != '"' && s[n] != '\\' && (unsigned char)s[n] >= 0x20)
			n++;
		wr_bytes(w, s, n);
		s += n;
		if (*s) {
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char)*s++);
			write_text(w, escape);
		}
	}
}

/* What comes before the value is a whole "key":" with what separates it. */
static void write_member(struct writer *w, const char *before, const char *value)
{
	if (!value)
		return;
	write_text(w, before);
	write_escaped(w, value);
	wr_u8(w, '"');
}

/* The source follows where it is not there. */
static const char *unless_same(const char *value, const char *same)
{
	return value && strcmp(value, same) == 0 ? NULL : value;
}

static void write_package(struct writer *w, const struct posture_package *package)
{
	write_member(w, "{\"type\":\"", package->type);
	write_member(w, ",\"name\":\"", package->name);
	write_member(w, ",\"version\":\"", package->version);
	write_member(w, ",\"architecture\":\"", package->architecture);
	write_member(w, ",\"source\":\"", unless_same(package->source, package->name));
	write_member(w, ",\"source_version\":\"", unless_same(package->source_version, package->version));
	wr_u8(w, '}');
}

char *posture_to_json_text(const struct posture *p, bool with_packages, size_t *ret_length)
{
	struct writer w = wr_make(SIZE_MAX);
	json_t *json = rest_to_json(p);
	char *rest FREE_ON_EXIT = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!rest)
		return NULL;
	wr_bytes(&w, rest, strlen(rest) - 1); /* its last brace comes after the packages */
	if (p->packages_known && with_packages) {
		write_text(&w, ",\"packages\":[");
		for (size_t i = 0; i < p->n_packages; i++) {
			if (i)
				wr_u8(&w, ',');
			write_package(&w, &p->packages[i]);
		}
		wr_u8(&w, ']');
	}
	wr_bytes(&w, "}", 2); /* with the NUL */
	char *text = (char *)wr_take(&w, ret_length);
	--*ret_length;
	return text;
}
