/* SPDX-License-Identifier: ISC */
/* The site's tables: nodes and attachments, to and from the store; who may present itself; events. */
#include "posture/catalogue.h"
#include "server/again.h"
#include "server/keep.h"
#include "server/named.h"
#include "server/reverse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- keys ---- */

#define ATTACHMENT_KEY_MAX (256 + 64 + 8)

static size_t attachment_key(char key[ATTACHMENT_KEY_MAX], const char *enforcement_point, const char *port,
        const struct mac_address *mac)
{
	int n = snprintf(key, ATTACHMENT_KEY_MAX - sizeof(mac->bytes), "%.255s%c%.63s%c", enforcement_point,
	        '\0', port, '\0');
	memcpy(key + n, mac->bytes, sizeof(mac->bytes));
	return (size_t)n + sizeof(mac->bytes);
}

/* ---- nodes ---- */

static void node_free(void *p)
{
	struct site_node *n = p;
	free(n->name);
	free(n->serial);
	free(n->revoked_reason);
	free(n->machine);
	posture_free(n->posture);
	posture_free(n->replaced);
	free(n->package_ids);
	free(n->facts);
	vuln_named_clear(&n->named);
	free(n->named_serials);
	free(n->left.ids);
	free(n);
}

struct site_node *site_find_node(struct site *site, const char *name)
{
	return table_get_string(site->nodes, name);
}

struct site_node *site_see_node(
        struct site *site, const char *name, const uint8_t thumbprint[32], const char *serial, time_ms now)
{
	struct site_node *n = site_find_node(site, name);
	if (!n) {
		if (table_count(site->nodes) >= SITE_NODES_MAX) {
			site->counters.nodes_refused_full++;
			return NULL;
		}
		n = xcalloc(1, sizeof(*n));
		n->name = xstrdup(name);
		n->first_seen = now;
		n->platform = POLICY_MEMO_NO_PLATFORM;
		n->number = (uint32_t)site->n_numbered;
		ARRAY_RESERVE_ONE(site->numbered, site->n_numbered, site->numbered_capacity);
		site->numbered[site->n_numbered++] = n;
		table_set_string(site->nodes, name, n);
	}
	n->last_seen = now;
	memcpy(n->thumbprint, thumbprint, sizeof(n->thumbprint));
	if (serial && (!n->serial || strcmp(n->serial, serial) != 0)) {
		free(n->serial);
		n->serial = xstrdup(serial);
	}
	return n;
}

void site_save_node(struct site *site, const struct site_node *n)
{
	struct store_node record = { .name = n->name,
		.serial = n->serial,
		.first_seen = n->first_seen,
		.last_seen = n->last_seen,
		.revoked = n->revoked,
		.revoked_reason = n->revoked_reason,
		.revoked_at = n->revoked_at,
		.pinned = n->pinned,
		.inspected = n->inspected,
		.posture_signed = n->posture_signed,
		.valid_from = n->valid_from,
		.valid_until = n->valid_until };
	memcpy(record.previous, n->previous, 32);
	memcpy(record.thumbprint, n->thumbprint, 32);
	memcpy(record.pin, n->pin, 32);
	memcpy(record.posture_digest, n->posture_digest, 32);
	store_put_node(site->store, &record);
}

static int load_node(const struct store_node *record, void *context)
{
	struct site *site = context;
	struct site_node *n =
	        site_see_node(site, record->name, record->thumbprint, record->serial, record->last_seen);
	if (!n)
		return -ENOSPC;
	n->first_seen = record->first_seen;
	n->revoked = record->revoked;
	n->revoked_reason = xstrdup(record->revoked_reason);
	n->revoked_at = record->revoked_at;
	n->pinned = record->pinned;
	n->inspected = record->inspected;
	n->posture_signed = record->posture_signed;
	n->posture_stored = record->inspected != 0;
	n->valid_from = record->valid_from;
	n->valid_until = record->valid_until;
	memcpy(n->previous, record->previous, 32);
	memcpy(n->pin, record->pin, 32);
	memcpy(n->posture_digest, record->posture_digest, 32);
	return 0;
}

/* ---- attachments ---- */

static void attachment_free(void *p)
{
	struct site_attachment *a = p;
	free(a->enforcement_point);
	free(a->port);
	free(a->prefixes);
	free(a->machine);
	free(a->user);
	free(a->segment);
	free(a->machine_id);
	free(a);
}

struct site_attachment *site_find_attachment(
        struct site *site, const char *enforcement_point, const char *port, const struct mac_address *mac)
{
	char key[ATTACHMENT_KEY_MAX];
	size_t n = attachment_key(key, enforcement_point, port, mac);
	return table_get(site->attachments, key, n);
}

