/* SPDX-License-Identifier: ISC */
#include "enforcer/attachments.h"
#include "base/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RECENT_EVENTS_MAX 256
#define EVERY_LINK UINT16_MAX

struct port {
	uint16_t link;
	char name[IFNAMSIZ];
	bool carrier;
	size_t n_attachments;
};
struct mac_key {
	uint16_t link;
	struct mac_address mac;
};
struct ip_key {
	uint16_t link;
	uint16_t length; /* of the prefix; 128 */
	struct ip_address ip;
};
/* So that one noisy node does not fill the server's log. */
struct recent {
	const char *kind;
	char port[IFNAMSIZ];
	struct mac_address mac;
	struct ip_address ip;
	time_ms at;
};

struct attachments {
	attachment_effect_fn effect;
	void *context;
	struct table *ports;  /* name -> port */
	struct table *by_mac; /* mac_key -> attachment, which it owns */
	struct table *by_ip;  /* ip_key -> attachment */
	size_t prefixes[129]; /* how many of each length are bound */
	struct recent recent[RECENT_EVENTS_MAX];
	size_t next_recent;
	struct attachments_statistics statistics;
};

struct attachments *attachments_new(attachment_effect_fn effect, void *context)
{
	struct attachments *a = xcalloc(1, sizeof(*a));
	*a = (struct attachments){ .effect = effect,
		.context = context,
		.ports = table_new(),
		.by_mac = table_new(),
		.by_ip = table_new() };
	return a;
}

static void free_attachment(void *p)
{
	struct attachment *at = p;
	free(at->addresses);
	free(at->machine);
	free(at->user);
	free(at->segment);
	free(at);
}

struct attachments *attachments_free(struct attachments *a)
{
	if (a) {
		table_free(a->ports, free);
		table_free(a->by_ip, NULL);
		table_free(a->by_mac, free_attachment);
		free(a);
	}
	return NULL;
}

static struct mac_key mac_key(uint16_t link, const struct mac_address *mac)
{
	return (struct mac_key){ link, *mac };
}

static struct attachment *find_mac(const struct attachments *a, uint16_t link, const struct mac_address *mac)
{
	struct mac_key k = mac_key(link, mac);
	return table_get(a->by_mac, &k, sizeof(k));
}

/* A link-local address is its link's own; any other exists once, so that nobody takes it on another link. */
static struct ip_key ip_key(uint16_t link, const struct ip_address *ip, uint8_t length)
{
	return (struct ip_key){ ip_is_link_local(ip) ? link : EVERY_LINK, length, *ip };
}

/* Who has it, or the longest prefix that it is in. */
static struct attachment *find_ip(const struct attachments *a, uint16_t link, const struct ip_address *ip)
{
	struct ip_key k = ip_key(link, ip, 128);
	struct attachment *at = table_get(a->by_ip, &k, sizeof(k));
	for (unsigned length = 127; !at && length > 0; length--) {
		k.ip.bytes[length / 8] &= (uint8_t)(0xff << (8 - length % 8));
		k.length = (uint16_t)length;
		if (a->prefixes[length])
			at = table_get(a->by_ip, &k, sizeof(k));
	}
	return at;
}

/* ---- effects ---- */

static void changed(struct attachments *a, const struct attachment *at)
{
	a->effect(a->context, &(struct attachment_effect){ .kind = ATTACHMENT_CHANGED, .attachment = at });
}

static void probe(
        struct attachments *a, const struct attachment *at, struct attachment_address *address, time_ms now)
{
	if (address->verify_by || at->softwire)
		return;
	address->verify_by = now + ATTACHMENT_VERIFY_MS;
	a->effect(a->context,
	        &(struct attachment_effect){
	                .kind = ATTACHMENT_PROBE, .link = at->link, .mac = at->mac, .ip = address->ip });
}

static bool was_recent(struct attachments *a, const char *kind, const struct sighting *s, time_ms now)
{
	for (size_t i = 0; i < RECENT_EVENTS_MAX; i++) {
		struct recent *r = &a->recent[i];
		if (r->kind && strcmp(r->kind, kind) == 0 && now - r->at < ATTACHMENT_EVENT_QUIET_MS &&
		        strcmp(r->port, s->port) == 0 && memcmp(&r->mac, &s->mac, sizeof(s->mac)) == 0 &&
		        ip_equal(&r->ip, &s->ip))
			return true;
	}
	struct recent *r = &a->recent[a->next_recent++ % RECENT_EVENTS_MAX];
	*r = (struct recent){ .kind = kind, .mac = s->mac, .ip = s->ip, .at = now };
	memcpy(r->port, s->port, sizeof(r->port));
	return false;
}

