/* SPDX-License-Identifier: ISC */
#include "base/file.h"
#include "crypto/key.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>

static const enum key_kind kinds[] = { KEY_P256, KEY_ED25519 };

static void signs_and_verifies(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		EVP_PKEY *key CLEANUP(key_free_pointer) = NULL, *other CLEANUP(key_free_pointer) = NULL;
		uint8_t signature[64];
		enum key_kind kind;
		assert_int_equal(key_generate(kinds[i], &key, NULL), 0);
		assert_int_equal(key_generate(kinds[i], &other, NULL), 0);
		assert_int_equal(key_get_kind(key, &kind), 0);
		assert_int_equal(kind, kinds[i]);
		/* r and s are padded to 32 bytes however small they are: some of these begin with a zero
		 * byte. */
		for (int n = 0; n < 300; n++) {
			assert_int_equal(key_sign(key, &n, sizeof(n), signature, NULL), 0);
			assert_int_equal(key_verify(key, &n, sizeof(n), signature, 64), 0);
		}
		assert_int_equal(key_sign(key, "text", 4, signature, NULL), 0);
		assert_int_equal(key_verify(other, "text", 4, signature, 64), -EBADMSG);
		assert_int_equal(key_verify(key, "texd", 4, signature, 64), -EBADMSG);
		assert_int_equal(key_verify(key, "text", 4, signature, 63), -EBADMSG);
		assert_int_equal(key_verify(key, "text", 4, signature, 0), -EBADMSG);
		for (size_t byte = 0; byte < 64; byte += 7) {
			signature[byte] ^= 1;
			assert_int_equal(key_verify(key, "text", 4, signature, 64), -EBADMSG);
			signature[byte] ^= 1;
		}
		memset(signature, 0, sizeof(signature));
		assert_int_equal(key_verify(key, "text", 4, signature, 64), -EBADMSG);
		memset(signature, 0xff, sizeof(signature));
		assert_int_equal(key_verify(key, "text", 4, signature, 64), -EBADMSG);
	}
}

static void other_kinds_of_key_are_nobodys(void **state)
{
	static const char *const groups[] = { "P-384", "secp256k1" };
	for (size_t i = 0; i < ARRAY_LENGTH(groups); i++) {
		EVP_PKEY *key CLEANUP(key_free_pointer) = EVP_PKEY_Q_keygen(NULL, NULL, "EC", groups[i]);
		uint8_t signature[64] = { 1 };
		enum key_kind kind;
		assert_non_null(key);
		assert_int_equal(key_get_kind(key, &kind), -EINVAL);
		assert_int_equal(key_sign(key, "", 0, signature, NULL), -EINVAL);
		assert_int_equal(key_verify(key, "", 0, signature, 64), -EBADMSG);
	}
	EVP_PKEY *x25519 CLEANUP(key_free_pointer) = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	enum key_kind kind;
	assert_int_equal(key_get_kind(x25519, &kind), -EINVAL);
}

static void a_file_keeps_the_key(void **state)
{
	char *dir = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/a.key", dir);
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		EVP_PKEY *key CLEANUP(key_free_pointer) = NULL, *again CLEANUP(key_free_pointer) = NULL;
		uint8_t a[32], b[32];
		struct stat st;
		assert_int_equal(key_generate(kinds[i], &key, NULL), 0);
		assert_int_equal(key_save(key, path, NULL), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(key_load(path, &again, NULL), 0);
		assert_int_equal(key_thumbprint(key, a), 0);
		assert_int_equal(key_thumbprint(again, b), 0);
		assert_memory_equal(a, b, sizeof(a));
	}
	directory_remove(dir);
}

