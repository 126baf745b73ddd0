/* SPDX-License-Identifier: ISC */
#include "enforcer/drivers/nft_elements.h"
#include "enforcer/drivers/nft_rules.h"

#include <errno.h>
#include <string.h>

/* ---- writing ---- */

static void write_mac(FILE *out, const struct mac_address *m)
{
	fputs("0x", out);
	for (size_t i = 0; i < sizeof(m->bytes); i++)
		fprintf(out, "%02x", m->bytes[i]);
}

static void write_ip(FILE *out, const struct ip_address *ip)
{
	fputs("0x", out);
	for (size_t i = ip_is_v4(ip) ? 12 : 0; i < sizeof(ip->bytes); i++)
		fprintf(out, "%02x", ip->bytes[i]);
}

static void write_port_mac(FILE *out, const struct element *e)
{
	fprintf(out, "\"%s\" . ", e->port);
	write_mac(out, &e->mac);
}

static void write_value(FILE *out, const struct element_change *c, time_ms now)
{
	if (c->add)
		fprintf(out, " timeout %lldms : 0x%x", (long long)(c->element.expires - now),
		        c->element.mark);
}

static void write_port(FILE *out, const struct element_change *c, const struct links *links, time_ms now)
{
	fprintf(out, "\"%s\"", c->element.port);
}

static void write_port_frames(
        FILE *out, const struct element_change *c, const struct links *links, time_ms now)
{
	fprintf(out, "\"%s\"", c->element.port);
	if (c->add)
		fprintf(out, " : goto frame_%u", c->element.link);
}

static void write_port_delivery(
        FILE *out, const struct element_change *c, const struct links *links, time_ms now)
{
	fprintf(out, "\"%s\"", c->element.port);
	if (c->add)
		fprintf(out, " : goto delivery_%u", c->element.link);
}

static void write_attachment(
        FILE *out, const struct element_change *c, const struct links *links, time_ms now)
{
	write_port_mac(out, &c->element);
}

static void write_known(FILE *out, const struct element_change *c, const struct links *links, time_ms now)
{
	write_mac(out, &c->element.mac);
}

static void write_binding(FILE *out, const struct element_change *c, const struct links *links, time_ms now)
{
	write_port_mac(out, &c->element);
	fputs(" . ", out);
	write_ip(out, &c->element.ip);
}

static void write_bound(FILE *out, const struct element_change *c, const struct links *links, time_ms now)
{
	write_ip(out, &c->element.ip);
}

static void write_placed(FILE *out, const struct element_change *c, const struct links *links, time_ms now)
{
	write_port_mac(out, &c->element);
	write_value(out, c, now);
}

static void write_target(FILE *out, const struct element_change *c, const struct links *links, time_ms now)
{
	char text[IP_TEXT_SIZE];
	fprintf(out, "\"%s\" . %s", links->items[c->element.link].name, ip_format(&c->element.ip, text));
	write_value(out, c, now);
}

/* What the element belongs to stands beside it as a comment, for whoever lists it. */
static void write_prefix(FILE *out, const struct element_change *c, const struct links *links, time_ms now)
{
	const struct element *e = &c->element;
	const struct ip_prefix p = { e->ip, e->length };
	char text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	fputs(ip_prefix_format(&p, text), out);
	if (c->add && e->kind == ELEMENT_PREFIX_PLACED)
		fprintf(out, " timeout %lldms", (long long)(e->expires - now));
	if (c->add)
		fprintf(out, " comment \"%s %s\"", e->port, mac_format(&e->mac, mac));
	if (c->add && e->kind == ELEMENT_PREFIX_PLACED)
		fprintf(out, " : 0x%x", e->mark);
}

/* The number of a session: the last four bytes of its MAC address, which no other session of the link has. */
static void write_owner(FILE *out, const struct element_change *c, const struct links *links, time_ms now)
{
	const struct ip_prefix p = { c->element.ip, c->element.length };
	const uint8_t *mac = c->element.mac.bytes;
	char text[IP_TEXT_SIZE];
	fputs(ip_prefix_format(&p, text), out);
	if (c->add)
		fprintf(out, " : 0x%02x%02x%02x%02x", mac[2], mac[3], mac[4], mac[5]);
}