PRINTF_LIKE(5, 6)
static void tell(struct attachments *a, const char *kind, const struct sighting *s, time_ms now,
        const char *format, ...)
{
	char text[256];
	va_list args;
	if (was_recent(a, kind, s, now))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	a->effect(a->context,
	        &(struct attachment_effect){ .kind = ATTACHMENT_EVENT,
	                .event = kind,
	                .text = text,
	                .port = s->port,
	                .mac = s->mac });
}

static struct sighting sighting_of(const struct attachment *at, const struct ip_address *ip)
{
	struct sighting s = { .link = at->link, .mac = at->mac };
	memcpy(s.port, at->port, sizeof(s.port));
	if (ip)
		s.ip = *ip;
	return s;
}

/* ---- addresses ---- */

static struct attachment_address *find_address(struct attachment *at, const struct ip_address *ip)
{
	for (size_t i = 0; i < at->n_addresses; i++)
		if (ip_equal(&at->addresses[i].ip, ip))
			return &at->addresses[i];
	return NULL;
}

static void release(struct attachments *a, struct attachment *at, struct attachment_address *address)
{
	struct ip_key k = ip_key(at->link, &address->ip, address->length);
	table_remove(a->by_ip, &k, sizeof(k));
	a->prefixes[address->length]--;
	*address = at->addresses[--at->n_addresses];
	a->statistics.addresses--;
}

/* A node that changes its addresses leaves old ones behind: when it has many, the one that was longest silent
 * is asked. */
static void probe_oldest(struct attachments *a, struct attachment *at, time_ms now)
{
	struct attachment_address *oldest = &at->addresses[0];
	for (size_t i = 1; i < at->n_addresses; i++)
		if (at->addresses[i].confirmed < oldest->confirmed)
			oldest = &at->addresses[i];
	probe(a, at, oldest, now);
}

static bool bind_address(struct attachments *a, struct attachment *at, const struct ip_address *ip,
        uint8_t length, time_ms now)
{
	struct sighting s = sighting_of(at, NULL);
	if (at->n_addresses >= ATTACHMENT_ADDRESSES_MAX / 2 && !at->softwire)
		probe_oldest(a, at, now);
	if (at->n_addresses == ATTACHMENT_ADDRESSES_MAX ||
	        a->statistics.addresses == ATTACHMENTS_ADDRESSES_MAX) {
		a->statistics.refused_addresses++;
		tell(a, "address-limit", &s, now,
		        "more than %d addresses behind one attachment, or %d in all",
		        ATTACHMENT_ADDRESSES_MAX, ATTACHMENTS_ADDRESSES_MAX);
		return false;
	}
	struct ip_key k = ip_key(at->link, ip, length);
	ARRAY_RESERVE_ONE(at->addresses, at->n_addresses, at->capacity);
	at->addresses[at->n_addresses++] =
	        (struct attachment_address){ .ip = *ip, .length = length, .confirmed = now };
	a->prefixes[length]++;
	table_set(a->by_ip, &k, sizeof(k), at);
	a->statistics.addresses++;
	return true;
}

/* The claimant in s uses an address that owner has: owner keeps it, and is asked whether it is still there.
 */
static void contest(struct attachments *a, struct attachment *owner, const struct sighting *s, time_ms now)
{
	char text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	bool before = owner->contested_until > now;
	a->statistics.contested++;
	tell(a, "address-contested", s, now, "%s belongs to %s at %s: the claim was refused",
	        ip_format(&s->ip, text), mac_format(&owner->mac, mac), owner->port);
	owner->contested_until = now + ATTACHMENT_CONTESTED_MS;
	struct attachment_address *address = find_address(owner, &s->ip);
	if (address) /* else it is in a softwire's prefix */
		probe(a, owner, address, now);
	if (!before)
		changed(a, owner);
}

/* ---- attachments ---- */

