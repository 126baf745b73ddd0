/* SPDX-License-Identifier: ISC */
/*
 * Secrets at work: authenticators (RFC 2865 section 3, RFC 2866 section 3), Message-Authenticator (RFC 3579,
 * 3.2; RFC 5176, 3.4) and hidden passwords (RFC 2865, 5.2). The MD5 in all of it is what it is; RadSec is
 * there for whoever cannot trust the path.
 */
#include "proto/radius/radius.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define AUTHENTICATOR_OFFSET 4

static const uint8_t no_authenticator[RADIUS_AUTHENTICATOR_SIZE];

static void md5(const void *bytes, size_t length, uint8_t ret[RADIUS_AUTHENTICATOR_SIZE])
{
	unsigned size = RADIUS_AUTHENTICATOR_SIZE;
	if (EVP_Digest(bytes, length, ret, &size, EVP_md5(), NULL) != 1)
		abort(); /* an OpenSSL that has no MD5 cannot speak RADIUS; radius_check_digests() says so at
		            start */
}

static void hmac_md5(const struct radius_secret *secret, const void *bytes, size_t length,
        uint8_t ret[RADIUS_AUTHENTICATOR_SIZE])
{
	unsigned size = RADIUS_AUTHENTICATOR_SIZE;
	if (!HMAC(EVP_md5(), secret->bytes, (int)secret->length, bytes, length, ret, &size))
		abort();
}

int radius_check_digests(struct error *err)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size;
	if (EVP_Digest("", 0, digest, &size, EVP_md5(), NULL) == 1)
		return 0;
	return error_set(err, -ENOTSUP, "this OpenSSL has no MD5 (FIPS mode?), and RADIUS cannot do without");
}

/* The digest of the packet with another authenticator, and zeros for the Message-Authenticator. */
static void message_authenticator(const uint8_t *bytes, size_t length, size_t at,
        const uint8_t authenticator[RADIUS_AUTHENTICATOR_SIZE], const struct radius_secret *secret,
        uint8_t ret[RADIUS_AUTHENTICATOR_SIZE])
{
	uint8_t copy[RADIUS_PACKET_MAX];
	memcpy(copy, bytes, length);
	memcpy(copy + AUTHENTICATOR_OFFSET, authenticator, RADIUS_AUTHENTICATOR_SIZE);
	memset(copy + at, 0, RADIUS_AUTHENTICATOR_SIZE);
	hmac_md5(secret, copy, length, ret);
}

/* MD5(packet with that authenticator + secret). */
static void packet_digest(const uint8_t *bytes, size_t length,
        const uint8_t authenticator[RADIUS_AUTHENTICATOR_SIZE], const struct radius_secret *secret,
        uint8_t ret[RADIUS_AUTHENTICATOR_SIZE])
{
	uint8_t copy[RADIUS_PACKET_MAX + RADIUS_SECRET_MAX];
	memcpy(copy, bytes, length);
	memcpy(copy + AUTHENTICATOR_OFFSET, authenticator, RADIUS_AUTHENTICATOR_SIZE);
	memcpy(copy + length, secret->bytes, secret->length);
	md5(copy, length + secret->length, ret);
	OPENSSL_cleanse(copy + length, secret->length);
}

static int seal(struct writer *w, const uint8_t authenticator[RADIUS_AUTHENTICATOR_SIZE],
        const struct radius_secret *secret)
{
	struct radius_packet p;
	wr_patch_u16(w, 2, (uint16_t)w->length);
	if (wr_failed(w) || radius_parse(w->data, w->length, &p, NULL) < 0)
		return -ENOBUFS;
	size_t at = p.message_authenticator;
	if (at)
		message_authenticator(w->data, w->length, at, authenticator, secret, w->data + at);
	return 0;
}

int radius_sign_request(struct writer *w, const struct radius_secret *secret)
{
	uint8_t authenticator[RADIUS_AUTHENTICATOR_SIZE];
	if (wr_failed(w) || w->length < RADIUS_PACKET_MIN)
		return -ENOBUFS;
	memcpy(authenticator, w->data + AUTHENTICATOR_OFFSET, sizeof(authenticator));
	return seal(w, authenticator, secret);
}

int radius_sign_computed(struct writer *w, const struct radius_secret *secret)
{
	int r = seal(w, no_authenticator, secret);
	if (r == 0)
		packet_digest(w->data, w->length, no_authenticator, secret, w->data + AUTHENTICATOR_OFFSET);
	return r;
}

int radius_sign_response(struct writer *w, const uint8_t request_authenticator[RADIUS_AUTHENTICATOR_SIZE],
        const struct radius_secret *secret)
{
	int r = seal(w, request_authenticator, secret);
	if (r == 0)
		packet_digest(
		        w->data, w->length, request_authenticator, secret, w->data + AUTHENTICATOR_OFFSET);
	return r;
}

static int verify(const struct radius_packet *p, const uint8_t authenticator[RADIUS_AUTHENTICATOR_SIZE],
        const struct radius_secret *secret, bool must_have)
{
	uint8_t digest[RADIUS_AUTHENTICATOR_SIZE];
	packet_digest(p->bytes, p->length, authenticator, secret, digest);
	if (CRYPTO_memcmp(digest, p->authenticator, sizeof(digest)) != 0)
		return -EBADMSG;
	if (!p->message_authenticator)
		return must_have ? -ENOMSG : 0;
	message_authenticator(p->bytes, p->length, p->message_authenticator, authenticator, secret, digest);
	return CRYPTO_memcmp(digest, p->bytes + p->message_authenticator, sizeof(digest)) == 0 ? 0 : -EBADMSG;
}

int radius_verify_response(const struct radius_packet *p,
        const uint8_t request_authenticator[RADIUS_AUTHENTICATOR_SIZE], const struct radius_secret *secret,
        bool must_have)
{
	return verify(p, request_authenticator, secret, must_have);
}

int radius_verify_computed(const struct radius_packet *p, const struct radius_secret *secret, bool must_have)
{
	return verify(p, no_authenticator, secret, must_have);
}

int radius_hide_password(const struct radius_secret *secret,
        const uint8_t authenticator[RADIUS_AUTHENTICATOR_SIZE], const void *password, size_t length,
        uint8_t ret[RADIUS_PASSWORD_MAX], size_t *ret_length)
{
	uint8_t input[RADIUS_SECRET_MAX + RADIUS_AUTHENTICATOR_SIZE], pad[RADIUS_AUTHENTICATOR_SIZE];
	if (length > RADIUS_PASSWORD_MAX)
		return -EINVAL;
	size_t n = length ? (length + 15) / 16 * 16 : 16;
	memset(ret, 0, n);
	if (length)
		memcpy(ret, password, length);
	memcpy(input, secret->bytes, secret->length);
	const uint8_t *before = authenticator;
	for (size_t at = 0; at < n; at += 16) {
		memcpy(input + secret->length, before, 16);
		md5(input, secret->length + 16, pad);
		for (size_t i = 0; i < 16; i++)
			ret[at + i] ^= pad[i];
		before = ret + at;
	}
	OPENSSL_cleanse(input, sizeof(input));
	OPENSSL_cleanse(pad, sizeof(pad));
	*ret_length = n;
	return 0;
}