/* Which sets a kind of element stands in. A set with N in its name exists once a link. */
static const struct set {
	enum element_kind kind;
	int family; /* 6, 4; 0 = both */
	const char *name;
	const char *family_name; /* of the table; NULL: the link's own */
	bool per_link, bridge_only, softwire_only;
	void (*write)(FILE *out, const struct element_change *c, const struct links *links, time_ms now);
} sets[] = {
	{ ELEMENT_PORT, 0, "ports", .family_name = "bridge", .bridge_only = true,
	        .write = write_port_frames },
	{ ELEMENT_PORT, 0, "delivery_ports", .family_name = "bridge", .bridge_only = true,
	        .write = write_port_delivery },
	{ ELEMENT_PORT, 0, "node_ports", .family_name = "bridge", .bridge_only = true, .write = write_port },
	{ ELEMENT_PORT, 0, "node_ports", .family_name = "arp", .bridge_only = true, .write = write_port },
	{ ELEMENT_PORT, 0, "node_ports", .family_name = "inet", .bridge_only = true, .write = write_port },
	{ ELEMENT_MAC, 0, "macs_", .per_link = true, .write = write_attachment },
	{ ELEMENT_MAC, 0, "known_", .per_link = true, .write = write_known },
	{ ELEMENT_ADDRESS, 6, "bindings6_", .per_link = true, .write = write_binding },
	{ ELEMENT_ADDRESS, 6, "bound6_", .per_link = true, .write = write_bound },
	{ ELEMENT_ADDRESS, 4, "bindings4_", .per_link = true, .write = write_binding },
	{ ELEMENT_ADDRESS, 4, "bound4_", .per_link = true, .write = write_bound },
	{ ELEMENT_PLACED, 0, "placed_", .per_link = true, .write = write_placed },
	{ ELEMENT_TARGET, 6, "nodes6", .family_name = "inet", .write = write_target },
	{ ELEMENT_TARGET, 4, "nodes4", .family_name = "inet", .write = write_target },
	{ ELEMENT_PREFIX, 6, "softwire6_", .per_link = true, .softwire_only = true, .write = write_prefix },
	{ ELEMENT_PREFIX, 4, "softwire4_", .per_link = true, .softwire_only = true, .write = write_prefix },
	{ ELEMENT_PREFIX, 6, "softwire_owner6_", .per_link = true, .softwire_only = true,
	        .write = write_owner },
	{ ELEMENT_PREFIX, 4, "softwire_owner4_", .per_link = true, .softwire_only = true,
	        .write = write_owner },
	{ ELEMENT_PREFIX_PLACED, 6, "softwire_placed6_", .per_link = true, .softwire_only = true,
	        .write = write_prefix },
	{ ELEMENT_PREFIX_PLACED, 4, "softwire_placed4_", .per_link = true, .softwire_only = true,
	        .write = write_prefix },
};

static bool stands_in(const struct set *s, const struct link *l, const struct element_change *c, time_ms now)
{
	const struct element *e = &c->element;
	return s->kind == e->kind && !(s->bridge_only && l->kind != LINK_BRIDGE) &&
	        s->softwire_only == (l->kind == LINK_SOFTWIRE) &&
	        (s->family == 0 || (s->family == 4) == ip_is_v4(&e->ip)) &&
	        !(element_is_timed(e) && c->add && e->expires <= now);
}

/* All of one verb and one set: "add element bridge pratique macs_0 { A, B }". */
static void write_set(FILE *out, const struct links *links, const struct set *s, size_t link, bool add,
        const struct element_change *changes, size_t count, time_ms now)
{
	bool open = false;
	for (size_t i = 0; i < count; i++) {
		const struct element_change *c = &changes[i];
		const struct link *l = &links->items[c->element.link];
		if (c->add != add || (s->per_link && c->element.link != link) || !stands_in(s, l, c, now))
			continue;
		if (!open && s->per_link)
			fprintf(out, "%s element %s pratique %s%zu { ", add ? "add" : "delete",
			        nft_link_family(l), s->name, link);
		else if (!open)
			fprintf(out, "%s element %s pratique %s { ", add ? "add" : "delete", s->family_name,
			        s->name);
		else
			fputs(", ", out);
		open = true;
		s->write(out, c, links, now);
	}
	if (open)
		fputs(" }\n", out);
}

