/* SPDX-License-Identifier: ISC */
/*
 * The phases of a link (RFC 1661, section 3): establish, authenticate, network, terminate; which frames each
 * takes; and the timers.
 *
 * Bounds: establishing, authenticating, and getting one NCP open may each take config->authentication_ms,
 * whatever the peer does; an open LCP is renegotiated PPP_RENEGOTIATIONS_MAX times in a row at most.
 */
#include "proto/ppp/link.h"
#include "proto/ppp/authentication.h"

#include <errno.h>
#include <string.h>

#define RESTART_MS 3000
#define AUTHENTICATION_MS 60000
#define ECHO_FAILURES 3
/* An initiator's first word waits that long, or for the peer's: the other end of the session below is there
 * only once the last message of its setup has arrived, which must not be overtaken. */
#define START_MS 20

const struct ppp_protocol *const ppp_protocols[PPP_N_CONTROLS] = {
	[PPP_LCP] = &ppp_lcp_protocol,
	[PPP_IPCP] = &ppp_ipcp_protocol,
	[PPP_IPV6CP] = &ppp_ipv6cp_protocol,
};

unsigned ppp_restart_ms(const struct ppp_link *link)
{
	return MIN(link->config->restart_ms ? link->config->restart_ms : RESTART_MS, UINT16_MAX);
}

void ppp_random(struct ppp_link *link, void *bytes, size_t length)
{
	link->config->callbacks->random(link->context, bytes, length);
}

static time_ms phase_end(const struct ppp_link *link)
{
	return link->now +
	        (link->config->authentication_ms ? link->config->authentication_ms : AUTHENTICATION_MS);
}

struct ppp_link *ppp_link_new(
        const struct ppp_config *config, const struct ppp_parameters *parameters, void *context)
{
	struct ppp_link *link = xcalloc(1, sizeof(*link));
	link->config = config;
	link->parameters = *parameters;
	if (link->parameters.mru == 0)
		link->parameters.mru = PPP_MRU_DEFAULT;
	link->parameters.mru = MAX(link->parameters.mru, PPP_MRU_MIN);
	link->context = context;
	link->lcp.peer_mru = PPP_MRU_DEFAULT;
	link->lcp.mru = link->parameters.mru;
	link->phase_by = link->start_at = link->echo_at = link->challenge_at = PPP_NEVER;
	for (size_t i = 0; i < PPP_N_CONTROLS; i++)
		link->controls[i].deadline = PPP_NEVER;
	if (config->role == PPP_INITIATOR) {
		link->grant.ipv4 = config->ipv4;
		link->grant.ipv6 = config->ipv6;
		memcpy(link->grant.v4.local, parameters->ipv4, 4);
		memcpy(link->v6.local, parameters->interface_id, 8);
	}
	return link;
}

static void forget_authentication(struct ppp_link *link)
{
	link->verifier = ppp_verifier_free(link->verifier);
	link->prover = ppp_prover_free(link->prover);
}

struct ppp_link *ppp_link_free(struct ppp_link *link)
{
	if (!link)
		return NULL;
	forget_authentication(link);
	free(link);
	return NULL;
}

static void decide(struct ppp_link *link, enum ppp_end end)
{
	if (!link->ending)
		link->end = (uint8_t)end;
	link->ending = true;
}

void ppp_finish(struct ppp_link *link)
{
	if (link->phase == PPP_ENDED)
		return;
	decide(link, link->blame ? link->blame : PPP_END_NEGOTIATION);
	link->phase = PPP_ENDED;
	forget_authentication(link);
	for (size_t i = 0; i < PPP_N_CONTROLS; i++)
		link->controls[i] = (struct ppp_automaton){ .state = PPP_INITIAL, .deadline = PPP_NEVER };
	link->phase_by = link->start_at = link->echo_at = link->challenge_at = PPP_NEVER;
	if (link->config->counters)
		link->config->counters->ended[link->end]++;
	link->config->callbacks->ended(link->context, link->end, link->message);
}

