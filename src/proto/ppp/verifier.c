/* SPDX-License-Identifier: ISC */
/*
 * The authenticator's side of PAP (RFC 1334), CHAP (RFC 1994) and MS-CHAPv2 (RFC 2759). It knows no secret:
 * AAA judges. A repeated answer of the peer is never asked about twice: while AAA thinks it is dropped,
 * afterwards the result is sent again.
 */
#include "proto/ppp/authentication.h"
#include "proto/ppp/mschapv2.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

bool ppp_read_packet(struct ppp_link *link, const uint8_t *packet, size_t length, struct ppp_packet *ret)
{
	struct reader r = rd_make(packet, length);
	struct ppp_packet p = { .code = rd_u8(&r), .id = rd_u8(&r) };
	uint16_t whole = rd_u16(&r);
	if (rd_failed(&r) || whole < 4 || whole > length) {
		PPP_COUNT(link, malformed);
		return false;
	}
	p.body = r.at;
	p.length = whole - 4u;
	*ret = p;
	return true;
}

/* UTF-8 without control characters (RFC 7542, 2.2): the name goes into logs, tables and the names of things.
 */
bool ppp_verifier_set_user(struct ppp_verifier *v, const uint8_t *name, size_t length)
{
	if (length > PPP_NAME_MAX || memchr(name, 0, length))
		return false;
	memcpy(v->user, name, length);
	v->user[length] = '\0';
	return ppp_is_text(v->user);
}

/* One link, one user: who was somebody cannot come back as somebody else. */
static bool is_same_user(struct ppp_link *link, const char *user)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	if (EVP_Digest(user, strlen(user), hash, NULL, EVP_sha256(), NULL) != 1)
		return false;
	if (link->known_user)
		return memcmp(hash, link->user_hash, sizeof(link->user_hash)) == 0;
	memcpy(link->user_hash, hash, sizeof(link->user_hash));
	return true;
}

bool ppp_verifier_ask(struct ppp_link *link, struct ppp_auth_request *request)
{
	struct ppp_verifier *v = link->verifier;
	/* Copies: an answer from within the callback may end the verifier, and the callback may still read.
	 */
	char user[PPP_NAME_MAX + 1];
	uint8_t challenge[PPP_CHALLENGE_SIZE];
	memcpy(user, v->user, sizeof(user));
	memcpy(challenge, v->challenge, sizeof(challenge));
	if (!is_same_user(link, v->user)) {
		ppp_end(link, PPP_END_AUTH_FAILED);
		return false;
	}
	v->state = PPP_VERIFIER_ASKS;
	v->deadline = PPP_NEVER;
	request->id = ++link->request;
	request->method = v->method;
	request->again = v->again;
	request->user = user;
	if (request->challenge)
		request->challenge = challenge;
	PPP_COUNT(link, authentications);
	link->config->callbacks->authenticate(link->context, request);
	return true;
}

static void send_challenge(struct ppp_link *link)
{
	struct ppp_verifier *v = link->verifier;
	struct writer w CLEANUP(wr_free) = wr_make(PPP_FRAME_MAX);
	const char *name = link->config->name ? link->config->name : "pratique";
	wr_u8(&w, PPP_CHALLENGE_SIZE);
	wr_bytes(&w, v->challenge, sizeof(v->challenge));
	wr_bytes(&w, name, strlen(name));
	v->tries++;
	v->deadline = link->now + ppp_restart_ms(link);
	ppp_send_packet(link, PPP_PROTOCOL_CHAP, PPP_CHAP_CHALLENGE, v->id, w.data, w.length);
}

void ppp_verifier_start(struct ppp_link *link, enum ppp_method method, bool again)
{
	struct ppp_verifier *v = xcalloc(1, sizeof(*v));
	link->verifier = ppp_verifier_free(link->verifier);
	link->verifier = v;
	v->method = method;
	v->again = again;
	v->deadline = PPP_NEVER;
	v->last = wr_make(PPP_FRAME_MAX);
	ppp_random(link, &v->id, 1);
	ppp_random(link, v->challenge, sizeof(v->challenge));
	if (method == PPP_CHAP_MD5 || method == PPP_MSCHAPV2)
		send_challenge(link);
	else if (method == PPP_EAP)
		ppp_eap_verifier_start(link);
}