struct site_attachment *site_see_attachment(struct site *site, const char *enforcement_point,
        const char *port, const struct mac_address *mac, time_ms now)
{
	struct site_attachment *a = site_find_attachment(site, enforcement_point, port, mac);
	if (!a) {
		if (table_count(site->attachments) >= SITE_ATTACHMENTS_MAX) {
			site->counters.attachments_refused_full++;
			return NULL;
		}
		char key[ATTACHMENT_KEY_MAX];
		a = xcalloc(1, sizeof(*a));
		a->enforcement_point = xstrdup(enforcement_point);
		a->port = xstrdup(port);
		a->mac = *mac;
		a->first_seen = now;
		table_set(site->attachments, key, attachment_key(key, enforcement_point, port, mac), a);
	}
	a->last_seen = now;
	return a;
}

void site_set_addresses(struct site_attachment *a, const struct ip_address *addresses, size_t n)
{
	a->n_addresses = MIN(n, (size_t)STORE_ADDRESSES_MAX);
	memcpy(a->addresses, addresses, a->n_addresses * sizeof(*addresses));
}

bool site_may_be_at(const struct site_attachment *a, const struct site_node *node)
{
	return !a->machine || !*a->machine || strcmp(a->machine, node->name) == 0;
}

void site_set_session(
        struct site *site, struct site_attachment *a, const struct site_session *session, time_ms now)
{
	bool narrowed = strcmp(a->segment ? a->segment : "", session->segment) != 0;
	free(a->prefixes);
	free(a->machine);
	free(a->user);
	free(a->segment);
	a->prefixes = xmemdup(session->prefixes, session->n_prefixes * sizeof(*session->prefixes));
	a->n_prefixes = session->n_prefixes;
	a->machine = xstrdup(session->machine);
	a->user = xstrdup(session->user);
	a->segment = xstrdup(session->segment);
	if (!a->node || strcmp(session->machine, "?") == 0 || a->decided.expires <= now)
		return;
	if (!site_may_be_at(a, a->node))
		site_drop(site, a, "session", "the softwire session is another machine's now", now);
	else if (narrowed)
		site_judge_again(site, a->node, "session", now);
}

static void unbind(struct site_attachment *a)
{
	if (!a->node)
		return;
	site_forget_observation(a);
	struct site_attachment **at = &a->node->attachments;
	while (*at && *at != a)
		at = &(*at)->next_of_node;
	if (*at)
		*at = a->next_of_node;
	a->next_of_node = NULL;
	a->node = NULL;
}

void site_bind(struct site *site, struct site_attachment *a, struct site_node *node)
{
	if (a->node == node)
		return;
	unbind(a);
	a->node = node;
	a->next_of_node = node->attachments;
	node->attachments = a;
}

void site_forget_attachment(struct site *site, struct site_attachment *a)
{
	char key[ATTACHMENT_KEY_MAX];
	size_t n = attachment_key(key, a->enforcement_point, a->port, &a->mac);
	store_remove_attachment(site->store, a->enforcement_point, a->port, &a->mac);
	keep_end(site, a);
	unbind(a);
	table_remove(site->attachments, key, n);
	attachment_free(a);
}

void site_save_attachment(struct site *site, const struct site_attachment *a)
{
	const struct site_placement *p = &a->decided;
	struct store_attachment record = { .enforcement_point = a->enforcement_point,
		.port = a->port,
		.mac = a->mac,
		.node = a->node ? a->node->name : NULL,
		.n_addresses = a->n_addresses,
		.present = a->present,
		.contested = a->contested,
		.first_seen = a->first_seen,
		.last_seen = a->last_seen,
		.segment = *p->segment ? p->segment : NULL,
		.compliant = p->compliant,
		.expires = p->expires,
		.generation = p->generation,
		.certificate = *p->certificate ? p->certificate : NULL };
	memcpy(record.addresses, a->addresses, a->n_addresses * sizeof(a->addresses[0]));
	memcpy(record.certificate_digest, p->certificate_digest, 32);
	store_put_attachment(site->store, &record);
}

static int load_attachment(const struct store_attachment *record, void *context)
{
	struct site *site = context;
	struct site_attachment *a = site_see_attachment(
	        site, record->enforcement_point, record->port, &record->mac, record->last_seen);
	if (!a)
		return -ENOSPC;
	site_set_addresses(a, record->addresses, record->n_addresses);
	a->first_seen = record->first_seen;
	a->contested = record->contested;
	a->present = record->present;
	a->decided.compliant = record->compliant;
	a->decided.expires = record->expires;
	a->decided.generation = record->generation;
	memcpy(a->decided.certificate_digest, record->certificate_digest, 32);
	snprintf(
	        a->decided.segment, sizeof(a->decided.segment), "%s", record->segment ? record->segment : "");
	snprintf(a->decided.certificate, sizeof(a->decided.certificate), "%s",
	        record->certificate ? record->certificate : "");
	if (a->present)
		a->handed = a->decided;
	struct site_node *n = record->node ? site_find_node(site, record->node) : NULL;
	if (n)
		site_bind(site, a, n);
	return 0;
}

