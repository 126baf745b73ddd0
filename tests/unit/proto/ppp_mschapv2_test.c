/* SPDX-License-Identifier: ISC */
/* The arithmetic against the vectors of RFC 1320 (A.5), RFC 2759 (9.2) and an independent MD5. */
#include "proto/ppp/md4.h"
#include "proto/ppp/mschapv2.h"
#include "proto/ppp/ppp.h"
#include "tests/unit/test.h"

#include <string.h>

static void md4_vectors(void **state)
{
	static const struct {
		const char *text, *digest;
	} vectors[] = {
		{ "", "\x31\xd6\xcf\xe0\xd1\x6a\xe9\x31\xb7\x3c\x59\xd7\xe0\xc0\x89\xc0" },
		{ "a", "\xbd\xe5\x2c\xb3\x1d\xe3\x3e\x46\x24\x5e\x05\xfb\xdb\xd6\xfb\x24" },
		{ "abc", "\xa4\x48\x01\x7a\xaf\x21\xd8\x52\x5f\xc1\x0a\xe8\x7a\xa6\x72\x9d" },
		{ "message digest", "\xd9\x13\x0a\x81\x64\x54\x9f\xe8\x18\x87\x48\x06\xe1\xc7\x01\x4b" },
		{ "abcdefghijklmnopqrstuvwxyz",
		        "\xd7\x9e\x1c\x30\x8a\xa5\xbb\xcd\xee\xa8\xed\x63\xdf\x41\x2d\xa9" },
		{ "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
		        "\x04\x3f\x85\x82\xf2\x41\xdb\x35\x1c\xe6\x27\xe1\x53\xe7\xf0\xe4" },
		{ "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
		        "\xe3\x3b\x4d\xdc\x9c\x38\xf2\x19\x9c\x3e\x7b\x16\x4f\xcc\x05\x36" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++) {
		uint8_t digest[16];
		md4((const uint8_t *)vectors[i].text, strlen(vectors[i].text), digest);
		assert_memory_equal(digest, vectors[i].digest, 16);
	}
}

/* RFC 2759, 9.2: user "User", password "clientPass". */
static const uint8_t authenticator[] = "\x5b\x5d\x7c\x7d\x7b\x3f\x2f\x3e\x3c\x2c\x60\x21\x32\x26\x26\x28";
static const uint8_t peer[] = "\x21\x40\x23\x24\x25\x5e\x26\x2a\x28\x29\x5f\x2b\x3a\x33\x7c\x7e";
static const uint8_t password_hash[] = "\x44\xeb\xba\x8d\x53\x12\xb8\xd6\x11\x47\x44\x11\xf5\x69\x89\xae";
static const uint8_t nt_response[] =
        "\x82\x30\x9e\xcd\x8d\x70\x8b\x5e\xa0\x8f\xaa\x39\x81\xcd\x83\x54\x42\x33\x11\x4a\x3d\x85\xd6\xdf";
static const char success[] = "S=407A5589115FD0D6209F510FE9C04566932CDA56";

static void rfc2759_vectors(void **state)
{
	uint8_t hash[16], response[49], proof[20];
	char message[PPP_MSCHAP_MESSAGE_SIZE];
	assert_true(ppp_nt_password_hash("clientPass", hash));
	assert_memory_equal(hash, password_hash, 16);
	assert_true(ppp_mschapv2_respond("User", "clientPass", authenticator, peer, response, proof));
	assert_memory_equal(response, peer, 16);
	assert_memory_equal(response + 16, "\0\0\0\0\0\0\0\0", 8);
	assert_memory_equal(response + 24, nt_response, 24);
	assert_int_equal(response[48], 0);
	ppp_mschapv2_message(proof, message);
	assert_string_equal(message, success);
	assert_true(ppp_mschapv2_check(proof, success, 42));
	assert_true(ppp_mschapv2_check(proof, "S=407A5589115FD0D6209F510FE9C04566932CDA56 M=Hi", 47));
	assert_false(ppp_mschapv2_check(proof, success, 41));
	assert_false(ppp_mschapv2_check(proof, "S=407A5589115FD0D6209F510FE9C04566932CDA57", 42));
	assert_false(ppp_mschapv2_check(proof, "S=407A5589115FD0D6209F510FE9C04566932CDA56x", 43));
	assert_true(ppp_mschapv2_respond("DOMAIN\\User", "clientPass", authenticator, peer, response, proof));
	assert_memory_equal(response + 24, nt_response, 24);
}

static void passwords_are_utf16(void **state)
{
	/* MD4 of UTF-16LE, by another implementation. */
	static const struct {
		const char *password, *hash;
	} vectors[] = {
		{ "p\xc3\xa4ss", "\x41\x1b\x68\x98\x4d\x6b\x19\xbb\xb3\x02\x45\x57\x98\x32\x0a\x06" },
		{ "\xe2\x82\xac", "\x03\x09\x26\xb7\x81\x93\x8d\xb4\x36\x5d\x46\xad\xc7\xcf\xbc\xb8" },
		{ "\xf0\x9f\x9a\xa2", "\x01\xc3\x1e\xe4\x8f\x1c\x74\x68\xdb\xb0\xc9\x17\x0d\x26\x82\x56" },
	};
	static const char *const broken[] = { "\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xe2\x82" };
	uint8_t hash[16];
	for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++) {
		assert_true(ppp_nt_password_hash(vectors[i].password, hash));
		assert_memory_equal(hash, vectors[i].hash, 16);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(broken); i++)
		assert_false(ppp_nt_password_hash(broken[i], hash));
	char longest[PPP_SECRET_MAX + 2];
	memset(longest, 'x', sizeof(longest));
	longest[PPP_SECRET_MAX] = '\0';
	assert_true(ppp_nt_password_hash(longest, hash));
	longest[PPP_SECRET_MAX] = 'x';
	longest[PPP_SECRET_MAX + 1] = '\0';
	assert_false(ppp_nt_password_hash(longest, hash));
}

