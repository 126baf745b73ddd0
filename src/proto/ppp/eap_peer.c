/* SPDX-License-Identifier: ISC */
/*
 * The peer of EAP (RFC 3748): Identity, Notification, Nak, MD5-Challenge, EAP-MSCHAPv2
 * (draft-kamath-pppext-eap-mschapv2), EAP-TLS (eap_tls.c).
 *
 * Nothing weaker than configured: only configured methods are begun, on an unprotected link EAP-TLS alone; a
 * method that was begun is never left for another (2.1); a Success counts only after the method is through
 * (4.2), so that a concentrator that asks for nothing has proven nothing. The Response to a repeated Request
 * is repeated as it was (4.1).
 */
#include "proto/ppp/authentication.h"
#include "proto/ppp/eap_tls.h"
#include "proto/ppp/mschapv2.h"

#include <openssl/crypto.h>
#include <string.h>

enum mschap_op { MSCHAP_CHALLENGE = 1, MSCHAP_RESPONSE, MSCHAP_SUCCESS, MSCHAP_FAILURE };

void ppp_eap_peer_clear(struct ppp_eap_peer *eap)
{
	if (eap->last.data)
		OPENSSL_cleanse(eap->last.data, eap->last.capacity);
	wr_free(&eap->last);
	eap->tls = ppp_eap_tls_peer_free(eap->tls);
}

static void respond(struct ppp_link *link, uint8_t id)
{
	struct ppp_eap_peer *eap = &link->prover->eap;
	eap->last_id = id;
	eap->has_last = true;
	ppp_send_packet(link, PPP_PROTOCOL_EAP, PPP_EAP_RESPONSE, id, eap->last.data, eap->last.length);
}

static void begin(struct ppp_eap_peer *eap, uint8_t type)
{
	wr_reset(&eap->last);
	wr_u8(&eap->last, type);
}

static bool may_use(const struct ppp_link *link, uint8_t type)
{
	const struct ppp_config *config = link->config;
	if (!link->parameters.is_protected && type != PPP_EAP_TLS)
		return false;
	if (type == PPP_EAP_TLS && !config->tls)
		return false;
	for (size_t i = 0; i < config->n_eap; i++)
		if (config->eap[i] == type)
			return true;
	return false;
}

static bool get_secret(struct ppp_link *link, struct ppp_secret *ret)
{
	const struct ppp_callbacks *callbacks = link->config->callbacks;
	*ret = (struct ppp_secret){ .user = "" };
	return callbacks->get_secret && callbacks->get_secret(link->context, PPP_EAP, "", ret) >= 0;
}

static void on_identity(struct ppp_link *link, uint8_t id)
{
	struct ppp_eap_peer *eap = &link->prover->eap;
	struct ppp_secret secret;
	if (!get_secret(link, &secret)) {
		ppp_end(link, PPP_END_NO_METHOD);
		return;
	}
	begin(eap, PPP_EAP_TYPE_IDENTITY);
	wr_bytes(&eap->last, secret.user, strnlen(secret.user, PPP_NAME_MAX));
	OPENSSL_cleanse(&secret, sizeof(secret));
	respond(link, id);
}

/* 5.3.1: the methods that we would accept, most wanted first; 0 for none. */
static void send_nak(struct ppp_link *link, uint8_t id)
{
	struct ppp_eap_peer *eap = &link->prover->eap;
	begin(eap, PPP_EAP_TYPE_NAK);
	for (size_t i = 0; i < link->config->n_eap; i++)
		if (may_use(link, (uint8_t)link->config->eap[i]))
			wr_u8(&eap->last, (uint8_t)link->config->eap[i]);
	if (eap->last.length == 1)
		wr_u8(&eap->last, 0);
	respond(link, id);
}

