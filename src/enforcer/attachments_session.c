/* SPDX-License-Identifier: ISC */
/* Softwire sessions as attachments: by their prefixes, as their concentrator says. */
#include "enforcer/attachments_internal.h"

#include <errno.h>
#include <string.h>

/* Who has exactly this prefix; or, unless that is at itself, the one that it lies in. */
const struct attachment *attachments_by_prefix(
        const struct attachments *a, const struct attachment *at, const struct ip_address *ip, uint8_t length)
{
	struct ip_key k = attachments_ip_key(at->link, ip, length);
	const struct attachment *owner = table_get(a->by_ip, &k, sizeof(k));
	const struct attachment *around = owner ? NULL : attachments_by_ip(a, at->link, ip);
	return owner ? owner : around == at ? NULL : around;
}

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
			attachments_release(a, at, &at->addresses[i]);
	for (size_t i = 0; i < s->n_prefixes; i++) {
		const struct ip_prefix *p = &s->prefixes[i];
		char text[IP_TEXT_SIZE];
		const struct attachment *owner = attachments_by_prefix(a, at, &p->address, p->length);
		if (owner == at)
			continue;
		if (owner || !attachments_bind(a, at, &p->address, p->length, now)) {
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
	struct attachment *at = attachments_by_mac(a, link, &s->mac);
	if (p && p->link != link)
		return error_set(err, -EINVAL, "session %s has the name of another link's port", s->port);
	if (!p)
		attachments_port(a, link, s->port, true, now);
	p = table_get_string(a->ports, s->port);
	if (at && strcmp(at->port, s->port) != 0)
		return error_set(err, -EINVAL, "sessions %s and %s have one MAC address", s->port, at->port);
	if (!at)
		at = attachments_attach(a, p, &s->mac, now);
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
	attachments_tell_changed(a, at);
	return r;
}
