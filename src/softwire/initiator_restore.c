/* SPDX-License-Identifier: ISC */
/*
 * An initiator's control that was killed goes on with its softwire: the data plane carries packets meanwhile,
 * the keeper has set addresses and routes, charon has the association. There are two slots in the checkpoint,
 * written by turns, so that a kill in the middle of one leaves the other, which is what the peer knows: L2TP
 * says what has changed before it sends. What control would send a second time after that (echo,
 * solicitation, DHCPv6) the peer takes for a retransmission. Where anything does not fit together the
 * softwire is brought up anew.
 */
#include "softwire/initiator.h"

#include <errno.h>
#include <string.h>

/* The older one first: what a kill leaves in between is the newest state, and not the one before it. */
void initiator_forget(struct control *c)
{
	struct initiator_slots *k = &c->initiator->slots;
	for (size_t i = 1; i <= INITIATOR_SLOTS && k->claimed && k->written; i++)
		checkpoint_clear(c->checkpoint, k->slots[(k->newest + i) % INITIATOR_SLOTS]);
	k->written = false;
}

static void describe(const struct control *c, struct initiator_record *ret)
{
	const struct initiator *x = c->initiator;
	const struct session *s = x->session;
	*ret = (struct initiator_record){ .generation = x->slots.generation + 1,
		.association = x->association,
		.current = x->current,
		.n_addresses = c->o->concentrators.count,
		.used = x->used,
		.source = x->source,
		.up_since = x->up_since,
		.opened = s->opened,
		.opened_wall = s->opened_wall,
		.hint = x->hint,
		.ipv6 = s->ipv6 };
	memcpy(ret->addresses, x->addresses, sizeof(ret->addresses));
	memcpy(ret->last_ipv4, x->last_ipv4, sizeof(ret->last_ipv4));
	memcpy(ret->last_interface_id, x->last_interface_id, sizeof(ret->last_interface_id));
	if (s->ipv6) {
		ret->nd = x->nd;
		ret->dhcp6 = x->dhcp6;
	}
}

static bool write_slot(struct control *c, const struct writer *w)
{
	struct initiator_slots *k = &c->initiator->slots;
	const size_t next = (k->newest + 1) % INITIATOR_SLOTS;
	if (wr_failed(w) || !k->claimed ||
	        checkpoint_write(c->checkpoint, k->slots[next], w->data, w->length) < 0)
		return false;
	k->newest = next;
	k->generation++;
	k->written = true;
	return true;
}

void initiator_checkpoint(struct control *c)
{
	struct initiator *x = c->initiator;
	struct session *s = x->session;
	uint8_t tunnel[L2TP_RECORD_MAX], link[PPP_EXPORT_MAX];
	struct initiator_record record;
	size_t n_link = 0;
	const bool is_up =
	        s && s->state == SESSION_OPEN && x->state == INITIATOR_UP && x->tunnel && !c->ending;
	const int n_tunnel = is_up ? l2tp_tunnel_export(c->l2tp, (uint16_t)x->tunnel, tunnel) : -ENOENT;
	if (n_tunnel < 0 || ppp_link_export(s->link, clock_monotonic_ms(), link, &n_link) < 0) {
		initiator_forget(c);
		return;
	}
	struct writer w CLEANUP(wr_free) = wr_make(INITIATOR_RECORD_MAX);
	describe(c, &record);
	record.tunnel = tunnel;
	record.n_tunnel = (size_t)n_tunnel;
	record.link = link;
	record.n_link = n_link;
	initiator_record_write(&w, &record);
	if (!write_slot(c, &w)) {
		c->counters.checkpoint_lost++;
		initiator_forget(c);
	}
}

/* ---- back ---- */

/* Claims both slots; which of them holds the newest record, and whether there is one. */
static bool find_record(struct control *c, struct initiator_record *ret)
{
	struct initiator_slots *k = &c->initiator->slots;
	struct initiator_record *record FREE_ON_EXIT = xcalloc(1, sizeof(*record));
	const uint8_t *bytes;
	size_t n = 0, at = 0, length;
	int slot;
	for (; n < INITIATOR_SLOTS && (slot = checkpoint_next(c->checkpoint, &at, &bytes, &length)) >= 0;
	        n++) {
		k->slots[n] = slot;
		if (initiator_record_read(record, bytes, length) < 0 ||
		        (k->written && record->generation <= ret->generation))
			continue;
		*ret = *record;
		k->newest = n;
		k->written = true;
	}
	const bool found = k->written;
	k->generation = found ? ret->generation : 0;
	k->written = n > 0; /* what is not sound is to be forgotten too */
	for (; n < INITIATOR_SLOTS && (slot = checkpoint_claim(c->checkpoint)) >= 0; n++)
		k->slots[n] = slot;
	k->claimed = n == INITIATOR_SLOTS;
	return found;
}