void nft_elements_write(
        FILE *out, const struct links *links, const struct element_change *changes, size_t count, time_ms now)
{
	for (int add = 0; add <= 1; add++)
		for (size_t i = 0; i < ARRAY_LENGTH(sets); i++)
			for (size_t link = 0; link < (sets[i].per_link ? links->count : 1); link++)
				write_set(out, links, &sets[i], link, add, changes, count, now);
}

/* ---- reading ---- */

/* The sets to list, each fact once. The shared ones are listed with link 0 (nodes) or the first bridge
 * (ports). */
static const struct listed {
	const char *type, *name;
	enum element_kind kind;
	bool per_link, softwire_only;
} listed[] = {
	{ "map", "ports", ELEMENT_PORT, false },
	{ "map", "nodes6", ELEMENT_TARGET, false },
	{ "map", "nodes4", ELEMENT_TARGET, false },
	{ "set", "macs_", ELEMENT_MAC, true },
	{ "set", "bindings6_", ELEMENT_ADDRESS, true },
	{ "set", "bindings4_", ELEMENT_ADDRESS, true },
	{ "map", "placed_", ELEMENT_PLACED, true },
	{ "set", "softwire6_", ELEMENT_PREFIX, true, true },
	{ "set", "softwire4_", ELEMENT_PREFIX, true, true },
	{ "map", "softwire_placed6_", ELEMENT_PREFIX_PLACED, true, true },
	{ "map", "softwire_placed4_", ELEMENT_PREFIX_PLACED, true, true },
};

static bool first_of_its_table(const struct links *links, size_t link, enum element_kind kind)
{
	if (kind == ELEMENT_TARGET)
		return link == 0;
	for (size_t i = 0; i < link; i++)
		if (links->items[i].kind == LINK_BRIDGE)
			return false;
	return links->items[link].kind == LINK_BRIDGE;
}

bool nft_elements_set(
        const struct links *links, size_t link, size_t index, const char **ret_type, char name[64])
{
	const struct listed *s = &listed[index];
	*ret_type = NULL;
	if (index >= ARRAY_LENGTH(listed))
		return false;
	if (s->per_link ? s->softwire_only != (links->items[link].kind == LINK_SOFTWIRE)
	                : !first_of_its_table(links, link, s->kind))
		return true;
	*ret_type = s->type;
	if (s->per_link)
		snprintf(name, 64, "%s pratique %s%zu", nft_link_family(&links->items[link]), s->name, link);
	else
		snprintf(name, 64, "%s pratique %s", s->kind == ELEMENT_TARGET ? "inet" : "bridge", s->name);
	return true;
}

/* Raw payload is listed as a number, or as hexadecimal text where it is wider than 63 bits. */
static int read_raw(const json_t *v, uint8_t *bytes, size_t n)
{
	memset(bytes, 0, n);
	if (json_is_integer(v)) {
		uint64_t value = (uint64_t)json_integer_value(v);
		for (size_t i = n; i-- > 0 && value; value >>= 8)
			bytes[i] = (uint8_t)value;
		return 0;
	}
	const char *text = json_string_value(v);
	if (!text || strncmp(text, "0x", 2) != 0)
		return -EBADMSG;
	text += 2;
	size_t digits = strlen(text);
	if (digits > 2 * n || digits != strspn(text, "0123456789abcdef"))
		return -EBADMSG;
	for (size_t i = 0; i < digits; i++) {
		char c = text[digits - 1 - i];
		uint8_t nibble = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
		bytes[n - 1 - i / 2] |= (uint8_t)(nibble << (i % 2 ? 4 : 0));
	}
	return 0;
}

static int read_raw_ip(const json_t *v, bool v4, struct ip_address *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (!v4)
		return read_raw(v, ret->bytes, 16);
	memcpy(ret->bytes, mapped, sizeof(mapped));
	return read_raw(v, ret->bytes + 12, 4);
}

static int read_name(const json_t *v, char name[IFNAMSIZ])
{
	const char *text = json_string_value(v);
	if (!text || !element_port_valid(text))
		return -EBADMSG;
	snprintf(name, IFNAMSIZ, "%s", text);
	return 0;
}

