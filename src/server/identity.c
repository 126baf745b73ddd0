/* SPDX-License-Identifier: ISC */
/*
 * Whose a name is. A name has one key: the one that it enrolled with, or renewed to. A renewal proves the old
 * key and so needs nobody's leave; a token does not, and takes a name from its key only where whoever made
 * the token has said so.
 *
 * And whether it is one host that has it. Enforcement points prove where a connection is, by port and MAC
 * address, and a host reports the MAC addresses that it has: of two that are inspected under one name at one
 * time, one that does not have the other's address is another host.
 */
#include "crypto/renewal.h"
#include "server/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- keys ---- */

static bool is_set(const uint8_t key[32])
{
	static const uint8_t none[32];
	return memcmp(key, none, sizeof(none)) != 0;
}

static bool is_same(const uint8_t a[32], const uint8_t b[32])
{
	return memcmp(a, b, 32) == 0;
}

/* Whether the node has shown that it has the key that it was given. */
static bool has_arrived(const struct site_node *n)
{
	return is_same(n->thumbprint, n->pin);
}

static bool may_have_key(const struct site_node *n, const uint8_t thumbprint[32])
{
	if (!n->pinned || is_same(n->pin, thumbprint))
		return true;
	return is_set(n->previous) && is_same(n->previous, thumbprint) && !has_arrived(n);
}

int site_check_identity(struct site *site, const char *name, const uint8_t thumbprint[32], const char *serial,
        struct error *err)
{
	const struct site_node *n = site_find_node(site, name);
	if (table_get_string(site->revoked_serials, serial))
		return error_set(err, -EACCES, "the certificate %s of %s is revoked", serial, name);
	if (n && n->revoked)
		return error_set(err, -EACCES, "%s is revoked (%s); it needs a new enrolment", name,
		        n->revoked_reason ? n->revoked_reason : "no reason given");
	if (n && !may_have_key(n, thumbprint))
		return error_set(err, -EACCES,
		        "%s has another key since it was enrolled or renewed; if this is to be it, "
		        "`pratique enrol --new %s --replace` makes a token for that",
		        name, name);
	return 0;
}

bool site_is_key_of(const struct site_node *node, const uint8_t thumbprint[32])
{
	if (is_same(thumbprint, node->thumbprint))
		return true;
	return node->pinned && has_arrived(node) && is_set(node->previous) &&
	        is_same(thumbprint, node->previous);
}

/* ---- enrolment ---- */

int site_may_enrol(struct site *site, const char *name, bool replaces, struct error *err)
{
	const struct site_node *n = site_find_node(site, name);
	if (!n || !n->pinned || n->revoked || replaces)
		return 0;
	return error_set(err, -EEXIST,
	        "%s is enrolled and has a key; a token made with --replace takes its name from that one",
	        name);
}

/* The old key's certificate is good for nothing any more, and who has it is out. */
static void take_name(struct site *site, struct site_node *node, time_ms now, char ret_taken[41])
{
	for (struct site_attachment *a = node->attachments; a; a = a->next_of_node) {
		if (a->decided.expires > now)
			site_drop(site, a, "enrolment", "the name was enrolled with another key", now);
		if (a->session)
			site->effects.disconnect(site->context, a);
	}
	if (node->serial) {
		snprintf(ret_taken, 41, "%.40s", node->serial);
		store_revoke_serial(site->store, node->serial, node->name, "enrolled again", now);
		table_set_string(site->revoked_serials, node->serial, site);
	}
	site_note(site, now, "re-enrolment", node, NULL,
	        "%s was enrolled again with another key; the certificate %s is not accepted any more",
	        node->name, node->serial ? node->serial : "of before");
}

int site_enrolled(struct site *site, const struct identity *who, const struct identity *old, time_ms now,
        char ret_taken[41], struct error *err)
{
	struct site_node *node = site_find_node(site, who->name);
	char taken[41] = "";
	if (node && node->revoked && is_same(node->thumbprint, who->thumbprint))
		return error_set(err, -EACCES, "this is the key that was revoked; make another one");
	if (!node)
		node = site_see_node(site, who->name, who->thumbprint, who->serial, now);
	else if (!old && node->pinned && !node->revoked)
		take_name(site, node, now, taken);
	if (!node)
		return error_set(err, -ENOSPC, "the site has too many nodes");
	memset(node->previous, 0, sizeof(node->previous));
	if (old)
		memcpy(node->previous, old->thumbprint, sizeof(node->previous));
	node->revoked = false;
	node->pinned = true;
	memcpy(node->pin, who->thumbprint, sizeof(node->pin));
	site_save_node(site, node);
	site_note(site, now, old ? "renewal" : "enrolment", node, NULL,
	        "a certificate was issued (serial %s)", who->serial);
	if (ret_taken)
		memcpy(ret_taken, taken, sizeof(taken));
	return 0;
}