/* 5.4: the same as CHAP. */
static void on_md5(struct ppp_link *link, uint8_t id, const uint8_t *data, size_t length)
{
	struct ppp_eap_peer *eap = &link->prover->eap;
	struct reader r = rd_make(data, length);
	size_t size = rd_u8(&r);
	const uint8_t *challenge = rd_bytes(&r, size);
	struct ppp_secret secret;
	uint8_t response[16];
	if (rd_failed(&r) || size == 0) {
		PPP_COUNT(link, malformed);
		return;
	}
	bool good = get_secret(link, &secret) && ppp_chap_md5(id, secret.password, challenge, size, response);
	begin(eap, PPP_EAP_MD5);
	wr_u8(&eap->last, sizeof(response));
	wr_bytes(&eap->last, response, sizeof(response));
	wr_bytes(&eap->last, secret.user, strnlen(secret.user, PPP_NAME_MAX));
	OPENSSL_cleanse(&secret, sizeof(secret));
	if (!good) {
		ppp_end(link, PPP_END_NO_METHOD);
		return;
	}
	eap->complete = true;
	respond(link, id);
}

static bool respond_mschap(struct ppp_link *link, uint8_t mschap_id, const uint8_t challenge[16])
{
	struct ppp_eap_peer *eap = &link->prover->eap;
	struct ppp_secret secret;
	uint8_t own[16], response[PPP_MSCHAP_RESPONSE_SIZE];
	ppp_random(link, own, sizeof(own));
	bool good = get_secret(link, &secret) &&
	        ppp_mschapv2_respond(secret.user, secret.password, challenge, own, response, eap->expected);
	size_t user = strnlen(secret.user, PPP_NAME_MAX);
	if (good) {
		begin(eap, PPP_EAP_MSCHAPV2);
		wr_u8(&eap->last, MSCHAP_RESPONSE);
		wr_u8(&eap->last, mschap_id);
		wr_u16(&eap->last, (uint16_t)(5 + sizeof(response) + user));
		wr_u8(&eap->last, sizeof(response));
		wr_bytes(&eap->last, response, sizeof(response));
		wr_bytes(&eap->last, secret.user, user);
	}
	OPENSSL_cleanse(&secret, sizeof(secret));
	return good;
}

static void on_mschap_challenge(struct ppp_link *link, uint8_t id, uint8_t mschap_id, struct reader *r)
{
	struct ppp_eap_peer *eap = &link->prover->eap;
	size_t size = rd_u8(r);
	const uint8_t *challenge = rd_bytes(r, 16);
	if (rd_failed(r) || size != 16 || eap->responded) {
		PPP_COUNT(link, malformed);
		return;
	}
	if (!respond_mschap(link, mschap_id, challenge)) {
		ppp_end(link, PPP_END_NO_METHOD);
		return;
	}
	eap->responded = true;
	respond(link, id);
}

/* The results of the inner exchange are Requests, which an answer of one byte acknowledges. */
static void on_mschap_result(struct ppp_link *link, uint8_t id, uint8_t op, const struct reader *r)
{
	struct ppp_eap_peer *eap = &link->prover->eap;
	if (!eap->responded) {
		PPP_COUNT(link, unexpected);
		return;
	}
	if (op == MSCHAP_SUCCESS && !ppp_mschapv2_check(eap->expected, (const char *)r->at, r->left)) {
		ppp_end(link, PPP_END_AUTH_FAILED);
		return;
	}
	if (op == MSCHAP_FAILURE)
		ppp_set_message(link, r->at, r->left);
	eap->complete = op == MSCHAP_SUCCESS;
	begin(eap, PPP_EAP_MSCHAPV2);
	wr_u8(&eap->last, op);
	respond(link, id);
}

static void on_mschap(struct ppp_link *link, uint8_t id, const uint8_t *data, size_t length)
{
	struct reader r = rd_make(data, length);
	uint8_t op = rd_u8(&r), mschap_id = rd_u8(&r);
	uint16_t whole = rd_u16(&r);
	if (rd_failed(&r) || whole < 4 || whole > length)
		PPP_COUNT(link, malformed);
	else if (op == MSCHAP_CHALLENGE)
		on_mschap_challenge(link, id, mschap_id, &r);
	else if (op == MSCHAP_SUCCESS || op == MSCHAP_FAILURE)
		on_mschap_result(link, id, op, &r);
	else
		PPP_COUNT(link, unexpected);
}