struct ppp_verifier *ppp_verifier_free(struct ppp_verifier *v)
{
	if (!v)
		return NULL;
	wr_free(&v->last);
	OPENSSL_cleanse(v, sizeof(*v));
	free(v);
	return NULL;
}

void ppp_verifier_again_at(struct ppp_link *link)
{
	if (link->config->challenge_ms && link->method == PPP_CHAP_MD5)
		link->challenge_at = link->now + link->config->challenge_ms;
}

static void send_pap_result(struct ppp_link *link, bool good)
{
	const struct ppp_verifier *v = link->verifier;
	struct writer w CLEANUP(wr_free) = wr_make(PPP_FRAME_MAX);
	wr_u8(&w, (uint8_t)v->last.length);
	wr_bytes(&w, v->last.data, v->last.length);
	ppp_send_packet(link, PPP_PROTOCOL_PAP, good ? PPP_PAP_ACK : PPP_PAP_NAK, v->id, w.data, w.length);
}

static void send_result(struct ppp_link *link, bool good)
{
	const struct ppp_verifier *v = link->verifier;
	if (v->method == PPP_PAP)
		send_pap_result(link, good);
	else
		ppp_send_packet(link, PPP_PROTOCOL_CHAP, good ? PPP_CHAP_SUCCESS : PPP_CHAP_FAILURE, v->id,
		        v->last.data, v->last.length);
}

static void receive_pap(struct ppp_link *link, const struct ppp_packet *packet)
{
	struct ppp_verifier *v = link->verifier;
	struct reader r = rd_make(packet->body, packet->length);
	uint8_t user_length = rd_u8(&r);
	const uint8_t *user = rd_bytes(&r, user_length);
	uint8_t password_length = rd_u8(&r);
	const uint8_t *password = rd_bytes(&r, password_length);
	if (packet->code != PPP_PAP_REQUEST)
		return;
	if (rd_failed(&r)) {
		PPP_COUNT(link, malformed);
		return;
	}
	if (v->state == PPP_VERIFIER_DONE) {
		v->id = packet->id;
		send_result(link, true);
	}
	if (v->state != PPP_VERIFIER_WAITS)
		return;
	v->id = packet->id;
	if (!ppp_verifier_set_user(v, user, user_length)) {
		ppp_end(link, PPP_END_AUTH_FAILED);
		return;
	}
	struct ppp_auth_request request = { .password = password, .password_length = password_length };
	(void)ppp_verifier_ask(link, &request);
}

static void receive_chap(struct ppp_link *link, const struct ppp_packet *packet)
{
	struct ppp_verifier *v = link->verifier;
	struct reader r = rd_make(packet->body, packet->length);
	size_t size = rd_u8(&r), wanted = v->method == PPP_MSCHAPV2 ? PPP_MSCHAP_RESPONSE_SIZE : 16;
	const uint8_t *response = rd_bytes(&r, size);
	if (packet->code != PPP_CHAP_RESPONSE)
		return;
	if (packet->id != v->id) {
		PPP_COUNT(link, unexpected);
		return;
	}
	if (rd_failed(&r) || size != wanted) {
		PPP_COUNT(link, malformed);
		return;
	}
	if (v->state == PPP_VERIFIER_DONE)
		send_result(link, true); /* RFC 1994, 4.2: the Success may have been lost */
	if (v->state != PPP_VERIFIER_WAITS)
		return;
	if (!ppp_verifier_set_user(v, r.at, r.left)) {
		ppp_end(link, PPP_END_AUTH_FAILED);
		return;
	}
	struct ppp_auth_request request = { .chap_id = v->id,
		.challenge = v->challenge,
		.challenge_length = sizeof(v->challenge),
		.response = response,
		.response_length = size };
	(void)ppp_verifier_ask(link, &request);
}

