/* SPDX-License-Identifier: ISC */
/*
 * The quarantine certificate as a JWS in compact form (RFC 7515 7.1):
 * BASE64URL(header).BASE64URL(claims).BASE64URL(signature).
 *
 * The header is exactly {"alg", "typ"}: "alg" follows from the verifier's own key (ES256 for P-256, RFC
 * 7518 3.4; EdDSA for Ed25519, RFC 8037 3.1) and is compared, never obeyed; "typ" is "eat+jwt" (RFC 9782).
 * Parameters that would bring in keys or change the processing (jwk, jku, x5c, crit, b64) make a token
 * malformed. Claims are read after the signature has been verified, from JSON without duplicate names (RFC
 * 8725 3.10, RFC 7519 4).
 *
 * Which claim is which: token_claims_table below. RFC 7519 for iss to jti; RFC 9711 for eat_*, and submods;
 * cnf of RFC 7800 with our own member "spki#S256", SHA-256 over the SubjectPublicKeyInfo; ear.* is the
 * attestation result proper (EAT Attestation Results). The rest are private claims under the prefix
 * "pratique.".
 */
#include "crypto/token.h"

#include "crypto/base64.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define TOKEN_QUOTE_(x) #x
#define TOKEN_QUOTE(x) TOKEN_QUOTE_(x)
/* eat_profile (RFC 9711 4.3.2) may be an OID: profile 1 under our enterprise number. */
#define TOKEN_PROFILE "1.3.6.1.4.1." TOKEN_QUOTE(PRATIQUE_PEN) ".1.1"
#define TOKEN_TYPE "eat+jwt"
#define TOKEN_NUMBER_MAX 9007199254740991 /* 2^53-1: what every JSON reader keeps exactly (RFC 8259 6) */
#define TOKEN_SIGNATURE_SIZE 64

enum claim_kind {
	CLAIM_NAME,   /* text that may not be empty */
	CLAIM_TEXT,   /* text that may */
	CLAIM_BYTES,  /* 32 bytes, base64url */
	CLAIM_TIME,   /* NumericDate, whole seconds */
	CLAIM_HEX,    /* 64 bits as 16 hexadecimal digits */
	CLAIM_NUMBER, /* 0 to TOKEN_NUMBER_MAX */
	CLAIM_STATUS, /* "affirming" or "contraindicated" */
};

struct claim {
	const char *path; /* member names from the top, separated by '/' */
	enum claim_kind kind;
	size_t offset, size;
};
#define CLAIM(path, kind, field) \
	{ \
		path, kind, offsetof(struct token_claims, field), sizeof(((struct token_claims *)0)->field) \
	}
static const struct claim token_claims_table[] = {
	CLAIM("iss", CLAIM_NAME, issuer),
	CLAIM("sub", CLAIM_NAME, node),
	CLAIM("jti", CLAIM_NAME, id),
	CLAIM("iat", CLAIM_TIME, issued),
	CLAIM("exp", CLAIM_TIME, expires),
	CLAIM("eat_nonce", CLAIM_BYTES, nonce),
	CLAIM("cnf/spki#S256", CLAIM_BYTES, thumbprint),
	CLAIM("submods/node/ear.status", CLAIM_STATUS, compliant),
	CLAIM("submods/node/ear.appraisal-policy-id", CLAIM_HEX, policy_fingerprint),
	CLAIM("submods/node/pratique.advisory-generation", CLAIM_NUMBER, advisory_generation),
	CLAIM("submods/node/pratique.posture-digest", CLAIM_BYTES, posture_digest),
	CLAIM("submods/node/pratique.segment", CLAIM_NAME, segment),
	CLAIM("submods/node/pratique.enforcement-point", CLAIM_TEXT, enforcement_point),
	CLAIM("submods/node/pratique.port", CLAIM_TEXT, port),
	CLAIM("submods/node/pratique.mac", CLAIM_TEXT, mac),
};

static void json_free_pointer(json_t **json)
{
	json_decref(*json);
}

static const char *algorithm_of(EVP_PKEY *key)
{
	enum key_kind kind;
	if (key_get_kind(key, &kind) < 0)
		return NULL;
	return kind == KEY_P256 ? "ES256" : "EdDSA";
}

static bool text_is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* Writing. */

static json_t *claim_encode(const struct claim *c, const void *field)
{
	char text[BASE64_SIZE(32)];
	switch (c->kind) {
	case CLAIM_NAME:
	case CLAIM_TEXT:
		if (!memchr(field, '\0', c->size) || !text_is_plain(field) ||
		        (c->kind == CLAIM_NAME && *(const char *)field == '\0'))
			return NULL;
		return json_string(field);
	case CLAIM_BYTES:
		return json_stringn(text, base64url_encode(field, 32, text));
	case CLAIM_TIME:
		return *(const time_ms *)field < 0 ? NULL : json_integer(*(const time_ms *)field / 1000);
	case CLAIM_HEX:
		snprintf(text, sizeof(text), "%016" PRIx64, *(const uint64_t *)field);
		return json_string(text);
	case CLAIM_NUMBER:
		return *(const uint64_t *)field > TOKEN_NUMBER_MAX
		        ? NULL
		        : json_integer((json_int_t) * (const uint64_t *)field);
	case CLAIM_STATUS:
		return json_string(*(const bool *)field ? "affirming" : "contraindicated");
	}
	return NULL;
}

