/* SPDX-License-Identifier: ISC */
/*
 * The Link Control Protocol (RFC 1661): MRU, authentication protocol, magic number, echoes.
 *
 * Protocol- and address-and-control-field compression are rejected: the data plane has one form of frame. An
 * async control character map is accepted, as it changes nothing below L2TP. Other options are rejected.
 *
 * Authentication: what we demand is taken from the configured list alone, whatever the peer Naks with; what
 * the peer demands of us is acknowledged only where the configured list has it. On an unprotected link
 * neither list has PAP, CHAP or MS-CHAPv2 (softwire draft, 3.4.1.1).
 */
#include "proto/ppp/link.h"

#include <string.h>

#define OPTION_MRU 1
#define OPTION_ACCM 2
#define OPTION_AUTHENTICATION 3
#define OPTION_MAGIC 5

#define CHAP_MD5 5
#define CHAP_MICROSOFT_V2 0x81

/* The option's data for each method (RFC 1334 2.1, 1994 3, 2759 2, 3748 4.x). */
static size_t write_method(enum ppp_method method, uint8_t ret[3])
{
	static const struct {
		uint16_t protocol;
		uint8_t algorithm;
	} methods[PPP_N_METHODS] = {
		[PPP_PAP] = { PPP_PROTOCOL_PAP, 0 },
		[PPP_CHAP_MD5] = { PPP_PROTOCOL_CHAP, CHAP_MD5 },
		[PPP_MSCHAPV2] = { PPP_PROTOCOL_CHAP, CHAP_MICROSOFT_V2 },
		[PPP_EAP] = { PPP_PROTOCOL_EAP, 0 },
	};
	ret[0] = (uint8_t)(methods[method].protocol >> 8);
	ret[1] = (uint8_t)methods[method].protocol;
	ret[2] = methods[method].algorithm;
	return methods[method].algorithm ? 3 : 2;
}

static enum ppp_method read_method(const uint8_t *data, size_t length)
{
	for (enum ppp_method m = PPP_PAP; m < PPP_N_METHODS; m++) {
		uint8_t bytes[3];
		size_t n = write_method(m, bytes);
		if (n == length && memcmp(bytes, data, n) == 0)
			return m;
	}
	return PPP_NO_METHOD;
}

bool ppp_method_allowed(const struct ppp_link *link, enum ppp_method method)
{
	return link->parameters.is_protected || method == PPP_EAP;
}

enum ppp_method ppp_lcp_demanded(const struct ppp_link *link)
{
	return link->lcp.demand < link->config->n_demand ? link->config->demand[link->lcp.demand]
	                                                 : PPP_NO_METHOD;
}

static bool may_demand(const struct ppp_link *link, size_t i)
{
	enum ppp_method method = link->config->demand[i];
	return ppp_method_allowed(link, method) && !(link->lcp.tried & 1u << method);
}

/* The next method that may be demanded. */
static bool choose_demand(struct ppp_link *link)
{
	for (size_t i = 0; i < link->config->n_demand; i++)
		if (may_demand(link, i)) {
			link->lcp.demand = (uint8_t)i;
			return true;
		}
	return link->config->n_demand == 0;
}

bool ppp_lcp_choose_demand(struct ppp_link *link)
{
	link->lcp.tried = 0;
	link->lcp.demand = 0;
	return choose_demand(link);
}

/* What the peer's demand may be answered with, counted from `skip`; PPP_NO_METHOD where there is nothing. */
static enum ppp_method may_give(const struct ppp_link *link, unsigned skip)
{
	enum ppp_method allowed[PPP_METHODS_MAX];
	unsigned n = 0;
	for (size_t i = 0; i < link->config->n_give; i++)
		if (ppp_method_allowed(link, link->config->give[i]))
			allowed[n++] = link->config->give[i];
	return n ? allowed[skip % n] : PPP_NO_METHOD;
}

static bool gives(const struct ppp_link *link, enum ppp_method method)
{
	for (size_t i = 0; i < link->config->n_give; i++)
		if (link->config->give[i] == method)
			return ppp_method_allowed(link, method);
	return false;
}

static void new_magic(struct ppp_link *link)
{
	uint8_t bytes[4];
	ppp_random(link, bytes, sizeof(bytes));
	struct reader r = rd_make(bytes, sizeof(bytes));
	link->lcp.magic = rd_u32(&r) | 1; /* zero is "none" */
}

static void lcp_reset(struct ppp_link *link)
{
	link->lcp.mru = link->parameters.mru;
	link->lcp.rejected = 0;
	link->lcp.give = 0;
	link->lcp.echo_refused = false;
	link->blame = 0;
	(void)ppp_lcp_choose_demand(link);
	new_magic(link);
}

