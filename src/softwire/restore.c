/* SPDX-License-Identifier: ISC */
/*
 * A session as a record in the checkpoint, and back. The data plane goes on with it while control is away, so
 * what is restored must be exactly what the peer, the data plane, the leases and accounting have. A session
 * that cannot be restored is ended towards the data plane; its peer will come again.
 */
#include "softwire/concentrator.h"

#include <errno.h>
#include <string.h>

#define RECORD_VERSION 1

static void put_text(struct writer *w, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	wr_u16(w, (uint16_t)n);
	wr_bytes(w, text, n);
}

static char *get_text(struct reader *r)
{
	size_t n = rd_u16(r);
	const uint8_t *p = rd_bytes(r, n);
	return p && !memchr(p, '\0', n) ? xstrndup((const char *)p, n) : NULL;
}

static void put_assignment(struct writer *w, const struct assignment *a)
{
	const uint8_t counts[] = { a->ipv4, a->ipv6, a->n_framed, a->n_delegated, a->n_addresses, a->n_routes,
		a->n_dns };
	wr_bytes(w, counts, sizeof(counts));
	wr_bytes(w, a->interface_id, 8);
	wr_bytes(w, a->ipv4_address.bytes, 16);
	wr_bytes(w, a->ipv4_own.bytes, 16);
	for (size_t i = 0; i < assignment_count(a); i++) {
		wr_bytes(w, a->prefixes[i].address.bytes, 16);
		wr_u8(w, a->prefixes[i].length);
	}
	for (size_t i = 0; i < a->n_dns; i++)
		wr_bytes(w, a->dns[i].bytes, 16);
}

static void get_ip(struct reader *r, struct ip_address *ret)
{
	const uint8_t *p = rd_bytes(r, 16);
	if (p)
		memcpy(ret->bytes, p, 16);
}

static void get_assignment(struct reader *r, struct assignment *a)
{
	a->ipv4 = rd_u8(r);
	a->ipv6 = rd_u8(r);
	a->n_framed = rd_u8(r);
	a->n_delegated = rd_u8(r);
	a->n_addresses = rd_u8(r);
	a->n_routes = rd_u8(r);
	a->n_dns = rd_u8(r);
	const uint8_t *id = rd_bytes(r, 8);
	if (id)
		memcpy(a->interface_id, id, 8);
	get_ip(r, &a->ipv4_address);
	get_ip(r, &a->ipv4_own);
	if (assignment_count(a) > ASSIGNMENT_PREFIXES_MAX || a->n_dns > SOFTWIRE_DNS_MAX) {
		rd_fail(r);
		return;
	}
	a->prefixes = xcalloc(assignment_count(a) + 1, sizeof(*a->prefixes));
	for (size_t i = 0; i < assignment_count(a); i++) {
		get_ip(r, &a->prefixes[i].address);
		a->prefixes[i].length = rd_u8(r);
	}
	for (size_t i = 0; i < a->n_dns; i++)
		get_ip(r, &a->dns[i]);
}

static void put_path(struct writer *w, const struct l2tp_path *p)
{
	wr_u32(w, p->association);
	wr_bytes(w, p->local.bytes, 16);
	wr_bytes(w, p->remote.bytes, 16);
	wr_u16(w, p->local_port);
	wr_u16(w, p->remote_port);
}

static void get_path(struct reader *r, struct l2tp_path *p)
{
	p->association = rd_u32(r);
	get_ip(r, &p->local);
	get_ip(r, &p->remote);
	p->local_port = rd_u16(r);
	p->remote_port = rd_u16(r);
}

static void put_numbers(struct writer *w, const struct session *s)
{
	wr_u64(w, s->serial);
	wr_u16(w, s->tunnel);
	wr_u16(w, s->session);
	wr_u16(w, s->peer_tunnel);
	wr_u16(w, s->peer_session);
	wr_u16(w, s->mtu);
	wr_u8(w, s->sequencing);
	wr_u64(w, s->rate_in);
	wr_u64(w, s->rate_out);
	wr_u64(w, (uint64_t)s->opened_wall);
	wr_u64(w, (uint64_t)s->opened);
	wr_u64(w, (uint64_t)s->until);
	wr_u64(w, (uint64_t)s->idle_ms);
}