/* The object that holds the last member of path, and that member's name; with create, objects are made on the
 * way. */
static json_t *claim_parent(json_t *top, const char *path, bool create, const char **ret_name)
{
	const char *slash;
	for (; (slash = strchr(path, '/')); path = slash + 1) {
		char *name FREE_ON_EXIT = xstrndup(path, (size_t)(slash - path));
		json_t *next = json_object_get(top, name);
		if (!next && create) {
			next = json_object();
			(void)json_object_set_new(top, name, next);
		}
		if (!json_is_object(next))
			return NULL;
		top = next;
	}
	*ret_name = path;
	return top;
}

static int claims_encode(const struct token_claims *claims, json_t **ret, struct error *err)
{
	json_t *top CLEANUP(json_free_pointer) = json_pack("{s:s}", "eat_profile", TOKEN_PROFILE);
	if (claims->expires <= claims->issued || claims->expires - claims->issued > TOKEN_LIFETIME_MAX_MS)
		return error_set(err, -EINVAL, "token: it would not expire within an hour of its issue");
	for (size_t i = 0; i < ARRAY_LENGTH(token_claims_table); i++) {
		const struct claim *c = &token_claims_table[i];
		const char *name = NULL;
		json_t *parent = claim_parent(top, c->path, true, &name);
		json_t *value = claim_encode(c, (const char *)claims + c->offset);
		if (!value || json_object_set_new(parent, name, value) < 0)
			return error_set(err, -EINVAL,
			        "token: the value for claim %s is empty, not text or too large", c->path);
	}
	*ret = TAKE_POINTER(top);
	return 0;
}

int token_issue(const struct token_claims *claims, EVP_PKEY *key, char **ret_text, struct error *err)
{
	const char *algorithm = algorithm_of(key);
	if (!algorithm)
		return error_set(err, -EINVAL, "token: the key is neither P-256 nor Ed25519");
	json_t *top CLEANUP(json_free_pointer) = NULL;
	int r = claims_encode(claims, &top, err);
	if (r < 0)
		return r;
	char header[64];
	int header_length =
	        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"%s\"}", algorithm, TOKEN_TYPE);
	char *body FREE_ON_EXIT = json_dumps(top, JSON_COMPACT);
	if (!body)
		return error_set(err, -ENOMEM, "token: cannot write the claims");
	size_t body_length = strlen(body);
	char *text FREE_ON_EXIT = xmalloc(BASE64_SIZE((size_t)header_length) + BASE64_SIZE(body_length) +
	        BASE64_SIZE(TOKEN_SIGNATURE_SIZE));
	size_t n = base64url_encode(header, (size_t)header_length, text);
	text[n++] = '.';
	n += base64url_encode(body, body_length, text + n);
	uint8_t signature[TOKEN_SIGNATURE_SIZE];
	r = key_sign(key, text, n, signature, err);
	if (r < 0)
		return r;
	text[n++] = '.';
	n += base64url_encode(signature, sizeof(signature), text + n);
	if (n > TOKEN_TEXT_MAX)
		return error_set(err, -EINVAL, "token: longer than %d characters", TOKEN_TEXT_MAX);
	*ret_text = TAKE_POINTER(text);
	return 0;
}

/* Reading. */

static int claim_decode_text(const struct claim *c, const json_t *value, char *field)
{
	const char *text = json_string_value(value);
	if (!text || json_string_length(value) >= c->size || !text_is_plain(text) ||
	        (c->kind == CLAIM_NAME && *text == '\0'))
		return -EINVAL;
	memcpy(field, text, json_string_length(value) + 1);
	return 0;
}

static int claim_decode_hex(const json_t *value, uint64_t *ret)
{
	const char *text = json_string_value(value);
	if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		return -EINVAL;
	*ret = strtoull(text, NULL, 16);
	return 0;
}

static int claim_decode_status(const json_t *value, bool *ret)
{
	const char *text = json_string_value(value);
	*ret = text && strcmp(text, "affirming") == 0;
	return *ret || (text && strcmp(text, "contraindicated") == 0) ? 0 : -EINVAL;
}

static int claim_decode(const struct claim *c, const json_t *value, void *field)
{
	json_int_t number = json_integer_value(value);
	bool counts = json_is_integer(value) && number >= 0 && number <= TOKEN_NUMBER_MAX / 1000;
	size_t length = 0;
	switch (c->kind) {
	case CLAIM_NAME:
	case CLAIM_TEXT:
		return claim_decode_text(c, value, field);
	case CLAIM_BYTES:
		if (!json_is_string(value) ||
		        base64url_decode(
		                json_string_value(value), json_string_length(value), field, 32, &length) < 0)
			return -EINVAL;
		return length == 32 ? 0 : -EINVAL;
	case CLAIM_TIME:
		*(time_ms *)field = counts ? (time_ms)number * 1000 : 0;
		return counts ? 0 : -EINVAL;
	case CLAIM_HEX:
		return claim_decode_hex(value, field);
	case CLAIM_NUMBER:
		counts = json_is_integer(value) && number >= 0 && number <= TOKEN_NUMBER_MAX;
		*(uint64_t *)field = counts ? (uint64_t)number : 0;
		return counts ? 0 : -EINVAL;
	case CLAIM_STATUS:
		return claim_decode_status(value, field);
	}
	return -EINVAL;
}

