/* SPDX-License-Identifier: ISC */
/* Posture to PA-TNC messages. */
#include "posture/attributes.h"

#include "posture/json.h"
#include "posture/purl.h"
#include "proto/patnc/pratique.h"
#include "proto/patnc/swima.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>

#define SHORT_TEXT_MAX 255 /* String Version and Installed Packages have one byte for a length */
#define PACKAGES_OF_ATTRIBUTE_MAX UINT16_MAX

struct output {
	const struct posture *p;
	const struct posture_wants *wants;
	uint32_t *next_id;
	posture_message_fn emit;
	void *context;
	struct writer w;
};

static void begin(struct output *o)
{
	wr_reset(&o->w);
	patnc_begin_message(&o->w, (*o->next_id)++);
}

static int end(struct output *o, uint32_t vendor, uint32_t subtype)
{
	if (wr_failed(&o->w))
		return -EMSGSIZE;
	return o->emit(vendor, subtype, o->w.data, o->w.length, o->context);
}

static struct patnc_text short_text(const char *s)
{
	struct patnc_text t = patnc_text(s);
	t.length = MIN(t.length, (size_t)SHORT_TEXT_MAX);
	return t;
}

/* "12" and "12.5" and "22.04.3" as numbers; 0 where there is none. */
static struct patnc_numeric_version numeric_version(const char *text)
{
	struct patnc_numeric_version v = { 0 };
	uint32_t *const parts[] = { &v.major, &v.minor, &v.build };
	for (size_t i = 0; text && i < ARRAY_LENGTH(parts) && isdigit((unsigned char)*text); i++) {
		char *after;
		*parts[i] = (uint32_t)strtoul(text, &after, 10);
		text = *after == '.' ? after + 1 : after;
	}
	return v;
}

static enum patnc_forwarding forwarding_of(const struct posture *p)
{
	if (p->forwarding_v4 == TRI_YES || p->forwarding_v6 == TRI_YES)
		return PATNC_FORWARDING_YES;
	bool known = p->forwarding_v4 == TRI_NO && p->forwarding_v6 == TRI_NO;
	return known ? PATNC_FORWARDING_NO : PATNC_FORWARDING_UNKNOWN;
}

/* RFC 5792 4.2.7 has 16 bits for the count and 8 for each length: what does not fit is left out, the full
 * list is SWIMA's. */
static void put_installed_packages(struct writer *w, const struct posture *p)
{
	size_t at = patnc_begin_installed_packages(w);
	uint16_t count = 0;
	for (size_t i = 0; i < p->n_packages && count < PACKAGES_OF_ATTRIBUTE_MAX; i++) {
		const struct patnc_package package = { .name = patnc_text(p->packages[i].name),
			.version = patnc_text(p->packages[i].version) };
		if (package.name.length > SHORT_TEXT_MAX || package.version.length > SHORT_TEXT_MAX)
			continue;
		patnc_put_package(w, &package);
		count++;
	}
	patnc_end_installed_packages(w, at, count);
}

static int write_operating_system(struct output *o)
{
	const struct posture *p = o->p;
	begin(o);
	if (p->os_name || p->os_id) {
		const struct patnc_product product = { .name = patnc_text(
			                                       p->os_name ? p->os_name : p->os_id) };
		patnc_put_product_information(&o->w, &product);
	}
	if (p->os_version) {
		const struct patnc_numeric_version numeric = numeric_version(p->os_version);
		const struct patnc_string_version string = { .version = short_text(p->os_version),
			.build = short_text(p->kernel_running),
			.configuration = short_text(p->architecture) };
		patnc_put_numeric_version(&o->w, &numeric);
		patnc_put_string_version(&o->w, &string);
	}
	patnc_put_forwarding_enabled(&o->w, forwarding_of(p));
	if (o->wants->installed_packages && p->packages_known)
		put_installed_packages(&o->w, p);
	return end(o, PATNC_VENDOR_IETF, PATNC_SUBTYPE_OPERATING_SYSTEM);
}

static int write_firewall(struct output *o)
{
	if (o->p->firewall_active == TRI_UNKNOWN)
		return 0;
	struct patnc_operational_status status = {
		.status = o->p->firewall_active == TRI_YES ? PATNC_OPERATIONAL : PATNC_NOT_OPERATIONAL,
		.result = PATNC_RESULT_UNKNOWN,
		.last_use = "0000-00-00T00:00:00Z",
	};
	begin(o);
	patnc_put_operational_status(&o->w, &status);
	return end(o, PATNC_VENDOR_IETF, PATNC_SUBTYPE_FIREWALL);
}