static void chap_md5(void **state)
{
	static const uint8_t challenge[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	uint8_t response[16];
	assert_true(ppp_chap_md5(7, "sesame", challenge, sizeof(challenge), response));
	assert_memory_equal(response, "\xa3\xce\xc9\xd1\x81\x38\x5e\x51\xd9\xdb\xeb\x50\xa4\x12\x6d\x49", 16);
}

static void local_users_are_verified(void **state)
{
	char message[PPP_MESSAGE_MAX];
	uint8_t response[49], proof[20];
	assert_true(ppp_mschapv2_respond("User", "clientPass", authenticator, peer, response, proof));
	struct ppp_auth_request request = { .method = PPP_MSCHAPV2,
		.user = "User",
		.challenge = authenticator,
		.challenge_length = 16,
		.response = response,
		.response_length = 49 };
	assert_true(ppp_verify_password(&request, "clientPass", message));
	assert_string_equal(message, success);
	assert_false(ppp_verify_password(&request, "clientPas", message));
	assert_string_equal(message, "");
	request.response_length = 48;
	assert_false(ppp_verify_password(&request, "clientPass", message));
	request = (struct ppp_auth_request){ .method = PPP_PAP,
		.user = "User",
		.password = (const uint8_t *)"clientPass",
		.password_length = 10 };
	assert_true(ppp_verify_password(&request, "clientPass", message));
	assert_false(ppp_verify_password(&request, "clientpass", message));
	assert_false(ppp_verify_password(&request, "client", message));
	request.method = PPP_EAP;
	assert_false(ppp_verify_password(&request, "clientPass", message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(md4_vectors),
		cmocka_unit_test(rfc2759_vectors),
		cmocka_unit_test(passwords_are_utf16),
		cmocka_unit_test(chap_md5),
		cmocka_unit_test(local_users_are_verified),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
