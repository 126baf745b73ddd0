/* SPDX-License-Identifier: ISC */
/*
 * An open link as flat bytes, so that the program may be restarted while traffic flows. Only what the network
 * phase needs: no secret is among it, and an authentication that was going on (a later challenge) is begun
 * again.
 */
#include "proto/ppp/authentication.h"

#include <errno.h>
#include <string.h>

#define EXPORT_VERSION 1

static void write_lcp(struct writer *w, const struct ppp_link *link)
{
	const struct ppp_lcp *lcp = &link->lcp;
	wr_u16(w, lcp->mru);
	wr_u16(w, lcp->peer_mru);
	wr_u32(w, lcp->magic);
	wr_u32(w, lcp->peer_magic);
	wr_u8(w, lcp->rejected);
	wr_u8(w, lcp->demand);
	wr_u8(w, (uint8_t)lcp->asked);
	wr_u8(w, lcp->echo_refused);
	wr_u8(w, lcp->echo_id);
}

static void read_lcp(struct reader *r, struct ppp_link *link)
{
	struct ppp_lcp *lcp = &link->lcp;
	lcp->mru = rd_u16(r);
	lcp->peer_mru = rd_u16(r);
	lcp->magic = rd_u32(r);
	lcp->peer_magic = rd_u32(r);
	lcp->rejected = rd_u8(r);
	lcp->demand = rd_u8(r);
	lcp->asked = rd_u8(r);
	lcp->echo_refused = rd_u8(r);
	lcp->echo_id = rd_u8(r);
	if (lcp->asked >= PPP_N_METHODS || lcp->mru < PPP_MRU_MIN || lcp->peer_mru < PPP_MRU_MIN)
		rd_fail(r);
}

static void write_control(struct writer *w, const struct ppp_automaton *a)
{
	wr_u8(w, a->state);
	wr_u8(w, a->id);
	wr_u8(w, a->answered);
	wr_u64(w, a->acknowledged);
}

/* What was being negotiated is negotiated again from its start; what was open, or had failed, stays so. */
static void read_control(struct reader *r, struct ppp_automaton *a, time_ms now)
{
	a->state = rd_u8(r);
	a->id = rd_u8(r);
	a->answered = rd_u8(r);
	a->acknowledged = rd_u64(r);
	if (a->state >= PPP_N_STATES)
		rd_fail(r);
	if (a->state == PPP_CLOSING || a->state == PPP_STOPPING)
		a->state = PPP_STOPPED;
	if (a->state >= PPP_REQ_SENT && a->state < PPP_OPENED) {
		a->state = PPP_REQ_SENT;
		a->restarts = PPP_MAX_CONFIGURE;
		a->deadline = now;
	}
}

static void write_addresses(struct writer *w, const struct ppp_ipv4 *v4, const struct ppp_ipv6 *v6)
{
	wr_bytes(w, v4->local, 4);
	wr_bytes(w, v4->peer, 4);
	wr_bytes(w, v4->name_servers, 8);
	wr_bytes(w, v6->local, 8);
	wr_bytes(w, v6->peer, 8);
}

static void copy(struct reader *r, void *to, size_t n)
{
	const uint8_t *bytes = rd_bytes(r, n);
	if (bytes)
		memcpy(to, bytes, n);
}

static void read_addresses(struct reader *r, struct ppp_ipv4 *v4, struct ppp_ipv6 *v6)
{
	copy(r, v4->local, 4);
	copy(r, v4->peer, 4);
	copy(r, v4->name_servers, 8);
	copy(r, v6->local, 8);
	copy(r, v6->peer, 8);
}

static uint32_t time_left(time_ms at, time_ms now)
{
	return at == PPP_NEVER ? UINT32_MAX : (uint32_t)MIN(MAX(at - now, 0), UINT32_MAX - 1);
}

static time_ms time_at(uint32_t left, time_ms now)
{
	return left == UINT32_MAX ? PPP_NEVER : now + left;
}

static bool is_challenging(const struct ppp_link *link)
{
	return link->verifier && link->verifier->again && link->verifier->state != PPP_VERIFIER_DONE;
}

int ppp_link_export(const struct ppp_link *link, time_ms now, uint8_t ret[PPP_EXPORT_MAX], size_t *ret_length)
{
	struct writer w CLEANUP(wr_free) = wr_make(PPP_EXPORT_MAX);
	if (link->phase != PPP_NETWORK)
		return -EAGAIN;
	wr_u8(&w, EXPORT_VERSION);
	wr_u8(&w, (uint8_t)link->config->role);
	wr_u8(&w,
	        (uint8_t)(link->granted | link->told_ipv4 << 1 | link->told_ipv6 << 2 |
	                link->known_user << 3 | link->grant.ipv4 << 4 | link->grant.ipv6 << 5));
	wr_u8(&w, link->next_id);
	wr_u8(&w, link->method);
	wr_u8(&w, link->ipcp_rejected);
	wr_u32(&w, link->request);
	wr_bytes(&w, link->user_hash, sizeof(link->user_hash));
	write_lcp(&w, link);
	for (size_t i = 0; i < PPP_N_CONTROLS; i++)
		write_control(&w, &link->controls[i]);
	write_addresses(&w, &link->grant.v4, &link->grant.v6);
	write_addresses(&w, &link->v4, &link->v6);
	wr_u32(&w, time_left(link->phase_by, now));
	wr_u32(&w, time_left(is_challenging(link) ? now : link->challenge_at, now));
	if (wr_failed(&w))
		return -ENOSPC;
	memcpy(ret, w.data, w.length);
	*ret_length = w.length;
	return 0;
}

static void read_head(struct reader *r, struct ppp_link *link)
{
	uint8_t version = rd_u8(r), role = rd_u8(r), flags = rd_u8(r);
	link->granted = flags & 1;
	link->told_ipv4 = flags & 2;
	link->told_ipv6 = flags & 4;
	link->known_user = flags & 8;
	link->grant.ipv4 = flags & 16;
	link->grant.ipv6 = flags & 32;
	link->next_id = rd_u8(r);
	link->method = rd_u8(r);
	link->ipcp_rejected = rd_u8(r);
	link->request = rd_u32(r);
	copy(r, link->user_hash, sizeof(link->user_hash));
	if (version != EXPORT_VERSION || role != (uint8_t)link->config->role || link->method >= PPP_N_METHODS)
		rd_fail(r);
}

struct ppp_link *ppp_link_import(const struct ppp_config *config, const struct ppp_parameters *parameters,
        void *context, const uint8_t *bytes, size_t length, time_ms now)
{
	struct ppp_link *link = ppp_link_new(config, parameters, context);
	struct reader r = rd_make(bytes, length);
	link->now = now;
	link->phase = PPP_NETWORK;
	read_head(&r, link);
	read_lcp(&r, link);
	for (size_t i = 0; i < PPP_N_CONTROLS; i++)
		read_control(&r, &link->controls[i], now);
	read_addresses(&r, &link->grant.v4, &link->grant.v6);
	read_addresses(&r, &link->v4, &link->v6);
	link->phase_by = time_at(rd_u32(&r), now);
	link->challenge_at = time_at(rd_u32(&r), now);
	if (rd_failed(&r) || r.left || link->controls[PPP_LCP].state != PPP_OPENED ||
	        link->told_ipv4 != ppp_is_opened(link, PPP_IPCP) ||
	        link->told_ipv6 != ppp_is_opened(link, PPP_IPV6CP))
		return ppp_link_free(link);
	ppp_lcp_keep_alive(link);
	return link;
}