static void get_numbers(struct reader *r, struct session *s)
{
	s->serial = rd_u64(r);
	s->tunnel = rd_u16(r);
	s->session = rd_u16(r);
	s->peer_tunnel = rd_u16(r);
	s->peer_session = rd_u16(r);
	s->mtu = rd_u16(r);
	s->sequencing = rd_u8(r);
	s->rate_in = rd_u64(r);
	s->rate_out = rd_u64(r);
	s->opened_wall = (time_ms)rd_u64(r);
	s->opened = (time_ms)rd_u64(r);
	s->until = (time_ms)rd_u64(r);
	s->idle_ms = (time_ms)rd_u64(r);
}

void restore_write(struct session *s, time_ms now)
{
	struct control *c = s->control;
	uint8_t tunnel[L2TP_RECORD_MAX], link[PPP_EXPORT_MAX];
	size_t n_link = 0;
	int n_tunnel = l2tp_tunnel_export(c->l2tp, s->tunnel, tunnel);
	if (!s->slot || n_tunnel < 0 || ppp_link_export(s->link, now, link, &n_link) < 0)
		return;
	struct writer w = wr_make(CHECKPOINT_RECORD_MAX);
	wr_u8(&w, RECORD_VERSION);
	put_numbers(&w, s);
	put_path(&w, &s->path);
	put_text(&w, s->machine);
	put_text(&w, s->user);
	put_text(&w, s->port);
	put_text(&w, s->segment);
	put_text(&w, s->wanted_segment);
	put_text(&w, s->account ? aaa_account_id(s->account) : "");
	wr_bytes(&w, s->mac.bytes, 6);
	put_assignment(&w, &s->assignment);
	wr_bytes(&w, &s->dhcp6, sizeof(s->dhcp6));
	wr_u16(&w, (uint16_t)n_tunnel);
	wr_bytes(&w, tunnel, (size_t)n_tunnel);
	wr_u16(&w, (uint16_t)n_link);
	wr_bytes(&w, link, n_link);
	if (wr_failed(&w) || checkpoint_write(c->checkpoint, s->slot, w.data, w.length) < 0)
		c->counters.checkpoint_lost++;
	wr_free(&w);
}

/* ---- back ---- */

/* The tunnel, unless an earlier record of it has brought it back. */
static int import_tunnel(struct control *c, struct session *s, const uint8_t *record, size_t n, time_ms now)
{
	struct l2tp_path path;
	if (l2tp_tunnel_path(c->l2tp, s->tunnel, &path) == 0)
		return path.association == s->path.association ? 0 : -EEXIST;
	int r = l2tp_tunnel_import(c->l2tp, record, n, now);
	if (r >= 0 && r != s->tunnel)
		return -EINVAL;
	if (r >= 0) {
		struct association *a = control_association(c, s->path.association);
		c->concentrator->tunnel_association[s->tunnel] = s->path.association;
		if (a)
			a->n_tunnels++;
	}
	return r < 0 ? r : 0;
}

/* Under the configuration of now, which may be another one than it was opened with. */
static int is_valid(struct session *s, struct error *err)
{
	struct control *c = s->control;
	struct concentrator *x = c->concentrator;
	char text[IP_TEXT_SIZE];
	if (!s->path.association && !options_trusts(c->o, &s->path.remote))
		return error_set(
		        err, -EACCES, "%s is no trusted_address any more", ip_format(&s->path.remote, text));
	if (*s->user && !binding_allows(x->binding, s->machine, s->user, err))
		return -EACCES;
	return assignment_is_permitted(c->o, x->pools, &s->assignment, err);
}