static bool is_rejected(const struct ppp_link *link, unsigned option)
{
	return link->lcp.rejected & 1u << option;
}

static void lcp_write_request(struct ppp_link *link, struct writer *w)
{
	const struct ppp_lcp *lcp = &link->lcp;
	uint8_t mru[2] = { (uint8_t)(lcp->mru >> 8), (uint8_t)lcp->mru };
	uint8_t magic[4] = { (uint8_t)(lcp->magic >> 24), (uint8_t)(lcp->magic >> 16),
		(uint8_t)(lcp->magic >> 8), (uint8_t)lcp->magic };
	uint8_t method[3];
	if (lcp->mru != PPP_MRU_DEFAULT && !is_rejected(link, OPTION_MRU))
		ppp_write_option(w, OPTION_MRU, mru, sizeof(mru));
	if (ppp_lcp_demanded(link) != PPP_NO_METHOD)
		ppp_write_option(
		        w, OPTION_AUTHENTICATION, method, write_method(ppp_lcp_demanded(link), method));
	if (!is_rejected(link, OPTION_MAGIC))
		ppp_write_option(w, OPTION_MAGIC, magic, sizeof(magic));
}

static void lcp_begin_check(struct ppp_link *link)
{
	link->lcp.peer_mru = PPP_MRU_DEFAULT;
	link->lcp.peer_magic = 0;
	link->lcp.asked = PPP_NO_METHOD;
}

static enum ppp_check check_mru(struct ppp_link *link, const uint8_t *data, size_t length, struct writer *nak)
{
	static const uint8_t least[2] = { PPP_MRU_MIN >> 8, PPP_MRU_MIN & 0xff };
	if (length != 2)
		return PPP_OPTION_REJECT;
	uint16_t mru = (uint16_t)(data[0] << 8 | data[1]);
	if (mru < PPP_MRU_MIN) {
		ppp_write_option(nak, OPTION_MRU, least, sizeof(least));
		return PPP_OPTION_NAK;
	}
	link->lcp.peer_mru = mru;
	return PPP_OPTION_ACK;
}

static enum ppp_check check_method(
        struct ppp_link *link, const uint8_t *data, size_t length, struct writer *nak)
{
	enum ppp_method method = read_method(data, length), other = may_give(link, link->lcp.give);
	uint8_t bytes[3];
	if (method != PPP_NO_METHOD && gives(link, method)) {
		link->lcp.asked = method;
		link->blame = 0;
		return PPP_OPTION_ACK;
	}
	bool in_clear = method != PPP_NO_METHOD && !ppp_method_allowed(link, method);
	link->blame = in_clear ? PPP_END_UNPROTECTED : PPP_END_NO_METHOD;
	if (other == PPP_NO_METHOD)
		return PPP_OPTION_REJECT;
	link->lcp.give++;
	ppp_write_option(nak, OPTION_AUTHENTICATION, bytes, write_method(other, bytes));
	return PPP_OPTION_NAK;
}

/* 6.4: our own number in the peer's request means that we hear ourselves, or chance; a Nak with another
 * tells. */
static enum ppp_check check_magic(
        struct ppp_link *link, const uint8_t *data, size_t length, struct writer *nak)
{
	if (length != 4)
		return PPP_OPTION_REJECT;
	struct reader r = rd_make(data, length);
	uint32_t magic = rd_u32(&r);
	if (magic == 0 || (magic == link->lcp.magic && !is_rejected(link, OPTION_MAGIC))) {
		uint8_t other[4];
		ppp_random(link, other, sizeof(other));
		other[3] |= 1;
		ppp_write_option(nak, OPTION_MAGIC, other, sizeof(other));
		if (magic && ++link->lcp.loops >= PPP_LOOPS_MAX)
			link->blame = PPP_END_LOOPED;
		return PPP_OPTION_NAK;
	}
	link->lcp.peer_magic = magic;
	link->lcp.loops = 0;
	return PPP_OPTION_ACK;
}

static enum ppp_check lcp_check(
        struct ppp_link *link, uint8_t type, const uint8_t *data, size_t length, struct writer *nak)
{
	switch (type) {
	case OPTION_MRU:
		return check_mru(link, data, length, nak);
	case OPTION_ACCM:
		return length == 4 ? PPP_OPTION_ACK : PPP_OPTION_REJECT;
	case OPTION_AUTHENTICATION:
		return check_method(link, data, length, nak);
	case OPTION_MAGIC:
		return check_magic(link, data, length, nak);
	default:
		return PPP_OPTION_REJECT;
	}
}

/* The peer does not want to prove itself that way: take its proposal if it is one of ours, else our next one.
 */
