/* SPDX-License-Identifier: ISC */
#include "enforcer/attachments_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EVERY_LINK UINT16_MAX

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

struct attachment *attachments_by_mac(
        const struct attachments *a, uint16_t link, const struct mac_address *mac)
{
	struct mac_key k = mac_key(link, mac);
	return table_get(a->by_mac, &k, sizeof(k));
}

/* A link-local address is its link's own; any other exists once, so that nobody takes it on another link. */
struct ip_key attachments_ip_key(uint16_t link, const struct ip_address *ip, uint8_t length)
{
	return (struct ip_key){ ip_is_link_local(ip) ? link : EVERY_LINK, length, *ip };
}

/* Who has it, or the longest prefix that it is in. */
struct attachment *attachments_by_ip(const struct attachments *a, uint16_t link, const struct ip_address *ip)
{
	struct ip_key k = attachments_ip_key(link, ip, 128);
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

void attachments_tell_changed(struct attachments *a, const struct attachment *at)
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

void attachments_tell(struct attachments *a, const char *kind, const struct sighting *s, time_ms now,
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

struct sighting attachments_sighting_of(const struct attachment *at, const struct ip_address *ip)
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

void attachments_release(struct attachments *a, struct attachment *at, struct attachment_address *address)
{
	struct ip_key k = attachments_ip_key(at->link, &address->ip, address->length);
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

bool attachments_bind(struct attachments *a, struct attachment *at, const struct ip_address *ip,
        uint8_t length, time_ms now)
{
	struct sighting s = attachments_sighting_of(at, NULL);
	if (at->n_addresses >= ATTACHMENT_ADDRESSES_MAX / 2 && !at->softwire)
		probe_oldest(a, at, now);
	if (at->n_addresses == ATTACHMENT_ADDRESSES_MAX ||
	        a->statistics.addresses == ATTACHMENTS_ADDRESSES_MAX) {
		a->statistics.refused_addresses++;
		attachments_tell(a, "address-limit", &s, now,
		        "more than %d addresses behind one attachment, or %d in all",
		        ATTACHMENT_ADDRESSES_MAX, ATTACHMENTS_ADDRESSES_MAX);
		return false;
	}
	struct ip_key k = attachments_ip_key(at->link, ip, length);
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
	attachments_tell(a, "address-contested", s, now, "%s belongs to %s at %s: the claim was refused",
	        ip_format(&s->ip, text), mac_format(&owner->mac, mac), owner->port);
	owner->contested_until = now + ATTACHMENT_CONTESTED_MS;
	attachments_accuse(owner, s, now);
	if (owner->softwire) /* it is there: its concentrator says so */
		attachments_convict(a, owner, now);
	struct attachment_address *address = find_address(owner, &s->ip);
	if (address) /* else it is in a softwire's prefix */
		probe(a, owner, address, now);
	if (!before)
		attachments_tell_changed(a, owner);
}

/* ---- attachments ---- */

static void forget(struct attachments *a, struct attachment *at)
{
	struct mac_key k = mac_key(at->link, &at->mac);
	struct port *p = table_get_string(a->ports, at->port);
	a->effect(a->context, &(struct attachment_effect){ .kind = ATTACHMENT_GONE, .attachment = at });
	while (at->n_addresses)
		attachments_release(a, at, &at->addresses[0]);
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

struct attachment *attachments_attach(
        struct attachments *a, struct port *p, const struct mac_address *mac, time_ms now)
{
	struct attachment *at = xcalloc(1, sizeof(*at));
	*at = (struct attachment){ .link = p->link, .mac = *mac };
	memcpy(at->port, p->name, sizeof(at->port));
	if (p->n_attachments == ATTACHMENTS_PER_PORT_MAX || a->statistics.attachments == ATTACHMENTS_MAX) {
		struct sighting s = attachments_sighting_of(at, NULL);
		s.mac = (struct mac_address){ 0 };
		a->statistics.refused_attachments++;
		attachments_tell(a, "attachment-limit", &s, now,
		        "more than %d MAC addresses at one port, or %d in all", ATTACHMENTS_PER_PORT_MAX,
		        ATTACHMENTS_MAX);
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
	attachments_tell(a, "mac-moved", s, now,
	        "this MAC address is attached at %s: what %s sends with it is dropped", at->port, s->port);
	attachments_accuse(at, s, now);
	verify(a, at, now);
}

void attachments_forwarding(struct attachments *a, uint16_t link, const char *port,
        const struct mac_address *mac, bool learned, time_ms now)
{
	struct attachment *at = attachments_by_mac(a, link, mac);
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
	} else if (learned && p->carrier && (at = attachments_attach(a, p, mac, now))) {
		attachments_tell_changed(a, at);
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
	struct attachment *at = attachments_by_ip(a, link, ip);
	struct attachment_address *address = at ? find_address(at, ip) : NULL;
	if (!address || !address->verify_by || at->link != link)
		return;
	attachments_release(a, at, address);
	attachments_tell_changed(a, at);
}

void attachments_neighbour(struct attachments *a, uint16_t link, const struct ip_address *ip,
        const struct mac_address *mac, enum neighbour_state state, time_ms now)
{
	if (state == NEIGHBOUR_FAILED) {
		neighbour_failed(a, link, ip);
		return;
	}
	struct attachment *at = attachments_by_mac(a, link, mac);
	struct attachment *owner = attachments_by_ip(a, link, ip);
	if (!at)
		return;
	if (!owner) {
		if (attachments_bind(a, at, ip, 128, now))
			attachments_tell_changed(a, at);
	} else if (owner != at) {
		struct sighting s = attachments_sighting_of(at, ip);
		contest(a, owner, &s, now);
	} else if (state == NEIGHBOUR_CONFIRMED) {
		struct attachment_address *address = find_address(at, ip);
		address->verify_by = at->verify_by = 0;
		address->confirmed = now;
		attachments_convict(a, at, now);
	}
}

void attachments_unasked(struct attachments *a, uint16_t link, const struct ip_address *ip)
{
	struct attachment *at = attachments_by_ip(a, link, ip);
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
		owner = attachments_by_ip(a, s->link, &s->ip);
		if (owner &&
		        (strcmp(owner->port, s->port) != 0 ||
		                memcmp(&owner->mac, &s->mac, sizeof(s->mac)) != 0))
			contest(a, owner, s, now);
		break;
	case SIGHTING_MAC:
		owner = attachments_by_mac(a, s->link, &s->mac);
		if (owner && strcmp(owner->port, s->port) != 0)
			mac_seen_elsewhere(a, owner, s, now);
		break;
	case SIGHTING_ROGUE:
		a->statistics.rogue++;
		attachments_tell(a, "rogue-server", s, now,
		        "%s at %s sent what only a router or a DHCP server may send: it was dropped",
		        mac_format(&s->mac, mac), s->port);
		break;
	case SIGHTING_UNPROVEN: /* claim nothing: the neighbour table says who has the address */
	case SIGHTING_WANTED:
		break;
	}
}

void attachments_restore(struct attachments *a, const struct element *e, time_ms now)
{
	struct port *p = table_get_string(a->ports, e->port);
	struct attachment *at = attachments_by_mac(a, e->link, &e->mac);
	if (!p || !p->carrier || p->link != e->link)
		return;
	if (!at && (e->kind == ELEMENT_MAC || e->kind == ELEMENT_ADDRESS || e->kind == ELEMENT_PREFIX))
		at = attachments_attach(a, p, &e->mac, now);
	if (!at || strcmp(at->port, e->port) != 0)
		return;
	at->softwire = at->softwire || e->kind == ELEMENT_PREFIX;
	if (e->kind == ELEMENT_PREFIX && !attachments_by_prefix(a, at, &e->ip, e->length))
		attachments_bind(a, at, &e->ip, e->length, now);
	if (e->kind == ELEMENT_ADDRESS && !attachments_by_ip(a, e->link, &e->ip))
		attachments_bind(a, at, &e->ip, 128, now);
	attachments_tell_changed(a, at);
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
			attachments_release(a, at, &at->addresses[i]);
			change = true;
		}
	if (at->contested_until && at->contested_until <= now) {
		at->contested_until = 0;
		change = true;
	}
	if (at->impostor_until && at->impostor_until <= now) {
		at->impostor_until = 0;
		change = true;
	}
	if (change)
		attachments_tell_changed(a, at);
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
	struct attachment *at = p ? attachments_by_mac(a, p->link, mac) : NULL;
	return at && strcmp(at->port, port) == 0 ? at : NULL;
}

const struct attachment *attachments_find_address(const struct attachments *a, const struct ip_address *ip)
{
	const struct attachment *found = NULL;
	if (!ip_is_link_local(ip))
		return attachments_by_ip(a, EVERY_LINK, ip);
	for (uint16_t link = 0; link < ENFORCER_LINKS_MAX; link++) {
		const struct attachment *at = attachments_by_ip(a, link, ip);
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