void ppp_end(struct ppp_link *link, enum ppp_end end)
{
	if (link->phase == PPP_ENDED || link->phase == PPP_TERMINATE)
		return;
	decide(link, end);
	link->phase = PPP_TERMINATE;
	link->phase_by = link->start_at = link->echo_at = link->challenge_at = PPP_NEVER;
	ppp_event(link, PPP_LCP, PPP_CLOSE, NULL);
	/* Who answers no echoes is told once, in case only our direction works, and not waited for: what
	 * comes after this link is not to begin seconds later. */
	if (end == PPP_END_ECHO && link->controls[PPP_LCP].state > PPP_STOPPED)
		ppp_event(link, PPP_LCP, PPP_TO_LAST, NULL);
	if (link->controls[PPP_LCP].state <= PPP_STOPPED)
		ppp_finish(link);
}

/* Printable ASCII; the rest becomes '?'. */
void ppp_set_message(struct ppp_link *link, const void *text, size_t length)
{
	const uint8_t *at = text;
	size_t n = MIN(length, sizeof(link->message) - 1);
	for (size_t i = 0; i < n; i++)
		link->message[i] = at[i] >= 0x20 && at[i] < 0x7f ? (char)at[i] : '?';
	link->message[n] = '\0';
}

void ppp_peer_terminates(struct ppp_link *link, const uint8_t *text, size_t length)
{
	if (link->ending)
		return;
	/* Many end the link instead of sending their Nak or Failure. */
	bool refused =
	        link->phase == PPP_AUTHENTICATE && link->prover && !link->prover->done && link->prover->waits;
	ppp_set_message(link, text, length);
	decide(link, link->blame ? link->blame : refused ? PPP_END_REFUSED : PPP_END_PEER);
	link->phase = PPP_TERMINATE;
	link->phase_by = link->start_at = link->echo_at = link->challenge_at = PPP_NEVER;
}

void ppp_lower_up(struct ppp_link *link, time_ms now)
{
	link->now = now;
	if (link->phase != PPP_DEAD)
		return;
	link->phase = PPP_ESTABLISH;
	link->phase_by = phase_end(link);
	if (!ppp_lcp_choose_demand(link)) {
		decide(link, PPP_END_UNPROTECTED);
		ppp_finish(link);
		return;
	}
	ppp_event(link, PPP_LCP, PPP_OPEN, NULL);
	if (link->config->role == PPP_INITIATOR)
		link->start_at = now + START_MS;
	else
		ppp_event(link, PPP_LCP, PPP_UP, NULL);
}

static void start_now(struct ppp_link *link)
{
	if (link->start_at != PPP_NEVER && link->phase == PPP_ESTABLISH)
		ppp_event(link, PPP_LCP, PPP_UP, NULL);
	link->start_at = PPP_NEVER;
}

void ppp_lower_down(struct ppp_link *link, time_ms now)
{
	link->now = now;
	if (link->phase == PPP_ENDED)
		return;
	decide(link, PPP_END_LOWER);
	link->phase = PPP_TERMINATE;
	ppp_event(link, PPP_LCP, PPP_DOWN, NULL);
	ppp_finish(link);
}

void ppp_close(struct ppp_link *link, enum ppp_end end, time_ms now)
{
	link->now = now;
	ppp_end(link, end);
}

/* The first echo comes at a random time within the interval, so that many links do not speak at once. */
void ppp_lcp_keep_alive(struct ppp_link *link)
{
	uint8_t jitter[2] = { 0 };
	link->lcp.echo_missing = 0;
	if (link->config->echo_ms == 0)
		return;
	ppp_random(link, jitter, sizeof(jitter));
	link->echo_at = link->now + 1 + (jitter[0] << 8 | jitter[1]) * (int64_t)link->config->echo_ms / 65536;
}

void ppp_lcp_opened(struct ppp_link *link)
{
	if (link->ending)
		return;
	link->phase = PPP_AUTHENTICATE;
	link->phase_by = phase_end(link);
	ppp_lcp_keep_alive(link);
	if (link->lcp.asked != PPP_NO_METHOD)
		ppp_prover_start(link, link->lcp.asked);
	if (link->phase == PPP_AUTHENTICATE && ppp_lcp_demanded(link) != PPP_NO_METHOD)
		ppp_verifier_start(link, ppp_lcp_demanded(link), false);
	ppp_authenticated(link);
}