static int bring_back(struct session *s, struct reader *r, time_ms now)
{
	struct control *c = s->control;
	struct ppp_parameters parameters;
	struct error err;
	size_t n_tunnel = rd_u16(r);
	const uint8_t *tunnel = rd_bytes(r, n_tunnel);
	size_t n_link = rd_u16(r);
	const uint8_t *link = rd_bytes(r, n_link);
	const struct pool_holder holder = admission_holder(s);
	if (rd_failed(r) || (s->path.association && !control_association(c, s->path.association)))
		return -ENOENT;
	int code = import_tunnel(c, s, tunnel, n_tunnel, now);
	if (code < 0)
		return code;
	if (is_valid(s, &err) < 0) {
		events_note(c->events, LOG_LEVEL_NOTICE, "session", "%s ends: %s", s->port, err.text);
		return -EACCES;
	}
	s->link = ppp_link_import(
	        &c->concentrator->ppp, concentrator_parameters(s, &parameters), s, link, n_link, now);
	if (!s->link)
		return -EINVAL;
	s->ipv4 = ppp_get_ipv4(s->link) != NULL;
	s->ipv6 = ppp_get_ipv6(s->link) != NULL;
	code = assignment_take_again(&s->assignment, c->concentrator->pools, &holder, clock_wall_ms(), &err);
	if (code < 0)
		log_warning("%s: %s", s->port, err.text);
	return code;
}

static bool read_record(struct session *s, struct reader *r, char **ret_account)
{
	struct concentrator *x = s->control->concentrator;
	if (rd_u8(r) != RECORD_VERSION)
		return false;
	get_numbers(r, s);
	get_path(r, &s->path);
	s->machine = get_text(r);
	s->user = get_text(r);
	char *port FREE_ON_EXIT = get_text(r), *segment = get_text(r);
	s->wanted_segment = get_text(r);
	*ret_account = get_text(r);
	const uint8_t *mac = rd_bytes(r, 6);
	get_assignment(r, &s->assignment);
	const uint8_t *dhcp6 = rd_bytes(r, sizeof(s->dhcp6));
	if (rd_failed(r) || !s->machine || !s->user || !port || !*ret_account ||
	        strlen(port) >= SESSION_PORT_SIZE) {
		free(segment);
		return false;
	}
	memcpy(s->port, port, strlen(port) + 1);
	memcpy(s->mac.bytes, mac, 6);
	memcpy(&s->dhcp6, dhcp6, sizeof(s->dhcp6));
	s->segment = enforcer_link_intern(x->segments, segment);
	free(segment);
	return true;
}

static void resume_account(struct session *s, const char *id)
{
	struct concentrator *x = s->control->concentrator;
	if (x->aaa && *id)
		s->account = aaa_account_resume(x->aaa, id, account_on_usage, s);
	if (!s->account && (s->ipv4 || s->ipv6))
		account_start(s);
}

/* Whether the session is there again. */
static bool restore_one(struct control *c, int slot, const uint8_t *bytes, size_t length, time_ms now)
{
	struct session *s = xcalloc(1, sizeof(*s));
	struct reader r = rd_make(bytes, length);
	char *account FREE_ON_EXIT = NULL;
	s->control = c;
	LIST_INSERT_HEAD(&c->sessions, s, all);
	c->n_sessions++;
	if (!read_record(s, &r, &account) || bring_back(s, &r, now) < 0) {
		if (s->tunnel) {
			(void)l2tp_session_close(
			        c->l2tp, s->tunnel, s->session, L2TP_CDN_CARRIER_LOST, "lost", now);
			session_end_plane(s);
		}
		session_free(s);
		return false;
	}
	s->slot = slot;
	s->state = SESSION_OPEN;
	c->last_serial = MAX(c->last_serial, s->serial);
	session_index(s);
	admission_enter(s, now);
	if (s->ipv6)
		nd_router_start(&s->router, now);
	resume_account(s, account);
	session_tell_plane(s);
	concentrator_session_run(s, now);
	return true;
}

void restore_all(struct control *c, time_ms now)
{
	const uint8_t *bytes;
	size_t at = 0, length, lost = 0;
	for (int slot; (slot = checkpoint_next(c->checkpoint, &at, &bytes, &length)) >= 0;) {
		if (restore_one(c, slot, bytes, length, now)) {
			c->counters.sessions_restored++;
			continue;
		}
		checkpoint_release(c->checkpoint, slot);
		lost++;
	}
	size_t stopped = c->concentrator->aaa ? aaa_accounts_settle(c->concentrator->aaa) : 0;
	if (c->counters.sessions_restored || lost || stopped)
		events_note(c->events, LOG_LEVEL_NOTICE, "restart",
		        "%llu sessions go on, %zu are lost, %zu accounts of earlier sessions are closed",
		        (unsigned long long)c->counters.sessions_restored, lost, stopped);
}