static void forget(struct attachments *a, struct attachment *at)
{
	struct mac_key k = mac_key(at->link, &at->mac);
	struct port *p = table_get_string(a->ports, at->port);
	a->effect(a->context, &(struct attachment_effect){ .kind = ATTACHMENT_GONE, .attachment = at });
	while (at->n_addresses)
		release(a, at, &at->addresses[0]);
	if (p)
		p->n_attachments--;
	a->statistics.attachments--;
	table_remove(a->by_mac, &k, sizeof(k));
	free_attachment(at);
}

/* Ask for a sign of life; without any address there is nobody to ask. */
static void verify(struct attachments *a, struct attachment *at, time_ms now)
{
	if (at->verify_by)
		return;
	if (at->n_addresses == 0) {
		forget(a, at);
		return;
	}
	at->verify_by = now + ATTACHMENT_VERIFY_MS;
	for (size_t i = 0; i < at->n_addresses; i++)
		probe(a, at, &at->addresses[i], now);
}

static struct attachment *attach(
        struct attachments *a, struct port *p, const struct mac_address *mac, time_ms now)
{
	struct attachment *at = xcalloc(1, sizeof(*at));
	*at = (struct attachment){ .link = p->link, .mac = *mac };
	memcpy(at->port, p->name, sizeof(at->port));
	if (p->n_attachments == ATTACHMENTS_PER_PORT_MAX || a->statistics.attachments == ATTACHMENTS_MAX) {
		struct sighting s = sighting_of(at, NULL);
		s.mac = (struct mac_address){ 0 };
		a->statistics.refused_attachments++;
		tell(a, "attachment-limit", &s, now, "more than %d MAC addresses at one port, or %d in all",
		        ATTACHMENTS_PER_PORT_MAX, ATTACHMENTS_MAX);
		free(at);
		return NULL;
	}
	struct mac_key k = mac_key(p->link, mac);
	p->n_attachments++;
	a->statistics.attachments++;
	table_set(a->by_mac, &k, sizeof(k), at);
	return at;
}

static void mac_seen_elsewhere(
        struct attachments *a, struct attachment *at, const struct sighting *s, time_ms now)
{
	a->statistics.moved++;
	tell(a, "mac-moved", s, now, "this MAC address is attached at %s: what %s sends with it is dropped",
	        at->port, s->port);
	verify(a, at, now);
}

void attachments_forwarding(struct attachments *a, uint16_t link, const char *port,
        const struct mac_address *mac, bool learned, time_ms now)
{
	struct attachment *at = find_mac(a, link, mac);
	struct port *p = table_get_string(a->ports, port);
	bool here = at && strcmp(at->port, port) == 0;
	if (!p || p->link != link)
		return;
	if (!learned && here) {
		verify(a, at, now);
	} else if (learned && here) {
		at->verify_by = 0;
	} else if (learned && at) {
		struct sighting s = { .kind = SIGHTING_MAC, .link = link, .mac = *mac };
		memcpy(s.port, p->name, sizeof(s.port));
		mac_seen_elsewhere(a, at, &s, now);
	} else if (learned && p->carrier && (at = attach(a, p, mac, now))) {
		changed(a, at);
		a->effect(
		        a->context, &(struct attachment_effect){ .kind = ATTACHMENT_REFRESH, .link = link });
	}
}

/* ---- ports ---- */

static void forget_port(struct attachments *a, const struct port *p)
{
	TABLE_FOREACH(it, a->by_mac) {
		struct attachment *at = it.value;
		if (p->n_attachments == 0)
			break;
		if (strcmp(at->port, p->name) == 0)
			forget(a, at);
	}
}

void attachments_port(struct attachments *a, uint16_t link, const char *port, bool carrier, time_ms now)
{
	struct port *p = table_get_string(a->ports, port);
	if (p && p->link != link) {
		attachments_port_gone(a, p->link, port, now);
		p = NULL;
	}
	if (!p) {
		p = xcalloc(1, sizeof(*p));
		p->link = link;
		snprintf(p->name, sizeof(p->name), "%s", port);
		table_set_string(a->ports, p->name, p);
		a->effect(a->context,
		        &(struct attachment_effect){
		                .kind = ATTACHMENT_PORT_ADDED, .link = link, .port = p->name });
	}
	p->carrier = carrier;
	if (!carrier)
		forget_port(a, p);
}