static void count_renegotiation(struct ppp_link *link)
{
	if (link->now - link->lcp.renegotiated > PPP_RENEGOTIATION_MS)
		link->lcp.renegotiations = 0;
	link->lcp.renegotiated = link->now;
	if (++link->lcp.renegotiations > PPP_RENEGOTIATIONS_MAX)
		ppp_end(link, PPP_END_NEGOTIATION);
}

/* Everything above LCP starts anew (RFC 1661, 3.5 and 4.4 "This-Layer-Down"). */
void ppp_lcp_down(struct ppp_link *link)
{
	forget_authentication(link);
	for (enum ppp_control c = PPP_IPCP; c < PPP_N_CONTROLS; c++) {
		if (link->controls[c].state >= PPP_CLOSED)
			ppp_event(link, c, PPP_DOWN, NULL);
		link->controls[c] = (struct ppp_automaton){ .state = PPP_INITIAL, .deadline = PPP_NEVER };
	}
	memset(link->held_length, 0, sizeof(link->held_length));
	link->granted = false;
	link->echo_at = link->challenge_at = PPP_NEVER;
	if (link->ending)
		return;
	link->phase = PPP_ESTABLISH;
	link->phase_by = phase_end(link);
	count_renegotiation(link);
}

void ppp_lcp_finished(struct ppp_link *link)
{
	ppp_finish(link);
}

static bool is_wanted(const struct ppp_link *link, enum ppp_control control)
{
	return control == PPP_IPCP ? link->grant.ipv4 : link->grant.ipv6;
}

/* The peer has left its authentication phase: nothing of ours has to be repeated any more. */
void ppp_ncp_opened(struct ppp_link *link)
{
	link->phase_by = PPP_NEVER;
	if (!link->verifier || link->verifier->state == PPP_VERIFIER_DONE)
		forget_authentication(link);
}

void ppp_ncp_finished(struct ppp_link *link)
{
	if (link->phase != PPP_NETWORK || !link->granted)
		return;
	for (enum ppp_control c = PPP_IPCP; c < PPP_N_CONTROLS; c++)
		if (link->controls[c].state >= PPP_CLOSING)
			return;
	ppp_end(link, PPP_END_NO_NETWORK);
}

/* Frames that came before the grant are taken up now: the peer's first Configure-Request need not be
 * repeated. */
static void take_up_held(struct ppp_link *link)
{
	for (enum ppp_control c = PPP_IPCP; c < PPP_N_CONTROLS; c++) {
		uint8_t n = link->held_length[c];
		link->held_length[c] = 0;
		if (n && is_wanted(link, c) && link->phase == PPP_NETWORK)
			ppp_control_receive(link, c, link->held[c], n);
	}
}

static void start_network(struct ppp_link *link)
{
	link->granted = true;
	if (!link->grant.ipv4 && !link->grant.ipv6) {
		ppp_end(link, PPP_END_NO_NETWORK);
		return;
	}
	for (enum ppp_control c = PPP_IPCP; c < PPP_N_CONTROLS; c++)
		if (is_wanted(link, c)) {
			ppp_event(link, c, PPP_OPEN, NULL);
			ppp_event(link, c, PPP_UP, NULL);
		}
	take_up_held(link);
}

int ppp_grant(struct ppp_link *link, const struct ppp_grant *grant, time_ms now)
{
	if (link->phase != PPP_NETWORK || link->granted || link->config->role != PPP_CONCENTRATOR)
		return -EINVAL;
	link->now = now;
	link->grant = *grant;
	link->grant.ipv4 = grant->ipv4 && link->config->ipv4;
	link->grant.ipv6 = grant->ipv6 && link->config->ipv6;
	start_network(link);
	return 0;
}

void ppp_authenticated(struct ppp_link *link)
{
	if (link->phase != PPP_AUTHENTICATE ||
	        (link->verifier && link->verifier->state != PPP_VERIFIER_DONE) ||
	        (link->prover && !link->prover->done))
		return;
	link->phase = PPP_NETWORK;
	link->phase_by = phase_end(link);
	link->method = (uint8_t)ppp_lcp_demanded(link);
	ppp_verifier_again_at(link);
	PPP_COUNT(link, opened);
	char user[PPP_NAME_MAX + 1] = "";
	if (link->verifier)
		memcpy(user, link->verifier->user, sizeof(user));
	link->config->callbacks->network(link->context, link->method, user);
	if (link->config->role == PPP_INITIATOR && link->phase == PPP_NETWORK && !link->granted)
		start_network(link);
}