/* ---- two hosts, one identity ---- */

static bool has_mac(const struct posture *p, const struct mac_address *mac)
{
	for (size_t i = 0; i < p->n_interfaces; i++)
		if (p->interfaces[i].has_mac && memcmp(&p->interfaces[i].mac, mac, sizeof(*mac)) == 0)
			return true;
	return false;
}

/* Whether the host that was inspected at a cannot be the one at b. A session's MAC address is made up. */
static bool is_other_host(
        const struct posture *p, const struct site_attachment *a, const struct site_attachment *b)
{
	if (a->machine_id && b->machine_id && strcmp(a->machine_id, b->machine_id) != 0)
		return true;
	return p->network_known && !a->machine && !b->machine && !has_mac(p, &b->mac);
}

static void ask_again(struct site *site, struct site_attachment *a)
{
	if (a->retry_asked)
		return;
	a->retry_asked = true;
	site->counters.retries_asked++;
	site->effects.retry(site->context, a);
}

static void note_two_hosts(struct site *site, struct site_node *node, const struct site_attachment *a,
        const struct site_attachment *b, time_ms now)
{
	bool is_new = node->doubtful_until <= now;
	node->doubtful_until = now + SITE_DOUBT_MS;
	if (!is_new)
		return;
	site->counters.identities_shared++;
	site_note(site, now, "identity-shared", node, a,
	        "two hosts present %s: one at %s, port %s, and another at %s, port %s", node->name,
	        a->enforcement_point, a->port, b->enforcement_point, b->port);
}

static void compare_hosts(struct site *site, struct site_node *node, struct site_attachment *a, time_ms now)
{
	a->denies = NULL;
	for (struct site_attachment *b = node->attachments; b; b = b->next_of_node) {
		if (b == a || !b->session || !is_other_host(node->posture, a, b))
			continue;
		a->denies = b;
		if (b->denies == a) {
			note_two_hosts(site, node, a, b, now);
			return;
		}
		ask_again(site, b);
	}
}

/* ---- one machine, two identities ---- */

static bool is_here(const struct site_node *node, time_ms now)
{
	for (const struct site_attachment *a = node->attachments; a; a = a->next_of_node)
		if (a->session || a->decided.expires > now)
			return true;
	return false;
}

static void compare_machines(struct site *site, struct site_node *node, time_ms now)
{
	const char *id = node->posture->machine_id;
	if (node->machine && (!id || strcmp(node->machine, id) != 0)) {
		if (table_get_string(site->machines, node->machine) == node)
			table_remove_string(site->machines, node->machine);
		free(TAKE_POINTER(node->machine));
	}
	if (!id || !*id)
		return;
	struct site_node *other = table_get_string(site->machines, id);
	if (other && other != node && !other->revoked && is_here(other, now)) {
		bool is_new = node->doubtful_until <= now || other->doubtful_until <= now;
		node->doubtful_until = other->doubtful_until = now + SITE_DOUBT_MS;
		if (is_new) {
			site->counters.machines_shared++;
			site_note(site, now, "machine-shared", node, NULL,
			        "%s and %s report one machine id, %.64s", node->name, other->name, id);
		}
	}
	if (!node->machine)
		node->machine = xstrdup(id);
	table_set_string(site->machines, id, node);
}

void site_observe(struct site *site, struct site_node *node, struct site_attachment *a, time_ms now)
{
	if (!node->posture || !node->posture_signed)
		return;
	const bool was_doubtful = node->doubtful_until > now;
	free(a->machine_id);
	a->machine_id = xstrdup(node->posture->machine_id);
	compare_hosts(site, node, a, now);
	compare_machines(site, node, now);
	if (!was_doubtful && node->doubtful_until > now)
		site_judge_again(site, node, "identity", now);
}

void site_forget_observation(struct site_attachment *a)
{
	a->denies = NULL;
	for (struct site_attachment *b = a->node ? a->node->attachments : NULL; b; b = b->next_of_node)
		if (b->denies == a)
			b->denies = NULL;
}

/* ---- the end of certificates ---- */

void site_look_at_expiry(struct site *site, time_ms now)
{
	site->last_expiry_look = now;
	TABLE_FOREACH(it, site->nodes) {
		struct site_node *n = it.value;
		const struct renewal_life life = { n->valid_from, n->valid_until };
		int days = n->valid_until && !n->revoked ? renewal_warning(&life, now) : 0;
		if (days == n->warned)
			continue;
		n->warned = days;
		if (days == 0)
			continue;
		site->counters.certificates_expiring++;
		if (days < 0)
			site_note(site, now, "certificate-expired", n, NULL,
			        "the certificate of %s has expired; it needs a new enrolment", n->name);
		else
			site_note(site, now, "certificate-expiring", n, NULL,
			        "the certificate of %s ends within %d day%s and was not renewed", n->name,
			        days, days == 1 ? "" : "s");
	}
}