void attachments_port_gone(struct attachments *a, uint16_t link, const char *port, time_ms now)
{
	struct port *p = table_get_string(a->ports, port);
	if (!p || p->link != link)
		return;
	forget_port(a, p);
	a->effect(a->context,
	        &(struct attachment_effect){
	                .kind = ATTACHMENT_PORT_REMOVED, .link = link, .port = p->name });
	table_remove(a->ports, p->name, strlen(p->name));
	free(p);
}

/* ---- neighbours and what was refused ---- */

static void neighbour_failed(struct attachments *a, uint16_t link, const struct ip_address *ip)
{
	struct attachment *at = find_ip(a, link, ip);
	struct attachment_address *address = at ? find_address(at, ip) : NULL;
	if (!address || !address->verify_by || at->link != link)
		return;
	release(a, at, address);
	changed(a, at);
}

void attachments_neighbour(struct attachments *a, uint16_t link, const struct ip_address *ip,
        const struct mac_address *mac, enum neighbour_state state, time_ms now)
{
	if (state == NEIGHBOUR_FAILED) {
		neighbour_failed(a, link, ip);
		return;
	}
	struct attachment *at = find_mac(a, link, mac);
	struct attachment *owner = find_ip(a, link, ip);
	if (!at)
		return;
	if (!owner) {
		if (bind_address(a, at, ip, 128, now))
			changed(a, at);
	} else if (owner != at) {
		struct sighting s = sighting_of(at, ip);
		contest(a, owner, &s, now);
	} else if (state == NEIGHBOUR_CONFIRMED) {
		struct attachment_address *address = find_address(at, ip);
		address->verify_by = at->verify_by = 0;
		address->confirmed = now;
	}
}

void attachments_unasked(struct attachments *a, uint16_t link, const struct ip_address *ip)
{
	struct attachment *at = find_ip(a, link, ip);
	struct attachment_address *address = at ? find_address(at, ip) : NULL;
	if (address)
		address->verify_by = at->verify_by = 0;
}

void attachments_sighting(struct attachments *a, const struct sighting *s, time_ms now)
{
	struct attachment *owner;
	char mac[MAC_TEXT_SIZE];
	switch (s->kind) {
	case SIGHTING_ADDRESS:
		owner = find_ip(a, s->link, &s->ip);
		if (owner &&
		        (strcmp(owner->port, s->port) != 0 ||
		                memcmp(&owner->mac, &s->mac, sizeof(s->mac)) != 0))
			contest(a, owner, s, now);
		break;
	case SIGHTING_MAC:
		owner = find_mac(a, s->link, &s->mac);
		if (owner && strcmp(owner->port, s->port) != 0)
			mac_seen_elsewhere(a, owner, s, now);
		break;
	case SIGHTING_ROGUE:
		a->statistics.rogue++;
		tell(a, "rogue-server", s, now,
		        "%s at %s sent what only a router or a DHCP server may send: it was dropped",
		        mac_format(&s->mac, mac), s->port);
		break;
	case SIGHTING_UNPROVEN: /* claim nothing: the neighbour table says who has the address */
	case SIGHTING_WANTED:
		break;
	}
}

/* Who has exactly this prefix; or, unless that is at itself, the one that it lies in. */
static const struct attachment *find_prefix(
        const struct attachments *a, const struct attachment *at, const struct ip_address *ip, uint8_t length)
{
	struct ip_key k = ip_key(at->link, ip, length);
	const struct attachment *owner = table_get(a->by_ip, &k, sizeof(k));
	const struct attachment *around = owner ? NULL : find_ip(a, at->link, ip);
	return owner ? owner : around == at ? NULL : around;
}

void attachments_restore(struct attachments *a, const struct element *e, time_ms now)
{
	struct port *p = table_get_string(a->ports, e->port);
	struct attachment *at = find_mac(a, e->link, &e->mac);
	if (!p || !p->carrier || p->link != e->link)
		return;
	if (!at && (e->kind == ELEMENT_MAC || e->kind == ELEMENT_ADDRESS || e->kind == ELEMENT_PREFIX))
		at = attach(a, p, &e->mac, now);
	if (!at || strcmp(at->port, e->port) != 0)
		return;
	at->softwire = at->softwire || e->kind == ELEMENT_PREFIX;
	if (e->kind == ELEMENT_PREFIX && !find_prefix(a, at, &e->ip, e->length))
		bind_address(a, at, &e->ip, e->length, now);
	if (e->kind == ELEMENT_ADDRESS && !find_ip(a, e->link, &e->ip))
		bind_address(a, at, &e->ip, 128, now);
	changed(a, at);
}