/* 5.7: the rejected packet is cut to what the peer can receive. */
static void reject_protocol(
        struct ppp_link *link, uint16_t protocol, const uint8_t *information, size_t length)
{
	struct writer w CLEANUP(wr_free) = wr_make(PPP_FRAME_MAX);
	size_t most = MIN((size_t)link->lcp.peer_mru, PPP_FRAME_MAX - 6u) - 6;
	wr_u16(&w, protocol);
	wr_bytes(&w, information, MIN(length, most));
	PPP_COUNT(link, protocols_rejected);
	ppp_send_packet(link, PPP_PROTOCOL_LCP, PPP_PROTOCOL_REJECT, link->next_id++, w.data, w.length);
}

void ppp_protocol_rejected(struct ppp_link *link, const uint8_t *body, size_t length)
{
	struct reader r = rd_make(body, length);
	uint16_t protocol = rd_u16(&r);
	if (rd_failed(&r) || !ppp_is_opened(link, PPP_LCP)) {
		PPP_COUNT(link, unexpected);
		return;
	}
	for (enum ppp_control c = PPP_LCP; c < PPP_N_CONTROLS; c++)
		if (protocol == ppp_protocols[c]->number && c == PPP_LCP)
			ppp_end(link, PPP_END_NEGOTIATION);
		else if (protocol == ppp_protocols[c]->number)
			ppp_event(link, c, PPP_RXJ_BAD, NULL);
	if (link->phase == PPP_AUTHENTICATE &&
	        (protocol == PPP_PROTOCOL_PAP || protocol == PPP_PROTOCOL_CHAP ||
	                protocol == PPP_PROTOCOL_EAP))
		ppp_end(link, PPP_END_NO_METHOD);
}

static void receive_authentication(
        struct ppp_link *link, uint16_t protocol, const uint8_t *packet, size_t length)
{
	if (link->phase != PPP_AUTHENTICATE && link->phase != PPP_NETWORK) {
		PPP_COUNT(link, unexpected);
		return;
	}
	ppp_verifier_receive(link, protocol, packet, length);
	if (link->phase == PPP_AUTHENTICATE || link->phase == PPP_NETWORK)
		ppp_prover_receive(link, protocol, packet, length);
	ppp_authenticated(link);
}

static void receive_ncp(struct ppp_link *link, enum ppp_control control, const uint8_t *packet, size_t length)
{
	if (link->phase == PPP_AUTHENTICATE)
		ppp_prover_accepted_by_network(link);
	if (link->phase != PPP_NETWORK) {
		PPP_COUNT(link, unexpected);
	} else if (!link->granted) {
		if (length <= PPP_HELD_MAX && length > 0 && packet[0] == PPP_CONFIGURE_REQUEST) {
			memcpy(link->held[control], packet, length);
			link->held_length[control] = (uint8_t)length;
		}
	} else if (!is_wanted(link, control)) {
		reject_protocol(link, ppp_protocols[control]->number, packet, length);
	} else {
		ppp_control_receive(link, control, packet, length);
	}
}

static void receive_packet(struct ppp_link *link, uint16_t protocol, const uint8_t *packet, size_t length)
{
	switch (protocol) {
	case PPP_PROTOCOL_LCP:
		ppp_control_receive(link, PPP_LCP, packet, length);
		break;
	case PPP_PROTOCOL_IPCP:
		receive_ncp(link, PPP_IPCP, packet, length);
		break;
	case PPP_PROTOCOL_IPV6CP:
		receive_ncp(link, PPP_IPV6CP, packet, length);
		break;
	case PPP_PROTOCOL_PAP:
	case PPP_PROTOCOL_CHAP:
	case PPP_PROTOCOL_EAP:
		receive_authentication(link, protocol, packet, length);
		break;
	case PPP_PROTOCOL_IPV4:
	case PPP_PROTOCOL_IPV6:
		PPP_COUNT(link, unexpected); /* the data plane's matter */
		break;
	default:
		if (link->phase == PPP_NETWORK)
			reject_protocol(link, protocol, packet, length);
		else
			PPP_COUNT(link, unexpected);
	}
}