/* An initiator that is configured for ESP never goes on without it. */
static bool is_protected(struct control *c, const struct initiator_record *record)
{
	const struct association *a = control_association(c, record->association);
	const struct ip_address *to = &record->addresses[record->current];
	if (c->o->ipsec == SOFTWIRE_IPSEC_NONE)
		return record->association == 0 && options_trusts(c->o, to);
	return a && ip_equal(&a->remote, to);
}

/* Between the same two addresses, too. */
static bool is_path_of(struct control *c, const struct l2tp_path *path, const struct initiator_record *record)
{
	const struct association *a = control_association(c, path->association);
	return path->association == record->association &&
	        ip_equal(&path->remote, &record->addresses[record->current]) &&
	        (!a || ip_equal(&a->local, &path->local));
}

static struct session *import_tunnel(
        struct control *c, const struct initiator_record *record, int *ret_tunnel, time_ms now)
{
	struct l2tp_path path;
	struct l2tp_call calls[L2TP_SESSIONS_MAX];
	const int tunnel = l2tp_tunnel_import(c->l2tp, record->tunnel, record->n_tunnel, now);
	if (tunnel < 0)
		return NULL;
	*ret_tunnel = tunnel;
	if (l2tp_tunnel_path(c->l2tp, (uint16_t)tunnel, &path) < 0 || !is_path_of(c, &path, record) ||
	        l2tp_tunnel_sessions(c->l2tp, (uint16_t)tunnel, calls) != 1)
		return NULL;
	return session_new(c, &path, &calls[0]);
}

static bool import_link(struct session *s, const struct initiator_record *record, time_ms now)
{
	struct initiator *x = s->control->initiator;
	struct ppp_parameters parameters;
	initiator_prepare_session(s, &parameters);
	s->link = ppp_link_import(&x->ppp, &parameters, s, record->link, record->n_link, now);
	if (!s->link)
		return false;
	const struct ppp_ipv4 *ipv4 = ppp_get_ipv4(s->link);
	const struct ppp_ipv6 *ipv6 = ppp_get_ipv6(s->link);
	s->ipv4 = ipv4 != NULL;
	s->ipv6 = ipv6 != NULL;
	if (ipv4)
		x->ipv4 = *ipv4;
	if (ipv6) {
		x->nd = record->nd;
		x->dhcp6 = record->dhcp6;
		initiator_resume_ipv6(s, ipv6, now);
	}
	return (s->ipv4 || s->ipv6) && s->ipv6 == record->ipv6;
}

static void adopt(struct control *c, const struct initiator_record *record)
{
	struct initiator *x = c->initiator;
	memcpy(x->addresses, record->addresses, sizeof(x->addresses));
	x->current = record->current;
	x->used = record->used;
	x->source = record->source;
	x->hint = record->hint;
	memcpy(x->last_ipv4, record->last_ipv4, sizeof(x->last_ipv4));
	memcpy(x->last_interface_id, record->last_interface_id, sizeof(x->last_interface_id));
}

/* As if it had never been away. */
static void go_on(struct control *c, struct session *s, const struct initiator_record *record, time_ms now)
{
	struct initiator *x = c->initiator;
	s->state = SESSION_OPEN;
	s->opened = record->opened;
	s->opened_wall = record->opened_wall;
	x->session = s;
	x->tunnel = s->tunnel;
	x->association = record->association;
	x->up_since = record->up_since;
	c->counters.sessions_restored++;
	initiator_enter(c, INITIATOR_UP);
	events_note(c->events, LOG_LEVEL_NOTICE, "restart", "the softwire to %s goes on",
	        c->o->concentrators.items[x->current]);
	session_tell_plane(s);
	initiator_tell_host(c);
	c->role->session_run(s, now);
}

static void give_up(struct control *c, struct session *s, int tunnel, time_ms now)
{
	if (s) {
		session_end_plane(s);
		session_free(s);
	}
	if (tunnel)
		(void)l2tp_tunnel_close(c->l2tp, (uint16_t)tunnel, L2TP_STOP_REQUEST, "restarted", now);
	initiator_forget(c);
	events_note(c->events, LOG_LEVEL_NOTICE, "restart",
	        "the softwire cannot go on as it was: it is brought up again");
}

bool initiator_restore(struct control *c, time_ms now)
{
	struct initiator_record *record FREE_ON_EXIT = xcalloc(1, sizeof(*record));
	struct session *s = NULL;
	int tunnel = 0;
	if (!find_record(c, record)) {
		initiator_forget(c);
		return false;
	}
	if (record->n_addresses == c->o->concentrators.count) {
		adopt(c, record);
		if (is_protected(c, record))
			s = import_tunnel(c, record, &tunnel, now);
	}
	if (s && import_link(s, record, now)) {
		go_on(c, s, record, now);
		return true;
	}
	give_up(c, s, tunnel, now);
	return false;
}