static int find_link(const struct links *links, const char *name, uint16_t *ret)
{
	for (size_t i = 0; i < links->count; i++)
		if (strcmp(links->items[i].name, name) == 0) {
			*ret = (uint16_t)i;
			return 0;
		}
	return -ENOENT;
}

/* A prefix, or the text of a single address. */
static int read_prefix(const json_t *key, struct element *e)
{
	const json_t *prefix = json_object_get(key, "prefix");
	const char *text = json_string_value(prefix ? json_object_get(prefix, "addr") : key);
	if (!text || ip_parse(text, &e->ip) < 0)
		return -EBADMSG;
	json_int_t length = prefix ? json_integer_value(json_object_get(prefix, "len")) : 0;
	if (prefix && ip_is_v4(&e->ip))
		length += 96;
	if (length < 0 || length > 128)
		return -EBADMSG;
	e->length = prefix ? (uint8_t)length : 128;
	return 0;
}

/* "PORT MAC", as write_prefix() put it there. */
static int read_owner(const json_t *comment, struct element *e)
{
	const char *text = json_string_value(comment);
	size_t n = text ? strcspn(text, " ") : 0;
	if (n == 0 || n >= sizeof(e->port) || text[n] != ' ' || mac_parse(text + n + 1, &e->mac) < 0)
		return -EBADMSG;
	memcpy(e->port, text, n);
	return element_port_valid(e->port) ? 0 : -EBADMSG;
}

static int read_key(const struct links *links, const struct listed *s, const json_t *key, struct element *e)
{
	const json_t *parts = json_object_get(key, "concat");
	bool v4 = strchr(s->name, '4');
	char name[IFNAMSIZ];
	if (s->kind == ELEMENT_PORT)
		return read_name(key, e->port);
	if (s->softwire_only)
		return read_prefix(key, e);
	if (s->kind == ELEMENT_TARGET) {
		const char *ip = json_string_value(json_array_get(parts, 1));
		if (read_name(json_array_get(parts, 0), name) < 0 || !ip || ip_parse(ip, &e->ip) < 0)
			return -EBADMSG;
		return find_link(links, name, &e->link);
	}
	if (read_name(json_array_get(parts, 0), e->port) < 0 ||
	        read_raw(json_array_get(parts, 1), e->mac.bytes, sizeof(e->mac.bytes)) < 0)
		return -EBADMSG;
	return s->kind == ELEMENT_ADDRESS ? read_raw_ip(json_array_get(parts, 2), v4, &e->ip) : 0;
}

/* { "goto": { "target": "frame_3" } } */
static int read_port_link(const json_t *verdict, uint16_t *ret)
{
	uint64_t link;
	const char *target = json_string_value(json_object_get(json_object_get(verdict, "goto"), "target"));
	if (!target || !nft_rules_numbered(target, "frame_", 10, ENFORCER_LINKS_MAX - 1, &link))
		return -EBADMSG;
	*ret = (uint16_t)link;
	return 0;
}

static int read_element(
        const struct links *links, const struct listed *s, const json_t *item, time_ms now, struct element *e)
{
	const json_t *value = NULL, *key = item;
	if (strcmp(s->type, "map") == 0) {
		key = json_array_get(item, 0);
		value = json_array_get(item, 1);
	}
	const json_t *wrapped = json_object_get(key, "elem");
	if (wrapped) {
		e->expires = now + json_integer_value(json_object_get(wrapped, "expires")) * 1000;
		key = json_object_get(wrapped, "val");
	}
	if (s->softwire_only && read_owner(json_object_get(wrapped, "comment"), e) < 0)
		return -EBADMSG;
	if (s->kind == ELEMENT_PORT && read_port_link(value, &e->link) < 0)
		return -EBADMSG;
	if (s->kind == ELEMENT_PLACED || s->kind == ELEMENT_TARGET || s->kind == ELEMENT_PREFIX_PLACED)
		e->mark = (uint8_t)json_integer_value(value);
	return read_key(links, s, key, e);
}

/* The "elem" array of the one set or map in a listing; NULL where it is empty. */
static const json_t *find_elements(const json_t *listing)
{
	size_t i;
	json_t *object;
	json_array_foreach(json_object_get(listing, "nftables"), i, object) {
		const json_t *s = json_object_get(object, "set");
		if (!s)
			s = json_object_get(object, "map");
		if (s)
			return json_object_get(s, "elem");
	}
	return NULL;
}

