/* SPDX-License-Identifier: ISC */
/*
 * EAP for local users (RFC 3748): EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2), and MD5-Challenge for a
 * peer that asks for it by Nak. No method that needs TLS: whoever wants those has a RADIUS server.
 *
 * An unknown name is asked like a known one, and fails where a wrong password would.
 */
#include "softwire/aaa_users_private.h"

#include <stdio.h>
#include <string.h>

enum { EAP_REQUEST = 1, EAP_RESPONSE = 2, EAP_SUCCESS = 3, EAP_FAILURE = 4 };
enum { EAP_IDENTITY = 1, EAP_NAK = 3, EAP_MD5 = 4, EAP_MSCHAPV2 = 26 };
enum { OP_CHALLENGE = 1, OP_RESPONSE = 2, OP_SUCCESS = 3, OP_FAILURE = 4 };
enum step { STEP_IDENTITY, STEP_CHALLENGED, STEP_SUCCEEDED, STEP_FAILED };

#define SERVER_NAME "pratique"
#define MSCHAPV2_RESPONSE_SIZE 49

struct response {
	uint8_t id, type;
	struct reader data;
};

static bool read_response(const struct ppp_auth_request *request, struct response *ret)
{
	struct reader r = rd_make(request->eap, request->eap_length);
	uint8_t code = rd_u8(&r);
	ret->id = rd_u8(&r);
	uint16_t length = rd_u16(&r);
	if (rd_failed(&r) || code != EAP_RESPONSE || length < 5 || length > request->eap_length)
		return false;
	ret->data = rd_sub(&r, length - 4u);
	ret->type = rd_u8(&ret->data);
	return true;
}

static void finish(struct aaa_users_answer *ret, uint8_t code, uint8_t id)
{
	const uint8_t packet[] = { code, id, 0, 4 };
	memcpy(ret->eap, packet, sizeof(packet));
	ret->eap_length = sizeof(packet);
}

static bool fail(struct aaa_users_answer *ret, uint8_t id)
{
	ret->outcome = AAA_REJECT;
	finish(ret, EAP_FAILURE, id);
	return false;
}

static bool send_request(struct aaa_users_eap *eap, uint8_t type, const void *data, size_t length,
        struct aaa_users_answer *ret)
{
	size_t n = 5 + length;
	const uint8_t header[] = { EAP_REQUEST, ++eap->id, (uint8_t)(n >> 8), (uint8_t)n, type };
	memcpy(ret->eap, header, sizeof(header));
	memcpy(ret->eap + sizeof(header), data, length);
	ret->eap_length = n;
	ret->outcome = AAA_CONTINUE;
	return false;
}

static bool challenge(
        struct aaa_users_eap *eap, uint8_t method, const uint8_t random[16], struct aaa_users_answer *ret)
{
	static const char name[] = SERVER_NAME;
	uint8_t data[64];
	struct writer w = wr_make(sizeof(data));
	eap->method = method;
	eap->step = STEP_CHALLENGED;
	memcpy(eap->challenge, random, sizeof(eap->challenge));
	if (method == EAP_MSCHAPV2) {
		wr_u8(&w, OP_CHALLENGE);
		wr_u8(&w, (uint8_t)(eap->id + 1));
		wr_u16(&w, (uint16_t)(5 + sizeof(eap->challenge) + sizeof(name) - 1));
	}
	wr_u8(&w, sizeof(eap->challenge));
	wr_bytes(&w, eap->challenge, sizeof(eap->challenge));
	wr_bytes(&w, name, sizeof(name) - 1);
	memcpy(data, w.data, w.length);
	size_t n = w.length;
	wr_free(&w);
	return send_request(eap, method, data, n, ret);
}

static bool begin(struct aaa_users_eap *eap, const struct ppp_auth_request *request, const struct response *r,
        const uint8_t random[16], struct aaa_users_answer *ret)
{
	if (r->type != EAP_IDENTITY || strlen(request->user) >= sizeof(eap->user))
		return fail(ret, r->id);
	snprintf(eap->user, sizeof(eap->user), "%s", request->user);
	eap->id = r->id;
	return challenge(eap, EAP_MSCHAPV2, random, ret);
}

/* RFC 3748, 5.3.1: once, and only for what we have. */
static bool take_nak(
        struct aaa_users_eap *eap, struct response *r, const uint8_t random[16], struct aaa_users_answer *ret)
{
	while (rd_left(&r->data))
		if (rd_u8(&r->data) == EAP_MD5 && eap->method == EAP_MSCHAPV2)
			return challenge(eap, EAP_MD5, random, ret);
	ret->reason = "the peer wants an EAP method that local users do not have";
	return fail(ret, r->id);
}

