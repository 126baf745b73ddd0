/* SPDX-License-Identifier: ISC */
#include "proto/patnc/pratique.h"
#include "proto/patnc/field.h"

#include <errno.h>
#include <string.h>

static size_t begin(struct writer *w, enum pratique_type type)
{
	return patnc_begin_attribute(w, PRATIQUE_PEN, type, false);
}

static void put_bytes(struct writer *w, enum pratique_type type, const void *bytes, size_t n)
{
	size_t at = begin(w, type);
	wr_bytes(w, bytes, n);
	patnc_end_attribute(w, at);
}

static int get_bytes(const struct patnc_attribute *a, uint8_t *ret, size_t n)
{
	if (a->length != n)
		return -EBADMSG;
	memcpy(ret, a->value, n);
	return 0;
}

void pratique_put_nonce(struct writer *w, const uint8_t nonce[PRATIQUE_NONCE_SIZE])
{
	put_bytes(w, PRATIQUE_NONCE, nonce, PRATIQUE_NONCE_SIZE);
}

int pratique_get_nonce(const struct patnc_attribute *a, uint8_t ret[PRATIQUE_NONCE_SIZE])
{
	return get_bytes(a, ret, PRATIQUE_NONCE_SIZE);
}

void pratique_put_digest(struct writer *w, const uint8_t digest[PRATIQUE_DIGEST_SIZE])
{
	put_bytes(w, PRATIQUE_POSTURE_DIGEST, digest, PRATIQUE_DIGEST_SIZE);
}

int pratique_get_digest(const struct patnc_attribute *a, uint8_t ret[PRATIQUE_DIGEST_SIZE])
{
	return get_bytes(a, ret, PRATIQUE_DIGEST_SIZE);
}

void pratique_put_signature(struct writer *w, const struct pratique_signature *signature)
{
	w->failed |= signature->length == 0 || signature->length > PRATIQUE_SIGNATURE_MAX;
	size_t at = begin(w, PRATIQUE_POSTURE_SIGNATURE);
	wr_u8(w, signature->scheme);
	wr_bytes(w, signature->nonce, sizeof(signature->nonce));
	wr_bytes(w, signature->bytes, signature->length);
	patnc_end_attribute(w, at);
}

int pratique_get_signature(const struct patnc_attribute *a, struct pratique_signature *ret)
{
	struct reader r = patnc_value(a);
	struct pratique_signature signature;
	signature.scheme = rd_u8(&r);
	const uint8_t *nonce = rd_bytes(&r, sizeof(signature.nonce));
	signature.length = rd_left(&r);
	signature.bytes = rd_bytes(&r, signature.length);
	if (!nonce || signature.length == 0 || signature.length > PRATIQUE_SIGNATURE_MAX)
		return -EBADMSG;
	memcpy(signature.nonce, nonce, sizeof(signature.nonce));
	*ret = signature;
	return 0;
}

/* The most bytes of a text attribute; 0 for a type that is none. */
static size_t text_max(uint32_t type)
{
	switch (type) {
	case PRATIQUE_QUARANTINE_CERTIFICATE:
		return PRATIQUE_CERTIFICATE_MAX;
	case PRATIQUE_SYSTEM:
	case PRATIQUE_NETWORK_CONFIGURATION:
	case PRATIQUE_SECURITY_CONFIGURATION:
	case PRATIQUE_DECISION:
	case PRATIQUE_PREVENTION_SOURCES:
		return PRATIQUE_JSON_MAX;
	default:
		return 0;
	}
}

void pratique_put_text(struct writer *w, enum pratique_type type, const char *text, size_t length)
{
	w->failed |= length == 0 || length > text_max(type) || memchr(text, 0, length);
	put_bytes(w, type, text, length);
}

int pratique_get_text(const struct patnc_attribute *a, struct patnc_text *ret)
{
	if (a->length == 0 || a->length > text_max(a->type) || memchr(a->value, 0, a->length))
		return -EBADMSG;
	*ret = (struct patnc_text){ .at = (const char *)a->value, .length = a->length };
	return 0;
}

/* A hash that cannot be computed would let a forged posture through: that is no failure to carry on after. */
static void must(bool done)
{
	if (!done)
		abort();
}

void patnc_signature_input_begin(struct patnc_signature_input *s)
{
	if (!s->hash)
		s->hash = EVP_MD_CTX_new();
	must(s->hash && EVP_DigestInit_ex(s->hash, EVP_sha256(), NULL) == 1);
}

void patnc_signature_input_add(
        struct patnc_signature_input *s, uint32_t vendor, uint32_t subtype, const void *body, size_t n)
{
	struct writer w CLEANUP(wr_free) = wr_make(12);
	wr_u32(&w, vendor);
	wr_u32(&w, subtype);
	wr_u32(&w, (uint32_t)n);
	must(EVP_DigestUpdate(s->hash, w.data, w.length) == 1 && EVP_DigestUpdate(s->hash, body, n) == 1);
}

void patnc_signature_input_end(struct patnc_signature_input *s,
        const uint8_t exporter[PRATIQUE_EXPORTER_SIZE], const uint8_t nonce[PRATIQUE_NONCE_SIZE],
        uint8_t ret[PATNC_SIGNATURE_INPUT_SIZE])
{
	uint8_t *at = ret;
	memcpy(at, PATNC_SIGNATURE_LABEL, sizeof(PATNC_SIGNATURE_LABEL));
	at += sizeof(PATNC_SIGNATURE_LABEL);
	memcpy(at, exporter, PRATIQUE_EXPORTER_SIZE);
	at += PRATIQUE_EXPORTER_SIZE;
	memcpy(at, nonce, PRATIQUE_NONCE_SIZE);
	at += PRATIQUE_NONCE_SIZE;
	must(EVP_DigestFinal_ex(s->hash, at, NULL) == 1);
}

void patnc_signature_input_free(struct patnc_signature_input *s)
{
	EVP_MD_CTX_free(s->hash);
	s->hash = NULL;
}
