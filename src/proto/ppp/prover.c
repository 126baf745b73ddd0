/* SPDX-License-Identifier: ISC */
/*
 * Our own proof towards the peer, by PAP, CHAP or MS-CHAPv2; EAP is in eap_peer.c. Only the method that LCP
 * agreed on is answered. With MS-CHAPv2 the peer proves itself too: a Success without the right "S=" ends the
 * link (RFC 2759, section 5).
 *
 * A challenge that is our own one come back is not answered: it would make us the oracle of a peer that has
 * to answer it itself (RFC 1994, section 8, reflection).
 */
#include "proto/ppp/authentication.h"
#include "proto/ppp/mschapv2.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

static int get_secret(struct ppp_link *link, enum ppp_method method, const char *peer, struct ppp_secret *ret)
{
	const struct ppp_callbacks *callbacks = link->config->callbacks;
	*ret = (struct ppp_secret){ .user = "" };
	return callbacks->get_secret ? callbacks->get_secret(link->context, method, peer, ret) : -1;
}

/* Sends what is in `last`, which is repeated until its result is here. */
static void send_last(struct ppp_link *link)
{
	struct ppp_prover *p = link->prover;
	p->tries++;
	p->waits = true;
	p->deadline = link->now + ppp_restart_ms(link);
	if (p->method == PPP_PAP)
		ppp_send_packet(link, PPP_PROTOCOL_PAP, PPP_PAP_REQUEST, p->id, p->last.data, p->last.length);
	else
		ppp_send_packet(
		        link, PPP_PROTOCOL_CHAP, PPP_CHAP_RESPONSE, p->id, p->last.data, p->last.length);
}

static void begin(struct ppp_prover *p)
{
	if (p->last.data)
		OPENSSL_cleanse(p->last.data, p->last.capacity);
	wr_reset(&p->last);
	p->tries = 0;
}

static void start_pap(struct ppp_link *link)
{
	struct ppp_prover *p = link->prover;
	struct ppp_secret secret;
	if (get_secret(link, PPP_PAP, "", &secret) < 0) {
		ppp_end(link, PPP_END_NO_METHOD);
		return;
	}
	size_t user = strnlen(secret.user, PPP_NAME_MAX), password = strnlen(secret.password, PPP_SECRET_MAX);
	uint8_t request[2 + PPP_NAME_MAX + PPP_SECRET_MAX];
	request[0] = (uint8_t)user;
	memcpy(request + 1, secret.user, user);
	request[1 + user] = (uint8_t)password;
	memcpy(request + 2 + user, secret.password, password);
	begin(p);
	p->id = link->next_id++;
	wr_bytes(&p->last, request,
	        2 + user + password); /* in one piece: a growing writer would leave copies behind */
	OPENSSL_cleanse(request, sizeof(request));
	OPENSSL_cleanse(&secret, sizeof(secret));
	send_last(link);
}

void ppp_prover_start(struct ppp_link *link, enum ppp_method method)
{
	struct ppp_prover *p = xcalloc(1, sizeof(*p));
	link->prover = ppp_prover_free(link->prover);
	link->prover = p;
	p->method = method;
	p->deadline = PPP_NEVER;
	p->last = wr_make(PPP_FRAME_MAX);
	p->eap.last = wr_make(PPP_FRAME_MAX);
	if (method == PPP_PAP)
		start_pap(link);
}

struct ppp_prover *ppp_prover_free(struct ppp_prover *p)
{
	if (!p)
		return NULL;
	begin(p);
	wr_free(&p->last);
	ppp_eap_peer_clear(&p->eap);
	OPENSSL_cleanse(p, sizeof(*p));
	free(p);
	return NULL;
}

void ppp_prover_succeed(struct ppp_link *link)
{
	struct ppp_prover *p = link->prover;
	p->done = true;
	p->waits = false;
	p->deadline = PPP_NEVER;
	ppp_authenticated(link);
}

void ppp_prover_accepted_by_network(struct ppp_link *link)
{
	if (link->prover && link->prover->method == PPP_EAP && link->prover->eap.complete &&
	        !link->prover->done)
		ppp_prover_succeed(link);
}

static void receive_pap(struct ppp_link *link, const struct ppp_packet *packet)
{
	struct ppp_prover *p = link->prover;
	if (!p->waits || packet->id != p->id) {
		PPP_COUNT(link, unexpected);
	} else if (packet->code == PPP_PAP_ACK) {
		ppp_prover_succeed(link);
	} else if (packet->code == PPP_PAP_NAK) {
		size_t most = packet->length ? packet->length - 1 : 0;
		if (most)
			ppp_set_message(link, packet->body + 1, MIN(packet->body[0], most));
		ppp_end(link, PPP_END_REFUSED);
	}
}

static bool respond_md5(struct ppp_link *link, const struct ppp_secret *secret, uint8_t id,
        const uint8_t *challenge, size_t length)
{
	struct ppp_prover *p = link->prover;
	uint8_t response[16];
	if (!ppp_chap_md5(id, secret->password, challenge, length, response))
		return false;
	wr_u8(&p->last, sizeof(response));
	wr_bytes(&p->last, response, sizeof(response));
	return true;
}

