/* SPDX-License-Identifier: ISC */
#include "crypto/base64.h"
#include "crypto/token.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define NOW ((time_ms)1790000000 * 1000)

static const struct token_claims sample = {
	.issuer = "server.example",
	.node = "alice",
	.id = "0e4f7d2a-8a3e-4c5e-9d42-1f6a3e2b9c10",
	.thumbprint = { 1, 2, 3 },
	.enforcement_point = "gateway",
	.port = "vb-alice",
	.mac = "02:00:00:00:00:01",
	.segment = "staff",
	.policy_fingerprint = 0xfedcba9876543210,
	.advisory_generation = 42,
	.posture_digest = { 4, 5 },
	.nonce = { 6, 7 },
	.issued = NOW,
	.expires = NOW + 45 * 60 * 1000,
	.compliant = true,
};

static EVP_PKEY *p256, *ed25519;

static int make_keys(void **state)
{
	return key_generate(KEY_P256, &p256, NULL) < 0 || key_generate(KEY_ED25519, &ed25519, NULL) < 0;
}

static int free_keys(void **state)
{
	EVP_PKEY_free(p256);
	EVP_PKEY_free(ed25519);
	return 0;
}

/* A token with any header and claims, signed well. Caller frees. */
static char *signed_token(const char *header, const char *claims, EVP_PKEY *key)
{
	char *text = xmalloc(BASE64_SIZE(strlen(header)) + BASE64_SIZE(strlen(claims)) + BASE64_SIZE(64));
	uint8_t signature[64];
	size_t n = base64url_encode(header, strlen(header), text);
	text[n++] = '.';
	n += base64url_encode(claims, strlen(claims), text + n);
	assert_int_equal(key_sign(key, text, n, signature, NULL), 0);
	text[n++] = '.';
	base64url_encode(signature, sizeof(signature), text + n);
	return text;
}

static int verify(const char *text, EVP_PKEY *key)
{
	struct token_claims claims;
	struct error err = { "" };
	int r = token_verify(text, key, NOW + 1000, &claims, &err);
	assert_true((r == 0) == (err.text[0] == '\0'));
	return r;
}

/* The claims of the sample as JSON text, with one piece replaced (once). Caller frees. */
static char *claims_json(const char *from, const char *to)
{
	char *text FREE_ON_EXIT = NULL;
	assert_int_equal(token_issue(&sample, ed25519, &text, NULL), 0);
	const char *start = strchr(text, '.') + 1;
	char *json = xcalloc(1, 4096);
	size_t length;
	assert_int_equal(
	        base64url_decode(start, (size_t)(strchr(start, '.') - start), (uint8_t *)json, 2048, &length),
	        0);
	if (!from)
		return json;
	char *at = strstr(json, from);
	assert_non_null(at);
	char *changed = xasprintf("%.*s%s%s", (int)(at - json), json, to, at + strlen(from));
	free(json);
	return changed;
}

static void what_is_issued_verifies(void **state)
{
	EVP_PKEY *keys[] = { p256, ed25519 };
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		char *text FREE_ON_EXIT = NULL;
		struct token_claims claims;
		memset(&claims, 0xff, sizeof(claims));
		assert_int_equal(token_issue(&sample, keys[i], &text, NULL), 0);
		assert_true(strlen(text) < 1400);
		assert_int_equal(token_verify(text, keys[i], NOW, &claims, NULL), 0);
		assert_memory_equal(&claims, &sample, sizeof(sample));
	}
}

static void claims_have_their_names(void **state)
{
	char *text FREE_ON_EXIT = claims_json(NULL, NULL);
	json_t *json = json_loads(text, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(json, "exp")), sample.expires / 1000);
	assert_string_equal(json_string_value(json_object_get(json, "sub")), "alice");
	assert_string_equal(json_string_value(json_object_get(json, "eat_profile")), "1.3.6.1.4.1.32473.1.1");
	json_t *node = json_object_get(json_object_get(json, "submods"), "node");
	assert_string_equal(json_string_value(json_object_get(node, "ear.status")), "affirming");
	assert_string_equal(
	        json_string_value(json_object_get(node, "ear.appraisal-policy-id")), "fedcba9876543210");
	assert_non_null(json_object_get(json_object_get(json, "cnf"), "spki#S256"));
	json_decref(json);
}

