/* SPDX-License-Identifier: ISC */
/*
 * The digest of a posture: SHA-256 over its fields as length-prefixed strings in a fixed order. Lists that
 * have no order of their own (packages, updates, programs, interfaces, addresses, routes) are sorted first,
 * so that the same host gives the same digest whatever order its collectors or the wire delivered. The
 * reasons of unknowns are words for people and stay out; what is unknown shows in the fields themselves, and
 * a list that is not known has no entries.
 */
#include "posture/posture.h"

#include "base/cursor.h"
#include <openssl/evp.h>
#include <string.h>

static void put_string(struct writer *w, const char *s)
{
	if (!s) {
		wr_u32(w, UINT32_MAX); /* not known differs from empty */
		return;
	}
	size_t n = strlen(s);
	wr_u32(w, (uint32_t)n);
	wr_bytes(w, s, n);
}

/* NULL sorts first. */
static int compare_strings(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int compare_packages(const void *left, const void *right)
{
	const struct posture_package *a = *(const struct posture_package *const *)left;
	const struct posture_package *b = *(const struct posture_package *const *)right;
	const char *const pairs[][2] = { { a->name, b->name }, { a->type, b->type },
		{ a->architecture, b->architecture }, { a->version, b->version }, { a->source, b->source },
		{ a->source_version, b->source_version } };
	int order = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(pairs) && order == 0; i++)
		order = compare_strings(pairs[i][0], pairs[i][1]);
	return order;
}

static int compare_updates(const void *left, const void *right)
{
	const struct posture_update *a = *(const struct posture_update *const *)left;
	const struct posture_update *b = *(const struct posture_update *const *)right;
	int order = compare_strings(a->package, b->package);
	if (order == 0)
		order = compare_strings(a->installed, b->installed);
	return order ? order : compare_strings(a->available, b->available);
}

static int compare_interfaces(const void *left, const void *right)
{
	const struct posture_interface *a = *(const struct posture_interface *const *)left;
	const struct posture_interface *b = *(const struct posture_interface *const *)right;
	return compare_strings(a->name, b->name);
}

static int compare_addresses(const void *left, const void *right)
{
	return memcmp(*(const struct ip_prefix *const *)left, *(const struct ip_prefix *const *)right,
	        sizeof(struct ip_prefix));
}

static int compare_routes(const void *left, const void *right)
{
	const struct posture_route *a = *(const struct posture_route *const *)left;
	const struct posture_route *b = *(const struct posture_route *const *)right;
	int order = a->v4 - b->v4;
	if (order == 0)
		order = memcmp(&a->gateway, &b->gateway, sizeof(a->gateway));
	return order ? order : compare_strings(a->interface, b->interface);
}

/* Pointers to the n items of an array, in the order that compare gives; caller frees. */
static void *sorted(const void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	const char **pointers = xcalloc(n ? n : 1, sizeof(*pointers));
	bool in_order = true; /* as package managers mostly list them */
	for (size_t i = 0; i < n; i++) {
		pointers[i] = (const char *)items + i * size;
		in_order = in_order && (i == 0 || compare(&pointers[i - 1], &pointers[i]) <= 0);
	}
	if (!in_order)
		qsort(pointers, n, sizeof(*pointers), compare);
	return pointers;
}

static void put_packages(struct writer *w, const struct posture *p)
{
	wr_u8(w, p->packages_known);
	if (!p->packages_known)
		return;
	wr_u32(w, (uint32_t)p->n_packages);
	const struct posture_package **list FREE_ON_EXIT =
	        sorted(p->packages, p->n_packages, sizeof(*p->packages), compare_packages);
	for (size_t i = 0; i < p->n_packages; i++) {
		put_string(w, list[i]->type);
		put_string(w, list[i]->name);
		put_string(w, list[i]->version);
		put_string(w, list[i]->architecture);
		put_string(w, list[i]->source);
		put_string(w, list[i]->source_version);
	}
}

static void put_updates(struct writer *w, const struct posture *p)
{
	wr_u8(w, p->updates_known);
	wr_u64(w, (uint64_t)(p->updates_checked / 1000));
	if (!p->updates_known)
		return;
	wr_u32(w, (uint32_t)p->n_updates);
	const struct posture_update **list FREE_ON_EXIT =
	        sorted(p->updates, p->n_updates, sizeof(*p->updates), compare_updates);
	for (size_t i = 0; i < p->n_updates; i++) {
		put_string(w, list[i]->package);
		put_string(w, list[i]->installed);
		put_string(w, list[i]->available);
	}
}

