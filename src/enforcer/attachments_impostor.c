/* SPDX-License-Identifier: ISC */
/*
 * Impostors: who claims an address or a MAC address whose owner, asked, answers. What they send with it is
 * dropped anyway; beside that they lose their own segment for a while, each time anew. Where the owner does
 * not answer there is no impostor, but somebody who got an address that another has left.
 *
 * A claimed address is held against the MAC address that claimed it; a claimed MAC address against all that
 * is at the port, because there who it was has nothing else to be known by.
 */
#include "enforcer/attachments_internal.h"

#include <string.h>

void attachments_accuse(struct attachment *owner, const struct sighting *s, time_ms now)
{
	owner->accused.link = s->link;
	memcpy(owner->accused.port, s->port, sizeof(owner->accused.port));
	owner->accused.mac = s->kind == SIGHTING_MAC ? (struct mac_address){ { 0 } } : s->mac;
	owner->accused.until = now + ATTACHMENT_VERIFY_MS;
}

static void suspend(struct attachments *a, struct attachment *at, time_ms now)
{
	bool before = at->impostor_until != 0;
	at->impostor_until = now + ATTACHMENT_IMPOSTOR_MS;
	if (!before)
		attachments_tell_changed(a, at);
}

void attachments_convict(struct attachments *a, struct attachment *owner, time_ms now)
{
	static const struct mac_address any;
	char mac[MAC_TEXT_SIZE];
	struct sighting s = { .link = owner->accused.link, .mac = owner->accused.mac };
	if (!owner->accused.until)
		return;
	bool in_time = owner->accused.until > now;
	bool all = memcmp(&owner->accused.mac, &any, sizeof(any)) == 0;
	owner->accused.until = 0;
	if (!in_time)
		return;
	memcpy(s.port, owner->accused.port, sizeof(s.port));
	struct attachment *one = all ? NULL : attachments_by_mac(a, s.link, &s.mac);
	const struct port *p = table_get_string(a->ports, s.port);
	if (one && one != owner && strcmp(one->port, s.port) == 0)
		suspend(a, one, now);
	if (all && p && p->n_attachments && strcmp(s.port, owner->port) != 0)
		TABLE_FOREACH(it, a->by_mac) {
			struct attachment *at = it.value;
			if (strcmp(at->port, s.port) == 0)
				suspend(a, at, now);
		}
	a->statistics.impostors++;
	attachments_tell(a, "impostor", &s, now,
	        "what belongs to %s at %s, which answers, was claimed at %s: who did it is in the default "
	        "segment "
	        "for %d s",
	        mac_format(&owner->mac, mac), owner->port, s.port, ATTACHMENT_IMPOSTOR_MS / 1000);
}