/* RFC 8725 2.1 and 3.1: the algorithm is the verifier's to choose. */
static void other_algorithms_are_refused(void **state)
{
	char *claims FREE_ON_EXIT = claims_json(NULL, NULL);
	static const char *const headers[] = {
		"{\"alg\":\"none\",\"typ\":\"eat+jwt\"}",
		"{\"alg\":\"HS256\",\"typ\":\"eat+jwt\"}",
		"{\"alg\":\"ES256\",\"typ\":\"eat+jwt\"}",
		"{\"alg\":\"eddsa\",\"typ\":\"eat+jwt\"}",
		"{\"alg\":[\"EdDSA\"],\"typ\":\"eat+jwt\"}",
		"{\"typ\":\"eat+jwt\"}",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(headers); i++) {
		char *text FREE_ON_EXIT = signed_token(headers[i], claims, ed25519);
		assert_int_equal(verify(text, ed25519), -EBADMSG);
		/* Without any signature at all, as "none" would have it. */
		strrchr(text, '.')[1] = '\0';
		assert_int_equal(verify(text, ed25519), -EBADMSG);
	}
	char *crossed FREE_ON_EXIT = signed_token("{\"alg\":\"EdDSA\",\"typ\":\"eat+jwt\"}", claims, p256);
	assert_int_equal(verify(crossed, p256), -EBADMSG);
	assert_int_equal(verify(crossed, ed25519), -EBADMSG);
}

static void other_headers_are_malformed(void **state)
{
	char *claims FREE_ON_EXIT = claims_json(NULL, NULL);
	static const char *const headers[] = {
		"{\"alg\":\"EdDSA\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}",
		"{\"alg\":\"EdDSA\",\"typ\":\"eat+jwt\",\"crit\":[\"b64\"]}",
		"{\"alg\":\"EdDSA\",\"typ\":\"eat+jwt\",\"jwk\":{}}",
		"{\"alg\":\"EdDSA\",\"typ\":\"eat+jwt\",\"alg\":\"EdDSA\"}",
		"[\"EdDSA\"]",
		"{\"alg\":\"EdDSA\",\"typ\":\"eat+jwt\"} x",
		"",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(headers); i++) {
		char *text FREE_ON_EXIT = signed_token(headers[i], claims, ed25519);
		assert_int_equal(verify(text, ed25519), -EINVAL);
	}
}

static void any_changed_character_is_noticed(void **state)
{
	char *text FREE_ON_EXIT = NULL;
	assert_int_equal(token_issue(&sample, ed25519, &text, NULL), 0);
	size_t length = strlen(text);
	for (size_t i = 0; i < length; i++) {
		char was = text[i];
		text[i] = was == 'A' ? 'B' : 'A';
		assert_int_not_equal(verify(text, ed25519), 0);
		text[i] = '\0';
		assert_int_not_equal(verify(text, ed25519), 0);
		text[i] = was;
	}
	assert_int_equal(verify(text, ed25519), 0);
	assert_int_equal(verify(text, p256), -EBADMSG);
}

static void the_form_is_strict(void **state)
{
	char *text FREE_ON_EXIT = NULL;
	assert_int_equal(token_issue(&sample, ed25519, &text, NULL), 0);
	char *dot FREE_ON_EXIT = xasprintf("%s.", text), *more FREE_ON_EXIT = xasprintf("%s.AAAA", text);
	char *padded FREE_ON_EXIT = xasprintf("%s==", text), *spaced FREE_ON_EXIT = xasprintf("%s\n", text);
	char *longer FREE_ON_EXIT = xasprintf("%s%0*d", text, TOKEN_TEXT_MAX, 0);
	const char *const bad[] = { dot, more, padded, spaced, longer, "", ".", "..", "...", "a.b.c" };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(verify(bad[i], ed25519), -EINVAL);
}