static int write_records(struct output *o, size_t from, size_t to)
{
	struct swima_list list = { .type = o->wants->records ? PATNC_SOFTWARE_INVENTORY
		                                             : PATNC_SOFTWARE_IDENTIFIER_INVENTORY,
		.id = o->wants->inventory_id };
	uint32_t count = 0;
	begin(o);
	size_t at = swima_begin_list(&o->w, &list);
	for (size_t i = from; i < to; i++) {
		char *purl FREE_ON_EXIT = purl_with_source(o->p, &o->p->packages[i]);
		if (!posture_is_wanted(o->wants, purl))
			continue;
		const struct swima_record record = { .id = (uint32_t)i + 1,
			.model_vendor = PRATIQUE_PEN,
			.model_type = PRATIQUE_MODEL_PURL,
			.identifier = patnc_text(purl),
			.record = (const uint8_t *)purl,
			.record_length = strlen(purl) };
		swima_put_record(&o->w, list.type, &record);
		count++;
	}
	swima_end_list(&o->w, at, count);
	return end(o, PATNC_VENDOR_IETF, PATNC_SUBTYPE_SWIMA);
}

static int write_inventory(struct output *o)
{
	size_t at = 0, n = o->p->n_packages;
	if (!o->p->packages_known || !o->wants->inventory)
		return 0;
	do {
		size_t to = MIN(n, at + POSTURE_RECORDS_MAX);
		int r = write_records(o, at, to);
		if (r < 0)
			return r;
		at = to;
	} while (at < n);
	return 0;
}

/* Takes the reference. */
static void put_json(struct output *o, enum pratique_type type, json_t *json)
{
	char *text FREE_ON_EXIT = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	if (text)
		pratique_put_text(&o->w, type, text, strlen(text));
	else
		o->w.failed = true;
	json_decref(json);
}

static int write_ours(struct output *o)
{
	const struct posture *p = o->p;
	json_t *system = posture_system_json(p);
	size_t at = MIN(p->n_updates, (size_t)POSTURE_LIST_CHUNK);
	begin(o);
	json_object_set_new(system, "updates", posture_updates_json(p, 0, at));
	put_json(o, PRATIQUE_SYSTEM, system);
	while (at < p->n_updates) {
		size_t to = MIN(p->n_updates, at + POSTURE_LIST_CHUNK);
		put_json(o, PRATIQUE_SYSTEM, json_pack("{so}", "updates", posture_updates_json(p, at, to)));
		at = to;
	}
	put_json(o, PRATIQUE_SYSTEM, posture_programs_json(p, 0, POSTURE_PROGRAMS_CHUNK));
	put_json(o, PRATIQUE_NETWORK_CONFIGURATION, json_pack("{so}", "network", posture_network_json(p)));
	put_json(o, PRATIQUE_SECURITY_CONFIGURATION, posture_security_json(p));
	return end(o, PRATIQUE_PEN, PRATIQUE_SUBTYPE);
}

/* What write_ours() had no room for: the paths of what listens are chosen by users. A message for each part.
 */
static int write_more_programs(struct output *o)
{
	const struct posture *p = o->p;
	size_t n = MAX(MAX(p->n_outdated, p->n_listening), p->n_starting);
	int r = 0;
	for (size_t at = POSTURE_PROGRAMS_CHUNK; r >= 0 && at < n; at += POSTURE_PROGRAMS_CHUNK) {
		begin(o);
		put_json(o, PRATIQUE_SYSTEM, posture_programs_json(p, at, at + POSTURE_PROGRAMS_CHUNK));
		r = end(o, PRATIQUE_PEN, PRATIQUE_SUBTYPE);
	}
	return r;
}

static int write_sources(struct output *o)
{
	if (o->p->n_sources == 0)
		return 0;
	begin(o);
	put_json(o, PRATIQUE_PREVENTION_SOURCES, json_pack("{so}", "sources", posture_sources_json(o->p)));
	return end(o, PRATIQUE_PEN, PRATIQUE_SUBTYPE);
}

int posture_write_messages(const struct posture *p, const struct posture_wants *wants, uint32_t *next_id,
        posture_message_fn emit, void *context)
{
	static int (*const parts[])(struct output *) = { write_operating_system, write_firewall, write_ours,
		write_more_programs, write_sources, write_inventory };
	struct output o = { .p = p,
		.wants = wants,
		.next_id = next_id,
		.emit = emit,
		.context = context,
		.w = wr_make(POSTURE_MESSAGE_MAX) };
	int r = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(parts) && r >= 0; i++)
		r = parts[i](&o);
	wr_free(&o.w);
	return MIN(r, 0);
}