static bool check_password(const struct aaa_users *users, struct aaa_users_eap *eap,
        const struct ppp_auth_request *as, struct aaa_users_answer *ret)
{
	const struct aaa_user *u = aaa_users_find(users, eap->user);
	bool usable = u && !u->is_hashed;
	return ppp_verify_password(as, usable ? u->password : AAA_NO_PASSWORD, ret->message) && usable;
}

static bool check_md5(const struct aaa_users *users, struct aaa_users_eap *eap, struct response *r,
        struct aaa_users_answer *ret)
{
	uint8_t size = rd_u8(&r->data);
	const struct ppp_auth_request as = { .method = PPP_CHAP_MD5,
		.user = eap->user,
		.chap_id = eap->id,
		.challenge = eap->challenge,
		.challenge_length = sizeof(eap->challenge),
		.response = rd_bytes(&r->data, 16),
		.response_length = 16 };
	if (rd_failed(&r->data) || size != 16 || !check_password(users, eap, &as, ret))
		return fail(ret, r->id);
	finish(ret, EAP_SUCCESS, r->id);
	return true;
}

static bool check_mschapv2(const struct aaa_users *users, struct aaa_users_eap *eap, struct response *r,
        struct aaa_users_answer *ret)
{
	uint8_t data[4 + PPP_MESSAGE_MAX];
	uint8_t op = rd_u8(&r->data), id = rd_u8(&r->data);
	(void)rd_u16(&r->data);
	uint8_t size = rd_u8(&r->data);
	const struct ppp_auth_request as = { .method = PPP_MSCHAPV2,
		.user = eap->user,
		.chap_id = eap->id,
		.challenge = eap->challenge,
		.challenge_length = sizeof(eap->challenge),
		.response = rd_bytes(&r->data, MSCHAPV2_RESPONSE_SIZE),
		.response_length = MSCHAPV2_RESPONSE_SIZE };
	if (rd_failed(&r->data) || op != OP_RESPONSE || id != eap->id || size != MSCHAPV2_RESPONSE_SIZE)
		return fail(ret, r->id);
	bool good = check_password(users, eap, &as, ret);
	const char *text = good ? ret->message : "E=691 R=0 C=00000000000000000000000000000000 V=3 M=refused";
	size_t n = strnlen(text, PPP_MESSAGE_MAX);
	data[0] = good ? OP_SUCCESS : OP_FAILURE;
	data[1] = id;
	data[2] = (uint8_t)((4 + n) >> 8);
	data[3] = (uint8_t)(4 + n);
	memcpy(data + 4, text, n);
	eap->step = good ? STEP_SUCCEEDED : STEP_FAILED;
	ret->message[0] = '\0';
	return send_request(eap, EAP_MSCHAPV2, data, 4 + n, ret);
}

/* The peer acknowledges our Success (or Failure): only then it has checked that we know the password too. */
static bool conclude(struct aaa_users_eap *eap, struct response *r, struct aaa_users_answer *ret)
{
	if (eap->step != STEP_SUCCEEDED || r->type != EAP_MSCHAPV2 || rd_u8(&r->data) != OP_SUCCESS)
		return fail(ret, r->id);
	finish(ret, EAP_SUCCESS, r->id);
	return true;
}

bool aaa_users_eap_step(const struct aaa_users *users, struct aaa_users_eap *eap,
        const struct ppp_auth_request *request, const uint8_t random[16], struct aaa_users_answer *ret)
{
	struct response r;
	if (!read_response(request, &r)) {
		ret->reason = "malformed EAP packet";
		return fail(ret, request->eap_length > 1 ? request->eap[1] : 0);
	}
	if (eap->step == STEP_IDENTITY)
		return begin(eap, request, &r, random, ret);
	if (r.id != eap->id || strcmp(eap->user, request->user) != 0)
		return fail(ret, r.id);
	if (eap->step != STEP_CHALLENGED)
		return conclude(eap, &r, ret);
	if (r.type == EAP_NAK)
		return take_nak(eap, &r, random, ret);
	if (r.type != eap->method)
		return fail(ret, r.id);
	return eap->method == EAP_MD5 ? check_md5(users, eap, &r, ret) : check_mschapv2(users, eap, &r, ret);
}
