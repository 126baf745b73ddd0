/* SPDX-License-Identifier: ISC */
/*
 * IPV6CP (RFC 5072): the interface identifiers of both ends, which are never zero and never equal. The
 * concentrator may insist on one for the peer (Framed-Interface-Id). Compression is rejected.
 */
#include "proto/ppp/link.h"

#include <string.h>

#define OPTION_INTERFACE_ID 1

static const uint8_t zero[8];

static bool is_fit(const uint8_t id[8], const uint8_t other[8])
{
	return memcmp(id, zero, 8) != 0 && memcmp(id, other, 8) != 0;
}

/* 4.1: a random identifier has the universal bit clear. */
static void random_id(struct ppp_link *link, const uint8_t other[8], uint8_t ret[8])
{
	ppp_random(link, ret, 8);
	ret[0] &= (uint8_t)~2u;
	ret[7] |= 1;
	if (memcmp(ret, other, 8) == 0)
		ret[7] ^= 2;
}

/* Our own identifier stays what it was where it still can. */
static void ipv6cp_reset(struct ppp_link *link)
{
	const uint8_t *wanted = link->grant.v6.local;
	if (memcmp(wanted, zero, 8) != 0)
		memcpy(link->v6.local, wanted, 8);
	if (!is_fit(link->v6.local, link->grant.v6.peer))
		random_id(link, link->grant.v6.peer, link->v6.local);
}

static void ipv6cp_write_request(struct ppp_link *link, struct writer *w)
{
	ppp_write_option(w, OPTION_INTERFACE_ID, link->v6.local, 8);
}

static void ipv6cp_begin_check(struct ppp_link *link)
{
	memset(link->v6.peer, 0, 8);
}

static void propose(struct ppp_link *link, struct writer *nak)
{
	uint8_t id[8];
	if (memcmp(link->grant.v6.peer, zero, 8) != 0)
		memcpy(id, link->grant.v6.peer, 8);
	else
		random_id(link, link->v6.local, id);
	ppp_write_option(nak, OPTION_INTERFACE_ID, id, 8);
}

/* 4.1: zero, or the same as ours, is answered with a proposal; so is what is not the granted one. */
static enum ppp_check ipv6cp_check(
        struct ppp_link *link, uint8_t type, const uint8_t *data, size_t length, struct writer *nak)
{
	const uint8_t *granted = link->grant.v6.peer;
	if (type != OPTION_INTERFACE_ID || length != 8)
		return PPP_OPTION_REJECT;
	if (!is_fit(data, link->v6.local) ||
	        (memcmp(granted, zero, 8) != 0 && memcmp(data, granted, 8) != 0)) {
		propose(link, nak);
		return PPP_OPTION_NAK;
	}
	memcpy(link->v6.peer, data, 8);
	return PPP_OPTION_ACK;
}

static void ipv6cp_check_missing(struct ppp_link *link, const uint8_t seen[32], struct writer *nak)
{
	if (!(seen[0] & 1u << OPTION_INTERFACE_ID))
		propose(link, nak);
}

/* 4.1: what the peer proposes is taken unless it is its own; then a new one is tried. */
static void ipv6cp_on_nak(struct ppp_link *link, uint8_t type, const uint8_t *data, size_t length)
{
	if (type != OPTION_INTERFACE_ID || length != 8)
		return;
	if (link->config->role == PPP_INITIATOR && is_fit(data, link->v6.peer))
		memcpy(link->v6.local, data, 8);
	else
		random_id(link, link->config->role == PPP_INITIATOR ? link->v6.peer : link->grant.v6.peer,
		        link->v6.local);
}

static void ipv6cp_on_reject(struct ppp_link *link, uint8_t type)
{
	if (type == OPTION_INTERFACE_ID)
		ppp_control_fail(link, PPP_IPV6CP);
}

static void ipv6cp_up(struct ppp_link *link)
{
	/* Ours may have changed after the peer's was acknowledged. */
	if (!is_fit(link->v6.peer, link->v6.local)) {
		ppp_control_fail(link, PPP_IPV6CP);
		return;
	}
	link->told_ipv6 = true;
	ppp_ncp_opened(link);
	link->config->callbacks->ipv6_up(link->context, &link->v6);
}

static void ipv6cp_down(struct ppp_link *link)
{
	if (link->told_ipv6) {
		link->told_ipv6 = false;
		link->config->callbacks->ipv6_down(link->context);
	}
}

const struct ppp_protocol ppp_ipv6cp_protocol = {
	.number = PPP_PROTOCOL_IPV6CP,
	.reset = ipv6cp_reset,
	.write_request = ipv6cp_write_request,
	.begin_check = ipv6cp_begin_check,
	.check = ipv6cp_check,
	.check_missing = ipv6cp_check_missing,
	.on_nak = ipv6cp_on_nak,
	.on_reject = ipv6cp_on_reject,
	.up = ipv6cp_up,
	.down = ipv6cp_down,
	.finished = ppp_ncp_finished,
};