static void malformed_claims_are_refused(void **state)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "\"sub\":\"alice\"", "\"sub\":\"alice\",\"sub\":\"bob\"" },
		{ "\"sub\":\"alice\"", "\"sub\":\"\"" },
		{ "\"sub\":\"alice\"", "\"sub\":7" },
		{ "\"sub\":\"alice\"", "\"sub\":\"a\\u0000b\"" },
		{ "\"sub\":\"alice\"", "\"sub\":\"a\\u001bb\"" },
		{ "\"sub\":", "\"Sub\":" },
		{ "\"cnf\":{", "\"cnf\":{\"spki#S256\":\"\"}, \"x\":{" },
		{ "\"cnf\":", "\"cnf\":[], \"x\":" },
		{ "\"affirming\"", "\"warning\"" },
		{ "\"affirming\"", "2" },
		{ "\"fedcba98", "\"FEDCBA98" },
		{ "\"fedcba98", "\"fedcba98f" },
		{ "generation\":42", "generation\":-1" },
		{ "generation\":42", "generation\":42.0" },
		{ "generation\":42", "generation\":9007199254740992" },
		{ "generation\":42", "generation\":99999999999999999999999" },
		{ "\"iat\":1790000000", "\"iat\":1790000000.5" },
		{ "\"iat\":1790000000", "\"iat\":\"1790000000\"" },
		{ "\"iat\":1790000000", "\"iat\":9007199254740991" },
		{ "\"iat\":1790000000", "\"iat\":1789000000" },
		{ "\"exp\":1790002700", "\"exp\":1790000000" },
		{ "\"exp\":1790002700", "\"exp\":1790003601" },
		{ "\"exp\":", "\"nbf\":" },
		{ "\"eat_nonce\":\"Bg", "\"eat_nonce\":\"Q" },
		{ "32473.1.1", "32473.1.2" },
		{ "\"submods\":", "\"submod\":" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		char *claims FREE_ON_EXIT = claims_json(changes[i].from, changes[i].to);
		char *text FREE_ON_EXIT =
		        signed_token("{\"alg\":\"EdDSA\",\"typ\":\"eat+jwt\"}", claims, ed25519);
		assert_int_equal(verify(text, ed25519), -EINVAL);
	}
	/* RFC 7519 4: claims that are not understood are ignored. */
	char *claims FREE_ON_EXIT = claims_json("\"sub\":", "\"more\":[1,{}],\"sub\":");
	char *text FREE_ON_EXIT = signed_token("{\"alg\":\"EdDSA\",\"typ\":\"eat+jwt\"}", claims, ed25519);
	assert_int_equal(verify(text, ed25519), 0);
}

static void deep_nesting_is_refused(void **state)
{
	char deep[2900];
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	char *text FREE_ON_EXIT = signed_token("{\"alg\":\"EdDSA\",\"typ\":\"eat+jwt\"}", deep, ed25519);
	assert_int_equal(verify(text, ed25519), -EINVAL);
}

static void time_is_checked(void **state)
{
	char *text FREE_ON_EXIT = NULL;
	struct token_claims claims = { .segment = "untouched" };
	assert_int_equal(token_issue(&sample, ed25519, &text, NULL), 0);
	assert_int_equal(token_verify(text, ed25519, sample.expires - 1, &claims, NULL), 0);
	memset(&claims, 0, sizeof(claims));
	assert_int_equal(token_verify(text, ed25519, sample.expires, &claims, NULL), -ESTALE);
	assert_int_equal(token_verify(text, ed25519, NOW - TOKEN_SKEW_MAX_MS, &claims, NULL), 0);
	memset(&claims, 0, sizeof(claims));
	assert_int_equal(token_verify(text, ed25519, NOW - TOKEN_SKEW_MAX_MS - 1, &claims, NULL), -ESTALE);
	assert_string_equal(claims.node, "");
}

static void nothing_wrong_is_issued(void **state)
{
	char *text = NULL;
	struct token_claims claims = sample;
	claims.expires = claims.issued;
	assert_int_equal(token_issue(&claims, p256, &text, NULL), -EINVAL);
	claims.expires = claims.issued + TOKEN_LIFETIME_MAX_MS + 1;
	assert_int_equal(token_issue(&claims, p256, &text, NULL), -EINVAL);
	claims = sample;
	claims.node[0] = '\0';
	assert_int_equal(token_issue(&claims, p256, &text, NULL), -EINVAL);
	claims = sample;
	memset(claims.segment, 'x', sizeof(claims.segment));
	assert_int_equal(token_issue(&claims, p256, &text, NULL), -EINVAL);
	claims = sample;
	memcpy(claims.port, "\xff\xfe", 3);
	assert_int_equal(token_issue(&claims, p256, &text, NULL), -EINVAL);
	claims = sample;
	claims.advisory_generation = UINT64_MAX;
	assert_int_equal(token_issue(&claims, p256, &text, NULL), -EINVAL);
	claims = sample;
	claims.issued = -1;
	claims.expires = 1000;
	assert_int_equal(token_issue(&claims, p256, &text, NULL), -EINVAL);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_issued_verifies),
		cmocka_unit_test(claims_have_their_names),
		cmocka_unit_test(other_algorithms_are_refused),
		cmocka_unit_test(other_headers_are_malformed),
		cmocka_unit_test(any_changed_character_is_noticed),
		cmocka_unit_test(the_form_is_strict),
		cmocka_unit_test(malformed_claims_are_refused),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(time_is_checked),
		cmocka_unit_test(nothing_wrong_is_issued),
	};
	return cmocka_run_group_tests_name("token", tests, make_keys, free_keys);
}