int nft_elements_read(const struct links *links, size_t link, size_t index, const json_t *listing,
        time_ms now, element_fn fn, void *context)
{
	size_t i;
	json_t *item;
	json_array_foreach(find_elements(listing), i, item) {
		struct element e = { .kind = listed[index].kind, .link = (uint16_t)link };
		int r = read_element(links, &listed[index], item, now, &e);
		if (r == -EBADMSG)
			return r;
		if (r == 0)
			fn(context, &e);
	}
	return 0;
}

static const struct {
	const char *name;
	enum sighting_kind kind;
} sighting_sets[] = {
	{ "contested6_", SIGHTING_ADDRESS },
	{ "contested4_", SIGHTING_ADDRESS },
	{ "moved_", SIGHTING_MAC },
	{ "rogue_", SIGHTING_ROGUE },
};

bool nft_elements_sighting_set(const struct links *links, size_t link, size_t index, char name[64])
{
	if (index >= ARRAY_LENGTH(sighting_sets))
		return false;
	snprintf(name, 64, "%s pratique %s%zu", nft_link_family(&links->items[link]),
	        sighting_sets[index].name, link);
	return true;
}

int nft_elements_read_sightings(
        size_t link, size_t index, const json_t *listing, sighting_fn fn, void *context)
{
	size_t i;
	json_t *item;
	json_array_foreach(find_elements(listing), i, item) {
		struct sighting s = { .kind = sighting_sets[index].kind, .link = (uint16_t)link };
		const json_t *wrapped = json_object_get(item, "elem");
		const json_t *parts =
		        json_object_get(wrapped ? json_object_get(wrapped, "val") : item, "concat");
		if (read_name(json_array_get(parts, 0), s.port) < 0 ||
		        read_raw(json_array_get(parts, 1), s.mac.bytes, sizeof(s.mac.bytes)) < 0)
			return -EBADMSG;
		if (s.kind == SIGHTING_ADDRESS &&
		        read_raw_ip(json_array_get(parts, 2), strchr(sighting_sets[index].name, '4'), &s.ip) <
		                0)
			return -EBADMSG;
		fn(context, &s);
	}
	return 0;
}

static const struct {
	const char *name;
	enum sighting_kind kind;
} wanted_sets[] = {
	{ "unproven6", SIGHTING_UNPROVEN },
	{ "unproven4", SIGHTING_UNPROVEN },
	{ "wanted6", SIGHTING_WANTED },
	{ "wanted4", SIGHTING_WANTED },
};

const char *nft_elements_wanted_set(size_t index)
{
	return index < ARRAY_LENGTH(wanted_sets) ? wanted_sets[index].name : NULL;
}

/* LINK . MAC . IP, or LINK . IP */
static int read_wanted(const struct links *links, const json_t *parts, struct sighting *s)
{
	char name[IFNAMSIZ];
	bool has_mac = s->kind == SIGHTING_UNPROVEN;
	const char *mac = has_mac ? json_string_value(json_array_get(parts, 1)) : NULL;
	const char *ip = json_string_value(json_array_get(parts, has_mac ? 2 : 1));
	if (read_name(json_array_get(parts, 0), name) < 0 || !ip || ip_parse(ip, &s->ip) < 0 ||
	        (has_mac && (!mac || mac_parse(mac, &s->mac) < 0)))
		return -EBADMSG;
	return find_link(links, name, &s->link);
}

int nft_elements_read_wanted(
        const struct links *links, size_t index, const json_t *listing, sighting_fn fn, void *context)
{
	size_t i;
	json_t *item;
	json_array_foreach(find_elements(listing), i, item) {
		struct sighting s = { .kind = wanted_sets[index].kind };
		const json_t *wrapped = json_object_get(item, "elem");
		const json_t *key = wrapped ? json_object_get(wrapped, "val") : item;
		int r = read_wanted(links, json_object_get(key, "concat"), &s);
		if (r == -EBADMSG)
			return r;
		if (r == 0)
			fn(context, &s);
	}
	return 0;
}