static void demand_another(struct ppp_link *link, enum ppp_method proposed)
{
	link->lcp.tried |= (uint8_t)(1u << ppp_lcp_demanded(link));
	for (size_t i = 0; i < link->config->n_demand; i++)
		if (link->config->demand[i] == proposed && may_demand(link, i)) {
			link->lcp.demand = (uint8_t)i;
			return;
		}
	if (!choose_demand(link))
		ppp_end(link, PPP_END_NO_METHOD);
}

static void lcp_on_nak(struct ppp_link *link, uint8_t type, const uint8_t *data, size_t length)
{
	if (type == OPTION_MRU && length == 2) {
		uint16_t mru = (uint16_t)(data[0] << 8 | data[1]);
		if (mru >= PPP_MRU_MIN && mru < link->lcp.mru)
			link->lcp.mru = mru;
		else if (link->controls[PPP_LCP].naks_received > PPP_MAX_FAILURE)
			link->lcp.rejected |= 1u
			        << OPTION_MRU; /* it insists on more: then it is the default */
	} else if (type == OPTION_AUTHENTICATION && ppp_lcp_demanded(link) != PPP_NO_METHOD) {
		demand_another(link, read_method(data, length));
	} else if (type == OPTION_MAGIC) {
		new_magic(link);
	}
}

static void lcp_on_reject(struct ppp_link *link, uint8_t type)
{
	if (type == OPTION_MRU || type == OPTION_MAGIC)
		link->lcp.rejected |= (uint8_t)(1u << type);
	if (type == OPTION_MAGIC)
		link->lcp.magic = 0;
	if (type == OPTION_AUTHENTICATION && ppp_lcp_demanded(link) != PPP_NO_METHOD)
		ppp_end(link, PPP_END_NO_METHOD);
}

/* Our magic number, as RFC 1661 5.8 wants it in front of an echo's data; zero where the peer rejected the
 * option. */
static void write_magic(const struct ppp_link *link, struct writer *w)
{
	wr_u32(w, is_rejected(link, OPTION_MAGIC) ? 0 : link->lcp.magic);
}

void ppp_lcp_echo(struct ppp_link *link)
{
	struct writer w CLEANUP(wr_free) = wr_make(8);
	write_magic(link, &w);
	link->lcp.echo_id++;
	ppp_send_packet(link, PPP_PROTOCOL_LCP, PPP_ECHO_REQUEST, link->lcp.echo_id, w.data, w.length);
}

static void on_echo_request(struct ppp_link *link, uint8_t id, const uint8_t *body, size_t length)
{
	struct writer w CLEANUP(wr_free) = wr_make(PPP_FRAME_MAX);
	size_t most = MIN((size_t)link->lcp.peer_mru, PPP_FRAME_MAX - 6u) - 4;
	write_magic(link, &w);
	wr_bytes(&w, body + 4, MIN(length, most) - 4);
	ppp_event(link, PPP_LCP, PPP_RXR, &(struct ppp_cause){ id, PPP_ECHO_REPLY, w.data, w.length });
}

static bool is_own_magic(const struct ppp_link *link, uint32_t magic)
{
	return magic && magic == link->lcp.magic && magic != link->lcp.peer_magic;
}

static bool lcp_receive(struct ppp_link *link, uint8_t code, uint8_t id, const uint8_t *body, size_t length)
{
	struct reader r = rd_make(body, length);
	if (code > PPP_TIME_REMAINING || code < PPP_PROTOCOL_REJECT)
		return false;
	if (code == PPP_PROTOCOL_REJECT) {
		ppp_protocol_rejected(link, body, length);
		return true;
	}
	uint32_t magic = rd_u32(&r);
	if (rd_failed(&r)) {
		PPP_COUNT(link, malformed);
		return true;
	}
	if (code == PPP_ECHO_REQUEST && is_own_magic(link, magic) && ppp_is_opened(link, PPP_LCP)) {
		ppp_end(link, PPP_END_LOOPED);
		return true;
	}
	if (code == PPP_ECHO_REQUEST) {
		on_echo_request(link, id, body, length);
		return true;
	}
	/* A late answer to an earlier echo is a sign of life too. What magic number it has is not looked at:
	 * some peers send ours back, and a line that is looped shows by the echo requests. */
	if (code == PPP_ECHO_REPLY)
		link->lcp.echo_missing = 0;
	ppp_event(link, PPP_LCP, PPP_RXR, &(struct ppp_cause){ .id = id });
	return true;
}

const struct ppp_protocol ppp_lcp_protocol = {
	.number = PPP_PROTOCOL_LCP,
	.reset = lcp_reset,
	.write_request = lcp_write_request,
	.begin_check = lcp_begin_check,
	.check = lcp_check,
	.on_nak = lcp_on_nak,
	.on_reject = lcp_on_reject,
	.up = ppp_lcp_opened,
	.down = ppp_lcp_down,
	.finished = ppp_lcp_finished,
	.receive = lcp_receive,
};
