/* SPDX-License-Identifier: ISC */
/*
 * The pass-through authenticator of EAP (RFC 3748, 2.3 and 4.1): asks for the identity, then carries packets
 * between the peer and AAA without looking into them, repeats the Request that waits for its Response, and
 * matches Identifiers.
 *
 * On an unprotected link only methods that make a TLS tunnel first pass (others would show to anybody what
 * CHAP shows).
 */
#include "proto/ppp/authentication.h"

#include <errno.h>
#include <string.h>

/* EAP-TLS, TTLS, PEAP, FAST, TEAP. */
static bool is_tunnelled(uint8_t type)
{
	return type == 13 || type == 21 || type == 25 || type == 43 || type == 55;
}

void ppp_eap_verifier_send(struct ppp_link *link)
{
	struct ppp_verifier *v = link->verifier;
	v->tries++;
	v->deadline = link->now + ppp_restart_ms(link);
	ppp_send_packet(link, PPP_PROTOCOL_EAP, PPP_EAP_REQUEST, v->id, v->last.data, v->last.length);
}

void ppp_eap_verifier_start(struct ppp_link *link)
{
	struct ppp_verifier *v = link->verifier;
	wr_u8(&v->last, PPP_EAP_TYPE_IDENTITY);
	ppp_eap_verifier_send(link);
}

/* 4.1: a Response without type, of another Identifier, or while AAA thinks is dropped. */
void ppp_eap_verifier_receive(struct ppp_link *link, const uint8_t *packet, size_t length)
{
	struct ppp_verifier *v = link->verifier;
	struct ppp_packet p;
	if (!ppp_read_packet(link, packet, length, &p) || p.code != PPP_EAP_RESPONSE)
		return;
	if (p.length == 0) {
		PPP_COUNT(link, malformed);
		return;
	}
	if (v->state != PPP_VERIFIER_WAITS || p.id != v->id) {
		PPP_COUNT(link, unexpected);
		return;
	}
	bool identity = p.body[0] == PPP_EAP_TYPE_IDENTITY;
	if (identity != (v->rounds == 0)) {
		PPP_COUNT(link, unexpected);
		return;
	}
	if ((identity && !ppp_verifier_set_user(v, p.body + 1, p.length - 1)) ||
	        ++v->rounds > PPP_EAP_ROUNDS_MAX) {
		ppp_end(link, PPP_END_AUTH_FAILED);
		return;
	}
	struct ppp_auth_request request = { .eap = packet, .eap_length = 4 + p.length };
	(void)ppp_verifier_ask(link, &request);
}

/* The packet that AAA gave, if it is of that code. */
static bool read_answer(const struct ppp_auth_answer *answer, uint8_t code, struct ppp_packet *ret)
{
	const uint8_t *eap = answer->eap;
	size_t n = answer->eap_length;
	if (!eap || n < 4 || n > PPP_FRAME_MAX - 2 || eap[0] != code || (eap[2] << 8 | eap[3]) != (int)n)
		return false;
	*ret = (struct ppp_packet){ code, eap[1], eap + 4, n - 4 };
	return true;
}

static int challenge_peer(struct ppp_link *link, const struct ppp_auth_answer *answer)
{
	struct ppp_verifier *v = link->verifier;
	struct ppp_packet p;
	if (!read_answer(answer, PPP_EAP_REQUEST, &p) || p.length == 0)
		return -EINVAL;
	/* What the peer cannot take was not made for it; Framed-MTU tells the server. */
	if (4 + p.length > link->lcp.peer_mru)
		return -EMSGSIZE;
	if (!link->parameters.is_protected && !is_tunnelled(p.body[0]) &&
	        p.body[0] > PPP_EAP_TYPE_NOTIFICATION) {
		ppp_end(link, PPP_END_UNPROTECTED);
		return 0;
	}
	v->id = p.id;
	v->tries = 0;
	v->state = PPP_VERIFIER_WAITS;
	wr_reset(&v->last);
	wr_bytes(&v->last, p.body, p.length);
	ppp_eap_verifier_send(link);
	return 0;
}

/* 4.2: Success and Failure carry the Identifier of the Response that they answer; the server's own goes out
 * as it is. */
static void send_result(struct ppp_link *link, uint8_t code, const struct ppp_auth_answer *answer)
{
	struct ppp_packet p = { .code = code, .id = link->verifier->id };
	(void)read_answer(answer, code, &p);
	ppp_send_packet(link, PPP_PROTOCOL_EAP, code, p.id, NULL, 0);
}

int ppp_eap_verifier_answer(struct ppp_link *link, const struct ppp_auth_answer *answer)
{
	int r = answer->verdict == PPP_CHALLENGE ? challenge_peer(link, answer) : 0;
	if (r < 0 || answer->verdict == PPP_REJECT)
		send_result(link, PPP_EAP_FAILURE, answer);
	else if (answer->verdict == PPP_ACCEPT)
		send_result(link, PPP_EAP_SUCCESS, answer);
	return r;
}