static int compare_outdated(const void *left, const void *right)
{
	const struct posture_outdated *a = *(const struct posture_outdated *const *)left;
	const struct posture_outdated *b = *(const struct posture_outdated *const *)right;
	int order = compare_strings(a->program, b->program);
	if (order == 0)
		order = compare_strings(a->package, b->package);
	return order ? order : compare_strings(a->replaced, b->replaced);
}

static int compare_unlisted(const void *left, const void *right)
{
	const struct posture_unlisted *a = *(const struct posture_unlisted *const *)left;
	const struct posture_unlisted *b = *(const struct posture_unlisted *const *)right;
	int order = compare_strings(a->program, b->program);
	return order ? order : compare_strings(a->how, b->how);
}

/* Without the number of processes, which comes and goes. */
static void put_outdated(struct writer *w, const struct posture *p)
{
	wr_u8(w, p->outdated_known);
	if (!p->outdated_known)
		return;
	wr_u32(w, (uint32_t)p->n_outdated);
	const struct posture_outdated **list FREE_ON_EXIT =
	        sorted(p->outdated, p->n_outdated, sizeof(*p->outdated), compare_outdated);
	for (size_t i = 0; i < p->n_outdated; i++) {
		put_string(w, list[i]->program);
		put_string(w, list[i]->package);
		put_string(w, list[i]->replaced);
	}
}

static void put_unlisted(struct writer *w, bool known, const struct posture_unlisted *items, size_t n)
{
	wr_u8(w, known);
	if (!known)
		return;
	wr_u32(w, (uint32_t)n);
	const struct posture_unlisted **list FREE_ON_EXIT =
	        sorted(items, n, sizeof(*items), compare_unlisted);
	for (size_t i = 0; i < n; i++) {
		put_string(w, list[i]->program);
		put_string(w, list[i]->how);
	}
}

static void put_count(struct writer *w, const struct posture_count *count)
{
	wr_u8(w, count->known);
	wr_u32(w, count->known ? count->value : 0);
}

static int compare_settings(const void *left, const void *right)
{
	const struct posture_setting *a = *(const struct posture_setting *const *)left;
	const struct posture_setting *b = *(const struct posture_setting *const *)right;
	int order = compare_strings(a->name, b->name);
	if (order == 0)
		order = compare_strings(a->match, b->match);
	return order ? order : compare_strings(a->value, b->value);
}

static void put_settings(struct writer *w, const struct posture_settings *settings)
{
	wr_u8(w, settings->known);
	if (!settings->known)
		return;
	wr_u32(w, (uint32_t)settings->count);
	const struct posture_setting **list FREE_ON_EXIT =
	        sorted(settings->items, settings->count, sizeof(*settings->items), compare_settings);
	for (size_t i = 0; i < settings->count; i++) {
		put_string(w, list[i]->name);
		put_string(w, list[i]->value);
		put_string(w, list[i]->match);
	}
}

static int compare_names(const void *left, const void *right)
{
	return compare_strings(**(const char *const *const *)left, **(const char *const *const *)right);
}

static void put_accounts(struct writer *w, const struct posture *p)
{
	wr_u8(w, p->passwordless_known);
	if (!p->passwordless_known)
		return;
	wr_u32(w, (uint32_t)p->n_passwordless);
	const char ***list FREE_ON_EXIT =
	        sorted(p->passwordless, p->n_passwordless, sizeof(*p->passwordless), compare_names);
	for (size_t i = 0; i < p->n_passwordless; i++)
		put_string(w, *list[i]);
}