static bool respond_mschap(struct ppp_link *link, const struct ppp_secret *secret, const uint8_t *challenge)
{
	struct ppp_prover *p = link->prover;
	uint8_t own[16], response[PPP_MSCHAP_RESPONSE_SIZE];
	ppp_random(link, own, sizeof(own));
	if (!ppp_mschapv2_respond(secret->user, secret->password, challenge, own, response, p->expected))
		return false;
	wr_u8(&p->last, sizeof(response));
	wr_bytes(&p->last, response, sizeof(response));
	return true;
}

static bool is_own_challenge(const struct ppp_link *link, const uint8_t *challenge, size_t length)
{
	const struct ppp_verifier *v = link->verifier;
	return v && length == sizeof(v->challenge) && memcmp(challenge, v->challenge, length) == 0;
}

static void on_challenge(struct ppp_link *link, const struct ppp_packet *packet)
{
	struct ppp_prover *p = link->prover;
	struct reader r = rd_make(packet->body, packet->length);
	size_t size = rd_u8(&r);
	const uint8_t *challenge = rd_bytes(&r, size);
	if (rd_failed(&r) || size == 0 || (p->method == PPP_MSCHAPV2 && size != 16) ||
	        r.left > PPP_NAME_MAX) {
		PPP_COUNT(link, malformed);
		return;
	}
	if (p->tries && packet->id == p->id) { /* the same challenge again: the same answer */
		send_last(link);
		return;
	}
	struct ppp_secret secret;
	char peer[PPP_NAME_MAX + 1];
	memcpy(peer, r.at, r.left);
	peer[r.left] = '\0';
	if (is_own_challenge(link, challenge, size) || get_secret(link, p->method, peer, &secret) < 0) {
		ppp_end(link, PPP_END_NO_METHOD);
		return;
	}
	begin(p);
	p->id = packet->id;
	bool made = p->method == PPP_MSCHAPV2 ? respond_mschap(link, &secret, challenge)
	                                      : respond_md5(link, &secret, packet->id, challenge, size);
	wr_bytes(&p->last, secret.user, strnlen(secret.user, PPP_NAME_MAX));
	OPENSSL_cleanse(&secret, sizeof(secret));
	if (made)
		send_last(link);
	else
		ppp_end(link, PPP_END_NO_METHOD);
}

static void on_result(struct ppp_link *link, const struct ppp_packet *packet)
{
	struct ppp_prover *p = link->prover;
	if (!p->waits || packet->id != p->id) {
		PPP_COUNT(link, unexpected);
	} else if (packet->code == PPP_CHAP_FAILURE) {
		ppp_set_message(link, packet->body, packet->length);
		ppp_end(link, PPP_END_REFUSED);
	} else if (p->method == PPP_MSCHAPV2 &&
	        !ppp_mschapv2_check(p->expected, (const char *)packet->body, packet->length)) {
		ppp_end(link, PPP_END_AUTH_FAILED);
	} else {
		ppp_prover_succeed(link);
	}
}

/* An open link may be challenged again (RFC 1994, section 2). */
static bool wake_up(struct ppp_link *link, const struct ppp_packet *packet)
{
	if (!link->prover && link->phase == PPP_NETWORK && packet->code == PPP_CHAP_CHALLENGE &&
	        (link->lcp.asked == PPP_CHAP_MD5 || link->lcp.asked == PPP_MSCHAPV2)) {
		ppp_prover_start(link, link->lcp.asked);
		link->prover->done = true;
	}
	return link->prover != NULL;
}

static void receive_chap(struct ppp_link *link, const struct ppp_packet *packet)
{
	if (packet->code == PPP_CHAP_CHALLENGE)
		on_challenge(link, packet);
	else if (packet->code == PPP_CHAP_SUCCESS || packet->code == PPP_CHAP_FAILURE)
		on_result(link, packet);
}

void ppp_prover_receive(struct ppp_link *link, uint16_t protocol, const uint8_t *packet, size_t length)
{
	struct ppp_packet p;
	if (!ppp_read_packet(link, packet, length, &p))
		return;
	if (protocol == PPP_PROTOCOL_CHAP && !wake_up(link, &p))
		return;
	if (!link->prover)
		return;
	enum ppp_method method = link->prover->method;
	if (protocol == PPP_PROTOCOL_EAP && method == PPP_EAP)
		ppp_eap_peer_receive(link, packet, length);
	else if (protocol == PPP_PROTOCOL_PAP && method == PPP_PAP)
		receive_pap(link, &p);
	else if (protocol == PPP_PROTOCOL_CHAP && (method == PPP_CHAP_MD5 || method == PPP_MSCHAPV2))
		receive_chap(link, &p);
}

void ppp_prover_tick(struct ppp_link *link)
{
	struct ppp_prover *p = link->prover;
	if (link->now < p->deadline)
		return;
	if (p->tries < PPP_MAX_TRIES)
		send_last(link);
	else if (p->done)
		p->deadline = PPP_NEVER; /* a later challenge whose result was lost: the peer's affair */
	else
		ppp_end(link, PPP_END_AUTH_TIMEOUT);
}