void ppp_receive(struct ppp_link *link, const uint8_t *frame, size_t length, time_ms now)
{
	struct reader r = rd_make(frame, length);
	link->now = now;
	PPP_COUNT(link, received);
	if (link->phase == PPP_DEAD || link->phase == PPP_ENDED) {
		PPP_COUNT(link, unexpected);
		return;
	}
	if (length >= 2 && frame[0] == 0xff && frame[1] == 0x03)
		rd_skip(&r, 2);
	uint16_t protocol = rd_u8(&r);
	if (!(protocol & 1))
		protocol = (uint16_t)(protocol << 8 | rd_u8(&r));
	/* RFC 1661, section 2: the last byte is odd, the first of two is even. */
	if (rd_failed(&r) || !(protocol & 1) || length > PPP_FRAME_MAX) {
		PPP_COUNT(link, malformed);
		return;
	}
	start_now(link);
	receive_packet(link, protocol, r.at, r.left);
}

time_ms ppp_deadline(const struct ppp_link *link)
{
	time_ms at = MIN(MIN(link->phase_by, link->start_at), MIN(link->echo_at, link->challenge_at));
	for (size_t i = 0; i < PPP_N_CONTROLS; i++)
		at = MIN(at, link->controls[i].deadline);
	if (link->verifier)
		at = MIN(at, link->verifier->deadline);
	if (link->prover)
		at = MIN(at, link->prover->deadline);
	return at;
}

static void tick_echo(struct ppp_link *link)
{
	unsigned most = link->config->echo_failures ? link->config->echo_failures : ECHO_FAILURES;
	if (link->now < link->echo_at)
		return;
	if (link->lcp.echo_missing >= most) {
		ppp_end(link, PPP_END_ECHO);
		return;
	}
	link->echo_at = link->lcp.echo_refused ? PPP_NEVER : link->now + link->config->echo_ms;
	if (!link->lcp.echo_refused) {
		link->lcp.echo_missing++;
		ppp_lcp_echo(link);
	}
}

static void tick_phase(struct ppp_link *link)
{
	if (link->now < link->phase_by)
		return;
	ppp_end(link,
	        link->phase == PPP_AUTHENTICATE      ? PPP_END_AUTH_TIMEOUT
	                : link->phase == PPP_NETWORK ? PPP_END_NO_NETWORK
	                : link->blame                ? link->blame
	                                             : PPP_END_NEGOTIATION);
}

void ppp_tick(struct ppp_link *link, time_ms now)
{
	link->now = now;
	if (now >= link->start_at)
		start_now(link);
	tick_phase(link);
	for (enum ppp_control c = PPP_LCP; c < PPP_N_CONTROLS; c++)
		if (now >= link->controls[c].deadline)
			ppp_event(link, c, link->controls[c].restarts ? PPP_TO_MORE : PPP_TO_LAST, NULL);
	if (link->verifier)
		ppp_verifier_tick(link);
	if (link->prover)
		ppp_prover_tick(link);
	tick_echo(link);
	if (now >= link->challenge_at && link->phase == PPP_NETWORK) {
		link->challenge_at = PPP_NEVER;
		ppp_verifier_start(link, link->method, true);
	}
}

bool ppp_is_network(const struct ppp_link *link)
{
	return link->phase == PPP_NETWORK;
}

bool ppp_is_ended(const struct ppp_link *link)
{
	return link->phase == PPP_ENDED;
}

uint16_t ppp_mtu(const struct ppp_link *link)
{
	return MIN(link->lcp.peer_mru, link->parameters.mru);
}

const struct ppp_ipv4 *ppp_get_ipv4(const struct ppp_link *link)
{
	return link->told_ipv4 ? &link->v4 : NULL;
}

const struct ppp_ipv6 *ppp_get_ipv6(const struct ppp_link *link)
{
	return link->told_ipv6 ? &link->v6 : NULL;
}