const struct policy_segment *site_segment(
        const struct site *site, const struct site_placement *p, time_ms now)
{
	const struct policy_segment *s = NULL;
	if (*p->segment && p->expires > now)
		s = policy_segment_by_name(site->policy, p->segment);
	return s ? s : site_floor(site);
}

/* ---- events ---- */

struct pending_event {
	struct site *site;
	struct store_event event;
	char kind[64], node[256], enforcement_point[256], port[64], text[SITE_EVENT_TEXT_MAX + 1];
};

static void event_is_durable(int result, void *context)
{
	struct pending_event *p = context;
	if (result == 0 && p->site->effects.event)
		p->site->effects.event(p->site->context, &p->event);
	free(p);
}

void site_note(struct site *site, time_ms now, const char *kind, const struct site_node *node,
        const struct site_attachment *a, const char *format, ...)
{
	struct pending_event *p = xcalloc(1, sizeof(*p));
	va_list args;
	va_start(args, format);
	vsnprintf(p->text, sizeof(p->text), format, args);
	va_end(args);
	p->site = site;
	snprintf(p->kind, sizeof(p->kind), "%s", kind);
	p->event = (struct store_event){ .at = now, .kind = p->kind, .text = p->text };
	if (node) {
		snprintf(p->node, sizeof(p->node), "%s", node->name);
		p->event.node = p->node;
	}
	if (a) {
		snprintf(p->enforcement_point, sizeof(p->enforcement_point), "%s", a->enforcement_point);
		snprintf(p->port, sizeof(p->port), "%s", a->port);
		p->event.enforcement_point = p->enforcement_point;
		p->event.port = p->port;
		p->event.mac = a->mac;
	}
	p->event.id = store_put_event(site->store, &p->event);
	store_when_durable(site->store, event_is_durable, p);
}

void site_note_refusal(struct site *site, time_ms now, const char *kind, const struct site_node *node,
        const char *format, ...)
{
	char text[SITE_EVENT_TEXT_MAX + 1];
	va_list args;
	if (now / 1000 != site->refusal_second) {
		site->refusal_second = now / 1000;
		site->refusals_now = 0;
	}
	if (++site->refusals_now > SITE_REFUSALS_PER_SECOND) {
		site->counters.events_dropped++;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	site_note(site, now, kind, node, NULL, "%s", text);
}

/* ---- the whole ---- */

static int load_serial(const char *serial, time_ms revoked, void *context)
{
	struct site *site = context;
	table_set_string(site->revoked_serials, serial, site);
	return 0;
}

static void on_turn_end(int result, void *context)
{
	site_end_packages(context, result);
	judged_end_turn(context, result);
}

int site_open(struct store *store, struct policy *policy, EVP_PKEY *token_key, const char *name,
        const struct site_effects *effects, void *context, struct site **ret, struct error *err)
{
	struct site *site = xcalloc(1, sizeof(*site));
	site->store = store;
	site->policy = policy;
	site->token_key = token_key;
	site->effects = *effects;
	site->context = context;
	snprintf(site->name, sizeof(site->name), "%s", name);
	site->nodes = table_new();
	site->attachments = table_new();
	site->revoked_serials = table_new();
	site->machines = table_new();
	site->brake = brake_new();
	site->catalogue = catalogue_new();
	site->memo = policy_memo_new(site->catalogue);
	site->reverse = reverse_new(site->catalogue);
	site->again = again_new();
	site->changes = changes_new();
	site->judged = judged_new();
	site->retries = retries_new();
	site->named = named_new();
	changes_restart(site);
	int code = store_each_node(store, load_node, site, err);
	if (code == 0)
		code = site_restore_packages(site, err);
	if (code == 0)
		code = store_each_attachment(store, load_attachment, site, err);
	if (code == 0)
		code = store_each_keep(store, keep_load, site, err);
	if (code == 0)
		code = store_each_demotion(store, brake_load, site, err);
	if (code == 0)
		code = store_each_revoked_serial(store, load_serial, site, err);
	if (code < 0) {
		if (code == -ENOSPC)
			error_set(err, code,
			        "the store holds more nodes or attachments than this program's limits");
		site->policy = NULL; /* the caller's still */
		site_close(site);
		return code;
	}
	store_on_end(store, on_turn_end, site);
	*ret = site;
	return 0;
}

struct site *site_close(struct site *site)
{
	if (!site)
		return NULL;
	table_free(site->attachments, attachment_free);
	table_free(site->nodes, node_free);
	table_free(site->revoked_serials, NULL);
	table_free(site->machines, NULL);
	again_free(site->again);
	named_free(site->named);
	changes_free(site->changes);
	judged_free(site->judged);
	retries_free(site->retries);
	policy_memo_free(site->memo);
	reverse_free(site->reverse);
	catalogue_free(site->catalogue);
	free(site->numbered);
	free(site->fresh.ids);
	brake_free(site->brake);
	policy_free(site->policy);
	vuln_index_close(site->index);
	free(site);
	return NULL;
}