/* Why it is over: whose certificate was not good? */
static enum ppp_end blame(const struct ppp_eap_peer *eap)
{
	return eap->tls && ppp_eap_tls_peer_distrusts(eap->tls) ? PPP_END_AUTH_FAILED : PPP_END_REFUSED;
}

static void on_tls(struct ppp_link *link, uint8_t id, const uint8_t *data, size_t length)
{
	struct ppp_eap_peer *eap = &link->prover->eap;
	size_t most = MIN((size_t)link->lcp.peer_mru, PPP_FRAME_MAX - 6u) - 4;
	if (!eap->tls)
		eap->tls = ppp_eap_tls_peer_new(link->config->tls);
	wr_reset(&eap->last);
	if (!eap->tls || ppp_eap_tls_peer_receive(eap->tls, data, length, most, &eap->last) < 0) {
		ppp_end(link, blame(eap));
		return;
	}
	eap->complete = ppp_eap_tls_peer_is_complete(eap->tls);
	respond(link, id);
}

static void on_method(struct ppp_link *link, uint8_t id, uint8_t type, const uint8_t *data, size_t length)
{
	struct ppp_eap_peer *eap = &link->prover->eap;
	if (eap->type && eap->type != type) {
		PPP_COUNT(link, unexpected);
		return;
	}
	if (!may_use(link, type)) {
		send_nak(link, id);
		return;
	}
	eap->type = type;
	if (type == PPP_EAP_MD5)
		on_md5(link, id, data, length);
	else if (type == PPP_EAP_MSCHAPV2)
		on_mschap(link, id, data, length);
	else
		on_tls(link, id, data, length);
}

static void on_request(struct ppp_link *link, const struct ppp_packet *packet)
{
	struct ppp_eap_peer *eap = &link->prover->eap;
	if (packet->length == 0) {
		PPP_COUNT(link, malformed);
		return;
	}
	if (eap->has_last && packet->id == eap->last_id) {
		respond(link, packet->id);
		return;
	}
	if (++eap->rounds > PPP_EAP_ROUNDS_MAX) {
		ppp_end(link, PPP_END_AUTH_FAILED);
		return;
	}
	uint8_t type = packet->body[0];
	if (type == PPP_EAP_TYPE_IDENTITY && !eap->type) {
		on_identity(link, packet->id);
	} else if (type == PPP_EAP_TYPE_NOTIFICATION) {
		ppp_set_message(link, packet->body + 1, packet->length - 1);
		begin(eap, PPP_EAP_TYPE_NOTIFICATION);
		respond(link, packet->id);
	} else if (type > PPP_EAP_TYPE_NAK) {
		on_method(link, packet->id, type, packet->body + 1, packet->length - 1);
	} else {
		PPP_COUNT(link, unexpected);
	}
}

/* A Success or a Failure carries the Identifier of the Response that it answers; some servers count on by
 * one. */
static bool answers_last(const struct ppp_eap_peer *eap, uint8_t id)
{
	return eap->has_last && (id == eap->last_id || id == (uint8_t)(eap->last_id + 1));
}

void ppp_eap_peer_receive(struct ppp_link *link, const uint8_t *packet, size_t length)
{
	struct ppp_eap_peer *eap = &link->prover->eap;
	struct ppp_packet p;
	if (!ppp_read_packet(link, packet, length, &p) || link->prover->done)
		return;
	if (p.code == PPP_EAP_REQUEST)
		on_request(link, &p);
	else if (p.code == PPP_EAP_SUCCESS && eap->complete && answers_last(eap, p.id))
		ppp_prover_succeed(link);
	else if (p.code == PPP_EAP_FAILURE && answers_last(eap, p.id))
		ppp_end(link, blame(eap));
	else if (p.code == PPP_EAP_SUCCESS || p.code == PPP_EAP_FAILURE)
		PPP_COUNT(link, unexpected);
}