/* SHA-256 of the SubjectPublicKeyInfo as OpenSSL encodes it, whatever way it was come by. */
static void the_thumbprint_is_of_the_public_key(void **state)
{
	for (size_t i = 0; i <= ARRAY_LENGTH(kinds); i++) {
		EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
		uint8_t thumbprint[32], expected[32];
		unsigned char *der = NULL;
		const bool is_last = i == ARRAY_LENGTH(kinds);
		assert_int_equal(key_generate(is_last ? KEY_P256 : kinds[i], &key, NULL), 0);
		if (is_last) /* a form that nobody uses */
			assert_int_equal(EVP_PKEY_set_utf8_string_param(key,
			                         OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
			        1);
		int length = i2d_PUBKEY(key, &der);
		assert_true(length > 0);
		sha256_bytes(der, (size_t)length, expected);
		OPENSSL_free(der);
		assert_int_equal(key_thumbprint(key, thumbprint), 0);
		assert_memory_equal(thumbprint, expected, sizeof(expected));
	}
}

static void a_file_that_others_can_read_is_refused(void **state)
{
	char *dir = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/a.key", dir);
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL, *again CLEANUP(key_free_pointer) = NULL;
	struct error err;
	assert_int_equal(key_generate(KEY_P256, &key, NULL), 0);
	assert_int_equal(key_save(key, path, NULL), 0);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(key_load(path, &again, &err), -EPERM);
	assert_non_null(strstr(err.text, "0640"));
	assert_int_equal(file_replace(path, "nonsense", 8, 0600, NULL), 0);
	assert_int_equal(key_load(path, &again, &err), -EINVAL);
	assert_int_equal(key_load(dir, &again, &err), -EPERM);
	assert_null(again);
	directory_remove(dir);
}

/* An encrypted key is refused with words; nothing asks on the terminal. */
static void an_encrypted_key_is_refused(void **state)
{
	char *dir = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/a.key", dir);
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL, *again CLEANUP(key_free_pointer) = NULL;
	assert_int_equal(key_generate(KEY_ED25519, &key, NULL), 0);
	BIO *bio = BIO_new_file(path, "w");
	assert_int_equal(
	        PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "pass", 4, NULL, NULL), 1);
	BIO_free(bio);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(key_load(path, &again, NULL), -ENOKEY);
	directory_remove(dir);
}

static void der_is_read_whole(void **state)
{
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL, *again CLEANUP(key_free_pointer) = NULL;
	assert_int_equal(key_generate(KEY_P256, &key, NULL), 0);
	unsigned char *der = NULL;
	int length = i2d_PUBKEY(key, &der);
	assert_true(length > 0);
	uint8_t longer[256] = { 0 };
	memcpy(longer, der, (size_t)length);
	assert_int_equal(key_from_der(longer, (size_t)length + 1, &again, NULL), -EINVAL);
	assert_int_equal(key_from_der(longer, (size_t)length - 1, &again, NULL), -EINVAL);
	assert_int_equal(key_from_der(longer, 0, &again, NULL), -EINVAL);
	assert_int_equal(key_from_der(longer, (size_t)length, &again, NULL), 0);
	assert_int_equal(EVP_PKEY_eq(key, again), 1);
	OPENSSL_free(der);
}

static void kinds_have_names(void **state)
{
	enum key_kind kind;
	assert_int_equal(key_kind_parse("ed25519", &kind), 0);
	assert_string_equal(key_kind_name(kind), "ed25519");
	assert_int_equal(key_kind_parse("p256", &kind), 0);
	assert_int_equal(kind, KEY_P256);
	assert_int_equal(key_kind_parse("rsa", &kind), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_and_verifies),
		cmocka_unit_test(other_kinds_of_key_are_nobodys),
		cmocka_unit_test(a_file_keeps_the_key),
		cmocka_unit_test(the_thumbprint_is_of_the_public_key),
		cmocka_unit_test(a_file_that_others_can_read_is_refused),
		cmocka_unit_test(an_encrypted_key_is_refused),
		cmocka_unit_test(der_is_read_whole),
		cmocka_unit_test(kinds_have_names),
	};
	return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