void ppp_verifier_receive(struct ppp_link *link, uint16_t protocol, const uint8_t *packet, size_t length)
{
	struct ppp_packet p;
	if (!link->verifier)
		return;
	if (protocol == PPP_PROTOCOL_EAP && link->verifier->method == PPP_EAP)
		ppp_eap_verifier_receive(link, packet, length);
	else if (protocol == PPP_PROTOCOL_PAP && link->verifier->method == PPP_PAP) {
		if (ppp_read_packet(link, packet, length, &p))
			receive_pap(link, &p);
	} else if (protocol == PPP_PROTOCOL_CHAP &&
	        (link->verifier->method == PPP_CHAP_MD5 || link->verifier->method == PPP_MSCHAPV2)) {
		if (ppp_read_packet(link, packet, length, &p))
			receive_chap(link, &p);
	}
}

void ppp_verifier_tick(struct ppp_link *link)
{
	struct ppp_verifier *v = link->verifier;
	if (link->now < v->deadline)
		return;
	if (v->tries >= PPP_MAX_TRIES)
		ppp_end(link, v->again ? PPP_END_AUTH_FAILED : PPP_END_AUTH_TIMEOUT);
	else if (v->method == PPP_EAP)
		ppp_eap_verifier_send(link);
	else
		send_challenge(link);
}

/* RFC 2759, section 6: 691 is ERROR_AUTHENTICATION_FAILURE, R=0 forbids another try, V=3 is this version. No
 * change of password is offered. */
static void write_mschap_failure(struct ppp_link *link, struct writer *w)
{
	static const char hex[] = "0123456789ABCDEF";
	uint8_t challenge[PPP_CHALLENGE_SIZE];
	ppp_random(link, challenge, sizeof(challenge));
	wr_bytes(w, "E=691 R=0 C=", 12);
	for (size_t i = 0; i < sizeof(challenge); i++) {
		wr_u8(w, (uint8_t)hex[challenge[i] >> 4]);
		wr_u8(w, (uint8_t)hex[challenge[i] & 15]);
	}
	wr_bytes(w, " V=3 M=Authentication failed", 28);
}

static void accept_peer(struct ppp_link *link)
{
	struct ppp_verifier *v = link->verifier;
	v->state = PPP_VERIFIER_DONE;
	v->deadline = PPP_NEVER;
	link->known_user = true;
	if (v->method != PPP_EAP)
		send_result(link, true);
	if (v->again)
		ppp_verifier_again_at(link);
	else
		ppp_authenticated(link);
}

static void reject_peer(struct ppp_link *link)
{
	struct ppp_verifier *v = link->verifier;
	v->state = PPP_VERIFIER_FAILED;
	PPP_COUNT(link, authentications_failed);
	if (v->method == PPP_MSCHAPV2 && v->last.length == 0)
		write_mschap_failure(link, &v->last);
	if (v->method != PPP_EAP)
		send_result(link, false);
	ppp_end(link, PPP_END_AUTH_FAILED);
}

int ppp_answer(struct ppp_link *link, uint32_t id, const struct ppp_auth_answer *answer, time_ms now)
{
	struct ppp_verifier *v = link->verifier;
	if (!v || v->state != PPP_VERIFIER_ASKS || id != link->request)
		return -ESTALE;
	link->now = now;
	if (v->method == PPP_EAP) {
		int r = ppp_eap_verifier_answer(link, answer);
		if (r < 0)
			reject_peer(link);
		if (r < 0 || answer->verdict == PPP_CHALLENGE)
			return r;
	} else {
		if (answer->verdict == PPP_CHALLENGE)
			return -EINVAL;
		wr_reset(&v->last);
		if (answer->message)
			wr_bytes(&v->last, answer->message, strnlen(answer->message, PPP_ANSWER_MAX - 1));
	}
	if (answer->verdict == PPP_ACCEPT)
		accept_peer(link);
	else
		reject_peer(link);
	return 0;
}