/* ---- softwires ---- */

static bool has_prefix(const struct attachment_session *s, const struct attachment_address *address)
{
	for (size_t i = 0; i < s->n_prefixes; i++)
		if (s->prefixes[i].length == address->length &&
		        ip_equal(&s->prefixes[i].address, &address->ip))
			return true;
	return false;
}

static int set_prefixes(struct attachments *a, struct attachment *at, const struct attachment_session *s,
        time_ms now, struct error *err)
{
	int r = 0;
	for (size_t i = at->n_addresses; i-- > 0;)
		if (!has_prefix(s, &at->addresses[i]))
			release(a, at, &at->addresses[i]);
	for (size_t i = 0; i < s->n_prefixes; i++) {
		const struct ip_prefix *p = &s->prefixes[i];
		char text[IP_TEXT_SIZE];
		const struct attachment *owner = find_prefix(a, at, &p->address, p->length);
		if (owner == at)
			continue;
		if (owner || !bind_address(a, at, &p->address, p->length, now)) {
			a->statistics.contested += owner != NULL;
			r = error_set(err, -EINVAL, "%s of %s: %s", ip_prefix_format(p, text), s->port,
			        owner ? "it is another attachment's" : "too many addresses");
		}
	}
	return r;
}

int attachments_session(struct attachments *a, uint16_t link, const struct attachment_session *s, time_ms now,
        struct error *err)
{
	struct port *p = table_get_string(a->ports, s->port);
	struct attachment *at = find_mac(a, link, &s->mac);
	if (p && p->link != link)
		return error_set(err, -EINVAL, "session %s has the name of another link's port", s->port);
	if (!p)
		attachments_port(a, link, s->port, true, now);
	p = table_get_string(a->ports, s->port);
	if (at && strcmp(at->port, s->port) != 0)
		return error_set(err, -EINVAL, "sessions %s and %s have one MAC address", s->port, at->port);
	if (!at)
		at = attach(a, p, &s->mac, now);
	if (!at)
		return error_set(err, -EINVAL, "session %s: too many attachments", s->port);
	at->softwire = true;
	free(at->machine);
	free(at->user);
	free(at->segment);
	at->machine = xstrdup(s->machine);
	at->user = xstrdup(s->user);
	at->segment = xstrdup(s->segment);
	int r = set_prefixes(a, at, s, now, err);
	changed(a, at);
	return r;
}

/* ---- time ---- */

static void tick_attachment(struct attachments *a, struct attachment *at, time_ms now)
{
	bool change = false;
	if (at->verify_by && at->verify_by <= now) {
		forget(a, at);
		return;
	}
	for (size_t i = at->n_addresses; i-- > 0;)
		if (at->addresses[i].verify_by && at->addresses[i].verify_by <= now) {
			release(a, at, &at->addresses[i]);
			change = true;
		}
	if (at->contested_until && at->contested_until <= now) {
		at->contested_until = 0;
		change = true;
	}
	if (change)
		changed(a, at);
}

void attachments_tick(struct attachments *a, time_ms now)
{
	TABLE_FOREACH(it, a->by_mac)
		tick_attachment(a, it.value, now);
}

/* ---- reading ---- */

struct attachment *attachments_find(
        const struct attachments *a, const char *port, const struct mac_address *mac)
{
	const struct port *p = table_get_string(a->ports, port);
	struct attachment *at = p ? find_mac(a, p->link, mac) : NULL;
	return at && strcmp(at->port, port) == 0 ? at : NULL;
}

const struct attachment *attachments_find_address(const struct attachments *a, const struct ip_address *ip)
{
	const struct attachment *found = NULL;
	if (!ip_is_link_local(ip))
		return find_ip(a, EVERY_LINK, ip);
	for (uint16_t link = 0; link < ENFORCER_LINKS_MAX; link++) {
		const struct attachment *at = find_ip(a, link, ip);
		if (at && found)
			return NULL;
		if (at)
			found = at;
	}
	return found;
}

void attachments_each(const struct attachments *a, attachment_fn fn, void *context)
{
	TABLE_FOREACH(it, a->by_mac)
		fn(context, it.value);
}

const struct attachments_statistics *attachments_statistics(const struct attachments *a)
{
	return &a->statistics;
}