static void put_security(struct writer *w, const struct posture *p)
{
	const enum tristate states[] = { p->firewall_active, p->sshd_installed, p->antivirus_installed,
		p->antivirus_running, p->audit_active };
	const char *const strings[] = { p->firewall_input, p->firewall_fingerprint, p->mac_system,
		p->mac_mode };
	const struct posture_count *const counts[] = { &p->firewall_rules, &p->antivirus_version,
		&p->mac_enforcing, &p->mac_complaining, &p->audit_rules };
	for (size_t i = 0; i < ARRAY_LENGTH(states); i++)
		wr_u8(w, (uint8_t)states[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(strings); i++)
		put_string(w, strings[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(counts); i++)
		put_count(w, counts[i]);
	wr_u64(w, (uint64_t)(p->antivirus_signatures / 1000));
	put_settings(w, &p->settings);
	put_settings(w, &p->sshd);
	put_accounts(w, p);
}

static void put_interface(struct writer *w, const struct posture_interface *interface)
{
	put_string(w, interface->name);
	wr_u8(w, interface->has_mac);
	if (interface->has_mac)
		wr_bytes(w, interface->mac.bytes, sizeof(interface->mac.bytes));
	wr_u8(w, interface->up);
	put_string(w, interface->kind);
	put_string(w, interface->master);
	put_string(w, interface->wireless_mode);
	wr_u8(w, (uint8_t)interface->point_to_point);
	wr_u8(w, (uint8_t)interface->proxy_v4);
	wr_u8(w, (uint8_t)interface->proxy_v6);
	wr_u32(w, (uint32_t)interface->n_addresses);
	const struct ip_prefix **list FREE_ON_EXIT = sorted(interface->addresses, interface->n_addresses,
	        sizeof(*interface->addresses), compare_addresses);
	for (size_t i = 0; i < interface->n_addresses; i++) {
		wr_bytes(w, list[i]->address.bytes, sizeof(list[i]->address.bytes));
		wr_u8(w, list[i]->length);
	}
}

static void put_forwarding(struct writer *w, const struct posture *p)
{
	wr_u8(w, (uint8_t)p->forwarding_v4);
	wr_u8(w, (uint8_t)p->forwarding_v6);
	wr_u8(w, (uint8_t)p->masquerade);
	put_count(w, &p->routing_rules);
	put_count(w, &p->ipsec_policies);
}

static void put_network(struct writer *w, const struct posture *p)
{
	wr_u8(w, p->network_known);
	if (!p->network_known)
		return;
	wr_u32(w, (uint32_t)p->n_interfaces);
	const struct posture_interface **interfaces FREE_ON_EXIT =
	        sorted(p->interfaces, p->n_interfaces, sizeof(*p->interfaces), compare_interfaces);
	for (size_t i = 0; i < p->n_interfaces; i++)
		put_interface(w, interfaces[i]);
	wr_u32(w, (uint32_t)p->n_routes);
	const struct posture_route **routes FREE_ON_EXIT =
	        sorted(p->routes, p->n_routes, sizeof(*p->routes), compare_routes);
	for (size_t i = 0; i < p->n_routes; i++) {
		wr_u8(w, routes[i]->v4);
		wr_bytes(w, routes[i]->gateway.bytes, sizeof(routes[i]->gateway.bytes));
		put_string(w, routes[i]->interface);
	}
}

static void put_product(struct writer *w, const struct posture *p)
{
	const char *const strings[] = { p->product_vendor, p->product_name, p->product_serial,
		p->product_uuid, p->board_vendor, p->board_name, p->board_serial, p->bios_vendor,
		p->bios_version, p->bios_date, p->chassis, p->virtualization };
	for (size_t i = 0; i < ARRAY_LENGTH(strings); i++)
		put_string(w, strings[i]);
}

static int compare_sources(const void *left, const void *right)
{
	const struct posture_source *a = *(const struct posture_source *const *)left;
	const struct posture_source *b = *(const struct posture_source *const *)right;
	int order = compare_strings(a->url, b->url);
	if (order == 0)
		order = compare_strings(a->file, b->file);
	if (order == 0)
		order = (a->n_software > b->n_software) - (a->n_software < b->n_software);
	for (size_t i = 0; order == 0 && i < a->n_software; i++)
		order = strcmp(a->software[i], b->software[i]);
	return order;
}

/* A posture that names none has the digest that it had before there were any. */
static void put_sources(struct writer *w, const struct posture *p)
{
	if (p->n_sources == 0)
		return;
	wr_u32(w, (uint32_t)p->n_sources);
	const struct posture_source **list FREE_ON_EXIT =
	        sorted(p->sources, p->n_sources, sizeof(*p->sources), compare_sources);
	for (size_t i = 0; i < p->n_sources; i++) {
		put_string(w, list[i]->url);
		put_string(w, list[i]->file);
		wr_u32(w, (uint32_t)list[i]->n_software);
		for (size_t k = 0; k < list[i]->n_software; k++)
			put_string(w, list[i]->software[k]);
	}
}

void posture_digest(const struct posture *p, uint8_t ret_digest[32])
{
	struct writer w = wr_make(SIZE_MAX);
	const char *const strings[] = { "pratique posture 2", p->os_id, p->os_version, p->os_codename,
		p->os_name, p->architecture, p->kernel_running, p->kernel_installed, p->machine_id };
	for (size_t i = 0; i < ARRAY_LENGTH(strings); i++)
		put_string(&w, strings[i]);
	put_product(&w, p);
	put_packages(&w, p);
	put_updates(&w, p);
	put_outdated(&w, p);
	put_unlisted(&w, p->listening_known, p->listening, p->n_listening);
	put_unlisted(&w, p->starting_known, p->starting, p->n_starting);
	put_network(&w, p);
	put_forwarding(&w, p);
	put_security(&w, p);
	put_sources(&w, p);
	if (!EVP_Digest(w.data, w.length, ret_digest, NULL, EVP_sha256(), NULL))
		abort(); /* SHA-256 of memory does not fail in a working OpenSSL */
	wr_free(&w);
}
