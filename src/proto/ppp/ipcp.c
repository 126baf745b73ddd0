/* SPDX-License-Identifier: ISC */
/*
 * IPCP (RFC 1332) with the name servers of RFC 1877. The concentrator states its own address and accepts from
 * the peer only the one that was granted; the initiator asks for what it is given. Header compression, WINS
 * and the old IP-Addresses option are rejected. An initiator takes no address that no host can have.
 */
#include "proto/ppp/link.h"

#include <string.h>

#define OPTION_ADDRESS 3
#define OPTION_DNS_PRIMARY 129
#define OPTION_DNS_SECONDARY 131

static bool is_zero(const uint8_t address[4])
{
	return !(address[0] | address[1] | address[2] | address[3]);
}

static bool is_host(const uint8_t address[4])
{
	return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

static uint8_t *name_server(struct ppp_link *link, uint8_t type)
{
	return link->v4.name_servers[type == OPTION_DNS_SECONDARY];
}

static bool is_initiator(const struct ppp_link *link)
{
	return link->config->role == PPP_INITIATOR;
}

/* Which of our options the peer has rejected. */
enum { REJECTED_ADDRESS = 1, REJECTED_PRIMARY = 2, REJECTED_SECONDARY = 4 };

static unsigned option_bit(uint8_t type)
{
	return type == OPTION_ADDRESS          ? REJECTED_ADDRESS
	        : type == OPTION_DNS_PRIMARY   ? REJECTED_PRIMARY
	        : type == OPTION_DNS_SECONDARY ? REJECTED_SECONDARY
	                                       : 0;
}

static void ipcp_reset(struct ppp_link *link)
{
	link->ipcp_rejected = 0;
	memcpy(link->v4.local, link->grant.v4.local, 4);
	memcpy(link->v4.name_servers, link->grant.v4.name_servers, sizeof(link->v4.name_servers));
}

static void ipcp_write_request(struct ppp_link *link, struct writer *w)
{
	bool dns = is_initiator(link) && link->config->name_servers;
	if ((is_initiator(link) || !is_zero(link->v4.local)) && !(link->ipcp_rejected & REJECTED_ADDRESS))
		ppp_write_option(w, OPTION_ADDRESS, link->v4.local, 4);
	if (dns && !(link->ipcp_rejected & REJECTED_PRIMARY))
		ppp_write_option(w, OPTION_DNS_PRIMARY, link->v4.name_servers[0], 4);
	if (dns && !(link->ipcp_rejected & REJECTED_SECONDARY))
		ppp_write_option(w, OPTION_DNS_SECONDARY, link->v4.name_servers[1], 4);
}

static void ipcp_begin_check(struct ppp_link *link)
{
	memset(link->v4.peer, 0, sizeof(link->v4.peer));
}

/* What the other side should be; where that is not said, it may be what it wants to be. */
static enum ppp_check check_address(struct ppp_link *link, const uint8_t *data, struct writer *nak)
{
	const uint8_t *wanted = link->grant.v4.peer;
	if (is_zero(wanted) ? !is_host(data) : memcmp(data, wanted, 4) != 0) {
		if (is_zero(wanted))
			return PPP_OPTION_REJECT;
		ppp_write_option(nak, OPTION_ADDRESS, wanted, 4);
		return PPP_OPTION_NAK;
	}
	memcpy(link->v4.peer, data, 4);
	return PPP_OPTION_ACK;
}

static enum ppp_check check_name_server(
        struct ppp_link *link, uint8_t type, const uint8_t *data, struct writer *nak)
{
	const uint8_t *server = name_server(link, type);
	if (is_initiator(link) || is_zero(server))
		return PPP_OPTION_REJECT;
	if (memcmp(data, server, 4) == 0)
		return PPP_OPTION_ACK;
	ppp_write_option(nak, type, server, 4);
	return PPP_OPTION_NAK;
}

static enum ppp_check ipcp_check(
        struct ppp_link *link, uint8_t type, const uint8_t *data, size_t length, struct writer *nak)
{
	if (length != 4 || option_bit(type) == 0)
		return PPP_OPTION_REJECT;
	return type == OPTION_ADDRESS ? check_address(link, data, nak)
	                              : check_name_server(link, type, data, nak);
}

static void ipcp_check_missing(struct ppp_link *link, const uint8_t seen[32], struct writer *nak)
{
	if (!is_initiator(link) && !is_zero(link->grant.v4.peer) && !(seen[0] & 1u << OPTION_ADDRESS))
		ppp_write_option(nak, OPTION_ADDRESS, link->grant.v4.peer, 4);
}

static void ipcp_on_nak(struct ppp_link *link, uint8_t type, const uint8_t *data, size_t length)
{
	if (!is_initiator(link) || length != 4)
		return; /* the concentrator is who it is; what it insists on ends by PPP_MAX_NAKS */
	if (type == OPTION_ADDRESS && is_host(data))
		memcpy(link->v4.local, data, 4);
	else if (type != OPTION_ADDRESS && option_bit(type) && link->config->name_servers)
		memcpy(name_server(link, type), data, 4);
}

static void ipcp_on_reject(struct ppp_link *link, uint8_t type)
{
	link->ipcp_rejected |= (uint8_t)option_bit(type);
	if (type == OPTION_ADDRESS && is_initiator(link))
		ppp_control_fail(link, PPP_IPCP);
	else if (type != OPTION_ADDRESS && option_bit(type) && is_initiator(link))
		memset(name_server(link, type), 0, 4);
}

/* Without an address of the initiator's there is nothing to carry. */
static void ipcp_up(struct ppp_link *link)
{
	if (is_zero(is_initiator(link) ? link->v4.local : link->v4.peer)) {
		ppp_control_fail(link, PPP_IPCP);
		return;
	}
	link->told_ipv4 = true;
	ppp_ncp_opened(link);
	link->config->callbacks->ipv4_up(link->context, &link->v4);
}

static void ipcp_down(struct ppp_link *link)
{
	if (link->told_ipv4) {
		link->told_ipv4 = false;
		link->config->callbacks->ipv4_down(link->context);
	}
}

const struct ppp_protocol ppp_ipcp_protocol = {
	.number = PPP_PROTOCOL_IPCP,
	.reset = ipcp_reset,
	.write_request = ipcp_write_request,
	.begin_check = ipcp_begin_check,
	.check = ipcp_check,
	.check_missing = ipcp_check_missing,
	.on_nak = ipcp_on_nak,
	.on_reject = ipcp_on_reject,
	.up = ipcp_up,
	.down = ipcp_down,
	.finished = ppp_ncp_finished,
};