/* BASE64URL(JSON object) to the object; NULL for anything else. Nesting is bounded by jansson, size by the
 * token's. */
static json_t *part_decode(const char *text, size_t length)
{
	uint8_t bytes[TOKEN_TEXT_MAX];
	size_t size;
	if (base64url_decode(text, length, bytes, sizeof(bytes), &size) < 0)
		return NULL;
	json_t *json = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

static int header_check(const char *text, size_t length, const char *algorithm, struct error *err)
{
	json_t *header CLEANUP(json_free_pointer) = part_decode(text, length);
	if (!header)
		return error_set(
		        err, -EINVAL, "token: the header is not a base64url JSON object without duplicates");
	const char *alg = json_string_value(json_object_get(header, "alg"));
	const char *typ = json_string_value(json_object_get(header, "typ"));
	if (!alg || strcmp(alg, algorithm) != 0)
		return error_set(
		        err, -EBADMSG, "token: its algorithm is not %s, which the key demands", algorithm);
	if (!typ || strcmp(typ, TOKEN_TYPE) != 0 || json_object_size(header) != 2)
		return error_set(err, -EINVAL, "token: the header is not {alg, typ: " TOKEN_TYPE "}");
	return 0;
}

static int claims_decode(const char *text, size_t length, struct token_claims *ret, struct error *err)
{
	json_t *top CLEANUP(json_free_pointer) = part_decode(text, length);
	if (!top)
		return error_set(
		        err, -EINVAL, "token: the claims are not a base64url JSON object without duplicates");
	const char *profile = json_string_value(json_object_get(top, "eat_profile"));
	if (!profile || strcmp(profile, TOKEN_PROFILE) != 0)
		return error_set(err, -EINVAL, "token: eat_profile is not " TOKEN_PROFILE);
	for (size_t i = 0; i < ARRAY_LENGTH(token_claims_table); i++) {
		const struct claim *c = &token_claims_table[i];
		const char *name = NULL;
		json_t *parent = claim_parent(top, c->path, false, &name);
		const json_t *value = parent ? json_object_get(parent, name) : NULL;
		if (!value || claim_decode(c, value, (char *)ret + c->offset) < 0)
			return error_set(err, -EINVAL, "token: claim %s is %s", c->path,
			        value ? "malformed" : "missing");
	}
	return 0;
}

static int times_check(const struct token_claims *claims, time_ms now, struct error *err)
{
	if (claims->expires <= claims->issued || claims->expires - claims->issued > TOKEN_LIFETIME_MAX_MS)
		return error_set(err, -EINVAL, "token: exp is not within an hour after iat");
	char text[CLOCK_TEXT_SIZE];
	if (now >= claims->expires)
		return error_set(err, -ESTALE, "token: expired at %s", clock_format(claims->expires, text));
	if (claims->issued > now + TOKEN_SKEW_MAX_MS)
		return error_set(err, -ESTALE, "token: issued in the future, at %s; compare the clocks",
		        clock_format(claims->issued, text));
	return 0;
}

int token_verify(
        const char *text, EVP_PKEY *public_key, time_ms now, struct token_claims *ret, struct error *err)
{
	const char *algorithm = algorithm_of(public_key);
	if (!algorithm)
		return error_set(err, -EINVAL, "token: the key is neither P-256 nor Ed25519");
	size_t length = strnlen(text, TOKEN_TEXT_MAX + 1);
	if (length > TOKEN_TEXT_MAX)
		return error_set(err, -EINVAL, "token: longer than %d characters", TOKEN_TEXT_MAX);
	const char *claims = strchr(text, '.');
	const char *signature = claims ? strchr(claims + 1, '.') : NULL;
	if (!signature || strchr(signature + 1, '.'))
		return error_set(err, -EINVAL, "token: not three parts with a dot between");
	int r = header_check(text, (size_t)(claims - text), algorithm, err);
	if (r < 0)
		return r;
	uint8_t bytes[TOKEN_SIGNATURE_SIZE];
	size_t size;
	if (base64url_decode(signature + 1, length - (size_t)(signature + 1 - text), bytes, sizeof(bytes),
	            &size) < 0 ||
	        size != sizeof(bytes))
		return error_set(err, -EINVAL, "token: the signature is not 64 bytes in base64url");
	if (key_verify(public_key, text, (size_t)(signature - text), bytes, size) < 0)
		return error_set(err, -EBADMSG, "token: the signature is not the issuer's");
	struct token_claims found = { 0 };
	r = claims_decode(claims + 1, (size_t)(signature - claims - 1), &found, err);
	if (r == 0)
		r = times_check(&found, now, err);
	if (r == 0)
		*ret = found;
	return r;
}
